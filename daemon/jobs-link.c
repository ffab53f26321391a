/* SPDX-License-Identifier: MIT */
/* Worker sockets: spawning, readiness, succession, death and back-off. */

#include "daemon/jobs-link.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

enum link_state { LINK_STARTING, LINK_SERVING, LINK_DRAINING };

struct mt_link {
	struct mt_links *links;
	TAILQ_ENTRY(mt_link) entry;
	enum mt_worker_role role;
	enum link_state state;
	int fd;
	pid_t pid;
	struct event *readable;
	struct event *writable; /* pending only after a refused send */
	struct event *overdue;  /* READY must come before it */
	struct mt_wire_ready ready;
	uint64_t ready_at_usec;
};

struct role {
	bool wanted;
	bool asked;      /* the spawner owes an answer */
	unsigned deaths; /* in a row, of workers that died young */
	struct event *restart;
	struct mt_links *links;
};

struct mt_links {
	struct event_base *base;
	struct mt_links_ops ops;
	int control_fd; /* -1: the spawner is gone, nothing restarts */
	struct event *control;
	struct role roles[MT_WORKER_ROLE_COUNT];
	TAILQ_HEAD(, mt_link) list;
	uint64_t unreadable_usec; /* since when the trust store cannot be read; 0: it can */
	uint8_t buffer[MT_WIRE_MESSAGE_MAX];
};

static uint64_t
now_usec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * MT_USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

static struct timeval
timeval_of(int64_t usec)
{
	return (struct timeval){.tv_sec = usec / MT_USEC_PER_SEC,
				.tv_usec = usec % MT_USEC_PER_SEC};
}

static void
tell(struct mt_links *links, enum mt_worker_role role, const char *what)
{
	bool ready = mt_links_serving(links, role, NULL) != NULL;

	links->ops.on_state(links->ops.userdata, role, ready, what);
}

static struct mt_link *
find_link(const struct mt_links *links, enum mt_worker_role role, enum link_state state)
{
	struct mt_link *link;

	TAILQ_FOREACH(link, &links->list, entry)
	if (link->role == role && link->state == state)
		return link;
	return NULL;
}

/* At once after the first death, then 1, 2, 4 … 30 s while they die young. */
static int64_t
back_off_usec(unsigned deaths)
{
	int64_t delay = MT_RESTART_MIN_USEC;

	if (deaths == 0)
		return 0;
	while (--deaths > 0 && delay < MT_RESTART_MAX_USEC)
		delay *= 2;
	return delay < MT_RESTART_MAX_USEC ? delay : MT_RESTART_MAX_USEC;
}

static void
restart_later(struct mt_links *links, enum mt_worker_role which)
{
	struct role *role = &links->roles[which];
	struct timeval delay = timeval_of(back_off_usec(role->deaths));

	if (!role->wanted || role->asked || find_link(links, which, LINK_STARTING))
		return;
	role->deaths++;
	evtimer_add(role->restart, &delay);
}

static void
on_restart(evutil_socket_t fd, short what, void *userdata)
{
	struct role *role = userdata;
	struct mt_links *links = role->links;
	enum mt_worker_role which = (enum mt_worker_role)(role - links->roles);

	if (mt_links_serving(links, which, NULL))
		return;
	if (mt_links_renew(links, which) < 0)
		restart_later(links, which);
}

static void
free_link(struct mt_link *link)
{
	TAILQ_REMOVE(&link->links->list, link, entry);
	if (link->readable)
		event_free(link->readable);
	if (link->writable)
		event_free(link->writable);
	if (link->overdue)
		event_free(link->overdue);
	close(link->fd);
	free(link);
}

/* The worker ended, or is made to. A drained one ends as it should. */
static void
lose_link(struct mt_link *link, const char *why)
{
	struct mt_links *links = link->links;
	enum mt_worker_role which = link->role;
	bool lived = link->state != LINK_STARTING &&
		     now_usec() - link->ready_at_usec >= (uint64_t)MT_RESTART_MAX_USEC;
	bool drained = link->state == LINK_DRAINING;

	if (lived)
		links->roles[which].deaths = 0;
	/* Out of the state it was in first: on_gone may send, and must not find it. */
	link->state = LINK_DRAINING;
	event_del(link->readable);
	links->ops.on_gone(links->ops.userdata, link);
	free_link(link);
	if (drained)
		return;
	tell(links, which, why);
	if (!mt_links_serving(links, which, NULL))
		restart_later(links, which);
}

void
mt_links_drop(struct mt_links *links, struct mt_link *link, const char *why)
{
	/* Closing the socket ends an honest worker; this also ends one that is stuck. */
	if (links->control_fd >= 0)
		mt_spawner_kill(links->control_fd, link->pid);
	lose_link(link, why);
}

