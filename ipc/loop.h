/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_LOOP_H
#define MT_IPC_LOOP_H

/*
 * libdbus on libevent: watches, timeouts and dispatch status, done once.
 *
 * Messages are dispatched right after they were read, a bounded number at a time, so that one busy
 * connection does not keep the loop from the others. Knows nothing of what the messages mean.
 */

#include <dbus/dbus.h>
#include <event2/event.h>

#include "policy/base.h"

/* Both last until the connection is finalized, or the server is unreferenced. Return: 0, -ENOMEM.
 */
MT_MUST_CHECK int mt_loop_attach_connection(struct event_base *base, DBusConnection *connection);
MT_MUST_CHECK int mt_loop_attach_server(struct event_base *base, DBusServer *server);
/* Takes a connection out of the loop; what it held for the loop is freed. */
void mt_loop_detach_connection(DBusConnection *connection);

#endif
