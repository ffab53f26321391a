/* SPDX-License-Identifier: MIT */
/* The spawner: one control socket, two sentences, one child per worker. */

#include "daemon/worker/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/worker/sandbox.h"
#include "ipc/confine.h"
#include "policy/limits.h"

#define PROGRAM "mailtrust-worker"
#ifndef MT_LIBEXECDIR
#define MT_LIBEXECDIR "/usr/libexec/mailtrust"
#endif

/* Where the worker finds its socket. */
#define WORKER_FD 3
/* A chain and a net worker, and a successor of each while the old ones drain; then some that are
 * still dying. */
#define WORKERS_MAX 8
#define ARGS_MAX (8 + 6 * MT_SPAWNER_DNS_MAX)

/* Control messages; both ends are one build, but not one process, so they are checked. */
struct control {
	uint8_t event; /* enum ask from the keeper, enum mt_spawner_event to it */
	uint8_t role;
	int32_t pid;
	int32_t status;
};

enum ask { ASK_SPAWN = 0, ASK_KILL = 128 };

struct worker {
	pid_t pid;
	enum mt_worker_role role;
};

struct spawner {
	int control_fd;
	const struct mt_spawner_options *options;
	const char *executable;
	struct worker workers[WORKERS_MAX]; /* pid 0: free */
};

static const char *const role_names[MT_WORKER_ROLE_COUNT] = {
	[MT_WORKER_CHAIN] = "chain",
	[MT_WORKER_NET] = "net",
};

const char *
mt_worker_role_to_string(enum mt_worker_role role)
{
	return role_names[role];
}

int
mt_worker_role_from_string(const char *string, enum mt_worker_role *ret)
{
	for (unsigned i = 0; i < MT_WORKER_ROLE_COUNT; i++)
		if (strcmp(string, role_names[i]) == 0) {
			*ret = i;
			return 0;
		}
	return 1;
}

/* Sends a control message, and fd with it unless -1. */
static int
control_send(int control_fd, const struct control *message, int fd)
{
	struct control copy = *message;
	struct iovec iov = {.iov_base = &copy, .iov_len = sizeof(copy)};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} ancillary = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		struct cmsghdr *cmsg;

		msg.msg_control = &ancillary;
		msg.msg_controllen = sizeof(ancillary);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	return sendmsg(control_fd, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* The descriptor in a received message, or -1. More than one cannot fit. */
static int
received_fd(struct msghdr *msg)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	int fd;

	if (!cmsg || cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS ||
	    cmsg->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -1;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

/* Return: 0, negative errno, or MT_SPAWNER_E_GONE at the end or for anything not ours. */
static int
control_receive(int control_fd, struct control *ret, int *ret_fd)
{
	struct iovec iov = {.iov_base = ret, .iov_len = sizeof(*ret)};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} ancillary = {0};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &ancillary,
			     .msg_controllen = sizeof(ancillary)};
	ssize_t n = recvmsg(control_fd, &msg, MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == ECONNRESET ? MT_SPAWNER_E_GONE : -errno;

	*ret_fd = received_fd(&msg);
	if (n != sizeof(*ret) || ret->role >= MT_WORKER_ROLE_COUNT) {
		if (*ret_fd >= 0)
			close(*ret_fd);
		*ret_fd = -1;
		return MT_SPAWNER_E_GONE;
	}
	return 0;
}

/* The worker's command line; argv borrows from options. */
static void
build_argv(const struct spawner *spawner, enum mt_worker_role role, const char *argv[ARGS_MAX])
{
	const struct mt_spawner_options *options = spawner->options;
	size_t n = 0;

	argv[n++] = PROGRAM;
	argv[n++] = mt_worker_role_to_string(role);
	if (options->require_user)
		argv[n++] = "--require-user";
	if (options->trust_anchors) {
		argv[n++] = "--trust-anchors";
		argv[n++] = options->trust_anchors;
	}
	for (size_t i = 0; i < options->n_dns_forward; i++) {
		argv[n++] = "--dns-forward";
		argv[n++] = options->dns_forward[i];
	}
	for (size_t i = 0; i < options->n_dns_anchor; i++) {
		argv[n++] = "--dns-anchor";
		argv[n++] = options->dns_anchor[i];
	}
	for (size_t i = 0; i < options->n_dns_negative_anchor; i++) {
		argv[n++] = "--dns-negative-anchor";
		argv[n++] = options->dns_negative_anchor[i];
	}
	argv[n] = NULL;
}

/* In the forked child. The environment is empty: SSL_CERT_FILE and its like must not choose the
 * trust store. */
static _Noreturn void
exec_worker(const struct spawner *spawner, enum mt_worker_role role, int fd)
{
	static char *no_environment[] = {NULL};
	const char *argv[ARGS_MAX];
	sigset_t none;

	build_argv(spawner, role, argv);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (fd == WORKER_FD) {
		if (fcntl(fd, F_SETFD, 0) < 0)
			_exit(126);
	} else if (dup2(fd, WORKER_FD) < 0) {
		_exit(126);
	}
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		_exit(126);

	execve(spawner->executable, (char *const *)(uintptr_t)argv,
	       MT_CONFINE_INSTRUMENTED ? environ : no_environment);
	fprintf(stderr, "mailtrust: %s: %s\n", spawner->executable, strerror(errno));
	_exit(127);
}

static int
start_worker(struct spawner *spawner, struct worker *slot, enum mt_worker_role role, int *ret_fd)
{
	static const int buffer = 4 * MT_WIRE_MESSAGE_MAX;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	/* More room, where the kernel grants it; one message always fits. */
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));

	pid = fork();
	if (pid < 0) {
		int r = -errno;

		close(pair[0]);
		close(pair[1]);
		return r;
	}
	if (pid == 0)
		exec_worker(spawner, role, pair[1]);

	close(pair[1]);
	*slot = (struct worker){.pid = pid, .role = role};
	*ret_fd = pair[0];
	return 0;
}

