/* SPDX-License-Identifier: MIT */
/* Single checks of certificates along a path. */

#include "daemon/worker/checks.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#define EC_BITS_MIN 256
#define SIGNATURE_BITS_MIN 112
#define SERIAL_OCTETS_MAX 20
#define EXTENSIONS_MAX 64 /* public certificates have about ten */

static void
free_names(GENERAL_NAMES **names)
{
	GENERAL_NAMES_free(*names);
}

static void
free_constraints(NAME_CONSTRAINTS **constraints)
{
	NAME_CONSTRAINTS_free(*constraints);
}

static GENERAL_NAMES *
get_san(const X509 *cert)
{
	return X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
}

static NAME_CONSTRAINTS *
get_constraints(const X509 *cert)
{
	return X509_get_ext_d2i(cert, NID_name_constraints, NULL, NULL);
}

/* RFC 5280 §4.1.2.2: a positive integer of at most 20 octets. */
static bool
serial_is_bad(const X509 *cert)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	const unsigned char *data = ASN1_STRING_get0_data(serial);
	int size = ASN1_STRING_length(serial);
	bool zero = true;

	for (int i = 0; i < size; i++)
		zero = zero && data[i] == 0;
	return zero || size > SERIAL_OCTETS_MAX || ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER;
}

/* RFC 5280 §4.2: no extension stands twice. OpenSSL looks only at those it evaluates. */
static bool
has_extension_twice(const X509 *cert)
{
	int n = X509_get_ext_count(cert);

	if (n > EXTENSIONS_MAX)
		return true;
	for (int i = 0; i < n; i++)
		if (X509_get_ext_by_OBJ(cert, X509_EXTENSION_get_object(X509_get_ext(cert, i)),
					i) >= 0)
			return true;
	return false;
}

/* RFC 5280 §4.2.1.12: an EKU that is there must allow server authentication; SGC does not count. */
static bool
eku_forbids_server(const X509 *cert)
{
	EXTENDED_KEY_USAGE *eku = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
	bool allows = false;

	if (!eku)
		return false;
	for (int i = 0; i < sk_ASN1_OBJECT_num(eku); i++) {
		int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(eku, i));

		allows = allows || nid == NID_server_auth;
	}
	EXTENDED_KEY_USAGE_free(eku);
	return !allows;
}

/* RFC 5280 §4.2.1.6: with an empty subject the alternative name must be critical. */
static bool
empty_subject_needs_critical_san(const X509 *cert)
{
	int at = X509_get_ext_by_NID(cert, NID_subject_alt_name, -1);

	return X509_NAME_entry_count(X509_get_subject_name(cert)) == 0 && at >= 0 &&
	       !X509_EXTENSION_get_critical(X509_get_ext(cert, at));
}

static bool
is_name_byte(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.';
}

/* RFC 5280 §4.2.1.6: preferred name syntax; "_" occurs in practice, "*." is RFC 9525 §6.3's. */
static bool
is_host_name(const unsigned char *name, size_t size)
{
	if (size >= 2 && name[0] == '*' && name[1] == '.') {
		name += 2;
		size -= 2;
	}
	if (size == 0 || size > MT_DOMAIN_MAX || name[0] == '.' || name[size - 1] == '.')
		return false;
	for (size_t i = 0; i < size; i++)
		if (!is_name_byte(name[i]) || (name[i] == '.' && name[i - 1] == '.'))
			return false;
	return true;
}

static bool
has_san_that_is_no_host(const X509 *cert)
{
	MT_CLEANUP(free_names) GENERAL_NAMES *names = get_san(cert);
	bool found = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			found = found || !is_host_name(ASN1_STRING_get0_data(name->d.dNSName),
						       (size_t)ASN1_STRING_length(name->d.dNSName));
	}
	return found;
}

/* RFC 5280 §4.2.1.10: only in a CA certificate. */
static bool
leaf_has_name_constraints(const X509 *leaf)
{
	return X509_get_ext_by_NID(leaf, NID_name_constraints, -1) >= 0;
}

/* RFC 5280 §4.2.1.10: a sequence of nothing. */
static bool
constraints_are_empty(const NAME_CONSTRAINTS *nc)
{
	return sk_GENERAL_SUBTREE_num(nc->permittedSubtrees) <= 0 &&
	       sk_GENERAL_SUBTREE_num(nc->excludedSubtrees) <= 0;
}

