/* SPDX-License-Identifier: MIT */
/* What a sandboxed process can no longer do, each tried in a child of its own. */

#include "tests/cmocka-all.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/sandbox-keeper.h"
#include "daemon/worker/sandbox.h"
#include "tests/unit/attempts.h"

/* The walls: which sandbox a case is tried in. */
enum wall { WALL_NONE, WALL_CHAIN_CHILD, WALL_CHAIN, WALL_NET, WALL_SPAWNER, WALL_KEEPER };

static int
enter(int number)
{
	enum wall wall = (enum wall)number;
	static const enum mt_sandbox_role roles[] = {[WALL_CHAIN_CHILD] = MT_SANDBOX_CHAIN_CHILD,
						     [WALL_CHAIN] = MT_SANDBOX_CHAIN,
						     [WALL_NET] = MT_SANDBOX_NET};
	struct mt_sandbox_keeper_options keeper = {.n_writable = 1};
	struct mt_sandbox_options options;

	switch (wall) {
	case WALL_NONE:
		return 0;
	case WALL_SPAWNER:
		return mt_sandbox_enter_spawner();
	case WALL_KEEPER:
		keeper.writable[0] = getenv("MT_TEST_STATE");
		return mt_sandbox_keeper_enter(&keeper);
	case WALL_CHAIN_CHILD:
	case WALL_CHAIN:
	case WALL_NET:
		options = (struct mt_sandbox_options){.role = roles[wall]};
		return mt_sandbox_enter(&options);
	}
	return -EINVAL;
}

static void
outside_the_sandbox_the_attempts_work(void **state)
{
	static const struct attempt_row rows[] = {
		ROW(WALL_NONE, open_a_file, 0, ALWAYS),
		ROW(WALL_NONE, open_an_inet_socket, 0, ALWAYS),
		ROW(WALL_NONE, open_a_unix_socket, 0, ALWAYS),
		ROW(WALL_NONE, fork_a_child, 0, ALWAYS),
		ROW(WALL_NONE, map_code, 0, ALWAYS),
		ROW(WALL_NONE, signal_the_parent, 0, ALWAYS),
		ROW(WALL_NONE, become_dumpable, 0, ALWAYS),
	};

	check_attempts(enter, rows, MT_ARRAY_SIZE(rows));
}

static void
a_chain_child_computes_and_nothing_else(void **state)
{
	static const struct attempt_row rows[] = {
		ROW(WALL_CHAIN_CHILD, get_memory, 0, ALWAYS),
		ROW(WALL_CHAIN_CHILD, open_a_file, EPERM, ALWAYS),
		ROW(WALL_CHAIN_CHILD, create_a_file, EPERM, ALWAYS),
		ROW(WALL_CHAIN_CHILD, open_an_inet_socket, EPERM, ALWAYS),
		ROW(WALL_CHAIN_CHILD, open_a_unix_socket, EPERM, ALWAYS),
		ROW(WALL_CHAIN_CHILD, fork_a_child, EPERM, ALWAYS),
		ROW(WALL_CHAIN_CHILD, signal_the_parent, EPERM, ALWAYS),
		ROW(WALL_CHAIN_CHILD, become_root, EPERM, ALWAYS),
		ROW(WALL_CHAIN_CHILD, map_code, EPERM, UNLESS_INSTRUMENTED),
		ROW(WALL_CHAIN_CHILD, become_dumpable, EPERM, UNLESS_INSTRUMENTED),
		ROW(WALL_CHAIN_CHILD, execute, KILLED, ALWAYS),
		ROW(WALL_CHAIN_CHILD, trace, KILLED, ALWAYS),
		ROW(WALL_CHAIN_CHILD, read_another_process, KILLED, ALWAYS),
		ROW(WALL_CHAIN_CHILD, unshare_a_namespace, KILLED, ALWAYS),
	};

	check_attempts(enter, rows, MT_ARRAY_SIZE(rows));
}

static void
the_chain_worker_forks_but_has_no_network_and_no_files(void **state)
{
	static const struct attempt_row rows[] = {
		ROW(WALL_CHAIN, fork_a_child, 0, ALWAYS),
		ROW(WALL_CHAIN, open_a_file, EPERM, ALWAYS),
		ROW(WALL_CHAIN, open_an_inet_socket, EPERM, ALWAYS),
		ROW(WALL_CHAIN, open_an_inet6_datagram_socket, EPERM, ALWAYS),
		ROW(WALL_CHAIN, open_a_unix_socket, EPERM, ALWAYS),
		ROW(WALL_CHAIN, open_a_netlink_socket, EPERM, ALWAYS),
		ROW(WALL_CHAIN, become_root, EPERM, ALWAYS),
		ROW(WALL_CHAIN, map_code, EPERM, UNLESS_INSTRUMENTED),
		ROW(WALL_CHAIN, execute, KILLED, ALWAYS),
		ROW(WALL_CHAIN, trace, KILLED, ALWAYS),
		ROW(WALL_CHAIN, read_another_process, KILLED, ALWAYS),
		ROW(WALL_CHAIN, unshare_a_namespace, KILLED, ALWAYS),
	};

	check_attempts(enter, rows, MT_ARRAY_SIZE(rows));
}

