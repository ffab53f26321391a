/* SPDX-License-Identifier: MIT */
/*
 * A clock for tests, put before a program with LD_PRELOAD: the machine's wall clock and as many
 * seconds as stand, as a 64 bit number, at the start of the file that MT_CLOCK names. The file is
 * mapped before the program begins, so that whatever it gives up later it keeps its clock.
 * Monotonic time is left alone.
 */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static const volatile int64_t *ahead_sec;
static int (*real_clock_gettime)(clockid_t id, struct timespec *ts);

__attribute__((constructor)) static void
open_clock(void)
{
	const char *path = getenv("MT_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map = MAP_FAILED;

	*(void **)&real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	if (fd >= 0)
		map = mmap(NULL, sizeof(*ahead_sec), PROT_READ, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED)
		ahead_sec = map;
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int r = real_clock_gettime(id, ts);

	if (r == 0 && ahead_sec && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		ts->tv_sec += *ahead_sec;
	return r;
}

int
gettimeofday(struct timeval *tv, void *zone)
{
	struct timespec ts;
	int r = clock_gettime(CLOCK_REALTIME, &ts);

	if (r == 0) {
		tv->tv_sec = ts.tv_sec;
		tv->tv_usec = ts.tv_nsec / 1000;
	}
	return r;
}

time_t
time(time_t *ret)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
		return (time_t)-1;
	if (ret)
		*ret = ts.tv_sec;
	return ts.tv_sec;
}
