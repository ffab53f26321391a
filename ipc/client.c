/* SPDX-License-Identifier: MIT */
/* Finds the daemon, and asks it. */

#include "ipc/client.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SYSTEM_SOCKET "/run/mailtrust/socket"
#define SYSTEM_ACTIVATION "/usr/share/dbus-1/system-services/" MT_BUS_NAME ".service"
#define SYSTEM_BUS "unix:path=/run/dbus/system_bus_socket"
#define DAEMON_USER "mailtrust"
#define ADDRESS_SIZE 512

struct mt_client {
	DBusConnection *connection;
};

static int
fail(struct mt_client_error *ret, enum mt_error code, const char *message)
{
	if (ret) {
		ret->code = code;
		(void)snprintf(ret->message, sizeof(ret->message), "%s", message);
	}
	return code;
}

static int
unreachable(struct mt_client_error *ret, const char *message)
{
	return fail(ret, MT_ERROR_DAEMON_UNREACHABLE, message);
}

/* libdbus connects blocking, and to a stopped daemon with a full queue that would be for ever. This
 * asks the same question without blocking. */
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
open_socket(struct mt_client *client, const char *path, struct mt_client_error *ret_error)
{
	char address[ADDRESS_SIZE], *escaped;
	int n;

	if (!is_accepting(path))
		return unreachable(ret_error, "nobody listens on the socket");

	escaped = dbus_address_escape_value(path);
	if (!escaped)
		return -ENOMEM;
	n = snprintf(address, sizeof(address), "unix:path=%s", escaped);
	dbus_free(escaped);
	if (n < 0 || (size_t)n >= sizeof(address))
		return unreachable(ret_error, "the path of the socket is too long");

	client->connection = dbus_connection_open_private(address, NULL);
	if (!client->connection)
		return unreachable(ret_error, "nobody listens on the socket");
	if (!is_trusted_server(client->connection))
		return unreachable(ret_error, "somebody else listens on the socket");

	return 0;
}

/* dbus_bus_register() waits for 25 seconds; so Hello is said by hand. */
static int
say_hello(struct mt_client *client, struct mt_client_error *ret_error)
{
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *hello = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
							  DBUS_INTERFACE_DBUS, "Hello");
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	const char *name;

	if (!hello)
		return -ENOMEM;

	reply = dbus_connection_send_with_reply_and_block(client->connection, hello,
							  MT_CLIENT_TIMEOUT_MSEC, NULL);
	if (!reply ||
	    !dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID))
		return unreachable(ret_error, "the message bus does not answer");

	return dbus_bus_set_unique_name(client->connection, name) ? 0 : -ENOMEM;
}

static int
open_bus(struct mt_client *client, const char *address, struct mt_client_error *ret_error)
{
	client->connection = dbus_connection_open_private(address, NULL);
	if (!client->connection)
		return unreachable(ret_error, "there is no message bus");

	return say_hello(client, ret_error);
}

static int
open_system(struct mt_client *client, struct mt_client_error *ret_error)
{
	const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");

	if (access(SYSTEM_SOCKET, F_OK) == 0)
		return open_socket(client, SYSTEM_SOCKET, ret_error);

	return open_bus(client, address ? address : SYSTEM_BUS, ret_error);
}

static int
open_user(struct mt_client *client, struct mt_client_error *ret_error)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR"),
		   *address = getenv("DBUS_SESSION_BUS_ADDRESS");
	char path[ADDRESS_SIZE] = "";

	if (runtime)
		(void)snprintf(path, sizeof(path), "%s/mailtrust/socket", runtime);
	if (*path && access(path, F_OK) == 0)
		return open_socket(client, path, ret_error);
	if (!address)
		return unreachable(ret_error,
				   "there is no daemon of the system, and none of the user");

	return open_bus(client, address, ret_error);
}

