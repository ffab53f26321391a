/* SPDX-License-Identifier: MIT */
/* Direct sockets and message buses, spoken with within a time. */

#include "ipc/client-link.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ipc/client-find.h"

#define DAEMON_USER "mailtrust"

int64_t
mt_client_now_usec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * MT_USEC_PER_SEC + now.tv_nsec / 1000;
}

/* What is left until then, in milliseconds, rounded up; 0 where nothing is. */
static int
left_msec(int64_t deadline_usec)
{
	int64_t left = deadline_usec - mt_client_now_usec();

	return left > 0 ? (int)((left + 999) / 1000) : 0;
}

static int
nobody(const char **ret_why, const char *why)
{
	*ret_why = why;
	return MT_CLIENT_LINK_E_NOBODY;
}

/* Waiting */

/* Takes the next message that is the reply to serial (0: to nothing) or a signal; the bus daemon's
 * own and libdbus's are not meant. */
static DBusMessage *
take_message(DBusConnection *connection, dbus_uint32_t serial)
{
	DBusMessage *message;

	while ((message = dbus_connection_pop_message(connection))) {
		if (serial != 0 && dbus_message_get_reply_serial(message) == serial)
			return message;
		if (dbus_message_get_type(message) == DBUS_MESSAGE_TYPE_SIGNAL &&
		    !dbus_message_has_interface(message, DBUS_INTERFACE_LOCAL) &&
		    !dbus_message_has_interface(message, DBUS_INTERFACE_DBUS))
			return message;
		dbus_message_unref(message);
	}
	return NULL;
}

/* Sends what waits to be sent, and reads. False: the time is up, or the other end is gone. */
static bool
read_and_write(DBusConnection *connection, int64_t deadline_usec)
{
	int left = left_msec(deadline_usec);

	return left > 0 && dbus_connection_read_write(connection, left);
}

static void
keep_signal(struct mt_client_link *link, DBusMessage *signal)
{
	if (link->n_signals < MT_CLIENT_SIGNALS_MAX)
		link->signals[link->n_signals++] = signal;
	else
		dbus_message_unref(signal);
}

int
mt_client_link_call(struct mt_client_link *link, DBusMessage *call, int64_t deadline_usec,
		    DBusMessage **ret_reply, const char **ret_why)
{
	dbus_uint32_t serial;
	DBusMessage *message;
	bool more = true;

	if (!dbus_connection_send(link->connection, call, &serial))
		return -ENOMEM;
	while (more) {
		more = read_and_write(link->connection, deadline_usec);
		/* what came before it hung up counts */
		while ((message = take_message(link->connection, serial))) {
			if (dbus_message_get_type(message) != DBUS_MESSAGE_TYPE_SIGNAL) {
				*ret_reply = message;
				return 0;
			}
			keep_signal(link, message);
		}
	}
	return nobody(ret_why, dbus_connection_get_is_connected(link->connection)
				       ? "it did not answer in time"
				       : "it hung up");
}

DBusMessage *
mt_client_link_wait_signal(struct mt_client_link *link, int64_t deadline_usec)
{
	DBusMessage *signal;
	bool more = true;

	if (link->n_signals > 0) {
		signal = link->signals[0];
		link->n_signals--;
		memmove(link->signals, link->signals + 1,
			link->n_signals * sizeof(link->signals[0]));
		return signal;
	}
	if (!link->connection)
		return NULL;
	for (;;) {
		signal = take_message(link->connection, 0);
		if (signal || !more)
			return signal;
		more = read_and_write(link->connection, deadline_usec);
	}
}

bool
mt_client_link_is_alive(struct mt_client_link *link)
{
	if (!link->connection)
		return false;

	(void)dbus_connection_read_write(link->connection, 0);
	return dbus_connection_get_is_connected(link->connection);
}

/* Connecting */

/* Somebody takes connections at the path. libdbus connects blocking, and to a stopped daemon with a
 * full queue that would be for ever; this asks without blocking. */
static bool
is_accepting(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	bool accepting;
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return false;

	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;

	accepting = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
	(void)close(fd);
	return accepting;
}

/* A daemon of one's own is as good as one's own word, but for the program that was installed to put
 * another's in its place (setgid): where the system has a daemon, it asks no other (DESIGN §3). */
static bool
may_serve_itself(void)
{
	struct mt_client_places places;

	mt_client_places_init(&places);
	return !getauxval(AT_SECURE) || !mt_client_system_has_one(&places);
}

/* Root, the user mailtrust, or ourselves: anybody else who listens there is not the daemon. */
static bool
is_trusted_server(DBusConnection *connection)
{
	struct passwd entry, *found = NULL;
	struct ucred creds;
	socklen_t size = sizeof(creds);
	char buffer[4096];
	int fd;

	if (!dbus_connection_get_unix_fd(connection, &fd) ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &creds, &size))
		return false;
	if (creds.uid == 0)
		return true;
	if (creds.uid == getuid())
		return may_serve_itself();

	return getpwnam_r(DAEMON_USER, &entry, buffer, sizeof(buffer), &found) == 0 && found &&
	       creds.uid == entry.pw_uid;
}

static int
open_socket(struct mt_client_link *link, const char *path, const char **ret_why)
{
	char *escaped, *address;
	int n;

	if (!is_accepting(path))
		return nobody(ret_why, "nobody listens on its socket");

	escaped = dbus_address_escape_value(path);
	if (!escaped)
		return -ENOMEM;
	n = asprintf(&address, "unix:path=%s", escaped);
	dbus_free(escaped);
	if (n < 0)
		return -ENOMEM;

	link->connection = dbus_connection_open_private(address, NULL);
	free(address);
	if (!link->connection)
		return nobody(ret_why, "nobody listens on its socket");
	if (!is_trusted_server(link->connection))
		return nobody(ret_why, "somebody else listens on its socket");

	return 0;
}

/* dbus_bus_register() waits for 25 seconds; so Hello is said by hand. */
static int
say_hello(struct mt_client_link *link, int64_t deadline_usec, const char **ret_why)
{
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *hello = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
							  DBUS_INTERFACE_DBUS, "Hello");
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	const char *name, *unused;

	if (!hello)
		return -ENOMEM;
	if (mt_client_link_call(link, hello, deadline_usec, &reply, &unused) ||
	    !dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID))
		return nobody(ret_why, "the message bus does not answer");

	return dbus_bus_set_unique_name(link->connection, name) ? 0 : -ENOMEM;
}

static int
open_bus(struct mt_client_link *link, const char *address, int64_t deadline_usec,
	 const char **ret_why)
{
	link->connection = dbus_connection_open_private(address, NULL);
	if (!link->connection)
		return nobody(ret_why, "there is no message bus");

	return say_hello(link, deadline_usec, ret_why);
}

int
mt_client_link_open(struct mt_client_link *link, const struct mt_client_place *place,
		    int64_t deadline_usec, const char **ret_why)
{
	int r = place->is_bus ? open_bus(link, place->text, deadline_usec, ret_why)
			      : open_socket(link, place->text, ret_why);

	if (r)
		mt_client_link_close(link);
	else
		dbus_connection_set_exit_on_disconnect(link->connection, FALSE);

	return r;
}

void
mt_client_link_close(struct mt_client_link *link)
{
	for (size_t i = 0; i < link->n_signals; i++)
		dbus_message_unref(link->signals[i]);
	link->n_signals = 0;
	if (!link->connection)
		return;

	dbus_connection_close(link->connection);
	dbus_connection_unref(link->connection);
	link->connection = NULL;
}
