/* SPDX-License-Identifier: MIT */
/*
 * Policy fields in JSON. Each value becomes the text mt_minimum_set_text() takes, so that there is
 * one place that knows what a value means: arrays are joined with commas, numbers are printed.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/codec-evidence.h"
#include "ipc/codec-internal.h"
#include "ipc/codec-json.h"

static bool
is_list(enum mt_field_kind kind)
{
	return kind == MT_KIND_MECHS || kind == MT_KIND_PROTOCOLS || kind == MT_KIND_PATTERNS ||
	       kind == MT_KIND_DIGESTS;
}

static bool
is_number(enum mt_field_kind kind)
{
	return kind == MT_KIND_TIME_MIN || kind == MT_KIND_SECONDS_MIN;
}

/* Append */

/* "a,b" to ["a","b"]; "any" stays text; "" is the empty set. */
static json_t *
list_value(const char *text)
{
	MT_CLEANUP(mt_json_decrefp) json_t *array = json_array();

	if (strcmp(text, "any") == 0)
		return json_string(text);
	while (array && *text) {
		size_t size = strcspn(text, ",");

		if (json_array_append_new(array, json_stringn(text, size)))
			return NULL;
		text += size + (text[size] == ',');
	}
	return mt_steal(&array);
}

/* "host=digest,…" to {"host":["digest",…]}; sorted by host, so the lists are built in one go. */
static json_t *
pins_value(const char *text)
{
	MT_CLEANUP(mt_json_decrefp) json_t *object = json_object();

	if (strcmp(text, "any") == 0)
		return mt_steal(&object);
	while (object && *text) {
		size_t host = strcspn(text, "="), size = strcspn(text, ",");
		json_t *list;

		if (host >= size)
			return NULL;
		list = json_object_getn(object, text, host);
		if (!list) {
			list = json_array();
			if (json_object_setn_new(object, text, host, list))
				return NULL;
		}
		if (json_array_append_new(list, json_stringn(text + host + 1, size - host - 1)))
			return NULL;
		text += size + (text[size] == ',');
	}
	return mt_steal(&object);
}

static json_t *
value_of(enum mt_field_kind kind, const char *text)
{
	if (is_list(kind))
		return list_value(text);
	if (kind == MT_KIND_STATIC_PINS)
		return pins_value(text);
	if (is_number(kind) && strcmp(text, "never") != 0)
		return json_integer(strtoll(text, NULL, 10));

	return json_string(text);
}

json_t *
mt_json_append_minimum(const struct mt_minimum *min)
{
	MT_CLEANUP(mt_json_decrefp) json_t *object = json_object();
	char text[MT_CODEC_FIELD_SIZE];

	for (size_t i = 0; object && i < MT_FIELD_COUNT; i++) {
		if (!(min->present & MT_BIT(i)))
			continue;
		if (mt_minimum_format_field(min, (enum mt_field)i, text, sizeof(text)) < 0 ||
		    json_object_set_new(object, mt_fields[i].name,
					value_of(mt_fields[i].kind, text)))
			return NULL;
	}
	return mt_steal(&object);
}

/* Read */

/* Text under construction; a value that would not fit is no value of a field. */
struct text {
	char buffer[MT_CODEC_FIELD_SIZE];
	size_t used;
};

static int
add(struct text *text, const char *separator, const char *prefix, const json_t *value)
{
	const char *string = json_string_value(value);
	int n;

	if (!string)
		return MT_CODEC_E_TYPE;
	/* an item is one item: nothing in it may end it early */
	if (strlen(string) != json_string_length(value) || strpbrk(string, separator))
		return MT_CODEC_E_VALUE;

	n = snprintf(text->buffer + text->used, sizeof(text->buffer) - text->used, "%s%s%s",
		     text->used ? "," : "", prefix, string);
	if (n < 0 || (size_t)n >= sizeof(text->buffer) - text->used)
		return MT_CODEC_E_VALUE;
	text->used += (size_t)n;
	return 0;
}

static int
add_list(struct text *text, const char *prefix, const json_t *value)
{
	int r = 0;

	if (!json_is_array(value))
		return MT_CODEC_E_TYPE;
	for (size_t i = 0; i < json_array_size(value) && r == 0; i++) {
		/* an empty item would vanish between two commas; "any" is no member */
		const char *item = json_string_value(json_array_get(value, i));

		if (item && (!*item || strcmp(item, "any") == 0))
			return MT_CODEC_E_VALUE;
		r = add(text, ",", prefix, json_array_get(value, i));
	}
	return r;
}

static int
add_pins(struct text *text, json_t *object)
{
	char prefix[MT_DOMAIN_SIZE + 1];
	const char *host;
	json_t *value;

	if (!json_is_object(object))
		return MT_CODEC_E_TYPE;
	json_object_foreach(object, host, value)
	{
		int n = snprintf(prefix, sizeof(prefix), "%s=", host), r;

		/* a host that may present nothing cannot be said in one layer */
		if (n < 0 || (size_t)n >= sizeof(prefix) || strpbrk(host, ",=") ||
		    json_array_size(value) == 0)
			return MT_CODEC_E_VALUE;
		r = add_list(text, prefix, value);
		if (r)
			return r;
	}
	return 0;
}

static int
to_text(enum mt_field_kind kind, json_t *value, struct text *text)
{
	text->used = 0;
	text->buffer[0] = '\0';
	if (is_number(kind) && json_is_integer(value)) {
		(void)snprintf(text->buffer, sizeof(text->buffer), "%" JSON_INTEGER_FORMAT,
			       json_integer_value(value));
		return 0;
	}
	if (kind == MT_KIND_STATIC_PINS)
		return add_pins(text, value);
	if (is_list(kind) && json_is_array(value))
		return add_list(text, "", value);
	/* the text of a list is for the bus; but "any" is no list */
	if (is_list(kind) && json_is_string(value) && strcmp(json_string_value(value), "any") != 0)
		return MT_CODEC_E_VALUE;

	return add(text, "", "", value);
}

static int
read_field(const char *name, json_t *value, bool is_org, struct mt_minimum *min, uint32_t *seen)
{
	int field = mt_field_find(name), r;
	struct text text;

	if (field < 0)
		return MT_CODEC_E_UNKNOWN_KEY;
	r = to_text(mt_fields[field].kind, value, &text);
	return r ? r : mt_codec_set_field(min, seen, name, text.buffer, is_org);
}

int
mt_json_read_minimum(json_t *object, bool is_org, struct mt_minimum *min, struct mt_diag *diag)
{
	const char *name;
	uint32_t seen = 0;
	json_t *value;
	int r = 0;

	if (!json_is_object(object))
		return mt_codec_complain(diag, MT_CODEC_E_TYPE, "policy",
					 mt_codec_explain(MT_CODEC_E_TYPE));
	json_object_foreach(object, name, value)
	{
		r = read_field(name, value, is_org, min, &seen);
		if (r) {
			(void)mt_codec_complain(diag, r, name, mt_codec_explain(r));
			break;
		}
	}
	return r;
}
