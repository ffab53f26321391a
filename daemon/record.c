/* SPDX-License-Identifier: MIT */
/* Stored bytes: writer, bounded reader, and the sum that ends every value. */

#include "daemon/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

/* -- writer */

static bool
writer_grow(struct mt_writer *writer, size_t size)
{
	size_t wanted = writer->allocated ? writer->allocated : 256;
	uint8_t *data;

	if (writer->failed || size > MT_RECORD_MAX - writer->size) {
		writer->failed = true;
		return false;
	}
	if (writer->size + size <= writer->allocated)
		return true;
	while (wanted < writer->size + size)
		wanted *= 2;
	data = realloc(writer->data, wanted);
	if (!data) {
		writer->failed = true;
		return false;
	}
	writer->data = data;
	writer->allocated = wanted;
	return true;
}

static void
writer_number(struct mt_writer *writer, uint64_t value, size_t size)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
	mt_writer_bytes(writer, bytes, size);
}

void
mt_writer_u8(struct mt_writer *writer, unsigned int value)
{
	writer_number(writer, value, 1);
}

void
mt_writer_u16(struct mt_writer *writer, unsigned int value)
{
	writer_number(writer, value, 2);
}

void
mt_writer_u32(struct mt_writer *writer, uint32_t value)
{
	writer_number(writer, value, 4);
}

void
mt_writer_u64(struct mt_writer *writer, uint64_t value)
{
	writer_number(writer, value, 8);
}

void
mt_writer_i64(struct mt_writer *writer, int64_t value)
{
	writer_number(writer, (uint64_t)value, 8);
}

void
mt_writer_bytes(struct mt_writer *writer, const void *data, size_t size)
{
	if (size == 0 || !writer_grow(writer, size))
		return;
	memcpy(writer->data + writer->size, data, size);
	writer->size += size;
}

void
mt_writer_blob(struct mt_writer *writer, const void *data, size_t size)
{
	if (size > UINT16_MAX) {
		writer->failed = true;
		return;
	}
	mt_writer_u16(writer, (unsigned int)size);
	mt_writer_bytes(writer, data, size);
}

void
mt_writer_string(struct mt_writer *writer, const char *string)
{
	mt_writer_blob(writer, string, strlen(string));
}

void
mt_writer_clear(struct mt_writer *writer)
{
	free(writer->data);
	*writer = (struct mt_writer){0};
}

/* -- reader */

static const uint8_t *
reader_take(struct mt_reader *reader, size_t size)
{
	const uint8_t *data = reader->data;

	if (reader->failed || size > reader->size) {
		reader->failed = true;
		return NULL;
	}
	reader->data += size;
	reader->size -= size;
	return data;
}

static uint64_t
reader_number(struct mt_reader *reader, size_t size)
{
	const uint8_t *data = reader_take(reader, size);
	uint64_t value = 0;

	for (size_t i = 0; data && i < size; i++)
		value = value << 8 | data[i];
	return value;
}

uint8_t
mt_reader_u8(struct mt_reader *reader)
{
	return (uint8_t)reader_number(reader, 1);
}

uint16_t
mt_reader_u16(struct mt_reader *reader)
{
	return (uint16_t)reader_number(reader, 2);
}

uint32_t
mt_reader_u32(struct mt_reader *reader)
{
	return (uint32_t)reader_number(reader, 4);
}

uint64_t
mt_reader_u64(struct mt_reader *reader)
{
	return reader_number(reader, 8);
}

int64_t
mt_reader_i64(struct mt_reader *reader)
{
	return (int64_t)reader_number(reader, 8);
}

bool
mt_reader_bool(struct mt_reader *reader)
{
	return mt_reader_enum(reader, 2) == 1;
}

unsigned int
mt_reader_enum(struct mt_reader *reader, unsigned int count)
{
	unsigned int value = mt_reader_u8(reader);

	if (value >= count) {
		reader->failed = true;
		return 0;
	}
	return value;
}

void
mt_reader_bytes(struct mt_reader *reader, void *data, size_t size)
{
	const uint8_t *bytes = reader_take(reader, size);

	if (bytes)
		memcpy(data, bytes, size);
	else
		memset(data, 0, size);
}

struct mt_bytes
mt_reader_blob(struct mt_reader *reader)
{
	size_t size = mt_reader_u16(reader);
	const uint8_t *data = reader_take(reader, size);

	return (struct mt_bytes){.data = data, .size = data ? size : 0};
}

void
mt_reader_string(struct mt_reader *reader, char *buffer, size_t size)
{
	struct mt_bytes blob = mt_reader_blob(reader);

	buffer[0] = '\0';
	for (size_t i = 0; i < blob.size; i++)
		if (blob.data[i] < 0x20 || blob.data[i] == 0x7f)
			reader->failed = true;
	if (blob.size >= size)
		reader->failed = true;
	if (reader->failed || blob.size == 0)
		return;
	memcpy(buffer, blob.data, blob.size);
	buffer[blob.size] = '\0';
}

bool
mt_reader_is_done(const struct mt_reader *reader)
{
	return !reader->failed && reader->size == 0;
}

/* -- the sum */

/* The key's length goes in first, so that no byte can move from key to value. */
static bool
record_sum(struct mt_bytes key, const uint8_t *data, size_t size, uint8_t ret[static 32])
{
	const uint8_t key_size[2] = {(uint8_t)(key.size >> 8), (uint8_t)key.size};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok;

	ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	     EVP_DigestUpdate(ctx, key_size, sizeof(key_size)) == 1 &&
	     EVP_DigestUpdate(ctx, key.data, key.size) == 1 &&
	     EVP_DigestUpdate(ctx, data, size) == 1 && EVP_DigestFinal_ex(ctx, ret, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

int
mt_record_seal(struct mt_bytes key, struct mt_writer *writer)
{
	uint8_t sum[32];

	if (writer->failed)
		return -EOVERFLOW;
	if (!record_sum(key, writer->data, writer->size, sum))
		return -ENOMEM;
	mt_writer_bytes(writer, sum, MT_RECORD_SUM_SIZE);
	return writer->failed ? -ENOMEM : 0;
}

int
mt_record_unseal(struct mt_bytes key, struct mt_bytes value, struct mt_bytes *ret)
{
	uint8_t sum[32];
	size_t size;

	if (value.size < MT_RECORD_SUM_SIZE)
		return MT_RECORD_E_DAMAGED;
	size = value.size - MT_RECORD_SUM_SIZE;
	if (!record_sum(key, value.data, size, sum) ||
	    CRYPTO_memcmp(sum, value.data + size, MT_RECORD_SUM_SIZE) != 0)
		return MT_RECORD_E_DAMAGED;
	*ret = (struct mt_bytes){.data = value.data, .size = size};
	return 0;
}
