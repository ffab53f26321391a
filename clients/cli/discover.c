/* SPDX-License-Identifier: MIT */
/* discover: what DNS offers for an address, best first, and what was left out and why. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/bus-json.h"
#include "clients/cli/calls.h"
#include "clients/cli/output.h"

#define COLUMNS 4
/* A name and a port; never shortened (D-DISC-05). */
#define SERVER_SIZE (MT_DOMAIN_SIZE + 8)

struct offers {
	json_t *candidates, *omissions, *answers, *detail;
};

static void
offers_clear(struct offers *offers)
{
	json_decref(offers->candidates);
	json_decref(offers->omissions);
	json_decref(offers->answers);
	json_decref(offers->detail);
}

/* The four arguments of the reply. Return: 0, -ENOMEM. */
static int
read_offers(DBusMessage *reply, struct offers *ret)
{
	DBusMessageIter iter;

	dbus_message_iter_init(reply, &iter);
	ret->candidates = mt_json_from_bus(&iter);
	dbus_message_iter_next(&iter);
	ret->omissions = mt_json_from_bus(&iter);
	dbus_message_iter_next(&iter);
	ret->answers = mt_json_from_bus(&iter);
	dbus_message_iter_next(&iter);
	ret->detail = mt_json_from_bus(&iter);
	return ret->candidates && ret->omissions && ret->answers && ret->detail ? 0 : -ENOMEM;
}

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static bool
is_set(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* -- for people -------------------------------------------------------------------------------- */

/* A word of the service in the words of a person; the word itself where it is new. */
static const char *
say(const char *const (*words)[2], size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i][0], word) == 0)
			return words[i][1];
	return word;
}

static const char *
say_transport(const char *transport)
{
	static const char *const words[][2] = {{"implicit", "TLS from the start"},
					       {"starttls", "STARTTLS"}};

	return say(words, MT_ARRAY_SIZE(words), transport);
}

static const char *
say_trust(const char *trust)
{
	static const char *const words[][2] = {
		{"admin", "your administrator"},
		{"dnssec", "signed DNS"},
		{"user-confirmed", "unsigned DNS, confirmed by you"},
		{"in-domain", "unsigned DNS, inside your domain"},
		{"unconfirmed", "unsigned DNS, another domain: check it"},
	};

	return say(words, MT_ARRAY_SIZE(words), trust);
}

static const char *
say_omission(const char *why)
{
	static const char *const words[][2] = {
		{"no-answer", "DNS gave no answer."},
		{"protocol-not-allowed", "The account's policy does not allow this protocol."},
		{"port-zero", "It has no port."},
		{"target-invalid", "What is named is no host name."},
		{"too-many", "There are more than a program would try."},
	};
	enum mt_reason reason;

	return mt_reason_from_string(why, &reason) == 0 ? mt_reason_sentence(reason)
							: say(words, MT_ARRAY_SIZE(words), why);
}

static void
format_server(const json_t *row, char ret[static SERVER_SIZE])
{
	(void)snprintf(ret, SERVER_SIZE, "%s:%lld", text_of(row, "host"),
		       (long long)json_integer_value(json_object_get(row, "port")));
}

static void
print_candidates(struct mt_cli *cli, const json_t *candidates)
{
	static const char *const heading[COLUMNS] = {"SERVICE", "SERVER", "ENCRYPTION", "NAMED BY"};
	size_t n = json_array_size(candidates);
	const char **cells = calloc((n + 1) * COLUMNS, sizeof(*cells));
	char(*servers)[SERVER_SIZE] = calloc(n + 1, SERVER_SIZE);

	if (cells && servers) {
		memcpy(cells, heading, sizeof(heading));
		for (size_t i = 0; i < n; i++) {
			const json_t *row = json_array_get(candidates, i);
			const char **cell = &cells[(i + 1) * COLUMNS];

			format_server(row, servers[i]);
			cell[0] = text_of(row, "protocol");
			cell[1] = servers[i];
			cell[2] = is_set(row, "reduced") ? "below the minimum"
							 : say_transport(text_of(row, "transport"));
			cell[3] = say_trust(text_of(row, "trust"));
		}
		mt_print_table(cli, cells, COLUMNS, n + 1);
	}
	free(servers);
	free(cells);
}

static void
print_omissions(struct mt_cli *cli, const json_t *omissions)
{
	char server[SERVER_SIZE];

	if (json_array_size(omissions) > 0)
		mt_print(cli, MT_PAINT_BOLD, "\nLeft out:\n");
	for (size_t i = 0; i < json_array_size(omissions); i++) {
		const json_t *row = json_array_get(omissions, i);
		const char *why = text_of(row, "why"), *host = text_of(row, "host");

		server[0] = '\0';
		if (*host && strcmp(host, ".") != 0)
			format_server(row, server);
		mt_print(cli, MT_PAINT_PLAIN, "  %s%s%s: %s (%s)\n", text_of(row, "label"),
			 *server ? " " : "", server, say_omission(why), why);
	}
}

static void
print_offers(struct mt_cli *cli, const struct offers *offers)
{
	const char *domain = text_of(offers->detail, "domain");

	if (json_array_size(offers->candidates) > 0) {
		mt_print(cli, MT_PAINT_BOLD, "%s offers, best first:\n", domain);
		print_candidates(cli, offers->candidates);
	} else {
		mt_print(cli, MT_PAINT_BOLD, "DNS names no server to use for %s.\n", domain);
	}
	print_omissions(cli, offers->omissions);
	if (is_set(offers->detail, "no-tls"))
		mt_print(cli, MT_PAINT_WARN, "\n%s (%s)\n",
			 mt_reason_sentence(MT_REASON_SRV_NO_TLS_ADVERTISED),
			 mt_reason_to_string(MT_REASON_SRV_NO_TLS_ADVERTISED));
	if (is_set(offers->detail, "incomplete"))
		mt_print(cli, MT_PAINT_WARN,
			 "\nNot every question was answered, so something better may be missing "
			 "here. Try again later.\n");
	if (json_array_size(offers->candidates) == 0)
		mt_print(cli, MT_PAINT_PLAIN,
			 "\nNext step: ask your provider for the names of its servers, then\n"
			 "  mailtrust account add ADDRESS --imap HOST --submission HOST\n");
}

/* -- the command ------------------------------------------------------------------------------- */

/* R-5.1-06, D-SRV-08: what a person has to answer is 20; what DNS may answer later is 75. */
static enum mt_exit
status_of(const struct offers *offers)
{
	if (json_array_size(offers->candidates) > 0 && !is_set(offers->detail, "no-tls"))
		return MT_EXIT_OK;
	return is_set(offers->detail, "incomplete") ? MT_EXIT_TEMPORARY : MT_EXIT_CONFIRM;
}

enum mt_exit
mt_command_discover(struct mt_cli *cli, int argc, char **argv)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	MT_CLEANUP(offers_clear) struct offers offers = {0};
	int r;

	if (argc != 2 || argv[1][0] == '-')
		return mt_cli_usage(cli, "discover", "it takes one address");

	r = mt_call_discover(cli, argv[1], &reply);
	if (r)
		return mt_call_explain(cli, r, "DNS was not asked");
	if (read_offers(reply, &offers))
		return MT_EXIT_INTERNAL;
	if (cli->json)
		mt_print_json(cli, json_pack("{s:O, s:O, s:O, s:O}", "candidates",
					     offers.candidates, "omissions", offers.omissions,
					     "answers", offers.answers, "detail", offers.detail));
	else
		print_offers(cli, &offers);
	return status_of(&offers);
}
