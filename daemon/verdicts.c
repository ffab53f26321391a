/* SPDX-License-Identifier: MIT */
/* Checks in flight. */

#include "daemon/verdicts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <openssl/rand.h>

struct mt_verdicts {
	struct mt_verdicts_options o;
	struct mt_chain_cache *cache;
	struct mt_verdicts_stats stats;
	struct mt_effective *scratch; /* effective joined with a request's layer; 20 KiB */
	struct mt_answer late;        /* the answer handed to a callback */
};

struct mt_check {
	struct mt_verdicts *verdicts;
	struct mt_question question;
	struct mt_refids refs;
	uint8_t key[32];
	bool cacheable;
	struct mt_job *job;
	mt_answer_fn callback;
	void *userdata;
};

/* What gathering found, before the validation. */
struct gathered {
	const struct mt_account *account;
	const struct mt_effective *effective;
	struct mt_account_facts facts;
	struct mt_refids refs;
	struct mt_tlsa tlsa;
	char id[MT_ACCOUNT_ID_TEXT];
	const struct mt_validation *session; /* of the session resumed; lives until a cache put */
};

int
mt_verdicts_new(const struct mt_verdicts_options *options, struct mt_verdicts **ret)
{
	MT_CLEANUP(mt_verdicts_freep) struct mt_verdicts *v = calloc(1, sizeof(*v));
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
	*ret = mt_steal(&v);
	return 0;
}

struct mt_verdicts *
mt_verdicts_free(struct mt_verdicts *v)
{
	if (!v)
		return NULL;
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
	memset(question, 0, sizeof(*question));
}

/* -- gathering --------------------------------------------------------------------------------- */

/* A session resumed by its leaf's digest is as good as the one it was set up with (D-TLS-12). */
static const struct mt_validation *
find_session(struct mt_verdicts *v, const struct mt_question *q, const struct gathered *g,
	     int64_t now_usec)
{
	const uint8_t *generation = mt_jobs_generation(v->o.jobs, NULL);
	uint8_t key[32];

	if (!q->evidence.tls_resumed || !generation ||
	    !mt_evidence_has(&q->evidence, MT_EV_LEAF_SHA256) ||
	    mt_chain_cache_session_key(v->cache, g->id, q->evidence.host, q->evidence.leaf_sha256,
				       mt_store_get_epoch(v->o.store), generation, key) != 0)
		return NULL;
	return mt_chain_cache_find(v->cache, key, now_usec);
}

static int
gather(struct mt_verdicts *v, const struct mt_question *q, struct gathered *g)
{
	const struct mt_actor actor = {.uid = q->uid};
	int r = mt_accounts_find(v->o.accounts, actor, &q->account, &g->account);

	if (r == MT_ACCOUNTS_E_UNKNOWN)
		return MT_VERDICTS_E_UNKNOWN;
	if (r)
		return r < 0 ? r : -EIO;
	mt_account_id_format(&q->account, g->id);
	mt_account_facts(g->account, &q->evidence, mt_clock_wall(v->o.clock), &g->facts);
	g->effective = mt_accounts_effective(v->o.accounts, g->account);
	if (q->options.request) {
		*v->scratch = *g->effective;
		mt_effective_join(v->scratch, q->options.request, MT_LAYER_REQUEST);
		g->effective = v->scratch;
	}
	/* No identifiers is no error: rows 10-14 answer before a name could matter. */
	if (mt_refids_build(&g->facts.reference, &g->refs) != 0)
		memset(&g->refs, 0, sizeof(g->refs));
	g->tlsa.status = MT_TLSA_ABSENT;
	g->session = find_session(v, q, g, mt_clock_wall(v->o.clock));
	g->facts.resumable = g->session != NULL;
	return 0;
}

static void
make_request(const struct mt_question *q, const struct gathered *g, struct mt_chain_request *ret)
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
}

