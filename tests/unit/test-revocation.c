/* SPDX-License-Identifier: MIT */
/* Revocation along a path: what is ordered, and what is made of what came (D-PKIX-04). */

#include "tests/cmocka-all.h"

#include <string.h>

#include <openssl/ocsp.h>

#include "tests/unit/judging.h"
#include "tests/unit/pki-crl.h"

#define OCSP_URL "authorityInfoAccess", "OCSP;URI:http://ocsp.example.test/leaf"
#define CRL_URL "crlDistributionPoints", "URI:http://crl.example.test/leaf.crl"
#define INTER_URL "crlDistributionPoints", "URI:http://crl.example.test/inter.crl"

/* Root, intermediate and leaf; the last two say where answers are. */
struct cast {
	const struct pki_cert *root, *inter, *leaf;
};

static struct cast
issue(struct pki *pki, struct pki_recipe leaf)
{
	struct cast c;

	c.root = pki_issue(pki, &(struct pki_recipe){.is_ca = true});
	c.inter = pki_issue(
		pki,
		&(struct pki_recipe){.issuer = c.root, .is_ca = true, .extensions = {{INTER_URL}}});
	leaf.issuer = c.inter;
	c.leaf = pki_issue(pki, &leaf);
	return c;
}

static void
begin(struct judging *j, const struct cast *c)
{
	judging_begin(j, c->root, SENT(c->leaf, c->inter));
	j->request.wants_revocation = true;
}

static void
give(struct judging *j, struct mt_bytes answer)
{
	assert_true(j->request.n_fetched < MT_FETCH_ORDERS_MAX);
	j->request.fetched[j->request.n_fetched++] = answer;
}

static const char *
judge(struct judging *j)
{
	static const char *const states[] = {"unknown", "revoked", "good", "not checked"};

	judging_expect(j, "valid");
	return states[j->v.revocation];
}

/* With this about the leaf, and a list that clears the intermediate. */
static const char *
judge_leaf(struct pki *pki, const struct cast *c, struct mt_bytes answer)
{
	struct judging j;

	begin(&j, c);
	give(&j, pki_crl(pki, &(struct pki_crl_recipe){.issuer = c->root}));
	give(&j, answer);
	return judge(&j);
}
#define LIST(...) pki_crl(*state, &(struct pki_crl_recipe){__VA_ARGS__})
#define RESPONSE(...) pki_staple(*state, &(struct pki_staple_recipe){__VA_ARGS__})
#define WITH_LIST(...) judge_leaf(*state, &c, LIST(__VA_ARGS__))
#define WITH_RESPONSE(...) judge_leaf(*state, &c, RESPONSE(.subject = c.leaf, __VA_ARGS__))

/* -- what is made of what came ----------------------------------------------------------------- */

static void
every_certificate_below_the_anchor_needs_an_answer(void **state)
{
	const struct cast c = issue(*state, (struct pki_recipe){0});
	const struct mt_bytes of_leaf = RESPONSE(.subject = c.leaf, .issuer = c.inter);
	const struct mt_bytes of_inter = LIST(.issuer = c.root);
	struct judging j;

	begin(&j, &c);
	assert_string_equal(judge(&j), "unknown");
	give(&j, of_leaf);
	assert_string_equal(judge(&j), "unknown");
	give(&j, of_inter);
	assert_string_equal(judge(&j), "good");
	begin(&j, &c);
	give(&j, of_inter);
	assert_string_equal(judge(&j), "unknown");
}

static void
a_staple_answers_for_the_leaf_alone(void **state)
{
	const struct cast c = issue(*state, (struct pki_recipe){0});
	struct judging j;

	begin(&j, &c);
	j.request.staple = RESPONSE(.subject = c.leaf, .issuer = c.inter);
	assert_string_equal(judge(&j), "unknown");
	assert_true(j.v.staple_valid);
	give(&j, LIST(.issuer = c.root));
	assert_string_equal(judge(&j), "good");
	j.request.staple =
		RESPONSE(.subject = c.leaf, .issuer = c.inter, .status = V_OCSP_CERTSTATUS_REVOKED);
	assert_string_equal(judge(&j), "revoked");
}

