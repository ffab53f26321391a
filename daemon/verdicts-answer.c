/* SPDX-License-Identifier: MIT */
/* One verdict: decided, signed, written down. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <openssl/rand.h>

#include "daemon/references.h"
#include "daemon/verdicts-private.h"

static void
remember_session(struct mt_verdicts *v, const struct mt_question *q, const struct mt_gathered *g,
		 const struct mt_validation *val)
{
	const uint8_t *generation = mt_jobs_generation(v->o.jobs, NULL);
	uint8_t key[32];

	if (!generation || val->state != MT_VALIDATION_DONE)
		return;
	if (mt_chain_cache_session_key(v->cache, g->id, q->evidence.host, val->leaf_sha256,
				       &g->tlsa, mt_store_get_epoch(v->o.store), generation,
				       key) == 0)
		mt_chain_cache_put(v->cache, key, val,
				   mt_verdicts_bound(val->not_after_usec, &g->tlsa));
}

/* -- deciding ---------------------------------------------------------------------------------- */

/* Copied at once: the account is borrowed, and what follows may look at others. */
static void
note_client_cert(const struct mt_gathered *g, struct mt_answer *a)
{
	const struct mt_allowed_cert *cert =
		a->verdict.client_cert_fits ? mt_account_find_cert(g->account, g->effective) : NULL;

	a->has_client_cert = cert != NULL;
	if (cert)
		memcpy(a->client_cert, cert->sha256, sizeof(a->client_cert));
}

static void
decide(struct mt_verdicts *v, const struct mt_question *q, struct mt_gathered *g,
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
note_foreign_pin(struct mt_verdicts *v, const struct mt_question *q, const struct mt_gathered *g,
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
schedule_level(struct mt_verdicts *v, const struct mt_question *q, const struct mt_gathered *g,
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

/* In whole seconds (D-JOSE-10), of which there is one at least. */
static int64_t
expiry_of_verdict(const struct mt_gathered *g, int64_t iat_sec)
{
	int64_t latest = (iat_sec + (int64_t)g->effective->m.verdict_ttl_sec) * MT_USEC_PER_SEC;
	int64_t exp_sec;

	if (g->live_until_usec != 0 && g->live_until_usec < latest)
		latest = g->live_until_usec;
	/* 4.7: with the policy end its permissions; one that is over has given none */
	if (g->effective->m.not_after_usec > iat_sec * MT_USEC_PER_SEC &&
	    g->effective->m.not_after_usec < latest)
		latest = g->effective->m.not_after_usec;
	exp_sec = mt_verdicts_bound(latest, &g->tlsa) / MT_USEC_PER_SEC;
	return exp_sec > iat_sec ? exp_sec : iat_sec + 1;
}

static int
fill_claims(struct mt_verdicts *v, const struct mt_question *q, const struct mt_gathered *g,
	    const struct mt_validation *val, const struct mt_verdict *verdict, int64_t now_usec,
	    struct mt_token_claims *c)
{
	const struct mt_evidence *ev = &q->evidence;

	memset(c, 0, sizeof(*c));
	(void)snprintf(c->iss, sizeof(c->iss), "%s", mt_keys_issuer(v->o.keys));
	memcpy(c->sub, g->id, sizeof(g->id));
	c->uid = q->uid;
	c->iat_sec = now_usec / MT_USEC_PER_SEC;
	c->exp_sec = expiry_of_verdict(g, c->iat_sec);
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

void
mt_verdicts_fill_reply(struct mt_verdicts *v, const struct mt_question *q, struct mt_answer *a)
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
	/* R-5.5-03: a verdict that became another one meanwhile names none. */
	reply->has_client_certificate = a->verdict.client_cert_fits && a->has_client_cert;
	memcpy(reply->client_certificate, a->client_cert, sizeof(reply->client_certificate));
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

/* D-ID-10: a probe's names are those that were fixed before it connected, or nothing is proven. */
static bool
are_refs_as_fixed(const struct mt_question *q, const struct mt_gathered *g)
{
	uint8_t digest[32];

	if (!q->is_probe)
		return true;
	mt_references_digest(&g->refs, digest);
	return memcmp(digest, q->refs_sha256, sizeof(digest)) == 0;
}

static void
audit_validation(struct mt_verdicts *v, const struct mt_question *q, const struct mt_gathered *g,
		 const struct mt_validation *validation)
{
	const uint8_t *digest = q->is_probe ? q->refs_sha256 : g->refs_sha256;

	if (digest && validation->state == MT_VALIDATION_DONE)
		mt_audit_validation(v->o.audit, &(struct mt_audit_validation){
							.uid = q->uid,
							.account = &q->account,
							.evidence = &q->evidence,
							.refs = &g->refs,
							.refs_sha256 = digest,
							.validation = validation,
						});
}

void
mt_verdicts_answer(struct mt_verdicts *v, struct mt_question *q, struct mt_gathered *g,
		   const struct mt_validation *validation, struct mt_answer *a)
{
	int64_t now_usec = mt_clock_wall(v->o.clock);
	static const struct mt_validation failed = {.state = MT_VALIDATION_FAILED};
	struct mt_token_claims claims;
	int r;

	if (!are_refs_as_fixed(q, g))
		validation = &failed;
	audit_validation(v, q, g, validation);
	decide(v, q, g, validation, now_usec, &a->verdict);
	note_client_cert(g, a);
	note_foreign_pin(v, q, g, &a->verdict);
	consume(v, q, &a->verdict);
	r = fill_claims(v, q, g, validation, &a->verdict, now_usec, &claims);
	mt_verdicts_fill_reply(v, q, a);
	if (r == 0)
		r = sign(v, q, &claims, a);
	if (r) {
		/* Row 1: without the key there is nothing but a denial. */
		memset(&a->verdict, 0, sizeof(a->verdict));
		mt_verdict_add(&a->verdict, MT_REASON_DAEMON_DEGRADED);
		a->token[0] = '\0';
		mt_verdicts_fill_reply(v, q, a);
	}
	audit(v, q, &claims, &a->verdict);
	if (a->verdict.resumable && !q->is_probe)
		remember_session(v, q, g, validation);
	schedule_level(v, q, g, &a->verdict);
	v->stats.verdicts++;
	v->stats.by_decision[a->verdict.decision]++;
}