static void
the_net_worker_has_internet_sockets_and_nothing_else(void **state)
{
	static const struct attempt_row rows[] = {
		ROW(WALL_NET, open_an_inet_socket, 0, ALWAYS),
		ROW(WALL_NET, open_an_inet6_datagram_socket, 0, ALWAYS),
		ROW(WALL_NET, open_a_raw_socket, EPERM, ALWAYS),
		ROW(WALL_NET, open_a_unix_socket, EPERM, ALWAYS),
		ROW(WALL_NET, open_a_netlink_socket, EPERM, ALWAYS),
		ROW(WALL_NET, open_a_packet_socket, EPERM, ALWAYS),
		ROW(WALL_NET, open_a_file, EPERM, ALWAYS),
		ROW(WALL_NET, create_a_file, EPERM, ALWAYS),
		ROW(WALL_NET, fork_a_child, EPERM, ALWAYS),
		ROW(WALL_NET, signal_the_parent, EPERM, ALWAYS),
		ROW(WALL_NET, become_root, EPERM, ALWAYS),
		ROW(WALL_NET, map_code, EPERM, UNLESS_INSTRUMENTED),
		ROW(WALL_NET, execute, KILLED, ALWAYS),
		ROW(WALL_NET, trace, KILLED, ALWAYS),
		ROW(WALL_NET, read_another_process, KILLED, ALWAYS),
	};

	check_attempts(enter, rows, MT_ARRAY_SIZE(rows));
}

static void
the_spawner_may_exec_but_not_trace(void **state)
{
	static const struct attempt_row rows[] = {
		ROW(WALL_SPAWNER, fork_a_child, 0, ALWAYS),
		ROW(WALL_SPAWNER, execute, 0, ALWAYS),
		ROW(WALL_SPAWNER, trace, KILLED, ALWAYS),
		ROW(WALL_SPAWNER, read_another_process, KILLED, ALWAYS),
		ROW(WALL_SPAWNER, unshare_a_namespace, KILLED, ALWAYS),
	};

	check_attempts(enter, rows, MT_ARRAY_SIZE(rows));
}

static int
write_state(void)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/record", getenv("MT_TEST_STATE"));
	return attempt_result(open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
}

static int
rename_state(void)
{
	char from[256], to[256];
	int r = write_state();

	if (r != 0)
		return r;
	snprintf(from, sizeof(from), "%s/record", getenv("MT_TEST_STATE"));
	snprintf(to, sizeof(to), "%s/record.new", getenv("MT_TEST_STATE"));
	return attempt_result(rename(from, to));
}

static void
the_keeper_writes_its_own_state_and_reaches_no_network(void **state)
{
	static const struct attempt_row rows[] = {
		ROW(WALL_KEEPER, write_state, 0, ALWAYS),
		ROW(WALL_KEEPER, rename_state, 0, ALWAYS),
		ROW(WALL_KEEPER, open_a_file, 0, ALWAYS), /* configuration is reread */
		ROW(WALL_KEEPER, open_a_unix_socket, 0, ALWAYS),
		ROW(WALL_KEEPER, fork_a_child, 0, ALWAYS),
		ROW(WALL_KEEPER, create_a_file, EACCES, NEEDS_LANDLOCK),
		ROW(WALL_KEEPER, open_an_inet_socket, EPERM, ALWAYS),
		ROW(WALL_KEEPER, open_an_inet6_datagram_socket, EPERM, ALWAYS),
		ROW(WALL_KEEPER, open_a_netlink_socket, EPERM, ALWAYS),
		ROW(WALL_KEEPER, map_code, EPERM, UNLESS_INSTRUMENTED),
		ROW(WALL_KEEPER, become_dumpable, EPERM, UNLESS_INSTRUMENTED),
		ROW(WALL_KEEPER, execute, KILLED, ALWAYS),
		ROW(WALL_KEEPER, trace, KILLED, ALWAYS),
		ROW(WALL_KEEPER, read_another_process, KILLED, ALWAYS),
	};

	check_attempts(enter, rows, MT_ARRAY_SIZE(rows));
}

