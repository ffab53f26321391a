/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_CLIENT_H
#define MT_IPC_CLIENT_H

/*
 * The asking end: a blocking connection to the daemon, for commands and tests.
 *
 * Finds the daemon (the system's wherever one is installed, so that an organisation's minimum is
 * not sidestepped by starting one's own), checks that what listens on a direct socket is root, the
 * user mailtrust or the caller itself, makes one call at a time within a deadline, and translates
 * every failure into a code of errors.h. Does not verify tokens and never sees a password.
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

#define MT_CLIENT_TIMEOUT_MSEC 5000 /* D-SYS-04 */

struct mt_client_error {
	enum mt_error code;
	char message[256];
};

/* argument: path or address, where `where` takes one, else NULL.
 * Return: 0, or MT_ERROR_DAEMON_UNREACHABLE with *ret_error filled (may be NULL), negative errno.
 */
MT_MUST_CHECK int mt_client_open(enum mt_client_where where, const char *argument,
				 struct mt_client **ret, struct mt_client_error *ret_error);
struct mt_client *mt_client_free(struct mt_client *client);
MT_DEFINE_CLEANUP(struct mt_client *, mt_client_free);

/* A call of the contract to an account (id), or to the root (id NULL). NULL: no memory. */
DBusMessage *mt_client_message(enum mt_call call, const char *account_id);

/* Sends and waits; a reply has the contract's signature. timeout_msec 0: the default.
 * Return: 0, an enum mt_error with *ret_error filled (may be NULL), negative errno. */
MT_MUST_CHECK int mt_client_call(struct mt_client *client, enum mt_call call, DBusMessage *message,
				 int timeout_msec, DBusMessage **ret_reply,
				 struct mt_client_error *ret_error);

/* The next signal that arrives within the time, or NULL. For watch, and tests. */
DBusMessage *mt_client_wait_signal(struct mt_client *client, int timeout_msec);

/* The connection itself, for calls outside of the contract. Borrowed. */
DBusConnection *mt_client_connection(struct mt_client *client);

#endif
