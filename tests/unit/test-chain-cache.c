/* SPDX-License-Identifier: MIT */
/* Which requests share an entry of the chain cache: none that may be judged differently. */

#include "tests/cmocka-all.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/chain-cache.h"

static const uint8_t generation[32] = {1};
static const uint8_t leaf[] = {0x30, 0x03, 0x02, 0x01, 0x01};
static const uint8_t digest[32] = {7};

struct fixture {
	struct mt_chain_cache *cache;
	struct mt_chain_request request;
	uint32_t uid;
	uint8_t generation[32];
};

static void
add_ref(struct mt_chain_request *request, enum mt_refid_type type, const char *value)
{
	struct mt_refid *id = &request->refs.ids[request->refs.n++];

	id->type = type;
	strcpy(id->value, value);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(mt_chain_cache_new(&f->cache), 0);
	memcpy(f->generation, generation, sizeof(generation));
	f->uid = 1000;
	f->request.n_chain = 1;
	f->request.chain[0] = (struct mt_bytes){leaf, sizeof(leaf)};
	f->request.tlsa.status = MT_TLSA_ABSENT;
	add_ref(&f->request, MT_REFID_DNS, "imap.example.test");
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	mt_chain_cache_free(f->cache);
	free(f);
	return 0;
}

static void
get_key(struct fixture *f, uint8_t key[static 32])
{
	assert_int_equal(mt_chain_cache_key(f->cache, f->uid, &f->request, f->generation, key), 0);
}

static void
be_another_user(struct fixture *f)
{
	f->uid++;
}

static void
trust_other_anchors(struct fixture *f)
{
	f->generation[31] ^= 1;
}

static void
want_revocation(struct fixture *f)
{
	f->request.wants_revocation = true;
}

static void
allow_one_anchor(struct fixture *f)
{
	f->request.allowed_anchors.is_set = true;
	f->request.allowed_anchors.n = 1;
}

/* Nothing is allowed, which is not the same as everything. */
static void
allow_no_anchor(struct fixture *f)
{
	f->request.allowed_anchors.is_set = true;
}

static void
expect_a_srv_id_too(struct fixture *f)
{
	add_ref(&f->request, MT_REFID_SRV, "_imaps.example.test");
}

static void
staple(struct fixture *f)
{
	f->request.staple = f->request.chain[0];
}

static void
send_the_leaf_twice(struct fixture *f)
{
	f->request.chain[f->request.n_chain++] = f->request.chain[0];
}

static void
hear_that_it_is_unsigned(struct fixture *f)
{
	f->request.tlsa.status = MT_TLSA_INSECURE;
}

static void
hear_of_a_record(struct fixture *f)
{
	f->request.tlsa.status = MT_TLSA_SECURE;
	f->request.tlsa.n = 1;
	f->request.tlsa.records[0] = (struct mt_tlsa_record){3, 1, 1, sizeof(digest), digest};
}

/* The parts of expect_a_srv_id_too(), in the places of others: a type that is a status, a name that
 * is a staple, a status that is a certificate. */
static void
pose_as_a_srv_id(struct fixture *f)
{
	static const enum mt_tlsa_status status = MT_TLSA_ABSENT;
	static const char name[] = "_imaps.example.test";

	_Static_assert((int)MT_TLSA_INSECURE == (int)MT_REFID_SRV, "the two read alike");
	f->request.tlsa.status = MT_TLSA_INSECURE;
	f->request.staple = (struct mt_bytes){(const uint8_t *)name, strlen(name)};
	f->request.chain[2] = f->request.chain[0];
	f->request.chain[1] = (struct mt_bytes){NULL, 0};
	f->request.chain[0] = (struct mt_bytes){(const uint8_t *)&status, sizeof(status)};
	f->request.n_chain = 3;
}

static void
requests_that_differ_share_no_key(void **state)
{
	static void (*const change[])(struct fixture * f) = {
		NULL,
		be_another_user,
		trust_other_anchors,
		want_revocation,
		allow_one_anchor,
		allow_no_anchor,
		expect_a_srv_id_too,
		staple,
		send_the_leaf_twice,
		hear_that_it_is_unsigned,
		hear_of_a_record,
		pose_as_a_srv_id,
	};
	uint8_t keys[MT_ARRAY_SIZE(change)][32];

	for (size_t i = 0; i < MT_ARRAY_SIZE(change); i++) {
		struct fixture changed = *(struct fixture *)*state;

		if (change[i])
			change[i](&changed);
		get_key(&changed, keys[i]);
		for (size_t j = 0; j < i; j++)
			if (memcmp(keys[i], keys[j], 32) == 0)
				fail_msg("change %zu has the key of change %zu", i, j);
	}
}

static void
the_same_request_has_the_same_key(void **state)
{
	struct fixture *f = *state;
	uint8_t first[32], second[32];

	get_key(f, first);
	f->request.at_usec += 60 * MT_USEC_PER_SEC; /* found again at another time */
	get_key(f, second);
	assert_memory_equal(first, second, 32);
}

static void
an_entry_is_found_until_it_expires_and_not_after(void **state)
{
	const struct mt_validation found = {.state = MT_VALIDATION_DONE, .pkix_valid = true};
	struct fixture *f = *state;
	uint8_t key[32];

	get_key(f, key);
	assert_null(mt_chain_cache_find(f->cache, key, 0));
	mt_chain_cache_put(f->cache, key, &found, 1000);
	assert_non_null(mt_chain_cache_find(f->cache, key, 999));
	assert_null(mt_chain_cache_find(f->cache, key, 1000));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(requests_that_differ_share_no_key),
		CASE(the_same_request_has_the_same_key),
		CASE(an_entry_is_found_until_it_expires_and_not_after),
	};

	return cmocka_run_group_tests_name("chain-cache", tests, NULL, NULL);
}
