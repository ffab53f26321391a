/* SPDX-License-Identifier: MIT */
/* Calls to the service. */

#include "clients/cli/calls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/agent.h"
#include "clients/cli/output.h"

enum mt_exit
mt_call_explain(struct mt_cli *cli, int outcome, const char *what)
{
	struct mt_answer why = {0};

	mt_answer_from_error(cli->client, outcome, &why);
	/* most errors are no reason for a verdict: their own sentence is all there is to say */
	if (outcome > 0 && why.reasons[0] == MT_REASON_OP_NOT_PERMITTED)
		why.n_reasons = 0;
	mt_print_refusal(cli, what, &why);
	return outcome < 0 ? MT_EXIT_INTERNAL : mt_error_exit((enum mt_error)outcome);
}

/* Sends a question and hands out its reply. Takes the message; NULL: out of memory. */
static int
call_for_reply(struct mt_cli *cli, enum mt_call call, DBusMessage *message, int64_t patience_usec,
	       DBusMessage **ret_reply)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *owned = message;

	mt_client_begin(cli->client, patience_usec);
	return mt_client_call(cli->client, call, owned, ret_reply);
}

/* The same for a call whose reply says no more than that it was done. */
static int
call_and_forget(struct mt_cli *cli, enum mt_call call, DBusMessage *message)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;

	/* the owner may be asked for a password first (D-SYS-07) */
	mt_agent_start(cli);
	return call_for_reply(cli, call, message, MT_CLIENT_LONG_PATIENCE_USEC, &reply);
}

/* Hands on a message that could be filled. */
static DBusMessage *
filled(DBusMessage *message, bool ok)
{
	if (ok)
		return message;

	dbus_message_unref(message);
	return NULL;
}

/* A call whose arguments are an address and no options. */
static DBusMessage *
address_call(enum mt_call which, const char *address)
{
	DBusMessage *call = mt_client_message(which, NULL);
	struct mt_dict options;
	DBusMessageIter iter;
	int r;

	if (!call)
		return NULL;
	dbus_message_iter_init_append(call, &iter);
	r = mt_codec_append_string(&iter, address);
	mt_dict_open(&options, &iter);
	return filled(call, mt_dict_close(&options) == 0 && r == 0);
}

int
mt_call_discover(struct mt_cli *cli, const char *address, DBusMessage **ret_reply)
{
	return call_for_reply(cli, MT_CALL_MANAGER_DISCOVER,
			      address_call(MT_CALL_MANAGER_DISCOVER, address),
			      MT_CLIENT_PATIENCE_USEC, ret_reply);
}

int
mt_call_add_account(struct mt_cli *cli, const char *address,
		    char ret_id[static MT_ACCOUNT_ID_TEXT_SIZE])
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	const char *path, *id;
	int r = call_for_reply(cli, MT_CALL_MANAGER_ADD_ACCOUNT,
			       address_call(MT_CALL_MANAGER_ADD_ACCOUNT, address),
			       MT_CLIENT_LONG_PATIENCE_USEC, &reply);

	if (r)
		return r;

	(void)dbus_message_get_args(reply, NULL, DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_INVALID);
	id = mt_contract_account_id(path);
	if (!id)
		return -EBADMSG;

	(void)snprintf(ret_id, MT_ACCOUNT_ID_TEXT_SIZE, "%s", id);
	return 0;
}

int
mt_call_set_endpoint(struct mt_cli *cli, const char *id, const struct mt_endpoint_spec *spec)
{
	DBusMessage *call = mt_client_message(MT_CALL_ACCOUNT_SET_ENDPOINT, id);
	const char *proto = mt_proto_to_string(spec->proto), *host = spec->host;
	const char *transport = mt_transport_to_string(spec->transport);

	if (call)
		call = filled(call, dbus_message_append_args(
					    call, DBUS_TYPE_STRING, &proto, DBUS_TYPE_STRING,
					    &transport, DBUS_TYPE_STRING, &host, DBUS_TYPE_UINT16,
					    &spec->port, DBUS_TYPE_INVALID));

	return call_and_forget(cli, MT_CALL_ACCOUNT_SET_ENDPOINT, call);
}

int
mt_call_set_discovered(struct mt_cli *cli, const char *id, const char *label, const char *host,
		       uint16_t port)
{
	DBusMessage *call = mt_client_message(MT_CALL_ACCOUNT_SET_DISCOVERED, id);

	if (call)
		call = filled(call, dbus_message_append_args(
					    call, DBUS_TYPE_STRING, &label, DBUS_TYPE_STRING, &host,
					    DBUS_TYPE_UINT16, &port, DBUS_TYPE_INVALID));

	return call_and_forget(cli, MT_CALL_ACCOUNT_SET_DISCOVERED, call);
}

