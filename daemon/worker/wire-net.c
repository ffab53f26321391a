/* SPDX-License-Identifier: MIT */
/* Messages of the worker link: resolve, addresses, probe and evidence. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/worker/wire-pack.h"
#include "daemon/worker/wire.h"
#include "policy/domain.h"

/* Addresses are literals, whoever sends them: nobody may slip a name to be dialled past the
 * resolver. */
static void
pack_address_list(struct mt_wire_message *msg, const char (*address)[MT_PEER_SIZE], size_t n)
{
	mt_pack_count(msg, n, MT_ADDRESSES_MAX);
	for (size_t i = 0; i < n && !msg->overflow; i++)
		mt_pack_text(msg, address[i], MT_PEER_SIZE);
}

static size_t
unpack_address_list(struct mt_unpack *in, char (*address)[MT_PEER_SIZE])
{
	size_t n = mt_unpack_count(in, MT_ADDRESSES_MAX);
	uint8_t octets[16];

	for (size_t i = 0; i < n; i++) {
		mt_unpack_text(in, address[i], MT_PEER_SIZE);
		if (mt_ip_literal_parse(address[i], octets) == 0)
			mt_unpack_fail(in);
	}
	return n;
}

static void
unpack_host(struct mt_unpack *in, char host[static MT_DOMAIN_SIZE])
{
	char normal[MT_DOMAIN_SIZE];

	mt_unpack_text(in, host, MT_DOMAIN_SIZE);
	if (in->bad)
		return;
	if (mt_host_normalise(host, strlen(host), normal) != 0 || strcmp(host, normal) != 0)
		mt_unpack_fail(in);
}

/* RESOLVE */

int
mt_wire_encode_resolve(struct mt_wire_message *msg, uint64_t id, const char *host)
{
	mt_pack_begin(msg, MT_WIRE_RESOLVE, id);
	mt_pack_text(msg, host, MT_DOMAIN_SIZE);
	return mt_pack_end(msg);
}

int
mt_wire_decode_resolve(struct mt_bytes body, char ret_host[static MT_DOMAIN_SIZE])
{
	char host[MT_DOMAIN_SIZE] = "";
	struct mt_unpack in;

	mt_unpack_begin(&in, body);
	unpack_host(&in, host);
	if (mt_unpack_end(&in) != 0)
		return MT_WIRE_E_MALFORMED;

	memcpy(ret_host, host, sizeof(host));
	return 0;
}

/* ADDRESSES */

int
mt_wire_encode_addresses(struct mt_wire_message *msg, uint64_t id,
			 const struct mt_addresses *addresses)
{
	mt_pack_begin(msg, MT_WIRE_ADDRESSES, id);
	mt_pack_u8(msg, (uint8_t)addresses->state);
	mt_pack_u8(msg, (uint8_t)addresses->dnssec);
	mt_pack_u8(msg, (uint8_t)addresses->tree);
	mt_pack_u32(msg, addresses->ttl_sec);
	pack_address_list(msg, addresses->address, addresses->n);
	return mt_pack_end(msg);
}

int
mt_wire_decode_addresses(struct mt_bytes body, struct mt_addresses *ret)
{
	struct mt_addresses addresses = {0};
	struct mt_unpack in;

	mt_unpack_begin(&in, body);
	addresses.state = mt_unpack_enum(&in, MT_ADDRESSES_STATE_COUNT);
	addresses.dnssec = mt_unpack_enum(&in, MT_DNSSEC_COUNT);
	addresses.tree = mt_unpack_enum(&in, MT_DNSSEC_COUNT);
	addresses.ttl_sec = mt_unpack_u32(&in);
	addresses.n = unpack_address_list(&in, addresses.address);
	if (mt_unpack_end(&in) != 0)
		return MT_WIRE_E_MALFORMED;
	if ((addresses.state == MT_ADDRESSES_FOUND) != (addresses.n > 0))
		return MT_WIRE_E_MALFORMED;

	*ret = addresses;
	return 0;
}

/* PROBE */

int
mt_wire_encode_probe(struct mt_wire_message *msg, uint64_t id,
		     const struct mt_probe_request *request)
{
	mt_pack_begin(msg, MT_WIRE_PROBE, id);
	mt_pack_text(msg, request->host, sizeof(request->host));
	pack_address_list(msg, request->address, request->n_addresses);
	mt_pack_u16(msg, request->port);
	mt_pack_u8(msg, (uint8_t)request->proto);
	mt_pack_u8(msg, (uint8_t)request->transport);
	mt_pack_u32(msg, request->deadline_msec);
	return mt_pack_end(msg);
}

