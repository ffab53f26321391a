/* SPDX-License-Identifier: MIT */
/* Diagnoses of parsers. */

#include "policy/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
mt_diag_set(struct mt_diag *diag, size_t offset, const char *format, ...)
{
	va_list args;

	if (!diag)
		return;
	diag->offset = offset;
	va_start(args, format);
	(void)vsnprintf(diag->message, sizeof(diag->message), format, args);
	va_end(args);
}

void
mt_escape(const char *text, size_t size, char *buffer, size_t buffer_size)
{
	static const char cut[] = "...";
	size_t used = 0;

	if (buffer_size == 0)
		return;
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)text[i];
		bool plain = byte >= 0x20 && byte < 0x7f && byte != '\\';
		size_t need = plain ? 1 : 4;

		if (used + need + sizeof(cut) > buffer_size) {
			if (used + sizeof(cut) <= buffer_size)
				memcpy(buffer + used, cut, sizeof(cut) - 1),
					used += sizeof(cut) - 1;
			break;
		}
		if (plain)
			buffer[used] = (char)byte;
		else
			(void)snprintf(buffer + used, 5, "\\x%02x", byte);
		used += need;
	}
	buffer[used] = '\0';
}
