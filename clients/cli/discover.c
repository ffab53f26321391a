/* SPDX-License-Identifier: MIT */
/* discover: what DNS and other sources offer for an address, best first, and what was left out and
 * why. */

#include "clients/cli/bus-json.h"
#include "clients/cli/offers.h"
#include "clients/cli/output.h"

static void
print_offers(struct mt_cli *cli, const struct mt_offers *offers)
{
	const char *domain = mt_json_text(offers->detail, "domain");

	if (json_array_size(offers->candidates) > 0) {
		mt_print(cli, MT_PAINT_BOLD, "%s offers, best first:\n", domain);
		mt_offers_print_candidates(cli, offers->candidates);
	} else {
		mt_print(cli, MT_PAINT_BOLD, "Nothing names a server to use for %s.\n", domain);
	}
	mt_offers_print_omissions(cli, offers->omissions);
	if (mt_offers_is_set(offers, "no-tls"))
		mt_print(cli, MT_PAINT_WARN, "\n%s (%s)\n",
			 mt_reason_sentence(MT_REASON_SRV_NO_TLS_ADVERTISED),
			 mt_reason_to_string(MT_REASON_SRV_NO_TLS_ADVERTISED));
	if (mt_offers_is_left_out_for(offers, MT_REASON_SRV_BOGUS))
		mt_print(cli, MT_PAINT_BAD, "\n%s (%s)\nNothing is set up from it.\n",
			 mt_reason_sentence(MT_REASON_SRV_BOGUS),
			 mt_reason_to_string(MT_REASON_SRV_BOGUS));
	else if (mt_offers_is_set(offers, "incomplete"))
		mt_print(cli, MT_PAINT_WARN,
			 "\nNot every question was answered, so something better may be missing "
			 "here. Try again later.\n");
	if (json_array_size(offers->candidates) == 0)
		mt_print(cli, MT_PAINT_PLAIN,
			 "\nNext step: ask your provider for the names of its servers, then\n"
			 "  mailtrust account add ADDRESS --imap HOST --submission HOST\n");
}

/* -- the command ------------------------------------------------------------------------------- */

/* R-5.1-06, D-SRV-08: what a person has to answer is 20; what DNS may answer later is 75; what is
 * forged is refused, as `account add` does (R-5.1-11). */
static enum mt_exit
status_of(const struct mt_offers *offers)
{
	if (mt_offers_is_left_out_for(offers, MT_REASON_SRV_BOGUS))
		return MT_EXIT_DENY;
	if (json_array_size(offers->candidates) > 0 && !mt_offers_is_set(offers, "no-tls"))
		return MT_EXIT_OK;
	return mt_offers_is_set(offers, "incomplete") ? MT_EXIT_TEMPORARY : MT_EXIT_CONFIRM;
}

enum mt_exit
mt_command_discover(struct mt_cli *cli, int argc, char **argv)
{
	MT_CLEANUP(mt_offers_clear) struct mt_offers offers = {0};
	enum mt_exit status;

	if (argc != 2 || argv[1][0] == '-')
		return mt_cli_usage(cli, "discover", "it takes one address");

	status = mt_offers_load(cli, argv[1], &offers);
	if (status)
		return status;
	if (cli->json)
		mt_print_json(cli, json_pack("{s:O, s:O, s:O, s:O}", "candidates",
					     offers.candidates, "omissions", offers.omissions,
					     "answers", offers.answers, "detail", offers.detail));
	else
		print_offers(cli, &offers);
	return status_of(&offers);
}
