/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WATCH_H
#define MT_DAEMON_WATCH_H

/*
 * The periodic look at each provider's configuration (RFC 8314 §5.1, REQUIREMENTS 4.8): whose
 * domain is due, what its accounts are told, what they are offered. It raises signals and changes
 * no account: no endpoint, no minimum, no pin (D-DISC-04).
 *
 * One look for each domain, whoever has accounts there, since the answer is public; everything it
 * leads to lies with one account: what it is compared with, when it was taken notice of, and who is
 * told. An account takes part in a look only when its own interval says so, so that nobody's
 * stricter policy can be read off another's (D-SYS-02). Only active accounts are watched.
 *
 * A turn of the timer every MT_WATCH_TURN_USEC; the first one half a minute to a minute and a half
 * after the start, which reads nothing by itself. Turns start nothing while the clock is insane.
 * Looks ask SRV and nothing else, MT_WATCH_LOOKS_MAX at once. Where a look finds what an account
 * might be moved to, the server is probed first, at most daily for each service, one probe at a
 * time, and offered only where the probe reaches confidentiality for that very account (R-5-14,
 * D-SYS-11).
 *
 * Accounts made before there was a watcher have no record: they are taken up when their owner next
 * asks anything about them. Nothing walks the store.
 */

#include "daemon/discoveries.h"
#include "daemon/probes.h"
#include "daemon/watch-record.h"

struct event_base;
struct mt_watch;
struct mt_watch_look;

/* What an owner is to be told. Borrowed for the call. */
struct mt_told {
	unsigned int signals; /* MT_CHANGE_ bits */
	const struct mt_finding *finding;
	const struct mt_named *upgrade; /* with MT_CHANGE_UPGRADE; else NULL */
};

/* Whom the watcher asks: mt_discoveries_start_srv() and mt_probes_try(), but for tests. */
struct mt_watch_ops {
	int (*ask)(struct mt_discoveries *discoveries, uint32_t uid, const char *domain,
		   mt_discoveries_fn callback, void *userdata, struct mt_discovery_job **ret);
	struct mt_discovery_job *(*cancel_ask)(struct mt_discovery_job *job);
	int (*probe)(struct mt_probes *probes, uint32_t uid, const struct mt_account *account,
		     const struct mt_endpoint *endpoint, mt_probes_fn callback, void *userdata,
		     struct mt_probe_run **ret);
	struct mt_probe_run *(*cancel_probe)(struct mt_probe_run *run);
};
extern const struct mt_watch_ops mt_watch_ops;

struct mt_watch_options {
	struct event_base *base;
	struct mt_store *store;
	struct mt_accounts *accounts;
	const struct mt_watch_ops *ops;
	struct mt_discoveries *discoveries;
	struct mt_probes *probes;
	const struct mt_clock *clock;
	bool clock_must_be_synchronised;
	bool is_off; /* the configuration switches SRV off: no turn looks at anything */
	/* account is borrowed for the call; after the commit. */
	void (*told)(void *userdata, const struct mt_account *account, const struct mt_told *told);
	void *userdata;
};

/* Everything is borrowed and outlives the watch. */
MT_MUST_CHECK int mt_watch_new(const struct mt_watch_options *options, struct mt_watch **ret);
/* Looks under way end without a callback. */
struct mt_watch *mt_watch_free(struct mt_watch *watch);
MT_DEFINE_CLEANUP(struct mt_watch *, mt_watch_free);

/* What the timer does every MT_WATCH_TURN_USEC. */
void mt_watch_turn(struct mt_watch *watch);

/* -- what happens to accounts; stored after the caller has returned, so events may call them */

/* An account is in use, or its policy is another. has_new_servers: its servers were chosen just
 * now, and what DNS said then is what later looks are compared with. */
void mt_watch_touch(struct mt_watch *watch, const struct mt_account_id *id, bool has_new_servers);
void mt_watch_forget(struct mt_watch *watch, const struct mt_account_id *id);
/* Takes up an account of which mt_watch_knows() is false. It costs the caller nothing: up to
 * MT_WATCH_TAKE_UP_MAX are stored together, once a second at most, and the others next time. */
void mt_watch_take_up(struct mt_watch *watch, const struct mt_account_id *id);
bool mt_watch_knows(struct mt_watch *watch, const struct mt_account *account);

/* -- looks */

enum {
	MT_WATCH_E_LIMIT = 1,  /* one took place a moment ago, or too many are under way */
	MT_WATCH_E_STATE = 2,  /* the account is not active, or SRV is switched off */
	MT_WATCH_E_INVALID = 3 /* a domain too long for a label in front of it */
};

/* What a look found, and what DNS said, as mt_services. Valid during the call. NULL: it could not
 * be stored, or the account is not active any more; nobody was asked. */
typedef void (*mt_watch_fn)(const struct mt_finding *finding, const struct mt_srv_rrset *answers,
			    void *userdata);
/* Looks for one account now. The callback runs once, never from inside, after the probes that the
 * look led to. Return: 0, one of the above, negative errno. */
MT_MUST_CHECK int mt_watch_look(struct mt_watch *watch, const struct mt_account *account,
				mt_watch_fn callback, void *userdata, struct mt_watch_look **ret);
/* No callback any more; the look itself goes on. Accepts NULL. */
struct mt_watch_look *mt_watch_look_cancel(struct mt_watch_look *look);

/* A connection to a server of the account failed: looks, at most once an hour for each service
 * (D-SRV-06). The attempt has failed all the same. */
void mt_watch_failed(struct mt_watch *watch, const struct mt_account *account, enum mt_proto proto);

/* -- offers */

/* ret is ~55 KiB. Return: as mt_store_get(). */
MT_MUST_CHECK int mt_watch_get(struct mt_watch *watch, const struct mt_account_id *id,
			       struct mt_watched *ret);
/* Takes an offer back: it was accepted, or declined. Where it cannot be stored it stays. */
void mt_watch_remove_offer(struct mt_watch *watch, const struct mt_account_id *id,
			   const char *name);
/* The endpoint an offer would make. */
void mt_upgrade_endpoint(const struct mt_account *account, const struct mt_named *named,
			 struct mt_endpoint *ret);

#endif
