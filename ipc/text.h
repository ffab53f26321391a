/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_TEXT_H
#define MT_IPC_TEXT_H

/*
 * Text forms of bytes and times: base64 with padding (RFC 4648 §4; certificates in JSON), hex, and
 * RFC 3339 times. Strict: each value has one text form, but for the case of hex digits. base64url,
 * which tokens use, is base64.h.
 */

#include "policy/base.h"

/* Return: decoded size, or -1. ret holds at least size / 4 * 3 bytes. */
ptrdiff_t mt_base64_decode(const char *text, size_t size, uint8_t *ret);
/* NUL-terminated, malloc'd; NULL: no memory. */
char *mt_base64_encode(struct mt_bytes bytes);

/* Hex of exactly n bytes. */
bool mt_hex_decode(const char *text, size_t size, uint8_t *ret, size_t n);
/* Lower case; ret holds 2 * n + 1 bytes. */
void mt_hex_encode(const uint8_t *data, size_t n, char *ret);

/* "2026-01-01T00:00:00Z", with a fraction and offset of RFC 3339, years 1970 to 9999.
 * Return: 0, or 1. */
MT_MUST_CHECK int mt_time_parse(const char *text, int64_t *ret_usec);

#endif
