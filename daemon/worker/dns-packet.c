/* SPDX-License-Identifier: MIT */
/* Sections, names and lifetimes of DNS responses. */

#include "daemon/worker/dns-packet.h"

#include <string.h>

#include "policy/domain.h"

#define TYPE_CNAME 5
#define TYPE_SOA 6
#define TYPE_RRSIG 46
#define CLASS_IN 1
/* RFC 4034 §3.1: where an RRSIG says when it ends, and how long its fixed part is */
#define RRSIG_EXPIRATION 8
#define RRSIG_FIXED 18
/* A name of 253 bytes has at most 127 labels; a pointer chain longer than that is a loop. */
#define JUMPS_MAX 127

struct cursor {
	struct mt_bytes packet;
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

	if (c->bad || n > c->packet.size - c->at) {
		c->bad = true;
		return 0;
	}
	while (n-- > 0)
		value = value << 8 | c->packet.data[c->at++];
	return value;
}

static void
skip(struct cursor *c, size_t n)
{
	if (c->bad || n > c->packet.size - c->at)
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
	record.data = (struct mt_bytes){.data = c->packet.data + c->at, .size = size};
	skip(c, size);
	/* the sign bit is no TTL (RFC 2181 §8) */
	if (record.ttl > INT32_MAX)
		record.ttl = 0;
	return record;
}

static uint32_t
read_u32(const uint8_t *data)
{
	return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

static void
bound_ttl(struct mt_dns_facts *facts, uint32_t ttl)
{
	if (ttl < facts->ttl_sec)
		facts->ttl_sec = ttl;
}

/* The first to end of those that stand. Where all have ended (the validator forgives some hours),
 * the last of them: nothing is then kept. */
static void
read_rrsig(struct mt_dns_facts *facts, struct mt_bytes data, int64_t now_sec)
{
	int64_t until;
	bool stands, known_stands = facts->signed_until_sec > now_sec;

	if (data.size < RRSIG_FIXED)
		return;
	until = now_sec + (int32_t)(read_u32(data.data + RRSIG_EXPIRATION) - (uint32_t)now_sec);
	stands = until > now_sec;
	if (facts->signed_until_sec == 0 || (stands && !known_stands) ||
	    (stands == known_stands && (until < facts->signed_until_sec) == stands))
		facts->signed_until_sec = until;
}

/* How long "there is none" holds: the shorter of the SOA's TTL and its last field (RFC 2308 §5). */
static uint32_t
read_soa(const struct record *soa)
{
	uint32_t minimum;

	if (soa->data.size < 4)
		return 0;
	minimum = read_u32(soa->data.data + soa->data.size - 4);
	return soa->ttl < minimum ? soa->ttl : minimum;
}

static void
read_canonical(struct mt_dns_facts *facts, struct mt_bytes packet, const struct record *alias)
{
	/* one that cannot be shown leaves the last that could */
	char name[MT_DOMAIN_SIZE];

	if (mt_dns_read_name(packet, (size_t)(alias->data.data - packet.data), name) != 0)
		memcpy(facts->canonical, name, sizeof(name));
}

static void
read_answers(struct cursor *c, uint32_t count, unsigned rr_type, int64_t now_sec,
	     mt_dns_record_fn fn, void *userdata, struct mt_dns_facts *facts)
{
	while (count-- > 0 && !c->bad) {
		const struct record record = take_record(c);

		if (c->bad || record.class != CLASS_IN)
			continue;
		bound_ttl(facts, record.ttl); /* of aliases too */
		if (record.type == TYPE_CNAME && rr_type != TYPE_CNAME)
			read_canonical(facts, c->packet, &record);
		if (record.type == TYPE_RRSIG)
			read_rrsig(facts, record.data, now_sec);
		if (record.type != rr_type)
			continue;
		facts->n++;
		if (fn)
			fn(&(struct mt_dns_record){record.type, c->packet, record.data}, userdata);
	}
}

/* What proves an absence is here, signed or not. Without a SOA it is not kept (RFC 2308 §5). */
static void
read_authority(struct cursor *c, uint32_t count, int64_t now_sec, struct mt_dns_facts *facts)
{
	uint32_t ttl = 0;

	while (count-- > 0 && !c->bad) {
		const struct record record = take_record(c);

		if (c->bad || record.class != CLASS_IN)
			continue;
		if (record.type == TYPE_SOA)
			ttl = read_soa(&record);
		if (record.type == TYPE_RRSIG)
			read_rrsig(facts, record.data, now_sec);
	}
	bound_ttl(facts, ttl);
}

int
mt_dns_read(struct mt_bytes packet, unsigned rr_type, int64_t now_sec, mt_dns_record_fn fn,
	    void *userdata, struct mt_dns_facts *ret)
{
	struct cursor c = {.packet = packet};
	struct mt_dns_facts facts = {.ttl_sec = MT_DNS_TTL_MAX_SEC};
	uint32_t flags, n_question, n_answer, n_authority;

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
	read_answers(&c, n_answer, rr_type, now_sec, fn, userdata, &facts);
	if (facts.n == 0)
		read_authority(&c, n_authority, now_sec, &facts);
	if (c.bad)
		return -1;
	*ret = facts;
	return (int)(flags & 0xf);
}

/* Appends one label and a dot. Bytes that are not of a host name, or would read as a dot, are
 * refused: text could not tell them apart. */
static bool
append_label(char *text, size_t *size, const uint8_t *label, size_t length)
{
	if (*size + length + 1 > MT_DOMAIN_MAX + 1)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (label[i] <= ' ' || label[i] >= 0x7f || label[i] == '.')
			return false;
		text[(*size)++] = (char)label[i];
	}
	text[(*size)++] = '.';
	return true;
}

size_t
mt_dns_read_name(struct mt_bytes packet, size_t at, char ret[static MT_DOMAIN_SIZE])
{
	struct cursor c = {.packet = packet, .at = at, .bad = at > packet.size};
	char text[MT_DOMAIN_SIZE];
	size_t size = 0, end = 0;
	unsigned jumps = 0;
	uint32_t length;

	ret[0] = '\0';
	while ((length = take(&c, 1)) != 0) {
		if ((length & 0xc0) == 0xc0) {
			size_t to = (length & 0x3f) << 8 | take(&c, 1);

			end = end ? end : c.at;
			if (c.bad || to >= packet.size || ++jumps > JUMPS_MAX)
				return 0;
			c.at = to;
			continue;
		}
		if (length & 0xc0 || length > packet.size - c.at ||
		    !append_label(text, &size, packet.data + c.at, length))
			return 0;
		skip(&c, length);
	}
	if (c.bad)
		return 0;
	end = end ? end : c.at;
	if (size == 0)
		memcpy(ret, ".", 2);
	else if (mt_domain_normalise(text, size, ret) != 0)
		return 0;
	return end;
}
