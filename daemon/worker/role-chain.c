/* SPDX-License-Identifier: MIT */
/*
 * The chain worker: one forked child per chain.
 *
 * While nothing is asked one child stands ready: forked, confined and rehearsed, so that the first
 * chain after a pause pays for neither fork nor page faults. It too judges one chain and ends.
 */

#include <errno.h>
#include <fcntl.h>
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

#include "daemon/worker/assembly.h"
#include "daemon/worker/chain-child.h"
#include "daemon/worker/port.h"
#include "daemon/worker/roles.h"
#include "daemon/worker/sandbox.h"

/* A validation, and orders of the greatest length */
#define ANSWER_SIZE 8192

struct role;

/* A child at work. Free when both ends of its life were seen: the answer and the exit. */
struct child {
	struct role *role;
	pid_t pid;              /* 0: reaped, or never started */
	int fd;                 /* our end of its socket; -1: answered */
	bool is_ready;          /* waits for its chain */
	enum mt_wire_type type; /* of what it was asked */
	uint64_t id;
	struct event *readable;
	struct event *deadline;
};

/* A request that waits for a child. */
struct waiting {
	TAILQ_ENTRY(waiting) entry;
	struct role *role;
	struct mt_wire_header header;
	struct mt_wire_parts parts;
	struct event *deadline;
	size_t size;
	uint8_t body[];
};

struct role {
	struct event_base *base;
	struct mt_port *port;
	struct mt_anchors *anchors;
	struct sock_fprog *child_filter;
	struct mt_assemblies *assemblies;
	struct event *reaper;
	struct child children[MT_CHAIN_CHILDREN_MAX];
	TAILQ_HEAD(, waiting) queue;
	size_t n_queue;
	bool draining;
	struct mt_wire_message scratch;
};

static const struct timeval job_limit = {.tv_sec = MT_WORKER_JOB_USEC / MT_USEC_PER_SEC,
					 .tv_usec = MT_WORKER_JOB_USEC % MT_USEC_PER_SEC};

static void
reply_failed(struct role *role, enum mt_wire_type type, uint64_t id)
{
	static const struct mt_validation failed = {.state = MT_VALIDATION_FAILED};
	static const struct mt_fetch_orders none = {.n = 0};
	int r = type == MT_WIRE_REVOCATION
			? mt_wire_encode_report(&role->scratch, id, &failed, &none)
			: mt_wire_encode_validation(&role->scratch, id, &failed);

	if (r == 0 && mt_port_send(role->port, role->scratch.data, role->scratch.size) < 0)
		event_base_loopbreak(role->base);
}

static bool
is_free(const struct child *child)
{
	return child->pid == 0 && child->fd < 0;
}

static bool
is_busy(const struct child *child)
{
	return child->fd >= 0 && !child->is_ready;
}

static struct child *
find_free(struct role *role)
{
	for (size_t i = 0; i < MT_CHAIN_CHILDREN_MAX; i++)
		if (is_free(&role->children[i]))
			return &role->children[i];
	return NULL;
}

static void
leave_when_drained(struct role *role)
{
	if (!role->draining || role->n_queue > 0 || mt_port_has_unsent(role->port))
		return;
	for (size_t i = 0; i < MT_CHAIN_CHILDREN_MAX; i++)
		if (is_busy(&role->children[i]))
			return;
	event_base_loopbreak(role->base);
}

static bool
is_answer(const struct child *child, const struct mt_wire_header *header)
{
	return header->type ==
	       (child->type == MT_WIRE_REVOCATION ? MT_WIRE_REPORT : MT_WIRE_VALIDATION);
}

/* The child has answered, or never will. Its exit is collected by the reaper. */
static void
finish(struct child *child)
{
	event_free(child->readable);
	event_free(child->deadline);
	child->readable = NULL;
	child->deadline = NULL;
	close(child->fd);
	child->fd = -1;
	child->is_ready = false;
	if (child->pid > 0) /* an honest one is leaving already */
		kill(child->pid, SIGKILL);
	leave_when_drained(child->role);
}

