/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_DISCOVERIES_H
#define MT_DAEMON_DISCOVERIES_H

/*
 * The six questions of a discovery (D-SRV-01), asked at once and answered together.
 *
 * Asks DNS and nothing else: no server is connected to, no name is guessed where there is no answer
 * (D-SRV-02, D-SRV-08), nothing is stored. What the answers mean is policy/discovery.h. A uid has
 * MT_DISCOVERIES_PER_UID_MAX under way at most, and all together MT_DISCOVERIES_MAX, so that nobody
 * takes the net worker from the verdicts of others (D-SYS-10).
 */

#include "daemon/jobs.h"
#include "policy/discovery.h"

struct mt_discoveries;
struct mt_discovery_job;

MT_MUST_CHECK int mt_discoveries_new(struct mt_jobs *jobs, struct mt_discoveries **ret);
/* Every run has ended or was cancelled. */
struct mt_discoveries *mt_discoveries_free(struct mt_discoveries *discoveries);
MT_DEFINE_CLEANUP(struct mt_discoveries *, mt_discoveries_free);

/* answers: as mt_services; valid during the call. */
typedef void (*mt_discoveries_fn)(const struct mt_srv_rrset *answers, void *userdata);

enum {
	MT_DISCOVERIES_E_LIMIT = 1,  /* too many under way */
	MT_DISCOVERIES_E_INVALID = 2 /* the domain is too long for a label in front of it */
};

/* Starts. domain: A-labels, normalised. The callback runs once, never from inside, and the run is
 * gone when it returns. Return: 0, one of the above, negative errno. */
MT_MUST_CHECK int mt_discoveries_start(struct mt_discoveries *discoveries, uint32_t uid,
				       const char *domain, mt_discoveries_fn callback,
				       void *userdata, struct mt_discovery_job **ret);
struct mt_discovery_job *mt_discovery_job_cancel(struct mt_discovery_job *run);

#endif
