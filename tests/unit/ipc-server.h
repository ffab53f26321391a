/* SPDX-License-Identifier: MIT */
#ifndef MT_TESTS_UNIT_IPC_SERVER_H
#define MT_TESTS_UNIT_IPC_SERVER_H

/*
 * A daemon small enough to know: bus and dispatch with handlers that do what their argument says.
 * Runs in a process of its own; what it saw is asked for with Status. FindAccount obeys: see
 * orders[].
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/bus.h"
#include "ipc/client.h"
#include "ipc/codec.h"
#include "ipc/dispatch.h"

#define OTHER_UID 2 /* bin: dbus-daemon lets in only users that have an entry */
#define ID_OF_ROOT "00000000000000000000000000000001"
#define ID_OF_OTHER "00000000000000000000000000000002"
#define ID_OF_NOBODY "00000000000000000000000000000003"

struct server {
	struct event_base *base;
	struct mt_bus *bus;
	struct mt_dispatch *dispatch;
	uint32_t n_gone, n_cancelled, n_calls, n_bus_lost;
	struct mt_request *delayed;
	struct event *timer, *ready_timer;
	bool is_ready;
};

static void
cancelled(struct mt_request *request, void *data)
{
	struct server *server = data;

	server->n_cancelled++;
	if (server->delayed == request)
		server->delayed = NULL;
}

static int
reply_path(struct mt_request *request)
{
	DBusMessageIter iter;
	int r = mt_request_begin_reply(request, &iter);

	if (r == 0)
		r = mt_codec_append_path(&iter, ID_OF_ROOT);
	if (r == 0)
		mt_request_reply(request);

	return r;
}

static void
on_delay(evutil_socket_t fd, short what, void *data)
{
	struct server *server = data;

	if (server->delayed)
		(void)reply_path(server->delayed);
	server->delayed = NULL;
}

static int
order_now(struct server *server, struct mt_request *request)
{
	return reply_path(request);
}

static int
order_later(struct server *server, struct mt_request *request)
{
	struct timeval when = {.tv_usec = 20000};

	server->delayed = request;
	mt_request_keep(request, cancelled, server);
	(void)event_add(server->timer, &when);
	return 0;
}

static int
order_never(struct server *server, struct mt_request *request)
{
	mt_request_keep(request, cancelled, server);
	return 0;
}

static int
order_forget(struct server *server, struct mt_request *request)
{
	return 0;
}

static int
order_wrong(struct server *server, struct mt_request *request)
{
	DBusMessageIter iter;
	int r = mt_request_begin_reply(request, &iter);

	if (r == 0)
		r = mt_codec_append_string(&iter, "not a path");
	if (r == 0)
		mt_request_reply(request);

	return r;
}

static int
order_refuse(struct server *server, struct mt_request *request)
{
	mt_diag_set(mt_request_diag(request), SIZE_MAX, "tls.version: is there twice");
	return MT_ERROR_INVALID_EVIDENCE;
}

static int
order_memory(struct server *server, struct mt_request *request)
{
	return -ENOMEM;
}

static const struct {
	const char *order;
	int (*obey)(struct server *server, struct mt_request *request);
} orders[] = {
	{"now", order_now},       {"later", order_later}, {"never", order_never},
	{"forget", order_forget}, {"wrong", order_wrong}, {"refuse", order_refuse},
	{"memory", order_memory},
};

static int
handle_find(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct server *server = userdata;
	const char *order = mt_codec_take_string(args);

	server->n_calls++;
	for (size_t i = 0; i < MT_ARRAY_SIZE(orders); i++)
		if (strcmp(orders[i].order, order) == 0)
			return orders[i].obey(server, request);

	return MT_ERROR_UNKNOWN_ACCOUNT;
}