static void
on_answer(evutil_socket_t fd, short what, void *userdata)
{
	struct child *child = userdata;
	struct role *role = child->role;
	uint8_t data[ANSWER_SIZE];
	struct mt_wire_header header;
	struct mt_bytes body;
	ssize_t n = read(fd, data, sizeof(data));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (child->is_ready) {
		/* it was not asked: it died, or speaks out of turn */
	} else if (n > 0 && mt_wire_decode_header(data, (size_t)n, &header, &body) == 0 &&
		   is_answer(child, &header)) {
		mt_wire_stamp(data, child->id); /* whatever id it claims */
		if (mt_port_send(role->port, data, (size_t)n) < 0)
			event_base_loopbreak(role->base);
	} else {
		reply_failed(role, child->type, child->id);
	}
	finish(child);
}

/* Its end of the pipe closes with it, and on_answer() reports the failure. */
static void
on_child_overdue(evutil_socket_t fd, short what, void *userdata)
{
	struct child *child = userdata;

	if (child->pid > 0)
		kill(child->pid, SIGKILL);
}

/* A task of type NONE is for a child that is to stand ready. */
static int
start_child(struct role *role, struct child *child, const struct mt_chain_task *task)
{
	const struct mt_chain_child life = {role->anchors, role->child_filter, &role->scratch};
	const bool is_ready = task->type == MT_WIRE_NONE;
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	child->readable = event_new(role->base, ends[0], EV_READ | EV_PERSIST, on_answer, child);
	child->deadline = evtimer_new(role->base, on_child_overdue, child);
	if (!child->readable || !child->deadline || fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ||
	    event_add(child->readable, NULL) < 0 ||
	    (!is_ready && evtimer_add(child->deadline, &job_limit) < 0))
		goto fail;
	pid = fork();
	if (pid < 0)
		goto fail;
	if (pid == 0)
		mt_chain_child_run(&life, ends[1], task);

	close(ends[1]);
	child->role = role;
	child->pid = pid;
	child->fd = ends[0];
	child->is_ready = is_ready;
	child->type = task->type;
	child->id = task->id;
	return 0;

fail:
	if (child->readable)
		event_free(child->readable);
	if (child->deadline)
		event_free(child->deadline);
	child->readable = NULL;
	child->deadline = NULL;
	close(ends[0]);
	close(ends[1]);
	return -EAGAIN;
}

/* Hands a chain to the child that stands ready. Return: whether there is one that took it. */
static bool
use_ready(struct role *role, const struct mt_chain_task *task)
{
	if (task->type != MT_WIRE_CHAIN)
		return false;
	for (size_t i = 0; i < MT_CHAIN_CHILDREN_MAX; i++) {
		struct child *child = &role->children[i];

		if (!child->is_ready)
			continue;
		if (send(child->fd, task->body.data, task->body.size, MSG_NOSIGNAL) < 0 ||
		    evtimer_add(child->deadline, &job_limit) < 0) {
			finish(child);
			return false;
		}
		child->is_ready = false;
		child->type = task->type;
		child->id = task->id;
		return true;
	}
	return false;
}

/* One child stands ready while nothing else is to do. */
static void
keep_ready(struct role *role)
{
	static const struct mt_chain_task stand_ready = {.type = MT_WIRE_NONE};
	struct child *child = find_free(role);

	if (!child || role->draining || role->n_queue > 0)
		return;
	for (size_t i = 0; i < MT_CHAIN_CHILDREN_MAX; i++)
		if (role->children[i].fd >= 0)
			return;
	(void)start_child(role, child, &stand_ready);
}

static void
free_waiting(struct waiting *waiting)
{
	TAILQ_REMOVE(&waiting->role->queue, waiting, entry);
	waiting->role->n_queue--;
	if (waiting->deadline)
		event_free(waiting->deadline);
	free(waiting->parts.data);
	free(waiting);
}

