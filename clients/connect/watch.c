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
	*watch = (struct mt_watch){.client = client};
	mt_client_begin(client, MT_CLIENT_PATIENCE_USEC);
	return subscribe(client);
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
	return watch->is_lost || watch->undecided_usec ? watch->retry_usec : INT64_MAX;
}

/* Whatever it says, it says that something changed: one question answers any number of them. */
static void
take_signals(struct mt_watch *watch)
{
	DBusConnection *connection = mt_client_connection(watch->client);
	DBusMessage *signal;

	/* one millisecond, since without waiting nothing is read */
	while ((signal = mt_client_wait_signal(watch->client, 1))) {
		watch->is_due = true;
		dbus_message_unref(signal);
	}
	watch->is_lost = !connection || !dbus_connection_get_is_connected(connection);
}

/* Looks for the service. What changed while it was away nobody told us. */
static void
find_again(struct mt_watch *watch, int64_t now_usec)
{
	watch->retry_usec = now_usec + MT_WATCH_RETRY_USEC;
	mt_client_begin(watch->client, MT_CLIENT_PATIENCE_USEC);
	if (subscribe(watch->client))
		return;
	watch->is_lost = false;
	watch->is_due = true;
}

bool
mt_watch_turn(struct mt_watch *watch, int64_t now_usec)
{
	if (!watch->is_lost)
		take_signals(watch);
	if (watch->is_lost && now_usec >= watch->retry_usec)
		find_again(watch, now_usec);
	if (watch->undecided_usec && now_usec < watch->retry_usec)
		return false;
	return watch->is_due && !watch->is_lost;
}

bool
mt_watch_answered(struct mt_watch *watch, bool is_decided, int64_t now_usec)
{
	watch->is_due = !is_decided;
	if (is_decided) {
		watch->undecided_usec = 0;
		return true;
	}
	watch->retry_usec = now_usec + MT_WATCH_RETRY_USEC;
	if (!watch->undecided_usec)
		watch->undecided_usec = now_usec;
	return now_usec - watch->undecided_usec < MT_WATCH_UNDECIDED_USEC;
}
