/* SPDX-License-Identifier: MIT */
/* Addresses and TTLs of DNS responses. */

#include "tests/cmocka-all.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/worker/dns.h"

#define A 1
#define AAAA 28

/* A response being written: header, one question, then records. */
struct packet {
	uint8_t data[1024];
	size_t size;
};

static void
put(struct packet *p, const void *data, size_t size)
{
	assert_true(size <= sizeof(p->data) - p->size);
	memcpy(p->data + p->size, data, size);
	p->size += size;
}

static void
put16(struct packet *p, unsigned value)
{
	const uint8_t bytes[] = {(uint8_t)(value >> 8), (uint8_t)value};

	put(p, bytes, sizeof(bytes));
}

static void
begin(struct packet *p, unsigned rcode, unsigned n_answer, unsigned n_authority)
{
	p->size = 0;
	put16(p, 1);
	put16(p, 0x8180 | rcode);
	put16(p, 1);
	put16(p, n_answer);
	put16(p, n_authority);
	put16(p, 0);
	put(p, "\4imap\7example\4test", 19);
	put16(p, A);
	put16(p, 1);
}

/* A record whose name points at the question's. */
static void
put_record(struct packet *p, unsigned type, uint32_t ttl, const void *data, size_t size)
{
	put16(p, 0xc00c);
	put16(p, type);
	put16(p, 1);
	put16(p, ttl >> 16);
	put16(p, ttl & 0xffff);
	put16(p, (unsigned)size);
	put(p, data, size);
}

static int
read_answer(const struct packet *p, unsigned type, struct mt_addresses *ret)
{
	*ret = (struct mt_addresses){.ttl_sec = UINT32_MAX};
	return mt_dns_read_answer(p->data, p->size, type, ret);
}

static void
addresses_behind_an_alias_have_the_shortest_ttl_of_the_path(void **state)
{
	struct packet p;
	struct mt_addresses found;

	begin(&p, 0, 3, 0);
	put_record(&p, 5, 60, "\1a\300\14", 4);
	put_record(&p, A, 300, "\300\0\2\7", 4);
	put_record(&p, A, 300, "\300\0\2\10", 4);
	assert_int_equal(read_answer(&p, A, &found), 0);
	assert_int_equal(found.n, 2);
	assert_string_equal(found.address[0], "192.0.2.7");
	assert_string_equal(found.address[1], "192.0.2.8");
	assert_int_equal(found.ttl_sec, 60);
}

static void
records_of_the_other_family_are_not_taken(void **state)
{
	struct packet p;
	struct mt_addresses found;

	begin(&p, 0, 2, 0);
	put_record(&p, A, 300, "\300\0\2\7", 4);
	put_record(&p, AAAA, 300, "\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\7", 16);
	assert_int_equal(read_answer(&p, AAAA, &found), 0);
	assert_int_equal(found.n, 1);
	assert_string_equal(found.address[0], "2001:db8::7");
}

static void
an_address_of_the_wrong_length_is_not_taken(void **state)
{
	struct packet p;
	struct mt_addresses found;

	begin(&p, 0, 1, 0);
	put_record(&p, A, 300, "\300\0\2\7\0", 5);
	assert_int_equal(read_answer(&p, A, &found), 0);
	assert_int_equal(found.n, 0);
}

static void
a_negative_answer_lasts_as_long_as_its_soa_says(void **state)
{
	static const uint8_t soa[] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0,
				      0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 90};
	struct packet p;
	struct mt_addresses found;

	begin(&p, 3, 0, 1);
	put_record(&p, 6, 3600, soa, sizeof(soa));
	assert_int_equal(read_answer(&p, A, &found), 3); /* the packet's rcode: NXDOMAIN */
	assert_int_equal(found.n, 0);
	assert_int_equal(found.ttl_sec, 90);
}

static void
more_addresses_than_the_bound_are_left_out(void **state)
{
	struct packet p;
	struct mt_addresses found;

	begin(&p, 0, MT_ADDRESSES_MAX + 5, 0);
	for (unsigned i = 0; i < MT_ADDRESSES_MAX + 5; i++)
		put_record(&p, A, 300, "\300\0\2\7", 4);
	assert_int_equal(read_answer(&p, A, &found), 0);
	assert_int_equal(found.n, MT_ADDRESSES_MAX);
}

static void
a_ttl_with_the_sign_bit_is_zero(void **state)
{
	struct packet p;
	struct mt_addresses found;

	begin(&p, 0, 1, 0);
	put_record(&p, A, 0x80000001u, "\300\0\2\7", 4);
	assert_int_equal(read_answer(&p, A, &found), 0);
	assert_int_equal(found.ttl_sec, 0); /* RFC 2181 §8 */
}

static void
a_truncated_response_is_malformed_and_yields_nothing(void **state)
{
	struct packet p;

	begin(&p, 0, 2, 0);
	put_record(&p, 5, 60, "\1a\300\14", 4);
	put_record(&p, A, 300, "\300\0\2\7", 4);
	for (size_t size = 0; size < p.size; size++) {
		struct mt_addresses found = {.ttl_sec = UINT32_MAX};
		uint8_t *copy = malloc(size ? size : 1); /* exact, for the sanitizer */

		assert_non_null(copy);
		memcpy(copy, p.data, size);
		assert_int_equal(mt_dns_read_answer(copy, size, A, &found), -1);
		assert_int_equal(found.n, 0);
		free(copy);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_behind_an_alias_have_the_shortest_ttl_of_the_path),
		cmocka_unit_test(records_of_the_other_family_are_not_taken),
		cmocka_unit_test(an_address_of_the_wrong_length_is_not_taken),
		cmocka_unit_test(a_negative_answer_lasts_as_long_as_its_soa_says),
		cmocka_unit_test(more_addresses_than_the_bound_are_left_out),
		cmocka_unit_test(a_ttl_with_the_sign_bit_is_zero),
		cmocka_unit_test(a_truncated_response_is_malformed_and_yields_nothing),
	};

	return cmocka_run_group_tests_name("dns-answer", tests, NULL, NULL);
}
