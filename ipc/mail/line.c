/* SPDX-License-Identifier: MIT */
/* The bounded line reader. */

#include "ipc/mail/line.h"

#include <string.h>

bool
mt_line_has_literal(const char *line, size_t size)
{
	size_t at = size;

	if (at == 0 || line[--at] != '}')
		return false;
	if (at > 0 && line[at - 1] == '+')
		at--;
	while (at > 0 && line[at - 1] >= '0' && line[at - 1] <= '9')
		at--;
	return at > 0 && at < size - 1 && line[at - 1] == '{';
}

size_t
mt_lines_take(struct mt_lines *lines, const uint8_t *data, size_t size,
	      enum mt_line_state *ret_state)
{
	const uint8_t *end = memchr(data, '\n', size);
	size_t n = end ? (size_t)(end - data) : size;

	if (lines->is_ready)
		lines->size = 0;
	lines->is_ready = false;
	*ret_state = MT_LINE_FAULT;
	if (n > MT_LINE_MAX - lines->size || memchr(data, '\0', n))
		return end ? n + 1 : n;
	memcpy(lines->text + lines->size, data, n);
	lines->size += n;
	*ret_state = MT_LINE_MORE;
	if (!end)
		return n;
	if (lines->size > 0 && lines->text[lines->size - 1] == '\r')
		lines->size--;
	lines->text[lines->size] = '\0';
	lines->is_ready = true;
	*ret_state = MT_LINE_READY;
	return n + 1;
}