static void
on_waiting_overdue(evutil_socket_t fd, short what, void *userdata)
{
	struct waiting *waiting = userdata;
	struct role *role = waiting->role;

	reply_failed(role, waiting->header.type, waiting->header.id);
	free_waiting(waiting);
	leave_when_drained(role);
}

/* What it takes of the parts is gone from *parts. */
static int
enqueue(struct role *role, const struct mt_wire_header *header, struct mt_bytes body,
	struct mt_wire_parts *parts)
{
	struct waiting *waiting;

	if (role->n_queue >= MT_JOBS_MAX)
		return -ENOBUFS;
	waiting = calloc(1, sizeof(*waiting) + body.size);
	if (!waiting)
		return -ENOMEM;
	waiting->role = role;
	waiting->header = *header;
	waiting->parts = *parts;
	*parts = (struct mt_wire_parts){0};
	waiting->size = body.size;
	memcpy(waiting->body, body.data, body.size);
	waiting->deadline = evtimer_new(role->base, on_waiting_overdue, waiting);
	TAILQ_INSERT_TAIL(&role->queue, waiting, entry);
	role->n_queue++;
	if (!waiting->deadline || evtimer_add(waiting->deadline, &job_limit) < 0) {
		free_waiting(waiting);
		return -ENOMEM;
	}
	return 0;
}

static void
start_request(struct role *role, const struct mt_wire_header *header, struct mt_bytes body)
{
	struct mt_wire_parts parts = mt_assemblies_take(role->assemblies, header->id);
	const struct mt_chain_task task = {.type = header->type,
					   .id = header->id,
					   .body = body,
					   .parts = {parts.data, parts.size}};
	struct child *child = find_free(role);
	int r;

	if (use_ready(role, &task))
		r = 0;
	else if (child)
		r = start_child(role, child, &task);
	else
		r = enqueue(role, header, body, &parts);
	free(parts.data);
	if (r < 0)
		reply_failed(role, header->type, header->id);
}

/* What nobody waits for keeps nobody waiting. An id that is not here was answered meanwhile. */
static void
cancel_request(struct role *role, uint64_t id)
{
	struct mt_wire_parts parts = mt_assemblies_take(role->assemblies, id);
	struct waiting *waiting;

	free(parts.data);
	TAILQ_FOREACH(waiting, &role->queue, entry)
	if (waiting->header.id == id) {
		free_waiting(waiting);
		leave_when_drained(role);
		return;
	}
	for (size_t i = 0; i < MT_CHAIN_CHILDREN_MAX; i++)
		if (is_busy(&role->children[i]) && role->children[i].id == id) {
			finish(&role->children[i]);
			return;
		}
}

static void
on_message(void *userdata, const struct mt_wire_header *header, struct mt_bytes body)
{
	struct role *role = userdata;

	if (header->type == MT_WIRE_CANCEL)
		cancel_request(role, header->id);
	else if (header->type == MT_WIRE_PART)
		mt_assemblies_add(role->assemblies, header->id, body);
	else if ((header->type == MT_WIRE_CHAIN || header->type == MT_WIRE_REVOCATION) &&
		 body.size > 0)
		start_request(role, header, body);
	else
		reply_failed(role, header->type, header->id);
}

static void
start_waiting(struct role *role)
{
	struct waiting *waiting;
	struct child *child;

	while ((waiting = TAILQ_FIRST(&role->queue)) && (child = find_free(role))) {
		const struct mt_chain_task task = {
			.type = waiting->header.type,
			.id = waiting->header.id,
			.body = {waiting->body, waiting->size},
			.parts = {waiting->parts.data, waiting->parts.size}};

		if (start_child(role, child, &task) < 0)
			reply_failed(role, task.type, task.id);
		free_waiting(waiting);
	}
}

static void
on_child_exit(evutil_socket_t signal, short what, void *userdata)
{
	struct role *role = userdata;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		for (size_t i = 0; i < MT_CHAIN_CHILDREN_MAX; i++)
			if (role->children[i].pid == pid)
				role->children[i].pid = 0;
	start_waiting(role);
	keep_ready(role);
	leave_when_drained(role);
}

