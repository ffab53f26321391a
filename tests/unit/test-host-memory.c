/* SPDX-License-Identifier: MIT */
/* The last addresses of an account's hosts: what serves for how long, and what does not (D-SRV-05,
 * D-DANE-01). */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka-all.h"

#include "daemon/accounts.h"
#include "daemon/host-memory.h"
#include "daemon/log.h"
#include "tests/unit/scratch.h"

#define HOST "imap.example.test"
#define OTHER "mail.example.test"
#define SEC MT_USEC_PER_SEC
#define HOUR (3600 * SEC)
#define START (INT64_C(1800000000) * SEC)

struct world {
	char directory[SCRATCH_PATH];
	struct mt_store *store;
	struct mt_account account; /* of one host */
	struct mt_host_known known;
};

static void
world_open(struct world *w)
{
	const struct mt_store_options options = {.directory = w->directory, .no_sync = true};

	assert_int_equal(mt_store_open(&options, &w->store), 0);
	while (mt_store_check_result(w->store) == MT_STORE_CHECKING)
		;
}

static void
set_host(struct mt_account *account, size_t i, const char *host)
{
	(void)snprintf(account->endpoints[i].host, MT_DOMAIN_SIZE, "%s", host);
	account->n_endpoints = i + 1;
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	mt_log_set_target(open("/dev/null", O_WRONLY | O_CLOEXEC));
	scratch_make(w->directory);
	world_open(w);
	w->account.id.bytes[0] = 1;
	set_host(&w->account, 0, HOST);
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

static struct mt_addresses
found(enum mt_dnssec tree, uint32_t ttl_sec)
{
	return (struct mt_addresses){.state = MT_ADDRESSES_FOUND,
				     .dnssec = tree,
				     .tree = tree,
				     .ttl_sec = ttl_sec,
				     .n = 2,
				     .address = {"2001:db8::7", "192.0.2.7"}};
}

static void
note(struct world *w, const char *host, const struct mt_addresses *addresses, int64_t at_usec)
{
	assert_int_equal(mt_host_memory_note(w->store, &w->account, host, addresses, at_usec), 0);
}

static int
get(struct world *w, const char *host, int64_t at_usec)
{
	return mt_host_memory_get(w->store, &w->account.id, host, at_usec, &w->known);
}

static void
what_dns_said_is_kept_over_a_restart(void **state)
{
	struct world *w = *state;
	const struct mt_addresses in = found(MT_DNSSEC_SECURE, 300);

	assert_int_equal(get(w, HOST, START), MT_STORE_E_NOT_FOUND);
	note(w, HOST, &in, START);
	w->store = mt_store_close(w->store);
	world_open(w);
	assert_int_equal(get(w, HOST, START + SEC), 0);
	assert_string_equal(w->known.host, HOST);
	assert_int_equal(w->known.asked_usec, START);
	assert_memory_equal(&w->known.addresses, &in, sizeof(in));
}

static void
an_address_serves_for_three_days(void **state)
{
	struct world *w = *state;
	const struct mt_addresses in = found(MT_DNSSEC_INSECURE, 30);

	note(w, HOST, &in, START);
	assert_int_equal(get(w, HOST, START + 72 * HOUR - 1), 0);
	assert_int_equal(get(w, HOST, START + 72 * HOUR), MT_STORE_E_NOT_FOUND);
	/* a clock that was set back makes nothing younger */
	assert_int_equal(get(w, HOST, START - 1), MT_STORE_E_NOT_FOUND);
}

static void
a_proof_holds_for_its_ttl_and_never_for_more_than_an_hour(void **state)
{
	struct world *w = *state;
	struct mt_addresses in = found(MT_DNSSEC_INSECURE, 300);

	note(w, HOST, &in, START);
	assert_int_equal(get(w, HOST, START), 0);
	assert_int_equal(mt_host_known_insecure_usec(&w->known, START), 300 * SEC);
	assert_int_equal(mt_host_known_insecure_usec(&w->known, START + 300 * SEC - 1), 1);
	assert_int_equal(mt_host_known_insecure_usec(&w->known, START + 300 * SEC), 0);
	assert_int_equal(mt_host_known_insecure_usec(&w->known, START - 1), 0);

	in.ttl_sec = 7 * 86400;
	note(w, HOST, &in, START + HOUR);
	assert_int_equal(get(w, HOST, START + HOUR), 0);
	assert_int_equal(mt_host_known_insecure_usec(&w->known, START + HOUR), HOUR);
	assert_int_equal(mt_host_known_insecure_usec(&w->known, START + 2 * HOUR), 0);
}

static void
nothing_but_insecure_is_a_proof(void **state)
{
	static const enum mt_dnssec trees[] = {MT_DNSSEC_SECURE, MT_DNSSEC_UNDETERMINED,
					       MT_DNSSEC_BOGUS};
	struct world *w = *state;

	for (size_t i = 0; i < MT_ARRAY_SIZE(trees); i++) {
		struct mt_addresses in = found(trees[i], 300);

		/* an address whose family is insecure, and a name that is not: the name decides */
		in.dnssec = MT_DNSSEC_INSECURE;
		note(w, HOST, &in, START);
		assert_int_equal(get(w, HOST, START), 0);
		assert_int_equal(w->known.addresses.tree, trees[i]);
		assert_int_equal(mt_host_known_insecure_usec(&w->known, START), 0);
	}
}

static void
what_is_no_answer_takes_the_place_of_none(void **state)
{
	static const enum mt_addresses_state states[] = {MT_ADDRESSES_FAILED, MT_ADDRESSES_TIMEOUT,
							 MT_ADDRESSES_SERVFAIL, MT_ADDRESSES_NONE};
	struct world *w = *state;
	const struct mt_addresses in = found(MT_DNSSEC_SECURE, 300);

	note(w, HOST, &in, START);
	for (size_t i = 0; i < MT_ARRAY_SIZE(states); i++) {
		const struct mt_addresses none = {.state = states[i]};

		note(w, HOST, &none, START + HOUR);
		assert_int_equal(get(w, HOST, START + HOUR), 0);
		assert_int_equal(w->known.asked_usec, START);
	}
}

/* A commit costs a millisecond. */
static void
what_says_nothing_new_is_written_at_half_of_its_ttl(void **state)
{
	struct world *w = *state;
	struct mt_addresses in = found(MT_DNSSEC_INSECURE, 300);

	note(w, HOST, &in, START);
	/* in another order they are the same */
	strcpy(in.address[0], "192.0.2.7");
	strcpy(in.address[1], "2001:db8::7");
	note(w, HOST, &in, START + 149 * SEC);
	assert_int_equal(get(w, HOST, START + 149 * SEC), 0);
	assert_int_equal(w->known.asked_usec, START);
	note(w, HOST, &in, START + 150 * SEC);
	assert_int_equal(get(w, HOST, START + 150 * SEC), 0);
	assert_int_equal(w->known.asked_usec, START + 150 * SEC);

	/* other addresses are news, but not every second: they may go round */
	strcpy(in.address[0], "192.0.2.8");
	note(w, HOST, &in, START + 151 * SEC);
	assert_int_equal(get(w, HOST, START + 151 * SEC), 0);
	assert_int_equal(w->known.asked_usec, START + 150 * SEC);
	note(w, HOST, &in, START + 211 * SEC);
	assert_int_equal(get(w, HOST, START + 211 * SEC), 0);
	assert_string_equal(w->known.addresses.address[0], "192.0.2.8");

	/* that the name is signed now is never late */
	in.tree = MT_DNSSEC_SECURE;
	note(w, HOST, &in, START + 212 * SEC);
	assert_int_equal(get(w, HOST, START + 212 * SEC), 0);
	assert_int_equal(mt_host_known_insecure_usec(&w->known, START + 212 * SEC), 0);
}

static void
hosts_that_are_not_the_accounts_are_forgotten(void **state)
{
	struct world *w = *state;
	const struct mt_addresses in = found(MT_DNSSEC_SECURE, 300);

	note(w, OTHER, &in, START); /* never was one */
	assert_int_equal(get(w, OTHER, START), MT_STORE_E_NOT_FOUND);
	note(w, HOST, &in, START);
	set_host(&w->account, 1, OTHER);
	note(w, OTHER, &in, START);
	assert_int_equal(get(w, HOST, START), 0);
	assert_int_equal(get(w, OTHER, START), 0);

	set_host(&w->account, 0, OTHER);
	note(w, OTHER, &in, START + HOUR);
	assert_int_equal(get(w, HOST, START + HOUR), MT_STORE_E_NOT_FOUND);
	assert_int_equal(get(w, OTHER, START + HOUR), 0);
}

static void
as_many_hosts_are_kept_as_an_account_can_have(void **state)
{
	struct world *w = *state;
	struct mt_addresses in = found(MT_DNSSEC_SECURE, 300);
	char host[MT_DOMAIN_SIZE];

	in.n = MT_ADDRESSES_MAX;
	for (size_t i = 0; i < MT_ADDRESSES_MAX; i++)
		strcpy(in.address[i], "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
	for (size_t i = 0; i < MT_ENDPOINTS_MAX; i++) {
		(void)snprintf(host, sizeof(host), "h%zu.example.test", i);
		set_host(&w->account, i, host);
		note(w, host, &in, START);
	}
	for (size_t i = 0; i < MT_ENDPOINTS_MAX; i++) {
		assert_int_equal(get(w, w->account.endpoints[i].host, START), 0);
		assert_memory_equal(&w->known.addresses, &in, sizeof(in));
	}
}

static void
an_address_literal_and_this_host_need_no_memory(void **state)
{
	static const char *const hosts[] = {"192.0.2.7", "2001:db8::7", "localhost"};
	struct world *w = *state;
	const struct mt_addresses in = found(MT_DNSSEC_INSECURE, 0);

	for (size_t i = 0; i < MT_ARRAY_SIZE(hosts); i++) {
		set_host(&w->account, 0, hosts[i]);
		note(w, hosts[i], &in, START);
		assert_int_equal(get(w, hosts[i], START), MT_STORE_E_NOT_FOUND);
	}
}

static void
it_is_another_accounts_business_nowhere_and_goes_with_its_own(void **state)
{
	struct world *w = *state;
	const struct mt_addresses in = found(MT_DNSSEC_SECURE, 300);
	struct mt_account_id other = {{2}};

	note(w, HOST, &in, START);
	assert_int_equal(mt_host_memory_get(w->store, &other, HOST, START, &w->known),
			 MT_STORE_E_NOT_FOUND);
	assert_int_equal(mt_store_begin(w->store), 0);
	assert_int_equal(mt_host_memory_forget(w->store, &w->account.id), 0);
	assert_int_equal(mt_store_commit(w->store), 0);
	assert_int_equal(get(w, HOST, START), MT_STORE_E_NOT_FOUND);
}

static void
a_damaged_record_knows_nothing_and_is_replaced(void **state)
{
	struct world *w = *state;
	const struct mt_addresses in = found(MT_DNSSEC_INSECURE, 300);
	uint8_t *data, *at;
	size_t size;

	note(w, HOST, &in, START);
	w->store = mt_store_close(w->store);
	data = scratch_read(w->directory, "mailtrust.tdb", &size);
	at = memmem(data, size, HOST, strlen(HOST));
	assert_non_null(at);
	at[0] ^= 1;
	scratch_write(w->directory, "mailtrust.tdb", data, size);
	free(data);
	world_open(w);
	assert_int_equal(get(w, HOST, START), MT_STORE_E_NOT_FOUND);
	note(w, HOST, &in, START);
	assert_int_equal(get(w, HOST, START), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_dns_said_is_kept_over_a_restart),
		CASE(an_address_serves_for_three_days),
		CASE(a_proof_holds_for_its_ttl_and_never_for_more_than_an_hour),
		CASE(nothing_but_insecure_is_a_proof),
		CASE(what_is_no_answer_takes_the_place_of_none),
		CASE(what_says_nothing_new_is_written_at_half_of_its_ttl),
		CASE(hosts_that_are_not_the_accounts_are_forgotten),
		CASE(as_many_hosts_are_kept_as_an_account_can_have),
		CASE(an_address_literal_and_this_host_need_no_memory),
		CASE(it_is_another_accounts_business_nowhere_and_goes_with_its_own),
		CASE(a_damaged_record_knows_nothing_and_is_replaced),
	};

	return cmocka_run_group_tests_name("host-memory", tests, NULL, NULL);
}
