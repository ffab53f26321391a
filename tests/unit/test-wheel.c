/* SPDX-License-Identifier: MIT */
/* The wheel of minutes: what a turn hands out, what it costs, and clocks that jump. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka-all.h"

#include "daemon/log.h"
#include "daemon/wheel.h"
#include "policy/schedule.h"
#include "tests/unit/scratch.h"

#define MINUTE (60 * MT_USEC_PER_SEC)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define NOON (INT64_C(1800000000) * MT_USEC_PER_SEC)

struct world {
	char directory[SCRATCH_PATH];
	struct mt_store *store;
	struct mt_wheel *wheel;
	struct mt_wheel_due due;
	int64_t now_usec;
};

static void
world_open(struct world *w)
{
	const struct mt_store_options options = {.directory = w->directory, .no_sync = true};

	assert_int_equal(mt_store_open(&options, &w->store), 0);
	while (mt_store_check_result(w->store) == MT_STORE_CHECKING)
		;
	assert_int_equal(mt_wheel_new(w->store, &w->wheel), 0);
}

static void
world_restart(struct world *w)
{
	mt_wheel_free(w->wheel);
	mt_store_close(w->store);
	world_open(w);
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	mt_log_set_target(open("/dev/null", O_WRONLY | O_CLOEXEC));
	scratch_make(w->directory);
	w->now_usec = NOON;
	world_open(w);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	mt_wheel_free(w->wheel);
	mt_store_close(w->store);
	scratch_remove(w->directory);
	free(w);
	return 0;
}

static void
put(struct world *w, const char *domain, int64_t due_usec)
{
	assert_int_equal(mt_store_begin(w->store), 0);
	mt_wheel_put(w->wheel, domain, due_usec, w->now_usec);
	assert_int_equal(mt_store_commit(w->store), 0);
}

static size_t
turn(struct world *w)
{
	assert_int_equal(mt_wheel_turn(w->wheel, w->now_usec, MT_WATCH_STARTS_MAX, &w->due), 0);
	return w->due.n;
}

/* Turns for so long, every ten seconds. Return: how many were handed out. */
static size_t
turn_for(struct world *w, int64_t span_usec)
{
	char last[MT_DOMAIN_SIZE] = "";
	size_t n = 0;

	for (int64_t end = w->now_usec + span_usec; w->now_usec < end;
	     w->now_usec += MT_WATCH_TURN_USEC) {
		n += turn(w);
		if (w->due.n > 0)
			memcpy(last, w->due.domains[0], sizeof(last));
	}
	memcpy(w->due.domains[0], last, sizeof(last));
	return n;
}

static void
a_domain_is_handed_out_when_it_is_due_and_not_before(void **state)
{
	struct world *w = *state;

	put(w, "example.test", NOON + 90 * MT_USEC_PER_SEC);
	assert_int_equal(turn(w), 0);
	w->now_usec = NOON + 89 * MT_USEC_PER_SEC;
	assert_int_equal(turn(w), 0);
	w->now_usec = NOON + 90 * MT_USEC_PER_SEC;
	assert_int_equal(turn(w), 1);
	assert_string_equal(w->due.domains[0], "example.test");
	assert_int_equal(turn(w), 0);
}

static void
one_that_is_handed_out_comes_again_in_minutes_should_nobody_say_otherwise(void **state)
{
	struct world *w = *state;
	int64_t due;

	put(w, "example.test", NOON);
	assert_int_equal(turn(w), 1);
	assert_true(mt_wheel_find(w->wheel, "example.test", &due));
	assert_in_range(due - NOON, 9 * MINUTE, 10 * MINUTE);
	/* the process died meanwhile */
	world_restart(w);
	w->now_usec = NOON + 10 * MINUTE;
	assert_int_equal(turn(w), 1);
}

static void
a_new_appointment_takes_the_place_of_the_old_one(void **state)
{
	struct world *w = *state;

	put(w, "example.test", NOON + HOUR);
	put(w, "example.test", NOON + MINUTE);
	assert_int_equal(turn_for(w, 9 * MINUTE), 1);
	put(w, "example.test", NOON + 3 * HOUR);
	/* neither the lease nor the first one counts any more */
	assert_int_equal(turn_for(w, 2 * HOUR), 0);
	assert_int_equal(turn_for(w, HOUR), 1);
}

