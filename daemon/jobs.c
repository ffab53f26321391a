/* SPDX-License-Identifier: MIT */
/* Requests to the workers, each answered exactly once. */

#include "daemon/jobs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "daemon/jobs-link.h"

/* What tells the kinds of job apart: where it goes and what may answer it. */
struct kind {
	enum mt_worker_role role;
	enum mt_wire_type reply;
	/* Decodes body, or answers FAILED where body has no data, and calls back.
	 * Return: false, with no call, where the body is malformed. */
	bool (*answer)(const struct mt_job *job, struct mt_bytes body);
};

struct mt_job {
	struct mt_jobs *jobs;
	TAILQ_ENTRY(mt_job) entry;
	const struct kind *kind;
	uint64_t id;
	struct mt_link *link; /* it was sent to; NULL while it waits */
	uint8_t *message;     /* while it waits */
	size_t message_size;
	struct event *deadline;
	union {
		mt_jobs_chain_fn chain;
		mt_jobs_resolve_fn resolve;
		mt_jobs_srv_fn srv;
		mt_jobs_tlsa_fn tlsa;
		mt_jobs_probe_fn probe;
	} callback;
	void *userdata;
};

struct mt_jobs {
	struct event_base *base;
	struct mt_jobs_options options;
	struct mt_links *links;
	TAILQ_HEAD(, mt_job) list; /* oldest first */
	size_t n[MT_WORKER_ROLE_COUNT];
	uint64_t last_id;
	uint8_t generation[32]; /* of the last chain worker that was ready */
	uint32_t n_anchors;
	bool has_generation;
	bool has_unreadable; /* that worker found no anchors it could read */
	struct mt_wire_message scratch;
};

static bool
answer_chain(const struct mt_job *job, struct mt_bytes body)
{
	struct mt_validation validation = {0};

	if (body.data && mt_wire_decode_validation(body, &validation) != 0)
		return false;
	job->callback.chain(&validation, job->userdata);
	return true;
}

static bool
answer_resolve(const struct mt_job *job, struct mt_bytes body)
{
	struct mt_addresses addresses = {0};

	if (body.data && mt_wire_decode_addresses(body, &addresses) != 0)
		return false;
	job->callback.resolve(&addresses, job->userdata);
	return true;
}

static bool
answer_srv(const struct mt_job *job, struct mt_bytes body)
{
	struct mt_srv_rrset rrset = {0};

	if (!body.data)
		rrset.rrset.dnssec = MT_DNSSEC_UNDETERMINED;
	else if (mt_wire_decode_srv_rrset(body, &rrset) != 0)
		return false;
	job->callback.srv(&rrset, job->userdata);
	return true;
}

static bool
answer_tlsa(const struct mt_job *job, struct mt_bytes body)
{
	struct mt_tlsa_rrset rrset = {0};

	if (!body.data)
		rrset.address = rrset.rrset.dnssec = MT_DNSSEC_UNDETERMINED;
	else if (mt_wire_decode_tlsa_rrset(body, &rrset) != 0)
		return false;
	job->callback.tlsa(&rrset, job->userdata);
	return true;
}

static bool
answer_probe(const struct mt_job *job, struct mt_bytes body)
{
	struct mt_probe_result result = {0};
	int r = body.data ? mt_wire_decode_evidence(body, &result) : 0;

	if (r > 0)
		return false;
	job->callback.probe(&result, job->userdata); /* short of memory: FAILED */
	mt_probe_result_clear(&result);
	return true;
}

static const struct kind kinds[] = {
	[MT_WIRE_CHAIN] = {MT_WORKER_CHAIN, MT_WIRE_VALIDATION, answer_chain},
	[MT_WIRE_RESOLVE] = {MT_WORKER_NET, MT_WIRE_ADDRESSES, answer_resolve},
	[MT_WIRE_SRV] = {MT_WORKER_NET, MT_WIRE_SRV_RRSET, answer_srv},
	[MT_WIRE_TLSA] = {MT_WORKER_NET, MT_WIRE_TLSA_RRSET, answer_tlsa},
	[MT_WIRE_PROBE] = {MT_WORKER_NET, MT_WIRE_EVIDENCE, answer_probe},
};

