/* SPDX-License-Identifier: MIT */
/* Of several ways to an anchor one good one is enough, and looking for it costs little. */

#include "tests/cmocka-all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/judging.h"

#define ISSUE(...) pki_issue(*state, &(struct pki_recipe){__VA_ARGS__})
#define AUTHORITY(...) ISSUE(.is_ca = true, __VA_ARGS__)
#define PAST .from_sec = -2 * PKI_DAY, .until_sec = -PKI_DAY

/* A search needs some milliseconds; the bound leaves room for slow machines and valgrind. Without a
 * budget it would last for hours. */
static void
assert_quick(struct judging *j, const char *found)
{
	clock_t begin = clock();

	judging_expect(j, found);
	assert_true(clock() - begin < 3 * CLOCKS_PER_SEC);
}

static void
a_path_to_an_expired_root_does_not_hide_a_good_one(void **state)
{
	const struct pki_cert *old = AUTHORITY(.cn = "Old", PAST);
	const struct pki_cert *root = AUTHORITY(.cn = "New");
	const struct pki_cert *inter = AUTHORITY(.issuer = root);
	const struct pki_cert *crossed = AUTHORITY(.issuer = old, .same_key = inter);
	const struct pki_cert *leaf = ISSUE(.issuer = inter);
	struct judging j;

	judging_begin(&j, old, SENT(leaf, crossed, inter));
	judging_expect(&j, "expired");
	judging_trust(&j, root);
	judging_expect(&j, "valid");
	judging_begin(&j, root, SENT(leaf, inter, crossed));
	judging_trust(&j, old);
	judging_expect(&j, "valid");
}

/* Each twin has the name and the key of the good intermediate and is sent before it. */
static void
a_bad_twin_of_an_intermediate_does_not_hide_the_good_one(void **state)
{
#define TWIN(...)                                                            \
	{                                                                    \
		.is_ca = true, .issuer = root, .same_key = good, __VA_ARGS__ \
	}
	const struct pki_cert *root = AUTHORITY(.cn = NULL);
	const struct pki_cert *good = AUTHORITY(.issuer = root);
	const struct pki_cert *leaf = ISSUE(.issuer = good);
	const struct pki_recipe twins[] = {
		TWIN(PAST),
		TWIN(.extensions = {{"nameConstraints", "permitted;DNS:other.test"}}),
		TWIN(.extensions = {{"basicConstraints", "CA:FALSE"}}),
		TWIN(.extensions = {{"keyUsage", "cRLSign"}}),
		TWIN(.extensions = {{"extendedKeyUsage", "clientAuth"}}),
		TWIN(.extensions = {{"1.2.3.4", "critical,DER:0500"}}),
		TWIN(.digest = PKI_SHA1),
		TWIN(.is_v1 = true),
	};
	static const char *const found[] = {"expired",
					    "constraint-violation",
					    "constraint-violation",
					    "constraint-violation",
					    "constraint-violation",
					    "constraint-violation",
					    "weak-crypto",
					    "constraint-violation"};

	for (size_t i = 0; i < MT_ARRAY_SIZE(twins); i++) {
		const struct pki_cert *bad = pki_issue(*state, &twins[i]);
		struct judging j;

		judging_begin(&j, root, SENT(leaf, bad));
		judging_expect(&j, found[i]);
		judging_begin(&j, root, SENT(leaf, bad, good));
		judging_expect(&j, "valid");
		judging_begin(&j, root, SENT(leaf, good, bad));
		judging_expect(&j, "valid");
	}
}

static void
a_look_alike_with_another_key_does_not_hide_the_issuer(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL);
	const struct pki_cert *good = AUTHORITY(.issuer = root);
	const struct pki_cert *look_alike = AUTHORITY(.issuer = root);
	const struct pki_cert *root_alike = AUTHORITY(.cn = NULL);
	const struct pki_cert *leaf = ISSUE(.issuer = good);
	struct judging j;

	judging_begin(&j, root, SENT(leaf, look_alike, good));
	judging_expect(&j, "valid");
	judging_begin(&j, root_alike, SENT(leaf, good));
	judging_expect(&j, "chain-untrusted");
	judging_trust(&j, root);
	judging_expect(&j, "valid");
	judging_begin(&j, root, SENT(leaf, look_alike));
	judging_expect(&j, "chain-untrusted");
}

/* An authority that changed its key keeps its name (RFC 5280 §6.1, self-issued). OpenSSL alone
 * takes the anchor for the issuer of what the new key signed. */
