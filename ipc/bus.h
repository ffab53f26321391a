/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_BUS_H
#define MT_IPC_BUS_H

/*
 * Connections: a message bus, a direct socket, or both, on one libevent loop.
 *
 * Owns who is calling. A caller's uid comes from the kernel (SO_PEERCRED on the direct socket) or
 * from the bus daemon (GetConnectionCredentials at first contact, kept until the name is gone),
 * never from a message: on the direct socket the sender field is ignored and signals are dropped,
 * for a peer can write anything there. A peer with the overflow uid is one whose uid this process
 * cannot know (a user namespace lies between) and is refused.
 *
 * Bounds: unauthenticated connections are counted, per uid and together, and have ten seconds;
 * authenticated ones are counted per uid; what a peer does not read is not queued for ever; the
 * number of bus names remembered is bounded, and a forgotten one is simply asked about again.
 * What a caller may do is not decided here (dispatch.h).
 *
 * Callbacks run from the loop, never from inside a function called here. A caller is valid until
 * on_gone returned.
 */

#include <dbus/dbus.h>
#include <event2/event.h>
#include <sys/types.h>

#include "policy/limits.h"

#include "ipc/errors.h"

struct mt_bus;

#define MT_CALLER_NAME_SIZE 32

/* Who is calling: one connection to the direct socket, or one unique name on the bus. Read only,
 * but for the two counters, which belong to dispatch.c. */
struct mt_caller {
	uint32_t uid;
	bool is_direct;   /* on the direct socket */
	bool is_attested; /* direct, and its effective gid at connect was mailtrust-attest */
	/* Of a direct peer, as it was at connect; 0: not known. A number and no proof: it may have
	 * been given to another process since. */
	uint32_t pid;
	char name[MT_CALLER_NAME_SIZE]; /* ":1.42", or "direct-7": for logs and unicast */
	const uint32_t *groups;         /* all groups of the caller, the effective one included */
	size_t n_groups;
	unsigned int n_requests; /* outstanding */
	unsigned int n_holds;    /* reasons to remember a bus name that is idle: subscriptions */
};

struct mt_bus_ops {
	/* A method call. The message is borrowed. */
	void (*on_call)(struct mt_caller *caller, DBusMessage *message, void *userdata);
	/* The caller is gone and will be freed: nothing can be sent to it any more. */
	void (*on_gone)(struct mt_caller *caller, void *userdata);
	/* The bus is gone (its callers were reported first); the direct socket lives on. */
	void (*on_bus_lost)(void *userdata);
};

MT_MUST_CHECK int mt_bus_new(struct event_base *base, const struct mt_bus_ops *ops, void *userdata,
			     struct mt_bus **ret);
/* Closes everything without callbacks. */
struct mt_bus *mt_bus_free(struct mt_bus *bus);
MT_DEFINE_CLEANUP(struct mt_bus *, mt_bus_free);

enum {
	MT_BUS_E_UNREACHABLE = 1, /* no bus there, or it refuses us */
	MT_BUS_E_NAME_TAKEN = 2,  /* somebody owns the name, or the bus does not let us own it */
	MT_BUS_E_PATH = 3 /* the socket cannot be made there (too long, no such folder, …) */
};

/* Connects to a message bus and takes the name there. address: "system", "session", or a D-Bus
 * address. Blocks; for start-up only. One bus at a time; after on_bus_lost it may be called again.
 * Return: 0, MT_BUS_E_UNREACHABLE, MT_BUS_E_NAME_TAKEN, negative errno. */
MT_MUST_CHECK int mt_bus_connect(struct mt_bus *bus, const char *address, const char *name,
				 char ret_message[static 192]);

enum mt_listen {
	MT_LISTEN_OWN = 0, /* root and our own uid; socket mode 0600 */
	MT_LISTEN_ALL      /* every uid; socket mode 0666 */
};

/* Peers whose effective gid is this group's are marked attested. A group that does not exist marks
 * nobody. Looks the group up, so for start-up only. */
#define MT_ATTEST_GROUP "mailtrust-attest"
void mt_bus_set_attest_group(struct mt_bus *bus, const char *group);

/* Serves the direct socket at a path. Takes over whatever socket is there: the caller holds the
 * lock that makes this safe (DESIGN §5). Return: 0, MT_BUS_E_PATH, negative errno. */
MT_MUST_CHECK int mt_bus_listen(struct mt_bus *bus, const char *path, enum mt_listen who,
				char ret_message[static 192]);

bool mt_bus_is_connected(const struct mt_bus *bus); /* to a message bus */

/* Sends a message to a caller; sets the destination where it is on the bus. A peer that lets more
 * than MT_OUTGOING_BYTES_MAX pile up is disconnected. What cannot be sent is dropped: who waits for
 * it times out, which is deny (D-SYS-04). */
#define MT_OUTGOING_BYTES_MAX (1024 * 1024)
void mt_caller_send(struct mt_caller *caller, DBusMessage *message);

/* Calls of our own to somebody on the message bus. callback runs once, from the loop, with the
 * reply or the error (borrowed; libdbus makes org.freedesktop.DBus.Error.NoReply of silence and of
 * a bus that is gone), or NULL; then the call is gone. The message is borrowed. Return: 0,
 * -ENOTCONN, -ENOMEM. */
struct mt_bus_call;
typedef void (*mt_bus_reply_fn)(DBusMessage *reply, void *userdata);
MT_MUST_CHECK int mt_bus_call(struct mt_bus *bus, DBusMessage *message, int timeout_msec,
			      mt_bus_reply_fn callback, void *userdata, struct mt_bus_call **ret);
/* No callback any more. Accepts NULL. */
struct mt_bus_call *mt_bus_call_cancel(struct mt_bus_call *call);
/* Sends a message of our own, and asks for nothing; without a bus it is dropped. */
void mt_bus_send(struct mt_bus *bus, DBusMessage *message);

/* Sends an error in reply to a call, unless the call wants no reply; detail may be NULL, and is
 * left out where the error takes none. */
void mt_caller_send_error(struct mt_caller *caller, DBusMessage *call, enum mt_error error,
			  const char *detail);

static inline void
mt_dbus_message_unref(DBusMessage *message)
{
	if (message)
		dbus_message_unref(message);
}
MT_DEFINE_CLEANUP(DBusMessage *, mt_dbus_message_unref);

#endif
