/* SPDX-License-Identifier: MIT */
/* DNS names as A-labels, and IP literals. */

#include "policy/domain.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool
is_label_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* label is lower-case already. RFC 1123 §2.1, with "_" as SRV owners and some hosts use it. */
static bool
is_label(const char *label, size_t size)
{
	if (size == 0 || size > MT_LABEL_MAX || label[0] == '-' || label[size - 1] == '-')
		return false;
	for (size_t i = 0; i < size; i++)
		if (!is_label_byte(label[i]))
			return false;
	return true;
}

static bool
is_all_digits(const char *label, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (label[i] < '0' || label[i] > '9')
			return false;
	return true;
}

int
mt_domain_normalise(const char *name, size_t size, char ret[static MT_DOMAIN_SIZE])
{
	char out[MT_DOMAIN_SIZE];
	size_t start = 0;

	if (size > 0 && name[size - 1] == '.')
		size--;
	if (size == 0 || size > MT_DOMAIN_MAX)
		return MT_DOMAIN_E_INVALID;
	for (size_t i = 0; i < size; i++)
		out[i] = lower(name[i]);
	for (size_t i = 0; i <= size; i++) {
		if (i < size && out[i] != '.')
			continue;
		if (!is_label(out + start, i - start))
			return MT_DOMAIN_E_INVALID;
		/* RFC 1123 §2.1: a top label of digits would make an address of a name */
		if (i == size && is_all_digits(out + start, i - start))
			return MT_DOMAIN_E_INVALID;
		start = i + 1;
	}
	memcpy(ret, out, size);
	memset(ret + size, 0, MT_DOMAIN_SIZE - size);
	return 0;
}

size_t
mt_ip_literal_parse(const char *text, uint8_t ret[static 16])
{
	if (inet_pton(AF_INET, text, ret) == 1)
		return 4;
	if (inet_pton(AF_INET6, text, ret) == 1)
		return 16;
	return 0;
}

int
mt_host_normalise(const char *text, size_t size, char ret[static MT_DOMAIN_SIZE])
{
	char literal[INET6_ADDRSTRLEN];
	uint8_t ip[16];
	size_t ip_size;

	if (size >= 2 && text[0] == '[' && text[size - 1] == ']') {
		text++;
		size -= 2;
		if (!memchr(text, ':', size))
			return MT_DOMAIN_E_INVALID;
	}
	if (size < sizeof(literal) && !memchr(text, '\0', size)) {
		memcpy(literal, text, size);
		literal[size] = '\0';
		ip_size = mt_ip_literal_parse(literal, ip);
		if (ip_size) {
			memset(ret, 0, MT_DOMAIN_SIZE);
			(void)inet_ntop(ip_size == 4 ? AF_INET : AF_INET6, ip, ret, MT_DOMAIN_SIZE);
			return 0;
		}
	}
	return mt_domain_normalise(text, size, ret);
}

static size_t
size_without_dot(const char *name)
{
	size_t size = strlen(name);

	return size > 0 && name[size - 1] == '.' ? size - 1 : size;
}

bool
mt_domain_equal(const char *a, const char *b)
{
	size_t size = size_without_dot(a);

	return size == size_without_dot(b) && strncasecmp(a, b, size) == 0;
}

bool
mt_domain_is_within(const char *name, const char *domain)
{
	size_t name_size = size_without_dot(name), size = size_without_dot(domain);

	if (size == 0 || name_size < size ||
	    strncasecmp(name + name_size - size, domain, size) != 0)
		return false;
	return name_size == size || name[name_size - size - 1] == '.';
}

bool
mt_host_is_loopback(const char *host)
{
	static const uint8_t ipv6[16] = {[15] = 1};
	uint8_t ip[16];

	switch (mt_ip_literal_parse(host, ip)) {
	case 4:
		return ip[0] == 127;
	case 16:
		return memcmp(ip, ipv6, 16) == 0;
	default:
		return mt_domain_is_within(host, "localhost");
	}
}

int
mt_address_split(const char *address, size_t *ret_local_size,
		 char ret_domain[static MT_DOMAIN_SIZE])
{
	const char *at = strrchr(address, '@');
	size_t local;

	if (!at)
		return MT_DOMAIN_E_INVALID;
	local = (size_t)(at - address);
	/* RFC 5321 §4.5.3.1.1; control bytes and spaces never belong in an account's address */
	if (local == 0 || local > 64)
		return MT_DOMAIN_E_INVALID;
	for (size_t i = 0; i < local; i++)
		if ((unsigned char)address[i] <= 0x20 || address[i] == 0x7f)
			return MT_DOMAIN_E_INVALID;
	if (mt_domain_normalise(at + 1, strlen(at + 1), ret_domain) != 0)
		return MT_DOMAIN_E_INVALID;
	*ret_local_size = local;
	return 0;
}
