/* SPDX-License-Identifier: MIT */
/* Evaluate mode: reading a line and writing its answer. */

#include "daemon/evaluate-line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/codec-json.h"
#include "ipc/idn.h"
#include "ipc/text.h"
#include "policy/domain.h"

#define BYTES_MAX (256 * 1024) /* anchors and TLSA data of one line */

/* What the readers of one line share. */
struct reading {
	struct mt_line *line;
	struct mt_diag *diag;
	size_t used; /* of line->bytes */
};

typedef int (*member_fn)(struct reading *in, json_t *value);

static int
bad(struct reading *in, const char *what)
{
	mt_diag_set(in->diag, SIZE_MAX, "%s", what);
	return 1;
}

static int
read_enum(struct reading *in, json_t *value, int (*from_string)(const char *, int *), int *ret,
	  const char *what)
{
	const char *text = json_string_value(value);

	return text && from_string(text, ret) == 0 ? 0 : bad(in, what);
}

/* from_string() functions by the int they write: enums are ints (C17 6.7.2.2, gcc and clang). */
#define ENUM_READER(name)                                      \
	static int name##_int(const char *text, int *ret)      \
	{                                                      \
		enum mt_##name value;                          \
		int r = mt_##name##_from_string(text, &value); \
		if (r == 0)                                    \
			*ret = (int)value;                     \
		return r;                                      \
	}
ENUM_READER(op)
ENUM_READER(account_state)
ENUM_READER(discovery)
ENUM_READER(dnssec)
ENUM_READER(level)
ENUM_READER(tlsa_status)
ENUM_READER(consent_kind)

static int
read_id(struct reading *in, json_t *value)
{
	return 0; /* kept before anything else could fail */
}

static int
read_at(struct reading *in, json_t *value)
{
	const char *text = json_string_value(value);

	if (!text || mt_time_parse(text, &in->line->at_usec) != 0)
		return bad(in, "at: not an RFC 3339 time");
	return 0;
}

static int
read_layer(struct reading *in, json_t *value, bool is_org)
{
	struct mt_minimum *layer = &in->line->layer;
	int r;

	/* The account layer is the default of a new account, and what differs from it. */
	if (is_org)
		memset(layer, 0, sizeof(*layer));
	else
		mt_minimum_init_default(layer);
	r = mt_json_read_minimum(value, is_org, layer, in->diag);
	if (r == 0)
		mt_effective_join(&in->line->effective, layer,
				  is_org ? MT_LAYER_ORG : MT_LAYER_ACCOUNT);
	return r > 0 ? 1 : r;
}

static int
read_state(struct reading *in, json_t *value)
{
	int state, r = read_enum(in, value, account_state_int, &state, "state: unknown");

	if (r == 0)
		in->line->facts.state = (enum mt_account_state)state;
	return r;
}

static int
read_op(struct reading *in, json_t *value)
{
	const char *text = json_string_value(value);
	int op = MT_OP_UNKNOWN;

	if (!text)
		return bad(in, "op: not a string");
	/* An operation nobody knows is judged, and denied, as such (row 7). */
	(void)op_int(text, &op);
	in->line->op = (enum mt_op)op;
	return 0;
}

static int
read_domain(struct reading *in, json_t *value)
{
	const char *text = json_string_value(value);

	if (!text || mt_idn_host(text, strlen(text), in->line->facts.reference.address_domain) != 0)
		return bad(in, "reference.address_domain: not a domain name");
	return 0;
}

