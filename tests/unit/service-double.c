/* SPDX-License-Identifier: MIT */
/* A direct socket, served by a child. */

#include "tests/unit/service-double.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONNECTIONS_MAX 16

struct service_double {
	service_double_fn fn;
	void *userdata;
	DBusWatch *watch; /* of the listening socket */
	DBusConnection *connections[CONNECTIONS_MAX];
	size_t n_connections;
};

static DBusHandlerResult
on_message(DBusConnection *connection, DBusMessage *message, void *userdata)
{
	struct service_double *d = userdata;
	DBusMessage *reply = NULL;

	if (dbus_message_get_type(message) == DBUS_MESSAGE_TYPE_METHOD_CALL)
		reply = d->fn(message, d->userdata);
	if (reply) {
		(void)dbus_connection_send(connection, reply, NULL);
		dbus_message_unref(reply);
	}
	return DBUS_HANDLER_RESULT_HANDLED;
}

static void
on_connection(DBusServer *server, DBusConnection *connection, void *userdata)
{
	struct service_double *d = userdata;

	if (d->n_connections == CONNECTIONS_MAX)
		_exit(1);

	d->connections[d->n_connections++] = dbus_connection_ref(connection);
	(void)dbus_connection_add_filter(connection, on_message, d, NULL);
}

static dbus_bool_t
on_add_watch(DBusWatch *watch, void *userdata)
{
	struct service_double *d = userdata;

	d->watch = watch;
	return TRUE;
}

static void
on_watch(DBusWatch *watch, void *userdata)
{
}

static void
serve(struct service_double *d, const char *path, int ready)
{
	char address[160];
	DBusServer *server;

	(void)snprintf(address, sizeof(address), "unix:path=%s", path);
	server = dbus_server_listen(address, NULL);
	if (!server ||
	    !dbus_server_set_watch_functions(server, on_add_watch, on_watch, on_watch, d, NULL))
		_exit(1);

	dbus_server_set_new_connection_function(server, on_connection, d, NULL);
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;) {
		struct pollfd fd = {.fd = dbus_watch_get_unix_fd(d->watch), .events = POLLIN};

		if (poll(&fd, 1, 5) > 0)
			(void)dbus_watch_handle(d->watch, DBUS_WATCH_READABLE);
		for (size_t i = 0; i < d->n_connections; i++)
			(void)dbus_connection_read_write_dispatch(d->connections[i], 5);
	}
}

pid_t
service_double_start(const char *path, service_double_fn fn, void *userdata)
{
	struct service_double d = {.fn = fn, .userdata = userdata};
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe(ready))
		return -1;

	pid = fork();
	if (pid == 0) {
		(void)close(ready[0]);
		serve(&d, path, ready[1]);
	}
	(void)close(ready[1]);
	if (pid > 0 && read(ready[0], &byte, 1) != 1) {
		service_double_stop(pid);
		pid = -1;
	}
	(void)close(ready[0]);
	return pid;
}

void
service_double_stop(pid_t pid)
{
	if (pid <= 0)
		return;

	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}
