/* SPDX-License-Identifier: MIT */
/* Connects to the daemon, and asks it. */

#include "ipc/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/client-link.h"

#define NOT_OURS "what answered is not the service"

struct mt_client {
	enum mt_client_where where;
	char *argument; /* NULL: none */
	struct mt_client_link link;
	unsigned n_connections;
	char *jwks;            /* of this connection; NULL: not asked yet */
	int64_t deadline_usec; /* monotonic, of the question; 0: each call has its own */
	struct mt_client_error error;
};

/* Life */

int
mt_client_new(enum mt_client_where where, const char *argument, struct mt_client **ret)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = calloc(1, sizeof(*client));

	if (!client)
		return -ENOMEM;

	client->where = where;
	client->argument = argument ? strdup(argument) : NULL;
	if (argument && !client->argument)
		return -ENOMEM;

	*ret = mt_steal(&client);
	return 0;
}

static void
disconnect(struct mt_client *client)
{
	free(client->jwks);
	client->jwks = NULL;
	mt_client_link_close(&client->link);
}

struct mt_client *
mt_client_free(struct mt_client *client)
{
	if (!client)
		return NULL;

	disconnect(client);
	free(client->argument);
	free(client);
	return NULL;
}

void
mt_client_begin(struct mt_client *client, int64_t patience_usec)
{
	client->deadline_usec = mt_client_now_usec() + patience_usec;
}

const struct mt_client_error *
mt_client_error(const struct mt_client *client)
{
	return &client->error;
}

static int
fail(struct mt_client *client, enum mt_error code, const char *message)
{
	client->error.code = code;
	(void)snprintf(client->error.message, sizeof(client->error.message), "%s", message);
	return (int)code;
}

/* A reply may still come, and nobody could tell to which question: so the connection ends. */
static int
unreachable(struct mt_client *client, const char *message)
{
	disconnect(client);
	return fail(client, MT_ERROR_DAEMON_UNREACHABLE, message);
}

/* Connecting */

/* Keeps the connection there is, unless its other end is gone: a daemon that was started anew since
 * the last question is found at once. */
static int
ensure_connected(struct mt_client *client, int64_t deadline_usec)
{
	struct mt_client_places places;
	struct mt_client_place place;
	const char *why = "";
	int r;

	if (mt_client_link_is_alive(&client->link))
		return 0;

	disconnect(client);
	mt_client_places_init(&places);
	if (mt_client_find(&places, client->where, client->argument, &place))
		return unreachable(client, "there is no service of your own");

	r = mt_client_link_open(&client->link, &place, deadline_usec, &why);
	client->n_connections += r == 0;
	return r > 0 ? unreachable(client, why) : r;
}

int
mt_client_open(enum mt_client_where where, const char *argument, struct mt_client **ret,
	       struct mt_client_error *ret_error)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = NULL;
	int r = mt_client_new(where, argument, &client);

	if (r == 0)
		r = ensure_connected(client, mt_client_now_usec() + MT_CLIENT_PATIENCE_USEC);
	if (r == 0)
		*ret = mt_steal(&client);
	else if (r > 0 && ret_error)
		*ret_error = client->error;

	return r;
}

/* Calling */

DBusMessage *
mt_client_message(enum mt_call call, const char *account_id)
{
	const struct mt_call_def *def = &mt_calls[call];
	char path[MT_ACCOUNT_PATH_SIZE];
	DBusMessage *message;

	if (account_id)
		mt_contract_format_path(account_id, path);

	message = dbus_message_new_method_call(MT_BUS_NAME, account_id ? path : MT_ROOT_PATH,
					       mt_interfaces[def->interface].name, def->member);
	if (message)
		dbus_message_set_allow_interactive_authorization(message, TRUE);

	return message;
}

