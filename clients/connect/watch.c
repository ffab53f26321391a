/* SPDX-License-Identifier: MIT */
/* Changes while a session lives. */

#include "clients/connect/watch.h"

static int
subscribe(struct mt_client *client)
{
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *call = mt_client_message(MT_CALL_MANAGER_SUBSCRIBE, NULL);
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;

	return mt_client_call(client, MT_CALL_MANAGER_SUBSCRIBE, call, &reply);
}

int
mt_watch_begin(struct mt_watch *watch, struct mt_client *client)
{
	int r;

	*watch = (struct mt_watch){.client = client};
	mt_client_begin(client, MT_CLIENT_PATIENCE_USEC);
	r = subscribe(client);
	watch->n_connections = mt_client_get_n_connections(client);
	return r;
}

int
mt_watch_get_fd(const struct mt_watch *watch)
{
	DBusConnection *connection = mt_client_connection(watch->client);
	int fd;

	if (watch->is_lost || !connection || !dbus_connection_get_unix_fd(connection, &fd))
		return -1;
	return fd;
}

int64_t
mt_watch_deadline(const struct mt_watch *watch)
{
	return watch->is_lost ? watch->retry_usec : INT64_MAX;
}

/* Return: there was a signal. */
static bool
take_signals(struct mt_watch *watch)
{
	DBusConnection *connection;
	DBusMessage *signal;
	bool is_changed = false;

	/* one millisecond, since without waiting nothing is read */
	while ((signal = mt_client_wait_signal(watch->client, 1))) {
		is_changed = true;
		dbus_message_unref(signal);
	}
	connection = mt_client_connection(watch->client);
	/* a question may have found a service that was started anew: nobody subscribed to that */
	watch->is_lost = !connection || !dbus_connection_get_is_connected(connection) ||
			 watch->n_connections != mt_client_get_n_connections(watch->client);
	return is_changed;
}

/* Looks for the service. Return: it is there; what changed meanwhile nobody told us. */
static bool
find_again(struct mt_watch *watch, int64_t now_usec)
{
	watch->retry_usec = now_usec + MT_WATCH_RETRY_USEC;
	mt_client_begin(watch->client, MT_CLIENT_PATIENCE_USEC);
	watch->is_lost = subscribe(watch->client) != 0;
	watch->n_connections = mt_client_get_n_connections(watch->client);
	return !watch->is_lost;
}

bool
mt_watch_turn(struct mt_watch *watch, int64_t now_usec)
{
	bool is_changed = !watch->is_lost && take_signals(watch);

	if (watch->is_lost && now_usec >= watch->retry_usec && find_again(watch, now_usec))
		is_changed = true;
	return is_changed;
}