static void
an_authority_that_changed_its_key_is_followed_to_its_old_one(void **state)
{
#define KEY_IDS                                     \
	.cn = "Same", .extensions = {               \
		{"subjectKeyIdentifier", "hash"},   \
		{"authorityKeyIdentifier", "keyid"} \
	}
	const struct pki_cert *old =
		AUTHORITY(.cn = "Same", .extensions = {{"subjectKeyIdentifier", "hash"}});
	const struct pki_cert *new = AUTHORITY(.issuer = old, KEY_IDS);
	const struct pki_cert *newer = AUTHORITY(.issuer = new, KEY_IDS);
	struct judging j;

	judging_begin(&j, old, SENT(ISSUE(.issuer = new), new));
	judging_expect(&j, "valid");
	judging_begin(&j, old, SENT(ISSUE(.issuer = newer), newer, new));
	judging_expect(&j, "valid");
	judging_begin(&j, old, SENT(ISSUE(.issuer = newer), new, newer));
	judging_expect(&j, "valid");
}

static void
a_namesake_of_the_issuer_adds_no_fault_of_its_own(void **state)
{
	const struct pki_cert *issuer = AUTHORITY(.cn = "Issuer");
	const struct pki_cert *leaf = ISSUE(.issuer = issuer);
	const struct pki_recipe namesakes[] = {
		{.is_ca = true, .cn = "Issuer", PAST},
		{.is_ca = true, .cn = "Issuer", .key = PKI_RSA1024},
		{.is_ca = true, .cn = "Issuer", .extensions = {{"keyUsage", "cRLSign"}}},
		{.is_ca = true, .cn = "Issuer", .extensions = {{"basicConstraints", "CA:FALSE"}}},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(namesakes); i++) {
		const struct pki_cert *namesake = pki_issue(*state, &namesakes[i]);
		struct judging j;

		judging_begin(&j, NULL, SENT(leaf, namesake));
		judging_expect(&j, "chain-untrusted");
		judging_begin(&j, namesake, SENT(leaf, namesake));
		judging_expect(&j, "chain-untrusted");
		assert_int_equal(j.v.anchor, MT_ANCHOR_NONE);
	}
}

static void
the_order_of_what_was_sent_does_not_matter(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL);
	const struct pki_cert *upper = AUTHORITY(.cn = "Upper", .issuer = root);
	const struct pki_cert *lower = AUTHORITY(.cn = "Lower", .issuer = upper);
	const struct pki_cert *leaf = ISSUE(.issuer = lower);
	const struct pki_cert *stranger = AUTHORITY(.cn = "Stranger");
	struct judging j;

	judging_begin(&j, root, SENT(leaf, upper, lower));
	judging_expect(&j, "valid");
	judging_begin(&j, root, SENT(leaf, root, stranger, upper, lower, leaf));
	judging_expect(&j, "valid");
	judging_begin(&j, root, SENT(leaf, lower, lower, upper, upper, root, root));
	judging_expect(&j, "valid");
	judging_begin(&j, root, SENT(leaf, upper));
	judging_expect(&j, "chain-untrusted");
}

static void
a_path_ends_at_the_first_anchor_even_below_a_root(void **state)
{
	const struct pki_cert *root = AUTHORITY(PAST);
	const struct pki_cert *inter = AUTHORITY(.issuer = root);
	const struct pki_cert *leaf = ISSUE(.issuer = inter);
	struct judging j;

	judging_begin(&j, inter, SENT(leaf, inter, root));
	judging_expect(&j, "valid");
	judging_begin(&j, inter, SENT(leaf));
	judging_expect(&j, "valid");
	judging_begin(&j, root, SENT(leaf, inter));
	judging_expect(&j, "expired");
}

/* From root to leaf: the number of intermediates sent. */
static const char *
judge_chain_of(struct pki *pki, size_t intermediates)
{
	const struct pki_cert *root = pki_issue(pki, &(struct pki_recipe){.is_ca = true});
	const struct pki_cert *issuer = root, *sent[MT_CHAIN_MAX];
	struct judging j;

	for (size_t i = 0; i < intermediates; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "Number %zu", i);
		sent[i] = issuer = pki_issue(
			pki, &(struct pki_recipe){.is_ca = true, .issuer = issuer, .cn = name});
	}
	judging_begin(&j, root, SENT(pki_issue(pki, &(struct pki_recipe){.issuer = issuer})));
	for (size_t i = intermediates; i > 0; i--)
		judging_send(&j, sent[i - 1]);
	return judging_run(&j);
}

static void
a_chain_as_long_as_may_be_sent_is_followed_to_its_end(void **state)
{
	assert_string_equal(judge_chain_of(*state, 0), "valid");
	assert_string_equal(judge_chain_of(*state, 1), "valid");
	assert_string_equal(judge_chain_of(*state, MT_CHAIN_MAX - 1), "valid");
}

