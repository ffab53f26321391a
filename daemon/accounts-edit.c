/* SPDX-License-Identifier: MIT */
/* Edits of an account: endpoints, probes, the minimum, client certificates, levels, offers. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/accounts-private.h"
#include "daemon/minimum-record.h"
#include "policy/domain.h"

/* -- endpoints */

/* What a caller may say about an endpoint; the rest is ours. */
static int
endpoint_init(const struct mt_endpoint *from, struct mt_endpoint *ret)
{
	*ret = (struct mt_endpoint){
		.proto = from->proto,
		.transport = from->transport,
		.port = from->port,
		.discovery = from->discovery,
		.dnssec = from->dnssec,
		.status = MT_ENDPOINT_CANDIDATE,
	};
	memcpy(ret->label, from->label, sizeof(ret->label));
	if (from->proto == MT_PROTO_UNKNOWN || from->port == 0 ||
	    !memchr(from->label, '\0', sizeof(from->label)) ||
	    mt_host_normalise(from->host, strnlen(from->host, sizeof(from->host)), ret->host) != 0)
		return MT_ACCOUNTS_E_INVALID;
	return 0;
}

static bool
endpoint_is_same(const struct mt_endpoint *a, const struct mt_endpoint *b)
{
	return a->transport == b->transport && a->discovery == b->discovery &&
	       a->dnssec == b->dnssec && strcmp(a->label, b->label) == 0;
}

int
mt_accounts_set_endpoint(struct mt_accounts *accounts, struct mt_actor actor,
			 const struct mt_account_id *id, const struct mt_endpoint *wanted)
{
	struct mt_change change MT_CLEANUP(mt_change_clear);
	struct mt_account *account = &change.account;
	struct mt_endpoint endpoint, *existing;
	int r = mt_change_begin(accounts, actor, id, &change);

	if (r == 0)
		r = endpoint_init(wanted, &endpoint);
	if (r != 0)
		return r;
	if (account->state == MT_ACCOUNT_SUSPENDED)
		return MT_ACCOUNTS_E_STATE;
	endpoint.confirmed = mt_account_has_consent(account, MT_CONSENT_SRV_TARGET, endpoint.proto,
						    endpoint.host, endpoint.port, NULL,
						    mt_clock_wall(accounts->clock));
	existing = mt_account_find_endpoint_mutable(account, endpoint.proto, endpoint.host,
						    endpoint.port);
	if (existing && endpoint_is_same(existing, &endpoint))
		return 0;
	if (!existing && account->n_endpoints == MT_ENDPOINTS_MAX)
		return MT_ACCOUNTS_E_QUOTA;
	if (!existing)
		existing = &account->endpoints[account->n_endpoints++];
	/* One that is set up differently has proved nothing yet: it is a candidate again. */
	*existing = endpoint;
	return mt_change_finish(accounts, &change, MT_CHANGED_ENDPOINTS);
}

int
mt_accounts_remove_endpoint(struct mt_accounts *accounts, struct mt_actor actor,
			    const struct mt_account_id *id, enum mt_proto proto, const char *host,
			    uint16_t port)
{
	struct mt_change change MT_CLEANUP(mt_change_clear);
	struct mt_account *account = &change.account;
	unsigned int what = MT_CHANGED_ENDPOINTS;
	struct mt_endpoint *endpoint;
	int r = mt_change_begin(accounts, actor, id, &change);

	if (r != 0)
		return r;
	endpoint = mt_account_find_endpoint_mutable(account, proto, host, port);
	if (!endpoint)
		return MT_ACCOUNTS_E_NO_ENDPOINT;
	account->n_endpoints--;
	memmove(endpoint, endpoint + 1,
		(size_t)(account->endpoints + account->n_endpoints - endpoint) * sizeof(*endpoint));
	if (!mt_account_has_host(account, host))
		what |= mt_change_remove_pins(account, host, NULL);
	return mt_change_finish(accounts, &change, what);
}

