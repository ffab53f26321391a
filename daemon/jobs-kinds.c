/* SPDX-License-Identifier: MIT */
/* What can be asked of the workers: each kind's request beside its answer. */

#include <string.h>

#include "daemon/jobs-private.h"

/* -- chain ------------------------------------------------------------------------------------- */

static bool
answer_chain(const struct mt_job *job, struct mt_bytes body)
{
	struct mt_validation validation = {0};

	if (body.data && mt_wire_decode_validation(body, &validation) != 0)
		return false;
	job->callback.chain(&validation, job->userdata);
	return true;
}

int
mt_jobs_chain(struct mt_jobs *jobs, const struct mt_chain_request *request,
	      mt_jobs_chain_fn callback, void *userdata, struct mt_job **ret)
{
	static const struct mt_job_kind kind = {MT_WORKER_CHAIN, MT_WIRE_VALIDATION, 0,
						answer_chain};
	struct mt_job *job;
	int r = mt_job_new(jobs, &kind, userdata, &job);

	if (r < 0)
		return r;
	job->callback.chain = callback;
	r = mt_wire_encode_chain(&jobs->scratch, job->id, request);
	return mt_job_start(job, r, jobs->options.chain_usec, ret);
}

/* -- revocation -------------------------------------------------------------------------------- */

static bool
answer_revocation(const struct mt_job *job, struct mt_bytes body)
{
	struct mt_validation validation = {0};
	struct mt_fetch_orders orders = {0};

	if (body.data && mt_wire_decode_report(body, &validation, &orders) != 0)
		return false;
	job->callback.revocation(&validation, &orders, job->userdata);
	return true;
}

int
mt_jobs_revocation(struct mt_jobs *jobs, const struct mt_chain_request *request,
		   mt_jobs_revocation_fn callback, void *userdata, struct mt_job **ret)
{
	static const struct mt_job_kind kind = {MT_WORKER_CHAIN, MT_WIRE_REPORT, 0,
						answer_revocation};
	struct mt_job *job;
	int r = mt_job_new(jobs, &kind, userdata, &job);

	if (r < 0)
		return r;
	job->callback.revocation = callback;
	for (size_t i = 0; i < request->n_fetched && r == 0; i++)
		r = mt_job_add_parts(job, request->fetched[i]);
	if (r < 0) {
		mt_job_cancel_new(job);
		return r;
	}
	r = mt_wire_encode_revocation(&jobs->scratch, job->id, request);
	return mt_job_start(job, r, jobs->options.chain_usec, ret);
}

/* -- resolve ----------------------------------------------------------------------------------- */

static bool
answer_resolve(const struct mt_job *job, struct mt_bytes body)
{
	struct mt_addresses addresses = {0};

	if (body.data && mt_wire_decode_addresses(body, &addresses) != 0)
		return false;
	job->callback.resolve(&addresses, job->userdata);
	return true;
}

int
mt_jobs_resolve(struct mt_jobs *jobs, const char *host, mt_jobs_resolve_fn callback, void *userdata,
		struct mt_job **ret)
{
	static const struct mt_job_kind kind = {MT_WORKER_NET, MT_WIRE_ADDRESSES, 0,
						answer_resolve};
	struct mt_job *job;
	int r = mt_job_new(jobs, &kind, userdata, &job);

	if (r < 0)
		return r;
	job->callback.resolve = callback;
	r = mt_wire_encode_resolve(&jobs->scratch, job->id, host);
	return mt_job_start(job, r, jobs->options.resolve_usec, ret);
}

/* -- srv and tlsa ------------------------------------------------------------------------------ */

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

int
mt_jobs_srv(struct mt_jobs *jobs, const char *name, mt_jobs_srv_fn callback, void *userdata,
	    struct mt_job **ret)
{
	static const struct mt_job_kind kind = {MT_WORKER_NET, MT_WIRE_SRV_RRSET, 0, answer_srv};
	struct mt_job *job;
	int r = mt_job_new(jobs, &kind, userdata, &job);

