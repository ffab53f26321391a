/* SPDX-License-Identifier: MIT */
/* org.mailtrust1.Account: handlers read, call, append. Who may call stands in the table at the end;
 * edits of the minimum, consents and pins stand in bus-edit.c. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/bus-gate.h"
#include "daemon/bus-resolve.h"
#include "daemon/bus-srv.h"
#include "daemon/bus-watch.h"
#include "ipc/codec.h"
#include "ipc/idn.h"

/* A request that waits for a worker. */
struct waiting {
	struct mt_keeper *keeper;
	struct mt_request *request;
	struct mt_check *check;
	struct mt_probe_run *probe;
	/* of a server that may turn out not to be there */
	uint32_t uid;
	struct mt_account_id account;
	enum mt_proto proto;
};

static void
on_cancel(struct mt_request *request, void *data)
{
	struct waiting *w = data;

	mt_check_cancel(w->check);
	mt_probe_run_cancel(w->probe);
	free(w);
}

static struct waiting *
wait_for(struct mt_keeper *keeper, struct mt_request *request)
{
	struct waiting *w = calloc(1, sizeof(*w));

	if (w) {
		w->keeper = keeper;
		w->request = request;
	}
	return w;
}

static uint32_t
uid_of(struct mt_request *request)
{
	return mt_request_caller(request)->uid;
}

static struct mt_actor
actor_of(struct mt_request *request)
{
	return (struct mt_actor){.uid = uid_of(request)};
}

static const struct mt_account *
account_of(struct mt_request *request)
{
	return mt_request_account(request);
}

/* Sends an empty reply where r is 0, and leaves errors to the dispatch. */
static int
reply_empty(struct mt_request *request, int r)
{
	if (r == 0)
		mt_request_reply(request);
	return r;
}

/* -- Check ------------------------------------------------------------------------------------- */

static int
append_answer(struct mt_request *request, const struct mt_answer *answer)
{
	DBusMessageIter iter;
	int r = mt_request_begin_reply(request, &iter);

	if (r == 0)
		r = mt_codec_append_check_reply(&iter, &answer->reply);
	return r;
}

static void
on_check(const struct mt_answer *answer, void *userdata)
{
	struct waiting *w = userdata;

	mt_request_finish(w->request, append_answer(w->request, answer));
	free(w);
}

static int
read_question(struct mt_request *request, DBusMessageIter *args, struct mt_question *q)
{
	const char *op = mt_codec_take_string(args);
	int r;

	q->uid = uid_of(request);
	q->account = account_of(request)->id;
	q->provenance = mt_request_caller(request)->is_attested ? MT_PROVENANCE_ATTESTED
								: MT_PROVENANCE_ASSERTED;
	/* An operation nobody knows is judged, and denied, as such (row 7). */
	if (mt_op_from_string(op, &q->op) != 0)
		q->op = MT_OP_UNKNOWN;
	r = mt_codec_read_evidence(args, &q->evidence, mt_request_diag(request));
	if (r)
		return r < 0 ? r : MT_ERROR_INVALID_EVIDENCE;
	r = mt_codec_read_check_options(args, &q->options, mt_request_diag(request));
	return r > 0 ? MT_ERROR_INVALID_ARGUMENTS : r;
}

static int
check(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_keeper *keeper = userdata;
	struct mt_question q = {0};
	struct mt_answer answer;
	struct waiting *w;
	int r = read_question(request, args, &q);

	if (r) {
		mt_question_clear(&q);
		return r;
	}
	w = wait_for(keeper, request);
	r = w ? mt_verdicts_ask(keeper->verdicts, &q, &answer, on_check, w, &w->check) : -ENOMEM;
	if (r == MT_VERDICTS_E_LATER) {
		mt_request_keep(request, on_cancel, w);
		return 0;
	}
	free(w);
	mt_question_clear(&q);
	if (r == 0)
		r = append_answer(request, &answer);
	else if (r == MT_VERDICTS_E_UNKNOWN)
		r = MT_ERROR_UNKNOWN_ACCOUNT;
	return reply_empty(request, r);
}

/* -- endpoints --------------------------------------------------------------------------------- */

