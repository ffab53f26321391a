/* SPDX-License-Identifier: MIT */
/* Evidence onto the bus. */

#include "clients/lib/evidence-message.h"

#include <errno.h>
#include <string.h>

/* D-Bus types of the keys' values. */
static const char *const signatures[] = {
	[MT_EV_TYPE_BOOL] = "b",    [MT_EV_TYPE_U16] = "q",       [MT_EV_TYPE_U32] = "u",
	[MT_EV_TYPE_TIME] = "x",    [MT_EV_TYPE_TEXT] = "s",      [MT_EV_TYPE_HOST] = "s",
	[MT_EV_TYPE_PROTO] = "s",   [MT_EV_TYPE_TRANSPORT] = "s", [MT_EV_TYPE_VERSION] = "s",
	[MT_EV_TYPE_DIGEST] = "ay", [MT_EV_TYPE_BYTES] = "ay",    [MT_EV_TYPE_STAPLE] = "ay",
	[MT_EV_TYPE_CHAIN] = "aay",
};

static bool
append_bytes(DBusMessageIter *iter, struct mt_bytes bytes)
{
	DBusMessageIter array;

	return dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "y", &array) &&
	       dbus_message_iter_append_fixed_array(&array, DBUS_TYPE_BYTE, &bytes.data,
						    (int)bytes.size) &&
	       dbus_message_iter_close_container(iter, &array);
}

static bool
append_text(DBusMessageIter *iter, const char *text)
{
	return dbus_message_iter_append_basic(iter, DBUS_TYPE_STRING, &text);
}

static bool
append_chain(DBusMessageIter *iter, const struct mt_evidence *evidence)
{
	DBusMessageIter array;

	if (!dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "ay", &array))
		return false;
	for (size_t i = 0; i < evidence->n_chain; i++)
		if (!append_bytes(&array, evidence->chain[i]))
			return false;

	return dbus_message_iter_close_container(iter, &array);
}

static bool
append_value(DBusMessageIter *iter, const struct mt_evidence_key *key,
	     const struct mt_evidence *evidence)
{
	const uint8_t *field = (const uint8_t *)evidence + key->offset;
	dbus_bool_t flag;
	size_t size;

	switch (key->type) {
	case MT_EV_TYPE_BOOL:
		flag = *(const bool *)field;
		return dbus_message_iter_append_basic(iter, DBUS_TYPE_BOOLEAN, &flag);
	case MT_EV_TYPE_U16:
	case MT_EV_TYPE_U32:
	case MT_EV_TYPE_TIME:
		return dbus_message_iter_append_basic(iter, signatures[key->type][0], field);
	case MT_EV_TYPE_TEXT:
	case MT_EV_TYPE_HOST:
		return append_text(iter, (const char *)field);
	case MT_EV_TYPE_PROTO:
		return append_text(iter, mt_proto_to_string(evidence->proto));
	case MT_EV_TYPE_TRANSPORT:
		return append_text(iter, mt_transport_to_string(evidence->transport));
	case MT_EV_TYPE_VERSION:
		return append_text(iter, mt_tls_version_to_string(evidence->tls_version));
	case MT_EV_TYPE_DIGEST:
		return append_bytes(iter, (struct mt_bytes){field, 32});
	case MT_EV_TYPE_BYTES:
		memcpy(&size, (const uint8_t *)evidence + key->size_offset, sizeof(size));
		/* the exporter has one size, and no count beside it */
		return append_bytes(iter,
				    (struct mt_bytes){field, key->size_offset ? size : key->size});
	case MT_EV_TYPE_STAPLE:
		return append_bytes(iter, evidence->staple);
	case MT_EV_TYPE_CHAIN:
		return append_chain(iter, evidence);
	}
	return false;
}

static bool
append_entry(DBusMessageIter *dict, const struct mt_evidence_key *key,
	     const struct mt_evidence *evidence)
{
	DBusMessageIter entry, variant;

	return dbus_message_iter_open_container(dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry) &&
	       append_text(&entry, key->name) &&
	       dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, signatures[key->type],
						&variant) &&
	       append_value(&variant, key, evidence) &&
	       dbus_message_iter_close_container(&entry, &variant) &&
	       dbus_message_iter_close_container(dict, &entry);
}

int
mt_evidence_append(DBusMessageIter *iter, const struct mt_evidence *evidence)
{
	DBusMessageIter dict;

	if (!dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "{sv}", &dict))
		return -ENOMEM;
	for (size_t i = 0; i < MT_EV_COUNT; i++)
		if (mt_evidence_has(evidence, (enum mt_ev)i) &&
		    !append_entry(&dict, &mt_evidence_keys[i], evidence))
			return -ENOMEM;

	return dbus_message_iter_close_container(iter, &dict) ? 0 : -ENOMEM;
}

int
mt_dict_append_bytes(DBusMessageIter *dict, const char *key, struct mt_bytes bytes)
{
	DBusMessageIter entry, variant;

	return dbus_message_iter_open_container(dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry) &&
			       append_text(&entry, key) &&
			       dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, "ay",
								&variant) &&
			       append_bytes(&variant, bytes) &&
			       dbus_message_iter_close_container(&entry, &variant) &&
			       dbus_message_iter_close_container(dict, &entry)
		       ? 0
		       : -ENOMEM;
}
