/* SPDX-License-Identifier: MIT */
/*
 * Evidence on the bus, driven by mt_evidence_keys[].
 *
 * Two passes: the first checks and copies what is plain and only notes where chain and staple are,
 * the second copies these into one block. So a message that is refused at its last key has cost no
 * allocation, and one that is accepted costs one.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "policy/domain.h"

#include "ipc/codec-evidence.h"
#include "ipc/codec-internal.h"

static const char *const signatures[] = {
	[MT_EV_TYPE_BOOL] = "b",    [MT_EV_TYPE_U16] = "q",       [MT_EV_TYPE_U32] = "u",
	[MT_EV_TYPE_TIME] = "x",    [MT_EV_TYPE_TEXT] = "s",      [MT_EV_TYPE_HOST] = "s",
	[MT_EV_TYPE_PROTO] = "s",   [MT_EV_TYPE_TRANSPORT] = "s", [MT_EV_TYPE_VERSION] = "s",
	[MT_EV_TYPE_DIGEST] = "ay", [MT_EV_TYPE_BYTES] = "ay",    [MT_EV_TYPE_STAPLE] = "ay",
	[MT_EV_TYPE_CHAIN] = "aay",
};

/* Setters: shared with JSON */

/* Evidence ends in logs and tokens: printable ASCII only. */
static int
set_text(char *field, size_t size, const char *text, size_t length)
{
	if (length == 0 || length >= size)
		return MT_CODEC_E_VALUE;
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return MT_CODEC_E_VALUE;

	memcpy(field, text, length);
	field[length] = '\0';
	return 0;
}

int
mt_codec_set_string(struct mt_evidence *ev, const struct mt_evidence_key *key, const char *text,
		    size_t length)
{
	char *field = (char *)ev + key->offset;

	if (memchr(text, '\0', length))
		return MT_CODEC_E_VALUE;
	switch (key->type) {
	case MT_EV_TYPE_TEXT:
		return set_text(field, key->size, text, length);
	case MT_EV_TYPE_HOST:
		return mt_host_normalise(text, length, field) ? MT_CODEC_E_VALUE : 0;
	case MT_EV_TYPE_PROTO:
		return mt_proto_from_string(text, &ev->proto) ? MT_CODEC_E_VALUE : 0;
	case MT_EV_TYPE_TRANSPORT:
		return mt_transport_from_string(text, &ev->transport) ? MT_CODEC_E_VALUE : 0;
	case MT_EV_TYPE_VERSION:
		return mt_tls_version_from_string(text, &ev->tls_version) ? MT_CODEC_E_VALUE : 0;
	default:
		return MT_CODEC_E_TYPE;
	}
}

int
mt_codec_set_bytes(struct mt_evidence *ev, const struct mt_evidence_key *key, struct mt_bytes value)
{
	uint8_t *field = (uint8_t *)ev + key->offset;
	bool is_counted = key->type == MT_EV_TYPE_BYTES && key->size_offset;
	size_t size = key->type == MT_EV_TYPE_DIGEST ? 32 : key->size;

	/* bytes without a count beside them have exactly one size, as a digest has */
	if (value.size == 0 || value.size > size || (!is_counted && value.size != size))
		return MT_CODEC_E_VALUE;

	memcpy(field, value.data, value.size);
	if (is_counted)
		memcpy((uint8_t *)ev + key->size_offset, &value.size, sizeof(value.size));
	return 0;
}

/* D-PKIX-09: too much is a fact to be judged, not an error; it is just not kept. */
int
mt_codec_note_certificate(struct mt_evidence *ev, size_t *total, struct mt_bytes der)
{
	if (der.size == 0)
		return MT_CODEC_E_VALUE;
	if (ev->n_chain == MT_CHAIN_MAX || der.size > MT_CHAIN_BYTES_MAX - *total) {
		ev->chain_oversized = true;
		ev->n_chain = 0;
		*total = 0;
		return 0;
	}
	ev->chain[ev->n_chain++] = der;
	*total += der.size;
	return 0;
}

/* The digest of the leaf, unless one was stated: then it must agree. */
static int
set_leaf(struct mt_evidence *ev, struct mt_diag *diag)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int size;

	if (EVP_Digest(ev->chain[0].data, ev->chain[0].size, digest, &size, EVP_sha256(), NULL) !=
	    1)
		return -ENOMEM;
	if (mt_evidence_has(ev, MT_EV_LEAF_SHA256) && memcmp(ev->leaf_sha256, digest, 32) != 0)
		return mt_codec_complain(diag, MT_CODEC_E_VALUE, "leaf_sha256",
					 "is not the digest of the first certificate of the chain");

	memcpy(ev->leaf_sha256, digest, 32);
	return 0;
}