static int
read_reference(struct reading *in, json_t *value)
{
	struct mt_reference *ref = &in->line->facts.reference;
	const struct mt_service *service;
	const char *key;
	json_t *member;
	int number, r = 0;

	if (!json_is_object(value))
		return bad(in, "reference: not an object");
	json_object_foreach(value, key, member)
	{
		if (strcmp(key, "discovery") == 0) {
			r = read_enum(in, member, discovery_int, &number,
				      "reference.discovery: unknown");
			if (r == 0)
				ref->discovery = (enum mt_discovery)number;
		} else if (strcmp(key, "dnssec") == 0) {
			r = read_enum(in, member, dnssec_int, &number, "reference.dnssec: unknown");
			if (r == 0)
				ref->dnssec = (enum mt_dnssec)number;
		} else if (strcmp(key, "address_domain") == 0) {
			r = read_domain(in, member);
		} else if (strcmp(key, "confirmed") == 0 && json_is_boolean(member)) {
			ref->confirmed = json_is_true(member);
		} else if (strcmp(key, "label") == 0 && json_is_string(member)) {
			service = mt_service_find_label(json_string_value(member));
			if (!service)
				return bad(in, "reference.label: unknown");
			(void)snprintf(ref->label, sizeof(ref->label), "%s", service->label);
		} else {
			return bad(in, "reference: unknown member, or of another type");
		}
		if (r)
			return r;
	}
	return 0;
}

static int
read_evidence(struct reading *in, json_t *value)
{
	int r = mt_json_read_evidence(value, &in->line->evidence, in->diag);

	return r > 0 ? 1 : r;
}

/* Room for size more bytes in line->bytes, or NULL. */
static uint8_t *
take(struct reading *in, size_t size)
{
	uint8_t *at;

	if (!in->line->bytes)
		in->line->bytes = malloc(BYTES_MAX);
	if (!in->line->bytes || size > BYTES_MAX - in->used)
		return NULL;
	at = in->line->bytes + in->used;
	in->used += size;
	return at;
}

static int
read_anchors(struct reading *in, json_t *value)
{
	struct mt_line *line = in->line;

	if (!json_is_array(value) || json_array_size(value) > MT_REQUEST_ANCHORS_MAX)
		return bad(in, "anchors: not an array of at most 64");
	line->own_anchors = true;
	for (size_t i = 0; i < json_array_size(value); i++) {
		const json_t *item = json_array_get(value, i);
		size_t size = json_string_length(item);
		uint8_t *at = json_is_string(item) ? take(in, size) : NULL;
		ptrdiff_t n = at ? mt_base64_decode(json_string_value(item), size, at) : -1;

		if (n <= 0)
			return bad(in, "anchors: not base64");
		line->anchors[line->n_anchors++] = (struct mt_bytes){at, (size_t)n};
	}
	return 0;
}

/* "3 1 1 <hex>" */
static int
read_tlsa_record(struct reading *in, const char *text)
{
	struct mt_tlsa *tlsa = &in->line->tlsa;
	struct mt_tlsa_record *record = &tlsa->records[tlsa->n];
	unsigned int usage, selector, matching;
	int at = 0;
	size_t size;
	uint8_t *data;

	if (!text || sscanf(text, "%3u %3u %3u %n", &usage, &selector, &matching, &at) < 3 ||
	    at == 0 || usage > 255 || selector > 255 || matching > 255)
		return bad(in, "tlsa.records: not of the form \"usage selector matching hex\"");
	size = strlen(text + at);
	data = take(in, size / 2 + 1);
	if (!data || size / 2 > MT_TLSA_DATA_MAX || size % 2 ||
	    !mt_hex_decode(text + at, size, data, size / 2))
		return bad(in, "tlsa.records: data is not hex, or too long");
	*record = (struct mt_tlsa_record){(uint8_t)usage, (uint8_t)selector, (uint8_t)matching,
					  (uint16_t)(size / 2), data};
	tlsa->n++;
	return 0;
}

static int
read_tlsa(struct reading *in, json_t *value)
{
	const json_t *records = json_object_get(value, "records");
	int status, r = read_enum(in, json_object_get(value, "status"), tlsa_status_int, &status,
				  "tlsa.status: unknown");

	if (r == 0)
		in->line->tlsa.status = (enum mt_tlsa_status)status;
	if (r == 0 && records && !json_is_array(records))
		r = bad(in, "tlsa.records: not an array");
	if (r == 0 && json_array_size(records) > MT_TLSA_MAX)
		r = bad(in, "tlsa.records: too many");
	for (size_t i = 0; r == 0 && i < json_array_size(records); i++)
		r = read_tlsa_record(in, json_string_value(json_array_get(records, i)));
	return r;
}

