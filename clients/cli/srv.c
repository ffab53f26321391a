/* SPDX-License-Identifier: MIT */
/* srv show: the SRV answers kept for an account's domain. */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "clients/cli/bus-json.h"
#include "clients/cli/calls.h"
#include "clients/cli/output.h"
#include "policy/limits.h"

static int64_t
age_of(const json_t *row)
{
	int64_t asked_usec = json_integer_value(json_object_get(row, "asked-at"));
	int64_t age = (int64_t)time(NULL) - asked_usec / MT_USEC_PER_SEC;

	return age > 0 ? age : 0;
}

/* "42 seconds", "3 hours": the largest unit that is not a fraction. */
static void
format_age(int64_t age_sec, char *buffer, size_t size)
{
	static const struct {
		int64_t sec;
		const char *one, *many;
	} units[] = {{86400, "day", "days"},
		     {3600, "hour", "hours"},
		     {60, "minute", "minutes"},
		     {1, "second", "seconds"}};
	size_t i = 0;

	while (i + 1 < MT_ARRAY_SIZE(units) && age_sec < units[i].sec)
		i++;
	(void)snprintf(buffer, size, "%lld %s", (long long)(age_sec / units[i].sec),
		       age_sec / units[i].sec == 1 ? units[i].one : units[i].many);
}

static void
print_answer(struct mt_cli *cli, const json_t *row)
{
	const json_t *records = json_object_get(row, "records");
	char age[48];

	format_age(age_of(row), age, sizeof(age));
	mt_print(cli, MT_PAINT_BOLD, "%s", mt_json_text(row, "label"));
	mt_print(cli, MT_PAINT_PLAIN, "  %s, %s; asked %s ago at %s, TTL %lld s\n",
		 mt_json_text(row, "state"), mt_json_text(row, "dnssec"), age,
		 mt_json_text(row, "resolver"),
		 (long long)json_integer_value(json_object_get(row, "ttl")));
	for (size_t i = 0; i < json_array_size(records); i++)
		mt_print(cli, MT_PAINT_PLAIN, "  %s\n",
			 json_string_value(json_array_get(records, i)));
}

static void
print_answers(struct mt_cli *cli, const json_t *answers)
{
	for (size_t i = 0; i < json_array_size(answers); i++)
		print_answer(cli, json_array_get(answers, i));
	if (json_array_size(answers) == 0)
		mt_print(cli, MT_PAINT_PLAIN,
			 "Nothing is kept: DNS was not asked for this account's servers.\n");
}

enum mt_exit
mt_command_srv_show(struct mt_cli *cli, int argc, char **argv)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	MT_CLEANUP(json_decrefp) json_t *answers = NULL;
	char id[MT_ACCOUNT_ID_TEXT_SIZE];
	int r;

	if (argc != 2)
		return mt_cli_usage(cli, "srv show", "it takes one account");

	mt_client_begin(cli->client, MT_CLIENT_PATIENCE_USEC);
	r = mt_client_find_account(cli->client, argv[1], id);
	if (r == 0)
		r = mt_call_get_srv(cli, id, &reply);
	if (r)
		return mt_call_explain(cli, r, "what DNS said cannot be read");

	answers = mt_json_from_message(reply);
	for (size_t i = 0; i < json_array_size(answers); i++) {
		json_t *row = json_array_get(answers, i);

		json_object_set_new(row, "age", json_integer(age_of(row)));
	}
	if (cli->json)
		mt_print_json(cli, json_pack("{s:s, s:O}", "id", id, "answers", answers));
	else
		print_answers(cli, answers);
	return MT_EXIT_OK;
}
