/* SPDX-License-Identifier: MIT */
/* One fault at a time along a chain, each beside a twin without it (RFC 5280 §6, RFC 9325 §4.5). */

#include "tests/cmocka-all.h"

#include <string.h>

#include <openssl/evp.h>

#include "tests/unit/judging.h"

#define HOLD(state, rows) judging_rows(*(state), rows, MT_ARRAY_SIZE(rows))
#define EXT(name, value) .extensions = {{name, value}}
#define PLAIN              \
	{                  \
		.cn = NULL \
	}
#define UNTIL(sec)                                       \
	{                                                \
		.from_sec = -PKI_DAY, .until_sec = (sec) \
	}
#define FROM(sec)                                       \
	{                                               \
		.from_sec = (sec), .until_sec = PKI_DAY \
	}
#define VIOLATION "constraint-violation"

static void
sha256(const struct pki_cert *cert, uint8_t ret[static 32])
{
	assert_int_equal(EVP_Digest(cert->der.data, cert->der.size, ret, NULL, EVP_sha256(), NULL),
			 1);
}

static void
a_chain_to_an_anchor_with_the_right_name_is_valid(void **state)
{
	const struct pki_cert *root = pki_issue(*state, &(struct pki_recipe){.is_ca = true});
	const struct pki_cert *inter = pki_issue(
		*state,
		&(struct pki_recipe){
			.is_ca = true, .issuer = root, .from_sec = -PKI_DAY, .until_sec = PKI_DAY});
	const struct pki_cert *leaf = pki_issue(*state, &(struct pki_recipe){.issuer = inter});
	uint8_t digest[32];
	struct judging j;

	judging_begin(&j, root, SENT(leaf, inter));
	judging_expect(&j, "valid");
	assert_true(j.v.pkix_valid);
	assert_int_equal(j.v.anchor, MT_ANCHOR_SYSTEM);
	assert_int_equal(j.v.matched.type, MT_REFID_DNS);
	assert_string_equal(j.v.matched.value, PKI_HOST);
	sha256(root, digest);
	assert_memory_equal(j.v.anchor_sha256, digest, 32);
	sha256(leaf, digest);
	assert_memory_equal(j.v.leaf_sha256, digest, 32);
	/* the intermediate ends first, and lasts through its last second */
	assert_int_equal(j.v.not_after_usec, (PKI_NOW_SEC + PKI_DAY + 1) * MT_USEC_PER_SEC);
	assert_false(j.v.dane_matched);
	assert_int_equal(j.v.revocation, MT_REVOCATION_NOT_CHECKED);
}

static void
both_ends_of_a_validity_are_part_of_it(void **state)
{
	static const struct judging_row rows[] = {
		{"leaf ends now", PLAIN, PLAIN, UNTIL(0), "valid"},
		{"leaf ended a second ago", PLAIN, PLAIN, UNTIL(-1), "expired"},
		{"leaf begins now", PLAIN, PLAIN, FROM(0), "valid"},
		{"leaf begins in a second", PLAIN, PLAIN, FROM(1), "not-yet-valid"},
		{"intermediate ends now", PLAIN, UNTIL(0), PLAIN, "valid"},
		{"intermediate ended", PLAIN, UNTIL(-1), PLAIN, "expired"},
		{"intermediate begins in a second", PLAIN, FROM(1), PLAIN, "not-yet-valid"},
		{"root ended", UNTIL(-1), PLAIN, PLAIN, "expired"},
		{"root ends now", UNTIL(0), PLAIN, PLAIN, "valid"},
		{"one of each", PLAIN, FROM(1), UNTIL(-1), "expired not-yet-valid"},
	};

	HOLD(state, rows);
}

