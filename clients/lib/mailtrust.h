/* SPDX-License-Identifier: MIT */
#ifndef MAILTRUST_H
#define MAILTRUST_H

/*
 * libmailtrust: asks the machine's mailtrust service whether a mail program may go on over a
 * connection it has made.
 *
 * The program connects to the mail server, describes the connection in a struct
 * mailtrust_evidence, and asks before it sends a credential, reads mail or hands in a message. The
 * answer is a verdict: a decision, a flag whether the connection may be shown as confidential, and
 * reasons. The library has then already verified the verdict's signature, and that it was given for
 * this user, account, operation, server and connection.
 *
 * There is no parameter anywhere that makes an answer weaker. Whatever goes wrong, the answer is
 * MAILTRUST_DENY: service missing, silent for five seconds or talking nonsense gives the reason
 * "daemon.unavailable"; a verdict that does not verify gives "verdict.…". Zero is deny, and every
 * function takes NULL for a verdict and reads it as deny.
 *
 * When to ask: "test" or "authenticate" before the first credential byte, "access" or "submit"
 * before mail is read or sent, and again when mailtrust_account_level() changes. When to show the
 * level (no connection needed, one question to the service): asking for credentials, composing,
 * listing accounts, and viewing or editing settings (RFC 8314 §5).
 *
 * Calls block for at most five seconds; a handle belongs to one thread at a time. Strings are UTF-8
 * and belong to the object they came from. Link with -lmailtrust; needs only libc's headers.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MAILTRUST_EXPORTER_LABEL "EXPORTER-mailtrust-verdict" /* no context, 32 bytes */
#define MAILTRUST_EXPORTER_SIZE 32

enum mailtrust_decision {
	MAILTRUST_DENY = 0, /* do not go on; close the connection */
	MAILTRUST_CONFIRM,  /* do not go on; the user has to consent through the service first */
	MAILTRUST_AWC,      /* go on, never shown as confidential */
	MAILTRUST_ALLOW     /* go on */
};

/* What a user may be told of an account, in these words (RFC 8314 §5). */
enum mailtrust_level {
	MAILTRUST_BLOCKED = 0, /* no connection of this account will be allowed */
	MAILTRUST_REDUCED,     /* the account works without assurance of privacy */
	MAILTRUST_PROTECTED    /* every connection is confidential, or refused */
};

struct mailtrust;
struct mailtrust_evidence;
struct mailtrust_verdict;

/* The service */

/*
 * Prepares to ask. where is the path of a socket, or NULL: $MAILTRUST_SOCKET, then the system's
 * service, then the user's own. Connects on the first question and again after a loss, so a missing
 * service is no failure here.
 * Return: 0, or -ENOMEM.
 */
int mailtrust_open(const char *where, struct mailtrust **ret);
/* Accepts NULL. */
void mailtrust_close(struct mailtrust *mailtrust);

/*
 * May this operation go on over this connection? account is an address or an account id, operation
 * one of "capability", "starttls", "test", "authenticate", "access", "submit".
 * *ret_verdict, to be freed, is NULL only where memory ran out; it may be NULL where only the
 * decision matters.
 */
enum mailtrust_decision mailtrust_check(struct mailtrust *mailtrust, const char *account,
					const char *operation,
					const struct mailtrust_evidence *evidence,
					struct mailtrust_verdict **ret_verdict);

/* The level of an account, from stored state, in one round trip. An account that is unknown, and a
 * service that does not answer, are MAILTRUST_BLOCKED. */
enum mailtrust_level mailtrust_account_level(struct mailtrust *mailtrust, const char *account);
const char *mailtrust_level_to_string(enum mailtrust_level level); /* "protected" … */

/* Evidence: what was seen on one connection */

/*
 * Keys are those of the service's contract: "proto", "host", "port", "transport", "tls.version",
 * "tls.cipher", "tls.resumed", "exporter", "peer", "local_port", "established_at" … Those the
 * operation requires and that are missing make the answer deny, "evidence.incomplete".
 * "observed_at" is the moment of the question and set by it.
 */
struct mailtrust_evidence *mailtrust_evidence_new(void); /* NULL: out of memory */
void mailtrust_evidence_free(struct mailtrust_evidence *evidence);

/* Each returns 0, -EINVAL where there is no such key of such a type or the value is out of range,
 * or -ENOMEM. A key set again has the last value. */
int mailtrust_evidence_set_flag(struct mailtrust_evidence *evidence, const char *key, bool value);
/* Counts, ports, and times in microseconds since 1970, UTC. */
int mailtrust_evidence_set_number(struct mailtrust_evidence *evidence, const char *key,
				  int64_t value);
int mailtrust_evidence_set_text(struct mailtrust_evidence *evidence, const char *key,
				const char *value);
/* "exporter", "leaf_sha256", "clientcert.presented", "auth.cb_value", "staple". Copied. */
int mailtrust_evidence_set_bytes(struct mailtrust_evidence *evidence, const char *key,
				 const void *data, size_t size);
/* The chain as the server sent it, DER, leaf first: one call for each certificate. Copied. */
int mailtrust_evidence_add_certificate(struct mailtrust_evidence *evidence, const void *der,
				       size_t size);

/* Verdicts */

void mailtrust_verdict_free(struct mailtrust_verdict *verdict);
enum mailtrust_decision mailtrust_verdict_decision(const struct mailtrust_verdict *verdict);
const char *mailtrust_decision_to_string(enum mailtrust_decision decision); /* "allow" … */
/* The connection may be shown as confidential. Never true unless the decision is ALLOW. */
bool mailtrust_verdict_is_confidential(const struct mailtrust_verdict *verdict);
/* The reason codes in order, NULL after the last. There is always one. */
const char *mailtrust_verdict_reason(const struct mailtrust_verdict *verdict, size_t index);
/* One English sentence for the user, for the same index. */
const char *mailtrust_verdict_sentence(const struct mailtrust_verdict *verdict, size_t index);
/* The signed verdict, or NULL where the service gave none. */
const char *mailtrust_verdict_token(const struct mailtrust_verdict *verdict);

/* Verification without the service, e.g. by whoever is handed a token */

/* The connection a token must have been given for. Everything is compared; nothing may be absent
 * but host and port. */
struct mailtrust_connection {
	uint32_t uid;
	const char *account; /* account id */
	const char *operation;
	const char *host;        /* NULL: any */
	uint16_t port;           /* 0: any */
	const uint8_t *exporter; /* MAILTRUST_EXPORTER_SIZE bytes */
	const char *peer;        /* the server's address as inet_ntop() prints it */
	uint16_t peer_port;
	uint16_t local_port;
};

/* Verifies token with the keys of a JSON Web Key Set. As mailtrust_check() otherwise. */
enum mailtrust_decision mailtrust_verify(const char *token, const char *jwks,
					 const struct mailtrust_connection *connection,
					 struct mailtrust_verdict **ret_verdict);

#ifdef __cplusplus
}
#endif

#endif
