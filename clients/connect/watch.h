/* SPDX-License-Identifier: MIT */
#ifndef MT_CONNECT_WATCH_H
#define MT_CONNECT_WATCH_H

/*
 * Hears from the service that something changed which a live session was allowed under: policy, or
 * an account's state (D-SYS-09). Says only that it is time to ask again; what was signalled is not
 * believed, because the answer will say it.
 *
 * A service that goes away while a session lives is no change: the session was allowed. It is
 * looked for every MT_WATCH_RETRY_USEC, and asked again once it is back.
 */

#include "ipc/client.h"

#define MT_WATCH_RETRY_USEC MT_USEC_PER_SEC

struct mt_watch {
	struct mt_client *client; /* borrowed */
	bool is_lost;             /* nobody would tell us */
	int64_t retry_usec;       /* when to look for the service */
	unsigned n_connections;   /* of the client, when it subscribed */
};

/* Subscribes; before the first question, so that no change falls in between. Return: outcomes of a
 * call. */
MT_MUST_CHECK int mt_watch_begin(struct mt_watch *watch, struct mt_client *client);
/* To be polled for reading; -1: none. */
int mt_watch_get_fd(const struct mt_watch *watch);
/* When to call mt_watch_turn() at the latest; INT64_MAX: not before there is something to read, or
 * the client was used. */
int64_t mt_watch_deadline(const struct mt_watch *watch);
/* Takes what has come; looks for a service that was lost. Return: something changed, or may have
 * while nobody told us. */
bool mt_watch_turn(struct mt_watch *watch, int64_t now_usec);

#endif
