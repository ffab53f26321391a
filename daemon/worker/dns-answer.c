/* SPDX-License-Identifier: MIT */
/* Records of DNS responses, by type. */

#include <arpa/inet.h>
#include <string.h>

#include "daemon/worker/dns-packet.h"
#include "daemon/worker/document.h"
#include "daemon/worker/wire.h"

/* RFC 2782: priority, weight, port, then the target */
#define SRV_FIXED 6
/* RFC 6698 §2.1: usage, selector, matching type, then the data */
#define TLSA_FIXED 3

void
mt_dns_add_address(const struct mt_dns_record *record, void *addresses)
{
	struct mt_addresses *ret = addresses;
	const bool is_ipv4 = record->type == MT_DNS_TYPE_A;

	if (record->data.size != (is_ipv4 ? 4 : 16) || ret->n == MT_ADDRESSES_MAX)
		return;
	if (inet_ntop(is_ipv4 ? AF_INET : AF_INET6, record->data.data, ret->address[ret->n],
		      MT_PEER_SIZE))
		ret->n++;
}

static uint16_t
read_u16(const uint8_t *data)
{
	return (uint16_t)(data[0] << 8 | data[1]);
}

void
mt_dns_add_srv(const struct mt_dns_record *record, void *srv_rrset)
{
	struct mt_srv_rrset *ret = srv_rrset;
	struct mt_srv_record srv = {0};
	const struct mt_bytes data = record->data;
	size_t name = (size_t)(data.data - record->packet.data) + SRV_FIXED;

	if (data.size <= SRV_FIXED ||
	    mt_dns_read_name(record->packet, name, srv.target) !=
		    (size_t)(data.data - record->packet.data) + data.size) {
		ret->n_unusable++;
		return;
	}
	srv.priority = read_u16(data.data);
	srv.weight = read_u16(data.data + 2);
	srv.port = read_u16(data.data + 4);
	mt_srv_rrset_add(ret, &srv);
}

/* A usable record beyond the bound takes the place of an unusable one. */
static struct mt_tlsa_record *
find_room(struct mt_tlsa_rrset *ret, bool usable)
{
	if (ret->n < MT_TLSA_MAX)
		return &ret->records[ret->n++];
	ret->n_omitted++;
	for (size_t i = 0; usable && i < ret->n; i++)
		if (!mt_tlsa_record_is_usable(&ret->records[i]))
			return &ret->records[i];
	return NULL;
}

void
mt_dns_add_tlsa(const struct mt_dns_record *record, void *tlsa_rrset)
{
	const struct mt_bytes data = record->data;
	struct mt_tlsa_record tlsa = {0}, *room;

	/* D-DANE-06: too short, or too large to be compared: there, and unusable */
	if (data.size >= TLSA_FIXED && data.size - TLSA_FIXED <= MT_TLSA_DATA_MAX) {
		tlsa.usage = data.data[0];
		tlsa.selector = data.data[1];
		tlsa.matching = data.data[2];
		tlsa.data = data.data + TLSA_FIXED;
		tlsa.size = (uint16_t)(data.size - TLSA_FIXED);
	}
	room = find_room(tlsa_rrset, mt_tlsa_record_is_usable(&tlsa));
	if (room)
		*room = tlsa;
}

/* RFC 1035 §3.3.14: character-strings, which are one text here (as RFC 7208 §3.3 has it). Return:
 * its size; 0 where it is none, or too long. */
static size_t
join_strings(struct mt_bytes data, uint8_t ret[static MT_TXT_MAX])
{
	size_t size = 0;

	for (size_t at = 0; at < data.size;) {
		const size_t part = data.data[at++];

		if (part > data.size - at || part > MT_TXT_MAX - size)
			return 0;
		memcpy(ret + size, data.data + at, part);
		size += part;
		at += part;
	}
	return size;
}

void
mt_dns_add_digest(const struct mt_dns_record *record, void *digest_rrset)
{
	struct mt_digest_rrset *ret = digest_rrset;
	uint8_t text[MT_TXT_MAX];
	const struct mt_bytes joined = {text, join_strings(record->data, text)};

	if (ret->n < MT_PACC_DIGESTS_MAX && mt_pacc_parse_digest(joined, ret->digests[ret->n]))
		ret->n++;
	else
		ret->n_unusable++;
}
