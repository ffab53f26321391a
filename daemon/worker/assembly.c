/* SPDX-License-Identifier: MIT */
/* Parts of messages, by id. */

#include "daemon/worker/assembly.h"

#include <errno.h>
#include <stdlib.h>

#include <event2/event.h>

struct assembly {
	uint64_t id; /* 0: free */
	struct mt_wire_parts parts;
	struct event *overdue;
};

struct mt_assemblies {
	struct assembly list[MT_ASSEMBLIES_MAX];
};

static void
drop(struct assembly *assembly)
{
	free(assembly->parts.data);
	assembly->parts = (struct mt_wire_parts){0};
	assembly->id = 0;
	(void)evtimer_del(assembly->overdue);
}

static void
on_overdue(evutil_socket_t fd, short what, void *userdata)
{
	drop(userdata);
}

int
mt_assemblies_new(struct event_base *base, struct mt_assemblies **ret)
{
	MT_CLEANUP(mt_assemblies_freep) struct mt_assemblies *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	for (size_t i = 0; i < MT_ASSEMBLIES_MAX; i++) {
		a->list[i].overdue = evtimer_new(base, on_overdue, &a->list[i]);
		if (!a->list[i].overdue)
			return -ENOMEM;
	}
	*ret = mt_steal(&a);
	return 0;
}

struct mt_assemblies *
mt_assemblies_free(struct mt_assemblies *a)
{
	if (!a)
		return NULL;
	for (size_t i = 0; i < MT_ASSEMBLIES_MAX; i++) {
		free(a->list[i].parts.data);
		if (a->list[i].overdue)
			event_free(a->list[i].overdue);
	}
	free(a);
	return NULL;
}

static struct assembly *
find(struct mt_assemblies *a, uint64_t id)
{
	for (size_t i = 0; i < MT_ASSEMBLIES_MAX; i++)
		if (a->list[i].id == id)
			return &a->list[i];
	return NULL;
}

void
mt_assemblies_add(struct mt_assemblies *a, uint64_t id, struct mt_bytes part)
{
	static const struct timeval limit = {.tv_sec = MT_WORKER_JOB_USEC / MT_USEC_PER_SEC};
	struct assembly *assembly = id ? find(a, id) : NULL;

	if (!assembly && id && (assembly = find(a, 0))) {
		assembly->id = id;
		(void)evtimer_add(assembly->overdue, &limit);
	}
	if (assembly && mt_wire_parts_add(&assembly->parts, part, MT_FETCH_TOTAL_MAX) != 0)
		drop(assembly);
}

struct mt_wire_parts
mt_assemblies_take(struct mt_assemblies *a, uint64_t id)
{
	struct assembly *assembly = id ? find(a, id) : NULL;
	struct mt_wire_parts parts = {0};

	if (assembly) {
		parts = assembly->parts;
		assembly->parts = (struct mt_wire_parts){0};
		drop(assembly);
	}
	return parts;
}
