/* SPDX-License-Identifier: MIT */
/* account list, show, remove. */

#include "clients/cli/account.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/bus-json.h"
#include "clients/cli/change.h"
#include "clients/cli/output.h"
#include "clients/cli/prompt.h"

#define N_LIST_COLUMNS 3

/* A dictionary of the property Endpoints; what else it says is for display elsewhere. */
static bool
read_endpoint(const json_t *row, struct mt_endpoint_spec *ret)
{
	const char *proto = json_string_value(json_object_get(row, "protocol"));
	const char *transport = json_string_value(json_object_get(row, "transport"));
	const char *host = json_string_value(json_object_get(row, "host"));
	json_int_t port = json_integer_value(json_object_get(row, "port"));

	if (!proto || !transport || !host || strlen(host) >= sizeof(ret->host) || port < 1 ||
	    port > UINT16_MAX || mt_proto_from_string(proto, &ret->proto) ||
	    mt_transport_from_string(transport, &ret->transport))
		return false;

	strcpy(ret->host, host);
	ret->port = (uint16_t)port;
	return true;
}

static void
read_endpoints(struct mt_account_view *view)
{
	const json_t *rows = json_object_get(view->properties, "Endpoints");

	for (size_t i = 0; i < json_array_size(rows) && view->n_endpoints < MT_ENDPOINTS_MAX; i++) {
		const json_t *row = json_array_get(rows, i);

		if (!read_endpoint(row, &view->endpoints[view->n_endpoints]))
			continue;
		view->saved[view->n_endpoints] = json_is_true(json_object_get(row, "saved"));
		view->n_endpoints++;
	}
}

int
mt_account_view_find(const struct mt_account_view *view, const struct mt_endpoint_spec *spec)
{
	for (size_t i = 0; i < view->n_endpoints; i++) {
		const struct mt_endpoint_spec *e = &view->endpoints[i];

		if (e->proto == spec->proto && e->port == spec->port &&
		    strcmp(e->host, spec->host) == 0)
			return (int)i;
	}
	return -1;
}

enum mt_exit
mt_account_view_load(struct mt_cli *cli, const char *account, struct mt_account_view *ret)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	int r;

	*ret = (struct mt_account_view){0};
	mt_client_begin(cli->client, MT_CLIENT_PATIENCE_USEC);
	r = mt_client_find_account(cli->client, account, ret->id);
	if (r == 0)
		r = mt_call_properties(cli, ret->id, &reply);
	if (r)
		return mt_call_explain(cli, r, "the account cannot be read");

	ret->properties = mt_json_from_message(reply);
	read_endpoints(ret);
	return MT_EXIT_OK;
}

void
mt_account_view_clear(struct mt_account_view *view)
{
	json_decref(view->properties);
	view->properties = NULL;
}

const char *
mt_account_view_text(const struct mt_account_view *view, const char *property)
{
	const char *text = json_string_value(json_object_get(view->properties, property));

	return text ? text : "";
}

/* The id in a row of Levels; "" where the path is none of ours. */
enum mt_exit
mt_account_explain_add(struct mt_cli *cli, const char *address, int r)
{
	enum mt_exit status = mt_call_explain(cli, r, "the account was not added");
	struct mt_account_view view;

	if (r != MT_ERROR_EXISTS || cli->json ||
	    mt_account_view_load(cli, address, &view) != MT_EXIT_OK)
		return status;
	if (strcmp(mt_account_view_text(&view, "State"), "setup") == 0)
		(void)fprintf(cli->err,
			      "It is in setup; an attempt that was broken off may have left it.\n"
			      "Next: 'mailtrust account commit %s' goes on with it, 'mailtrust "
			      "account remove %s' gives it up.\n",
			      address, address);
	mt_account_view_clear(&view);
	return status;
}

static const char *
id_of_row(const json_t *row)
{
	const char *path = json_string_value(json_array_get(row, 0));
	const char *id = path ? mt_contract_account_id(path) : NULL;

	return id ? id : "";
}

/* The rows of Levels as cells; the JSON list keeps them alive. */
static void
print_levels(struct mt_cli *cli, const json_t *levels)
{
	size_t n = json_array_size(levels);
	const char **cells = calloc((n + 1) * N_LIST_COLUMNS, sizeof(*cells));

	if (!cells)
		return;

	cells[0] = "ADDRESS";
	cells[1] = "LEVEL";
	cells[2] = "ID";
	for (size_t i = 0; i < n; i++) {
		const json_t *row = json_array_get(levels, i);
		const char **line = &cells[(i + 1) * N_LIST_COLUMNS];

		line[0] = json_string_value(json_array_get(row, 1));
		line[1] = json_string_value(json_array_get(row, 2));
		line[2] = id_of_row(row);
	}
	mt_print_table(cli, cells, N_LIST_COLUMNS, n + 1);
	free(cells);
}

static json_t *
levels_to_json(const json_t *levels)
{
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(levels); i++) {
		const json_t *row = json_array_get(levels, i);

		json_array_append_new(list, json_pack("{s:s, s:O, s:O}", "id", id_of_row(row),
						      "address", json_array_get(row, 1), "level",
						      json_array_get(row, 2)));
	}
	return list;
}

enum mt_exit
mt_command_account_list(struct mt_cli *cli, int argc, char **argv)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	MT_CLEANUP(json_decrefp) json_t *levels = NULL;
	int r;

	if (argc != 1)
		return mt_cli_usage(cli, "account list", "it takes no arguments");

	r = mt_call_levels(cli, &reply);
	if (r)
		return mt_call_explain(cli, r, "the accounts cannot be listed");

	levels = mt_json_from_message(reply);
	if (cli->json)
		mt_print_json(cli, json_pack("{s:o}", "accounts", levels_to_json(levels)));
	else if (json_array_size(levels) == 0)
		mt_print(cli, MT_PAINT_PLAIN,
			 "No accounts yet. 'mailtrust account add' adds one.\n");
	else
		print_levels(cli, levels);

	return MT_EXIT_OK;
}

