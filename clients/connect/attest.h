/* SPDX-License-Identifier: MIT */
#ifndef MT_CONNECT_ATTEST_H
#define MT_CONNECT_ATTEST_H

/*
 * How the tunnel's word comes to count for more than a mail program's (DESIGN §3).
 *
 * Installed setgid to a group without members, it connects to the service's direct socket with that
 * group, by which the service knows what it is told on this connection as seen by the tunnel
 * itself: the user can neither trace nor preload a setgid program. Then it gives the group up for
 * good, before it opens anything a user has named. Without the group, over a message bus, and after
 * the connection was lost, its evidence is honestly "asserted".
 *
 * Does not check that the group is the right one: the service does, by number.
 */

#include "ipc/client.h"

/* A client for the service: where this program is setgid, connected at once. A service that does
 * not answer is no failure here; the first question will meet it. Return: 0, or negative errno. */
MT_MUST_CHECK int mt_attest_open(enum mt_client_where where, const char *argument,
				 struct mt_client **ret);

/* Gives up the group, and checks that it cannot be had again. Return: 0, or negative errno: do not
 * go on. */
MT_MUST_CHECK int mt_attest_drop(void);

#endif
