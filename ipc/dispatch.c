/* SPDX-License-Identifier: MIT */
/* Calls to handlers, and requests to replies. */

#include "ipc/dispatch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/dispatch-internal.h"

/* Construction */

static int
fill_methods(struct mt_dispatch *dispatch, const struct mt_method *methods, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct mt_method *method = &methods[i];
		unsigned int objects = mt_interfaces[mt_calls[method->call].interface].objects;

		if (dispatch->methods[method->call] || !method->handler)
			return -EINVAL;
		/* the root has no owner: such a row would be open to everyone */
		if (method->access == MT_ACCESS_OWNER && objects != MT_OBJECT_ACCOUNT)
			return -EINVAL;
		dispatch->methods[method->call] = method;
	}
	return 0;
}

static int
fill_properties(struct mt_dispatch *dispatch)
{
	const struct mt_dispatch_config *config = &dispatch->config;

	for (size_t i = 0; i < config->n_properties; i++)
		dispatch->properties[config->properties[i].property] = config->properties[i].append;
	for (size_t i = 0; i < MT_PROPERTY_COUNT; i++)
		if (!dispatch->properties[i])
			return -EINVAL;

	return config->n_properties == MT_PROPERTY_COUNT ? 0 : -EINVAL;
}

int
mt_dispatch_new(const struct mt_dispatch_config *config, struct mt_dispatch **ret)
{
	MT_CLEANUP(mt_dispatch_freep) struct mt_dispatch *dispatch = calloc(1, sizeof(*dispatch));
	int r;

	if (!dispatch)
		return -ENOMEM;
	dispatch->config = *config;
	TAILQ_INIT(&dispatch->kept);
	TAILQ_INIT(&dispatch->subscribers);
	r = fill_methods(dispatch, mt_object_methods, mt_object_methods_count);
	if (r == 0)
		r = fill_methods(dispatch, config->methods, config->n_methods);
	if (r == 0)
		r = fill_properties(dispatch);
	if (r)
		return r;

	*ret = mt_steal(&dispatch);
	return 0;
}

/* Quotas (D-SYS-10). What is kept is counted when it matters: nobody can be over it before so many
 * are kept, and then a list of that length is walked. */
static bool
has_room(struct mt_dispatch *dispatch, const struct mt_caller *caller)
{
	const struct mt_request *request;
	unsigned int n = 0;

	if (caller->n_requests >= MT_REQUESTS_PER_CONNECTION_MAX)
		return false;
	if (dispatch->n_kept < MT_REQUESTS_PER_UID_MAX)
		return true;

	TAILQ_FOREACH(request, &dispatch->kept, entry)
	n += request->caller->uid == caller->uid;
	return n < MT_REQUESTS_PER_UID_MAX;
}

/* Requests */

static void
request_free(struct mt_request *request)
{
	if (request->reply)
		dbus_message_unref(request->reply);
	dbus_message_unref(request->message);
	free(request);
}

void
mt_request_unkeep(struct mt_request *request)
{
	if (!request->is_kept)
		return;
	request->is_kept = false;
	TAILQ_REMOVE(&request->dispatch->kept, request, entry);
	request->dispatch->n_kept--;
	request->caller->n_requests--;
}

static void
cancel(struct mt_request *request)
{
	mt_request_unkeep(request);
	request->is_done = true;
	if (request->on_cancel)
		request->on_cancel(request, request->data);
	request_free(request);
}

static void
finish(struct mt_request *request)
{
	mt_request_unkeep(request);
	request->is_done = true;
	if (!request->in_handler)
		request_free(request);
}

void
mt_request_fail(struct mt_request *request, enum mt_error error)
{
	assert(!request->is_done);
	mt_caller_send_error(request->caller, request->message, error, request->diag.message);
	finish(request);
}

int
mt_request_begin_reply(struct mt_request *request, DBusMessageIter *ret_iter)
{
	if (request->reply)
		dbus_message_unref(request->reply);
	request->reply = dbus_message_new_method_return(request->message);
	if (!request->reply)
		return -ENOMEM;

	dbus_message_iter_init_append(request->reply, ret_iter);
	return 0;
}