static void
one_revoked_certificate_revokes_the_chain(void **state)
{
	const struct cast c = issue(*state, (struct pki_recipe){0});
	struct judging j;

	assert_string_equal(WITH_LIST(.issuer = c.inter, .revoked = {c.leaf}), "revoked");
	assert_string_equal(WITH_RESPONSE(.issuer = c.inter, .status = V_OCSP_CERTSTATUS_REVOKED),
			    "revoked");
	begin(&j, &c);
	give(&j, LIST(.issuer = c.root, .revoked = {c.inter}));
	assert_string_equal(judge(&j), "revoked");
	/* whatever somebody else says */
	begin(&j, &c);
	give(&j, LIST(.issuer = c.root));
	give(&j, LIST(.issuer = c.inter, .revoked = {c.leaf}));
	give(&j, RESPONSE(.subject = c.leaf, .issuer = c.inter));
	assert_string_equal(judge(&j), "revoked");
}

static void
nothing_is_asked_when_nobody_wants_it(void **state)
{
	const struct cast c = issue(*state, (struct pki_recipe){0});
	struct judging j;

	begin(&j, &c);
	give(&j, LIST(.issuer = c.inter, .revoked = {c.leaf}));
	j.request.wants_revocation = false;
	assert_string_equal(judge(&j), "not checked");
}

static void
an_answer_lasts_until_the_first_next_update(void **state)
{
	const struct cast c = issue(*state, (struct pki_recipe){0});
	struct judging j;

	begin(&j, &c);
	give(&j, LIST(.issuer = c.root, .from_sec = -9, .until_sec = 7));
	give(&j, RESPONSE(.subject = c.leaf, .issuer = c.inter));
	assert_string_equal(judge(&j), "good");
	assert_int_equal(j.v.not_after_usec, (PKI_NOW_SEC + 8) * MT_USEC_PER_SEC);
}

static void
a_list_counts_between_its_two_dates(void **state)
{
	const struct cast c = issue(*state, (struct pki_recipe){0});

	assert_string_equal(WITH_LIST(.issuer = c.inter, .from_sec = -9, .until_sec = 0), "good");
	assert_string_equal(WITH_LIST(.issuer = c.inter, .from_sec = -9, .until_sec = -1),
			    "unknown");
	assert_string_equal(WITH_LIST(.issuer = c.inter, .from_sec = 300, .until_sec = PKI_DAY),
			    "good");
	assert_string_equal(WITH_LIST(.issuer = c.inter, .from_sec = 301, .until_sec = PKI_DAY),
			    "unknown");
	assert_string_equal(WITH_LIST(.issuer = c.inter, .without_next_update = true), "unknown");
	/* nor may an old one accuse */
	assert_string_equal(
		WITH_LIST(.issuer = c.inter, .revoked = {c.leaf}, .from_sec = -9, .until_sec = -1),
		"unknown");
}

static void
a_list_is_the_issuers_or_nothing(void **state)
{
	const struct cast c = issue(*state, (struct pki_recipe){0});
	const struct pki_cert *stranger = pki_issue(*state, &(struct pki_recipe){.is_ca = true});

	assert_string_equal(WITH_LIST(.issuer = c.inter, .signer = c.root), "unknown");
	assert_string_equal(WITH_LIST(.issuer = c.inter, .signer = c.leaf), "unknown");
	assert_string_equal(WITH_LIST(.issuer = c.inter, .signer = stranger, .revoked = {c.leaf}),
			    "unknown");
	assert_string_equal(WITH_LIST(.issuer = stranger), "unknown");
	assert_string_equal(WITH_LIST(.issuer = c.root, .revoked = {c.leaf}), "unknown");
	assert_string_equal(WITH_LIST(.issuer = c.inter, .is_weak = true), "unknown");
}

static void
an_issuer_that_may_not_sign_lists_signs_none(void **state)
{
	struct cast c;

	c.root = pki_issue(*state, &(struct pki_recipe){.is_ca = true});
	c.inter = pki_issue(
		*state, &(struct pki_recipe){.issuer = c.root,
					     .is_ca = true,
					     .extensions = {{"keyUsage", "critical,keyCertSign"}}});
	c.leaf = pki_issue(*state, &(struct pki_recipe){.issuer = c.inter});
	assert_string_equal(WITH_LIST(.issuer = c.inter), "unknown");
	assert_string_equal(WITH_RESPONSE(.issuer = c.inter), "good");
}

