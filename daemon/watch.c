/* SPDX-License-Identifier: MIT */
/* The timer, and what happens to accounts meanwhile. */

#include "daemon/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "daemon/watch-private.h"
#include "policy/schedule.h"

/* The first turn after a start: not while everything else begins, and not on every machine of a
 * site in the same second after the power came back. */
#define FIRST_TURN_SEC 30
#define FIRST_TURN_SPREAD_SEC 60

/* Something happened to an account, and is stored when the loop is idle. */
struct mt_touch {
	TAILQ_ENTRY(mt_touch) entry;
	struct mt_account_id id;
	bool is_gone, has_new_servers;
};

const struct mt_watch_ops mt_watch_ops = {
	.ask = mt_discoveries_start_srv,
	.cancel_ask = mt_discovery_job_cancel,
	.probe = mt_probes_try,
	.cancel_probe = mt_probe_run_cancel,
};

/* -- the timer --------------------------------------------------------------------------------- */

static void
begin_look(struct mt_watch *watch, const char *domain)
{
	struct mt_watch_look *look;
	int r = mt_watch_look_start(watch, domain, NULL, &look);

	/* whatever else went wrong: the wheel has another appointment for it */
	if (r != MT_WATCH_E_INVALID || mt_store_begin(watch->o.store) != 0)
		return;
	mt_wheel_remove(watch->wheel, domain);
	(void)!mt_store_commit(watch->o.store);
}

void
mt_watch_go_on(struct mt_watch *watch)
{
	while (watch->n_looks < MT_WATCH_LOOKS_MAX && watch->next_due < watch->due.n)
		begin_look(watch, watch->due.domains[watch->next_due++]);
}

void
mt_watch_turn(struct mt_watch *watch)
{
	if (watch->o.is_off || watch->next_due < watch->due.n ||
	    !mt_clock_is_sane(watch->o.clock, watch->o.clock_must_be_synchronised))
		return;
	watch->next_due = 0;
	if (mt_wheel_turn(watch->wheel, mt_clock_wall(watch->o.clock), MT_WATCH_STARTS_MAX,
			  &watch->due) != 0)
		watch->due.n = 0; /* the store is being checked, or broken */
	mt_watch_go_on(watch);
}

static void
on_turn(evutil_socket_t fd, short what, void *userdata)
{
	static const struct timeval turn = {.tv_sec = MT_WATCH_TURN_USEC / MT_USEC_PER_SEC};
	struct mt_watch *watch = userdata;

	(void)event_add(watch->turn, &turn);
	mt_watch_turn(watch);
}

/* -- what happens to accounts ------------------------------------------------------------------ */

static void
store_touch(struct mt_watch *watch, const struct mt_touch *touch, struct mt_watched *watched)
{
	const struct mt_actor actor = {.admin = true};
	const int64_t now = mt_clock_wall(watch->o.clock);
	const struct mt_account *account;
	int64_t due_usec;
	int r = mt_accounts_find(watch->o.accounts, actor, &touch->id, &account);

	if (r || account->state != MT_ACCOUNT_ACTIVE)
		return;
	r = mt_watched_get(watch->o.store, &touch->id, watched);
	if (r != 0 || touch->has_new_servers) {
		mt_watch_seed(watch, account, watched);
		watched->history = (struct mt_change_history){0};
		watched->finding = (struct mt_finding){0};
		watched->n_offers = 0;
	}
	due_usec =
		mt_schedule_first(mt_schedule_hash(mt_wheel_secret(watch->wheel), account->domain),
				  mt_watch_interval_sec(watch, account), now);
	if (watched->due_usec == 0 || due_usec < watched->due_usec)
		watched->due_usec = due_usec;
	mt_watched_put(watch->o.store, &touch->id, watched);
	if (!mt_wheel_find(watch->wheel, account->domain, &due_usec) ||
	    watched->due_usec < due_usec)
		mt_wheel_put(watch->wheel, account->domain, watched->due_usec, now);
}

static void
on_flush(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_watch *watch = userdata;
	struct mt_watched *watched = malloc(sizeof(*watched)); /* too large for the stack */
	const bool may_store = watched && mt_store_begin(watch->o.store) == 0;
	struct mt_touch *touch;

	while ((touch = TAILQ_FIRST(&watch->touches)) != NULL) {
		if (may_store && touch->is_gone)
			mt_watched_remove(watch->o.store, &touch->id);
		else if (may_store)
			store_touch(watch, touch, watched);
		TAILQ_REMOVE(&watch->touches, touch, entry);
		watch->n_touches--;
		free(touch);
	}
	if (may_store)
		(void)!mt_store_commit(watch->o.store);
	free(watched);
}

