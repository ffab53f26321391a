/* SPDX-License-Identifier: MIT */
/* A directory for one test case. */

#include "tests/unit/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/cmocka-all.h"

void
scratch_make(char ret[static SCRATCH_PATH])
{
	(void)snprintf(ret, SCRATCH_PATH, "%s/mt-test-XXXXXX",
		       getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(ret));
}

void
scratch_remove(const char *directory)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	(void)closedir(dir);
	(void)rmdir(directory);
}

void
scratch_path(const char *directory, const char *name, char ret[static SCRATCH_PATH])
{
	assert_true(snprintf(ret, SCRATCH_PATH, "%s/%s", directory, name) < SCRATCH_PATH);
}

bool
scratch_has(const char *directory, const char *name)
{
	char path[SCRATCH_PATH];

	scratch_path(directory, name, path);
	return access(path, F_OK) == 0;
}

uint8_t *
scratch_read(const char *directory, const char *name, size_t *ret_size)
{
	char path[SCRATCH_PATH];
	struct stat st;
	uint8_t *data;
	int fd;

	scratch_path(directory, name, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	data = malloc((size_t)st.st_size + 1);
	assert_non_null(data);
	assert_int_equal(read(fd, data, (size_t)st.st_size), st.st_size);
	(void)close(fd);
	*ret_size = (size_t)st.st_size;
	return data;
}

void
scratch_write(const char *directory, const char *name, const void *data, size_t size)
{
	char path[SCRATCH_PATH];
	int fd;

	scratch_path(directory, name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), (ssize_t)size);
	(void)close(fd);
}
