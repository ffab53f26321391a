/* SPDX-License-Identifier: MIT */
/* Options and reply of Check. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/codec-evidence.h"
#include "ipc/codec-internal.h"

/* Options */

static const char *const phases[] = {
	[MT_PHASE_FINAL] = "final",
	[MT_PHASE_HANDSHAKE] = "handshake",
};

void
mt_check_options_clear(struct mt_check_options *options)
{
	free(options->request);
	*options = (struct mt_check_options){0};
}

int
mt_codec_append_check_options(DBusMessageIter *iter, const struct mt_check_options *options)
{
	DBusMessageIter entry, variant;
	struct mt_dict dict;

	mt_dict_open(&dict, iter);
	mt_dict_add_string(&dict, "phase", phases[options->phase]);
	if (options->nonce_size > 0)
		mt_dict_add_bytes(&dict, "nonce",
				  (struct mt_bytes){options->nonce, options->nonce_size});
	if (options->request && mt_dict_begin_value(&dict, "request", "a{ss}", &entry, &variant))
		mt_dict_end_value(&dict, &entry, &variant,
				  mt_codec_append_minimum(&variant, options->request) == 0);
	return mt_dict_close(&dict);
}

static int
read_phase(DBusMessageIter *value, struct mt_check_options *ret)
{
	const char *text;

	if (!mt_codec_read_string(value, &text))
		return MT_CODEC_E_TYPE;
	for (size_t i = 0; i < MT_ARRAY_SIZE(phases); i++) {
		if (strcmp(phases[i], text) == 0) {
			ret->phase = (enum mt_phase)i;
			return 0;
		}
	}
	return MT_CODEC_E_VALUE;
}

static int
read_nonce(DBusMessageIter *value, struct mt_check_options *ret)
{
	struct mt_bytes bytes;

	if (!mt_codec_read_bytes(value, &bytes))
		return MT_CODEC_E_TYPE;
	if (bytes.size == 0 || bytes.size > sizeof(ret->nonce))
		return MT_CODEC_E_VALUE;

	memcpy(ret->nonce, bytes.data, bytes.size);
	ret->nonce_size = bytes.size;
	return 0;
}

static bool
is_dictionary_of_text(DBusMessageIter *value)
{
	char *signature = dbus_message_iter_get_signature(value);
	bool is = signature && strcmp(signature, "a{ss}") == 0;

	dbus_free(signature);
	return is;
}

/* *ret_explained: the diag is written by whoever reads the fields. */
static int
read_request(DBusMessageIter *value, struct mt_check_options *ret, struct mt_diag *diag,
	     bool *ret_explained)
{
	if (!is_dictionary_of_text(value))
		return MT_CODEC_E_TYPE;

	ret->request = calloc(1, sizeof(*ret->request));
	if (!ret->request)
		return -ENOMEM;
	*ret_explained = true;
	return mt_codec_read_minimum(value, false, ret->request, diag);
}

int
mt_codec_read_check_options(DBusMessageIter *iter, struct mt_check_options *ret,
			    struct mt_diag *diag)
{
	static const char *const names[] = {"phase", "nonce", "request"};
	DBusMessageIter dict, value;
	unsigned int seen = 0;
	const char *name = "";
	bool explained = false;
	int r = 0;

	*ret = (struct mt_check_options){0};
	dbus_message_iter_recurse(iter, &dict);
	while (r == 0 && mt_codec_next_entry(&dict, &name, &value)) {
		size_t i = 0;

		while (i < MT_ARRAY_SIZE(names) && strcmp(names[i], name) != 0)
			i++;
		if (i == MT_ARRAY_SIZE(names))
			r = MT_CODEC_E_UNKNOWN_KEY;
		else if (seen & (1u << i))
			r = MT_CODEC_E_DUPLICATE_KEY;
		else if (i == 0)
			r = read_phase(&value, ret);
		else if (i == 1)
			r = read_nonce(&value, ret);
		else
			r = read_request(&value, ret, diag, &explained);
		seen |= 1u << i;
	}
	dbus_message_iter_next(iter);
	if (r > 0 && !explained)
		(void)mt_codec_complain(diag, r, name, mt_codec_explain(r));
	if (r)
		mt_check_options_clear(ret);

	return r;
}

/* Reply */

static const char *const provenances[] = {
	[MT_PROVENANCE_ASSERTED] = "asserted",
	[MT_PROVENANCE_ATTESTED] = "attested",
};

