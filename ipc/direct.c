/* SPDX-License-Identifier: MIT */
/*
 * The direct socket.
 *
 * A peer is who the kernel says it was when it connected (unix(7), SO_PEERCRED); what it claims in
 * the EXTERNAL exchange must agree, and nothing else is accepted. Connections are judged before a
 * byte of theirs is read: the overflow uid, and uids with too many connections, are closed at once.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc/bus-internal.h"
#include "ipc/loop.h"

static void
settle(struct mt_peer *peer)
{
	if (!peer->deadline)
		return;
	event_free(peer->deadline);
	peer->deadline = NULL;
	peer->bus->n_unauthenticated--;
}

static void
drop(struct mt_peer *peer)
{
	DBusConnection *connection = peer->connection;

	settle(peer);
	TAILQ_REMOVE(&peer->bus->direct, peer, entry);
	mt_peer_free(peer);
	dbus_connection_unref(connection);
}

static DBusHandlerResult
filter(DBusConnection *connection, DBusMessage *message, void *data)
{
	struct mt_peer *peer = data;
	struct mt_bus *bus = peer->bus;

	/* Signals and replies of a peer are nobody's: a signal here could be NameOwnerChanged with
	 * any sender it likes. Calls only, and whom they are from is the connection's. */
	if (dbus_message_get_type(message) == DBUS_MESSAGE_TYPE_METHOD_CALL) {
		bus->ops->on_call(&peer->caller, message, bus->userdata);
	} else if (dbus_message_is_signal(message, DBUS_INTERFACE_LOCAL, "Disconnected")) {
		if (!peer->deadline && bus->ops->on_gone)
			bus->ops->on_gone(&peer->caller, bus->userdata);
		drop(peer);
	}
	return DBUS_HANDLER_RESULT_HANDLED;
}

static void
on_deadline(evutil_socket_t fd, short what, void *data)
{
	struct mt_peer *peer = data;

	dbus_connection_close(peer->connection);
}

/* Called by libdbus once, when the EXTERNAL exchange is over. */
static dbus_bool_t
may_connect(DBusConnection *connection, unsigned long uid, void *data)
{
	struct mt_peer *peer = data;
	bool is_own = peer->caller.uid == 0 || peer->caller.uid == geteuid();

	if (uid != peer->caller.uid || (peer->bus->who == MT_LISTEN_OWN && !is_own))
		return FALSE;

	settle(peer);
	return TRUE;
}

static bool
has_room(struct mt_bus *bus, uint32_t uid)
{
	unsigned int n = 0, n_unauthenticated = 0;
	struct mt_peer *peer;

	TAILQ_FOREACH(peer, &bus->direct, entry)
	{
		if (peer->caller.uid != uid)
			continue;
		n++;
		n_unauthenticated += peer->deadline != NULL;
	}
	return n < MT_CONNECTIONS_PER_UID_MAX &&
	       n_unauthenticated < MT_UNAUTHENTICATED_PER_UID_MAX &&
	       bus->n_unauthenticated < MT_CONNECTIONS_UNAUTHENTICATED_MAX;
}

/* The effective gid and the supplementary groups, as they were at connect. */
static int
read_groups(int fd, gid_t effective, struct mt_peer *peer)
{
	socklen_t size = 0;
	uint32_t *groups;

	/* the first call only tells the size: ERANGE, or none */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) && errno != ERANGE)
		return -errno;

	groups = malloc(size + sizeof(*groups));
	if (!groups)
		return -ENOMEM;
	if (size > 0 && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size)) {
		free(groups);
		return -errno;
	}
	groups[size / sizeof(*groups)] = effective;
	peer->groups = groups;
	peer->caller.groups = groups;
	peer->caller.n_groups = size / sizeof(*groups) + 1;
	return 0;
}

