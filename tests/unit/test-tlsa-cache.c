/* SPDX-License-Identifier: MIT */
/* How long an answer about TLSA holds, and when it is asked for again. */

#include "tests/cmocka-all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "daemon/tlsa-cache.h"

#define HOST "imap.example.test"
#define QUESTIONS_MAX 2048

/* A question that was asked. */
struct mt_job {
	mt_jobs_tlsa_fn callback;
	void *userdata;
	char host[MT_DOMAIN_SIZE];
	bool is_open;
};

static struct world {
	struct event_base *base;
	struct mt_tlsa_cache *cache;
	int64_t wall_usec, monotonic_usec;
	struct mt_job jobs[QUESTIONS_MAX];
	size_t n_asked, n_cancelled;
	enum mt_tlsa_status seen;
	unsigned n_calls;
	size_t n_records;
	uint8_t first_byte;
	bool ask_again;
} w;

static int64_t
wall(void *userdata)
{
	return w.wall_usec;
}

static int64_t
monotonic(void *userdata)
{
	return w.monotonic_usec;
}

static const struct mt_clock test_clock = {.wall_usec = wall, .monotonic_usec = monotonic};

static int
start(void *userdata, const char *host, uint16_t port, mt_jobs_tlsa_fn callback,
      void *callback_userdata, struct mt_job **ret)
{
	struct mt_job *job = &w.jobs[w.n_asked++];

	assert_true(w.n_asked < QUESTIONS_MAX);
	*job = (struct mt_job){
		.callback = callback, .userdata = callback_userdata, .is_open = true};
	snprintf(job->host, sizeof(job->host), "%s", host);
	*ret = job;
	return 0;
}

static struct mt_job *
cancel(struct mt_job *job)
{
	assert_true(job->is_open);
	job->is_open = false;
	w.n_cancelled++;
	return NULL;
}

static int
setup(void **state)
{
	const struct mt_tlsa_cache_options options = {
		.clock = &test_clock, .start = start, .cancel = cancel, .base = event_base_new()};

	memset(&w, 0, sizeof(w));
	w.base = options.base;
	w.wall_usec = INT64_C(1800000000) * MT_USEC_PER_SEC;
	w.monotonic_usec = 1000;
	return mt_tlsa_cache_new(&options, &w.cache);
}

static int
teardown(void **state)
{
	mt_tlsa_cache_free(w.cache);
	event_base_free(w.base);
	return 0;
}

static void
on_set(struct mt_tlsa_set *set, void *userdata)
{
	const struct mt_tlsa *tlsa = mt_tlsa_set_get(set);

	w.n_calls++;
	w.seen = tlsa->status;
	w.n_records = tlsa->n;
	w.first_byte = tlsa->n > 0 ? tlsa->records[0].data[0] : 0;
	if (w.ask_again) {
		struct mt_tlsa_wait *again;

		w.ask_again = false;
		assert_int_equal(mt_tlsa_cache_wait(w.cache, 1, HOST, 993, on_set, NULL, &again),
				 0);
	}
}

static struct mt_tlsa_wait *
wait_for(uint32_t uid, const char *host, uint16_t port)
{
	struct mt_tlsa_wait *wait = NULL;

	assert_int_equal(mt_tlsa_cache_wait(w.cache, uid, host, port, on_set, NULL, &wait), 0);
	return wait;
}

static struct mt_tlsa_rrset
secure_answer(uint32_t ttl_sec)
{
	static const uint8_t digest[32] = {0xd1};

	return (struct mt_tlsa_rrset){
		.rrset = {.state = MT_RRSET_FOUND, .dnssec = MT_DNSSEC_SECURE, .ttl_sec = ttl_sec},
		.address = MT_DNSSEC_SECURE,
		.records = {{3, 1, 1, sizeof(digest), digest}},
		.n = 1};
}

static struct mt_tlsa_rrset
failed_answer(void)
{
	return (struct mt_tlsa_rrset){
		.rrset = {.state = MT_RRSET_TIMEOUT, .dnssec = MT_DNSSEC_UNDETERMINED},
		.address = MT_DNSSEC_UNDETERMINED};
}

static void
answer(size_t job, struct mt_tlsa_rrset rrset)
{
	assert_true(job < w.n_asked && w.jobs[job].is_open);
	w.jobs[job].is_open = false;
	w.jobs[job].callback(&rrset, w.jobs[job].userdata);
}

static struct mt_tlsa_set *
find(void)
{
	return mt_tlsa_cache_find(w.cache, 1, HOST, 993);
}

