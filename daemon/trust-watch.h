/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_TRUST_WATCH_H
#define MT_DAEMON_TRUST_WATCH_H

/*
 * Notices that the trust anchors changed, and asks for a chain worker that reads them anew.
 *
 * Watches directories, since files are replaced by rename; looks at names only, never at a byte of
 * a certificate. SIGHUP asks for the same by hand. Anchors that cannot be read are tried again
 * every minute; what that means for verdicts is decided in jobs.h (DESIGN §8).
 */

#include "daemon/jobs.h"

struct mt_trust_watch;

/* path: of --trust-anchors, a file or a directory; NULL: the system's. Opens its descriptors here,
 * before any sandbox. A directory that cannot be watched leaves SIGHUP.
 * Return: 0, negative errno. */
MT_MUST_CHECK int mt_trust_watch_new(struct event_base *base, struct mt_jobs *jobs,
				     const char *path, struct mt_trust_watch **ret);
struct mt_trust_watch *mt_trust_watch_free(struct mt_trust_watch *watch);
MT_DEFINE_CLEANUP(struct mt_trust_watch *, mt_trust_watch_free);

#endif