static void
endpoint_take_probe(struct mt_endpoint *endpoint, const struct mt_probe *probe, int64_t now_usec)
{
	endpoint->probe = probe->confidential ? MT_PROBE_CONFIDENTIAL : MT_PROBE_BELOW_MINIMUM;
	endpoint->probed_at_usec = now_usec;
	endpoint->probe_pin_offered = probe->pin_offered && probe->leaf_sha256;
	memset(endpoint->probe_leaf, 0, sizeof(endpoint->probe_leaf));
	if (probe->leaf_sha256)
		memcpy(endpoint->probe_leaf, probe->leaf_sha256, sizeof(endpoint->probe_leaf));
	endpoint->n_probe_reasons = 0;
	for (size_t i = 0; i < probe->n_reasons && i < MT_REASONS_MAX; i++)
		endpoint->probe_reasons[endpoint->n_probe_reasons++] = (uint8_t)probe->reasons[i];
}

int
mt_accounts_set_probe(struct mt_accounts *accounts, struct mt_actor actor,
		      const struct mt_account_id *id, const struct mt_probe *probe)
{
	struct mt_change change MT_CLEANUP(mt_change_clear);
	unsigned int what = MT_CHANGED_PROBE;
	struct mt_endpoint *endpoint;
	int r = mt_change_begin(accounts, actor, id, &change);

	if (r != 0)
		return r;
	endpoint = mt_account_find_endpoint_mutable(&change.account, probe->proto, probe->host,
						    probe->port);
	if (!endpoint)
		return MT_ACCOUNTS_E_NO_ENDPOINT;
	if (change.account.state == MT_ACCOUNT_SUSPENDED)
		return MT_ACCOUNTS_E_STATE;
	endpoint_take_probe(endpoint, probe, mt_clock_wall(accounts->clock));
	/* 4.9, add endpoint to an active account: it reached confidentiality, or that was given up.
	 */
	if (change.account.state == MT_ACCOUNT_ACTIVE &&
	    endpoint->status == MT_ENDPOINT_CANDIDATE &&
	    (probe->confidential || mt_change_is_reduced(accounts, &change.account))) {
		endpoint->status = MT_ENDPOINT_SAVED;
		what |= MT_CHANGED_ENDPOINTS;
	}
	return mt_change_finish(accounts, &change, what);
}

/* -- the minimum */

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

/* min_conf, or part of what minimum confidentiality means (0.5), would be lowered. */
static bool
weakens_bundle(const struct mt_minimum *before, const struct mt_minimum *after)
{
	for (unsigned int i = 0; i < MT_FIELD_SCALAR_COUNT; i++)
		if ((i == MT_FIELD_MIN_CONF || mt_fields[i].bundle) &&
		    scalar_is_weaker(i, before->values[i], after->values[i]))
			return true;
	return false;
}

/* R-5.2-08: whoever switches it off has been warned; the check sits here, not in a dialog. */
static int
minimum_guard(struct mt_accounts *accounts, const struct mt_account *account,
	      const struct mt_minimum *before, const struct mt_minimum *after)
{
	if (mt_minimum_is_weaker_or_equal(before, after))
		return 0;
	if (mt_value(mt_accounts_effective(accounts, account), MT_FIELD_USER_RELAX) == MT_FORBIDDEN)
		return MT_ACCOUNTS_E_ORG_REFUSED;
	if (weakens_bundle(before, after) &&
	    !mt_account_has_consent(account, MT_CONSENT_REDUCED_CONFIDENTIALITY, MT_PROTO_UNKNOWN,
				    "", 0, NULL, mt_clock_wall(accounts->clock)))
		return MT_ACCOUNTS_E_WARNING_REQUIRED;
	return 0;
}