/* A call whose one argument is a service. */
static DBusMessage *
service_call(const char *id, enum mt_call which, enum mt_proto proto)
{
	DBusMessage *call = mt_client_message(which, id);
	const char *service = mt_proto_to_string(proto);

	return call ? filled(call, dbus_message_append_args(call, DBUS_TYPE_STRING, &service,
							    DBUS_TYPE_INVALID))
		    : NULL;
}

int
mt_call_remove_endpoint(struct mt_cli *cli, const char *id, enum mt_proto proto)
{
	return call_and_forget(cli, MT_CALL_ACCOUNT_REMOVE_ENDPOINT,
			       service_call(id, MT_CALL_ACCOUNT_REMOVE_ENDPOINT, proto));
}

/* a{ss} of one field, as it was typed: what it means is the service's to say. */
static bool
append_field(DBusMessageIter *iter, const char *field, const char *value)
{
	DBusMessageIter dict, entry;

	return dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "{ss}", &dict) &&
	       dbus_message_iter_open_container(&dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry) &&
	       mt_codec_append_string(&entry, field) == 0 &&
	       mt_codec_append_string(&entry, value) == 0 &&
	       dbus_message_iter_close_container(&dict, &entry) &&
	       dbus_message_iter_close_container(iter, &dict);
}

int
mt_call_set_minimum(struct mt_cli *cli, const char *id, const char *field, const char *value)
{
	DBusMessage *call = mt_client_message(MT_CALL_ACCOUNT_SET_MINIMUM, id);
	DBusMessageIter iter;

	if (call) {
		dbus_message_iter_init_append(call, &iter);
		call = filled(call, append_field(&iter, field, value));
	}
	return call_and_forget(cli, MT_CALL_ACCOUNT_SET_MINIMUM, call);
}

int
mt_call_record_consent(struct mt_cli *cli, const char *id, const struct mt_consent *consent)
{
	const char *kind = mt_consent_kind_to_string(consent->kind);
	DBusMessage *call = mt_client_message(MT_CALL_ACCOUNT_RECORD_CONSENT, id);
	DBusMessageIter iter;

	if (call) {
		dbus_message_iter_init_append(call, &iter);
		call = filled(call, mt_codec_append_string(&iter, kind) == 0 &&
					    mt_codec_append_consent_scope(&iter, consent) == 0);
	}
	return call_and_forget(cli, MT_CALL_ACCOUNT_RECORD_CONSENT, call);
}

int
mt_call_pin(struct mt_cli *cli, const char *id, enum mt_call which, const char *host,
	    const uint8_t *leaf_sha256)
{
	DBusMessage *call = mt_client_message(which, id);

	if (call)
		call = filled(call, dbus_message_append_args(call, DBUS_TYPE_STRING, &host,
							     DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE,
							     &leaf_sha256, leaf_sha256 ? 32 : 0,
							     DBUS_TYPE_INVALID));

	return call_and_forget(cli, which, call);
}

int
mt_call_allow_cert(struct mt_cli *cli, const char *id, const uint8_t sha256[static 32],
		   const char *subject)
{
	const enum mt_call which = MT_CALL_ACCOUNT_ALLOW_CLIENT_CERTIFICATE;
	DBusMessage *call = mt_client_message(which, id);

	if (call)
		call = filled(call, dbus_message_append_args(call, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE,
							     &sha256, 32, DBUS_TYPE_STRING,
							     &subject, DBUS_TYPE_INVALID));

	return call_and_forget(cli, which, call);
}

int
mt_call_revoke_cert(struct mt_cli *cli, const char *id, const uint8_t sha256[static 32])
{
	const enum mt_call which = MT_CALL_ACCOUNT_REVOKE_CLIENT_CERTIFICATE;
	DBusMessage *call = mt_client_message(which, id);

	if (call)
		call = filled(call, dbus_message_append_args(call, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE,
							     &sha256, 32, DBUS_TYPE_INVALID));

	return call_and_forget(cli, which, call);
}

int
mt_call_plain(struct mt_cli *cli, const char *id, enum mt_call call)
{
	return call_and_forget(cli, call, mt_client_message(call, id));
}

int
mt_call_levels(struct mt_cli *cli, DBusMessage **ret_reply)
{
	return call_for_reply(cli, MT_CALL_MANAGER_LEVELS,
			      mt_client_message(MT_CALL_MANAGER_LEVELS, NULL),
			      MT_CLIENT_PATIENCE_USEC, ret_reply);
}

