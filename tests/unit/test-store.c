/* SPDX-License-Identifier: MIT */
/* The store: one process, transactions, damage of every kind. */

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tdb.h>

#include "tests/cmocka-all.h"

#include "daemon/log.h"
#include "daemon/marks.h"
#include "daemon/store.h"
#include "tests/unit/scratch.h"

#define NOBODY 65534
#define N_VALUES 24

struct fixture {
	char directory[SCRATCH_PATH];
};

static int
setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	scratch_make(fixture->directory);
	mt_log_set_target(open("/dev/null", O_WRONLY | O_CLOEXEC));
	*state = fixture;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *fixture = *state;

	scratch_remove(fixture->directory);
	free(fixture);
	return 0;
}

static int
store_open(const struct fixture *fixture, struct mt_store **ret)
{
	return mt_store_open(&(struct mt_store_options){.directory = fixture->directory,
							.hash_size = 7,
							.no_sync = true},
			     ret);
}

static struct mt_store *
store_must_open(const struct fixture *fixture)
{
	struct mt_store *store = NULL;

	assert_int_equal(store_open(fixture, &store), 0);
	return store;
}

/* Waits for the check's report. */
static enum mt_store_state
store_wait(struct mt_store *store)
{
	struct pollfd poll_fd = {.fd = mt_store_check_fd(store), .events = POLLIN};

	if (poll_fd.fd >= 0)
		assert_int_equal(poll(&poll_fd, 1, 10000), 1);
	return mt_store_check_result(store);
}

static void
key_of(struct mt_key *key, unsigned int number)
{
	mt_key_init(key, MT_RECORD_WATCH);
	mt_key_add_u32(key, number);
}

static int
put_number(struct mt_store *store, unsigned int number, unsigned int value)
{
	struct mt_writer writer = {0};
	struct mt_key key;
	int r;

	key_of(&key, number);
	mt_writer_u8(&writer, 1);
	for (unsigned int i = 0; i < 20; i++)
		mt_writer_u32(&writer, value);
	r = mt_store_put(store, &key, &writer);
	mt_writer_clear(&writer);
	return r;
}

static int
read_number(struct mt_reader *reader, void *userdata)
{
	unsigned int *value = userdata;

	(void)mt_reader_u8(reader);
	*value = mt_reader_u32(reader);
	for (unsigned int i = 1; i < 20; i++)
		assert_int_equal(mt_reader_u32(reader), *value);
	assert_true(mt_reader_is_done(reader));
	return 0;
}

static int
get_number(struct mt_store *store, unsigned int number, unsigned int *ret)
{
	struct mt_key key;

	key_of(&key, number);
	return mt_store_get(store, &key, read_number, ret);
}

/* A closed store that holds value 1000 + i under i. */
static void
store_fill(const struct fixture *fixture, unsigned int n)
{
	struct mt_store *store = store_must_open(fixture);

	assert_int_equal(mt_store_begin(store), 0);
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(put_number(store, i, 1000 + i), 0);
	assert_int_equal(mt_store_commit(store), 0);
	store = mt_store_close(store);
	assert_null(store);
}

static void
what_was_committed_is_there_after_a_restart(void **state)
{
	struct fixture *fixture = *state;
	struct mt_store *store;
	unsigned int value = 0;

	store_fill(fixture, N_VALUES);
	store = store_must_open(fixture);
	assert_int_equal(store_wait(store), MT_STORE_READY);
	assert_int_equal(mt_store_get_n_records(store), N_VALUES);
	for (unsigned int i = 0; i < N_VALUES; i++) {
		assert_int_equal(get_number(store, i, &value), 0);
		assert_int_equal(value, 1000 + i);
	}
	assert_int_equal(get_number(store, N_VALUES, &value), MT_STORE_E_NOT_FOUND);
	(void)mt_store_close(store);
}

