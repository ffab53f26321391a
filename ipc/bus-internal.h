/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_BUS_INTERNAL_H
#define MT_IPC_BUS_INTERNAL_H

/*
 * What bus.c, names.c and direct.c share, and nobody else includes.
 *
 * bus.c owns the struct and the sending; names.c the callers on a message bus; direct.c the socket
 * and the peers on it.
 */

#include <sys/queue.h>

#include "ipc/bus.h"

/* Bus names remembered. Each costs a match rule, of which the system bus allows 512 (its default
 * max_match_rules_per_connection). */
#define MT_NAMES_MAX 256
#define MT_NAME_BUCKETS 256
#define MT_AUTHENTICATION_USEC (10 * MT_USEC_PER_SEC)
/* libdbus disconnects beyond this; between MT_MESSAGE_BYTES_MAX and this the call is refused by
 * name and the connection lives on. Also the most it reads ahead of what was dispatched. */
#define MT_LIBDBUS_BYTES_MAX (4 * 1024 * 1024)

/* A caller and what belongs to its kind. */
struct mt_peer {
	struct mt_caller caller; /* first: handed out as this */
	struct mt_bus *bus;
	DBusConnection *connection; /* direct: owned. Name: borrowed, the bus's */
	uint32_t *groups;           /* owned */
	TAILQ_ENTRY(mt_peer) entry; /* of direct peers, or names by last use */

	/* direct */
	struct event *deadline; /* of the authentication; NULL: authenticated */

	/* on a bus */
	struct mt_peer *next;     /* in the bucket */
	DBusPendingCall *pending; /* who is it? NULL: known */
	DBusMessage **queue;      /* calls that wait for the answer; NULL: known */
	size_t n_queued;
};
TAILQ_HEAD(mt_peers, mt_peer);

struct mt_bus {
	struct event_base *base;
	const struct mt_bus_ops *ops;
	void *userdata;
	uint32_t overflow_uid;
	bool has_attest_gid;
	uint32_t attest_gid;

	DBusConnection *connection; /* to the message bus, or NULL */
	struct mt_peers names;      /* most recently used first */
	struct mt_peer *buckets[MT_NAME_BUCKETS];
	size_t n_names;

	DBusServer *server;
	enum mt_listen who;
	struct mt_peers direct;
	unsigned int n_unauthenticated;
	unsigned int serial; /* for the names of direct peers */
};

/* Bounds of every connection to anybody. */
void mt_bus_bound_connection(DBusConnection *connection);
/* Frees a peer that is in no list any more. */
void mt_peer_free(struct mt_peer *peer);

/* names.c: a method call arrived from the bus; a signal did; the bus is gone (announce: tell). */
void mt_names_call(struct mt_bus *bus, DBusMessage *message);
void mt_names_signal(struct mt_bus *bus, DBusMessage *message);
void mt_names_clear(struct mt_bus *bus, bool announce);

/* direct.c */
void mt_direct_clear(struct mt_bus *bus);

#endif