int
mt_call_status(struct mt_cli *cli, DBusMessage **ret_reply)
{
	return call_for_reply(cli, MT_CALL_MANAGER_STATUS,
			      mt_client_message(MT_CALL_MANAGER_STATUS, NULL),
			      MT_CLIENT_PATIENCE_USEC, ret_reply);
}

int
mt_call_get_srv(struct mt_cli *cli, const char *id, DBusMessage **ret_reply)
{
	return call_for_reply(cli, MT_CALL_ACCOUNT_GET_SRV,
			      mt_client_message(MT_CALL_ACCOUNT_GET_SRV, id),
			      MT_CLIENT_PATIENCE_USEC, ret_reply);
}

int
mt_call_properties(struct mt_cli *cli, const char *id, DBusMessage **ret_reply)
{
	DBusMessage *call = mt_client_message(MT_CALL_PROPERTIES_GET_ALL, id);
	const char *interface = mt_interfaces[MT_INTERFACE_ACCOUNT].name;

	if (call)
		call = filled(call, dbus_message_append_args(call, DBUS_TYPE_STRING, &interface,
							     DBUS_TYPE_INVALID));

	return call_for_reply(cli, MT_CALL_PROPERTIES_GET_ALL, call, MT_CLIENT_PATIENCE_USEC,
			      ret_reply);
}

/* The first argument of Probe's reply; the rest of it is for the log of whoever debugs. */
static int
read_leaf(DBusMessageIter *iter, uint8_t *ret_leaf)
{
	struct mt_evidence seen = {0};
	struct mt_diag diag = {0};
	int r = mt_codec_read_evidence(iter, &seen, &diag);

	if (ret_leaf)
		memcpy(ret_leaf, seen.leaf_sha256, sizeof(seen.leaf_sha256));
	mt_evidence_clear(&seen);
	return r;
}

int
mt_call_probe(struct mt_cli *cli, const char *id, enum mt_proto proto, struct mt_answer *ret,
	      uint8_t *ret_leaf)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	struct mt_check_reply said;
	struct mt_diag diag = {0};
	DBusMessageIter iter;
	int r = call_for_reply(cli, MT_CALL_ACCOUNT_PROBE,
			       service_call(id, MT_CALL_ACCOUNT_PROBE, proto),
			       MT_CLIENT_LONG_PATIENCE_USEC, &reply);

	*ret = (struct mt_answer){0};
	if (r)
		return r;

	dbus_message_iter_init(reply, &iter);
	if (read_leaf(&iter, ret_leaf))
		return -EBADMSG;
	return mt_codec_read_verdict(&iter, &said, &diag) ? -EBADMSG
							  : mt_answer_from_reply(&said, ret);
}

int
mt_call_resolve(struct mt_cli *cli, const char *id, enum mt_proto proto, DBusMessage **ret_reply)
{
	return call_for_reply(cli, MT_CALL_ACCOUNT_RESOLVE,
			      service_call(id, MT_CALL_ACCOUNT_RESOLVE, proto),
			      MT_CLIENT_PATIENCE_USEC, ret_reply);
}

int
mt_call_check_servers(struct mt_cli *cli, const char *id, DBusMessage **ret_reply)
{
	return call_for_reply(cli, MT_CALL_ACCOUNT_CHECK_SERVERS,
			      mt_client_message(MT_CALL_ACCOUNT_CHECK_SERVERS, id),
			      MT_CLIENT_LONG_PATIENCE_USEC, ret_reply);
}

int
mt_call_answer_offer(struct mt_cli *cli, const char *id, enum mt_call which, const char *offer,
		     DBusMessage **ret_reply)
{
	DBusMessage *call = mt_client_message(which, id);

	if (call)
		call = filled(call, dbus_message_append_args(call, DBUS_TYPE_STRING, &offer,
							     DBUS_TYPE_INVALID));

	return call_for_reply(cli, which, call, MT_CLIENT_LONG_PATIENCE_USEC, ret_reply);
}

int
mt_call_record(struct mt_cli *cli, const char *id, DBusMessage **ret_reply)
{
	return call_for_reply(cli, MT_CALL_ACCOUNT_GET_RECORD,
			      mt_client_message(MT_CALL_ACCOUNT_GET_RECORD, id),
			      MT_CLIENT_PATIENCE_USEC, ret_reply);
}

int
mt_call_subscribe(struct mt_cli *cli)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;

	return call_for_reply(cli, MT_CALL_MANAGER_SUBSCRIBE,
			      mt_client_message(MT_CALL_MANAGER_SUBSCRIBE, NULL),
			      MT_CLIENT_PATIENCE_USEC, &reply);
}
