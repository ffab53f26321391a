/* SPDX-License-Identifier: MIT */
/* TLSA records against chains (RFC 6698, RFC 7671). */

#include "tests/cmocka-all.h"

#include <string.h>

#include <openssl/evp.h>

#include "tests/unit/judging.h"

#define ISSUE(...) pki_issue(*state, &(struct pki_recipe){__VA_ARGS__})
#define AUTHORITY(...) ISSUE(.is_ca = true, __VA_ARGS__)
#define PAST .from_sec = -2 * PKI_DAY, .until_sec = -PKI_DAY

/* What a record of this selector and matching type says of a certificate (RFC 6698 §2.1). */
static struct mt_bytes
data_of(struct pki *pki, const struct pki_cert *cert, int selector, int matching)
{
	unsigned char *key = NULL, digest[EVP_MAX_MD_SIZE];
	int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert->x509), &key);
	struct mt_bytes data = selector == 0 ? cert->der : (struct mt_bytes){key, (size_t)size};
	unsigned int digest_size = 0;

	if (matching != 0) {
		assert_int_equal(EVP_Digest(data.data, data.size, digest, &digest_size,
					    matching == 1 ? EVP_sha256() : EVP_sha512(), NULL),
				 1);
		data = (struct mt_bytes){digest, digest_size};
	}
	data.data = pki_copy(pki, data, 0);
	OPENSSL_free(key);
	return data;
}

static void
publish(struct pki *pki, struct judging *j, int usage, int selector, int matching,
	const struct pki_cert *cert)
{
	judging_tlsa(j, usage, selector, matching, data_of(pki, cert, selector, matching));
}
#define PUBLISH(j, usage, selector, matching, cert) \
	publish(*state, j, usage, selector, matching, cert)

/* No certificate of any test. */
static struct mt_bytes
digest_of_nothing(size_t size)
{
	static const uint8_t zero[65] = {0};

	return (struct mt_bytes){zero, size};
}

static bool
matches(struct judging *j)
{
	(void)judging_run(j);
	assert_int_equal(j->v.state, MT_VALIDATION_DONE);
	return j->v.dane_matched;
}

static void
an_end_entity_record_matches_the_leaf_or_its_key(void **state)
{
	const struct pki_cert *leaf = ISSUE(.cn = NULL), *other = ISSUE(.cn = NULL);

	for (int selector = 0; selector < 2; selector++)
		for (int matching = 0; matching < 3; matching++) {
			struct judging j;

			judging_begin(&j, NULL, SENT(leaf));
			PUBLISH(&j, 3, selector, matching, leaf);
			judging_expect(&j, "chain-untrusted");
			assert_true(j.v.dane_matched);
			assert_int_equal(j.v.dane_usable, 1);
			assert_int_equal(j.v.dane_usage, 3);
			assert_int_equal(j.v.dane_id.type, MT_REFID_DANE_EE);
			assert_string_equal(j.v.dane_id.value, PKI_HOST);
			judging_begin(&j, NULL, SENT(other));
			PUBLISH(&j, 3, selector, matching, leaf);
			assert_false(matches(&j));
			assert_int_equal(j.v.dane_usable, 1);
		}
}

static void
an_end_entity_record_asks_for_no_date_name_or_path(void **state)
{
	const struct pki_recipe leaves[] = {
		{PAST},
		{.from_sec = PKI_DAY, .until_sec = 2 * PKI_DAY},
		{.names = {PKI_DNS("other.test")}},
		{.extensions = {{"subjectAltName", NULL}}},
		{.is_v1 = true},
		{.key = PKI_RSA1024, .digest = PKI_MD5},
		{.extensions = {{"extendedKeyUsage", "clientAuth"}}},
		{.extensions = {{"1.2.3.4", "critical,DER:0500"}}},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(leaves); i++) {
		const struct pki_cert *leaf = pki_issue(*state, &leaves[i]);
		struct judging j;

		judging_begin(&j, NULL, SENT(leaf));
		PUBLISH(&j, 3, 1, 1, leaf);
		assert_true(matches(&j));
		assert_false(j.v.pkix_valid);
	}
}

static void
an_end_entity_record_matches_nothing_above_the_leaf(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL), *leaf = ISSUE(.issuer = root);
	struct judging j;

	judging_begin(&j, root, SENT(leaf, root));
	PUBLISH(&j, 3, 1, 1, root);
	judging_expect(&j, "valid");
	assert_false(j.v.dane_matched);
}

