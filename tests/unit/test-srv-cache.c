/* SPDX-License-Identifier: MIT */
/* SRV answers in the store: what is kept, and what takes whose place (D-SRV-14). */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka-all.h"

#include "daemon/log.h"
#include "daemon/srv-cache.h"
#include "tests/unit/scratch.h"

#define DOMAIN "example.test"
#define UID 1000
#define IMAPS 0

struct world {
	char directory[SCRATCH_PATH];
	struct mt_store *store;
	struct mt_srv_rrset answers[MT_SERVICE_COUNT];
	struct mt_srv_entry entry;
};

static void
world_open(struct world *w)
{
	const struct mt_store_options options = {.directory = w->directory, .no_sync = true};

	assert_int_equal(mt_store_open(&options, &w->store), 0);
	while (mt_store_check_result(w->store) == MT_STORE_CHECKING)
		;
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	mt_log_set_target(open("/dev/null", O_WRONLY | O_CLOEXEC));
	scratch_make(w->directory);
	world_open(w);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	mt_store_close(w->store);
	scratch_remove(w->directory);
	free(w);
	return 0;
}

/* Every label answers so; where there are records there is one. */
static void
say(struct world *w, enum mt_rrset_state state, enum mt_dnssec dnssec, const char *target)
{
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++) {
		struct mt_srv_rrset *answer = &w->answers[i];

		*answer = (struct mt_srv_rrset){
			.rrset = {.state = state, .dnssec = dnssec, .ttl_sec = 300}};
		if (!target)
			continue;
		answer->n = 1;
		answer->records[0] =
			(struct mt_srv_record){.priority = 1, .weight = 2, .port = 993};
		strcpy(answer->records[0].target, target);
	}
}

static void
put(struct world *w, int64_t now_usec)
{
	assert_int_equal(
		mt_srv_cache_put(w->store, UID, DOMAIN, w->answers, now_usec, "192.0.2.1@53"), 0);
}

static int
get(struct world *w)
{
	return mt_srv_cache_get(w->store, UID, DOMAIN, IMAPS, &w->entry);
}

static void
an_answer_is_kept_with_all_that_belongs_to_it_over_a_restart(void **state)
{
	struct world *w = *state;

	say(w, MT_RRSET_FOUND, MT_DNSSEC_SECURE, "imap." DOMAIN);
	strcpy(w->answers[IMAPS].rrset.canonical, "alias." DOMAIN);
	w->answers[IMAPS].rrset.signed_until_usec = 77;
	w->answers[IMAPS].n_omitted = 3;
	w->answers[IMAPS].n_unusable = 4;
	put(w, 1234567);
	mt_store_close(w->store);
	world_open(w);
	assert_int_equal(get(w), 0);
	assert_memory_equal(&w->entry.answer, &w->answers[IMAPS], sizeof(w->entry.answer));
	assert_int_equal(w->entry.asked_usec, 1234567);
	assert_string_equal(w->entry.resolver, "192.0.2.1@53");
}

static void
that_there_is_none_is_kept_too_and_takes_the_place_of_what_was(void **state)
{
	struct world *w = *state;

	say(w, MT_RRSET_FOUND, MT_DNSSEC_SECURE, "imap." DOMAIN);
	put(w, 1);
	say(w, MT_RRSET_ABSENT, MT_DNSSEC_INSECURE, NULL);
	put(w, 2);
	assert_int_equal(get(w), 0);
	assert_int_equal(w->entry.answer.rrset.state, MT_RRSET_ABSENT);
	assert_int_equal(w->entry.asked_usec, 2);
}

static void
what_is_no_answer_never_overwrites_one(void **state)
{
	static const struct mt_rrset none[] = {
		{.state = MT_RRSET_FAILED, .dnssec = MT_DNSSEC_UNDETERMINED},
		{.state = MT_RRSET_TIMEOUT, .dnssec = MT_DNSSEC_UNDETERMINED},
		{.state = MT_RRSET_SERVFAIL, .dnssec = MT_DNSSEC_UNDETERMINED},
		{.state = MT_RRSET_SERVFAIL, .dnssec = MT_DNSSEC_BOGUS},
		{.state = MT_RRSET_FOUND, .dnssec = MT_DNSSEC_BOGUS},
		{.state = MT_RRSET_ABSENT, .dnssec = MT_DNSSEC_UNDETERMINED},
	};
	struct world *w = *state;

	say(w, MT_RRSET_FOUND, MT_DNSSEC_INSECURE, "imap." DOMAIN);
	put(w, 1);
	for (size_t i = 0; i < MT_ARRAY_SIZE(none); i++) {
		say(w, none[i].state, none[i].dnssec, NULL);
		put(w, 2);
		assert_int_equal(get(w), 0);
		assert_int_equal(w->entry.answer.rrset.state, MT_RRSET_FOUND);
		assert_int_equal(w->entry.asked_usec, 1);
	}
}

