/* SPDX-License-Identifier: MIT */
/* P-256 signatures between DER and r || s. */

#include "ipc/ecdsa-der.h"

#include <string.h>

#define NUMBER_SIZE (MT_ECDSA_RAW_SIZE / 2)

enum { TAG_INTEGER = 0x02, TAG_SEQUENCE = 0x30 };

/* Reads one INTEGER at *p into a right-aligned number. Return: 0, or 1. */
static int
read_integer(const uint8_t **p, const uint8_t *end, uint8_t ret[static NUMBER_SIZE])
{
	const uint8_t *data = *p;
	size_t size;

	if (end - data < 3 || data[0] != TAG_INTEGER)
		return 1;

	size = data[1];
	data += 2;
	if (size == 0 || size > (size_t)(end - data))
		return 1;

	*p = data + size;
	while (size > 0 && data[0] == 0) { /* the sign octet */
		data++;
		size--;
	}
	if (size > NUMBER_SIZE)
		return 1;

	memset(ret, 0, NUMBER_SIZE - size);
	memcpy(ret + NUMBER_SIZE - size, data, size);
	return 0;
}

int
mt_ecdsa_raw_from_der(const uint8_t *der, size_t size, uint8_t ret[static MT_ECDSA_RAW_SIZE])
{
	const uint8_t *p = der + 2, *end = der + size;

	if (size < 2 || size > MT_ECDSA_DER_MAX || der[0] != TAG_SEQUENCE || der[1] != size - 2)
		return 1;
	if (read_integer(&p, end, ret) || read_integer(&p, end, ret + NUMBER_SIZE))
		return 1;

	return p != end;
}

static uint8_t *
write_integer(uint8_t *p, const uint8_t number[static NUMBER_SIZE])
{
	size_t size = NUMBER_SIZE;
	uint8_t sign;

	while (size > 1 && number[0] == 0) {
		number++;
		size--;
	}
	sign = number[0] >> 7;
	*p++ = TAG_INTEGER;
	*p++ = (uint8_t)(size + sign);
	if (sign)
		*p++ = 0;

	memcpy(p, number, size);
	return p + size;
}

size_t
mt_ecdsa_der_from_raw(const uint8_t raw[static MT_ECDSA_RAW_SIZE],
		      uint8_t ret[static MT_ECDSA_DER_MAX])
{
	uint8_t *p = write_integer(ret + 2, raw);

	p = write_integer(p, raw + NUMBER_SIZE);
	ret[0] = TAG_SEQUENCE;
	ret[1] = (uint8_t)(p - ret - 2);
	return (size_t)(p - ret);
}
