/* SPDX-License-Identifier: MIT */
/* Directories of presets. */

#include "daemon/presets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/log.h"

#define DIRECTORIES_MAX 8

struct mt_presets {
	struct mt_presets_directory directories[DIRECTORIES_MAX];
	size_t n_directories;
	struct mt_preset_list list;
	size_t n_broken;
};

static void
report(struct mt_presets *presets, const char *directory, const char *name, const char *why)
{
	presets->n_broken++;
	mt_log(MT_LOG_ERROR, "presets", "%s%s%s is not used: %s", directory, *name ? "/" : "", name,
	       why);
}

/* -- one document ------------------------------------------------------------------------------ */

/* Return: NULL, or why its bytes are not to be believed. */
static const char *
distrust(const struct mt_presets_directory *directory, const struct stat *st)
{
	if (directory->must_be_trusted && st->st_uid != directory->trusted_uid)
		return "it must belong to root";
	if (directory->must_be_trusted && (st->st_mode & (S_IWGRP | S_IWOTH)))
		return "it must be writable by root only";
	return NULL;
}

/* Reads a whole file. Return: NULL, or why that is not possible. */
static const char *
read_file(int fd, char *buffer, size_t room, size_t *ret_size)
{
	size_t size = 0;
	ssize_t n;

	while ((n = read(fd, buffer + size, room - size)) > 0) {
		size += (size_t)n;
		if (size == room)
			return "it is too large";
	}
	*ret_size = size;
	return n < 0 ? strerror(errno) : NULL;
}

static int
load_open(struct mt_presets *presets, const struct mt_presets_directory *directory,
	  const char *name, int fd)
{
	char *text = malloc(MT_PRESET_BYTES_MAX + 1);
	struct mt_diag diag = {0};
	const char *why = NULL;
	struct stat st;
	size_t size = 0;
	int r = text ? 0 : -ENOMEM;

	if (r == 0 && fstat(fd, &st) != 0)
		why = strerror(errno);
	else if (r == 0)
		why = S_ISREG(st.st_mode) ? distrust(directory, &st) : "it is no file";
	if (r == 0 && !why)
		why = read_file(fd, text, MT_PRESET_BYTES_MAX + 1, &size);
	if (r == 0 && !why)
		r = mt_presets_parse(text, size, &presets->list, &diag);
	if (r > 0)
		why = diag.message;
	if (why)
		report(presets, directory->path, name, why);
	free(text);
	return r < 0 ? r : 0;
}

static int
load_document(struct mt_presets *presets, const struct mt_presets_directory *directory,
	      int directory_fd, const char *name)
{
	int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int r;

	if (fd < 0) {
		report(presets, directory->path, name, strerror(errno));
		return 0;
	}
	r = load_open(presets, directory, name, fd);
	(void)close(fd);
	return r;
}

/* -- directories ------------------------------------------------------------------------------- */

/* NAME.json, and not what editors and packages leave lying about. */
static int
is_document(const struct dirent *entry)
{
	const size_t size = strlen(entry->d_name);

	return entry->d_name[0] != '.' && size > 5 &&
	       strcmp(entry->d_name + size - 5, ".json") == 0;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
load_documents(struct mt_presets *presets, const struct mt_presets_directory *directory, int fd)
{
	struct dirent **entries;
	int n = scandirat(fd, ".", &entries, is_document, by_name), r = 0;

	if (n < 0) {
		if (errno == ENOMEM)
			return -ENOMEM;
		report(presets, directory->path, "", strerror(errno));
		return 0;
	}
	if (n > MT_PRESET_FILES_MAX)
		report(presets, directory->path, "", "it has too many documents");
	for (int i = 0; i < n; i++) {
		if (r == 0 && n <= MT_PRESET_FILES_MAX)
			r = load_document(presets, directory, fd, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* One that is not there has no presets. */
static int
load_directory(struct mt_presets *presets, const struct mt_presets_directory *directory)
{
	int fd = open(directory->path, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	const char *why = NULL;
	struct stat st;
	int r = 0;

	if (fd < 0) {
		if (errno != ENOENT)
			report(presets, directory->path, "", strerror(errno));
		return 0;
	}
	why = fstat(fd, &st) == 0 ? distrust(directory, &st) : strerror(errno);
	if (why)
		report(presets, directory->path, "", why);
	else
		r = load_documents(presets, directory, fd);
	(void)close(fd);
	return r;
}

static int
load(struct mt_presets *presets)
{
	int r = 0;

	for (size_t i = 0; i < presets->n_directories && r == 0; i++)
		r = load_directory(presets, &presets->directories[i]);
	return r;
}

/* -- the interface ----------------------------------------------------------------------------- */

struct mt_presets *
mt_presets_free(struct mt_presets *presets)
{
	if (!presets)
		return NULL;
	mt_preset_list_clear(&presets->list);
	free(presets);
	return NULL;
}

int
mt_presets_new(const struct mt_presets_directory *directories, size_t n, struct mt_presets **ret)
{
	MT_CLEANUP(mt_presets_freep) struct mt_presets *presets = calloc(1, sizeof(*presets));
	int r;

	assert(n <= DIRECTORIES_MAX);
	if (!presets)
		return -ENOMEM;
	memcpy(presets->directories, directories, n * sizeof(*directories));
	presets->n_directories = n;
	r = load(presets);
	if (r)
		return r;
	*ret = mt_steal(&presets);
	return 0;
}

void
mt_presets_reload(struct mt_presets *presets)
{
	struct mt_presets fresh = *presets;

	fresh.list = (struct mt_preset_list){0};
	fresh.n_broken = 0;
	if (load(&fresh) != 0) {
		mt_log(MT_LOG_ERROR, "presets", "no memory to read the presets anew");
		mt_preset_list_clear(&fresh.list);
		return;
	}
	mt_preset_list_clear(&presets->list);
	*presets = fresh;
}

size_t
mt_presets_find(const struct mt_presets *presets, const char *domain,
		struct mt_offer ret[static MT_OFFERS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < presets->list.n && n < MT_OFFERS_MAX; i++)
		if (strcmp(presets->list.rows[i].domain, domain) == 0)
			ret[n++] = presets->list.rows[i].offer;
	return n;
}

size_t
mt_presets_n_broken(const struct mt_presets *presets)
{
	return presets->n_broken;
}