static int
read_pins(struct reading *in, json_t *value)
{
	struct mt_line *line = in->line;

	if (!json_is_array(value) || json_array_size(value) > MT_PINS_MAX)
		return bad(in, "pins: not an array, or too long");
	for (size_t i = 0; i < json_array_size(value); i++) {
		const json_t *pin = json_array_get(value, i);

		if (!json_is_string(pin) ||
		    !mt_hex_decode(json_string_value(pin), json_string_length(pin), line->pins[i],
				   32))
			return bad(in, "pins: not the SHA-256 of a leaf in hex");
		line->facts.n_pins++;
	}
	line->facts.pins = (const uint8_t(*)[32])line->pins;
	return 0;
}

static int
read_consents(struct reading *in, json_t *value)
{
	int kind, r = json_is_array(value) ? 0 : bad(in, "consents: not an array");

	for (size_t i = 0; r == 0 && i < json_array_size(value); i++) {
		r = read_enum(in, json_array_get(value, i), consent_kind_int, &kind,
			      "consents: unknown kind");
		if (r == 0)
			in->line->facts.consents |= (uint32_t)MT_BIT(kind);
	}
	return r;
}

static int
read_provenance(struct reading *in, json_t *value)
{
	const char *text = json_string_value(value);

	if (!text || (strcmp(text, "attested") != 0 && strcmp(text, "asserted") != 0))
		return bad(in, "provenance: neither attested nor asserted");
	in->line->provenance = text[1] == 't' ? MT_PROVENANCE_ATTESTED : MT_PROVENANCE_ASSERTED;
	return 0;
}

static int
read_endpoint(struct reading *in, json_t *value)
{
	const char *text = json_string_value(value);

	if (!text || (strcmp(text, "saved") != 0 && strcmp(text, "fresh") != 0))
		return bad(in, "endpoint: neither saved nor fresh");
	in->line->facts.endpoint = text[0] == 's' ? MT_ENDPOINT_SAVED : MT_ENDPOINT_FRESH;
	return 0;
}

static int
read_best(struct reading *in, json_t *value)
{
	int level, r = read_enum(in, value, level_int, &level, "best: unknown level");

	if (r == 0)
		in->line->facts.best = (enum mt_level)level;
	return r;
}

static int
read_clock(struct reading *in, json_t *value)
{
	const char *text = json_string_value(value);

	if (!text || strcmp(text, "insane") != 0)
		return bad(in, "clock: only \"insane\" is known");
	in->line->clock_sane = false;
	return 0;
}

static int
read_account_policy(struct reading *in, json_t *value)
{
	return read_layer(in, value, false);
}

static int
read_org_policy(struct reading *in, json_t *value)
{
	return read_layer(in, value, true);
}

/* Members in the order they are read: the account layer before the organisation's. */
static const struct {
	const char *name;
	member_fn read;
	bool required;
} members[] = {
	{"id", read_id, false},
	{"at", read_at, false},
	{"policy", read_account_policy, false},
	{"org", read_org_policy, false},
	{"state", read_state, false},
	{"op", read_op, true},
	{"reference", read_reference, false},
	{"evidence", read_evidence, true},
	{"anchors", read_anchors, false},
	{"tlsa", read_tlsa, false},
	{"pins", read_pins, false},
	{"consents", read_consents, false},
	{"provenance", read_provenance, false},
	{"endpoint", read_endpoint, false},
	{"best", read_best, false},
	{"clock", read_clock, false},
};

static bool
is_member(const char *key)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(members); i++)
		if (strcmp(members[i].name, key) == 0)
			return true;
	return false;
}

/* The default account's layer joins even where the line states no policy. */
static int
read_members(struct reading *in, json_t *object)
{
	const char *key;
	json_t *value;
	int r;

	json_object_foreach(object, key, value)
	{
		if (!is_member(key))
			return bad(in, "unknown member of the line");
	}
	if (!json_object_get(object, "policy")) {
		mt_minimum_init_default(&in->line->layer);
		mt_effective_join(&in->line->effective, &in->line->layer, MT_LAYER_ACCOUNT);
	}
	for (size_t i = 0; i < MT_ARRAY_SIZE(members); i++) {
		value = json_object_get(object, members[i].name);
		if (!value && members[i].required) {
			mt_diag_set(in->diag, SIZE_MAX, "%s: missing", members[i].name);
			return 1;
		}
		r = value ? members[i].read(in, value) : 0;
		if (r)
			return r;
	}
	return 0;
}

