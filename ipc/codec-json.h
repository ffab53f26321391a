/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_CODEC_JSON_H
#define MT_IPC_CODEC_JSON_H

/*
 * Types in JSON, for --evaluate and policy documents: the same keys as on the bus (codec.h), from
 * the same tables.
 *
 * A dotted key is a nested object ("tls":{"version":"1.3"}); chain is an array of base64 strings,
 * staple base64, other bytes hex; times are RFC 3339 text or microseconds. Unknown keys, a wrong
 * type, padding that is not canonical, an embedded NUL: refused, with the key in the diag. JSON
 * itself (depth, duplicate keys, size) is the parser's: mt_json_parse() sets its bounds.
 */

#include <jansson.h>

#include "policy/diag.h"
#include "policy/evidence.h"
#include "policy/minimum.h"

static inline void
mt_json_decref(json_t *json)
{
	json_decref(json);
}
MT_DEFINE_CLEANUP(json_t *, mt_json_decref);

/* Parses one document of at most MT_JSON_LINE_MAX bytes and MT_JSON_DEPTH_MAX levels; duplicate
 * keys are refused. Return: 0, MT_CODEC_E_VALUE, negative errno. */
MT_MUST_CHECK int mt_json_parse(const char *text, size_t size, json_t **ret, struct mt_diag *diag);

/* Evidence. Outcomes as mt_codec_read_evidence(). Append returns a new reference, NULL: no memory.
 */
json_t *mt_json_append_evidence(const struct mt_evidence *evidence);
MT_MUST_CHECK int mt_json_read_evidence(const json_t *object, struct mt_evidence *ret,
					struct mt_diag *diag);

/* Policy fields: text for values in a chain; arrays for sets; numbers (seconds) or "never" for
 * times; static_pins is an object of host to array of hex digests. Read adds to what *min holds. */
json_t *mt_json_append_minimum(const struct mt_minimum *min);
MT_MUST_CHECK int mt_json_read_minimum(const json_t *object, bool is_org, struct mt_minimum *min,
				       struct mt_diag *diag);

/* Strict base64 (RFC 4648 §4): padding required, no white space, unused bits zero.
 * Return: decoded size, or -1. ret holds at least size / 4 * 3 bytes. */
ptrdiff_t mt_base64_decode(const char *text, size_t size, uint8_t *ret);
/* Lower or upper case hex of exactly n bytes. */
bool mt_hex_decode(const char *text, size_t size, uint8_t *ret, size_t n);
/* "2026-01-01T00:00:00Z", with a fraction and offset of RFC 3339. Return: 0, or 1. */
MT_MUST_CHECK int mt_time_parse(const char *text, int64_t *ret_usec);

#endif