static void
a_transaction_that_is_rolled_back_leaves_nothing(void **state)
{
	struct mt_store *store = store_must_open(*state);
	unsigned int value = 0;

	assert_int_equal(mt_store_begin(store), 0);
	assert_int_equal(put_number(store, 1, 5), 0);
	assert_int_equal(get_number(store, 1, &value), 0); /* sees itself */
	mt_store_rollback(store);
	assert_int_equal(get_number(store, 1, &value), MT_STORE_E_NOT_FOUND);
	assert_int_equal(mt_store_get_n_records(store), 0);
	(void)mt_store_close(store);
}

static void
a_put_that_failed_makes_the_commit_fail_whole(void **state)
{
	struct mt_store *store = store_must_open(*state);
	struct mt_writer writer = {0};
	unsigned int value = 0;
	struct mt_key key;
	char text[MT_RECORD_KEY_MAX + 1];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	mt_key_init(&key, MT_RECORD_WATCH);
	mt_key_add_string(&key, text); /* does not fit */
	assert_int_equal(mt_store_begin(store), 0);
	assert_int_equal(put_number(store, 1, 5), 0);
	assert_true(mt_store_put(store, &key, &writer) < 0);
	assert_true(mt_store_commit(store) < 0);
	assert_int_equal(get_number(store, 1, &value), MT_STORE_E_NOT_FOUND);
	assert_int_equal(mt_store_get(store, &key, read_number, &value), MT_STORE_E_NOT_FOUND);
	mt_writer_clear(&writer);
	(void)mt_store_close(store);
}

/* The check's child is held up where it opens the snapshot: a pipe nobody reads yet. */
static void
nothing_is_committed_before_the_check_has_reported(void **state)
{
	struct fixture *fixture = *state;
	char pipe_path[SCRATCH_PATH];
	struct mt_store *store;
	unsigned int value = 0;
	uint8_t sink[4096];
	int fd;

	store_fill(fixture, 3);
	scratch_path(fixture->directory, "mailtrust.snapshot.new", pipe_path);
	assert_int_equal(mkfifo(pipe_path, 0600), 0);
	store = store_must_open(fixture);
	assert_int_equal(mt_store_get_state(store), MT_STORE_CHECKING);
	assert_int_equal(mt_store_begin(store), MT_STORE_E_NOT_READY);
	assert_int_equal(get_number(store, 2, &value), 0); /* reading goes on */
	assert_int_equal(value, 1002);

	fd = open(pipe_path, O_RDONLY | O_CLOEXEC);
	while (read(fd, sink, sizeof(sink)) > 0)
		;
	(void)close(fd);
	assert_int_equal(store_wait(store), MT_STORE_READY);
	assert_int_equal(mt_store_begin(store), 0);
	(void)mt_store_close(store);
}

static void
a_second_process_is_told_that_the_store_is_locked(void **state)
{
	struct mt_store *store = store_must_open(*state);
	struct mt_store *second = NULL;

	assert_int_equal(store_open(*state, &second), MT_STORE_E_LOCKED);
	assert_null(second);
	(void)mt_store_close(store);
	assert_int_equal(store_open(*state, &second), 0);
	(void)mt_store_close(second);
}

static void
a_store_of_a_newer_version_is_refused_and_left_alone(void **state)
{
	struct fixture *fixture = *state;
	struct mt_store *store = NULL;
	struct mt_writer writer = {0};
	struct tdb_context *tdb;
	char path[SCRATCH_PATH];
	uint8_t key = MT_RECORD_META;
	uint8_t *before, *after;
	size_t size, size_after;

	store_fill(fixture, 3);
	mt_writer_u8(&writer, 9);
	mt_writer_u32(&writer, 2); /* schema */
	mt_writer_u32(&writer, 7);
	mt_writer_u64(&writer, 1);
	mt_writer_u64(&writer, 3);
	mt_writer_string(&writer, "and more");
	assert_int_equal(mt_record_seal((struct mt_bytes){&key, 1}, &writer), 0);
	scratch_path(fixture->directory, "mailtrust.tdb", path);
	tdb = tdb_open(path, 0, 0, O_RDWR, 0600);
	assert_non_null(tdb);
	assert_int_equal(tdb_store(tdb, (TDB_DATA){&key, 1}, (TDB_DATA){writer.data, writer.size},
				   TDB_REPLACE),
			 0);
	(void)tdb_close(tdb);
	mt_writer_clear(&writer);

	before = scratch_read(fixture->directory, "mailtrust.tdb", &size);
	assert_int_equal(store_open(fixture, &store), MT_STORE_E_NEWER);
	assert_string_equal(mt_store_strerror(MT_STORE_E_NEWER),
			    "the store was written by a newer version of mailtrust");
	after = scratch_read(fixture->directory, "mailtrust.tdb", &size_after);
	assert_int_equal(size, size_after);
	assert_memory_equal(before, after, size);
	free(before);
	free(after);
}

