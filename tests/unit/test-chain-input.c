/* SPDX-License-Identifier: MIT */
/* What is no chain at all: counts, sizes and bytes (D-PKIX-09). */

#include "tests/cmocka-all.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/judging.h"

#define ISSUE(...) pki_issue(*state, &(struct pki_recipe){__VA_ARGS__})

/* A root, an intermediate and a leaf; the chain is sent and the root trusted. */
struct trio {
	const struct pki_cert *root, *inter, *leaf;
};

static struct trio
begin(struct pki *pki, struct judging *j)
{
	struct trio trio;

	trio.root = pki_issue(pki, &(struct pki_recipe){.is_ca = true});
	trio.inter = pki_issue(pki, &(struct pki_recipe){.is_ca = true, .issuer = trio.root});
	trio.leaf = pki_issue(pki, &(struct pki_recipe){.issuer = trio.inter});
	judging_begin(j, trio.root, SENT(trio.leaf, trio.inter));
	return trio;
}

static void
more_than_ten_certificates_are_malformed(void **state)
{
	struct judging j;
	struct trio trio = begin(*state, &j);

	while (j.request.n_chain < MT_CHAIN_MAX)
		judging_send(&j, trio.inter);
	judging_expect(&j, "valid");
	j.request.n_chain++;
	judging_expect(&j, "malformed");
	j.request.n_chain = SIZE_MAX;
	judging_expect(&j, "malformed");
}

static void
without_a_chain_there_is_nothing_to_judge(void **state)
{
	struct judging j;

	(void)begin(*state, &j);
	j.request.n_chain = 0;
	judging_expect(&j, "no-chain");
}

/* Certificates made heavy by an extension nobody reads. */
static void
more_than_64_kib_are_malformed(void **state)
{
	char *filler = malloc(30000 * 2 + 16);
	struct pki_recipe heavy = {.is_ca = true};
	struct judging j;
	struct trio trio = begin(*state, &j);

	assert_non_null(filler);
	(void)strcpy(filler, "DER:04827530");
	memset(filler + strlen("DER:04827530"), '0', 30000 * 2);
	filler[strlen("DER:04827530") + 30000 * 2] = '\0';
	heavy.issuer = trio.root;
	heavy.extensions[0].name = "1.2.3.4";
	heavy.extensions[0].value = filler;
	judging_send(&j, pki_issue(*state, &heavy));
	judging_send(&j, pki_issue(*state, &heavy));
	judging_expect(&j, "valid");
	judging_send(&j, pki_issue(*state, &heavy));
	judging_expect(&j, "malformed");
	free(filler);
}

static void
every_byte_that_is_missing_or_too_many_is_malformed(void **state)
{
	struct judging j;
	struct trio trio = begin(*state, &j);
	uint8_t *longer = pki_copy(*state, trio.leaf->der, 1);

	for (size_t at = 0; at < 2; at++) {
		const struct mt_bytes whole = j.request.chain[at];

		for (size_t size = 0; size < whole.size; size++) {
			j.request.chain[at].size = size;
			judging_expect(&j, "malformed");
		}
		j.request.chain[at] = (struct mt_bytes){NULL, 0};
		judging_expect(&j, "malformed");
		j.request.chain[at] = (struct mt_bytes){longer, trio.leaf->der.size + 1};
		judging_expect(&j, "malformed");
		j.request.chain[at] = whole;
	}
	judging_expect(&j, "valid");
}

static void
what_is_no_certificate_is_malformed_wherever_it_stands(void **state)
{
	static const uint8_t sequence[] = {0x30, 0x03, 0x02, 0x01, 0x00};
	static const char pem[] = "-----BEGIN CERTIFICATE-----\n";
	struct judging j;
	struct trio trio = begin(*state, &j);

	for (size_t at = 0; at < 3; at++) {
		judging_begin(&j, trio.root, SENT(trio.leaf, trio.inter, trio.root));
		j.request.chain[at] = (struct mt_bytes){sequence, sizeof(sequence)};
		judging_expect(&j, "malformed");
		j.request.chain[at] = (struct mt_bytes){(const uint8_t *)pem, sizeof(pem)};
		judging_expect(&j, "malformed");
	}
}

