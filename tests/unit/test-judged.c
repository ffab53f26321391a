/* SPDX-License-Identifier: MIT */
/* From certificates to the verdict: what the judge finds is what decides. */

#include "tests/cmocka-all.h"

#include <string.h>

#include <openssl/ocsp.h>

#include "tests/unit/case.h"
#include "tests/unit/judging.h"

#define ISSUE(...) pki_issue(*state, &(struct pki_recipe){__VA_ARGS__})
#define AUTHORITY(...) ISSUE(.is_ca = true, __VA_ARGS__)
#define PAST .from_sec = -2 * PKI_DAY, .until_sec = -PKI_DAY
#define VALID "allow/1 [cert.pkix-valid, conf.met]"

/* The text of the verdict on a judgement; field and value are of the account's policy, or NULL. */
static const char *
decide_with(struct judging *j, const char *field, const char *value)
{
	struct test_case c;

	(void)judging_run(j);
	case_init(&c);
	c.val = j->v;
	c.tlsa = j->request.tlsa;
	memcpy(c.ev.leaf_sha256, j->v.leaf_sha256, sizeof(c.ev.leaf_sha256));
	if (field)
		case_set(&c, field, value);
	(void)case_decide(&c);
	return case_text(&c);
}
#define expect(j, text) assert_string_equal(decide_with(j, NULL, NULL), text)
#define expect_with(j, field, value, text) assert_string_equal(decide_with(j, field, value), text)

/* A digest of the leaf, and one that is none. */
static void
publish(struct pki *pki, struct judging *j, int usage, const struct pki_cert *cert)
{
	uint8_t digest[32] = {0};

	if (cert)
		assert_int_equal(X509_digest(cert->x509, EVP_sha256(), digest, NULL), 1);
	judging_tlsa(j, usage, 0, 1,
		     (struct mt_bytes){pki_copy(pki, (struct mt_bytes){digest, 32}, 0), 32});
}

static void
each_fault_of_a_chain_denies_by_its_name(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL);
	const struct {
		struct pki_recipe leaf;
		const char *verdict;
	} rows[] = {
		{{.issuer = root}, VALID},
		{{.issuer = root, PAST}, "deny/0 [cert.expired, pin.not-offered-existing]"},
		{{.issuer = root, .from_sec = 1, .until_sec = 2}, "deny/0 [cert.not-yet-valid]"},
		{{.issuer = root, .names = {PKI_DNS("other.test")}},
		 "deny/0 [cert.identity-mismatch, pin.not-offered-existing]"},
		{{.issuer = root, .cn = PKI_HOST, .extensions = {{"subjectAltName", NULL}}},
		 "deny/0 [cert.identity-mismatch, cert.cn-only, pin.not-offered-existing]"},
		{{.issuer = root, .extensions = {{"extendedKeyUsage", "clientAuth"}}},
		 "deny/0 [cert.constraint-violation]"},
		{{.issuer = root, .key = PKI_RSA1024}, "deny/0 [cert.weak-crypto]"},
		{{.issuer = root, .key = PKI_P192}, "deny/0 [cert.weak-crypto]"},
		{{.issuer = root, .extensions = {{"keyUsage", "DER:0500"}}},
		 "deny/0 [cert.malformed]"},
		{{.cn = "Alone"}, "deny/0 [cert.chain-untrusted, pin.not-offered-existing]"},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		struct judging j;

		judging_begin(&j, root, SENT(pki_issue(*state, &rows[i].leaf)));
		expect(&j, rows[i].verdict);
	}
}

static void
an_untrusted_chain_is_named_before_a_wrong_name(void **state)
{
	struct judging j;

	judging_begin(&j, NULL, SENT(ISSUE(.names = {PKI_DNS("other.test")})));
	expect(&j, "deny/0 [cert.chain-untrusted, cert.identity-mismatch, "
		   "pin.not-offered-existing]");
}

