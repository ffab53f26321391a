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
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "daemon/worker/chain.h"
#include "daemon/worker/port.h"
#include "daemon/worker/roles.h"
#include "daemon/worker/sandbox.h"

/* Where a child has its socket; everything above is closed. */
#define CHILD_FD 3
#define ANSWER_SIZE 4096

struct role;

/* A child at work. Free when both ends of its life were seen: the answer and the exit. */
struct child {
	struct role *role;
	pid_t pid;     /* 0: reaped, or never started */
	int fd;        /* our end of its socket; -1: answered */
	bool is_ready; /* waits for its chain */
	uint64_t id;
	struct event *readable;
	struct event *deadline;
};

/* A request that waits for a child. */
struct waiting {
	TAILQ_ENTRY(waiting) entry;
	struct role *role;
	uint64_t id;
	struct event *deadline;
	size_t size;
	uint8_t body[];
};

struct role {
	struct event_base *base;
	struct mt_port *port;
	struct mt_anchors *anchors;
	struct sock_fprog *child_filter;
	struct event *reaper;
	struct child children[MT_CHAIN_CHILDREN_MAX];
	TAILQ_HEAD(, waiting) queue;
	size_t n_queue;
	bool draining;
	struct mt_wire_message scratch;
};

static const struct timeval job_limit = {.tv_sec = MT_WORKER_JOB_USEC / MT_USEC_PER_SEC,
					 .tv_usec = MT_WORKER_JOB_USEC % MT_USEC_PER_SEC};

/* What ends a child whose parent cannot: it dies with the parent, and computes no longer than a job
 * may last. */
static bool
bind_to_parent(void)
{
	static const struct rlimit limit = {MT_WORKER_JOB_USEC / MT_USEC_PER_SEC + 1,
					    MT_WORKER_JOB_USEC / MT_USEC_PER_SEC + 1};

	return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && setrlimit(RLIMIT_CPU, &limit) == 0;
}

/* Stands ready until the chain comes, or the parent has no use for it. */
static struct mt_bytes
await_chain(struct role *role)
{
	ssize_t n;

	mt_chain_rehearse(role->anchors);
	n = read(CHILD_FD, role->scratch.data, sizeof(role->scratch.data));
	if (n <= 0)
		_exit(0);
	return (struct mt_bytes){role->scratch.data, (size_t)n};
}

/* In the child: everything here is one chain's, and ends with it. body is empty in a ready one. */
static _Noreturn void
judge(struct role *role, int fd, struct mt_bytes body)
{
	struct mt_chain_request request;
	struct mt_validation validation = {0};

	/* The keeper's socket, the loop and the other children's sockets go first. */
	if (dup2(fd, CHILD_FD) < 0 || close_range(CHILD_FD + 1, ~0U, 0) < 0)
		_exit(1);
	if (!bind_to_parent() || mt_sandbox_program_install(role->child_filter) < 0)
		_exit(1);

	if (body.size == 0)
		body = await_chain(role);
	if (mt_wire_decode_chain(body, &request) != 0)
		_exit(1);
	mt_chain_judge(role->anchors, &request, &validation);
	if (mt_wire_encode_validation(&role->scratch, 0, &validation) != 0)
		_exit(1);
	if (write(CHILD_FD, role->scratch.data, role->scratch.size) < 0)
		_exit(1);
	/* The answer goes its way first; taking this process apart can wait for it. */
	(void)!read(CHILD_FD, role->scratch.data, 1);
	_exit(0);
}

static void
reply_failed(struct role *role, uint64_t id)
{
	static const struct mt_validation failed = {.state = MT_VALIDATION_FAILED};

	if (mt_wire_encode_validation(&role->scratch, id, &failed) == 0 &&
	    mt_port_send(role->port, role->scratch.data, role->scratch.size) < 0)
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
		   header.type == MT_WIRE_VALIDATION) {
		mt_wire_stamp(data, child->id); /* whatever id it claims */
		if (mt_port_send(role->port, data, (size_t)n) < 0)
			event_base_loopbreak(role->base);
	} else {
		reply_failed(role, child->id);
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

/* body is empty for a child that is to stand ready. */
static int
start_child(struct role *role, struct child *child, uint64_t id, struct mt_bytes body)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	child->readable = event_new(role->base, ends[0], EV_READ | EV_PERSIST, on_answer, child);
	child->deadline = evtimer_new(role->base, on_child_overdue, child);
	if (!child->readable || !child->deadline || fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ||
	    event_add(child->readable, NULL) < 0 ||
	    (body.size && evtimer_add(child->deadline, &job_limit) < 0))
		goto fail;
	pid = fork();
	if (pid < 0)
		goto fail;
	if (pid == 0)
		judge(role, ends[1], body);

	close(ends[1]);
	child->role = role;
	child->pid = pid;
	child->fd = ends[0];
	child->is_ready = body.size == 0;
	child->id = id;
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
use_ready(struct role *role, uint64_t id, struct mt_bytes body)
{
	for (size_t i = 0; i < MT_CHAIN_CHILDREN_MAX; i++) {
		struct child *child = &role->children[i];

		if (!child->is_ready)
			continue;
		if (send(child->fd, body.data, body.size, MSG_NOSIGNAL) < 0 ||
		    evtimer_add(child->deadline, &job_limit) < 0) {
			finish(child);
			return false;
		}
		child->is_ready = false;
		child->id = id;
		return true;
	}
	return false;
}

/* One child stands ready while nothing else is to do. */
static void
keep_ready(struct role *role)
{
	struct child *child = find_free(role);

	if (!child || role->draining || role->n_queue > 0)
		return;
	for (size_t i = 0; i < MT_CHAIN_CHILDREN_MAX; i++)
		if (role->children[i].fd >= 0)
			return;
	(void)start_child(role, child, 0, (struct mt_bytes){0});
}

static void
free_waiting(struct waiting *waiting)
{
	TAILQ_REMOVE(&waiting->role->queue, waiting, entry);
	waiting->role->n_queue--;
	if (waiting->deadline)
		event_free(waiting->deadline);
	free(waiting);
}

static void
on_waiting_overdue(evutil_socket_t fd, short what, void *userdata)
{
	struct waiting *waiting = userdata;
	struct role *role = waiting->role;

	reply_failed(role, waiting->id);
	free_waiting(waiting);
	leave_when_drained(role);
}

static int
enqueue(struct role *role, uint64_t id, struct mt_bytes body)
{
	struct waiting *waiting;

	if (role->n_queue >= MT_JOBS_MAX)
		return -ENOBUFS;
	waiting = calloc(1, sizeof(*waiting) + body.size);
	if (!waiting)
		return -ENOMEM;
	waiting->role = role;
	waiting->id = id;
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
on_message(void *userdata, const struct mt_wire_header *header, struct mt_bytes body)
{
	struct role *role = userdata;
	struct child *child = find_free(role);
	int r;

	if (header->type != MT_WIRE_CHAIN || body.size == 0)
		r = -EPROTO;
	else if (use_ready(role, header->id, body))
		r = 0;
	else if (child)
		r = start_child(role, child, header->id, body);
	else
		r = enqueue(role, header->id, body);
	if (r < 0)
		reply_failed(role, header->id);
}

static void
start_waiting(struct role *role)
{
	struct waiting *waiting;
	struct child *child;

	while ((waiting = TAILQ_FIRST(&role->queue)) && (child = find_free(role))) {
		const struct mt_bytes body = {.data = waiting->body, .size = waiting->size};

		if (start_child(role, child, waiting->id, body) < 0)
			reply_failed(role, waiting->id);
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
