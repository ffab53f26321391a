/* SPDX-License-Identifier: MIT */
/* One event, one line, one write(2). */

#include "daemon/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The only mutable globals of the program: how much is said, and where. */
static enum mt_log_level log_level = MT_LOG_INFO;
static int log_fd = -1;

/* Room kept for the mark of a cut line and its end. */
#define LINE_END " [cut]\n"
#define LINE_USABLE (MT_LOG_LINE_MAX - sizeof(LINE_END))

void
mt_log_set_target(int fd)
{
	log_fd = fd;
}

void
mt_log_set_level(enum mt_log_level level)
{
	log_level = level;
}

enum mt_log_level
mt_log_get_level(void)
{
	return log_level;
}

static void
line_raw(struct mt_log_line *line, const char *text, size_t size)
{
	if (size > LINE_USABLE - line->size) {
		size = LINE_USABLE - line->size;
		line->cut = true;
	}
	memcpy(line->text + line->size, text, size);
	line->size += size;
}

/* Printable ASCII but the backslash the escapes are made of and, in a field, the quote that might
 * end it. Nothing comes after the prose, so that a quote ends nothing there. */
static bool
is_plain(unsigned char c, bool in_field)
{
	return c >= 0x20 && c < 0x7f && c != '\\' && !(in_field && c == '"');
}

static void
line_escaped(struct mt_log_line *line, const char *text, size_t size, bool in_field)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < size && !line->cut; i++) {
		unsigned char c = (unsigned char)text[i];
		const char escape[4] = {'\\', 'x', hex[c >> 4], hex[c & 15]};

		if (is_plain(c, in_field))
			line_raw(line, text + i, 1);
		else if (sizeof(escape) <= LINE_USABLE - line->size)
			line_raw(line, escape, sizeof(escape));
		else
			line->cut = true;
	}
}

/* Opens NAME=; false where the line takes no more. */
static bool
field_begin(struct mt_log_line *line, const char *name)
{
	if (!line->wanted || line->cut || line->n_fields == MT_LOG_FIELDS_MAX)
		return false;
	if (line->size)
		line_raw(line, " ", 1);
	line->field[line->n_fields].offset = (uint16_t)line->size;
	line_raw(line, name, strlen(name));
	line_raw(line, "=", 1);
	return true;
}

static void
field_end(struct mt_log_line *line)
{
	uint16_t offset = line->field[line->n_fields].offset;

	line->field[line->n_fields++].size = (uint16_t)(line->size - offset);
}

void
mt_log_begin(struct mt_log_line *line, enum mt_log_level level, const char *event)
{
	line->level = level;
	line->wanted = level <= log_level;
	line->cut = false;
	line->size = 0;
	line->n_fields = 0;
	line->prose = 0;
	mt_log_text(line, "MT_EVENT", event);
}

void
mt_log_text(struct mt_log_line *line, const char *name, const char *value)
{
	if (value)
		mt_log_bytes(line, name, value, strlen(value));
}

void
mt_log_bytes(struct mt_log_line *line, const char *name, const char *value, size_t size)
{
	bool quoted = size == 0 || memchr(value, ' ', size) != NULL;

	if (!field_begin(line, name))
		return;
	if (quoted)
		line_raw(line, "\"", 1);
	line_escaped(line, value, size, true);
	if (quoted)
		line_raw(line, "\"", 1);
	field_end(line);
}

void
mt_log_number(struct mt_log_line *line, const char *name, int64_t value)
{
	char digits[24];
	size_t at = sizeof(digits);
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;

	if (!field_begin(line, name))
		return;
	do
		digits[--at] = (char)('0' + left % 10);
	while (left /= 10);
	if (value < 0)
		digits[--at] = '-';
	line_raw(line, digits + at, sizeof(digits) - at);
	field_end(line);
}

void
mt_log_hex(struct mt_log_line *line, const char *name, const uint8_t *bytes, size_t size)
{
	static const char hex[] = "0123456789abcdef";

	if (!field_begin(line, name))
		return;
	for (size_t i = 0; i < size; i++)
		line_raw(line, (const char[]){hex[bytes[i] >> 4], hex[bytes[i] & 15]}, 2);
	field_end(line);
}

void
mt_log_address(struct mt_log_line *line, const char *name, const char *address)
{
	const char *domain = strrchr(address, '@');

	/* A local part names a person (D-SYS-03); without "@" all of it might be one. */
	mt_log_text(line, name, domain ? domain : "@");
}

static void
line_write(struct mt_log_line *line)
{
	ssize_t written;

	if (line->cut) {
		memcpy(line->text + line->size, LINE_END, sizeof(LINE_END) - 1);
		line->size += sizeof(LINE_END) - 1;
	} else {
		line->text[line->size++] = '\n';
	}
	if (log_fd < 0 && mt_log_sink_write(line))
		return;
	do
		written = write(log_fd < 0 ? STDERR_FILENO : log_fd, line->text, line->size);
	while (written < 0 && errno == EINTR);
	/* A log that cannot be written has nowhere to complain; the verdict stands. */
}

static void MT_PRINTF(2, 0) line_prose(struct mt_log_line *line, const char *format, va_list ap)
{
	char prose[1024];
	int size = vsnprintf(prose, sizeof(prose), format, ap);

	if (size < 0)
		return;
	line_raw(line, " ", line->size ? 1 : 0);
	line->prose = line->size;
	line_escaped(line, prose, strlen(prose), false);
	if ((size_t)size >= sizeof(prose))
		line->cut = true;
}

void
mt_log_end(struct mt_log_line *line, const char *format, ...)
{
	va_list ap;

	if (!line->wanted)
		return;
	va_start(ap, format);
	line_prose(line, format, ap);
	va_end(ap);
	line_write(line);
}

void
mt_log(enum mt_log_level level, const char *event, const char *format, ...)
{
	struct mt_log_line line;
	va_list ap;

	mt_log_begin(&line, level, event);
	if (!line.wanted)
		return;
	va_start(ap, format);
	line_prose(&line, format, ap);
	va_end(ap);
	line_write(&line);
}
