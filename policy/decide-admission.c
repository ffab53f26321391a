/* SPDX-License-Identifier: MIT */
/* Rows 1-16: may this question be asked at all, and of this endpoint? */

#include <string.h>

#include "policy/decide-rows.h"
#include "policy/domain.h"

void
decision_init(struct decision *d, const struct mt_decide_input *in, struct mt_verdict *v)
{
	memset(d, 0, sizeof(*d));
	memset(v, 0, sizeof(*v));
	d->in = in;
	d->v = v;
	d->state = in->account->state;
	memcpy(d->value, in->policy->m.values, sizeof(d->value));
	memcpy(d->layer, in->policy->layer, sizeof(d->layer));
}

enum step
row_ready(struct decision *d)
{
	if (!d->in->ready || d->in->validation->state == MT_VALIDATION_FAILED)
		return deny(d, MT_REASON_DAEMON_DEGRADED);
	return GO_ON;
}

enum step
row_account(struct decision *d)
{
	d->v->log_not_owner = d->in->account->not_owner;
	if (!d->in->account->known)
		return deny(d, MT_REASON_ACCOUNT_UNKNOWN);
	return GO_ON;
}

/* Compares without subtracting: the time in the evidence is any number. */
static bool
is_stale(const struct decision *d)
{
	int64_t now = d->in->now_usec, observed = d->in->evidence->observed_at_usec;

	return observed < now - MT_EVIDENCE_AGE_MAX_USEC ||
	       observed > now + MT_EVIDENCE_AHEAD_MAX_USEC;
}

enum step
row_evidence(struct decision *d)
{
	const struct mt_evidence *ev = d->in->evidence;

	if (!d->in->evidence_filled && mt_evidence_missing(ev, d->in->op, d->in->phase))
		return deny(d, MT_REASON_EVIDENCE_INCOMPLETE);
	if (mt_evidence_contradiction(ev))
		return deny(d, MT_REASON_EVIDENCE_INCONSISTENT);
	if (!d->in->evidence_filled && is_stale(d))
		return deny(d, MT_REASON_EVIDENCE_STALE);
	return GO_ON;
}

enum step
row_satisfiable(struct decision *d)
{
	int field = mt_effective_unsatisfiable(d->in->policy);

	if (field < 0)
		return GO_ON;
	return deny_by(d, (enum mt_field)field, MT_REASON_POLICY_UNSATISFIABLE);
}

/* on_expiry=revert: the bundle of a new account, with minimum confidentiality on, joined in. */
static void
revert_to_default(struct decision *d)
{
	d->expired = true;
	for (unsigned i = 0; i < MT_FIELD_SCALAR_COUNT; i++) {
		uint8_t initial = mt_fields[i].initial, joined;

		if (!mt_fields[i].bundle && i != MT_FIELD_MIN_CONF)
			continue;
		joined = mt_fields[i].kind == MT_KIND_DIAMOND ? d->value[i] | initial
			 : d->value[i] > initial              ? d->value[i]
							      : initial;
		if (joined != d->value[i])
			d->layer[i] = MT_LAYER_ACCOUNT;
		d->value[i] = joined;
	}
}

enum step
row_expiry(struct decision *d)
{
	bool expired = d->in->now_usec >= d->in->policy->m.not_after_usec;

	if (expired && d->value[MT_FIELD_ON_EXPIRY] == MT_ON_EXPIRY_SUSPEND)
		d->state = MT_ACCOUNT_SUSPENDED;
	else if (expired)
		revert_to_default(d);
	if (expired || d->in->org_expired)
		return note(d, MT_REASON_POLICY_EXPIRED);
	return GO_ON;
}

enum step
row_suspended(struct decision *d)
{
	if (d->state == MT_ACCOUNT_SUSPENDED)
		return deny(d, MT_REASON_ACCOUNT_SUSPENDED);
	return GO_ON;
}

enum step
row_operation(struct decision *d)
{
	enum mt_proto proto = d->in->evidence->proto;

	if (d->in->op == MT_OP_UNKNOWN || proto == MT_PROTO_UNKNOWN)
		return deny(d, MT_REASON_OP_NOT_PERMITTED);
	if (d->in->policy->m.protocols & (1u << proto))
		return GO_ON;
	return deny_by(d, MT_FIELD_PROTOCOLS, MT_REASON_OP_NOT_PERMITTED);
}

enum step
row_clock(struct decision *d)
{
	if (!d->in->clock_sane && !is_capability(d))
		return deny(d, MT_REASON_CLOCK_UNTRUSTED);
	return GO_ON;
}

enum step
row_provenance(struct decision *d)
{
	if (d->in->provenance == MT_PROVENANCE_ATTESTED)
		return GO_ON;
	if (d->value[MT_FIELD_EVIDENCE_MIN] == MT_EVIDENCE_MIN_ATTESTED && !is_capability(d))
		return deny_by(d, MT_FIELD_EVIDENCE_MIN, MT_REASON_EVIDENCE_ASSERTED_ONLY);
	return note(d, MT_REASON_EVIDENCE_ASSERTED_ONLY);
}

