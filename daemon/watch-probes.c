/* SPDX-License-Identifier: MIT */
/* What is offered is probed first: one server after the other (R-5-14, D-SYS-11). */

#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/watch-private.h"

struct mt_watch_probe {
	struct mt_watch *watch;
	TAILQ_ENTRY(mt_watch_probe) entry;
	struct mt_account_id id;
	uint32_t uid;
	char domain[MT_DOMAIN_SIZE];
	struct mt_named named;
	struct mt_finding finding;
	unsigned int signals; /* where it reaches confidentiality */
	bool updates_snapshot;
	struct mt_watch_answers *answers; /* a reference */
	struct mt_watch_look *look;       /* waits for this; NULL: nobody does */
	struct mt_probe_run *run;         /* of the first in the queue */
};

void
mt_watch_answers_unref(struct mt_watch_answers *answers)
{
	if (answers && --answers->n_refs == 0)
		free(answers);
}

static void
free_probe(struct mt_watch_probe *probe)
{
	struct mt_watch *watch = probe->watch;

	TAILQ_REMOVE(&watch->probes, probe, entry);
	watch->n_probes--;
	if (probe->run)
		watch->o.ops->cancel_probe(probe->run);
	mt_watch_answers_unref(probe->answers);
	free(probe);
}

void
mt_watch_probes_clear(struct mt_watch *watch)
{
	struct mt_watch_probe *probe;

	while ((probe = TAILQ_FIRST(&watch->probes)) != NULL)
		free_probe(probe);
}

/* -- what came of it --------------------------------------------------------------------------- */

static void
log_probe(const struct mt_watch_probe *probe, bool is_offered)
{
	struct mt_log_line line;
	char id[MT_ACCOUNT_ID_TEXT];

	mt_account_id_format(&probe->id, id);
	mt_log_begin(&line, MT_LOG_INFO, "srv-offer");
	mt_log_number(&line, "MT_UID", probe->uid);
	mt_log_text(&line, "MT_ACCOUNT", id);
	mt_log_text(&line, "MT_LABEL", probe->named.service->label);
	mt_log_text(&line, "MT_HOST", probe->named.host);
	mt_log_number(&line, "MT_PORT", probe->named.port);
	mt_log_end(&line, "%s",
		   is_offered ? "an encrypted server is offered"
			      : "a server that might be offered is not good enough, or not there");
}

/* A protocol has one offer. */
static struct mt_upgrade *
find_place(struct mt_watched *watched, enum mt_proto proto)
{
	for (size_t i = 0; i < watched->n_offers; i++)
		if (watched->offers[i].named.service->proto == proto)
			return &watched->offers[i];
	return &watched->offers[watched->n_offers++];
}

static void
add_offer(const struct mt_watch_probe *probe, struct mt_watched *watched, int64_t now_usec)
{
	struct mt_upgrade *offer = find_place(watched, probe->named.service->proto);

	*offer = (struct mt_upgrade){.named = probe->named, .made_usec = now_usec};
	if (!probe->updates_snapshot)
		return;
	memcpy(watched->snapshot, probe->answers->answers, sizeof(watched->snapshot));
	watched->has_snapshot = true;
	watched->taken_usec = now_usec;
}

/* Return: true where it is stored. */
static bool
store_result(const struct mt_watch_probe *probe, bool is_confidential)
{
	struct mt_watch *watch = probe->watch;
	struct mt_watched *watched = malloc(sizeof(*watched)); /* too large for the stack */
	const int64_t now = mt_clock_wall(watch->o.clock);
	int r = watched ? mt_watched_get(watch->o.store, &probe->id, watched) : -1;

	if (r == 0)
		r = mt_store_begin(watch->o.store);
	if (r == 0) {
		watched->probed_usec[probe->named.service - mt_services] = now;
		if (is_confidential)
			add_offer(probe, watched, now);
		mt_watched_put(watch->o.store, &probe->id, watched);
		r = mt_store_commit(watch->o.store);
	}
	free(watched);
	return r == 0;
}

static void
tell(const struct mt_watch_probe *probe)
{
	const struct mt_watch *watch = probe->watch;
	const struct mt_actor actor = {.uid = probe->uid};
	const struct mt_told told = {.signals = probe->signals | MT_CHANGE_UPGRADE,
				     .finding = &probe->finding,
				     .upgrade = &probe->named};
	const struct mt_account *account;

	if (mt_accounts_find(watch->o.accounts, actor, &probe->id, &account) == 0)
		watch->o.told(watch->o.userdata, account, &told);
}

