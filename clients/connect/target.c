/* SPDX-License-Identifier: MIT */
/* The servers of one service of an account. */

#include "clients/connect/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/minimum.h"

static void
free_signature(char **signature)
{
	dbus_free(*signature);
}

static void
free_minimum(struct mt_minimum **min)
{
	free(*min);
}

/* One entry of a{sv}: its key, and an iterator on the value in its variant. */
static const char *
read_entry(DBusMessageIter *dict, DBusMessageIter *ret_value)
{
	DBusMessageIter entry;
	const char *key;

	dbus_message_iter_recurse(dict, &entry);
	dbus_message_iter_get_basic(&entry, &key);
	dbus_message_iter_next(&entry);
	dbus_message_iter_recurse(&entry, ret_value);
	return key;
}

static const char *
read_string(DBusMessageIter *value)
{
	const char *text = "";

	if (dbus_message_iter_get_arg_type(value) == DBUS_TYPE_STRING)
		dbus_message_iter_get_basic(value, &text);
	return text;
}

static uint16_t
read_port(DBusMessageIter *value)
{
	dbus_uint16_t port = 0;

	if (dbus_message_iter_get_arg_type(value) == DBUS_TYPE_UINT16)
		dbus_message_iter_get_basic(value, &port);
	return port;
}

/* A dictionary of the property Endpoints. Return: it is a server of that service. */
static bool
read_server(DBusMessageIter *dict, enum mt_proto wanted, struct mt_target_server *ret)
{
	enum mt_proto proto = MT_PROTO_UNKNOWN;
	bool has_transport = false;
	DBusMessageIter value;
	const char *key;

	*ret = (struct mt_target_server){0};
	for (; dbus_message_iter_get_arg_type(dict) != DBUS_TYPE_INVALID;
	     dbus_message_iter_next(dict)) {
		key = read_entry(dict, &value);
		if (strcmp(key, "protocol") == 0)
			(void)!mt_proto_from_string(read_string(&value), &proto);
		else if (strcmp(key, "transport") == 0)
			has_transport =
				mt_transport_from_string(read_string(&value), &ret->transport) == 0;
		else if (strcmp(key, "host") == 0)
			(void)snprintf(ret->host, sizeof(ret->host), "%s", read_string(&value));
		else if (strcmp(key, "port") == 0)
			ret->port = read_port(&value);
	}
	return proto == wanted && has_transport && ret->host[0] && ret->port;
}

static int
better_first(const void *a, const void *b)
{
	const struct mt_target_server *one = a, *other = b;

	return (int)other->transport - (int)one->transport;
}

static void
read_servers(DBusMessageIter *value, struct mt_target *target)
{
	MT_CLEANUP(free_signature) char *signature = dbus_message_iter_get_signature(value);
	struct mt_target_server found[MT_ENDPOINTS_MAX];
	DBusMessageIter array, dict;
	size_t n = 0;

	if (!signature || strcmp(signature, "aa{sv}") != 0)
		return;
	dbus_message_iter_recurse(value, &array);
	for (; dbus_message_iter_get_arg_type(&array) == DBUS_TYPE_ARRAY && n < MT_ENDPOINTS_MAX;
	     dbus_message_iter_next(&array)) {
		dbus_message_iter_recurse(&array, &dict);
		n += read_server(&dict, target->proto, &found[n]);
	}
	/* the service resolves the server that was set last; others are of use where they are the
	 * same host */
	for (size_t i = 0; i < n; i++)
		if (strcmp(found[i].host, found[n - 1].host) == 0)
			target->servers[target->n_servers++] = found[i];
	qsort(target->servers, target->n_servers, sizeof(found[0]), better_first);
}

/* What is not every mechanism there is, or cannot be read, is a restriction. */
static bool
restricts_mechanisms(const char *value)
{
	MT_CLEANUP(free_minimum) struct mt_minimum *min = calloc(1, sizeof(*min));

	return !min || mt_minimum_set_text(min, "auth_mechs", value, false) != 0 ||
	       min->auth_mechs != MT_MECHS_ALL;
}

