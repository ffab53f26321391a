/* SPDX-License-Identifier: MIT */
#ifndef MT_LIB_DAEMON_H
#define MT_LIB_DAEMON_H

/*
 * A client's way to the service: finds it, connects, calls, and gives up in time.
 *
 * Where it is: the socket named by the caller or $MAILTRUST_SOCKET; else the system's service
 * wherever one is installed, running or not, so that starting one's own cannot sidestep the
 * organisation; else the user's own. The direct socket is preferred to the bus: it saves two hops
 * and works where there is no bus.
 *
 * Every question has a patience for all its calls together. Missing, silent, and talking nonsense
 * are one outcome, MT_DAEMON_E_UNREACHABLE (D-SYS-04). Nothing here judges an answer; ask.c does.
 * Blocking; not for two threads at once.
 */

#include <dbus/dbus.h>

#include "ipc/contract.h"
#include "ipc/errors.h"
#include "policy/limits.h"

#define MT_MANAGER_PATH MT_ROOT_PATH
#define MT_MANAGER_INTERFACE "org.mailtrust1.Manager"
#define MT_ACCOUNT_INTERFACE "org.mailtrust1.Account"
#define MT_ACCOUNT_PREFIX MT_ACCOUNTS_PATH "/"
#define MT_OBJECT_PATH_SIZE 64

#define MT_PATIENCE_USEC (5 * MT_USEC_PER_SEC) /* D-SYS-04 */
/* For calls during which the service speaks with a mail server or asks for a password. */
#define MT_LONG_PATIENCE_USEC (60 * MT_USEC_PER_SEC)

enum mt_where { MT_WHERE_ANY = 0, MT_WHERE_USER, MT_WHERE_SYSTEM, MT_WHERE_SOCKET };

enum {
	MT_DAEMON_E_UNREACHABLE = 1, /* no answer that makes sense */
	MT_DAEMON_E_REFUSED = 2      /* it answered with an error; see mt_daemon_error() */
};

struct mt_daemon_error {
	char name[96]; /* of D-Bus */
	char message[320];
};

struct mt_daemon;

/* Does not connect yet. socket is of MT_WHERE_SOCKET, or NULL. Return: 0, or -ENOMEM. */
MT_MUST_CHECK int mt_daemon_new(enum mt_where where, const char *socket, struct mt_daemon **ret);
struct mt_daemon *mt_daemon_free(struct mt_daemon *daemon);
MT_DEFINE_CLEANUP(struct mt_daemon *, mt_daemon_free);

/* Starts a question: its calls may take patience_usec together. */
void mt_daemon_begin(struct mt_daemon *daemon, int64_t patience_usec);

/* The error behind the last outcome that was not 0. Lives as long as the daemon. */
const struct mt_daemon_error *mt_daemon_error(const struct mt_daemon *daemon);

/* A call to fill with arguments. NULL: out of memory. */
DBusMessage *mt_daemon_message(const char *path, const char *interface, const char *member);

static inline void
mt_message_unrefp(DBusMessage **message)
{
	if (*message)
		dbus_message_unref(*message);
}

/* Calls and waits. A reply of another signature than that is nonsense. A NULL call is -ENOMEM.
 * Return: 0, MT_DAEMON_E_UNREACHABLE, MT_DAEMON_E_REFUSED, or -ENOMEM. */
MT_MUST_CHECK int mt_daemon_call(struct mt_daemon *daemon, DBusMessage *call, const char *signature,
				 DBusMessage **ret_reply);

/* The object of an address or an account id. The outcomes of mt_daemon_call(). */
MT_MUST_CHECK int mt_daemon_find_account(struct mt_daemon *daemon, const char *account,
					 char ret_path[static MT_OBJECT_PATH_SIZE]);
/* The account id at the end of a path; the empty string where there is none. */
const char *mt_account_id_of_path(const char *path);
/* The key set as JSON: what was learnt on this connection, or asked anew. *ret_jwks lives until the
 * next call of this function or the loss of the connection. The outcomes of mt_daemon_call(). */
MT_MUST_CHECK int mt_daemon_keys(struct mt_daemon *daemon, bool anew, const char **ret_jwks);

#endif
