/* SPDX-License-Identifier: MIT */
/* Messages of the worker link: header, ready, chain and validation. */

#include "daemon/worker/wire.h"

#include <string.h>

#include "daemon/worker/wire-pack.h"

int
mt_wire_decode_header(const uint8_t *data, size_t size, struct mt_wire_header *ret_header,
		      struct mt_bytes *ret_body)
{
	struct mt_unpack in;
	struct mt_wire_header header;
	uint8_t version;
	uint16_t reserved;
	uint32_t body_size;

	mt_unpack_begin(&in, (struct mt_bytes){.data = data, .size = size});
	version = mt_unpack_u8(&in);
	header.type = mt_unpack_enum(&in, MT_WIRE_TYPE_COUNT);
	reserved = mt_unpack_u16(&in);
	body_size = mt_unpack_u32(&in);
	header.id = mt_unpack_u64(&in);
	if (in.bad || version != MT_WIRE_VERSION || reserved != 0)
		return MT_WIRE_E_MALFORMED;
	if (header.type == MT_WIRE_NONE || body_size != in.left)
		return MT_WIRE_E_MALFORMED;

	*ret_header = header;
	*ret_body = (struct mt_bytes){.data = in.next, .size = in.left};
	return 0;
}

size_t
mt_wire_message_size(const uint8_t data[static MT_WIRE_HEADER_SIZE])
{
	size_t size = 0;

	for (size_t i = 0; i < 4; i++)
		size |= (size_t)data[4 + i] << (8 * i);
	return MT_WIRE_HEADER_SIZE + size;
}

void
mt_wire_stamp(uint8_t data[static MT_WIRE_HEADER_SIZE], uint64_t id)
{
	for (size_t i = 0; i < 8; i++)
		data[8 + i] = (uint8_t)(id >> (8 * i));
}

/* READY */

int
mt_wire_encode_ready(struct mt_wire_message *msg, const struct mt_wire_ready *ready)
{
	mt_pack_begin(msg, MT_WIRE_READY, 0);
	mt_pack_u8(msg, (uint8_t)ready->anchors);
	mt_pack_u32(msg, ready->n_anchors);
	mt_pack_fixed(msg, ready->generation, sizeof(ready->generation));
	return mt_pack_end(msg);
}

int
mt_wire_decode_ready(struct mt_bytes body, struct mt_wire_ready *ret)
{
	struct mt_wire_ready ready = {0};
	struct mt_unpack in;

	mt_unpack_begin(&in, body);
	ready.anchors = mt_unpack_enum(&in, MT_ANCHORS_STATE_COUNT);
	ready.n_anchors = mt_unpack_u32(&in);
	mt_unpack_fixed(&in, ready.generation, sizeof(ready.generation));
	if (mt_unpack_end(&in) != 0)
		return MT_WIRE_E_MALFORMED;

	*ret = ready;
	return 0;
}

/* Reference identifiers, in requests and in validations */

static void
pack_refid(struct mt_wire_message *msg, const struct mt_refid *id)
{
	mt_pack_u8(msg, (uint8_t)id->type);
	mt_pack_text(msg, id->value, sizeof(id->value));
	mt_pack_bytes(msg, id->ip, id->ip_size, sizeof(id->ip));
}

static void
unpack_refid(struct mt_unpack *in, struct mt_refid *id)
{
	struct mt_bytes ip;

	id->type = mt_unpack_enum(in, MT_REFID_TYPE_COUNT);
	mt_unpack_text(in, id->value, sizeof(id->value));
	ip = mt_unpack_bytes(in, sizeof(id->ip));
	if (ip.size != 0 && ip.size != 4 && ip.size != 16)
		mt_unpack_fail(in);
	else if ((id->type == MT_REFID_IP) != (ip.size != 0))
		mt_unpack_fail(in);
	else if (ip.size != 0)
		memcpy(id->ip, ip.data, ip.size);
	id->ip_size = ip.size;
}

/* CHAIN */

static void
pack_tlsa(struct mt_wire_message *msg, const struct mt_tlsa *tlsa)
{
	mt_pack_u8(msg, (uint8_t)tlsa->status);
	mt_pack_i64(msg, tlsa->expires_usec);
	mt_pack_tlsa_records(msg, tlsa->records, tlsa->n);
}

static void
unpack_tlsa(struct mt_unpack *in, struct mt_tlsa *tlsa)
{
	tlsa->status = mt_unpack_enum(in, MT_TLSA_STATUS_COUNT);
	tlsa->expires_usec = mt_unpack_i64(in);
	tlsa->n = mt_unpack_tlsa_records(in, tlsa->records);
}

static void
pack_anchors(struct mt_wire_message *msg, const struct mt_chain_request *request)
{
	const struct mt_digests *allowed = &request->allowed_anchors;

	mt_pack_bool(msg, request->own_anchors);
	mt_pack_count(msg, request->n_anchors, MT_REQUEST_ANCHORS_MAX);
	for (size_t i = 0; i < request->n_anchors && !msg->overflow; i++)
		mt_pack_bytes(msg, request->anchors[i].data, request->anchors[i].size,
			      MT_CHAIN_BYTES_MAX);

	mt_pack_bool(msg, allowed->is_set);
	mt_pack_count(msg, allowed->n, MT_DIGESTS_MAX);
	for (size_t i = 0; i < allowed->n && !msg->overflow; i++)
		mt_pack_fixed(msg, allowed->digest[i], sizeof(allowed->digest[i]));
}