	if (r < 0)
		return r;
	job->callback.srv = callback;
	r = mt_wire_encode_srv(&jobs->scratch, job->id, name);
	return mt_job_start(job, r, jobs->options.resolve_usec, ret);
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

int
mt_jobs_tlsa(struct mt_jobs *jobs, const char *host, uint16_t port, mt_jobs_tlsa_fn callback,
	     void *userdata, struct mt_job **ret)
{
	static const struct mt_job_kind kind = {MT_WORKER_NET, MT_WIRE_TLSA_RRSET, 0, answer_tlsa};
	struct mt_job *job;
	int r = mt_job_new(jobs, &kind, userdata, &job);

	if (r < 0)
		return r;
	job->callback.tlsa = callback;
	r = mt_wire_encode_tlsa(&jobs->scratch, job->id, host, port);
	return mt_job_start(job, r, jobs->options.resolve_usec, ret);
}

/* -- probe ------------------------------------------------------------------------------------- */

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

int
mt_jobs_probe(struct mt_jobs *jobs, const struct mt_probe_request *request,
	      mt_jobs_probe_fn callback, void *userdata, struct mt_job **ret)
{
	static const struct mt_job_kind kind = {MT_WORKER_NET, MT_WIRE_EVIDENCE, 0, answer_probe};
	struct mt_job *job;
	uint64_t usec = (uint64_t)request->deadline_msec * 1000;
	int r = mt_job_new(jobs, &kind, userdata, &job);

	if (r < 0)
		return r;
	job->callback.probe = callback;
	if (usec > (uint64_t)MT_DIALOGUE_USEC)
		usec = (uint64_t)MT_DIALOGUE_USEC;
	r = mt_wire_encode_probe(&jobs->scratch, job->id, request);
	return mt_job_start(job, r, usec + MT_WORKER_GRACE_USEC, ret);
}

/* -- fetch ------------------------------------------------------------------------------------- */

static bool
answer_fetch(const struct mt_job *job, struct mt_bytes body)
{
	const struct mt_bytes parts = {job->parts.data, job->parts.size};
	struct mt_fetched fetched = {0};

	if (body.data && mt_wire_decode_fetched(body, parts, &fetched) != 0)
		return false;
	job->callback.fetch(&fetched, job->userdata);
	return true;
}

int
mt_jobs_fetch(struct mt_jobs *jobs, const struct mt_fetch_request *request,
	      mt_jobs_fetch_fn callback, void *userdata, struct mt_job **ret)
{
	static const struct mt_job_kind kind = {MT_WORKER_NET, MT_WIRE_FETCHED, MT_FETCH_BYTES_MAX,
						answer_fetch};
	struct mt_job *job;
	uint64_t usec = (uint64_t)request->deadline_msec * 1000;
	int r = mt_job_new(jobs, &kind, userdata, &job);

	if (r < 0)
		return r;
	job->callback.fetch = callback;
	if (usec > (uint64_t)MT_FETCH_USEC)
		usec = (uint64_t)MT_FETCH_USEC;
	r = mt_wire_encode_fetch(&jobs->scratch, job->id, request);
	return mt_job_start(job, r, usec + MT_WORKER_GRACE_USEC, ret);
}

/* -- digest and document ----------------------------------------------------------------------- */

static bool
answer_digest(const struct mt_job *job, struct mt_bytes body)
{
	struct mt_digest_rrset rrset = {0};

	if (!body.data)
		rrset.rrset.dnssec = MT_DNSSEC_UNDETERMINED;
	else if (mt_wire_decode_digests(body, &rrset) != 0)
		return false;
	job->callback.digest(&rrset, job->userdata);
	return true;
}

int
mt_jobs_digest(struct mt_jobs *jobs, const char *name, mt_jobs_digest_fn callback, void *userdata,
	       struct mt_job **ret)
{
	static const struct mt_job_kind kind = {MT_WORKER_NET, MT_WIRE_DIGESTS, 0, answer_digest};
	struct mt_job *job;
	int r = mt_job_new(jobs, &kind, userdata, &job);

	if (r < 0)
		return r;
	job->callback.digest = callback;
	r = mt_wire_encode_digest(&jobs->scratch, job->id, name);
	return mt_job_start(job, r, jobs->options.resolve_usec, ret);
}

static bool
answer_document(const struct mt_job *job, struct mt_bytes body)
{
	struct mt_document_reply reply = {0};

	if (body.data && mt_wire_decode_read(body, &reply) != 0)
		return false;
	job->callback.document(&reply, job->userdata);
	return true;
}

int
mt_jobs_document(struct mt_jobs *jobs, const struct mt_document_request *request,
		 mt_jobs_document_fn callback, void *userdata, struct mt_job **ret)
{
	static const struct mt_job_kind kind = {MT_WORKER_NET, MT_WIRE_READ, 0, answer_document};
	struct mt_job *job;
	uint64_t usec = (uint64_t)request->deadline_msec * 1000;
	int r = mt_job_new(jobs, &kind, userdata, &job);

	if (r < 0)
		return r;
	job->callback.document = callback;
	if (usec > (uint64_t)MT_FETCH_USEC)
		usec = (uint64_t)MT_FETCH_USEC;
	r = mt_wire_encode_document(&jobs->scratch, job->id, request);
	return mt_job_start(job, r, usec + MT_WORKER_GRACE_USEC, ret);
}
