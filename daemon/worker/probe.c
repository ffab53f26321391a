/* SPDX-License-Identifier: MIT */
/* A mail session over a dialled socket. */

#include "daemon/worker/probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "daemon/worker/dial.h"
#include "ipc/mail/session.h"

#define CHUNK_SIZE 4096

struct mt_probe {
	struct event_base *base;
	struct mt_probe_request request;
	struct mt_dial *dial;
	struct mt_session *session;
	struct event *readable, *writable, *deadline;
	int64_t deadline_usec; /* monotonic; of dialling and the dialogue together */
	int fd;
	char peer[MT_PEER_SIZE];
	uint16_t local_port;
	uint8_t out[CHUNK_SIZE]; /* taken from the session and not sent yet */
	size_t out_size;
	struct mt_probe_result result;
	mt_probe_fn callback;
	void *userdata;
};

static int64_t
wall_usec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * MT_USEC_PER_SEC + now.tv_nsec / 1000;
}

static int64_t
monotonic_usec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * MT_USEC_PER_SEC + now.tv_nsec / 1000;
}

static void
free_event(struct event *event)
{
	if (event)
		event_free(event);
}

struct mt_probe *
mt_probe_cancel(struct mt_probe *probe)
{
	if (!probe)
		return NULL;
	mt_dial_cancel(probe->dial);
	free_event(probe->readable);
	free_event(probe->writable);
	free_event(probe->deadline);
	mt_session_free(probe->session);
	if (probe->fd >= 0)
		(void)close(probe->fd);
	mt_probe_result_clear(&probe->result);
	free(probe);
	return NULL;
}

static void
finish(struct mt_probe *probe, enum mt_probe_state state, const char *text)
{
	probe->result.state = state;
	(void)snprintf(probe->result.text, sizeof(probe->result.text), "%s", text);
	probe->callback(&probe->result, probe->userdata);
	mt_probe_cancel(probe);
}

/* Sends what the session has to say. Return: false where the socket takes no more for now. */
static bool
flush(struct mt_probe *probe)
{
	for (;;) {
		ssize_t n;

		if (probe->out_size == 0)
			probe->out_size = mt_session_output(probe->session, probe->out, CHUNK_SIZE);
		if (probe->out_size == 0)
			return true;
		n = send(probe->fd, probe->out, probe->out_size, MSG_NOSIGNAL);
		if (n < 0)
			/* A peer that is gone is noticed by reading. */
			return errno != EAGAIN && errno != EINTR;
		memmove(probe->out, probe->out + n, probe->out_size - (size_t)n);
		probe->out_size -= (size_t)n;
	}
}

static void
conclude(struct mt_probe *probe)
{
	const char *text = mt_session_get_text(probe->session);
	bool is_server = mt_session_get_step(probe->session) == MT_STEP_DONE;
	int r = mt_session_get_evidence(probe->session, probe->peer, probe->local_port, wall_usec(),
					&probe->result.evidence);

	if (r) {
		finish(probe, MT_PROBE_FAILED, "no memory");
		return;
	}
	/* One farewell, not waited for: the server may log a clean end. */
	mt_session_logout(probe->session);
	(void)flush(probe);
	finish(probe, is_server ? MT_PROBE_DONE : MT_PROBE_PROTOCOL, text);
}

/* Sends, and watches the socket for what is wanted next. */
static void
go_on(struct mt_probe *probe)
{
	if (mt_session_get_step(probe->session) != MT_STEP_CONTINUE) {
		conclude(probe);
		return;
	}
	if (!flush(probe) && event_add(probe->writable, NULL) != 0)
		finish(probe, MT_PROBE_FAILED, "the event loop failed");
}

static void
on_readable(evutil_socket_t fd, short what, void *data)
{
	struct mt_probe *probe = data;
	uint8_t buffer[CHUNK_SIZE];
	ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		(void)mt_session_feed(probe->session, buffer, (size_t)n, wall_usec());
	else
		(void)mt_session_end(probe->session);
	go_on(probe);
}

static void
on_writable(evutil_socket_t fd, short what, void *data)
{
	go_on(data);
}

static void
on_deadline(evutil_socket_t fd, short what, void *data)
{
	struct mt_probe *probe = data;

	/* A silent server is judged by how far it came; one that never said a word is a timeout. */
	(void)mt_session_end(probe->session);
	conclude(probe);
}

/* The dialogue has what dialling left over: a keeper whose answer is late takes the whole worker
 * for stuck. */
static int
watch(struct mt_probe *probe)
{
	const int64_t usec = probe->deadline_usec - monotonic_usec();
	struct timeval left = {0};

	if (usec > 0)
		left = (struct timeval){.tv_sec = usec / MT_USEC_PER_SEC,
					.tv_usec = usec % MT_USEC_PER_SEC};
	probe->readable =
		event_new(probe->base, probe->fd, EV_READ | EV_PERSIST, on_readable, probe);
	probe->writable = event_new(probe->base, probe->fd, EV_WRITE, on_writable, probe);
	probe->deadline = event_new(probe->base, -1, EV_TIMEOUT, on_deadline, probe);
	if (!probe->readable || !probe->writable || !probe->deadline ||
	    event_add(probe->readable, NULL) != 0 || event_add(probe->deadline, &left) != 0)
		return -ENOMEM;
	return 0;
}

static void
on_dialled(const struct mt_dialled *dialled, void *userdata)
{
	struct mt_probe *probe = userdata;
	const struct mt_session_options options = {
		.proto = probe->request.proto,
		.transport = probe->request.transport,
		.host = probe->request.host,
		.port = probe->request.port,
	};

	probe->dial = NULL;
	if (dialled->state != MT_PROBE_DONE) {
		finish(probe, dialled->state, "no address of the server accepted a connection");
		return;
	}
	probe->fd = dialled->fd;
	memcpy(probe->peer, dialled->peer, sizeof(probe->peer));
	probe->local_port = dialled->local_port;
	if (mt_session_new(&options, &probe->session) != 0 || watch(probe) != 0)
		finish(probe, MT_PROBE_FAILED, "no memory");
	else
		go_on(probe);
}

int
mt_probe_start(struct event_base *base, struct mt_dns *dns, const struct mt_probe_request *request,
	       mt_probe_fn callback, void *userdata, struct mt_probe **ret)
{
	struct mt_probe *probe = calloc(1, sizeof(*probe));
	const uint32_t longest = MT_DIALOGUE_USEC / 1000;
	int r;

	if (!probe)
		return -ENOMEM;
	probe->base = base;
	probe->request = *request;
	if (probe->request.deadline_msec == 0 || probe->request.deadline_msec > longest)
		probe->request.deadline_msec = longest;
	probe->deadline_usec = monotonic_usec() + (int64_t)probe->request.deadline_msec * 1000;
	probe->fd = -1;
	probe->callback = callback;
	probe->userdata = userdata;
	r = mt_dial_start(base, dns, request, on_dialled, probe, &probe->dial);
	if (r) {
		free(probe);
		return r;
	}
	*ret = probe;
	return 0;
}