static int
handle_status(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct server *server = userdata;
	const struct mt_caller *caller = mt_request_caller(request);
	struct mt_dict dict;
	DBusMessageIter iter;
	int r = mt_request_begin_reply(request, &iter);

	if (r)
		return r;
	mt_dict_open(&dict, &iter);
	mt_dict_add_u32(&dict, "uid", caller->uid);
	mt_dict_add_u32(&dict, "direct", caller->is_direct);
	mt_dict_add_u32(&dict, "attested", caller->is_attested);
	mt_dict_add_u32(&dict, "groups", (uint32_t)caller->n_groups);
	mt_dict_add_u32(&dict, "group", caller->n_groups ? caller->groups[0] : UINT32_MAX);
	mt_dict_add_u32(&dict, "gone", server->n_gone);
	mt_dict_add_u32(&dict, "cancelled", server->n_cancelled);
	mt_dict_add_u32(&dict, "calls", server->n_calls);
	mt_dict_add_u32(&dict, "bus-lost", server->n_bus_lost);
	r = mt_dict_close(&dict);
	if (r == 0)
		mt_request_reply(request);

	return r;
}

static int
handle_subscribe(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct server *server = userdata;
	int r = mt_dispatch_subscribe(server->dispatch, mt_request_caller(request));

	if (r == 0)
		mt_request_reply(request);

	return r;
}

static int
handle_unsubscribe(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct server *server = userdata;

	mt_dispatch_unsubscribe(server->dispatch, mt_request_caller(request));
	mt_request_reply(request);
	return 0;
}

/* Tells the subscribers of the account's owner everything that can happen to an account. */
static int
handle_commit(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	static const enum mt_property_id changed[] = {MT_PROPERTY_ACCOUNT_STATE};
	struct server *server = userdata;
	uint32_t uid = mt_request_caller(request)->uid;
	const char *id = mt_request_account_id(request);
	void *account = mt_request_account(request);

	mt_dispatch_emit_added(server->dispatch, uid, id, account);
	mt_dispatch_emit_changed(server->dispatch, uid, id, account, changed, 1);
	mt_dispatch_emit_removed(server->dispatch, uid, id);
	mt_request_reply(request);
	return 0;
}

static int
handle_admin(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	mt_request_reply(request);
	return 0;
}

static int
append_text(void *account, uint32_t uid, DBusMessageIter *variant, void *userdata)
{
	return mt_codec_append_string(variant, account ? account : "root");
}

static int
append_number(void *account, uint32_t uid, DBusMessageIter *variant, void *userdata)
{
	return mt_codec_append_u64(variant, 7);
}

static int
append_empty(DBusMessageIter *variant, const char *element)
{
	DBusMessageIter array;

	return dbus_message_iter_open_container(variant, DBUS_TYPE_ARRAY, element, &array) &&
			       dbus_message_iter_close_container(variant, &array)
		       ? 0
		       : -ENOMEM;
}

static int
append_fields(void *account, uint32_t uid, DBusMessageIter *variant, void *userdata)
{
	return append_empty(variant, "{ss}");
}

static int
append_layers(void *account, uint32_t uid, DBusMessageIter *variant, void *userdata)
{
	return append_empty(variant, "{s(ss)}");
}

static int
append_list(void *account, uint32_t uid, DBusMessageIter *variant, void *userdata)
{
	return append_empty(variant, "a{sv}");
}

static int
append_details(void *account, uint32_t uid, DBusMessageIter *variant, void *userdata)
{
	return append_empty(variant, "{sv}");
}

static const struct mt_method test_methods[] = {
	{MT_CALL_MANAGER_FIND_ACCOUNT, MT_ACCESS_ANYONE, handle_find, MT_WHEN_READY},
	{MT_CALL_MANAGER_STATUS, MT_ACCESS_ANYONE, handle_status, MT_WHEN_CALLED},
	{MT_CALL_MANAGER_SUBSCRIBE, MT_ACCESS_ANYONE, handle_subscribe, MT_WHEN_CALLED},
	{MT_CALL_MANAGER_UNSUBSCRIBE, MT_ACCESS_ANYONE, handle_unsubscribe, MT_WHEN_CALLED},
	{MT_CALL_ACCOUNT_COMMIT, MT_ACCESS_OWNER, handle_commit, MT_WHEN_CALLED},
	{MT_CALL_ACCOUNT_SET_MINIMUM, MT_ACCESS_OWNER, handle_commit, MT_WHEN_CALLED},
	{MT_CALL_ADMIN_ROTATE_KEY, MT_ACCESS_ADMIN, handle_admin, MT_WHEN_CALLED},
	{MT_CALL_MANAGER_LEVELS, MT_ACCESS_NOBODY, handle_admin, MT_WHEN_CALLED},
};