/* In setup one service has one server: a new one replaces what was there. */
static int
replace_candidates(struct mt_edit *edit)
{
	const struct mt_endpoint *fresh = &edit->endpoint, *old;
	struct mt_accounts *accounts = edit->keeper->accounts;
	const struct mt_account *account;
	char host[MT_DOMAIN_SIZE];
	uint16_t port;
	int r = mt_accounts_find(accounts, edit->actor, &edit->id, &account);

	while (r == 0 && account->state == MT_ACCOUNT_SETUP &&
	       (old = mt_keeper_endpoint(account, fresh->proto)) != NULL &&
	       (old->port != fresh->port || strcmp(old->host, fresh->host) != 0)) {
		memcpy(host, old->host, sizeof(host));
		port = old->port;
		r = mt_accounts_remove_endpoint(accounts, edit->actor, &edit->id, fresh->proto,
						host, port);
		if (r == 0)
			r = mt_accounts_find(accounts, edit->actor, &edit->id, &account);
	}
	return r;
}

static int
apply_endpoint(struct mt_edit *edit)
{
	int r = replace_candidates(edit);

	if (r == 0)
		r = mt_accounts_set_endpoint(edit->keeper->accounts, edit->actor, &edit->id,
					     &edit->endpoint);
	return mt_keeper_error(r);
}

static int
read_endpoint(struct mt_edit *edit, DBusMessageIter *args)
{
	struct mt_diag *diag = mt_request_diag(edit->request);
	struct mt_endpoint *endpoint = &edit->endpoint;
	const char *host;
	int r = mt_keeper_read_proto(edit->request, args, &endpoint->proto);

	if (r)
		return r;
	if (mt_transport_from_string(mt_codec_take_string(args), &endpoint->transport) != 0) {
		mt_diag_set(diag, SIZE_MAX, "the transport is none of implicit, starttls, none");
		return MT_ERROR_INVALID_ARGUMENTS;
	}
	host = mt_codec_take_string(args);
	endpoint->port = mt_codec_take_u16(args);
	r = mt_idn_host(host, strlen(host), endpoint->host);
	if (r > 0 || endpoint->port == 0) {
		mt_diag_set(diag, SIZE_MAX, "the server is not a host name or address with a port");
		return MT_ERROR_INVALID_ARGUMENTS;
	}
	return r;
}

/* A server of an account in use that is not encrypted from the start, or not at all, where the one
 * before was. */
static bool
weakens_transport(const struct mt_account *account, const struct mt_endpoint *fresh)
{
	if (account->state != MT_ACCOUNT_ACTIVE)
		return false;
	for (size_t i = 0; i < account->n_endpoints; i++)
		if (account->endpoints[i].proto == fresh->proto &&
		    account->endpoints[i].status == MT_ENDPOINT_SAVED &&
		    account->endpoints[i].transport > fresh->transport)
			return true;
	return false;
}

int
mt_edit_set_endpoint_take(struct mt_edit *edit, int r)
{
	if (r == 0 && weakens_transport(account_of(edit->request), &edit->endpoint))
		edit->action = MT_ACTION_EDIT_OWN_ACCOUNT;
	edit->what = "endpoint";
	edit->apply = apply_endpoint;
	return mt_edit_run_take(edit, r);
}

static int
set_endpoint(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_edit *edit = mt_edit_new(userdata, request, NULL);

	if (!edit)
		return -ENOMEM;
	edit->endpoint.discovery = MT_DISCOVERY_MANUAL;
	edit->endpoint.dnssec = MT_DNSSEC_INSECURE;
	return mt_edit_set_endpoint_take(edit, read_endpoint(edit, args));
}

static int
remove_endpoint(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_keeper *keeper = userdata;
	struct mt_account_id id = account_of(request)->id;
	const struct mt_endpoint *endpoint;
	struct mt_endpoint copy;
	enum mt_proto proto;
	int r = mt_keeper_read_proto(request, args, &proto);

	if (r)
		return r;
	endpoint = mt_keeper_endpoint(account_of(request), proto);
	if (!endpoint)
		return MT_ERROR_NOT_IN_THIS_STATE;
	copy = *endpoint;
	return reply_empty(request, mt_keeper_error(mt_accounts_remove_endpoint(
					    keeper->accounts, actor_of(request), &id, copy.proto,
					    copy.host, copy.port)));
}

static void
wait_for_server(struct waiting *w, struct mt_request *request, enum mt_proto proto)
{
	w->uid = uid_of(request);
	w->account = account_of(request)->id;
	w->proto = proto;
}

