/* SPDX-License-Identifier: MIT */
#ifndef MT_CONNECT_ASKER_H
#define MT_CONNECT_ASKER_H

/*
 * The process beside a tunnel that asks the service in its place.
 *
 * A tunnel is confined before it hears the server (confined.h): it can open nothing, so it could
 * not find a service again that was started anew. More than that: with the connection to the
 * service in its hands, bytes of a server that got the better of it could edit the user's accounts,
 * and a process that may connect to any socket of the user's is confined by nothing. So a second
 * process keeps the connection. It can be asked two things about one account: may the handshake go
 * on, may this be done (judge.h); and it says unasked that something changed (watch.h). Whatever it
 * reads of the tunnel it treats as a stranger's word. It verifies the service's answers
 * (clients/lib/ask.h), hears no server and no program, runs nothing, has no internet socket, and
 * ends with its tunnel.
 */

#include "clients/connect/watch.h"

struct mt_asker {
	struct mt_client *client; /* connected if it could be; borrowed */
	struct mt_watch *watch;   /* begun; borrowed */
	const char *id;           /* of the account; borrowed */
};

/* Forks; to be called before a private key or a server's word is read, for what there is then the
 * asker has too. The caller's own connection is left as it is, and is for the caller to give up.
 * Return: 0, with the tunnel's end in *ret_channel (a message each, close-on-exec); or negative
 * errno. */
MT_MUST_CHECK int mt_asker_start(const struct mt_asker *asker, int *ret_channel);

#endif