static const struct mt_property test_properties[] = {
	{MT_PROPERTY_MANAGER_VERSION, append_text},
	{MT_PROPERTY_MANAGER_POLICY_EPOCH, append_number},
	{MT_PROPERTY_ACCOUNT_ID, append_text},
	{MT_PROPERTY_ACCOUNT_ADDRESS, append_text},
	{MT_PROPERTY_ACCOUNT_STATE, append_text},
	{MT_PROPERTY_ACCOUNT_LEVEL, append_text},
	{MT_PROPERTY_ACCOUNT_MINIMUM, append_fields},
	{MT_PROPERTY_ACCOUNT_EFFECTIVE_MINIMUM, append_layers},
	{MT_PROPERTY_ACCOUNT_ENDPOINTS, append_list},
	{MT_PROPERTY_ACCOUNT_OFFERS, append_list},
	{MT_PROPERTY_ACCOUNT_CHANGE, append_details},
	{MT_PROPERTY_ACCOUNT_CONSENTS, append_list},
	{MT_PROPERTY_ACCOUNT_PINS, append_list},
	{MT_PROPERTY_ACCOUNT_CLIENT_CERTIFICATES, append_list},
};

static char account_of_root[] = "account of root";
static char account_of_other[] = "account of another";

static void *
find_account(const char *id, uint32_t uid, void *userdata)
{
	if (uid == 0 && strcmp(id, ID_OF_ROOT) == 0)
		return account_of_root;
	if (uid == OTHER_UID && strcmp(id, ID_OF_OTHER) == 0)
		return account_of_other;

	return NULL;
}

static void
each_account(uint32_t uid, mt_each_account_fn fn, void *context, void *userdata)
{
	if (uid == 0)
		(void)fn(ID_OF_ROOT, account_of_root, context);
	if (uid == OTHER_UID)
		(void)fn(ID_OF_OTHER, account_of_other, context);
}

static void
server_call(struct mt_caller *caller, DBusMessage *message, void *data)
{
	struct server *server = data;

	mt_dispatch_call(caller, message, server->dispatch);
}

static void
server_gone(struct mt_caller *caller, void *data)
{
	struct server *server = data;

	server->n_gone++;
	mt_dispatch_gone(caller, server->dispatch);
}

static void
server_bus_lost(void *data)
{
	struct server *server = data;

	server->n_bus_lost++;
}

static const struct mt_bus_ops server_ops = {server_call, server_gone, server_bus_lost};

static bool
server_is_ready(void *data)
{
	return ((struct server *)data)->is_ready;
}

static void
on_ready(evutil_socket_t fd, short what, void *data)
{
	struct server *server = data;

	server->is_ready = true;
	mt_dispatch_resume(server->dispatch);
}

static void
on_stop(evutil_socket_t fd, short what, void *data)
{
	(void)event_base_loopbreak(data);
}

struct server_options {
	const char *path; /* of the direct socket, or NULL */
	const char *bus;  /* address, or NULL */
	enum mt_listen who;
	bool is_user_mode;
	unsigned int ready_msec;    /* FindAccount changes something, and may only after so long */
	unsigned int patience_msec; /* and waits at most so long; 0: the default */
};

static int
server_init(struct server *server, const struct server_options *options)
{
	const struct timeval ready = {.tv_sec = options->ready_msec / 1000,
				      .tv_usec = options->ready_msec % 1000 * 1000};
	struct mt_dispatch_config config = {
		.methods = test_methods,
		.n_methods = MT_ARRAY_SIZE(test_methods),
		.properties = test_properties,
		.n_properties = MT_ARRAY_SIZE(test_properties),
		.find_account = find_account,
		.each_account = each_account,
		.is_ready = server_is_ready,
		.patience_usec = options->patience_msec * 1000,
		.is_user_mode = options->is_user_mode,
		.own_uid = OTHER_UID,
		.userdata = server,
	};

	memset(server, 0, sizeof(*server));
	server->is_ready = options->ready_msec == 0;
	server->base = config.base = event_base_new();
	server->ready_timer = evtimer_new(server->base, on_ready, server);
	if (!server->is_ready)
		(void)evtimer_add(server->ready_timer, &ready);
	server->timer = evtimer_new(server->base, on_delay, server);
	if (mt_dispatch_new(&config, &server->dispatch) ||
	    mt_bus_new(server->base, &server_ops, server, &server->bus))
		return -1;
	mt_bus_set_attest_group(server->bus, "daemon"); /* exists everywhere, gid 1 on Debian */
	return 0;
}

