/* SPDX-License-Identifier: MIT */
/* base64url, strict. */

#include "ipc/base64.h"

static const char alphabet[64] = {
	'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P',
	'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'a', 'b', 'c', 'd', 'e', 'f',
	'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v',
	'w', 'x', 'y', 'z', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '-', '_',
};

/* The value of a character, or -1. */
static int
value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-')
		return 62;

	return c == '_' ? 63 : -1;
}

size_t
mt_base64url_encode(const uint8_t *data, size_t size, char *ret_text)
{
	char *out = ret_text;

	for (; size >= 3; data += 3, size -= 3) {
		*out++ = alphabet[data[0] >> 2];
		*out++ = alphabet[(data[0] & 0x03) << 4 | data[1] >> 4];
		*out++ = alphabet[(data[1] & 0x0f) << 2 | data[2] >> 6];
		*out++ = alphabet[data[2] & 0x3f];
	}
	if (size > 0) {
		*out++ = alphabet[data[0] >> 2];
		*out++ = alphabet[(data[0] & 0x03) << 4 | (size > 1 ? data[1] >> 4 : 0)];
	}
	if (size > 1)
		*out++ = alphabet[(data[1] & 0x0f) << 2];

	return (size_t)(out - ret_text);
}

int
mt_base64url_decode(const char *text, size_t size, uint8_t *ret_data, size_t max, size_t *ret_size)
{
	uint32_t bits = 0;
	unsigned int n_bits = 0;
	size_t n = 0;

	if (size % 4 == 1) /* no byte string encodes to this length */
		return MT_BASE64_E_INVALID;
	if (size / 4 * 3 + (size % 4 ? size % 4 - 1 : 0) > max)
		return MT_BASE64_E_TOO_LONG;

	for (size_t i = 0; i < size; i++) {
		int value = value_of(text[i]);

		if (value < 0)
			return MT_BASE64_E_INVALID;

		bits = (bits << 6 | (uint32_t)value) & 0xffff;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			ret_data[n++] = (uint8_t)(bits >> n_bits);
		}
	}
	/* RFC 4648 §3.5: left-over bits must be zero, or two texts would mean the same bytes */
	if (bits & ((UINT32_C(1) << n_bits) - 1))
		return MT_BASE64_E_INVALID;

	*ret_size = n;
	return 0;
}