static void
a_directory_others_can_write_to_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct mt_store *store = NULL;

	assert_int_equal(chmod(fixture->directory, 0770), 0);
	assert_int_equal(store_open(fixture, &store), MT_STORE_E_INSECURE);
}

static void
an_absent_directory_is_made_for_its_owner_alone(void **state)
{
	struct fixture *fixture = *state;
	struct fixture child, grandchild;
	struct mt_store *store;
	struct stat st;

	scratch_path(fixture->directory, "state", child.directory);
	scratch_path(fixture->directory, "no/state", grandchild.directory);
	store = store_must_open(&child);
	assert_int_equal(stat(child.directory, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	(void)mt_store_close(store);
	scratch_remove(child.directory);
	assert_int_equal(store_open(&grandchild, &store), MT_STORE_E_NO_DIRECTORY);
}

/* Root may write anywhere: the question is asked as somebody else. */
static void
a_directory_that_cannot_be_written_is_named_so(void **state)
{
	struct fixture *fixture = *state;
	pid_t pid;
	int status = 0;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(fixture->directory, 0500), 0);
	assert_int_equal(chown(fixture->directory, NOBODY, NOBODY), 0);
	pid = fork();
	if (pid == 0) {
		struct mt_store *store = NULL;

		if (setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
		    setresuid(NOBODY, NOBODY, NOBODY) != 0)
			_exit(99);
		_exit(store_open(fixture, &store));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), MT_STORE_E_READ_ONLY);
	assert_int_equal(chown(fixture->directory, 0, 0), 0);
}

/* Offset of the sealed value that holds the number. */
static size_t
find_value(const uint8_t *data, size_t size, unsigned int value)
{
	const uint8_t four[8] = {0, 0, (uint8_t)(value >> 8), (uint8_t)value,
				 0, 0, (uint8_t)(value >> 8), (uint8_t)value};
	const uint8_t *found = memmem(data, size, four, sizeof(four));

	assert_non_null(found);
	return (size_t)(found - data);
}

static void
a_changed_byte_of_a_value_costs_that_record_alone(void **state)
{
	struct fixture *fixture = *state;
	struct mt_store *store;
	unsigned int value = 0;
	uint8_t *data;
	size_t size;

	store_fill(fixture, N_VALUES);
	data = scratch_read(fixture->directory, "mailtrust.tdb", &size);
	data[find_value(data, size, 1005) + 9] ^= 1;
	scratch_write(fixture->directory, "mailtrust.tdb", data, size);
	free(data);

	store = store_must_open(fixture);
	assert_int_equal(store_wait(store), MT_STORE_READY);
	assert_int_equal(get_number(store, 5, &value), MT_STORE_E_DAMAGED);
	assert_int_equal(get_number(store, 6, &value), 0);
	/* A snapshot with a hole in it would replace one without. */
	assert_false(scratch_has(fixture->directory, "mailtrust.snapshot"));
	(void)mt_store_close(store);
}

static void
a_value_is_not_readable_under_anothers_key(void **state)
{
	struct mt_writer writer = {0};
	struct mt_bytes value;
	const struct mt_bytes a = {(const uint8_t *)"a", 1}, b = {(const uint8_t *)"b", 1};

	mt_writer_u32(&writer, 7);
	assert_int_equal(mt_record_seal(a, &writer), 0);
	assert_int_equal(mt_record_unseal(a, (struct mt_bytes){writer.data, writer.size}, &value),
			 0);
	assert_int_equal(value.size, 4);
	assert_int_equal(mt_record_unseal(b, (struct mt_bytes){writer.data, writer.size}, &value),
			 MT_RECORD_E_DAMAGED);
	mt_writer_clear(&writer);
}

