/* SPDX-License-Identifier: MIT */
/* Descriptors of files. */

#include "ipc/fd.h"

#include <errno.h>
#include <unistd.h>

void
mt_fd_close(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

int
mt_fd_write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
	}

	return fsync(fd) < 0 ? -errno : 0;
}
