/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_RRSET_H
#define MT_POLICY_RRSET_H

/*
 * What DNS said about SRV, TLSA and digests of documents, and how far it can be believed: plain
 * facts.
 *
 * Two things are kept apart, as in RFC 4035 §4.3: whether there was an answer (state), and whether
 * the answer, or its absence, is authenticated (dnssec). A SERVFAIL or a timeout is never
 * "insecure", only undetermined: an attacker who drops packets must gain nothing by it.
 *
 * Here also: what a TLSA answer means for the decision (D-DANE-01), and whether a host can have
 * TLSA at all. Not here: how it was asked, whether a record is usable (validation.h), and which SRV
 * record to choose (discovery.h). Records come in a canonical order, not in the order of the
 * packet, so that equal RRsets are equal structs.
 */

#include "policy/validation.h"

/* Zero: nobody was asked, e.g. the worker is down or busy. */
enum mt_rrset_state {
	MT_RRSET_FAILED = 0,
	MT_RRSET_TIMEOUT,  /* no answer within MT_DNS_USEC */
	MT_RRSET_SERVFAIL, /* the resolver found no answer, or a bogus one: see dnssec */
	MT_RRSET_ABSENT,   /* no such name, or no record of this type */
	MT_RRSET_FOUND
};
#define MT_RRSET_STATE_COUNT 5
const char *mt_rrset_state_to_string(enum mt_rrset_state state); /* "failed" … "found" */
MT_MUST_CHECK int mt_rrset_state_from_string(const char *string, enum mt_rrset_state *ret);

/* What every answer has. */
struct mt_rrset {
	enum mt_rrset_state state;
	enum mt_dnssec dnssec;     /* of the answer or of its absence */
	uint32_t ttl_sec;          /* of a negative answer too; 0: do not keep */
	int64_t signed_until_usec; /* wall clock; the first signature to end. 0: none */
	/* Where aliases (CNAME) led; "" where the name asked for is its own. For display only:
	 * names are never replaced by it (D-SRV-13). */
	char canonical[MT_DOMAIN_SIZE];
};

struct mt_srv_record {
	uint16_t priority, weight, port;
	char target[MT_DOMAIN_SIZE]; /* normalised; "." says the service is not offered */
};

struct mt_srv_rrset {
	struct mt_rrset rrset;
	struct mt_srv_record records[MT_SRV_MAX]; /* by priority, target, port, weight */
	size_t n;
	uint32_t n_omitted;  /* beyond the bound: those of the worst priority */
	uint32_t n_unusable; /* whose target is no host name: an address, bytes no label has */
};

struct mt_tlsa_rrset {
	struct mt_rrset rrset;
	enum mt_dnssec address; /* of the host's A and AAAA, which are asked first (D-DANE-02) */
	struct mt_tlsa_record records[MT_TLSA_MAX]; /* usable ones first; data is borrowed */
	size_t n;
	uint32_t n_omitted; /* beyond the bounds */
};

/* Digests of a PACC document (D-DISC-07): any one of them may be the right one. */
struct mt_digest_rrset {
	struct mt_rrset rrset; /* FOUND where there is any TXT record at the name */
	uint8_t digests[MT_PACC_DIGESTS_MAX][32];
	size_t n;
	uint32_t n_unusable; /* TXT records that are none, or beyond the bound */
};

/* RFC 7671 §3, RFC 6761 §6.3: an IP literal, localhost and *.localhost have no TLSA and are never
 * asked about. */
bool mt_host_may_have_tlsa(const char *host);

/*
 * What the answer means for rows 21, 29 and 30 (D-DANE-01, D-DANE-02). Secure data counts only
 * where the addresses are secure too; addresses proven insecure end the question.
 */
enum mt_tlsa_status mt_tlsa_rrset_status(const struct mt_tlsa_rrset *answer);

/* Order of records, as of strcmp(). */
int mt_srv_record_compare(const struct mt_srv_record *a, const struct mt_srv_record *b);

/* Puts a record where it belongs, and the worst one out where there is no room. */
void mt_srv_rrset_add(struct mt_srv_rrset *rrset, const struct mt_srv_record *record);

#endif
