/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_WIRE_PACK_H
#define MT_DAEMON_WORKER_WIRE_PACK_H

/*
 * The alphabet of daemon/worker/wire.h: integers, bytes, texts, counts.
 *
 * Both directions are sticky: after the first value that does not fit, or is not there, everything
 * else is ignored (writing) or zero (reading), and the end says so. So a codec is a straight list
 * of fields with one check, and no field can be forgotten in an error path. Knows no message, but
 * the two structs that more than one message holds.
 */

#include "daemon/worker/wire.h"

/* Writing. begin() resets the message; end() fills the header in. */
void mt_pack_begin(struct mt_wire_message *msg, enum mt_wire_type type, uint64_t id);
MT_MUST_CHECK int mt_pack_end(struct mt_wire_message *msg);
void mt_pack_fail(struct mt_wire_message *msg);
void mt_pack_u8(struct mt_wire_message *msg, uint8_t value);
void mt_pack_u16(struct mt_wire_message *msg, uint16_t value);
void mt_pack_u32(struct mt_wire_message *msg, uint32_t value);
void mt_pack_u64(struct mt_wire_message *msg, uint64_t value);
void mt_pack_i64(struct mt_wire_message *msg, int64_t value);
void mt_pack_bool(struct mt_wire_message *msg, bool value);
void mt_pack_fixed(struct mt_wire_message *msg, const uint8_t *data, size_t size);
/* Refused when over max: what a decoder would not take is not sent. */
void mt_pack_bytes(struct mt_wire_message *msg, const uint8_t *data, size_t size, size_t max);
void mt_pack_count(struct mt_wire_message *msg, size_t count, size_t max);
void mt_pack_text(struct mt_wire_message *msg, const char *text, size_t buffer_size);

/* A list of at most MT_TLSA_MAX records. */
void mt_pack_tlsa_records(struct mt_wire_message *msg, const struct mt_tlsa_record *records,
			  size_t n);
/* A chain, leaf first. */
void mt_pack_chain(struct mt_wire_message *msg, const struct mt_bytes *chain, size_t n);

/* Reading. */
struct mt_unpack {
	const uint8_t *next;
	size_t left;
	bool bad;
};

void mt_unpack_begin(struct mt_unpack *in, struct mt_bytes body);
/* 0 when everything was read and nothing is left, else MT_WIRE_E_MALFORMED. */
MT_MUST_CHECK int mt_unpack_end(const struct mt_unpack *in);
void mt_unpack_fail(struct mt_unpack *in);
uint8_t mt_unpack_u8(struct mt_unpack *in);
uint16_t mt_unpack_u16(struct mt_unpack *in);
uint32_t mt_unpack_u32(struct mt_unpack *in);
uint64_t mt_unpack_u64(struct mt_unpack *in);
int64_t mt_unpack_i64(struct mt_unpack *in);
bool mt_unpack_bool(struct mt_unpack *in); /* 0 or 1, nothing else */
/* An enumerator below count. */
unsigned mt_unpack_enum(struct mt_unpack *in, unsigned count);
void mt_unpack_fixed(struct mt_unpack *in, uint8_t *ret, size_t size);
/* Borrowed from the body; size at most max. */
struct mt_bytes mt_unpack_bytes(struct mt_unpack *in, size_t max);
size_t mt_unpack_count(struct mt_unpack *in, size_t max);
/* Return: how many. Their data is borrowed from the body. */
size_t mt_unpack_tlsa_records(struct mt_unpack *in, struct mt_tlsa_record *ret);
/* D-PKIX-09: at most 10 certificates and 64 KiB reach a parser. Return: how many; borrowed. */
size_t mt_unpack_chain(struct mt_unpack *in, struct mt_bytes ret[static MT_CHAIN_MAX]);
/* Printable ASCII only, NUL-terminated in the buffer. */
void mt_unpack_text(struct mt_unpack *in, char *ret, size_t buffer_size);

/* A domain, normalised; an rrset's head; a thing to fetch, whose sanity is its reader's to look at.
 * In wire-dns.c and wire-fetch.c. */
void mt_unpack_domain(struct mt_unpack *in, char domain[static MT_DOMAIN_SIZE]);
void mt_pack_rrset(struct mt_wire_message *msg, const struct mt_rrset *rrset);
void mt_unpack_rrset(struct mt_unpack *in, struct mt_rrset *rrset);
void mt_pack_order(struct mt_wire_message *msg, const struct mt_fetch_order *order);
void mt_unpack_order(struct mt_unpack *in, struct mt_fetch_order *order);

/* Structs that more than one message holds, in wire.c. Of a chain request that is all but what
 * belongs to revocation. */
void mt_pack_request(struct mt_wire_message *msg, const struct mt_chain_request *request);
void mt_unpack_request(struct mt_unpack *in, struct mt_chain_request *request);
void mt_pack_validation(struct mt_wire_message *msg, const struct mt_validation *validation);
void mt_unpack_validation(struct mt_unpack *in, struct mt_validation *validation);

#endif
