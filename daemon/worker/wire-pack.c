/* SPDX-License-Identifier: MIT */
/* Integers, bytes, texts and counts of the worker link. */

#include "daemon/worker/wire-pack.h"

#include <string.h>

static void
store_le(uint8_t *to, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t
load_le(const uint8_t *from, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value |= (uint64_t)from[i] << (8 * i);
	return value;
}

void
mt_pack_begin(struct mt_wire_message *msg, enum mt_wire_type type, uint64_t id)
{
	memset(msg->data, 0, MT_WIRE_HEADER_SIZE);
	msg->data[0] = MT_WIRE_VERSION;
	msg->data[1] = (uint8_t)type;
	mt_wire_stamp(msg->data, id);
	msg->size = MT_WIRE_HEADER_SIZE;
	msg->overflow = false;
}

int
mt_pack_end(struct mt_wire_message *msg)
{
	if (msg->overflow)
		return MT_WIRE_E_TOO_LARGE;

	store_le(msg->data + 4, msg->size - MT_WIRE_HEADER_SIZE, 4);
	return 0;
}

void
mt_pack_fail(struct mt_wire_message *msg)
{
	msg->overflow = true;
}

void
mt_pack_fixed(struct mt_wire_message *msg, const uint8_t *data, size_t size)
{
	if (msg->overflow || size > sizeof(msg->data) - msg->size) {
		msg->overflow = true;
		return;
	}
	if (size > 0)
		memcpy(msg->data + msg->size, data, size);
	msg->size += size;
}

static void
pack_le(struct mt_wire_message *msg, uint64_t value, size_t size)
{
	uint8_t bytes[8];

	store_le(bytes, value, size);
	mt_pack_fixed(msg, bytes, size);
}

void
mt_pack_u8(struct mt_wire_message *msg, uint8_t value)
{
	pack_le(msg, value, 1);
}

void
mt_pack_u16(struct mt_wire_message *msg, uint16_t value)
{
	pack_le(msg, value, 2);
}

void
mt_pack_u32(struct mt_wire_message *msg, uint32_t value)
{
	pack_le(msg, value, 4);
}

void
mt_pack_u64(struct mt_wire_message *msg, uint64_t value)
{
	pack_le(msg, value, 8);
}

void
mt_pack_i64(struct mt_wire_message *msg, int64_t value)
{
	pack_le(msg, (uint64_t)value, 8);
}

void
mt_pack_bool(struct mt_wire_message *msg, bool value)
{
	mt_pack_u8(msg, value ? 1 : 0);
}

void
mt_pack_bytes(struct mt_wire_message *msg, const uint8_t *data, size_t size, size_t max)
{
	if (size > max || size > UINT32_MAX) {
		msg->overflow = true;
		return;
	}
	mt_pack_u32(msg, (uint32_t)size);
	mt_pack_fixed(msg, data, size);
}

void
mt_pack_count(struct mt_wire_message *msg, size_t count, size_t max)
{
	if (count > max || count > UINT8_MAX) {
		msg->overflow = true;
		return;
	}
	mt_pack_u8(msg, (uint8_t)count);
}

void
mt_pack_text(struct mt_wire_message *msg, const char *text, size_t buffer_size)
{
	size_t size = strnlen(text, buffer_size);

	if (size >= buffer_size || size > UINT16_MAX) {
		msg->overflow = true;
		return;
	}
	mt_pack_u16(msg, (uint16_t)size);
	mt_pack_fixed(msg, (const uint8_t *)text, size);
}

void
mt_unpack_begin(struct mt_unpack *in, struct mt_bytes body)
{
	*in = (struct mt_unpack){.next = body.data, .left = body.size};
}

int
mt_unpack_end(const struct mt_unpack *in)
{
	return in->bad || in->left > 0 ? MT_WIRE_E_MALFORMED : 0;
}

void
mt_unpack_fail(struct mt_unpack *in)
{
	in->bad = true;
}

static const uint8_t *
take(struct mt_unpack *in, size_t size)
{
	const uint8_t *here = in->next;

	if (in->bad || size > in->left) {
		in->bad = true;
		return NULL;
	}
	in->next += size;
	in->left -= size;
	return here;
}

static uint64_t
unpack_le(struct mt_unpack *in, size_t size)
{
	const uint8_t *bytes = take(in, size);

	return bytes ? load_le(bytes, size) : 0;
}

uint8_t
mt_unpack_u8(struct mt_unpack *in)
{
	return (uint8_t)unpack_le(in, 1);
}

uint16_t
mt_unpack_u16(struct mt_unpack *in)
{
	return (uint16_t)unpack_le(in, 2);
}

uint32_t
mt_unpack_u32(struct mt_unpack *in)
{
	return (uint32_t)unpack_le(in, 4);
}

uint64_t
mt_unpack_u64(struct mt_unpack *in)
{
	return unpack_le(in, 8);
}

int64_t
mt_unpack_i64(struct mt_unpack *in)
{
	return (int64_t)unpack_le(in, 8);
}

unsigned
mt_unpack_enum(struct mt_unpack *in, unsigned count)
{
	unsigned value = mt_unpack_u8(in);

	if (value >= count) {
		in->bad = true;
		return 0;
	}
	return value;
}

bool
mt_unpack_bool(struct mt_unpack *in)
{
	return mt_unpack_enum(in, 2) == 1;
}

void
mt_unpack_fixed(struct mt_unpack *in, uint8_t *ret, size_t size)
{
	const uint8_t *bytes = take(in, size);

	if (bytes && size > 0)
		memcpy(ret, bytes, size);
}

struct mt_bytes
mt_unpack_bytes(struct mt_unpack *in, size_t max)
{
	size_t size = mt_unpack_u32(in);
	const uint8_t *bytes;

	if (size > max)
		in->bad = true;
	bytes = take(in, size);
	if (!bytes || size == 0)
		return (struct mt_bytes){0};
	return (struct mt_bytes){.data = bytes, .size = size};
}

size_t
mt_unpack_count(struct mt_unpack *in, size_t max)
{
	size_t count = mt_unpack_u8(in);

	if (count > max) {
		in->bad = true;
		return 0;
	}
	return count;
}

void
mt_unpack_text(struct mt_unpack *in, char *ret, size_t buffer_size)
{
	size_t size = mt_unpack_u16(in);
	const uint8_t *bytes;

	if (size >= buffer_size)
		in->bad = true;
	bytes = take(in, size);
	if (!bytes)
		return;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] < 0x20 || bytes[i] > 0x7e) {
			in->bad = true;
			return;
		}
	memcpy(ret, bytes, size);
	ret[size] = '\0';
}