static void
workers_and_keeper_show_filter_and_no_new_privileges(void **state)
{
	static const enum wall walls[] = {WALL_CHAIN_CHILD, WALL_CHAIN, WALL_NET, WALL_SPAWNER,
					  WALL_KEEPER};

	for (size_t i = 0; i < MT_ARRAY_SIZE(walls); i++) {
		char value[64];
		int hold;
		pid_t pid = start_behind(enter, walls[i], &hold);

		read_status(pid, "Seccomp", value, sizeof(value));
		assert_string_equal(value, "2\n");
		read_status(pid, "NoNewPrivs", value, sizeof(value));
		assert_string_equal(value, "1\n");
		close(hold);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
}

static void
a_worker_started_as_root_has_another_uid_and_no_groups(void **state)
{
	static const enum wall walls[] = {WALL_CHAIN, WALL_NET};
	const struct passwd *user = getpwnam(MT_SANDBOX_USER);
	char expected[64];

	if (geteuid() != 0)
		skip();
	if (!user)
		user = getpwnam("nobody");
	assert_non_null(user);
	snprintf(expected, sizeof(expected), "%u\t%u\t%u\t%u\n", user->pw_uid, user->pw_uid,
		 user->pw_uid, user->pw_uid);
	for (size_t i = 0; i < MT_ARRAY_SIZE(walls); i++) {
		char value[64];
		int hold;
		pid_t pid = start_behind(enter, walls[i], &hold);

		read_status(pid, "Uid", value, sizeof(value));
		assert_string_equal(value, expected);
		read_status(pid, "Groups", value, sizeof(value));
		assert_int_equal(strspn(value, " \n"), strlen(value));
		read_status(pid, "CapEff", value, sizeof(value));
		assert_string_equal(value, "0000000000000000\n");
		close(hold);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
}

static void
in_system_mode_a_missing_user_is_fatal(void **state)
{
	const struct mt_sandbox_options options = {.role = MT_SANDBOX_CHAIN, .require_user = true};
	int status;
	pid_t pid;

	if (geteuid() != 0 || getpwnam(MT_SANDBOX_USER))
		skip();
	pid = fork();
	if (pid == 0)
		_exit(mt_sandbox_enter(&options) == MT_SANDBOX_E_NO_USER ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int
is_dumpable(void)
{
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
}

static void
the_keeper_is_not_dumpable_and_leaves_no_core(void **state)
{
	char path[64];
	struct stat info;
	struct rlimit core;
	int hold;
	pid_t pid = start_behind(enter, WALL_KEEPER, &hold);

	assert_int_equal(prlimit(pid, RLIMIT_CORE, NULL, &core), 0);
	assert_int_equal(core.rlim_max, 0);
	/* proc(5): files of a process that is not dumpable belong to root */
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_uid, 0);
	close(hold);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(try_behind(enter, WALL_KEEPER, is_dumpable), 0);
}

static void
a_prebuilt_filter_tightens_a_child_of_the_chain_worker(void **state)
{
	struct sock_fprog *program = NULL;
	int status;
	pid_t pid;

	assert_int_equal(mt_sandbox_program_new(MT_SANDBOX_CHAIN_CHILD, &program), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) { /* the worker, whose child installs the second filter */
		pid_t child;

		if (enter(WALL_CHAIN) != 0)
			_exit(1);
		child = fork();
		if (child == 0) {
			if (kill(getpid(), 0) != 0) /* the parent may */
				_exit(2);
			if (mt_sandbox_program_install(program) != 0)
				_exit(3);
			_exit(kill(getpid(), 0) == 0 ? 4 : 0);
		}
		if (waitpid(child, &status, 0) != child)
			_exit(5);
		_exit(WEXITSTATUS(status));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	mt_sandbox_program_free(program);
}

static void
inherited_descriptors_are_closed(void **state)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int secret = open("/dev/null", O_RDONLY); /* not close-on-exec */
		int high = fcntl(secret, F_DUPFD, 200);

		if (secret < 0 || high < 0 || mt_sandbox_close_from(3) < 0)
			_exit(1);
		_exit(fcntl(high, F_GETFD) < 0 && fcntl(3, F_GETFD) < 0 &&
				      fcntl(STDERR_FILENO, F_GETFD) >= 0
			      ? 0
			      : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int
make_state(void **state)
{
	static char path[] = "/tmp/mt-state-XXXXXX";

	if (!mkdtemp(path))
		return -1;
	return setenv("MT_TEST_STATE", path, 1);
}

static int
remove_state(void **state)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/record", getenv("MT_TEST_STATE"));
	unlink(path);
	snprintf(path, sizeof(path), "%s/record.new", getenv("MT_TEST_STATE"));
	unlink(path);
	return rmdir(getenv("MT_TEST_STATE"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(outside_the_sandbox_the_attempts_work),
		cmocka_unit_test(a_chain_child_computes_and_nothing_else),
		cmocka_unit_test(the_chain_worker_forks_but_has_no_network_and_no_files),
		cmocka_unit_test(the_net_worker_has_internet_sockets_and_nothing_else),
		cmocka_unit_test(the_spawner_may_exec_but_not_trace),
		cmocka_unit_test(the_keeper_writes_its_own_state_and_reaches_no_network),
		cmocka_unit_test(workers_and_keeper_show_filter_and_no_new_privileges),
		cmocka_unit_test(a_worker_started_as_root_has_another_uid_and_no_groups),
		cmocka_unit_test(in_system_mode_a_missing_user_is_fatal),
		cmocka_unit_test(the_keeper_is_not_dumpable_and_leaves_no_core),
		cmocka_unit_test(a_prebuilt_filter_tightens_a_child_of_the_chain_worker),
		cmocka_unit_test(inherited_descriptors_are_closed),
	};

	return cmocka_run_group_tests_name("sandbox", tests, make_state, remove_state);
}
