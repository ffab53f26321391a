/* SPDX-License-Identifier: MIT */
/* Addresses and TTLs of DNS responses. */

#include "tests/cmocka-all.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/worker/dns-packet.h"
#include "daemon/worker/wire.h"

#define A MT_DNS_TYPE_A
#define AAAA MT_DNS_TYPE_AAAA
#define SRV MT_DNS_TYPE_SRV
#define TLSA MT_DNS_TYPE_TLSA
#define CNAME 5
#define RRSIG 46
#define NOW INT64_C(1800000000)

/* A response being written: header, one question, then records. */
struct packet {
	uint8_t data[65535];
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

static struct mt_bytes
bytes_of(const struct packet *p)
{
	return (struct mt_bytes){.data = p->data, .size = p->size};
}

static struct mt_dns_facts facts;

static int
read_answer(const struct packet *p, unsigned type, struct mt_addresses *ret)
{
	int r;

	*ret = (struct mt_addresses){0};
	r = mt_dns_read(bytes_of(p), type, NOW, mt_dns_add_address, ret, &facts);
	ret->ttl_sec = facts.ttl_sec;
	return r;
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
		uint8_t *copy = malloc(size ? size : 1); /* exact, for the sanitizer */
		const struct mt_bytes bytes = {.data = copy, .size = size};

		assert_non_null(copy);
		memcpy(copy, p.data, size);
		assert_int_equal(mt_dns_read(bytes, A, NOW, NULL, NULL, &facts), -1);
		free(copy);
	}
}

/* -- TXT, as digests of documents -- */

#define RECORD "v=UAAC1; a=sha256; d=MOA19C2fw1LnfpriQEArPk+FRkxoE7UVaunADBmu7G8="
#define TXT 16

static struct mt_digest_rrset digests;

/* A character-string. */
static void
put_string(struct packet *p, const char *text, size_t size)
{
	const uint8_t length = (uint8_t)size;

	put(p, &length, 1);
	put(p, text, size);
}

static int
read_digests(const struct packet *p)
{
	memset(&digests, 0, sizeof(digests));
	return mt_dns_read(bytes_of(p), TXT, NOW, mt_dns_add_digest, &digests, &facts);
}

static void
a_digest_may_come_in_several_strings(void **state)
{
	struct packet p, data = {0};

	begin(&p, 0, 2, 0);
	put_string(&data, RECORD, 30);
	put_string(&data, "", 0);
	put_string(&data, RECORD + 30, strlen(RECORD) - 30);
	put_record(&p, TXT, 60, data.data, data.size);
	data.size = 0;
	put_string(&data, "something else", 14);
	put_record(&p, TXT, 60, data.data, data.size);
	assert_int_equal(read_digests(&p), 0);
	assert_int_equal(digests.n, 1);
	assert_int_equal(digests.digests[0][0], 0x30);
	assert_int_equal(digests.n_unusable, 1);
}

static void
digests_beyond_the_bound_and_broken_strings_are_counted(void **state)
{
	static const char broken[] = "\x7fshort";
	char wide[1024];
	struct packet p, data = {0};

	begin(&p, 0, MT_PACC_DIGESTS_MAX + 2, 0);
	put_string(&data, RECORD, strlen(RECORD));
	for (int i = 0; i < MT_PACC_DIGESTS_MAX + 1; i++)
		put_record(&p, TXT, 60, data.data, data.size);
	put_record(&p, TXT, 60, broken, sizeof(broken) - 1);
	assert_int_equal(read_digests(&p), 0);
	assert_int_equal(digests.n, MT_PACC_DIGESTS_MAX);
	assert_int_equal(digests.n_unusable, 2);

	memset(wide, ' ', sizeof(wide));
	begin(&p, 0, 1, 0);
	data.size = 0;
	for (int i = 0; i < 3; i++)
		put_string(&data, wide, 255); /* more than MT_TXT_MAX */
	put_record(&p, TXT, 60, data.data, data.size);
	assert_int_equal(read_digests(&p), 0);
	assert_int_equal(digests.n, 0);
	assert_int_equal(digests.n_unusable, 1);
}