/* name is base, or ends in it by whole labels; a base of ".x" matches below x, "" everything. */
static bool
is_in_subtree(const unsigned char *name, size_t size, const ASN1_IA5STRING *base)
{
	const unsigned char *b = ASN1_STRING_get0_data(base);
	size_t n = (size_t)ASN1_STRING_length(base);

	if (n == 0)
		return true;
	if (size < n || strncasecmp((const char *)name + size - n, (const char *)b, n) != 0)
		return false;
	return size == n || b[0] == '.' || name[size - n - 1] == '.';
}

/* "*.a" stands for x.a too: if x.a is excluded, the wildcard reaches into the excluded subtree. */
static bool
wildcard_reaches(const GENERAL_NAME *san, const ASN1_IA5STRING *excluded)
{
	const unsigned char *name = ASN1_STRING_get0_data(san->d.dNSName);
	size_t size = (size_t)ASN1_STRING_length(san->d.dNSName);
	const unsigned char *ex = ASN1_STRING_get0_data(excluded);
	size_t n = (size_t)ASN1_STRING_length(excluded);

	if (size < 3 || name[0] != '*' || name[1] != '.')
		return false;
	name += 1; /* ".a" */
	size -= 1;
	return n > size && strncasecmp((const char *)ex + n - size, (const char *)name, size) == 0;
}

static bool
is_srv_name(const GENERAL_NAME *name)
{
	return name->type == GEN_OTHERNAME &&
	       OBJ_obj2nid(name->d.otherName->type_id) == NID_SRVName;
}

static bool
has_subtree_of_srv(const STACK_OF(GENERAL_SUBTREE) * trees)
{
	for (int i = 0; i < sk_GENERAL_SUBTREE_num(trees); i++)
		if (is_srv_name(sk_GENERAL_SUBTREE_value(trees, i)->base))
			return true;
	return false;
}

/* The domain part of an SRV-ID "_imaps.example.test", or size 0 where it is none. */
static struct mt_bytes
srv_domain(const GENERAL_NAME *san)
{
	const ASN1_TYPE *value = san->d.otherName->value;
	struct mt_bytes domain = {0};
	const unsigned char *text, *dot;
	size_t size;

	if (!value || value->type != V_ASN1_IA5STRING)
		return domain;
	text = ASN1_STRING_get0_data(value->value.ia5string);
	size = (size_t)ASN1_STRING_length(value->value.ia5string);
	dot = memchr(text, '.', size);
	if (dot)
		domain = (struct mt_bytes){dot + 1, size - (size_t)(dot + 1 - text)};
	return domain;
}

/* D-ID-18: a CA constrained for DNS names must not gain SRV-IDs outside of its subtrees. */
static bool
srv_escapes(const GENERAL_NAME *san, const NAME_CONSTRAINTS *nc)
{
	struct mt_bytes domain = srv_domain(san);
	bool constrained = false, permitted = false;

	for (int i = 0; i < sk_GENERAL_SUBTREE_num(nc->permittedSubtrees); i++) {
		const GENERAL_NAME *base = sk_GENERAL_SUBTREE_value(nc->permittedSubtrees, i)->base;

		if (base->type != GEN_DNS)
			continue;
		constrained = true;
		permitted = permitted || is_in_subtree(domain.data, domain.size, base->d.dNSName);
	}
	for (int i = 0; i < sk_GENERAL_SUBTREE_num(nc->excludedSubtrees); i++) {
		const GENERAL_NAME *base = sk_GENERAL_SUBTREE_value(nc->excludedSubtrees, i)->base;

		if (base->type == GEN_DNS &&
		    is_in_subtree(domain.data, domain.size, base->d.dNSName))
			return true;
	}
	return constrained && !permitted;
}

static bool
san_violates(const GENERAL_NAME *san, const NAME_CONSTRAINTS *nc)
{
	if (is_srv_name(san))
		return srv_escapes(san, nc);
	if (san->type != GEN_DNS)
		return false;
	for (int i = 0; i < sk_GENERAL_SUBTREE_num(nc->excludedSubtrees); i++) {
		const GENERAL_NAME *base = sk_GENERAL_SUBTREE_value(nc->excludedSubtrees, i)->base;

		if (base->type == GEN_DNS && wildcard_reaches(san, base->d.dNSName))
			return true;
	}
	return false;
}

