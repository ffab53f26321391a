/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_FD_H
#define MT_IPC_FD_H

/* What every module that keeps a file does with its descriptor. Decides nothing. */

#include "policy/base.h"

/* For MT_CLEANUP; a negative one is none. */
void mt_fd_close(const int *fd);
/* Everything, and on the disk. Return: 0 or negative errno. */
MT_MUST_CHECK int mt_fd_write_all(int fd, const char *data, size_t size);

#endif