static void
set_defaults(struct mt_line *line, int64_t now_usec)
{
	line->at_usec = now_usec;
	line->clock_sane = true;
	line->provenance = MT_PROVENANCE_ATTESTED;
	line->tlsa.status = MT_TLSA_ABSENT;
	line->facts.known = true;
	line->facts.state = MT_ACCOUNT_ACTIVE;
	line->facts.endpoint = MT_ENDPOINT_SAVED;
	line->facts.source_approved = true;
	line->facts.reference.discovery = MT_DISCOVERY_MANUAL;
	line->facts.reference.dnssec = MT_DNSSEC_INSECURE;
	mt_effective_init(&line->effective);
}

static void
complete(struct mt_line *line)
{
	struct mt_reference *ref = &line->facts.reference;
	uint8_t ip[16];

	memcpy(ref->host, line->evidence.host, sizeof(ref->host));
	if (ref->address_domain[0] == '\0' && !mt_ip_literal_parse(ref->host, ip))
		memcpy(ref->address_domain, ref->host, sizeof(ref->address_domain));
	/* In setup an endpoint is a candidate; nothing found is configuration before commit. */
	if (line->facts.endpoint == MT_ENDPOINT_SAVED && line->facts.state == MT_ACCOUNT_SETUP)
		line->facts.endpoint = MT_ENDPOINT_CANDIDATE;
	ref->saved = line->facts.endpoint == MT_ENDPOINT_SAVED;
	mt_evidence_fill_benign(&line->evidence, line->at_usec);
	if (mt_refids_build(ref, &line->refs) != 0)
		memset(&line->refs, 0, sizeof(line->refs));
}

int
mt_line_read(const char *text, size_t size, int64_t now_usec, struct mt_line *ret,
	     struct mt_diag *diag)
{
	MT_CLEANUP(mt_json_decrefp) json_t *object = NULL;
	struct reading in = {.line = ret, .diag = diag};
	int r;

	memset(ret, 0, sizeof(*ret));
	set_defaults(ret, now_usec);
	r = mt_json_parse(text, size, &object, diag);
	if (r)
		return r > 0 ? 1 : r;
	if (!json_is_object(object))
		return bad(&in, "not a JSON object");
	ret->id = json_incref(json_object_get(object, "id"));
	r = read_members(&in, object);
	if (r == 0)
		complete(ret);
	return r;
}

void
mt_line_clear(struct mt_line *line)
{
	json_decref(line->id);
	mt_evidence_clear(&line->evidence);
	free(line->bytes);
	line->id = NULL;
	line->bytes = NULL;
}

/* {"id":…} with room for more; the id of a line that had none is null. */
static json_t *
new_answer(const struct mt_line *line)
{
	json_t *object = json_object();

	if (object)
		(void)json_object_set_new(object, "id",
					  line->id ? json_incref(line->id) : json_null());
	return object;
}

static char *
dump(json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

	json_decref(object);
	return text;
}

char *
mt_line_format_verdict(const struct mt_line *line, const struct mt_verdict *verdict)
{
	json_t *object = new_answer(line), *reasons = json_array();

	if (!object || !reasons) {
		json_decref(object);
		json_decref(reasons);
		return NULL;
	}
	for (size_t i = 0; i < verdict->n_reasons; i++)
		(void)json_array_append_new(reasons,
					    json_string(mt_reason_to_string(verdict->reasons[i])));
	(void)json_object_set_new(object, "decision",
				  json_string(mt_decision_to_string(verdict->decision)));
	(void)json_object_set_new(object, "conf", json_boolean(verdict->conf));
	(void)json_object_set_new(object, "reasons", reasons);
	return dump(object);
}

char *
mt_line_format_error(const struct mt_line *line, const char *message)
{
	json_t *object = new_answer(line);

	if (object)
		(void)json_object_set_new(object, "error", json_string(message));
	return dump(object);
}
