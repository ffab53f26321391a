/* SPDX-License-Identifier: MIT */
#ifndef MT_CLI_FINGERPRINT_H
#define MT_CLI_FINGERPRINT_H

/*
 * The SHA-256 fingerprint of a certificate as people compare it: pairs of hexadecimal digits with
 * colons between them, as openssl and mail programs print it. Says nothing of whether it is right.
 */

#include "policy/base.h"

#define MT_FINGERPRINT_BYTES 32
#define MT_FINGERPRINT_TEXT_SIZE (3 * MT_FINGERPRINT_BYTES) /* with NUL */

void mt_fingerprint_format(const uint8_t sha256[static MT_FINGERPRINT_BYTES],
			   char ret[static MT_FINGERPRINT_TEXT_SIZE]);
/* Upper or lower case, with colons between the pairs or without any. Return: 0, or 1. */
MT_MUST_CHECK int mt_fingerprint_parse(const char *text, uint8_t ret[static MT_FINGERPRINT_BYTES]);

/* Whether a fingerprint begins with text, written either way; fewer than MT_FINGERPRINT_DIGITS_MIN
 * digits name none. */
#define MT_FINGERPRINT_DIGITS_MIN 6
bool mt_fingerprint_begins(const uint8_t sha256[static MT_FINGERPRINT_BYTES], const char *text);

#endif
