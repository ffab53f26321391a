/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_DISCOVERIES_H
#define MT_DAEMON_DISCOVERIES_H

/*
 * Discoveries under way: the sources that are on, asked about a domain at once and answered
 * together (D-DISC-01).
 *
 * No mail server is connected to, no name is guessed where there is no answer (D-SRV-02, D-SRV-08),
 * nothing is stored. What the answers mean is policy/discovery.h. Each source has its own bound on
 * time, MT_DNS_USEC and what a worker's grace adds, so that the slowest one is waited for no
 * longer. A uid has MT_DISCOVERIES_PER_UID_MAX under way at most, and all together
 * MT_DISCOVERIES_MAX, so that nobody takes the net worker from the verdicts of others (D-SYS-10).
 */

#include "daemon/sources.h"

struct mt_discoveries;
struct mt_discovery_job;

/* options are copied; what they point to is borrowed. */
MT_MUST_CHECK int mt_discoveries_new(const struct mt_sources_options *options,
				     struct mt_discoveries **ret);
/* Ends what is under way; nobody is called back. */
struct mt_discoveries *mt_discoveries_free(struct mt_discoveries *discoveries);
MT_DEFINE_CLEANUP(struct mt_discoveries *, mt_discoveries_free);

/* found is valid during the call. */
typedef void (*mt_discoveries_fn)(const struct mt_findings *found, void *userdata);

enum {
	MT_DISCOVERIES_E_LIMIT = 1,  /* too many under way */
	MT_DISCOVERIES_E_INVALID = 2 /* the domain is too long for a label in front of it */
};

/* Starts. domain: A-labels, normalised. The callback runs once, never from inside, and the run is
 * gone when it returns. Return: 0, one of the above, negative errno. */
MT_MUST_CHECK int mt_discoveries_start(struct mt_discoveries *discoveries, uint32_t uid,
				       const char *domain, mt_discoveries_fn callback,
				       void *userdata, struct mt_discovery_job **ret);
/* SRV alone, for the watcher: what no one can forge unseen, or what a second look is to confirm
 * (D-DISC-04). Where the configuration switches SRV off nothing is asked, and found->asked says so.
 */
MT_MUST_CHECK int mt_discoveries_start_srv(struct mt_discoveries *discoveries, uint32_t uid,
					   const char *domain, mt_discoveries_fn callback,
					   void *userdata, struct mt_discovery_job **ret);
/* Ends it without callback. Its place among the uid's is free when its questions would have been
 * over. */
struct mt_discovery_job *mt_discovery_job_cancel(struct mt_discovery_job *job);

#endif
