/* SPDX-License-Identifier: MIT */
/* What is on offer, as the service says it. */

#include "clients/cli/offers.h"

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

void
mt_offers_clear(struct mt_offers *offers)
{
	json_decref(offers->candidates);
	json_decref(offers->omissions);
	json_decref(offers->answers);
	json_decref(offers->detail);
}

/* The four arguments of the reply. Return: 0, -ENOMEM. */
static int
read_offers(DBusMessage *reply, struct mt_offers *ret)
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

enum mt_exit
mt_offers_load(struct mt_cli *cli, const char *address, struct mt_offers *ret)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	int r = mt_call_discover(cli, address, &reply);

	*ret = (struct mt_offers){0};
	if (r)
		return mt_call_explain(cli, r, "nobody was asked for servers");
	if (read_offers(reply, ret) == 0)
		return MT_EXIT_OK;
	mt_offers_clear(ret);
	return MT_EXIT_INTERNAL;
}

bool
mt_offers_is_left_out_for(const struct mt_offers *offers, enum mt_reason reason)
{
	for (size_t i = 0; i < json_array_size(offers->omissions); i++)
		if (strcmp(mt_json_text(json_array_get(offers->omissions, i), "why"),
			   mt_reason_to_string(reason)) == 0)
			return true;
	return false;
}

bool
mt_offers_is_set(const struct mt_offers *offers, const char *key)
{
	return json_is_true(json_object_get(offers->detail, key));
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

const char *
mt_offer_namer(const json_t *row)
{
	static const struct {
		const char *source, *trust, *words;
	} namers[] = {
		{"admin", "admin", "your administrator"},
		{"srv", "dnssec", "signed DNS"},
		{"srv", "user-confirmed", "unsigned DNS, confirmed by you"},
		{"srv", "in-domain", "unsigned DNS, inside your domain"},
		{"srv", "unconfirmed", "unsigned DNS, another domain: check it"},
		{"pacc", "dnssec", "PACC, signed in DNS"},
		{"pacc", "https", "PACC over HTTPS"},
		{"pacc", "user-confirmed", "PACC, confirmed by you"},
		{"pacc", "unconfirmed", "PACC, another domain: check it"},
		{"autoconfig", "https", "autoconfig over HTTPS"},
		{"autoconfig", "user-confirmed", "autoconfig, confirmed by you"},
		{"autoconfig", "unconfirmed", "autoconfig, another domain: check it"},
		{"autoconfig-http", "user-confirmed", "autoconfig in clear, confirmed by you"},
		{"autoconfig-http", "unconfirmed", "autoconfig in clear: check it"},
	};
	const char *source = mt_json_text(row, "source"), *trust = mt_json_text(row, "trust");

	for (size_t i = 0; i < MT_ARRAY_SIZE(namers); i++)
		if (strcmp(namers[i].source, source) == 0 && strcmp(namers[i].trust, trust) == 0)
			return namers[i].words;
	return trust;
}

static const char *
say_omission(const char *why)
{
	static const char *const words[][2] = {
		{"no-answer", "DNS gave no answer."},
		{"source-silent", "It is there, or should be, and gave no answer."},
		{"source-untrusted", "The certificate of its host is not valid."},
		{"source-digest-mismatch", "It is not the document that DNS vouches for."},
		{"source-malformed", "What came is no such document."},
		{"source-elsewhere", "It leads out of the domain."},
		{"source-broken",
		 "A file of presets cannot be read; your administrator can fix it."},
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
	(void)snprintf(ret, SERVER_SIZE, "%s:%lld", mt_json_text(row, "host"),
		       (long long)json_integer_value(json_object_get(row, "port")));
}

void
mt_offers_print_candidates(struct mt_cli *cli, const json_t *candidates)
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
			cell[0] = mt_json_text(row, "protocol");
			cell[1] = servers[i];
			cell[2] = json_is_true(json_object_get(row, "reduced"))
					  ? "below the minimum"
					  : say_transport(mt_json_text(row, "transport"));
			cell[3] = mt_offer_namer(row);
		}
		mt_print_table(cli, cells, COLUMNS, n + 1);
	}
	free(servers);
	free(cells);
}

/* The label; of what has none, the source. */
static const char *
name_omission(const json_t *row)
{
	const char *label = mt_json_text(row, "label");

	return *label ? label : mt_json_text(row, "source");
}

void
mt_offers_print_omissions(struct mt_cli *cli, const json_t *omissions)
{
	char server[SERVER_SIZE];

	if (json_array_size(omissions) > 0)
		mt_print(cli, MT_PAINT_BOLD, "\nLeft out:\n");
	for (size_t i = 0; i < json_array_size(omissions); i++) {
		const json_t *row = json_array_get(omissions, i);
		const char *why = mt_json_text(row, "why"), *host = mt_json_text(row, "host");

		server[0] = '\0';
		if (*host && strcmp(host, ".") != 0)
			format_server(row, server);
		mt_print(cli, MT_PAINT_PLAIN, "  %s%s%s: %s (%s)\n", name_omission(row),
			 *server ? " " : "", server, say_omission(why), why);
	}
}
