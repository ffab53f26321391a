/* SPDX-License-Identifier: MIT */
/* Watches, timeouts and dispatch status. */

#include "ipc/loop.h"

#include <errno.h>
#include <stdlib.h>

/* Messages dispatched before other connections have their turn. */
#define BATCH 32
/* libdbus asks to be called again when it is out of memory. */
#define MEMORY_RETRY_USEC 100000

/* One per connection or server; freed by libdbus with its watch functions. */
struct link {
	struct event_base *base;
	DBusConnection *connection; /* NULL for a server; borrowed, it owns us */
	struct event *later;        /* dispatch what is left, in the next turn of the loop */
	unsigned int n_uses;        /* watch and timeout functions that hold this */
	bool is_dispatching;
};

struct watch {
	struct event *event;
	DBusWatch *dbus;
	struct link *link;
};

struct timer {
	struct event *event;
	DBusTimeout *dbus;
	struct link *link;
};

static void
link_unref(void *data)
{
	struct link *link = data;

	if (--link->n_uses > 0)
		return;
	if (link->later)
		event_free(link->later);
	free(link);
}

static void
dispatch_later(struct link *link, suseconds_t usec)
{
	struct timeval when = {.tv_usec = usec};

	/* cannot fail for a timer that was made: its slot in the heap is the only allocation, and
	 * the next readable byte tries again */
	(void)event_add(link->later, &when);
}

/* The connection is referenced by the caller. */
static void
dispatch_some(struct link *link)
{
	DBusDispatchStatus status = DBUS_DISPATCH_DATA_REMAINS;

	link->is_dispatching = true;
	for (int i = 0; i < BATCH && status == DBUS_DISPATCH_DATA_REMAINS; i++)
		status = dbus_connection_dispatch(link->connection);
	link->is_dispatching = false;
	if (status == DBUS_DISPATCH_DATA_REMAINS)
		dispatch_later(link, 0);
	else if (status == DBUS_DISPATCH_NEED_MEMORY)
		dispatch_later(link, MEMORY_RETRY_USEC);
}

static void
on_later(evutil_socket_t fd, short what, void *data)
{
	struct link *link = data;
	DBusConnection *connection = dbus_connection_ref(link->connection);

	dispatch_some(link);
	dbus_connection_unref(connection);
}

static void
on_status(DBusConnection *connection, DBusDispatchStatus status, void *data)
{
	struct link *link = data;

	/* who dispatches already comes to it anyway */
	if (status == DBUS_DISPATCH_DATA_REMAINS && !link->is_dispatching)
		dispatch_later(link, 0);
}

static void
on_watch(evutil_socket_t fd, short what, void *data)
{
	struct watch *watch = data;
	struct link *link = watch->link;
	DBusConnection *connection = link->connection;
	unsigned int flags = 0;

	if (what & EV_READ)
		flags |= DBUS_WATCH_READABLE;
	if (what & EV_WRITE)
		flags |= DBUS_WATCH_WRITABLE;
	if (!connection) {
		(void)dbus_watch_handle(watch->dbus, flags);
		return;
	}

	/* the watch may be gone when it has been handled; the connection, and the link with it, not
	 */
	dbus_connection_ref(connection);
	link->is_dispatching = true;
	(void)dbus_watch_handle(watch->dbus, flags);
	dispatch_some(link);
	dbus_connection_unref(connection);
}

static void
toggle_watch(DBusWatch *dbus, void *data)
{
	struct watch *watch = dbus_watch_get_data(dbus);

	if (dbus_watch_get_enabled(dbus))
		(void)event_add(watch->event, NULL);
	else
		(void)event_del(watch->event);
}

static dbus_bool_t
add_watch(DBusWatch *dbus, void *data)
{
	struct link *link = data;
	struct watch *watch = calloc(1, sizeof(*watch));
	unsigned int flags = dbus_watch_get_flags(dbus);
	short what = EV_PERSIST;

	if (!watch)
		return FALSE;
	if (flags & DBUS_WATCH_READABLE)
		what |= EV_READ;
	if (flags & DBUS_WATCH_WRITABLE)
		what |= EV_WRITE;
	watch->dbus = dbus;
	watch->link = link;
	watch->event = event_new(link->base, dbus_watch_get_unix_fd(dbus), what, on_watch, watch);
	if (!watch->event) {
		free(watch);
		return FALSE;
	}
	dbus_watch_set_data(dbus, watch, NULL);
	toggle_watch(dbus, link);
	return TRUE;
}

