/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_DIAG_H
#define MT_POLICY_DIAG_H

/*
 * Where and why a parse failed, for a human: one sentence, and the clause that says so.
 * Written only on failure. Every function that takes one accepts NULL.
 */

#include "policy/base.h"

struct mt_diag {
	char message[192]; /* one line, no newline, hostile bytes already escaped */
	size_t offset;     /* into the input; SIZE_MAX where it has none */
};

void mt_diag_set(struct mt_diag *diag, size_t offset, const char *format, ...) MT_PRINTF(3, 4);

/* Copies text into buffer with everything but printable ASCII as \xNN, truncated with "...". */
void mt_escape(const char *text, size_t size, char *buffer, size_t buffer_size);

#endif