static void
a_trust_anchor_record_matches_what_issued_the_leaf(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL), *inter = AUTHORITY(.issuer = root);
	const struct pki_cert *leaf = ISSUE(.issuer = inter);

	for (int selector = 0; selector < 2; selector++)
		for (int matching = 0; matching < 3; matching++) {
			struct judging j;

			judging_begin(&j, NULL, SENT(leaf, inter, root));
			PUBLISH(&j, 2, selector, matching, root);
			judging_expect(&j, "chain-untrusted");
			assert_true(j.v.dane_matched);
			assert_int_equal(j.v.dane_usage, 2);
			assert_int_equal(j.v.dane_id.type, MT_REFID_DNS);
			assert_string_equal(j.v.dane_id.value, PKI_HOST);
			judging_begin(&j, NULL, SENT(leaf, inter));
			PUBLISH(&j, 2, selector, matching, inter);
			assert_true(matches(&j));
			judging_begin(&j, NULL, SENT(leaf, inter));
			PUBLISH(&j, 2, selector, matching, leaf);
			assert_false(matches(&j));
		}
}

static void
an_anchor_that_is_not_sent_must_stand_in_the_record_whole(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL), *inter = AUTHORITY(.issuer = root);
	const struct pki_cert *leaf = ISSUE(.issuer = inter);

	for (int selector = 0; selector < 2; selector++)
		for (int matching = 0; matching < 3; matching++) {
			struct judging j;

			judging_begin(&j, NULL, SENT(leaf, inter));
			PUBLISH(&j, 2, selector, matching, root);
			assert_int_equal(matches(&j), matching == 0);
			/* the whole of what issued the leaf itself */
			judging_begin(&j, NULL, SENT(leaf));
			PUBLISH(&j, 2, selector, matching, inter);
			assert_int_equal(matches(&j), matching == 0);
		}
}

static void
an_anchor_that_did_not_issue_the_leaf_matches_nothing(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL), *stranger = AUTHORITY(.cn = NULL);
	const struct pki_cert *leaf = ISSUE(.issuer = root);
	struct judging j;

	judging_begin(&j, root, SENT(leaf, root, stranger));
	PUBLISH(&j, 2, 0, 1, stranger);
	judging_expect(&j, "valid");
	assert_false(j.v.dane_matched);
	judging_begin(&j, root, SENT(leaf));
	PUBLISH(&j, 2, 0, 0, stranger);
	assert_false(matches(&j));
	/* the anchors of this machine have no part in it */
	judging_begin(&j, root, SENT(leaf));
	PUBLISH(&j, 2, 0, 1, root);
	assert_false(matches(&j));
}

static void
below_a_trust_anchor_record_dates_and_usages_hold(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL);
	const struct pki_recipe leaves[] = {
		{.issuer = root, PAST},
		{.issuer = root, .from_sec = PKI_DAY, .until_sec = 2 * PKI_DAY},
		{.issuer = root, .extensions = {{"extendedKeyUsage", "clientAuth"}}},
		{.issuer = root, .extensions = {{"1.2.3.4", "critical,DER:0500"}}},
	};
	const struct pki_cert *no_ca = AUTHORITY(.issuer = root, .cn = "No CA",
						 .extensions = {{"basicConstraints", "CA:FALSE"}});
	const struct pki_cert *narrow =
		AUTHORITY(.issuer = root, .cn = "Narrow",
			  .extensions = {{"nameConstraints", "permitted;DNS:other.test"}});
	const struct pki_cert *between[] = {no_ca, narrow};
	struct judging j;

	for (size_t i = 0; i < MT_ARRAY_SIZE(leaves); i++) {
		judging_begin(&j, NULL, SENT(pki_issue(*state, &leaves[i]), root));
		PUBLISH(&j, 2, 1, 1, root);
		assert_false(matches(&j));
	}
	for (size_t i = 0; i < MT_ARRAY_SIZE(between); i++) {
		judging_begin(&j, NULL, SENT(ISSUE(.issuer = between[i]), between[i], root));
		PUBLISH(&j, 2, 1, 1, root);
		assert_false(matches(&j));
	}
	judging_begin(&j, NULL, SENT(ISSUE(.issuer = root), root));
	PUBLISH(&j, 2, 1, 1, root);
	assert_true(matches(&j));
}

