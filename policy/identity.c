/* SPDX-License-Identifier: MIT */
/* Reference identifiers, and presented identifiers against them. */

#include "policy/identity.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/domain.h"

static const char *const types[] = {"none", "dns", "srv", "ip", "dane-ee"};
_Static_assert(MT_ARRAY_SIZE(types) == MT_REFID_TYPE_COUNT, "one name per type");

const char *
mt_refid_type_to_string(enum mt_refid_type type)
{
	return types[type];
}

const char *
mt_refids_format(const struct mt_refids *refs, char buffer[static MT_REFIDS_TEXT_SIZE])
{
	size_t at = 0;

	buffer[0] = '\0';
	for (size_t i = 0; i < refs->n; i++)
		at += (size_t)snprintf(buffer + at, MT_REFIDS_TEXT_SIZE - at, "%s%s:%s",
				       i > 0 ? "," : "", mt_refid_type_to_string(refs->ids[i].type),
				       refs->ids[i].value);
	return buffer;
}

static void
add(struct mt_refids *refs, enum mt_refid_type type, const char *label, const char *name)
{
	struct mt_refid *id = &refs->ids[refs->n];

	if (*name == '\0')
		return;
	for (size_t i = 0; i < refs->n; i++)
		if (type == MT_REFID_DNS && strcmp(refs->ids[i].value, name) == 0)
			return;
	id->type = type;
	(void)snprintf(id->value, sizeof(id->value), "%s%s%s", label, *label ? "." : "", name);
	refs->n++;
}

/* RFC 9525 §6.4: a literal is matched by its octets only, and only where a person configured it. */
static int
build_literal(const struct mt_reference *ref, const uint8_t *ip, size_t ip_size,
	      struct mt_refids *ret)
{
	if (ref->discovery != MT_DISCOVERY_MANUAL && ref->discovery != MT_DISCOVERY_ADMIN)
		return MT_REFIDS_E_INVALID;
	add(ret, MT_REFID_IP, "", ref->host);
	memcpy(ret->ids[0].ip, ip, ip_size);
	ret->ids[0].ip_size = ip_size;
	return 0;
}

/* May H be a name to match, or may we not even connect? Rows 3-6 and 8 of REQUIREMENTS 2.2. */
static int
judge_host(const struct mt_reference *ref, bool *ret_host)
{
	switch (ref->discovery) {
	case MT_DISCOVERY_MANUAL:
	case MT_DISCOVERY_ADMIN:
		*ret_host = true;
		return 0;
	case MT_DISCOVERY_SRV:
		if (ref->dnssec == MT_DNSSEC_BOGUS)
			return MT_REFIDS_E_NONE;
		*ret_host = true;
		if (ref->dnssec == MT_DNSSEC_SECURE || ref->confirmed ||
		    mt_domain_is_within(ref->host, ref->address_domain))
			return 0;
		return MT_REFIDS_E_NONE;
	case MT_DISCOVERY_UNKNOWN:
	case MT_DISCOVERY_AUTOCONFIG:
	case MT_DISCOVERY_AUTOCONFIG_HTTP:
	case MT_DISCOVERY_PACC:
		*ret_host = ref->saved || ref->confirmed;
		return 0;
	}
	return MT_REFIDS_E_NONE;
}

bool
mt_reference_needs_person(enum mt_discovery discovery, enum mt_dnssec dnssec, const char *host,
			  const char *domain)
{
	switch (discovery) {
	case MT_DISCOVERY_MANUAL:
	case MT_DISCOVERY_ADMIN:
		return false;
	case MT_DISCOVERY_SRV:
	case MT_DISCOVERY_PACC: /* signed where its digest is: DNS vouches for every byte */
		return dnssec != MT_DNSSEC_SECURE && !mt_domain_is_within(host, domain);
	case MT_DISCOVERY_AUTOCONFIG:
		return !mt_domain_is_within(host, domain);
	case MT_DISCOVERY_AUTOCONFIG_HTTP:
	case MT_DISCOVERY_UNKNOWN:
		break;
	}
	return true;
}

int
mt_refids_build(const struct mt_reference *ref, struct mt_refids *ret)
{
	char host[MT_DOMAIN_SIZE], domain[MT_DOMAIN_SIZE] = "";
	uint8_t ip[16];
	size_t ip_size = mt_ip_literal_parse(ref->host, ip);
	bool may_use_host = false;
	int r;

	memset(ret, 0, sizeof(*ret));
	if (ip_size)
		return build_literal(ref, ip, ip_size, ret);
	if (mt_domain_normalise(ref->host, strlen(ref->host), host) != 0)
		return MT_REFIDS_E_INVALID;
	if (ref->address_domain[0] != '\0' &&
	    mt_domain_normalise(ref->address_domain, strlen(ref->address_domain), domain) != 0)
		return MT_REFIDS_E_INVALID;
	r = judge_host(ref, &may_use_host);
	if (r)
		return r;
	if (may_use_host)
		add(ret, MT_REFID_DNS, "", host);
	add(ret, MT_REFID_DNS, "", domain);
	if (ref->discovery == MT_DISCOVERY_SRV && ref->label[0] != '\0')
		add(ret, MT_REFID_SRV, ref->label, domain);
	return ret->n > 0 ? 0 : MT_REFIDS_E_NONE;
}

static size_t
count_labels(const char *name, size_t size)
{
	size_t labels = 1;

	for (size_t i = 0; i < size; i++)
		labels += name[i] == '.';
	return labels;
}

/* D-ID-09: "*." as the whole left-most label matches exactly one label; two must follow it. */
static bool
wildcard_matches(const char *presented, size_t size, const char *reference)
{
	const char *dot = strchr(reference, '.');

	if (size < 3 || presented[0] != '*' || presented[1] != '.' || !dot || dot == reference ||
	    memchr(presented + 1, '*', size - 1) || count_labels(presented + 2, size - 2) < 2)
		return false;
	return strlen(dot) == size - 1 && strncasecmp(presented + 1, dot, size - 1) == 0;
}

int
mt_refids_match_dns(const struct mt_refids *refs, struct mt_bytes presented)
{
	const char *name = (const char *)presented.data;

	if (presented.size == 0 || presented.size > MT_DOMAIN_MAX ||
	    memchr(name, '\0', presented.size))
		return -1;
	for (size_t i = 0; i < refs->n; i++) {
		const char *value = refs->ids[i].value;

		if (refs->ids[i].type != MT_REFID_DNS)
			continue;
		if (strlen(value) == presented.size &&
		    strncasecmp(name, value, presented.size) == 0)
			return (int)i;
		if (wildcard_matches(name, presented.size, value))
			return (int)i;
	}
	return -1;
}

int
mt_refids_match_srv(const struct mt_refids *refs, struct mt_bytes presented)
{
	const char *name = (const char *)presented.data;

	for (size_t i = 0; i < refs->n; i++)
		/* Service and name only as a pair, no wildcards (D-ID-09, D-ID-13). */
		if (refs->ids[i].type == MT_REFID_SRV &&
		    strlen(refs->ids[i].value) == presented.size &&
		    !memchr(name, '\0', presented.size) &&
		    strncasecmp(name, refs->ids[i].value, presented.size) == 0)
			return (int)i;
	return -1;
}

int
mt_refids_match_ip(const struct mt_refids *refs, struct mt_bytes presented)
{
	for (size_t i = 0; i < refs->n; i++)
		if (refs->ids[i].type == MT_REFID_IP && refs->ids[i].ip_size == presented.size &&
		    memcmp(refs->ids[i].ip, presented.data, presented.size) == 0)
			return (int)i;
	return -1;
}
