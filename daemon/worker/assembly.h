/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_ASSEMBLY_H
#define MT_DAEMON_WORKER_ASSEMBLY_H

/*
 * Messages that arrive in parts: puts the parts of each id together until the message itself comes
 * and takes them. Bounded in number, size and time; what is never taken, because its request was
 * given up, is forgotten. Bytes are neither read nor counted against anything: the message knows
 * how many there should be (daemon/worker/wire.h).
 */

#include "daemon/worker/wire.h"

struct event_base;
struct mt_assemblies;

MT_MUST_CHECK int mt_assemblies_new(struct event_base *base, struct mt_assemblies **ret);
struct mt_assemblies *mt_assemblies_free(struct mt_assemblies *assemblies);
MT_DEFINE_CLEANUP(struct mt_assemblies *, mt_assemblies_free);

/* Adds a part. One for which there is no room drops all of its id. */
void mt_assemblies_add(struct mt_assemblies *assemblies, uint64_t id, struct mt_bytes part);

/* Hands out what was put together, which may be nothing. The data is the caller's, to free(). */
struct mt_wire_parts mt_assemblies_take(struct mt_assemblies *assemblies, uint64_t id);

#endif
