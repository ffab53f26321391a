/* SPDX-License-Identifier: MIT */
/* What sources named, in the store: for one uid, one domain, one source. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka-all.h"

#include "daemon/log.h"
#include "daemon/offers-cache.h"
#include "tests/unit/scratch.h"

#define DOMAIN "example.test"
#define UID 1000
#define NOW 100

struct world {
	char directory[SCRATCH_PATH];
	struct mt_store *store;
	struct mt_findings found;
	struct mt_offers_entry entry;
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

/* The source answers with so many servers. */
static void
answer(struct world *w, enum mt_discovery source, size_t n)
{
	w->found.answered |= MT_BIT(source);
	for (size_t i = 0; i < n; i++) {
		struct mt_offer offer = {.source = source,
					 .proto = MT_PROTO_IMAP,
					 .transport = MT_TRANSPORT_STARTTLS,
					 .dnssec = MT_DNSSEC_SECURE,
					 .port = (uint16_t)(143 + i)};

		snprintf(offer.host, sizeof(offer.host), "%s.example.test",
			 mt_discovery_to_string(source));
		mt_findings_add(&w->found, &offer, 1);
	}
}

static void
keep(struct world *w, int64_t at)
{
	assert_int_equal(mt_offers_cache_put(w->store, UID, DOMAIN, &w->found, at), 0);
	memset(&w->found, 0, sizeof(w->found));
}

static int
get(struct world *w, enum mt_discovery source)
{
	return mt_offers_cache_get(w->store, UID, DOMAIN, source, NOW, &w->entry);
}

static void
what_a_source_named_reads_back_after_a_restart(void **state)
{
	struct world *w = *state;

	answer(w, MT_DISCOVERY_PACC, 1);
	answer(w, MT_DISCOVERY_AUTOCONFIG, MT_OFFERS_MAX);
	keep(w, 77);
	mt_store_close(w->store);
	world_open(w);
	assert_int_equal(get(w, MT_DISCOVERY_PACC), 0);
	assert_int_equal(w->entry.n, 1);
	assert_int_equal(w->entry.asked_usec, 77);
	assert_string_equal(w->entry.offers[0].host, "pacc.example.test");
	assert_int_equal(w->entry.offers[0].source, MT_DISCOVERY_PACC);
	assert_int_equal(w->entry.offers[0].dnssec, MT_DNSSEC_SECURE);
	assert_int_equal(w->entry.offers[0].transport, MT_TRANSPORT_STARTTLS);
	assert_int_equal(get(w, MT_DISCOVERY_AUTOCONFIG), 0);
	assert_int_equal(w->entry.n, MT_OFFERS_MAX);
	assert_int_equal(w->entry.offers[MT_OFFERS_MAX - 1].port, 143 + MT_OFFERS_MAX - 1);
}

static void
a_source_that_did_not_answer_overwrites_nothing(void **state)
{
	struct world *w = *state;

	answer(w, MT_DISCOVERY_PACC, 2);
	keep(w, 1);
	answer(w, MT_DISCOVERY_AUTOCONFIG, 1);
	keep(w, 2);
	assert_int_equal(get(w, MT_DISCOVERY_PACC), 0);
	assert_int_equal(w->entry.asked_usec, 1);
	answer(w, MT_DISCOVERY_PACC, 0); /* that there is nothing is an answer */
	keep(w, 3);
	assert_int_equal(get(w, MT_DISCOVERY_PACC), 0);
	assert_int_equal(w->entry.n, 0);
	assert_int_equal(w->entry.asked_usec, 3);
}

static void
presets_and_srv_are_not_kept_here(void **state)
{
	struct world *w = *state;

	answer(w, MT_DISCOVERY_ADMIN, 1);
	answer(w, MT_DISCOVERY_SRV, 1);
	keep(w, 1);
	assert_int_equal(get(w, MT_DISCOVERY_ADMIN), MT_STORE_E_NOT_FOUND);
	assert_int_equal(get(w, MT_DISCOVERY_SRV), MT_STORE_E_NOT_FOUND);
}

static void
nobody_sees_what_another_asked(void **state)
{
	struct world *w = *state;

	answer(w, MT_DISCOVERY_PACC, 1);
	keep(w, 1);
	assert_int_equal(
		mt_offers_cache_get(w->store, UID + 1, DOMAIN, MT_DISCOVERY_PACC, NOW, &w->entry),
		MT_STORE_E_NOT_FOUND);
	assert_int_equal(
		mt_offers_cache_get(w->store, UID, "other.test", MT_DISCOVERY_PACC, NOW, &w->entry),
		MT_STORE_E_NOT_FOUND);
}

static void
a_domain_is_forgotten_whole_and_alone(void **state)
{
	struct world *w = *state;

	answer(w, MT_DISCOVERY_AUTOCONFIG, 1);
	answer(w, MT_DISCOVERY_AUTOCONFIG_HTTP, 1);
	keep(w, 1);
	answer(w, MT_DISCOVERY_PACC, 1);
	assert_int_equal(mt_offers_cache_put(w->store, UID, "other.test", &w->found, 1), 0);
	assert_int_equal(mt_offers_cache_forget(w->store, UID, DOMAIN), 0);
	assert_int_equal(get(w, MT_DISCOVERY_AUTOCONFIG), MT_STORE_E_NOT_FOUND);
	assert_int_equal(get(w, MT_DISCOVERY_AUTOCONFIG_HTTP), MT_STORE_E_NOT_FOUND);
	assert_int_equal(
		mt_offers_cache_get(w->store, UID, "other.test", MT_DISCOVERY_PACC, NOW, &w->entry),
		0);
	assert_int_equal(mt_offers_cache_forget(w->store, UID, "third.test"), 0);
}

/* A server is set up from what was found just now, and by no clock that was set back. */
static void
what_was_named_long_ago_is_not_found(void **state)
{
	static const struct {
		int64_t asked_usec;
		int r;
	} rows[] = {
		{NOW, 0},
		{NOW - MT_DISCOVERED_USEC, 0},
		{NOW - MT_DISCOVERED_USEC - 1, MT_STORE_E_NOT_FOUND},
		{NOW + 1, MT_STORE_E_NOT_FOUND},
	};
	struct world *w = *state;

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		answer(w, MT_DISCOVERY_PACC, 1);
		keep(w, rows[i].asked_usec);
		assert_int_equal(get(w, MT_DISCOVERY_PACC), rows[i].r);
	}
}

static void
more_than_fits_is_not_taken(void **state)
{
	struct world *w = *state;

	answer(w, MT_DISCOVERY_PACC, MT_OFFERS_TOTAL_MAX + 1);
	assert_int_equal(w->found.n_offers, MT_OFFERS_TOTAL_MAX);
	keep(w, 1);
	assert_int_equal(get(w, MT_DISCOVERY_PACC), 0);
	assert_int_equal(w->entry.n, MT_OFFERS_MAX);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(what_a_source_named_reads_back_after_a_restart),
		CASE(a_source_that_did_not_answer_overwrites_nothing),
		CASE(presets_and_srv_are_not_kept_here),
		CASE(nobody_sees_what_another_asked),
		CASE(a_domain_is_forgotten_whole_and_alone),
		CASE(what_was_named_long_ago_is_not_found),
		CASE(more_than_fits_is_not_taken),
	};

	return cmocka_run_group_tests_name("offers-cache", tests, NULL, NULL);
}
