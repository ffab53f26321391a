/* SPDX-License-Identifier: MIT */
/* When domains are looked at: one at a time, and a hundred thousand for days. */

#include "tests/cmocka-all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/schedule.h"

#define SECRET UINT64_C(0x1234567890abcdef)
#define MINUTE (60 * MT_USEC_PER_SEC)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define NOON (INT64_C(1800000000) * MT_USEC_PER_SEC)

static void
looks_are_an_interval_apart_within_a_tenth(void **state)
{
	static const uint32_t intervals[] = {3600, 86400, 7 * 86400};
	char domain[32];

	for (unsigned i = 0; i < 3; i++)
		for (unsigned d = 0; d < 100; d++) {
			const int64_t interval = intervals[i] * MT_USEC_PER_SEC;
			uint64_t hash;
			int64_t last;

			snprintf(domain, sizeof(domain), "d%u.test", d);
			hash = mt_schedule_hash(SECRET, domain);
			last = mt_schedule_first(hash, intervals[i], NOON);
			assert_in_range(last - NOON, 1, interval + interval / 10);
			for (unsigned n = 0; n < 50; n++) {
				int64_t next = mt_schedule_next(hash, intervals[i], last);

				assert_in_range(next - last, interval - interval / 10,
						interval + interval / 10);
				last = next;
			}
		}
}

static void
the_interval_is_an_hour_at_least_and_a_week_at_most(void **state)
{
	assert_int_equal(mt_schedule_interval_sec(0), 3600);
	assert_int_equal(mt_schedule_interval_sec(86400), 86400);
	assert_int_equal(mt_schedule_interval_sec(UINT32_MAX), 7 * 86400);
}

static void
a_restart_changes_no_appointment(void **state)
{
	const uint64_t hash = mt_schedule_hash(SECRET, "example.test");
	const int64_t due = mt_schedule_first(hash, 86400, NOON);

	for (int64_t now = NOON; now < due; now += 7 * MINUTE)
		assert_int_equal(mt_schedule_first(hash, 86400, now), due);
}

static void
a_late_look_is_that_intervals_and_the_next_is_half_a_one_away_at_least(void **state)
{
	const uint64_t hash = mt_schedule_hash(SECRET, "example.test");

	for (int64_t late = 0; late < 3 * DAY; late += 11 * MINUTE) {
		int64_t now = mt_schedule_first(hash, 86400, NOON) + late;
		int64_t next = mt_schedule_next(hash, 86400, now);

		assert_in_range(next - now, DAY / 2, 2 * DAY);
	}
}

static void
machines_and_domains_do_not_agree_on_a_moment(void **state)
{
	const uint64_t hash = mt_schedule_hash(SECRET, "example.test");
	const int64_t due = mt_schedule_first(hash, 86400, NOON);

	assert_int_not_equal(
		due, mt_schedule_first(mt_schedule_hash(SECRET + 1, "example.test"), 86400, NOON));
	assert_int_not_equal(
		due, mt_schedule_first(mt_schedule_hash(SECRET, "example.org"), 86400, NOON));
}

static void
failures_are_repeated_at_growing_distances_up_to_a_day(void **state)
{
	/* S-13 */
	const uint64_t hash = mt_schedule_hash(SECRET, "example.test");
	int64_t before = 0;

	for (uint32_t n = 1; n < 40; n++) {
		int64_t distance = mt_schedule_retry(hash, n, NOON) - NOON;

		assert_in_range(distance, 9 * MINUTE, DAY);
		if (n < 8)
			assert_true(distance > before);
		before = distance;
	}
	assert_true(before >= DAY - DAY / 10);
	assert_in_range(mt_schedule_retry(hash, UINT32_MAX, NOON) - NOON, DAY - DAY / 10, DAY);
}

static void
a_second_look_confirms_after_ten_minutes(void **state)
{
	for (uint64_t i = 0; i < 1000; i++)
		assert_in_range(mt_schedule_confirm(mt_schedule_hash(i, "example.test"), NOON) -
					NOON,
				10 * MINUTE, 11 * MINUTE);
}

static void
an_appointment_beyond_the_longest_interval_was_made_by_a_wrong_clock(void **state)
{
	const uint64_t hash = mt_schedule_hash(SECRET, "example.test");

	assert_true(mt_schedule_is_plausible(mt_schedule_next(hash, 7 * 86400, NOON), NOON));
	assert_true(mt_schedule_is_plausible(NOON - DAY, NOON));
	assert_false(mt_schedule_is_plausible(NOON + 9 * DAY, NOON));
}

/* -- a machine with a million accounts --------------------------------------------------------- */

/*
 * A hundred thousand domains, of 1 to 5 000 accounts as providers go (one in a thousand is large),
 * for ten days. What a turn of the timer does is what the watcher does: it starts the looks that
 * are due, at most MT_WATCH_STARTS_MAX of them. The machine sleeps for two days in the middle.
 */
#define DOMAINS 100000u
#define TURNS_A_MINUTE (unsigned)(MINUTE / MT_WATCH_TURN_USEC)
#define MINUTES (10u * 24 * 60)
#define ASLEEP_FROM (4u * 24 * 60)
#define ASLEEP_TO (6u * 24 * 60)
#define NEVER UINT32_MAX

