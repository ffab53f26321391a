/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_DISPATCH_INTERNAL_H
#define MT_IPC_DISPATCH_INTERNAL_H

/*
 * What dispatch.c, objects.c and signals.c share, and nobody else includes.
 *
 * dispatch.c owns requests and routing; dispatch-wait.c the requests that came too early; objects.c
 * answers Introspect, Properties and GetManagedObjects; signals.c owns the subscribers.
 */

#include <sys/queue.h>

#include "ipc/dispatch.h"

struct mt_request {
	TAILQ_ENTRY(mt_request) entry; /* of the kept ones */
	struct mt_dispatch *dispatch;
	struct mt_caller *caller;
	DBusMessage *message, *reply; /* owned */
	enum mt_call call;
	char account_id[MT_ACCOUNT_ID_TEXT_SIZE];
	void *account; /* while the handler runs */
	struct mt_diag diag;
	bool in_handler, is_kept, is_done;
	struct event *deadline; /* owned; not NULL: it waits to be run at all */
	void (*on_cancel)(struct mt_request *request, void *data);
	void *data;
};

struct mt_subscriber {
	TAILQ_ENTRY(mt_subscriber) entry;
	struct mt_caller *caller;
};

struct mt_dispatch {
	struct mt_dispatch_config config;
	const struct mt_method *methods[MT_CALL_COUNT];
	mt_property_fn properties[MT_PROPERTY_COUNT];
	TAILQ_HEAD(, mt_request) kept;
	size_t n_kept, n_waiting;
	TAILQ_HEAD(, mt_subscriber) subscribers;
};

/* dispatch.c: runs the handler, and sees to it that there is a reply or a keeper. The request may
 * be gone afterwards. */
void mt_request_run(struct mt_request *request);
void mt_request_unkeep(struct mt_request *request);

/* dispatch-wait.c: is it too early to run this request? */
bool mt_request_must_wait(const struct mt_request *request);
/* Keeps it until it may be run. Return: 0, an enum mt_error, negative errno. */
int mt_request_wait(struct mt_request *request);

/* objects.c: rows of the interfaces that need nothing from the daemon. */
extern const struct mt_method mt_object_methods[];
extern const size_t mt_object_methods_count;
/* Introspection of a path that is no object of ours but above one. False: it is not. */
bool mt_object_is_folder(const char *path);
int mt_object_introspect_folder(struct mt_request *request, const char *path);
/* Appends a{sv} of an interface's properties, or of those listed (n > 0). */
int mt_object_append_properties(struct mt_dispatch *dispatch, enum mt_interface interface,
				const enum mt_property_id *only, size_t n, void *account,
				uint32_t uid, DBusMessageIter *iter);
/* Appends a{sa{sv}} of an account's interfaces with properties. */
int mt_object_append_account(struct mt_dispatch *dispatch, void *account, uint32_t uid,
			     DBusMessageIter *iter);

#endif
