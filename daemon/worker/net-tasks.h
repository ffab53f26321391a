/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_NET_TASKS_H
#define MT_DAEMON_WORKER_NET_TASKS_H

/*
 * What a keeper asks of the net worker, each request a task from its message to its reply: lookups,
 * probes, fetches and documents, so many of each at once. What is one too many, or no request of
 * its kind, is answered as failed; what no keeper sends ends the loop.
 */

#include "daemon/worker/dns.h"
#include "daemon/worker/port.h"

struct mt_net_tasks;

struct mt_net_tasks_options {
	struct event_base *base;
	struct mt_port *port;
	struct mt_dns *dns;
	void (*on_ended)(void *userdata); /* after each task */
	void *userdata;
};

/* The options are copied, what they point to is borrowed. */
MT_MUST_CHECK int mt_net_tasks_new(const struct mt_net_tasks_options *options,
				   struct mt_net_tasks **ret);
/* Stops what is under way; nobody is answered any more. */
struct mt_net_tasks *mt_net_tasks_free(struct mt_net_tasks *tasks);
MT_DEFINE_CLEANUP(struct mt_net_tasks *, mt_net_tasks_free);

void mt_net_tasks_start(struct mt_net_tasks *tasks, const struct mt_wire_header *header,
			struct mt_bytes body);
size_t mt_net_tasks_count(const struct mt_net_tasks *tasks);

#endif
