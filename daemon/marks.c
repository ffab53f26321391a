/* SPDX-License-Identifier: MIT */
/* High-water marks: epoch, bundle serials and suspensions, in a file that is replaced whole. */

#include "daemon/marks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "daemon/record.h"

#define MARKS_VERSION 1
#define MARKS_KEY_SIZE 16 /* SHA-256 of (uid, address), cut: the file names nobody */

struct serial {
	char bundle[MT_TOKEN_SIZE];
	uint64_t serial;
};

struct mt_marks {
	int directory_fd; /* owned */
	char name[64];
	uint64_t epoch;
	uint8_t suspended[MT_MARKS_SUSPENDED_MAX + 1][MARKS_KEY_SIZE]; /* sorted; one spare */
	size_t n_suspended;
	struct serial serials[MT_MARKS_SERIALS_MAX];
	size_t n_serials;
};

static const struct mt_bytes marks_key = {.data = (const uint8_t *)"marks", .size = 5};

static void
marks_encode(const struct mt_marks *marks, struct mt_writer *writer)
{
	mt_writer_u8(writer, MARKS_VERSION);
	mt_writer_u64(writer, marks->epoch);
	mt_writer_u16(writer, (unsigned int)marks->n_suspended);
	mt_writer_bytes(writer, marks->suspended, marks->n_suspended * MARKS_KEY_SIZE);
	mt_writer_u16(writer, (unsigned int)marks->n_serials);
	for (size_t i = 0; i < marks->n_serials; i++) {
		mt_writer_string(writer, marks->serials[i].bundle);
		mt_writer_u64(writer, marks->serials[i].serial);
	}
}

static int
marks_decode(struct mt_bytes value, struct mt_marks *ret)
{
	struct mt_reader reader;

	if (mt_record_unseal(marks_key, value, &value) != 0)
		return MT_MARKS_E_DAMAGED;
	reader = (struct mt_reader){.data = value.data, .size = value.size};
	if (mt_reader_u8(&reader) != MARKS_VERSION)
		return MT_MARKS_E_DAMAGED;
	ret->epoch = mt_reader_u64(&reader);
	ret->n_suspended = mt_reader_u16(&reader);
	if (ret->n_suspended > MT_MARKS_SUSPENDED_MAX)
		return MT_MARKS_E_DAMAGED;
	mt_reader_bytes(&reader, ret->suspended, ret->n_suspended * MARKS_KEY_SIZE);
	ret->n_serials = mt_reader_u16(&reader);
	if (ret->n_serials > MT_MARKS_SERIALS_MAX)
		return MT_MARKS_E_DAMAGED;
	for (size_t i = 0; i < ret->n_serials; i++) {
		mt_reader_string(&reader, ret->serials[i].bundle, MT_TOKEN_SIZE);
		ret->serials[i].serial = mt_reader_u64(&reader);
	}
	return mt_reader_is_done(&reader) ? 0 : MT_MARKS_E_DAMAGED;
}

