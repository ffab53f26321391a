/* SPDX-License-Identifier: MIT */
/* Fingerprints. */

#include "clients/cli/fingerprint.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ipc/text.h"

void
mt_fingerprint_format(const uint8_t sha256[static MT_FINGERPRINT_BYTES],
		      char ret[static MT_FINGERPRINT_TEXT_SIZE])
{
	for (size_t i = 0; i < MT_FINGERPRINT_BYTES; i++)
		(void)snprintf(ret + 3 * i, 4, "%02X%s", sha256[i],
			       i + 1 < MT_FINGERPRINT_BYTES ? ":" : "");
}

int
mt_fingerprint_parse(const char *text, uint8_t ret[static MT_FINGERPRINT_BYTES])
{
	char digits[2 * MT_FINGERPRINT_BYTES];
	const size_t step = strchr(text, ':') ? 3 : 2;

	if (strlen(text) != MT_FINGERPRINT_BYTES * step - (step == 3))
		return 1;
	for (size_t i = 0; i < MT_FINGERPRINT_BYTES; i++) {
		memcpy(digits + 2 * i, text + step * i, 2);
		if (step == 3 && i > 0 && text[step * i - 1] != ':')
			return 1;
	}
	return mt_hex_decode(digits, sizeof(digits), ret, MT_FINGERPRINT_BYTES) ? 0 : 1;
}

bool
mt_fingerprint_begins(const uint8_t sha256[static MT_FINGERPRINT_BYTES], const char *text)
{
	char whole[MT_FINGERPRINT_TEXT_SIZE], digits[2 * MT_FINGERPRINT_BYTES + 1];
	const size_t size = strlen(text);

	mt_fingerprint_format(sha256, whole);
	mt_hex_encode(sha256, MT_FINGERPRINT_BYTES, digits);
	if (strchr(text, ':'))
		return size >= MT_FINGERPRINT_DIGITS_MIN / 2 * 3 - 1 &&
		       strncasecmp(whole, text, size) == 0;
	return size >= MT_FINGERPRINT_DIGITS_MIN && strncasecmp(digits, text, size) == 0;
}
