/* SPDX-License-Identifier: MIT */
/* org.mailtrust1.Account, what DNS and other sources once said about its domain: kept, shown, set
 * up from, forgotten. */

#include "daemon/bus-srv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/bus-gate.h"
#include "daemon/log.h"
#include "daemon/offers-cache.h"
#include "daemon/srv-cache.h"
#include "ipc/codec.h"
#include "ipc/idn.h"

/* "priority weight port target", as zone files have it (RFC 2782). */
#define RECORD_TEXT_SIZE (MT_DOMAIN_SIZE + 3 * 6)

/* -- keeping ----------------------------------------------------------------------------------- */

/* Whom the worker asks (D-SRV-14). */
static void
name_resolver(const struct mt_config *config, char ret[static MT_SRV_RESOLVER_SIZE])
{
	const struct mt_config_list *list = &config->dns_forward;
	size_t used = 0;

	(void)snprintf(ret, MT_SRV_RESOLVER_SIZE, "%s", list->n == 0 ? "resolv.conf" : "");
	for (size_t i = 0; i < list->n; i++) {
		size_t size = strlen(list->items[i]) + (used > 0 ? 2 : 0);

		if (used + size >= MT_SRV_RESOLVER_SIZE)
			return;
		(void)snprintf(ret + used, MT_SRV_RESOLVER_SIZE - used, "%s%s",
			       used > 0 ? ", " : "", list->items[i]);
		used += size;
	}
}

static void
note_kept(const char *what, int r)
{
	if (r)
		mt_log(MT_LOG_DEBUG, "srv-cache", "%s were not kept: %s", what,
		       r < 0 ? strerror(-r) : mt_store_strerror(r));
}

void
mt_keeper_keep_found(struct mt_keeper *keeper, uint32_t uid, const char *domain,
		     const struct mt_findings *found)
{
	const int64_t now = mt_clock_wall(keeper->clock);
	char resolver[MT_SRV_RESOLVER_SIZE];

	name_resolver(keeper->config, resolver);
	if (found->asked & MT_BIT(MT_DISCOVERY_SRV))
		note_kept("SRV answers", mt_srv_cache_put(keeper->store, uid, domain,
							  found->answers, now, resolver));
	note_kept("offers", mt_offers_cache_put(keeper->store, uid, domain, found, now));
}

void
mt_keeper_forget_srv(struct mt_keeper *keeper, uint32_t uid, const char *domain)
{
	const struct mt_actor actor = {.uid = uid};
	struct mt_account_id ids[MT_ACCOUNTS_PER_UID_MAX];
	const struct mt_account *account;
	size_t n = 0;

	if (mt_accounts_list(keeper->accounts, uid, ids, &n) != 0)
		n = 0;
	for (size_t i = 0; i < n; i++)
		if (mt_accounts_find(keeper->accounts, actor, &ids[i], &account) == 0 &&
		    strcmp(account->domain, domain) == 0)
			return;
	/* what cannot be removed now goes with the next account of the domain */
	(void)!mt_srv_cache_forget(keeper->store, uid, domain);
	(void)!mt_offers_cache_forget(keeper->store, uid, domain);
}

/* -- GetSrv ------------------------------------------------------------------------------------ */

static void
add_records(struct mt_dict *dict, const struct mt_srv_rrset *answer)
{
	char text[MT_SRV_MAX][RECORD_TEXT_SIZE];
	const char *rows[MT_SRV_MAX];

	for (size_t i = 0; i < answer->n; i++) {
		const struct mt_srv_record *record = &answer->records[i];

		(void)snprintf(text[i], sizeof(text[i]), "%u %u %u %s", record->priority,
			       record->weight, record->port, record->target);
		rows[i] = text[i];
	}
	mt_dict_add_strings(dict, "records", rows, answer->n);
}