static struct worker *
find_worker(struct spawner *spawner, pid_t pid)
{
	for (size_t i = 0; i < WORKERS_MAX; i++)
		if (spawner->workers[i].pid == pid)
			return &spawner->workers[i];
	return NULL;
}

static bool
spawn_and_report(struct spawner *spawner, enum mt_worker_role role)
{
	struct worker *slot = find_worker(spawner, 0);
	struct control message = {.role = (uint8_t)role};
	int fd = -1;
	int r = slot ? start_worker(spawner, slot, role, &fd) : -EAGAIN;

	message.event = r == 0 ? MT_SPAWNER_SPAWNED : MT_SPAWNER_REFUSED;
	message.pid = r == 0 ? slot->pid : 0;
	message.status = -r;
	r = control_send(spawner->control_fd, &message, fd);
	if (fd >= 0)
		close(fd);
	return r == 0;
}

/* Return: false when the keeper is gone. */
static bool
serve_request(struct spawner *spawner)
{
	struct control message = {0};
	int fd = -1;
	int r;

	r = control_receive(spawner->control_fd, &message, &fd);
	if (fd >= 0) /* nobody sends us one */
		close(fd);
	if (r == -EAGAIN || r == -EINTR)
		return true;
	if (r != 0)
		return false;

	if (message.event == ASK_SPAWN)
		return spawn_and_report(spawner, message.role);
	/* Only its own children: a pid from a message is nothing to kill by. */
	if (message.event == ASK_KILL && message.pid > 0 && find_worker(spawner, message.pid))
		kill(message.pid, SIGKILL);
	return true;
}

static bool
report_exits(struct spawner *spawner)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct worker *worker = find_worker(spawner, pid);
		struct control message = {.event = MT_SPAWNER_EXITED, .pid = pid};

		if (!worker)
			continue;
		message.role = (uint8_t)worker->role;
		message.status = status;
		*worker = (struct worker){0};
		if (control_send(spawner->control_fd, &message, -1) < 0)
			return false;
	}
	return true;
}

/* A keeper that is gone takes its workers with it, by their ids: PR_SET_PDEATHSIG alone leaves a
 * gap between fork() and prctl(). */
static void
kill_workers(struct spawner *spawner)
{
	for (size_t i = 0; i < WORKERS_MAX; i++)
		if (spawner->workers[i].pid > 0)
			kill(spawner->workers[i].pid, SIGKILL);
}