/* -- SRV -- */

static struct mt_srv_rrset srv;
static struct mt_tlsa_rrset tlsa;

static int
read_srv(const struct packet *p)
{
	memset(&srv, 0, sizeof(srv));
	return mt_dns_read(bytes_of(p), SRV, NOW, mt_dns_add_srv, &srv, &facts);
}

static void
put_srv(struct packet *p, unsigned priority, unsigned weight, unsigned port, const char *name,
	size_t name_size)
{
	struct packet data = {0};

	put16(&data, priority);
	put16(&data, weight);
	put16(&data, port);
	put(&data, name, name_size);
	put_record(p, SRV, 300, data.data, data.size);
}

static void
srv_records_are_read_and_ordered_by_priority(void **state)
{
	struct packet p;

	begin(&p, 0, 3, 0);
	put_srv(&p, 20, 5, 993, "\5other\4test", 12);
	put_srv(&p, 10, 0, 0, "", 1);
	put_srv(&p, 10, 7, 1993, "\4IMAP\7Example\4Test", 19);
	assert_int_equal(read_srv(&p), 0);
	assert_int_equal(srv.n, 3);
	assert_string_equal(srv.records[0].target, ".");
	assert_string_equal(srv.records[1].target, "imap.example.test");
	assert_int_equal(srv.records[1].port, 1993);
	assert_int_equal(srv.records[1].weight, 7);
	assert_string_equal(srv.records[2].target, "other.test");
	assert_int_equal(facts.ttl_sec, 300);
}

static void
a_target_may_point_back_into_the_packet(void **state)
{
	struct packet p;

	begin(&p, 0, 1, 0);
	put_srv(&p, 0, 0, 993, "\4mail\300\21", 7); /* example.test of the question */
	assert_int_equal(read_srv(&p), 0);
	assert_int_equal(srv.n, 1);
	assert_string_equal(srv.records[0].target, "mail.example.test");
}

static void
a_target_that_is_no_host_name_is_counted_not_read(void **state)
{
	static const struct {
		const char *name;
		size_t size;
	} bad[] = {
		{"\003192\0010\0012\0017", 11}, /* an IP literal in labels */
		{"\6b\303\274cher\4test", 13},  /* not ASCII */
		{"\3a.b\4test", 10},            /* a dot inside of a label */
		{"\3a\0b\4test", 10},           /* a NUL */
		{"\377\377", 2},                /* points nowhere */
		{"\4mail", 5},                  /* no end */
		{"\100aaaa", 6},                /* no label, no pointer */
		{"\4mail\4test\0x", 12},        /* trailing bytes */
		{"\5-mail\4test", 12},          /* RFC 1123 §2.1 */
	};
	struct packet p;

	begin(&p, 0, MT_ARRAY_SIZE(bad), 0);
	for (size_t i = 0; i < MT_ARRAY_SIZE(bad); i++)
		put_srv(&p, 0, 0, 993, bad[i].name, bad[i].size);
	assert_int_equal(read_srv(&p), 0);
	assert_int_equal(srv.n, 0);
	assert_int_equal(srv.n_unusable, MT_ARRAY_SIZE(bad));
	assert_int_equal(facts.n, MT_ARRAY_SIZE(bad));
}

static void
a_target_of_more_than_253_bytes_is_not_read(void **state)
{
	char name[258] = {0};
	struct packet p;

	for (size_t i = 0; i < 4; i++) {
		name[64 * i] = 63;
		memset(name + 64 * i + 1, 'a', 63);
	}
	begin(&p, 0, 1, 0);
	put_srv(&p, 0, 0, 993, name, 257);
	assert_int_equal(read_srv(&p), 0);
	assert_int_equal(srv.n, 0);
	assert_int_equal(srv.n_unusable, 1);
}

