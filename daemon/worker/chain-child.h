/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_CHAIN_CHILD_H
#define MT_DAEMON_WORKER_CHAIN_CHILD_H

/*
 * The life of a forked child of the chain worker: close everything, enter the tighter filter, judge
 * one chain, write one answer, end. Everything it meets is one chain's. Whether it answers, and in
 * time, is its parent's to watch; what it answers, the keeper's to doubt.
 */

#include "daemon/worker/wire.h"

struct sock_fprog;

struct mt_chain_child {
	const struct mt_anchors *anchors;
	const struct sock_fprog *filter;
	struct mt_wire_message *scratch; /* the parent's, of which a child has a copy */
};

struct mt_chain_task {
	enum mt_wire_type type; /* CHAIN or REVOCATION; NONE: stand ready for a CHAIN */
	uint64_t id;            /* the parent's to stamp; the child does not need it */
	struct mt_bytes body;
	struct mt_bytes parts; /* of REVOCATION */
};

/* In the child, with its end of the pair. */
_Noreturn void mt_chain_child_run(const struct mt_chain_child *child, int fd,
				  const struct mt_chain_task *task);

#endif