static struct mt_touch *
find_touch(struct mt_watch *watch, const struct mt_account_id *id)
{
	struct mt_touch *touch;

	TAILQ_FOREACH(touch, &watch->touches, entry)
	if (mt_account_id_equal(&touch->id, id))
		return touch;

	return NULL;
}

/* NULL: no memory; then the next touch does it. */
static struct mt_touch *
get_touch(struct mt_watch *watch, const struct mt_account_id *id)
{
	struct mt_touch *touch = find_touch(watch, id);

	if (touch)
		return touch;
	touch = calloc(1, sizeof(*touch));
	if (!touch)
		return NULL;
	touch->id = *id;
	TAILQ_INSERT_TAIL(&watch->touches, touch, entry);
	watch->n_touches++;
	return touch;
}

void
mt_watch_touch(struct mt_watch *watch, const struct mt_account_id *id, bool has_new_servers)
{
	struct mt_touch *touch = get_touch(watch, id);

	if (touch)
		touch->has_new_servers |= has_new_servers;
	event_active(watch->flush, EV_TIMEOUT, 0);
}

void
mt_watch_forget(struct mt_watch *watch, const struct mt_account_id *id)
{
	struct mt_touch *touch = get_touch(watch, id);

	if (touch)
		touch->is_gone = true;
	event_active(watch->flush, EV_TIMEOUT, 0);
}

void
mt_watch_take_up(struct mt_watch *watch, const struct mt_account_id *id)
{
	static const struct timeval later = {.tv_sec = 1};

	if (watch->n_touches < MT_WATCH_TAKE_UP_MAX)
		(void)get_touch(watch, id);
	if (!evtimer_pending(watch->flush, NULL))
		(void)event_add(watch->flush, &later);
}

bool
mt_watch_knows(struct mt_watch *watch, const struct mt_account *account)
{
	int64_t due_usec;

	return mt_watched_has(watch->o.store, &account->id) &&
	       mt_wheel_find(watch->wheel, account->domain, &due_usec);
}

/* A look at the whole domain that is under way makes the domain's next appointment. */
static void
note_earlier(struct mt_watch *watch, const char *domain, int64_t due_usec)
{
	struct mt_watch_look *look;

	LIST_FOREACH(look, &watch->looks, entry)
	if (!look->is_single && strcmp(look->domain, domain) == 0 && due_usec < look->earliest_usec)
		look->earliest_usec = due_usec;
}

void
mt_watch_postpone(struct mt_watch *watch, const struct mt_account_id *id, const char *domain)
{
	struct mt_watched *watched = malloc(sizeof(*watched)); /* too large for the stack */
	const int64_t now = mt_clock_wall(watch->o.clock);
	const int64_t soon =
		mt_schedule_confirm(mt_schedule_hash(mt_wheel_secret(watch->wheel), domain), now);
	int64_t due_usec;

	if (watched && mt_watched_get(watch->o.store, id, watched) == 0 &&
	    watched->due_usec > soon && mt_store_begin(watch->o.store) == 0) {
		watched->due_usec = soon;
		mt_watched_put(watch->o.store, id, watched);
		if (!mt_wheel_find(watch->wheel, domain, &due_usec) || soon < due_usec)
			mt_wheel_put(watch->wheel, domain, soon, now);
		(void)!mt_store_commit(watch->o.store);
		note_earlier(watch, domain, soon);
	}
	free(watched);
}

/* -- looks that somebody asks for -------------------------------------------------------------- */

static bool
is_within(int64_t since_usec, int64_t now_usec, int64_t span_usec)
{
	return since_usec != 0 && now_usec >= since_usec && now_usec - since_usec < span_usec;
}

int
mt_watch_look(struct mt_watch *watch, const struct mt_account *account, mt_watch_fn callback,
	      void *userdata, struct mt_watch_look **ret)
{
	struct mt_watched *watched = malloc(sizeof(*watched)); /* too large for the stack */
	bool is_too_soon;
	int r;

	if (!watched)
		return -ENOMEM;
	is_too_soon = mt_watched_get(watch->o.store, &account->id, watched) == 0 &&
		      is_within(watched->looked_usec, mt_clock_wall(watch->o.clock),
				MT_WATCH_FORCED_USEC);
	free(watched);
	if (account->state != MT_ACCOUNT_ACTIVE || watch->o.is_off)
		return MT_WATCH_E_STATE;
	if (is_too_soon)
		return MT_WATCH_E_LIMIT;
	r = mt_watch_look_start(watch, account->domain, account, ret);
	if (r)
		return r;
	(*ret)->callback = callback;
	(*ret)->userdata = userdata;
	return 0;
}