static int
append_entry(DBusMessageIter *array, const struct mt_service *service,
	     const struct mt_srv_entry *entry)
{
	const struct mt_rrset *rrset = &entry->answer.rrset;
	struct mt_dict dict;

	mt_dict_open(&dict, array);
	mt_dict_add_string(&dict, "label", service->label);
	mt_dict_add_string(&dict, "state", mt_rrset_state_to_string(rrset->state));
	mt_dict_add_string(&dict, "dnssec", mt_dnssec_to_string(rrset->dnssec));
	mt_dict_add_u32(&dict, "ttl", rrset->ttl_sec);
	mt_dict_add_time(&dict, "asked-at", entry->asked_usec);
	mt_dict_add_string(&dict, "resolver", entry->resolver);
	if (rrset->canonical[0] != '\0')
		mt_dict_add_string(&dict, "canonical", rrset->canonical);
	add_records(&dict, &entry->answer);
	return mt_dict_close(&dict);
}

static int
append_entries(struct mt_keeper *keeper, const struct mt_account *account, DBusMessageIter *array)
{
	struct mt_srv_entry *entry = malloc(sizeof(*entry)); /* too large for the stack */
	int r = entry ? 0 : -ENOMEM;

	for (size_t i = 0; i < MT_SERVICE_COUNT && r == 0; i++) {
		r = mt_srv_cache_get(keeper->store, account->uid, account->domain, i, entry);
		if (r == 0)
			r = append_entry(array, &mt_services[i], entry);
		else if (r == MT_STORE_E_NOT_FOUND || r == MT_STORE_E_DAMAGED)
			r = 0;
	}
	free(entry);
	return r > 0 ? MT_ERROR_DEGRADED : r;
}

static int
get_srv(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	DBusMessageIter iter, array;
	int r = mt_request_begin_reply(request, &iter);

	if (r)
		return r;
	if (!dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "a{sv}", &array))
		return -ENOMEM;
	r = append_entries(userdata, mt_request_account(request), &array);
	if (!dbus_message_iter_close_container(&iter, &array) && r == 0)
		r = -ENOMEM;
	if (r == 0)
		mt_request_reply(request);
	return r;
}

/* -- SetDiscovered ----------------------------------------------------------------------------- */

/* What the account's domain is known to have, as of now. */
struct lookup {
	struct mt_keeper *keeper;
	const struct mt_account *account;
	const struct mt_service *service;
	struct mt_endpoint *endpoint; /* host and port are looked for; dnssec is filled */
	int64_t now_usec;
};

static bool
is_fresh(const struct lookup *l, int64_t asked_usec)
{
	return l->now_usec >= asked_usec && l->now_usec - asked_usec <= MT_DISCOVERED_USEC;
}

static bool
is_named(const struct lookup *l, const struct mt_offer *offers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (offers[i].proto == l->service->proto &&
		    offers[i].transport == l->service->transport &&
		    offers[i].port == l->endpoint->port &&
		    strcmp(offers[i].host, l->endpoint->host) == 0) {
			l->endpoint->dnssec = offers[i].dnssec;
			return true;
		}
	return false;
}

/* Each below: 1 where the source names the server, 0 where it does not, negative errno. */

static int
ask_presets(const struct lookup *l, enum mt_discovery source)
{
	struct mt_offer offers[MT_OFFERS_MAX] = {0};
	size_t n = mt_presets_find(l->keeper->presets, l->account->domain, offers);

	return is_named(l, offers, n);
}

static int
ask_offers(const struct lookup *l, enum mt_discovery source)
{
	struct mt_offers_entry entry;
	int r = mt_offers_cache_get(l->keeper->store, l->account->uid, l->account->domain, source,
				    l->now_usec, &entry);

	if (r)
		return r < 0 ? r : 0;
	return is_named(l, entry.offers, entry.n);
}

static bool
srv_names(const struct mt_srv_rrset *answer, const struct mt_endpoint *wanted)
{
	for (size_t i = 0; i < answer->n; i++)
		if (answer->records[i].port == wanted->port &&
		    strcmp(answer->records[i].target, wanted->host) == 0)
			return true;
	return false;
}