static bool
needs_judge(const struct mt_evidence *ev)
{
	return ev->transport != MT_TRANSPORT_NONE && !ev->tls_failed && ev->n_chain > 0 &&
	       !ev->chain_oversized;
}

static void
remember_session(struct mt_verdicts *v, const struct mt_question *q, const struct gathered *g,
		 const struct mt_validation *val)
{
	const uint8_t *generation = mt_jobs_generation(v->o.jobs, NULL);
	uint8_t key[32];

	if (!generation || val->state != MT_VALIDATION_DONE)
		return;
	if (mt_chain_cache_session_key(v->cache, g->id, q->evidence.host, val->leaf_sha256,
				       mt_store_get_epoch(v->o.store), generation, key) == 0)
		mt_chain_cache_put(v->cache, key, val, val->not_after_usec);
}

/* -- deciding ---------------------------------------------------------------------------------- */

static void
decide(struct mt_verdicts *v, const struct mt_question *q, struct gathered *g,
       const struct mt_validation *validation, int64_t now_usec, struct mt_verdict *ret)
{
	const struct mt_decide_input in = {
		.op = q->op,
		.phase = q->options.phase,
		.evidence = &q->evidence,
		.provenance = q->provenance,
		.account = &g->facts,
		.policy = g->effective,
		.validation = validation,
		.tlsa = &g->tlsa,
		.now_usec = now_usec,
		.clock_sane = mt_clock_is_sane(v->o.clock, v->o.clock_must_be_synchronised),
		.ready = mt_store_get_state(v->o.store) != MT_STORE_DEGRADED &&
			 mt_jobs_usable(v->o.jobs),
	};

	mt_decide(&in, ret);
}

/* A single-use consent is used up, durably, before the verdict that needed it is given. */
static void
consume(struct mt_verdicts *v, const struct mt_question *q, struct mt_verdict *verdict)
{
	const struct mt_actor actor = {.uid = q->uid};
	const struct mt_evidence *ev = &q->evidence;

	if (!verdict->consumed || q->is_probe || q->options.phase != MT_PHASE_FINAL)
		return;
	if (mt_accounts_consume_consent(v->o.accounts, actor, &q->account,
					MT_CONSENT_PASSWORD_EXPOSURE, ev->proto, ev->host,
					ev->port) == 0)
		return;
	memset(verdict, 0, sizeof(*verdict));
	mt_verdict_add(verdict, MT_REASON_DAEMON_DEGRADED);
}

/* R-5.4-07: a leaf that another account pins counts for nothing here, and only the log is told. Not
 * looked up where the connection was confidential: such a leaf needs no pin. */
static void
note_foreign_pin(struct mt_verdicts *v, const struct mt_question *q, const struct gathered *g,
		 struct mt_verdict *verdict)
{
	const struct mt_evidence *ev = &q->evidence;

	if (!verdict->conf && ev->transport != MT_TRANSPORT_NONE &&
	    mt_evidence_has(ev, MT_EV_LEAF_SHA256))
		verdict->log_pin_other_account =
			mt_accounts_pin_elsewhere(v->o.accounts, g->account, ev->leaf_sha256);
}

struct level_note {
	struct mt_accounts *accounts;
	struct mt_account_id id;
	enum mt_proto proto;
	enum mt_level level;
};

static void
note_level(evutil_socket_t fd, short what, void *data)
{
	struct level_note *note = data;

	/* A level that could not be stored now is noted with the next connection. */
	(void)!mt_accounts_note_best(note->accounts, &note->id, note->proto, note->level);
	free(note);
}

/* The ratchet (row 47) rises after the answer: it costs a synced commit. */
static void
schedule_level(struct mt_verdicts *v, const struct mt_question *q, const struct gathered *g,
	       const struct mt_verdict *verdict)
{
	const struct timeval now = {0};
	struct level_note *note;

	if (q->is_probe || q->options.phase != MT_PHASE_FINAL || q->op < MT_OP_AUTHENTICATE ||
	    verdict->decision < MT_DECISION_AWC || g->facts.best >= verdict->level)
		return;
	note = malloc(sizeof(*note));
	if (!note)
		return;
	*note = (struct level_note){v->o.accounts, q->account, q->evidence.proto, verdict->level};
	if (event_base_once(v->o.base, -1, EV_TIMEOUT, note_level, note, &now) != 0)
		free(note);
}

