/* SPDX-License-Identifier: MIT */
/* The sink of a build without libsystemd: log.c writes to standard error. */

#include "daemon/log.h"

bool
mt_log_sink_write(const struct mt_log_line *line)
{
	return false;
}