int
mt_codec_keep_bytes(struct mt_evidence *ev, struct mt_diag *diag)
{
	size_t total = ev->staple.size;
	uint8_t *at;

	for (size_t i = 0; i < ev->n_chain; i++)
		total += ev->chain[i].size;
	if (total == 0)
		return 0;

	at = malloc(total);
	if (!at)
		return -ENOMEM;
	ev->chain_bytes = at;
	ev->chain_size = total;
	for (size_t i = 0; i < ev->n_chain; i++) {
		memcpy(at, ev->chain[i].data, ev->chain[i].size);
		ev->chain[i].data = at;
		at += ev->chain[i].size;
	}
	if (ev->staple.size > 0) {
		memcpy(at, ev->staple.data, ev->staple.size);
		ev->staple.data = at;
	}
	return ev->n_chain > 0 ? set_leaf(ev, diag) : 0;
}

/* Append */

/* A chain that was too much to keep is told as one that is too long: the reader notes the same. */
static int
append_chain(DBusMessageIter *variant, const struct mt_evidence *ev)
{
	static const uint8_t nothing[1];
	size_t n = ev->chain_oversized ? MT_CHAIN_MAX + 1 : ev->n_chain;
	DBusMessageIter array;
	int r = 0;

	if (!dbus_message_iter_open_container(variant, DBUS_TYPE_ARRAY, "ay", &array))
		return -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++)
		r = mt_codec_append_bytes(
			&array, ev->chain_oversized ? (struct mt_bytes){nothing, 1} : ev->chain[i]);
	if (r == 0 && dbus_message_iter_close_container(variant, &array))
		return 0;

	dbus_message_iter_abandon_container_if_open(variant, &array);
	return -ENOMEM;
}

static bool
append_value(DBusMessageIter *variant, const struct mt_evidence_key *key,
	     const struct mt_evidence *ev)
{
	const uint8_t *field = (const uint8_t *)ev + key->offset;
	dbus_bool_t flag;
	size_t size = key->size;

	switch (key->type) {
	case MT_EV_TYPE_BOOL:
		flag = *(const bool *)field;
		return dbus_message_iter_append_basic(variant, DBUS_TYPE_BOOLEAN, &flag);
	case MT_EV_TYPE_U16:
	case MT_EV_TYPE_U32:
	case MT_EV_TYPE_TIME:
		return dbus_message_iter_append_basic(variant, signatures[key->type][0], field);
	case MT_EV_TYPE_TEXT:
	case MT_EV_TYPE_HOST:
		return mt_codec_append_string(variant, (const char *)field) == 0;
	case MT_EV_TYPE_PROTO:
		return mt_codec_append_string(variant, mt_proto_to_string(ev->proto)) == 0;
	case MT_EV_TYPE_TRANSPORT:
		return mt_codec_append_string(variant, mt_transport_to_string(ev->transport)) == 0;
	case MT_EV_TYPE_VERSION:
		return mt_codec_append_string(variant, mt_tls_version_to_string(ev->tls_version)) ==
		       0;
	case MT_EV_TYPE_DIGEST:
		return mt_codec_append_bytes(variant, (struct mt_bytes){field, 32}) == 0;
	case MT_EV_TYPE_BYTES:
		if (key->size_offset)
			memcpy(&size, (const uint8_t *)ev + key->size_offset, sizeof(size));
		return mt_codec_append_bytes(variant, (struct mt_bytes){field, size}) == 0;
	case MT_EV_TYPE_STAPLE:
		return mt_codec_append_bytes(variant, ev->staple) == 0;
	case MT_EV_TYPE_CHAIN:
		return append_chain(variant, ev) == 0;
	}
	return false;
}

int
mt_codec_append_evidence(DBusMessageIter *iter, const struct mt_evidence *evidence)
{
	DBusMessageIter entry, variant;
	struct mt_dict dict;

	mt_dict_open(&dict, iter);
	for (size_t i = 0; i < MT_EV_COUNT; i++) {
		const struct mt_evidence_key *key = &mt_evidence_keys[i];

		if (!mt_evidence_has(evidence, (enum mt_ev)i) ||
		    !mt_dict_begin_value(&dict, key->name, signatures[key->type], &entry, &variant))
			continue;
		mt_dict_end_value(&dict, &entry, &variant, append_value(&variant, key, evidence));
	}
	return mt_dict_close(&dict);
}

/* Read */

static int
read_chain(DBusMessageIter *value, struct mt_evidence *ev)
{
	DBusMessageIter array;
	struct mt_bytes der;
	size_t total = 0;
	int r = 0;

	dbus_message_iter_recurse(value, &array);
	if (dbus_message_iter_get_arg_type(&array) != DBUS_TYPE_ARRAY)
		return MT_CODEC_E_VALUE;
	while (r == 0 && !ev->chain_oversized && mt_codec_read_bytes(&array, &der)) {
		r = mt_codec_note_certificate(ev, &total, der);
		dbus_message_iter_next(&array);
	}
	return r;
}