void
mt_request_reply(struct mt_request *request)
{
	DBusMessageIter iter;

	assert(!request->is_done);
	if (!request->reply && mt_request_begin_reply(request, &iter)) {
		mt_request_fail(request, MT_ERROR_DEGRADED);
		return;
	}
	if (!dbus_message_has_signature(request->reply, mt_calls[request->call].out)) {
		mt_request_fail(request, MT_ERROR_INTERNAL);
		return;
	}
	if (!dbus_message_get_no_reply(request->message))
		mt_caller_send(request->caller, request->reply);
	finish(request);
}

/* 0 is for a handler that did nothing: a fault, and the caller is not left waiting for it. */
static enum mt_error
error_of(int r)
{
	if (r > 0)
		return (enum mt_error)r;

	return r < 0 ? mt_error_from_errno(r) : MT_ERROR_INTERNAL;
}

void
mt_request_finish(struct mt_request *request, int r)
{
	if (r == 0)
		mt_request_reply(request);
	else
		mt_request_fail(request, error_of(r));
}

void
mt_request_keep(struct mt_request *request, void (*on_cancel)(struct mt_request *, void *),
		void *data)
{
	assert(request->in_handler && !request->is_done && !request->is_kept);
	request->on_cancel = on_cancel;
	request->data = data;
	request->is_kept = true;
	request->caller->n_requests++;
	request->dispatch->n_kept++;
	TAILQ_INSERT_TAIL(&request->dispatch->kept, request, entry);
}

struct mt_caller *
mt_request_caller(const struct mt_request *request)
{
	return request->caller;
}

enum mt_call
mt_request_call(const struct mt_request *request)
{
	return request->call;
}

const char *
mt_request_account_id(const struct mt_request *request)
{
	return request->account_id;
}

void *
mt_request_account(const struct mt_request *request)
{
	return request->account;
}

struct mt_diag *
mt_request_diag(struct mt_request *request)
{
	return &request->diag;
}

bool
mt_request_may_interact(const struct mt_request *request)
{
	return dbus_message_get_allow_interactive_authorization(request->message);
}

/* Routing */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
/* Bytes of an array as they came, without walking it. libdbus deprecates the question as one that
 * nobody should have; to bound a message it is the right one. */
static size_t
array_bytes(DBusMessageIter *iter)
{
	DBusMessageIter array;

	dbus_message_iter_recurse(iter, &array);
	return (size_t)dbus_message_iter_get_array_len(&array);
}
#pragma GCC diagnostic pop

/* The arguments are larger than MT_MESSAGE_BYTES_MAX. Counts what can be large at the top: text and
 * arrays; costs a few instructions an argument, whatever is inside. A variant, which only
 * Properties.Set has, is never read. */
static bool
is_too_large(DBusMessage *message)
{
	DBusMessageIter iter;
	size_t size = 0;
	const char *text;

	if (!dbus_message_iter_init(message, &iter))
		return false;
	do {
		switch (dbus_message_iter_get_arg_type(&iter)) {
		case DBUS_TYPE_ARRAY:
			size += array_bytes(&iter);
			break;
		case DBUS_TYPE_STRING:
		case DBUS_TYPE_OBJECT_PATH:
			dbus_message_iter_get_basic(&iter, &text);
			size += strlen(text);
			break;
		default:
			break;
		}
	} while (dbus_message_iter_next(&iter));
	return size > MT_MESSAGE_BYTES_MAX;
}

static bool
may_call(const struct mt_dispatch *dispatch, const struct mt_method *method,
	 const struct mt_caller *caller)
{
	if (!method)
		return false;
	switch (method->access) {
	case MT_ACCESS_NOBODY:
		return false;
	case MT_ACCESS_ADMIN:
		return caller->uid == 0 ||
		       (dispatch->config.is_user_mode && caller->uid == dispatch->config.own_uid);
	case MT_ACCESS_OWNER: /* of the object, which is looked up next */
	case MT_ACCESS_ANYONE:
		return true;
	}
	return false;
}

/* Checks a call against contract and table. Return: 0 with *ret_call set, or an enum mt_error. */
static int
admit(struct mt_dispatch *dispatch, const struct mt_caller *caller, DBusMessage *message,
      enum mt_call *ret_call)
{
	const char *interface = dbus_message_get_interface(message),
		   *path = dbus_message_get_path(message);
	enum mt_object object =
		strcmp(path, MT_ROOT_PATH) == 0 ? MT_OBJECT_ROOT : MT_OBJECT_ACCOUNT;
	bool is_folder = mt_object_is_folder(path);
	int call;

