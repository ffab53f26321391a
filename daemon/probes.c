/* SPDX-License-Identifier: MIT */
/* Probes of endpoints. */

#include "daemon/probes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/host-memory.h"
#include "daemon/references.h"
#include "policy/domain.h"

#define UIDS_MAX 64
#define MINUTE_USEC (60 * MT_USEC_PER_SEC)

/* What one uid has probed since its minute began. */
struct budget {
	uint32_t uid;
	int64_t began_usec; /* monotonic; 0: free */
	unsigned int used;
};

struct mt_probes {
	struct mt_probes_options o;
	struct budget budgets[UIDS_MAX];
};

struct mt_probe_run {
	struct mt_probes *probes;
	uint32_t uid;
	struct mt_account_id account;
	struct mt_endpoint endpoint; /* as it was when it was asked about */
	bool is_trial;               /* it is not the account's */
	uint8_t refs_sha256[32];     /* of the names it may prove, before it was asked (D-ID-10) */
	struct mt_evidence seen;     /* owns nothing: chain and staple were taken by the question */
	struct mt_job *job;
	struct mt_check *check;
	mt_probes_fn callback;
	void *userdata;
};

int
mt_probes_new(const struct mt_probes_options *options, struct mt_probes **ret)
{
	struct mt_probes *probes = calloc(1, sizeof(*probes));

	if (!probes)
		return -ENOMEM;
	probes->o = *options;
	*ret = probes;
	return 0;
}

struct mt_probes *
mt_probes_free(struct mt_probes *probes)
{
	free(probes);
	return NULL;
}

/* The uid's budget, or the one that has been idle for longest. */
static struct budget *
find_budget(struct mt_probes *probes, uint32_t uid)
{
	struct budget *oldest = &probes->budgets[0];

	for (size_t i = 0; i < UIDS_MAX; i++) {
		struct budget *b = &probes->budgets[i];

		if (b->began_usec && b->uid == uid)
			return b;
		if (b->began_usec < oldest->began_usec)
			oldest = b;
	}
	return oldest;
}

static bool
take_budget(struct mt_probes *probes, uint32_t uid)
{
	struct budget *b = find_budget(probes, uid);
	int64_t now = mt_clock_monotonic(probes->o.clock);

	if (b->uid != uid || !b->began_usec || now - b->began_usec >= MINUTE_USEC)
		*b = (struct budget){.uid = uid, .began_usec = now ? now : 1};
	if (b->used == MT_PROBES_PER_MINUTE_MAX)
		return false;
	b->used++;
	return true;
}

static bool
is_mail_port(uint16_t port)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(mt_services); i++)
		if (mt_services[i].port == port)
			return true;
	return port >= 1024;
}

/* Loopback, link-local and unspecified addresses reach this machine or its link, not a provider. */
static bool
is_local_address(const char *address)
{
	uint8_t ip[16];
	size_t size = mt_ip_literal_parse(address, ip);

	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const uint8_t *v4 = size == 4 ? ip : ip + 12;

	if (size == 16 && memcmp(ip, mapped, 12) != 0)
		return (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80) || mt_host_is_loopback(address) ||
		       memcmp(ip, (const uint8_t[16]){0}, 16) == 0;
	return size == 0 || v4[0] == 127 || v4[0] == 0 || (v4[0] == 169 && v4[1] == 254);
}

/* An endpoint that was set up differently meanwhile is not what was looked at, nor what may be. */
static bool
is_unchanged(const struct mt_probe_run *run)
{
	const struct mt_actor actor = {.uid = run->uid};
	const struct mt_endpoint *endpoint = NULL;
	const struct mt_account *account;

	if (mt_accounts_find(run->probes->o.accounts, actor, &run->account, &account) == 0)
		endpoint = mt_account_find_endpoint(account, run->endpoint.proto,
						    run->endpoint.host, run->endpoint.port);
	return endpoint && mt_endpoint_is_same(endpoint, &run->endpoint);
}

static void
finish(struct mt_probe_run *run, int outcome, const struct mt_answer *answer, const char *text)
{
	run->callback(outcome, &run->seen, answer, text, run->userdata);
	free(run);
}

