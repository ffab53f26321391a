/* SPDX-License-Identifier: MIT */
/* Output for people and programs. */

#include "clients/cli/output.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "clients/lib/advice.h"

static const char *const paints[] = {
	[MT_PAINT_PLAIN] = "",         [MT_PAINT_GOOD] = "\033[32m", [MT_PAINT_WARN] = "\033[33m",
	[MT_PAINT_BAD] = "\033[1;31m", [MT_PAINT_BOLD] = "\033[1m",  [MT_PAINT_FAINT] = "\033[2m",
};

void
mt_print(struct mt_cli *cli, enum mt_paint paint, const char *format, ...)
{
	bool painted = cli->color && paint != MT_PAINT_PLAIN;
	va_list args;

	if (painted)
		(void)fputs(paints[paint], cli->out);

	va_start(args, format);
	(void)vfprintf(cli->out, format, args);
	va_end(args);
	if (painted)
		(void)fputs("\033[0m", cli->out);
}

/* Characters, not bytes: continuation bytes do not count. */
static size_t
width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;

	return width;
}

static size_t
column_width(const char *const *cells, size_t n_columns, size_t n_rows, size_t column)
{
	size_t width = 0;

	for (size_t row = 0; row < n_rows; row++) {
		size_t cell = width_of(cells[row * n_columns + column]);

		width = cell > width ? cell : width;
	}
	return width;
}

void
mt_print_table(struct mt_cli *cli, const char *const *cells, size_t n_columns, size_t n_rows)
{
	for (size_t row = 0; row < n_rows; row++) {
		for (size_t column = 0; column < n_columns; column++) {
			const char *cell = cells[row * n_columns + column];
			size_t pad =
				column_width(cells, n_columns, n_rows, column) - width_of(cell);

			mt_print(cli, row == 0 ? MT_PAINT_BOLD : MT_PAINT_PLAIN, "%s", cell);
			if (column + 1 < n_columns) /* no blanks at the end of a line */
				mt_print(cli, MT_PAINT_PLAIN, "%*s", (int)pad + 2, "");
		}
		mt_print(cli, MT_PAINT_PLAIN, "\n");
	}
}

void
mt_print_json(struct mt_cli *cli, json_t *root)
{
	char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;

	(void)fprintf(cli->out, "%s\n", text ? text : "{\"error\":\"out of memory\"}");
	free(text);
	json_decref(root);
}

const char *
mt_decision_for_people(enum mt_decision decision, bool conf)
{
	switch (decision) {
	case MT_DECISION_ALLOW:
		return conf ? "ALLOWED, and confidential" : "ALLOWED, but not confidential";
	case MT_DECISION_AWC:
		return "ALLOWED WITHOUT CONFIDENTIALITY: others can read passwords and messages";
	case MT_DECISION_CONFIRM:
		return "NOT YET ALLOWED: your consent is needed first";
	case MT_DECISION_DENY:
		break;
	}
	return "REFUSED: no password may be sent over this connection";
}

enum mt_paint
mt_decision_paint(enum mt_decision decision, bool conf)
{
	if (decision == MT_DECISION_ALLOW && conf)
		return MT_PAINT_GOOD;

	return decision == MT_DECISION_DENY ? MT_PAINT_BAD : MT_PAINT_WARN;
}

enum mt_exit
mt_decision_exit(enum mt_decision decision)
{
	switch (decision) {
	case MT_DECISION_ALLOW:
		return MT_EXIT_OK;
	case MT_DECISION_AWC:
		return MT_EXIT_AWC;
	case MT_DECISION_CONFIRM:
		return MT_EXIT_CONFIRM;
	case MT_DECISION_DENY:
		break;
	}
	return MT_EXIT_DENY;
}

static void
print_reasons(struct mt_cli *cli, const struct mt_answer *answer)
{
	for (size_t i = 0; i < answer->n_reasons; i++) {
		mt_print(cli, MT_PAINT_PLAIN, "    %s ", mt_reason_sentence(answer->reasons[i]));
		mt_print(cli, MT_PAINT_FAINT, "[%s]\n", mt_reason_to_string(answer->reasons[i]));
	}
	if (answer->why[0])
		mt_print(cli, MT_PAINT_FAINT, "    (%s)\n", answer->why);
}

void
mt_print_answer(struct mt_cli *cli, const struct mt_answer *answer)
{
	const char *step = mt_advice_for(answer->reasons, answer->n_reasons);

	mt_print(cli, mt_decision_paint(answer->decision, answer->conf), "  %s\n",
		 mt_decision_for_people(answer->decision, answer->conf));
	print_reasons(cli, answer);
	if (step && (answer->decision != MT_DECISION_ALLOW ||
		     mt_answer_has(answer, MT_REASON_PIN_SUPERSEDED)))
		mt_print(cli, MT_PAINT_BOLD, "  Next: %s\n", step);
}

json_t *
mt_reasons_to_json(const struct mt_answer *answer)
{
	json_t *reasons = json_array();

	for (size_t i = 0; i < answer->n_reasons; i++)
		json_array_append_new(reasons,
				      json_string(mt_reason_to_string(answer->reasons[i])));

	return reasons;
}

json_t *
mt_answer_to_json(const struct mt_answer *answer)
{
	return json_pack("{s:s, s:b, s:o, s:s?}", "decision",
			 mt_decision_to_string(answer->decision), "conf", answer->conf, "reasons",
			 mt_reasons_to_json(answer), "token", answer->token);
}

void
mt_print_refusal(struct mt_cli *cli, const char *what, const struct mt_answer *why)
{
	const char *step = mt_advice_for(why->reasons, why->n_reasons);

	if (cli->json) {
		mt_print_json(cli, json_pack("{s:s, s:o, s:s?, s:s?}", "error", what, "reasons",
					     mt_reasons_to_json(why), "why",
					     why->why[0] ? why->why : NULL, "next", step));
		return;
	}
	(void)fprintf(cli->err, "mailtrust: %s\n", what);
	for (size_t i = 0; i < why->n_reasons; i++)
		(void)fprintf(cli->err, "    %s [%s]\n", mt_reason_sentence(why->reasons[i]),
			      mt_reason_to_string(why->reasons[i]));
	if (why->why[0])
		(void)fprintf(cli->err, why->n_reasons > 0 ? "    (%s)\n" : "    %s\n", why->why);
	if (step)
		(void)fprintf(cli->err, "Next: %s\n", step);
}