/* -- answering --------------------------------------------------------------------------------- */

static void
set_binding(const struct mt_evidence *ev, struct mt_token_claims *claims)
{
	if (mt_evidence_has(ev, MT_EV_EXPORTER) && mt_evidence_has(ev, MT_EV_PEER) &&
	    mt_evidence_has(ev, MT_EV_LOCAL_PORT))
		claims->has_binding = mt_token_binding(ev->exporter, ev->peer, ev->port,
						       ev->local_port, claims->binding) == 0;
}

static int
fill_claims(struct mt_verdicts *v, const struct mt_question *q, const struct gathered *g,
	    const struct mt_validation *val, const struct mt_verdict *verdict, int64_t now_usec,
	    struct mt_token_claims *c)
{
	const struct mt_evidence *ev = &q->evidence;

	memset(c, 0, sizeof(*c));
	(void)snprintf(c->iss, sizeof(c->iss), "%s", mt_keys_issuer(v->o.keys));
	memcpy(c->sub, g->id, sizeof(g->id));
	c->uid = q->uid;
	c->iat_sec = now_usec / MT_USEC_PER_SEC;
	c->exp_sec = c->iat_sec + g->effective->m.verdict_ttl_sec;
	memcpy(c->nonce, q->options.nonce, q->options.nonce_size);
	c->nonce_size = q->options.nonce_size;
	c->decision = verdict->decision;
	c->conf = verdict->conf;
	c->op = q->op;
	c->proto = ev->proto;
	memcpy(c->host, ev->host, sizeof(c->host));
	c->port = ev->port;
	c->has_leaf = ev->transport != MT_TRANSPORT_NONE && mt_evidence_has(ev, MT_EV_LEAF_SHA256);
	memcpy(c->leaf_sha256, ev->leaf_sha256, sizeof(c->leaf_sha256));
	set_binding(ev, c);
	if (val->state == MT_VALIDATION_DONE)
		c->id = val->pkix_valid ? val->matched : val->dane_id;
	c->provenance = q->provenance;
	c->epoch = mt_store_get_epoch(v->o.store);
	memcpy(c->reasons, verdict->reasons, sizeof(c->reasons));
	c->n_reasons = verdict->n_reasons;
	c->layer = verdict->layer;
	return RAND_bytes(c->jti, sizeof(c->jti)) == 1 ? 0 : -EIO;
}

static bool
find_consent_kind(const struct mt_verdict *verdict, enum mt_consent_kind *ret)
{
	static const struct {
		enum mt_reason reason;
		enum mt_consent_kind kind;
	} wanted[] = {
		{MT_REASON_SRV_TARGET_OUT_OF_DOMAIN, MT_CONSENT_SRV_TARGET},
		{MT_REASON_OP_TEST_NEEDS_WARNING, MT_CONSENT_PASSWORD_EXPOSURE},
		{MT_REASON_CONF_WARNING_REQUIRED, MT_CONSENT_REDUCED_CONFIDENTIALITY},
		{MT_REASON_CONF_DOWNGRADED, MT_CONSENT_DOWNGRADE},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(wanted); i++)
		if (verdict->decision == MT_DECISION_CONFIRM &&
		    mt_verdict_has(verdict, wanted[i].reason)) {
			*ret = wanted[i].kind;
			return true;
		}
	return false;
}