static void
a_loop_of_pointers_ends(void **state)
{
	struct packet p;
	char loop[] = "\1a\300\0";

	begin(&p, 0, 1, 0);
	loop[3] = (char)(p.size + 18); /* back to the label itself */
	put_srv(&p, 0, 0, 993, loop, 4);
	assert_int_equal(read_srv(&p), 0);
	assert_int_equal(srv.n_unusable, 1);
}

static void
of_a_thousand_records_the_best_priorities_are_kept_whatever_their_order(void **state)
{
	static struct packet forward, backward;
	struct mt_srv_rrset first;

	begin(&forward, 0, 1000, 0);
	begin(&backward, 0, 1000, 0);
	for (unsigned i = 0; i < 1000; i++) {
		put_srv(&forward, i, 0, 993, "\4mail\4test", 11);
		put_srv(&backward, 999 - i, 0, 993, "\4mail\4test", 11);
	}
	assert_int_equal(read_srv(&forward), 0);
	assert_int_equal(srv.n, MT_SRV_MAX);
	assert_int_equal(srv.n_omitted, 1000 - MT_SRV_MAX);
	assert_int_equal(srv.records[MT_SRV_MAX - 1].priority, MT_SRV_MAX - 1);
	first = srv;
	assert_int_equal(read_srv(&backward), 0);
	assert_memory_equal(&first, &srv, sizeof(srv));
}

static void
an_alias_is_reported_and_bounds_the_ttl(void **state)
{
	struct packet p;

	begin(&p, 0, 2, 0);
	put_record(&p, CNAME, 60, "\5alias\4test", 12);
	put_srv(&p, 0, 0, 993, "\4mail\4test", 11);
	assert_int_equal(read_srv(&p), 0);
	assert_int_equal(facts.ttl_sec, 60);
	assert_string_equal(facts.canonical, "alias.test");
}

/* -- signatures -- */

static void
put_rrsig(struct packet *p, int64_t expiration)
{
	uint8_t data[64] = {0};
	const uint32_t serial = (uint32_t)expiration;

	for (unsigned i = 0; i < 4; i++)
		data[8 + i] = (uint8_t)(serial >> (24 - 8 * i));
	put_record(p, RRSIG, 300, data, sizeof(data));
}

static void
the_first_signature_to_end_counts_and_one_that_has_ended_does_not(void **state)
{
	struct packet p;

	begin(&p, 0, 4, 0);
	put_srv(&p, 0, 0, 993, "\4mail\4test", 11);
	put_rrsig(&p, NOW + 5000);
	put_rrsig(&p, NOW - 10);
	put_rrsig(&p, NOW + 300);
	assert_int_equal(read_srv(&p), 0);
	assert_true(facts.signed_until_sec == NOW + 300);

	begin(&p, 0, 2, 0);
	put_srv(&p, 0, 0, 993, "\4mail\4test", 11);
	put_rrsig(&p, NOW - 10);
	assert_int_equal(read_srv(&p), 0);
	assert_true(facts.signed_until_sec == NOW - 10);
}

static void
a_signature_end_is_a_serial_number(void **state)
{
	const int64_t late = INT64_C(0x1fffffff0); /* RFC 4034 §3.1.5, past 2106 */
	struct packet p;

	begin(&p, 0, 2, 0);
	put_srv(&p, 0, 0, 993, "\4mail\4test", 11);
	put_rrsig(&p, late + 3600);
	assert_int_equal(mt_dns_read(bytes_of(&p), SRV, late, NULL, NULL, &facts), 0);
	assert_true(facts.signed_until_sec == late + 3600);
}

static void
an_absence_without_soa_is_not_kept(void **state)
{
	struct packet p;

	begin(&p, 0, 0, 0);
	assert_int_equal(read_srv(&p), 0);
	assert_int_equal(facts.ttl_sec, 0); /* RFC 2308 §5 */
	assert_int_equal(facts.n, 0);
}

/* -- TLSA -- */

static int
read_tlsa(const struct packet *p)
{
	memset(&tlsa, 0, sizeof(tlsa));
	return mt_dns_read(bytes_of(p), TLSA, NOW, mt_dns_add_tlsa, &tlsa, &facts);
}

