/* SPDX-License-Identifier: MIT */
/* org.mailtrust1.Account, what is offered: accepted through the ordinary gates, or declined. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/bus-watch.h"
#include "ipc/codec.h"

/* An offer that is being accepted: its server is looked at once more. */
struct acceptance {
	struct mt_keeper *keeper;
	struct mt_request *request;
	struct mt_actor actor;
	struct mt_account_id id;
	char name[MT_TOKEN_SIZE];
	struct mt_endpoint endpoint;
	struct mt_probe_run *run;
};

static void
on_cancel(struct mt_request *request, void *data)
{
	struct acceptance *a = data;

	mt_probe_run_cancel(a->run);
	free(a);
}

/* -- finding ----------------------------------------------------------------------------------- */

/* Reads the name of an offer that is open. Return: 0, an enum mt_error, negative errno. */
static int
read_offer(struct mt_keeper *keeper, struct mt_request *request, DBusMessageIter *args,
	   char ret_name[static MT_TOKEN_SIZE], struct mt_named *ret)
{
	const struct mt_account *account = mt_request_account(request);
	struct mt_watched *watched = malloc(sizeof(*watched)); /* too large for the stack */
	const char *name = mt_codec_take_string(args);
	struct mt_upgrade *offer = NULL;

	if (!watched)
		return -ENOMEM;
	if (mt_watch_get(keeper->watcher, &account->id, watched) == 0)
		offer = mt_watched_find_offer(watched, name);
	if (offer) {
		*ret = offer->named;
		mt_upgrade_name(ret->service, ret_name);
	}
	free(watched);
	if (offer)
		return 0;
	mt_diag_set(mt_request_diag(request), SIZE_MAX, "no such offer is open");
	return MT_ERROR_NOT_IN_THIS_STATE;
}

/* -- accepting --------------------------------------------------------------------------------- */

/* The account has a server of that service, less well encrypted than the one offered: whatever else
 * happened since it was offered, accepting it does not weaken anything. */
static bool
improves(const struct mt_account *account, const struct mt_endpoint *fresh)
{
	for (size_t i = 0; i < account->n_endpoints; i++)
		if (account->endpoints[i].proto == fresh->proto &&
		    account->endpoints[i].status == MT_ENDPOINT_SAVED)
			return account->endpoints[i].transport < fresh->transport;
	return false;
}

/* Every server in use was seen to be confidential: requiring it takes none away. */
static bool
may_require(const struct mt_account *account)
{
	for (size_t i = 0; i < account->n_endpoints; i++)
		if (account->endpoints[i].probe != MT_PROBE_CONFIDENTIAL)
			return false;
	return true;
}

/* R-5-15: what is available is required from now on. Strengthening is free. */
static int
require(struct acceptance *a, bool *ret_required)
{
	struct mt_accounts *accounts = a->keeper->accounts;
	const struct mt_account *account;
	struct mt_minimum *minimum;
	int r = mt_accounts_find(accounts, a->actor, &a->id, &account);

	if (r)
		return r;
	*ret_required =
		mt_value(mt_accounts_effective(accounts, account), MT_FIELD_MIN_CONF) != MT_OFF;
	if (*ret_required || !may_require(account))
		return 0;
	minimum = calloc(1, sizeof(*minimum));
	if (!minimum)
		return -ENOMEM;
	r = mt_minimum_set_text(minimum, "min_conf", "on", false);
	if (r == 0)
		r = mt_accounts_set_minimum(accounts, a->actor, &a->id, minimum);
	free(minimum);
	*ret_required = r == 0;
	return r;
}