static struct mt_peer *
peer_new(struct mt_bus *bus, DBusConnection *connection)
{
	struct timeval deadline = {.tv_sec = MT_AUTHENTICATION_USEC / MT_USEC_PER_SEC};
	struct mt_peer *peer;
	struct ucred creds;
	socklen_t size = sizeof(creds);
	int fd;

	if (!dbus_connection_get_unix_fd(connection, &fd) ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &creds, &size) ||
	    creds.uid == bus->overflow_uid || !has_room(bus, creds.uid))
		return NULL;

	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return NULL;
	peer->bus = bus;
	peer->connection = connection;
	peer->caller.uid = creds.uid;
	peer->caller.pid = (uint32_t)creds.pid;
	peer->caller.is_direct = true;
	peer->caller.is_attested = bus->has_attest_gid && creds.gid == bus->attest_gid;
	(void)snprintf(peer->caller.name, sizeof(peer->caller.name), "direct-%u", ++bus->serial);
	peer->deadline = evtimer_new(bus->base, on_deadline, peer);
	if (!peer->deadline || event_add(peer->deadline, &deadline) ||
	    read_groups(fd, creds.gid, peer)) {
		mt_peer_free(peer);
		return NULL;
	}
	return peer;
}

/* A connection that is not referenced here is closed by libdbus. */
static void
on_connection(DBusServer *server, DBusConnection *connection, void *data)
{
	struct mt_bus *bus = data;
	struct mt_peer *peer = peer_new(bus, connection);

	if (!peer)
		return;
	mt_bus_bound_connection(connection);
	if (!dbus_connection_add_filter(connection, filter, peer, NULL)) {
		mt_peer_free(peer);
		return;
	}
	dbus_connection_set_unix_user_function(connection, may_connect, peer, NULL);
	dbus_connection_ref(connection);
	TAILQ_INSERT_TAIL(&bus->direct, peer, entry);
	bus->n_unauthenticated++;
	if (mt_loop_attach_connection(bus->base, connection)) {
		dbus_connection_remove_filter(connection, filter, peer);
		dbus_connection_set_unix_user_function(connection, NULL, NULL, NULL);
		dbus_connection_close(connection);
		drop(peer);
	}
}

static DBusServer *
open_server(const char *path, DBusError *error)
{
	char *escaped = dbus_address_escape_value(path), *address = NULL;
	DBusServer *server = NULL;
	mode_t mask;

	if (escaped && asprintf(&address, "unix:path=%s", escaped) >= 0) {
		/* nobody in before the mode is set: libdbus makes the socket with its own idea of
		 * one, and chmod() comes after */
		mask = umask(0177);
		server = dbus_server_listen(address, error);
		(void)umask(mask);
	}
	free(address);
	dbus_free(escaped);
	return server;
}

int
mt_bus_listen(struct mt_bus *bus, const char *path, enum mt_listen who,
	      char ret_message[static 192])
{
	const char *mechanisms[] = {"EXTERNAL", NULL};
	DBusError error = DBUS_ERROR_INIT;
	DBusServer *server;
	int r = MT_BUS_E_PATH;

	if (bus->server)
		return -EALREADY;

	bus->who = who;
	server = open_server(path, &error);
	if (server) {
		r = dbus_server_set_auth_mechanisms(server, mechanisms) ? 0 : -ENOMEM;
		dbus_server_set_new_connection_function(server, on_connection, bus, NULL);
		if (r == 0 && chmod(path, who == MT_LISTEN_ALL ? 0666 : 0600))
			r = MT_BUS_E_PATH;
		if (r == 0)
			r = mt_loop_attach_server(bus->base, server);
	}
	if (r == 0) {
		bus->server = server;
		return 0;
	}
	(void)snprintf(ret_message, 192, "%s", error.message ? error.message : strerror(errno));
	dbus_error_free(&error);
	if (server) {
		dbus_server_disconnect(server);
		dbus_server_unref(server);
	}
	return r;
}

void
mt_direct_clear(struct mt_bus *bus)
{
	struct mt_peer *peer;

	if (bus->server) {
		dbus_server_disconnect(bus->server);
		dbus_server_unref(bus->server);
	}
	while ((peer = TAILQ_FIRST(&bus->direct))) {
		dbus_connection_remove_filter(peer->connection, filter, peer);
		dbus_connection_set_unix_user_function(peer->connection, NULL, NULL, NULL);
		dbus_connection_flush(peer->connection);
		dbus_connection_close(peer->connection);
		mt_loop_detach_connection(peer->connection);
		drop(peer);
	}
}
