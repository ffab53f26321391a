/* SPDX-License-Identifier: MIT */
/*
 * Callers on a message bus, by unique name.
 *
 * At the first call of a name, a match rule for the end of that name is added, then the bus daemon
 * is asked for its credentials; the bus works in order, so a name that ends after the answer is
 * announced. Calls wait meanwhile. From then on a call costs one hash lookup. The least recently
 * used name that nothing depends on is forgotten when there are too many: it would be asked about
 * again. Unique names are never used twice, so a stale entry could never be somebody else.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/bus-internal.h"

#define CREDENTIALS_TIMEOUT_MSEC 5000
#define MATCH_SIZE 256

static struct mt_peer **
bucket_of(struct mt_bus *bus, const char *name)
{
	uint32_t value = 0;

	/* the bus daemon makes the names, a serial number at the end */
	for (; *name; name++)
		value = value * 31 + (uint8_t)*name;

	return &bus->buckets[value % MT_NAME_BUCKETS];
}

static struct mt_peer *
find(struct mt_bus *bus, const char *name)
{
	struct mt_peer *peer = *bucket_of(bus, name);

	while (peer && strcmp(peer->caller.name, name) != 0)
		peer = peer->next;

	return peer;
}

/* AddMatch and RemoveMatch, without waiting for an answer. */
static void
match(struct mt_bus *bus, const char *name, bool add)
{
	char rule[MATCH_SIZE];

	(void)snprintf(rule, sizeof(rule),
		       "type='signal',sender='" DBUS_SERVICE_DBUS "',path='" DBUS_PATH_DBUS
		       "',interface='" DBUS_INTERFACE_DBUS
		       "',member='NameOwnerChanged',arg0='%s',arg2=''",
		       name);
	if (add)
		dbus_bus_add_match(bus->connection, rule, NULL);
	else
		dbus_bus_remove_match(bus->connection, rule, NULL);
}

/* Takes a name out of the tables and frees it. */
static void
forget(struct mt_peer *peer, bool announce)
{
	struct mt_bus *bus = peer->bus;
	struct mt_peer **slot = bucket_of(bus, peer->caller.name);

	while (*slot != peer)
		slot = &(*slot)->next;
	*slot = peer->next;
	TAILQ_REMOVE(&bus->names, peer, entry);
	bus->n_names--;
	if (bus->connection && dbus_connection_get_is_connected(bus->connection))
		match(bus, peer->caller.name, false);
	/* who was never known was never announced */
	if (announce && !peer->pending && bus->ops->on_gone)
		bus->ops->on_gone(&peer->caller, bus->userdata);
	mt_peer_free(peer);
}

/* Makes room for one more name. */
static bool
make_room(struct mt_bus *bus)
{
	struct mt_peer *peer;

	if (bus->n_names < MT_NAMES_MAX)
		return true;
	TAILQ_FOREACH_REVERSE(peer, &bus->names, mt_peers, entry)
	{
		if (!peer->pending && peer->caller.n_requests == 0 && peer->caller.n_holds == 0) {
			forget(peer, true);
			return true;
		}
	}
	return false;
}

/* Before a caller exists there is nothing to send through but the connection. */
static void
refuse(struct mt_bus *bus, DBusMessage *call, enum mt_error error)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;

	if (dbus_message_get_no_reply(call))
		return;
	reply = dbus_message_new_error(call, mt_error_to_dbus_name(error), mt_error_text(error));
	if (reply)
		(void)dbus_connection_send(bus->connection, reply, NULL);
}

static bool
read_groups(DBusMessageIter *variant, struct mt_peer *peer)
{
	DBusMessageIter array;
	const uint32_t *groups;
	int n;

	dbus_message_iter_recurse(variant, &array);
	dbus_message_iter_get_fixed_array(&array, &groups, &n);
	if (n <= 0)
		return true;

	free(peer->groups);
	peer->groups = calloc((size_t)n, sizeof(*groups));
	if (!peer->groups)
		return false;
	memcpy(peer->groups, groups, (size_t)n * sizeof(*groups));
	peer->caller.groups = peer->groups;
	peer->caller.n_groups = (size_t)n;
	return true;
}

static bool
is_array_of_u32(DBusMessageIter *variant)
{
	return dbus_message_iter_get_arg_type(variant) == DBUS_TYPE_ARRAY &&
	       dbus_message_iter_get_element_type(variant) == DBUS_TYPE_UINT32;
}

