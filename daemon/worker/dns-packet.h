/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_DNS_PACKET_H
#define MT_DAEMON_WORKER_DNS_PACKET_H

/*
 * DNS responses as bytes (RFC 1035 §4): how long they hold, and the records of one type.
 *
 * libunbound has scrubbed and validated what comes here, so only what answers the question is in
 * the answer section; but this code believes no length, count or pointer. It does not look at
 * DNSSEC: that a signature is good is libunbound's word, here is only when it ends.
 */

#include "policy/rrset.h"

struct mt_addresses;

#define MT_DNS_TYPE_A 1
#define MT_DNS_TYPE_TXT 16
#define MT_DNS_TYPE_AAAA 28
#define MT_DNS_TYPE_SRV 33
#define MT_DNS_TYPE_TLSA 52

/* One record of the answer section. */
struct mt_dns_record {
	unsigned type;
	struct mt_bytes packet; /* for names in data that point back */
	struct mt_bytes data;   /* lies in packet */
};
typedef void (*mt_dns_record_fn)(const struct mt_dns_record *record, void *userdata);

/* What an answer says beside its records. */
struct mt_dns_facts {
	uint32_t ttl_sec;         /* the shortest, of aliases too; negative: of the SOA */
	int64_t signed_until_sec; /* since 1970; 0: no signature */
	char canonical[MT_DOMAIN_SIZE];
	size_t n; /* records of the type */
};

/*
 * Reads a response, with each record of rr_type handed to fn, which may be NULL. What fn was handed
 * is worthless where the response turns out to be malformed. now_sec places the signatures' end,
 * which is a serial number (RFC 4034 §3.1.5). Return: the rcode, or -1 where it is malformed, with
 * *ret untouched.
 */
int mt_dns_read(struct mt_bytes packet, unsigned rr_type, int64_t now_sec, mt_dns_record_fn fn,
		void *userdata, struct mt_dns_facts *ret);

/* Reads a name at an offset of the packet as text without the trailing dot; the root is ".".
 * Return: the offset behind it; 0 where it is malformed, over 253 bytes, or holds a byte that no
 * host name has (ret is then ""). */
size_t mt_dns_read_name(struct mt_bytes packet, size_t at, char ret[static MT_DOMAIN_SIZE]);

/* Records into structs, as functions for mt_dns_read(); userdata is the struct. TLSA data is
 * borrowed from the packet. */
void mt_dns_add_address(const struct mt_dns_record *record, void *addresses);
void mt_dns_add_srv(const struct mt_dns_record *record, void *srv_rrset);
void mt_dns_add_tlsa(const struct mt_dns_record *record, void *tlsa_rrset);
void mt_dns_add_digest(const struct mt_dns_record *record, void *digest_rrset);

#endif
