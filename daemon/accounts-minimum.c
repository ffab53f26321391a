/* SPDX-License-Identifier: MIT */
/* Edits of an account's own minimum. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/accounts-private.h"
#include "daemon/minimum-record.h"

/* The fields present in from, put over those of min; client certificates have calls of their own.
 */
static void
minimum_overlay(struct mt_minimum *min, const struct mt_minimum *from)
{
	const uint32_t present = from->present & ~(uint32_t)MT_BIT(MT_FIELD_CLIENT_CERT_ALLOW);

	min->present |= present;
	for (unsigned int i = 0; i < MT_FIELD_SCALAR_COUNT; i++)
		if (present & MT_BIT(i))
			min->values[i] = from->values[i];
	if (present & MT_BIT(MT_FIELD_AUTH_MECHS))
		min->auth_mechs = from->auth_mechs;
	if (present & MT_BIT(MT_FIELD_PROTOCOLS))
		min->protocols = from->protocols;
	if (present & MT_BIT(MT_FIELD_ENDPOINTS_ALLOW))
		min->endpoints_allow = from->endpoints_allow;
	if (present & MT_BIT(MT_FIELD_NOT_AFTER))
		min->not_after_usec = from->not_after_usec;
	if (present & MT_BIT(MT_FIELD_VERDICT_TTL))
		min->verdict_ttl_sec = from->verdict_ttl_sec;
	if (present & MT_BIT(MT_FIELD_SRV_CHECK_MAX))
		min->srv_check_max_sec = from->srv_check_max_sec;
	mt_minimum_canonicalise(min);
}

static bool
scalar_is_weaker(enum mt_field field, uint8_t before, uint8_t after)
{
	if (mt_fields[field].kind == MT_KIND_DIAMOND)
		return (before | after) != after;
	return after < before;
}

/* What a field was worth before the edit: an expired policy had reverted to at least the default of
 * new accounts (4.7), so that renewing it as it stands is weakening it again. */
static uint8_t
value_before(enum mt_field field, const struct mt_minimum *before, bool reverted)
{
	const uint8_t value = before->values[field], initial = mt_fields[field].initial;

	if (!reverted)
		return value;
	if (mt_fields[field].kind == MT_KIND_DIAMOND)
		return value | initial;
	return value > initial ? value : initial;
}

/* min_conf, or part of what minimum confidentiality means (0.5), would be lowered. */
static bool
weakens_bundle(const struct mt_minimum *before, const struct mt_minimum *after, bool reverted)
{
	for (unsigned int i = 0; i < MT_FIELD_SCALAR_COUNT; i++)
		if ((i == MT_FIELD_MIN_CONF || mt_fields[i].bundle) &&
		    scalar_is_weaker(i, value_before(i, before, reverted), after->values[i]))
			return true;
	return false;
}

/* The owner was warned since then, with the current text. */
static bool
was_warned(const struct mt_account *account, int64_t since_usec, int64_t now_usec)
{
	for (size_t i = 0; i < account->n_consents; i++) {
		const struct mt_consent *consent = &account->consents[i];

		if (mt_consent_applies(consent, MT_CONSENT_REDUCED_CONFIDENTIALITY,
				       MT_PROTO_UNKNOWN, "", 0, NULL, now_usec) &&
		    consent->text_version == MT_CONSENT_TEXT_VERSION &&
		    consent->given_at_usec >= since_usec)
			return true;
	}
	return false;
}

/* R-5.2-08: whoever switches it off has been warned; the check sits here, not in a dialog. */
static int
minimum_guard(struct mt_accounts *accounts, const struct mt_account *account,
	      const struct mt_minimum *before, const struct mt_minimum *after, bool *ret_weaker)
{
	const int64_t now_usec = mt_clock_wall(accounts->clock);
	const bool renews = before->not_after_usec <= now_usec && after->not_after_usec > now_usec;

	*ret_weaker = !mt_minimum_is_weaker_or_equal(before, after);
	if (!*ret_weaker)
		return 0;
	if (mt_value(mt_accounts_effective(accounts, account), MT_FIELD_USER_RELAX) == MT_FORBIDDEN)
		return MT_ACCOUNTS_E_ORG_REFUSED;
	/* What was consented to before a policy expired expired with it. */
	if (weakens_bundle(before, after, renews) &&
	    !was_warned(account, renews ? before->not_after_usec : INT64_MIN, now_usec))
		return MT_ACCOUNTS_E_WARNING_REQUIRED;
	return 0;
}

