/* SPDX-License-Identifier: MIT */
/* Checks in flight: what is gathered, and whom that is asked. */

#include "daemon/verdicts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/references.h"
#include "daemon/revocation.h"
#include "daemon/verdicts-private.h"
#include "policy/discovery.h"

struct mt_check {
	struct mt_verdicts *verdicts;
	struct mt_question question;
	struct mt_live live;
	struct mt_tlsa_set *tlsa; /* owned; NULL: none applies, or it is waited for */
	struct mt_tlsa_wait *wait;
	struct mt_refids refs;
	uint8_t refs_sha256[32]; /* D-ID-10: taken before the chain goes to the worker */
	uint8_t key[32];
	bool cacheable;
	struct mt_job *job;               /* SRV, then either a chain alone, */
	struct mt_revocation *revocation; /* or with its revocation */
	mt_answer_fn callback;
	void *userdata;
};

/* What the chain worker would be asked. */
struct judgement {
	struct mt_chain_request request;
	uint8_t key[32];
	bool has_key;
};

static int
start_tlsa(void *jobs, const char *host, uint16_t port, mt_jobs_tlsa_fn callback,
	   void *callback_userdata, struct mt_job **ret)
{
	return mt_jobs_tlsa(jobs, host, port, callback, callback_userdata, ret);
}

int
mt_verdicts_new(const struct mt_verdicts_options *options, struct mt_verdicts **ret)
{
	MT_CLEANUP(mt_verdicts_freep) struct mt_verdicts *v = calloc(1, sizeof(*v));
	const struct mt_tlsa_cache_options tlsa = {.base = options->base,
						   .clock = options->clock,
						   .start = start_tlsa,
						   .cancel = mt_job_cancel,
						   .userdata = options->jobs};
	int r;

	if (!v)
		return -ENOMEM;
	v->o = *options;
	v->scratch = malloc(sizeof(*v->scratch));
	if (!v->scratch)
		return -ENOMEM;
	r = mt_chain_cache_new(&v->cache);
	if (r)
		return r;
	r = mt_tlsa_cache_new(&tlsa, &v->tlsa);
	if (r)
		return r;
	*ret = mt_steal(&v);
	return 0;
}

struct mt_verdicts *
mt_verdicts_free(struct mt_verdicts *v)
{
	if (!v)
		return NULL;
	mt_tlsa_cache_free(v->tlsa);
	mt_chain_cache_free(v->cache);
	free(v->scratch);
	free(v);
	return NULL;
}

const struct mt_verdicts_stats *
mt_verdicts_get_stats(const struct mt_verdicts *v)
{
	return &v->stats;
}

void
mt_question_clear(struct mt_question *question)
{
	mt_evidence_clear(&question->evidence);
	mt_check_options_clear(&question->options);
	free(question->trial);
	memset(question, 0, sizeof(*question));
}

/* -- gathering --------------------------------------------------------------------------------- */

/* A session resumed by its leaf's digest is as good as the one it was set up with (D-TLS-12). */
static const struct mt_validation *
find_session(struct mt_verdicts *v, const struct mt_question *q, const struct mt_gathered *g,
	     int64_t now_usec)
{
	const uint8_t *generation = mt_jobs_generation(v->o.jobs, NULL);
	uint8_t key[32];

	if (!q->evidence.tls_resumed || !generation ||
	    !mt_evidence_has(&q->evidence, MT_EV_LEAF_SHA256) ||
	    mt_chain_cache_session_key(v->cache, g->id, q->evidence.host, q->evidence.leaf_sha256,
				       &g->tlsa, mt_store_get_epoch(v->o.store), generation,
				       key) != 0)
		return NULL;
	return mt_chain_cache_find(v->cache, key, now_usec);
}

static int
gather(struct mt_verdicts *v, const struct mt_question *q, const struct mt_live *live,
       struct mt_gathered *g)
{
	const struct mt_actor actor = {.uid = q->uid};
	int r = mt_accounts_find(v->o.accounts, actor, &q->account, &g->account);

