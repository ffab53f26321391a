/* SPDX-License-Identifier: MIT */
/* One look: DNS is asked, then each account it is for takes its part, chunk by chunk. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "daemon/log.h"
#include "daemon/watch-private.h"
#include "policy/schedule.h"

/* Whom the looks of the timer count for: no user has this uid. */
#define NOBODY UINT32_MAX
/* For the log: codes, with commas between. */
#define REASONS_SIZE (MT_CHANGE_REASONS_MAX * MT_TOKEN_SIZE)

void
mt_watch_look_free(struct mt_watch_look *look)
{
	if (look->job)
		look->watch->o.ops->cancel_ask(look->job);
	mt_watch_answers_unref(look->answers);
	if (look->step)
		event_free(look->step);
	if (!look->is_single)
		look->watch->n_looks--;
	LIST_REMOVE(look, entry);
	free(look);
}

static void
end(struct mt_watch_look *look)
{
	struct mt_watch *watch = look->watch;
	const bool is_single = look->is_single;

	if (look->callback)
		look->callback(look->finding.row ? &look->finding : NULL,
			       look->answers ? look->answers->answers : NULL, look->userdata);
	mt_watch_look_free(look);
	if (!is_single)
		mt_watch_go_on(watch);
}

void
mt_watch_look_unwait(struct mt_watch_look *look)
{
	if (--look->n_waits == 0)
		end(look);
}

/* -- one account ------------------------------------------------------------------------------- */

static const char *
join_reasons(const struct mt_finding *finding, char buffer[static REASONS_SIZE])
{
	size_t size = 0;

	for (size_t i = 0; i < finding->n_reasons; i++)
		size += (size_t)snprintf(buffer + size, REASONS_SIZE - size, "%s%s",
					 i > 0 ? "," : "",
					 mt_reason_to_string(finding->reasons[i]));
	return buffer;
}

static void
log_part(const struct mt_account *account, const struct mt_watch_part *part)
{
	const struct mt_finding *finding = &part->finding;
	struct mt_log_line line;
	char id[MT_ACCOUNT_ID_TEXT], reasons[REASONS_SIZE];

	mt_account_id_format(&account->id, id);
	mt_log_begin(&line,
		     part->signals & MT_CHANGE_ALERT ? MT_LOG_WARNING
		     : finding->row == 1             ? MT_LOG_DEBUG
						     : MT_LOG_INFO,
		     "srv-check");
	mt_log_number(&line, "MT_UID", account->uid);
	mt_log_text(&line, "MT_ACCOUNT", id);
	mt_log_text(&line, "MT_DOMAIN", account->domain);
	mt_log_number(&line, "MT_ROW", finding->row);
	mt_log_text(&line, "MT_CLASS", mt_change_class_to_string(finding->class));
	if (finding->n_reasons > 0)
		mt_log_text(&line, "MT_REASONS", join_reasons(finding, reasons));
	if (finding->subject.host[0] != '\0')
		mt_log_text(&line, "MT_HOST", finding->subject.host);
	mt_log_end(&line, "%s",
		   finding->is_pending ? "looked at DNS; another look is to confirm it"
				       : "looked at DNS");
}

/* In the caller's transaction. */
static void
take_part(struct mt_watch_look *look, const struct mt_account *account, struct mt_watched *watched,
	  struct mt_watch_part *ret)
{
	mt_watch_judge(look->watch, account, watched, look->answers->answers, ret);
	mt_watched_put(look->watch->o.store, &account->id, watched);
	log_part(account, ret);
}

/* After the commit. */
static void
tell(struct mt_watch_look *look, const struct mt_watch_part *part)
{
	const struct mt_watch *watch = look->watch;
	const struct mt_told told = {.signals = part->signals, .finding = &part->finding};
	const struct mt_actor actor = {.admin = true};
	const struct mt_account *account;

	if (mt_accounts_find(watch->o.accounts, actor, &part->id, &account) != 0)
		return;
	mt_watch_probe(look, part, account->uid);
	if (part->signals)
		watch->o.told(watch->o.userdata, account, &told);
}

/* An account that has no record, or whose record is damaged, begins anew. */
static bool
get_watched(const struct mt_watch *watch, const struct mt_account_id *id, struct mt_watched *ret)
{
	int r = mt_watched_get(watch->o.store, id, ret);

	return r == 0 || r == MT_STORE_E_NOT_FOUND || r == MT_STORE_E_DAMAGED;
}

static int
look_at_one(struct mt_watch_look *look, struct mt_watched *watched, struct mt_watch_part *part)
{
	struct mt_watch *watch = look->watch;
	const struct mt_actor actor = {.uid = look->uid};
	const struct mt_account *account;
	int64_t due_usec;
	int r = mt_accounts_find(watch->o.accounts, actor, &look->id, &account);

	if (r == 0 &&
	    (account->state != MT_ACCOUNT_ACTIVE || !get_watched(watch, &look->id, watched)))
		r = MT_ACCOUNTS_E_STATE;
	if (r == 0)
		r = mt_store_begin(watch->o.store);
	if (r)
		return r;
	take_part(look, account, watched, part);
	look->finding = part->finding;
	if (!mt_wheel_find(watch->wheel, look->domain, &due_usec) || watched->due_usec < due_usec)
		mt_wheel_put(watch->wheel, look->domain, watched->due_usec, watched->looked_usec);
	return mt_store_commit(watch->o.store);
}

static void
look_single(struct mt_watch_look *look)
{
	struct mt_watched *watched = malloc(sizeof(*watched)); /* too large for the stack */
	struct mt_watch_part part;

	if (watched && look_at_one(look, watched, &part) == 0)
		tell(look, &part);
	free(watched);
	mt_watch_probes_start(look->watch);
	mt_watch_look_unwait(look);
}

