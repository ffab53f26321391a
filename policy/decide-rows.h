/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_DECIDE_ROWS_H
#define MT_POLICY_DECIDE_ROWS_H

/*
 * The rows of decide.c, one function each, and the state they share. Private to policy/decide*.c.
 *
 * A row looks at the input and at what earlier rows found, adds its reasons, and either goes on or
 * stops with a decision. Rows never look ahead.
 */

#include "policy/decide.h"

enum step { STOP = 0, GO_ON };

/* How the server proved itself: bits, of which PKIX and DANE are the values of field proof. */
#define AUTH_PKIX MT_PROOF_PKIX
#define AUTH_DANE MT_PROOF_DANE

struct decision {
	const struct mt_decide_input *in;
	struct mt_verdict *v;
	/* The policy after expiry (row 5). Sets and times are read from in->policy. */
	uint8_t value[MT_FIELD_SCALAR_COUNT];
	uint8_t layer[MT_FIELD_COUNT];
	enum mt_account_state state;
	bool expired;           /* permissions dropped: pins and consents do not count */
	bool informative;       /* row 18 answered; the rest is collected for display */
	bool transport_fault;   /* T of REQUIREMENTS 4.3 is not empty */
	unsigned authenticated; /* A: AUTH_PKIX | AUTH_DANE */
	bool authenticated_ok;  /* A satisfies proof (row 34) */
	bool pinned;            /* A := pin (row 35) */
	bool confidential;      /* C (row 36) */
	bool unpinnable_fault;  /* some fault no pin could answer (row 43) */
	uint32_t failing;       /* MT_BIT(enum mt_field) of the fields that were not met */
	enum mt_field deciding; /* whose row stopped; min_conf for the rest */
};

typedef enum step (*row_fn)(struct decision *d);

struct row {
	uint8_t number;
	row_fn judge;
	const char *clause;
};

void decision_init(struct decision *d, const struct mt_decide_input *in, struct mt_verdict *v);
/* Fills what the verdict says about itself: layer, level, resumable. */
void decision_finish(struct decision *d);

/* decide-admission.c */
enum step row_ready(struct decision *d);
enum step row_account(struct decision *d);
enum step row_evidence(struct decision *d);
enum step row_satisfiable(struct decision *d);
enum step row_expiry(struct decision *d);
enum step row_suspended(struct decision *d);
enum step row_operation(struct decision *d);
enum step row_clock(struct decision *d);
enum step row_provenance(struct decision *d);
enum step row_srv_bogus(struct decision *d);
enum step row_srv_domain(struct decision *d);
enum step row_srv_trust(struct decision *d);
enum step row_source(struct decision *d);
enum step row_endpoint(struct decision *d);
enum step row_referral(struct decision *d);
enum step row_implicit_port(struct decision *d);

/* decide-transport.c */
enum step row_integrity(struct decision *d);
enum step row_capability(struct decision *d);
enum step row_capabilities(struct decision *d);
enum step row_pretls_data(struct decision *d);
enum step row_dane_needs_tls(struct decision *d);
enum step row_cleartext(struct decision *d);
enum step row_version(struct decision *d);
enum step row_cipher(struct decision *d);
enum step row_legacy(struct decision *d);
enum step row_resumed(struct decision *d);
enum step row_starttls(struct decision *d);

/* decide-server.c */
enum step row_tlsa_state(struct decision *d);
enum step row_dane(struct decision *d);
enum step row_malformed(struct decision *d);
enum step row_pkix(struct decision *d);
enum step row_proof(struct decision *d);
enum step row_pin(struct decision *d);
enum step row_confidentiality(struct decision *d);

/* decide-outcome.c */
enum step row_authentication(struct decision *d);
enum step row_client_cert(struct decision *d);
enum step row_setup_only_tests(struct decision *d);
enum step row_met(struct decision *d);
enum step row_minimum_active(struct decision *d);
enum step row_minimum_setup(struct decision *d);
enum step row_pin_offer(struct decision *d);
enum step row_test_consented(struct decision *d);
enum step row_test_unconsented(struct decision *d);
enum step row_warning(struct decision *d);
enum step row_downgrade(struct decision *d);
enum step row_reduced(struct decision *d);

static inline enum step
note(struct decision *d, enum mt_reason reason)
{
	mt_verdict_add(d->v, reason);
	return GO_ON;
}

static inline enum step
stop(struct decision *d, enum mt_decision decision, enum mt_reason reason)
{
	mt_verdict_add(d->v, reason);
	d->v->decision = decision;
	return STOP;
}

static inline enum step
deny(struct decision *d, enum mt_reason reason)
{
	return stop(d, MT_DECISION_DENY, reason);
}

/* A field alone decided: its layer is the verdict's, whatever else was not met. */
static inline enum step
deny_by(struct decision *d, enum mt_field field, enum mt_reason reason)
{
	d->deciding = field;
	return deny(d, reason);
}

/* A field was not met: where min_conf demands it, the strongest layer of the two is the verdict's.
 */
static inline void
blame(struct decision *d, enum mt_field field)
{
	d->failing |= 1u << field;
}

/* A transport fault: T += reason. */
static inline enum step
fault(struct decision *d, enum mt_reason reason)
{
	d->transport_fault = true;
	d->unpinnable_fault = true;
	return note(d, reason);
}

static inline bool
has(const struct decision *d, enum mt_ev key)
{
	return mt_evidence_has(d->in->evidence, key);
}

static inline bool
with_tls(const struct decision *d)
{
	return d->in->evidence->transport != MT_TRANSPORT_NONE;
}

static inline bool
is_capability(const struct decision *d)
{
	return d->in->op == MT_OP_CAPABILITY || d->in->op == MT_OP_STARTTLS;
}

/* A consent that counts: expiry drops them all but the confirmation of a target (4.7). */
static inline bool
consented(const struct decision *d, enum mt_consent_kind kind)
{
	return !d->expired && (d->in->account->consents & MT_BIT(kind));
}

static inline size_t
n_pins(const struct decision *d)
{
	return d->expired ? 0 : d->in->account->n_pins;
}

#endif
