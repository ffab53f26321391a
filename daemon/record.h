/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_RECORD_H
#define MT_DAEMON_RECORD_H

/*
 * Stored bytes: how values of the store are written and read back, field by field.
 *
 * A value is {version u8, fields, sum}: the sum is the first 16 bytes of SHA-256 over key and
 * everything before it, because tdb does not notice a changed value byte and because a value must
 * not be readable under another's key. Numbers are big-endian, strings and blobs have a u16 length.
 * The reader is bounded and sticky: after the first fault everything it returns is zero and failed
 * is set, so a decoder checks once at its end. It knows bytes, not meaning: what an account is
 * stands in account-record.c. No secrets are stored, hence none are wiped.
 */

#include "policy/base.h"

/* Largest value: an account with every pin, consent and set full is 45 KiB. */
#define MT_RECORD_MAX (64 * 1024)
#define MT_RECORD_SUM_SIZE 16
#define MT_RECORD_KEY_MAX 352 /* kind, uid and an address of MT_ADDRESS_SIZE */

/* A growing value; clear with mt_writer_clear(). After a failed allocation or over MT_RECORD_MAX
 * failed is set and nothing more is written. */
struct mt_writer {
	uint8_t *data;
	size_t size, allocated;
	bool failed;
};

void mt_writer_u8(struct mt_writer *writer, unsigned int value);
void mt_writer_u16(struct mt_writer *writer, unsigned int value);
void mt_writer_u32(struct mt_writer *writer, uint32_t value);
void mt_writer_u64(struct mt_writer *writer, uint64_t value);
void mt_writer_i64(struct mt_writer *writer, int64_t value);
void mt_writer_bytes(struct mt_writer *writer, const void *data, size_t size);
void mt_writer_blob(struct mt_writer *writer, const void *data, size_t size);
void mt_writer_string(struct mt_writer *writer, const char *string);
void mt_writer_clear(struct mt_writer *writer);

struct mt_reader {
	const uint8_t *data;
	size_t size;
	bool failed;
};

uint8_t mt_reader_u8(struct mt_reader *reader);
uint16_t mt_reader_u16(struct mt_reader *reader);
uint32_t mt_reader_u32(struct mt_reader *reader);
uint64_t mt_reader_u64(struct mt_reader *reader);
int64_t mt_reader_i64(struct mt_reader *reader);
bool mt_reader_bool(struct mt_reader *reader); /* anything but 0 and 1 fails */
/* A value below count, or failure: for enums. */
unsigned int mt_reader_enum(struct mt_reader *reader, unsigned int count);
void mt_reader_bytes(struct mt_reader *reader, void *data, size_t size);
struct mt_bytes mt_reader_blob(struct mt_reader *reader); /* slice of the reader's bytes */
/* A string without NUL or control bytes that fits into buffer. */
void mt_reader_string(struct mt_reader *reader, char *buffer, size_t size);
/* Nothing failed and nothing is left over. */
bool mt_reader_is_done(const struct mt_reader *reader);

/* Appends the sum over (key, value). Return: 0, -ENOMEM, or -EOVERFLOW for a writer that failed. */
MT_MUST_CHECK int mt_record_seal(struct mt_bytes key, struct mt_writer *writer);
/* Checks the sum and hands out the bytes before it. Return: 0, or MT_RECORD_E_DAMAGED. */
enum { MT_RECORD_E_DAMAGED = 1 };
MT_MUST_CHECK int mt_record_unseal(struct mt_bytes key, struct mt_bytes value,
				   struct mt_bytes *ret);

#endif
