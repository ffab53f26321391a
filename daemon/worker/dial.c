/* SPDX-License-Identifier: MIT */
/* Non-blocking connects to the addresses of a host, in turn. */

#include "daemon/worker/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "policy/domain.h"

/* An address gets at least this long: a handshake across the world with one lost packet. */
#define ATTEMPT_MIN_USEC (2 * MT_USEC_PER_SEC)

struct mt_dial {
	struct event_base *base;
	struct mt_probe_request request;
	struct mt_dns_lookup *lookup;
	size_t next;         /* address to try */
	int fd;              /* being connected, or -1 */
	struct event *step;  /* begin, next address, or this one's time is up */
	struct event *ready; /* of fd */
	int64_t deadline_usec;
	bool timed_out; /* an address was given up for time */
	mt_dial_fn callback;
	void *userdata;
};

static int64_t
now_usec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * MT_USEC_PER_SEC + ts.tv_nsec / 1000;
}

static void
close_attempt(struct mt_dial *dial)
{
	if (dial->ready)
		event_free(dial->ready);
	dial->ready = NULL;
	if (dial->fd >= 0)
		close(dial->fd);
	dial->fd = -1;
}

static struct mt_dial *
free_dial(struct mt_dial *dial)
{
	close_attempt(dial);
	mt_dns_cancel(dial->lookup);
	if (dial->step)
		event_free(dial->step);
	free(dial);
	return NULL;
}

static void
finish(struct mt_dial *dial, const struct mt_dialled *dialled)
{
	mt_dial_fn callback = dial->callback;
	void *userdata = dial->userdata;

	free_dial(dial);
	callback(dialled, userdata);
}

static void
fail(struct mt_dial *dial, enum mt_probe_state state)
{
	finish(dial, &(struct mt_dialled){.state = state, .fd = -1});
}

/* Return: size of the address, 0 where the text is no literal (which the codec has excluded). */
static socklen_t
to_sockaddr(const char *text, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

	*ret = (struct sockaddr_storage){0};
	if (inet_pton(AF_INET, text, &in4->sin_addr) == 1) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons(port);
		return sizeof(*in4);
	}
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		return sizeof(*in6);
	}
	return 0;
}

static uint16_t
local_port(int fd)
{
	struct sockaddr_storage local = {0};
	socklen_t size = sizeof(local);

	if (getsockname(fd, (struct sockaddr *)&local, &size) < 0)
		return 0;
	if (local.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&local)->sin_port);
	return ntohs(((struct sockaddr_in6 *)&local)->sin6_port);
}

/* An even share of what is left for each address that is left, but never too little. */
static struct timeval
attempt_time(const struct mt_dial *dial, int64_t left)
{
	int64_t share = left / (int64_t)(dial->request.n_addresses - dial->next + 1);

	if (share < ATTEMPT_MIN_USEC)
		share = ATTEMPT_MIN_USEC;
	if (share > left)
		share = left;
	return (struct timeval){.tv_sec = share / MT_USEC_PER_SEC,
				.tv_usec = share % MT_USEC_PER_SEC};
}

static void
next_soon(struct mt_dial *dial)
{
	static const struct timeval now = {0};

	close_attempt(dial);
	evtimer_add(dial->step, &now);
}

static void
on_ready(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_dial *dial = userdata;
	struct mt_dialled dialled = {.state = MT_PROBE_DONE, .fd = fd};
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error != 0) {
		next_soon(dial);
		return;
	}
	memcpy(dialled.peer, dial->request.address[dial->next - 1], sizeof(dialled.peer));
	dialled.local_port = local_port(fd);
	dial->fd = -1; /* the callback's */
	finish(dial, &dialled);
}

/* Starts a connect to the next address. Return: false where it failed at once. */
static bool
attempt(struct mt_dial *dial, int64_t left)
{
	const char *address = dial->request.address[dial->next++];
	struct sockaddr_storage remote;
	const socklen_t size = to_sockaddr(address, dial->request.port, &remote);
	const struct timeval limit = attempt_time(dial, left);

	if (size == 0)
		return false;
	dial->fd = socket(remote.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (dial->fd < 0)
		return false;
	if (connect(dial->fd, (struct sockaddr *)&remote, size) < 0 && errno != EINPROGRESS)
		return false;
	dial->ready = event_new(dial->base, dial->fd, EV_WRITE, on_ready, dial);
	return dial->ready && event_add(dial->ready, NULL) == 0 &&
	       evtimer_add(dial->step, &limit) == 0;
}

static void
on_step(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_dial *dial = userdata;
	int64_t left = dial->deadline_usec - now_usec();

	if (dial->fd >= 0)
		dial->timed_out = true;
	close_attempt(dial);
	if (left <= 0)
		fail(dial, MT_PROBE_TIMEOUT);
	else if (dial->next >= dial->request.n_addresses)
		fail(dial, dial->timed_out ? MT_PROBE_TIMEOUT : MT_PROBE_UNREACHABLE);
	else if (!attempt(dial, left))
		next_soon(dial);
}

static void
on_addresses(const struct mt_addresses *addresses, void *userdata)
{
	struct mt_dial *dial = userdata;

	dial->lookup = NULL;
	if (addresses->state != MT_ADDRESSES_FOUND) {
		fail(dial, MT_PROBE_UNRESOLVED);
		return;
	}
	dial->request.n_addresses = addresses->n;
	memcpy(dial->request.address, addresses->address, sizeof(addresses->address));
	next_soon(dial);
}

int
mt_dial_start(struct event_base *base, struct mt_dns *dns, const struct mt_probe_request *request,
	      mt_dial_fn callback, void *userdata, struct mt_dial **ret)
{
	struct mt_dial *dial = calloc(1, sizeof(*dial));
	int64_t limit_usec = (int64_t)request->deadline_msec * 1000;

	if (!dial)
		return -ENOMEM;
	if (limit_usec > MT_DIALOGUE_USEC)
		limit_usec = MT_DIALOGUE_USEC;
	dial->base = base;
	dial->request = *request;
	dial->fd = -1;
	dial->deadline_usec = now_usec() + limit_usec;
	dial->callback = callback;
	dial->userdata = userdata;
	dial->step = evtimer_new(base, on_step, dial);
	if (!dial->step)
		goto fail;
	if (request->n_addresses > 0)
		next_soon(dial);
	else if (mt_dns_start(dns, request->host, on_addresses, dial, &dial->lookup) < 0)
		goto fail;
	*ret = dial;
	return 0;

fail:
	free_dial(dial);
	return -ENOMEM;
}

struct mt_dial *
mt_dial_cancel(struct mt_dial *dial)
{
	return dial ? free_dial(dial) : NULL;
}
