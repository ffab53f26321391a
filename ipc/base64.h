/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_BASE64_H
#define MT_IPC_BASE64_H

/*
 * base64url without padding (RFC 4648 §5 as RFC 7515 §2 uses it), and nothing else.
 *
 * Decoding is strict: no padding, no white space, no characters of the other alphabet, and the bits
 * that stand for nothing must be zero. So every byte string has exactly one text form, and a token
 * cannot be altered without altering its bytes (D-JOSE-09). Stateless; neither side allocates.
 */

#include "policy/base.h"

enum { MT_BASE64_E_INVALID = 1, MT_BASE64_E_TOO_LONG = 2 };

/* Characters that size bytes encode to. */
static inline size_t
mt_base64url_size(size_t size)
{
	return size / 3 * 4 + (size % 3 * 4 + 2) / 3;
}

/* Writes mt_base64url_size(size) characters, no NUL. Return: that number. */
size_t mt_base64url_encode(const uint8_t *data, size_t size, char *ret_text);

/* Decodes all of text into at most max bytes.
 * Return: 0, MT_BASE64_E_INVALID, or MT_BASE64_E_TOO_LONG; *ret_size is then untouched. */
MT_MUST_CHECK int mt_base64url_decode(const char *text, size_t size, uint8_t *ret_data, size_t max,
				      size_t *ret_size);

#endif
