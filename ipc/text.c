/* SPDX-License-Identifier: MIT */
/* Bytes and times as text. */

#include "ipc/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* base64 */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* 0 to 63, or -1. */
static int
sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;

	return c == '/' ? 63 : -1;
}

ptrdiff_t
mt_base64_decode(const char *text, size_t size, uint8_t *ret)
{
	uint8_t *at = ret;
	size_t padding = 0;

	if (size % 4 != 0)
		return -1;
	if (size > 0 && text[size - 1] == '=')
		padding = text[size - 2] == '=' ? 2 : 1;
	for (size_t i = 0; i < size; i += 4) {
		size_t n = i + 4 == size ? 4 - padding : 4; /* characters that are no padding */
		uint32_t group = 0;

		for (size_t j = 0; j < 4; j++) {
			int value = j < n ? sextet(text[i + j]) : 0;

			if (value < 0)
				return -1;
			group = group << 6 | (uint32_t)value;
		}
		/* RFC 4648 §3.5: the bits that stand for nothing are zero */
		if (n < 4 && group & (n == 2 ? 0xffffu : 0xffu))
			return -1;
		for (size_t j = 0; j + 1 < n; j++)
			*at++ = (uint8_t)(group >> (16 - 8 * j));
	}
	return at - ret;
}

char *
mt_base64_encode(struct mt_bytes bytes)
{
	char *text = malloc((bytes.size + 2) / 3 * 4 + 1), *at = text;

	if (!text)
		return NULL;
	for (size_t i = 0; i < bytes.size; i += 3) {
		size_t n = bytes.size - i < 3 ? bytes.size - i : 3;
		uint32_t group = 0;

		for (size_t j = 0; j < 3; j++)
			group = group << 8 | (j < n ? bytes.data[i + j] : 0u);
		for (size_t j = 0; j < 4; j++)
			*at++ = j <= n ? alphabet[group >> (18 - 6 * j) & 63] : '=';
	}
	*at = '\0';
	return text;
}

/* Hex */

static int
nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;

	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
mt_hex_decode(const char *text, size_t size, uint8_t *ret, size_t n)
{
	if (size != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

void
mt_hex_encode(const uint8_t *data, size_t n, char *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*ret++ = digits[data[i] >> 4];
		*ret++ = digits[data[i] & 15];
	}
	*ret = '\0';
}

/* Times */

/* n digits. Return: what follows them, or NULL. */
static const char *
take_digits(const char *text, int n, int *ret)
{
	*ret = 0;
	for (int i = 0; i < n; i++, text++) {
		if (*text < '0' || *text > '9')
			return NULL;
		*ret = *ret * 10 + (*text - '0');
	}
	return text;
}

/* RFC 3339 §5.6, full-date "T" partial-time without its fraction. */
static const char *
take_date_time(const char *text, struct tm *ret)
{
	static const struct {
		int digits;
		char next;
	} parts[] = {{4, '-'}, {2, '-'}, {2, 'T'}, {2, ':'}, {2, ':'}, {2, '\0'}};
	int values[6] = {0};

	for (int i = 0; i < 6; i++) {
		text = take_digits(text, parts[i].digits, &values[i]);
		if (!text || (parts[i].next && *text++ != parts[i].next))
			return NULL;
	}
	*ret = (struct tm){.tm_year = values[0] - 1900,
			   .tm_mon = values[1] - 1,
			   .tm_mday = values[2],
			   .tm_hour = values[3],
			   .tm_min = values[4],
			   .tm_sec = values[5]};
	return text;
}

/* Reads ".123456" down to microseconds; more digits are dropped. */
static const char *
take_fraction(const char *text, int *ret_usec)
{
	int scale = 100000;

	*ret_usec = 0;
	if (*text != '.')
		return text;
	if (*++text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++, scale /= 10)
		*ret_usec += (*text - '0') * scale;

	return text;
}

/* "Z" or "+02:00". */
static const char *
take_offset(const char *text, int *ret_seconds)
{
	int sign = *text == '-' ? -1 : 1, hours, minutes;

	*ret_seconds = 0;
	if (*text == 'Z')
		return text + 1;
	if (*text != '+' && *text != '-')
		return NULL;
	text = take_digits(text + 1, 2, &hours);
	if (!text || *text != ':')
		return NULL;
	text = take_digits(text + 1, 2, &minutes);
	if (!text || hours > 23 || minutes > 59)
		return NULL;

	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return text;
}

int
mt_time_parse(const char *text, int64_t *ret_usec)
{
	struct tm given, made;
	int usec, offset;
	time_t seconds;

	text = take_date_time(text, &given);
	if (text)
		text = take_fraction(text, &usec);
	if (text)
		text = take_offset(text, &offset);
	if (!text || *text != '\0' || given.tm_year < 70 || given.tm_sec > 59)
		return 1;

	/* what timegm() had to normalise, the 31st of February, was no date */
	made = given;
	seconds = timegm(&made);
	if (made.tm_mon != given.tm_mon || made.tm_mday != given.tm_mday ||
	    made.tm_hour != given.tm_hour || made.tm_min != given.tm_min)
		return 1;

	*ret_usec = ((int64_t)seconds - offset) * MT_USEC_PER_SEC + usec;
	return 0;
}