int
mt_wire_decode_probe(struct mt_bytes body, struct mt_probe_request *ret)
{
	struct mt_probe_request request = {0};
	struct mt_unpack in;

	mt_unpack_begin(&in, body);
	unpack_host(&in, request.host);
	request.n_addresses = unpack_address_list(&in, request.address);
	request.port = mt_unpack_u16(&in);
	request.proto = mt_unpack_enum(&in, MT_PROTO_COUNT);
	request.transport = mt_unpack_enum(&in, MT_TRANSPORT_COUNT);
	request.deadline_msec = mt_unpack_u32(&in);
	if (mt_unpack_end(&in) != 0)
		return MT_WIRE_E_MALFORMED;
	if (request.port == 0 || request.proto == MT_PROTO_UNKNOWN)
		return MT_WIRE_E_MALFORMED;

	*ret = request;
	return 0;
}

/* EVIDENCE: the keys of policy/evidence.h, by its table, in ascending order */

/* The chain and the staple of evidence lie in one block; here they are borrowed from the body. */
struct loose_chain {
	struct mt_bytes chain[MT_CHAIN_MAX];
	size_t n;
	struct mt_bytes staple;
};

/* Scalars are copied by their size through one integer; enums are ints in memory. */
static void
pack_key(struct mt_wire_message *msg, const struct mt_evidence *ev, enum mt_ev key)
{
	const struct mt_evidence_key *def = &mt_evidence_keys[key];
	const uint8_t *field = (const uint8_t *)ev + def->offset;
	bool flag;
	uint16_t u16;
	uint32_t u32;
	int64_t time;
	size_t count;

	switch (def->type) {
	case MT_EV_TYPE_BOOL:
		memcpy(&flag, field, sizeof(flag));
		mt_pack_bool(msg, flag);
		break;
	case MT_EV_TYPE_U16:
		memcpy(&u16, field, sizeof(u16));
		mt_pack_u16(msg, u16);
		break;
	case MT_EV_TYPE_U32:
		memcpy(&u32, field, sizeof(u32));
		mt_pack_u32(msg, u32);
		break;
	case MT_EV_TYPE_TIME:
		memcpy(&time, field, sizeof(time));
		mt_pack_i64(msg, time);
		break;
	case MT_EV_TYPE_TEXT:
	case MT_EV_TYPE_HOST:
		mt_pack_text(msg, (const char *)field, def->size);
		break;
	case MT_EV_TYPE_PROTO:
		mt_pack_u8(msg, (uint8_t)ev->proto);
		break;
	case MT_EV_TYPE_TRANSPORT:
		mt_pack_u8(msg, (uint8_t)ev->transport);
		break;
	case MT_EV_TYPE_VERSION:
		mt_pack_u8(msg, (uint8_t)ev->tls_version);
		break;
	case MT_EV_TYPE_DIGEST:
		mt_pack_fixed(msg, field, 32);
		break;
	case MT_EV_TYPE_BYTES:
		memcpy(&count, (const uint8_t *)ev + def->size_offset, sizeof(count));
		mt_pack_bytes(msg, field, count, def->size);
		break;
	case MT_EV_TYPE_STAPLE:
		mt_pack_bytes(msg, ev->staple.data, ev->staple.size, MT_STAPLE_MAX);
		break;
	case MT_EV_TYPE_CHAIN:
		mt_pack_chain(msg, ev->chain, ev->n_chain);
		break;
	}
}

static void
unpack_key(struct mt_unpack *in, struct mt_evidence *ev, enum mt_ev key, struct loose_chain *loose)
{
	const struct mt_evidence_key *def = &mt_evidence_keys[key];
	uint8_t *field = (uint8_t *)ev + def->offset;
	bool flag;
	uint16_t u16;
	uint32_t u32;
	int64_t time;
	struct mt_bytes bytes;

	switch (def->type) {
	case MT_EV_TYPE_BOOL:
		flag = mt_unpack_bool(in);
		memcpy(field, &flag, sizeof(flag));
		break;
	case MT_EV_TYPE_U16:
		u16 = mt_unpack_u16(in);
		memcpy(field, &u16, sizeof(u16));
		break;
	case MT_EV_TYPE_U32:
		u32 = mt_unpack_u32(in);
		memcpy(field, &u32, sizeof(u32));
		break;
	case MT_EV_TYPE_TIME:
		time = mt_unpack_i64(in);
		memcpy(field, &time, sizeof(time));
		break;
	case MT_EV_TYPE_TEXT:
	case MT_EV_TYPE_HOST:
		mt_unpack_text(in, (char *)field, def->size);
		break;
	case MT_EV_TYPE_PROTO:
		ev->proto = mt_unpack_enum(in, MT_PROTO_COUNT);
		break;
	case MT_EV_TYPE_TRANSPORT:
		ev->transport = mt_unpack_enum(in, MT_TRANSPORT_COUNT);
		break;
	case MT_EV_TYPE_VERSION:
		ev->tls_version = mt_unpack_enum(in, MT_TLS_VERSION_COUNT);
		break;
	case MT_EV_TYPE_DIGEST:
		mt_unpack_fixed(in, field, 32);
		break;
	case MT_EV_TYPE_BYTES:
		bytes = mt_unpack_bytes(in, def->size);
		if (bytes.size > 0)
			memcpy(field, bytes.data, bytes.size);
		memcpy((uint8_t *)ev + def->size_offset, &bytes.size, sizeof(bytes.size));
		break;
	case MT_EV_TYPE_STAPLE:
		loose->staple = mt_unpack_bytes(in, MT_STAPLE_MAX);
		break;
	case MT_EV_TYPE_CHAIN:
		loose->n = mt_unpack_chain(in, loose->chain);
		break;
	}
}