/* How the first of the queue ends. */
enum end {
	NOT_WANTED = 0, /* the account has nothing to gain by it any more */
	NOT_NOW,        /* no probe took place: the owner's are many, or the worker is down */
	NOT_GOOD,       /* not confidential, not there, or not to be probed at all */
	GOOD
};

static void
finish(struct mt_watch_probe *probe, enum end end)
{
	struct mt_watch *watch = probe->watch;
	struct mt_watch_look *look = probe->look;

	if (end >= NOT_GOOD) {
		if (store_result(probe, end == GOOD) && end == GOOD)
			tell(probe);
		log_probe(probe, end == GOOD);
	}
	if (end == NOT_NOW)
		mt_watch_postpone(watch, &probe->id, probe->domain);
	free_probe(probe);
	if (look)
		mt_watch_look_unwait(look);
	mt_watch_probes_start(watch);
}

static enum end
end_of(int outcome)
{
	switch (outcome) {
	case MT_PROBES_E_UNREACHABLE:
	case MT_PROBES_E_TIMEOUT:
	case MT_PROBES_E_NOT_PERMITTED:
		return NOT_GOOD;
	default:
		return NOT_NOW;
	}
}

static void
on_probe(int outcome, const struct mt_evidence *evidence, const struct mt_answer *answer,
	 const char *text, void *userdata)
{
	struct mt_watch_probe *probe = userdata;

	probe->run = NULL;
	if (outcome != 0)
		finish(probe, end_of(outcome));
	else
		finish(probe, answer->verdict.conf ? GOOD : NOT_GOOD);
}

/* -- the queue --------------------------------------------------------------------------------- */

/* The account as it is now still has something to gain. */
static bool
is_wanted(const struct mt_account *account, const struct mt_named *named)
{
	struct mt_use uses[MT_ENDPOINTS_MAX];
	const size_t n = mt_watch_uses(account, uses);
	const struct mt_use *use = mt_watch_find_use(uses, n, named->service->proto);

	return account->state == MT_ACCOUNT_ACTIVE && use && mt_named_improves(named, use);
}

/* Return: false with *ret_end where it is not under way. */
static bool
start_probe(struct mt_watch_probe *probe, enum end *ret_end)
{
	struct mt_watch *watch = probe->watch;
	const struct mt_actor actor = {.uid = probe->uid};
	const struct mt_account *account;
	struct mt_endpoint endpoint;
	int r = mt_accounts_find(watch->o.accounts, actor, &probe->id, &account);

	*ret_end = NOT_WANTED;
	if (r != 0 || !is_wanted(account, &probe->named))
		return false;
	mt_upgrade_endpoint(account, &probe->named, &endpoint);
	r = watch->o.ops->probe(watch->o.probes, probe->uid, account, &endpoint, on_probe, probe,
				&probe->run);
	*ret_end = end_of(r);
	return r == 0;
}

void
mt_watch_probes_start(struct mt_watch *watch)
{
	struct mt_watch_probe *probe = TAILQ_FIRST(&watch->probes);
	enum end end;

	if (probe && !probe->run && !start_probe(probe, &end))
		finish(probe, end);
}

void
mt_watch_probe(struct mt_watch_look *look, const struct mt_watch_part *part, uint32_t uid)
{
	struct mt_watch *watch = look->watch;

	for (size_t i = 0; i < part->n_upgrades; i++) {
		struct mt_watch_probe *probe = NULL;

		if (watch->n_probes < MT_WATCH_PROBES_MAX)
			probe = calloc(1, sizeof(*probe));
		if (!probe) {
			mt_watch_postpone(watch, &part->id, look->domain);
			return;
		}
		*probe = (struct mt_watch_probe){.watch = watch,
						 .id = part->id,
						 .uid = uid,
						 .named = part->upgrades[i],
						 .finding = part->finding,
						 .signals = part->after_probe,
						 .updates_snapshot = part->updates_snapshot,
						 .answers = look->answers};
		memcpy(probe->domain, look->domain, sizeof(probe->domain));
		look->answers->n_refs++;
		if (look->is_single) {
			probe->look = look;
			look->n_waits++;
		}
		TAILQ_INSERT_TAIL(&watch->probes, probe, entry);
		watch->n_probes++;
	}
}
