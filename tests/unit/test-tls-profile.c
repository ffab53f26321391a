/* SPDX-License-Identifier: MIT */
/* Cipher suites by class, as IANA and as OpenSSL write them; classes against profiles. */

#include "tests/cmocka-all.h"

#include "policy/tls-profile.h"

#define FORBIDDEN MT_CIPHER_CLASS_FORBIDDEN
#define SANE MT_CIPHER_CLASS_SANE
#define BCP195 MT_CIPHER_CLASS_BCP195
#define RECOMMENDED MT_CIPHER_CLASS_RECOMMENDED

/* A suite under both names, with and without encrypt-then-MAC. */
struct suite {
	const char *iana, *openssl;
	enum mt_cipher_class plain, etm;
};

static void
expect(const struct suite *suites, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *const names[] = {suites[i].iana, suites[i].openssl};

		for (size_t j = 0; j < 2; j++)
			if (mt_cipher_classify(names[j], false) != suites[i].plain ||
			    mt_cipher_classify(names[j], true) != suites[i].etm)
				fail_msg("%s is %d, and %d with encrypt-then-MAC", names[j],
					 mt_cipher_classify(names[j], false),
					 mt_cipher_classify(names[j], true));
	}
}

/* D-TLS-06, D-TLS-07 */
static void
the_seven_suites_of_the_lists_are_recommended(void **state)
{
	static const struct suite suites[] = {
		{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
		 RECOMMENDED, RECOMMENDED},
		{"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
		 RECOMMENDED, RECOMMENDED},
		{"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256",
		 RECOMMENDED, RECOMMENDED},
		{"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384",
		 RECOMMENDED, RECOMMENDED},
		{"TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", RECOMMENDED, RECOMMENDED},
		{"TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", RECOMMENDED, RECOMMENDED},
		{"TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", RECOMMENDED,
		 RECOMMENDED},
	};

	expect(suites, MT_ARRAY_SIZE(suites));
}

static void
forward_secret_aead_suites_are_good_enough_for_bcp195(void **state)
{
	static const struct suite suites[] = {
		{"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305",
		 BCP195, BCP195},
		{"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305",
		 BCP195, BCP195},
		{"TLS_ECDHE_ECDSA_WITH_AES_128_CCM", "ECDHE-ECDSA-AES128-CCM", BCP195, BCP195},
		{"TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_SHA256", BCP195, BCP195},
	};

	expect(suites, MT_ARRAY_SIZE(suites));
}

