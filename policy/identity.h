/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_IDENTITY_H
#define MT_POLICY_IDENTITY_H

/*
 * Reference identifiers by discovery path, and matching of presented identifiers against them
 * (RFC 7817 §3, RFC 9525 §6, RFC 4985).
 *
 * The list is fixed before any certificate is seen (D-ID-10): there is no function that adds one.
 * The subject CN and URI-ID are never identifiers (D-ID-07, D-ID-08). Names here are A-labels:
 * converting from U-labels is the caller's (libidn2, in ipc). Nothing here parses a certificate.
 */

#include "policy/limits.h"
#include "policy/service.h"

enum mt_refid_type { MT_REFID_NONE = 0, MT_REFID_DNS, MT_REFID_SRV, MT_REFID_IP, MT_REFID_DANE_EE };
#define MT_REFID_TYPE_COUNT 5

struct mt_refid {
	enum mt_refid_type type;
	char value[MT_DOMAIN_SIZE +
		   16]; /* "imap.example.test", "_imaps.example.test", "192.0.2.7" */
	uint8_t ip[16]; /* octets of an IP-ID */
	size_t ip_size; /* 4 or 16 */
};

struct mt_refids {
	struct mt_refid ids[MT_REFIDS_MAX];
	size_t n;
};

/* How the host of an endpoint came to be known. */
struct mt_reference {
	enum mt_discovery discovery;
	enum mt_dnssec dnssec; /* of the SRV RRset; meaningful for SRV */
	bool saved;            /* committed by the user: configuration from then on */
	bool confirmed;        /* out-of-domain target confirmed (consent srv-target) */
	char address_domain[MT_DOMAIN_SIZE]; /* of the account's address, A-labels */
	char host[MT_DOMAIN_SIZE];           /* saved or candidate host, or IP literal */
	char label[16]; /* SRV label it was discovered under, "_imaps"; "" if none */
};

/*
 * The name comes from a source that may have been forged, or leads out of the domain of the
 * address: a person confirms it before anything connects there (rows 11 and 13, R-5.1-12,
 * D-DISC-02). What was saved or confirmed meanwhile is the caller's to know.
 */
bool mt_reference_needs_person(enum mt_discovery discovery, enum mt_dnssec dnssec, const char *host,
			       const char *domain);

enum {
	MT_REFIDS_E_INVALID = 1, /* host or domain is neither a name nor a literal */
	MT_REFIDS_E_NONE = 2
}; /* row 4 of the table: no connection, hence no identifiers */

/*
 * Builds the list for one endpoint after the table of REQUIREMENTS 2.2 (D-ID-19, rows 1-8).
 * Order: H, D, SRV-ID. D equal to H is listed once.
 * Return: 0, MT_REFIDS_E_INVALID, MT_REFIDS_E_NONE; *ret is zeroed on failure.
 */
MT_MUST_CHECK int mt_refids_build(const struct mt_reference *ref, struct mt_refids *ret);

/* "dns:imap.example.test,srv:_imaps.example.test", for the log and its digest. */
#define MT_REFIDS_TEXT_SIZE (MT_REFIDS_MAX * (MT_DOMAIN_SIZE + 16 + 8))
const char *mt_refids_format(const struct mt_refids *refs, char buffer[static MT_REFIDS_TEXT_SIZE]);

/* Matching. Presented names are hostile: any bytes, any length, embedded NULs. Each returns the
 * index of the matched reference identifier, or -1. A wildcard is only the whole left-most label,
 * matches exactly one label, and needs two labels after it (D-ID-09). */
int mt_refids_match_dns(const struct mt_refids *refs, struct mt_bytes presented);
/* presented: the IA5String content "_Service.Name" (RFC 4985 §2, D-ID-13, D-ID-17). */
int mt_refids_match_srv(const struct mt_refids *refs, struct mt_bytes presented);
/* presented: the octets of an iPAddress, 4 or 16 (D-ID-14). */
int mt_refids_match_ip(const struct mt_refids *refs, struct mt_bytes presented);

const char *
mt_refid_type_to_string(enum mt_refid_type type); /* "none" "dns" "srv" "ip" "dane-ee" */

#endif
