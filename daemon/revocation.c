/* SPDX-License-Identifier: MIT */
/* Judge, fetch, judge again. */

#include "daemon/revocation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"

struct fetch {
	struct mt_revocation *owner;
	struct mt_job *job;
	struct mt_fetch_order order;
	uint8_t *data;
	size_t size;
};

struct mt_revocation {
	struct mt_revocation_options o;
	struct mt_chain_request request;
	struct mt_validation first; /* what is known without fetching */
	struct mt_job *job;
	struct fetch fetches[MT_FETCH_ORDERS_MAX];
	size_t n_outstanding;
	size_t total;
	mt_jobs_chain_fn callback;
	void *userdata;
};

struct mt_revocation *
mt_revocation_cancel(struct mt_revocation *rev)
{
	if (!rev)
		return NULL;
	mt_job_cancel(rev->job);
	for (size_t i = 0; i < MT_FETCH_ORDERS_MAX; i++) {
		mt_job_cancel(rev->fetches[i].job);
		free(rev->fetches[i].data);
	}
	free(rev);
	return NULL;
}

static void
finish(struct mt_revocation *rev, const struct mt_validation *found)
{
	const int64_t soon_usec = mt_clock_wall(rev->o.clock) + MT_REVOCATION_UNKNOWN_USEC;
	struct mt_validation validation = *found;

	if (validation.state == MT_VALIDATION_DONE &&
	    validation.revocation == MT_REVOCATION_UNKNOWN && soon_usec < validation.not_after_usec)
		validation.not_after_usec = soon_usec;
	rev->callback(&validation, rev->userdata);
	mt_revocation_cancel(rev);
}

static void
on_second(const struct mt_validation *validation, const struct mt_fetch_orders *orders,
	  void *userdata)
{
	struct mt_revocation *rev = userdata;

	rev->job = NULL;
	finish(rev, validation);
}

/* All fetches have ended. */
static void
judge_again(struct mt_revocation *rev)
{
	static const struct mt_validation failed = {.state = MT_VALIDATION_FAILED};
	struct mt_chain_request *request = &rev->request;

	for (size_t i = 0; i < MT_FETCH_ORDERS_MAX; i++)
		if (rev->fetches[i].size > 0)
			request->fetched[request->n_fetched++] =
				(struct mt_bytes){rev->fetches[i].data, rev->fetches[i].size};
	if (request->n_fetched == 0)
		finish(rev, &rev->first);
	else if (mt_jobs_revocation(rev->o.jobs, request, on_second, rev, &rev->job) != 0)
		finish(rev, &failed);
}

/* Where it went wrong is for whoever wonders about cert.revocation-unknown. */
static void
log_failure(const struct fetch *fetch, enum mt_fetch_state state)
{
	static const char *const why[] = {
		[MT_FETCH_FAILED] = "could not be done",
		[MT_FETCH_BUSY] = "too many at once",
		[MT_FETCH_UNRESOLVED] = "the host has no address",
		[MT_FETCH_FORBIDDEN] = "the address is local, and fetch-local is no",
		[MT_FETCH_UNREACHABLE] = "no connection",
		[MT_FETCH_TIMEOUT] = "no answer in time",
		[MT_FETCH_PROTOCOL] = "no usable reply",
	};
	struct mt_log_line line;

	_Static_assert(MT_ARRAY_SIZE(why) == MT_FETCH_DONE, "one text per failure");
	mt_log_begin(&line, MT_LOG_INFO, "fetch");
	mt_log_text(&line, "MT_HOST", fetch->order.host);
	mt_log_number(&line, "MT_PORT", fetch->order.port);
	mt_log_end(&line, "no revocation answer: %s", why[state]);
}

/* What would be too much altogether is as if it had not come. */
static void
keep(struct fetch *fetch, struct mt_bytes bytes)
{
	struct mt_revocation *rev = fetch->owner;

	if (bytes.size > MT_FETCH_TOTAL_MAX - rev->total)
		return;
	fetch->data = malloc(bytes.size);
	if (!fetch->data)
		return;
	memcpy(fetch->data, bytes.data, bytes.size);
	fetch->size = bytes.size;
	rev->total += bytes.size;
}

static void
on_fetched(const struct mt_fetched *fetched, void *userdata)
{
	struct fetch *fetch = userdata;
	struct mt_revocation *rev = fetch->owner;

	fetch->job = NULL;
	if (fetched->state == MT_FETCH_DONE)
		keep(fetch, fetched->bytes);
	else
		log_failure(fetch, fetched->state);
	if (--rev->n_outstanding == 0)
		judge_again(rev);
}

/* One that cannot even be asked for has no answer either. */
static void
start_fetches(struct mt_revocation *rev, const struct mt_fetch_orders *orders)
{
	for (size_t i = 0; i < orders->n; i++) {
		struct fetch *fetch = &rev->fetches[i];
		const struct mt_fetch_request request = {
			.order = orders->order[i],
			.deadline_msec = (uint32_t)(MT_FETCH_USEC / 1000),
			.may_be_local = rev->o.may_fetch_local,
		};

		fetch->owner = rev;
		fetch->order = orders->order[i];
		if (mt_jobs_fetch(rev->o.jobs, &request, on_fetched, fetch, &fetch->job) == 0)
			rev->n_outstanding++;
	}
}

static void
on_first(const struct mt_validation *validation, const struct mt_fetch_orders *orders,
	 void *userdata)
{
	struct mt_revocation *rev = userdata;

	rev->job = NULL;
	rev->first = *validation;
	if (validation->state == MT_VALIDATION_DONE &&
	    validation->revocation == MT_REVOCATION_UNKNOWN)
		start_fetches(rev, orders);
	if (rev->n_outstanding == 0)
		finish(rev, &rev->first);
}

int
mt_revocation_start(const struct mt_revocation_options *options,
		    const struct mt_chain_request *request, mt_jobs_chain_fn callback,
		    void *userdata, struct mt_revocation **ret)
{
	struct mt_revocation *rev = calloc(1, sizeof(*rev));
	int r;

	if (!rev)
		return -ENOMEM;
	rev->o = *options;
	rev->request = *request;
	rev->callback = callback;
	rev->userdata = userdata;
	r = mt_jobs_revocation(rev->o.jobs, &rev->request, on_first, rev, &rev->job);
	if (r) {
		free(rev);
		return r;
	}
	*ret = rev;
	return 0;
}
