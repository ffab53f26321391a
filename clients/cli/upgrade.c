/* SPDX-License-Identifier: MIT */
/* Offers of encrypted servers: shown, accepted, declined. */

#include <stdio.h>
#include <string.h>

#include "clients/cli/account.h"
#include "clients/cli/bus-json.h"
#include "clients/cli/change.h"
#include "clients/cli/output.h"

void
mt_upgrades_print(struct mt_cli *cli, const json_t *offers, const char *account)
{
	for (size_t i = 0; i < json_array_size(offers); i++) {
		const json_t *offer = json_array_get(offers, i);

		mt_print(cli, MT_PAINT_GOOD, "  %-12s %s, port %lld, %s\n",
			 mt_json_text(offer, "protocol"), mt_json_text(offer, "host"),
			 (long long)json_integer_value(json_object_get(offer, "port")),
			 strcmp(mt_json_text(offer, "transport"), "implicit") == 0
				 ? "encrypted from the start"
				 : "encrypted by STARTTLS");
	}
	if (json_array_size(offers) > 0)
		mt_print(cli, MT_PAINT_PLAIN,
			 "  'mailtrust account accept %s' takes it, 'account decline' does not.\n",
			 account);
}

/* The name of the offer that is meant: of the service, or the only one there is. */
static const char *
find_offer(const struct mt_account_view *view, const char *service, const char **ret_why)
{
	const json_t *offers = json_object_get(view->properties, "Offers");

	*ret_why = "nothing is offered to this account";
	for (size_t i = 0; i < json_array_size(offers); i++) {
		const json_t *offer = json_array_get(offers, i);

		if (service && strcmp(mt_json_text(offer, "protocol"), service) == 0)
			return mt_json_text(offer, "offer");
	}
	if (json_array_size(offers) == 1 && !service)
		return mt_json_text(json_array_get(offers, 0), "offer");
	if (json_array_size(offers) > 0)
		*ret_why = service ? "nothing is offered for that service"
				   : "several are offered; name the service";
	return NULL;
}

static void
say_accepted(struct mt_cli *cli, const char *id, const char *offer, bool required)
{
	if (cli->json)
		mt_print_json(cli, json_pack("{s:s, s:s, s:b}", "id", id, "accepted", offer,
					     "required", required));
	else if (required)
		mt_print(cli, MT_PAINT_GOOD,
			 "The encrypted server is used, and the account requires encryption from "
			 "now on.\n");
	else
		mt_print(cli, MT_PAINT_WARN,
			 "The encrypted server is used. The account does not require encryption "
			 "yet, since another\nservice of it is not encrypted.\n");
}

static enum mt_exit
accept_offer(struct mt_cli *cli, const char *id, const char *offer)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	dbus_bool_t required = FALSE;
	int r = mt_call_answer_offer(cli, id, MT_CALL_ACCOUNT_ACCEPT_OFFER, offer, &reply);

	if (r)
		return mt_call_explain(cli, r, "the server was not taken; nothing was changed");
	(void)dbus_message_get_args(reply, NULL, DBUS_TYPE_BOOLEAN, &required, DBUS_TYPE_INVALID);
	say_accepted(cli, id, offer, required);
	return MT_EXIT_OK;
}

static enum mt_exit
decline_offer(struct mt_cli *cli, const char *id, const char *offer)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	int r = mt_call_answer_offer(cli, id, MT_CALL_ACCOUNT_DECLINE_OFFER, offer, &reply);

	if (r)
		return mt_call_explain(cli, r, "the offer was not declined");
	if (cli->json)
		mt_print_json(cli, json_pack("{s:s, s:s}", "id", id, "declined", offer));
	else
		mt_print(cli, MT_PAINT_PLAIN, "It will not be offered again for thirty days.\n");
	return MT_EXIT_OK;
}

static enum mt_exit
answer(struct mt_cli *cli, const char *command, int argc, char **argv,
       enum mt_exit (*run)(struct mt_cli *cli, const char *id, const char *offer))
{
	const char *service = argc == 3 ? argv[2] : NULL, *offer, *why;
	struct mt_account_view view;
	enum mt_exit status;

	if (argc != 2 && argc != 3)
		return mt_cli_usage(cli, command, "it takes one account, and a service");
	status = mt_account_view_load(cli, argv[1], &view);
	if (status)
		return status;
	offer = find_offer(&view, service, &why);
	status = offer ? run(cli, view.id, offer) : mt_cli_usage(cli, command, "%s", why);
	mt_account_view_clear(&view);
	return status;
}

enum mt_exit
mt_command_account_accept(struct mt_cli *cli, int argc, char **argv)
{
	return answer(cli, "account accept", argc, argv, accept_offer);
}

enum mt_exit
mt_command_account_decline(struct mt_cli *cli, int argc, char **argv)
{
	return answer(cli, "account decline", argc, argv, decline_offer);
}
