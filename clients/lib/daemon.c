/* SPDX-License-Identifier: MIT */
/* Finds the service and calls it, within a time. */

#include "clients/lib/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SYSTEM_SOCKET "/run/mailtrust/socket"
#define SYSTEM_ACTIVATION "/usr/share/dbus-1/system-services/org.mailtrust1.service"
#define SYSTEM_BUS "unix:path=/run/dbus/system_bus_socket"
#define ADDRESS_SIZE 512

struct mt_daemon {
	enum mt_where where;
	char *socket; /* of MT_WHERE_SOCKET */
	DBusConnection *connection;
	char *jwks;            /* of this connection; NULL: not asked yet */
	int64_t deadline_usec; /* monotonic */
	struct mt_daemon_error error;
};

static int64_t
now_usec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * MT_USEC_PER_SEC + now.tv_nsec / 1000;
}

int
mt_daemon_new(enum mt_where where, const char *socket, struct mt_daemon **ret)
{
	MT_CLEANUP(mt_daemon_freep) struct mt_daemon *daemon = calloc(1, sizeof(*daemon));
	const char *from_env = getenv("MAILTRUST_SOCKET");

	if (!daemon)
		return -ENOMEM;
	if (where == MT_WHERE_ANY && from_env && *from_env) {
		where = MT_WHERE_SOCKET;
		socket = from_env;
	}
	if (where == MT_WHERE_SOCKET) {
		daemon->socket = strdup(socket);
		if (!daemon->socket)
			return -ENOMEM;
	}
	daemon->where = where;
	mt_daemon_begin(daemon, MT_PATIENCE_USEC);
	*ret = mt_steal(&daemon);
	return 0;
}

static void
disconnect(struct mt_daemon *daemon)
{
	free(daemon->jwks);
	daemon->jwks = NULL;
	if (!daemon->connection)
		return;

	dbus_connection_close(daemon->connection);
	dbus_connection_unref(daemon->connection);
	daemon->connection = NULL;
}

struct mt_daemon *
mt_daemon_free(struct mt_daemon *daemon)
{
	if (!daemon)
		return NULL;

	disconnect(daemon);
	free(daemon->socket);
	free(daemon);
	return NULL;
}

void
mt_daemon_begin(struct mt_daemon *daemon, int64_t patience_usec)
{
	daemon->deadline_usec = now_usec() + patience_usec;
}

const struct mt_daemon_error *
mt_daemon_error(const struct mt_daemon *daemon)
{
	return &daemon->error;
}

static void
set_error(struct mt_daemon *daemon, const char *name, const char *message)
{
	(void)snprintf(daemon->error.name, sizeof(daemon->error.name), "%s", name);
	(void)snprintf(daemon->error.message, sizeof(daemon->error.message), "%s", message);
}

static int
unreachable(struct mt_daemon *daemon, const char *name, const char *message)
{
	set_error(daemon, name, message);
	disconnect(daemon);
	return MT_DAEMON_E_UNREACHABLE;
}

/* What is left of the patience, in milliseconds; 0 where nothing is. */
static int
patience_msec(const struct mt_daemon *daemon)
{
	int64_t left = daemon->deadline_usec - now_usec();

	return left > 0 ? (int)((left + 999) / 1000) : 0;
}

/*
 * Somebody listens at the path and takes connections. libdbus connects blocking, and connecting to
 * a stopped service whose queue is full would block for good; this asks without blocking.
 */
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
	close(fd);
	return accepting;
}

static int
open_socket(struct mt_daemon *daemon, const char *path)
{
	char address[ADDRESS_SIZE], *escaped;
	int n;

	if (!is_accepting(path))
		return unreachable(daemon, DBUS_ERROR_NO_SERVER, "nobody listens on its socket");

	escaped = dbus_address_escape_value(path);
	if (!escaped)
		return -ENOMEM;

	n = snprintf(address, sizeof(address), "unix:path=%s", escaped);
	dbus_free(escaped);
	if (n < 0 || (size_t)n >= sizeof(address))
		return unreachable(daemon, DBUS_ERROR_BAD_ADDRESS, "the socket's path is too long");

	daemon->connection = dbus_connection_open_private(address, NULL);
	if (!daemon->connection)
		return unreachable(daemon, DBUS_ERROR_NO_SERVER, "nobody listens on its socket");

	return 0;
}

