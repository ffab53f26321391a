/* SPDX-License-Identifier: MIT */
/* Rows 37-48: may this operation go on with what was found? */

#include <string.h>
#include <strings.h>

#include "policy/decide-rows.h"

static bool
sends_credentials(const struct decision *d)
{
	return d->in->op == MT_OP_TEST || d->in->op == MT_OP_AUTHENTICATE;
}

static bool
mechanism_is_forbidden(const struct decision *d)
{
	uint32_t allowed = d->in->policy->m.auth_mechs;
	int mech;

	if (allowed == MT_MECHS_ALL)
		return false;
	if (!has(d, MT_EV_AUTH_MECHANISM))
		return true;
	mech = mt_mech_find(d->in->evidence->auth_mechanism);
	return mech < 0 || !(allowed & (1u << mech));
}

enum step
row_authentication(struct decision *d)
{
	const struct mt_evidence *ev = d->in->evidence;

	if (!sends_credentials(d) || d->in->phase == MT_PHASE_HANDSHAKE)
		return GO_ON;
	if (ev->auth_logindisabled && strcasecmp(ev->auth_mechanism, "LOGIN") == 0)
		return deny(d, MT_REASON_AUTH_LOGIN_DISABLED);
	if (mechanism_is_forbidden(d))
		return deny_by(d, MT_FIELD_AUTH_MECHS, MT_REASON_AUTH_MECHANISM_FORBIDDEN);
	if (d->value[MT_FIELD_CHANNEL_BINDING] == MT_CB_REQUIRE && ev->auth_cb_size == 0)
		return deny_by(d, MT_FIELD_CHANNEL_BINDING, MT_REASON_AUTH_CHANNEL_BINDING_MISSING);
	return GO_ON;
}

/* RFC 8314 §8: TLS 1.2 shows the certificate to everybody on the path. */
static bool
exposes_client_cert(const struct decision *d)
{
	return d->in->evidence->tls_version < MT_TLS_VERSION_1_3;
}

static bool
forbids_exposing(const struct decision *d)
{
	return d->value[MT_FIELD_CLIENT_CERT_TLS_MIN] == MT_TLS_MIN_1_3;
}

enum step
row_client_cert(struct decision *d)
{
	const struct mt_evidence *ev = d->in->evidence;
	const struct mt_digests *allowed = &d->in->policy->m.client_cert_allow;
	bool implicit = ev->transport == MT_TRANSPORT_IMPLICIT;

	d->v->client_cert_fits = d->in->phase == MT_PHASE_HANDSHAKE && implicit &&
				 !(exposes_client_cert(d) && forbids_exposing(d));
	if (!has(d, MT_EV_CLIENTCERT_PRESENTED)) {
		if (ev->clientcert_requested && !implicit && allowed->is_set && allowed->n > 0)
			return note(d, MT_REASON_CLIENTCERT_NOT_IMPLICIT);
		return GO_ON;
	}
	if (!ev->clientcert_requested)
		return deny(d, MT_REASON_CLIENTCERT_NOT_REQUESTED);
	/* A list nobody has set authorises nothing (R-5.5-03). */
	if (!allowed->is_set || !mt_digests_contain(allowed, ev->clientcert_presented))
		return deny_by(d, MT_FIELD_CLIENT_CERT_ALLOW, MT_REASON_CLIENTCERT_NOT_AUTHORIZED);
	if (!implicit)
		return deny(d, MT_REASON_CLIENTCERT_NOT_IMPLICIT);
	if (!exposes_client_cert(d))
		return note(d, MT_REASON_CLIENTCERT_AUTHORIZED);
	if (forbids_exposing(d))
		return deny_by(d, MT_FIELD_CLIENT_CERT_TLS_MIN,
			       MT_REASON_CLIENTCERT_IDENTITY_EXPOSED);
	note(d, MT_REASON_CLIENTCERT_AUTHORIZED);
	return note(d, MT_REASON_CLIENTCERT_IDENTITY_EXPOSED);
}

