/* SPDX-License-Identifier: MIT */
/* Policy fields as text: one field name, one value; what JSON, the bus and the command line share.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/domain.h"
#include "policy/sets.h"

/* What mt_minimum_set_text() answers. */
enum { SET_OK = 0, SET_UNKNOWN_FIELD, SET_BAD_VALUE, SET_WRONG_LAYER };

/* A list item at most: a static pin, "host=64 hex digits". */
#define ITEM_SIZE (MT_DOMAIN_SIZE + 1 + 64)

typedef bool (*item_fn)(struct mt_minimum *min, enum mt_field field, const char *item);

/* The value of a hexadecimal digit, or -1. */
static int
hex_value(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = memchr(digits, c, sizeof(digits) - 1);

	return at ? (int)(at - digits) % 16 : -1;
}

static bool
hex_digest(const char *text, uint8_t digest[static 32])
{
	if (strlen(text) != 64)
		return false;
	for (size_t i = 0; i < 64; i++) {
		int value = hex_value(text[i]);

		if (value < 0)
			return false;
		digest[i / 2] = (uint8_t)(digest[i / 2] << 4 | value);
	}
	return true;
}

static bool
add_mech(struct mt_minimum *min, enum mt_field field, const char *item)
{
	int mech = mt_mech_find(item);

	if (mech < 0)
		return false;
	min->auth_mechs |= 1u << mech;
	return true;
}

static bool
add_protocol(struct mt_minimum *min, enum mt_field field, const char *item)
{
	enum mt_proto proto;

	if (mt_proto_from_string(item, &proto) != 0)
		return false;
	min->protocols |= (uint8_t)(1u << proto);
	return true;
}

static bool
add_pattern(struct mt_minimum *min, enum mt_field field, const char *item)
{
	struct mt_patterns *set = &min->endpoints_allow;
	char name[MT_DOMAIN_SIZE] = "";
	bool wild = strncmp(item, "*.", 2) == 0;
	char *to;

	if (set->n == MT_PATTERNS_MAX)
		return false;
	to = set->pattern[set->n];
	if (wild ? mt_domain_normalise(item + 2, strlen(item + 2), name) != 0
		 : mt_host_normalise(item, strlen(item), name) != 0)
		return false;
	if (snprintf(to, MT_DOMAIN_SIZE, "%s%s", wild ? "*." : "", name) >= MT_DOMAIN_SIZE)
		return false;
	set->n++;
	return true;
}

static bool
add_digest(struct mt_minimum *min, enum mt_field field, const char *item)
{
	struct mt_digests *set =
		field == MT_FIELD_ANCHORS ? &min->anchors : &min->client_cert_allow;

	if (set->n == MT_DIGESTS_MAX || !hex_digest(item, set->digest[set->n]))
		return false;
	set->n++;
	return true;
}

static bool
add_static_pin(struct mt_minimum *min, enum mt_field field, const char *item)
{
	struct mt_static_pins *pins = &min->static_pins;
	const char *equals = strchr(item, '=');

	if (!equals || pins->n == MT_DIGESTS_MAX ||
	    mt_host_normalise(item, (size_t)(equals - item), pins->pin[pins->n].host) != 0 ||
	    !hex_digest(equals + 1, pins->pin[pins->n].digest))
		return false;
	pins->n++;
	return true;
}

/* Calls add for each comma-separated item. An empty text is an empty set. */
static bool
each_item(struct mt_minimum *min, enum mt_field field, const char *text, item_fn add)
{
	while (*text) {
		char item[ITEM_SIZE];
		size_t size = strcspn(text, ",");

		if (size == 0 || size >= sizeof(item))
			return false;
		memcpy(item, text, size);
		item[size] = '\0';
		if (!add(min, field, item))
			return false;
		text += size;
		if (*text == ',' && *++text == '\0')
			return false;
	}
	return true;
}

static bool
set_scalar(struct mt_minimum *min, enum mt_field field, const char *text)
{
	const char *const *values = mt_fields[field].values;

	for (uint8_t i = 0; values[i]; i++)
		if (strcmp(values[i], text) == 0) {
			min->values[field] = i;
			return true;
		}
	return false;
}

