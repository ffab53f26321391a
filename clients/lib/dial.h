/* SPDX-License-Identifier: MIT */
#ifndef MT_LIB_DIAL_H
#define MT_LIB_DIAL_H

/*
 * Opens the one TCP connection a check needs: the addresses in the order the service gave them,
 * each for at most MT_DIAL_USEC, until one answers. Resolves no names, speaks no protocol. The
 * socket is non-blocking and closed on exec.
 */

#include "policy/diag.h"
#include "policy/limits.h"

/* Long enough for three lost SYNs (1 + 2 + 4 s), short enough that a dead address is passed over.
 */
#define MT_DIAL_USEC (8 * MT_USEC_PER_SEC)

enum { MT_DIAL_E_UNREACHABLE = 1 };

struct mt_dialled {
	int fd;
	char peer[MT_PEER_SIZE]; /* as inet_ntop prints it (D-CB-06) */
	uint16_t local_port;
};

/* Return: 0, MT_DIAL_E_UNREACHABLE with the last failure in diag, or negative errno. */
MT_MUST_CHECK int mt_dial(const char *const *addresses, size_t n, uint16_t port,
			  struct mt_diag *diag, struct mt_dialled *ret);

#endif