static struct mt_job *
free_job(struct mt_job *job)
{
	if (job->deadline)
		event_free(job->deadline);
	free(job->message);
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
	if (job->link != link || job->kind->reply != header->type || body.size == 0)
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
on_gone(void *userdata, struct mt_link *link)
{
	struct mt_jobs *jobs = userdata;
	struct mt_job *job;

	do { /* from the start each time: a callback may change the list */
		TAILQ_FOREACH(job, &jobs->list, entry)
		if (job->link == link)
			break;
		if (job)
			fail_job(job);
	} while (job);
}

static void
on_writable(void *userdata, enum mt_worker_role role)
{
	struct mt_jobs *jobs = userdata;
	struct mt_job *job;

	TAILQ_FOREACH(job, &jobs->list, entry)
	{
		if (job->kind->role != role || !job->message)
			continue;
		if (mt_links_send(jobs->links, role, job->message, job->message_size, &job->link) !=
		    0)
			return;
		free(job->message);
		job->message = NULL;
	}
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
	mt_links_free(jobs->links);
	free(jobs);
	return NULL;
}

static int
new_job(struct mt_jobs *jobs, enum mt_wire_type type, void *userdata, struct mt_job **ret)
{
	struct mt_job *job = calloc(1, sizeof(*job));

	if (!job)
		return -ENOMEM;
	job->jobs = jobs;
	job->kind = &kinds[type];
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

/* Sends what was encoded to jobs->scratch, or keeps it for later, or lets the job fail in the next
 * round where it cannot be served. Owns the job. */
static int
start_job(struct mt_jobs *jobs, struct mt_job *job, int encoded, uint64_t usec, struct mt_job **ret)
{
	enum mt_worker_role role = job->kind->role;
	bool doomed = encoded != 0 || jobs->n[role] >= MT_JOBS_MAX ||
		      (jobs->options.chain_only && role != MT_WORKER_CHAIN);
	struct timeval limit = {.tv_sec = (time_t)(usec / MT_USEC_PER_SEC),
				.tv_usec = (suseconds_t)(usec % MT_USEC_PER_SEC)};

	if (doomed)
		limit = (struct timeval){0};
	else if (mt_links_send(jobs->links, role, jobs->scratch.data, jobs->scratch.size,
			       &job->link) != 0) {
		job->message = malloc(jobs->scratch.size);
		if (!job->message) {
			free_job(job);
			return -ENOMEM;
		}
		memcpy(job->message, jobs->scratch.data, jobs->scratch.size);
		job->message_size = jobs->scratch.size;
	}
	jobs->last_id = job->id;
	if (evtimer_add(job->deadline, &limit) < 0) {
		free_job(job);
		return -ENOMEM;
	}

	TAILQ_INSERT_TAIL(&jobs->list, job, entry);
	jobs->n[role]++;
	*ret = job;
	return 0;
}

int
mt_jobs_chain(struct mt_jobs *jobs, const struct mt_chain_request *request,
	      mt_jobs_chain_fn callback, void *userdata, struct mt_job **ret)
{
	struct mt_job *job;
	int r = new_job(jobs, MT_WIRE_CHAIN, userdata, &job);

	if (r < 0)
		return r;
	job->callback.chain = callback;
	r = mt_wire_encode_chain(&jobs->scratch, job->id, request);
	return start_job(jobs, job, r, jobs->options.chain_usec, ret);
}

int
mt_jobs_resolve(struct mt_jobs *jobs, const char *host, mt_jobs_resolve_fn callback, void *userdata,
		struct mt_job **ret)
{
	struct mt_job *job;
	int r = new_job(jobs, MT_WIRE_RESOLVE, userdata, &job);

	if (r < 0)
		return r;
	job->callback.resolve = callback;
	r = mt_wire_encode_resolve(&jobs->scratch, job->id, host);
	return start_job(jobs, job, r, jobs->options.resolve_usec, ret);
}

int
mt_jobs_srv(struct mt_jobs *jobs, const char *name, mt_jobs_srv_fn callback, void *userdata,
	    struct mt_job **ret)
{
	struct mt_job *job;
	int r = new_job(jobs, MT_WIRE_SRV, userdata, &job);

	if (r < 0)
		return r;
	job->callback.srv = callback;
	r = mt_wire_encode_srv(&jobs->scratch, job->id, name);
	return start_job(jobs, job, r, jobs->options.resolve_usec, ret);
}

int
mt_jobs_tlsa(struct mt_jobs *jobs, const char *host, uint16_t port, mt_jobs_tlsa_fn callback,
	     void *userdata, struct mt_job **ret)
{
	struct mt_job *job;
	int r = new_job(jobs, MT_WIRE_TLSA, userdata, &job);

	if (r < 0)
		return r;
	job->callback.tlsa = callback;
	r = mt_wire_encode_tlsa(&jobs->scratch, job->id, host, port);
	return start_job(jobs, job, r, jobs->options.resolve_usec, ret);
}

int
mt_jobs_probe(struct mt_jobs *jobs, const struct mt_probe_request *request,
	      mt_jobs_probe_fn callback, void *userdata, struct mt_job **ret)
{
	struct mt_job *job;
	uint64_t usec = (uint64_t)request->deadline_msec * 1000;
	int r = new_job(jobs, MT_WIRE_PROBE, userdata, &job);

	if (r < 0)
		return r;
	job->callback.probe = callback;
	if (usec > (uint64_t)MT_DIALOGUE_USEC)
		usec = (uint64_t)MT_DIALOGUE_USEC;
	r = mt_wire_encode_probe(&jobs->scratch, job->id, request);
	return start_job(jobs, job, r, usec + MT_WORKER_GRACE_USEC, ret);
}

/* The chain worker's children end by themselves; a question to DNS would go on for seconds. */
static void
tell_worker(struct mt_job *job)
{
	struct mt_jobs *jobs = job->jobs;

	if (!job->link || job->kind->role != MT_WORKER_NET ||
	    mt_wire_encode_cancel(&jobs->scratch, job->id) != 0)
		return;
	mt_links_tell(jobs->links, job->link, jobs->scratch.data, jobs->scratch.size);
}

struct mt_job *
mt_job_cancel(struct mt_job *job)
{
	if (!job)
		return NULL;

	tell_worker(job);
	unlink_job(job);
	return free_job(job);
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