	/* the specification lets a call leave its interface out; here nothing is guessed */
	call = interface ? mt_contract_find_call(interface, dbus_message_get_member(message)) : -1;
	if (call < 0 ||
	    (object == MT_OBJECT_ACCOUNT && !is_folder && !mt_contract_account_id(path)))
		return MT_ERROR_UNKNOWN_METHOD;
	if (is_folder && call != MT_CALL_INTROSPECTABLE_INTROSPECT)
		return MT_ERROR_UNKNOWN_METHOD;
	if (!(mt_interfaces[mt_calls[call].interface].objects & (unsigned int)object))
		return MT_ERROR_UNKNOWN_METHOD;
	if (!may_call(dispatch, dispatch->methods[call], caller))
		return MT_ERROR_ACCESS_DENIED;
	if (!dbus_message_has_signature(message, mt_calls[call].in))
		return MT_ERROR_INVALID_ARGUMENTS;
	if (is_too_large(message))
		return MT_ERROR_TOO_LARGE;
	if (!has_room(dispatch, caller))
		return MT_ERROR_LIMIT_EXCEEDED;

	*ret_call = (enum mt_call)call;
	return 0;
}

/* Runs the handler. Return: as the handler. */
static int
run(struct mt_request *request)
{
	struct mt_dispatch *dispatch = request->dispatch;
	const struct mt_dispatch_config *config = &dispatch->config;
	const char *path = dbus_message_get_path(request->message),
		   *id = mt_contract_account_id(path);
	DBusMessageIter args = DBUS_MESSAGE_ITER_INIT_CLOSED;

	if (mt_object_is_folder(path))
		return mt_object_introspect_folder(request, path);
	if (id) {
		memcpy(request->account_id, id, MT_ACCOUNT_ID_TEXT_SIZE);
		request->account = config->find_account(id, request->caller->uid, config->userdata);
		/* D-SYS-02: another's account and none are the same thing */
		if (!request->account)
			return MT_ERROR_UNKNOWN_ACCOUNT;
	}
	(void)dbus_message_iter_init(request->message, &args);
	return dispatch->methods[request->call]->handler(request, &args, config->userdata);
}

/* What came to nothing is an error; what is over is gone. */
static void
settle(struct mt_request *request, int r)
{
	if (!request->is_done && !request->is_kept)
		mt_request_fail(request, error_of(r));
	request->account = NULL;
	request->in_handler = false;
	if (request->is_done)
		request_free(request);
}

void
mt_request_run(struct mt_request *request)
{
	request->in_handler = true;
	settle(request, run(request));
}

void
mt_dispatch_call(struct mt_caller *caller, DBusMessage *message, void *data)
{
	struct mt_dispatch *dispatch = data;
	struct mt_request *request;
	enum mt_call call;
	int r;

	r = admit(dispatch, caller, message, &call);
	request = r == 0 ? calloc(1, sizeof(*request)) : NULL;
	if (!request) {
		mt_caller_send_error(caller, message, r ? (enum mt_error)r : MT_ERROR_DEGRADED,
				     NULL);
		return;
	}
	request->dispatch = dispatch;
	request->caller = caller;
	request->call = call;
	request->message = dbus_message_ref(message);
	if (!mt_request_must_wait(request)) {
		mt_request_run(request);
		return;
	}
	request->in_handler = true;
	settle(request, mt_request_wait(request));
}

static struct mt_request *
find_kept(struct mt_dispatch *dispatch, const struct mt_caller *caller)
{
	struct mt_request *request;

	TAILQ_FOREACH(request, &dispatch->kept, entry)
	if (request->caller == caller)
		break;

	return request;
}

void
mt_dispatch_gone(struct mt_caller *caller, void *data)
{
	struct mt_dispatch *dispatch = data;
	struct mt_request *request;

	mt_dispatch_unsubscribe(dispatch, caller);
	/* from the beginning each time: what is cancelled may take others with it */
	while (caller->n_requests > 0 && (request = find_kept(dispatch, caller)))
		cancel(request);
}

struct mt_dispatch *
mt_dispatch_free(struct mt_dispatch *dispatch)
{
	struct mt_request *request;
	struct mt_subscriber *subscriber;

	if (!dispatch)
		return NULL;

	while ((request = TAILQ_FIRST(&dispatch->kept)))
		cancel(request);
	while ((subscriber = TAILQ_FIRST(&dispatch->subscribers)))
		mt_dispatch_unsubscribe(dispatch, subscriber->caller);
	free(dispatch);
	return NULL;
}