static void
eleven_certificates_are_malformed_whatever_the_policy(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL);
	struct judging j;

	judging_begin(&j, root, SENT(ISSUE(.issuer = root)));
	j.request.n_chain = MT_CHAIN_MAX + 1;
	expect(&j, "deny/0 [cert.malformed]");
	expect_with(&j, "min_conf", "off", "deny/0 [cert.malformed]");
}

static void
anchors_outside_of_the_policy_are_untrusted(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL);
	struct judging j;

	judging_begin(&j, root, SENT(ISSUE(.issuer = root)));
	expect(&j, VALID);
	j.request.allowed_anchors.is_set = true;
	expect(&j, "deny/0 [cert.chain-untrusted, pin.not-offered-existing]");
}

static void
a_staple_that_says_revoked_denies_whatever_the_policy(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL), *leaf = ISSUE(.issuer = root);
	struct pki_staple_recipe recipe = {
		.subject = leaf, .issuer = root, .status = V_OCSP_CERTSTATUS_REVOKED};
	struct judging j;

	judging_begin(&j, root, SENT(leaf));
	j.request.staple = pki_staple(*state, &recipe);
	expect(&j, "deny/0 [cert.revoked]");
	expect_with(&j, "min_conf", "off", "deny/0 [cert.revoked]");
	recipe.status = V_OCSP_CERTSTATUS_GOOD;
	j.request.staple = pki_staple(*state, &recipe);
	expect(&j, VALID);
	expect_with(&j, "revocation", "hard", VALID);
	j.request.staple.size = 0;
	expect_with(&j, "revocation", "hard", "deny/0 [cert.revocation-unknown]");
}

static void
a_promised_staple_that_is_missing_denies(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL);
	const struct pki_cert *leaf =
		ISSUE(.issuer = root, .extensions = {{"tlsfeature", "status_request"}});
	const struct pki_staple_recipe good = {.subject = leaf, .issuer = root};
	const struct pki_staple_recipe stale = {
		.subject = leaf, .issuer = root, .from_sec = -2, .until_sec = -1};
	struct judging j;

	judging_begin(&j, root, SENT(leaf));
	expect(&j, "deny/0 [cert.staple-missing]");
	j.request.staple = pki_staple(*state, &stale);
	expect(&j, "deny/0 [cert.staple-missing]");
	j.request.staple = pki_staple(*state, &good);
	expect(&j, VALID);
}

static void
a_private_chain_counts_by_a_signed_record_only(void **state)
{
	const struct pki_cert *leaf = ISSUE(PAST, .names = {PKI_DNS("other.test")});
	struct judging j;

	judging_begin(&j, NULL, SENT(leaf));
	publish(*state, &j, 3, leaf);
	expect(&j, "allow/1 [dane.matched, cert.chain-untrusted, cert.expired, "
		   "cert.identity-mismatch, conf.met]");
	expect_with(&j, "proof", "pkix",
		    "deny/0 [dane.matched, cert.chain-untrusted, cert.expired, "
		    "cert.identity-mismatch, pin.not-offered-existing]");
	j.request.tlsa.status = MT_TLSA_INSECURE;
	expect(&j, "deny/0 [cert.chain-untrusted, cert.expired, cert.identity-mismatch, "
		   "pin.not-offered-existing]");
	j.request.tlsa.status = MT_TLSA_BOGUS;
	expect(&j, "deny/0 [dane.bogus]");
	j.request.tlsa.status = MT_TLSA_UNDETERMINED;
	expect(&j, "deny/0 [dane.undetermined]");
}

static void
a_usable_record_that_does_not_match_vetoes_a_valid_chain(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL), *leaf = ISSUE(.issuer = root);
	struct judging j;

	judging_begin(&j, root, SENT(leaf));
	publish(*state, &j, 3, NULL);
	expect(&j, "deny/0 [dane.mismatch]");
	expect_with(&j, "min_conf", "off", "deny/0 [dane.mismatch]");
	publish(*state, &j, 3, leaf);
	expect(&j, "allow/1 [dane.matched, cert.pkix-valid, conf.met]");
}

