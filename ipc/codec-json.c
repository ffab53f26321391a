/* SPDX-License-Identifier: MIT */
/* Evidence and policy fields in JSON, driven by the same tables as on the bus. */

#include "ipc/codec-json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/codec-evidence.h"
#include "ipc/codec-internal.h"
#include "ipc/text.h"

/* Evidence */

/* Values */

static json_t *
value_of_chain(const struct mt_evidence *ev)
{
	MT_CLEANUP(mt_json_decrefp) json_t *array = json_array();

	for (size_t i = 0; array && i < ev->n_chain; i++) {
		char *text = mt_base64_encode(ev->chain[i]);
		int r = text ? json_array_append_new(array, json_string(text)) : -1;

		free(text);
		if (r)
			return NULL;
	}
	return mt_steal(&array);
}

static json_t *
value_of_hex(const uint8_t *data, size_t size)
{
	char text[2 * MT_CB_MAX + 1];

	mt_hex_encode(data, size, text);
	return json_string(text);
}

static json_t *
value_of_base64(struct mt_bytes bytes)
{
	char *text = mt_base64_encode(bytes);
	json_t *value = text ? json_string(text) : NULL;

	free(text);
	return value;
}

static json_t *
value_of(const struct mt_evidence_key *key, const struct mt_evidence *ev)
{
	const uint8_t *field = (const uint8_t *)ev + key->offset;
	size_t size = key->size;
	uint16_t u16;
	uint32_t u32;
	int64_t usec;

	switch (key->type) {
	case MT_EV_TYPE_BOOL:
		return json_boolean(*(const bool *)field);
	case MT_EV_TYPE_U16:
		memcpy(&u16, field, sizeof(u16));
		return json_integer(u16);
	case MT_EV_TYPE_U32:
		memcpy(&u32, field, sizeof(u32));
		return json_integer(u32);
	case MT_EV_TYPE_TIME:
		memcpy(&usec, field, sizeof(usec));
		return json_integer(usec);
	case MT_EV_TYPE_TEXT:
	case MT_EV_TYPE_HOST:
		return json_string((const char *)field);
	case MT_EV_TYPE_PROTO:
		return json_string(mt_proto_to_string(ev->proto));
	case MT_EV_TYPE_TRANSPORT:
		return json_string(mt_transport_to_string(ev->transport));
	case MT_EV_TYPE_VERSION:
		return json_string(mt_tls_version_to_string(ev->tls_version));
	case MT_EV_TYPE_DIGEST:
		return value_of_hex(field, 32);
	case MT_EV_TYPE_BYTES:
		if (key->size_offset)
			memcpy(&size, (const uint8_t *)ev + key->size_offset, sizeof(size));
		return value_of_hex(field, size);
	case MT_EV_TYPE_STAPLE:
		return value_of_base64(ev->staple);
	case MT_EV_TYPE_CHAIN:
		return value_of_chain(ev);
	}
	return NULL;
}

/* The object a key's value goes into, and the last part of its name. */
static json_t *
parent_of(json_t *object, const char *name, const char **ret_leaf)
{
	const char *dot = strchr(name, '.');
	json_t *inner;

	*ret_leaf = dot ? dot + 1 : name;
	if (!dot)
		return object;

	inner = json_object_getn(object, name, (size_t)(dot - name));
	if (!inner) {
		inner = json_object();
		/* the reference is the object's */
		if (json_object_setn_new(object, name, (size_t)(dot - name), inner))
			return NULL;
	}
	return inner;
}

json_t *
mt_json_append_evidence(const struct mt_evidence *evidence)
{
	MT_CLEANUP(mt_json_decrefp) json_t *object = json_object();

	for (size_t i = 0; object && i < MT_EV_COUNT; i++) {
		const struct mt_evidence_key *key = &mt_evidence_keys[i];
		const char *leaf;
		json_t *parent;

		if (!mt_evidence_has(evidence, (enum mt_ev)i))
			continue;
		parent = parent_of(object, key->name, &leaf);
		if (!parent || json_object_set_new(parent, leaf, value_of(key, evidence)))
			return NULL;
	}
	return mt_steal(&object);
}

