/* SPDX-License-Identifier: MIT */
/* Options of mailtrustd: the file. */

#include "daemon/config-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A line longer than any path; a file longer than any configuration is not ours. */
#define LINE_SIZE 4608
#define LINES_MAX 4096

struct file {
	const char *path;
	FILE *stream;
	size_t line;
	char section[32];
};

static int
file_refused(const struct file *file, struct mt_diag *diag, const char *what, const char *text)
{
	char escaped[80];

	mt_escape(text, strlen(text), escaped, sizeof(escaped));
	mt_diag_set(diag, SIZE_MAX, "%s:%zu: %s \"%s\"", file->path, file->line, what, escaped);
	return MT_CONFIG_E_FILE;
}

static char *
trim(char *text)
{
	size_t size;

	text += strspn(text, " \t");
	size = strlen(text);
	while (size > 0 && strchr(" \t\r\n", text[size - 1]))
		text[--size] = '\0';
	return text;
}

static bool
section_is_known(const char *section)
{
	for (size_t i = 0; i < mt_config_n_options; i++)
		if (mt_config_options[i].section &&
		    strcmp(mt_config_options[i].section, section) == 0)
			return true;
	return false;
}

static int
section_parse(struct file *file, char *text, struct mt_diag *diag)
{
	size_t size = strlen(text);

	if (size < 3 || text[size - 1] != ']')
		return file_refused(file, diag, "malformed section", text);
	text[size - 1] = '\0';
	if (size - 2 >= sizeof(file->section) || !section_is_known(text + 1))
		return file_refused(file, diag, "unknown section", text + 1);
	memcpy(file->section, text + 1, size - 1);
	return 0;
}

static int
key_parse(struct file *file, char *text, struct mt_config *config, struct mt_config_seen *seen,
	  struct mt_diag *diag)
{
	const struct mt_config_option *option;
	char *value = strchr(text, '=');
	int r;

	if (!value)
		return file_refused(file, diag, "neither section nor key = value:", text);
	*value++ = '\0';
	text = trim(text);
	value = trim(value);
	option = mt_config_find(text, strlen(text));
	if (!option || !option->in_file || strcmp(option->section, file->section) != 0)
		return file_refused(file, diag, "unknown key", text);
	if (!option->repeats && (seen->file & mt_config_bit(option)))
		return file_refused(file, diag, "key given twice", text);
	seen->file |= mt_config_bit(option);
	/* The command line wins; the value is still read, so that a wrong one is not overlooked. */
	if (seen->command_line & mt_config_bit(option)) {
		struct mt_config unused = {0};

		r = option->parse(mt_config_field(&unused, option), value);
		mt_config_clear(&unused);
	} else {
		r = option->parse(mt_config_field(config, option), value);
	}
	return r > 0 ? file_refused(file, diag, "not a value of this key:", value) : r;
}

static int
line_parse(struct file *file, char *line, struct mt_config *config, struct mt_config_seen *seen,
	   struct mt_diag *diag)
{
	char *text;

	if (!strchr(line, '\n') && !feof(file->stream))
		return file_refused(file, diag, "line too long", "");
	text = trim(line);
	if (text[0] == '\0' || text[0] == '#' || text[0] == ';')
		return 0;
	if (text[0] == '[')
		return section_parse(file, text, diag);
	return key_parse(file, text, config, seen, diag);
}

/* In system mode nobody but root decides what the service does (DESIGN, Commands). */
static int
file_trust(const struct file *file, const struct mt_config_env *env, struct mt_diag *diag)
{
	struct stat st;

	if (fstat(fileno(file->stream), &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode)) {
		mt_diag_set(diag, SIZE_MAX, "%s is no file", file->path);
		return MT_CONFIG_E_FILE;
	}
	if (st.st_uid == env->trusted_uid && !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	mt_diag_set(diag, SIZE_MAX,
		    "%s must belong to root and be writable by root only in system mode",
		    file->path);
	return MT_CONFIG_E_INSECURE;
}

static int
file_read(struct file *file, struct mt_config *config, struct mt_config_seen *seen,
	  struct mt_diag *diag)
{
	char line[LINE_SIZE];

	while (fgets(line, sizeof(line), file->stream)) {
		int r;

		if (++file->line > LINES_MAX)
			return file_refused(file, diag, "too many lines", "");
		r = line_parse(file, line, config, seen, diag);
		if (r != 0)
			return r;
	}
	return ferror(file->stream) ? -EIO : 0;
}

int
mt_config_file_load(const char *path, bool named, const struct mt_config_env *env,
		    struct mt_config *config, struct mt_config_seen *seen, struct mt_diag *diag)
{
	struct file file = {.path = path};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r;

	if (fd < 0 && errno == ENOENT && !named)
		return 0;
	if (fd >= 0)
		file.stream = fdopen(fd, "r");
	if (!file.stream) {
		mt_diag_set(diag, SIZE_MAX, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		return MT_CONFIG_E_FILE;
	}
	r = config->user ? 0 : file_trust(&file, env, diag);
	if (r == 0)
		r = file_read(&file, config, seen, diag);
	(void)fclose(file.stream);
	if (r == 0 && !config->config_file)
		r = mt_config_parse_text(&config->config_file, path);
	return r;
}
