/* SPDX-License-Identifier: MIT */
#ifndef MT_LIB_ANSWER_H
#define MT_LIB_ANSWER_H

/*
 * An answer a client holds: the service's verdict after verification, or a denial of our own.
 * Zero is deny. Both libmailtrust and the command line hold answers in this form.
 */

#include "ipc/token.h"

struct mt_answer {
	enum mt_decision decision;
	bool conf;
	enum mt_reason reasons[MT_REASONS_MAX];
	size_t n_reasons;
	char *token;   /* malloc'ed; NULL where the service gave none */
	char why[192]; /* what went wrong on this side of the bus, for people; mostly "" */
};

void mt_answer_clear(struct mt_answer *answer);

/* Makes it a denial for one reason; keeps the token, if there is one, for display. */
void mt_answer_deny(struct mt_answer *answer, enum mt_reason reason, const char *why);

/* Adds the reason a code names. A code that is unknown makes it a denial. */
void mt_answer_add_code(struct mt_answer *answer, const char *code);

/* Two answers say the same: decision, flag, reasons in order. */
bool mt_answer_agrees(const struct mt_answer *a, const struct mt_answer *b);

#endif
