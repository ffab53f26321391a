/* SPDX-License-Identifier: MIT */
/* U-labels to A-labels. */

#include "ipc/idn.h"

#include <errno.h>
#include <string.h>

#include <dbus/dbus.h>
#include <idn2.h>

#include "policy/domain.h"

/* A U-label of 63 bytes as A-label may be far longer as UTF-8: up to 4 bytes a character. */
#define INPUT_MAX 1024
#define LOCAL_PART_MAX 64 /* RFC 5321 §4.5.3.1.1 */

static bool
is_ascii(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)text[i] >= 0x80)
			return false;

	return true;
}

int
mt_idn_host(const char *text, size_t size, char ret[static MT_DOMAIN_SIZE])
{
	char input[INPUT_MAX + 1], *ascii = NULL;
	int r;

	if (size == 0 || size > INPUT_MAX || memchr(text, '\0', size))
		return MT_IDN_E_INVALID;
	/* libidn2 refuses the underscore of service names and has no opinion on literals */
	if (is_ascii(text, size))
		return mt_host_normalise(text, size, ret) == 0 ? 0 : MT_IDN_E_INVALID;

	memcpy(input, text, size);
	input[size] = '\0';
	/* RFC 5891 §5: non-transitional; NFC is applied to what people type */
	r = idn2_to_ascii_8z(input, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (r == IDN2_MALLOC)
		return -ENOMEM;
	if (r != IDN2_OK)
		return MT_IDN_E_INVALID;

	/* a name only: what UTS 46 maps to digits and dots must not become an address */
	r = mt_domain_normalise(ascii, strlen(ascii), ret) == 0 ? 0 : MT_IDN_E_INVALID;
	idn2_free(ascii);
	return r;
}

/* Quoted local parts may hold spaces; nothing holds controls, and what is not ASCII is UTF-8. */
static bool
is_local_part(const char *text, size_t size)
{
	char copy[LOCAL_PART_MAX + 1];

	if (size == 0 || size > LOCAL_PART_MAX)
		return false;
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;

	memcpy(copy, text, size);
	copy[size] = '\0';
	return dbus_validate_utf8(copy, NULL);
}

int
mt_idn_address(const char *text, size_t size, char ret[static MT_ADDRESS_SIZE])
{
	const char *at = memrchr(text, '@', size);
	char domain[MT_DOMAIN_SIZE];
	uint8_t literal[16];
	size_t local;
	int r;

	if (!at)
		return MT_IDN_E_INVALID;
	local = (size_t)(at - text);
	if (!is_local_part(text, local))
		return MT_IDN_E_INVALID;

	r = mt_idn_host(at + 1, size - local - 1, domain);
	if (r)
		return r;
	/* an account is discovered by its domain; an address literal has none */
	if (mt_ip_literal_parse(domain, literal) > 0)
		return MT_IDN_E_INVALID;

	memcpy(ret, text, local);
	ret[local] = '@';
	strcpy(ret + local + 1, domain);
	return 0;
}