static void
a_part_of_a_list_clears_only_who_names_it(void **state)
{
	const struct cast c = issue(*state, (struct pki_recipe){.extensions = {{CRL_URL}}});

	assert_string_equal(
		WITH_LIST(.issuer = c.inter, .scope = "http://crl.example.test/leaf.crl"), "good");
	assert_string_equal(
		WITH_LIST(.issuer = c.inter, .scope = "http://crl.example.test/other.crl"),
		"unknown");
	assert_string_equal(WITH_LIST(.issuer = c.inter, .scope = "onlyuser"), "good");
	assert_string_equal(WITH_LIST(.issuer = c.inter, .scope = "onlyCA"), "unknown");
	assert_string_equal(WITH_LIST(.issuer = c.inter, .scope = "indirectCRL"), "unknown");
	assert_string_equal(WITH_LIST(.issuer = c.inter, .is_delta = true), "unknown");
	assert_string_equal(WITH_LIST(.issuer = c.inter, .oid = "1.2.3.4"), "unknown");
}

static void
a_response_is_judged_like_a_staple(void **state)
{
	const struct cast c = issue(*state, (struct pki_recipe){0});
	const struct pki_cert *delegate = pki_issue(
		*state, &(struct pki_recipe){.issuer = c.inter,
					     .extensions = {{"extendedKeyUsage", "OCSPSigning"}}});
	const struct pki_cert *sister = pki_issue(*state, &(struct pki_recipe){.issuer = c.inter});

	assert_string_equal(WITH_RESPONSE(.issuer = c.inter), "good");
	assert_string_equal(WITH_RESPONSE(.issuer = c.inter, .signer = delegate), "good");
	assert_string_equal(WITH_RESPONSE(.issuer = c.inter, .signer = sister), "unknown");
	assert_string_equal(WITH_RESPONSE(.issuer = c.inter, .signer = c.root), "unknown");
	assert_string_equal(WITH_RESPONSE(.issuer = c.inter, .status = V_OCSP_CERTSTATUS_UNKNOWN),
			    "unknown");
	assert_string_equal(WITH_RESPONSE(.issuer = c.inter, .from_sec = -9, .until_sec = -1),
			    "unknown");
	assert_string_equal(judge_leaf(*state, &c, RESPONSE(.subject = sister, .issuer = c.inter)),
			    "unknown");
}

static void
without_next_update_a_response_counts_while_it_is_new(void **state)
{
	const struct cast c = issue(*state, (struct pki_recipe){0});

#define NEW(sec)                                                                         \
	WITH_RESPONSE(.issuer = c.inter, .without_next_update = true, .from_sec = (sec), \
		      .until_sec = 1)
	assert_string_equal(NEW(0), "good");
	assert_string_equal(NEW(-300), "good");
	assert_string_equal(NEW(-301), "unknown");
	assert_string_equal(NEW(300), "good");
	assert_string_equal(NEW(301), "unknown");
#undef NEW
}

static void
what_is_neither_says_nothing(void **state)
{
	const struct cast c = issue(*state, (struct pki_recipe){0});
	const struct mt_bytes list = LIST(.issuer = c.inter);
	const struct mt_bytes response = RESPONSE(.subject = c.leaf, .issuer = c.inter);
	static const uint8_t garbage[] = {0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x00};

	assert_string_equal(judge_leaf(*state, &c, (struct mt_bytes){garbage, sizeof(garbage)}),
			    "unknown");
	assert_string_equal(judge_leaf(*state, &c, c.leaf->der), "unknown");
	for (size_t size = 1; size < list.size; size += 7)
		assert_string_equal(judge_leaf(*state, &c, (struct mt_bytes){list.data, size}),
				    "unknown");
	for (size_t size = 1; size < response.size; size += 7)
		assert_string_equal(judge_leaf(*state, &c, (struct mt_bytes){response.data, size}),
				    "unknown");
	assert_string_equal(
		judge_leaf(*state, &c, (struct mt_bytes){pki_copy(*state, list, 1), list.size + 1}),
		"unknown");
}

