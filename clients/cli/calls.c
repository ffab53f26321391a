/* SPDX-License-Identifier: MIT */
/* Calls to the service. */

#include "clients/cli/calls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/output.h"

enum mt_exit
mt_call_explain(struct mt_cli *cli, int outcome, const char *what)
{
	struct mt_answer why = {0};

	mt_answer_from_outcome(cli->daemon, outcome, &why);
	mt_print_refusal(cli, what, &why);
	if (outcome == MT_DAEMON_E_UNREACHABLE)
		return MT_EXIT_DAEMON;
	if (outcome < 0)
		return MT_EXIT_INTERNAL;

	return mt_error_exit(mt_error_from_dbus_name(mt_daemon_error(cli->daemon)->name));
}

/* Sends a call whose reply says no more than that it was done. */
static int
call_and_forget(struct mt_cli *cli, DBusMessage *call)
{
	MT_CLEANUP(mt_message_unrefp) DBusMessage *owned = call;
	MT_CLEANUP(mt_message_unrefp) DBusMessage *reply = NULL;

	/* the owner may be asked for a password first (D-SYS-07) */
	mt_daemon_begin(cli->daemon, MT_LONG_PATIENCE_USEC);
	return mt_daemon_call(cli->daemon, owned, "", &reply);
}

static DBusMessage *
account_call(const char *path, const char *member)
{
	return mt_daemon_message(path, MT_ACCOUNT_INTERFACE, member);
}

int
mt_call_add_account(struct mt_cli *cli, const char *address,
		    char ret_path[static MT_OBJECT_PATH_SIZE])
{
	MT_CLEANUP(mt_message_unrefp)
	DBusMessage *call = mt_daemon_message(MT_MANAGER_PATH, MT_MANAGER_INTERFACE, "AddAccount");
	MT_CLEANUP(mt_message_unrefp) DBusMessage *reply = NULL;
	DBusMessageIter iter, options;
	const char *path;
	int r;

	if (!call || !dbus_validate_utf8(address, NULL))
		return -EINVAL;

	dbus_message_iter_init_append(call, &iter);
	if (!dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &address) ||
	    !dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &options) ||
	    !dbus_message_iter_close_container(&iter, &options))
		return -ENOMEM;

	mt_daemon_begin(cli->daemon, MT_LONG_PATIENCE_USEC);
	r = mt_daemon_call(cli->daemon, call, "o", &reply);
	if (r)
		return r;

	(void)dbus_message_get_args(reply, NULL, DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_INVALID);
	if (strlen(path) >= MT_OBJECT_PATH_SIZE)
		return -EBADMSG;

	strcpy(ret_path, path);
	return 0;
}

int
mt_call_set_endpoint(struct mt_cli *cli, const char *path, const struct mt_endpoint_spec *spec)
{
	DBusMessage *call = account_call(path, "SetEndpoint");
	const char *proto = mt_proto_to_string(spec->proto), *host = spec->host;
	const char *transport = mt_transport_to_string(spec->transport);

	if (call)
		(void)dbus_message_append_args(call, DBUS_TYPE_STRING, &proto, DBUS_TYPE_STRING,
					       &transport, DBUS_TYPE_STRING, &host,
					       DBUS_TYPE_UINT16, &spec->port, DBUS_TYPE_INVALID);

	return call_and_forget(cli, call);
}

static DBusMessage *
service_call(const char *path, const char *member, enum mt_proto proto)
{
	DBusMessage *call = account_call(path, member);
	const char *service = mt_proto_to_string(proto);

	if (call)
		(void)dbus_message_append_args(call, DBUS_TYPE_STRING, &service, DBUS_TYPE_INVALID);

	return call;
}

int
mt_call_remove_endpoint(struct mt_cli *cli, const char *path, enum mt_proto proto)
{
	return call_and_forget(cli, service_call(path, "RemoveEndpoint", proto));
}

int
mt_call_set_minimum(struct mt_cli *cli, const char *path, const char *field, const char *value)
{
	DBusMessage *call = account_call(path, "SetMinimum");
	DBusMessageIter iter, dict, entry;

	if (call) {
		dbus_message_iter_init_append(call, &iter);
		(void)dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{ss}", &dict);
		(void)dbus_message_iter_open_container(&dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
		(void)dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &field);
		(void)dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &value);
		(void)dbus_message_iter_close_container(&dict, &entry);
		(void)dbus_message_iter_close_container(&iter, &dict);
	}
	return call_and_forget(cli, call);
}