enum step
row_setup_only_tests(struct decision *d)
{
	if (d->state != MT_ACCOUNT_SETUP || d->in->op == MT_OP_TEST)
		return GO_ON;
	note(d, MT_REASON_OP_NOT_PERMITTED);
	return deny(d, MT_REASON_ACCOUNT_SETUP);
}

enum step
row_met(struct decision *d)
{
	if (!d->confidential)
		return GO_ON;
	d->v->conf = true;
	return stop(d, MT_DECISION_ALLOW, MT_REASON_CONF_MET);
}

static bool
requires_minimum(const struct decision *d)
{
	return d->value[MT_FIELD_MIN_CONF] == MT_ON;
}

static bool
is_org_layer(uint8_t layer)
{
	return layer == MT_LAYER_GROUP || layer == MT_LAYER_ORG;
}

static bool
org_decided(const struct decision *d)
{
	if (is_org_layer(d->layer[MT_FIELD_MIN_CONF]))
		return true;
	for (unsigned i = 0; i < MT_FIELD_COUNT; i++)
		if ((d->failing & (1u << i)) && is_org_layer(d->layer[i]))
			return true;
	return false;
}

static bool
has_pinnable_fault(const struct decision *d)
{
	return mt_verdict_has(d->v, MT_REASON_CERT_CHAIN_UNTRUSTED) ||
	       mt_verdict_has(d->v, MT_REASON_CERT_EXPIRED) ||
	       mt_verdict_has(d->v, MT_REASON_CERT_IDENTITY_MISMATCH);
}

enum step
row_minimum_active(struct decision *d)
{
	if (!requires_minimum(d) || d->state != MT_ACCOUNT_ACTIVE)
		return GO_ON;
	if (d->pinned)
		note(d, MT_REASON_PIN_NOT_SUFFICIENT);
	else if (!d->authenticated_ok && n_pins(d) == 0 && has_pinnable_fault(d))
		note(d, MT_REASON_PIN_NOT_OFFERED_EXISTING);
	if (org_decided(d))
		note(d, MT_REASON_POLICY_ORG_MINIMUM);
	d->v->decision = MT_DECISION_DENY;
	return STOP;
}

enum step
row_minimum_setup(struct decision *d)
{
	if (!requires_minimum(d))
		return GO_ON;
	return deny(d, MT_REASON_ACCOUNT_SETUP);
}

enum step
row_pin_offer(struct decision *d)
{
	bool applies = d->state == MT_ACCOUNT_SETUP && d->in->op == MT_OP_TEST &&
		       has_pinnable_fault(d) && !d->unpinnable_fault && !d->authenticated_ok &&
		       d->in->account->n_pins == 0 && d->value[MT_FIELD_PINNING] == MT_ALLOWED &&
		       !consented(d, MT_CONSENT_PASSWORD_EXPOSURE);

	return applies ? note(d, MT_REASON_PIN_OFFER_AVAILABLE) : GO_ON;
}

enum step
row_test_consented(struct decision *d)
{
	if (d->state != MT_ACCOUNT_SETUP || !consented(d, MT_CONSENT_PASSWORD_EXPOSURE))
		return GO_ON;
	d->v->consumed |= (uint32_t)MT_BIT(MT_CONSENT_PASSWORD_EXPOSURE);
	return stop(d, MT_DECISION_AWC, MT_REASON_CONF_DISABLED_BY_USER);
}

enum step
row_test_unconsented(struct decision *d)
{
	if (d->state != MT_ACCOUNT_SETUP)
		return GO_ON;
	return stop(d, MT_DECISION_CONFIRM, MT_REASON_OP_TEST_NEEDS_WARNING);
}

enum step
row_warning(struct decision *d)
{
	if (consented(d, MT_CONSENT_REDUCED_CONFIDENTIALITY))
		return GO_ON;
	return stop(d, MT_DECISION_CONFIRM, MT_REASON_CONF_WARNING_REQUIRED);
}

