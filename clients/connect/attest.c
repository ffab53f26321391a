/* SPDX-License-Identifier: MIT */
/* The group: used once, then given up. */

#include "clients/connect/attest.h"

#include <errno.h>
#include <unistd.h>

int
mt_attest_open(enum mt_client_where where, const char *argument, struct mt_client **ret)
{
	int r = getegid() == getgid() ? MT_ERROR_DAEMON_UNREACHABLE
				      : mt_client_open(where, argument, ret, NULL);

	return r > 0 ? mt_client_new(where, argument, ret) : r;
}

int
mt_attest_drop(void)
{
	gid_t ours = getgid(), attested = getegid(), real, effective, saved;

	if (setresgid(ours, ours, ours) != 0 || getresgid(&real, &effective, &saved) != 0)
		return -errno;
	if (real != ours || effective != ours || saved != ours)
		return -EPERM;
	/* root may take any group back: that is no failure to give one up */
	if (attested != ours && geteuid() != 0 && setegid(attested) == 0)
		return -EPERM;
	return 0;
}