static void
a_clean_start_leaves_a_snapshot_that_opens(void **state)
{
	struct fixture *fixture = *state;
	char snapshot[SCRATCH_PATH], path[SCRATCH_PATH];
	struct mt_store *store;
	unsigned int value = 0;

	store_fill(fixture, N_VALUES);
	store = store_must_open(fixture);
	assert_int_equal(store_wait(store), MT_STORE_READY);
	assert_int_equal(mt_store_begin(store), 0);
	assert_int_equal(put_number(store, 0, 1), 0);
	assert_int_equal(mt_store_commit(store), 0);
	(void)mt_store_close(store);

	scratch_path(fixture->directory, "mailtrust.snapshot", snapshot);
	scratch_path(fixture->directory, "mailtrust.tdb", path);
	assert_int_equal(rename(snapshot, path), 0);
	store = store_must_open(fixture);
	assert_int_equal(get_number(store, 0, &value), 0);
	assert_int_equal(value, 1000);
	(void)mt_store_close(store);
}

/* Whatever was read is what was written; whatever else is an outcome, never a wrong value. */
static void
expect_no_lies(const struct fixture *fixture, bool *ret_degraded, unsigned int *ret_n_right)
{
	struct mt_store *store = NULL;
	int r = store_open(fixture, &store);

	/* A flipped version byte inside a sealed record cannot pass for a newer one. */
	assert_int_equal(r, 0);
	for (int round = 0; round < 2; round++) {
		*ret_n_right = 0;
		for (unsigned int i = 0; i < N_VALUES; i++) {
			unsigned int value = 0;

			r = get_number(store, i, &value);
			assert_true(r == 0 || r == MT_STORE_E_NOT_FOUND ||
				    r == MT_STORE_E_DAMAGED || r == MT_STORE_E_CORRUPT);
			if (r == 0)
				assert_int_equal(value, 1000 + i);
			*ret_n_right += r == 0;
		}
		*ret_degraded = store_wait(store) == MT_STORE_DEGRADED;
	}
	if (*ret_degraded)
		assert_int_equal(mt_store_begin(store), MT_STORE_E_CORRUPT);
	(void)mt_store_close(store);
}

static void
flipped_bits_anywhere_never_crash_and_never_lie(void **state)
{
	struct fixture *fixture = *state;
	unsigned int n_degraded = 0, n_read = 0, n_right = 0;
	uint8_t *good, *bad, *after;
	size_t size, size_after;

	store_fill(fixture, N_VALUES);
	good = scratch_read(fixture->directory, "mailtrust.tdb", &size);
	bad = malloc(size);
	assert_non_null(bad);
	for (size_t offset = 0; offset < size; offset += offset < 512 ? 11 : 397) {
		bool degraded = false;

		memcpy(bad, good, size);
		bad[offset] ^= (uint8_t)(1u << offset % 8);
		scratch_write(fixture->directory, "mailtrust.tdb", bad, size);
		expect_no_lies(fixture, &degraded, &n_right);
		n_read++;
		if (!degraded)
			continue;
		n_degraded++;
		/* The damaged file is kept as it is. */
		after = scratch_read(fixture->directory, "mailtrust.tdb", &size_after);
		assert_int_equal(size, size_after);
		assert_memory_equal(bad, after, size);
		free(after);
	}
	assert_true(n_degraded > 0 && n_degraded < n_read);
	free(good);
	free(bad);
}