static void
what_is_no_answer_stands_until_there_is_one(void **state)
{
	struct world *w = *state;

	say(w, MT_RRSET_SERVFAIL, MT_DNSSEC_UNDETERMINED, NULL);
	put(w, 1);
	say(w, MT_RRSET_TIMEOUT, MT_DNSSEC_UNDETERMINED, NULL);
	put(w, 2);
	assert_int_equal(get(w), 0);
	assert_int_equal(w->entry.answer.rrset.state, MT_RRSET_TIMEOUT);
	say(w, MT_RRSET_ABSENT, MT_DNSSEC_SECURE, NULL);
	put(w, 3);
	assert_int_equal(get(w), 0);
	assert_int_equal(w->entry.answer.rrset.state, MT_RRSET_ABSENT);
}

static void
labels_fail_each_for_itself(void **state)
{
	struct world *w = *state;

	say(w, MT_RRSET_FOUND, MT_DNSSEC_SECURE, "old." DOMAIN);
	put(w, 1);
	say(w, MT_RRSET_FOUND, MT_DNSSEC_SECURE, "new." DOMAIN);
	w->answers[IMAPS].rrset.state = MT_RRSET_TIMEOUT;
	w->answers[IMAPS].n = 0;
	put(w, 2);
	assert_int_equal(get(w), 0);
	assert_string_equal(w->entry.answer.records[0].target, "old." DOMAIN);
	assert_int_equal(mt_srv_cache_get(w->store, UID, DOMAIN, IMAPS + 1, &w->entry), 0);
	assert_string_equal(w->entry.answer.records[0].target, "new." DOMAIN);
}

static void
one_uid_does_not_see_when_another_looked(void **state)
{
	struct world *w = *state;

	say(w, MT_RRSET_FOUND, MT_DNSSEC_SECURE, "imap." DOMAIN);
	put(w, 1);
	assert_int_equal(mt_srv_cache_get(w->store, UID + 1, DOMAIN, IMAPS, &w->entry),
			 MT_STORE_E_NOT_FOUND);
}

static void
what_is_forgotten_leaves_nothing_behind(void **state)
{
	struct world *w = *state;
	uint64_t n = mt_store_get_n_records(w->store);

	say(w, MT_RRSET_FOUND, MT_DNSSEC_SECURE, "imap." DOMAIN);
	put(w, 1);
	assert_int_equal(mt_store_get_n_records(w->store), n + MT_SERVICE_COUNT);
	assert_int_equal(mt_srv_cache_forget(w->store, UID, DOMAIN), 0);
	assert_int_equal(get(w), MT_STORE_E_NOT_FOUND);
	assert_int_equal(mt_store_get_n_records(w->store), n);
	assert_int_equal(mt_srv_cache_forget(w->store, UID, DOMAIN), 0);
}

static void
the_fullest_answer_fits(void **state)
{
	struct world *w = *state;
	struct mt_srv_rrset *answer = &w->answers[IMAPS];

	say(w, MT_RRSET_FOUND, MT_DNSSEC_SECURE, NULL);
	answer->n = MT_SRV_MAX;
	for (size_t i = 0; i < MT_SRV_MAX; i++)
		memset(answer->records[i].target, 'x', MT_DOMAIN_MAX);
	put(w, 1);
	assert_int_equal(get(w), 0);
	assert_memory_equal(&w->entry.answer, answer, sizeof(*answer));
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(an_answer_is_kept_with_all_that_belongs_to_it_over_a_restart),
		CASE(that_there_is_none_is_kept_too_and_takes_the_place_of_what_was),
		CASE(what_is_no_answer_never_overwrites_one),
		CASE(what_is_no_answer_stands_until_there_is_one),
		CASE(labels_fail_each_for_itself),
		CASE(one_uid_does_not_see_when_another_looked),
		CASE(what_is_forgotten_leaves_nothing_behind),
		CASE(the_fullest_answer_fits),
	};

	return cmocka_run_group_tests_name("srv-cache", tests, NULL, NULL);
}