static void
a_digest_of_31_bytes_is_there_and_unusable(void **state)
{
	uint8_t data[35] = {3, 1, 1};
	struct packet p;

	begin(&p, 0, 3, 0);
	put_record(&p, TLSA, 300, data, 34);
	put_record(&p, TLSA, 300, data, 35);
	put_record(&p, TLSA, 300, data, 2);
	assert_int_equal(read_tlsa(&p), 0);
	assert_int_equal(tlsa.n, 3);
	assert_int_equal(tlsa.records[0].size, 31);
	assert_false(mt_tlsa_record_is_usable(&tlsa.records[0]));
	assert_true(mt_tlsa_record_is_usable(&tlsa.records[1]));
	assert_false(mt_tlsa_record_is_usable(&tlsa.records[2]));
}

static void
usable_records_are_not_crowded_out_by_unusable_ones(void **state)
{
	uint8_t usable[35] = {3, 1, 1}, unusable[35] = {3, 1, 9};
	struct packet p;
	size_t n = 0;

	begin(&p, 0, MT_TLSA_MAX + 10, 0);
	for (size_t i = 0; i < MT_TLSA_MAX + 8; i++)
		put_record(&p, TLSA, 300, unusable, sizeof(unusable));
	put_record(&p, TLSA, 300, usable, sizeof(usable));
	put_record(&p, TLSA, 300, usable, sizeof(usable));
	assert_int_equal(read_tlsa(&p), 0);
	assert_int_equal(tlsa.n, MT_TLSA_MAX);
	assert_int_equal(tlsa.n_omitted, 10);
	for (size_t i = 0; i < tlsa.n; i++)
		n += mt_tlsa_record_is_usable(&tlsa.records[i]);
	assert_int_equal(n, 2);
}

static void
a_record_too_large_to_be_compared_is_unusable(void **state)
{
	static uint8_t data[MT_TLSA_DATA_MAX + 4] = {3, 0, 0};
	static struct packet p;

	begin(&p, 0, 2, 0);
	put_record(&p, TLSA, 300, data, sizeof(data));
	put_record(&p, TLSA, 300, data, sizeof(data) - 1);
	assert_int_equal(read_tlsa(&p), 0);
	assert_int_equal(tlsa.n, 2);
	assert_false(mt_tlsa_record_is_usable(&tlsa.records[0]));
	assert_true(mt_tlsa_record_is_usable(&tlsa.records[1]));
}

/* -- what an answer means (D-DANE-01, D-DANE-02) -- */

