/* SPDX-License-Identifier: MIT */
/* Requests to the workers, each answered exactly once. */

#include "daemon/jobs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "daemon/jobs-private.h"

static struct mt_job *
free_job(struct mt_job *job)
{
	if (job->deadline)
		event_free(job->deadline);
	free(job->message);
	free(job->parts.data);
	free(job);
	return NULL;
}

static void
unlink_job(struct mt_job *job)
{
	TAILQ_REMOVE(&job->jobs->list, job, entry);
	job->jobs->n[job->kind->role]--;
}

/* The callback may start, cancel and wait for anything but this job, which is out of the list. */
static void
fail_job(struct mt_job *job)
{
	unlink_job(job);
	(void)job->kind->answer(job, (struct mt_bytes){0});
	free_job(job);
}

/* Overdue, or doomed from the start (then never sent). A worker keeps deadlines of its own: one
 * that lets ours pass is stuck, and replaced. */
static void
on_deadline(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_job *job = userdata;
	struct mt_jobs *jobs = job->jobs;

	if (job->link)
		mt_links_drop(jobs->links, job->link, "did not answer in time");
	else
		fail_job(job);
}

static struct mt_job *
find_job(struct mt_jobs *jobs, uint64_t id)
{
	struct mt_job *job;

	TAILQ_FOREACH(job, &jobs->list, entry)
	if (job->id == id)
		return job;
	return NULL;
}

static bool
on_message(void *userdata, struct mt_link *link, const struct mt_wire_header *header,
	   struct mt_bytes body)
{
	struct mt_jobs *jobs = userdata;
	struct mt_job *job = find_job(jobs, header->id);
	bool good;

	if (!job) /* cancelled since; but not one that was never asked */
		return header->id != 0 && header->id <= jobs->last_id;
	if (job->link != link || body.size == 0)
		return false;
	if (header->type == MT_WIRE_PART)
		return mt_wire_parts_add(&job->parts, body, job->kind->parts_max) == 0;
	if (job->kind->reply != header->type)
		return false;

	unlink_job(job);
	good = job->kind->answer(job, body);
	if (good) {
		free_job(job);
	} else { /* with the others of this worker */
		TAILQ_INSERT_HEAD(&jobs->list, job, entry);
		jobs->n[job->kind->role]++;
	}
	return good;
}

static void
drop_withdrawn(struct mt_job *job)
{
	TAILQ_REMOVE(&job->jobs->withdrawn, job, entry);
	free_job(job);
}

static void
on_gone(void *userdata, struct mt_link *link)
{
	struct mt_jobs *jobs = userdata;
	struct mt_job *job, *next;

	for (job = TAILQ_FIRST(&jobs->withdrawn); job; job = next) {
		next = TAILQ_NEXT(job, entry);
		if (job->link == link)
			drop_withdrawn(job);
	}
	do { /* from the start each time: a callback may change the list */
		TAILQ_FOREACH(job, &jobs->list, entry)
		if (job->link == link)
			break;
		if (job)
			fail_job(job);
	} while (job);
}

/* A part of the job went to a worker that has been succeeded since: it fails in the next round. */
static void
give_up(struct mt_job *job)
{
	static const struct timeval now = {0};

	job->link = NULL;
	free(job->message);
	job->message = NULL;
	(void)evtimer_add(job->deadline, &now);
}

/* Sends message after message of a job that waits. Return: whether there is room for more. */
static bool
send_waiting(struct mt_job *job)
{
	while (job->sent < job->message_size) {
		const uint8_t *next = job->message + job->sent;
		const size_t size = mt_wire_message_size(next);
		struct mt_link *link;

		if (mt_links_send(job->jobs->links, job->kind->role, next, size, &link) != 0)
			return false;
		if (job->link && job->link != link) {
			give_up(job);
			return true;
		}
		job->link = link;
		job->sent += size;
	}
	free(job->message);
	job->message = NULL;
	return true;
}

/* Tells the worker that nobody waits any more: it would go on for seconds, and keep others from
 * their turn. Return: false where there is no room for that yet. */
