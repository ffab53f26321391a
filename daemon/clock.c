/* SPDX-License-Identifier: MIT */
/* What time it is, and whether that can be believed. */

#include "daemon/clock.h"

#include <sys/timex.h>
#include <time.h>

#include "daemon/build-date.h"

static int64_t
clock_read_usec(clockid_t id)
{
	struct timespec now = {0};

	/* Fails only for an unknown clock, and would then read as 1970: insane, hence safe. */
	(void)clock_gettime(id, &now);
	return (int64_t)now.tv_sec * MT_USEC_PER_SEC + now.tv_nsec / 1000;
}

static int64_t
system_wall_usec(void *userdata)
{
	return clock_read_usec(CLOCK_REALTIME);
}

static int64_t
system_monotonic_usec(void *userdata)
{
	/* Counts while the machine sleeps: deadlines are about the world, not about our CPU time.
	 */
	return clock_read_usec(CLOCK_BOOTTIME);
}

static bool
system_is_synchronised(void *userdata)
{
	struct timex timex = {.modes = 0}; /* read only: needs no privilege */
	int state = adjtimex(&timex);

	return state >= 0 && state != TIME_ERROR && !(timex.status & STA_UNSYNC);
}

static const struct mt_clock clock_system = {
	.wall_usec = system_wall_usec,
	.monotonic_usec = system_monotonic_usec,
	.is_synchronised = system_is_synchronised,
};

const struct mt_clock *
mt_clock_system(void)
{
	return &clock_system;
}

int64_t
mt_clock_build_date_usec(void)
{
	return MT_BUILD_DATE_SEC * MT_USEC_PER_SEC;
}

bool
mt_clock_is_sane(const struct mt_clock *clock, bool must_be_synchronised)
{
	/* D-PKIX-08: this program cannot run before it was built. */
	if (mt_clock_wall(clock) < mt_clock_build_date_usec())
		return false;
	return !must_be_synchronised || clock->is_synchronised(clock->userdata);
}
