/* SPDX-License-Identifier: MIT */
/* Trust anchors: which count, which were added here, and what a generation is (D-PKIX-07). */

#include "tests/cmocka-all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "daemon/worker/anchors.h"
#include "tests/unit/case.h"
#include "tests/unit/judging.h"
#include "tests/unit/scratch.h"

#define ISSUE(...) pki_issue(*state, &(struct pki_recipe){__VA_ARGS__})
#define AUTHORITY(...) ISSUE(.is_ca = true, __VA_ARGS__)

static void
allow(struct mt_digests *digests, const struct pki_cert *cert)
{
	digests->is_set = true;
	assert_int_equal(EVP_Digest(cert->der.data, cert->der.size, digests->digest[digests->n++],
				    NULL, EVP_sha256(), NULL),
			 1);
}

static struct mt_anchors *
generation_of(const struct pki_cert *const *certs)
{
	struct mt_anchors *anchors = NULL;
	struct mt_bytes der[8];
	size_t n = 0;

	for (; *certs; certs++)
		der[n++] = (*certs)->der;
	assert_int_equal(mt_anchors_from_der(der, n, &anchors), 0);
	return anchors;
}

/* As if the distribution had not brought it. */
static void
mark_local(struct mt_anchors *anchors, const struct pki_cert *cert)
{
	for (size_t i = 0; i < anchors->n; i++)
		if (X509_cmp(anchors->entries[i].cert, cert->x509) == 0)
			anchors->entries[i].is_local = true;
}

static void
only_the_anchors_a_policy_names_are_ends_of_a_path(void **state)
{
	const struct pki_cert *named = AUTHORITY(.cn = "Named"), *other = AUTHORITY(.cn = "Other");
	const struct pki_cert *leaf = ISSUE(.issuer = other);
	struct judging j;

	judging_begin(&j, other, SENT(leaf));
	judging_trust(&j, named);
	judging_expect(&j, "valid");
	allow(&j.request.allowed_anchors, named);
	judging_expect(&j, "chain-untrusted");
	assert_int_equal(j.v.anchor, MT_ANCHOR_NONE);
	judging_send(&j, other);
	judging_expect(&j, "chain-untrusted");
	j.request.allowed_anchors.n = 0;
	judging_expect(&j, "chain-untrusted");
	allow(&j.request.allowed_anchors, other);
	judging_expect(&j, "valid");
}

static void
a_path_to_an_anchor_that_is_not_named_does_not_hide_one_that_is(void **state)
{
	const struct pki_cert *named = AUTHORITY(.cn = "Named"), *other = AUTHORITY(.cn = "Other");
	const struct pki_cert *inter = AUTHORITY(.issuer = other);
	const struct pki_cert *crossed = AUTHORITY(.issuer = named, .same_key = inter);
	struct judging j;

	judging_begin(&j, other, SENT(ISSUE(.issuer = inter), inter, crossed));
	judging_trust(&j, named);
	allow(&j.request.allowed_anchors, named);
	judging_expect(&j, "valid");
}

static void
the_anchors_of_the_generation_count_unless_the_request_brings_its_own(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL);
	MT_CLEANUP(mt_anchors_freep) struct mt_anchors *anchors = generation_of(SENT(root));
	struct judging j;

	judging_begin(&j, NULL, SENT(ISSUE(.issuer = root)));
	j.generation = anchors;
	judging_expect(&j, "chain-untrusted");
	j.request.own_anchors = false;
	judging_expect(&j, "valid");
	assert_int_equal(j.v.anchor, MT_ANCHOR_SYSTEM);
	j.generation = NULL;
	judging_expect(&j, "chain-untrusted");
}

static void
an_anchor_that_cannot_be_read_is_a_failure_and_no_fault_of_the_chain(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL);
	struct mt_anchors *none = NULL;
	struct judging j;

	judging_begin(&j, root, SENT(ISSUE(.issuer = root)));
	j.request.anchors[0].size--;
	judging_expect(&j, "failed");
	assert_int_equal(mt_anchors_from_der(j.request.anchors, 1, &none), MT_ANCHORS_E_UNREADABLE);
	assert_null(none);
}

static void
a_path_that_ends_at_a_local_anchor_says_so(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL);
	MT_CLEANUP(mt_anchors_freep) struct mt_anchors *anchors = generation_of(SENT(root));
	struct judging j;

	mark_local(anchors, root);
	judging_begin(&j, NULL, SENT(ISSUE(.issuer = root)));
	j.request.own_anchors = false;
	j.generation = anchors;
	judging_expect(&j, "valid");
	assert_int_equal(j.v.anchor, MT_ANCHOR_LOCAL);
}

/* What a scanner adds to this machine must not taint a chain that does not need it. */
static void
an_anchor_of_the_distribution_is_preferred_to_a_local_one(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = "Root"), *added = AUTHORITY(.cn = "Added");
	const struct pki_cert *inter = AUTHORITY(.issuer = added);
	const struct pki_cert *crossed = AUTHORITY(.issuer = root, .same_key = inter);
	const struct pki_cert *leaf = ISSUE(.issuer = inter);
	MT_CLEANUP(mt_anchors_freep) struct mt_anchors *anchors = generation_of(SENT(root, added));
	struct judging j;

	mark_local(anchors, added);
	judging_begin(&j, NULL, SENT(leaf, inter, crossed));
	j.request.own_anchors = false;
	j.generation = anchors;
	judging_expect(&j, "valid");
	assert_int_equal(j.v.anchor, MT_ANCHOR_SYSTEM);
	judging_begin(&j, NULL, SENT(leaf, inter));
	j.request.own_anchors = false;
	j.generation = anchors;
	judging_expect(&j, "valid");
	assert_int_equal(j.v.anchor, MT_ANCHOR_LOCAL);
}

