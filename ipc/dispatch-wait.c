/* SPDX-License-Identifier: MIT */
/* Calls that came before the daemon may change anything. */

#include "ipc/dispatch.h"

#include <errno.h>

#include <event2/event.h>

#include "ipc/dispatch-internal.h"

static bool
is_behind_one_that_waits(const struct mt_request *request)
{
	const struct mt_request *other;

	TAILQ_FOREACH(other, &request->dispatch->kept, entry)
	if (other->deadline && other->caller == request->caller)
		return true;
	return false;
}

bool
mt_request_must_wait(const struct mt_request *request)
{
	const struct mt_dispatch *dispatch = request->dispatch;
	const struct mt_dispatch_config *config = &dispatch->config;

	if (dispatch->n_waiting > 0 && is_behind_one_that_waits(request))
		return true;
	return dispatch->methods[request->call]->when == MT_WHEN_READY && config->is_ready &&
	       !config->is_ready(config->userdata);
}

static void
stop_waiting(struct mt_request *request)
{
	event_free(request->deadline);
	request->deadline = NULL;
	request->dispatch->n_waiting--;
}

static void
on_cancel(struct mt_request *request, void *data)
{
	stop_waiting(request);
}

/* The caller is about to give up; an answer that says so is better than none. */
static void
on_deadline(evutil_socket_t fd, short what, void *data)
{
	struct mt_request *request = data;

	stop_waiting(request);
	mt_request_fail(request, MT_ERROR_DEGRADED);
}

int
mt_request_wait(struct mt_request *request)
{
	struct mt_dispatch *dispatch = request->dispatch;
	const uint64_t usec = dispatch->config.patience_usec ? dispatch->config.patience_usec
							     : MT_READY_PATIENCE_USEC;
	const struct timeval patience = {.tv_sec = (time_t)(usec / MT_USEC_PER_SEC),
					 .tv_usec = (suseconds_t)(usec % MT_USEC_PER_SEC)};

	if (dispatch->n_waiting == MT_REQUESTS_WAITING_MAX)
		return MT_ERROR_DEGRADED;
	request->deadline = evtimer_new(dispatch->config.base, on_deadline, request);
	if (!request->deadline)
		return -ENOMEM;
	if (evtimer_add(request->deadline, &patience) != 0) {
		event_free(request->deadline);
		request->deadline = NULL;
		return -ENOMEM;
	}
	dispatch->n_waiting++;
	mt_request_keep(request, on_cancel, NULL);
	return 0;
}

static struct mt_request *
find_waiting(struct mt_dispatch *dispatch)
{
	struct mt_request *request;

	TAILQ_FOREACH(request, &dispatch->kept, entry)
	if (request->deadline)
		break;
	return request;
}

void
mt_dispatch_resume(struct mt_dispatch *dispatch)
{
	struct mt_request *request;

	/* from the beginning each time: what is run may take others with it */
	while (dispatch->n_waiting > 0 && (request = find_waiting(dispatch))) {
		stop_waiting(request);
		mt_request_unkeep(request);
		mt_request_run(request);
	}
}
