/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_JOBS_LINK_H
#define MT_DAEMON_JOBS_LINK_H

/*
 * The workers as daemon/jobs.c sees them: one serves each role, another may be starting to succeed
 * it, older ones drain. Owns sockets, restarts and back-off; knows messages only as bytes, and jobs
 * not at all: what arrives, and who died, it tells through the two functions it is given.
 */

#include "daemon/jobs.h"

struct mt_links;
struct mt_link;

struct mt_links_ops {
	/* A message other than READY. Return: false when the worker broke the protocol. */
	bool (*on_message)(void *userdata, struct mt_link *link,
			   const struct mt_wire_header *header, struct mt_bytes body);
	/* The link is about to be freed. */
	void (*on_gone)(void *userdata, struct mt_link *link);
	/* The role's link can be written to. */
	void (*on_writable)(void *userdata, enum mt_worker_role role);
	void (*on_state)(void *userdata, enum mt_worker_role role, bool ready, const char *what);
	void *userdata;
};

/* Takes control_fd, also on failure. */
MT_MUST_CHECK int mt_links_new(struct event_base *base, int control_fd, bool chain_only,
			       const struct mt_links_ops *ops, struct mt_links **ret);
struct mt_links *mt_links_free(struct mt_links *links);
MT_DEFINE_CLEANUP(struct mt_links *, mt_links_free);

/* Sends to the worker that serves the role. Return: 0 with the link it went to, or
 * MT_LINKS_E_WAIT: none serves, or it is full; on_writable follows. */
enum { MT_LINKS_E_WAIT = 1 };
MT_MUST_CHECK int mt_links_send(struct mt_links *links, enum mt_worker_role role,
				const uint8_t *data, size_t size, struct mt_link **ret);

/* Sends to one worker. Return: 0, also where it takes nothing any more; MT_LINKS_E_WAIT where there
 * is no room: on_writable. */
MT_MUST_CHECK int mt_links_tell(struct mt_links *links, struct mt_link *link, const uint8_t *data,
				size_t size);

/* Gives a worker up: killed, on_gone, and its successor asked for. */
void mt_links_drop(struct mt_links *links, struct mt_link *link, const char *why);

/* A successor of the role's worker, whatever state that is in. Return: 0 or negative errno. */
MT_MUST_CHECK int mt_links_renew(struct mt_links *links, enum mt_worker_role role);

/* For how long the trust store could not be read, in microseconds; 0: the last try could. */
int64_t mt_links_anchors_age(const struct mt_links *links);

/* What the role's worker said when it became ready; NULL where none serves. */
const struct mt_wire_ready *mt_links_serving(const struct mt_links *links, enum mt_worker_role role,
					     pid_t *ret_pid);

#endif
