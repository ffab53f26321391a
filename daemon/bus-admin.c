/* SPDX-License-Identifier: MIT */
/* org.mailtrust1.Admin: for uid 0, and in user mode for the daemon's own user. */

#include <errno.h>
#include <string.h>

#include "daemon/keeper.h"
#include "ipc/codec.h"

static int
read_account(DBusMessageIter *args, struct mt_account_id *ret)
{
	const char *id = mt_contract_account_id(mt_codec_take_string(args));

	if (!id || mt_account_id_parse(id, ret) != 0)
		return MT_ERROR_UNKNOWN_ACCOUNT;
	return 0;
}

static int
suspend(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_keeper *keeper = userdata;
	const struct mt_actor actor = {.uid = mt_request_caller(request)->uid, .admin = true};
	struct mt_account_id id;
	int r = read_account(args, &id);

	if (r == 0)
		r = mt_keeper_error(
			mt_accounts_suspend(keeper->accounts, actor, &id, MT_SUSPENDER_ADMIN));
	if (r == 0)
		mt_request_reply(request);
	return r;
}

static int
resume(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_keeper *keeper = userdata;
	const struct mt_actor actor = {.uid = mt_request_caller(request)->uid, .admin = true};
	struct mt_account_id id;
	int r = read_account(args, &id);

	if (r == 0)
		r = mt_keeper_error(mt_accounts_resume(keeper->accounts, actor, &id));
	if (r == 0)
		mt_request_reply(request);
	return r;
}

static int
rotate_key(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_keeper *keeper = userdata;
	int r = mt_keys_rotate(keeper->keys, mt_clock_wall(keeper->clock));

	if (r == MT_KEYS_E_CREDENTIAL) {
		mt_diag_set(mt_request_diag(request), SIZE_MAX,
			    "the service manager hands the key in; rotate it there");
		return MT_ERROR_UNSUPPORTED;
	}
	if (r == 0)
		mt_request_reply(request);
	return r;
}

static int
stats(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_keeper *keeper = userdata;
	const struct mt_verdicts_stats *s = mt_verdicts_get_stats(keeper->verdicts);
	struct mt_dict dict;
	DBusMessageIter iter;
	int r = mt_request_begin_reply(request, &iter);

	if (r)
		return r;
	mt_dict_open(&dict, &iter);
	mt_dict_add_u64(&dict, "verdicts", s->verdicts);
	mt_dict_add_u64(&dict, "warm", s->warm);
	mt_dict_add_u64(&dict, "cold", s->cold);
	for (unsigned i = 0; i < MT_DECISION_COUNT; i++)
		mt_dict_add_u64(&dict, mt_decision_to_string((enum mt_decision)i),
				s->by_decision[i]);
	mt_dict_add_u64(&dict, "records", mt_store_get_n_records(keeper->store));
	r = mt_dict_close(&dict);
	if (r == 0)
		mt_request_reply(request);
	return r;
}

const struct mt_method mt_admin_methods[] = {
	{MT_CALL_ADMIN_SUSPEND, MT_ACCESS_ADMIN, suspend, MT_WHEN_READY},
	{MT_CALL_ADMIN_RESUME, MT_ACCESS_ADMIN, resume, MT_WHEN_READY},
	{MT_CALL_ADMIN_ROTATE_KEY, MT_ACCESS_ADMIN, rotate_key, MT_WHEN_CALLED},
	{MT_CALL_ADMIN_STATS, MT_ACCESS_ADMIN, stats, MT_WHEN_CALLED},
};
const size_t mt_admin_n_methods = MT_ARRAY_SIZE(mt_admin_methods);
