/* SPDX-License-Identifier: MIT */
#ifndef MT_CLI_CHANGE_H
#define MT_CLI_CHANGE_H

/*
 * What a change of the provider's configuration means for a person: one sentence for each row of
 * REQUIREMENTS 4.8, and the next step. The service decides which row it is; this only says it.
 */

#include <jansson.h>

#include "clients/cli/command.h"

/* finding: row, class, reasons, pending, and the server it is about, as the property Change. Prints
 * nothing where nobody has looked, and with only_news nothing where nothing has changed. */
void mt_change_print(struct mt_cli *cli, const json_t *finding, bool only_news);
/* The status that says the same to a script. */
enum mt_exit mt_change_exit(const json_t *finding);

/* Offers of an account, as the property Offers, with how to answer them. */
void mt_upgrades_print(struct mt_cli *cli, const json_t *offers, const char *account);

#endif
