/* SPDX-License-Identifier: MIT */
/* The worker's end of its link. */

#include "daemon/worker/port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <event2/event.h>

struct unsent {
	STAILQ_ENTRY(unsent) entry;
	size_t size;
	uint8_t data[];
};

struct mt_port {
	struct mt_port_ops ops;
	int fd; /* borrowed */
	struct event *readable;
	struct event *writable;
	STAILQ_HEAD(, unsent) outbox;
	size_t n_unsent;
	uint8_t buffer[MT_WIRE_MESSAGE_MAX];
};

static void
on_readable(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_port *port = userdata;
	struct mt_wire_header header;
	struct mt_bytes body;
	ssize_t n = recv(fd, port->buffer, sizeof(port->buffer), MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || (size_t)n > sizeof(port->buffer) ||
	    mt_wire_decode_header(port->buffer, (size_t)n, &header, &body) != 0) {
		event_del(port->readable);
		port->ops.on_end(port->ops.userdata);
		return;
	}
	port->ops.on_message(port->ops.userdata, &header, body);
}

static void
on_writable(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_port *port = userdata;
	struct unsent *first;

	while ((first = STAILQ_FIRST(&port->outbox))) {
		if (send(fd, first->data, first->size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
		    errno == EAGAIN) {
			event_add(port->writable, NULL);
			return;
		}
		/* Any other failure: nobody reads; the read side ends us. */
		STAILQ_REMOVE_HEAD(&port->outbox, entry);
		port->n_unsent--;
		free(first);
	}
	port->ops.on_sent(port->ops.userdata);
}

int
mt_port_new(struct event_base *base, int fd, const struct mt_port_ops *ops, struct mt_port **ret)
{
	MT_CLEANUP(mt_port_freep) struct mt_port *port = calloc(1, sizeof(*port));

	if (!port)
		return -ENOMEM;
	STAILQ_INIT(&port->outbox);
	port->ops = *ops;
	port->fd = fd;
	port->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, port);
	port->writable = event_new(base, fd, EV_WRITE, on_writable, port);
	if (!port->readable || !port->writable || event_add(port->readable, NULL) < 0)
		return -ENOMEM;

	*ret = mt_steal(&port);
	return 0;
}

struct mt_port *
mt_port_free(struct mt_port *port)
{
	struct unsent *first;

	if (!port)
		return NULL;
	while ((first = STAILQ_FIRST(&port->outbox))) {
		STAILQ_REMOVE_HEAD(&port->outbox, entry);
		free(first);
	}
	if (port->readable)
		event_free(port->readable);
	if (port->writable)
		event_free(port->writable);
	free(port);
	return NULL;
}

int
mt_port_send(struct mt_port *port, const uint8_t *data, size_t size)
{
	struct unsent *last;

	if (port->n_unsent == 0) {
		if (send(port->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return 0;
		if (errno != EAGAIN)
			return -errno;
	}
	/* The keeper has at most MT_JOBS_MAX requests here, and reads its replies first; those of
	 * fetches come in parts. */
	if (port->n_unsent >= MT_JOBS_MAX + MT_FETCHES_MAX * MT_FETCH_BYTES_MAX / MT_WIRE_PART_MAX)
		return -ENOBUFS;
	last = malloc(sizeof(*last) + size);
	if (!last)
		return -ENOMEM;
	last->size = size;
	memcpy(last->data, data, size);
	STAILQ_INSERT_TAIL(&port->outbox, last, entry);
	port->n_unsent++;
	return event_add(port->writable, NULL) < 0 ? -ENOMEM : 0;
}

bool
mt_port_has_unsent(const struct mt_port *port)
{
	return port->n_unsent > 0;
}
