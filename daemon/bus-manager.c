/* SPDX-License-Identifier: MIT */
/* org.mailtrust1.Manager: what every user may ask of the service. */

#include <errno.h>
#include <string.h>

#include "daemon/keeper.h"
#include "ipc/codec.h"
#include "ipc/idn.h"

static int
reply_path(struct mt_request *request, const struct mt_account_id *id)
{
	char text[MT_ACCOUNT_ID_TEXT];
	DBusMessageIter iter;
	int r = mt_request_begin_reply(request, &iter);

	mt_account_id_format(id, text);
	if (r == 0)
		r = mt_codec_append_path(&iter, text);
	if (r == 0)
		mt_request_reply(request);
	return r;
}

static int
add_account(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_keeper *keeper = userdata;
	char address[MT_ADDRESS_SIZE];
	struct mt_account_id id;
	const char *text = mt_codec_take_string(args);
	DBusMessageIter options;
	int r = mt_idn_address(text, strlen(text), address);

	if (r > 0) {
		mt_diag_set(mt_request_diag(request), SIZE_MAX, "that is no mail address");
		return MT_ERROR_INVALID_ARGUMENTS;
	}
	if (r < 0)
		return r;
	dbus_message_iter_recurse(args, &options);
	if (dbus_message_iter_get_arg_type(&options) != DBUS_TYPE_INVALID) {
		mt_diag_set(mt_request_diag(request), SIZE_MAX, "AddAccount knows no options");
		return MT_ERROR_INVALID_ARGUMENTS;
	}
	r = mt_keeper_error(
		mt_accounts_add(keeper->accounts, mt_request_caller(request)->uid, address, &id));
	return r ? r : reply_path(request, &id);
}

static int
find_account(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_keeper *keeper = userdata;
	const struct mt_actor actor = {.uid = mt_request_caller(request)->uid};
	const char *text = mt_codec_take_string(args);
	const struct mt_account *account = NULL;
	char address[MT_ADDRESS_SIZE];
	struct mt_account_id id;
	int r;

	if (mt_account_id_parse(text, &id) == 0)
		r = mt_accounts_find(keeper->accounts, actor, &id, &account);
	else if (mt_idn_address(text, strlen(text), address) == 0)
		r = mt_accounts_find_address(keeper->accounts, actor.uid, address, &account);
	else
		r = MT_ACCOUNTS_E_UNKNOWN;
	if (r || !account)
		return r ? mt_keeper_error(r) : MT_ERROR_UNKNOWN_ACCOUNT;
	id = account->id;
	return reply_path(request, &id);
}

static int
get_keys(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_keeper *keeper = userdata;
	const char *jwks = mt_keys_jwks(keeper->keys, mt_clock_wall(keeper->clock));
	DBusMessageIter iter;
	int r = jwks ? mt_request_begin_reply(request, &iter) : -ENOMEM;

	if (r == 0)
		r = mt_codec_append_string(&iter, jwks);
	if (r == 0)
		mt_request_reply(request);
	return r;
}

static int
append_level(struct mt_keeper *keeper, DBusMessageIter *array, const struct mt_account *account)
{
	char id[MT_ACCOUNT_ID_TEXT];
	DBusMessageIter row;
	enum mt_account_level level = mt_keeper_level(keeper, account);
	int r;

	mt_account_id_format(&account->id, id);
	if (!dbus_message_iter_open_container(array, DBUS_TYPE_STRUCT, NULL, &row))
		return -ENOMEM;
	r = mt_codec_append_path(&row, id);
	if (r == 0)
		r = mt_codec_append_string(&row, account->address);
	if (r == 0)
		r = mt_codec_append_string(&row, mt_account_level_to_string(level));
	return dbus_message_iter_close_container(array, &row) && r == 0 ? 0 : -ENOMEM;
}