/* Reading. What is decoded from base64 stays in a heap until the whole is read. */

struct reader {
	struct mt_evidence *ev;
	struct mt_diag *diag;
	uint8_t *heap; /* decoded chain and staple */
	size_t size, used, chain_size;
};

/* Decodes into the heap, which is as large as all text together could need. */
static int
decode(struct reader *reader, const json_t *value, struct mt_bytes *ret)
{
	const char *text = json_string_value(value);
	size_t size = json_string_length(value);
	ptrdiff_t n;

	if (!text)
		return MT_CODEC_E_TYPE;
	if (size / 4 * 3 > reader->size - reader->used)
		return MT_CODEC_E_VALUE;

	n = mt_base64_decode(text, size, reader->heap + reader->used);
	if (n <= 0)
		return MT_CODEC_E_VALUE;
	*ret = (struct mt_bytes){reader->heap + reader->used, (size_t)n};
	reader->used += (size_t)n;
	return 0;
}

static int
read_chain(struct reader *reader, const json_t *value)
{
	struct mt_bytes der;
	int r = 0;

	if (!json_is_array(value))
		return MT_CODEC_E_TYPE;
	if (json_array_size(value) == 0)
		return MT_CODEC_E_VALUE;
	for (size_t i = 0; i < json_array_size(value) && r == 0; i++) {
		r = decode(reader, json_array_get(value, i), &der);
		/* all of it is decoded, so that what is malformed is said even where it is too much
		 */
		if (r == 0 && !reader->ev->chain_oversized)
			r = mt_codec_note_certificate(reader->ev, &reader->chain_size, der);
	}
	return r;
}

static int
read_integer(const json_t *value, int64_t max, void *field, size_t size)
{
	json_int_t number = json_integer_value(value);
	uint16_t u16 = (uint16_t)number;
	uint32_t u32 = (uint32_t)number;

	if (!json_is_integer(value))
		return MT_CODEC_E_TYPE;
	if (number < 0 || number > max)
		return MT_CODEC_E_VALUE;

	memcpy(field, size == sizeof(u16) ? (const void *)&u16 : (const void *)&u32, size);
	return 0;
}

static int
read_time(const json_t *value, void *field)
{
	int64_t usec = json_integer_value(value);

	if (json_is_string(value)) {
		if (mt_time_parse(json_string_value(value), &usec))
			return MT_CODEC_E_VALUE;
	} else if (!json_is_integer(value)) {
		return MT_CODEC_E_TYPE;
	}
	memcpy(field, &usec, sizeof(usec));
	return 0;
}

static int
read_hex(struct reader *reader, const struct mt_evidence_key *key, const json_t *value)
{
	uint8_t bytes[MT_CB_MAX];
	size_t size = json_string_length(value) / 2;

	if (!json_is_string(value))
		return MT_CODEC_E_TYPE;
	if (size > sizeof(bytes) ||
	    !mt_hex_decode(json_string_value(value), json_string_length(value), bytes, size))
		return MT_CODEC_E_VALUE;

	return mt_codec_set_bytes(reader->ev, key, (struct mt_bytes){bytes, size});
}

static int
read_value(struct reader *reader, const struct mt_evidence_key *key, const json_t *value)
{
	uint8_t *field = (uint8_t *)reader->ev + key->offset;
	int r;

	switch (key->type) {
	case MT_EV_TYPE_BOOL:
		if (!json_is_boolean(value))
			return MT_CODEC_E_TYPE;
		*(bool *)field = json_is_true(value);
		return 0;
	case MT_EV_TYPE_U16:
		return read_integer(value, UINT16_MAX, field, sizeof(uint16_t));
	case MT_EV_TYPE_U32:
		return read_integer(value, UINT32_MAX, field, sizeof(uint32_t));
	case MT_EV_TYPE_TIME:
		return read_time(value, field);
	case MT_EV_TYPE_TEXT:
	case MT_EV_TYPE_HOST:
	case MT_EV_TYPE_PROTO:
	case MT_EV_TYPE_TRANSPORT:
	case MT_EV_TYPE_VERSION:
		if (!json_is_string(value))
			return MT_CODEC_E_TYPE;
		return mt_codec_set_string(reader->ev, key, json_string_value(value),
					   json_string_length(value));
	case MT_EV_TYPE_DIGEST:
	case MT_EV_TYPE_BYTES:
		return read_hex(reader, key, value);
	case MT_EV_TYPE_STAPLE:
		r = decode(reader, value, &reader->ev->staple);
		return r == 0 && reader->ev->staple.size > MT_STAPLE_MAX ? MT_CODEC_E_VALUE : r;
	case MT_EV_TYPE_CHAIN:
		return read_chain(reader, value);
	}
	return MT_CODEC_E_TYPE;
}