static void
pass(int64_t usec)
{
	w.wall_usec += usec;
	w.monotonic_usec += usec;
}

static void
run_for(long msec)
{
	const struct timeval time = {.tv_sec = msec / 1000, .tv_usec = msec % 1000 * 1000};

	event_base_loopexit(w.base, &time);
	event_base_dispatch(w.base);
}

static void
an_answer_holds_until_its_ttl_and_not_a_moment_longer(void **state)
{
	assert_null(find());
	wait_for(1, HOST, 993);
	answer(0, secure_answer(300));
	assert_int_equal(w.n_calls, 1);
	assert_int_equal(w.seen, MT_TLSA_SECURE);
	assert_int_equal(w.n_records, 1);
	pass(300 * MT_USEC_PER_SEC - 1);
	assert_non_null(find());
	assert_int_equal(mt_tlsa_set_get(find())->records[0].data[0], 0xd1);
	pass(1);
	assert_null(find());
	assert_int_equal(w.n_asked, 1);
}

static void
an_answer_does_not_outlive_its_signature(void **state)
{
	struct mt_tlsa_rrset rrset = secure_answer(300);

	rrset.rrset.signed_until_usec = w.wall_usec + 60 * MT_USEC_PER_SEC; /* D-DANE-14 */
	wait_for(1, HOST, 993);
	answer(0, rrset);
	assert_true(mt_tlsa_set_get(find())->expires_usec == w.wall_usec + 60 * MT_USEC_PER_SEC);
	pass(60 * MT_USEC_PER_SEC);
	assert_null(find());
}

static void
a_wall_clock_set_forward_ends_an_answer_and_one_set_back_does_not_prolong_it(void **state)
{
	wait_for(1, HOST, 993);
	answer(0, secure_answer(300));
	w.wall_usec += 301 * MT_USEC_PER_SEC;
	assert_null(find());
	w.wall_usec -= 1000 * MT_USEC_PER_SEC;
	assert_non_null(find());
	w.monotonic_usec += 300 * MT_USEC_PER_SEC;
	assert_null(find());
}

static void
a_ttl_of_zero_serves_those_who_wait_and_nobody_else(void **state)
{
	wait_for(1, HOST, 993);
	wait_for(1, HOST, 993);
	assert_int_equal(w.n_asked, 1); /* one question for both */
	answer(0, secure_answer(0));
	assert_int_equal(w.n_calls, 2);
	assert_null(find());
}

static void
negative_answers_are_kept_as_well(void **state)
{
	struct mt_tlsa_rrset rrset = secure_answer(60);

	rrset.rrset.state = MT_RRSET_ABSENT;
	rrset.n = 0;
	wait_for(1, HOST, 993);
	answer(0, rrset);
	assert_int_equal(w.seen, MT_TLSA_ABSENT);
	pass(59 * MT_USEC_PER_SEC);
	assert_non_null(find());
	pass(MT_USEC_PER_SEC);
	assert_null(find());
}

static void
records_that_do_not_count_are_not_kept(void **state)
{
	struct mt_tlsa_rrset rrset = secure_answer(60);

	rrset.address = MT_DNSSEC_INSECURE;
	wait_for(1, HOST, 993);
	answer(0, rrset);
	assert_int_equal(w.seen, MT_TLSA_INSECURE);
	assert_int_equal(w.n_records, 0);
}

static struct mt_tlsa_rrset
insecure_answer(uint32_t ttl_sec)
{
	return (struct mt_tlsa_rrset){.rrset = {.state = MT_RRSET_ABSENT,
						.dnssec = MT_DNSSEC_INSECURE,
						.ttl_sec = ttl_sec},
				      .address = MT_DNSSEC_INSECURE};
}

static void
what_was_known_before_serves_until_dns_says_more(void **state)
{
	const struct mt_tlsa_rrset known = insecure_answer(3600);
	const struct mt_tlsa_set *set = mt_tlsa_cache_learn(w.cache, 1, HOST, 993, &known);

	assert_non_null(set);
	assert_int_equal(mt_tlsa_set_get(set)->status, MT_TLSA_INSECURE);
	assert_int_equal(w.n_asked, 0);
	wait_for(1, HOST, 993);
	answer(0, secure_answer(20));
	/* neither the end of that answer nor silence brings the older word back */
	pass(20 * MT_USEC_PER_SEC);
	assert_null(find());
	assert_null(mt_tlsa_cache_learn(w.cache, 1, HOST, 993, &known));
	wait_for(1, HOST, 993);
	answer(1, failed_answer());
	pass(MT_TLSA_FAILURE_USEC);
	assert_null(mt_tlsa_cache_learn(w.cache, 1, HOST, 993, &known));
	/* but DNS does */
	wait_for(1, HOST, 993);
	answer(2, insecure_answer(20));
	pass(20 * MT_USEC_PER_SEC);
	assert_non_null(mt_tlsa_cache_learn(w.cache, 1, HOST, 993, &known));
}

