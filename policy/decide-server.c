/* SPDX-License-Identifier: MIT */
/* Rows 29-36: did the server prove who it is, and is the connection confidential? */

#include <string.h>

#include "policy/decide-rows.h"
#include "policy/sets.h"

static const enum mt_reason cert_faults[MT_CERT_FAULT_COUNT] = {
	[MT_CERT_CHAIN_UNTRUSTED] = MT_REASON_CERT_CHAIN_UNTRUSTED,
	[MT_CERT_EXPIRED] = MT_REASON_CERT_EXPIRED,
	[MT_CERT_NOT_YET_VALID] = MT_REASON_CERT_NOT_YET_VALID,
	[MT_CERT_IDENTITY_MISMATCH] = MT_REASON_CERT_IDENTITY_MISMATCH,
	[MT_CERT_CN_ONLY] = MT_REASON_CERT_CN_ONLY,
	[MT_CERT_CONSTRAINT_VIOLATION] = MT_REASON_CERT_CONSTRAINT_VIOLATION,
	[MT_CERT_WEAK_CRYPTO] = MT_REASON_CERT_WEAK_CRYPTO,
};

/* R-5.4-02: the three causes a pin may answer. The CN note is beside one of them. */
#define PINNABLE                                                     \
	(MT_BIT(MT_CERT_CHAIN_UNTRUSTED) | MT_BIT(MT_CERT_EXPIRED) | \
	 MT_BIT(MT_CERT_IDENTITY_MISMATCH) | MT_BIT(MT_CERT_CN_ONLY))

static bool
dane_accepts_any_path(const struct decision *d)
{
	return (d->authenticated & AUTH_DANE) && d->in->validation->dane_usage == 3;
}

enum step
row_tlsa_state(struct decision *d)
{
	if (d->in->tlsa->status == MT_TLSA_BOGUS)
		return deny(d, MT_REASON_DANE_BOGUS);
	if (d->in->tlsa->status == MT_TLSA_UNDETERMINED)
		return deny(d, MT_REASON_DANE_UNDETERMINED);
	return GO_ON;
}

enum step
row_dane(struct decision *d)
{
	const struct mt_validation *val = d->in->validation;
	const struct mt_tlsa *tlsa = d->in->tlsa;
	/* Without a judged chain nothing matched, but a usable record still demands it (D-DANE-09).
	 */
	size_t usable =
		val->state == MT_VALIDATION_DONE ? val->dane_usable : mt_tlsa_count_usable(tlsa);

	if (tlsa->status != MT_TLSA_SECURE || tlsa->n == 0) {
		d->v->dane_absent = true;
		if (d->value[MT_FIELD_PROOF] & AUTH_DANE)
			note(d, MT_REASON_DANE_ABSENT);
		return GO_ON;
	}
	if (usable == 0)
		return note(d, MT_REASON_DANE_UNUSABLE);
	if (val->state == MT_VALIDATION_DONE && val->dane_matched) {
		d->authenticated |= AUTH_DANE;
		return note(d, MT_REASON_DANE_MATCHED);
	}
	if (d->value[MT_FIELD_DANE_VETO] == MT_ON)
		return deny_by(d, MT_FIELD_DANE_VETO, MT_REASON_DANE_MISMATCH);
	/* R-5.4-02: a pin is no answer to signed data that speaks against the server. */
	d->unpinnable_fault = true;
	return note(d, MT_REASON_DANE_MISMATCH);
}

enum step
row_malformed(struct decision *d)
{
	const struct mt_validation *val = d->in->validation;

	if (!with_tls(d))
		return GO_ON;
	if (val->state == MT_VALIDATION_MALFORMED || d->in->evidence->chain_oversized)
		return deny(d, MT_REASON_CERT_MALFORMED);
	/* D-DANE-11: revocation does not apply to what usage 3 accepted. */
	if (val->state == MT_VALIDATION_DONE && val->revocation == MT_REVOCATION_REVOKED &&
	    d->value[MT_FIELD_REVOCATION] >= MT_REVOCATION_STAPLE && !dane_accepts_any_path(d))
		return deny_by(d, MT_FIELD_REVOCATION, MT_REASON_CERT_REVOKED);
	return GO_ON;
}

/* Up to TLS 1.2 the staple follows the Certificate message (RFC 6066 §8): phase final will tell. */
static bool
may_still_be_stapled(const struct decision *d)
{
	return d->in->phase == MT_PHASE_HANDSHAKE &&
	       d->in->evidence->tls_version < MT_TLS_VERSION_1_3;
}

/* Row 33, the staple of a must-staple leaf (RFC 7633 §4.2.3.1). */
static bool
lacks_staple(const struct decision *d)
{
	const struct mt_validation *val = d->in->validation;

	return !may_still_be_stapled(d) && val->must_staple && !val->staple_valid &&
	       d->value[MT_FIELD_REVOCATION] >= MT_REVOCATION_STAPLE;
}

/* Row 33: soft and hard want an answer; hard does not go on without one. */
static bool
lacks_revocation_answer(const struct decision *d)
{
	return !may_still_be_stapled(d) && d->in->validation->revocation != MT_REVOCATION_GOOD &&
	       d->value[MT_FIELD_REVOCATION] >= MT_REVOCATION_SOFT;
}