	if (r == MT_ACCOUNTS_E_UNKNOWN)
		return MT_VERDICTS_E_UNKNOWN;
	if (r)
		return r < 0 ? r : -EIO;
	mt_account_id_format(&q->account, g->id);
	mt_account_facts(g->account, &q->evidence, mt_clock_wall(v->o.clock), &g->facts);
	/* REQUIREMENTS 4.9: a new server of an account in use is looked at before it is saved, and
	 * judged as if it were. */
	if (q->is_probe && q->trial)
		mt_account_facts_assume(g->account, q->trial, &g->facts);
	else if (q->is_probe && g->facts.endpoint == MT_ENDPOINT_CANDIDATE)
		g->facts.endpoint = MT_ENDPOINT_SAVED;
	g->effective = mt_accounts_effective(v->o.accounts, g->account);
	if (q->options.request) {
		*v->scratch = *g->effective;
		mt_effective_join(v->scratch, q->options.request, MT_LAYER_REQUEST);
		g->effective = v->scratch;
	}
	mt_live_apply(live, q, g);
	/* No identifiers is no error: rows 10-14 answer before a name could matter. */
	if (mt_refids_build(&g->facts.reference, &g->refs) != 0)
		memset(&g->refs, 0, sizeof(g->refs));
	return 0;
}

/* set NULL: nobody was asked. Whether DNS has a say is looked at again: the account may have
 * changed since, and what nobody asked is not known to be absent. */
static void
gather_tlsa(struct mt_verdicts *v, const struct mt_question *q, const struct mt_tlsa_set *set,
	    struct mt_gathered *g)
{
	if (!mt_verdicts_needs_tlsa(q, g))
		g->tlsa = (struct mt_tlsa){.status = MT_TLSA_ABSENT};
	else if (set)
		g->tlsa = *mt_tlsa_set_get(set);
	else
		g->tlsa = (struct mt_tlsa){.status = MT_TLSA_UNDETERMINED};
	g->session = find_session(v, q, g, mt_clock_wall(v->o.clock));
	g->facts.resumable = g->session != NULL;
}

static void
make_request(const struct mt_question *q, const struct mt_gathered *g, struct mt_chain_request *ret)
{
	const struct mt_evidence *ev = &q->evidence;

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->chain, ev->chain, sizeof(ret->chain));
	ret->n_chain = ev->n_chain;
	ret->staple = ev->staple;
	ret->refs = g->refs;
	ret->tlsa = g->tlsa;
	/* Dates are judged when the handshake ended; in phase handshake, now (REQUIREMENTS 0.2). */
	ret->at_usec =
		q->options.phase == MT_PHASE_FINAL ? ev->established_at_usec : ev->observed_at_usec;
	ret->allowed_anchors = g->effective->m.anchors;
	ret->wants_revocation = mt_value(g->effective, MT_FIELD_REVOCATION) >= MT_REVOCATION_SOFT;
}

static bool
needs_judge(const struct mt_evidence *ev)
{
	return ev->transport != MT_TRANSPORT_NONE && !ev->tls_failed && ev->n_chain > 0 &&
	       !ev->chain_oversized;
}

/* -- the worker's answer ----------------------------------------------------------------------- */

/* A chain that is not valid yet will be one day, and a worker that failed said nothing. */
static bool
may_remember(const struct mt_validation *val)
{
	return (val->state == MT_VALIDATION_DONE &&
		!(val->faults & MT_BIT(MT_CERT_NOT_YET_VALID))) ||
	       val->state == MT_VALIDATION_MALFORMED;
}

static int64_t
expiry_of(const struct mt_validation *val, const struct mt_tlsa *tlsa, int64_t now_usec)
{
	/* What PKIX refused is looked at again soon: its fault may be the server's to mend. DANE
	 * may have accepted it, by usage 2 for no longer than its dates hold; those that are over
	 * already did not matter. */
	const int64_t soon = now_usec + 300 * MT_USEC_PER_SEC;
	const bool is_dated = val->pkix_valid || val->not_after_usec > now_usec;
	int64_t expires = is_dated ? val->not_after_usec : soon;

	if (!val->pkix_valid && soon < expires)
		expires = soon;
	return mt_verdicts_bound(expires, tlsa);
}

/* Row 29 ends such a question before the chain could matter, so nothing of it is judged. */
static bool
is_ended_by_dns(const struct mt_tlsa *tlsa)
{
	return tlsa->status == MT_TLSA_BOGUS || tlsa->status == MT_TLSA_UNDETERMINED;
}

/* The validation, where one is needed and known; NULL: the worker is to be asked. */
static const struct mt_validation *
find_validation(struct mt_verdicts *v, const struct mt_question *q, const struct mt_gathered *g,
		struct judgement *ret)
{
	static const struct mt_validation no_chain = {.state = MT_VALIDATION_NO_CHAIN,
						      .revocation = MT_REVOCATION_NOT_CHECKED};
	static const struct mt_validation oversized = {.state = MT_VALIDATION_MALFORMED,
						       .revocation = MT_REVOCATION_NOT_CHECKED};
	const uint8_t *generation = mt_jobs_generation(v->o.jobs, NULL);
	const struct mt_validation *validation = NULL;

