/* SPDX-License-Identifier: MIT */
/* Direct sockets and message buses, connected to within a time. */

#include "ipc/client-connect.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define DAEMON_USER "mailtrust"

static int
nobody(const char **ret_why, const char *why)
{
	*ret_why = why;
	return MT_CLIENT_CONNECT_E_NOBODY;
}

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
	if (creds.uid == 0 || creds.uid == getuid())
		return true;

	return getpwnam_r(DAEMON_USER, &entry, buffer, sizeof(buffer), &found) == 0 && found &&
	       creds.uid == entry.pw_uid;
}

static int
open_socket(const char *path, DBusConnection **ret, const char **ret_why)
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

	*ret = dbus_connection_open_private(address, NULL);
	free(address);
	if (!*ret)
		return nobody(ret_why, "nobody listens on its socket");

	return is_trusted_server(*ret) ? 0 : nobody(ret_why, "somebody else listens on its socket");
}

/* dbus_bus_register() waits for 25 seconds; so Hello is said by hand. */
static int
say_hello(DBusConnection *connection, int timeout_msec, const char **ret_why)
{
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *hello = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
							  DBUS_INTERFACE_DBUS, "Hello");
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	const char *name;

	if (!hello)
		return -ENOMEM;

	reply = dbus_connection_send_with_reply_and_block(connection, hello, timeout_msec, NULL);
	if (!reply ||
	    !dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID))
		return nobody(ret_why, "the message bus does not answer");

	return dbus_bus_set_unique_name(connection, name) ? 0 : -ENOMEM;
}

static int
open_bus(const char *address, int timeout_msec, DBusConnection **ret, const char **ret_why)
{
	*ret = dbus_connection_open_private(address, NULL);
	if (!*ret)
		return nobody(ret_why, "there is no message bus");

	return say_hello(*ret, timeout_msec, ret_why);
}

int
mt_client_connect(const struct mt_client_place *place, int timeout_msec, DBusConnection **ret,
		  const char **ret_why)
{
	DBusConnection *connection = NULL;
	int r = place->is_bus ? open_bus(place->text, timeout_msec, &connection, ret_why)
			      : open_socket(place->text, &connection, ret_why);

	if (r) {
		mt_client_hang_up(connection);
		return r;
	}
	dbus_connection_set_exit_on_disconnect(connection, FALSE);
	*ret = connection;
	return 0;
}

void
mt_client_hang_up(DBusConnection *connection)
{
	if (!connection)
		return;

	dbus_connection_close(connection);
	dbus_connection_unref(connection);
}
