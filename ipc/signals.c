/* SPDX-License-Identifier: MIT */
/* Signals, to the subscribers of one uid. */

#include <errno.h>
#include <stdlib.h>

#include "ipc/codec.h"
#include "ipc/dispatch-internal.h"

int
mt_dispatch_subscribe(struct mt_dispatch *dispatch, struct mt_caller *caller)
{
	struct mt_subscriber *subscriber;
	unsigned int n = 0;

	TAILQ_FOREACH(subscriber, &dispatch->subscribers, entry)
	{
		if (subscriber->caller == caller)
			return 0;
		n += subscriber->caller->uid == caller->uid;
	}
	if (n >= MT_SUBSCRIPTIONS_PER_UID_MAX)
		return MT_ERROR_LIMIT_EXCEEDED;

	subscriber = calloc(1, sizeof(*subscriber));
	if (!subscriber)
		return -ENOMEM;
	subscriber->caller = caller;
	caller->n_holds++;
	TAILQ_INSERT_TAIL(&dispatch->subscribers, subscriber, entry);
	return 0;
}

void
mt_dispatch_unsubscribe(struct mt_dispatch *dispatch, struct mt_caller *caller)
{
	struct mt_subscriber *subscriber;

	TAILQ_FOREACH(subscriber, &dispatch->subscribers, entry)
	if (subscriber->caller == caller)
		break;

	if (!subscriber)
		return;
	TAILQ_REMOVE(&dispatch->subscribers, subscriber, entry);
	caller->n_holds--;
	free(subscriber);
}

DBusMessage *
mt_signal_new(enum mt_signal signal, const char *path)
{
	const struct mt_signal_def *def = &mt_signals[signal];

	return dbus_message_new_signal(path, mt_interfaces[def->interface].name, def->member);
}

void
mt_dispatch_emit(struct mt_dispatch *dispatch, uint32_t uid, DBusMessage *signal)
{
	struct mt_subscriber *subscriber;

	TAILQ_FOREACH(subscriber, &dispatch->subscribers, entry)
	{
		MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *copy = NULL;

		if (uid != MT_EVERY_UID && subscriber->caller->uid != uid)
			continue;
		/* one message, one destination */
		copy = dbus_message_copy(signal);
		if (copy)
			mt_caller_send(subscriber->caller, copy);
	}
}

/* Whoever is not listening costs nothing. */
static bool
has_subscriber(const struct mt_dispatch *dispatch, uint32_t uid)
{
	const struct mt_subscriber *subscriber;

	TAILQ_FOREACH(subscriber, &dispatch->subscribers, entry)
	if (uid == MT_EVERY_UID || subscriber->caller->uid == uid)
		return true;

	return false;
}

void
mt_dispatch_emit_added(struct mt_dispatch *dispatch, uint32_t uid, const char *id, void *account)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *signal = NULL;
	DBusMessageIter iter;

	if (!has_subscriber(dispatch, uid))
		return;
	signal = mt_signal_new(MT_SIGNAL_OBJECT_MANAGER_INTERFACES_ADDED, MT_ROOT_PATH);
	if (!signal)
		return;

	dbus_message_iter_init_append(signal, &iter);
	if (mt_codec_append_path(&iter, id) == 0 &&
	    mt_object_append_account(dispatch, account, uid, &iter) == 0)
		mt_dispatch_emit(dispatch, uid, signal);
}

void
mt_dispatch_emit_removed(struct mt_dispatch *dispatch, uint32_t uid, const char *id)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *signal = NULL;
	DBusMessageIter iter, array;

	if (!has_subscriber(dispatch, uid))
		return;
	signal = mt_signal_new(MT_SIGNAL_OBJECT_MANAGER_INTERFACES_REMOVED, MT_ROOT_PATH);
	if (!signal)
		return;

	dbus_message_iter_init_append(signal, &iter);
	if (mt_codec_append_path(&iter, id) ||
	    !dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "s", &array))
		return;
	for (size_t i = 0; i < MT_INTERFACE_COUNT; i++)
		if (mt_interfaces[i].objects & MT_OBJECT_ACCOUNT &&
		    mt_codec_append_string(&array, mt_interfaces[i].name)) {
			dbus_message_iter_abandon_container(&iter, &array);
			return;
		}
	if (dbus_message_iter_close_container(&iter, &array))
		mt_dispatch_emit(dispatch, uid, signal);
}

void
mt_dispatch_emit_changed(struct mt_dispatch *dispatch, uint32_t uid, const char *id, void *account,
			 const enum mt_property_id *properties, size_t n)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *signal = NULL;
	char path[MT_ACCOUNT_PATH_SIZE];
	DBusMessageIter iter, array;
	enum mt_interface interface;

	if (n == 0 || !has_subscriber(dispatch, uid))
		return;
	mt_contract_format_path(id, path);
	signal = mt_signal_new(MT_SIGNAL_PROPERTIES_PROPERTIES_CHANGED, path);
	if (!signal)
		return;

	interface = mt_properties[properties[0]].interface;
	dbus_message_iter_init_append(signal, &iter);
	if (mt_codec_append_string(&iter, mt_interfaces[interface].name) == 0 &&
	    mt_object_append_properties(dispatch, interface, properties, n, account, uid, &iter) ==
		    0 &&
	    dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "s", &array) &&
	    dbus_message_iter_close_container(&iter, &array))
		mt_dispatch_emit(dispatch, uid, signal);
}