static void
a_failure_is_remembered_for_a_moment_only(void **state)
{
	wait_for(1, HOST, 993);
	answer(0, failed_answer());
	assert_int_equal(w.seen, MT_TLSA_UNDETERMINED);
	assert_non_null(find());
	pass(MT_TLSA_FAILURE_USEC);
	assert_null(find());
}

static void
nobody_asked_is_not_remembered_at_all(void **state)
{
	struct mt_tlsa_rrset rrset = failed_answer();

	rrset.rrset.state = MT_RRSET_FAILED;
	wait_for(1, HOST, 993);
	answer(0, rrset);
	assert_int_equal(w.seen, MT_TLSA_UNDETERMINED);
	assert_null(find());
}

/* D-SRV-14's rule, for TLSA: and past its TTL the good one is gone all the same (4.7). */
static void
a_failed_refresh_leaves_a_good_answer_until_its_ttl_and_no_longer(void **state)
{
	wait_for(1, HOST, 993);
	answer(0, secure_answer(6));
	assert_non_null(find());
	run_for(5200); /* 80 % of 6 s are over */
	assert_int_equal(w.n_asked, 2);
	pass(5200000);
	answer(1, failed_answer());
	assert_int_equal(mt_tlsa_set_get(find())->status, MT_TLSA_SECURE);
	pass(800000);
	assert_null(find());
	wait_for(1, HOST, 993);
	answer(2, failed_answer());
	assert_int_equal(w.seen, MT_TLSA_UNDETERMINED);
}

static void
an_answer_in_use_is_renewed_when_it_ends_and_one_that_is_not_is_left_alone(void **state)
{
	wait_for(1, HOST, 993);
	answer(0, secure_answer(1)); /* somebody waited: in use */
	run_for(2300);
	assert_int_equal(w.n_asked, 2);
	answer(1, secure_answer(1)); /* nobody has asked since */
	run_for(2300);
	assert_int_equal(w.n_asked, 2);
	/* wanted again while it holds: it is renewed again */
	assert_non_null(find());
	run_for(2300);
	assert_int_equal(w.n_asked, 3);
}

static void
uids_hosts_and_ports_do_not_share(void **state)
{
	wait_for(1, HOST, 993);
	answer(0, secure_answer(300));
	assert_null(mt_tlsa_cache_find(w.cache, 2, HOST, 993));
	assert_null(mt_tlsa_cache_find(w.cache, 1, HOST, 465));
	assert_null(mt_tlsa_cache_find(w.cache, 1, "pop.example.test", 993));
}

static void
a_question_nobody_waits_for_is_taken_back(void **state)
{
	struct mt_tlsa_wait *first = wait_for(1, HOST, 993), *second = wait_for(1, HOST, 993);

	mt_tlsa_wait_cancel(first);
	assert_int_equal(w.n_cancelled, 0);
	mt_tlsa_wait_cancel(second);
	assert_int_equal(w.n_cancelled, 1);
	wait_for(1, HOST, 993);
	assert_int_equal(w.n_asked, 2);
	answer(1, secure_answer(300));
	assert_int_equal(w.n_calls, 1);
}

static void
who_joins_from_a_callback_waits_for_the_next_answer(void **state)
{
	w.ask_again = true;
	wait_for(1, HOST, 993);
	answer(0, secure_answer(0));
	assert_int_equal(w.n_calls, 1);
	assert_int_equal(w.n_asked, 2);
	answer(1, secure_answer(0));
	assert_int_equal(w.n_calls, 2);
}

static void
a_full_cache_forgets_what_was_used_least_recently_and_never_what_is_waited_for(void **state)
{
	char host[64];

	wait_for(1, HOST, 993);
	for (unsigned i = 0; i < MT_TLSA_CACHE_MAX; i++) {
		snprintf(host, sizeof(host), "host%u.example.test", i);
		wait_for(1, host, 993);
		answer(i + 1, secure_answer(300));
	}
	assert_null(mt_tlsa_cache_find(w.cache, 1, "host0.example.test", 993));
	assert_non_null(mt_tlsa_cache_find(w.cache, 1, "host1.example.test", 993));
	answer(0, secure_answer(300)); /* its entry is still there */
	assert_non_null(find());
}