/* dbus_bus_register() waits for 25 seconds; so Hello is said by hand. */
static int
say_hello(struct mt_daemon *daemon)
{
	MT_CLEANUP(mt_message_unrefp)
	DBusMessage *hello = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
							  DBUS_INTERFACE_DBUS, "Hello");
	MT_CLEANUP(mt_message_unrefp) DBusMessage *reply = NULL;
	const char *name;

	if (!hello)
		return -ENOMEM;

	reply = dbus_connection_send_with_reply_and_block(daemon->connection, hello,
							  patience_msec(daemon), NULL);
	if (!reply ||
	    !dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID))
		return unreachable(daemon, DBUS_ERROR_NO_SERVER, "the message bus does not answer");

	return dbus_bus_set_unique_name(daemon->connection, name) ? 0 : -ENOMEM;
}

static int
open_bus(struct mt_daemon *daemon, const char *address)
{
	daemon->connection = dbus_connection_open_private(address, NULL);
	if (!daemon->connection)
		return unreachable(daemon, DBUS_ERROR_NO_SERVER, "there is no message bus");

	return say_hello(daemon);
}

static int
open_system(struct mt_daemon *daemon)
{
	const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");

	if (access(SYSTEM_SOCKET, F_OK) == 0)
		return open_socket(daemon, SYSTEM_SOCKET);

	return open_bus(daemon, address ? address : SYSTEM_BUS);
}

static int
open_user(struct mt_daemon *daemon)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR"),
		   *address = getenv("DBUS_SESSION_BUS_ADDRESS");
	char path[ADDRESS_SIZE] = "";

	if (runtime)
		(void)snprintf(path, sizeof(path), "%s/mailtrust/socket", runtime);
	if (*path && access(path, F_OK) == 0)
		return open_socket(daemon, path);
	if (!address)
		return unreachable(daemon, DBUS_ERROR_NO_SERVER, "there is no service of your own");

	return open_bus(daemon, address);
}

static int
connect_to(struct mt_daemon *daemon)
{
	switch (daemon->where) {
	case MT_WHERE_SOCKET:
		return open_socket(daemon, daemon->socket);
	case MT_WHERE_SYSTEM:
		return open_system(daemon);
	case MT_WHERE_USER:
		return open_user(daemon);
	case MT_WHERE_ANY:
		break;
	}
	/* installed, even if it does not run, means it is the one to ask */
	if (access(SYSTEM_SOCKET, F_OK) == 0 || access(SYSTEM_ACTIVATION, F_OK) == 0)
		return open_system(daemon);

	return open_user(daemon);
}

DBusMessage *
mt_daemon_message(const char *path, const char *interface, const char *member)
{
	DBusMessage *message = dbus_message_new_method_call(MT_BUS_NAME, path, interface, member);

	/* D-SYS-07: the owner may be asked for a password; the bus ignores it where nobody is */
	if (message)
		dbus_message_set_allow_interactive_authorization(message, TRUE);

	return message;
}

