/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_DIAL_H
#define MT_DAEMON_WORKER_DIAL_H

/*
 * From a probe request to a connected socket: resolves the host where no addresses were given, then
 * tries them in turn, each for its share of the time that is left, so that one dead address of a
 * host does not hide the next. Sends nothing. Where a probe may go at all was decided by the
 * keeper.
 */

#include "daemon/worker/dns.h"

struct mt_dial;

struct mt_dialled {
	enum mt_probe_state state; /* DONE, UNRESOLVED, UNREACHABLE, TIMEOUT or FAILED */
	int fd;                    /* when DONE: connected, non-blocking, the callback's; else -1 */
	char peer[MT_PEER_SIZE];   /* the address that answered */
	uint16_t local_port;
};

typedef void (*mt_dial_fn)(const struct mt_dialled *dialled, void *userdata);

/* The callback runs exactly once, never from inside, and the dial is gone when it returns. The
 * request is copied. Return: 0 or -ENOMEM. */
MT_MUST_CHECK int mt_dial_start(struct event_base *base, struct mt_dns *dns,
				const struct mt_probe_request *request, mt_dial_fn callback,
				void *userdata, struct mt_dial **ret);
struct mt_dial *mt_dial_cancel(struct mt_dial *dial);

#endif
