/* SPDX-License-Identifier: MIT */
/* watch: signals, one a line, as they come. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clients/cli/bus-json.h"
#include "clients/cli/calls.h"
#include "clients/cli/output.h"

#define WAIT_MSEC 1000

/* What there is to see of one signal. */
static json_t *
arguments_of(DBusMessage *signal)
{
	json_t *arguments = json_array();
	DBusMessageIter iter;

	if (dbus_message_iter_init(signal, &iter))
		do
			json_array_append_new(arguments, mt_json_from_bus(&iter));
		while (dbus_message_iter_next(&iter));
	return arguments;
}

/* The account a signal is about: its first argument, or the object it came from. NULL: none. */
static const char *
account_of(DBusMessage *signal, const json_t *arguments)
{
	const char *path = json_string_value(json_array_get(arguments, 0));
	const char *id = path ? mt_contract_account_id(path) : NULL;

	return id ? id : mt_contract_account_id(dbus_message_get_path(signal));
}

/* "me@example.test", as long as the account is there; else its id. */
static void
name_account(struct mt_cli *cli, const char *id, char *buffer, size_t size)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	MT_CLEANUP(json_decrefp) json_t *properties = NULL;

	(void)snprintf(buffer, size, "%s", id);
	if (mt_call_properties(cli, id, &reply) != 0)
		return;
	properties = mt_json_from_message(reply);
	(void)snprintf(buffer, size, "%s", mt_json_text(properties, "Address"));
}

static void
print_for_people(struct mt_cli *cli, DBusMessage *signal, const json_t *arguments, const char *id)
{
	char when[32], account[MT_ADDRESS_SIZE] = "";
	time_t now = time(NULL);
	struct tm tm;

	(void)strftime(when, sizeof(when), "%F %T", localtime_r(&now, &tm));
	if (id)
		name_account(cli, id, account, sizeof(account));
	mt_print(cli, MT_PAINT_FAINT, "%s  ", when);
	mt_print(cli,
		 strcmp(dbus_message_get_member(signal), "SecurityAlert") == 0 ? MT_PAINT_BAD
									       : MT_PAINT_BOLD,
		 "%s", dbus_message_get_member(signal));
	mt_print(cli, MT_PAINT_PLAIN, "  %s", account);
	for (size_t i = id ? 1 : 0; i < json_array_size(arguments); i++) {
		const json_t *argument = json_array_get(arguments, i);
		char *text = json_dumps(argument, JSON_COMPACT | JSON_ENCODE_ANY);

		mt_print(cli, MT_PAINT_PLAIN, "  %s",
			 json_is_string(argument) ? json_string_value(argument) : text);
		free(text);
	}
	mt_print(cli, MT_PAINT_PLAIN, "\n");
}

static void
print_signal(struct mt_cli *cli, DBusMessage *signal)
{
	MT_CLEANUP(json_decrefp) json_t *arguments = arguments_of(signal);
	const char *id = account_of(signal, arguments);

	if (cli->json)
		mt_print_json(cli,
			      json_pack("{s:I, s:s, s:s*, s:O}", "time", (json_int_t)time(NULL),
					"signal", dbus_message_get_member(signal), "id", id,
					"arguments", arguments));
	else
		print_for_people(cli, signal, arguments, id);
	(void)fflush(cli->out);
}

/* Signals come to the connection that subscribed; another one knows nothing of it. */
static int
subscribe(struct mt_cli *cli, unsigned int *ret_connection)
{
	int r = mt_call_subscribe(cli);

	*ret_connection = mt_client_get_n_connections(cli->client);
	return r;
}

static bool
is_connected(struct mt_cli *cli)
{
	DBusConnection *connection = mt_client_connection(cli->client);

	return connection && dbus_connection_get_is_connected(connection);
}

enum mt_exit
mt_command_watch(struct mt_cli *cli, int argc, char **argv)
{
	unsigned int connection;
	int r;

	if (argc != 1)
		return mt_cli_usage(cli, "watch", "it takes no arguments");
	r = subscribe(cli, &connection);
	if (r)
		return mt_call_explain(cli, r, "there is nothing to watch");
	for (;;) {
		DBusMessage *signal = mt_client_wait_signal(cli->client, WAIT_MSEC);

		if (signal) {
			print_signal(cli, signal);
			dbus_message_unref(signal);
		}
		/* a service that ends and comes back, or a question that connected anew */
		if (!is_connected(cli) || mt_client_get_n_connections(cli->client) != connection) {
			if (subscribe(cli, &connection) != 0)
				(void)usleep(WAIT_MSEC * 1000);
		}
		if (ferror(cli->out))
			return MT_EXIT_INTERNAL;
	}
}
