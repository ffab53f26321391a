/* SPDX-License-Identifier: MIT */
/* Consents. */

#include <errno.h>
#include <string.h>

#include "policy/domain.h"

#include "ipc/codec-evidence.h"
#include "ipc/codec-internal.h"

static const uint8_t no_leaf[32];

static void
add_scope(struct mt_dict *dict, const struct mt_consent *consent)
{
	if (consent->proto != MT_PROTO_UNKNOWN)
		mt_dict_add_string(dict, "protocol", mt_proto_to_string(consent->proto));
	if (consent->host[0])
		mt_dict_add_string(dict, "host", consent->host);
	if (consent->port)
		mt_dict_add_u16(dict, "port", consent->port);
	if (memcmp(consent->leaf_sha256, no_leaf, sizeof(no_leaf)) != 0)
		mt_dict_add_bytes(dict, "leaf_sha256", (struct mt_bytes){consent->leaf_sha256, 32});
	mt_dict_add_u32(dict, "text_version", consent->text_version);
}

int
mt_codec_append_consent_scope(DBusMessageIter *iter, const struct mt_consent *consent)
{
	struct mt_dict dict;

	mt_dict_open(&dict, iter);
	add_scope(&dict, consent);
	return mt_dict_close(&dict);
}

static int
read_protocol(DBusMessageIter *value, struct mt_consent *ret)
{
	const char *text;

	if (!mt_codec_read_string(value, &text))
		return MT_CODEC_E_TYPE;

	return mt_proto_from_string(text, &ret->proto) ? MT_CODEC_E_VALUE : 0;
}

static int
read_host(DBusMessageIter *value, struct mt_consent *ret)
{
	const char *text;

	if (!mt_codec_read_string(value, &text))
		return MT_CODEC_E_TYPE;

	return mt_host_normalise(text, strlen(text), ret->host) ? MT_CODEC_E_VALUE : 0;
}

static int
read_port(DBusMessageIter *value, struct mt_consent *ret)
{
	if (dbus_message_iter_get_arg_type(value) != DBUS_TYPE_UINT16)
		return MT_CODEC_E_TYPE;

	dbus_message_iter_get_basic(value, &ret->port);
	return ret->port ? 0 : MT_CODEC_E_VALUE;
}

static int
read_leaf(DBusMessageIter *value, struct mt_consent *ret)
{
	struct mt_bytes bytes;

	if (!mt_codec_read_bytes(value, &bytes))
		return MT_CODEC_E_TYPE;
	if (bytes.size != sizeof(ret->leaf_sha256))
		return MT_CODEC_E_VALUE;

	memcpy(ret->leaf_sha256, bytes.data, bytes.size);
	return 0;
}

static int
read_text_version(DBusMessageIter *value, struct mt_consent *ret)
{
	if (dbus_message_iter_get_arg_type(value) != DBUS_TYPE_UINT32)
		return MT_CODEC_E_TYPE;

	dbus_message_iter_get_basic(value, &ret->text_version);
	return 0;
}

static const struct {
	const char *name;
	int (*read)(DBusMessageIter *value, struct mt_consent *ret);
} scope[] = {
	{"protocol", read_protocol},
	{"host", read_host},
	{"port", read_port},
	{"leaf_sha256", read_leaf},
	{"text_version", read_text_version},
};

int
mt_codec_read_consent_scope(DBusMessageIter *iter, enum mt_consent_kind kind,
			    struct mt_consent *ret, struct mt_diag *diag)
{
	struct mt_consent consent = {.kind = kind};
	DBusMessageIter dict, value;
	unsigned int seen = 0;
	const char *name = "";
	int r = 0;

	dbus_message_iter_recurse(iter, &dict);
	while (r == 0 && mt_codec_next_entry(&dict, &name, &value)) {
		size_t i = 0;

		while (i < MT_ARRAY_SIZE(scope) && strcmp(scope[i].name, name) != 0)
			i++;
		if (i == MT_ARRAY_SIZE(scope))
			r = MT_CODEC_E_UNKNOWN_KEY;
		else if (seen & (1u << i))
			r = MT_CODEC_E_DUPLICATE_KEY;
		else
			r = scope[i].read(&value, &consent);
		seen |= 1u << i;
	}
	dbus_message_iter_next(iter);
	if (r)
		return mt_codec_complain(diag, r, name, mt_codec_explain(r));
	/* D-SYS-07: what was agreed to is named, neither less nor more than the kind is bound to */
	if (!mt_consent_is_well_formed(&consent))
		return mt_codec_complain(diag, MT_CODEC_E_VALUE, "scope",
					 "does not name what this kind of consent is bound to");

	*ret = consent;
	return 0;
}

int
mt_codec_append_consent(DBusMessageIter *iter, const struct mt_consent *consent)
{
	struct mt_dict dict;

	mt_dict_open(&dict, iter);
	mt_dict_add_string(&dict, "kind", mt_consent_kind_to_string(consent->kind));
	add_scope(&dict, consent);
	mt_dict_add_time(&dict, "given_at", consent->given_at_usec);
	if (consent->expires_usec != INT64_MAX)
		mt_dict_add_time(&dict, "expires", consent->expires_usec);
	return mt_dict_close(&dict);
}
