/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_VERDICT_H
#define MT_POLICY_VERDICT_H

/*
 * The verdict: decision, confidential flag, ordered reasons. Deny is the zero value.
 * Plain data; decide.c computes it, ipc/token.c signs it. It is no bearer right: what it is bound
 * to stands in the token's claims.
 */

#include "policy/consent.h"
#include "policy/minimum.h"
#include "policy/reason.h"

enum mt_decision { MT_DECISION_DENY = 0, MT_DECISION_CONFIRM, MT_DECISION_AWC, MT_DECISION_ALLOW };
#define MT_DECISION_COUNT 4

struct mt_verdict {
	enum mt_decision decision;
	bool conf; /* may be shown as "this connection is confidential"; true only with ALLOW */
	enum mt_reason reasons[MT_REASONS_MAX]; /* row order: faults first, the outcome code last */
	size_t n_reasons;
	enum mt_layer layer;   /* that decided (mt_src) */
	uint32_t consumed;     /* MT_BIT(enum mt_consent_kind) of consents used up */
	bool resumable;        /* nothing stood against this connection: a session may be resumed */
	enum mt_level level;   /* reached on this connection, for the remembered best level */
	bool client_cert_fits; /* phase handshake, AWC or ALLOW: a server may be shown one */
	bool dane_absent;      /* no secure TLSA data: Check's detail says so, reasons need not */
	bool log_not_owner;    /* administrator's log: account.not-owner */
	bool log_pin_other_account; /* administrator's log: pin.other-account */
};

const char *mt_decision_to_string(enum mt_decision decision); /* "deny" "confirm" "awc" "allow" */
MT_MUST_CHECK int mt_decision_from_string(const char *string, enum mt_decision *ret);

bool mt_verdict_has(const struct mt_verdict *verdict, enum mt_reason reason);
/* Adds a reason once; a repeat is ignored. */
void mt_verdict_add(struct mt_verdict *verdict, enum mt_reason reason);

#endif