static void
on_overdue(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_link *link = userdata;

	mt_links_drop(link->links, link, "did not become ready");
}

/* A generation that could not read the trust store does not replace one that did (DESIGN §8). */
static bool
is_worse(const struct mt_link *next, const struct mt_link *serving)
{
	return next->role == MT_WORKER_CHAIN && serving &&
	       next->ready.anchors == MT_ANCHORS_UNREADABLE &&
	       serving->ready.anchors != MT_ANCHORS_UNREADABLE;
}

/* What it was sent is still answered; then it ends, which closes the link. */
static void
drain(struct mt_link *link)
{
	link->state = LINK_DRAINING;
	event_del(link->writable);
	(void)shutdown(link->fd, SHUT_WR);
}

static bool
take_ready(struct mt_link *link, const struct mt_wire_header *header, struct mt_bytes body)
{
	struct mt_links *links = link->links;
	struct mt_link *serving = find_link(links, link->role, LINK_SERVING);
	bool worse;

	if (header->type != MT_WIRE_READY || header->id != 0 ||
	    mt_wire_decode_ready(body, &link->ready) != 0)
		return false;

	evtimer_del(link->overdue);
	link->ready_at_usec = now_usec();
	worse = is_worse(link, serving);
	if (link->role == MT_WORKER_CHAIN && link->ready.anchors != MT_ANCHORS_UNREADABLE)
		links->unreadable_usec = 0;
	else if (link->role == MT_WORKER_CHAIN && links->unreadable_usec == 0)
		links->unreadable_usec = now_usec();
	if (serving)
		drain(worse ? link : serving);
	if (!worse)
		link->state = LINK_SERVING;
	tell(links, link->role,
	     worse ? "cannot read the trust anchors; the old ones stay" : "ready");
	if (!worse)
		links->ops.on_writable(links->ops.userdata, link->role);
	return true;
}

/* One message per round: a callback may do anything, and the loop comes back for the next. */
static void
on_readable(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_link *link = userdata;
	struct mt_links *links = link->links;
	struct mt_wire_header header;
	struct mt_bytes body;
	ssize_t n = recv(fd, links->buffer, sizeof(links->buffer), MSG_TRUNC);
	bool good;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		lose_link(link, "ended");
		return;
	}

	good = (size_t)n <= sizeof(links->buffer) &&
	       mt_wire_decode_header(links->buffer, (size_t)n, &header, &body) == 0;
	if (good && link->state == LINK_STARTING)
		good = take_ready(link, &header, body);
	else if (good)
		good = links->ops.on_message(links->ops.userdata, link, &header, body);
	if (!good)
		mt_links_drop(links, link, "broke the protocol");
}

static void
on_writable(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_link *link = userdata;

	link->links->ops.on_writable(link->links->ops.userdata, link->role);
}

static int
add_link(struct mt_links *links, const struct mt_spawner_report *report)
{
	struct timeval limit = timeval_of(MT_WORKER_START_USEC);
	struct mt_link *link = calloc(1, sizeof(*link));

	if (!link)
		return -ENOMEM;
	link->links = links;
	link->role = report->role;
	link->fd = report->fd;
	link->pid = report->pid;
	TAILQ_INSERT_TAIL(&links->list, link, entry);
	link->readable = event_new(links->base, link->fd, EV_READ | EV_PERSIST, on_readable, link);
	link->writable = event_new(links->base, link->fd, EV_WRITE, on_writable, link);
	link->overdue = evtimer_new(links->base, on_overdue, link);
	if (!link->readable || !link->writable || !link->overdue ||
	    event_add(link->readable, NULL) < 0 || evtimer_add(link->overdue, &limit) < 0) {
		free_link(link); /* closes the descriptor */
		return -ENOMEM;
	}
	return 0;
}

/* How a worker ended, for the log: which signal tells a sandbox kill from a crash. */
static void
tell_exit(struct mt_links *links, const struct mt_spawner_report *report)
{
	char text[80];

	if (WIFSIGNALED(report->status))
		snprintf(text, sizeof(text), "pid %d was killed by signal %d%s", (int)report->pid,
			 WTERMSIG(report->status),
			 WTERMSIG(report->status) == SIGSYS ? " (forbidden system call)" : "");
	else
		snprintf(text, sizeof(text), "pid %d exited with status %d", (int)report->pid,
			 WEXITSTATUS(report->status));
	tell(links, report->role, text);
}

