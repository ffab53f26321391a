/* SPDX-License-Identifier: MIT */
/* Edits of an account: endpoints, probes, levels, offers. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/accounts-private.h"
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

/* Row 8 of REQUIREMENTS 2.2: a document that nobody could tamper with names a server of its own
 * domain. That its owner sets it is the approval; nothing is left to ask. */
static bool
is_vouched_for(const struct mt_account *account, const struct mt_endpoint *endpoint)
{
	return (endpoint->discovery == MT_DISCOVERY_PACC ||
		endpoint->discovery == MT_DISCOVERY_AUTOCONFIG) &&
	       !mt_reference_needs_person(endpoint->discovery, endpoint->dnssec, endpoint->host,
					  account->domain);
}

int
mt_accounts_set_endpoint(struct mt_accounts *accounts, struct mt_actor actor,
			 const struct mt_account_id *id, const struct mt_endpoint *wanted)
{
	struct mt_change change MT_CLEANUP(mt_change_clear);
	struct mt_account *account = &change.account;
	struct mt_endpoint endpoint, *existing;
	unsigned int what = MT_CHANGED_ENDPOINTS;
	int r = mt_change_begin(accounts, actor, id, &change);

	if (r == 0)
		r = endpoint_init(wanted, &endpoint);
	if (r != 0)
		return r;
	if (account->state == MT_ACCOUNT_SUSPENDED)
		return MT_ACCOUNTS_E_STATE;
	endpoint.confirmed = is_vouched_for(account, &endpoint) ||
			     mt_account_has_consent(account, MT_CONSENT_SRV_TARGET, endpoint.proto,
						    endpoint.host, endpoint.port, NULL,
						    mt_clock_wall(accounts->clock));
	existing = mt_account_find_endpoint_mutable(account, endpoint.proto, endpoint.host,
						    endpoint.port);
	if (existing && mt_endpoint_is_same(existing, &endpoint))
		return 0;
	if (!existing && account->n_endpoints == MT_ENDPOINTS_MAX)
		return MT_ACCOUNTS_E_QUOTA;
	if (!existing)
		existing = &account->endpoints[account->n_endpoints++];
	else
		what |= mt_change_remove_endpoint_consents(account, endpoint.proto, endpoint.host,
							   endpoint.port);
	/* One that is set up differently has proved nothing yet: it is a candidate again. */
	*existing = endpoint;
	return mt_change_finish(accounts, &change, what);
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
	what |= mt_change_remove_endpoint_consents(account, proto, host, port);
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

/* One service has one server: the new one of an account in use takes the place of the old one, and
 * what was accepted by hand for that goes with it. Invalidates endpoints. Return: what changed. */
static unsigned int
endpoints_retire(struct mt_account *account, const struct mt_endpoint *fresh)
{
	const struct mt_endpoint kept = *fresh;
	struct mt_endpoint retired[MT_ENDPOINTS_MAX];
	size_t n_retired = 0, n = 0;
	unsigned int what = 0;

	for (size_t i = 0; i < account->n_endpoints; i++) {
		const struct mt_endpoint *e = &account->endpoints[i];

		if (e->proto == kept.proto && (e->port != kept.port || strcmp(e->host, kept.host)))
			retired[n_retired++] = *e;
		else if (n++ != i)
			account->endpoints[n - 1] = *e;
	}
	account->n_endpoints = n;
	for (size_t i = 0; i < n_retired; i++) {
		const struct mt_endpoint *e = &retired[i];

		what |= mt_change_remove_endpoint_consents(account, e->proto, e->host, e->port);
		if (!mt_account_has_host(account, e->host))
			what |= mt_change_remove_pins(account, e->host, NULL);
	}
	return what;
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
		what |= MT_CHANGED_ENDPOINTS | endpoints_retire(&change.account, endpoint);
	}
	return mt_change_finish(accounts, &change, what);
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

/* Where an answer goes: that of the same offer, a free place, or that of the one declined first. */
static struct mt_declined *
find_declined(struct mt_account *account, const char *offer)
{
	struct mt_declined *oldest = &account->declined[0];

	for (size_t i = 0; i < account->n_declined; i++) {
		struct mt_declined *declined = &account->declined[i];

		if (strcmp(declined->offer, offer) == 0)
			return declined;
		if (declined->at_usec < oldest->at_usec)
			oldest = declined;
	}
	if (account->n_declined == MT_DECLINED_MAX)
		return oldest;
	return &account->declined[account->n_declined++];
}

int
mt_accounts_decline_offer(struct mt_accounts *accounts, struct mt_actor actor,
			  const struct mt_account_id *id, const char *offer)
{
	struct mt_change change MT_CLEANUP(mt_change_clear);
	struct mt_account *account = &change.account;
	size_t size = strnlen(offer, MT_TOKEN_SIZE);
	struct mt_declined *declined;
	int r = mt_change_begin(accounts, actor, id, &change);

	if (r != 0)
		return r;
	if (size == 0 || size == MT_TOKEN_SIZE)
		return MT_ACCOUNTS_E_INVALID;
	for (size_t i = 0; i < size; i++)
		if (offer[i] < 0x20 || offer[i] == 0x7f)
			return MT_ACCOUNTS_E_INVALID;
	declined = find_declined(account, offer);
	memcpy(declined->offer, offer, size + 1);
	declined->at_usec = mt_clock_wall(accounts->clock);
	return mt_change_finish(accounts, &change, MT_CHANGED_OFFERS);
}
