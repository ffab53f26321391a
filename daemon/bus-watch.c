/* SPDX-License-Identifier: MIT */
/* The watcher on the bus: its signals, its properties, and looks somebody asks for. */

#include "daemon/bus-watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/bus-srv.h"
#include "ipc/codec.h"

/* -- what was found, as a dictionary ----------------------------------------------------------- */

static void
add_named(struct mt_dict *dict, const struct mt_named *named)
{
	if (!named->service)
		return;
	mt_dict_add_string(dict, "label", named->service->label);
	mt_dict_add_string(dict, "protocol", mt_proto_to_string(named->service->proto));
	if (named->host[0] == '\0')
		return;
	mt_dict_add_string(dict, "transport", mt_transport_to_string(named->service->transport));
	mt_dict_add_string(dict, "host", named->host);
	mt_dict_add_u16(dict, "port", named->port);
	mt_dict_add_string(dict, "dnssec", mt_dnssec_to_string(named->dnssec));
}

static void
add_row(struct mt_dict *dict, const struct mt_finding *finding)
{
	const char row[] = {'S', '-', (char)('0' + finding->row / 10),
			    (char)('0' + finding->row % 10), '\0'};

	mt_dict_add_string(dict, "row", row);
}

static void
add_reasons(struct mt_dict *dict, const struct mt_finding *finding)
{
	const char *reasons[MT_CHANGE_REASONS_MAX];

	for (size_t i = 0; i < finding->n_reasons; i++)
		reasons[i] = mt_reason_to_string(finding->reasons[i]);
	mt_dict_add_strings(dict, "reasons", reasons, finding->n_reasons);
}

static void
add_offer(struct mt_dict *dict, const struct mt_named *named)
{
	char name[MT_TOKEN_SIZE];

	mt_upgrade_name(named->service, name);
	mt_dict_add_string(dict, "offer", name);
	add_named(dict, named);
}

static int
append_reasons(DBusMessageIter *iter, const struct mt_finding *finding)
{
	DBusMessageIter array;
	int r = 0;

	if (!dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "s", &array))
		return -ENOMEM;
	for (size_t i = 0; i < finding->n_reasons && r == 0; i++)
		r = mt_codec_append_string(&array, mt_reason_to_string(finding->reasons[i]));
	return dbus_message_iter_close_container(iter, &array) && r == 0 ? 0 : -ENOMEM;
}

/* The detail every signal ends with. */
static int
append_detail(DBusMessageIter *iter, const struct mt_finding *finding,
	      const struct mt_named *upgrade)
{
	struct mt_dict dict;

	mt_dict_open(&dict, iter);
	if (finding->row != 1)
		add_row(&dict, finding);
	if (upgrade)
		add_offer(&dict, upgrade);
	else
		add_named(&dict, &finding->subject);
	return mt_dict_close(&dict);
}

/* -- signals ----------------------------------------------------------------------------------- */

typedef int (*fill_fn)(DBusMessageIter *iter, const struct mt_told *told);

static int
fill_upgrade(DBusMessageIter *iter, const struct mt_told *told)
{
	const struct mt_service *service = told->upgrade->service;
	int r = mt_codec_append_string(iter, mt_proto_to_string(service->proto));

	if (r == 0)
		r = mt_codec_append_string(iter, mt_transport_to_string(service->transport));
	return r ? r : append_detail(iter, told->finding, told->upgrade);
}

static int
fill_config(DBusMessageIter *iter, const struct mt_told *told)
{
	int r = mt_codec_append_string(iter, mt_change_class_to_string(told->finding->class));

	if (r == 0)
		r = append_reasons(iter, told->finding);
	return r ? r : append_detail(iter, told->finding, NULL);
}

static int
fill_alert(DBusMessageIter *iter, const struct mt_told *told)
{
	int r = append_reasons(iter, told->finding);

	return r ? r : append_detail(iter, told->finding, NULL);
}

static void
emit(struct mt_keeper *keeper, const struct mt_account *account, enum mt_signal which, fill_fn fill,
     const struct mt_told *told)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *signal = mt_signal_new(which, MT_ROOT_PATH);
	char id[MT_ACCOUNT_ID_TEXT];
	DBusMessageIter iter;

	if (!signal)
		return;
	mt_account_id_format(&account->id, id);
	dbus_message_iter_init_append(signal, &iter);
	if (mt_codec_append_path(&iter, id) == 0 && fill(&iter, told) == 0)
		mt_dispatch_emit(keeper->dispatch, account->uid, signal);
}