static void
below_a_trust_anchor_record_a_name_must_match(void **state)
{
	const struct mt_reference service = {.discovery = MT_DISCOVERY_SRV,
					     .dnssec = MT_DNSSEC_SECURE,
					     .host = "mail.other.test",
					     .address_domain = "example.test",
					     .label = "_imaps"};
	const struct pki_cert *root = AUTHORITY(.cn = NULL);
	const struct pki_cert *wrong = ISSUE(.issuer = root, .names = {PKI_DNS("wrong.test")});
	const struct pki_cert *target =
		ISSUE(.issuer = root, .names = {PKI_DNS("mail.other.test")});
	const struct pki_cert *domain = ISSUE(.issuer = root, .names = {PKI_DNS("example.test")});
	const struct pki_cert *const leaves[] = {wrong, target, domain};
	static const char *const matched[] = {NULL, "mail.other.test", "example.test"};

	for (size_t i = 0; i < MT_ARRAY_SIZE(leaves); i++) {
		struct judging j;

		judging_begin(&j, NULL, SENT(leaves[i], root));
		judging_refer(&j, &service);
		PUBLISH(&j, 2, 1, 1, root);
		assert_int_equal(matches(&j), matched[i] != NULL);
		if (matched[i])
			assert_string_equal(j.v.dane_id.value, matched[i]);
	}
}

/* The domain's owner chose the anchor: what the web's authorities agreed on is not asked of it. */
static void
below_a_trust_anchor_record_only_the_standard_itself_is_asked(void **state)
{
	const struct pki_cert *small = AUTHORITY(.key = PKI_RSA1024);
	const struct pki_cert *root = AUTHORITY(.cn = NULL);
	const struct pki_recipe leaves[] = {
		{.issuer = root, .serial = "0"},
		{.issuer = root, .cn = ""},
		{.issuer = root, .names = {PKI_DNS("no host"), PKI_DNS(PKI_HOST)}},
		{.issuer = root, .key = PKI_P224},
		{.issuer = small},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(leaves); i++) {
		struct judging j;

		judging_begin(&j, leaves[i].issuer,
			      SENT(pki_issue(*state, &leaves[i]), leaves[i].issuer));
		PUBLISH(&j, 2, 0, 1, leaves[i].issuer);
		assert_true(matches(&j));
		assert_false(j.v.pkix_valid);
	}
}

static void
a_sha_1_signature_below_a_trust_anchor_record_is_still_too_weak(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL);
	struct judging j;

	judging_begin(&j, NULL, SENT(ISSUE(.issuer = root, .digest = PKI_SHA1), root));
	PUBLISH(&j, 2, 0, 1, root);
	assert_false(matches(&j));
}

static void
pkix_usages_are_unusable_and_pkix_decides(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL), *leaf = ISSUE(.issuer = root);
	struct judging j;

	judging_begin(&j, root, SENT(leaf, root));
	PUBLISH(&j, 1, 1, 1, leaf);
	PUBLISH(&j, 0, 1, 1, root);
	PUBLISH(&j, 4, 1, 1, leaf);
	PUBLISH(&j, 255, 1, 1, leaf);
	judging_expect(&j, "valid");
	assert_int_equal(j.v.dane_usable, 0);
	assert_false(j.v.dane_matched);
}

static void
a_record_of_unknown_form_is_ignored_and_a_good_one_beside_it_matches(void **state)
{
	const struct pki_cert *leaf = ISSUE(.cn = NULL);
	struct judging j;

	judging_begin(&j, NULL, SENT(leaf));
	judging_tlsa(&j, 3, 2, 1, data_of(*state, leaf, 1, 1));
	judging_tlsa(&j, 3, 1, 9, data_of(*state, leaf, 1, 1));
	judging_tlsa(&j, 3, 1, 1, digest_of_nothing(31));
	judging_tlsa(&j, 3, 1, 1, digest_of_nothing(33));
	judging_tlsa(&j, 3, 1, 2, digest_of_nothing(32));
	judging_tlsa(&j, 3, 1, 2, digest_of_nothing(65));
	judging_tlsa(&j, 3, 0, 0, digest_of_nothing(0));
	judging_tlsa(&j, 3, 0, 0, digest_of_nothing(40));
	judging_tlsa(&j, 2, 1, 0, digest_of_nothing(40));
	judging_tlsa(&j, 2, 0, 0, digest_of_nothing(40));
	assert_false(matches(&j));
	assert_int_equal(j.v.dane_usable, 0);
	PUBLISH(&j, 3, 1, 1, leaf);
	assert_true(matches(&j));
	assert_int_equal(j.v.dane_usable, 1);
}

