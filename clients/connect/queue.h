/* SPDX-License-Identifier: MIT */
#ifndef MT_CONNECT_QUEUE_H
#define MT_CONNECT_QUEUE_H

/*
 * Bytes on their way, first in first out, in one block of fixed size. Never grows: whoever puts
 * looks at the room first, and whoever has no room leaves the bytes where they come from, which is
 * all back-pressure is. Does not know what the bytes mean.
 */

#include <string.h>

#include "policy/limits.h"

/* A full pipe's worth, and what TLS adds to it: 22 bytes for each 16 KiB, and an alert. */
#define MT_QUEUE_SIZE (MT_HELD_MAX + 4096)

struct mt_queue {
	size_t start, size;
	uint8_t data[MT_QUEUE_SIZE];
};

static inline struct mt_bytes
mt_queue_peek(const struct mt_queue *queue)
{
	return (struct mt_bytes){queue->data + queue->start, queue->size};
}

static inline void
mt_queue_drop(struct mt_queue *queue, size_t size)
{
	queue->size -= size;
	queue->start = queue->size == 0 ? 0 : queue->start + size;
}

/* Room behind the last byte, after moving the bytes to the front. Fill it, then mt_queue_add(). */
static inline uint8_t *
mt_queue_tail(struct mt_queue *queue, size_t *ret_room)
{
	if (queue->start > 0)
		memmove(queue->data, queue->data + queue->start, queue->size);
	queue->start = 0;
	*ret_room = MT_QUEUE_SIZE - queue->size;
	return queue->data + queue->size;
}

static inline void
mt_queue_add(struct mt_queue *queue, size_t size)
{
	queue->size += size;
}

/* Return: false, and nothing is put, where there is no room for all of it. */
static inline bool
mt_queue_put(struct mt_queue *queue, const void *data, size_t size)
{
	size_t room;
	uint8_t *tail = mt_queue_tail(queue, &room);

	if (size > room)
		return false;
	if (size > 0) /* nothing has no address, which memcpy() must not be given */
		memcpy(tail, data, size);
	mt_queue_add(queue, size);
	return true;
}

#endif