/* none < tls < tls+auth; a pin is encryption without proof. */
static enum mt_level
level_of(const struct decision *d)
{
	if (!with_tls(d) || d->in->evidence->tls_failed)
		return MT_LEVEL_NONE;
	return d->confidential ? MT_LEVEL_TLS_AUTH : MT_LEVEL_TLS;
}

enum step
row_downgrade(struct decision *d)
{
	uint8_t action = d->value[MT_FIELD_DOWNGRADE_ACTION];

	if (d->in->account->best <= level_of(d))
		return GO_ON;
	if (action == MT_DOWNGRADE_DENY)
		return deny_by(d, MT_FIELD_DOWNGRADE_ACTION, MT_REASON_CONF_DOWNGRADED);
	if (action == MT_DOWNGRADE_CONFIRM && !consented(d, MT_CONSENT_DOWNGRADE))
		return stop(d, MT_DECISION_CONFIRM, MT_REASON_CONF_DOWNGRADED);
	return note(d, MT_REASON_CONF_DOWNGRADED);
}

enum step
row_reduced(struct decision *d)
{
	return stop(d, MT_DECISION_AWC, MT_REASON_CONF_DISABLED_BY_USER);
}

void
decision_finish(struct decision *d)
{
	d->v->layer = (enum mt_layer)d->layer[d->deciding];
	for (unsigned i = 0; i < MT_FIELD_COUNT && d->deciding == MT_FIELD_MIN_CONF; i++)
		if ((d->failing & (1u << i)) && d->layer[i] > d->v->layer)
			d->v->layer = (enum mt_layer)d->layer[i];
	d->v->level = level_of(d);
	d->v->client_cert_fits = d->v->client_cert_fits && d->v->decision >= MT_DECISION_AWC;
	d->v->resumable = d->v->decision == MT_DECISION_ALLOW && d->v->conf;
}

enum mt_account_level
mt_account_level(const struct mt_effective *policy, enum mt_account_state state, bool relies_on_pin,
		 int64_t now_usec)
{
	const bool expired = now_usec >= policy->m.not_after_usec;
	/* row 5: on_expiry=suspend denies everything, whether or not the state says so yet */
	const bool suspended =
		state == MT_ACCOUNT_SUSPENDED ||
		(expired && mt_value(policy, MT_FIELD_ON_EXPIRY) == MT_ON_EXPIRY_SUSPEND);

	if (suspended || mt_effective_unsatisfiable(policy) >= 0)
		return MT_ACCOUNT_BLOCKED;
	if (state != MT_ACCOUNT_ACTIVE || relies_on_pin || expired ||
	    mt_value(policy, MT_FIELD_MIN_CONF) == MT_OFF)
		return MT_ACCOUNT_REDUCED;
	return MT_ACCOUNT_PROTECTED;
}

static const char *const states[MT_ACCOUNT_STATE_COUNT] = {
	[MT_ACCOUNT_SUSPENDED] = "suspended",
	[MT_ACCOUNT_SETUP] = "setup",
	[MT_ACCOUNT_ACTIVE] = "active",
};

const char *
mt_account_state_to_string(enum mt_account_state state)
{
	return states[state];
}

int
mt_account_state_from_string(const char *string, enum mt_account_state *ret)
{
	for (unsigned i = 0; i < MT_ACCOUNT_STATE_COUNT; i++)
		if (strcmp(states[i], string) == 0) {
			*ret = (enum mt_account_state)i;
			return 0;
		}
	return 1;
}

const char *
mt_account_level_to_string(enum mt_account_level level)
{
	static const char *const levels[MT_ACCOUNT_LEVEL_COUNT] = {
		[MT_ACCOUNT_BLOCKED] = "blocked",
		[MT_ACCOUNT_REDUCED] = "reduced",
		[MT_ACCOUNT_PROTECTED] = "protected",
	};

	return levels[level];
}