static void
the_meaning_of_an_answer_is_never_weaker_than_what_was_proven(void **state)
{
	static const struct {
		enum mt_dnssec address;
		enum mt_rrset_state state;
		enum mt_dnssec dnssec;
		enum mt_tlsa_status status;
	} rows[] = {
		{MT_DNSSEC_SECURE, MT_RRSET_FOUND, MT_DNSSEC_SECURE, MT_TLSA_SECURE},
		{MT_DNSSEC_SECURE, MT_RRSET_ABSENT, MT_DNSSEC_SECURE, MT_TLSA_ABSENT},
		{MT_DNSSEC_SECURE, MT_RRSET_FOUND, MT_DNSSEC_INSECURE, MT_TLSA_INSECURE},
		{MT_DNSSEC_SECURE, MT_RRSET_ABSENT, MT_DNSSEC_INSECURE, MT_TLSA_INSECURE},
		{MT_DNSSEC_SECURE, MT_RRSET_SERVFAIL, MT_DNSSEC_BOGUS, MT_TLSA_BOGUS},
		{MT_DNSSEC_SECURE, MT_RRSET_SERVFAIL, MT_DNSSEC_UNDETERMINED, MT_TLSA_UNDETERMINED},
		{MT_DNSSEC_SECURE, MT_RRSET_TIMEOUT, MT_DNSSEC_UNDETERMINED, MT_TLSA_UNDETERMINED},
		{MT_DNSSEC_SECURE, MT_RRSET_FAILED, MT_DNSSEC_SECURE, MT_TLSA_UNDETERMINED},
		{MT_DNSSEC_SECURE, MT_RRSET_SERVFAIL, MT_DNSSEC_INSECURE, MT_TLSA_UNDETERMINED},
		{MT_DNSSEC_INSECURE, MT_RRSET_ABSENT, MT_DNSSEC_INSECURE, MT_TLSA_INSECURE},
		{MT_DNSSEC_INSECURE, MT_RRSET_FOUND, MT_DNSSEC_SECURE, MT_TLSA_INSECURE},
		{MT_DNSSEC_BOGUS, MT_RRSET_SERVFAIL, MT_DNSSEC_BOGUS, MT_TLSA_BOGUS},
		{MT_DNSSEC_BOGUS, MT_RRSET_FOUND, MT_DNSSEC_SECURE, MT_TLSA_BOGUS},
		{MT_DNSSEC_UNDETERMINED, MT_RRSET_TIMEOUT, MT_DNSSEC_UNDETERMINED,
		 MT_TLSA_UNDETERMINED},
		{MT_DNSSEC_INSECURE, MT_RRSET_FAILED, MT_DNSSEC_INSECURE, MT_TLSA_UNDETERMINED},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		const struct mt_tlsa_rrset answer = {
			.address = rows[i].address,
			.rrset = {.state = rows[i].state, .dnssec = rows[i].dnssec}};

		if (mt_tlsa_rrset_status(&answer) != rows[i].status)
			fail_msg("row %zu: %s", i,
				 mt_tlsa_status_to_string(mt_tlsa_rrset_status(&answer)));
	}
	assert_false(mt_host_may_have_tlsa("192.0.2.7"));
	assert_false(mt_host_may_have_tlsa("2001:db8::7"));
	assert_false(mt_host_may_have_tlsa("localhost"));
	assert_false(mt_host_may_have_tlsa("imap.localhost"));
	assert_true(mt_host_may_have_tlsa("imap.example.test"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_digest_may_come_in_several_strings),
		cmocka_unit_test(digests_beyond_the_bound_and_broken_strings_are_counted),
		cmocka_unit_test(addresses_behind_an_alias_have_the_shortest_ttl_of_the_path),
		cmocka_unit_test(records_of_the_other_family_are_not_taken),
		cmocka_unit_test(an_address_of_the_wrong_length_is_not_taken),
		cmocka_unit_test(a_negative_answer_lasts_as_long_as_its_soa_says),
		cmocka_unit_test(more_addresses_than_the_bound_are_left_out),
		cmocka_unit_test(a_ttl_with_the_sign_bit_is_zero),
		cmocka_unit_test(a_truncated_response_is_malformed_and_yields_nothing),
		cmocka_unit_test(srv_records_are_read_and_ordered_by_priority),
		cmocka_unit_test(a_target_may_point_back_into_the_packet),
		cmocka_unit_test(a_target_that_is_no_host_name_is_counted_not_read),
		cmocka_unit_test(a_target_of_more_than_253_bytes_is_not_read),
		cmocka_unit_test(a_loop_of_pointers_ends),
		cmocka_unit_test(
			of_a_thousand_records_the_best_priorities_are_kept_whatever_their_order),
		cmocka_unit_test(an_alias_is_reported_and_bounds_the_ttl),
		cmocka_unit_test(the_first_signature_to_end_counts_and_one_that_has_ended_does_not),
		cmocka_unit_test(a_signature_end_is_a_serial_number),
		cmocka_unit_test(an_absence_without_soa_is_not_kept),
		cmocka_unit_test(a_digest_of_31_bytes_is_there_and_unusable),
		cmocka_unit_test(usable_records_are_not_crowded_out_by_unusable_ones),
		cmocka_unit_test(a_record_too_large_to_be_compared_is_unusable),
		cmocka_unit_test(the_meaning_of_an_answer_is_never_weaker_than_what_was_proven),
	};

	return cmocka_run_group_tests_name("dns-answer", tests, NULL, NULL);
}