static void
where_everything_is_waited_for_there_is_no_room(void **state)
{
	struct mt_tlsa_wait *wait;
	char host[64];

	for (unsigned i = 0; i < MT_TLSA_CACHE_MAX; i++) {
		snprintf(host, sizeof(host), "host%u.example.test", i);
		wait_for(1, host, 993);
	}
	assert_true(mt_tlsa_cache_wait(w.cache, 1, HOST, 993, on_set, NULL, &wait) < 0);
	for (unsigned i = 0; i < MT_TLSA_CACHE_MAX; i++)
		answer(i, secure_answer(300));
	wait_for(1, HOST, 993);
	answer(MT_TLSA_CACHE_MAX, secure_answer(300));
	assert_int_equal(w.n_calls, MT_TLSA_CACHE_MAX + 1);
}

/* D-DANE-01: a host that was proven insecure before a restart. */
static void
what_is_learnt_another_way_holds_for_its_time_and_asks_nobody(void **state)
{
	const struct mt_tlsa_rrset insecure = {
		.rrset = {.state = MT_RRSET_ABSENT, .dnssec = MT_DNSSEC_INSECURE, .ttl_sec = 60},
		.address = MT_DNSSEC_INSECURE};
	struct mt_tlsa_set *set = mt_tlsa_cache_learn(w.cache, 1, HOST, 993, &insecure);

	assert_non_null(set);
	assert_int_equal(mt_tlsa_set_get(set)->status, MT_TLSA_INSECURE);
	assert_ptr_equal(find(), set);
	assert_null(mt_tlsa_cache_find(w.cache, 2, HOST, 993));
	pass(60 * MT_USEC_PER_SEC - 1);
	assert_non_null(find());
	pass(1);
	assert_null(find());
	assert_int_equal(w.n_asked, 0);

	/* what failed meanwhile does not stand in its way, and does not overwrite it */
	wait_for(1, HOST, 993);
	answer(0, failed_answer());
	assert_int_equal(mt_tlsa_set_get(find())->status, MT_TLSA_UNDETERMINED);
	set = mt_tlsa_cache_learn(w.cache, 1, HOST, 993, &insecure);
	assert_int_equal(mt_tlsa_set_get(set)->status, MT_TLSA_INSECURE);
	wait_for(1, HOST, 993);
	answer(1, failed_answer());
	assert_int_equal(mt_tlsa_set_get(find())->status, MT_TLSA_INSECURE);
}

static void
an_rrset_too_large_to_keep_serves_those_who_wait(void **state)
{
	static uint8_t certificate[MT_TLSA_KEEP_BYTES_MAX / 2] = {0x30};
	struct mt_tlsa_rrset rrset = secure_answer(300);

	for (rrset.n = 0; rrset.n < 3; rrset.n++)
		rrset.records[rrset.n] =
			(struct mt_tlsa_record){3, 0, 0, sizeof(certificate), certificate};
	wait_for(1, HOST, 993);
	answer(0, rrset);
	assert_int_equal(w.n_records, 3);
	assert_int_equal(w.first_byte, 0x30);
	assert_null(find());
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(an_answer_holds_until_its_ttl_and_not_a_moment_longer),
		CASE(an_answer_does_not_outlive_its_signature),
		CASE(a_wall_clock_set_forward_ends_an_answer_and_one_set_back_does_not_prolong_it),
		CASE(a_ttl_of_zero_serves_those_who_wait_and_nobody_else),
		CASE(negative_answers_are_kept_as_well),
		CASE(records_that_do_not_count_are_not_kept),
		CASE(what_was_known_before_serves_until_dns_says_more),
		CASE(a_failure_is_remembered_for_a_moment_only),
		CASE(nobody_asked_is_not_remembered_at_all),
		CASE(a_failed_refresh_leaves_a_good_answer_until_its_ttl_and_no_longer),
		CASE(an_answer_in_use_is_renewed_when_it_ends_and_one_that_is_not_is_left_alone),
		CASE(uids_hosts_and_ports_do_not_share),
		CASE(a_question_nobody_waits_for_is_taken_back),
		CASE(who_joins_from_a_callback_waits_for_the_next_answer),
		CASE(a_full_cache_forgets_what_was_used_least_recently_and_never_what_is_waited_for),
		CASE(where_everything_is_waited_for_there_is_no_room),
		CASE(an_rrset_too_large_to_keep_serves_those_who_wait),
		CASE(what_is_learnt_another_way_holds_for_its_time_and_asks_nobody),
	};

	return cmocka_run_group_tests_name("tlsa-cache", tests, NULL, NULL);
}
