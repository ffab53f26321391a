/* SPDX-License-Identifier: MIT */
/* A table of TLSA answers: hashed, least recently used last, each with a timer for its refresh. */

#include "daemon/tlsa-cache.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "daemon/tlsa-set.h"

#define BUCKETS 256
/* Asked for again at 80 % of what is left, but not every moment; the last of it is waited out. */
#define REFRESH_MIN_USEC (1 * MT_USEC_PER_SEC)
#define REFRESH_LAST_USEC (5 * MT_USEC_PER_SEC)
/* Resolvers count whole seconds: one that is asked in the last of them answers with a TTL of 0. */
#define REFRESH_AFTER_END_USEC 1100000

struct mt_tlsa_wait {
	struct entry *of;
	LIST_ENTRY(mt_tlsa_wait) entry;
	bool is_due; /* was there when the answer came */
	mt_tlsa_cache_fn callback;
	void *userdata;
};

struct entry {
	struct mt_tlsa_cache *cache;
	TAILQ_ENTRY(entry) age; /* most recently used first */
	LIST_ENTRY(entry) in_bucket;
	uint32_t uid;
	uint16_t port;
	char host[MT_DOMAIN_SIZE];
	struct mt_tlsa_set *set; /* NULL: nothing is known */
	int64_t expires_usec;    /* monotonic */
	bool is_signed;          /* DNS said so last, and for all that came since */
	bool was_used;           /* since it was asked for last */
	bool is_answering;
	bool is_refresh;    /* the question is asked for those who come */
	struct mt_job *job; /* the question under way */
	LIST_HEAD(, mt_tlsa_wait) waits;
	struct event *refresh;
};

struct mt_tlsa_cache {
	struct mt_tlsa_cache_options o;
	LIST_HEAD(, entry) buckets[BUCKETS];
	TAILQ_HEAD(entries, entry) ages;
	size_t n;
	struct mt_tlsa_set *undetermined; /* what is said where there is no memory to say more */
};

/* -- entries ----------------------------------------------------------------------------------- */

static bool
is_busy(const struct entry *entry)
{
	return entry->job || entry->is_answering || !LIST_EMPTY(&entry->waits);
}

static void
free_entry(struct entry *entry)
{
	struct mt_tlsa_cache *cache = entry->cache;

	if (entry->job)
		cache->o.cancel(entry->job);
	if (entry->refresh)
		event_free(entry->refresh);
	TAILQ_REMOVE(&cache->ages, entry, age);
	LIST_REMOVE(entry, in_bucket);
	cache->n--;
	mt_tlsa_set_unref(entry->set);
	free(entry);
}

static size_t
bucket_of(uint32_t uid, const char *host, uint16_t port)
{
	uint32_t hash = 2166136261u ^ uid ^ (uint32_t)port << 16; /* FNV-1a */

	for (; *host; host++)
		hash = (hash ^ (uint8_t)*host) * 16777619u;
	return (hash ^ hash >> 16) % BUCKETS;
}

static struct entry *
find_entry(struct mt_tlsa_cache *cache, uint32_t uid, const char *host, uint16_t port)
{
	struct entry *entry;

	LIST_FOREACH(entry, &cache->buckets[bucket_of(uid, host, port)], in_bucket)
	if (entry->uid == uid && entry->port == port && strcmp(entry->host, host) == 0) {
		TAILQ_REMOVE(&cache->ages, entry, age);
		TAILQ_INSERT_HEAD(&cache->ages, entry, age);
		return entry;
	}
	return NULL;
}

/* Return: false where every entry is in use. */
static bool
make_room(struct mt_tlsa_cache *cache)
{
	struct entry *oldest;

	if (cache->n < MT_TLSA_CACHE_MAX)
		return true;
	TAILQ_FOREACH_REVERSE(oldest, &cache->ages, entries, age)
	if (!is_busy(oldest)) {
		free_entry(oldest);
		return true;
	}
	return false;
}

/* -- asking ------------------------------------------------------------------------------------ */

static void on_answer(const struct mt_tlsa_rrset *answer, void *userdata);

static int
ask(struct entry *entry)
{
	const struct mt_tlsa_cache_options *o = &entry->cache->o;

	if (entry->job)
		return 0;
	entry->was_used = false;
	return o->start(o->userdata, entry->host, entry->port, on_answer, entry, &entry->job);
}

static void
on_refresh(evutil_socket_t fd, short what, void *userdata)
{
	struct entry *entry = userdata;

	/* One that cannot be asked for now is asked for by the verdict that wants it. */
	if (entry->was_used && ask(entry) == 0)
		entry->is_refresh = true;
}