static void
unpack_anchors(struct mt_unpack *in, struct mt_chain_request *request)
{
	struct mt_digests *allowed = &request->allowed_anchors;

	request->own_anchors = mt_unpack_bool(in);
	request->n_anchors = mt_unpack_count(in, MT_REQUEST_ANCHORS_MAX);
	for (size_t i = 0; i < request->n_anchors; i++)
		request->anchors[i] = mt_unpack_bytes(in, MT_CHAIN_BYTES_MAX);

	allowed->is_set = mt_unpack_bool(in);
	allowed->n = mt_unpack_count(in, MT_DIGESTS_MAX);
	for (size_t i = 0; i < allowed->n; i++)
		mt_unpack_fixed(in, allowed->digest[i], sizeof(allowed->digest[i]));
}

void
mt_pack_request(struct mt_wire_message *msg, const struct mt_chain_request *request)
{
	mt_pack_chain(msg, request->chain, request->n_chain);
	mt_pack_bytes(msg, request->staple.data, request->staple.size, MT_STAPLE_MAX);
	mt_pack_count(msg, request->refs.n, MT_REFIDS_MAX);
	for (size_t i = 0; i < request->refs.n && !msg->overflow; i++)
		pack_refid(msg, &request->refs.ids[i]);
	pack_tlsa(msg, &request->tlsa);
	mt_pack_i64(msg, request->at_usec);
	pack_anchors(msg, request);
}

void
mt_unpack_request(struct mt_unpack *in, struct mt_chain_request *request)
{
	request->n_chain = mt_unpack_chain(in, request->chain);
	request->staple = mt_unpack_bytes(in, MT_STAPLE_MAX);
	request->refs.n = mt_unpack_count(in, MT_REFIDS_MAX);
	for (size_t i = 0; i < request->refs.n; i++)
		unpack_refid(in, &request->refs.ids[i]);
	unpack_tlsa(in, &request->tlsa);
	request->at_usec = mt_unpack_i64(in);
	unpack_anchors(in, request);
}

int
mt_wire_encode_chain(struct mt_wire_message *msg, uint64_t id,
		     const struct mt_chain_request *request)
{
	mt_pack_begin(msg, MT_WIRE_CHAIN, id);
	mt_pack_request(msg, request);
	return mt_pack_end(msg);
}

int
mt_wire_decode_chain(struct mt_bytes body, struct mt_chain_request *ret)
{
	struct mt_chain_request request = {0};
	struct mt_unpack in;

	mt_unpack_begin(&in, body);
	mt_unpack_request(&in, &request);
	if (mt_unpack_end(&in) != 0)
		return MT_WIRE_E_MALFORMED;

	*ret = request;
	return 0;
}

/* VALIDATION */

void
mt_pack_validation(struct mt_wire_message *msg, const struct mt_validation *validation)
{
	mt_pack_u8(msg, (uint8_t)validation->state);
	mt_pack_bool(msg, validation->pkix_valid);
	mt_pack_u32(msg, validation->faults);
	mt_pack_u8(msg, (uint8_t)validation->anchor);
	mt_pack_fixed(msg, validation->anchor_sha256, sizeof(validation->anchor_sha256));
	pack_refid(msg, &validation->matched);
	mt_pack_u32(msg, validation->dane_usable);
	mt_pack_bool(msg, validation->dane_matched);
	mt_pack_u8(msg, validation->dane_usage);
	pack_refid(msg, &validation->dane_id);
	mt_pack_bool(msg, validation->must_staple);
	mt_pack_bool(msg, validation->staple_valid);
	mt_pack_u8(msg, (uint8_t)validation->revocation);
	mt_pack_fixed(msg, validation->leaf_sha256, sizeof(validation->leaf_sha256));
	mt_pack_i64(msg, validation->not_after_usec);
}

void
mt_unpack_validation(struct mt_unpack *in, struct mt_validation *validation)
{
	validation->state = mt_unpack_enum(in, MT_VALIDATION_STATE_COUNT);
	validation->pkix_valid = mt_unpack_bool(in);
	validation->faults = mt_unpack_u32(in);
	if (validation->faults >= MT_BIT(MT_CERT_FAULT_COUNT))
		mt_unpack_fail(in);
	validation->anchor = mt_unpack_enum(in, MT_ANCHOR_COUNT);
	mt_unpack_fixed(in, validation->anchor_sha256, sizeof(validation->anchor_sha256));
	unpack_refid(in, &validation->matched);
	validation->dane_usable = mt_unpack_u32(in);
	validation->dane_matched = mt_unpack_bool(in);
	validation->dane_usage = mt_unpack_u8(in);
	unpack_refid(in, &validation->dane_id);
	validation->must_staple = mt_unpack_bool(in);
	validation->staple_valid = mt_unpack_bool(in);
	validation->revocation = mt_unpack_enum(in, MT_REVOCATION_STATE_COUNT);
	mt_unpack_fixed(in, validation->leaf_sha256, sizeof(validation->leaf_sha256));
	validation->not_after_usec = mt_unpack_i64(in);
}

int
mt_wire_encode_validation(struct mt_wire_message *msg, uint64_t id,
			  const struct mt_validation *validation)
{
	mt_pack_begin(msg, MT_WIRE_VALIDATION, id);
	mt_pack_validation(msg, validation);
	return mt_pack_end(msg);
}

int
mt_wire_decode_validation(struct mt_bytes body, struct mt_validation *ret)
{
	struct mt_validation validation = {0};
	struct mt_unpack in;

	mt_unpack_begin(&in, body);
	mt_unpack_validation(&in, &validation);
	if (mt_unpack_end(&in) != 0)
		return MT_WIRE_E_MALFORMED;

	*ret = validation;
	return 0;
}
