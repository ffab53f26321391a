/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_BUS_SRV_H
#define MT_DAEMON_BUS_SRV_H

/*
 * What DNS and other sources said about the domains a uid has accounts in: kept when the owner
 * looks, forgotten with his last account there. Whose account it is was settled before; what takes
 * whose place is srv-cache.h's and offers-cache.h's.
 */

#include "daemon/keeper.h"

/* What was just found. Failure is logged: the next look keeps it. */
void mt_keeper_keep_found(struct mt_keeper *keeper, uint32_t uid, const char *domain,
			  const struct mt_findings *found);

/* An account is gone: forgets its domain where the uid has no other one in it. Not from inside an
 * event of accounts.h. */
void mt_keeper_forget_srv(struct mt_keeper *keeper, uint32_t uid, const char *domain);

#endif