struct mt_watch_look *
mt_watch_look_cancel(struct mt_watch_look *look)
{
	if (look)
		look->callback = NULL;
	return NULL;
}

/* Notes the failure, unless one of the last hour is noted. */
static bool
note_failure(struct mt_watch *watch, const struct mt_account *account, enum mt_proto proto,
	     struct mt_watched *watched)
{
	const int64_t now = mt_clock_wall(watch->o.clock);

	if (mt_watched_get(watch->o.store, &account->id, watched) != 0 ||
	    is_within(watched->failure_usec[proto], now, MT_WATCH_FAILURE_USEC) ||
	    mt_store_begin(watch->o.store) != 0)
		return false;
	watched->failure_usec[proto] = now;
	mt_watched_put(watch->o.store, &account->id, watched);
	return mt_store_commit(watch->o.store) == 0;
}

void
mt_watch_failed(struct mt_watch *watch, const struct mt_account *account, enum mt_proto proto)
{
	struct mt_use uses[MT_ENDPOINTS_MAX];
	struct mt_watched *watched;
	struct mt_watch_look *look;

	if (account->state != MT_ACCOUNT_ACTIVE || watch->o.is_off ||
	    !mt_watch_find_use(uses, mt_watch_uses(account, uses), proto))
		return;
	watched = malloc(sizeof(*watched)); /* too large for the stack */
	if (watched && note_failure(watch, account, proto, watched))
		(void)!mt_watch_look_start(watch, account->domain, account, &look);
	free(watched);
}

/* -- offers ------------------------------------------------------------------------------------ */

int
mt_watch_get(struct mt_watch *watch, const struct mt_account_id *id, struct mt_watched *ret)
{
	return mt_watched_get(watch->o.store, id, ret);
}

void
mt_watch_remove_offer(struct mt_watch *watch, const struct mt_account_id *id, const char *name)
{
	struct mt_watched *watched = malloc(sizeof(*watched)); /* too large for the stack */
	struct mt_upgrade *offer = NULL;

	if (watched && mt_watched_get(watch->o.store, id, watched) == 0)
		offer = mt_watched_find_offer(watched, name);
	if (offer && mt_store_begin(watch->o.store) == 0) {
		mt_watched_remove_offer(watched, offer);
		mt_watched_put(watch->o.store, id, watched);
		(void)!mt_store_commit(watch->o.store);
	}
	free(watched);
}

/* -- construction ------------------------------------------------------------------------------ */

int
mt_watch_new(const struct mt_watch_options *options, struct mt_watch **ret)
{
	MT_CLEANUP(mt_watch_freep) struct mt_watch *watch = calloc(1, sizeof(*watch));
	struct timeval first = {.tv_sec = FIRST_TURN_SEC};
	int r;

	if (!watch)
		return -ENOMEM;
	watch->o = *options;
	LIST_INIT(&watch->looks);
	TAILQ_INIT(&watch->probes);
	TAILQ_INIT(&watch->touches);
	r = mt_wheel_new(options->store, &watch->wheel);
	if (r)
		return r;
	watch->turn = evtimer_new(options->base, on_turn, watch);
	watch->flush = event_new(options->base, -1, 0, on_flush, watch);
	first.tv_sec += (time_t)(mt_wheel_secret(watch->wheel) % FIRST_TURN_SPREAD_SEC);
	if (!watch->turn || !watch->flush || event_add(watch->turn, &first))
		return -ENOMEM;
	*ret = mt_steal(&watch);
	return 0;
}

struct mt_watch *
mt_watch_free(struct mt_watch *watch)
{
	struct mt_watch_look *look;
	struct mt_touch *touch;

	if (!watch)
		return NULL;
	mt_watch_probes_clear(watch);
	while ((look = LIST_FIRST(&watch->looks)) != NULL)
		mt_watch_look_free(look);
	while ((touch = TAILQ_FIRST(&watch->touches)) != NULL) {
		TAILQ_REMOVE(&watch->touches, touch, entry);
		free(touch);
	}
	if (watch->turn)
		event_free(watch->turn);
	if (watch->flush)
		event_free(watch->flush);
	mt_wheel_free(watch->wheel);
	free(watch);
	return NULL;
}