struct machine {
	uint64_t hash[DOMAINS];
	uint32_t accounts[DOMAINS];
	uint16_t n_looks[DOMAINS];
	uint32_t next[DOMAINS];                 /* in its minute's list */
	uint32_t minute[MINUTES + 3 * 24 * 60]; /* the first of each minute's list */
	uint32_t n_a_minute[MINUTES];
	uint32_t most_a_turn, most_accounts_a_turn;
};

static void
put(struct machine *m, uint32_t domain, int64_t due_usec)
{
	const int64_t at = (due_usec - NOON) / MINUTE;

	assert_in_range(at, 0, MT_ARRAY_SIZE(m->minute) - 1);
	m->next[domain] = m->minute[at];
	m->minute[at] = domain;
}

/* One turn of the timer. *hand: the minute that is not over yet. */
static void
turn(struct machine *m, uint32_t *hand, int64_t now_usec)
{
	const uint32_t minute = (uint32_t)((now_usec - NOON) / MINUTE);
	uint32_t n = 0, n_accounts = 0;

	while (n < MT_WATCH_STARTS_MAX && *hand <= minute) {
		uint32_t domain = m->minute[*hand];

		if (domain == NEVER) {
			if (*hand == minute)
				break;
			(*hand)++;
			continue;
		}
		m->minute[*hand] = m->next[domain];
		m->n_looks[domain]++;
		n_accounts += m->accounts[domain];
		n++;
		put(m, domain, mt_schedule_next(m->hash[domain], 86400, now_usec));
	}
	m->n_a_minute[minute] += n;
	if (n > m->most_a_turn)
		m->most_a_turn = n;
	if (n_accounts > m->most_accounts_a_turn)
		m->most_accounts_a_turn = n_accounts;
}

static struct machine *
new_machine(void)
{
	struct machine *m = calloc(1, sizeof(*m));
	uint64_t accounts = 0;
	char domain[32];

	assert_non_null(m);
	memset(m->minute, 0xff, sizeof(m->minute));
	for (uint32_t d = 0; d < DOMAINS; d++) {
		snprintf(domain, sizeof(domain), "d%u.test", d);
		m->hash[d] = mt_schedule_hash(SECRET, domain);
		m->accounts[d] = d % 1000 == 0 ? 5000 : 5;
		accounts += m->accounts[d];
		/* all of them are added within the same minute */
		put(m, d, mt_schedule_first(m->hash[d], 86400, NOON));
	}
	assert_in_range(accounts, 990000, 1010000);
	return m;
}

static void
a_million_accounts_make_no_burst_and_no_scan(void **state)
{
	/* DESIGN §9: an even rate is 69.4 looks a minute */
	struct machine *m = new_machine();
	uint32_t hand = 0;

	for (uint32_t minute = 0; minute < MINUTES; minute++)
		for (unsigned t = 0; t < TURNS_A_MINUTE; t++)
			if (minute < ASLEEP_FROM || minute >= ASLEEP_TO)
				turn(m, &hand, NOON + minute * MINUTE + t * MT_WATCH_TURN_USEC);

	/* no start-up scan: the first minute is one like any other */
	assert_in_range(m->n_a_minute[0], 0, 139);
	/* no bursts: never twice the even rate, a day after the sleep at the latest */
	for (uint32_t minute = 0; minute < MINUTES; minute++)
		if (minute < ASLEEP_FROM || minute >= ASLEEP_TO + 24 * 60)
			assert_in_range(m->n_a_minute[minute], 0, 139);
	/* after the sleep, and ever: the bound of a turn */
	assert_int_equal(m->most_a_turn, MT_WATCH_STARTS_MAX);
	/* every domain was looked at once in every day that was not slept through */
	for (uint32_t d = 0; d < DOMAINS; d++)
		assert_in_range(m->n_looks[d], 7, 10);
	print_message("# most looks a turn %u, most accounts a turn %u\n", m->most_a_turn,
		      m->most_accounts_a_turn);
	free(m);
}

static void
a_crowd_that_came_at_once_is_spread_over_the_day(void **state)
{
	unsigned hours[27] = {0};
	char domain[32];

	for (unsigned d = 0; d < 24000; d++) {
		snprintf(domain, sizeof(domain), "d%u.test", d);
		hours[(mt_schedule_first(mt_schedule_hash(SECRET, domain), 86400, NOON) - NOON) /
		      HOUR]++;
	}
	for (unsigned h = 0; h < 22; h++)
		assert_in_range(hours[h], 850, 1150);
	/* the last of the day are those that the jitter may carry over it */
	for (unsigned h = 22; h < 27; h++)
		assert_in_range(hours[h], 0, 1150);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looks_are_an_interval_apart_within_a_tenth),
		cmocka_unit_test(the_interval_is_an_hour_at_least_and_a_week_at_most),
		cmocka_unit_test(a_restart_changes_no_appointment),
		cmocka_unit_test(
			a_late_look_is_that_intervals_and_the_next_is_half_a_one_away_at_least),
		cmocka_unit_test(machines_and_domains_do_not_agree_on_a_moment),
		cmocka_unit_test(failures_are_repeated_at_growing_distances_up_to_a_day),
		cmocka_unit_test(a_second_look_confirms_after_ten_minutes),
		cmocka_unit_test(
			an_appointment_beyond_the_longest_interval_was_made_by_a_wrong_clock),
		cmocka_unit_test(a_million_accounts_make_no_burst_and_no_scan),
		cmocka_unit_test(a_crowd_that_came_at_once_is_spread_over_the_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