static void
a_truncated_store_is_degraded_unless_nothing_was_lost_and_kept(void **state)
{
	struct fixture *fixture = *state;
	unsigned int n_right = 0, n_degraded = 0;
	uint8_t *good;
	size_t size, size_after;

	store_fill(fixture, N_VALUES);
	good = scratch_read(fixture->directory, "mailtrust.tdb", &size);
	for (size_t cut = 0; cut < size; cut += cut < 256 ? 37 : 613) {
		bool degraded = false;
		uint8_t *after;

		scratch_write(fixture->directory, "mailtrust.tdb", good, cut);
		expect_no_lies(fixture, &degraded, &n_right);
		/* tdb keeps free room at the end: losing some of that loses nothing. */
		assert_true(degraded || n_right == N_VALUES);
		n_degraded += degraded;
		if (!degraded)
			continue;
		after = scratch_read(fixture->directory, "mailtrust.tdb", &size_after);
		assert_int_equal(size_after, cut);
		assert_memory_equal(after, good, cut);
		free(after);
	}
	assert_true(n_degraded > 5);
	free(good);
}

static void
a_store_that_outgrew_its_hash_is_copied_into_a_larger_one(void **state)
{
	struct fixture *fixture = *state;
	struct tdb_context *tdb;
	struct mt_store *store;
	char path[SCRATCH_PATH];
	unsigned int value = 0;

	store_fill(fixture, 200); /* hash size 7 */
	store = store_must_open(fixture);
	assert_int_equal(store_wait(store), MT_STORE_READY);
	assert_int_equal(mt_store_get_n_records(store), 200);
	for (unsigned int i = 0; i < 200; i++) {
		assert_int_equal(get_number(store, i, &value), 0);
		assert_int_equal(value, 1000 + i);
	}
	(void)mt_store_close(store);
	scratch_path(fixture->directory, "mailtrust.tdb", path);
	tdb = tdb_open(path, 0, 0, O_RDONLY, 0);
	assert_non_null(tdb);
	assert_true(tdb_hash_size(tdb) >= 200);
	(void)tdb_close(tdb);
}

static void
an_epoch_is_never_used_twice_even_when_the_store_is_replaced(void **state)
{
	struct fixture *fixture = *state;
	struct mt_store *store = store_must_open(fixture);
	char path[SCRATCH_PATH];
	uint64_t epoch = 0, first = mt_store_get_epoch(store);

	assert_int_equal(mt_store_raise_epoch(store, &epoch), 0);
	assert_int_equal(mt_store_raise_epoch(store, &epoch), 0);
	assert_int_equal(epoch, first + 2);
	(void)mt_store_close(store);
	scratch_path(fixture->directory, "mailtrust.tdb", path);
	assert_int_equal(unlink(path), 0);
	store = store_must_open(fixture);
	assert_true(mt_store_get_epoch(store) > epoch);
	(void)mt_store_close(store);
}

static void
a_floor_that_rose_raises_the_epoch_once(void **state)
{
	struct fixture *fixture = *state;
	struct mt_store *store = store_must_open(fixture);
	uint64_t first = mt_store_get_epoch(store), epoch;

	assert_int_equal(mt_store_adopt_floor(store, 1, &epoch), 0);
	assert_int_equal(epoch, 0); /* a fresh store was used with no other */
	(void)mt_store_close(store);
	store = store_must_open(fixture);
	assert_int_equal(store_wait(store), MT_STORE_READY);
	assert_int_equal(mt_store_adopt_floor(store, 2, &epoch), 0);
	assert_int_equal(epoch, first + 1);
	assert_int_equal(mt_store_adopt_floor(store, 2, &epoch), 0);
	assert_int_equal(epoch, 0);
	/* an older program does not undo it */
	assert_int_equal(mt_store_adopt_floor(store, 1, &epoch), 0);
	assert_int_equal(epoch, 0);
	assert_int_equal(mt_store_get_epoch(store), first + 1);
	(void)mt_store_close(store);
}

static void
a_bundle_serial_never_falls(void **state)
{
	struct fixture *fixture = *state;
	struct mt_store *store = store_must_open(fixture);
	struct mt_marks *marks = mt_store_get_marks(store);

	assert_int_equal(mt_marks_get_serial(marks, "corp"), 0);
	assert_int_equal(mt_marks_raise_serial(marks, "corp", 7), 0);
	assert_int_equal(mt_marks_raise_serial(marks, "corp", 3), 0);
	assert_int_equal(mt_marks_get_serial(marks, "corp"), 7);
	(void)mt_store_close(store);
	store = store_must_open(fixture);
	assert_int_equal(mt_marks_get_serial(mt_store_get_marks(store), "corp"), 7);
	(void)mt_store_close(store);
}

