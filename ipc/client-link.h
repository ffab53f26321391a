/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_CLIENT_LINK_H
#define MT_IPC_CLIENT_LINK_H

/*
 * A client's connection: made, used and given up within a time.
 *
 * To the direct socket, whose other end is checked to be root, the user mailtrust or ourselves, or
 * to a message bus, whose daemon decides who owns the name. Waiting is done here and not by
 * libdbus, whose blocking calls keep their time only once everything was sent: with a daemon that
 * is stopped before it let us in they never return. Between client.c and client-link.c only.
 */

#include "ipc/client-find.h"

/* Signals that arrive while a reply is awaited; what does not fit is dropped. */
#define MT_CLIENT_SIGNALS_MAX 64

/* Zero is: not connected. */
struct mt_client_link {
	DBusConnection *connection;
	DBusMessage *signals[MT_CLIENT_SIGNALS_MAX]; /* owned, in order */
	size_t n_signals;
};

enum { MT_CLIENT_LINK_E_NOBODY = 1 };

/* Monotonic; all deadlines here are of this clock. */
int64_t mt_client_now_usec(void);

/* Connects a link that is not. *ret_why says in plain words why it did not; static storage, written
 * with that outcome only. Return: 0, MT_CLIENT_LINK_E_NOBODY, or -ENOMEM. */
MT_MUST_CHECK int mt_client_link_open(struct mt_client_link *link,
				      const struct mt_client_place *place, int64_t deadline_usec,
				      const char **ret_why);
/* Accepts one that is not connected. */
void mt_client_link_close(struct mt_client_link *link);

/* Is connected, and the other end has not hung up. */
bool mt_client_link_is_alive(struct mt_client_link *link);

/* Sends a call and waits for the reply or the error, which is the caller's. *ret_why as above.
 * Return: 0, MT_CLIENT_LINK_E_NOBODY, or -ENOMEM. */
MT_MUST_CHECK int mt_client_link_call(struct mt_client_link *link, DBusMessage *call,
				      int64_t deadline_usec, DBusMessage **ret_reply,
				      const char **ret_why);

/* The next signal, or NULL: none until then, or no connection. The caller's. */
DBusMessage *mt_client_link_wait_signal(struct mt_client_link *link, int64_t deadline_usec);

#endif
