/* SPDX-License-Identifier: MIT */
#ifndef MT_TEST_ATTEMPTS_H
#define MT_TEST_ATTEMPTS_H

/*
 * What a confined process must not be able to do, each tried in a child of its own behind the wall
 * a test enters; for tests of the daemon's walls and of the tunnel's.
 */

#include <sys/types.h>

#include "ipc/confine.h"

/* 0 when it worked, else errno. */
typedef int (*attempt_fn)(void);

int attempt_result(long r);
int open_a_file(void);
int create_a_file(void);
int open_an_inet_socket(void);
int open_an_inet6_datagram_socket(void);
int open_a_raw_socket(void);
int open_a_unix_socket(void);
int open_a_netlink_socket(void);
int open_a_packet_socket(void);
int execute(void);
int trace(void);
int read_another_process(void);
int unshare_a_namespace(void);
int fork_a_child(void);
int signal_the_parent(void);
int map_code(void);
int become_root(void);
int become_dumpable(void);
int get_memory(void);

#define KILLED (-1)
#define NOT_ENTERED (-2)

/* Enters the wall of that number. Return: 0, or why not. */
typedef int (*enter_fn)(int wall);

/* Return: 0 when the attempt worked behind the wall, its errno, KILLED, or NOT_ENTERED. */
int try_behind(enter_fn enter, int wall, attempt_fn attempt);

/* What an attempt gives where instrumentation or an old kernel takes one wall away. */
enum unless { ALWAYS, UNLESS_INSTRUMENTED, NEEDS_LANDLOCK };

struct attempt_row {
	int wall;
	const char *name;
	attempt_fn attempt;
	int expected;
	enum unless unless;
};
void check_attempts(enter_fn enter, const struct attempt_row *rows, size_t n);

#define ROW(wall, attempt, expected, unless)                        \
	{                                                           \
		wall, #wall " " #attempt, attempt, expected, unless \
	}

/* A process behind the wall that waits to be looked at, until *ret_hold is closed. */
pid_t start_behind(enter_fn enter, int wall, int *ret_hold);
/* The value of a field of /proc/PID/status, with its line end, into value. */
void read_status(pid_t pid, const char *field, char *value, size_t size);

#endif