/* The outer length in more octets than needed: BER, which would give one certificate two digests.
 */
static void
another_encoding_than_der_is_malformed(void **state)
{
	struct judging j;
	struct trio trio = begin(*state, &j);
	const struct mt_bytes der = trio.leaf->der;
	uint8_t *ber = pki_copy(*state, (struct mt_bytes){NULL, 0}, der.size + 1);

	assert_int_equal(der.data[1], 0x82);
	ber[0] = der.data[0];
	ber[1] = 0x83;
	ber[2] = 0;
	memcpy(ber + 3, der.data + 2, der.size - 2);
	j.request.chain[0] = (struct mt_bytes){ber, der.size + 1};
	judging_expect(&j, "malformed");
}

static void
an_extension_that_cannot_be_read_is_malformed_in_a_leaf(void **state)
{
	static const char *const extensions[][2] = {{"subjectAltName", "DER:0500"},
						    {"subjectAltName", "DER:30038201"},
						    {"basicConstraints", "DER:0500"},
						    {"keyUsage", "DER:0500"},
						    {"extendedKeyUsage", "DER:0500"}};

	for (size_t i = 0; i < MT_ARRAY_SIZE(extensions); i++) {
		struct pki_recipe recipe = {.extensions = {{extensions[i][0], extensions[i][1]}}};
		struct judging j;
		struct trio trio = begin(*state, &j);

		recipe.issuer = trio.inter;
		j.request.chain[0] = pki_issue(*state, &recipe)->der;
		judging_expect(&j, "malformed");
	}
}

static void
an_intermediate_that_cannot_be_read_is_none(void **state)
{
	struct judging j;
	struct trio trio = begin(*state, &j);
	const struct pki_cert *bad =
		ISSUE(.issuer = trio.root, .is_ca = true, .same_key = trio.inter,
		      .extensions = {{"keyUsage", "DER:0500"}});

	judging_begin(&j, trio.root, SENT(trio.leaf, bad));
	judging_expect(&j, "chain-untrusted");
	judging_begin(&j, trio.root, SENT(trio.leaf, bad, trio.inter));
	judging_expect(&j, "valid");
}

/* A subjectAltName of n times one name, as a textual extension. */
static char *
many_names(size_t n)
{
	char *text = malloc(n * strlen("DNS:a,") + 64);
	char *at = text;

	assert_non_null(text);
	at = stpcpy(at, "DNS:" PKI_HOST);
	for (size_t i = 1; i < n; i++)
		at = stpcpy(at, ",DNS:a");
	return text;
}

static void
more_names_than_any_server_has_are_malformed(void **state)
{
	static const size_t counts[] = {MT_SAN_MAX, MT_SAN_MAX + 1};
	static const char *const found[] = {"valid", "malformed"};

	for (size_t i = 0; i < MT_ARRAY_SIZE(counts); i++) {
		char *names = many_names(counts[i]);
		struct judging j;
		struct trio trio = begin(*state, &j);

		j.request.chain[0] =
			ISSUE(.issuer = trio.inter, .extensions = {{"subjectAltName", names}})->der;
		judging_expect(&j, found[i]);
		free(names);
	}
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, pki_setup, pki_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(more_than_ten_certificates_are_malformed),
		UNIT(without_a_chain_there_is_nothing_to_judge),
		UNIT(more_than_64_kib_are_malformed),
		UNIT(every_byte_that_is_missing_or_too_many_is_malformed),
		UNIT(what_is_no_certificate_is_malformed_wherever_it_stands),
		UNIT(another_encoding_than_der_is_malformed),
		UNIT(an_extension_that_cannot_be_read_is_malformed_in_a_leaf),
		UNIT(an_intermediate_that_cannot_be_read_is_none),
		UNIT(more_names_than_any_server_has_are_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
