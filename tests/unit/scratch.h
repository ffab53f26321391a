/* SPDX-License-Identifier: MIT */
#ifndef MT_TESTS_SCRATCH_H
#define MT_TESTS_SCRATCH_H

/* A directory for one test case, and files in it. */

#include "policy/base.h"

#define SCRATCH_PATH 256

/* Makes an empty directory; its path is in ret. */
void scratch_make(char ret[static SCRATCH_PATH]);
/* Removes it and the files in it. */
void scratch_remove(const char *directory);

/* directory/name. */
void scratch_path(const char *directory, const char *name, char ret[static SCRATCH_PATH]);
bool scratch_has(const char *directory, const char *name);
/* The whole file, to be freed. */
uint8_t *scratch_read(const char *directory, const char *name, size_t *ret_size);
void scratch_write(const char *directory, const char *name, const void *data, size_t size);

#endif