/* The consent covers what it was given for; with min_conf on nothing is left for it to cover. */
static void
consent_settle(struct mt_change *change, const struct mt_minimum *before,
	       const struct mt_minimum *after)
{
	const bool on = after->values[MT_FIELD_MIN_CONF] == MT_ON;

	if (!on ||
	    (before->values[MT_FIELD_MIN_CONF] == MT_ON && !weakens_bundle(before, after, false)))
		return;
	for (size_t i = change->account.n_consents; i-- > 0;)
		if (change->account.consents[i].kind == MT_CONSENT_REDUCED_CONFIDENTIALITY) {
			mt_account_remove_consent(&change->account, i);
			change->what |= MT_CHANGED_CONSENTS;
		}
}

/* A probe answers for the rules it was judged by; stricter ones ask again. */
static void
probes_forget(struct mt_change *change)
{
	for (size_t i = 0; i < change->account.n_endpoints; i++) {
		struct mt_endpoint *endpoint = &change->account.endpoints[i];

		if (endpoint->status == MT_ENDPOINT_CANDIDATE)
			endpoint->probe = MT_PROBE_NONE;
	}
}

/* Before and after an edit, and what stands against it; both are of the caller's, 20 KiB each. */
static int
minimum_weigh(struct mt_accounts *accounts, const struct mt_account *account,
	      const struct mt_minimum *min, struct mt_minimum both[static 2], bool *ret_weaker)
{
	if (min->present & ~MT_MINIMUM_ACCOUNT_FIELDS)
		return MT_ACCOUNTS_E_INVALID;
	mt_account_get_minimum(account, &both[0]);
	both[1] = both[0];
	minimum_overlay(&both[1], min);
	return minimum_guard(accounts, account, &both[0], &both[1], ret_weaker);
}

static int
minimum_change(struct mt_accounts *accounts, struct mt_change *change,
	       const struct mt_minimum both[static 2])
{
	int r;

	consent_settle(change, &both[0], &both[1]);
	if (!mt_minimum_is_weaker_or_equal(&both[1], &both[0]))
		probes_forget(change);
	r = mt_account_put_minimum(&change->account, &both[1]);
	return r != 0 ? r : mt_change_finish(accounts, change, MT_CHANGED_MINIMUM);
}

int
mt_accounts_set_minimum(struct mt_accounts *accounts, struct mt_actor actor,
			const struct mt_account_id *id, const struct mt_minimum *min)
{
	struct mt_change change MT_CLEANUP(mt_change_clear);
	struct mt_minimum *both;
	bool weaker;
	int r = mt_change_begin(accounts, actor, id, &change);

	if (r != 0)
		return r;
	both = calloc(2, sizeof(*both));
	if (!both)
		return -ENOMEM;
	r = minimum_weigh(accounts, &change.account, min, both, &weaker);
	if (r == 0)
		r = minimum_change(accounts, &change, both);
	free(both);
	return r;
}

int
mt_accounts_weigh_minimum(struct mt_accounts *accounts, struct mt_actor actor,
			  const struct mt_account_id *id, const struct mt_minimum *min,
			  bool *ret_weaker)
{
	const struct mt_account *account;
	struct mt_minimum *both;
	int r = mt_accounts_find(accounts, actor, id, &account);

	if (r != 0)
		return r;
	both = calloc(2, sizeof(*both));
	if (!both)
		return -ENOMEM;
	r = minimum_weigh(accounts, account, min, both, ret_weaker);
	free(both);
	return r;
}