/* Digits only, no sign, within [low, high]. */
static bool
parse_number(const char *text, uint64_t low, uint64_t high, uint64_t *ret)
{
	uint64_t value = 0;

	if (*text == '\0' || strlen(text) > 18)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (uint64_t)(*text - '0');
	}
	*ret = value;
	return value >= low && value <= high;
}

static bool
set_not_after(struct mt_minimum *min, const char *text)
{
	uint64_t seconds;

	if (strcmp(text, "never") == 0) {
		min->not_after_usec = INT64_MAX;
		return true;
	}
	if (!parse_number(text, 0, (uint64_t)(INT64_MAX / MT_USEC_PER_SEC) - 1, &seconds))
		return false;
	min->not_after_usec = (int64_t)seconds * MT_USEC_PER_SEC;
	return true;
}

static bool
set_seconds(struct mt_minimum *min, enum mt_field field, const char *text)
{
	bool is_ttl = field == MT_FIELD_VERDICT_TTL;
	uint64_t seconds;

	/* verdict_ttl up to the floor's 300 s; srv_check_max between an hour and a week. */
	if (!parse_number(text, is_ttl ? 1 : 3600, is_ttl ? MT_VERDICT_TTL_MAX_SEC : 7 * 86400,
			  &seconds))
		return false;
	*(is_ttl ? &min->verdict_ttl_sec : &min->srv_check_max_sec) = (uint32_t)seconds;
	return true;
}

/* Empties the set a field names, or makes it "any". Return: whether text was "any". */
static bool
reset_set(struct mt_minimum *min, enum mt_field field, const char *text)
{
	bool any = strcmp(text, "any") == 0;

	switch (field) {
	case MT_FIELD_AUTH_MECHS:
		min->auth_mechs = any ? MT_MECHS_ALL : 0;
		break;
	case MT_FIELD_PROTOCOLS:
		min->protocols = any ? MT_PROTOCOLS_ALL : 0;
		break;
	case MT_FIELD_ENDPOINTS_ALLOW:
		memset(&min->endpoints_allow, 0, sizeof(min->endpoints_allow));
		min->endpoints_allow.is_set = !any;
		break;
	case MT_FIELD_CLIENT_CERT_ALLOW:
		memset(&min->client_cert_allow, 0, sizeof(min->client_cert_allow));
		min->client_cert_allow.is_set = !any;
		break;
	case MT_FIELD_ANCHORS:
		memset(&min->anchors, 0, sizeof(min->anchors));
		min->anchors.is_set = !any;
		break;
	default: /* MT_FIELD_STATIC_PINS: no pins is "any" */
		memset(&min->static_pins, 0, sizeof(min->static_pins));
		break;
	}
	return any;
}

static bool
set_value(struct mt_minimum *min, enum mt_field field, const char *text)
{
	static const item_fn add[] = {
		[MT_KIND_MECHS] = add_mech,
		[MT_KIND_PROTOCOLS] = add_protocol,
		[MT_KIND_PATTERNS] = add_pattern,
		[MT_KIND_DIGESTS] = add_digest,
		[MT_KIND_STATIC_PINS] = add_static_pin,
	};

	switch (mt_fields[field].kind) {
	case MT_KIND_CHAIN:
	case MT_KIND_DIAMOND:
		return set_scalar(min, field, text);
	case MT_KIND_TIME_MIN:
		return set_not_after(min, text);
	case MT_KIND_SECONDS_MIN:
		return set_seconds(min, field, text);
	case MT_KIND_MECHS:
	case MT_KIND_PROTOCOLS:
	case MT_KIND_PATTERNS:
	case MT_KIND_DIGESTS:
	case MT_KIND_STATIC_PINS:
		break;
	}
	/* "any" client certificate would authorise what nobody listed (R-5.5-03). */
	if (field == MT_FIELD_CLIENT_CERT_ALLOW && strcmp(text, "any") == 0)
		return false;
	return reset_set(min, field, text) ||
	       each_item(min, field, text, add[mt_fields[field].kind]);
}