/* What OpenSSL leaves of a CA's name constraints (RFC 5280 §4.2.1.10, RFC 4985 §4). */
static bool
constraints_violated(const X509 *ca, const GENERAL_NAMES *leaf_names)
{
	MT_CLEANUP(free_constraints) NAME_CONSTRAINTS *nc = get_constraints(ca);
	bool violated;

	if (!nc)
		return false;
	/* OpenSSL cannot evaluate SRVName, so a CA that constrains it is refused whole. */
	violated = constraints_are_empty(nc) || has_subtree_of_srv(nc->permittedSubtrees) ||
		   has_subtree_of_srv(nc->excludedSubtrees);
	for (int i = 0; i < sk_GENERAL_NAME_num(leaf_names) && !violated; i++)
		violated = san_violates(sk_GENERAL_NAME_value(leaf_names, i), nc);
	return violated;
}

static size_t
at_least_none(int n)
{
	return n > 0 ? (size_t)n : 0;
}

size_t
mt_checks_count_names(const X509 *cert)
{
	MT_CLEANUP(free_names) GENERAL_NAMES *names = get_san(cert);

	return at_least_none(sk_GENERAL_NAME_num(names)) +
	       at_least_none(X509_NAME_entry_count(X509_get_subject_name(cert)));
}

size_t
mt_checks_count_constraints(const X509 *cert)
{
	MT_CLEANUP(free_constraints) NAME_CONSTRAINTS *nc = get_constraints(cert);

	if (!nc)
		return 0;
	return at_least_none(sk_GENERAL_SUBTREE_num(nc->permittedSubtrees)) +
	       at_least_none(sk_GENERAL_SUBTREE_num(nc->excludedSubtrees));
}

bool
mt_checks_key_is_weak(X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	return key && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
	       EVP_PKEY_get_bits(key) < EC_BITS_MIN;
}

bool
mt_checks_signature_is_weak(X509 *cert)
{
	int bits;

	return X509_get_signature_info(cert, NULL, NULL, &bits, NULL) && bits < SIGNATURE_BITS_MIN;
}

uint32_t
mt_checks_path(X509 *const *path, size_t n)
{
	MT_CLEANUP(free_names) GENERAL_NAMES *leaf_names = get_san(path[0]);
	const uint32_t violation = (uint32_t)MT_BIT(MT_CERT_CONSTRAINT_VIOLATION);
	uint32_t faults = 0;

	if (leaf_has_name_constraints(path[0]) || empty_subject_needs_critical_san(path[0]) ||
	    has_san_that_is_no_host(path[0]))
		faults |= violation;
	for (size_t i = 0; i < n; i++) {
		/* The anchor is trusted as it is: only what it constrains counts (RFC 5280 §6.1).
		 */
		bool is_anchor = n > 1 && i == n - 1;

		if (!is_anchor && (serial_is_bad(path[i]) || has_extension_twice(path[i]) ||
				   eku_forbids_server(path[i])))
			faults |= violation;
		if (i > 0 && constraints_violated(path[i], leaf_names))
			faults |= violation;
		if (mt_checks_key_is_weak(path[i]))
			faults |= (uint32_t)MT_BIT(MT_CERT_WEAK_CRYPTO);
	}
	return faults;
}

static bool
to_seconds(const ASN1_TIME *date, int64_t *ret)
{
	struct tm tm;

	if (!date || ASN1_TIME_to_tm(date, &tm) != 1)
		return false;
	*ret = timegm(&tm);
	return true;
}

uint32_t
mt_checks_dates(const X509 *cert, int64_t at_usec)
{
	int64_t from, until, at = at_usec / MT_USEC_PER_SEC;

	if (!to_seconds(X509_get0_notBefore(cert), &from) ||
	    !to_seconds(X509_get0_notAfter(cert), &until))
		return (uint32_t)MT_BIT(MT_CERT_CONSTRAINT_VIOLATION);
	if (at < from)
		return (uint32_t)MT_BIT(MT_CERT_NOT_YET_VALID);
	/* RFC 5280 §4.1.2.5: inclusive; OpenSSL's own comparison is not */
	return at > until ? (uint32_t)MT_BIT(MT_CERT_EXPIRED) : 0;
}

int64_t
mt_checks_not_after(const X509 *cert)
{
	int64_t until;

	if (!to_seconds(X509_get0_notAfter(cert), &until))
		return 0;
	return (until + 1) * MT_USEC_PER_SEC;
}
