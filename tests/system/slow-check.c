/* SPDX-License-Identifier: MIT */
/* Preloaded: the store's check takes MT_SLOW_CHECK_MSEC longer, as that of a large store does on a
 * slow disk. For test_start.py. */

#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tdb.h>

typedef int (*check_fn)(struct tdb_context *tdb,
			int (*check)(TDB_DATA key, TDB_DATA value, void *userdata), void *userdata);

int
tdb_check(struct tdb_context *tdb, int (*check)(TDB_DATA key, TDB_DATA value, void *userdata),
	  void *userdata)
{
	const char *text = getenv("MT_SLOW_CHECK_MSEC");
	const long msec = text ? strtol(text, NULL, 10) : 0;
	struct timespec left = {.tv_sec = msec / 1000, .tv_nsec = msec % 1000 * 1000000};
	void *symbol = dlsym(RTLD_NEXT, "tdb_check");
	check_fn real;

	if (!symbol)
		abort();
	memcpy(&real, &symbol, sizeof(real)); /* ISO C knows no cast for it; POSIX promises it */
	while (nanosleep(&left, &left) != 0)
		;
	return real(tdb, check, userdata);
}
