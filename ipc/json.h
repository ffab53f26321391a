/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_JSON_H
#define MT_IPC_JSON_H

/*
 * JSON from outside, within bounds that are looked at before anything recurses: at most
 * MT_JSON_LINE_MAX bytes and MT_JSON_DEPTH_MAX levels, no duplicate keys, no NUL, UTF-8. What the
 * values mean is everybody else's. A library of its own, so that a worker can have it without a
 * bus.
 */

#include <jansson.h>

#include "policy/diag.h"

enum { MT_JSON_E_INVALID = 1 };

static inline void
mt_json_decref(json_t *json)
{
	json_decref(json);
}
MT_DEFINE_CLEANUP(json_t *, mt_json_decref);

/* Parses one document. Return: 0, MT_JSON_E_INVALID, negative errno. */
MT_MUST_CHECK int mt_json_parse(const char *text, size_t size, json_t **ret, struct mt_diag *diag);

#endif