static void
lose_control(struct mt_links *links)
{
	event_del(links->control);
	close(links->control_fd);
	links->control_fd = -1;
	for (unsigned i = 0; i < MT_WORKER_ROLE_COUNT; i++)
		if (links->roles[i].wanted) {
			links->roles[i].wanted = false;
			tell(links, i, "the spawner is gone");
		}
}

static void
on_control(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_links *links = userdata;
	struct mt_spawner_report report;
	int r = mt_spawner_read(links->control_fd, &report);

	if (r == -EAGAIN || r == -EINTR)
		return;
	if (r != 0) {
		lose_control(links);
		return;
	}

	switch (report.event) {
	case MT_SPAWNER_SPAWNED:
		links->roles[report.role].asked = false;
		if (add_link(links, &report) < 0)
			restart_later(links, report.role);
		break;
	case MT_SPAWNER_REFUSED:
		links->roles[report.role].asked = false;
		tell(links, report.role, "could not be started");
		if (!mt_links_serving(links, report.role, NULL))
			restart_later(links, report.role);
		break;
	case MT_SPAWNER_EXITED:
		tell_exit(links, &report);
		break;
	}
}

int
mt_links_new(struct event_base *base, int control_fd, bool chain_only,
	     const struct mt_links_ops *ops, struct mt_links **ret)
{
	MT_CLEANUP(mt_links_freep) struct mt_links *links = calloc(1, sizeof(*links));
	int r;

	if (!links) {
		close(control_fd);
		return -ENOMEM;
	}
	TAILQ_INIT(&links->list);
	links->base = base;
	links->ops = *ops;
	links->control_fd = control_fd;
	links->control = event_new(base, control_fd, EV_READ | EV_PERSIST, on_control, links);
	if (!links->control || event_add(links->control, NULL) < 0)
		return -ENOMEM;

	for (unsigned i = 0; i < MT_WORKER_ROLE_COUNT; i++) {
		struct role *role = &links->roles[i];

		role->links = links;
		role->wanted = i == MT_WORKER_CHAIN || !chain_only;
		role->restart = evtimer_new(base, on_restart, role);
		if (!role->restart)
			return -ENOMEM;
		r = role->wanted ? mt_links_renew(links, i) : 0;
		if (r < 0)
			return r;
	}
	*ret = mt_steal(&links);
	return 0;
}

struct mt_links *
mt_links_free(struct mt_links *links)
{
	if (!links)
		return NULL;

	while (!TAILQ_EMPTY(&links->list))
		free_link(TAILQ_FIRST(&links->list));
	for (unsigned i = 0; i < MT_WORKER_ROLE_COUNT; i++)
		if (links->roles[i].restart)
			event_free(links->roles[i].restart);
	if (links->control)
		event_free(links->control);
	if (links->control_fd >= 0)
		close(links->control_fd);
	free(links);
	return NULL;
}

int
mt_links_send(struct mt_links *links, enum mt_worker_role role, const uint8_t *data, size_t size,
	      struct mt_link **ret)
{
	struct mt_link *link = find_link(links, role, LINK_SERVING);

	if (!link)
		return MT_LINKS_E_WAIT;
	if (send(link->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		/* Full: wait for room. Broken: the read side is about to say so. */
		if (errno == EAGAIN)
			event_add(link->writable, NULL);
		return MT_LINKS_E_WAIT;
	}
	*ret = link;
	return 0;
}

int
mt_links_tell(struct mt_links *links, struct mt_link *link, const uint8_t *data, size_t size)
{
	/* A draining link takes nothing any more: its worker finishes what it has. */
	if (link->state != LINK_SERVING ||
	    send(link->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 || errno != EAGAIN)
		return 0;
	event_add(link->writable, NULL);
	return MT_LINKS_E_WAIT;
}

int
mt_links_renew(struct mt_links *links, enum mt_worker_role which)
{
	struct role *role = &links->roles[which];
	int r;

	if (links->control_fd < 0)
		return -ENOTCONN;
	if (role->asked || find_link(links, which, LINK_STARTING))
		return 0;
	r = mt_spawner_ask(links->control_fd, which);
	if (r < 0)
		return r;
	role->asked = true;
	return 0;
}

const struct mt_wire_ready *
mt_links_serving(const struct mt_links *links, enum mt_worker_role role, pid_t *ret_pid)
{
	const struct mt_link *link = find_link(links, role, LINK_SERVING);

	if (!link)
		return NULL;
	if (ret_pid)
		*ret_pid = link->pid;
	return &link->ready;
}

int64_t
mt_links_anchors_age(const struct mt_links *links)
{
	return links->unreadable_usec ? (int64_t)(now_usec() - links->unreadable_usec) + 1 : 0;
}