static void
dates_are_judged_at_the_given_moment_and_not_at_the_clocks(void **state)
{
	const struct pki_cert *root =
		pki_issue(*state, &(struct pki_recipe){.is_ca = true, .until_sec = 4000 * PKI_DAY});
	const struct pki_cert *leaf = pki_issue(
		*state, &(struct pki_recipe){.issuer = root, .until_sec = 4000 * PKI_DAY});
	struct judging j;

	judging_begin(&j, root, SENT(leaf));
	judging_expect(&j, "valid");
	j.request.at_usec -= 1;
	judging_expect(&j, "not-yet-valid");
	j.request.at_usec += (4000 * PKI_DAY + 1) * MT_USEC_PER_SEC;
	judging_expect(&j, "valid");
	j.request.at_usec += 1;
	judging_expect(&j, "expired");
}

static void
only_an_authority_may_issue(void **state)
{
	static const struct judging_row rows[] = {
		{"an authority", PLAIN, {EXT("basicConstraints", "CA:TRUE")}, PLAIN, "valid"},
		{"no authority", PLAIN, {EXT("basicConstraints", "CA:FALSE")}, PLAIN, VIOLATION},
		{"says nothing", PLAIN, {EXT("basicConstraints", NULL)}, PLAIN, VIOLATION},
		{"version 1", PLAIN, {.is_v1 = true}, PLAIN, VIOLATION},
		{"any key usage", PLAIN, {EXT("keyUsage", NULL)}, PLAIN, "valid"},
		{"may not sign certificates",
		 PLAIN,
		 {EXT("keyUsage", "critical,cRLSign")},
		 PLAIN,
		 VIOLATION},
		{"a server that cannot do TLS",
		 PLAIN,
		 PLAIN,
		 {EXT("keyUsage", "critical,keyCertSign")},
		 VIOLATION},
		{"a server that only encrypts keys",
		 PLAIN,
		 PLAIN,
		 {EXT("keyUsage", "critical,keyEncipherment")},
		 "valid"},
	};

	HOLD(state, rows);
}

static void
a_chain_is_no_longer_than_its_authorities_allow(void **state)
{
	static const struct judging_row rows[] = {
		{"one below",
		 {EXT("basicConstraints", "CA:TRUE,pathlen:1")},
		 PLAIN,
		 PLAIN,
		 "valid"},
		{"none below",
		 {EXT("basicConstraints", "CA:TRUE,pathlen:0")},
		 PLAIN,
		 PLAIN,
		 VIOLATION},
		{"none below the last",
		 PLAIN,
		 {EXT("basicConstraints", "CA:TRUE,pathlen:0")},
		 PLAIN,
		 "valid"},
	};

	HOLD(state, rows);
}

static void
a_critical_extension_nobody_knows_is_a_violation(void **state)
{
	static const struct judging_row rows[] = {
		{"leaf, critical", PLAIN, PLAIN, {EXT("1.2.3.4", "critical,DER:0500")}, VIOLATION},
		{"leaf, not critical", PLAIN, PLAIN, {EXT("1.2.3.4", "DER:0500")}, "valid"},
		{"intermediate", PLAIN, {EXT("1.2.3.4", "critical,DER:0500")}, PLAIN, VIOLATION},
		{"intermediate, not", PLAIN, {EXT("1.2.3.4", "DER:0500")}, PLAIN, "valid"},
		{"root", {EXT("1.2.3.4", "critical,DER:0500")}, PLAIN, PLAIN, VIOLATION},
	};

	HOLD(state, rows);
}

static void
an_extended_key_usage_must_allow_servers(void **state)
{
	static const struct judging_row rows[] = {
		{"none", PLAIN, PLAIN, {EXT("extendedKeyUsage", NULL)}, "valid"},
		{"clients", PLAIN, PLAIN, {EXT("extendedKeyUsage", "clientAuth")}, VIOLATION},
		{"both", PLAIN, PLAIN, {EXT("extendedKeyUsage", "clientAuth,serverAuth")}, "valid"},
		{"server-gated cryptography",
		 PLAIN,
		 PLAIN,
		 {EXT("extendedKeyUsage", "msSGC,nsSGC")},
		 VIOLATION},
		{"any, which does not name servers",
		 PLAIN,
		 PLAIN,
		 {EXT("extendedKeyUsage", "anyExtendedKeyUsage")},
		 VIOLATION},
		{"intermediate for mail",
		 PLAIN,
		 {EXT("extendedKeyUsage", "emailProtection")},
		 PLAIN,
		 VIOLATION},
		{"intermediate for servers",
		 PLAIN,
		 {EXT("extendedKeyUsage", "serverAuth")},
		 PLAIN,
		 "valid"},
	};

	HOLD(state, rows);
}