/* A name that DNS or a document gave, and no signature of the zone covers. */
static bool
is_unsigned(const struct decision *d)
{
	const struct mt_reference *ref = &d->in->account->reference;

	return ref->discovery != MT_DISCOVERY_MANUAL && ref->discovery != MT_DISCOVERY_ADMIN &&
	       ref->discovery != MT_DISCOVERY_UNKNOWN && ref->dnssec != MT_DNSSEC_SECURE;
}

static bool
is_unsigned_srv(const struct decision *d)
{
	const struct mt_reference *ref = &d->in->account->reference;

	return ref->discovery == MT_DISCOVERY_SRV && is_unsigned(d);
}

enum step
row_srv_bogus(struct decision *d)
{
	if (is_unsigned_srv(d) && d->in->account->reference.dnssec == MT_DNSSEC_BOGUS)
		return deny(d, MT_REASON_SRV_BOGUS);
	return GO_ON;
}

enum step
row_srv_domain(struct decision *d)
{
	const struct mt_reference *ref = &d->in->account->reference;

	/* The confirmation of a target is configuration: expiry leaves it alone (4.7). A document
	 * that leads out of its domain is asked about like an SRV record that does (D-DISC-02). */
	if (!is_unsigned(d) || mt_domain_is_within(ref->host, ref->address_domain) ||
	    ref->confirmed || (d->in->account->consents & MT_BIT(MT_CONSENT_SRV_TARGET)))
		return GO_ON;
	if (d->value[MT_FIELD_SRV_TRUST] == MT_SRV_TRUST_ASK)
		return stop(d, MT_DECISION_CONFIRM, MT_REASON_SRV_TARGET_OUT_OF_DOMAIN);
	return deny_by(d, MT_FIELD_SRV_TRUST, MT_REASON_SRV_TARGET_OUT_OF_DOMAIN);
}

enum step
row_srv_trust(struct decision *d)
{
	if (!is_unsigned(d) || d->in->account->reference.saved ||
	    d->value[MT_FIELD_SRV_TRUST] != MT_SRV_TRUST_DNSSEC)
		return GO_ON;
	return deny_by(d, MT_FIELD_SRV_TRUST, MT_REASON_SRV_INSECURE);
}

enum step
row_source(struct decision *d)
{
	enum mt_discovery source = d->in->account->reference.discovery;
	bool tamperable = source == MT_DISCOVERY_UNKNOWN || source == MT_DISCOVERY_AUTOCONFIG ||
			  source == MT_DISCOVERY_AUTOCONFIG_HTTP || source == MT_DISCOVERY_PACC;

	/* A fresh endpoint has no source of its own; row 14 answers for it. */
	if (!tamperable || d->in->account->source_approved ||
	    d->in->account->endpoint == MT_ENDPOINT_FRESH)
		return GO_ON;
	return stop(d, MT_DECISION_CONFIRM, MT_REASON_DISCOVERY_UNVERIFIED_SOURCE);
}

/* srv_mode=live: signed data inside the domain may name the server (R-5.1-13). */
static bool
is_live_srv(const struct decision *d)
{
	const struct mt_reference *ref = &d->in->account->reference;

	return d->in->account->reference_is_fresh && ref->discovery == MT_DISCOVERY_SRV &&
	       ref->dnssec == MT_DNSSEC_SECURE && d->value[MT_FIELD_SRV_MODE] == MT_SRV_MODE_LIVE &&
	       mt_domain_is_within(ref->host, ref->address_domain);
}

enum step
row_endpoint(struct decision *d)
{
	const struct mt_account_facts *account = d->in->account;
	bool known = account->endpoint == MT_ENDPOINT_SAVED ||
		     (account->endpoint == MT_ENDPOINT_CANDIDATE && d->state == MT_ACCOUNT_SETUP) ||
		     is_live_srv(d);

	if (!known)
		return deny(d, MT_REASON_ENDPOINT_NOT_CONFIGURED);
	if (!mt_patterns_match(&d->in->policy->m.endpoints_allow, d->in->evidence->host))
		return deny_by(d, MT_FIELD_ENDPOINTS_ALLOW, MT_REASON_ENDPOINT_NOT_CONFIGURED);
	if (account->reference.discovery != MT_DISCOVERY_SRV)
		return GO_ON;
	return note(d, is_unsigned_srv(d) ? MT_REASON_SRV_INSECURE : MT_REASON_SRV_DNSSEC_SECURE);
}

enum step
row_referral(struct decision *d)
{
	if (has(d, MT_EV_REFERRAL_TARGET) && !d->in->account->referral_known)
		return deny(d, MT_REASON_REFERRAL_UNTRUSTED_TARGET);
	return GO_ON;
}

enum step
row_implicit_port(struct decision *d)
{
	const struct mt_evidence *ev = d->in->evidence;

	if (ev->transport == MT_TRANSPORT_NONE &&
	    (mt_service_is_implicit_port(ev->proto, ev->port) ||
	     d->in->account->configured == MT_TRANSPORT_IMPLICIT))
		return deny(d, MT_REASON_TRANSPORT_CLEARTEXT_ON_TLS_PORT);
	return GO_ON;
}