/* The consent covers what it was given for; with min_conf on nothing is left for it to cover. */
static void
consent_settle(struct mt_change *change, const struct mt_minimum *before,
	       const struct mt_minimum *after)
{
	const bool on = after->values[MT_FIELD_MIN_CONF] == MT_ON;

	if (!on || (before->values[MT_FIELD_MIN_CONF] == MT_ON && !weakens_bundle(before, after)))
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

static int
minimum_change(struct mt_accounts *accounts, struct mt_change *change, const struct mt_minimum *min,
	       struct mt_minimum *before, struct mt_minimum *after)
{
	int r;

	mt_account_get_minimum(&change->account, before);
	*after = *before;
	minimum_overlay(after, min);
	r = minimum_guard(accounts, &change->account, before, after);
	if (r != 0)
		return r;
	consent_settle(change, before, after);
	if (!mt_minimum_is_weaker_or_equal(after, before))
		probes_forget(change);
	r = mt_account_put_minimum(&change->account, after);
	return r != 0 ? r : mt_change_finish(accounts, change, MT_CHANGED_MINIMUM);
}

int
mt_accounts_set_minimum(struct mt_accounts *accounts, struct mt_actor actor,
			const struct mt_account_id *id, const struct mt_minimum *min)
{
	struct mt_change change MT_CLEANUP(mt_change_clear);
	struct mt_minimum *both;
	int r = mt_change_begin(accounts, actor, id, &change);

	if (r != 0)
		return r;
	if (min->present & ~MT_MINIMUM_ACCOUNT_FIELDS)
		return MT_ACCOUNTS_E_INVALID;
	both = calloc(2, sizeof(*both));
	if (!both)
		return -ENOMEM;
	r = minimum_change(accounts, &change, min, &both[0], &both[1]);
	free(both);
	return r;
}

/* -- client certificates */

static int
client_cert_change(struct mt_accounts *accounts, struct mt_actor actor,
		   const struct mt_account_id *id, const uint8_t *sha256, bool allow)
{
	struct mt_change change MT_CLEANUP(mt_change_clear);
	struct mt_digests *digests;
	struct mt_minimum min;
	size_t i = 0;
	int r = mt_change_begin(accounts, actor, id, &change);

	if (r != 0)
		return r;
	mt_account_get_minimum(&change.account, &min);
	digests = &min.client_cert_allow;
	while (i < digests->n && memcmp(digests->digest[i], sha256, 32) != 0)
		i++;
	if (allow && i < digests->n)
		return 0;
	if (!allow && i == digests->n)
		return MT_ACCOUNTS_E_NO_ENDPOINT;
	if (allow && digests->n == MT_DIGESTS_MAX)
		return MT_ACCOUNTS_E_QUOTA;
	memcpy(digests->digest[i], allow ? sha256 : digests->digest[digests->n - 1], 32);
	digests->n += allow ? 1 : -(size_t)1;
	digests->is_set = true;
	min.present |= (uint32_t)MT_BIT(MT_FIELD_CLIENT_CERT_ALLOW);
	mt_minimum_canonicalise(&min);
	r = mt_account_put_minimum(&change.account, &min);
	return r != 0 ? r : mt_change_finish(accounts, &change, MT_CHANGED_MINIMUM);
}

int
mt_accounts_allow_client_cert(struct mt_accounts *accounts, struct mt_actor actor,
			      const struct mt_account_id *id, const uint8_t sha256[static 32])
{
	return client_cert_change(accounts, actor, id, sha256, true);
}

int
mt_accounts_revoke_client_cert(struct mt_accounts *accounts, struct mt_actor actor,
			       const struct mt_account_id *id, const uint8_t sha256[static 32])
{
	return client_cert_change(accounts, actor, id, sha256, false);
}

/* -- levels and offers */

int
mt_accounts_note_best(struct mt_accounts *accounts, const struct mt_account_id *id,
		      enum mt_proto proto, enum mt_level level)
{
	struct mt_change change MT_CLEANUP(mt_change_clear) = {0};
	const struct mt_account *account;
	int r = mt_accounts_load(accounts, id, &account);

	if (r != 0)
		return r;
	if (proto == MT_PROTO_UNKNOWN || level <= account->best[proto])
		return 0;
	r = mt_change_begin(accounts, (struct mt_actor){.admin = true}, id, &change);
	if (r != 0)
		return r;
	change.account.best[proto] = level;
	return mt_change_finish(accounts, &change, MT_CHANGED_BEST);
}

int
mt_accounts_decline_offer(struct mt_accounts *accounts, struct mt_actor actor,
			  const struct mt_account_id *id, const char *offer)
{
	struct mt_change change MT_CLEANUP(mt_change_clear);
	struct mt_account *account = &change.account;
	size_t size = strnlen(offer, MT_TOKEN_SIZE);
	int r = mt_change_begin(accounts, actor, id, &change);

	if (r != 0)
		return r;
	if (size == 0 || size == MT_TOKEN_SIZE)
		return MT_ACCOUNTS_E_INVALID;
	for (size_t i = 0; i < size; i++)
		if (offer[i] < 0x20 || offer[i] == 0x7f)
			return MT_ACCOUNTS_E_INVALID;
	if (mt_account_has_declined(account, offer))
		return 0;
	if (account->n_declined == MT_DECLINED_MAX)
		return MT_ACCOUNTS_E_QUOTA;
	memcpy(account->declined[account->n_declined++], offer, size + 1);
	return mt_change_finish(accounts, &change, MT_CHANGED_OFFERS);
}
