/* SPDX-License-Identifier: MIT */
#ifndef MT_CONNECT_CONFINED_H
#define MT_CONNECT_CONFINED_H

/*
 * What the tunnel gives up between dialling a server and reading its first byte (DESIGN §15).
 *
 * The tunnel: computes, and talks over the descriptors it has: the server, the program, its asker.
 * No file, no socket, no other process, no program to run, no more privileges; not dumpable, no
 * core. The asker: has files and AF_UNIX to find the service again; runs nothing, writes no file,
 * and has no other socket.
 *
 * As with the workers (ipc/confine.h), what the kernel has no Landlock for is left to seccomp; a
 * kernel without seccomp gets no tunnel. Does not change any id: the tunnel is the user's.
 */

#include "policy/base.h"

/* Closes every descriptor but these; negative ones are none. Return: 0, negative errno. */
#define MT_CONFINED_KEPT_MAX 8
MT_MUST_CHECK int mt_confined_close_others(const int *kept, size_t n);

/* Return: 0, or negative errno: do not go on. */
MT_MUST_CHECK int mt_confined_enter_tunnel(void);
MT_MUST_CHECK int mt_confined_enter_asker(void);

#endif
