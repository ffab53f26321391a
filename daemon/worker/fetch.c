/* SPDX-License-Identifier: MIT */
/* A GET over a dialled socket. */

#include "daemon/worker/fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "daemon/worker/address.h"
#include "daemon/worker/dial.h"
#include "daemon/worker/http.h"

#define CHUNK_SIZE 16384

struct mt_fetch {
	struct event_base *base;
	struct mt_dns *dns;
	struct mt_fetch_order order; /* the one being followed */
	bool may_be_local;
	unsigned int n_redirects;
	int64_t deadline_usec; /* monotonic */
	struct event *step;    /* begin with order */
	struct event *deadline;
	struct mt_dns_lookup *lookup;
	struct mt_dial *dial;
	struct event *readable, *writable;
	int fd;
	char out[MT_HTTP_REQUEST_SIZE];
	size_t out_size, out_sent;
	struct mt_http *http;
	mt_fetch_fn callback;
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
free_event(struct event **event)
{
	if (*event)
		event_free(*event);
	*event = NULL;
}

/* Ends the exchange with one server. */
static void
hang_up(struct mt_fetch *fetch)
{
	fetch->lookup = mt_dns_cancel(fetch->lookup);
	fetch->dial = mt_dial_cancel(fetch->dial);
	free_event(&fetch->readable);
	free_event(&fetch->writable);
	if (fetch->fd >= 0)
		(void)close(fetch->fd);
	fetch->fd = -1;
	fetch->http = mt_http_free(fetch->http);
}

struct mt_fetch *
mt_fetch_cancel(struct mt_fetch *fetch)
{
	if (!fetch)
		return NULL;
	hang_up(fetch);
	free_event(&fetch->step);
	free_event(&fetch->deadline);
	free(fetch);
	return NULL;
}

static void
finish(struct mt_fetch *fetch, enum mt_fetch_state state)
{
	struct mt_fetched fetched = {.state = state};

	if (state == MT_FETCH_DONE)
		fetched.bytes = mt_http_body(fetch->http);
	fetch->callback(&fetched, fetch->userdata);
	mt_fetch_cancel(fetch);
}

/* Asks the order's host, in the next round of the loop. */
static void
begin(struct mt_fetch *fetch)
{
	static const struct timeval now = {0};

	(void)evtimer_add(fetch->step, &now);
}

static void
redirect(struct mt_fetch *fetch)
{
	const struct mt_fetch_order to = *mt_http_location(fetch->http);

	if (++fetch->n_redirects > MT_FETCH_REDIRECTS_MAX) {
		finish(fetch, MT_FETCH_PROTOCOL);
		return;
	}
	hang_up(fetch);
	fetch->order = to;
	begin(fetch);
}

static void
go_on(struct mt_fetch *fetch, enum mt_http_state state)
{
	switch (state) {
	case MT_HTTP_MORE:
		break;
	case MT_HTTP_REDIRECTED:
		redirect(fetch);
		break;
	case MT_HTTP_DONE:
		finish(fetch, MT_FETCH_DONE);
		break;
	case MT_HTTP_FAILED:
		finish(fetch, MT_FETCH_PROTOCOL);
		break;
	}
}

static void
on_readable(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_fetch *fetch = userdata;
	uint8_t buffer[CHUNK_SIZE];
	ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	go_on(fetch,
	      n > 0 ? mt_http_feed(fetch->http, buffer, (size_t)n) : mt_http_end(fetch->http));
}

static void
on_writable(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_fetch *fetch = userdata;
	ssize_t n = send(fd, fetch->out + fetch->out_sent, fetch->out_size - fetch->out_sent,
			 MSG_NOSIGNAL);

	if (n > 0)
		fetch->out_sent += (size_t)n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		return; /* a peer that is gone is noticed by reading */
	if (fetch->out_sent < fetch->out_size && event_add(fetch->writable, NULL) != 0)
		finish(fetch, MT_FETCH_FAILED);
}

static int
watch(struct mt_fetch *fetch)
{
	int r = mt_http_new(&fetch->http);

	if (r)
		return r;
	fetch->out_size = mt_http_format_request(&fetch->order, fetch->out);
	fetch->out_sent = 0;
	fetch->readable =
		event_new(fetch->base, fetch->fd, EV_READ | EV_PERSIST, on_readable, fetch);
	fetch->writable = event_new(fetch->base, fetch->fd, EV_WRITE, on_writable, fetch);
	if (!fetch->readable || !fetch->writable || event_add(fetch->readable, NULL) != 0 ||
	    event_add(fetch->writable, NULL) != 0)
		return -ENOMEM;
	return 0;
}

static void
on_dialled(const struct mt_dialled *dialled, void *userdata)
{
	struct mt_fetch *fetch = userdata;

	fetch->dial = NULL;
	if (dialled->state == MT_PROBE_TIMEOUT) {
		finish(fetch, MT_FETCH_TIMEOUT);
	} else if (dialled->state != MT_PROBE_DONE) {
		finish(fetch, MT_FETCH_UNREACHABLE);
	} else {
		fetch->fd = dialled->fd;
		if (watch(fetch) != 0)
			finish(fetch, MT_FETCH_FAILED);
	}
}

static size_t
select_addresses(const struct mt_addresses *found, bool may_be_local, struct mt_probe_request *ret)
{
	for (size_t i = 0; i < found->n; i++)
		if (may_be_local || mt_address_is_global(found->address[i]))
			memcpy(ret->address[ret->n_addresses++], found->address[i],
			       sizeof(found->address[i]));
	return ret->n_addresses;
}

static void
on_addresses(const struct mt_addresses *addresses, void *userdata)
{
	struct mt_fetch *fetch = userdata;
	const int64_t left_usec = fetch->deadline_usec - now_usec();
	struct mt_probe_request request = {.port = fetch->order.port};

	fetch->lookup = NULL;
	if (left_usec <= 0 || addresses->state == MT_ADDRESSES_TIMEOUT) {
		finish(fetch, MT_FETCH_TIMEOUT);
		return;
	}
	if (addresses->state != MT_ADDRESSES_FOUND) {
		finish(fetch, MT_FETCH_UNRESOLVED);
		return;
	}
	if (select_addresses(addresses, fetch->may_be_local, &request) == 0) {
		finish(fetch, MT_FETCH_FORBIDDEN);
		return;
	}
	request.deadline_msec = (uint32_t)(left_usec / 1000);
	if (mt_dial_start(fetch->base, fetch->dns, &request, on_dialled, fetch, &fetch->dial) != 0)
		finish(fetch, MT_FETCH_FAILED);
}

static void
on_step(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_fetch *fetch = userdata;

	if (mt_dns_start(fetch->dns, fetch->order.host, on_addresses, fetch, &fetch->lookup) != 0)
		finish(fetch, MT_FETCH_FAILED);
}

static void
on_deadline(evutil_socket_t fd, short what, void *userdata)
{
	finish(userdata, MT_FETCH_TIMEOUT);
}

int
mt_fetch_start(struct event_base *base, struct mt_dns *dns, const struct mt_fetch_request *request,
	       mt_fetch_fn callback, void *userdata, struct mt_fetch **ret)
{
	struct mt_fetch *fetch = calloc(1, sizeof(*fetch));
	const uint32_t longest = MT_FETCH_USEC / 1000;
	const uint32_t msec = request->deadline_msec < longest ? request->deadline_msec : longest;
	const struct timeval limit = {.tv_sec = msec / 1000, .tv_usec = msec % 1000 * 1000};

	if (!fetch)
		return -ENOMEM;
	fetch->base = base;
	fetch->dns = dns;
	fetch->order = request->order;
	fetch->may_be_local = request->may_be_local;
	fetch->deadline_usec = now_usec() + (int64_t)msec * 1000;
	fetch->fd = -1;
	fetch->callback = callback;
	fetch->userdata = userdata;
	fetch->deadline = evtimer_new(base, on_deadline, fetch);
	fetch->step = evtimer_new(base, on_step, fetch);
	if (!fetch->step || !fetch->deadline || evtimer_add(fetch->deadline, &limit) != 0) {
		mt_fetch_cancel(fetch);
		return -ENOMEM;
	}
	begin(fetch);
	*ret = fetch;
	return 0;
}
