/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_DOMAIN_H
#define MT_POLICY_DOMAIN_H

/*
 * DNS names as A-labels: validate, normalise, compare, "inside the queried domain".
 * Does not convert U-labels (ipc/idn.h does) and knows no public suffixes.
 */

#include "policy/limits.h"

enum { MT_DOMAIN_E_INVALID = 1 };

/*
 * Lower-cases, drops one trailing dot, and checks the form: labels of 1-63 letters, digits,
 * hyphens and underscores, no hyphen at either end, at most 253 bytes, ASCII. A last label of
 * digits alone is refused (it would be an address, RFC 1123 §2.1).
 * Return: 0, or MT_DOMAIN_E_INVALID with ret untouched.
 */
MT_MUST_CHECK int mt_domain_normalise(const char *name, size_t size,
				      char ret[static MT_DOMAIN_SIZE]);

/* Parses an IPv4 or IPv6 literal without brackets. Return: 4, 16, or 0 where it is none. */
size_t mt_ip_literal_parse(const char *text, uint8_t ret[static 16]);

/* A host: a domain name or an IP literal, normalised (IPv6 as inet_ntop prints it; brackets are
 * removed). Return: 0, or MT_DOMAIN_E_INVALID. */
MT_MUST_CHECK int mt_host_normalise(const char *text, size_t size, char ret[static MT_DOMAIN_SIZE]);

/* Equal, ASCII case-insensitive, one trailing dot ignored. */
bool mt_domain_equal(const char *a, const char *b);

/* name is domain or ends in whole labels of it (D-SRV-12): imap.example.test is in example.test,
 * notexample.test is not. */
bool mt_domain_is_within(const char *name, const char *domain);

/* Special-use names that have no TLSA and never leave the host: localhost and *.localhost
 * (RFC 6761 §6.3), loopback literals. */
bool mt_host_is_loopback(const char *host);

/* Splits "local@domain" at the last "@"; domain is normalised. A domain that is not A-label text is
 * MT_DOMAIN_E_INVALID here. Return: 0 with the local part's length, or MT_DOMAIN_E_INVALID. */
MT_MUST_CHECK int mt_address_split(const char *address, size_t *ret_local_size,
				   char ret_domain[static MT_DOMAIN_SIZE]);

#endif