static void
print_endpoints(struct mt_cli *cli, const struct mt_account_view *view)
{
	char text[MT_ENDPOINT_TEXT_SIZE];

	for (size_t i = 0; i < view->n_endpoints; i++) {
		const struct mt_endpoint_spec *e = &view->endpoints[i];

		mt_print(cli, MT_PAINT_PLAIN, "  %-12s %s, %s\n", mt_proto_to_string(e->proto),
			 mt_endpoint_format(e->host, e->port, text, sizeof(text)),
			 mt_transport_for_people(e->transport));
	}
	if (view->n_endpoints == 0)
		mt_print(cli, MT_PAINT_PLAIN, "  no servers yet\n");
}

/* A dictionary of requirements, one a line. */
static void
print_dictionary(struct mt_cli *cli, const json_t *dictionary)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)dictionary, key, value)
	{
		char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

		mt_print(cli, MT_PAINT_PLAIN, "  %-22s %s\n", key,
			 json_is_string(value) ? json_string_value(value) : text);
		free(text);
	}
}

/* What the service has stored, for comparing: equal bytes are an unchanged account. */
static enum mt_exit
show_raw(struct mt_cli *cli, const char *account)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	MT_CLEANUP(json_decrefp) json_t *record = NULL;
	char id[MT_ACCOUNT_ID_TEXT_SIZE];
	int r;

	mt_client_begin(cli->client, MT_CLIENT_PATIENCE_USEC);
	r = mt_client_find_account(cli->client, account, id);
	if (r == 0)
		r = mt_call_record(cli, id, &reply);
	if (r)
		return mt_call_explain(cli, r, "the account cannot be read");
	record = mt_json_from_message(reply);
	if (cli->json)
		mt_print_json(cli, json_pack("{s:s, s:O}", "id", id, "record", record));
	else
		mt_print(cli, MT_PAINT_PLAIN, "%s\n", json_string_value(record));
	return MT_EXIT_OK;
}

/* What the watcher found, and what it offers. */
static void
print_watched(struct mt_cli *cli, const struct mt_account_view *view)
{
	const json_t *offers = json_object_get(view->properties, "Offers");

	if (json_array_size(offers) > 0) {
		mt_print(cli, MT_PAINT_BOLD, "Offered\n");
		mt_upgrades_print(cli, offers, mt_account_view_text(view, "Address"));
	}
	mt_change_print(cli, json_object_get(view->properties, "Change"), true);
}

enum mt_exit
mt_command_account_show(struct mt_cli *cli, int argc, char **argv)
{
	struct mt_account_view view;
	enum mt_exit status;

	if (argc == 3 && strcmp(argv[2], "--raw") == 0)
		return show_raw(cli, argv[1]);
	if (argc != 2)
		return mt_cli_usage(cli, "account show", "it takes one account");

	status = mt_account_view_load(cli, argv[1], &view);
	if (status)
		return status;
	if (cli->json) {
		mt_print_json(cli, json_incref(view.properties));
	} else {
		mt_print(cli, MT_PAINT_BOLD, "%s", mt_account_view_text(&view, "Address"));
		mt_print(cli, MT_PAINT_PLAIN, "  %s, %s\n  id           %s\n",
			 mt_account_view_text(&view, "Level"), mt_account_view_text(&view, "State"),
			 mt_account_view_text(&view, "Id"));
		mt_print(cli, MT_PAINT_BOLD, "Servers\n");
		print_endpoints(cli, &view);
		print_watched(cli, &view);
		if (json_array_size(json_object_get(view.properties, "Pins")) > 0) {
			mt_print(cli, MT_PAINT_BOLD, "Certificates accepted by hand\n");
			mt_pins_print(cli, &view);
		}
		if (json_array_size(json_object_get(view.properties, "ClientCertificates")) > 0) {
			mt_print(cli, MT_PAINT_BOLD, "Client certificates\n");
			mt_certs_print(cli, &view);
		}
		if (json_array_size(json_object_get(view.properties, "Consents")) > 0) {
			mt_print(cli, MT_PAINT_BOLD, "Consents\n");
			mt_consents_print(cli, &view);
		}
		mt_print(cli, MT_PAINT_BOLD, "Requirements\n");
		print_dictionary(cli, json_object_get(view.properties, "EffectiveMinimum"));
	}
	mt_account_view_clear(&view);
	return MT_EXIT_OK;
}

enum mt_exit
mt_command_account_remove(struct mt_cli *cli, int argc, char **argv)
{
	char id[MT_ACCOUNT_ID_TEXT_SIZE], question[512];
	int r;

	if (argc != 2)
		return mt_cli_usage(cli, "account remove", "it takes one account");

	mt_client_begin(cli->client, MT_CLIENT_PATIENCE_USEC);
	r = mt_client_find_account(cli->client, argv[1], id);
	if (r)
		return mt_call_explain(cli, r, "the account cannot be found");

	(void)snprintf(question, sizeof(question), "Remove %s with its certificates and consents?",
		       argv[1]);
	r = mt_prompt_question(cli, question);
	if (r == MT_PROMPT_E_NOBODY)
		return mt_cli_usage(cli, "account remove",
				    "nobody is here to confirm it; see --yes");
	if (r)
		return MT_EXIT_CONFIRM;

	r = mt_call_plain(cli, id, MT_CALL_ACCOUNT_REMOVE);
	if (r)
		return mt_call_explain(cli, r, "the account was not removed");
	mt_certs_forget(cli, id);
	return MT_EXIT_OK;
}
