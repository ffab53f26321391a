/* SPDX-License-Identifier: MIT */
#ifndef MT_CONNECT_PEER_H
#define MT_CONNECT_PEER_H

/*
 * Whose process is at the other end of a connection made on this machine: of a unix socket by its
 * credentials, of a TCP connection on loopback by what the kernel says of the other socket
 * (sock_diag(7)). A socket that is nobody's any more, or cannot be found, is a stranger's: loopback
 * alone proves nothing, every user of the machine can connect to it.
 */

#include <sys/types.h>

#include "policy/base.h"

/* The connection is ours: its other end belongs to uid. */
bool mt_peer_is(int fd, uid_t uid);

#endif