/* Some key of the table begins with this name and a dot. */
static bool
is_group(const char *name)
{
	size_t size = strlen(name);

	for (size_t i = 0; i < MT_EV_COUNT; i++)
		if (strncmp(mt_evidence_keys[i].name, name, size) == 0 &&
		    mt_evidence_keys[i].name[size] == '.')
			return true;

	return false;
}

static int
read_key(struct reader *reader, const char *name, const json_t *value)
{
	int i = mt_evidence_key_find(name), r = MT_CODEC_E_UNKNOWN_KEY;

	if (i >= 0) {
		r = read_value(reader, &mt_evidence_keys[i], value);
		reader->ev->present |= MT_BIT(i);
	}
	return r > 0 ? mt_codec_complain(reader->diag, r, name, mt_codec_explain(r)) : r;
}

/* A dotted name is as long as the longest key at most; a longer one is unknown. */
#define NAME_SIZE 64

static int
read_group(struct reader *reader, const char *group, json_t *object)
{
	char name[NAME_SIZE];
	const char *key;
	json_t *value;
	int r = json_is_object(object) ? 0
				       : mt_codec_complain(reader->diag, MT_CODEC_E_TYPE, group,
							   mt_codec_explain(MT_CODEC_E_TYPE));

	if (r == 0) {
		json_object_foreach(object, key, value)
		{
			(void)snprintf(name, sizeof(name), "%s.%s", group, key);
			r = read_key(reader, name, value);
			if (r)
				break;
		}
	}
	return r;
}

static int
read_members(struct reader *reader, json_t *object)
{
	const char *key;
	json_t *value;
	int r = 0;

	json_object_foreach(object, key, value)
	{
		/* a dotted name is for the bus: here there is one way to write each key */
		if (strchr(key, '.'))
			r = mt_codec_complain(reader->diag, MT_CODEC_E_UNKNOWN_KEY, key,
					      mt_codec_explain(MT_CODEC_E_UNKNOWN_KEY));
		else if (is_group(key))
			r = read_group(reader, key, value);
		else
			r = read_key(reader, key, value);
		if (r)
			break;
	}
	return r;
}

/* Bytes that all base64 text of chain and staple could be at most. */
static size_t
heap_size(const json_t *object)
{
	const json_t *chain = json_object_get(object, "chain");
	size_t size = json_string_length(json_object_get(object, "staple")) / 4 * 3;

	for (size_t i = 0; i < json_array_size(chain); i++)
		size += json_string_length(json_array_get(chain, i)) / 4 * 3;

	return size + 3;
}

int
mt_json_read_evidence(json_t *object, struct mt_evidence *ret, struct mt_diag *diag)
{
	struct reader reader = {.ev = ret, .diag = diag};
	int r;

	memset(ret, 0, sizeof(*ret));
	if (!json_is_object(object))
		return mt_codec_complain(diag, MT_CODEC_E_TYPE, "evidence",
					 mt_codec_explain(MT_CODEC_E_TYPE));
	reader.size = heap_size(object);
	reader.heap = malloc(reader.size);
	if (!reader.heap)
		return -ENOMEM;

	r = read_members(&reader, object);
	if (r == 0)
		r = mt_codec_keep_bytes(ret, diag);
	free(reader.heap);
	if (r)
		mt_evidence_clear(ret);

	return r;
}
