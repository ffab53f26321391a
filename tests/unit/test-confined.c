/* SPDX-License-Identifier: MIT */
/* What the tunnel and its asker can no longer do, each tried in a child of its own. */

#include "tests/cmocka-all.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clients/connect/asker.h"
#include "clients/connect/confined.h"
#include "tests/unit/attempts.h"

enum { WALL_NONE, WALL_TUNNEL, WALL_ASKER };

static int ends[2]; /* a connection that was made before */

static int
enter(int wall)
{
	switch (wall) {
	case WALL_TUNNEL:
		return mt_confined_enter_tunnel();
	case WALL_ASKER:
		return mt_confined_enter_asker();
	default:
		return 0;
	}
}

/* Says a byte at one end, waits for it at the other, and hears it. */
static int
talk_over_an_open_connection(void)
{
	struct pollfd end = {.fd = ends[1], .events = POLLIN};
	char byte = 'x';

	if (send(ends[0], &byte, 1, MSG_NOSIGNAL) != 1 || poll(&end, 1, 1000) != 1 ||
	    recv(ends[1], &byte, 1, 0) != 1)
		return errno;
	return 0;
}

static int
connect_to_a_socket_of_the_users(void)
{
	return attempt_result(connect(ends[0], (const struct sockaddr *)"\1\0", 2)) == EPERM ? EPERM
											     : 0;
}

static void
outside_both_walls_the_attempts_work(void **state)
{
	static const struct attempt_row rows[] = {
		ROW(WALL_NONE, talk_over_an_open_connection, 0, ALWAYS),
		ROW(WALL_NONE, connect_to_a_socket_of_the_users, 0, ALWAYS),
		ROW(WALL_NONE, open_a_file, 0, ALWAYS),
		ROW(WALL_NONE, open_an_inet_socket, 0, ALWAYS),
		ROW(WALL_NONE, open_a_unix_socket, 0, ALWAYS),
		ROW(WALL_NONE, fork_a_child, 0, ALWAYS),
		ROW(WALL_NONE, become_dumpable, 0, ALWAYS),
	};

	check_attempts(enter, rows, MT_ARRAY_SIZE(rows));
}

static void
the_tunnel_talks_over_what_is_open_and_opens_nothing(void **state)
{
	static const struct attempt_row rows[] = {
		ROW(WALL_TUNNEL, talk_over_an_open_connection, 0, ALWAYS),
		ROW(WALL_TUNNEL, get_memory, 0, ALWAYS),
		ROW(WALL_TUNNEL, open_a_file, EPERM, ALWAYS),
		ROW(WALL_TUNNEL, create_a_file, EPERM, ALWAYS),
		ROW(WALL_TUNNEL, open_an_inet_socket, EPERM, ALWAYS),
		ROW(WALL_TUNNEL, open_an_inet6_datagram_socket, EPERM, ALWAYS),
		ROW(WALL_TUNNEL, open_a_unix_socket, EPERM, ALWAYS),
		ROW(WALL_TUNNEL, open_a_netlink_socket, EPERM, ALWAYS),
		ROW(WALL_TUNNEL, connect_to_a_socket_of_the_users, EPERM, ALWAYS),
		ROW(WALL_TUNNEL, fork_a_child, EPERM, ALWAYS),
		ROW(WALL_TUNNEL, signal_the_parent, EPERM, ALWAYS),
		ROW(WALL_TUNNEL, become_root, EPERM, ALWAYS),
		ROW(WALL_TUNNEL, map_code, EPERM, UNLESS_INSTRUMENTED),
		ROW(WALL_TUNNEL, become_dumpable, EPERM, UNLESS_INSTRUMENTED),
		ROW(WALL_TUNNEL, execute, KILLED, ALWAYS),
		ROW(WALL_TUNNEL, trace, KILLED, ALWAYS),
		ROW(WALL_TUNNEL, read_another_process, KILLED, ALWAYS),
		ROW(WALL_TUNNEL, unshare_a_namespace, KILLED, ALWAYS),
	};

	check_attempts(enter, rows, MT_ARRAY_SIZE(rows));
}

