/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_BUS_RESOLVE_H
#define MT_DAEMON_BUS_RESOLVE_H

/*
 * Which of an account's endpoints a call is about, and where its host is.
 *
 * Resolve asks DNS each time. Where DNS gives no answer at all, the last good addresses serve, and
 * the log says how old they are (D-SRV-05, host-memory.h): what the connection is worth is settled
 * by Check, which knows what it must not rest on.
 */

#include "daemon/keeper.h"

/* Return: 0, MT_ERROR_INVALID_ARGUMENTS. */
MT_MUST_CHECK int mt_keeper_read_proto(struct mt_request *request, DBusMessageIter *args,
				       enum mt_proto *ret);

/* The endpoint of a service that was set last: that is the one a person means. Or NULL. */
const struct mt_endpoint *mt_keeper_endpoint(const struct mt_account *account, enum mt_proto proto);

/* The same, of the request's account, where something may connect to it (R-5.1-12). Return: 0,
 * MT_ERROR_NOT_IN_THIS_STATE, MT_ERROR_TARGET_UNCONFIRMED. */
MT_MUST_CHECK int mt_keeper_find_reachable(struct mt_keeper *keeper, struct mt_request *request,
					   enum mt_proto proto, const struct mt_endpoint **ret);

#endif
