/* SPDX-License-Identifier: MIT */
/* Stapled OCSP responses, and leaves that promise one (RFC 6960, RFC 7633). */

#include "tests/cmocka-all.h"

#include <string.h>

#include <openssl/ocsp.h>

#include "tests/unit/judging.h"

#define ISSUE(...) pki_issue(*state, &(struct pki_recipe){__VA_ARGS__})
#define AUTHORITY(...) ISSUE(.is_ca = true, __VA_ARGS__)
#define RESPONDER                                 \
	{                                         \
		"extendedKeyUsage", "OCSPSigning" \
	}
#define MUST_STAPLE                            \
	{                                      \
		"tlsfeature", "status_request" \
	}

/* A root, and a leaf of it that is sent; the root is trusted. */
struct pair {
	const struct pki_cert *root, *leaf;
};

static struct pair
begin(struct pki *pki, struct judging *j)
{
	struct pair pair;

	pair.root = pki_issue(pki, &(struct pki_recipe){.is_ca = true});
	pair.leaf = pki_issue(pki, &(struct pki_recipe){.issuer = pair.root});
	judging_begin(j, pair.root, SENT(pair.leaf));
	return pair;
}

/* Judges with this staple: "good", "revoked", or "none". */
static const char *
judge(struct judging *j, struct mt_bytes staple)
{
	j->request.staple = staple;
	judging_expect(j, "valid");
	assert_int_equal(j->v.staple_valid, j->v.revocation == MT_REVOCATION_GOOD);
	switch (j->v.revocation) {
	case MT_REVOCATION_GOOD:
		return "good";
	case MT_REVOCATION_REVOKED:
		return "revoked";
	case MT_REVOCATION_NOT_CHECKED:
		return "none";
	case MT_REVOCATION_UNKNOWN:
		break;
	}
	return "unknown";
}

/* Judges with a staple made of a recipe about the pair. */
static const char *
judge_recipe(struct pki *pki, struct judging *j, const struct pair *pair,
	     struct pki_staple_recipe recipe)
{
	recipe.subject = pair->leaf;
	recipe.issuer = pair->root;
	return judge(j, pki_staple(pki, &recipe));
}
#define STAPLED(...) judge_recipe(*state, &j, &pair, (struct pki_staple_recipe){__VA_ARGS__})

static void
a_staple_says_whether_the_leaf_was_revoked(void **state)
{
	struct judging j;
	struct pair pair = begin(*state, &j);

	assert_string_equal(STAPLED(.status = V_OCSP_CERTSTATUS_GOOD), "good");
	assert_string_equal(STAPLED(.status = V_OCSP_CERTSTATUS_REVOKED), "revoked");
	assert_string_equal(STAPLED(.status = V_OCSP_CERTSTATUS_UNKNOWN), "none");
	assert_string_equal(STAPLED(.id_by_sha256 = true), "good");
	assert_string_equal(STAPLED(.without_certificates = true), "good");
	assert_string_equal(judge(&j, (struct mt_bytes){NULL, 0}), "none");
}

static void
a_staple_counts_between_its_two_dates(void **state)
{
	struct judging j;
	struct pair pair = begin(*state, &j);

	assert_string_equal(STAPLED(.from_sec = -PKI_DAY, .until_sec = 0), "good");
	assert_string_equal(STAPLED(.from_sec = -PKI_DAY, .until_sec = -1), "none");
	assert_string_equal(STAPLED(.from_sec = 0, .until_sec = PKI_DAY), "good");
	/* the responder's clock may be five minutes ahead */
	assert_string_equal(STAPLED(.from_sec = 300, .until_sec = PKI_DAY), "good");
	assert_string_equal(STAPLED(.from_sec = 301, .until_sec = PKI_DAY), "none");
	assert_string_equal(STAPLED(.without_next_update = true), "none");
	assert_string_equal(
		STAPLED(.status = V_OCSP_CERTSTATUS_REVOKED, .from_sec = -PKI_DAY, .until_sec = -1),
		"none");
}

static void
a_staples_dates_are_judged_at_the_given_moment(void **state)
{
	struct judging j;
	struct pair pair = begin(*state, &j);

	assert_string_equal(STAPLED(.from_sec = 10 * PKI_DAY, .until_sec = 11 * PKI_DAY), "none");
	j.request.at_usec += 10 * PKI_DAY * MT_USEC_PER_SEC;
	assert_string_equal(judge(&j, j.request.staple), "good");
	j.request.at_usec += 2 * PKI_DAY * MT_USEC_PER_SEC;
	assert_string_equal(judge(&j, j.request.staple), "none");
}