/* D-Bus Specification, GetConnectionCredentials. False: the uid is not known. */
static bool
read_credentials(DBusMessage *reply, struct mt_peer *peer)
{
	DBusMessageIter iter, dict, entry, variant;
	bool has_uid = false;
	const char *key;

	if (dbus_message_get_type(reply) != DBUS_MESSAGE_TYPE_METHOD_RETURN ||
	    !dbus_message_has_signature(reply, "a{sv}") || !dbus_message_iter_init(reply, &iter))
		return false;

	dbus_message_iter_recurse(&iter, &dict);
	for (; dbus_message_iter_get_arg_type(&dict) == DBUS_TYPE_DICT_ENTRY;
	     dbus_message_iter_next(&dict)) {
		dbus_message_iter_recurse(&dict, &entry);
		dbus_message_iter_get_basic(&entry, &key);
		dbus_message_iter_next(&entry);
		dbus_message_iter_recurse(&entry, &variant);
		if (strcmp(key, "UnixUserID") == 0 &&
		    dbus_message_iter_get_arg_type(&variant) == DBUS_TYPE_UINT32) {
			dbus_message_iter_get_basic(&variant, &peer->caller.uid);
			has_uid = true;
		} else if (strcmp(key, "UnixGroupIDs") == 0 && is_array_of_u32(&variant)) {
			if (!read_groups(&variant, peer))
				return false;
		}
	}
	return has_uid && peer->caller.uid != peer->bus->overflow_uid;
}

static void
on_credentials(DBusPendingCall *pending, void *data)
{
	struct mt_peer *peer = data;
	struct mt_bus *bus = peer->bus;
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *reply = dbus_pending_call_steal_reply(pending);
	DBusMessage **queue = peer->queue;
	size_t n = peer->n_queued;
	bool known = reply && read_credentials(reply, peer);

	dbus_pending_call_unref(peer->pending);
	peer->pending = NULL;
	peer->queue = NULL;
	peer->n_queued = 0;
	for (size_t i = 0; i < n; i++) {
		if (known)
			bus->ops->on_call(&peer->caller, queue[i], bus->userdata);
		else
			refuse(bus, queue[i], MT_ERROR_ACCESS_DENIED);
		dbus_message_unref(queue[i]);
	}
	free(queue);
	if (!known)
		forget(peer, false);
}

static bool
ask_who(struct mt_peer *peer)
{
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *ask = dbus_message_new_method_call(
		DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, "GetConnectionCredentials");
	const char *name = peer->caller.name;

	match(peer->bus, name, true);
	return ask && dbus_message_append_args(ask, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID) &&
	       dbus_connection_send_with_reply(peer->connection, ask, &peer->pending,
					       CREDENTIALS_TIMEOUT_MSEC) &&
	       peer->pending &&
	       dbus_pending_call_set_notify(peer->pending, on_credentials, peer, NULL);
}

static struct mt_peer *
remember(struct mt_bus *bus, const char *name)
{
	struct mt_peer **bucket = bucket_of(bus, name), *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	peer->queue = calloc(MT_REQUESTS_PER_CONNECTION_MAX, sizeof(DBusMessage *));
	if (!peer->queue) {
		free(peer);
		return NULL;
	}
	peer->bus = bus;
	peer->connection = bus->connection;
	(void)snprintf(peer->caller.name, sizeof(peer->caller.name), "%s", name);
	peer->next = *bucket;
	*bucket = peer;
	TAILQ_INSERT_HEAD(&bus->names, peer, entry);
	bus->n_names++;
	if (!ask_who(peer)) {
		forget(peer, false);
		return NULL;
	}
	return peer;
}

static void
queue_call(struct mt_peer *peer, DBusMessage *message)
{
	if (peer->n_queued == MT_REQUESTS_PER_CONNECTION_MAX)
		refuse(peer->bus, message, MT_ERROR_LIMIT_EXCEEDED);
	else
		peer->queue[peer->n_queued++] = dbus_message_ref(message);
}

void
mt_names_call(struct mt_bus *bus, DBusMessage *message)
{
	const char *name = dbus_message_get_sender(message);
	struct mt_peer *peer;

	/* the bus daemon calls nobody, and every message it passes on has a sender */
	if (!name || name[0] != ':' || strlen(name) >= MT_CALLER_NAME_SIZE)
		return;

	peer = find(bus, name);
	if (peer) {
		if (peer != TAILQ_FIRST(&bus->names)) {
			TAILQ_REMOVE(&bus->names, peer, entry);
			TAILQ_INSERT_HEAD(&bus->names, peer, entry);
		}
	} else {
		peer = make_room(bus) ? remember(bus, name) : NULL;
	}
	if (!peer)
		refuse(bus, message, MT_ERROR_LIMIT_EXCEEDED);
	else if (peer->pending)
		queue_call(peer, message);
	else
		bus->ops->on_call(&peer->caller, message, bus->userdata);
}

void
mt_names_signal(struct mt_bus *bus, DBusMessage *message)
{
	const char *name, *before, *after;
	struct mt_peer *peer;

	if (!dbus_message_is_signal(message, DBUS_INTERFACE_DBUS, "NameOwnerChanged") ||
	    !dbus_message_has_sender(message, DBUS_SERVICE_DBUS) ||
	    !dbus_message_get_args(message, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_STRING,
				   &before, DBUS_TYPE_STRING, &after, DBUS_TYPE_INVALID))
		return;

	peer = *after == '\0' ? find(bus, name) : NULL;
	if (peer)
		forget(peer, true);
}

void
mt_names_clear(struct mt_bus *bus, bool announce)
{
	struct mt_peer *peer;

	while ((peer = TAILQ_FIRST(&bus->names)))
		forget(peer, announce);
}
