/* SPDX-License-Identifier: MIT */
/* Exchanges in clear, one after the other. */

#include "daemon/worker/fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <event2/event.h>

#include "daemon/worker/exchange.h"

struct mt_fetch {
	struct mt_exchange_options options;
	struct mt_fetch_order order; /* the one being followed */
	unsigned int n_redirects;
	int64_t deadline_usec; /* monotonic */
	struct event *step;    /* begin with order */
	struct mt_exchange *exchange;
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

struct mt_fetch *
mt_fetch_cancel(struct mt_fetch *fetch)
{
	if (!fetch)
		return NULL;
	mt_exchange_cancel(fetch->exchange);
	if (fetch->step)
		event_free(fetch->step);
	free(fetch);
	return NULL;
}

static void
finish(struct mt_fetch *fetch, enum mt_fetch_state state, struct mt_bytes bytes)
{
	const struct mt_fetched fetched = {.state = state, .bytes = bytes};

	fetch->callback(&fetched, fetch->userdata);
	mt_fetch_cancel(fetch);
}

/* Asks the order's host, in the next round of the loop: the exchange before is gone by then. */
static void
begin(struct mt_fetch *fetch)
{
	static const struct timeval now = {0};

	(void)evtimer_add(fetch->step, &now);
}

static void
on_exchanged(const struct mt_exchanged *exchanged, void *userdata)
{
	struct mt_fetch *fetch = userdata;

	fetch->exchange = NULL;
	if (exchanged->state != MT_FETCH_DONE) {
		finish(fetch, exchanged->state, (struct mt_bytes){0});
	} else if (!exchanged->location) {
		finish(fetch, MT_FETCH_DONE, exchanged->body);
	} else if (++fetch->n_redirects > MT_FETCH_REDIRECTS_MAX) {
		finish(fetch, MT_FETCH_PROTOCOL, (struct mt_bytes){0});
	} else {
		fetch->order = *exchanged->location;
		begin(fetch);
	}
}

static void
on_step(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_fetch *fetch = userdata;
	const int64_t left_usec = fetch->deadline_usec - now_usec();

	if (left_usec <= 0) {
		finish(fetch, MT_FETCH_TIMEOUT, (struct mt_bytes){0});
		return;
	}
	fetch->options.deadline_msec = (uint32_t)(left_usec / 1000) + 1;
	if (mt_exchange_start(&fetch->options, &fetch->order, on_exchanged, fetch,
			      &fetch->exchange) != 0)
		finish(fetch, MT_FETCH_FAILED, (struct mt_bytes){0});
}

int
mt_fetch_start(struct event_base *base, struct mt_dns *dns, const struct mt_fetch_request *request,
	       mt_fetch_fn callback, void *userdata, struct mt_fetch **ret)
{
	struct mt_fetch *fetch = calloc(1, sizeof(*fetch));
	const uint32_t longest = MT_FETCH_USEC / 1000;
	const uint32_t msec = request->deadline_msec < longest ? request->deadline_msec : longest;

	if (!fetch)
		return -ENOMEM;
	fetch->options = (struct mt_exchange_options){
		.base = base,
		.dns = dns,
		.may_be_local = request->may_be_local,
		.body_max = MT_FETCH_BYTES_MAX,
	};
	fetch->order = request->order;
	fetch->deadline_usec = now_usec() + (int64_t)msec * 1000;
	fetch->callback = callback;
	fetch->userdata = userdata;
	fetch->step = evtimer_new(base, on_step, fetch);
	if (!fetch->step) {
		mt_fetch_cancel(fetch);
		return -ENOMEM;
	}
	begin(fetch);
	*ret = fetch;
	return 0;
}