static void
server_clear(struct server *server)
{
	server->dispatch = mt_dispatch_free(server->dispatch);
	server->bus = mt_bus_free(server->bus);
	event_free(server->timer);
	event_free(server->ready_timer);
	event_base_free(server->base);
}

/* Forks; the child says 'r' when it is ready and runs until SIGTERM. Return: its pid, or -1. */
static pid_t
server_start(const struct server_options *options)
{
	struct server server;
	struct event *stop;
	char message[192] = "", ready = 'r';
	int pipes[2];
	pid_t pid;

	if (pipe(pipes))
		return -1;
	pid = fork();
	if (pid != 0) {
		(void)close(pipes[1]);
		if (read(pipes[0], &ready, 1) != 1)
			pid = -1;
		(void)close(pipes[0]);
		return pid;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)close(pipes[0]);
	if (server_init(&server, options) ||
	    (options->path && mt_bus_listen(server.bus, options->path, options->who, message)) ||
	    (options->bus && mt_bus_connect(server.bus, options->bus, MT_BUS_NAME, message))) {
		fprintf(stderr, "# server: %s\n", message);
		_exit(1);
	}
	stop = evsignal_new(server.base, SIGTERM, on_stop, server.base);
	(void)event_add(stop, NULL);
	if (write(pipes[1], &ready, 1) == 1)
		(void)event_base_dispatch(server.base);
	event_free(stop);
	server_clear(&server);
	exit(0); /* with the leak checker, where there is one */
}

/* True: it ended by itself, cleanly. One that never started is nobody: kill(-1) is everybody. */
static bool
server_stop(pid_t pid)
{
	int status;

	if (pid <= 0)
		return false;
	if (kill(pid, SIGTERM) || waitpid(pid, &status, 0) != pid)
		return false;

	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The asking end */

static DBusMessage *
find_call(const char *order)
{
	DBusMessage *call = mt_client_message(MT_CALL_MANAGER_FIND_ACCOUNT, NULL);

	(void)dbus_message_append_args(call, DBUS_TYPE_STRING, &order, DBUS_TYPE_INVALID);
	return call;
}

/* Return: as mt_client_call(), with the message of an error. */
static int
ask(struct mt_client *client, const char *order, struct mt_client_error *ret_error)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *call = find_call(order);
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	int r = mt_client_call(client, MT_CALL_MANAGER_FIND_ACCOUNT, call, &reply);

	*ret_error = *mt_client_error(client);
	return r;
}

/* One number of Status; UINT32_MAX - 1 where there is none. */
static uint32_t
status_of(struct mt_client *client, const char *wanted)
{
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *call = mt_client_message(MT_CALL_MANAGER_STATUS, NULL);
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	uint32_t number = UINT32_MAX - 1;
	DBusMessageIter iter, dict, entry, variant;
	const char *key;

	if (mt_client_call(client, MT_CALL_MANAGER_STATUS, call, &reply))
		return number;

	dbus_message_iter_init(reply, &iter);
	dbus_message_iter_recurse(&iter, &dict);
	for (; dbus_message_iter_get_arg_type(&dict) == DBUS_TYPE_DICT_ENTRY;
	     dbus_message_iter_next(&dict)) {
		dbus_message_iter_recurse(&dict, &entry);
		dbus_message_iter_get_basic(&entry, &key);
		dbus_message_iter_next(&entry);
		dbus_message_iter_recurse(&entry, &variant);
		if (strcmp(key, wanted) == 0)
			dbus_message_iter_get_basic(&variant, &number);
	}
	return number;
}

/* Runs a function as another uid, in a process of its own. Return: what it returned, or -1. */
static inline int
as_uid(uid_t uid, gid_t gid, int (*fn)(const char *argument), const char *argument)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
			_exit(99);
		_exit(fn(argument));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;

	return WEXITSTATUS(status);
}

#endif