static void
fill_reply(struct mt_verdicts *v, const struct mt_question *q, struct mt_answer *a)
{
	struct mt_check_reply *reply = &a->reply;

	memset(reply, 0, sizeof(*reply));
	reply->decision = a->verdict.decision;
	reply->conf = a->verdict.conf;
	memcpy(reply->reasons, a->verdict.reasons, sizeof(reply->reasons));
	reply->n_reasons = a->verdict.n_reasons;
	reply->token = a->token;
	reply->layer = a->verdict.layer;
	reply->provenance = q->provenance;
	reply->dane_absent = a->verdict.dane_absent;
	reply->epoch = mt_store_get_epoch(v->o.store);
	if (mt_verdict_has(&a->verdict, MT_REASON_EVIDENCE_INCOMPLETE))
		reply->missing = mt_evidence_missing(&q->evidence, q->op, q->options.phase);
	if (mt_verdict_has(&a->verdict, MT_REASON_EVIDENCE_INCONSISTENT))
		reply->contradiction = mt_evidence_contradiction(&q->evidence);
	reply->has_consent = find_consent_kind(&a->verdict, &reply->consent);
}

static void
audit(struct mt_verdicts *v, const struct mt_question *q, const struct mt_token_claims *claims,
      const struct mt_verdict *verdict)
{
	char jti[2 * MT_JTI_BYTES + 1];

	for (size_t i = 0; i < MT_JTI_BYTES; i++)
		(void)snprintf(jti + 2 * i, 3, "%02x", claims->jti[i]);
	mt_audit_decision(v->o.audit, &(struct mt_audit_decision){
					      .jti = jti,
					      .uid = q->uid,
					      .account = &q->account,
					      .epoch = claims->epoch,
					      .op = q->op,
					      .provenance = q->provenance,
					      .evidence = &q->evidence,
					      .verdict = verdict,
					      .identity = &claims->id,
				      });
}

/* Signs unless nothing may be bound to the verdict yet: phase handshake, and our own probes. */
static int
sign(struct mt_verdicts *v, const struct mt_question *q, const struct mt_token_claims *claims,
     struct mt_answer *a)
{
	size_t size;

	a->token[0] = '\0';
	if (q->is_probe || q->options.phase != MT_PHASE_FINAL)
		return 0;
	a->reply.expires_usec = claims->exp_sec * MT_USEC_PER_SEC;
	return mt_token_sign(mt_keys_signing(v->o.keys), claims, a->token, &size);
}

static void
answer(struct mt_verdicts *v, struct mt_question *q, struct gathered *g,
       const struct mt_validation *validation, struct mt_answer *a)
{
	int64_t now_usec = mt_clock_wall(v->o.clock);
	struct mt_token_claims claims;
	int r;

	decide(v, q, g, validation, now_usec, &a->verdict);
	note_foreign_pin(v, q, g, &a->verdict);
	consume(v, q, &a->verdict);
	r = fill_claims(v, q, g, validation, &a->verdict, now_usec, &claims);
	fill_reply(v, q, a);
	if (r == 0)
		r = sign(v, q, &claims, a);
	if (r) {
		/* Row 1: without the key there is nothing but a denial. */
		memset(&a->verdict, 0, sizeof(a->verdict));
		mt_verdict_add(&a->verdict, MT_REASON_DAEMON_DEGRADED);
		a->token[0] = '\0';
		fill_reply(v, q, a);
	}
	audit(v, q, &claims, &a->verdict);
	if (a->verdict.resumable && !q->is_probe)
		remember_session(v, q, g, validation);
	schedule_level(v, q, g, &a->verdict);
	v->stats.verdicts++;
	v->stats.by_decision[a->verdict.decision]++;
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
	/* What was refused is looked at again soon: its fault may be the server's to mend. */
	int64_t expires = val->pkix_valid ? val->not_after_usec : now_usec + 300 * MT_USEC_PER_SEC;

	if (tlsa->expires_usec && tlsa->expires_usec < expires)
		expires = tlsa->expires_usec;
	return expires;
}