	if (is_ended_by_dns(&g->tlsa))
		return &no_chain;
	if (q->evidence.chain_oversized)
		return &oversized;
	if (!needs_judge(&q->evidence))
		return g->session ? g->session : &no_chain;
	make_request(q, g, &ret->request);
	ret->has_key = generation && mt_chain_cache_key(v->cache, q->uid, &ret->request, generation,
							ret->key) == 0;
	if (ret->has_key)
		validation = mt_chain_cache_find(v->cache, ret->key, mt_clock_wall(v->o.clock));
	if (validation)
		v->stats.warm++;
	return validation;
}

static void
free_check(struct mt_check *check)
{
	mt_tlsa_set_unref(check->tlsa);
	mt_question_clear(&check->question);
	free(check);
}

/* Answers a check that took time. r: what gathering said. */
static void
finish(struct mt_check *check, int r, struct mt_gathered *g, const struct mt_validation *validation)
{
	struct mt_verdicts *v = check->verdicts;
	struct mt_answer *a = &v->late;

	if (r == 0) {
		mt_verdicts_answer(v, &check->question, g, validation, a);
	} else {
		/* The account went away meanwhile. */
		memset(a, 0, sizeof(*a));
		mt_verdict_add(&a->verdict, r == MT_VERDICTS_E_UNKNOWN ? MT_REASON_ACCOUNT_UNKNOWN
								       : MT_REASON_DAEMON_DEGRADED);
		mt_verdicts_fill_reply(v, &check->question, a);
	}
	check->callback(a, check->userdata);
	free_check(check);
}

static void
on_validation(const struct mt_validation *result, void *userdata)
{
	static const struct mt_validation failed = {.state = MT_VALIDATION_FAILED};
	struct mt_check *check = userdata;
	struct mt_verdicts *v = check->verdicts;
	struct mt_gathered g = {0};
	int r = gather(v, &check->question, &check->live, &g);

	check->job = NULL;
	check->revocation = NULL;
	gather_tlsa(v, &check->question, check->tlsa, &g);
	g.refs_sha256 = check->refs_sha256;
	/* Another host or domain was set meanwhile: what was judged is not what is asked. */
	if (!mt_validation_is_sane(result, &check->refs) ||
	    memcmp(&g.refs, &check->refs, sizeof(g.refs)) != 0)
		result = &failed;
	if (r == 0 && check->cacheable && may_remember(result))
		mt_chain_cache_put(v->cache, check->key, result,
				   expiry_of(result, &g.tlsa, mt_clock_wall(v->o.clock)));
	finish(check, r, &g, result);
}

static int
start_job(struct mt_check *check, const struct mt_chain_request *request)
{
	const struct mt_verdicts *v = check->verdicts;
	const struct mt_revocation_options options = {
		.jobs = v->o.jobs, .clock = v->o.clock, .may_fetch_local = v->o.may_fetch_local};

	if (request->wants_revocation)
		return mt_revocation_start(&options, request, on_validation, check,
					   &check->revocation);
	return mt_jobs_chain(v->o.jobs, request, on_validation, check, &check->job);
}

static int
ask_worker(struct mt_check *check, const struct mt_gathered *g, const struct judgement *judgement)
{
	struct mt_verdicts *v = check->verdicts;
	int r;

	check->refs = g->refs;
	mt_references_digest(&check->refs, check->refs_sha256);
	r = start_job(check, &judgement->request);
	if (r)
		return r;
	check->cacheable = judgement->has_key;
	memcpy(check->key, judgement->key, sizeof(check->key));
	v->stats.cold++;
	return 0;
}

/* -- the answer of DNS ------------------------------------------------------------------------- */

/* set NULL: none applies. */
static void
on_tlsa(struct mt_tlsa_set *set, void *userdata)
{
	struct mt_check *check = userdata;
	struct mt_verdicts *v = check->verdicts;
	const struct mt_validation *validation = NULL;
	struct judgement judgement;
	struct mt_gathered g = {0};
	int r = gather(v, &check->question, &check->live, &g);

	check->wait = NULL;
	check->tlsa = set ? mt_tlsa_set_ref(set) : NULL;
	if (r == 0) {
		gather_tlsa(v, &check->question, set, &g);
		validation = find_validation(v, &check->question, &g, &judgement);
		if (!validation) {
			r = ask_worker(check, &g, &judgement);
			if (r == 0)
				return;
		}
	}
	finish(check, r, &g, validation);
}