static void
on_end(void *userdata)
{
	struct role *role = userdata;

	role->draining = true;
	leave_when_drained(role);
}

static void
on_sent(void *userdata)
{
	leave_when_drained(userdata);
}

/* An unreadable trust store is a state, not the end: anchors given with a request can be judged
 * (--evaluate), and the keeper denies everything else. */
static int
load_anchors(struct role *role, const char *path, struct mt_wire_ready *ready)
{
	int r = mt_anchors_load(path, &role->anchors);

	if (r < 0)
		return r;
	ready->anchors = MT_ANCHORS_LOADED;
	if (r > 0) {
		ready->anchors = r == MT_ANCHORS_E_EMPTY ? MT_ANCHORS_EMPTY : MT_ANCHORS_UNREADABLE;
		if (mt_anchors_from_der(NULL, 0, &role->anchors) != 0)
			return -ENOMEM;
	}
	ready->n_anchors = (uint32_t)mt_anchors_count(role->anchors);
	mt_anchors_digest(role->anchors, ready->generation);
	return 0;
}

/* Everything that needs a file or a new descriptor. */
static int
prepare(struct role *role, const struct mt_role_options *options, struct mt_wire_ready *ready)
{
	const struct mt_port_ops ops = {
		.on_message = on_message, .on_end = on_end, .on_sent = on_sent, .userdata = role};
	int r;

	tzset(); /* or every child looks for /etc/localtime */
	TAILQ_INIT(&role->queue);
	for (size_t i = 0; i < MT_CHAIN_CHILDREN_MAX; i++)
		role->children[i].fd = -1;
	r = load_anchors(role, options->trust_anchors, ready);
	if (r < 0)
		return r;
	r = mt_sandbox_program_new(MT_SANDBOX_CHAIN_CHILD, &role->child_filter);
	if (r < 0)
		return r;
	role->base = event_base_new();
	if (!role->base)
		return -ENOMEM;
	role->reaper = evsignal_new(role->base, SIGCHLD, on_child_exit, role);
	if (!role->reaper || event_add(role->reaper, NULL) < 0)
		return -ENOMEM;
	r = mt_assemblies_new(role->base, &role->assemblies);
	if (r < 0)
		return r;
	return mt_port_new(role->base, options->fd, &ops, &role->port);
}

static void
release(struct role *role)
{
	for (size_t i = 0; i < MT_CHAIN_CHILDREN_MAX; i++)
		if (role->children[i].fd >= 0)
			finish(&role->children[i]);
	while (!TAILQ_EMPTY(&role->queue))
		free_waiting(TAILQ_FIRST(&role->queue));
	mt_port_free(role->port);
	mt_assemblies_free(role->assemblies);
	if (role->reaper)
		event_free(role->reaper);
	if (role->base)
		event_base_free(role->base);
	mt_sandbox_program_free(role->child_filter);
	mt_anchors_free(role->anchors);
	free(role);
}

int
mt_role_chain_run(const struct mt_role_options *options)
{
	const struct mt_sandbox_options sandbox = {.role = MT_SANDBOX_CHAIN,
						   .require_user = options->require_user};
	struct mt_wire_ready ready = {0};
	struct role *role = calloc(1, sizeof(*role));
	int r = role ? prepare(role, options, &ready) : -ENOMEM;

	if (r == 0)
		r = mt_sandbox_enter(&sandbox);
	if (r == 0)
		r = mt_wire_encode_ready(&role->scratch, &ready);
	if (r == 0)
		r = mt_port_send(role->port, role->scratch.data, role->scratch.size);
	if (r == 0) {
		keep_ready(role);
		event_base_dispatch(role->base);
	} else if (r != -EPIPE) { /* the keeper left first, and says why itself */
		fprintf(stderr, "mailtrust-worker: chain: cannot start: %s\n",
			r < 0 ? strerror(-r) : "no user " MT_SANDBOX_USER);
	}
	if (role)
		release(role);
	return r == 0 ? 0 : 1;
}