static void
schedule_refresh(struct entry *entry, int64_t left_usec)
{
	int64_t delay = left_usec / 5 * 4;
	struct timeval time;

	if (delay < REFRESH_MIN_USEC)
		delay = REFRESH_MIN_USEC;
	if (left_usec < REFRESH_LAST_USEC)
		delay = left_usec + REFRESH_AFTER_END_USEC;
	time = (struct timeval){.tv_sec = delay / MT_USEC_PER_SEC,
				.tv_usec = delay % MT_USEC_PER_SEC};
	(void)event_add(entry->refresh, &time);
}

/* How long an answer holds: D-DANE-14, and a failure for a moment. */
static int64_t
lifetime_of(const struct mt_tlsa_rrset *answer, int64_t wall_usec)
{
	enum mt_tlsa_status status = mt_tlsa_rrset_status(answer);
	int64_t left = (int64_t)answer->rrset.ttl_sec * MT_USEC_PER_SEC;
	int64_t signed_for = answer->rrset.signed_until_usec - wall_usec;

	if (answer->rrset.state == MT_RRSET_FAILED)
		return 0; /* nobody was asked: the next one may be */
	if (status == MT_TLSA_BOGUS || status == MT_TLSA_UNDETERMINED)
		return MT_TLSA_FAILURE_USEC;
	if (answer->rrset.signed_until_usec != 0 && signed_for < left)
		left = signed_for > 0 ? signed_for : 0;
	return mt_tlsa_data_size(answer) > MT_TLSA_KEEP_BYTES_MAX ? 0 : left;
}

static bool
is_failure(enum mt_tlsa_status status)
{
	return status == MT_TLSA_BOGUS || status == MT_TLSA_UNDETERMINED;
}

/* Whether what is known holds and is good. */
static bool
is_good(const struct entry *entry, int64_t now_usec)
{
	return entry->set && now_usec < entry->expires_usec && !is_failure(entry->set->tlsa.status);
}

static void
remember(struct entry *entry, struct mt_tlsa_set *set, const struct mt_tlsa_rrset *answer)
{
	const struct mt_clock *clock = entry->cache->o.clock;
	int64_t now = mt_clock_monotonic(clock), wall = mt_clock_wall(clock);
	int64_t left = lifetime_of(answer, wall);

	if (is_failure(set->tlsa.status)) {
		/* A SERVFAIL never overwrites a good entry (D-SRV-14). */
		if (is_good(entry, now)) {
			schedule_refresh(entry, entry->expires_usec - now);
			return;
		}
	} else {
		entry->is_signed = set->tlsa.status != MT_TLSA_INSECURE;
		set->tlsa.expires_usec = wall + left;
		schedule_refresh(entry, left);
	}
	mt_tlsa_set_unref(entry->set);
	entry->set = mt_tlsa_set_ref(set);
	entry->expires_usec = now + left;
}

/* Those who joined later, from a callback, wait for the next answer. */
static void
serve_waits(struct entry *entry, struct mt_tlsa_set *set)
{
	struct mt_tlsa_wait *wait;

	LIST_FOREACH(wait, &entry->waits, entry)
	wait->is_due = true;
	entry->is_answering = true;
	do {
		LIST_FOREACH(wait, &entry->waits, entry)
		if (wait->is_due)
			break;
		if (wait) {
			LIST_REMOVE(wait, entry);
			wait->callback(set, wait->userdata);
			free(wait);
		}
	} while (wait);
	entry->is_answering = false;
}

static void
on_answer(const struct mt_tlsa_rrset *answer, void *userdata)
{
	static const struct mt_tlsa_rrset failed = {.address = MT_DNSSEC_UNDETERMINED};
	struct entry *entry = userdata;
	struct mt_tlsa_set *set = mt_tlsa_set_new(answer);

	entry->job = NULL;
	entry->is_refresh = false;
	if (!set) {
		set = mt_tlsa_set_ref(entry->cache->undetermined);
		answer = &failed;
	}
	remember(entry, set, answer);
	if (!LIST_EMPTY(&entry->waits)) {
		entry->was_used = true;
		serve_waits(entry, set);
	}
	mt_tlsa_set_unref(set);
}

static int
new_entry(struct mt_tlsa_cache *cache, uint32_t uid, const char *host, uint16_t port,
	  struct entry **ret)
{
	struct entry *entry;