static void
what_is_overdue_when_it_is_put_is_due_now(void **state)
{
	struct world *w = *state;

	put(w, "first.test", NOON + MINUTE);
	assert_int_equal(turn(w), 0);
	w->now_usec = NOON + 30 * MINUTE;
	assert_int_equal(turn(w), 1);
	put(w, "late.test", NOON - DAY);
	w->now_usec += MT_WATCH_TURN_USEC;
	assert_int_equal(turn(w), 1);
	assert_string_equal(w->due.domains[0], "late.test");
}

static void
a_domain_that_was_removed_is_not_handed_out(void **state)
{
	struct world *w = *state;
	int64_t due;

	put(w, "example.test", NOON + MINUTE);
	assert_int_equal(mt_store_begin(w->store), 0);
	mt_wheel_remove(w->wheel, "example.test");
	assert_int_equal(mt_store_commit(w->store), 0);
	assert_false(mt_wheel_find(w->wheel, "example.test", &due));
	assert_int_equal(turn_for(w, HOUR), 0);
}

static void
a_start_goes_on_where_the_hand_was(void **state)
{
	struct world *w = *state;
	const uint64_t secret = mt_wheel_secret(w->wheel);

	put(w, "early.test", NOON + HOUR);
	put(w, "late.test", NOON + 30 * HOUR);
	world_restart(w);
	assert_true(mt_wheel_secret(w->wheel) == secret);
	w->now_usec = NOON + 29 * HOUR;
	/* 29 hours of minutes, in bounded turns */
	assert_int_equal(turn_for(w, 5 * MINUTE), 1);
	assert_string_equal(w->due.domains[0], "early.test");
	put(w, "early.test", NOON + 60 * HOUR);
	assert_int_equal(turn_for(w, HOUR), 1);
	assert_string_equal(w->due.domains[0], "late.test");
}

static void
a_turn_is_bounded_however_much_is_due(void **state)
{
	struct world *w = *state;
	char domain[32];
	size_t n = 0;

	assert_int_equal(mt_store_begin(w->store), 0);
	for (unsigned d = 0; d < 1000; d++) {
		snprintf(domain, sizeof(domain), "d%u.test", d);
		mt_wheel_put(w->wheel, domain, NOON + d % 3 * MINUTE, NOON);
	}
	assert_int_equal(mt_store_commit(w->store), 0);
	w->now_usec = NOON + 5 * MINUTE;
	for (unsigned t = 0; t < 25; t++) {
		assert_int_equal(turn(w), MT_WATCH_STARTS_MAX);
		assert_int_equal(w->due.n_moved, MT_WATCH_STARTS_MAX);
		n += w->due.n;
	}
	assert_int_equal(n, 1000);
	assert_int_equal(turn(w), 0);
}

static void
a_week_of_sleep_is_passed_over_in_bounded_turns(void **state)
{
	struct world *w = *state;

	put(w, "example.test", NOON + 3 * DAY);
	w->now_usec = NOON + 7 * DAY;
	for (unsigned t = 0; t < 200; t++) {
		if (turn(w) == 1)
			return;
		assert_in_range(w->due.n_minutes, 0, MT_WATCH_MINUTES_MAX);
	}
	fail();
}

static void
a_clock_that_is_a_year_ahead_finds_everything_once(void **state)
{
	struct world *w = *state;

	put(w, "one.test", NOON + HOUR);
	put(w, "two.test", NOON + 5 * DAY);
	w->now_usec = NOON + 365 * DAY;
	/* once around is 32 turns, five minutes; leases may come again meanwhile */
	assert_in_range(turn_for(w, HOUR), 2, 14);
}

