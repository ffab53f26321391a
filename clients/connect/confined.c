/* SPDX-License-Identifier: MIT */
/* The two walls of a tunnel. */

#include "clients/connect/confined.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/confine.h"

static int
by_number(const void *a, const void *b)
{
	const int *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

int
mt_confined_close_others(const int *kept, size_t n)
{
	int sorted[MT_CONFINED_KEPT_MAX];
	unsigned next = 0; /* the lowest that may have to be closed */

	assert(n <= MT_CONFINED_KEPT_MAX);
	memcpy(sorted, kept, n * sizeof(*kept));
	qsort(sorted, n, sizeof(*sorted), by_number);
	for (size_t i = 0; i < n; i++) {
		unsigned fd = (unsigned)sorted[i];

		if (sorted[i] < 0)
			continue;
		if (fd > next && close_range(next, fd - 1, 0) < 0)
			return -errno;
		next = fd + 1;
	}
	return close_range(next, ~0U, 0) < 0 ? -errno : 0;
}

int
mt_confined_enter_tunnel(void)
{
	struct mt_confine_filter filter;
	int r = mt_confine_process();

	if (r == 0)
		r = mt_confine_landlock(MT_LANDLOCK_READ | MT_LANDLOCK_WRITE | MT_LANDLOCK_TCP |
						MT_LANDLOCK_SCOPE,
					NULL, 0);
	if (r < 0)
		return r;

	r = mt_confine_filter_init(&filter, SCMP_ACT_ERRNO(EPERM), false);
	mt_confine_allow_compute(&filter);
	mt_confine_allow_talk(&filter);
	if (r == 0)
		r = mt_confine_filter_load(&filter);
	mt_confine_filter_clear(&filter);
	return r;
}

/* All but what harms: libc's look-up of the user mailtrust may read what it likes. */
int
mt_confined_enter_asker(void)
{
	struct mt_confine_filter filter;
	int r = mt_confine_process();

	/* not the scope: a session bus may be an abstract socket */
	if (r == 0)
		r = mt_confine_landlock(MT_LANDLOCK_WRITE | MT_LANDLOCK_TCP, NULL, 0);
	if (r < 0)
		return r;

	r = mt_confine_filter_init(&filter, SCMP_ACT_ALLOW, false);
	if (r == 0)
		r = seccomp_rule_add(filter.ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
				     SCMP_A0_32(SCMP_CMP_NE, AF_UNIX));
	if (r == 0)
		r = mt_confine_filter_load(&filter);
	mt_confine_filter_clear(&filter);
	return r;
}
