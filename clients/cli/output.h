/* SPDX-License-Identifier: MIT */
#ifndef MT_CLI_OUTPUT_H
#define MT_CLI_OUTPUT_H

/*
 * Everything a person reads: colours only where the terminal has them and never as the only sign,
 * aligned tables, verdicts with what happened, why, and the next step. JSON for programs is printed
 * by mt_print_json() alone; its members are stable and stand in the manual.
 */

#include <jansson.h>

#include "clients/cli/command.h"
#include "clients/lib/answer.h"

enum mt_paint {
	MT_PAINT_PLAIN = 0,
	MT_PAINT_GOOD,
	MT_PAINT_WARN,
	MT_PAINT_BAD,
	MT_PAINT_BOLD,
	MT_PAINT_FAINT
};

/* Prints to cli->out in that colour, where there is colour. */
void mt_print(struct mt_cli *cli, enum mt_paint paint, const char *format, ...) MT_PRINTF(3, 4);

/* Prints rows of n_columns cells each, the first row as the heading, columns as wide as their
 * widest cell. Cells are UTF-8. */
void mt_print_table(struct mt_cli *cli, const char *const *cells, size_t n_columns, size_t n_rows);

/* One line of JSON. Takes the reference. */
void mt_print_json(struct mt_cli *cli, json_t *root);

/* "allowed, confidential", "refused" … Static storage. */
const char *mt_decision_for_people(enum mt_decision decision, bool conf);
enum mt_paint mt_decision_paint(enum mt_decision decision, bool conf);
enum mt_exit mt_decision_exit(enum mt_decision decision);

/* The decision, every reason as a sentence with its code, and the next step. */
void mt_print_answer(struct mt_cli *cli, const struct mt_answer *answer);
/* {"decision","conf","reasons","token"}, and its reasons alone; NULL: out of memory. */
json_t *mt_answer_to_json(const struct mt_answer *answer);
json_t *mt_reasons_to_json(const struct mt_answer *answer);

/* Says on cli->err what was refused, why, and the next step, for a command that did not happen. In
 * JSON mode it goes to cli->out as {"error","reasons","why","next"}; why is what the service or
 * this side says beside the reasons, or null. */
void mt_print_refusal(struct mt_cli *cli, const char *what, const struct mt_answer *why);

#endif