/* -- all of a domain --------------------------------------------------------------------------- */

/* What a chunk needs, too large for the stack. */
struct chunk {
	struct mt_account_id ids[MT_DOMAIN_CHUNK];
	size_t n;
	struct mt_watched watched;
	struct mt_watch_part parts[MT_DOMAIN_CHUNK]; /* with something to tell, or to probe */
	size_t n_parts;
};

/* By its own interval, which is nobody else's (D-SYS-02). */
static bool
is_due(const struct mt_watched *watched, int64_t now_usec)
{
	return watched->due_usec <= now_usec ||
	       !mt_schedule_is_plausible(watched->due_usec, now_usec);
}

static void
look_at_member(struct mt_watch_look *look, const struct mt_account_id *id, struct chunk *chunk)
{
	struct mt_watch *watch = look->watch;
	const struct mt_actor actor = {.admin = true};
	struct mt_watch_part *part = &chunk->parts[chunk->n_parts];
	struct mt_watched *watched = &chunk->watched;
	const struct mt_account *account;

	if (mt_accounts_find(watch->o.accounts, actor, id, &account) != 0 ||
	    account->state != MT_ACCOUNT_ACTIVE || !get_watched(watch, id, watched))
		return;
	look->has_members = true;
	if (is_due(watched, mt_clock_wall(watch->o.clock))) {
		take_part(look, account, watched, part);
		if (part->signals || part->n_upgrades > 0)
			chunk->n_parts++;
	}
	if (watched->due_usec < look->earliest_usec)
		look->earliest_usec = watched->due_usec;
}

static int
look_at_chunk(struct mt_watch_look *look, struct chunk *chunk)
{
	struct mt_watch *watch = look->watch;
	int r = mt_store_begin(watch->o.store);

	if (r)
		return r;
	for (size_t i = 0; i < chunk->n; i++)
		look_at_member(look, &chunk->ids[i], chunk);
	r = mt_store_commit(watch->o.store);
	for (size_t i = 0; i < chunk->n_parts && r == 0; i++)
		tell(look, &chunk->parts[i]);
	return r;
}

/* Every member has had its part: the domain's next look is that of the first one due. */
static void
make_appointment(struct mt_watch_look *look)
{
	struct mt_watch *watch = look->watch;

	if (mt_store_begin(watch->o.store) != 0)
		return; /* the wheel has one, some minutes away */
	if (look->has_members)
		mt_wheel_put(watch->wheel, look->domain, look->earliest_usec,
			     mt_clock_wall(watch->o.clock));
	else
		mt_wheel_remove(watch->wheel, look->domain);
	(void)!mt_store_commit(watch->o.store);
}

/* In the next round of the loop, after whoever else waits: an event made active would be run before
 * anybody is looked after. */
static void
take_step(struct mt_watch_look *look)
{
	static const struct timeval at_once = {0};

	(void)event_add(look->step, &at_once);
}

static void
on_step(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_watch_look *look = userdata;
	struct chunk *chunk = calloc(1, sizeof(*chunk));
	int r = -ENOMEM;

	if (chunk)
		r = mt_accounts_list_domain(look->watch->o.accounts, look->domain, look->chunk++,
					    chunk->ids, &chunk->n);
	if (r == MT_ACCOUNTS_E_UNKNOWN)
		make_appointment(look);
	else if (r == 0)
		r = look_at_chunk(look, chunk);
	free(chunk);
	mt_watch_probes_start(look->watch);
	if (r == 0)
		take_step(look);
	else
		mt_watch_look_unwait(look);
}

/* -- starting ---------------------------------------------------------------------------------- */

static void
on_answers(const struct mt_findings *found, void *userdata)
{
	struct mt_watch_look *look = userdata;

	look->job = NULL;
	/* where the configuration switches SRV off, nobody was asked and nothing can be said */
	if (found->asked & MT_BIT(MT_DISCOVERY_SRV))
		look->answers = malloc(sizeof(*look->answers));
	if (!look->answers) {
		mt_watch_look_unwait(look);
		return;
	}
	look->answers->n_refs = 1;
	memcpy(look->answers->answers, found->answers, sizeof(look->answers->answers));
	if (look->is_single)
		look_single(look);
	else
		take_step(look);
}

static int
start(struct mt_watch_look *look)
{
	struct mt_watch *watch = look->watch;
	int r;

	if (!look->is_single) {
		look->step = evtimer_new(watch->o.base, on_step, look);
		if (!look->step)
			return -ENOMEM;
	}
	r = watch->o.ops->ask(watch->o.discoveries, look->is_single ? look->uid : NOBODY,
			      look->domain, on_answers, look, &look->job);
	if (r > 0)
		return r == MT_DISCOVERIES_E_INVALID ? MT_WATCH_E_INVALID : MT_WATCH_E_LIMIT;
	return r;
}

int
mt_watch_look_start(struct mt_watch *watch, const char *domain, const struct mt_account *single,
		    struct mt_watch_look **ret)
{
	struct mt_watch_look *look = calloc(1, sizeof(*look));
	int r;

	if (!look)
		return -ENOMEM;
	look->watch = watch;
	memcpy(look->domain, domain, strlen(domain) + 1);
	look->earliest_usec = INT64_MAX;
	look->n_waits = 1;
	look->is_single = single != NULL;
	if (single) {
		look->id = single->id;
		look->uid = single->uid;
	} else {
		watch->n_looks++;
	}
	LIST_INSERT_HEAD(&watch->looks, look, entry);
	r = start(look);
	if (r)
		mt_watch_look_free(look);
	else
		*ret = look;
	return r;
}
