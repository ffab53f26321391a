/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_MAIL_LINE_H
#define MT_IPC_MAIL_LINE_H

/*
 * Lines of a mail server, bounded: bytes in, one line at a time out, no allocation.
 *
 * A line ends at LF; one CR before it is dropped. A NUL or a line over MT_LINE_MAX (a CR counts) is
 * a fault, and the conversation ends there: what cannot be a line is not guessed at (D-STLS-12).
 * What a line means is the dialogue's; so is where an IMAP literal does not belong.
 */

#include "policy/limits.h"

enum mt_line_state { MT_LINE_FAULT = 0, MT_LINE_MORE, MT_LINE_READY };

struct mt_lines {
	char text[MT_LINE_MAX + 1]; /* the line when READY: NUL-terminated, without CR LF */
	size_t size;
	bool is_ready; /* the next byte begins a new line */
};

/* Takes bytes up to the end of one line. Return: how many were taken; the rest is not looked at,
 * because after STARTTLS it would be the attack (D-STLS-04). */
size_t mt_lines_take(struct mt_lines *lines, const uint8_t *data, size_t size,
		     enum mt_line_state *ret_state);

/* The line announces a literal, "{123}" or "{123+}", at its end (RFC 3501 §4.3). */
bool mt_line_has_literal(const char *line, size_t size);

#endif
