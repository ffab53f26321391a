/* SPDX-License-Identifier: MIT */
/* The sink of a build with libsystemd: fields go to the journal where standard error does. */

#include "daemon/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

/* systemd.exec(5): JOURNAL_STREAM holds device and inode of the standard error it connected. A
 * person who redirected it since gets the text instead. */
static bool
stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
		return false;
	return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

static struct iovec
slice(const char *text, size_t size)
{
	/* struct iovec has no const; sd_journal_sendv() only reads. */
	union {
		const char *in;
		void *out;
	} base = {.in = text};

	return (struct iovec){.iov_base = base.out, .iov_len = size};
}

bool
mt_log_sink_write(const struct mt_log_line *line)
{
	struct iovec iov[MT_LOG_FIELDS_MAX + 2];
	char priority[] = "PRIORITY=0";
	char message[MT_LOG_LINE_MAX + sizeof("MESSAGE=")];
	size_t end = line->size - 1; /* without the newline */
	int size;

	if (!stderr_is_journal())
		return false;
	for (size_t i = 0; i < line->n_fields; i++)
		iov[i] = slice(line->text + line->field[i].offset, line->field[i].size);
	priority[sizeof(priority) - 2] = (char)('0' + line->level);
	iov[line->n_fields] = slice(priority, sizeof(priority) - 1);
	size = snprintf(message, sizeof(message), "MESSAGE=%.*s", (int)(end - line->prose),
			line->text + line->prose);
	iov[line->n_fields + 1] = slice(message, (size_t)size);
	return sd_journal_sendv(iov, (int)line->n_fields + 2) == 0;
}
