/* SPDX-License-Identifier: MIT */
/* One account's part of a look: what is compared, and what is remembered of it. */

#include <stdlib.h>
#include <string.h>

#include "daemon/srv-cache.h"
#include "daemon/watch-private.h"
#include "policy/domain.h"
#include "policy/schedule.h"

/* -- what an account uses ---------------------------------------------------------------------- */

size_t
mt_watch_uses(const struct mt_account *account, struct mt_use ret[static MT_ENDPOINTS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < account->n_endpoints; i++) {
		const struct mt_endpoint *endpoint = &account->endpoints[i];

		if (endpoint->status == MT_ENDPOINT_SAVED)
			ret[n++] = (struct mt_use){.proto = endpoint->proto,
						   .transport = endpoint->transport,
						   .host = endpoint->host,
						   .port = endpoint->port};
	}
	return n;
}

const struct mt_use *
mt_watch_find_use(const struct mt_use *uses, size_t n, enum mt_proto proto)
{
	for (size_t i = 0; i < n; i++)
		if (uses[i].proto == proto)
			return &uses[i];
	return NULL;
}

uint32_t
mt_watch_interval_sec(struct mt_watch *watch, const struct mt_account *account)
{
	return mt_schedule_interval_sec(
		mt_accounts_effective(watch->o.accounts, account)->m.srv_check_max_sec);
}

/* 4.7: an expired policy has the minimum on. */
static bool
requires_minimum(const struct mt_effective *effective, int64_t now_usec)
{
	return mt_value(effective, MT_FIELD_MIN_CONF) != MT_OFF ||
	       now_usec >= effective->m.not_after_usec;
}

void
mt_upgrade_endpoint(const struct mt_account *account, const struct mt_named *named,
		    struct mt_endpoint *ret)
{
	const struct mt_endpoint *own =
		mt_account_find_endpoint(account, named->service->proto, named->host, named->port);

	/* the same server, encrypted, is known the way it was */
	if (named->is_same_server && own)
		*ret = *own;
	else
		*ret = (struct mt_endpoint){.discovery = MT_DISCOVERY_SRV, .dnssec = named->dnssec};
	ret->proto = named->service->proto;
	ret->transport = named->service->transport;
	ret->port = named->port;
	memcpy(ret->host, named->host, sizeof(ret->host));
	if (ret->discovery == MT_DISCOVERY_SRV)
		memcpy(ret->label, named->service->label, strlen(named->service->label) + 1);
}

/* -- the snapshot ------------------------------------------------------------------------------ */

static void
take_snapshot(struct mt_watched *watched, const struct mt_srv_rrset *answers, int64_t now_usec)
{
	memcpy(watched->snapshot, answers, sizeof(watched->snapshot));
	watched->has_snapshot = true;
	watched->taken_usec = now_usec;
}

void
mt_watch_seed(struct mt_watch *watch, const struct mt_account *account, struct mt_watched *watched)
{
	struct mt_srv_entry *entry = malloc(sizeof(*entry)); /* too large for the stack */
	int64_t asked_usec = INT64_MAX;
	size_t n = 0;

	for (; entry && n < MT_SERVICE_COUNT; n++) {
		if (mt_srv_cache_get(watch->o.store, account->uid, account->domain, n, entry) ||
		    !mt_srv_rrset_is_answer(&entry->answer))
			break;
		watched->snapshot[n] = entry->answer;
		if (entry->asked_usec < asked_usec)
			asked_usec = entry->asked_usec;
	}
	free(entry);
	/* all six of them, or none: the first look then has nothing to differ from */
	watched->has_snapshot = n == MT_SERVICE_COUNT;
	watched->taken_usec = watched->has_snapshot ? asked_usec : 0;
}

/* -- offers ------------------------------------------------------------------------------------ */

/* One offer for each protocol: what is offered already is as good, or better. */
static bool
is_offered(const struct mt_watched *watched, const struct mt_named *named)
{
	for (size_t i = 0; i < watched->n_offers; i++) {
		const struct mt_service *own = watched->offers[i].named.service;

		if (own->proto == named->service->proto &&
		    own->transport >= named->service->transport)
			return true;
	}
	return false;
}

static bool
is_named(const struct mt_named *named, const struct mt_srv_rrset *answers)
{
	const struct mt_srv_rrset *answer = &answers[named->service - mt_services];

	if (named->is_same_server)
		return true;
	for (size_t i = 0; i < answer->n; i++)
		if (answer->records[i].port == named->port &&
		    mt_domain_equal(answer->records[i].target, named->host))
			return true;
	return false;
}

/* An offer ends when its server is in use, or when DNS does not name it any more. */
static void
prune_offers(struct mt_watched *watched, const struct mt_look *look,
	     const struct mt_srv_rrset *answers)
{
	for (size_t i = watched->n_offers; i-- > 0;) {
		const struct mt_named *named = &watched->offers[i].named;
		const struct mt_use *use =
			mt_watch_find_use(look->uses, look->n_uses, named->service->proto);

		if (!use || !mt_named_improves(named, use) || !is_named(named, answers))
			mt_watched_remove_offer(watched, &watched->offers[i]);
	}
}

