/* SPDX-License-Identifier: MIT */
/* Questions to polkit: org.freedesktop.PolicyKit1.Authority. */

#include "daemon/authority.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define POLKIT "org.freedesktop.PolicyKit1"
#define AUTHORITY_PATH "/org/freedesktop/PolicyKit1/Authority"
#define AUTHORITY_INTERFACE POLKIT ".Authority"
#define ALLOW_USER_INTERACTION 1u /* CheckAuthorizationFlags */
#define COOKIE_SIZE 64

struct mt_authorization {
	struct mt_bus *bus;
	struct mt_bus_call *call;
	char cookie[COOKIE_SIZE]; /* polkit's cancellation_id */
	mt_authority_fn callback;
	void *userdata;
};

const char *
mt_action_to_string(enum mt_action action)
{
	static const char *const ids[MT_ACTION_COUNT] = {
		[MT_ACTION_NONE] = "",
		[MT_ACTION_EDIT_OWN_ACCOUNT] = "org.mailtrust1.edit-own-account",
		[MT_ACTION_PIN_AGAIN] = "org.mailtrust1.pin-again",
	};

	return ids[action];
}

/* -- the question ------------------------------------------------------------------------------ */

/* One entry of a{sv} or a{ss}. */
static bool
append_entry(DBusMessageIter *dict, const char *key, int type, const void *value, bool is_variant)
{
	const char signature[] = {(char)type, '\0'};
	DBusMessageIter entry, variant;

	if (!dbus_message_iter_open_container(dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry) ||
	    !dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &key))
		return false;
	if (!is_variant)
		return dbus_message_iter_append_basic(&entry, type, value) &&
		       dbus_message_iter_close_container(dict, &entry);
	return dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, signature, &variant) &&
	       dbus_message_iter_append_basic(&variant, type, value) &&
	       dbus_message_iter_close_container(&entry, &variant) &&
	       dbus_message_iter_close_container(dict, &entry);
}

/* A direct peer is the process that connected, with the uid the kernel noted then: a number that
 * was given to a process of somebody else since is nobody polkit would let through as this user. */
static bool
append_process(DBusMessageIter *dict, const struct mt_caller *caller)
{
	const dbus_uint64_t start = 0; /* polkit looks it up */
	const dbus_int32_t uid = (dbus_int32_t)caller->uid;

	return append_entry(dict, "pid", DBUS_TYPE_UINT32, &caller->pid, true) &&
	       append_entry(dict, "start-time", DBUS_TYPE_UINT64, &start, true) &&
	       append_entry(dict, "uid", DBUS_TYPE_INT32, &uid, true);
}

static bool
append_subject(DBusMessageIter *iter, const struct mt_caller *caller)
{
	const char *kind = caller->is_direct ? "unix-process" : "system-bus-name";
	const char *name = caller->name;
	DBusMessageIter subject, dict;

	return dbus_message_iter_open_container(iter, DBUS_TYPE_STRUCT, NULL, &subject) &&
	       dbus_message_iter_append_basic(&subject, DBUS_TYPE_STRING, &kind) &&
	       dbus_message_iter_open_container(&subject, DBUS_TYPE_ARRAY, "{sv}", &dict) &&
	       (caller->is_direct ? append_process(&dict, caller)
				  : append_entry(&dict, "name", DBUS_TYPE_STRING, &name, true)) &&
	       dbus_message_iter_close_container(&subject, &dict) &&
	       dbus_message_iter_close_container(iter, &subject);
}

static bool
append_details(DBusMessageIter *iter, const struct mt_authority_question *question)
{
	DBusMessageIter dict;

	return dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "{ss}", &dict) &&
	       append_entry(&dict, "account", DBUS_TYPE_STRING, &question->account, false) &&
	       append_entry(&dict, "what", DBUS_TYPE_STRING, &question->what, false) &&
	       dbus_message_iter_close_container(iter, &dict);
}

static DBusMessage *
make_call(const struct mt_authority_question *question, const char *cookie)
{
	DBusMessage *call = dbus_message_new_method_call(POLKIT, AUTHORITY_PATH,
							 AUTHORITY_INTERFACE, "CheckAuthorization");
	const char *action = mt_action_to_string(question->action);
	const dbus_uint32_t flags = question->may_interact ? ALLOW_USER_INTERACTION : 0;
	DBusMessageIter iter;

	if (!call)
		return NULL;
	dbus_message_iter_init_append(call, &iter);
	if (append_subject(&iter, question->caller) &&
	    dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &action) &&
	    append_details(&iter, question) &&
	    dbus_message_iter_append_basic(&iter, DBUS_TYPE_UINT32, &flags) &&
	    dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &cookie))
		return call;
	dbus_message_unref(call);
	return NULL;
}