static void
on_answer(const struct mt_answer *answer, void *userdata)
{
	struct mt_probe_run *run = userdata;
	const struct mt_actor actor = {.uid = run->uid};
	const struct mt_verdict *verdict = &answer->verdict;
	const struct mt_probe found = {
		.proto = run->endpoint.proto,
		.host = run->endpoint.host,
		.port = run->endpoint.port,
		.confidential = verdict->conf,
		.pin_offered = mt_verdict_has(verdict, MT_REASON_PIN_OFFER_AVAILABLE),
		.leaf_sha256 = mt_evidence_has(&run->seen, MT_EV_LEAF_SHA256)
				       ? run->seen.leaf_sha256
				       : NULL,
		.reasons = verdict->reasons,
		.n_reasons = verdict->n_reasons,
	};

	run->check = NULL;
	/* A store that cannot take it leaves the endpoint unprobed, and commit says so. */
	if (!run->is_trial && is_unchanged(run))
		(void)!mt_accounts_set_probe(run->probes->o.accounts, actor, &run->account, &found);
	finish(run, 0, answer, "");
}

/* Keeps the facts for the reply, without the server's bytes. */
static void
copy_seen(struct mt_probe_run *run, const struct mt_evidence *evidence)
{
	run->seen = *evidence;
	run->seen.present &= ~(MT_BIT(MT_EV_CHAIN) | MT_BIT(MT_EV_STAPLE));
	run->seen.chain_bytes = NULL;
	run->seen.chain_size = run->seen.n_chain = 0;
	memset(run->seen.chain, 0, sizeof(run->seen.chain));
	memset(&run->seen.staple, 0, sizeof(run->seen.staple));
}

static int
outcome_of(enum mt_probe_state state)
{
	switch (state) {
	case MT_PROBE_DONE:
		return 0;
	case MT_PROBE_PROTOCOL: /* no mail server of that protocol */
	case MT_PROBE_UNRESOLVED:
	case MT_PROBE_UNREACHABLE:
		return MT_PROBES_E_UNREACHABLE;
	case MT_PROBE_TIMEOUT:
		return MT_PROBES_E_TIMEOUT;
	case MT_PROBE_BUSY:
		return MT_PROBES_E_LIMIT;
	case MT_PROBE_FAILED:
		break;
	}
	return MT_PROBES_E_WORKER;
}

static struct mt_endpoint *
copy_endpoint(const struct mt_probe_run *run)
{
	struct mt_endpoint *endpoint = malloc(sizeof(*endpoint));

	if (endpoint)
		*endpoint = run->endpoint;
	return endpoint;
}

static void
on_probe(struct mt_probe_result *result, void *userdata)
{
	struct mt_probe_run *run = userdata;
	struct mt_question question = {.uid = run->uid,
				       .account = run->account,
				       .op = MT_OP_TEST,
				       .provenance = MT_PROVENANCE_ATTESTED,
				       .is_probe = true};
	struct mt_answer answer;
	int r = outcome_of(result->state);

	run->job = NULL;
	if (r) {
		finish(run, r, NULL, result->text);
		return;
	}
	if (run->is_trial && !(question.trial = copy_endpoint(run))) {
		finish(run, MT_PROBES_E_WORKER, NULL, "");
		return;
	}
	memcpy(question.refs_sha256, run->refs_sha256, sizeof(question.refs_sha256));
	question.evidence = result->evidence;
	memset(&result->evidence, 0, sizeof(result->evidence));
	copy_seen(run, &question.evidence);
	r = mt_verdicts_ask(run->probes->o.verdicts, &question, &answer, on_answer, run,
			    &run->check);
	if (r == MT_VERDICTS_E_LATER)
		return;
	if (r == 0) {
		on_answer(&answer, run);
		return;
	}
	mt_question_clear(&question);
	finish(run, MT_PROBES_E_WORKER, NULL, "");
}

static void
start_probe(struct mt_probe_run *run, const struct mt_addresses *addresses, int *ret)
{
	const struct mt_endpoint *endpoint = &run->endpoint;
	struct mt_probe_request request = {.port = endpoint->port,
					   .proto = endpoint->proto,
					   .transport = endpoint->transport,
					   .deadline_msec = MT_DIALOGUE_USEC / 1000};

	memcpy(request.host, endpoint->host, sizeof(request.host));
	for (size_t i = 0; i < addresses->n; i++)
		if (run->probes->o.may_probe_local || !is_local_address(addresses->address[i]))
			memcpy(request.address[request.n_addresses++], addresses->address[i],
			       sizeof(request.address[0]));
	if (request.n_addresses == 0) {
		*ret = MT_PROBES_E_NOT_PERMITTED;
		return;
	}
	*ret = mt_jobs_probe(run->probes->o.jobs, &request, on_probe, run, &run->job);
}

