/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_PORT_H
#define MT_DAEMON_WORKER_PORT_H

/*
 * The worker's end of its link: one message in at a time, an outbox for when the keeper is slow.
 * Checks the header; the role decodes the body. A worker serves one keeper: when that closes its
 * end (to drain us, or because it died) on_end is called, once, and no message comes any more.
 */

#include "daemon/worker/wire.h"

struct event_base;
struct mt_port;

struct mt_port_ops {
	/* The body is valid during the call. */
	void (*on_message)(void *userdata, const struct mt_wire_header *header,
			   struct mt_bytes body);
	/* The keeper is gone, or sent what is no message: finish and leave. */
	void (*on_end)(void *userdata);
	/* The outbox is empty again. */
	void (*on_sent)(void *userdata);
	void *userdata;
};

MT_MUST_CHECK int mt_port_new(struct event_base *base, int fd, const struct mt_port_ops *ops,
			      struct mt_port **ret);
struct mt_port *mt_port_free(struct mt_port *port);
MT_DEFINE_CLEANUP(struct mt_port *, mt_port_free);

/* Sends a finished message, or keeps a copy until there is room. Return: 0; negative errno means
 * that the keeper cannot be answered any more. */
MT_MUST_CHECK int mt_port_send(struct mt_port *port, const uint8_t *data, size_t size);

bool mt_port_has_unsent(const struct mt_port *port);

#endif