static void
no_changed_byte_makes_a_revoked_leaf_good(void **state)
{
	const struct cast c = issue(*state, (struct pki_recipe){0});
	const struct mt_bytes answers[] = {
		LIST(.issuer = c.inter, .revoked = {c.leaf}),
		RESPONSE(.subject = c.leaf, .issuer = c.inter, .status = V_OCSP_CERTSTATUS_REVOKED),
	};

	for (size_t a = 0; a < MT_ARRAY_SIZE(answers); a++)
		for (size_t i = 0; i < answers[a].size; i += 3) {
			uint8_t *copy = pki_copy(*state, answers[a], 0);

			copy[i] ^= 0x01;
			assert_string_not_equal(
				judge_leaf(*state, &c, (struct mt_bytes){copy, answers[a].size}),
				"good");
		}
}

static void
a_list_of_the_largest_size_is_judged_in_time(void **state)
{
	const struct cast c = issue(*state, (struct pki_recipe){0});
	const struct mt_bytes list = LIST(.issuer = c.inter, .revoked = {c.leaf}, .extra = 37000);

	assert_in_range(list.size, MT_FETCH_BYTES_MAX - 200 * 1024, MT_FETCH_BYTES_MAX);
	assert_string_equal(judge_leaf(*state, &c, list), "revoked");
}

static void
of_a_chain_that_is_not_valid_nothing_is_known(void **state)
{
	const struct cast c = issue(*state, (struct pki_recipe){0});
	struct judging j;

	judging_begin(&j, NULL, SENT(c.leaf, c.inter));
	j.request.wants_revocation = true;
	give(&j, LIST(.issuer = c.root));
	give(&j, LIST(.issuer = c.inter));
	judging_expect(&j, "chain-untrusted");
	assert_int_equal(j.v.revocation, MT_REVOCATION_UNKNOWN);
}

/* -- what is ordered --------------------------------------------------------------------------- */

static void
orders_of(const struct cast *c, struct mt_fetch_orders *ret)
{
	struct judging j;

	begin(&j, c);
	mt_chain_orders(NULL, &j.request, ret);
}

static void
expect_order(const struct mt_fetch_order *order, const char *host, uint16_t port, const char *path)
{
	assert_string_equal(order->host, host);
	assert_int_equal(order->port, port);
	assert_memory_equal(order->path, path, strlen(path));
}

static void
a_responder_is_asked_before_a_list_is_fetched(void **state)
{
	struct cast c = issue(*state, (struct pki_recipe){.extensions = {{OCSP_URL}, {CRL_URL}}});
	struct mt_fetch_orders orders;

	orders_of(&c, &orders);
	assert_int_equal(orders.n, 2);
	expect_order(&orders.order[0], "ocsp.example.test", 80, "/leaf/M");
	expect_order(&orders.order[1], "crl.example.test", 80, "/inter.crl");
	assert_null(strpbrk(orders.order[0].path, "+="));
	assert_null(strchr(orders.order[0].path + 6, '/')); /* base64's own are spelt out */

	c = issue(*state, (struct pki_recipe){.extensions = {{CRL_URL}}});
	orders_of(&c, &orders);
	assert_int_equal(orders.n, 2);
	expect_order(&orders.order[0], "crl.example.test", 80, "/leaf.crl");
}

static void
a_leaf_whose_staple_stands_is_not_asked_about(void **state)
{
	const struct cast c = issue(*state, (struct pki_recipe){.extensions = {{OCSP_URL}}});
	struct mt_fetch_orders orders;
	struct judging j;

	begin(&j, &c);
	j.request.staple = RESPONSE(.subject = c.leaf, .issuer = c.inter);
	mt_chain_orders(NULL, &j.request, &orders);
	assert_int_equal(orders.n, 1);
	expect_order(&orders.order[0], "crl.example.test", 80, "/inter.crl");
	j.request.staple = RESPONSE(.subject = c.leaf, .issuer = c.root);
	mt_chain_orders(NULL, &j.request, &orders);
	assert_int_equal(orders.n, 2);
}

static void
what_cannot_be_fetched_is_not_ordered(void **state)
{
	static const char *const urls[] = {
		"URI:https://crl.example.test/leaf.crl",
		"URI:ldap://crl.example.test/cn=leaf",
		"URI:http://user@crl.example.test/leaf.crl",
		"URI:http://crl.example.test:25/leaf.crl",
		"URI:http://crl.example.test/a b",
		"URI:http:///leaf.crl",
		"URI:http://crl.example.test/#x",
	};
	struct mt_fetch_orders orders;

	for (size_t i = 0; i < MT_ARRAY_SIZE(urls); i++) {
		const struct cast c = issue(
			*state,
			(struct pki_recipe){.extensions = {{"crlDistributionPoints", urls[i]}}});

		orders_of(&c, &orders);
		assert_int_equal(orders.n, 1); /* the intermediate's */
	}
}