int
mt_codec_append_verdict(DBusMessageIter *iter, enum mt_decision decision, bool conf,
			const enum mt_reason *reasons, size_t n)
{
	const char *codes[MT_REASONS_MAX];
	dbus_bool_t flag = conf;
	int r;

	assert(n <= MT_REASONS_MAX);
	for (size_t i = 0; i < n; i++)
		codes[i] = mt_reason_to_string(reasons[i]);
	r = mt_codec_append_string(iter, mt_decision_to_string(decision));
	if (r == 0 && !dbus_message_iter_append_basic(iter, DBUS_TYPE_BOOLEAN, &flag))
		r = -ENOMEM;
	return r ? r : mt_codec_append_strings(iter, codes, n);
}

static int
read_reasons(DBusMessageIter *iter, struct mt_check_reply *ret, struct mt_diag *diag)
{
	DBusMessageIter array;
	const char *text;

	dbus_message_iter_recurse(iter, &array);
	while (mt_codec_read_string(&array, &text)) {
		if (ret->n_reasons == MT_REASONS_MAX)
			return mt_codec_complain(diag, MT_CODEC_E_VALUE, "reasons", "are too many");
		if (mt_reason_from_string(text, &ret->reasons[ret->n_reasons]))
			ret->unknown_reason = true;
		else
			ret->n_reasons++;
		dbus_message_iter_next(&array);
	}
	dbus_message_iter_next(iter);
	return 0;
}

int
mt_codec_read_verdict(DBusMessageIter *iter, struct mt_check_reply *ret, struct mt_diag *diag)
{
	dbus_bool_t flag;
	int r = 0;

	*ret = (struct mt_check_reply){.token = ""};
	if (mt_decision_from_string(mt_codec_take_string(iter), &ret->decision))
		r = mt_codec_complain(diag, MT_CODEC_E_VALUE, "decision", "is none");
	if (r == 0) {
		dbus_message_iter_get_basic(iter, &flag);
		dbus_message_iter_next(iter);
		ret->conf = flag;
		r = read_reasons(iter, ret, diag);
	}
	if (r)
		*ret = (struct mt_check_reply){.token = ""};
	/* reason codes are a closed list: what we do not know may well forbid it */
	if (ret->unknown_reason) {
		ret->decision = MT_DECISION_DENY;
		ret->conf = false;
	}
	return r;
}

static void
add_missing(struct mt_dict *dict, uint64_t missing)
{
	const char *names[MT_EV_COUNT];
	size_t n = 0;

	for (size_t i = 0; i < MT_EV_COUNT; i++)
		if (missing & MT_BIT(i))
			names[n++] = mt_evidence_keys[i].name;
	mt_dict_add_strings(dict, "missing", names, n);
}

int
mt_codec_append_check_reply(DBusMessageIter *iter, const struct mt_check_reply *reply)
{
	struct mt_dict detail;
	int r;

	r = mt_codec_append_verdict(iter, reply->decision, reply->conf, reply->reasons,
				    reply->n_reasons);
	if (r == 0)
		r = mt_codec_append_string(iter, reply->token);
	if (r)
		return r;

	mt_dict_open(&detail, iter);
	mt_dict_add_string(&detail, "layer", mt_layer_to_string(reply->layer));
	mt_dict_add_string(&detail, "provenance", provenances[reply->provenance]);
	mt_dict_add_u64(&detail, "policy-epoch", reply->epoch);
	if (reply->dane_absent)
		mt_dict_add_bool(&detail, "dane-absent", true);
	if (reply->expires_usec != 0)
		mt_dict_add_time(&detail, "expires-at", reply->expires_usec);
	if (reply->missing)
		add_missing(&detail, reply->missing);
	if (reply->contradiction)
		mt_dict_add_string(&detail, "contradiction", reply->contradiction);
	if (reply->has_client_certificate)
		mt_dict_add_bytes(&detail, "client-certificate",
				  (struct mt_bytes){reply->client_certificate, 32});
	if (reply->has_consent)
		mt_dict_add_string(&detail, "consent", mt_consent_kind_to_string(reply->consent));
	return mt_dict_close(&detail);
}

/* Readers of the detail's entries. Each leaves its field alone where the value has another form. */

static int
read_layer(DBusMessageIter *value, struct mt_check_reply *ret)
{
	const char *text;

	if (!mt_codec_read_string(value, &text))
		return MT_CODEC_E_TYPE;
	for (int i = 0; i < MT_LAYER_COUNT; i++) {
		if (strcmp(mt_layer_to_string((enum mt_layer)i), text) == 0) {
			ret->layer = (enum mt_layer)i;
			return 0;
		}
	}
	return MT_CODEC_E_VALUE;
}