static int
levels(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_keeper *keeper = userdata;
	const struct mt_actor actor = {.uid = mt_request_caller(request)->uid};
	struct mt_account_id ids[MT_ACCOUNTS_PER_UID_MAX];
	const struct mt_account *account;
	DBusMessageIter iter, array;
	size_t n = 0;
	int r = mt_keeper_error(mt_accounts_list(keeper->accounts, actor.uid, ids, &n));

	if (r == MT_ERROR_UNKNOWN_ACCOUNT)
		r = 0; /* the uid has none */
	if (r == 0)
		r = mt_request_begin_reply(request, &iter);
	if (r)
		return r;
	if (!dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "(oss)", &array))
		return -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++)
		if (mt_accounts_find(keeper->accounts, actor, &ids[i], &account) == 0)
			r = append_level(keeper, &array, account);
	if (!dbus_message_iter_close_container(&iter, &array) || r)
		return -ENOMEM;
	mt_request_reply(request);
	return 0;
}

static int
subscribe(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_keeper *keeper = userdata;
	int r = mt_dispatch_subscribe(keeper->dispatch, mt_request_caller(request));

	if (r == 0)
		mt_request_reply(request);
	return r;
}

static int
unsubscribe(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_keeper *keeper = userdata;

	mt_dispatch_unsubscribe(keeper->dispatch, mt_request_caller(request));
	mt_request_reply(request);
	return 0;
}

static int
status(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	static const char *const states[] = {"degraded", "checking", "ready"};
	struct mt_keeper *keeper = userdata;
	uint32_t n_anchors = 0;
	struct mt_dict dict;
	DBusMessageIter iter;
	int r = mt_request_begin_reply(request, &iter);

	if (r)
		return r;
	(void)mt_jobs_generation(keeper->jobs, &n_anchors);
	mt_dict_open(&dict, &iter);
	mt_dict_add_string(&dict, "version", MT_VERSION);
	mt_dict_add_u64(&dict, "policy-epoch", mt_store_get_epoch(keeper->store));
	mt_dict_add_string(&dict, "mode", keeper->config->user ? "user" : "system");
	mt_dict_add_string(&dict, "store", states[mt_store_get_state(keeper->store)]);
	mt_dict_add_bool(&dict, "validator-ready", mt_jobs_ready(keeper->jobs));
	mt_dict_add_u32(&dict, "trust-anchors", n_anchors);
	mt_dict_add_bool(
		&dict, "clock-sane",
		mt_clock_is_sane(keeper->clock, keeper->config->clock_must_be_synchronised));
	mt_dict_add_bool(&dict, "on-bus", mt_bus_is_connected(keeper->bus));
	r = mt_dict_close(&dict);
	if (r == 0)
		mt_request_reply(request);
	return r;
}

const struct mt_method mt_manager_methods[] = {
	{MT_CALL_MANAGER_ADD_ACCOUNT, MT_ACCESS_ANYONE, add_account, MT_WHEN_READY},
	{MT_CALL_MANAGER_DISCOVER, MT_ACCESS_ANYONE, mt_manager_discover, MT_WHEN_READY},
	{MT_CALL_MANAGER_FIND_ACCOUNT, MT_ACCESS_ANYONE, find_account, MT_WHEN_CALLED},
	{MT_CALL_MANAGER_GET_KEYS, MT_ACCESS_ANYONE, get_keys, MT_WHEN_CALLED},
	{MT_CALL_MANAGER_LEVELS, MT_ACCESS_ANYONE, levels, MT_WHEN_CALLED},
	{MT_CALL_MANAGER_SUBSCRIBE, MT_ACCESS_ANYONE, subscribe, MT_WHEN_CALLED},
	{MT_CALL_MANAGER_UNSUBSCRIBE, MT_ACCESS_ANYONE, unsubscribe, MT_WHEN_CALLED},
	{MT_CALL_MANAGER_STATUS, MT_ACCESS_ANYONE, status, MT_WHEN_CALLED},
};
const size_t mt_manager_n_methods = MT_ARRAY_SIZE(mt_manager_methods);