static void
on_validation(const struct mt_validation *result, void *userdata)
{
	static const struct mt_validation failed = {.state = MT_VALIDATION_FAILED};
	struct mt_check *check = userdata;
	struct mt_verdicts *v = check->verdicts;
	struct mt_answer *a = &v->late;
	struct gathered g = {0};
	int r = gather(v, &check->question, &g);

	check->job = NULL;
	/* Another host or domain was set meanwhile: what was judged is not what is asked. */
	if (!mt_validation_is_sane(result, &check->refs) ||
	    memcmp(&g.refs, &check->refs, sizeof(g.refs)) != 0)
		result = &failed;
	if (r == 0 && check->cacheable && may_remember(result))
		mt_chain_cache_put(v->cache, check->key, result,
				   expiry_of(result, &g.tlsa, mt_clock_wall(v->o.clock)));
	if (r == 0) {
		answer(v, &check->question, &g, result, a);
	} else {
		/* The account went away while its chain was judged. */
		memset(a, 0, sizeof(*a));
		mt_verdict_add(&a->verdict, r == MT_VERDICTS_E_UNKNOWN ? MT_REASON_ACCOUNT_UNKNOWN
								       : MT_REASON_DAEMON_DEGRADED);
		fill_reply(v, &check->question, a);
	}
	check->callback(a, check->userdata);
	mt_question_clear(&check->question);
	free(check);
}

static int
ask_worker(struct mt_verdicts *v, struct mt_question *q, const struct gathered *g,
	   const struct mt_chain_request *request, const uint8_t *key, mt_answer_fn callback,
	   void *userdata, struct mt_check **ret)
{
	struct mt_check *check = calloc(1, sizeof(*check));
	int r;

	if (!check)
		return -ENOMEM;
	check->verdicts = v;
	check->refs = g->refs;
	check->cacheable = key != NULL;
	if (key)
		memcpy(check->key, key, 32);
	check->callback = callback;
	check->userdata = userdata;
	r = mt_jobs_chain(v->o.jobs, request, on_validation, check, &check->job);
	if (r) {
		free(check);
		return r;
	}
	check->question = *q;
	memset(q, 0, sizeof(*q));
	v->stats.cold++;
	*ret = check;
	return MT_VERDICTS_E_LATER;
}

struct mt_check *
mt_check_cancel(struct mt_check *check)
{
	if (!check)
		return NULL;
	mt_job_cancel(check->job);
	mt_question_clear(&check->question);
	free(check);
	return NULL;
}

int
mt_verdicts_ask(struct mt_verdicts *v, struct mt_question *q, struct mt_answer *ret_answer,
		mt_answer_fn callback, void *userdata, struct mt_check **ret_check)
{
	struct mt_validation without = {.state = MT_VALIDATION_NO_CHAIN,
					.revocation = MT_REVOCATION_NOT_CHECKED};
	const struct mt_validation *validation = NULL;
	const uint8_t *generation = mt_jobs_generation(v->o.jobs, NULL);
	int64_t now_usec = mt_clock_wall(v->o.clock);
	struct mt_chain_request request;
	struct gathered g = {0};
	uint8_t key[32];
	bool has_key;
	int r = gather(v, q, &g);

	if (r)
		return r;
	if (needs_judge(&q->evidence)) {
		make_request(q, &g, &request);
		has_key = generation &&
			  mt_chain_cache_key(v->cache, q->uid, &request, generation, key) == 0;
		if (has_key)
			validation = mt_chain_cache_find(v->cache, key, now_usec);
		if (!validation)
			return ask_worker(v, q, &g, &request, has_key ? key : NULL, callback,
					  userdata, ret_check);
		v->stats.warm++;
	} else if (q->evidence.chain_oversized) {
		without.state = MT_VALIDATION_MALFORMED;
		validation = &without;
	} else {
		validation = g.session ? g.session : &without;
	}
	answer(v, q, &g, validation, ret_answer);
	mt_question_clear(q);
	return 0;
}
