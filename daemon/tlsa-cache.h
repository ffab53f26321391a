/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_TLSA_CACHE_H
#define MT_DAEMON_TLSA_CACHE_H

/*
 * TLSA RRsets in the keeper, so that a warm verdict costs no question to DNS (DESIGN §8).
 *
 * An answer, a negative one too, is kept for (uid, host, port) until the first of its TTL and the
 * end of its signatures, and never handed out past that. It is asked for again at 80 % of what is
 * left, as long as somebody uses it, so that the next verdict finds a fresh one: resolvers on the
 * way answer with what is left in their own caches, hence again at 80 % of that, and at last when
 * it ends. An answer that fails (bogus, undetermined) never takes the place of a good one that
 * still holds; where there is none it is kept for MT_TLSA_FAILURE_USEC, so that a silent resolver
 * is not asked by every verdict (RFC 9520).
 *
 * Keyed by uid: how fast an answer comes tells nobody what others use. Bounded: a full cache
 * forgets what was used least recently. What an answer means is mt_tlsa_rrset_status()'s word; this
 * module decides only how long it holds.
 */

#include "daemon/clock.h"
#include "daemon/jobs.h"

struct mt_tlsa_cache;
struct mt_tlsa_wait;

/* One answer. Immutable; shared by the cache and by the checks that rely on it. */
struct mt_tlsa_set;
struct mt_tlsa_set *mt_tlsa_set_ref(struct mt_tlsa_set *set);
/* Accepts NULL, returns NULL. */
struct mt_tlsa_set *mt_tlsa_set_unref(struct mt_tlsa_set *set);
MT_DEFINE_CLEANUP(struct mt_tlsa_set *, mt_tlsa_set_unref);
/* Lives as long as the reference. */
const struct mt_tlsa *mt_tlsa_set_get(const struct mt_tlsa_set *set);

struct mt_tlsa_cache_options {
	struct event_base *base;
	const struct mt_clock *clock;
	/* Asks: mt_jobs_tlsa() and mt_job_cancel(), or a test's. */
	int (*start)(void *userdata, const char *host, uint16_t port, mt_jobs_tlsa_fn callback,
		     void *callback_userdata, struct mt_job **ret);
	struct mt_job *(*cancel)(struct mt_job *job);
	void *userdata;
};

MT_MUST_CHECK int mt_tlsa_cache_new(const struct mt_tlsa_cache_options *options,
				    struct mt_tlsa_cache **ret);
/* Every wait has ended or was cancelled. */
struct mt_tlsa_cache *mt_tlsa_cache_free(struct mt_tlsa_cache *cache);
MT_DEFINE_CLEANUP(struct mt_tlsa_cache *, mt_tlsa_cache_free);

/* What is known and still holds, or NULL. Borrowed until the loop runs on. */
struct mt_tlsa_set *mt_tlsa_cache_find(struct mt_tlsa_cache *cache, uint32_t uid, const char *host,
				       uint16_t port);

/* Takes an answer that came another way, and holds still; not where DNS has said since that the
 * host is in the signed tree, be that answer over or not. Return: as mt_tlsa_cache_find(); NULL
 * also where there is no room. */
struct mt_tlsa_set *mt_tlsa_cache_learn(struct mt_tlsa_cache *cache, uint32_t uid, const char *host,
					uint16_t port, const struct mt_tlsa_rrset *answer);

/* Asks, or joins a question that is under way. The callback runs once, never from inside, and the
 * wait is gone when it returns; the set is borrowed for the call. Return: 0, -ENOMEM, -EAGAIN where
 * every entry is waited for. */
typedef void (*mt_tlsa_cache_fn)(struct mt_tlsa_set *set, void *userdata);
MT_MUST_CHECK int mt_tlsa_cache_wait(struct mt_tlsa_cache *cache, uint32_t uid, const char *host,
				     uint16_t port, mt_tlsa_cache_fn callback, void *userdata,
				     struct mt_tlsa_wait **ret);
struct mt_tlsa_wait *mt_tlsa_wait_cancel(struct mt_tlsa_wait *wait);

#endif