static int
open_default(struct mt_client *client, struct mt_client_error *ret_error)
{
	const char *from_env = getenv("MAILTRUST_SOCKET");

	if (from_env && *from_env)
		return open_socket(client, from_env, ret_error);
	/* installed, even if it does not run, means it is the one to ask: no way around it */
	if (access(SYSTEM_SOCKET, F_OK) == 0 || access(SYSTEM_ACTIVATION, F_OK) == 0)
		return open_system(client, ret_error);

	return open_user(client, ret_error);
}

static int
open_where(struct mt_client *client, enum mt_client_where where, const char *argument,
	   struct mt_client_error *ret_error)
{
	switch (where) {
	case MT_CLIENT_DEFAULT:
		return open_default(client, ret_error);
	case MT_CLIENT_SYSTEM:
		return open_system(client, ret_error);
	case MT_CLIENT_USER:
		return open_user(client, ret_error);
	case MT_CLIENT_SOCKET:
		return open_socket(client, argument, ret_error);
	case MT_CLIENT_BUS:
		return open_bus(client, argument, ret_error);
	}
	return -EINVAL;
}

int
mt_client_open(enum mt_client_where where, const char *argument, struct mt_client **ret,
	       struct mt_client_error *ret_error)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return -ENOMEM;
	r = open_where(client, where, argument, ret_error);
	if (r)
		return r;

	dbus_connection_set_exit_on_disconnect(client->connection, FALSE);
	*ret = mt_steal(&client);
	return 0;
}

struct mt_client *
mt_client_free(struct mt_client *client)
{
	if (!client)
		return NULL;

	if (client->connection) {
		dbus_connection_close(client->connection);
		dbus_connection_unref(client->connection);
	}
	free(client);
	return NULL;
}

DBusMessage *
mt_client_message(enum mt_call call, const char *account_id)
{
	const struct mt_call_def *def = &mt_calls[call];
	char path[MT_ACCOUNT_PATH_SIZE];

	if (account_id)
		mt_contract_format_path(account_id, path);

	return dbus_message_new_method_call(MT_BUS_NAME, account_id ? path : MT_ROOT_PATH,
					    mt_interfaces[def->interface].name, def->member);
}

int
mt_client_call(struct mt_client *client, enum mt_call call, DBusMessage *message, int timeout_msec,
	       DBusMessage **ret_reply, struct mt_client_error *ret_error)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	DBusError error = DBUS_ERROR_INIT;
	int r;

	reply = dbus_connection_send_with_reply_and_block(
		client->connection, message, timeout_msec ? timeout_msec : MT_CLIENT_TIMEOUT_MSEC,
		&error);
	if (!reply) {
		if (dbus_error_has_name(&error, DBUS_ERROR_NO_MEMORY))
			r = -ENOMEM;
		else
			r = fail(ret_error, mt_error_from_dbus_name(error.name), error.message);
		dbus_error_free(&error);
		return r;
	}
	/* what answers otherwise is not our daemon (D-SYS-04) */
	if (!dbus_message_has_signature(reply, mt_calls[call].out))
		return unreachable(ret_error, "what answered does not keep to the contract");

	*ret_reply = mt_steal(&reply);
	return 0;
}

static int64_t
now_msec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

DBusMessage *
mt_client_wait_signal(struct mt_client *client, int timeout_msec)
{
	int64_t deadline = now_msec() + timeout_msec, left = timeout_msec;
	DBusMessage *message;

	do {
		/* taken, not dispatched: there are no filters here */
		while ((message = dbus_connection_pop_message(client->connection))) {
			if (dbus_message_get_type(message) == DBUS_MESSAGE_TYPE_SIGNAL &&
			    !dbus_message_has_interface(message, DBUS_INTERFACE_LOCAL) &&
			    !dbus_message_has_interface(message, DBUS_INTERFACE_DBUS))
				return message;
			dbus_message_unref(message);
		}
		if (left < 0 || !dbus_connection_read_write(client->connection, (int)left))
			return NULL;
		left = deadline - now_msec();
	} while (left >= 0 || dbus_connection_get_dispatch_status(client->connection) ==
				      DBUS_DISPATCH_DATA_REMAINS);
	return NULL;
}

DBusConnection *
mt_client_connection(struct mt_client *client)
{
	return client->connection;
}
