/* SPDX-License-Identifier: MIT */
/* The client certificates an account allows: their order, their bound, their stored form. */

#include "tests/cmocka-all.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/account.h"
#include "daemon/record.h"

/* An account allows the digests n n n …, in this order, as accounts-cert.c keeps both lists. */
static void
make(struct mt_account *account, const uint8_t *first_bytes, size_t n)
{
	struct mt_minimum *min = malloc(sizeof(*min));

	*account = (struct mt_account){
		.address = "ann@example.test",
		.domain = "example.test",
		.state = MT_ACCOUNT_ACTIVE,
		.committed = true,
	};
	assert_non_null(min);
	mt_minimum_init_default(min);
	for (size_t i = 0; i < n; i++) {
		struct mt_allowed_cert cert = {.subject = "CN = Ann", .allowed_usec = 7};

		memset(cert.sha256, first_bytes[i], sizeof(cert.sha256));
		memset(min->client_cert_allow.digest[i], first_bytes[i], 32);
		assert_int_equal(mt_account_add_cert(account, &cert), 0);
	}
	min->client_cert_allow.n = n;
	mt_minimum_canonicalise(min);
	assert_int_equal(mt_account_put_minimum(account, min), 0);
	free(min);
}

static int
decode(const uint8_t *data, size_t size, struct mt_account *ret)
{
	struct mt_reader reader = {.data = data, .size = size};

	return mt_account_decode(&reader, ret);
}

static void
the_list_is_remembered_in_its_order(void **state)
{
	struct mt_writer writer = {0};
	struct mt_account account, again;

	make(&account, (const uint8_t[]){9, 3, 5}, 3);
	assert_int_equal(mt_account_encode(&account, &writer), 0);
	assert_int_equal(decode(writer.data, writer.size, &again), 0);
	assert_int_equal(again.n_certs, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_memory_equal(again.certs[i].sha256, account.certs[i].sha256, 32);
		assert_string_equal(again.certs[i].subject, "CN = Ann");
		assert_int_equal(again.certs[i].allowed_usec, 7);
	}
	mt_account_clear(&again);
	mt_account_clear(&account);
	mt_writer_clear(&writer);
}

/* What this version writes, without the list: all that version 1 had. */
static void
without_list(const struct mt_account *account, struct mt_writer *ret)
{
	struct mt_account bare = *account;
	size_t tail = 2 + account->minimum_size;

	bare.n_certs = 0;
	assert_int_equal(mt_account_encode(&bare, ret), 0);
	assert_int_equal(ret->data[0], 3);
	/* the count of the list stands before the minimum */
	assert_int_equal(ret->data[ret->size - tail - 1], 0);
	memmove(ret->data + ret->size - tail - 1, ret->data + ret->size - tail, tail);
	ret->size--;
	ret->data[0] = 1;
}

static void
a_record_of_version_1_keeps_what_it_allowed(void **state)
{
	struct mt_writer writer = {0};
	struct mt_account account, again;

	make(&account, (const uint8_t[]){9, 3}, 2);
	without_list(&account, &writer);
	assert_int_equal(decode(writer.data, writer.size, &again), 0);
	assert_int_equal(again.n_certs, 2);
	assert_int_equal(again.certs[0].sha256[0], 3);
	assert_int_equal(again.certs[1].sha256[0], 9);
	assert_string_equal(again.certs[1].subject, "");
	mt_account_clear(&again);
	mt_account_clear(&account);
	mt_writer_clear(&writer);
}

/* Of two lists that disagree neither is believed: the account is damaged, and denies. */
static void
a_list_that_the_minimum_contradicts_is_damage(void **state)
{
	struct mt_writer writer = {0};
	struct mt_account account, again;

	make(&account, (const uint8_t[]){9, 3}, 2);
	account.certs[1].sha256[31] ^= 1;
	assert_int_equal(mt_account_encode(&account, &writer), 0);
	assert_int_equal(decode(writer.data, writer.size, &again), 1);
	mt_writer_clear(&writer);
	writer = (struct mt_writer){0};
	account.n_certs = 1;
	assert_int_equal(mt_account_encode(&account, &writer), 0);
	assert_int_equal(decode(writer.data, writer.size, &again), 1);
	mt_account_clear(&account);
	mt_writer_clear(&writer);
}

static void
there_is_a_bound_and_one_allowed_again_needs_no_room(void **state)
{
	static const uint8_t all[MT_CLIENT_CERTS_MAX] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct mt_allowed_cert cert = {.subject = "another"};
	struct mt_account account;

	make(&account, all, MT_CLIENT_CERTS_MAX);
	assert_int_equal(mt_account_add_cert(&account, &cert), 1);
	memset(cert.sha256, 3, sizeof(cert.sha256));
	assert_int_equal(mt_account_add_cert(&account, &cert), 0);
	assert_int_equal(account.n_certs, MT_CLIENT_CERTS_MAX);
	assert_string_equal(account.certs[MT_CLIENT_CERTS_MAX - 1].subject, "another");
	assert_int_equal(account.certs[2].sha256[0], 4);
	mt_account_clear(&account);
}

static void
the_one_allowed_last_is_the_one_to_present(void **state)
{
	struct mt_effective *effective = calloc(1, sizeof(*effective));
	struct mt_digests *allowed = &effective->m.client_cert_allow;
	struct mt_account account;

	make(&account, (const uint8_t[]){9, 3, 5}, 3);
	*allowed = (struct mt_digests){.is_set = true, .n = 3};
	memset(allowed->digest[0], 3, 32);
	memset(allowed->digest[1], 5, 32);
	memset(allowed->digest[2], 9, 32);
	assert_int_equal(mt_account_find_cert(&account, effective)->sha256[0], 5);
	/* an organisation's list without it leaves the one before */
	allowed->digest[1][0] ^= 1;
	assert_int_equal(mt_account_find_cert(&account, effective)->sha256[0], 3);
	allowed->n = 0;
	assert_null(mt_account_find_cert(&account, effective));
	/* no list is no permission (R-5.5-03) */
	allowed->n = 3;
	allowed->is_set = false;
	assert_null(mt_account_find_cert(&account, effective));
	mt_account_clear(&account);
	free(effective);
}

static void
what_is_removed_leaves_the_others_in_order(void **state)
{
	struct mt_account account;
	uint8_t absent[32] = {0}, middle[32];

	make(&account, (const uint8_t[]){9, 3, 5}, 3);
	memset(middle, 3, sizeof(middle));
	assert_int_equal(mt_account_remove_cert(&account, absent), 1);
	assert_int_equal(mt_account_remove_cert(&account, middle), 0);
	assert_int_equal(account.n_certs, 2);
	assert_int_equal(account.certs[0].sha256[0], 9);
	assert_int_equal(account.certs[1].sha256[0], 5);
	mt_account_clear(&account);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list_is_remembered_in_its_order),
		cmocka_unit_test(a_record_of_version_1_keeps_what_it_allowed),
		cmocka_unit_test(a_list_that_the_minimum_contradicts_is_damage),
		cmocka_unit_test(there_is_a_bound_and_one_allowed_again_needs_no_room),
		cmocka_unit_test(the_one_allowed_last_is_the_one_to_present),
		cmocka_unit_test(what_is_removed_leaves_the_others_in_order),
	};

	return cmocka_run_group_tests_name("allowed-certs", tests, NULL, NULL);
}