static bool
is_of_type(DBusMessageIter *value, const struct mt_evidence_key *key)
{
	const char *signature = signatures[key->type];
	DBusMessageIter array;

	if (dbus_message_iter_get_arg_type(value) != signature[0])
		return false;
	if (signature[0] != DBUS_TYPE_ARRAY)
		return true;
	if (dbus_message_iter_get_element_type(value) != signature[1])
		return false;
	if (key->type != MT_EV_TYPE_CHAIN)
		return true;

	dbus_message_iter_recurse(value, &array);
	/* an empty array does not say what its elements would have been */
	return dbus_message_iter_get_arg_type(&array) == DBUS_TYPE_INVALID ||
	       dbus_message_iter_get_element_type(&array) == DBUS_TYPE_BYTE;
}

static int
read_value(DBusMessageIter *value, const struct mt_evidence_key *key, struct mt_evidence *ev)
{
	struct mt_bytes bytes;
	dbus_bool_t flag;
	const char *text;

	if (!is_of_type(value, key))
		return MT_CODEC_E_TYPE;
	switch (key->type) {
	case MT_EV_TYPE_BOOL:
		dbus_message_iter_get_basic(value, &flag);
		*(bool *)((uint8_t *)ev + key->offset) = flag;
		return 0;
	case MT_EV_TYPE_U16:
	case MT_EV_TYPE_U32:
	case MT_EV_TYPE_TIME:
		/* the type was compared, so the size is that of the field */
		dbus_message_iter_get_basic(value, (uint8_t *)ev + key->offset);
		return 0;
	case MT_EV_TYPE_TEXT:
	case MT_EV_TYPE_HOST:
	case MT_EV_TYPE_PROTO:
	case MT_EV_TYPE_TRANSPORT:
	case MT_EV_TYPE_VERSION:
		dbus_message_iter_get_basic(value, &text);
		return mt_codec_set_string(ev, key, text, strlen(text));
	case MT_EV_TYPE_DIGEST:
	case MT_EV_TYPE_BYTES:
		(void)mt_codec_read_bytes(value, &bytes);
		return mt_codec_set_bytes(ev, key, bytes);
	case MT_EV_TYPE_STAPLE:
		(void)mt_codec_read_bytes(value, &ev->staple);
		return ev->staple.size == 0 || ev->staple.size > MT_STAPLE_MAX ? MT_CODEC_E_VALUE
									       : 0;
	case MT_EV_TYPE_CHAIN:
		return read_chain(value, ev);
	}
	return MT_CODEC_E_TYPE;
}

const char *
mt_codec_explain(int outcome)
{
	switch (outcome) {
	case MT_CODEC_E_UNKNOWN_KEY:
		return "is not a key of the contract";
	case MT_CODEC_E_DUPLICATE_KEY:
		return "is there twice";
	case MT_CODEC_E_TYPE:
		return "has a value of another type";
	case MT_CODEC_E_NOT_FOR_YOU:
		return "is for the organisation's policy only";
	default:
		return "has a value that is malformed or out of range";
	}
}

/* Keys usually come in the order of the table, so the search goes on where the last one ended. */
static int
find_key(const char *name, size_t guess)
{
	for (size_t n = 0; n < MT_EV_COUNT; n++) {
		size_t i = (guess + n) % MT_EV_COUNT;

		if (strcmp(mt_evidence_keys[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

static int
read_entries(DBusMessageIter *dict, struct mt_evidence *ev, struct mt_diag *diag)
{
	DBusMessageIter value;
	const char *name;
	int i = -1, r;

	/* ends at the first key that is unknown or there twice, so after MT_EV_COUNT + 1 at most */
	while (mt_codec_next_entry(dict, &name, &value)) {
		i = find_key(name, (size_t)(i + 1));
		if (i < 0)
			r = MT_CODEC_E_UNKNOWN_KEY;
		else if (mt_evidence_has(ev, (enum mt_ev)i))
			r = MT_CODEC_E_DUPLICATE_KEY;
		else
			r = read_value(&value, &mt_evidence_keys[i], ev);
		if (r)
			return mt_codec_complain(diag, r, name, mt_codec_explain(r));

		ev->present |= MT_BIT(i);
	}
	return 0;
}

int
mt_codec_read_evidence(DBusMessageIter *iter, struct mt_evidence *ret, struct mt_diag *diag)
{
	DBusMessageIter dict;
	int r;

	memset(ret, 0, sizeof(*ret));
	dbus_message_iter_recurse(iter, &dict);
	r = read_entries(&dict, ret, diag);
	if (r == 0)
		r = mt_codec_keep_bytes(ret, diag);
	dbus_message_iter_next(iter);
	if (r)
		mt_evidence_clear(ret);

	return r;
}