int
mt_minimum_set_text(struct mt_minimum *min, const char *name, const char *value, bool is_org)
{
	int field = mt_field_find(name);

	if (field < 0)
		return SET_UNKNOWN_FIELD;
	if (mt_fields[field].org_only && !is_org)
		return SET_WRONG_LAYER;
	if (!set_value(min, (enum mt_field)field, value)) {
		/* A half-read set must not stand; absent says nothing. */
		min->present &= ~(1u << field);
		return SET_BAD_VALUE;
	}
	min->present |= 1u << field;
	mt_minimum_canonicalise(min);
	return SET_OK;
}

/* A bounded text under construction; size 0 once it overflowed. */
struct text {
	char *buffer;
	size_t size, used;
};

static void
text_add(struct text *text, const char *separator, const char *word)
{
	int n = snprintf(text->buffer + text->used, text->size - text->used, "%s%s",
			 text->used ? separator : "", word);

	if (n < 0 || (size_t)n >= text->size - text->used)
		text->size = text->used; /* nothing fits any more */
	else
		text->used += (size_t)n;
}

static void
text_add_digest(struct text *text, const char *host, const uint8_t digest[static 32])
{
	char word[ITEM_SIZE];
	int n = snprintf(word, sizeof(word), "%s%s", host, *host ? "=" : "");

	for (size_t i = 0; i < 32; i++)
		n += snprintf(word + n, sizeof(word) - (size_t)n, "%02x", digest[i]);
	text_add(text, ",", word);
}

static void
text_add_digests(struct text *text, const struct mt_digests *set)
{
	if (!set->is_set)
		text_add(text, "", "any");
	for (size_t i = 0; i < set->n; i++)
		text_add_digest(text, "", set->digest[i]);
}

static void
text_add_set(struct text *text, const struct mt_minimum *min, enum mt_field field)
{
	switch (field) {
	case MT_FIELD_AUTH_MECHS:
		for (unsigned i = 0; i < MT_MECH_COUNT; i++)
			if (min->auth_mechs & (1u << i))
				text_add(text, ",", mt_mech_to_string((enum mt_mech)i));
		break;
	case MT_FIELD_PROTOCOLS:
		for (unsigned i = 1; i < MT_PROTO_COUNT; i++)
			if (min->protocols & (1u << i))
				text_add(text, ",", mt_proto_to_string((enum mt_proto)i));
		break;
	case MT_FIELD_ENDPOINTS_ALLOW:
		if (!min->endpoints_allow.is_set)
			text_add(text, "", "any");
		for (size_t i = 0; i < min->endpoints_allow.n; i++)
			text_add(text, ",", min->endpoints_allow.pattern[i]);
		break;
	case MT_FIELD_CLIENT_CERT_ALLOW:
		text_add_digests(text, &min->client_cert_allow);
		break;
	case MT_FIELD_ANCHORS:
		text_add_digests(text, &min->anchors);
		break;
	default: /* MT_FIELD_STATIC_PINS */
		if (min->static_pins.n == 0)
			text_add(text, "", "any");
		for (size_t i = 0; i < min->static_pins.n; i++)
			text_add_digest(text, min->static_pins.pin[i].host,
					min->static_pins.pin[i].digest);
		break;
	}
}

static void
text_add_number(struct text *text, uint64_t number)
{
	char word[24];

	(void)snprintf(word, sizeof(word), "%llu", (unsigned long long)number);
	text_add(text, "", word);
}

int
mt_minimum_format_field(const struct mt_minimum *min, enum mt_field field, char *buffer,
			size_t size)
{
	struct text text = {.buffer = buffer, .size = size};

	if (!(min->present & (1u << field)) || size == 0)
		return -1;
	buffer[0] = '\0';
	if (mt_fields[field].values)
		text_add(&text, "", mt_fields[field].values[min->values[field]]);
	else if (field == MT_FIELD_NOT_AFTER && min->not_after_usec == INT64_MAX)
		text_add(&text, "", "never");
	else if (field == MT_FIELD_NOT_AFTER)
		text_add_number(&text, (uint64_t)(min->not_after_usec / MT_USEC_PER_SEC));
	else if (field == MT_FIELD_VERDICT_TTL)
		text_add_number(&text, min->verdict_ttl_sec);
	else if (field == MT_FIELD_SRV_CHECK_MAX)
		text_add_number(&text, min->srv_check_max_sec);
	else
		text_add_set(&text, min, field);
	return text.size == size ? (int)text.used : -1;
}
