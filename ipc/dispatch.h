/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_DISPATCH_H
#define MT_IPC_DISPATCH_H

/*
 * Incoming calls: contract, access, handler, one reply.
 *
 * One dispatch() serves the bus and the direct socket. It looks the call up in the contract, checks
 * path, signature and size, then the row of the daemon's table: the row gives the handler and who
 * may call it; a call without a row is AccessDenied. It answers Introspect, Properties and
 * GetManagedObjects itself, from the contract and the daemon's property table.
 *
 * An account another uid owns and one that does not exist are the same to it: the daemon's
 * find_account() returns NULL for both, and the reply is the same bytes (D-SYS-02).
 *
 * A request belongs to its caller. It is replied to exactly once: from the handler, or later if the
 * handler kept it with mt_request_keep(). When the caller goes away first, on_cancel runs instead
 * and the request is gone. Per caller and per uid, only so many are outstanding (D-SYS-10).
 *
 * A call that changes something may come before the daemon may change anything: while it checks its
 * store after start (DESIGN §7). Such a call waits, within bounds, and so do those behind it on its
 * connection, for their order is the caller's; what only asks is answered meanwhile.
 */

#include <dbus/dbus.h>

#include "policy/diag.h"

#include "ipc/bus.h"
#include "ipc/contract.h"
#include "ipc/errors.h"

struct mt_dispatch;
struct mt_request;

/* Who may make a call. The zero value: nobody. */
enum mt_access {
	MT_ACCESS_NOBODY = 0,
	MT_ACCESS_ADMIN, /* uid 0; in user mode also the daemon's own uid */
	MT_ACCESS_OWNER, /* an account object of the caller's uid */
	MT_ACCESS_ANYONE
};

/*
 * Reads the arguments, calls, appends the reply. args is at the first argument (its type is
 * DBUS_TYPE_INVALID where there is none); signature and size are checked.
 * Return: 0 where it replied, failed or kept the request; otherwise it did none of these, and a
 * positive enum mt_error or a negative errno is sent as the error. For a detail behind the
 * sentence, mt_request_diag() is filled first.
 */
typedef int (*mt_handler_fn)(struct mt_request *request, DBusMessageIter *args, void *userdata);

/* When a call is run: as it comes, or where it changes something, once something may be changed. */
enum mt_when { MT_WHEN_CALLED = 0, MT_WHEN_READY };

struct mt_method {
	enum mt_call call;
	enum mt_access access;
	mt_handler_fn handler;
	enum mt_when when;
};

/* Appends the value of one property; account is what find_account() gave, NULL for the root. The
 * iterator stands inside a variant of the contract's signature. Return: 0, negative errno. */
typedef int (*mt_property_fn)(void *account, uint32_t uid, DBusMessageIter *variant,
			      void *userdata);

struct mt_property {
	enum mt_property_id property;
	mt_property_fn append;
};

/* Called once per account; false stops. */
typedef bool (*mt_each_account_fn)(const char *id, void *account, void *context);

struct mt_dispatch_config {
	const struct mt_method *methods;
	size_t n_methods;
	const struct mt_property *properties; /* every property of the contract, in any order */
	size_t n_properties;
	/* The account of that id if it is the uid's, else NULL. The pointer need only live until
	 * the handler returns. */
	void *(*find_account)(const char *id, uint32_t uid, void *userdata);
	/* All accounts of the uid. */
	void (*each_account)(uint32_t uid, mt_each_account_fn fn, void *context, void *userdata);
	/* False: calls that change something wait until mt_dispatch_resume(). NULL: true. */
	bool (*is_ready)(void *userdata);
	struct event_base *base; /* borrowed; for their deadline */
	uint64_t patience_usec;  /* after which they fail; 0: MT_READY_PATIENCE_USEC */
	bool is_user_mode;
	uint32_t own_uid;
	void *userdata; /* of handlers and all functions above */
};

/* The tables and strings are borrowed for the life of the dispatch; the struct is copied.
 * Return: 0, -EINVAL where the tables do not fit the contract (twice, or a property missing). */
