/* SPDX-License-Identifier: MIT */
#ifndef MT_CONNECT_LISTEN_H
#define MT_CONNECT_LISTEN_H

/*
 * connect --listen: for mail programs that cannot run a command, but connect to a socket of ours.
 *
 * Listens at unix:PATH, mode 0600, or tcp:ADDRESS:PORT on loopback, and gives each connection of
 * the same user a tunnel of its own: this program again, with the connection for standard input and
 * output, so that each has its own connection to the server, its own verdict, and its own evidence.
 * Connections of other users are closed without a word (peer.h). Judges nothing.
 */

#include "ipc/errors.h"
#include "policy/limits.h"

/* As many tunnels at a time as the service tells of changes. */
#define MT_LISTEN_TUNNELS_MAX MT_SUBSCRIPTIONS_PER_UID_MAX

/* Listens at where until a signal asks it to end; each tunnel is argv, exec'd from this program's
 * own file. Return: OK when ended so; USAGE where `where` is none of the two; TEMPORARY where it
 * cannot be listened at. Says why on standard error, and on standard output where it listens. */
enum mt_exit mt_listen_run(const char *where, char *const *argv);

#endif