static int
ask_srv(const struct lookup *l, enum mt_discovery source)
{
	struct mt_srv_entry *entry = malloc(sizeof(*entry)); /* too large for the stack */
	int r;

	if (!entry)
		return -ENOMEM;
	r = mt_srv_cache_get(l->keeper->store, l->account->uid, l->account->domain,
			     (size_t)(l->service - mt_services), entry);
	if (r >= 0)
		r = r == 0 && is_fresh(l, entry->asked_usec) &&
		    mt_srv_rrset_is_answer(&entry->answer) &&
		    srv_names(&entry->answer, l->endpoint);
	if (r > 0)
		l->endpoint->dnssec = entry->answer.rrset.dnssec;
	free(entry);
	return r;
}

/* D-DISC-01: of those that are on and name the server, the best one vouches for it; unsigned SRV
 * does where nothing better but a document in clear is left. Where a name comes from, and what
 * stands behind it, is this end's word, not the caller's (R-5.1-11). */
static int
find_source(const struct lookup *l, uint64_t enabled)
{
	static const struct {
		enum mt_discovery source;
		bool is_signed; /* only where it is */
		int (*ask)(const struct lookup *l, enum mt_discovery source);
	} order[] = {
		{MT_DISCOVERY_ADMIN, false, ask_presets},
		{MT_DISCOVERY_SRV, true, ask_srv},
		{MT_DISCOVERY_PACC, false, ask_offers},
		{MT_DISCOVERY_AUTOCONFIG, false, ask_offers},
		{MT_DISCOVERY_SRV, false, ask_srv},
		{MT_DISCOVERY_AUTOCONFIG_HTTP, false, ask_offers},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(order); i++) {
		int r = 0;

		if (enabled & MT_BIT(order[i].source))
			r = order[i].ask(l, order[i].source);
		if (r < 0)
			return r;
		l->endpoint->discovery = order[i].source;
		if (r > 0 && (!order[i].is_signed || l->endpoint->dnssec == MT_DNSSEC_SECURE))
			return 0;
	}
	return MT_ERROR_NOT_IN_THIS_STATE;
}

static int
fill_source(struct mt_edit *edit, const struct mt_service *service)
{
	const struct lookup lookup = {
		.keeper = edit->keeper,
		.account = mt_request_account(edit->request),
		.service = service,
		.endpoint = &edit->endpoint,
		.now_usec = mt_clock_wall(edit->keeper->clock),
	};
	int r = find_source(&lookup, edit->keeper->config->discovery);

	if (r > 0)
		mt_diag_set(mt_request_diag(edit->request), SIZE_MAX,
			    "no source named this server just now");
	else if (r == 0 && edit->endpoint.discovery == MT_DISCOVERY_SRV)
		(void)snprintf(edit->endpoint.label, sizeof(edit->endpoint.label), "%s",
			       service->label);
	return r;
}

static int
read_discovered(struct mt_edit *edit, DBusMessageIter *args)
{
	const struct mt_service *service = mt_service_find_label(mt_codec_take_string(args));
	const char *host = mt_codec_take_string(args);
	struct mt_endpoint *endpoint = &edit->endpoint;
	int r = mt_idn_host(host, strlen(host), endpoint->host);

	if (r < 0)
		return r;
	endpoint->port = mt_codec_take_u16(args);
	if (!service || r > 0 || endpoint->port == 0) {
		mt_diag_set(mt_request_diag(edit->request), SIZE_MAX,
			    "that is no SRV label with a host name and a port");
		return MT_ERROR_INVALID_ARGUMENTS;
	}
	endpoint->proto = service->proto;
	endpoint->transport = service->transport;
	return fill_source(edit, service);
}

static int
set_discovered(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_edit *edit = mt_edit_new(userdata, request, NULL);

	return edit ? mt_edit_set_endpoint_take(edit, read_discovered(edit, args)) : -ENOMEM;
}

const struct mt_method mt_srv_methods[] = {
	{MT_CALL_ACCOUNT_SET_DISCOVERED, MT_ACCESS_OWNER, set_discovered, MT_WHEN_READY},
	{MT_CALL_ACCOUNT_GET_SRV, MT_ACCESS_OWNER, get_srv, MT_WHEN_CALLED},
};
const size_t mt_srv_n_methods = MT_ARRAY_SIZE(mt_srv_methods);