static void
the_first_place_that_can_be_used_counts(void **state)
{
	const struct cast c = issue(
		*state, (struct pki_recipe){.extensions = {{"crlDistributionPoints",
							    "URI:ldap://a.example.test/x,"
							    "URI:http://b.example.test:8080/x?y=z,"
							    "URI:http://c.example.test/"}}});
	struct mt_fetch_orders orders;

	orders_of(&c, &orders);
	expect_order(&orders.order[0], "b.example.test", 8080, "/x?y=z");
}

static void
a_chain_that_is_not_valid_orders_nothing(void **state)
{
	const struct cast c = issue(*state, (struct pki_recipe){.extensions = {{OCSP_URL}}});
	struct mt_fetch_orders orders;
	struct judging j;

	judging_begin(&j, NULL, SENT(c.leaf, c.inter));
	j.request.wants_revocation = true;
	mt_chain_orders(NULL, &j.request, &orders);
	assert_int_equal(orders.n, 0);
	begin(&j, &c);
	j.request.at_usec += 400 * PKI_DAY * MT_USEC_PER_SEC; /* expired */
	mt_chain_orders(NULL, &j.request, &orders);
	assert_int_equal(orders.n, 0);
	begin(&j, &c);
	j.request.chain[1].size--;
	mt_chain_orders(NULL, &j.request, &orders);
	assert_int_equal(orders.n, 0);
}

static void
there_are_never_more_orders_than_the_bound(void **state)
{
	static const char *const names[] = {"leaf", "a", "b", "c", "d", "e", "root"};
	const struct pki_cert *certs[MT_ARRAY_SIZE(names)];
	const size_t n = MT_ARRAY_SIZE(certs);
	struct mt_fetch_orders orders;
	struct judging j;

	certs[n - 1] = pki_issue(*state, &(struct pki_recipe){.is_ca = true, .cn = names[n - 1]});
	for (size_t i = n - 1; i-- > 0;)
		certs[i] = pki_issue(*state, &(struct pki_recipe){.issuer = certs[i + 1],
								  .is_ca = i > 0,
								  .cn = names[i],
								  .extensions = {{INTER_URL}}});
	judging_init(&j);
	judging_trust(&j, certs[n - 1]);
	for (size_t i = 0; i + 1 < n; i++)
		judging_send(&j, certs[i]);
	j.request.wants_revocation = true;
	assert_string_equal(judge(&j), "unknown");
	mt_chain_orders(NULL, &j.request, &orders);
	assert_int_equal(orders.n, MT_FETCH_ORDERS_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pki_setup, pki_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_certificate_below_the_anchor_needs_an_answer),
		TEST(a_staple_answers_for_the_leaf_alone),
		TEST(one_revoked_certificate_revokes_the_chain),
		TEST(nothing_is_asked_when_nobody_wants_it),
		TEST(an_answer_lasts_until_the_first_next_update),
		TEST(a_list_counts_between_its_two_dates),
		TEST(a_list_is_the_issuers_or_nothing),
		TEST(an_issuer_that_may_not_sign_lists_signs_none),
		TEST(a_part_of_a_list_clears_only_who_names_it),
		TEST(a_response_is_judged_like_a_staple),
		TEST(without_next_update_a_response_counts_while_it_is_new),
		TEST(what_is_neither_says_nothing),
		TEST(no_changed_byte_makes_a_revoked_leaf_good),
		TEST(a_list_of_the_largest_size_is_judged_in_time),
		TEST(of_a_chain_that_is_not_valid_nothing_is_known),
		TEST(a_responder_is_asked_before_a_list_is_fetched),
		TEST(a_leaf_whose_staple_stands_is_not_asked_about),
		TEST(what_cannot_be_fetched_is_not_ordered),
		TEST(the_first_place_that_can_be_used_counts),
		TEST(a_chain_that_is_not_valid_orders_nothing),
		TEST(there_are_never_more_orders_than_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