static void
a_good_staple_bounds_how_long_the_judgement_lasts(void **state)
{
	struct judging j;
	struct pair pair = begin(*state, &j);

	assert_string_equal(STAPLED(.from_sec = 0, .until_sec = PKI_DAY), "good");
	assert_int_equal(j.v.not_after_usec, (PKI_NOW_SEC + PKI_DAY + 1) * MT_USEC_PER_SEC);
	assert_string_equal(STAPLED(.from_sec = 0, .until_sec = 90 * PKI_DAY), "good");
	assert_int_equal(j.v.not_after_usec, (PKI_NOW_SEC + 30 * PKI_DAY + 1) * MT_USEC_PER_SEC);
}

static void
a_staple_about_another_certificate_is_none(void **state)
{
	struct judging j;
	struct pair pair = begin(*state, &j);
	const struct pki_cert *sibling = ISSUE(.issuer = pair.root);
	const struct pki_cert *namesake = AUTHORITY(.cn = NULL);
	const struct pki_staple_recipe recipes[] = {
		{.subject = sibling, .issuer = pair.root},
		/* the same serial and issuer name, of another issuer's key */
		{.subject = pair.leaf, .issuer = namesake, .signer = pair.root},
		{.subject = pair.leaf, .issuer = namesake},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(recipes); i++)
		assert_string_equal(judge(&j, pki_staple(*state, &recipes[i])), "none");
	assert_string_equal(STAPLED(.signer = NULL), "good");
}

static void
a_staple_is_signed_by_the_issuer_or_by_whom_it_authorised(void **state)
{
	struct judging j;
	struct pair pair = begin(*state, &j);
	const struct pki_cert *delegate =
		ISSUE(.issuer = pair.root, .cn = "Responder", .extensions = {RESPONDER});
	const struct pki_cert *unauthorised = ISSUE(.issuer = pair.root, .cn = "Responder");
	const struct pki_cert *stranger = AUTHORITY(.cn = "Stranger");
	const struct pki_cert *strangers =
		ISSUE(.issuer = stranger, .cn = "Responder", .extensions = {RESPONDER});
	const struct pki_cert *namesake = AUTHORITY(.cn = NULL);

	assert_string_equal(STAPLED(.signer = pair.root), "good");
	assert_string_equal(STAPLED(.signer = delegate), "good");
	assert_string_equal(STAPLED(.signer = delegate, .status = V_OCSP_CERTSTATUS_REVOKED),
			    "revoked");
	/* its certificate must come with it */
	assert_string_equal(STAPLED(.signer = delegate, .without_certificates = true), "none");
	assert_string_equal(STAPLED(.signer = unauthorised), "none");
	assert_string_equal(STAPLED(.signer = pair.leaf), "none");
	assert_string_equal(STAPLED(.signer = stranger), "none");
	assert_string_equal(STAPLED(.signer = strangers), "none");
	assert_string_equal(STAPLED(.signer = namesake), "none");
	assert_string_equal(STAPLED(.signer = strangers, .status = V_OCSP_CERTSTATUS_REVOKED),
			    "none");
}

/* Only the issuer itself may name a responder, not somebody below it (RFC 6960 §4.2.2.2). */
static void
a_responder_is_authorised_by_the_issuer_directly_and_while_it_lasts(void **state)
{
	struct judging j;
	struct pair pair = begin(*state, &j);
	const struct pki_cert *below = AUTHORITY(.issuer = pair.root, .cn = "Below");
	const struct pki_cert *indirect =
		ISSUE(.issuer = below, .cn = "Responder", .extensions = {RESPONDER});
	const struct pki_cert *late =
		ISSUE(.issuer = pair.root, .cn = "Responder", .extensions = {RESPONDER},
		      .from_sec = -2 * PKI_DAY, .until_sec = -PKI_DAY);

	assert_string_equal(STAPLED(.signer = indirect), "none");
	assert_string_equal(STAPLED(.signer = late), "none");
}

static void
the_issuer_of_the_leaf_answers_and_not_the_root(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL), *inter = AUTHORITY(.issuer = root);
	struct pair pair = {inter, ISSUE(.issuer = inter)};
	struct judging j;

	judging_begin(&j, root, SENT(pair.leaf, inter));
	assert_string_equal(STAPLED(.signer = inter), "good");
	assert_string_equal(STAPLED(.signer = root), "none");
}