/* D-SRV-05: from commit on the account works through an outage of DNS. */
static void
keep_addresses(const struct mt_probe_run *run, const struct mt_addresses *addresses)
{
	const struct mt_probes_options *o = &run->probes->o;
	const struct mt_actor actor = {.uid = run->uid};
	const struct mt_account *account;

	if (mt_accounts_find(o->accounts, actor, &run->account, &account) == 0)
		(void)!mt_host_memory_note(o->store, account, run->endpoint.host, addresses,
					   mt_clock_wall(o->clock));
}

static void
on_addresses(const struct mt_addresses *addresses, void *userdata)
{
	struct mt_probe_run *run = userdata;
	int r = 0;

	run->job = NULL;
	if (!run->is_trial && !is_unchanged(run)) {
		finish(run, MT_PROBES_E_WORKER, NULL, "the server was set anew meanwhile");
		return;
	}
	keep_addresses(run, addresses);
	if (addresses->state == MT_ADDRESSES_FAILED)
		r = MT_PROBES_E_WORKER;
	else if (addresses->state == MT_ADDRESSES_TIMEOUT)
		r = MT_PROBES_E_TIMEOUT;
	else if (addresses->state != MT_ADDRESSES_FOUND)
		r = MT_PROBES_E_UNREACHABLE;
	else
		start_probe(run, addresses, &r);
	if (r == MT_PROBES_E_NOT_PERMITTED)
		finish(run, r, NULL, "the host has only addresses of this machine or its link");
	else if (r)
		finish(run, r > 0 ? r : MT_PROBES_E_WORKER, NULL, "the host has no address");
}

static void
fix_references(struct mt_probe_run *run, const struct mt_account *account)
{
	const struct mt_probes_options *o = &run->probes->o;
	struct mt_refids refs;

	mt_references_of(account, &run->endpoint, run->is_trial, mt_clock_wall(o->clock), &refs);
	mt_references_digest(&refs, run->refs_sha256);
	mt_audit_probe(o->audit, account, &run->endpoint, run->refs_sha256);
}

static int
start(const struct mt_probe_run *what, const struct mt_account *account, struct mt_probe_run **ret)
{
	struct mt_probe_run *run;
	int r;

	if (!is_mail_port(what->endpoint.port))
		return MT_PROBES_E_NOT_PERMITTED;
	if (!take_budget(what->probes, what->uid))
		return MT_PROBES_E_LIMIT;
	run = malloc(sizeof(*run));
	if (!run)
		return -ENOMEM;
	*run = *what;
	fix_references(run, account);
	r = mt_jobs_resolve(run->probes->o.jobs, run->endpoint.host, on_addresses, run, &run->job);
	if (r) {
		free(run);
		return r;
	}
	*ret = run;
	return 0;
}

int
mt_probes_start(struct mt_probes *probes, uint32_t uid, const struct mt_account *account,
		const struct mt_endpoint *endpoint, mt_probes_fn callback, void *userdata,
		struct mt_probe_run **ret)
{
	const struct mt_probe_run what = {.probes = probes,
					  .uid = uid,
					  .account = account->id,
					  .endpoint = *endpoint,
					  .callback = callback,
					  .userdata = userdata};

	return start(&what, account, ret);
}

int
mt_probes_try(struct mt_probes *probes, uint32_t uid, const struct mt_account *account,
	      const struct mt_endpoint *endpoint, mt_probes_fn callback, void *userdata,
	      struct mt_probe_run **ret)
{
	const struct mt_probe_run what = {.probes = probes,
					  .uid = uid,
					  .account = account->id,
					  .endpoint = *endpoint,
					  .is_trial = true,
					  .callback = callback,
					  .userdata = userdata};

	return start(&what, account, ret);
}

struct mt_probe_run *
mt_probe_run_cancel(struct mt_probe_run *run)
{
	if (!run)
		return NULL;
	mt_job_cancel(run->job);
	mt_check_cancel(run->check);
	free(run);
	return NULL;
}
