/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_JOBS_PRIVATE_H
#define MT_DAEMON_JOBS_PRIVATE_H

/*
 * What daemon/jobs.c (the life of a job: sent, awaited, answered once) and daemon/jobs-kinds.c
 * (what each kind asks and how its answer is read) share. Nobody else includes this.
 */

#include <sys/queue.h>

#include "daemon/jobs-link.h"

/* What tells the kinds of job apart: where it goes and what may answer it. */
struct mt_job_kind {
	enum mt_worker_role role;
	enum mt_wire_type reply;
	size_t parts_max; /* what may come ahead of the reply in parts; 0: nothing */
	/* Decodes body, or answers FAILED where body has no data, and calls back.
	 * Return: false, with no call, where the body is malformed. */
	bool (*answer)(const struct mt_job *job, struct mt_bytes body);
};

struct mt_job {
	struct mt_jobs *jobs;
	TAILQ_ENTRY(mt_job) entry;
	const struct mt_job_kind *kind;
	uint64_t id;
	struct mt_link *link; /* it was sent to, or the first part of it; NULL while it waits */
	uint8_t *message;     /* while it waits: whole messages, one after the other */
	size_t message_size;
	size_t sent;                /* of message */
	struct mt_wire_parts parts; /* of the reply, so far */
	struct event *deadline;
	union {
		mt_jobs_chain_fn chain;
		mt_jobs_revocation_fn revocation;
		mt_jobs_resolve_fn resolve;
		mt_jobs_srv_fn srv;
		mt_jobs_tlsa_fn tlsa;
		mt_jobs_probe_fn probe;
		mt_jobs_fetch_fn fetch;
		mt_jobs_digest_fn digest;
		mt_jobs_document_fn document;
	} callback;
	void *userdata;
};

struct mt_jobs {
	struct event_base *base;
	struct mt_jobs_options options;
	struct mt_links *links;
	TAILQ_HEAD(job_list, mt_job) list; /* oldest first */
	struct job_list withdrawn;         /* cancelled, and their worker has not been told yet */
	size_t n[MT_WORKER_ROLE_COUNT];
	uint64_t last_id;
	uint8_t generation[32]; /* of the last chain worker that was ready */
	uint32_t n_anchors;
	bool has_generation;
	bool has_unreadable; /* that worker found no anchors it could read */
	struct mt_wire_message scratch;
};

/* A job that is in no list yet: mt_job_start() or mt_job_cancel_new() comes next. */
MT_MUST_CHECK int mt_job_new(struct mt_jobs *jobs, const struct mt_job_kind *kind, void *userdata,
			     struct mt_job **ret);
void mt_job_cancel_new(struct mt_job *job);

/* Bytes that go ahead of the request in parts. Uses jobs->scratch. Return: 0 or negative errno. */
MT_MUST_CHECK int mt_job_add_parts(struct mt_job *job, struct mt_bytes bytes);

/* Sends what was encoded to jobs->scratch, or keeps it for later, or lets the job fail in the next
 * round where it cannot be served. Owns the job. */
MT_MUST_CHECK int mt_job_start(struct mt_job *job, int encoded, uint64_t usec, struct mt_job **ret);

#endif
