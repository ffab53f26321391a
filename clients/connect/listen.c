/* SPDX-License-Identifier: MIT */
/* The listener: accepts, checks whose it is, hands over. */

#include "clients/connect/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clients/connect/peer.h"

struct listener {
	int fd, signals;
	const char *path; /* of a unix socket, to be removed; NULL: none */
	char *const *argv;
	sigset_t before;
	size_t n_tunnels;
};

/* -- places ------------------------------------------------------------------------------------ */

/* A socket nobody listens at is left over from before. */
static bool
is_left_over(const struct sockaddr_un *address)
{
	struct stat status;
	int fd, r;

	if (lstat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode) ||
	    status.st_uid != getuid())
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	r = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	(void)close(fd);
	return r != 0 && errno == ECONNREFUSED;
}

/* Return: the socket, or negative errno. */
static int
open_unix(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	mode_t before;
	int fd, r;

	if (!*path || strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	if (is_left_over(&address))
		(void)unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	before = umask(0177); /* 0600 from the first moment on */
	r = bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : -errno;
	(void)umask(before);
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

/* "127.0.0.1:1143", "[::1]:1143". Return: false where it is not on loopback. */
static bool
parse_loopback(const char *text, struct sockaddr_storage *ret, socklen_t *ret_size)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	char host[64], *end;
	const char *colon = strrchr(text, ':');
	unsigned long port;

	if (!colon || (size_t)(colon - text) >= sizeof(host) || !colon[1])
		return false;
	(void)snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	port = strtoul(colon + 1, &end, 10);
	if (*end || port > UINT16_MAX)
		return false;
	v4.sin_port = v6.sin6_port = htons((uint16_t)port);
	v6.sin6_addr = in6addr_loopback;
	memset(ret, 0, sizeof(*ret));
	if (strcmp(host, "[::1]") == 0) {
		memcpy(ret, &v6, *ret_size = sizeof(v6));
		return true;
	}
	if (inet_pton(AF_INET, host, &v4.sin_addr) != 1 || ntohl(v4.sin_addr.s_addr) >> 24 != 127)
		return false;
	memcpy(ret, &v4, *ret_size = sizeof(v4));
	return true;
}

static int
open_tcp(const struct sockaddr_storage *address, socklen_t size)
{
	int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1, r;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)address, size) == 0)
		return fd;
	r = -errno;
	(void)close(fd);
	return r;
}

static enum mt_exit
open_place(const char *where, struct listener *ret)
{
	struct sockaddr_storage address;
	socklen_t size;

	if (strncmp(where, "unix:", 5) == 0) {
		ret->path = where + 5;
		ret->fd = open_unix(ret->path);
	} else if (strncmp(where, "tcp:", 4) == 0 && parse_loopback(where + 4, &address, &size)) {
		ret->fd = open_tcp(&address, size);
	} else {
		(void)fprintf(stderr,
			      "mailtrust connect: --listen takes unix:PATH, or tcp:127.0.0.1:PORT "
			      "on loopback\n");
		return MT_EXIT_USAGE;
	}
	if (ret->fd >= 0 && listen(ret->fd, MT_LISTEN_TUNNELS_MAX) == 0)
		return MT_EXIT_OK;
	(void)fprintf(stderr, "mailtrust connect: %s: %s\n", where,
		      strerror(ret->fd < 0 ? -ret->fd : errno));
	return MT_EXIT_TEMPORARY;
}

/* -- tunnels ----------------------------------------------------------------------------------- */

/* This program again: what its file is allowed (setgid), each tunnel is allowed anew. */
static _Noreturn void
become_tunnel(const struct listener *listener, int connection)
{
	(void)sigprocmask(SIG_SETMASK, &listener->before, NULL);
	if (dup2(connection, STDIN_FILENO) >= 0 && dup2(connection, STDOUT_FILENO) >= 0)
		(void)execv("/proc/self/exe", listener->argv);
	_exit(MT_EXIT_INTERNAL);
}

static void
hand_over(struct listener *listener, int connection)
{
	pid_t pid;

	if (listener->n_tunnels >= MT_LISTEN_TUNNELS_MAX || !mt_peer_is(connection, getuid()))
		return;
	pid = fork();
	if (pid == 0)
		become_tunnel(listener, connection);
	if (pid > 0)
		listener->n_tunnels++;
}

static void
accept_one(struct listener *listener)
{
	int connection = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);

	if (connection < 0)
		return;
	hand_over(listener, connection);
	(void)close(connection);
}

/* Return: false where it is time to end. */
static bool
take_signal(struct listener *listener)
{
	struct signalfd_siginfo info;

	if (read(listener->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return true;
	while (listener->n_tunnels > 0 && waitpid(-1, NULL, WNOHANG) > 0)
		listener->n_tunnels--;
	return info.ssi_signo == SIGCHLD;
}

/* nohup(1), and shells for what runs in the background, have some ignored: so it stays, although
 * ignored signals are not lost where they are blocked. */
static void
add_ending(sigset_t *wanted, int number)
{
	struct sigaction action;

	if (sigaction(number, NULL, &action) != 0 || action.sa_handler != SIG_IGN)
		(void)sigaddset(wanted, number);
}

static bool
watch_signals(struct listener *listener)
{
	sigset_t wanted;

	(void)sigemptyset(&wanted);
	(void)sigaddset(&wanted, SIGCHLD);
	add_ending(&wanted, SIGTERM);
	add_ending(&wanted, SIGINT);
	add_ending(&wanted, SIGHUP);
	listener->signals = -1;
	/* whose children are not waited for is not told when they end */
	if (signal(SIGCHLD, SIG_DFL) == SIG_ERR)
		return false;
	if (sigprocmask(SIG_BLOCK, &wanted, &listener->before) == 0)
		listener->signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
	return listener->signals >= 0;
}

static void
serve(struct listener *listener)
{
	struct pollfd ends[] = {{.fd = listener->fd, .events = POLLIN},
				{.fd = listener->signals, .events = POLLIN}};

	for (;;) {
		if (poll(ends, MT_ARRAY_SIZE(ends), -1) < 0 && errno != EINTR)
			return;
		if ((ends[1].revents & POLLIN) && !take_signal(listener))
			return;
		if (ends[0].revents & POLLIN)
			accept_one(listener);
	}
}

/* Where it listens, with the port the kernel chose where none was. */
static void
announce(const struct listener *listener, const char *where)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	uint16_t port;

	if (listener->path || getsockname(listener->fd, (struct sockaddr *)&address, &size) != 0) {
		(void)printf("listening at %s\n", where);
	} else {
		/* in both families the port stands at the same place */
		memcpy(&port, (const char *)&address + offsetof(struct sockaddr_in, sin_port),
		       sizeof(port));
		(void)printf("listening at %.*s:%u\n", (int)(strrchr(where, ':') - where), where,
			     (unsigned int)ntohs(port));
	}
	(void)fflush(stdout);
}

enum mt_exit
mt_listen_run(const char *where, char *const *argv)
{
	struct listener listener = {.fd = -1, .argv = argv};
	enum mt_exit status;

	if (!watch_signals(&listener))
		return MT_EXIT_INTERNAL;
	status = open_place(where, &listener);
	if (status == MT_EXIT_OK) {
		announce(&listener, where);
		serve(&listener);
		if (listener.path)
			(void)unlink(listener.path);
	}
	if (listener.fd >= 0)
		(void)close(listener.fd);
	(void)close(listener.signals);
	return status;
}