static void
bytes_that_are_no_staple_are_none(void **state)
{
	static const uint8_t try_later[] = {0x30, 0x03, 0x0a, 0x01, 0x03};
	struct judging j;
	struct pair pair = begin(*state, &j);
	struct mt_bytes good;

	assert_string_equal(STAPLED(.status = V_OCSP_CERTSTATUS_GOOD), "good");
	good = j.request.staple;
	for (size_t size = 0; size < good.size; size++)
		assert_string_equal(judge(&j, (struct mt_bytes){good.data, size}), "none");
	good.data = pki_copy(*state, good, 1);
	assert_string_equal(judge(&j, (struct mt_bytes){good.data, good.size + 1}), "none");
	assert_string_equal(judge(&j, pair.leaf->der), "none");
	assert_string_equal(judge(&j, (struct mt_bytes){try_later, sizeof(try_later)}), "none");
}

/* Whatever bit is turned, nothing but the same answer or none comes of it. */
static void
a_staple_with_a_bit_turned_says_nothing_else(void **state)
{
	struct judging j;
	struct pair pair = begin(*state, &j);
	struct mt_bytes staple;
	uint8_t *copy;

	assert_string_equal(
		STAPLED(.status = V_OCSP_CERTSTATUS_REVOKED, .without_certificates = true),
		"revoked");
	staple = j.request.staple;
	copy = pki_copy(*state, staple, 0);
	for (size_t i = 0; i < staple.size; i++) {
		copy[i] ^= 1;
		assert_string_not_equal(judge(&j, (struct mt_bytes){copy, staple.size}), "good");
		copy[i] ^= 1;
	}
}

static void
a_leaf_may_promise_a_staple(void **state)
{
	static const struct {
		const char *feature;
		bool promised;
	} rows[] = {
		{"status_request", true},
		{"status_request,status_request_v2", true},
		{"critical,status_request", true},
		{"status_request_v2", false},
		{NULL, false},
		/* what cannot be read may be a promise */
		{"DER:0500", true},
		{"DER:3003020105ff", true},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		struct judging j;
		struct pair pair = begin(*state, &j);

		pair.leaf =
			ISSUE(.issuer = pair.root, .extensions = {{"tlsfeature", rows[i].feature}});
		judging_begin(&j, pair.root, SENT(pair.leaf));
		(void)judging_run(&j);
		if (j.v.must_staple != rows[i].promised)
			fail_msg("%s", rows[i].feature);
		assert_false(j.v.staple_valid);
	}
}

static void
a_promise_is_kept_by_a_good_staple_only(void **state)
{
	struct judging j;
	struct pair pair = begin(*state, &j);

	pair.leaf = ISSUE(.issuer = pair.root, .extensions = {MUST_STAPLE});
	judging_begin(&j, pair.root, SENT(pair.leaf));
	assert_string_equal(STAPLED(.status = V_OCSP_CERTSTATUS_GOOD), "good");
	assert_true(j.v.must_staple && j.v.staple_valid);
	assert_string_equal(STAPLED(.status = V_OCSP_CERTSTATUS_UNKNOWN), "none");
	assert_true(j.v.must_staple && !j.v.staple_valid);
	assert_string_equal(STAPLED(.from_sec = -2, .until_sec = -1), "none");
	assert_true(j.v.must_staple && !j.v.staple_valid);
}

static void
a_staple_without_a_known_issuer_is_none(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL), *leaf = ISSUE(.issuer = root);
	const struct pki_staple_recipe recipe = {.subject = leaf, .issuer = root};
	struct judging j;

	judging_begin(&j, NULL, SENT(leaf));
	j.request.staple = pki_staple(*state, &recipe);
	judging_expect(&j, "chain-untrusted");
	assert_int_equal(j.v.revocation, MT_REVOCATION_NOT_CHECKED);
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, pki_setup, pki_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_staple_says_whether_the_leaf_was_revoked),
		UNIT(a_staple_counts_between_its_two_dates),
		UNIT(a_staples_dates_are_judged_at_the_given_moment),
		UNIT(a_good_staple_bounds_how_long_the_judgement_lasts),
		UNIT(a_staple_about_another_certificate_is_none),
		UNIT(a_staple_is_signed_by_the_issuer_or_by_whom_it_authorised),
		UNIT(a_responder_is_authorised_by_the_issuer_directly_and_while_it_lasts),
		UNIT(the_issuer_of_the_leaf_answers_and_not_the_root),
		UNIT(bytes_that_are_no_staple_are_none),
		UNIT(a_staple_with_a_bit_turned_says_nothing_else),
		UNIT(a_leaf_may_promise_a_staple),
		UNIT(a_promise_is_kept_by_a_good_staple_only),
		UNIT(a_staple_without_a_known_issuer_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