static void
appointments_of_a_clock_that_was_ahead_are_made_anew(void **state)
{
	struct world *w = *state;
	int64_t due;

	w->now_usec = NOON + 365 * DAY;
	put(w, "example.test", w->now_usec + DAY);
	assert_int_equal(turn(w), 0);
	w->now_usec = NOON;
	/* the hand has been around after five minutes and has passed the minutes ahead after two
	 * hours; the new appointment is within an hour */
	assert_in_range(turn_for(w, 4 * HOUR), 1, 30);
	assert_true(mt_wheel_find(w->wheel, "example.test", &due));
	assert_in_range(due, NOON, NOON + 6 * HOUR);
}

static void
a_clock_set_back_by_a_minute_costs_nothing(void **state)
{
	struct world *w = *state;

	put(w, "example.test", NOON + 3 * MINUTE);
	w->now_usec = NOON + 2 * MINUTE;
	assert_int_equal(turn(w), 0);
	w->now_usec = NOON + MINUTE;
	assert_int_equal(turn(w), 0);
	assert_int_equal(w->due.n_minutes, 0);
	w->now_usec = NOON + 3 * MINUTE;
	assert_int_equal(turn(w), 1);
}

static void
idle_turns_read_and_write_nothing_but_one_minute(void **state)
{
	struct world *w = *state;

	put(w, "example.test", NOON + DAY);
	(void)turn(w);
	for (unsigned t = 0; t < 1000; t++) {
		w->now_usec += MT_WATCH_TURN_USEC;
		assert_int_equal(turn(w), 0);
		assert_in_range(w->due.n_minutes, 0, 1);
		assert_int_equal(w->due.n_moved, 0);
	}
}

static void
ten_thousand_domains_a_day_are_handed_out_evenly_and_once(void **state)
{
	/* DESIGN §9, over the records themselves */
	struct world *w = *state;
	unsigned hours[24] = {0};
	char domain[32];
	size_t n = 0;

	assert_int_equal(mt_store_begin(w->store), 0);
	for (unsigned d = 0; d < 10000; d++) {
		snprintf(domain, sizeof(domain), "d%u.test", d);
		mt_wheel_put(w->wheel, domain,
			     mt_schedule_first(mt_schedule_hash(1, domain), 86400, NOON), NOON);
	}
	assert_int_equal(mt_store_commit(w->store), 0);
	for (; w->now_usec < NOON + DAY; w->now_usec += MT_WATCH_TURN_USEC) {
		(void)turn(w);
		assert_in_range(w->due.n, 0, 12); /* 1.2 are even */
		assert_int_equal(mt_store_begin(w->store), 0);
		for (size_t i = 0; i < w->due.n; i++)
			mt_wheel_put(w->wheel, w->due.domains[i],
				     mt_schedule_next(mt_schedule_hash(1, w->due.domains[i]), 86400,
						      w->now_usec),
				     w->now_usec);
		assert_int_equal(mt_store_commit(w->store), 0);
		hours[(w->now_usec - NOON) / HOUR] += (unsigned)w->due.n;
		n += w->due.n;
	}
	/* all but those the jitter carries over the end of the day */
	assert_in_range(n, 9500, 10500);
	for (unsigned h = 0; h < 22; h++)
		assert_in_range(hours[h], 320, 520);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_domain_is_handed_out_when_it_is_due_and_not_before),
		CASE(one_that_is_handed_out_comes_again_in_minutes_should_nobody_say_otherwise),
		CASE(a_new_appointment_takes_the_place_of_the_old_one),
		CASE(what_is_overdue_when_it_is_put_is_due_now),
		CASE(a_domain_that_was_removed_is_not_handed_out),
		CASE(a_start_goes_on_where_the_hand_was),
		CASE(a_turn_is_bounded_however_much_is_due),
		CASE(a_week_of_sleep_is_passed_over_in_bounded_turns),
		CASE(a_clock_that_is_a_year_ahead_finds_everything_once),
		CASE(appointments_of_a_clock_that_was_ahead_are_made_anew),
		CASE(a_clock_set_back_by_a_minute_costs_nothing),
		CASE(idle_turns_read_and_write_nothing_but_one_minute),
		CASE(ten_thousand_domains_a_day_are_handed_out_evenly_and_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