static int
write_whole(int fd, const uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, data, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		data += written;
		size -= (size_t)written;
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

/* Replaces the file: after a crash there is the old one or the new one, never half of one. */
static int
marks_write(struct mt_marks *marks)
{
	struct mt_writer writer MT_CLEANUP(mt_writer_clear) = {0};
	char temporary[sizeof(marks->name) + 8];
	int fd, r;

	marks_encode(marks, &writer);
	r = mt_record_seal(marks_key, &writer);
	if (r != 0)
		return r;
	(void)snprintf(temporary, sizeof(temporary), "%s.new", marks->name);
	fd = openat(marks->directory_fd, temporary,
		    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = write_whole(fd, writer.data, writer.size);
	(void)close(fd);
	if (r != 0)
		return r;
	if (renameat(marks->directory_fd, temporary, marks->directory_fd, marks->name) < 0)
		return -errno;
	return fsync(marks->directory_fd) == 0 ? 0 : -errno;
}

/* Return: 0 (also for an absent file), MT_MARKS_E_DAMAGED, -errno. */
static int
marks_read(struct mt_marks *marks)
{
	uint8_t *data;
	ssize_t size;
	int fd, r;

	fd = openat(marks->directory_fd, marks->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	data = malloc(MT_RECORD_MAX + 1);
	size = data ? read(fd, data, MT_RECORD_MAX + 1) : -1;
	if (!data)
		r = -ENOMEM;
	else if (size < 0)
		r = -errno;
	else
		r = marks_decode((struct mt_bytes){.data = data, .size = (size_t)size}, marks);
	free(data);
	(void)close(fd);
	return r;
}

int
mt_marks_open(int directory_fd, const char *name, struct mt_marks **ret)
{
	struct mt_marks *marks MT_CLEANUP(mt_marks_closep) = NULL;
	int r;

	marks = calloc(1, sizeof(*marks));
	if (!marks)
		return -ENOMEM;
	(void)snprintf(marks->name, sizeof(marks->name), "%s", name);
	marks->directory_fd = fcntl(directory_fd, F_DUPFD_CLOEXEC, 3);
	if (marks->directory_fd < 0)
		return -errno;
	r = marks_read(marks);
	if (r != 0)
		return r;
	*ret = mt_steal(&marks);
	return 0;
}

struct mt_marks *
mt_marks_close(struct mt_marks *marks)
{
	if (!marks)
		return NULL;
	if (marks->directory_fd > 0)
		(void)close(marks->directory_fd);
	free(marks);
	return NULL;
}

uint64_t
mt_marks_get_epoch(const struct mt_marks *marks)
{
	return marks->epoch;
}

int
mt_marks_raise_epoch(struct mt_marks *marks, uint64_t epoch)
{
	uint64_t before = marks->epoch;
	int r;

	if (epoch <= before)
		return 0;
	marks->epoch = epoch;
	r = marks_write(marks);
	if (r != 0)
		marks->epoch = before;
	return r;
}

static size_t
serial_find(const struct mt_marks *marks, const char *bundle_id)
{
	size_t i = 0;

	while (i < marks->n_serials && strcmp(marks->serials[i].bundle, bundle_id) != 0)
		i++;
	return i;
}

uint64_t
mt_marks_get_serial(const struct mt_marks *marks, const char *bundle_id)
{
	size_t i = serial_find(marks, bundle_id);

	return i < marks->n_serials ? marks->serials[i].serial : 0;
}

int
mt_marks_raise_serial(struct mt_marks *marks, const char *bundle_id, uint64_t serial)
{
	size_t i = serial_find(marks, bundle_id);
	size_t n_before = marks->n_serials;
	uint64_t before;
	int r;

	if (i == MT_MARKS_SERIALS_MAX || strlen(bundle_id) >= MT_TOKEN_SIZE)
		return MT_MARKS_E_FULL;
	before = i < n_before ? marks->serials[i].serial : 0;
	if (serial <= before)
		return 0;
	if (i == n_before) {
		(void)snprintf(marks->serials[i].bundle, MT_TOKEN_SIZE, "%s", bundle_id);
		marks->n_serials++;
	}
	marks->serials[i].serial = serial;
	r = marks_write(marks);
	if (r != 0) {
		marks->serials[i].serial = before;
		marks->n_serials = n_before;
	}
	return r;
}

static void
suspension_key(uint32_t uid, const char *address, uint8_t ret[static MARKS_KEY_SIZE])
{
	uint8_t text[4 + MT_ADDRESS_SIZE];
	uint8_t digest[SHA256_DIGEST_LENGTH];
	size_t size = strnlen(address, MT_ADDRESS_SIZE);

	for (size_t i = 0; i < 4; i++)
		text[i] = (uint8_t)(uid >> (24 - 8 * i));
	memcpy(text + 4, address, size);
	(void)SHA256(text, 4 + size, digest);
	memcpy(ret, digest, MARKS_KEY_SIZE);
}

/* Index of the key, or of where it would stand. */
static size_t
suspension_search(const struct mt_marks *marks, const uint8_t *key, bool *ret_found)
{
	size_t low = 0, high = marks->n_suspended;

	*ret_found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(marks->suspended[middle], key, MARKS_KEY_SIZE);

		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
mt_marks_is_suspended(const struct mt_marks *marks, uint32_t uid, const char *address)
{
	uint8_t key[MARKS_KEY_SIZE];
	bool found = false;

	if (marks->n_suspended == 0)
		return false;
	suspension_key(uid, address, key);
	(void)suspension_search(marks, key, &found);
	return found;
}

static void
suspension_insert(struct mt_marks *marks, size_t at, const uint8_t *key)
{
	memmove(marks->suspended[at + 1], marks->suspended[at],
		(marks->n_suspended - at) * MARKS_KEY_SIZE);
	memcpy(marks->suspended[at], key, MARKS_KEY_SIZE);
	marks->n_suspended++;
}

static void
suspension_remove(struct mt_marks *marks, size_t at)
{
	marks->n_suspended--;
	memmove(marks->suspended[at], marks->suspended[at + 1],
		(marks->n_suspended - at) * MARKS_KEY_SIZE);
}

int
mt_marks_set_suspended(struct mt_marks *marks, uint32_t uid, const char *address, bool suspended)
{
	uint8_t key[MARKS_KEY_SIZE];
	bool found;
	size_t at;
	int r;

	suspension_key(uid, address, key);
	at = suspension_search(marks, key, &found);
	if (found == suspended)
		return 0;
	if (suspended && marks->n_suspended == MT_MARKS_SUSPENDED_MAX)
		return MT_MARKS_E_FULL;
	if (suspended)
		suspension_insert(marks, at, key);
	else
		suspension_remove(marks, at);
	r = marks_write(marks);
	if (r == 0)
		return 0;
	if (suspended)
		suspension_remove(marks, at);
	else
		suspension_insert(marks, at, key);
	return r;
}