static void
below_a_published_anchor_a_wrong_name_or_date_is_a_mismatch(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL);
	const struct pki_recipe leaves[] = {{.issuer = root, .names = {PKI_DNS("other.test")}},
					    {.issuer = root, PAST}};
	struct judging j;

	for (size_t i = 0; i < MT_ARRAY_SIZE(leaves); i++) {
		judging_begin(&j, NULL, SENT(pki_issue(*state, &leaves[i]), root));
		publish(*state, &j, 2, root);
		expect(&j, "deny/0 [dane.mismatch]");
	}
	judging_begin(&j, NULL, SENT(ISSUE(.issuer = root), root));
	publish(*state, &j, 2, root);
	expect(&j, "allow/1 [dane.matched, cert.chain-untrusted, conf.met]");
}

static void
where_no_record_is_usable_pkix_decides(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL), *leaf = ISSUE(.issuer = root);
	struct judging j;

	judging_begin(&j, root, SENT(leaf));
	publish(*state, &j, 1, leaf);
	expect(&j, "allow/1 [dane.unusable, cert.pkix-valid, conf.met]");
	j.request.n_anchors = 0;
	expect(&j, "deny/0 [dane.unusable, cert.chain-untrusted, pin.not-offered-existing]");
}

static void
revocation_does_not_apply_to_what_a_record_names_itself(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL), *leaf = ISSUE(.issuer = root);
	const struct pki_staple_recipe revoked = {
		.subject = leaf, .issuer = root, .status = V_OCSP_CERTSTATUS_REVOKED};
	struct judging j;

	judging_begin(&j, NULL, SENT(leaf, root));
	j.request.staple = pki_staple(*state, &revoked);
	publish(*state, &j, 3, leaf);
	expect(&j, "allow/1 [dane.matched, cert.chain-untrusted, conf.met]");
	j.request.tlsa.n = 0;
	publish(*state, &j, 2, root);
	expect(&j, "deny/0 [dane.matched, cert.revoked]");
}

static void
both_proofs_are_needed_where_both_are_asked_for(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL), *leaf = ISSUE(.issuer = root);
	const struct pki_cert *alone = ISSUE(.cn = "Alone");
	struct judging j;

	judging_begin(&j, root, SENT(leaf));
	expect_with(&j, "proof", "pkix-and-dane",
		    "deny/0 [dane.absent, cert.pkix-valid, dane.required-missing]");
	publish(*state, &j, 3, leaf);
	expect_with(&j, "proof", "pkix-and-dane",
		    "allow/1 [dane.matched, cert.pkix-valid, conf.met]");
	judging_begin(&j, root, SENT(alone));
	publish(*state, &j, 3, alone);
	expect_with(&j, "proof", "pkix-and-dane",
		    "deny/0 [dane.matched, cert.chain-untrusted, pin.not-offered-existing]");
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, pki_setup, pki_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(each_fault_of_a_chain_denies_by_its_name),
		UNIT(an_untrusted_chain_is_named_before_a_wrong_name),
		UNIT(eleven_certificates_are_malformed_whatever_the_policy),
		UNIT(anchors_outside_of_the_policy_are_untrusted),
		UNIT(a_staple_that_says_revoked_denies_whatever_the_policy),
		UNIT(a_promised_staple_that_is_missing_denies),
		UNIT(a_private_chain_counts_by_a_signed_record_only),
		UNIT(a_usable_record_that_does_not_match_vetoes_a_valid_chain),
		UNIT(below_a_published_anchor_a_wrong_name_or_date_is_a_mismatch),
		UNIT(where_no_record_is_usable_pkix_decides),
		UNIT(revocation_does_not_apply_to_what_a_record_names_itself),
		UNIT(both_proofs_are_needed_where_both_are_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