/* One entry of the property EffectiveMinimum, (value, layer) by field. */
static void
read_field(DBusMessageIter *dict, struct mt_target *target)
{
	DBusMessageIter entry, pair;
	const char *field, *value;

	dbus_message_iter_recurse(dict, &entry);
	dbus_message_iter_get_basic(&entry, &field);
	dbus_message_iter_next(&entry);
	dbus_message_iter_recurse(&entry, &pair);
	dbus_message_iter_get_basic(&pair, &value);
	if (strcmp(field, "auth_mechs") == 0)
		target->wants_mechanism |= restricts_mechanisms(value);
	if (strcmp(field, "channel_binding") == 0)
		target->wants_mechanism |= strcmp(value, "require") == 0;
}

static void
read_minimum(DBusMessageIter *value, struct mt_target *target)
{
	MT_CLEANUP(free_signature) char *signature = dbus_message_iter_get_signature(value);
	DBusMessageIter dict;

	if (!signature || strcmp(signature, "a{s(ss)}") != 0)
		return;
	dbus_message_iter_recurse(value, &dict);
	for (; dbus_message_iter_get_arg_type(&dict) != DBUS_TYPE_INVALID;
	     dbus_message_iter_next(&dict))
		read_field(&dict, target);
}

static void
read_properties(DBusMessage *reply, struct mt_target *target)
{
	DBusMessageIter iter, dict, value;

	dbus_message_iter_init(reply, &iter);
	dbus_message_iter_recurse(&iter, &dict);
	for (; dbus_message_iter_get_arg_type(&dict) != DBUS_TYPE_INVALID;
	     dbus_message_iter_next(&dict)) {
		const char *name = read_entry(&dict, &value);

		if (strcmp(name, "Endpoints") == 0)
			read_servers(&value, target);
		else if (strcmp(name, "EffectiveMinimum") == 0)
			read_minimum(&value, target);
	}
}

/* A call whose one argument is text. NULL: out of memory. */
static DBusMessage *
make_call(enum mt_call which, const char *id, const char *argument)
{
	DBusMessage *call = mt_client_message(which, id);

	if (call &&
	    !dbus_message_append_args(call, DBUS_TYPE_STRING, &argument, DBUS_TYPE_INVALID)) {
		dbus_message_unref(call);
		return NULL;
	}
	return call;
}

int
mt_target_load(struct mt_client *client, const char *account, enum mt_proto proto,
	       struct mt_target *ret)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *call = NULL;
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	int r;

	*ret = (struct mt_target){.proto = proto};
	mt_client_begin(client, MT_CLIENT_PATIENCE_USEC);
	r = mt_client_find_account(client, account, ret->id);
	if (r)
		return r;
	call = make_call(MT_CALL_PROPERTIES_GET_ALL, ret->id,
			 mt_interfaces[MT_INTERFACE_ACCOUNT].name);
	r = mt_client_call(client, MT_CALL_PROPERTIES_GET_ALL, call, &reply);
	if (r)
		return r;

	read_properties(reply, ret);
	return 0;
}

int
mt_target_resolve(struct mt_client *client, struct mt_target *target)
{
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *call =
		make_call(MT_CALL_ACCOUNT_RESOLVE, target->id, mt_proto_to_string(target->proto));
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	int r, n;

	mt_client_begin(client, MT_CLIENT_PATIENCE_USEC);
	r = mt_client_call(client, MT_CALL_ACCOUNT_RESOLVE, call, &reply);
	if (r)
		return r;
	if (!dbus_message_get_args(reply, NULL, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING,
				   &target->addresses, &n, DBUS_TYPE_INVALID))
		return -ENOMEM;
	target->n_addresses = (size_t)n;
	return 0;
}

void
mt_target_clear(struct mt_target *target)
{
	dbus_free_string_array(target->addresses);
	*target = (struct mt_target){0};
}