/* D-SRV-06: a server that is not there may have moved. */
static void
note_failure(const struct waiting *w, int error)
{
	if (error == MT_ERROR_SERVER_UNREACHABLE || error == MT_ERROR_TIMEOUT)
		mt_keeper_watch_failed(w->keeper, w->uid, &w->account, w->proto);
}

int
mt_keeper_probe_error(int outcome)
{
	static const int errors[] = {
		[MT_PROBES_E_LIMIT] = MT_ERROR_LIMIT_EXCEEDED,
		[MT_PROBES_E_NOT_PERMITTED] = MT_ERROR_ACCESS_DENIED,
		[MT_PROBES_E_UNREACHABLE] = MT_ERROR_SERVER_UNREACHABLE,
		[MT_PROBES_E_TIMEOUT] = MT_ERROR_TIMEOUT,
		[MT_PROBES_E_WORKER] = MT_ERROR_DEGRADED,
	};

	return outcome > 0 ? errors[outcome] : outcome;
}

static void
on_probe(int outcome, const struct mt_evidence *evidence, const struct mt_answer *answer,
	 const char *text, void *userdata)
{
	struct waiting *w = userdata;
	DBusMessageIter iter;
	int r = mt_keeper_probe_error(outcome);

	if (r) {
		note_failure(w, r);
		mt_diag_set(mt_request_diag(w->request), SIZE_MAX, "%s", text);
	} else {
		r = mt_request_begin_reply(w->request, &iter);
	}
	if (r == 0)
		r = mt_codec_append_evidence(&iter, evidence);
	if (r == 0)
		r = mt_codec_append_verdict(&iter, answer->verdict.decision, answer->verdict.conf,
					    answer->verdict.reasons, answer->verdict.n_reasons);
	mt_request_finish(w->request, r);
	free(w);
}

static int
probe(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_keeper *keeper = userdata;
	const struct mt_endpoint *endpoint;
	enum mt_proto proto;
	struct waiting *w;
	int r = mt_keeper_read_proto(request, args, &proto);

	if (r)
		return r;
	r = mt_keeper_find_reachable(keeper, request, proto, &endpoint);
	if (r)
		return r;
	w = wait_for(keeper, request);
	if (!w)
		return -ENOMEM;
	wait_for_server(w, request, proto);
	r = mt_probes_start(keeper->probes, uid_of(request), account_of(request), endpoint,
			    on_probe, w, &w->probe);
	if (r) {
		free(w);
		return mt_keeper_probe_error(r);
	}
	mt_request_keep(request, on_cancel, w);
	return 0;
}

/* -- life -------------------------------------------------------------------------------------- */

static int
commit(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_keeper *keeper = userdata;
	struct mt_account_id id = account_of(request)->id;
	size_t endpoint;

	return reply_empty(request, mt_keeper_error(mt_accounts_commit(
					    keeper->accounts, actor_of(request), &id, &endpoint)));
}

static int
remove_account(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_keeper *keeper = userdata;
	struct mt_account_id id = account_of(request)->id;
	char domain[MT_DOMAIN_SIZE];
	int r;

	memcpy(domain, account_of(request)->domain, sizeof(domain));
	r = mt_accounts_remove(keeper->accounts, actor_of(request), &id);
	if (r == 0)
		mt_keeper_forget_srv(keeper, uid_of(request), domain);
	return reply_empty(request, mt_keeper_error(r));
}

const struct mt_method mt_account_methods[] = {
	{MT_CALL_ACCOUNT_CHECK, MT_ACCESS_OWNER, check, MT_WHEN_CALLED},
	{MT_CALL_ACCOUNT_SET_ENDPOINT, MT_ACCESS_OWNER, set_endpoint, MT_WHEN_READY},
	{MT_CALL_ACCOUNT_REMOVE_ENDPOINT, MT_ACCESS_OWNER, remove_endpoint, MT_WHEN_READY},
	{MT_CALL_ACCOUNT_PROBE, MT_ACCESS_OWNER, probe, MT_WHEN_READY},
	{MT_CALL_ACCOUNT_COMMIT, MT_ACCESS_OWNER, commit, MT_WHEN_READY},
	{MT_CALL_ACCOUNT_REMOVE, MT_ACCESS_OWNER, remove_account, MT_WHEN_READY},
};
const size_t mt_account_n_methods = MT_ARRAY_SIZE(mt_account_methods);