static void
weak_keys_are_told_wherever_they_are(void **state)
{
	static const struct judging_row rows[] = {
		{"RSA 2048", PLAIN, PLAIN, {.key = PKI_RSA2048}, "valid"},
		{"RSA 1024", PLAIN, PLAIN, {.key = PKI_RSA1024}, "weak-crypto"},
		{"P-192", PLAIN, PLAIN, {.key = PKI_P192}, "weak-crypto"},
		{"P-224", PLAIN, PLAIN, {.key = PKI_P224}, "weak-crypto"},
		{"P-384", PLAIN, PLAIN, {.key = PKI_P384}, "valid"},
		{"P-256 by its parameters", PLAIN, PLAIN, {.key = PKI_P256_EXPLICIT}, VIOLATION},
		{"Ed25519", PLAIN, PLAIN, {.key = PKI_ED25519}, "valid"},
		{"intermediate RSA 1024", PLAIN, {.key = PKI_RSA1024}, PLAIN, "weak-crypto"},
		{"intermediate RSA 2048", PLAIN, {.key = PKI_RSA2048}, PLAIN, "valid"},
		{"intermediate P-192", PLAIN, {.key = PKI_P192}, PLAIN, "weak-crypto"},
		{"intermediate by parameters", PLAIN, {.key = PKI_P256_EXPLICIT}, PLAIN, VIOLATION},
		{"root RSA 1024", {.key = PKI_RSA1024}, PLAIN, PLAIN, "weak-crypto"},
	};

	HOLD(state, rows);
}

static void
weak_digests_are_told_below_the_root(void **state)
{
	static const struct judging_row rows[] = {
		{"leaf SHA-1", PLAIN, PLAIN, {.digest = PKI_SHA1}, "weak-crypto"},
		{"leaf MD5", PLAIN, {.key = PKI_RSA2048}, {.digest = PKI_MD5}, "weak-crypto"},
		{"intermediate SHA-1", PLAIN, {.digest = PKI_SHA1}, PLAIN, "weak-crypto"},
		{"intermediate MD5",
		 {.key = PKI_RSA2048},
		 {.digest = PKI_MD5},
		 PLAIN,
		 "weak-crypto"},
		/* nobody relies on the signature of an anchor upon itself */
		{"root SHA-1", {.digest = PKI_SHA1}, PLAIN, PLAIN, "valid"},
		{"all SHA-256", PLAIN, PLAIN, PLAIN, "valid"},
	};

	HOLD(state, rows);
}

static void
policies_that_are_demanded_must_be_there(void **state)
{
	static const struct judging_row rows[] = {
		{"demanded, none in the leaf",
		 PLAIN,
		 {.extensions = {{"policyConstraints", "requireExplicitPolicy:0"},
				 {"certificatePolicies", "1.2.3.4"}}},
		 PLAIN,
		 VIOLATION},
		{"demanded and there",
		 PLAIN,
		 {.extensions = {{"policyConstraints", "requireExplicitPolicy:0"},
				 {"certificatePolicies", "1.2.3.4"}}},
		 {EXT("certificatePolicies", "1.2.3.4")},
		 "valid"},
		{"others, not demanded",
		 PLAIN,
		 {EXT("certificatePolicies", "1.2.3.4")},
		 {EXT("certificatePolicies", "1.2.3.5")},
		 "valid"},
	};

	HOLD(state, rows);
}