/* R-5.1-13: the answer holds for this connection alone. */
static void
on_live(const struct mt_srv_rrset *answer, void *userdata)
{
	struct mt_check *check = userdata;
	struct mt_verdicts *v = check->verdicts;
	const struct mt_question *q = &check->question;
	struct mt_tlsa_set *set = NULL;
	struct mt_gathered g = {0};
	bool has_tlsa;
	int r;

	check->job = NULL;
	mt_live_read(answer, q, mt_clock_wall(v->o.clock), &check->live);
	r = gather(v, q, &check->live, &g);
	has_tlsa = r == 0 && mt_verdicts_needs_tlsa(q, &g);
	if (has_tlsa)
		set = mt_verdicts_find_tlsa(v, q);
	if (has_tlsa && !set)
		r = mt_tlsa_cache_wait(v->tlsa, q->uid, q->evidence.host, q->evidence.port, on_tlsa,
				       check, &check->wait);
	if (r)
		finish(check, r, &g, NULL);
	else if (!check->wait)
		on_tlsa(set, check);
}

static int
new_check(struct mt_verdicts *v, mt_answer_fn callback, void *userdata, struct mt_check **ret)
{
	struct mt_check *check = calloc(1, sizeof(*check));

	if (!check)
		return -ENOMEM;
	check->verdicts = v;
	check->callback = callback;
	check->userdata = userdata;
	*ret = check;
	return 0;
}

/* The question becomes the check's, unless it could not be asked. */
static int
hand_over(struct mt_check *check, int r, struct mt_question *q, struct mt_check **ret)
{
	if (r) {
		free_check(check);
		return r < 0 ? r : -EIO;
	}
	check->question = *q;
	memset(q, 0, sizeof(*q));
	*ret = check;
	return MT_VERDICTS_E_LATER;
}

struct mt_check *
mt_check_cancel(struct mt_check *check)
{
	if (!check)
		return NULL;
	mt_tlsa_wait_cancel(check->wait);
	mt_job_cancel(check->job);
	mt_revocation_cancel(check->revocation);
	free_check(check);
	return NULL;
}

static int
ask_live(struct mt_verdicts *v, const struct mt_gathered *g, struct mt_question *q,
	 mt_answer_fn callback, void *userdata, struct mt_check **ret)
{
	char name[MT_DOMAIN_SIZE];
	struct mt_check *check;
	int r = new_check(v, callback, userdata, &check);

	if (r)
		return r;
	r = mt_discovery_name(mt_live_service(q, g), g->account->domain, name);
	if (r == 0)
		r = mt_jobs_srv(v->o.jobs, name, on_live, check, &check->job);
	return hand_over(check, r, q, ret);
}

/* A name too long for a label has no SRV records: nothing to ask about. */
static bool
needs_live(const struct mt_question *q, const struct mt_gathered *g)
{
	const struct mt_service *service = mt_live_service(q, g);
	char name[MT_DOMAIN_SIZE];

	return service && mt_discovery_name(service, g->account->domain, name) == 0;
}

int
mt_verdicts_ask(struct mt_verdicts *v, struct mt_question *q, struct mt_answer *ret_answer,
		mt_answer_fn callback, void *userdata, struct mt_check **ret_check)
{
	static const struct mt_live not_asked = {0};
	const struct mt_validation *validation;
	struct mt_tlsa_set *tlsa = NULL;
	struct mt_check *check = NULL;
	struct judgement judgement;
	struct mt_gathered g = {0};
	bool has_tlsa;
	int r = gather(v, q, &not_asked, &g);

	if (r)
		return r;
	if (needs_live(q, &g))
		return ask_live(v, &g, q, callback, userdata, ret_check);
	has_tlsa = mt_verdicts_needs_tlsa(q, &g);
	if (has_tlsa)
		tlsa = mt_verdicts_find_tlsa(v, q);
	if (has_tlsa && !tlsa) {
		r = new_check(v, callback, userdata, &check);
		if (r == 0)
			r = hand_over(check,
				      mt_tlsa_cache_wait(v->tlsa, q->uid, q->evidence.host,
							 q->evidence.port, on_tlsa, check,
							 &check->wait),
				      q, ret_check);
		return r;
	}
	gather_tlsa(v, q, tlsa, &g);
	validation = find_validation(v, q, &g, &judgement);
	if (!validation) {
		r = new_check(v, callback, userdata, &check);
		if (r)
			return r;
		check->tlsa = tlsa ? mt_tlsa_set_ref(tlsa) : NULL;
		return hand_over(check, ask_worker(check, &g, &judgement), q, ret_check);
	}
	mt_verdicts_answer(v, q, &g, validation, ret_answer);
	mt_question_clear(q);
	return 0;
}