/* An error of a name nobody here knows is not the daemon's: something else answers there. */
static bool
is_nonsense(enum mt_error code, const char *name)
{
	return code == MT_ERROR_INTERNAL && strcmp(name, mt_error_to_dbus_name(code)) != 0;
}

static int
read_error(struct mt_client *client, DBusMessage *message)
{
	const char *name = dbus_message_get_error_name(message), *text = "";
	enum mt_error code = mt_error_from_dbus_name(name);

	(void)dbus_message_get_args(message, NULL, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
	if (is_nonsense(code, name))
		return unreachable(client, NOT_OURS);

	return code == MT_ERROR_DAEMON_UNREACHABLE ? unreachable(client, text)
						   : fail(client, code, text);
}

int
mt_client_call(struct mt_client *client, enum mt_call call, DBusMessage *message,
	       DBusMessage **ret_reply)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	int64_t deadline_usec = client->deadline_usec
					? client->deadline_usec
					: mt_client_now_usec() + MT_CLIENT_PATIENCE_USEC;
	const char *why = "";
	int r;

	client->error = (struct mt_client_error){0};
	if (!message)
		return -ENOMEM;

	r = ensure_connected(client, deadline_usec);
	if (r)
		return r;

	r = mt_client_link_call(&client->link, message, deadline_usec, &reply, &why);
	if (r)
		return r > 0 ? unreachable(client, why) : r;
	if (dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_ERROR)
		return read_error(client, reply);
	if (!dbus_message_has_signature(reply, mt_calls[call].out))
		return unreachable(client, NOT_OURS);

	*ret_reply = mt_steal(&reply);
	return 0;
}

int
mt_client_find_account(struct mt_client *client, const char *account,
		       char ret_id[static MT_ACCOUNT_ID_TEXT_SIZE])
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *call = NULL;
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	const char *path, *id = account;
	int r;

	if (!mt_contract_is_account_id(account)) {
		if (!dbus_validate_utf8(account, NULL))
			return fail(client, MT_ERROR_INVALID_ARGUMENTS, "an address is UTF-8");

		call = mt_client_message(MT_CALL_MANAGER_FIND_ACCOUNT, NULL);
		if (!call ||
		    !dbus_message_append_args(call, DBUS_TYPE_STRING, &account, DBUS_TYPE_INVALID))
			return -ENOMEM;

		r = mt_client_call(client, MT_CALL_MANAGER_FIND_ACCOUNT, call, &reply);
		if (r)
			return r;

		(void)dbus_message_get_args(reply, NULL, DBUS_TYPE_OBJECT_PATH, &path,
					    DBUS_TYPE_INVALID);
		id = mt_contract_account_id(path);
		if (!id)
			return unreachable(client, NOT_OURS);
	}
	(void)snprintf(ret_id, MT_ACCOUNT_ID_TEXT_SIZE, "%s", id);
	return 0;
}

int
mt_client_keys(struct mt_client *client, bool anew, const char **ret_jwks)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *call = NULL;
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	const char *jwks;
	int r;

	if (!client->jwks || anew) {
		call = mt_client_message(MT_CALL_MANAGER_GET_KEYS, NULL);
		r = mt_client_call(client, MT_CALL_MANAGER_GET_KEYS, call, &reply);
		if (r)
			return r;

		(void)dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &jwks,
					    DBUS_TYPE_INVALID);
		free(client->jwks);
		client->jwks = strdup(jwks);
		if (!client->jwks)
			return -ENOMEM;
	}
	*ret_jwks = client->jwks;
	return 0;
}

/* Signals */

DBusMessage *
mt_client_wait_signal(struct mt_client *client, int timeout_msec)
{
	return mt_client_link_wait_signal(&client->link,
					  mt_client_now_usec() + (int64_t)timeout_msec * 1000);
}

unsigned
mt_client_get_n_connections(const struct mt_client *client)
{
	return client->n_connections;
}

DBusConnection *
mt_client_connection(struct mt_client *client)
{
	return client->link.connection;
}