static void
pack_evidence(struct mt_wire_message *msg, const struct mt_evidence *ev)
{
	size_t n = 0;

	for (unsigned key = 0; key < MT_EV_COUNT; key++)
		n += mt_evidence_has(ev, key) ? 1 : 0;
	mt_pack_bool(msg, ev->chain_oversized);
	mt_pack_count(msg, n, MT_EV_COUNT);
	for (unsigned key = 0; key < MT_EV_COUNT; key++)
		if (mt_evidence_has(ev, key)) {
			mt_pack_u8(msg, (uint8_t)key);
			pack_key(msg, ev, key);
		}
}

static void
unpack_evidence(struct mt_unpack *in, struct mt_evidence *ev, struct loose_chain *loose)
{
	size_t n;
	unsigned next = 0;

	ev->chain_oversized = mt_unpack_bool(in);
	n = mt_unpack_count(in, MT_EV_COUNT);
	for (size_t i = 0; i < n && !in->bad; i++) {
		unsigned key = mt_unpack_enum(in, MT_EV_COUNT);

		if (key < next) /* twice, or out of order */
			mt_unpack_fail(in);
		next = key + 1;
		ev->present |= MT_BIT(key);
		unpack_key(in, ev, key, loose);
	}
}

static struct mt_bytes
move_slice(uint8_t *block, size_t *used, struct mt_bytes from)
{
	struct mt_bytes to = {.data = block + *used, .size = from.size};

	if (from.size == 0)
		return (struct mt_bytes){0};
	memcpy(block + *used, from.data, from.size);
	*used += from.size;
	return to;
}

static int
own_chain(struct mt_evidence *ev, const struct loose_chain *loose)
{
	size_t total = loose->staple.size;
	size_t used = 0;

	for (size_t i = 0; i < loose->n; i++)
		total += loose->chain[i].size;
	if (total == 0)
		return 0;
	ev->chain_bytes = malloc(total);
	if (!ev->chain_bytes)
		return -ENOMEM;

	ev->chain_size = total;
	ev->n_chain = loose->n;
	for (size_t i = 0; i < loose->n; i++)
		ev->chain[i] = move_slice(ev->chain_bytes, &used, loose->chain[i]);
	ev->staple = move_slice(ev->chain_bytes, &used, loose->staple);
	return 0;
}

int
mt_wire_encode_evidence(struct mt_wire_message *msg, uint64_t id,
			const struct mt_probe_result *result)
{
	mt_pack_begin(msg, MT_WIRE_EVIDENCE, id);
	mt_pack_u8(msg, (uint8_t)result->state);
	mt_pack_text(msg, result->text, sizeof(result->text));
	pack_evidence(msg, &result->evidence);
	return mt_pack_end(msg);
}

int
mt_wire_decode_evidence(struct mt_bytes body, struct mt_probe_result *ret)
{
	struct mt_probe_result result = {0};
	struct loose_chain loose = {0};
	struct mt_unpack in;
	int r;

	mt_unpack_begin(&in, body);
	result.state = mt_unpack_enum(&in, MT_PROBE_STATE_COUNT);
	mt_unpack_text(&in, result.text, sizeof(result.text));
	unpack_evidence(&in, &result.evidence, &loose);
	if (mt_unpack_end(&in) != 0)
		return MT_WIRE_E_MALFORMED;
	r = own_chain(&result.evidence, &loose);
	if (r < 0)
		return r;

	*ret = result;
	return 0;
}

void
mt_probe_result_clear(struct mt_probe_result *result)
{
	mt_evidence_clear(&result->evidence);
	memset(result, 0, sizeof(*result));
}
