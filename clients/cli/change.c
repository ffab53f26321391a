/* SPDX-License-Identifier: MIT */
/* Changes in words; srv check. */

#include "clients/cli/change.h"

#include <stdio.h>
#include <string.h>

#include "clients/cli/bus-json.h"
#include "clients/cli/calls.h"
#include "clients/cli/output.h"

#define NO_STEP ""
#define ASK_PROVIDER                                                                              \
	"Ask your provider, by another way than mail, whether that is right. Your account stays " \
	"with its servers."

/* REQUIREMENTS 4.8, for people. */
static const struct row {
	const char *row;
	enum mt_paint paint;
	enum mt_exit exit;
	const char *means, *step;
} rows[] = {
	{"S-01", MT_PAINT_GOOD, MT_EXIT_OK, "Nothing has changed.", NO_STEP},
	{"S-02", MT_PAINT_GOOD, MT_EXIT_OK,
	 "Only priorities have changed, or services this account does not use.", NO_STEP},
	{"S-03", MT_PAINT_PLAIN, MT_EXIT_OK,
	 "The provider has changed its other servers; yours is still among them.", NO_STEP},
	{"S-04", MT_PAINT_GOOD, MT_EXIT_OK,
	 "The provider now has a server that is encrypted from the start.",
	 "'account show' shows whether it is offered to you, and 'account accept' takes it."},
	{"S-05", MT_PAINT_GOOD, MT_EXIT_OK, "The provider now has an encrypted server.",
	 "'account show' shows whether it is offered to you, and 'account accept' takes it."},
	{"S-06", MT_PAINT_WARN, MT_EXIT_CONFIRM, "Your server is not named any more.",
	 "Ask your provider whether it has moved; 'account edit' takes another server."},
	{"S-07", MT_PAINT_BAD, MT_EXIT_CONFIRM,
	 "Unsigned data names a server outside the domain of your address. That is how a forger "
	 "would lead you to his own.",
	 ASK_PROVIDER},
	{"S-08", MT_PAINT_BAD, MT_EXIT_DENY,
	 "Encrypted servers are not advertised any more, less protected ones are. That is what an "
	 "attack looks like.",
	 ASK_PROVIDER},
	{"S-09", MT_PAINT_WARN, MT_EXIT_CONFIRM,
	 "The provider says that it does not offer this service any more.", ASK_PROVIDER},
	{"S-10", MT_PAINT_BAD, MT_EXIT_DENY,
	 "The provider's data in DNS was signed and is not any more. Anybody could write it now.",
	 ASK_PROVIDER},
	{"S-11", MT_PAINT_GOOD, MT_EXIT_OK, "The provider's data in DNS is signed now.", NO_STEP},
	{"S-12", MT_PAINT_BAD, MT_EXIT_DENY,
	 "The provider's data in DNS is forged, or its signatures are broken.", ASK_PROVIDER},
	{"S-13", MT_PAINT_WARN, MT_EXIT_TEMPORARY, "DNS gave no answer, so nothing is known.",
	 "Try again later. Your account stays with its servers."},
	{"S-14", MT_PAINT_WARN, MT_EXIT_CONFIRM, "DNS has no servers of your provider any more.",
	 ASK_PROVIDER},
};

static const struct row *
find_row(const json_t *finding)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i].row, mt_json_text(finding, "row")) == 0)
			return &rows[i];
	return NULL;
}

static bool
is_pending(const json_t *finding)
{
	return json_is_true(json_object_get(finding, "pending"));
}

enum mt_exit
mt_change_exit(const json_t *finding)
{
	const struct row *row = find_row(finding);

	if (is_pending(finding))
		return MT_EXIT_TEMPORARY;
	return row ? row->exit : MT_EXIT_CONFIRM; /* a row of a newer service: somebody reads it */
}

static void
print_server(struct mt_cli *cli, const json_t *finding)
{
	const char *host = mt_json_text(finding, "host");

	if (host[0] != '\0')
		mt_print(cli, MT_PAINT_PLAIN, "  %s now names %s, port %lld (%s)\n",
			 mt_json_text(finding, "label"), host,
			 (long long)json_integer_value(json_object_get(finding, "port")),
			 mt_json_text(finding, "dnssec"));
	else if (mt_json_text(finding, "label")[0] != '\0')
		mt_print(cli, MT_PAINT_PLAIN, "  it is about %s\n", mt_json_text(finding, "label"));
}

static void
print_reasons(struct mt_cli *cli, const json_t *finding)
{
	const json_t *reasons = json_object_get(finding, "reasons");

	for (size_t i = 0; i < json_array_size(reasons); i++)
		mt_print(cli, MT_PAINT_FAINT, "  [%s]\n",
			 json_string_value(json_array_get(reasons, i)));
}

void
mt_change_print(struct mt_cli *cli, const json_t *finding, bool only_news)
{
	const struct row *row = find_row(finding);

	if (mt_json_text(finding, "row")[0] == '\0' ||
	    (only_news && row && row->exit == MT_EXIT_OK && !is_pending(finding)))
		return;
	mt_print(cli, row ? row->paint : MT_PAINT_WARN, "%s\n",
		 row ? row->means : "Something has changed that this program does not know.");
	mt_print(cli, MT_PAINT_PLAIN, "  class %s, row %s\n", mt_json_text(finding, "class"),
		 mt_json_text(finding, "row"));
	print_server(cli, finding);
	print_reasons(cli, finding);
	if (is_pending(finding))
		mt_print(cli, MT_PAINT_WARN,
			 "  Not certain yet: another look, ten minutes from now or later, is to "
			 "agree.\n");
	else if (row && row->step[0] != '\0')
		mt_print(cli, MT_PAINT_PLAIN, "  %s\n", row->step);
}

/* Class, reasons and detail of CheckServers as one object, like the property Change. */
static json_t *
finding_from_reply(DBusMessage *reply)
{
	json_t *class, *reasons, *finding;
	DBusMessageIter iter;

	dbus_message_iter_init(reply, &iter);
	class = mt_json_from_bus(&iter);
	dbus_message_iter_next(&iter);
	reasons = mt_json_from_bus(&iter);
	dbus_message_iter_next(&iter);
	finding = mt_json_from_bus(&iter);
	json_object_set_new(finding, "class", class);
	json_object_set_new(finding, "reasons", reasons);
	return finding;
}

enum mt_exit
mt_command_srv_check(struct mt_cli *cli, int argc, char **argv)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	MT_CLEANUP(json_decrefp) json_t *finding = NULL;
	char id[MT_ACCOUNT_ID_TEXT_SIZE];
	int r;

	if (argc != 2)
		return mt_cli_usage(cli, "srv check", "it takes one account");

	mt_client_begin(cli->client, MT_CLIENT_PATIENCE_USEC);
	r = mt_client_find_account(cli->client, argv[1], id);
	if (r == 0)
		r = mt_call_check_servers(cli, id, &reply);
	if (r)
		return mt_call_explain(cli, r, "the provider's configuration was not looked at");

	finding = finding_from_reply(reply);
	if (cli->json) {
		json_object_set_new(finding, "id", json_string(id));
		mt_print_json(cli, json_incref(finding));
	} else {
		mt_change_print(cli, finding, false);
	}
	return mt_change_exit(finding);
}