static bool
withdraw(struct mt_job *job)
{
	struct mt_jobs *jobs = job->jobs;

	if (!job->link || mt_wire_encode_cancel(&jobs->scratch, job->id) != 0)
		return true;
	return mt_links_tell(jobs->links, job->link, jobs->scratch.data, jobs->scratch.size) == 0;
}

static void
on_writable(void *userdata, enum mt_worker_role role)
{
	struct mt_jobs *jobs = userdata;
	struct mt_job *job, *next;

	for (job = TAILQ_FIRST(&jobs->withdrawn); job; job = next) {
		next = TAILQ_NEXT(job, entry);
		if (job->kind->role == role && !withdraw(job))
			return;
		if (job->kind->role == role)
			drop_withdrawn(job);
	}
	TAILQ_FOREACH(job, &jobs->list, entry)
	if (job->kind->role == role && job->message && !send_waiting(job))
		return;
}

static void
on_state(void *userdata, enum mt_worker_role role, bool ready, const char *what)
{
	struct mt_jobs *jobs = userdata;
	const struct mt_wire_ready *chain = mt_links_serving(jobs->links, MT_WORKER_CHAIN, NULL);

	if (chain) {
		memcpy(jobs->generation, chain->generation, sizeof(jobs->generation));
		jobs->n_anchors = chain->n_anchors;
		jobs->has_generation = true;
		jobs->has_unreadable = chain->anchors == MT_ANCHORS_UNREADABLE;
	}
	if (jobs->options.on_state)
		jobs->options.on_state(jobs->options.userdata, role, ready, what);
}

int
mt_jobs_new(struct event_base *base, int control_fd, const struct mt_jobs_options *options,
	    struct mt_jobs **ret)
{
	MT_CLEANUP(mt_jobs_freep) struct mt_jobs *jobs = calloc(1, sizeof(*jobs));
	const struct mt_links_ops ops = {.on_message = on_message,
					 .on_gone = on_gone,
					 .on_writable = on_writable,
					 .on_state = on_state,
					 .userdata = jobs};
	int r;

	if (!jobs)
		return -ENOMEM;
	TAILQ_INIT(&jobs->list);
	TAILQ_INIT(&jobs->withdrawn);
	jobs->base = base;
	jobs->options = *options;
	if (jobs->options.chain_usec == 0)
		jobs->options.chain_usec = MT_WORKER_JOB_USEC + MT_WORKER_GRACE_USEC;
	if (jobs->options.resolve_usec == 0)
		jobs->options.resolve_usec = MT_DNS_USEC + MT_WORKER_GRACE_USEC;
	if (jobs->options.old_anchors_usec == 0)
		jobs->options.old_anchors_usec = MT_OLD_ANCHORS_USEC;
	r = mt_links_new(base, control_fd, options->chain_only, &ops, &jobs->links);
	if (r < 0)
		return r;

	*ret = mt_steal(&jobs);
	return 0;
}

struct mt_jobs *
mt_jobs_free(struct mt_jobs *jobs)
{
	if (!jobs)
		return NULL;

	while (!TAILQ_EMPTY(&jobs->list))
		mt_job_cancel(TAILQ_FIRST(&jobs->list));
	while (!TAILQ_EMPTY(&jobs->withdrawn))
		drop_withdrawn(TAILQ_FIRST(&jobs->withdrawn));
	mt_links_free(jobs->links);
	free(jobs);
	return NULL;
}

int
mt_job_new(struct mt_jobs *jobs, const struct mt_job_kind *kind, void *userdata,
	   struct mt_job **ret)
{
	struct mt_job *job = calloc(1, sizeof(*job));

	if (!job)
		return -ENOMEM;
	job->jobs = jobs;
	job->kind = kind;
	job->id = jobs->last_id + 1;
	job->userdata = userdata;
	job->deadline = evtimer_new(jobs->base, on_deadline, job);
	if (!job->deadline) {
		free_job(job);
		return -ENOMEM;
	}
	*ret = job;
	return 0;
}

void
mt_job_cancel_new(struct mt_job *job)
{
	free_job(job);
}

