/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_PROBES_H
#define MT_DAEMON_PROBES_H

/*
 * Probes: the daemon's own look at an endpoint of an account, by the net worker, without
 * credentials (D-SYS-11), judged like a Check for op test with attested evidence.
 *
 * It is no port scanner: only endpoints of the account, only mail ports or ports of 1024 and above,
 * loopback and link-local only where the configuration allows it, MT_PROBES_PER_MINUTE_MAX a minute
 * for each uid. What a server sent is judged, not handed on.
 */

#include "daemon/verdicts.h"

struct mt_probes;
struct mt_probe_run;

struct mt_probes_options {
	struct mt_accounts *accounts;
	struct mt_jobs *jobs;
	struct mt_verdicts *verdicts;
	struct mt_audit *audit;
	struct mt_store *store; /* keeps the addresses that were found */
	const struct mt_clock *clock;
	bool may_probe_local; /* loopback and link-local: user mode, or probe-local = yes */
};

MT_MUST_CHECK int mt_probes_new(const struct mt_probes_options *options, struct mt_probes **ret);
struct mt_probes *mt_probes_free(struct mt_probes *probes);
MT_DEFINE_CLEANUP(struct mt_probes *, mt_probes_free);

enum {
	MT_PROBES_E_LIMIT = 1,         /* too many this minute */
	MT_PROBES_E_NOT_PERMITTED = 2, /* this port or address is not probed */
	MT_PROBES_E_UNREACHABLE = 3,   /* no address, or nothing answers there */
	MT_PROBES_E_TIMEOUT = 4,
	MT_PROBES_E_WORKER = 5 /* the worker died: nothing is known */
};

/* outcome 0: evidence (without chain and staple) and answer are set; else one of the above and text
 * says why in one line. */
typedef void (*mt_probes_fn)(int outcome, const struct mt_evidence *evidence,
			     const struct mt_answer *answer, const char *text, void *userdata);

/* Starts. The endpoint is one of the account's. callback runs once, never from inside here.
 * Return: 0, MT_PROBES_E_LIMIT, MT_PROBES_E_NOT_PERMITTED, negative errno. */
MT_MUST_CHECK int mt_probes_start(struct mt_probes *probes, uint32_t uid,
				  const struct mt_account *account,
				  const struct mt_endpoint *endpoint, mt_probes_fn callback,
				  void *userdata, struct mt_probe_run **ret);
/* The same of a server that is not the account's, judged as if it were saved; nothing is stored.
 * The caller answers for where it comes from: a person, or DNS data that may name a server
 * (R-5.1-11).
 */
MT_MUST_CHECK int mt_probes_try(struct mt_probes *probes, uint32_t uid,
				const struct mt_account *account,
				const struct mt_endpoint *endpoint, mt_probes_fn callback,
				void *userdata, struct mt_probe_run **ret);
struct mt_probe_run *mt_probe_run_cancel(struct mt_probe_run *run);

#endif
