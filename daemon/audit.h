/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_AUDIT_H
#define MT_DAEMON_AUDIT_H

/*
 * One structured line per decision, consent and change of policy (D-SYS-05), and the last of them
 * kept in memory for the administrator (Admin.ReadLog).
 *
 * Writes what others decided; decides nothing. No address ever gets here with its local part, no
 * credential and no server bytes at all (D-SYS-03). On the verdict path it costs one formatting and
 * one write(2).
 */

#include "daemon/account.h"

#define MT_AUDIT_LINES 256 /* kept for ReadLog: a few minutes of a busy machine, 128 KiB */
#define MT_AUDIT_LINE_MAX 512

struct mt_audit;
MT_MUST_CHECK int mt_audit_new(struct mt_audit **ret);
struct mt_audit *mt_audit_free(struct mt_audit *audit);
MT_DEFINE_CLEANUP(struct mt_audit *, mt_audit_free);

struct mt_audit_decision {
	const char *jti; /* NULL: no token was made */
	uint32_t uid;
	const struct mt_account_id *account; /* NULL: unknown */
	uint64_t epoch;
	enum mt_op op;
	enum mt_provenance provenance;
	const struct mt_evidence *evidence;
	const struct mt_verdict *verdict;
	const struct mt_refid *identity; /* matched; NULL or type NONE: none */
};

void mt_audit_decision(struct mt_audit *audit, const struct mt_audit_decision *decision);
/* What a chain was held against (D-ID-10): the reference identifiers, which are no function of the
 * chain, and the SHA-256 of that text, taken before: of a probe before it connects, else before the
 * chain is handed to whoever reads it. */
struct mt_audit_validation {
	uint32_t uid;
	const struct mt_account_id *account;
	const struct mt_evidence *evidence;
	const struct mt_refids *refs;
	const uint8_t *refs_sha256; /* 32 bytes */
	const struct mt_validation *validation;
};
void mt_audit_validation(struct mt_audit *audit, const struct mt_audit_validation *validation);
/* The daemon is about to connect, to look at the endpoint. */
void mt_audit_probe(struct mt_audit *audit, const struct mt_account *account,
		    const struct mt_endpoint *endpoint, const uint8_t refs_sha256[static 32]);
void mt_audit_consent(struct mt_audit *audit, const struct mt_account *account,
		      const struct mt_consent *consent);
/* what: bits of accounts.h. */
void mt_audit_account(struct mt_audit *audit, const struct mt_account *account, unsigned int what,
		      enum mt_account_state before);
void mt_audit_removed(struct mt_audit *audit, const struct mt_account *account);
/* An organisation's policy came, went or was refused; code names the reason, NULL: none. */
void mt_audit_policy(struct mt_audit *audit, const char *bundle, uint64_t serial, uint64_t epoch,
		     const char *code);

/* The lines kept with a number above after, oldest first. Return: the number of the newest. */
typedef void (*mt_audit_fn)(void *userdata, uint64_t number, const char *line, size_t size);
uint64_t mt_audit_read(const struct mt_audit *audit, uint64_t after, mt_audit_fn fn,
		       void *userdata);

#endif