void
mt_pack_tlsa_records(struct mt_wire_message *msg, const struct mt_tlsa_record *records, size_t n)
{
	mt_pack_count(msg, n, MT_TLSA_MAX);
	for (size_t i = 0; i < n && !msg->overflow; i++) {
		mt_pack_u8(msg, records[i].usage);
		mt_pack_u8(msg, records[i].selector);
		mt_pack_u8(msg, records[i].matching);
		mt_pack_bytes(msg, records[i].data, records[i].size, MT_TLSA_DATA_MAX);
	}
}

size_t
mt_unpack_tlsa_records(struct mt_unpack *in, struct mt_tlsa_record *ret)
{
	size_t n = mt_unpack_count(in, MT_TLSA_MAX);

	for (size_t i = 0; i < n; i++) {
		struct mt_bytes data;

		ret[i].usage = mt_unpack_u8(in);
		ret[i].selector = mt_unpack_u8(in);
		ret[i].matching = mt_unpack_u8(in);
		data = mt_unpack_bytes(in, MT_TLSA_DATA_MAX);
		ret[i].data = data.data;
		ret[i].size = (uint16_t)data.size;
	}
	return n;
}

void
mt_pack_chain(struct mt_wire_message *msg, const struct mt_bytes *chain, size_t n)
{
	size_t total = 0;

	mt_pack_count(msg, n, MT_CHAIN_MAX);
	for (size_t i = 0; i < n && !msg->overflow; i++) {
		mt_pack_bytes(msg, chain[i].data, chain[i].size, MT_CHAIN_BYTES_MAX - total);
		total += chain[i].size;
	}
}

size_t
mt_unpack_chain(struct mt_unpack *in, struct mt_bytes ret[static MT_CHAIN_MAX])
{
	const size_t n = mt_unpack_count(in, MT_CHAIN_MAX);
	size_t total = 0;

	for (size_t i = 0; i < n; i++) {
		ret[i] = mt_unpack_bytes(in, MT_CHAIN_BYTES_MAX - total);
		total += ret[i].size;
	}
	return n;
}