/* At most daily for each service (D-SYS-11). */
static bool
may_probe(const struct mt_watched *watched, const struct mt_named *named, int64_t now_usec)
{
	const int64_t before = watched->probed_usec[named->service - mt_services];

	return before == 0 || now_usec < before || now_usec - before >= MT_WATCH_PROBE_USEC;
}

/* Return: the moment the next probe is allowed, where one is wanted and may not be now. */
static int64_t
choose_probes(const struct mt_watched *watched, const struct mt_change *change, int64_t now_usec,
	      struct mt_watch_part *ret)
{
	int64_t again_usec = INT64_MAX;

	for (size_t i = 0; i < change->n_upgrades; i++) {
		const struct mt_named *named = &change->upgrades[i];
		int64_t when =
			watched->probed_usec[named->service - mt_services] + MT_WATCH_PROBE_USEC;

		if (is_offered(watched, named))
			continue;
		if (may_probe(watched, named, now_usec))
			ret->upgrades[ret->n_upgrades++] = *named;
		else if (when < again_usec)
			again_usec = when;
	}
	return again_usec;
}

/* -- the look ---------------------------------------------------------------------------------- */

static void
fill_look(struct mt_watch *watch, const struct mt_account *account,
	  const struct mt_watched *watched, const struct mt_srv_rrset *answers, struct mt_look *ret)
{
	const struct mt_effective *effective = mt_accounts_effective(watch->o.accounts, account);

	ret->domain = account->domain;
	ret->now_usec = mt_clock_wall(watch->o.clock);
	ret->min_conf = requires_minimum(effective, ret->now_usec);
	ret->srv_trust = effective->m.values[MT_FIELD_SRV_TRUST];
	ret->history = watched->history;
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++) {
		char offer[MT_TOKEN_SIZE];

		mt_upgrade_name(&mt_services[i], offer);
		ret->is_declined[i] = mt_account_has_declined(account, offer, ret->now_usec);
		ret->before[i] = watched->has_snapshot ? &watched->snapshot[i] : NULL;
		ret->fresh[i] = &answers[i];
	}
}

static void
fill_finding(const struct mt_change *change, struct mt_finding *ret)
{
	*ret = (struct mt_finding){.row = (uint8_t)change->row,
				   .class = change->class,
				   .is_pending = change->is_pending,
				   .n_reasons = change->n_reasons,
				   .subject = change->subject};
	memcpy(ret->reasons, change->reasons, sizeof(ret->reasons));
}

static int64_t
next_due(struct mt_watch *watch, const struct mt_account *account, const struct mt_look *look,
	 const struct mt_change *change)
{
	const uint64_t hash = mt_schedule_hash(mt_wheel_secret(watch->wheel), account->domain);
	const int64_t now = look->now_usec;

	if (change->row == 13)
		return mt_schedule_retry(hash, change->history.n_failed, now);
	/* Only the first sight of something is looked at again at once: answers that change all the
	 * time cause no more looks than others. */
	if (change->is_pending && look->history.n_looks == 0)
		return mt_schedule_confirm(hash, now);
	return mt_schedule_next(hash, mt_watch_interval_sec(watch, account), now);
}

void
mt_watch_judge(struct mt_watch *watch, const struct mt_account *account, struct mt_watched *watched,
	       const struct mt_srv_rrset *answers, struct mt_watch_part *ret)
{
	struct mt_use uses[MT_ENDPOINTS_MAX];
	struct mt_look look = {.uses = uses, .n_uses = mt_watch_uses(account, uses)};
	struct mt_change change;
	int64_t again_usec;

	if (!watched->has_snapshot)
		mt_watch_seed(watch, account, watched);
	fill_look(watch, account, watched, answers, &look);
	mt_change_judge(&look, &change);
	*ret = (struct mt_watch_part){.id = account->id,
				      .signals = change.signals,
				      .after_probe = change.after_probe,
				      .updates_snapshot = change.fate == MT_SNAPSHOT_AFTER_PROBE};
	fill_finding(&change, &ret->finding);
	watched->history = change.history;
	watched->looked_usec = look.now_usec;
	watched->due_usec = next_due(watch, account, &look, &change);
	if (change.row == 13)
		return; /* nothing was found out */
	watched->finding = ret->finding;
	if (change.fate >= MT_SNAPSHOT_UPDATED)
		take_snapshot(watched, answers, look.now_usec);
	/* what is forged, or not certain yet, takes no offer back */
	if (!change.is_pending && change.row != 12)
		prune_offers(watched, &look, answers);
	again_usec = choose_probes(watched, &change, look.now_usec, ret);
	if (again_usec < watched->due_usec)
		watched->due_usec = again_usec;
}
