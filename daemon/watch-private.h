/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WATCH_PRIVATE_H
#define MT_DAEMON_WATCH_PRIVATE_H

/* What watch.c (timer and looks), watch-account.c (one account's part of a look) and
 * watch-probes.c (what is offered is probed first) share. */

#include <sys/queue.h>

#include "daemon/watch.h"
#include "daemon/wheel.h"

struct event;

/* Of one look; probes that it led to outlive it. */
struct mt_watch_answers {
	unsigned int n_refs;
	struct mt_srv_rrset answers[MT_SERVICE_COUNT];
};
void mt_watch_answers_unref(struct mt_watch_answers *answers);

struct mt_watch_probe;
struct mt_touch;

struct mt_watch {
	struct mt_watch_options o;
	struct mt_wheel *wheel;
	struct event *turn, *flush;
	struct mt_wheel_due due; /* handed out, and not begun yet from next_due on */
	size_t next_due;
	LIST_HEAD(, mt_watch_look) looks;
	unsigned int n_looks;
	TAILQ_HEAD(, mt_watch_probe) probes; /* the first one is under way */
	unsigned int n_probes;
	TAILQ_HEAD(, mt_touch) touches;
	unsigned int n_touches;
};

/* At a domain for whoever is due, or for one account. */
struct mt_watch_look {
	struct mt_watch *watch;
	LIST_ENTRY(mt_watch_look) entry;
	char domain[MT_DOMAIN_SIZE];
	bool is_single;
	uint32_t uid; /* of the one account */
	struct mt_account_id id;
	struct mt_discovery_job *job;
	struct mt_watch_answers *answers; /* a reference; NULL while DNS is asked */
	struct event *step;               /* goes on with the next chunk of accounts */
	uint32_t chunk;
	int64_t earliest_usec; /* when the next of them is due */
	bool has_members;
	unsigned int n_waits; /* probes that it waits for, and itself while it works */
	struct mt_finding finding;
	mt_watch_fn callback;
	void *userdata;
};

/* -- watch-account.c */

/* What one account made of a look. */
struct mt_watch_part {
	struct mt_account_id id;
	struct mt_finding finding;
	unsigned int signals, after_probe;
	bool updates_snapshot; /* once a probe succeeds */
	struct mt_named upgrades[MT_PROTO_COUNT - 1];
	size_t n_upgrades; /* that want a probe now */
};

/* Compares, and changes what is remembered; nothing is stored. account is active and borrowed. */
void mt_watch_judge(struct mt_watch *watch, const struct mt_account *account,
		    struct mt_watched *watched, const struct mt_srv_rrset *answers,
		    struct mt_watch_part *ret);
/* What DNS said when the servers were chosen becomes what later looks are compared with. */
void mt_watch_seed(struct mt_watch *watch, const struct mt_account *account,
		   struct mt_watched *watched);
uint32_t mt_watch_interval_sec(struct mt_watch *watch, const struct mt_account *account);
const struct mt_use *mt_watch_find_use(const struct mt_use *uses, size_t n, enum mt_proto proto);
/* The servers in use; hosts are borrowed from the account. Return: how many. */
size_t mt_watch_uses(const struct mt_account *account, struct mt_use ret[static MT_ENDPOINTS_MAX]);

/* -- watch-probes.c */

/* Puts the part's upgrades into the queue, for the look to wait for; what finds no room there is
 * seen again by another look in minutes. */
void mt_watch_probe(struct mt_watch_look *look, const struct mt_watch_part *part, uint32_t uid);
/* Starts the first one, unless it is under way. */
void mt_watch_probes_start(struct mt_watch *watch);
void mt_watch_probes_clear(struct mt_watch *watch);

/* -- watch-look.c */

/* Starts a look. single: of this account alone; NULL: of all of the domain that are due. Return: 0,
 * MT_WATCH_E_…, negative errno. */
MT_MUST_CHECK int mt_watch_look_start(struct mt_watch *watch, const char *domain,
				      const struct mt_account *single, struct mt_watch_look **ret);
/* Ends it without a callback. */
void mt_watch_look_free(struct mt_watch_look *look);
/* Something it waits for has ended. */
void mt_watch_look_unwait(struct mt_watch_look *look);

/* -- watch.c */

/* A look of the timer's has ended. */
void mt_watch_go_on(struct mt_watch *watch);
/* The account is looked at again in minutes: a probe did not get its turn. */
void mt_watch_postpone(struct mt_watch *watch, const struct mt_account_id *id, const char *domain);

#endif
