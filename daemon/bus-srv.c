/* SPDX-License-Identifier: MIT */
/* org.mailtrust1.Account, what DNS once said about its domain: kept, shown, set up from,
 * forgotten. */

#include "daemon/bus-srv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/bus-gate.h"
#include "daemon/log.h"
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

void
mt_keeper_keep_srv(struct mt_keeper *keeper, uint32_t uid, const char *domain,
		   const struct mt_srv_rrset *answers)
{
	char resolver[MT_SRV_RESOLVER_SIZE];
	int r;

	name_resolver(keeper->config, resolver);
	r = mt_srv_cache_put(keeper->store, uid, domain, answers, mt_clock_wall(keeper->clock),
			     resolver);
	if (r)
		mt_log(MT_LOG_DEBUG, "srv-cache", "SRV answers were not kept: %s",
		       r < 0 ? strerror(-r) : mt_store_strerror(r));
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

/* Servers are set up from what was looked up just now; the TTL may be shorter. */
#define FRESH_USEC (10 * 60 * MT_USEC_PER_SEC)

static bool
is_fresh(const struct mt_srv_entry *entry, int64_t now_usec)
{
	return mt_srv_rrset_is_answer(&entry->answer) && now_usec >= entry->asked_usec &&
	       now_usec - entry->asked_usec <= FRESH_USEC;
}

static bool
names_server(const struct mt_srv_rrset *answer, const struct mt_endpoint *wanted)
{
	for (size_t i = 0; i < answer->n; i++)
		if (answer->records[i].port == wanted->port &&
		    strcmp(answer->records[i].target, wanted->host) == 0)
			return true;
	return false;
}

/* The state of the label's answer is this end's word, not the caller's (R-5.1-11). */
static int
fill_dnssec(struct mt_edit *edit, const struct mt_service *service)
{
	const struct mt_account *account = mt_request_account(edit->request);
	int64_t now = mt_clock_wall(edit->keeper->clock);
	struct mt_srv_entry *entry = malloc(sizeof(*entry)); /* too large for the stack */
	int r;

	if (!entry)
		return -ENOMEM;
	r = mt_srv_cache_get(edit->keeper->store, account->uid, account->domain,
			     (size_t)(service - mt_services), entry);
	if (r >= 0 && (!is_fresh(entry, now) || !names_server(&entry->answer, &edit->endpoint))) {
		mt_diag_set(mt_request_diag(edit->request), SIZE_MAX,
			    "DNS did not name this server just now");
		r = MT_ERROR_NOT_IN_THIS_STATE;
	}
	edit->endpoint.dnssec = entry->answer.rrset.dnssec;
	free(entry);
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
	endpoint->discovery = MT_DISCOVERY_SRV;
	(void)snprintf(endpoint->label, sizeof(endpoint->label), "%s", service->label);
	return fill_dnssec(edit, service);
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
