/* SPDX-License-Identifier: MIT */
#ifndef MT_CLI_OFFERS_H
#define MT_CLI_OFFERS_H

/*
 * What DNS and other sources offer for an address (Manager.Discover), read whole and shown to
 * people: servers best first with how far their names can be trusted, and what was left out and
 * why. Asks and prints; decides nothing, and keeps the order the service gave.
 */

#include <jansson.h>

#include "clients/cli/command.h"
#include "policy/reason.h"

struct mt_offers {
	json_t *candidates, *omissions, *answers, *detail;
};

/* Asks; explains to the user where that fails. Return: MT_EXIT_OK, or the status to exit with. */
enum mt_exit mt_offers_load(struct mt_cli *cli, const char *address, struct mt_offers *ret);
void mt_offers_clear(struct mt_offers *offers);

/* A flag of the detail: "no-tls", "incomplete". */
bool mt_offers_is_set(const struct mt_offers *offers, const char *key);
/* Something was left out for this reason. */
bool mt_offers_is_left_out_for(const struct mt_offers *offers, enum mt_reason reason);

/* Rows of candidates, or of omissions (with a heading, where there are any). Names are never
 * shortened (D-DISC-05). */
void mt_offers_print_candidates(struct mt_cli *cli, const json_t *candidates);
void mt_offers_print_omissions(struct mt_cli *cli, const json_t *omissions);

/* Who names the server of a row, and what that is worth. Static storage, or the row's. */
const char *mt_offer_namer(const json_t *row);

#endif