/* Keeps what was encoded until it can be sent, behind what the job has already. */
static int
keep(struct mt_job *job, const struct mt_wire_message *message)
{
	uint8_t *whole = realloc(job->message, job->message_size + message->size);

	if (!whole)
		return -ENOMEM;
	memcpy(whole + job->message_size, message->data, message->size);
	job->message = whole;
	job->message_size += message->size;
	return 0;
}

int
mt_job_add_parts(struct mt_job *job, struct mt_bytes bytes)
{
	struct mt_wire_message *scratch = &job->jobs->scratch;

	while (bytes.size > 0) {
		const struct mt_bytes part = {
			bytes.data, bytes.size < MT_WIRE_PART_MAX ? bytes.size : MT_WIRE_PART_MAX};
		int r = mt_wire_encode_part(scratch, job->id, part);

		if (r == 0)
			r = keep(job, scratch);
		if (r != 0)
			return r < 0 ? r : -EINVAL;
		bytes.data += part.size;
		bytes.size -= part.size;
	}
	return 0;
}

/* At once where that can be, else as far as there is room. */
static int
send_or_keep(struct mt_job *job)
{
	struct mt_jobs *jobs = job->jobs;
	int r;

	if (!job->message && mt_links_send(jobs->links, job->kind->role, jobs->scratch.data,
					   jobs->scratch.size, &job->link) == 0)
		return 0;
	r = keep(job, &jobs->scratch);
	if (r == 0)
		(void)send_waiting(job);
	return r;
}

int
mt_job_start(struct mt_job *job, int encoded, uint64_t usec, struct mt_job **ret)
{
	struct mt_jobs *jobs = job->jobs;
	enum mt_worker_role role = job->kind->role;
	bool doomed = encoded != 0 || jobs->n[role] >= MT_JOBS_MAX ||
		      (jobs->options.chain_only && role != MT_WORKER_CHAIN);
	struct timeval limit = {.tv_sec = (time_t)(usec / MT_USEC_PER_SEC),
				.tv_usec = (suseconds_t)(usec % MT_USEC_PER_SEC)};

	if (doomed) {
		limit = (struct timeval){0};
		free(job->message);
		job->message = NULL;
	}
	if (evtimer_add(job->deadline, &limit) < 0 || (!doomed && send_or_keep(job) < 0)) {
		free_job(job);
		return -ENOMEM;
	}
	jobs->last_id = job->id;
	TAILQ_INSERT_TAIL(&jobs->list, job, entry);
	jobs->n[role]++;
	*ret = job;
	return 0;
}

struct mt_job *
mt_job_cancel(struct mt_job *job)
{
	if (!job)
		return NULL;

	unlink_job(job);
	if (withdraw(job))
		return free_job(job);
	event_del(job->deadline);
	TAILQ_INSERT_TAIL(&job->jobs->withdrawn, job, entry);
	return NULL;
}

bool
mt_jobs_ready(const struct mt_jobs *jobs)
{
	const struct mt_wire_ready *ready = mt_links_serving(jobs->links, MT_WORKER_CHAIN, NULL);

	return ready && mt_jobs_usable(jobs);
}

bool
mt_jobs_usable(const struct mt_jobs *jobs)
{
	return !jobs->has_unreadable &&
	       mt_links_anchors_age(jobs->links) < jobs->options.old_anchors_usec;
}

bool
mt_jobs_anchors_are_old(const struct mt_jobs *jobs)
{
	return mt_links_anchors_age(jobs->links) > 0;
}

const uint8_t *
mt_jobs_generation(const struct mt_jobs *jobs, uint32_t *ret_n_anchors)
{
	if (!jobs->has_generation)
		return NULL;
	if (ret_n_anchors)
		*ret_n_anchors = jobs->n_anchors;
	return jobs->generation;
}

int
mt_jobs_reload(struct mt_jobs *jobs)
{
	return mt_links_renew(jobs->links, MT_WORKER_CHAIN);
}

pid_t
mt_jobs_worker_pid(const struct mt_jobs *jobs, enum mt_worker_role role)
{
	pid_t pid = 0;

	(void)mt_links_serving(jobs->links, role, &pid);
	return pid;
}