static void
note_cert_faults(struct decision *d)
{
	const struct mt_validation *val = d->in->validation;
	uint32_t faults = val->faults;

	/* A worker that says "not valid" and names no fault is not believed to have found a path.
	 */
	if (!(faults & ~(uint32_t)MT_BIT(MT_CERT_CN_ONLY)))
		faults |= MT_BIT(MT_CERT_CHAIN_UNTRUSTED);
	for (unsigned i = 0; i < MT_CERT_FAULT_COUNT; i++)
		if (faults & MT_BIT(i))
			note(d, cert_faults[i]);
	if (faults & ~(uint32_t)PINNABLE)
		d->unpinnable_fault = true;
}

/* Rows 32 and 33: they are one, since a missing staple may be a fault of the path. */
enum step
row_pkix(struct decision *d)
{
	const struct mt_validation *val = d->in->validation;
	bool must_fail, hard;

	if (!with_tls(d))
		return GO_ON;
	if (val->state != MT_VALIDATION_DONE) {
		d->unpinnable_fault = true;
		return note(d, MT_REASON_CERT_ABSENT);
	}
	must_fail = lacks_staple(d);
	hard = lacks_revocation_answer(d) && d->value[MT_FIELD_REVOCATION] == MT_REVOCATION_HARD;
	if (val->pkix_valid && !must_fail && !hard) {
		d->authenticated |= AUTH_PKIX;
		note(d, MT_REASON_CERT_PKIX_VALID);
	} else if (!val->pkix_valid) {
		note_cert_faults(d);
	}
	if (lacks_revocation_answer(d))
		note(d, MT_REASON_CERT_REVOCATION_UNKNOWN);
	if (must_fail && !dane_accepts_any_path(d) && !d->in->evidence->staple_requested)
		return deny_by(d, MT_FIELD_REVOCATION, MT_REASON_EVIDENCE_INCOMPLETE);
	if (must_fail)
		note(d, MT_REASON_CERT_STAPLE_MISSING);
	if (must_fail || hard) {
		d->unpinnable_fault = true;
		blame(d, MT_FIELD_REVOCATION);
	}
	return GO_ON;
}

enum step
row_proof(struct decision *d)
{
	unsigned wanted = d->value[MT_FIELD_PROOF];

	d->authenticated_ok =
		wanted ? (d->authenticated & wanted) == wanted : d->authenticated != 0;
	if (d->authenticated_ok)
		return GO_ON;
	/* The field is to blame only where a weaker value would have been met. */
	if (d->authenticated)
		blame(d, MT_FIELD_PROOF);
	if (wanted & ~d->authenticated & AUTH_DANE) {
		d->unpinnable_fault = true;
		note(d, MT_REASON_DANE_REQUIRED_MISSING);
	}
	return GO_ON;
}

/* The leaf of this connection, or NULL where there is none. */
static const uint8_t *
leaf_of(const struct decision *d)
{
	if (!with_tls(d))
		return NULL;
	if (d->in->validation->state == MT_VALIDATION_DONE)
		return d->in->validation->leaf_sha256;
	return has(d, MT_EV_LEAF_SHA256) ? d->in->evidence->leaf_sha256 : NULL;
}

static bool
is_pinned_leaf(const struct decision *d, const uint8_t *leaf)
{
	for (size_t i = 0; leaf && i < d->in->account->n_pins; i++)
		if (memcmp(d->in->account->pins[i], leaf, 32) == 0)
			return true;
	return false;
}

/* Row 35a: the organisation names the only leaves it accepts for this host. */
static enum step
judge_static_pins(struct decision *d)
{
	bool allowed;

	if (!mt_static_pins_find(&d->in->policy->m.static_pins, d->in->evidence->host, leaf_of(d),
				 &allowed) ||
	    allowed)
		return GO_ON;
	return deny_by(d, MT_FIELD_STATIC_PINS, MT_REASON_PIN_MISMATCH);
}

/* Rows 35 and 35a. */
enum step
row_pin(struct decision *d)
{
	d->v->log_pin_other_account = d->in->account->pin_elsewhere;
	if (n_pins(d) > 0 && d->authenticated_ok) {
		note(d, MT_REASON_PIN_SUPERSEDED);
	} else if (n_pins(d) > 0) {
		/* RFC 8314 §5.4: one certificate for one host; any other, or none, is a mismatch.
		 */
		if (!is_pinned_leaf(d, leaf_of(d)))
			return deny(d, MT_REASON_PIN_MISMATCH);
		if (d->value[MT_FIELD_PINNING] == MT_FORBIDDEN)
			return deny_by(d, MT_FIELD_PINNING, MT_REASON_PIN_FORBIDDEN_BY_POLICY);
		d->pinned = true;
		note(d, MT_REASON_PIN_MATCHED);
	}
	return judge_static_pins(d);
}

enum step
row_confidentiality(struct decision *d)
{
	uint8_t local_roots = d->value[MT_FIELD_LOCAL_ROOTS];
	bool local = (d->authenticated & AUTH_PKIX) &&
		     d->in->validation->anchor != MT_ANCHOR_SYSTEM &&
		     local_roots != MT_LOCAL_ROOTS_ACCEPT;
	bool refused =
		local && local_roots == MT_LOCAL_ROOTS_REJECT && !(d->authenticated & AUTH_DANE);

	/* A pin never gives confidentiality (R-5.3-05): it makes pinned, not authenticated_ok. */
	d->confidential = !d->transport_fault && with_tls(d) && d->authenticated_ok && !refused;
	if (refused) {
		d->unpinnable_fault = true;
		blame(d, MT_FIELD_LOCAL_ROOTS);
	}
	if (local)
		return note(d, MT_REASON_CERT_LOCAL_TRUST_ANCHOR);
	return GO_ON;
}
