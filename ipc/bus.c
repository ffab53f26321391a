/* SPDX-License-Identifier: MIT */
/* The message bus, and sending to anybody. */

#include "ipc/bus.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/bus-internal.h"
#include "ipc/loop.h"

/* user_namespaces(7): what the kernel shows for a uid that has no number here. */
static uint32_t
read_overflow_uid(void)
{
	FILE *file = fopen("/proc/sys/kernel/overflowuid", "re");
	unsigned int uid = 65534;

	if (file) {
		if (fscanf(file, "%u", &uid) != 1)
			uid = 65534;
		(void)fclose(file);
	}
	return uid;
}

int
mt_bus_new(struct event_base *base, const struct mt_bus_ops *ops, void *userdata,
	   struct mt_bus **ret)
{
	struct mt_bus *bus = calloc(1, sizeof(*bus));

	if (!bus)
		return -ENOMEM;
	bus->base = base;
	bus->ops = ops;
	bus->userdata = userdata;
	bus->overflow_uid = read_overflow_uid();
	TAILQ_INIT(&bus->names);
	TAILQ_INIT(&bus->direct);
	*ret = bus;
	return 0;
}

void
mt_bus_bound_connection(DBusConnection *connection)
{
	dbus_connection_set_max_message_size(connection, MT_LIBDBUS_BYTES_MAX);
	dbus_connection_set_max_received_size(connection, MT_LIBDBUS_BYTES_MAX);
	/* No call of the contract carries a file descriptor. The sum over messages stays as it is:
	 * at a sum of 0 libdbus would stop reading altogether. */
	dbus_connection_set_max_message_unix_fds(connection, 0);
}

void
mt_peer_free(struct mt_peer *peer)
{
	for (size_t i = 0; i < peer->n_queued; i++)
		dbus_message_unref(peer->queue[i]);
	free(peer->queue);
	if (peer->pending) {
		dbus_pending_call_cancel(peer->pending);
		dbus_pending_call_unref(peer->pending);
	}
	if (peer->deadline)
		event_free(peer->deadline);
	free(peer->groups);
	free(peer);
}

static void
lose_bus(struct mt_bus *bus)
{
	DBusConnection *connection = bus->connection;

	bus->connection = NULL;
	mt_names_clear(bus, true);
	dbus_connection_unref(connection);
	if (bus->ops->on_bus_lost)
		bus->ops->on_bus_lost(bus->userdata);
}

static DBusHandlerResult
filter(DBusConnection *connection, DBusMessage *message, void *data)
{
	struct mt_bus *bus = data;

	switch (dbus_message_get_type(message)) {
	case DBUS_MESSAGE_TYPE_METHOD_CALL:
		mt_names_call(bus, message);
		return DBUS_HANDLER_RESULT_HANDLED;
	case DBUS_MESSAGE_TYPE_SIGNAL:
		/* libdbus lets nobody but itself send from the local interface */
		if (dbus_message_is_signal(message, DBUS_INTERFACE_LOCAL, "Disconnected"))
			lose_bus(bus);
		else
			mt_names_signal(bus, message);
		return DBUS_HANDLER_RESULT_HANDLED;
	default:
		return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
	}
}

static DBusConnection *
open_bus(const char *address, DBusError *error)
{
	DBusConnection *connection;

	if (strcmp(address, "system") == 0)
		return dbus_bus_get_private(DBUS_BUS_SYSTEM, error);
	if (strcmp(address, "session") == 0)
		return dbus_bus_get_private(DBUS_BUS_SESSION, error);

	connection = dbus_connection_open_private(address, error);
	if (connection && !dbus_bus_register(connection, error)) {
		dbus_connection_close(connection);
		dbus_connection_unref(connection);
		return NULL;
	}
	return connection;
}

static int
take_name(DBusConnection *connection, const char *name, DBusError *error)
{
	int r = dbus_bus_request_name(connection, name, DBUS_NAME_FLAG_DO_NOT_QUEUE, error);

	if (r == DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER)
		return 0;
	if (!dbus_error_is_set(error))
		dbus_set_error(error, DBUS_ERROR_FAILED, "somebody else owns the name %s", name);

	return dbus_error_has_name(error, DBUS_ERROR_NO_MEMORY) ? -ENOMEM : MT_BUS_E_NAME_TAKEN;
}

