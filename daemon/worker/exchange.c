/* SPDX-License-Identifier: MIT */
/* A GET over a dialled socket. */

#include "daemon/worker/exchange.h"

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
#include "ipc/mail/tls.h"

#define CHUNK_SIZE 16384

struct mt_exchange {
	struct mt_exchange_options o;
	struct mt_fetch_order order;
	int64_t deadline_usec; /* monotonic */
	struct event *deadline;
	struct mt_dns_lookup *lookup;
	struct mt_dial *dial;
	struct event *readable, *writable;
	int fd;
	struct mt_tls *tls;
	bool is_asked; /* over TLS: the request has been handed over */
	uint8_t out[CHUNK_SIZE];
	size_t out_size;
	struct mt_http *http;
	mt_exchange_fn callback;
	void *userdata;
};

_Static_assert(MT_HTTP_REQUEST_SIZE <= CHUNK_SIZE, "a request fits");

static int64_t
now_usec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * MT_USEC_PER_SEC + ts.tv_nsec / 1000;
}

static void
free_event(struct event *event)
{
	if (event)
		event_free(event);
}

struct mt_exchange *
mt_exchange_cancel(struct mt_exchange *exchange)
{
	if (!exchange)
		return NULL;
	mt_dns_cancel(exchange->lookup);
	mt_dial_cancel(exchange->dial);
	free_event(exchange->readable);
	free_event(exchange->writable);
	free_event(exchange->deadline);
	if (exchange->fd >= 0)
		(void)close(exchange->fd);
	mt_tls_free(exchange->tls);
	mt_http_free(exchange->http);
	free(exchange);
	return NULL;
}

static void
finish(struct mt_exchange *exchange, enum mt_fetch_state state)
{
	struct mt_exchanged exchanged = {.state = state, .tls = exchange->tls};

	if (exchange->http)
		exchanged.status = mt_http_status(exchange->http);
	if (state == MT_FETCH_DONE) {
		exchanged.body = mt_http_body(exchange->http);
		exchanged.location = mt_http_location(exchange->http);
	}
	exchange->callback(&exchanged, exchange->userdata);
	mt_exchange_cancel(exchange);
}

/* -- what is sent ------------------------------------------------------------------------------ */