static void
suspension_marks_are_kept_sorted_found_and_lifted(void **state)
{
	struct mt_store *store = store_must_open(*state);
	struct mt_marks *marks = mt_store_get_marks(store);
	char address[32];

	for (unsigned int i = 0; i < 40; i++) {
		(void)snprintf(address, sizeof(address), "u%u@example.test", i);
		assert_int_equal(mt_marks_set_suspended(marks, i, address, true), 0);
	}
	assert_int_equal(mt_marks_set_suspended(marks, 5, "u5@example.test", false), 0);
	for (unsigned int i = 0; i < 40; i++) {
		(void)snprintf(address, sizeof(address), "u%u@example.test", i);
		assert_int_equal(mt_marks_is_suspended(marks, i, address), i != 5);
		assert_false(mt_marks_is_suspended(marks, i + 1, address));
	}
	(void)mt_store_close(store);
}

static void
damaged_marks_are_set_aside_and_the_store_goes_on(void **state)
{
	struct fixture *fixture = *state;
	struct mt_store *store = store_must_open(fixture);
	uint64_t epoch = 0;
	uint8_t *data;
	size_t size;

	assert_int_equal(mt_store_raise_epoch(store, &epoch), 0);
	(void)mt_store_close(store);
	data = scratch_read(fixture->directory, "mailtrust.marks", &size);
	data[size / 2] ^= 4;
	scratch_write(fixture->directory, "mailtrust.marks", data, size);
	free(data);
	store = store_must_open(fixture);
	assert_int_equal(store_wait(store), MT_STORE_READY);
	assert_int_equal(mt_store_get_epoch(store), epoch);
	assert_true(scratch_has(fixture->directory, "mailtrust.marks.damaged"));
	(void)mt_store_close(store);
}

static void
a_reader_past_the_end_gives_zero_and_says_so(void **state)
{
	const uint8_t bytes[] = {0, 9, 'a', 'b'};
	struct mt_reader reader = {.data = bytes, .size = sizeof(bytes)};
	char text[8] = "x";

	mt_reader_string(&reader, text, sizeof(text)); /* nine bytes are announced */
	assert_string_equal(text, "");
	assert_true(reader.failed);
	assert_int_equal(mt_reader_u8(&reader), 0);
	assert_false(mt_reader_is_done(&reader));
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(what_was_committed_is_there_after_a_restart),
		CASE(a_transaction_that_is_rolled_back_leaves_nothing),
		CASE(a_put_that_failed_makes_the_commit_fail_whole),
		CASE(nothing_is_committed_before_the_check_has_reported),
		CASE(a_second_process_is_told_that_the_store_is_locked),
		CASE(a_store_of_a_newer_version_is_refused_and_left_alone),
		CASE(a_directory_others_can_write_to_is_refused),
		CASE(an_absent_directory_is_made_for_its_owner_alone),
		CASE(a_directory_that_cannot_be_written_is_named_so),
		CASE(a_changed_byte_of_a_value_costs_that_record_alone),
		CASE(a_value_is_not_readable_under_anothers_key),
		CASE(a_clean_start_leaves_a_snapshot_that_opens),
		CASE(flipped_bits_anywhere_never_crash_and_never_lie),
		CASE(a_truncated_store_is_degraded_unless_nothing_was_lost_and_kept),
		CASE(a_store_that_outgrew_its_hash_is_copied_into_a_larger_one),
		CASE(an_epoch_is_never_used_twice_even_when_the_store_is_replaced),
		CASE(a_floor_that_rose_raises_the_epoch_once),
		CASE(a_bundle_serial_never_falls),
		CASE(suspension_marks_are_kept_sorted_found_and_lifted),
		CASE(damaged_marks_are_set_aside_and_the_store_goes_on),
		CASE(a_reader_past_the_end_gives_zero_and_says_so),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