int
mt_bus_connect(struct mt_bus *bus, const char *address, const char *name,
	       char ret_message[static 192])
{
	DBusError error = DBUS_ERROR_INIT;
	DBusConnection *connection;
	int r = MT_BUS_E_UNREACHABLE;

	if (bus->connection)
		return -EISCONN;

	connection = open_bus(address, &error);
	if (connection) {
		dbus_connection_set_exit_on_disconnect(connection, FALSE);
		mt_bus_bound_connection(connection);
		r = dbus_connection_add_filter(connection, filter, bus, NULL) ? 0 : -ENOMEM;
		if (r == 0)
			r = take_name(connection, name, &error);
		if (r == 0)
			r = mt_loop_attach_connection(bus->base, connection);
	}
	if (r == 0) {
		bus->connection = connection;
		return 0;
	}
	if (connection) {
		dbus_connection_remove_filter(connection, filter, bus);
		dbus_connection_close(connection);
		dbus_connection_unref(connection);
	}
	(void)snprintf(ret_message, 192, "%s", error.message ? error.message : strerror(ENOMEM));
	dbus_error_free(&error);
	return r;
}

bool
mt_bus_is_connected(const struct mt_bus *bus)
{
	return bus->connection;
}

void
mt_bus_set_attest_group(struct mt_bus *bus, const char *group)
{
	struct group entry, *found = NULL;
	char buffer[4096];

	/* an entry that does not fit has members, and the group of the tunnel has none */
	bus->has_attest_gid =
		getgrnam_r(group, &entry, buffer, sizeof(buffer), &found) == 0 && found;
	if (bus->has_attest_gid)
		bus->attest_gid = entry.gr_gid;
}

struct mt_bus *
mt_bus_free(struct mt_bus *bus)
{
	if (!bus)
		return NULL;

	mt_direct_clear(bus);
	mt_names_clear(bus, false);
	if (bus->connection) {
		dbus_connection_remove_filter(bus->connection, filter, bus);
		dbus_connection_flush(bus->connection);
		dbus_connection_close(bus->connection);
		mt_loop_detach_connection(bus->connection);
		dbus_connection_unref(bus->connection);
	}
	free(bus);
	return NULL;
}

static struct mt_peer *
peer_of(struct mt_caller *caller)
{
	return (struct mt_peer *)caller;
}

void
mt_caller_send(struct mt_caller *caller, DBusMessage *message)
{
	DBusConnection *connection = peer_of(caller)->connection;

	/* A reply is addressed to the sender its call stated, which a direct peer may make up. */
	if (!dbus_message_set_destination(message, caller->is_direct ? NULL : caller->name))
		return;
	if (caller->is_direct &&
	    dbus_connection_get_outgoing_size(connection) > MT_OUTGOING_BYTES_MAX)
		dbus_connection_close(connection);
	else
		(void)dbus_connection_send(connection, message, NULL);
}

void
mt_caller_send_error(struct mt_caller *caller, DBusMessage *call, enum mt_error error,
		     const char *detail)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	const char *text = mt_error_text(error), *name = mt_error_to_dbus_name(error);

	if (dbus_message_get_no_reply(call))
		return;
	if (detail && *detail && mt_error_takes_detail(error))
		reply = dbus_message_new_error_printf(call, name, "%s (%s)", text, detail);
	else
		reply = dbus_message_new_error(call, name, text);
	if (reply)
		mt_caller_send(caller, reply);
}

/* -- calls of our own -------------------------------------------------------------------------- */

struct mt_bus_call {
	DBusPendingCall *pending;
	mt_bus_reply_fn callback;
	void *userdata;
};

static void
on_reply(DBusPendingCall *pending, void *data)
{
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *reply = dbus_pending_call_steal_reply(pending);
	struct mt_bus_call call = *(struct mt_bus_call *)data;

	free(data);
	dbus_pending_call_unref(call.pending);
	call.callback(reply, call.userdata);
}

int
mt_bus_call(struct mt_bus *bus, DBusMessage *message, int timeout_msec, mt_bus_reply_fn callback,
	    void *userdata, struct mt_bus_call **ret)
{
	struct mt_bus_call *call;

	if (!bus->connection)
		return -ENOTCONN;
	call = calloc(1, sizeof(*call));
	if (!call)
		return -ENOMEM;
	call->callback = callback;
	call->userdata = userdata;
	if (!dbus_connection_send_with_reply(bus->connection, message, &call->pending,
					     timeout_msec) ||
	    !call->pending || !dbus_pending_call_set_notify(call->pending, on_reply, call, NULL)) {
		(void)mt_bus_call_cancel(call);
		return -ENOMEM;
	}
	*ret = call;
	return 0;
}

struct mt_bus_call *
mt_bus_call_cancel(struct mt_bus_call *call)
{
	if (!call)
		return NULL;
	if (call->pending) {
		dbus_pending_call_cancel(call->pending);
		dbus_pending_call_unref(call->pending);
	}
	free(call);
	return NULL;
}

void
mt_bus_send(struct mt_bus *bus, DBusMessage *message)
{
	if (bus->connection)
		(void)dbus_connection_send(bus->connection, message, NULL);
}