static void
a_signature_by_another_key_is_no_chain(void **state)
{
	const struct pki_cert *root = pki_issue(*state, &(struct pki_recipe){.is_ca = true});
	const struct pki_cert *other = pki_issue(*state, &(struct pki_recipe){.is_ca = true});
	const struct pki_cert *leaf = pki_issue(*state, &(struct pki_recipe){.issuer = other});
	struct judging j;
	uint8_t *copy;

	/* the same name, another key */
	judging_begin(&j, root, SENT(leaf));
	judging_expect(&j, "chain-untrusted");
	assert_int_equal(j.v.anchor, MT_ANCHOR_NONE);
	judging_begin(&j, other, SENT(leaf));
	judging_expect(&j, "valid");
	/* one bit of the signature itself */
	judging_begin(&j, other, SENT(leaf));
	copy = pki_copy(*state, leaf->der, 0);
	copy[leaf->der.size - 1] ^= 1;
	j.request.chain[0].data = copy;
	judging_expect(&j, "chain-untrusted");
}

static void
a_self_signed_server_is_trusted_only_as_an_anchor(void **state)
{
	const struct pki_cert *alone = pki_issue(*state, &(struct pki_recipe){.cn = "Server"});
	const struct pki_cert *same_name = pki_issue(*state, &(struct pki_recipe){.cn = "Server"});
	struct judging j;

	judging_begin(&j, NULL, SENT(alone));
	judging_expect(&j, "chain-untrusted");
	assert_int_equal(j.v.anchor, MT_ANCHOR_NONE);
	judging_begin(&j, same_name, SENT(alone));
	judging_expect(&j, "chain-untrusted");
	judging_begin(&j, alone, SENT(alone));
	judging_expect(&j, "valid");
}

static void
every_fault_of_every_layer_is_told(void **state)
{
	static const struct pki_recipe bad = {.names = {PKI_DNS("other.test")},
					      .from_sec = -2 * PKI_DAY,
					      .until_sec = -PKI_DAY,
					      .key = PKI_RSA1024,
					      EXT("1.2.3.4", "critical,DER:0500")};
	const struct pki_cert *leaf = pki_issue(*state, &bad);
	struct judging j;

	judging_begin(&j, leaf, SENT(leaf));
	judging_expect(&j, "expired identity-mismatch constraint-violation weak-crypto");
	judging_begin(&j, NULL, SENT(leaf));
	judging_expect(
		&j, "chain-untrusted expired identity-mismatch constraint-violation weak-crypto");
	assert_int_equal(j.v.matched.type, MT_REFID_NONE);
}

/* A weak signature is not to be accepted by hand, so it must be told beside the missing anchor. */
static void
a_weak_signature_is_told_without_an_anchor_too(void **state)
{
	const struct pki_cert *root = pki_issue(*state, &(struct pki_recipe){.is_ca = true});
	const struct pki_cert *leaf =
		pki_issue(*state, &(struct pki_recipe){.issuer = root, .digest = PKI_SHA1});
	const struct pki_cert *alone = pki_issue(*state, &(struct pki_recipe){.digest = PKI_SHA1});
	struct judging j;

	judging_begin(&j, NULL, SENT(leaf));
	judging_expect(&j, "chain-untrusted weak-crypto");
	judging_begin(&j, NULL, SENT(alone));
	judging_expect(&j, "chain-untrusted");
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, pki_setup, pki_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_chain_to_an_anchor_with_the_right_name_is_valid),
		UNIT(both_ends_of_a_validity_are_part_of_it),
		UNIT(dates_are_judged_at_the_given_moment_and_not_at_the_clocks),
		UNIT(only_an_authority_may_issue),
		UNIT(a_chain_is_no_longer_than_its_authorities_allow),
		UNIT(a_critical_extension_nobody_knows_is_a_violation),
		UNIT(an_extended_key_usage_must_allow_servers),
		UNIT(weak_keys_are_told_wherever_they_are),
		UNIT(weak_digests_are_told_below_the_root),
		UNIT(policies_that_are_demanded_must_be_there),
		UNIT(a_signature_by_another_key_is_no_chain),
		UNIT(a_self_signed_server_is_trusted_only_as_an_anchor),
		UNIT(every_fault_of_every_layer_is_told),
		UNIT(a_weak_signature_is_told_without_an_anchor_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