static void
what_a_local_anchor_means_is_for_the_policy_to_say(void **state)
{
	const struct pki_cert *root = AUTHORITY(.cn = NULL);
	MT_CLEANUP(mt_anchors_freep) struct mt_anchors *anchors = generation_of(SENT(root));
	struct test_case c;
	struct judging j;

	mark_local(anchors, root);
	judging_begin(&j, NULL, SENT(ISSUE(.issuer = root)));
	j.request.own_anchors = false;
	j.generation = anchors;
	judging_expect(&j, "valid");
	case_init(&c);
	c.val = j.v;
	case_expect(&c, "allow/1 [cert.pkix-valid, cert.local-trust-anchor, conf.met]");
	case_set(&c, "local_roots", "reject");
	case_expect(&c, "deny/0 [cert.pkix-valid, cert.local-trust-anchor]");
}

static void
equal_sets_of_anchors_are_equal_generations(void **state)
{
	const struct pki_cert *a = AUTHORITY(.cn = "A"), *b = AUTHORITY(.cn = "B");
	MT_CLEANUP(mt_anchors_freep) struct mt_anchors *ab = generation_of(SENT(a, b));
	MT_CLEANUP(mt_anchors_freep) struct mt_anchors *bab = generation_of(SENT(b, a, b));
	MT_CLEANUP(mt_anchors_freep) struct mt_anchors *only = generation_of(SENT(a));
	uint8_t first[32], second[32];

	assert_int_equal(mt_anchors_count(bab), 2);
	mt_anchors_digest(ab, first);
	mt_anchors_digest(bab, second);
	assert_memory_equal(first, second, 32);
	mt_anchors_digest(only, second);
	assert_memory_not_equal(first, second, 32);
}

static void
write_pem(const char *directory, const char *name, const struct pki_cert *const *certs)
{
	char path[SCRATCH_PATH];
	FILE *file;

	scratch_path(directory, name, path);
	file = fopen(path, "we");
	assert_non_null(file);
	for (; *certs; certs++)
		assert_int_equal(PEM_write_X509(file, (*certs)->x509), 1);
	assert_int_equal(fclose(file), 0);
}

static void
anchors_are_read_from_a_file_or_from_a_directory_of_files(void **state)
{
	const struct pki_cert *a = AUTHORITY(.cn = "A"), *b = AUTHORITY(.cn = "B"),
			      *c = AUTHORITY(.cn = "C");
	char directory[SCRATCH_PATH], path[SCRATCH_PATH];
	struct mt_anchors *anchors = NULL;

	scratch_make(directory);
	write_pem(directory, "two.pem", SENT(a, b));
	write_pem(directory, "one.crt", SENT(c));
	scratch_write(directory, "readme", "no certificate", 14);
	scratch_path(directory, "two.pem", path);
	assert_int_equal(mt_anchors_load(path, &anchors), 0);
	assert_int_equal(mt_anchors_count(anchors), 2);
	anchors = mt_anchors_free(anchors);
	assert_int_equal(mt_anchors_load(directory, &anchors), 0);
	assert_int_equal(mt_anchors_count(anchors), 3);
	for (size_t i = 0; i < anchors->n; i++)
		assert_false(anchors->entries[i].is_local);
	anchors = mt_anchors_free(anchors);
	scratch_remove(directory);
}

static void
a_store_that_is_missing_or_empty_is_said_to_be_so(void **state)
{
	char directory[SCRATCH_PATH], path[SCRATCH_PATH];
	struct mt_anchors *anchors = NULL;

	scratch_make(directory);
	assert_int_equal(mt_anchors_load(directory, &anchors), MT_ANCHORS_E_EMPTY);
	scratch_path(directory, "missing", path);
	assert_int_equal(mt_anchors_load(path, &anchors), MT_ANCHORS_E_UNREADABLE);
	assert_null(anchors);
	scratch_remove(directory);
}

static void
the_distributions_anchors_are_not_local(void **state)
{
	MT_CLEANUP(mt_anchors_freep) struct mt_anchors *anchors = NULL;
	size_t local = 0;

	if (access("/usr/share/ca-certificates", R_OK) != 0 ||
	    mt_anchors_load(NULL, &anchors) != 0 || !anchors) {
		skip();
		return;
	}
	for (size_t i = 0; i < anchors->n; i++)
		local += anchors->entries[i].is_local;
	assert_true(local < anchors->n);
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, pki_setup, pki_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(only_the_anchors_a_policy_names_are_ends_of_a_path),
		UNIT(a_path_to_an_anchor_that_is_not_named_does_not_hide_one_that_is),
		UNIT(the_anchors_of_the_generation_count_unless_the_request_brings_its_own),
		UNIT(an_anchor_that_cannot_be_read_is_a_failure_and_no_fault_of_the_chain),
		UNIT(a_path_that_ends_at_a_local_anchor_says_so),
		UNIT(an_anchor_of_the_distribution_is_preferred_to_a_local_one),
		UNIT(what_a_local_anchor_means_is_for_the_policy_to_say),
		UNIT(equal_sets_of_anchors_are_equal_generations),
		UNIT(anchors_are_read_from_a_file_or_from_a_directory_of_files),
		UNIT(a_store_that_is_missing_or_empty_is_said_to_be_so),
		UNIT(the_distributions_anchors_are_not_local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