static void
the_asker_finds_the_service_again_and_reaches_nothing_else(void **state)
{
	static const struct attempt_row rows[] = {
		ROW(WALL_ASKER, open_a_unix_socket, 0, ALWAYS),
		ROW(WALL_ASKER, open_a_file, 0, ALWAYS),
		ROW(WALL_ASKER, create_a_file, EACCES, NEEDS_LANDLOCK),
		ROW(WALL_ASKER, open_an_inet_socket, EPERM, ALWAYS),
		ROW(WALL_ASKER, open_an_inet6_datagram_socket, EPERM, ALWAYS),
		ROW(WALL_ASKER, open_a_netlink_socket, EPERM, ALWAYS),
		ROW(WALL_ASKER, execute, KILLED, ALWAYS),
		ROW(WALL_ASKER, trace, KILLED, ALWAYS),
		ROW(WALL_ASKER, read_another_process, KILLED, ALWAYS),
		ROW(WALL_ASKER, unshare_a_namespace, KILLED, ALWAYS),
	};

	check_attempts(enter, rows, MT_ARRAY_SIZE(rows));
}

static void
both_show_filter_and_no_new_privileges(void **state)
{
	for (int wall = WALL_TUNNEL; wall <= WALL_ASKER; wall++) {
		char value[64];
		int hold;
		pid_t pid = start_behind(enter, wall, &hold);

		read_status(pid, "Seccomp", value, sizeof(value));
		assert_string_equal(value, "2\n");
		read_status(pid, "NoNewPrivs", value, sizeof(value));
		assert_string_equal(value, "1\n");
		close(hold);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void
what_is_not_kept_is_closed(void **state)
{
	static const int kept[][3] = {{2, 7, 5}, {0, 1, 2}, {9, -1, 9}, {-1, -1, -1}};

	for (size_t i = 0; i < MT_ARRAY_SIZE(kept); i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			bool is_right = true;

			for (int fd = 0; fd < 10; fd++)
				if (dup2(ends[0], fd) < 0)
					_exit(1);
			if (mt_confined_close_others(kept[i], 3) < 0)
				_exit(2);
			for (int fd = 0; fd < 300; fd++)
				is_right &= is_open(fd) == (fd == kept[i][0] || fd == kept[i][1] ||
							    fd == kept[i][2]);
			_exit(is_right ? 0 : 3);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

/* What a tunnel says that an attacker has got the better of. */
static void
an_asker_that_is_told_nonsense_hangs_up(void **state)
{
	static const char nonsense[] = "l\1\0\1 this is no question";
	struct mt_watch watch = {.is_lost = true, .retry_usec = INT64_MAX};
	MT_CLEANUP(mt_client_freep) struct mt_client *client = NULL;
	struct mt_asker asker = {.watch = &watch, .id = "0123456789abcdef0123456789abcdef"};
	char byte;
	int channel;

	assert_int_equal(mt_client_new(MT_CLIENT_SOCKET, "/nowhere", &client), 0);
	asker.client = watch.client = client;
	assert_int_equal(mt_asker_start(&asker, &channel), 0);
	assert_int_equal(send(channel, nonsense, sizeof(nonsense), MSG_NOSIGNAL), sizeof(nonsense));
	assert_int_equal(recv(channel, &byte, 1, 0), 0);
	close(channel);
	assert_true(waitpid(-1, NULL, 0) > 0);
}

static int
make_ends(void **state)
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(outside_both_walls_the_attempts_work),
		cmocka_unit_test(the_tunnel_talks_over_what_is_open_and_opens_nothing),
		cmocka_unit_test(the_asker_finds_the_service_again_and_reaches_nothing_else),
		cmocka_unit_test(both_show_filter_and_no_new_privileges),
		cmocka_unit_test(what_is_not_kept_is_closed),
		cmocka_unit_test(an_asker_that_is_told_nonsense_hangs_up),
	};

	return cmocka_run_group_tests_name("confined", tests, make_ends, NULL);
}
