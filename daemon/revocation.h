/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_REVOCATION_H
#define MT_DAEMON_REVOCATION_H

/*
 * A chain judged with its revocation, for policies soft and hard (D-PKIX-04): ask the chain worker,
 * have the net worker fetch what it orders, ask again with what came.
 *
 * The keeper carries bytes between two workers and understands none of them: orders were made and
 * cut by the first, are checked by the second, and what comes back is judged by a child of its own.
 * Fetches run side by side, so all end within MT_FETCH_USEC. What was not answered leaves the
 * validation UNKNOWN, with an end after MT_REVOCATION_UNKNOWN_USEC; a worker that fails leaves it
 * FAILED where that is the judge. What either means is for policy/decide.c.
 */

#include "daemon/clock.h"
#include "daemon/jobs.h"

struct mt_revocation;

struct mt_revocation_options {
	struct mt_jobs *jobs;
	const struct mt_clock *clock;
	bool may_fetch_local; /* configuration key fetch-local */
};

/* Starts. The request is copied; what it points to must live until the callback, which runs exactly
 * once, never from inside, and the operation is gone when it returns. The validation is valid
 * during the call. Return: 0 or -ENOMEM. */
MT_MUST_CHECK int mt_revocation_start(const struct mt_revocation_options *options,
				      const struct mt_chain_request *request,
				      mt_jobs_chain_fn callback, void *userdata,
				      struct mt_revocation **ret);
/* NULL is accepted. Returns NULL. */
struct mt_revocation *mt_revocation_cancel(struct mt_revocation *revocation);

#endif