static void
remove_watch(DBusWatch *dbus, void *data)
{
	struct watch *watch = dbus_watch_get_data(dbus);

	if (!watch)
		return;
	event_free(watch->event);
	free(watch);
	dbus_watch_set_data(dbus, NULL, NULL);
}

static void
on_timer(evutil_socket_t fd, short what, void *data)
{
	struct timer *timer = data;
	DBusConnection *connection = timer->link->connection;

	if (connection)
		dbus_connection_ref(connection);
	(void)dbus_timeout_handle(timer->dbus);
	if (connection)
		dbus_connection_unref(connection);
}

static void
toggle_timeout(DBusTimeout *dbus, void *data)
{
	struct timer *timer = dbus_timeout_get_data(dbus);
	int msec = dbus_timeout_get_interval(dbus);
	struct timeval interval = {.tv_sec = msec / 1000, .tv_usec = msec % 1000 * 1000};

	if (dbus_timeout_get_enabled(dbus))
		(void)event_add(timer->event, &interval);
	else
		(void)event_del(timer->event);
}

static dbus_bool_t
add_timeout(DBusTimeout *dbus, void *data)
{
	struct link *link = data;
	struct timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return FALSE;
	timer->dbus = dbus;
	timer->link = link;
	timer->event = event_new(link->base, -1, EV_PERSIST, on_timer, timer);
	if (!timer->event) {
		free(timer);
		return FALSE;
	}
	dbus_timeout_set_data(dbus, timer, NULL);
	toggle_timeout(dbus, link);
	return TRUE;
}

static void
remove_timeout(DBusTimeout *dbus, void *data)
{
	struct timer *timer = dbus_timeout_get_data(dbus);

	if (!timer)
		return;
	event_free(timer->event);
	free(timer);
	dbus_timeout_set_data(dbus, NULL, NULL);
}

static struct link *
link_new(struct event_base *base, DBusConnection *connection)
{
	struct link *link = calloc(1, sizeof(*link));

	if (!link)
		return NULL;
	link->base = base;
	link->connection = connection;
	link->n_uses = 1;
	link->later = connection ? evtimer_new(base, on_later, link) : NULL;
	if (connection && !link->later) {
		free(link);
		return NULL;
	}
	return link;
}

int
mt_loop_attach_connection(struct event_base *base, DBusConnection *connection)
{
	struct link *link = link_new(base, connection);
	bool ok;

	if (!link)
		return -ENOMEM;
	link->n_uses++;
	ok = dbus_connection_set_watch_functions(connection, add_watch, remove_watch, toggle_watch,
						 link, link_unref);
	if (!ok)
		link->n_uses--;
	if (ok) {
		link->n_uses++;
		ok = dbus_connection_set_timeout_functions(connection, add_timeout, remove_timeout,
							   toggle_timeout, link, link_unref);
		if (!ok)
			link->n_uses--;
	}
	if (ok) {
		dbus_connection_set_dispatch_status_function(connection, on_status, link, NULL);
		if (dbus_connection_get_dispatch_status(connection) == DBUS_DISPATCH_DATA_REMAINS)
			dispatch_later(link, 0);
	} else {
		mt_loop_detach_connection(connection);
	}
	link_unref(link);
	return ok ? 0 : -ENOMEM;
}

void
mt_loop_detach_connection(DBusConnection *connection)
{
	dbus_connection_set_dispatch_status_function(connection, NULL, NULL, NULL);
	(void)dbus_connection_set_timeout_functions(connection, NULL, NULL, NULL, NULL, NULL);
	(void)dbus_connection_set_watch_functions(connection, NULL, NULL, NULL, NULL, NULL);
}

int
mt_loop_attach_server(struct event_base *base, DBusServer *server)
{
	struct link *link = link_new(base, NULL);
	bool ok;

	if (!link)
		return -ENOMEM;
	link->n_uses++;
	ok = dbus_server_set_watch_functions(server, add_watch, remove_watch, toggle_watch, link,
					     link_unref);
	if (!ok)
		link->n_uses--;
	if (ok) {
		link->n_uses++;
		ok = dbus_server_set_timeout_functions(server, add_timeout, remove_timeout,
						       toggle_timeout, link, link_unref);
		if (!ok)
			link->n_uses--;
	}
	link_unref(link);
	return ok ? 0 : -ENOMEM;
}