	if (!make_room(cache))
		return -EAGAIN;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->cache = cache;
	entry->uid = uid;
	entry->port = port;
	(void)snprintf(entry->host, sizeof(entry->host), "%s", host);
	LIST_INIT(&entry->waits);
	LIST_INSERT_HEAD(&cache->buckets[bucket_of(uid, host, port)], entry, in_bucket);
	TAILQ_INSERT_HEAD(&cache->ages, entry, age);
	cache->n++;
	entry->refresh = evtimer_new(cache->o.base, on_refresh, entry);
	if (!entry->refresh) {
		free_entry(entry);
		return -ENOMEM;
	}
	*ret = entry;
	return 0;
}

/* -- the interface ----------------------------------------------------------------------------- */

int
mt_tlsa_cache_new(const struct mt_tlsa_cache_options *options, struct mt_tlsa_cache **ret)
{
	struct mt_tlsa_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return -ENOMEM;
	cache->o = *options;
	TAILQ_INIT(&cache->ages);
	cache->undetermined = calloc(1, sizeof(*cache->undetermined));
	if (!cache->undetermined) {
		free(cache);
		return -ENOMEM;
	}
	cache->undetermined->refs = 1;
	cache->undetermined->tlsa.status = MT_TLSA_UNDETERMINED;
	*ret = cache;
	return 0;
}

struct mt_tlsa_cache *
mt_tlsa_cache_free(struct mt_tlsa_cache *cache)
{
	if (!cache)
		return NULL;
	while (!TAILQ_EMPTY(&cache->ages))
		free_entry(TAILQ_FIRST(&cache->ages));
	mt_tlsa_set_unref(cache->undetermined);
	free(cache);
	return NULL;
}

struct mt_tlsa_set *
mt_tlsa_cache_find(struct mt_tlsa_cache *cache, uint32_t uid, const char *host, uint16_t port)
{
	struct entry *entry = find_entry(cache, uid, host, port);

	if (!entry)
		return NULL;
	entry->was_used = true;
	if (!entry->set || mt_clock_monotonic(cache->o.clock) >= entry->expires_usec)
		return NULL;
	/* A wall clock that was set forward may have passed the end of a signature. */
	if (entry->set->tlsa.expires_usec &&
	    mt_clock_wall(cache->o.clock) >= entry->set->tlsa.expires_usec)
		return NULL;
	/* It was left alone when its refresh was due, and is wanted again. */
	if (!is_failure(entry->set->tlsa.status) && !entry->job &&
	    !evtimer_pending(entry->refresh, NULL))
		schedule_refresh(entry, entry->expires_usec - mt_clock_monotonic(cache->o.clock));
	return entry->set;
}

struct mt_tlsa_set *
mt_tlsa_cache_learn(struct mt_tlsa_cache *cache, uint32_t uid, const char *host, uint16_t port,
		    const struct mt_tlsa_rrset *answer)
{
	struct entry *entry = find_entry(cache, uid, host, port);
	struct mt_tlsa_set *set;

	if (!entry && new_entry(cache, uid, host, port, &entry) != 0)
		return NULL;
	/* what was heard here is not older: a host that is in the signed tree stays there until DNS
	 * says otherwise itself */
	if (entry->is_signed)
		return NULL;
	set = mt_tlsa_set_new(answer);
	if (!set)
		return NULL;
	remember(entry, set, answer);
	mt_tlsa_set_unref(set);
	return mt_tlsa_cache_find(cache, uid, host, port);
}

int
mt_tlsa_cache_wait(struct mt_tlsa_cache *cache, uint32_t uid, const char *host, uint16_t port,
		   mt_tlsa_cache_fn callback, void *userdata, struct mt_tlsa_wait **ret)
{
	struct entry *entry = find_entry(cache, uid, host, port);
	struct mt_tlsa_wait *wait;
	int r = entry ? 0 : new_entry(cache, uid, host, port, &entry);

	if (r)
		return r;
	wait = calloc(1, sizeof(*wait));
	if (!wait)
		return -ENOMEM;
	r = ask(entry);
	if (r) {
		free(wait);
		return r;
	}
	wait->of = entry;
	wait->callback = callback;
	wait->userdata = userdata;
	LIST_INSERT_HEAD(&entry->waits, wait, entry);
	*ret = wait;
	return 0;
}

struct mt_tlsa_wait *
mt_tlsa_wait_cancel(struct mt_tlsa_wait *wait)
{
	struct entry *entry;

	if (!wait)
		return NULL;
	entry = wait->of;
	LIST_REMOVE(wait, entry);
	free(wait);
	/* A question that nobody waits for any more is taken back. */
	if (LIST_EMPTY(&entry->waits) && entry->job && !entry->is_refresh)
		entry->job = entry->cache->o.cancel(entry->job);
	return NULL;
}