static int
read_provenance(DBusMessageIter *value, struct mt_check_reply *ret)
{
	const char *text;

	if (!mt_codec_read_string(value, &text))
		return MT_CODEC_E_TYPE;
	ret->provenance = strcmp(text, provenances[MT_PROVENANCE_ATTESTED]) == 0
				  ? MT_PROVENANCE_ATTESTED
				  : MT_PROVENANCE_ASSERTED;
	return 0;
}

static int
read_epoch(DBusMessageIter *value, struct mt_check_reply *ret)
{
	if (dbus_message_iter_get_arg_type(value) != DBUS_TYPE_UINT64)
		return MT_CODEC_E_TYPE;

	dbus_message_iter_get_basic(value, &ret->epoch);
	return 0;
}

static int
read_dane_absent(DBusMessageIter *value, struct mt_check_reply *ret)
{
	dbus_bool_t flag;

	if (dbus_message_iter_get_arg_type(value) != DBUS_TYPE_BOOLEAN)
		return MT_CODEC_E_TYPE;

	dbus_message_iter_get_basic(value, &flag);
	ret->dane_absent = flag;
	return 0;
}

static int
read_expires(DBusMessageIter *value, struct mt_check_reply *ret)
{
	if (dbus_message_iter_get_arg_type(value) != DBUS_TYPE_INT64)
		return MT_CODEC_E_TYPE;

	dbus_message_iter_get_basic(value, &ret->expires_usec);
	return 0;
}

static int
read_missing(DBusMessageIter *value, struct mt_check_reply *ret)
{
	DBusMessageIter array;
	const char *name;
	int key;

	if (dbus_message_iter_get_arg_type(value) != DBUS_TYPE_ARRAY ||
	    dbus_message_iter_get_element_type(value) != DBUS_TYPE_STRING)
		return MT_CODEC_E_TYPE;

	dbus_message_iter_recurse(value, &array);
	while (mt_codec_read_string(&array, &name)) {
		key = mt_evidence_key_find(name);
		if (key >= 0)
			ret->missing |= MT_BIT(key);
		dbus_message_iter_next(&array);
	}
	return 0;
}

static int
read_contradiction(DBusMessageIter *value, struct mt_check_reply *ret)
{
	return mt_codec_read_string(value, &ret->contradiction) ? 0 : MT_CODEC_E_TYPE;
}

static int
read_client_certificate(DBusMessageIter *value, struct mt_check_reply *ret)
{
	struct mt_bytes bytes;

	if (!mt_codec_read_bytes(value, &bytes))
		return MT_CODEC_E_TYPE;
	if (bytes.size != sizeof(ret->client_certificate))
		return MT_CODEC_E_VALUE;

	memcpy(ret->client_certificate, bytes.data, bytes.size);
	ret->has_client_certificate = true;
	return 0;
}

static int
read_consent(DBusMessageIter *value, struct mt_check_reply *ret)
{
	const char *text;

	if (!mt_codec_read_string(value, &text))
		return MT_CODEC_E_TYPE;
	if (mt_consent_kind_from_string(text, &ret->consent))
		return MT_CODEC_E_VALUE;

	ret->has_consent = true;
	return 0;
}

static const struct {
	const char *name;
	int (*read)(DBusMessageIter *value, struct mt_check_reply *ret);
} details[] = {
	{"layer", read_layer},
	{"provenance", read_provenance},
	{"policy-epoch", read_epoch},
	{"dane-absent", read_dane_absent},
	{"expires-at", read_expires},
	{"missing", read_missing},
	{"contradiction", read_contradiction},
	{"client-certificate", read_client_certificate},
	{"consent", read_consent},
};

static int
read_detail(DBusMessageIter *iter, struct mt_check_reply *ret, struct mt_diag *diag)
{
	DBusMessageIter dict, value;
	const char *name;
	int r;

	dbus_message_iter_recurse(iter, &dict);
	while (mt_codec_next_entry(&dict, &name, &value)) {
		for (size_t i = 0; i < MT_ARRAY_SIZE(details); i++) {
			if (strcmp(details[i].name, name) != 0)
				continue;
			r = details[i].read(&value, ret);
			if (r)
				return mt_codec_complain(diag, r, name, mt_codec_explain(r));
		}
	}
	return 0;
}

int
mt_codec_read_check_reply(DBusMessageIter *iter, struct mt_check_reply *ret, struct mt_diag *diag)
{
	int r = mt_codec_read_verdict(iter, ret, diag);

	if (r == 0) {
		ret->token = mt_codec_take_string(iter);
		r = read_detail(iter, ret, diag);
	}
	if (r)
		*ret = (struct mt_check_reply){.token = ""};

	return r;
}
