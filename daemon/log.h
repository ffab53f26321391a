/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_LOG_H
#define MT_DAEMON_LOG_H

/*
 * One event, one line, one write(2): fields first, prose last.
 *
 *	struct mt_log_line line;
 *
 *	mt_log_begin(&line, MT_LOG_NOTICE, "consent");
 *	mt_log_number(&line, "MT_UID", uid);
 *	mt_log_text(&line, "MT_HOST", host);
 *	mt_log_end(&line, "%s was consented to", kind);
 *
 * writes `MT_EVENT=consent MT_UID=1000 MT_HOST=imap.example.test reduced-confidentiality was …`.
 * Where standard error is the journal the same fields go there as journal fields. Text is escaped
 * here, whoever it comes from; quoted where it holds a space. What must never be passed in:
 * credentials, message data, local parts of addresses (mt_log_address() keeps the domain only).
 *
 * Level and target are the program's only mutable globals. Nothing here allocates or fails: a line
 * that does not fit is cut and says so.
 */

#include "policy/base.h"

/* Numbers of syslog(3); everything above the level set is not formatted. */
enum mt_log_level {
	MT_LOG_ERROR = 3,
	MT_LOG_WARNING = 4,
	MT_LOG_NOTICE = 5,
	MT_LOG_INFO = 6,
	MT_LOG_DEBUG = 7
};

/* Below PIPE_BUF, so that lines of several processes on one pipe stay whole (POSIX write()). */
#define MT_LOG_LINE_MAX 2048
#define MT_LOG_FIELDS_MAX 24

struct mt_log_line {
	enum mt_log_level level;
	bool wanted; /* level is written at all */
	bool cut;
	size_t size;
	size_t n_fields;
	size_t prose; /* offset of the prose, set by mt_log_end() */
	struct {
		uint16_t offset, size;
	} field[MT_LOG_FIELDS_MAX]; /* NAME=value, as it stands in text */
	char text[MT_LOG_LINE_MAX];
};

void mt_log_begin(struct mt_log_line *line, enum mt_log_level level, const char *event);
/* value NULL is left out. */
void mt_log_text(struct mt_log_line *line, const char *name, const char *value);
void mt_log_bytes(struct mt_log_line *line, const char *name, const char *value, size_t size);
void mt_log_number(struct mt_log_line *line, const char *name, int64_t value);
void mt_log_hex(struct mt_log_line *line, const char *name, const uint8_t *bytes, size_t size);
/* Logs "@domain" of an address. */
void mt_log_address(struct mt_log_line *line, const char *name, const char *address);
/* Adds the prose and writes the line. */
void mt_log_end(struct mt_log_line *line, const char *format, ...) MT_PRINTF(2, 3);

/* A line without fields of its own. */
void mt_log(enum mt_log_level level, const char *event, const char *format, ...) MT_PRINTF(3, 4);

/* fd -1: standard error or the journal, whichever standard error is. */
void mt_log_set_target(int fd);
void mt_log_set_level(enum mt_log_level level);
enum mt_log_level mt_log_get_level(void);

/* The sink, in log-journal.c or log-stderr.c as the build found libsystemd or not.
 * Return: true where the line has been taken. */
bool mt_log_sink_write(const struct mt_log_line *line);

#endif
