/* SPDX-License-Identifier: MIT */
/* org.mailtrust1.Account.Resolve, and the endpoint a call is about. */

#include "daemon/bus-resolve.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/bus-watch.h"
#include "daemon/host-memory.h"
#include "daemon/log.h"
#include "ipc/codec.h"

struct resolving {
	struct mt_keeper *keeper;
	struct mt_request *request;
	struct mt_actor actor;
	struct mt_account_id id;
	enum mt_proto proto;
	char host[MT_DOMAIN_SIZE];
	struct mt_job *job;
};

int
mt_keeper_read_proto(struct mt_request *request, DBusMessageIter *args, enum mt_proto *ret)
{
	if (mt_proto_from_string(mt_codec_take_string(args), ret) == 0)
		return 0;
	mt_diag_set(mt_request_diag(request), SIZE_MAX,
		    "the protocol is none of imap, pop3, submission");
	return MT_ERROR_INVALID_ARGUMENTS;
}

const struct mt_endpoint *
mt_keeper_endpoint(const struct mt_account *account, enum mt_proto proto)
{
	const struct mt_endpoint *found = NULL;

	for (size_t i = 0; i < account->n_endpoints; i++)
		if (account->endpoints[i].proto == proto)
			found = &account->endpoints[i];
	return found;
}

int
mt_keeper_find_reachable(struct mt_keeper *keeper, struct mt_request *request, enum mt_proto proto,
			 const struct mt_endpoint **ret)
{
	const struct mt_account *account = mt_request_account(request);

	*ret = mt_keeper_endpoint(account, proto);
	if (!*ret)
		return MT_ERROR_NOT_IN_THIS_STATE;
	return mt_account_awaits_confirmation(account, *ret, mt_clock_wall(keeper->clock))
		       ? MT_ERROR_TARGET_UNCONFIRMED
		       : 0;
}

/* -- the answer -------------------------------------------------------------------------------- */

static int
append_addresses(struct mt_request *request, const struct mt_addresses *addresses)
{
	DBusMessageIter iter, array;
	int r = mt_request_begin_reply(request, &iter);

	if (r)
		return r;
	if (!dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "s", &array))
		return -ENOMEM;
	for (size_t i = 0; i < addresses->n && r == 0; i++)
		r = mt_codec_append_string(&array, addresses->address[i]);
	return dbus_message_iter_close_container(&iter, &array) && r == 0 ? 0 : -ENOMEM;
}

/* DNS is silent. Return: 0 where the last addresses are appended, or r, what its silence is. */
static int
append_last_good(struct resolving *run, int r)
{
	struct mt_keeper *k = run->keeper;
	const int64_t now = mt_clock_wall(k->clock);
	struct mt_host_known known;

	if (mt_host_memory_get(k->store, &run->id, run->host, now, &known) != 0)
		return r;
	mt_log(MT_LOG_NOTICE, "resolve",
	       "DNS is silent; the last addresses of %s are %" PRId64 " s old", run->host,
	       (now - known.asked_usec) / MT_USEC_PER_SEC);
	return append_addresses(run->request, &known.addresses);
}

/* After the reply: it may cost a synced commit. What cannot be kept now is kept the next time. */
static void
keep(struct mt_keeper *k, const struct resolving *run, const struct mt_addresses *addresses)
{
	const struct mt_account *account;

	if (mt_accounts_find(k->accounts, run->actor, &run->id, &account) == 0)
		(void)!mt_host_memory_note(k->store, account, run->host, addresses,
					   mt_clock_wall(k->clock));
}

static void
on_addresses(const struct mt_addresses *addresses, void *userdata)
{
	static const int errors[MT_ADDRESSES_STATE_COUNT] = {
		[MT_ADDRESSES_FAILED] = MT_ERROR_DEGRADED,
		[MT_ADDRESSES_TIMEOUT] = MT_ERROR_TIMEOUT,
		[MT_ADDRESSES_SERVFAIL] = MT_ERROR_SERVER_UNREACHABLE,
		[MT_ADDRESSES_NONE] = MT_ERROR_SERVER_UNREACHABLE,
		[MT_ADDRESSES_FOUND] = 0,
	};
	struct resolving *run = userdata;
	int r = errors[addresses->state];

	if (r == 0)
		r = append_addresses(run->request, addresses);
	else if (addresses->state == MT_ADDRESSES_TIMEOUT ||
		 addresses->state == MT_ADDRESSES_SERVFAIL)
		r = append_last_good(run, r);
	mt_request_finish(run->request, r);
	keep(run->keeper, run, addresses);
	/* D-SRV-06: a server that is not there may have moved */
	if (r == MT_ERROR_SERVER_UNREACHABLE || r == MT_ERROR_TIMEOUT)
		mt_keeper_watch_failed(run->keeper, run->actor.uid, &run->id, run->proto);
	free(run);
}

/* -- the question ------------------------------------------------------------------------------ */

static void
on_cancel(struct mt_request *request, void *data)
{
	struct resolving *run = data;

	mt_job_cancel(run->job);
	free(run);
}

static int
resolve(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_keeper *keeper = userdata;
	const struct mt_account *account = mt_request_account(request);
	const struct mt_endpoint *endpoint;
	struct resolving *run;
	enum mt_proto proto;
	int r = mt_keeper_read_proto(request, args, &proto);

	if (r == 0)
		r = mt_keeper_find_reachable(keeper, request, proto, &endpoint);
	if (r)
		return r;
	run = calloc(1, sizeof(*run));
	if (!run)
		return -ENOMEM;
	run->keeper = keeper;
	run->request = request;
	run->actor.uid = mt_request_caller(request)->uid;
	run->id = account->id;
	run->proto = proto;
	memcpy(run->host, endpoint->host, sizeof(run->host));
	r = mt_jobs_resolve(keeper->jobs, run->host, on_addresses, run, &run->job);
	if (r) {
		free(run);
		return r;
	}
	mt_request_keep(request, on_cancel, run);
	return 0;
}

const struct mt_method mt_resolve_methods[] = {
	{MT_CALL_ACCOUNT_RESOLVE, MT_ACCESS_OWNER, resolve, MT_WHEN_CALLED},
};
const size_t mt_resolve_n_methods = MT_ARRAY_SIZE(mt_resolve_methods);