/* Sends what waits. A peer that is gone is noticed by reading. Return: 0, -ENOMEM. */
static int
flush(struct mt_exchange *exchange)
{
	for (;;) {
		ssize_t n;

		if (exchange->out_size == 0 && exchange->tls)
			exchange->out_size =
				mt_tls_output(exchange->tls, exchange->out, CHUNK_SIZE);
		if (exchange->out_size == 0)
			return 0;
		n = send(exchange->fd, exchange->out, exchange->out_size, MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return event_add(exchange->writable, NULL) == 0 ? 0 : -ENOMEM;
		if (n < 0)
			return 0;
		memmove(exchange->out, exchange->out + n, exchange->out_size - (size_t)n);
		exchange->out_size -= (size_t)n;
	}
}

static int
ask(struct mt_exchange *exchange)
{
	char request[MT_HTTP_REQUEST_SIZE];
	size_t size = mt_http_format_request(&exchange->order, request);

	exchange->is_asked = true;
	if (exchange->tls)
		return mt_tls_write(exchange->tls, (const uint8_t *)request, size);
	memcpy(exchange->out, request, size);
	exchange->out_size = size;
	return 0;
}

static void
on_writable(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_exchange *exchange = userdata;

	if (flush(exchange) != 0)
		finish(exchange, MT_FETCH_FAILED);
}

/* -- what comes -------------------------------------------------------------------------------- */

/* Return: what the reply has come to. */
static enum mt_http_state
take_secured(struct mt_exchange *exchange, const uint8_t *data, size_t size)
{
	enum mt_tls_state state = mt_tls_feed(exchange->tls, data, size);
	enum mt_http_state reply = MT_HTTP_MORE;
	uint8_t buffer[CHUNK_SIZE];
	size_t n;

	if (state == MT_TLS_OPEN && !exchange->is_asked && ask(exchange) != 0)
		return MT_HTTP_FAILED;
	while (reply == MT_HTTP_MORE &&
	       (n = mt_tls_read(exchange->tls, buffer, sizeof(buffer))) > 0)
		reply = mt_http_feed(exchange->http, buffer, n);
	if (reply != MT_HTTP_MORE)
		return reply;
	if (state == MT_TLS_CLOSED)
		return mt_http_end(exchange->http);
	return state == MT_TLS_FAILED ? MT_HTTP_FAILED : MT_HTTP_MORE;
}

/* The connection has ended. RFC 8446 §6.1: without close_notify somebody may have cut it; a body
 * whose length was said is whole anyway. */
static enum mt_http_state
take_end(struct mt_exchange *exchange)
{
	return exchange->tls ? MT_HTTP_FAILED : mt_http_end(exchange->http);
}

static void
go_on(struct mt_exchange *exchange, enum mt_http_state reply)
{
	switch (reply) {
	case MT_HTTP_MORE:
		if (flush(exchange) != 0)
			finish(exchange, MT_FETCH_FAILED);
		break;
	case MT_HTTP_REDIRECTED:
	case MT_HTTP_DONE:
		finish(exchange, MT_FETCH_DONE);
		break;
	case MT_HTTP_FAILED:
		finish(exchange, MT_FETCH_PROTOCOL);
		break;
	}
}

static void
on_readable(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_exchange *exchange = userdata;
	uint8_t buffer[CHUNK_SIZE];
	ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		go_on(exchange, take_end(exchange));
	else if (exchange->tls)
		go_on(exchange, take_secured(exchange, buffer, (size_t)n));
	else
		go_on(exchange, mt_http_feed(exchange->http, buffer, (size_t)n));
}

/* -- getting there ----------------------------------------------------------------------------- */

static int
begin(struct mt_exchange *exchange)
{
	const struct mt_tls_options tls = {.host = exchange->order.host};
	int r = mt_http_new(exchange->o.is_secure, exchange->o.body_max, &exchange->http);

	if (r == 0)
		r = exchange->o.is_secure ? mt_tls_new(&tls, &exchange->tls) : ask(exchange);
	if (r)
		return r;
	exchange->readable = event_new(exchange->o.base, exchange->fd, EV_READ | EV_PERSIST,
				       on_readable, exchange);
	exchange->writable =
		event_new(exchange->o.base, exchange->fd, EV_WRITE, on_writable, exchange);
	if (!exchange->readable || !exchange->writable || event_add(exchange->readable, NULL) != 0)
		return -ENOMEM;
	return flush(exchange);
}

static void
on_dialled(const struct mt_dialled *dialled, void *userdata)
{
	struct mt_exchange *exchange = userdata;

	exchange->dial = NULL;
	if (dialled->state == MT_PROBE_TIMEOUT) {
		finish(exchange, MT_FETCH_TIMEOUT);
	} else if (dialled->state != MT_PROBE_DONE) {
		finish(exchange, MT_FETCH_UNREACHABLE);
	} else {
		exchange->fd = dialled->fd;
		if (begin(exchange) != 0)
			finish(exchange, MT_FETCH_FAILED);
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
	struct mt_exchange *exchange = userdata;
	const int64_t left_usec = exchange->deadline_usec - now_usec();
	struct mt_probe_request request = {.port = exchange->order.port};

	exchange->lookup = NULL;
	if (left_usec <= 0 || addresses->state == MT_ADDRESSES_TIMEOUT) {
		finish(exchange, MT_FETCH_TIMEOUT);
		return;
	}
	if (addresses->state != MT_ADDRESSES_FOUND) {
		finish(exchange, MT_FETCH_UNRESOLVED);
		return;
	}
	if (select_addresses(addresses, exchange->o.may_be_local, &request) == 0) {
		finish(exchange, MT_FETCH_FORBIDDEN);
		return;
	}
	request.deadline_msec = (uint32_t)(left_usec / 1000);
	if (mt_dial_start(exchange->o.base, exchange->o.dns, &request, on_dialled, exchange,
			  &exchange->dial) != 0)
		finish(exchange, MT_FETCH_FAILED);
}

static void
on_deadline(evutil_socket_t fd, short what, void *userdata)
{
	finish(userdata, MT_FETCH_TIMEOUT);
}

int
mt_exchange_start(const struct mt_exchange_options *options, const struct mt_fetch_order *order,
		  mt_exchange_fn callback, void *userdata, struct mt_exchange **ret)
{
	struct mt_exchange *exchange = calloc(1, sizeof(*exchange));
	const uint32_t msec = options->deadline_msec;
	const struct timeval limit = {.tv_sec = msec / 1000, .tv_usec = msec % 1000 * 1000};
	int r = -ENOMEM;

	if (!exchange)
		return -ENOMEM;
	exchange->o = *options;
	exchange->order = *order;
	exchange->deadline_usec = now_usec() + (int64_t)msec * 1000;
	exchange->fd = -1;
	exchange->callback = callback;
	exchange->userdata = userdata;
	exchange->deadline = evtimer_new(options->base, on_deadline, exchange);
	if (exchange->deadline && evtimer_add(exchange->deadline, &limit) == 0)
		r = mt_dns_start(options->dns, order->host, on_addresses, exchange,
				 &exchange->lookup);
	if (r) {
		mt_exchange_cancel(exchange);
		return r;
	}
	*ret = exchange;
	return 0;
}