MT_MUST_CHECK int mt_dispatch_new(const struct mt_dispatch_config *config,
				  struct mt_dispatch **ret);
/* Outstanding requests are cancelled. */
struct mt_dispatch *mt_dispatch_free(struct mt_dispatch *dispatch);
MT_DEFINE_CLEANUP(struct mt_dispatch *, mt_dispatch_free);

/* For mt_bus_ops, with the dispatch as userdata:
 * {mt_dispatch_call, mt_dispatch_gone, …}. The dispatch is freed first, then the bus. */
void mt_dispatch_call(struct mt_caller *caller, DBusMessage *message, void *dispatch);
void mt_dispatch_gone(struct mt_caller *caller, void *dispatch);
/* is_ready() has come true: runs what waits, in the order it came. Not from inside a handler. */
void mt_dispatch_resume(struct mt_dispatch *dispatch);

/* Requests */

struct mt_caller *mt_request_caller(const struct mt_request *request);
enum mt_call mt_request_call(const struct mt_request *request);
const char *mt_request_account_id(const struct mt_request *request); /* "" at the root */
/* What find_account() gave; NULL at the root, and NULL after the handler returned. */
void *mt_request_account(const struct mt_request *request);
struct mt_diag *mt_request_diag(struct mt_request *request);
/* ALLOW_INTERACTIVE_AUTHORIZATION was set on the call. */
bool mt_request_may_interact(const struct mt_request *request);

/* Keeps the request for later. on_cancel runs, instead of any reply, when the caller is gone (or
 * the dispatch is freed); after it the request is gone too. It must not reply. */
void mt_request_keep(struct mt_request *request,
		     void (*on_cancel)(struct mt_request *request, void *data), void *data);

/* Starts the reply: what follows is appended to *ret_iter, then mt_request_reply(). Starting again
 * drops what was appended. Return: 0, -ENOMEM. */
MT_MUST_CHECK int mt_request_begin_reply(struct mt_request *request, DBusMessageIter *ret_iter);
/* Sends the reply begun, or an empty one. A reply that does not have the contract's signature is
 * not sent: the caller gets Error.Internal. Outside of a handler the request is gone afterwards. */
void mt_request_reply(struct mt_request *request);
/* Sends an error instead, with the detail of mt_request_diag() where the error takes one. */
void mt_request_fail(struct mt_request *request, enum mt_error error);
/* For the end of an asynchronous operation: r is 0 (reply), an enum mt_error, or a -errno. */
void mt_request_finish(struct mt_request *request, int r);

/* Signals: unicast to the subscribers of one uid, so that no other uid learns anything. */

/* Subscribing twice is subscribing once. Return: 0, MT_ERROR_LIMIT_EXCEEDED, negative errno. */
MT_MUST_CHECK int mt_dispatch_subscribe(struct mt_dispatch *dispatch, struct mt_caller *caller);
void mt_dispatch_unsubscribe(struct mt_dispatch *dispatch, struct mt_caller *caller);

#define MT_EVERY_UID UINT32_MAX

/* A signal of the contract, from a path, ready to be appended to. NULL: no memory. */
DBusMessage *mt_signal_new(enum mt_signal signal, const char *path);
/* Sends to every subscriber of the uid (or of any, with MT_EVERY_UID). Borrows the message.
 * Failure to reach one subscriber is not reported: signals are hints, calls are the truth. */
void mt_dispatch_emit(struct mt_dispatch *dispatch, uint32_t uid, DBusMessage *signal);
/* InterfacesAdded with all properties, InterfacesRemoved, PropertiesChanged with the values of
 * these properties (all of one interface). */
void mt_dispatch_emit_added(struct mt_dispatch *dispatch, uint32_t uid, const char *id,
			    void *account);
void mt_dispatch_emit_removed(struct mt_dispatch *dispatch, uint32_t uid, const char *id);
void mt_dispatch_emit_changed(struct mt_dispatch *dispatch, uint32_t uid, const char *id,
			      void *account, const enum mt_property_id *properties, size_t n);

#endif
