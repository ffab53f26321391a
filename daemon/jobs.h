/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_JOBS_H
#define MT_DAEMON_JOBS_H

/*
 * Requests to the workers: judge a chain, resolve a host, look SRV and TLSA up, probe a server,
 * fetch a revocation answer, fetch a document with server settings.
 *
 * Owns the keeper's ends of the worker sockets and asks the spawner for new workers. A worker dying
 * is an ordinary event: every request it had been sent answers FAILED, requests not yet sent wait
 * for its successor until their deadline, and the successor is asked for at once, then after 1, 2,
 * 4 … 30 s while they keep dying young. Replies are matched by request id and type; what does not
 * match, or does not decode, ends that worker.
 *
 * An operation is an object: the callback runs exactly once, never from inside the function that
 * started it, and the job is gone when it returns; mt_job_cancel() before that guarantees no
 * callback, and tells the net worker to stop. What cannot be done (worker down, deadline, too many,
 * too large) is the FAILED state of the result, never a weaker answer. The caller still asks
 * mt_validation_is_sane().
 */

#include "daemon/worker/spawner.h"
#include "daemon/worker/wire.h"

struct event_base;
struct mt_jobs;
struct mt_job;

struct mt_jobs_options {
	bool chain_only; /* --evaluate: no net worker is started; resolve and probe answer FAILED */
	uint64_t chain_usec;      /* deadlines; 0: the defaults of policy/limits.h */
	uint64_t resolve_usec;    /* of SRV and TLSA too */
	int64_t old_anchors_usec; /* how long unreadable anchors serve on; 0: the default */
	/* Something changed that the keeper may want to log or announce; may be NULL. */
	void (*on_state)(void *userdata, enum mt_worker_role role, bool ready, const char *what);
	void *userdata;
};

/* Takes the control socket of the spawner (mt_spawner_start()) and asks for the workers. */
MT_MUST_CHECK int mt_jobs_new(struct event_base *base, int control_fd,
			      const struct mt_jobs_options *options, struct mt_jobs **ret);
/* Cancels everything, without callbacks; the workers end. Not from inside a callback. NULL is
 * accepted. Returns NULL. */
struct mt_jobs *mt_jobs_free(struct mt_jobs *jobs);
MT_DEFINE_CLEANUP(struct mt_jobs *, mt_jobs_free);

/* The pointers handed to callbacks are valid during the call only. */
typedef void (*mt_jobs_chain_fn)(const struct mt_validation *validation, void *userdata);
typedef void (*mt_jobs_revocation_fn)(const struct mt_validation *validation,
				      const struct mt_fetch_orders *orders, void *userdata);
typedef void (*mt_jobs_resolve_fn)(const struct mt_addresses *addresses, void *userdata);
typedef void (*mt_jobs_srv_fn)(const struct mt_srv_rrset *rrset, void *userdata);
typedef void (*mt_jobs_tlsa_fn)(const struct mt_tlsa_rrset *rrset, void *userdata);
/* The callback may take the evidence: copy the struct, then zero the one it was given. */
typedef void (*mt_jobs_probe_fn)(struct mt_probe_result *result, void *userdata);
typedef void (*mt_jobs_fetch_fn)(const struct mt_fetched *fetched, void *userdata);
typedef void (*mt_jobs_digest_fn)(const struct mt_digest_rrset *rrset, void *userdata);
typedef void (*mt_jobs_document_fn)(const struct mt_document_reply *reply, void *userdata);

/* Start. Borrowed arguments are needed during the call only. Return: 0, or -ENOMEM. */
MT_MUST_CHECK int mt_jobs_chain(struct mt_jobs *jobs, const struct mt_chain_request *request,
				mt_jobs_chain_fn callback, void *userdata, struct mt_job **ret);
/* A chain whose certificates all need an answer on revocation, with what was fetched for it; also
 * says what should be. */
MT_MUST_CHECK int mt_jobs_revocation(struct mt_jobs *jobs, const struct mt_chain_request *request,
				     mt_jobs_revocation_fn callback, void *userdata,
				     struct mt_job **ret);
MT_MUST_CHECK int mt_jobs_resolve(struct mt_jobs *jobs, const char *host,
				  mt_jobs_resolve_fn callback, void *userdata, struct mt_job **ret);
/* SRV of a normalised name ("_imaps._tcp.example.test"). */
MT_MUST_CHECK int mt_jobs_srv(struct mt_jobs *jobs, const char *name, mt_jobs_srv_fn callback,
			      void *userdata, struct mt_job **ret);
/* TLSA of a service on a normalised host name: its addresses first, and _port._tcp.host where they
 * are secure (D-DANE-01, D-DANE-02). mt_tlsa_rrset_status() says what the answer means; FAILED is
 * UNDETERMINED. */
MT_MUST_CHECK int mt_jobs_tlsa(struct mt_jobs *jobs, const char *host, uint16_t port,
			       mt_jobs_tlsa_fn callback, void *userdata, struct mt_job **ret);
MT_MUST_CHECK int mt_jobs_probe(struct mt_jobs *jobs, const struct mt_probe_request *request,
				mt_jobs_probe_fn callback, void *userdata, struct mt_job **ret);
MT_MUST_CHECK int mt_jobs_fetch(struct mt_jobs *jobs, const struct mt_fetch_request *request,
				mt_jobs_fetch_fn callback, void *userdata, struct mt_job **ret);

/* Digests of PACC in TXT of a normalised name. */
MT_MUST_CHECK int mt_jobs_digest(struct mt_jobs *jobs, const char *name, mt_jobs_digest_fn callback,
				 void *userdata, struct mt_job **ret);
/* A document; what it came with is yet to be judged. */
MT_MUST_CHECK int mt_jobs_document(struct mt_jobs *jobs, const struct mt_document_request *request,
				   mt_jobs_document_fn callback, void *userdata,
				   struct mt_job **ret);

/* Forgets a job that has not called back. NULL is accepted. Returns NULL. */
struct mt_job *mt_job_cancel(struct mt_job *job);
MT_DEFINE_CLEANUP(struct mt_job *, mt_job_cancel);

/* The chain worker is up, and usable. */
bool mt_jobs_ready(const struct mt_jobs *jobs);

/* The anchors generation of the chain worker that serves now, for cache keys; NULL while none has
 * been ready yet. Changes only between callbacks. n_anchors may be NULL. */
const uint8_t *mt_jobs_generation(const struct mt_jobs *jobs, uint32_t *ret_n_anchors);

/* Starts a chain worker with freshly read anchors; it takes over when it is ready and the old one
 * drains. One that fails to load leaves the old one in place (on_state says so). */
MT_MUST_CHECK int mt_jobs_reload(struct mt_jobs *jobs);

/* Verdicts may rest on this generation: its anchors could be read, within the last hour again
 * (DESIGN §8). Also while the worker restarts. */
bool mt_jobs_usable(const struct mt_jobs *jobs);

/* The trust store could not be read when it was tried last: the keeper tries again. */
bool mt_jobs_anchors_are_old(const struct mt_jobs *jobs);

/* For status, statistics and tests: pid of the worker that serves a role, 0 where none does. */
pid_t mt_jobs_worker_pid(const struct mt_jobs *jobs, enum mt_worker_role role);

#endif