static void
on_told(void *userdata, const struct mt_account *account, const struct mt_told *told)
{
	static const struct {
		unsigned int bit;
		enum mt_signal signal;
		fill_fn fill;
	} signals[] = {
		{MT_CHANGE_CONFIG, MT_SIGNAL_MANAGER_CONFIG_CHANGED, fill_config},
		{MT_CHANGE_ALERT, MT_SIGNAL_MANAGER_SECURITY_ALERT, fill_alert},
		{MT_CHANGE_UPGRADE, MT_SIGNAL_MANAGER_UPGRADE_AVAILABLE, fill_upgrade},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(signals); i++)
		if (told->signals & signals[i].bit)
			emit(userdata, account, signals[i].signal, signals[i].fill, told);
}

/* -- the keeper's events ----------------------------------------------------------------------- */

int
mt_keeper_open_watcher(struct mt_keeper *keeper)
{
	const struct mt_watch_options options = {
		.base = keeper->base,
		.store = keeper->store,
		.accounts = keeper->accounts,
		.ops = &mt_watch_ops,
		.discoveries = keeper->discoveries,
		.probes = keeper->probes,
		.clock = keeper->clock,
		.clock_must_be_synchronised = keeper->config->clock_must_be_synchronised,
		.is_off = !(keeper->config->discovery & MT_BIT(MT_DISCOVERY_SRV)),
		.told = on_told,
		.userdata = keeper,
	};

	return mt_watch_new(&options, &keeper->watcher);
}

void
mt_keeper_watch_changed(struct mt_keeper *keeper, const struct mt_account *account,
			unsigned int what)
{
	if (what & (MT_CHANGED_STATE | MT_CHANGED_ENDPOINTS | MT_CHANGED_MINIMUM))
		mt_watch_touch(keeper->watcher, &account->id, (what & MT_CHANGED_ENDPOINTS) != 0);
}

void
mt_keeper_watch_seen(struct mt_keeper *keeper, const struct mt_account *account)
{
	if (account->state == MT_ACCOUNT_ACTIVE && !mt_watch_knows(keeper->watcher, account))
		mt_watch_take_up(keeper->watcher, &account->id);
}

void
mt_keeper_watch_failed(struct mt_keeper *keeper, uint32_t uid, const struct mt_account_id *id,
		       enum mt_proto proto)
{
	const struct mt_account *account;

	if (mt_accounts_find(keeper->accounts, (struct mt_actor){.uid = uid}, id, &account) == 0)
		mt_watch_failed(keeper->watcher, account, proto);
}

/* -- properties -------------------------------------------------------------------------------- */

static int
append_offers(DBusMessageIter *variant, const struct mt_watched *watched)
{
	DBusMessageIter array;
	int r = 0;

	if (!dbus_message_iter_open_container(variant, DBUS_TYPE_ARRAY, "a{sv}", &array))
		return -ENOMEM;
	for (size_t i = 0; i < watched->n_offers && r == 0; i++) {
		struct mt_dict dict;

		mt_dict_open(&dict, &array);
		add_offer(&dict, &watched->offers[i].named);
		mt_dict_add_time(&dict, "made-at", watched->offers[i].made_usec);
		r = mt_dict_close(&dict);
	}
	return dbus_message_iter_close_container(variant, &array) && r == 0 ? 0 : -ENOMEM;
}

/* What nobody has looked at, or cannot be read, is nothing. */
static int
append_change(DBusMessageIter *variant, const struct mt_watched *watched)
{
	const struct mt_finding *finding = &watched->finding;
	struct mt_dict dict;

	mt_dict_open(&dict, variant);
	if (watched->looked_usec != 0)
		mt_dict_add_time(&dict, "looked-at", watched->looked_usec);
	if (finding->row != 0) {
		add_row(&dict, finding);
		mt_dict_add_string(&dict, "class", mt_change_class_to_string(finding->class));
		add_reasons(&dict, finding);
		mt_dict_add_bool(&dict, "pending", finding->is_pending);
		add_named(&dict, &finding->subject);
	}
	return mt_dict_close(&dict);
}

static int
append_watched(struct mt_keeper *keeper, const struct mt_account *account, DBusMessageIter *variant,
	       int (*append)(DBusMessageIter *variant, const struct mt_watched *watched))
{
	struct mt_watched *watched = malloc(sizeof(*watched)); /* too large for the stack */
	int r = -ENOMEM;

	if (watched) {
		(void)!mt_watch_get(keeper->watcher, &account->id, watched); /* else all zero */
		r = append(variant, watched);
	}
	free(watched);
	return r;
}

int
mt_watch_append_offers(void *account, uint32_t uid, DBusMessageIter *variant, void *userdata)
{
	return append_watched(userdata, account, variant, append_offers);
}

int
mt_watch_append_change(void *account, uint32_t uid, DBusMessageIter *variant, void *userdata)
{
	return append_watched(userdata, account, variant, append_change);
}

/* -- CheckServers ------------------------------------------------------------------------------ */