int
mt_call_record_consent(struct mt_cli *cli, const char *path, enum mt_consent_kind kind)
{
	DBusMessage *call = account_call(path, "RecordConsent");
	const char *name = mt_consent_kind_to_string(kind), *key = "text_version";
	DBusMessageIter iter, dict, entry, variant;
	uint32_t version = MT_CONSENT_TEXT_VERSION;

	if (call) {
		dbus_message_iter_init_append(call, &iter);
		(void)dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &name);
		(void)dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &dict);
		(void)dbus_message_iter_open_container(&dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
		(void)dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &key);
		(void)dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, "u", &variant);
		(void)dbus_message_iter_append_basic(&variant, DBUS_TYPE_UINT32, &version);
		(void)dbus_message_iter_close_container(&entry, &variant);
		(void)dbus_message_iter_close_container(&dict, &entry);
		(void)dbus_message_iter_close_container(&iter, &dict);
	}
	return call_and_forget(cli, call);
}

int
mt_call_plain(struct mt_cli *cli, const char *path, const char *member)
{
	return call_and_forget(cli, account_call(path, member));
}

/* Sends a question and hands out its reply. */
static int
call_for_reply(struct mt_cli *cli, DBusMessage *call, int64_t patience_usec, const char *signature,
	       DBusMessage **ret_reply)
{
	MT_CLEANUP(mt_message_unrefp) DBusMessage *owned = call;

	mt_daemon_begin(cli->daemon, patience_usec);
	return mt_daemon_call(cli->daemon, owned, signature, ret_reply);
}

int
mt_call_levels(struct mt_cli *cli, DBusMessage **ret_reply)
{
	return call_for_reply(cli,
			      mt_daemon_message(MT_MANAGER_PATH, MT_MANAGER_INTERFACE, "Levels"),
			      MT_PATIENCE_USEC, "a(oss)", ret_reply);
}

int
mt_call_status(struct mt_cli *cli, DBusMessage **ret_reply)
{
	return call_for_reply(cli,
			      mt_daemon_message(MT_MANAGER_PATH, MT_MANAGER_INTERFACE, "Status"),
			      MT_PATIENCE_USEC, "a{sv}", ret_reply);
}

int
mt_call_properties(struct mt_cli *cli, const char *path, DBusMessage **ret_reply)
{
	DBusMessage *call = mt_daemon_message(path, DBUS_INTERFACE_PROPERTIES, "GetAll");
	const char *interface = MT_ACCOUNT_INTERFACE;

	if (call)
		(void)dbus_message_append_args(call, DBUS_TYPE_STRING, &interface,
					       DBUS_TYPE_INVALID);

	return call_for_reply(cli, call, MT_PATIENCE_USEC, "a{sv}", ret_reply);
}

static void
read_probe(DBusMessage *reply, struct mt_answer *ret)
{
	DBusMessageIter iter, codes;
	const char *decision, *code;
	dbus_bool_t conf;

	dbus_message_iter_init(reply, &iter);
	dbus_message_iter_next(&iter); /* the evidence is for the log of whoever debugs */
	dbus_message_iter_get_basic(&iter, &decision);
	dbus_message_iter_next(&iter);
	dbus_message_iter_get_basic(&iter, &conf);
	dbus_message_iter_next(&iter);
	dbus_message_iter_recurse(&iter, &codes);
	if (mt_decision_from_string(decision, &ret->decision) == 0)
		ret->conf = conf;
	while (dbus_message_iter_get_arg_type(&codes) == DBUS_TYPE_STRING) {
		dbus_message_iter_get_basic(&codes, &code);
		mt_answer_add_code(ret, code);
		dbus_message_iter_next(&codes);
	}
}

int
mt_call_probe(struct mt_cli *cli, const char *path, enum mt_proto proto, struct mt_answer *ret)
{
	MT_CLEANUP(mt_message_unrefp) DBusMessage *reply = NULL;
	int r = call_for_reply(cli, service_call(path, "Probe", proto), MT_LONG_PATIENCE_USEC,
			       "a{sv}sbas", &reply);

	*ret = (struct mt_answer){0};
	if (r == 0)
		read_probe(reply, ret);

	return r;
}

int
mt_call_resolve(struct mt_cli *cli, const char *path, enum mt_proto proto, DBusMessage **ret_reply)
{
	return call_for_reply(cli, service_call(path, "Resolve", proto), MT_PATIENCE_USEC, "as",
			      ret_reply);
}
