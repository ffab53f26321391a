/* SPDX-License-Identifier: MIT */
/* Evaluate mode: a window of lines in flight, answered in order. */

#include "daemon/evaluate.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "daemon/clock.h"
#include "daemon/evaluate-line.h"
#include "daemon/jobs.h"
#include "ipc/errors.h"

#define WINDOW 16 /* lines in flight: as many chains as the worker judges at once */

struct slot {
	struct evaluate *owner;
	struct mt_line *line; /* NULL: nothing waits */
	struct mt_job *job;
	char *answer; /* NULL until there is one */
};

struct evaluate {
	struct event_base *base;
	struct mt_jobs *jobs;
	FILE *out;
	struct slot slots[WINDOW];
	size_t first, n; /* the ring */
	char *buffer;
	size_t used;
	bool skipping; /* the rest of a line that was too long */
	bool failed;
};

static void
decide(struct slot *slot, const struct mt_validation *validation)
{
	struct mt_line *line = slot->line;
	const struct mt_decide_input in = {
		.op = line->op,
		.evidence = &line->evidence,
		.provenance = line->provenance,
		.account = &line->facts,
		.policy = &line->effective,
		.validation = validation,
		.tlsa = &line->tlsa,
		.now_usec = line->at_usec,
		.clock_sane = line->clock_sane,
		.ready = true,
		.evidence_filled = true,
	};
	struct mt_verdict verdict;

	mt_decide(&in, &verdict);
	slot->answer = mt_line_format_verdict(line, &verdict);
	slot->owner->failed |= !slot->answer;
}

static void
on_validation(const struct mt_validation *validation, void *userdata)
{
	static const struct mt_validation failed = {.state = MT_VALIDATION_FAILED};
	struct slot *slot = userdata;

	slot->job = NULL;
	decide(slot, mt_validation_is_sane(validation, &slot->line->refs) ? validation : &failed);
}

static int
ask_worker(struct slot *slot)
{
	struct mt_line *line = slot->line;
	struct mt_chain_request request = {
		.n_chain = line->evidence.n_chain,
		.staple = line->evidence.staple,
		.refs = line->refs,
		.tlsa = line->tlsa,
		.at_usec = line->evidence.established_at_usec,
		.own_anchors = line->own_anchors,
		.n_anchors = line->n_anchors,
		.allowed_anchors = line->effective.m.anchors,
	};

	memcpy(request.chain, line->evidence.chain, sizeof(request.chain));
	memcpy(request.anchors, line->anchors, sizeof(request.anchors));
	return mt_jobs_chain(slot->owner->jobs, &request, on_validation, slot, &slot->job);
}

static void
judge(struct slot *slot)
{
	struct mt_validation without = {.state = MT_VALIDATION_NO_CHAIN,
					.revocation = MT_REVOCATION_NOT_CHECKED};
	const struct mt_evidence *ev = &slot->line->evidence;

	if (ev->chain_oversized)
		without.state = MT_VALIDATION_MALFORMED;
	else if (ev->transport != MT_TRANSPORT_NONE && !ev->tls_failed && ev->n_chain > 0) {
		if (ask_worker(slot) == 0)
			return;
		without.state = MT_VALIDATION_FAILED;
	}
	decide(slot, &without);
}

static void
accept_line(struct evaluate *e, const char *text, size_t size)
{
	struct slot *slot = &e->slots[(e->first + e->n++) % WINDOW];
	struct mt_diag diag = {0};
	int r;

	slot->owner = e;
	slot->answer = NULL;
	slot->line = malloc(sizeof(*slot->line));
	if (!slot->line) {
		e->failed = true;
		return;
	}
	r = mt_line_read(text, size, mt_clock_wall(mt_clock_system()), slot->line, &diag);
	if (r == 0) {
		judge(slot);
		return;
	}
	slot->answer = mt_line_format_error(slot->line, r > 0 ? diag.message : strerror(-r));
	e->failed |= !slot->answer;
}

/* Writes every answer at the head of the ring. */
static void
flush_answers(struct evaluate *e)
{
	while (e->n > 0 && e->slots[e->first].answer) {
		struct slot *slot = &e->slots[e->first];

		if (fprintf(e->out, "%s\n", slot->answer) < 0)
			e->failed = true;
		free(slot->answer);
		mt_line_clear(slot->line);
		free(slot->line);
		memset(slot, 0, sizeof(*slot));
		e->first = (e->first + 1) % WINDOW;
		e->n--;
	}
	if (fflush(e->out) != 0)
		e->failed = true;
}

static void
wait_for_room(struct evaluate *e, size_t most)
{
	flush_answers(e);
	while (e->n > most && !e->failed) {
		if (event_base_loop(e->base, EVLOOP_ONCE) != 0)
			e->failed = true;
		flush_answers(e);
	}
}

/* Takes whole lines out of the buffer; at the end of the input the last one needs no newline. An
 * empty line is a malformed one: the n-th answer is of the n-th line. */
static void
take_lines(struct evaluate *e, bool at_end)
{
	size_t start = 0;
	char *newline;

	while (!e->failed && start < e->used) {
		size_t size;

		newline = memchr(e->buffer + start, '\n', e->used - start);
		if (!newline && !at_end)
			break;
		size = newline ? (size_t)(newline - e->buffer) - start : e->used - start;
		if (!e->skipping) {
			wait_for_room(e, WINDOW - 1);
			accept_line(e, e->buffer + start, size);
		}
		e->skipping = false;
		start += size + (newline ? 1 : 0);
	}
	memmove(e->buffer, e->buffer + start, e->used - start);
	e->used -= start;
	if (e->used == MT_JSON_LINE_MAX) {
		/* No newline within the bound: the line is answered with an error, its rest
		 * skipped. */
		if (!e->skipping) {
			wait_for_room(e, WINDOW - 1);
			accept_line(e, "\"over-long line\"", 16);
		}
		e->skipping = true;
		e->used = 0;
	}
}

/* Nothing to read yet, but answers are under way: they must not wait for the next line. */
static bool
input_waits(struct evaluate *e, int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return e->n == 0 || poll(&poll_fd, 1, 0) != 0;
}

static void
run(struct evaluate *e, int fd)
{
	ssize_t n = 1;

	while (n > 0 && !e->failed) {
		if (!input_waits(e, fd)) {
			wait_for_room(e, e->n - 1);
			continue;
		}
		n = read(fd, e->buffer + e->used, MT_JSON_LINE_MAX - e->used);
		if (n < 0 && errno == EINTR) {
			n = 1;
			continue;
		}
		if (n > 0)
			e->used += (size_t)n;
		take_lines(e, n <= 0);
	}
	if (n < 0)
		e->failed = true;
	wait_for_room(e, 0);
}

int
mt_evaluate(struct event_base *base, int control_fd, int fd, FILE *out)
{
	const struct mt_jobs_options options = {.chain_only = true};
	struct evaluate e = {.base = base, .out = out};
	int r = mt_jobs_new(base, control_fd, &options, &e.jobs);

	e.buffer = malloc(MT_JSON_LINE_MAX);
	if (r || !e.buffer)
		e.failed = true;
	else
		run(&e, fd);
	for (; e.n > 0; e.n--, e.first = (e.first + 1) % WINDOW) {
		struct slot *slot = &e.slots[e.first];

		mt_job_cancel(slot->job);
		if (slot->line)
			mt_line_clear(slot->line);
		free(slot->line);
		free(slot->answer);
	}
	mt_jobs_free(e.jobs);
	free(e.buffer);
	return e.failed ? MT_EXIT_INTERNAL : MT_EXIT_OK;
}
