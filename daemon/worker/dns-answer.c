/* SPDX-License-Identifier: MIT */
/* Address records of a DNS response (RFC 1035 §4). libunbound has scrubbed and validated it: only
 * what answers the question is in the answer section. */

#include <arpa/inet.h>
#include <string.h>

#include "daemon/worker/dns.h"

#define HEADER_SIZE 12
#define TYPE_A 1
#define TYPE_SOA 6
#define TYPE_AAAA 28
#define CLASS_IN 1
/* A name's TTL is at most a week here, as in resolvers; the sign bit is no TTL (RFC 2181 §8). */
#define TTL_MAX (7 * 86400)

struct cursor {
	const uint8_t *data;
	size_t size;
	size_t at;
	bool bad;
};

struct record {
	unsigned type, class;
	uint32_t ttl;
	struct mt_bytes data;
};

static uint32_t
take(struct cursor *c, size_t n)
{
	uint32_t value = 0;

	if (c->bad || n > c->size - c->at) {
		c->bad = true;
		return 0;
	}
	while (n-- > 0)
		value = value << 8 | c->data[c->at++];
	return value;
}

static void
skip(struct cursor *c, size_t n)
{
	if (c->bad || n > c->size - c->at)
		c->bad = true;
	else
		c->at += n;
}

/* A name is over after its first pointer (RFC 1035 §4.1.4); where that leads does not matter. */
static void
skip_name(struct cursor *c)
{
	while (!c->bad) {
		uint32_t length = take(c, 1);

		if (length == 0)
			return;
		if ((length & 0xc0) == 0xc0) {
			skip(c, 1);
			return;
		}
		if (length & 0xc0)
			c->bad = true;
		skip(c, length);
	}
}

static struct record
take_record(struct cursor *c)
{
	struct record record = {0};
	size_t size;

	skip_name(c);
	record.type = take(c, 2);
	record.class = take(c, 2);
	record.ttl = take(c, 4);
	size = take(c, 2);
	record.data = (struct mt_bytes){.data = c->data + c->at, .size = size};
	skip(c, size);
	if (record.ttl > INT32_MAX)
		record.ttl = 0;
	return record;
}

static void
bound_ttl(struct mt_addresses *ret, uint32_t ttl)
{
	if (ttl < ret->ttl_sec)
		ret->ttl_sec = ttl;
}

static void
add_address(struct mt_addresses *ret, unsigned type, struct mt_bytes data)
{
	const int family = type == TYPE_A ? AF_INET : AF_INET6;

	if (ret->n < MT_ADDRESSES_MAX &&
	    inet_ntop(family, data.data, ret->address[ret->n], MT_PEER_SIZE))
		ret->n++;
}

/* How long "there is none" holds: the shorter of the SOA's TTL and its last field (RFC 2308 §5). */
static void
read_soa(struct mt_addresses *ret, const struct record *soa)
{
	uint32_t minimum = 0;

	if (soa->data.size < 4)
		return;
	for (size_t i = soa->data.size - 4; i < soa->data.size; i++)
		minimum = minimum << 8 | soa->data.data[i];
	bound_ttl(ret, soa->ttl < minimum ? soa->ttl : minimum);
}

int
mt_dns_read_answer(const uint8_t *packet, size_t size, unsigned rr_type, struct mt_addresses *ret)
{
	struct cursor c = {.data = packet, .size = size};
	struct mt_addresses found = *ret;
	uint32_t flags, n_question, n_answer, n_authority;

	bound_ttl(&found, TTL_MAX);
	skip(&c, 2);
	flags = take(&c, 2);
	n_question = take(&c, 2);
	n_answer = take(&c, 2);
	n_authority = take(&c, 2);
	skip(&c, 2);
	while (n_question-- > 0 && !c.bad) {
		skip_name(&c);
		skip(&c, 4);
	}
	while (n_answer-- > 0 && !c.bad) {
		struct record record = take_record(&c);

		if (c.bad || record.class != CLASS_IN)
			continue;
		bound_ttl(&found, record.ttl); /* of aliases too */
		if (record.type == rr_type && record.data.size == (rr_type == TYPE_A ? 4 : 16))
			add_address(&found, rr_type, record.data);
	}
	while (n_authority-- > 0 && !c.bad && found.n == ret->n) {
		struct record record = take_record(&c);

		if (!c.bad && record.class == CLASS_IN && record.type == TYPE_SOA)
			read_soa(&found, &record);
	}
	if (c.bad)
		return -1;
	*ret = found;
	return (int)(flags & 0xf);
}
