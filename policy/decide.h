/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_DECIDE_H
#define MT_POLICY_DECIDE_H

/*
 * The decision: may this operation go on over this connection? Rows 1-49 of REQUIREMENTS Part 4 in
 * their order; reading decide.c is reading the security policy (RFC 8314 §5).
 *
 * Pure: same inputs, same bytes. No I/O, no clock (now is an input), no allocation. It believes
 * the evidence (provenance says whose word it is) and the validation (the worker's word); it checks
 * neither signatures nor names itself. Consents and pins arrive already selected for this account
 * and endpoint, so no other account's data can reach it (I-7).
 */

#include "policy/evidence.h"
#include "policy/identity.h"
#include "policy/minimum.h"
#include "policy/validation.h"
#include "policy/verdict.h"

enum mt_account_state { MT_ACCOUNT_SUSPENDED = 0, MT_ACCOUNT_SETUP, MT_ACCOUNT_ACTIVE };
#define MT_ACCOUNT_STATE_COUNT 3
const char *mt_account_state_to_string(enum mt_account_state state);
MT_MUST_CHECK int mt_account_state_from_string(const char *string, enum mt_account_state *ret);

/* Is the endpoint of the evidence (proto, host, port) one of the account's? */
enum mt_endpoint_status { MT_ENDPOINT_FRESH = 0, MT_ENDPOINT_CANDIDATE, MT_ENDPOINT_SAVED };

/* What the daemon knows of the account, for this endpoint. */
struct mt_account_facts {
	bool known;     /* exists and belongs to the caller */
	bool not_owner; /* exists, belongs to another: log only */
	enum mt_account_state state;
	enum mt_endpoint_status endpoint;
	enum mt_transport
		configured; /* transport of that endpoint: row 16 on a port of one's own */
	struct mt_reference reference; /* how the host was found */
	bool reference_is_fresh;   /* srv_mode live: the RRset was looked up for this connection */
	bool source_approved;      /* settings from a tamperable source were approved (row 13) */
	const uint8_t (*pins)[32]; /* leaves pinned for this account and host; borrowed */
	size_t n_pins;
	bool pin_elsewhere;  /* another account pins this leaf: log only (R-5.4-07) */
	uint32_t consents;   /* MT_BIT(enum mt_consent_kind) that apply now, to this endpoint */
	enum mt_level best;  /* remembered for this service */
	bool resumable;      /* this account, host and leaf got allow in this policy epoch */
	bool referral_known; /* evidence.referral_target is an endpoint of the account */
};

struct mt_decide_input {
	enum mt_op op;
	enum mt_phase phase;
	const struct mt_evidence *evidence;
	enum mt_provenance provenance;
	const struct mt_account_facts *account;
	const struct mt_effective *policy; /* before expiry: decide applies 4.7 itself */
	bool org_expired;                  /* an organisation bundle that applies has expired */
	const struct mt_validation *validation;
	const struct mt_tlsa *tlsa;
	int64_t now_usec;
	bool clock_sane;      /* D-PKIX-08 */
	bool ready;           /* store, key and validator usable (row 1) */
	bool evidence_filled; /* --evaluate: skip requiredness and age (DESIGN §10) */
};

/* Computes the verdict. Never fails: what cannot be decided is denied with daemon.degraded. */
void mt_decide(const struct mt_decide_input *in, struct mt_verdict *ret);

/* account_level of 0.4, from stored state alone (R-5-08). */
enum mt_account_level { MT_ACCOUNT_BLOCKED = 0, MT_ACCOUNT_REDUCED, MT_ACCOUNT_PROTECTED };
#define MT_ACCOUNT_LEVEL_COUNT 3
enum mt_account_level mt_account_level(const struct mt_effective *policy,
				       enum mt_account_state state, bool relies_on_pin,
				       int64_t now_usec);
const char *mt_account_level_to_string(enum mt_account_level level);

#endif
