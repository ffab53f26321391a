/* SPDX-License-Identifier: MIT */
/* One TCP connection, within a time. */

#include "clients/lib/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Return: the size of the address, or 0 where text is none. */
static socklen_t
parse_address(const char *text, uint16_t port, union address *ret)
{
	*ret = (union address){0};
	if (inet_pton(AF_INET, text, &ret->v4.sin_addr) == 1) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = htons(port);
		return sizeof(ret->v4);
	}
	if (inet_pton(AF_INET6, text, &ret->v6.sin6_addr) == 1) {
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = htons(port);
		return sizeof(ret->v6);
	}
	return 0;
}

/* Waits for the handshake of TCP. Return: 0, or negative errno. */
static int
wait_connected(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
	socklen_t size = sizeof(int);
	int n, error = 0;

	do
		n = poll(&poll_fd, 1, (int)(MT_DIAL_USEC / 1000));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return -ETIMEDOUT;
	if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return -errno;

	return -error;
}

/* What both ends of the connection are called. */
static int
fill_names(const union address *peer, struct mt_dialled *ret)
{
	const void *octets = peer->any.sa_family == AF_INET ? (const void *)&peer->v4.sin_addr
							    : &peer->v6.sin6_addr;
	union address local;
	socklen_t size = sizeof(local);

	if (getsockname(ret->fd, &local.any, &size) < 0 ||
	    !inet_ntop(peer->any.sa_family, octets, ret->peer, sizeof(ret->peer)))
		return -errno;

	ret->local_port =
		ntohs(local.any.sa_family == AF_INET ? local.v4.sin_port : local.v6.sin6_port);
	return 0;
}

static int
dial_one(const char *text, uint16_t port, struct mt_dialled *ret)
{
	union address address;
	socklen_t size = parse_address(text, port, &address);
	int one = 1, r;

	if (size == 0)
		return -EINVAL;

	ret->fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (ret->fd < 0)
		return -errno;

	/* commands are short and wait for answers; a failure costs time, nothing else */
	(void)setsockopt(ret->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	r = connect(ret->fd, &address.any, size) < 0 ? -errno : 0;
	if (r == -EINPROGRESS)
		r = wait_connected(ret->fd);
	if (r == 0)
		r = fill_names(&address, ret);
	if (r < 0)
		close(ret->fd);

	return r;
}

int
mt_dial(const char *const *addresses, size_t n, uint16_t port, struct mt_diag *diag,
	struct mt_dialled *ret)
{
	if (n == 0)
		mt_diag_set(diag, SIZE_MAX, "the server's name has no address");

	for (size_t i = 0; i < n; i++) {
		struct mt_dialled dialled = {0};
		int r = dial_one(addresses[i], port, &dialled);

		if (r == 0) {
			*ret = dialled;
			return 0;
		}
		mt_diag_set(diag, SIZE_MAX, "%s port %u: %s", addresses[i], (unsigned int)port,
			    strerror(-r));
	}
	return MT_DIAL_E_UNREACHABLE;
}