/* -- the answer -------------------------------------------------------------------------------- */

/* (bba{ss}): is_authorized, is_challenge, details. */
static int
read_result(DBusMessage *reply, const char **ret_why)
{
	dbus_bool_t is_authorized, is_challenge;
	DBusMessageIter iter, result;

	*ret_why = "polkit's answer is none";
	if (!dbus_message_has_signature(reply, "(bba{ss})") ||
	    !dbus_message_iter_init(reply, &iter))
		return MT_AUTHORITY_E_UNREACHABLE;
	dbus_message_iter_recurse(&iter, &result);
	dbus_message_iter_get_basic(&result, &is_authorized);
	dbus_message_iter_next(&result);
	dbus_message_iter_get_basic(&result, &is_challenge);
	*ret_why = is_challenge ? "a password is needed, and nobody could be asked for it"
				: "polkit refuses it";
	return is_authorized ? 0 : MT_AUTHORITY_E_REFUSED;
}

static int
read_answer(DBusMessage *reply, const char **ret_why)
{
	*ret_why = "no answer in time";
	if (!reply)
		return MT_AUTHORITY_E_UNREACHABLE;
	if (dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_METHOD_RETURN)
		return read_result(reply, ret_why);
	if (dbus_message_is_error(reply, POLKIT ".Error.Cancelled")) {
		*ret_why = "nobody confirmed it";
		return MT_AUTHORITY_E_REFUSED;
	}
	if (dbus_message_is_error(reply, DBUS_ERROR_SERVICE_UNKNOWN) ||
	    dbus_message_is_error(reply, DBUS_ERROR_NAME_HAS_NO_OWNER))
		*ret_why = "there is no polkit";
	else if (!dbus_message_is_error(reply, DBUS_ERROR_NO_REPLY))
		*ret_why = "polkit cannot answer; is org.mailtrust1.policy installed?";
	return MT_AUTHORITY_E_UNREACHABLE;
}

/* Has polkit take the dialog away that nobody waits for any more. */
static void
withdraw(const struct mt_authorization *a)
{
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *call = dbus_message_new_method_call(
		POLKIT, AUTHORITY_PATH, AUTHORITY_INTERFACE, "CancelCheckAuthorization");
	const char *cookie = a->cookie;

	if (!call || !dbus_message_append_args(call, DBUS_TYPE_STRING, &cookie, DBUS_TYPE_INVALID))
		return;
	dbus_message_set_auto_start(call, FALSE);
	dbus_message_set_no_reply(call, TRUE);
	mt_bus_send(a->bus, call);
}

static void
on_reply(DBusMessage *reply, void *userdata)
{
	struct mt_authorization *a = userdata;
	const char *why;
	int outcome = read_answer(reply, &why);

	if (reply && dbus_message_is_error(reply, DBUS_ERROR_NO_REPLY))
		withdraw(a);
	a->callback(outcome, why, a->userdata);
	free(a);
}

/* Unique on the bus, as far as polkit keeps callers apart. */
static int
make_cookie(char ret[static COOKIE_SIZE])
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -EIO;
	(void)snprintf(ret, COOKIE_SIZE, "mailtrust-%016" PRIx64, number);
	return 0;
}

int
mt_authority_ask(struct mt_bus *bus, const struct mt_authority_question *question,
		 mt_authority_fn callback, void *userdata, struct mt_authorization **ret)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *call = NULL;
	struct mt_authorization *a;
	int r;

	if (!mt_bus_is_connected(bus))
		return MT_AUTHORITY_E_UNREACHABLE;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->bus = bus;
	a->callback = callback;
	a->userdata = userdata;
	r = make_cookie(a->cookie);
	if (r) {
		free(a);
		return r;
	}
	call = make_call(question, a->cookie);
	r = call ? mt_bus_call(bus, call,
			       question->may_interact ? MT_AUTHORITY_PERSON_MSEC
						      : MT_AUTHORITY_SILENCE_MSEC,
			       on_reply, a, &a->call)
		 : -ENOMEM;
	if (r) {
		free(a);
		return r;
	}
	*ret = a;
	return 0;
}

struct mt_authorization *
mt_authorization_cancel(struct mt_authorization *a)
{
	if (!a)
		return NULL;
	mt_bus_call_cancel(a->call);
	withdraw(a);
	free(a);
	return NULL;
}
