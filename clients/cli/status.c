/* SPDX-License-Identifier: MIT */
/* status, key show: the service itself. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/bus-json.h"
#include "clients/cli/calls.h"
#include "clients/cli/output.h"

static void
print_status(struct mt_cli *cli, const json_t *status, const json_t *levels)
{
	const char *key;
	json_t *value;

	mt_print(cli, MT_PAINT_BOLD, "The service answers.\n");
	json_object_foreach((json_t *)(uintptr_t)status, key, value)
	{
		char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

		mt_print(cli, MT_PAINT_PLAIN, "  %-18s %s\n", key,
			 json_is_string(value) ? json_string_value(value) : text);
		free(text);
	}
	mt_print(cli, MT_PAINT_BOLD, "%zu account%s\n", json_array_size(levels),
		 json_array_size(levels) == 1 ? "" : "s");
	for (size_t i = 0; i < json_array_size(levels); i++) {
		const json_t *row = json_array_get(levels, i);

		mt_print(cli, MT_PAINT_PLAIN, "  %-10s %s\n",
			 json_string_value(json_array_get(row, 2)),
			 json_string_value(json_array_get(row, 1)));
	}
}

enum mt_exit
mt_command_status(struct mt_cli *cli, int argc, char **argv)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *status_reply = NULL;
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *levels_reply = NULL;
	MT_CLEANUP(json_decrefp) json_t *status = NULL;
	MT_CLEANUP(json_decrefp) json_t *levels = NULL;
	int r;

	if (argc != 1)
		return mt_cli_usage(cli, "status", "it takes no arguments");

	r = mt_call_status(cli, &status_reply);
	if (r == 0)
		r = mt_call_levels(cli, &levels_reply);
	if (r)
		return mt_call_explain(cli, r, "the service gives no status");

	status = mt_json_from_message(status_reply);
	levels = mt_json_from_message(levels_reply);
	if (cli->json)
		mt_print_json(cli, json_pack("{s:O, s:O}", "service", status, "levels", levels));
	else
		print_status(cli, status, levels);

	return MT_EXIT_OK;
}

static void
print_keys(struct mt_cli *cli, const struct mt_jwks *keys)
{
	const struct mt_public_key *key;

	for (size_t i = 0; (key = mt_jwks_at(keys, i)) != NULL; i++)
		mt_print(cli, MT_PAINT_PLAIN, "%s  %s\n", mt_public_key_kid(key),
			 mt_public_key_alg(key) == MT_JWS_ALG_ES256 ? "ES256" : "EdDSA");
}

enum mt_exit
mt_command_key_show(struct mt_cli *cli, int argc, char **argv)
{
	MT_CLEANUP(mt_jwks_freep) struct mt_jwks *keys = NULL;
	bool whole = argc == 2 && strcmp(argv[1], "--jwks") == 0;
	struct mt_diag diag = {0};
	const char *jwks;
	int r;

	if (argc > 2 || (argc == 2 && !whole))
		return mt_cli_usage(cli, "key show", "it takes no argument but --jwks");

	mt_client_begin(cli->client, MT_CLIENT_PATIENCE_USEC);
	r = mt_client_keys(cli->client, true, &jwks);
	if (r)
		return mt_call_explain(cli, r, "the keys cannot be had");
	if (mt_jwks_parse(jwks, strlen(jwks), &diag, &keys)) {
		(void)fprintf(cli->err, "mailtrust: %s\n", diag.message);
		return MT_EXIT_INTERNAL;
	}
	if (whole || cli->json)
		mt_print(cli, MT_PAINT_PLAIN, "%s\n", jwks);
	else
		print_keys(cli, keys);

	return MT_EXIT_OK;
}