/* Errors that mean nobody of ours answered. */
static bool
is_absence(const char *name)
{
	static const char *const names[] = {
		DBUS_ERROR_NO_REPLY,          DBUS_ERROR_TIMEOUT,    DBUS_ERROR_TIMED_OUT,
		DBUS_ERROR_DISCONNECTED,      DBUS_ERROR_NO_SERVER,  DBUS_ERROR_SERVICE_UNKNOWN,
		DBUS_ERROR_NAME_HAS_NO_OWNER, DBUS_ERROR_IO_ERROR,   DBUS_ERROR_AUTH_FAILED,
		DBUS_ERROR_INVALID_SIGNATURE, DBUS_ERROR_NO_NETWORK,
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;

	return strncmp(name, "org.freedesktop.DBus.Error.Spawn.", 33) == 0;
}

static int
send_and_wait(struct mt_daemon *daemon, DBusMessage *call, DBusMessage **ret_reply)
{
	int patience = patience_msec(daemon), r;
	DBusError error = DBUS_ERROR_INIT;

	if (patience == 0)
		return unreachable(daemon, DBUS_ERROR_TIMEOUT, "it did not answer in time");

	*ret_reply = dbus_connection_send_with_reply_and_block(daemon->connection, call, patience,
							       &error);
	if (*ret_reply)
		return 0;
	if (is_absence(error.name)) {
		r = unreachable(daemon, error.name, error.message);
	} else {
		set_error(daemon, error.name, error.message);
		r = MT_DAEMON_E_REFUSED;
	}
	dbus_error_free(&error);
	return r;
}

int
mt_daemon_call(struct mt_daemon *daemon, DBusMessage *call, const char *signature,
	       DBusMessage **ret_reply)
{
	MT_CLEANUP(mt_message_unrefp) DBusMessage *reply = NULL;
	int r;

	if (!call)
		return -ENOMEM;
	if (daemon->connection && !dbus_connection_get_is_connected(daemon->connection))
		disconnect(daemon);

	r = daemon->connection ? 0 : connect_to(daemon);
	if (r == 0)
		r = send_and_wait(daemon, call, &reply);
	if (r)
		return r;
	if (!dbus_message_has_signature(reply, signature))
		return unreachable(daemon, DBUS_ERROR_INVALID_SIGNATURE,
				   "what answered is not the service");

	*ret_reply = mt_steal(&reply);
	return 0;
}

static bool
is_account_id(const char *text)
{
	return strlen(text) == 32 && strspn(text, "0123456789abcdef") == 32;
}

int
mt_daemon_find_account(struct mt_daemon *daemon, const char *account,
		       char ret_path[static MT_OBJECT_PATH_SIZE])
{
	MT_CLEANUP(mt_message_unrefp) DBusMessage *call = NULL;
	MT_CLEANUP(mt_message_unrefp) DBusMessage *reply = NULL;
	const char *path;
	int r;

	if (is_account_id(account)) {
		(void)snprintf(ret_path, MT_OBJECT_PATH_SIZE, MT_ACCOUNT_PREFIX "%s", account);
		return 0;
	}
	call = mt_daemon_message(MT_MANAGER_PATH, MT_MANAGER_INTERFACE, "FindAccount");
	if (!dbus_validate_utf8(account, NULL)) {
		set_error(daemon, DBUS_ERROR_INVALID_ARGS, "an address is UTF-8");
		return MT_DAEMON_E_REFUSED;
	}
	if (!call || !dbus_message_append_args(call, DBUS_TYPE_STRING, &account, DBUS_TYPE_INVALID))
		return -ENOMEM;

	r = mt_daemon_call(daemon, call, "o", &reply);
	if (r)
		return r;

	(void)dbus_message_get_args(reply, NULL, DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_INVALID);
	if (strncmp(path, MT_ACCOUNT_PREFIX, strlen(MT_ACCOUNT_PREFIX)) != 0 ||
	    !is_account_id(path + strlen(MT_ACCOUNT_PREFIX)))
		return unreachable(daemon, DBUS_ERROR_INVALID_SIGNATURE,
				   "what answered is not the service");

	strcpy(ret_path, path);
	return 0;
}

const char *
mt_account_id_of_path(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : "";
}

int
mt_daemon_keys(struct mt_daemon *daemon, bool anew, const char **ret_jwks)
{
	MT_CLEANUP(mt_message_unrefp) DBusMessage *call = NULL;
	MT_CLEANUP(mt_message_unrefp) DBusMessage *reply = NULL;
	const char *jwks;
	int r;

	if (!daemon->jwks || anew) {
		call = mt_daemon_message(MT_MANAGER_PATH, MT_MANAGER_INTERFACE, "GetKeys");
		r = mt_daemon_call(daemon, call, "s", &reply);
		if (r)
			return r;

		(void)dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &jwks,
					    DBUS_TYPE_INVALID);
		free(daemon->jwks);
		daemon->jwks = strdup(jwks);
		if (!daemon->jwks)
			return -ENOMEM;
	}
	*ret_jwks = daemon->jwks;
	return 0;
}