static int
watch_children(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Beside the running program (build tree, demo), else where it was installed. */
static int
find_executable(char path[static PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;
	int size;

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash)
			*slash = '\0';
		size = snprintf(path, PATH_MAX, "%s/" PROGRAM, self);
		if (size > 0 && size < PATH_MAX && access(path, X_OK) == 0)
			return 0;
	}
	snprintf(path, PATH_MAX, "%s", MT_LIBEXECDIR "/" PROGRAM);
	return access(path, X_OK) < 0 ? -errno : 0;
}

int
mt_spawner_run(int control_fd, const struct mt_spawner_options *options)
{
	char path[PATH_MAX];
	struct spawner spawner = {.control_fd = control_fd, .options = options};
	struct pollfd fds[] = {{.fd = control_fd, .events = POLLIN},
			       {.fd = watch_children(), .events = POLLIN}};
	bool alive = true;

	spawner.executable = options->executable;
	if (!spawner.executable) {
		if (find_executable(path) < 0)
			return 1;
		spawner.executable = path;
	}
	if (fds[1].fd < 0 || mt_sandbox_enter_spawner() < 0)
		return 1;

	while (alive) {
		struct signalfd_siginfo info;

		if (poll(fds, MT_ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents && read(fds[1].fd, &info, sizeof(info)) > 0)
			alive = report_exits(&spawner);
		if (alive && fds[0].revents)
			alive = serve_request(&spawner);
	}
	kill_workers(&spawner);
	return 0;
}

/* In the forked child: nothing of the keeper's stays but the control socket. */
static _Noreturn void
become_spawner(int control_fd, const struct mt_spawner_options *options)
{
	/* A Ctrl-C at the terminal is for the keeper, which tells us by closing the socket. */
	(void)setsid();
	(void)prctl(PR_SET_NAME, "mt-spawner", 0, 0, 0);
	if (control_fd != WORKER_FD && dup3(control_fd, WORKER_FD, O_CLOEXEC) < 0)
		_exit(1);
	if (mt_sandbox_close_from(WORKER_FD + 1) < 0)
		_exit(1);
	_exit(mt_spawner_run(WORKER_FD, options));
}

int
mt_spawner_start(const struct mt_spawner_options *options, int *ret_control_fd, pid_t *ret_pid)
{
	int pair[2];
	pid_t pid;

	if (options->n_dns_forward > MT_SPAWNER_DNS_MAX ||
	    options->n_dns_anchor > MT_SPAWNER_DNS_MAX ||
	    options->n_dns_negative_anchor > MT_SPAWNER_DNS_MAX)
		return -E2BIG;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;

	pid = fork();
	if (pid < 0) {
		int r = -errno;

		close(pair[0]);
		close(pair[1]);
		return r;
	}
	if (pid == 0)
		become_spawner(pair[1], options);

	close(pair[1]);
	*ret_control_fd = pair[0];
	*ret_pid = pid;
	return 0;
}

int
mt_spawner_ask(int control_fd, enum mt_worker_role role)
{
	const struct control message = {.event = ASK_SPAWN, .role = (uint8_t)role};

	return control_send(control_fd, &message, -1);
}

void
mt_spawner_kill(int control_fd, pid_t pid)
{
	const struct control message = {.event = ASK_KILL, .pid = pid};

	(void)control_send(control_fd, &message, -1);
}

int
mt_spawner_read(int control_fd, struct mt_spawner_report *ret)
{
	struct control message = {0};
	int fd = -1;
	int r;

	r = control_receive(control_fd, &message, &fd);
	if (r != 0)
		return r;
	if ((message.event == MT_SPAWNER_SPAWNED) != (fd >= 0) ||
	    message.event < MT_SPAWNER_SPAWNED || message.event > MT_SPAWNER_EXITED) {
		if (fd >= 0)
			close(fd);
		return MT_SPAWNER_E_GONE;
	}

	*ret = (struct mt_spawner_report){.event = message.event,
					  .role = message.role,
					  .pid = message.pid,
					  .status = message.status,
					  .fd = fd};
	return 0;
}
