/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_CLIENT_H
#define MT_IPC_CLIENT_H

/*
 * The asking end: a blocking connection to the daemon, for libmailtrust, commands and tests.
 *
 * Finds the daemon (client-find.h), checks that what listens on a direct socket is root, the user
 * mailtrust or the caller itself, makes one call at a time within a patience, and translates every
 * failure into a code of errors.h. Missing, silent, and talking nonsense are one outcome,
 * MT_ERROR_DAEMON_UNREACHABLE (D-SYS-04); after it the connection is closed, and the next call
 * looks for the daemon anew. Does not judge an answer, does not verify tokens, never sees a
 * password.
 *
 * Where a function says "outcomes of a call" it returns 0, an enum mt_error with
 * mt_client_error() filled, or negative errno. Not for two threads at once.
 */

#include <dbus/dbus.h>

#include "ipc/bus.h"
#include "ipc/contract.h"
#include "ipc/errors.h"

struct mt_client;

enum mt_client_where {
	MT_CLIENT_DEFAULT = 0, /* MAILTRUST_SOCKET, system where installed, else user */
	MT_CLIENT_SYSTEM,      /* /run/mailtrust/socket, else the system bus */
	MT_CLIENT_USER,        /* $XDG_RUNTIME_DIR/mailtrust/socket, else the session bus */
	MT_CLIENT_SOCKET,      /* the direct socket at path */
	MT_CLIENT_BUS          /* the message bus at an address */
};

#define MT_CLIENT_PATIENCE_USEC (5 * MT_USEC_PER_SEC) /* D-SYS-04 */
/* For calls during which the daemon speaks with a mail server (MT_DIALOGUE_USEC, after DNS) or a
 * person is asked for a password (D-SYS-07). */
#define MT_CLIENT_LONG_PATIENCE_USEC (60 * MT_USEC_PER_SEC)

struct mt_client_error {
	enum mt_error code; /* 0: the last call succeeded */
	char message[256];
};

/* argument: path or address, where `where` takes one, else NULL; copied. Does not connect: the
 * first call does, so a daemon that is missing is no failure here. Return: 0, or -ENOMEM. */
MT_MUST_CHECK int mt_client_new(enum mt_client_where where, const char *argument,
				struct mt_client **ret);
/* The same, connected. Return: 0, or MT_ERROR_DAEMON_UNREACHABLE with *ret_error filled (may be
 * NULL), negative errno. */
MT_MUST_CHECK int mt_client_open(enum mt_client_where where, const char *argument,
				 struct mt_client **ret, struct mt_client_error *ret_error);
struct mt_client *mt_client_free(struct mt_client *client);
MT_DEFINE_CLEANUP(struct mt_client *, mt_client_free);

/* Starts a question: until the next one begins, its calls, with looking for the daemon, may take
 * patience_usec together. A client that never began one gives each call MT_CLIENT_PATIENCE_USEC. */
void mt_client_begin(struct mt_client *client, int64_t patience_usec);

/* What the last call failed with. Lives as long as the client, and changes with the next call. */
const struct mt_client_error *mt_client_error(const struct mt_client *client);

/* A call of the contract to an account (id), or to the root (id NULL), that lets the owner be asked
 * for a password where the daemon wants one (D-SYS-07). NULL: no memory. */
DBusMessage *mt_client_message(enum mt_call call, const char *account_id);

/* Sends and waits; a reply has the contract's signature. The message is borrowed; NULL is -ENOMEM.
 * Connects where there is no connection (any more); what was subscribed to on the old one is gone.
 * Return: outcomes of a call. */
MT_MUST_CHECK int mt_client_call(struct mt_client *client, enum mt_call call, DBusMessage *message,
				 DBusMessage **ret_reply);

/* The id of an account that is named by its id, which asks nobody, or by its address.
 * Return: outcomes of a call. */
MT_MUST_CHECK int mt_client_find_account(struct mt_client *client, const char *account,
					 char ret_id[static MT_ACCOUNT_ID_TEXT_SIZE]);

/* The daemon's key set as JSON: what was learnt on this connection, or asked anew. *ret_jwks lives
 * until the next call of this function or the loss of the connection. Return: outcomes of a call.
 */
MT_MUST_CHECK int mt_client_keys(struct mt_client *client, bool anew, const char **ret_jwks);

/* The next signal that arrives within the time, or NULL, at once where there is no connection. For
 * watch, and tests. */
DBusMessage *mt_client_wait_signal(struct mt_client *client, int timeout_msec);

/* How many connections there have been: another number, and what was subscribed to is gone. */
unsigned mt_client_get_n_connections(const struct mt_client *client);

/* The connection itself, for calls outside of the contract. Borrowed; NULL: none at present. */
DBusConnection *mt_client_connection(struct mt_client *client);

#endif