/* D-TLS-08: no static RSA, no static (EC)DH, no DHE, CBC only with encrypt-then-MAC. */
static void
what_bcp195_advises_against_is_merely_sane(void **state)
{
	static const struct suite suites[] = {
		{"TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256", SANE, SANE},
		{"TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA", SANE, SANE},
		{"TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256", "ECDH-RSA-AES128-GCM-SHA256", SANE, SANE},
		{"TLS_DH_RSA_WITH_AES_128_GCM_SHA256", "DH-RSA-AES128-GCM-SHA256", SANE, SANE},
		{"TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "DHE-RSA-AES128-GCM-SHA256", SANE, SANE},
		{"TLS_DHE_RSA_WITH_AES_128_CBC_SHA", "DHE-RSA-AES128-SHA", SANE, SANE},
		{"TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA", "DHE-RSA-CAMELLIA128-SHA", SANE, SANE},
		{"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA", SANE, BCP195},
		{"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256", SANE, BCP195},
		{"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", "ECDHE-ECDSA-AES256-SHA384", SANE,
		 BCP195},
	};

	expect(suites, MT_ARRAY_SIZE(suites));
}

/* D-TLS-05: NULL, RC4, export, anonymous, under 112 bits. */
static void
what_bcp195_forbids_is_forbidden(void **state)
{
	static const struct suite suites[] = {
		{"TLS_NULL_WITH_NULL_NULL", "NULL-MD5", FORBIDDEN, FORBIDDEN},
		{"TLS_RSA_WITH_NULL_SHA256", "NULL-SHA256", FORBIDDEN, FORBIDDEN},
		{"TLS_ECDHE_RSA_WITH_NULL_SHA", "ECDHE-RSA-NULL-SHA", FORBIDDEN, FORBIDDEN},
		{"TLS_RSA_WITH_RC4_128_SHA", "RC4-SHA", FORBIDDEN, FORBIDDEN},
		{"TLS_ECDHE_RSA_WITH_RC4_128_SHA", "ECDHE-RSA-RC4-SHA", FORBIDDEN, FORBIDDEN},
		{"TLS_RSA_EXPORT_WITH_DES40_CBC_SHA", "EXP-DES-CBC-SHA", FORBIDDEN, FORBIDDEN},
		{"TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5", "EXP-RC2-CBC-MD5", FORBIDDEN, FORBIDDEN},
		{"TLS_RSA_WITH_DES_CBC_SHA", "DES-CBC-SHA", FORBIDDEN, FORBIDDEN},
		{"TLS_RSA_WITH_3DES_EDE_CBC_SHA", "DES-CBC3-SHA", FORBIDDEN, FORBIDDEN},
		{"TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", "ECDHE-RSA-DES-CBC3-SHA", FORBIDDEN,
		 FORBIDDEN},
		{"TLS_DH_anon_WITH_AES_128_GCM_SHA256", "ADH-AES128-GCM-SHA256", FORBIDDEN,
		 FORBIDDEN},
		{"TLS_ECDH_anon_WITH_AES_128_CBC_SHA", "AECDH-AES128-SHA", FORBIDDEN, FORBIDDEN},
		{"TLS_RSA_WITH_SEED_CBC_SHA", "SEED-SHA", FORBIDDEN, FORBIDDEN},
		{"TLS_RSA_WITH_IDEA_CBC_SHA", "IDEA-CBC-SHA", FORBIDDEN, FORBIDDEN},
		{"TLS_PSK_WITH_AES_128_GCM_SHA256", "PSK-AES128-GCM-SHA256", FORBIDDEN, FORBIDDEN},
		{"TLS_SRP_SHA_WITH_AES_128_CBC_SHA", "SRP-AES-128-CBC-SHA", FORBIDDEN, FORBIDDEN},
	};

	expect(suites, MT_ARRAY_SIZE(suites));
}

static void
a_suite_nobody_knows_is_forbidden(void **state)
{
	static const char *const names[] = {"",       "none",   "TLS_FUTURE",
					    "0x1301", "(NONE)", "TLS_RSA_WITH_MAGMA_CTR_OMAC"};

	for (size_t i = 0; i < MT_ARRAY_SIZE(names); i++)
		assert_int_equal(mt_cipher_classify(names[i], true), FORBIDDEN);
}

static void
a_name_that_only_resembles_a_listed_one_is_not_on_the_list(void **state)
{
	assert_int_not_equal(mt_cipher_classify("TLS_AES_128_GCM_SHA2567", false), RECOMMENDED);
	assert_int_not_equal(mt_cipher_classify("TLS_AES_128_GCM", false), RECOMMENDED);
	assert_int_not_equal(mt_cipher_classify(" TLS_AES_128_GCM_SHA256", false), RECOMMENDED);
}

static void
every_class_against_every_profile(void **state)
{
	static const struct {
		enum mt_cipher_class class;
		bool meets[3]; /* sane, bcp195, recommended-only */
	} table[] = {
		{FORBIDDEN, {false, false, false}},
		{SANE, {true, false, false}},
		{BCP195, {true, true, false}},
		{RECOMMENDED, {true, true, true}},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(table); i++)
		for (uint8_t profile = MT_CIPHER_SANE; profile <= MT_CIPHER_RECOMMENDED_ONLY;
		     profile++)
			assert_int_equal(mt_cipher_class_meets(table[i].class, profile),
					 table[i].meets[profile]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_seven_suites_of_the_lists_are_recommended),
		cmocka_unit_test(forward_secret_aead_suites_are_good_enough_for_bcp195),
		cmocka_unit_test(what_bcp195_advises_against_is_merely_sane),
		cmocka_unit_test(what_bcp195_forbids_is_forbidden),
		cmocka_unit_test(a_suite_nobody_knows_is_forbidden),
		cmocka_unit_test(a_name_that_only_resembles_a_listed_one_is_not_on_the_list),
		cmocka_unit_test(every_class_against_every_profile),
	};

	return cmocka_run_group_tests_name("tls-profile", tests, NULL, NULL);
}