static void
authorities_that_issued_each_other_end_the_search(void **state)
{
	const struct pki_cert *a = AUTHORITY(.cn = "A");
	const struct pki_cert *b = AUTHORITY(.cn = "B");
	const struct pki_cert *a_by_b = AUTHORITY(.cn = "A", .issuer = b, .same_key = a);
	const struct pki_cert *b_by_a = AUTHORITY(.cn = "B", .issuer = a, .same_key = b);
	const struct pki_cert *leaf = ISSUE(.issuer = a);
	const struct pki_cert *root = AUTHORITY(.cn = "Root");
	const struct pki_cert *b_by_root = AUTHORITY(.cn = "B", .issuer = root, .same_key = b);
	struct judging j;

	judging_begin(&j, root, SENT(leaf, a_by_b, b_by_a));
	assert_quick(&j, "chain-untrusted");
	judging_begin(&j, root, SENT(leaf, a_by_b, b_by_a, b_by_root));
	assert_quick(&j, "valid");
}

/* Nine authorities of one name and one key: each issued each other, in nine factorial orders. */
static void
send_look_alikes(struct pki *pki, struct judging *j, const struct pki_cert *root, int64_t until_sec)
{
	const struct pki_cert *first = pki_issue(
		pki, &(struct pki_recipe){
			     .is_ca = true, .issuer = root, .cn = "Root", .same_key = root});
	const struct pki_recipe leaf = {
		.issuer = first, .from_sec = -30 * PKI_DAY, .until_sec = until_sec};

	judging_begin(j, NULL, SENT(pki_issue(pki, &leaf), first));
	while (j->request.n_chain < MT_CHAIN_MAX)
		judging_send(j, pki_issue(pki, &(struct pki_recipe){.is_ca = true,
								    .issuer = root,
								    .cn = "Root",
								    .same_key = root}));
}

static void
look_alikes_that_issued_each_other_cost_little(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = "Root");
	const struct pki_cert *strong = AUTHORITY(.cn = "Root", .key = PKI_RSA2048);
	struct judging j;

	send_look_alikes(*state, &j, root, PKI_DAY);
	assert_quick(&j, "chain-untrusted");
	/* every path reaches the anchor, and every one has the same fault */
	send_look_alikes(*state, &j, root, -1);
	judging_trust(&j, root);
	assert_quick(&j, "expired");
	send_look_alikes(*state, &j, strong, -1);
	judging_trust(&j, strong);
	assert_quick(&j, "expired");
	send_look_alikes(*state, &j, root, PKI_DAY);
	judging_trust(&j, root);
	assert_quick(&j, "valid");
}

/* first, and then n times one, to be freed. */
static char *
repeat(const char *first, const char *one, size_t n)
{
	char *text = malloc(strlen(first) + n * strlen(one) + 1), *at = text;

	assert_non_null(text);
	at = stpcpy(at, first);
	for (size_t i = 0; i < n; i++)
		at = stpcpy(at, one);
	return text;
}

/* A server with many names below authorities that look alike, each with many constraints. */
static void
send_names(struct pki *pki, struct judging *j, size_t names, size_t constraints, int64_t until_sec)
{
	const struct pki_cert *root = pki_issue(pki, &(struct pki_recipe){.is_ca = true});
	char *san = repeat("DNS:" PKI_HOST, ",DNS:a.test", names);
	char *nc = repeat("permitted;DNS:test", ",excluded;DNS:b", constraints);
	const struct pki_recipe authority = {.is_ca = true,
					     .issuer = root,
					     .cn = "Root",
					     .same_key = root,
					     .extensions = {{"nameConstraints", nc}}};
	const struct pki_recipe leaf = {.issuer = root,
					.from_sec = -PKI_DAY,
					.until_sec = until_sec,
					.extensions = {{"subjectAltName", san}}};

	judging_begin(j, root, SENT(pki_issue(pki, &leaf)));
	while (j->request.n_chain < MT_CHAIN_MAX)
		judging_send(j, pki_issue(pki, &authority));
	free(san);
	free(nc);
}

static void
many_names_below_many_constraints_cost_little(void **state)
{
	struct judging j;

	send_names(*state, &j, MT_SAN_MAX - 1, 250, PKI_DAY);
	assert_quick(&j, "valid");
	send_names(*state, &j, MT_SAN_MAX - 1, 250, -1);
	assert_quick(&j, "expired");
	send_names(*state, &j, MT_SAN_MAX - 1, 250, -1);
	j.request.n_anchors = 0;
	assert_quick(&j, "chain-untrusted expired");
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, pki_setup, pki_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_path_to_an_expired_root_does_not_hide_a_good_one),
		UNIT(a_bad_twin_of_an_intermediate_does_not_hide_the_good_one),
		UNIT(a_look_alike_with_another_key_does_not_hide_the_issuer),
		UNIT(an_authority_that_changed_its_key_is_followed_to_its_old_one),
		UNIT(a_namesake_of_the_issuer_adds_no_fault_of_its_own),
		UNIT(the_order_of_what_was_sent_does_not_matter),
		UNIT(a_path_ends_at_the_first_anchor_even_below_a_root),
		UNIT(a_chain_as_long_as_may_be_sent_is_followed_to_its_end),
		UNIT(authorities_that_issued_each_other_end_the_search),
		UNIT(look_alikes_that_issued_each_other_cost_little),
		UNIT(many_names_below_many_constraints_cost_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