struct waiting {
	struct mt_keeper *keeper;
	struct mt_request *request;
	uint32_t uid;
	char domain[MT_DOMAIN_SIZE];
	struct mt_watch_look *look;
};

static void
on_cancel(struct mt_request *request, void *data)
{
	struct waiting *w = data;

	mt_watch_look_cancel(w->look);
	free(w);
}

static int
append_finding(struct mt_request *request, const struct mt_finding *finding)
{
	struct mt_dict dict;
	DBusMessageIter iter;
	int r = mt_request_begin_reply(request, &iter);

	if (r == 0)
		r = mt_codec_append_string(&iter, mt_change_class_to_string(finding->class));
	if (r == 0)
		r = append_reasons(&iter, finding);
	if (r)
		return r;
	mt_dict_open(&dict, &iter);
	add_row(&dict, finding);
	mt_dict_add_bool(&dict, "pending", finding->is_pending);
	add_named(&dict, &finding->subject);
	return mt_dict_close(&dict);
}

/* A person looked: what DNS said is kept for him to see (srv show), and to set up from. */
static void
keep(const struct waiting *w, const struct mt_srv_rrset *answers)
{
	struct mt_findings *found = calloc(1, sizeof(*found));

	if (!found)
		return;
	found->asked = MT_BIT(MT_DISCOVERY_SRV);
	memcpy(found->answers, answers, sizeof(found->answers));
	mt_keeper_keep_found(w->keeper, w->uid, w->domain, found);
	free(found);
}

static void
on_looked(const struct mt_finding *finding, const struct mt_srv_rrset *answers, void *userdata)
{
	struct waiting *w = userdata;

	if (answers)
		keep(w, answers);
	mt_request_finish(w->request,
			  finding ? append_finding(w->request, finding) : MT_ERROR_DEGRADED);
	free(w);
}

static int
look_error(struct mt_request *request, int outcome)
{
	static const int errors[] = {
		[MT_WATCH_E_LIMIT] = MT_ERROR_LIMIT_EXCEEDED,
		[MT_WATCH_E_STATE] = MT_ERROR_NOT_IN_THIS_STATE,
		[MT_WATCH_E_INVALID] = MT_ERROR_INVALID_ARGUMENTS,
	};

	if (outcome == MT_WATCH_E_STATE)
		mt_diag_set(mt_request_diag(request), SIZE_MAX,
			    "only accounts in use are watched, and only with SRV switched on");
	if (outcome == MT_WATCH_E_LIMIT)
		mt_diag_set(mt_request_diag(request), SIZE_MAX,
			    "somebody looked within the last minute, or too much is under way");
	return outcome > 0 ? errors[outcome] : outcome;
}

static int
check_servers(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_keeper *keeper = userdata;
	const struct mt_account *account = mt_request_account(request);
	struct waiting *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->keeper = keeper;
	w->request = request;
	w->uid = account->uid;
	memcpy(w->domain, account->domain, sizeof(w->domain));
	r = mt_watch_look(keeper->watcher, account, on_looked, w, &w->look);
	if (r) {
		free(w);
		return look_error(request, r);
	}
	mt_request_keep(request, on_cancel, w);
	return 0;
}

/* -- ReportFailure, GetRecord ------------------------------------------------------------------ */

static int
report_failure(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_keeper *keeper = userdata;
	enum mt_proto proto;

	if (mt_proto_from_string(mt_codec_take_string(args), &proto) != 0)
		return MT_ERROR_INVALID_ARGUMENTS;
	mt_watch_failed(keeper->watcher, mt_request_account(request), proto);
	mt_request_reply(request);
	return 0;
}

static int
get_record(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_writer writer MT_CLEANUP(mt_writer_clear) = {0};
	DBusMessageIter iter, array;
	const uint8_t *data;
	int r = mt_account_encode(mt_request_account(request), &writer);

	if (r == 0)
		r = mt_request_begin_reply(request, &iter);
	if (r)
		return r;
	data = writer.data;
	if (!dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "y", &array) ||
	    !dbus_message_iter_append_fixed_array(&array, DBUS_TYPE_BYTE, &data,
						  (int)writer.size) ||
	    !dbus_message_iter_close_container(&iter, &array))
		return -ENOMEM;
	mt_request_reply(request);
	return 0;
}

const struct mt_method mt_watch_methods[] = {
	{MT_CALL_ACCOUNT_CHECK_SERVERS, MT_ACCESS_OWNER, check_servers, MT_WHEN_READY},
	{MT_CALL_ACCOUNT_REPORT_FAILURE, MT_ACCESS_OWNER, report_failure, MT_WHEN_CALLED},
	{MT_CALL_ACCOUNT_GET_RECORD, MT_ACCESS_OWNER, get_record, MT_WHEN_CALLED},
};
const size_t mt_watch_n_methods = MT_ARRAY_SIZE(mt_watch_methods);