static void
a_full_record_with_a_byte_too_many_or_too_few_is_unusable(void **state)
{
	const struct pki_cert *leaf = ISSUE(.cn = NULL);

	for (int usage = 2; usage < 4; usage++)
		for (int selector = 0; selector < 2; selector++) {
			struct mt_bytes data = data_of(*state, leaf, selector, 0);
			struct judging j;

			judging_begin(&j, NULL, SENT(leaf));
			judging_tlsa(&j, usage, selector, 0,
				     (struct mt_bytes){data.data, data.size - 1});
			judging_tlsa(&j, usage, selector, 0,
				     (struct mt_bytes){pki_copy(*state, data, 1), data.size + 1});
			assert_false(matches(&j));
			assert_int_equal(j.v.dane_usable, 0);
		}
}

static void
of_each_usage_and_selector_only_the_strongest_digest_counts(void **state)
{
	const struct pki_cert *leaf = ISSUE(.cn = NULL);
	struct judging j;

	judging_begin(&j, NULL, SENT(leaf));
	PUBLISH(&j, 3, 1, 1, leaf);
	judging_tlsa(&j, 3, 1, 2, digest_of_nothing(64));
	assert_false(matches(&j));
	assert_int_equal(j.v.dane_usable, 2);
	/* full data, another selector and an unusable record stand outside of it */
	PUBLISH(&j, 3, 1, 0, leaf);
	assert_true(matches(&j));
	judging_begin(&j, NULL, SENT(leaf));
	PUBLISH(&j, 3, 1, 1, leaf);
	judging_tlsa(&j, 3, 0, 2, digest_of_nothing(64));
	judging_tlsa(&j, 2, 1, 2, digest_of_nothing(64));
	judging_tlsa(&j, 3, 1, 2, digest_of_nothing(63));
	assert_true(matches(&j));
}

static void
one_of_several_records_is_enough(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL), *leaf = ISSUE(.issuer = root);
	struct judging j;

	judging_begin(&j, NULL, SENT(leaf, root));
	judging_tlsa(&j, 3, 1, 1, digest_of_nothing(32));
	judging_tlsa(&j, 2, 0, 1, digest_of_nothing(32));
	assert_false(matches(&j));
	PUBLISH(&j, 2, 1, 1, root);
	assert_true(matches(&j));
	assert_int_equal(j.v.dane_usage, 2);
	PUBLISH(&j, 3, 1, 1, leaf);
	assert_true(matches(&j));
	assert_int_equal(j.v.dane_usage, 3);
}

static void
records_that_are_not_secure_are_not_looked_at(void **state)
{
	const struct pki_cert *leaf = ISSUE(.cn = NULL);
	struct judging j;

	judging_begin(&j, NULL, SENT(leaf));
	PUBLISH(&j, 3, 1, 1, leaf);
	assert_true(matches(&j));
	for (int status = 0; status < MT_TLSA_STATUS_COUNT; status++) {
		j.request.tlsa.status = (enum mt_tlsa_status)status;
		assert_int_equal(matches(&j), status == MT_TLSA_SECURE);
		assert_int_equal(j.v.dane_usable, status == MT_TLSA_SECURE);
	}
	j.request.tlsa.status = MT_TLSA_SECURE;
	j.request.tlsa.n = 0;
	assert_false(matches(&j));
	assert_int_equal(j.v.dane_usable, 0);
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, pki_setup, pki_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(an_end_entity_record_matches_the_leaf_or_its_key),
		UNIT(an_end_entity_record_asks_for_no_date_name_or_path),
		UNIT(an_end_entity_record_matches_nothing_above_the_leaf),
		UNIT(a_trust_anchor_record_matches_what_issued_the_leaf),
		UNIT(an_anchor_that_is_not_sent_must_stand_in_the_record_whole),
		UNIT(an_anchor_that_did_not_issue_the_leaf_matches_nothing),
		UNIT(below_a_trust_anchor_record_dates_and_usages_hold),
		UNIT(below_a_trust_anchor_record_a_name_must_match),
		UNIT(below_a_trust_anchor_record_only_the_standard_itself_is_asked),
		UNIT(a_sha_1_signature_below_a_trust_anchor_record_is_still_too_weak),
		UNIT(pkix_usages_are_unusable_and_pkix_decides),
		UNIT(a_record_of_unknown_form_is_ignored_and_a_good_one_beside_it_matches),
		UNIT(a_full_record_with_a_byte_too_many_or_too_few_is_unusable),
		UNIT(of_each_usage_and_selector_only_the_strongest_digest_counts),
		UNIT(one_of_several_records_is_enough),
		UNIT(records_that_are_not_secure_are_not_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
