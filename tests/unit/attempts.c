/* SPDX-License-Identifier: MIT */
/* Attempts to get out. */

#include "tests/unit/attempts.h"

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

int
attempt_result(long r)
{
	return r < 0 ? errno : 0;
}

int
open_a_file(void)
{
	return attempt_result(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

int
create_a_file(void)
{
	return attempt_result(open("/tmp/mt-sandbox-escape", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

int
open_an_inet_socket(void)
{
	return attempt_result(socket(AF_INET, SOCK_STREAM, 0));
}

int
open_an_inet6_datagram_socket(void)
{
	return attempt_result(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

int
open_a_raw_socket(void)
{
	return attempt_result(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
}

int
open_a_unix_socket(void)
{
	return attempt_result(socket(AF_UNIX, SOCK_STREAM, 0));
}

int
open_a_netlink_socket(void)
{
	return attempt_result(socket(AF_NETLINK, SOCK_RAW, 0));
}

int
open_a_packet_socket(void)
{
	return attempt_result(socket(AF_PACKET, SOCK_RAW, 0));
}

int
execute(void)
{
	static char *arguments[] = {NULL};

	return attempt_result(execve("/bin/true", arguments, arguments));
}

int
trace(void)
{
	return attempt_result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

int
read_another_process(void)
{
	char byte;
	struct iovec here = {&byte, 1};

	return attempt_result(process_vm_readv(getppid(), &here, 1, &here, 1, 0));
}

int
unshare_a_namespace(void)
{
	return attempt_result(unshare(CLONE_NEWUSER));
}

int
fork_a_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return attempt_result(pid);
}

int
signal_the_parent(void)
{
	return attempt_result(kill(getppid(), 0));
}

int
map_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			       MAP_FAILED
		       ? errno
		       : 0;
}

int
become_root(void)
{
	return attempt_result(setresuid(0, 0, 0));
}

int
become_dumpable(void)
{
	return attempt_result(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

int
get_memory(void)
{
	void *p = malloc(4 * 1024 * 1024);

	if (!p)
		return errno;
	memset(p, 1, 4 * 1024 * 1024);
	free(p);
	return 0;
}

int
try_behind(enter_fn enter, int wall, attempt_fn attempt)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (enter(wall) != 0)
			_exit(255);
		_exit(attempt());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGSYS);
		return KILLED;
	}
	return WEXITSTATUS(status) == 255 ? NOT_ENTERED : WEXITSTATUS(status);
}

static bool
have_landlock(void)
{
	return syscall(444 /* landlock_create_ruleset */, NULL, 0, 1) >= 1;
}

void
check_attempts(enter_fn enter, const struct attempt_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int got;

		if (rows[i].unless == UNLESS_INSTRUMENTED && MT_CONFINE_INSTRUMENTED)
			continue;
		if (rows[i].unless == NEEDS_LANDLOCK && !have_landlock())
			continue;
		got = try_behind(enter, rows[i].wall, rows[i].attempt);
		/* Behind the instrumented filter Landlock refuses what seccomp let pass. */
		if (rows[i].expected == EPERM && got == EACCES)
			got = EPERM;
		if (got != rows[i].expected)
			fail_msg("%s: %d, not %d", rows[i].name, got, rows[i].expected);
	}
}

void
read_status(pid_t pid, const char *field, char *value, size_t size)
{
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "r");
	assert_non_null(file);
	value[0] = '\0';
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, field, strlen(field)) == 0 && line[strlen(field)] == ':')
			snprintf(value, size, "%s", line + strlen(field) + 2);
	fclose(file);
}

pid_t
start_behind(enter_fn enter, int wall, int *ret_hold)
{
	int entered[2], hold[2];
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe2(entered, O_CLOEXEC), 0);
	assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(hold[1]);
		byte = enter(wall) == 0;
		(void)!write(entered[1], &byte, 1);
		(void)!read(hold[0], &byte, 1);
		_exit(0);
	}
	close(entered[1]);
	close(hold[0]);
	assert_int_equal(read(entered[0], &byte, 1), 1);
	assert_int_equal(byte, 1);
	close(entered[0]);
	*ret_hold = hold[1];
	return pid;
}