/* The server takes the place of the one before, as it would after SetEndpoint and Probe. */
static int
take_over(struct acceptance *a, const struct mt_evidence *evidence, const struct mt_answer *answer)
{
	struct mt_accounts *accounts = a->keeper->accounts;
	const struct mt_verdict *verdict = &answer->verdict;
	const struct mt_probe seen = {
		.proto = a->endpoint.proto,
		.host = a->endpoint.host,
		.port = a->endpoint.port,
		.confidential = verdict->conf,
		.leaf_sha256 =
			mt_evidence_has(evidence, MT_EV_LEAF_SHA256) ? evidence->leaf_sha256 : NULL,
		.reasons = verdict->reasons,
		.n_reasons = verdict->n_reasons,
	};
	const struct mt_account *account;
	int r = mt_accounts_find(accounts, a->actor, &a->id, &account);

	if (r == 0 && (account->state != MT_ACCOUNT_ACTIVE || !improves(account, &a->endpoint)))
		r = MT_ACCOUNTS_E_STATE;
	if (r == 0)
		r = mt_accounts_set_endpoint(accounts, a->actor, &a->id, &a->endpoint);
	return r ? r : mt_accounts_set_probe(accounts, a->actor, &a->id, &seen);
}

static int
accept_server(struct acceptance *a, const struct mt_evidence *evidence,
	      const struct mt_answer *answer)
{
	bool required = false;
	DBusMessageIter iter;
	dbus_bool_t value;
	int r;

	if (!answer->verdict.conf)
		return MT_ERROR_MINIMUM_NOT_MET;
	r = take_over(a, evidence, answer);
	if (r == 0) {
		mt_watch_remove_offer(a->keeper->watcher, &a->id, a->name);
		r = require(a, &required);
	}
	if (r)
		return mt_keeper_error(r);
	r = mt_request_begin_reply(a->request, &iter);
	value = required;
	return r == 0 && dbus_message_iter_append_basic(&iter, DBUS_TYPE_BOOLEAN, &value) ? 0
											  : -ENOMEM;
}

static void
on_probe(int outcome, const struct mt_evidence *evidence, const struct mt_answer *answer,
	 const char *text, void *userdata)
{
	struct acceptance *a = userdata;
	int r = mt_keeper_probe_error(outcome);

	if (r)
		mt_diag_set(mt_request_diag(a->request), SIZE_MAX, "%s", text);
	else
		r = accept_server(a, evidence, answer);
	mt_request_finish(a->request, r);
	free(a);
}

static int
start(struct acceptance *a, DBusMessageIter *args)
{
	const struct mt_account *account = mt_request_account(a->request);
	struct mt_named named = {0};
	int r = read_offer(a->keeper, a->request, args, a->name, &named);

	if (r)
		return r;
	mt_upgrade_endpoint(account, &named, &a->endpoint);
	r = mt_probes_try(a->keeper->probes, account->uid, account, &a->endpoint, on_probe, a,
			  &a->run);
	return mt_keeper_probe_error(r);
}

static int
accept_offer(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	const struct mt_account *account = mt_request_account(request);
	struct acceptance *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	a->keeper = userdata;
	a->request = request;
	a->actor.uid = account->uid;
	a->id = account->id;
	r = start(a, args);
	if (r) {
		free(a);
		return r;
	}
	mt_request_keep(request, on_cancel, a);
	return 0;
}

/* -- declining --------------------------------------------------------------------------------- */

static int
decline_offer(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_keeper *keeper = userdata;
	const struct mt_account *account = mt_request_account(request);
	const struct mt_actor actor = {.uid = account->uid};
	const struct mt_account_id id = account->id;
	char name[MT_TOKEN_SIZE];
	struct mt_named named;
	int r = read_offer(keeper, request, args, name, &named);

	if (r)
		return r;
	r = mt_accounts_decline_offer(keeper->accounts, actor, &id, name);
	if (r)
		return mt_keeper_error(r);
	mt_watch_remove_offer(keeper->watcher, &id, name);
	mt_request_reply(request);
	return 0;
}

const struct mt_method mt_offer_methods[] = {
	{MT_CALL_ACCOUNT_ACCEPT_OFFER, MT_ACCESS_OWNER, accept_offer, MT_WHEN_READY},
	{MT_CALL_ACCOUNT_DECLINE_OFFER, MT_ACCESS_OWNER, decline_offer, MT_WHEN_READY},
};
const size_t mt_offer_n_methods = MT_ARRAY_SIZE(mt_offer_methods);
