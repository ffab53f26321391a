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
 * itself (depth, duplicate keys, size) is json.h's.
 */

#include "ipc/json.h"
#include "policy/evidence.h"
#include "policy/minimum.h"

/* Evidence. Outcomes as mt_codec_read_evidence(). Append returns a new reference, NULL: no memory.
 */
json_t *mt_json_append_evidence(const struct mt_evidence *evidence);
MT_MUST_CHECK int mt_json_read_evidence(json_t *object, struct mt_evidence *ret,
					struct mt_diag *diag);

/* Policy fields: text for values in a chain; arrays for sets; numbers (seconds) or "never" for
 * times; static_pins is an object of host to array of hex digests. Read adds to what *min holds. */
json_t *mt_json_append_minimum(const struct mt_minimum *min);
MT_MUST_CHECK int mt_json_read_minimum(json_t *object, bool is_org, struct mt_minimum *min,
				       struct mt_diag *diag);

#endif
