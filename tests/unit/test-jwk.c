/* SPDX-License-Identifier: MIT */
/* base64url, keys, key sets, thumbprints. */

#include "tests/cmocka-all.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc/base64.h"
#include "ipc/ecdsa-der.h"
#include "ipc/key.h"

static void
free_text(char **text)
{
	free(*text);
}

static const struct {
	const char *bytes, *text;
} rfc4648[] = {
	{"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
	{"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "-__-"},
};

static void
base64url_agrees_with_the_vectors_of_rfc_4648_without_padding(void **state)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(rfc4648); i++) {
		size_t size = strlen(rfc4648[i].bytes), n = 99;
		char text[16];
		uint8_t bytes[8];

		assert_int_equal(mt_base64url_size(size), strlen(rfc4648[i].text));
		n = mt_base64url_encode((const uint8_t *)rfc4648[i].bytes, size, text);
		assert_int_equal(n, strlen(rfc4648[i].text));
		assert_memory_equal(text, rfc4648[i].text, n);
		assert_int_equal(mt_base64url_decode(text, n, bytes, sizeof(bytes), &n), 0);
		assert_int_equal(n, size);
		assert_memory_equal(bytes, rfc4648[i].bytes, size);
	}
}

static void
base64url_has_one_text_for_each_byte_string(void **state)
{
	static const char *const bad[] = {"Zg==",  "Zm8=", "Zh",   "Zm9",   "A",     "Zm9v\n",
					  " Zm9v", "Zm+v", "Zm/v", "Zm9v.", "Zm9vA", "Z\xc3\xa9g"};
	uint8_t bytes[16];
	size_t n;

	for (size_t i = 0; i < MT_ARRAY_SIZE(bad); i++)
		assert_int_equal(
			mt_base64url_decode(bad[i], strlen(bad[i]), bytes, sizeof(bytes), &n),
			MT_BASE64_E_INVALID);
}

static void
base64url_never_writes_past_the_bound(void **state)
{
	uint8_t bytes[4] = {0, 0, 0, 0xaa};
	size_t n;

	assert_int_equal(mt_base64url_decode("Zm9vYg", 6, bytes, 3, &n), MT_BASE64_E_TOO_LONG);
	assert_int_equal(mt_base64url_decode("Zm9v", 4, bytes, 3, &n), 0);
	assert_int_equal(bytes[3], 0xaa);
}

/* A number with a leading zero, one with the sign bit, a short one, zero. */
static void
a_signature_survives_the_way_to_der_and_back(void **state)
{
	static const uint8_t first[] = {0x00, 0x01, 0x7f, 0x80, 0xff};

	for (size_t i = 0; i < MT_ARRAY_SIZE(first); i++) {
		uint8_t raw[MT_ECDSA_RAW_SIZE], back[MT_ECDSA_RAW_SIZE], der[MT_ECDSA_DER_MAX];
		size_t size;

		memset(raw, (int)i, sizeof(raw));
		raw[0] = first[i];
		raw[32] = first[MT_ARRAY_SIZE(first) - 1 - i];
		size = mt_ecdsa_der_from_raw(raw, der);
		assert_int_equal(mt_ecdsa_raw_from_der(der, size, back), 0);
		assert_memory_equal(raw, back, sizeof(raw));
	}
}

static void
a_signature_that_is_no_der_sequence_of_two_integers_is_refused(void **state)
{
	static const struct {
		size_t size;
		uint8_t der[12];
	} bad[] = {
		{0, {0}},
		{1, {0x30}},
		{2, {0x30, 0}},
		{5, {0x30, 3, 2, 1, 1}},
		{8, {0x31, 6, 2, 1, 1, 2, 1, 1}},
		{8, {0x30, 7, 2, 1, 1, 2, 1, 1}},
		{8, {0x30, 6, 2, 9, 1, 2, 1, 1}},
		{8, {0x30, 6, 2, 0, 2, 2, 1, 1}},
		{8, {0x30, 6, 3, 1, 1, 2, 1, 1}},
		{9, {0x30, 7, 2, 1, 1, 2, 1, 1, 0}},
	};
	uint8_t raw[MT_ECDSA_RAW_SIZE];

	for (size_t i = 0; i < MT_ARRAY_SIZE(bad); i++)
		assert_int_equal(mt_ecdsa_raw_from_der(bad[i].der, bad[i].size, raw), 1);
}

/* RFC 8037 §A.3; RFC 7517 §A.1's EC key with the thumbprint José gives it. */
static const struct {
	const char *jwk, *thumbprint;
} thumbprints[] = {
	{"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_"
	 "7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
	 "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
	{"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
	 "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\",\"use\":\"sig\"}",
	 "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"},
};

static void
the_thumbprint_agrees_with_rfc_8037_and_with_jose(void **state)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(thumbprints); i++) {
		MT_CLEANUP(mt_jwks_freep) struct mt_jwks *jwks = NULL;
		char text[MT_THUMBPRINT_SIZE];

		assert_int_equal(
			mt_jwks_parse(thumbprints[i].jwk, strlen(thumbprints[i].jwk), NULL, &jwks),
			0);
		assert_int_equal(mt_public_key_thumbprint(mt_jwks_at(jwks, 0), text), 0);
		assert_string_equal(text, thumbprints[i].thumbprint);
		assert_string_equal(mt_public_key_kid(mt_jwks_at(jwks, 0)), text);
	}
}

/* RFC 8037 §A.4 */
static void
an_ed25519_signature_of_rfc_8037_stands_and_belongs_to_eddsa(void **state)
{
	static const char sig[] = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5B"
				  "hVsPt9g7sVvpAr_MuM0KAg";
	static const char data[] = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
	MT_CLEANUP(mt_jwks_freep) struct mt_jwks *jwks = NULL;
	uint8_t raw[64];
	size_t n;

	assert_int_equal(mt_jwks_parse(thumbprints[0].jwk, strlen(thumbprints[0].jwk), NULL, &jwks),
			 0);
	assert_int_equal(mt_base64url_decode(sig, strlen(sig), raw, sizeof(raw), &n), 0);
	assert_int_equal(mt_public_key_alg(mt_jwks_at(jwks, 0)), MT_JWS_ALG_EDDSA);
	assert_true(mt_public_key_verify(mt_jwks_at(jwks, 0), data, strlen(data), raw, n));
	raw[0] ^= 1;
	assert_false(mt_public_key_verify(mt_jwks_at(jwks, 0), data, strlen(data), raw, n));
}

static void
the_published_set_holds_public_members_only(void **state)
{
	MT_CLEANUP(mt_key_freep) struct mt_key *key = NULL;
	MT_CLEANUP(mt_jwks_freep) struct mt_jwks *jwks = NULL;
	MT_CLEANUP(mt_jwks_freep) struct mt_jwks *back = NULL;
	MT_CLEANUP(free_text) char *json = NULL;
	char kid[MT_THUMBPRINT_SIZE];

	assert_int_equal(mt_key_generate(&key), 0);
	assert_int_equal(mt_jwks_new(&jwks), 0);
	assert_int_equal(mt_jwks_add(jwks, mt_key_public(key)), 0);
	assert_int_equal(mt_jwks_format(jwks, &json), 0);
	assert_null(strstr(json, "\"d\""));
	assert_non_null(strstr(json, "\"alg\":\"ES256\""));
	assert_int_equal(mt_jwks_parse(json, strlen(json), NULL, &back), 0);
	assert_int_equal(mt_public_key_thumbprint(mt_jwks_at(back, 0), kid), 0);
	assert_string_equal(kid, mt_public_key_kid(mt_key_public(key)));
}

static void
keys_rotate_with_overlap(void **state)
{
	MT_CLEANUP(mt_key_freep) struct mt_key *old = NULL;
	MT_CLEANUP(mt_key_freep) struct mt_key *fresh = NULL;
	MT_CLEANUP(mt_jwks_freep) struct mt_jwks *jwks = NULL;
	uint8_t signature[MT_ES256_SIZE];
	const char *old_kid;

	assert_int_equal(mt_key_generate(&old), 0);
	assert_int_equal(mt_key_generate(&fresh), 0);
	old_kid = mt_public_key_kid(mt_key_public(old));
	assert_string_not_equal(old_kid, mt_public_key_kid(mt_key_public(fresh)));
	assert_int_equal(mt_jwks_new(&jwks), 0);
	assert_int_equal(mt_jwks_add(jwks, mt_key_public(old)), 0);
	assert_int_equal(mt_jwks_add(jwks, mt_key_public(fresh)), 0);
	assert_int_equal(mt_jwks_add(jwks, mt_key_public(fresh)), 0);
	assert_null(mt_jwks_at(jwks, 2));
	assert_int_equal(mt_key_sign(old, "x", 1, signature), 0);
	assert_true(mt_public_key_verify(mt_jwks_find(jwks, old_kid), "x", 1, signature,
					 sizeof(signature)));
	mt_jwks_remove(jwks, old_kid);
	assert_null(mt_jwks_find(jwks, old_kid));
	assert_non_null(mt_jwks_at(jwks, 0));
	assert_null(mt_jwks_at(jwks, 1));
}

#define X "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\""
#define Y "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\""
#define EC "\"kty\":\"EC\",\"crv\":\"P-256\","

static const struct {
	const char *json;
	int outcome;
	size_t n_keys; /* where the outcome is 0 */
} sets[] = {
	{"{\"keys\":[]}", 0, 0},
	{"{\"keys\":[{" EC X "," Y "}]}", 0, 1},
	{"{\"keys\":[{" EC X "," Y ",\"d\":\"AA\"}]}", MT_JWKS_E_PRIVATE, 0},
	{"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}", MT_JWKS_E_PRIVATE, 0},
	{"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}", 0, 0},
	{"{\"keys\":[{" EC X "," Y ",\"use\":\"enc\"}]}", 0, 0},
	{"{\"keys\":[{" EC X "," Y ",\"alg\":\"ES384\"}]}", 0, 0},
	{"{\"keys\":[{" EC X "," Y ",\"alg\":\"EdDSA\"}]}", 0, 0},
	{"{\"keys\":[{" EC X "," Y "},{" EC X "," Y "}]}", MT_JWKS_E_MALFORMED, 0},
	{"{\"keys\":[{" EC X "," Y "},{" EC X "," Y ",\"kid\":\"b\"}]}", 0, 2},
	{"{\"keys\":[{" EC X "," X "}]}", MT_JWKS_E_MALFORMED, 0},
	{"{\"keys\":[{" EC X ",\"y\":\"AAAA\"}]}", MT_JWKS_E_MALFORMED, 0},
	{"{\"keys\":[{" EC X ",\"y\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\"}]}",
	 MT_JWKS_E_MALFORMED, 0}, /* not on the curve */
	{"{\"keys\":[{" EC X "," Y ",\"kid\":7}]}", MT_JWKS_E_MALFORMED, 0},
	{"{\"keys\":[{" EC X "," Y ",\"kid\":\"\"}]}", MT_JWKS_E_MALFORMED, 0},
	{"{\"keys\":[7]}", MT_JWKS_E_MALFORMED, 0},
	{"{\"keys\":{}}", MT_JWKS_E_MALFORMED, 0},
	{"{}", MT_JWKS_E_MALFORMED, 0},
	{"[]", MT_JWKS_E_MALFORMED, 0},
	{"", MT_JWKS_E_MALFORMED, 0},
	{"{\"keys\":[]} x", MT_JWKS_E_MALFORMED, 0},
};

static void
a_key_set_is_read_strictly_and_foreign_kinds_are_left_out(void **state)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(sets); i++) {
		MT_CLEANUP(mt_jwks_freep) struct mt_jwks *jwks = NULL;
		struct mt_diag diag = {0};
		int r = mt_jwks_parse(sets[i].json, strlen(sets[i].json), &diag, &jwks);

		assert_int_equal(r, sets[i].outcome);
		assert_int_equal(r == 0, diag.message[0] == '\0');
		if (r == 0) {
			assert_null(mt_jwks_at(jwks, sets[i].n_keys));
			assert_int_equal(sets[i].n_keys > 0, mt_jwks_at(jwks, 0) != NULL);
		}
	}
}

static void
a_set_takes_sixteen_keys_and_no_more(void **state)
{
	MT_CLEANUP(mt_jwks_freep) struct mt_jwks *jwks = NULL;

	assert_int_equal(mt_jwks_new(&jwks), 0);
	for (size_t i = 0; i <= MT_JWKS_MAX; i++) {
		MT_CLEANUP(mt_key_freep) struct mt_key *key = NULL;

		assert_int_equal(mt_key_generate(&key), 0);
		assert_int_equal(mt_jwks_add(jwks, mt_key_public(key)),
				 i < MT_JWKS_MAX ? 0 : MT_JWKS_E_FULL);
	}
}

struct dir {
	char dir[64], path[80];
};

static int
make_dir(void **state)
{
	struct dir *dir = calloc(1, sizeof(*dir));

	strcpy(dir->dir, "/tmp/mt-key-XXXXXX");
	if (!mkdtemp(dir->dir))
		return -1;

	(void)snprintf(dir->path, sizeof(dir->path), "%s/key.pem", dir->dir);
	*state = dir;
	return 0;
}

static int
remove_dir(void **state)
{
	struct dir *dir = *state;

	(void)unlink(dir->path);
	(void)rmdir(dir->dir);
	free(dir);
	return 0;
}

static void
the_key_file_is_private_and_never_overwritten(void **state)
{
	const struct dir *dir = *state;
	MT_CLEANUP(mt_key_freep) struct mt_key *key = NULL;
	MT_CLEANUP(mt_key_freep) struct mt_key *back = NULL;
	mode_t mask = umask(0);
	struct stat st;

	assert_int_equal(mt_key_load(dir->path, &key), MT_KEY_E_NOT_FOUND);
	assert_int_equal(mt_key_generate(&key), 0);
	assert_int_equal(mt_key_save(key, dir->path), 0);
	umask(mask);
	assert_int_equal(stat(dir->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(mt_key_save(key, dir->path), MT_KEY_E_EXISTS);
	assert_int_equal(mt_key_load(dir->path, &back), 0);
	assert_string_equal(mt_public_key_kid(mt_key_public(back)),
			    mt_public_key_kid(mt_key_public(key)));
}

static void
a_key_file_with_any_right_for_group_or_others_is_refused(void **state)
{
	static const mode_t bad[] = {0640, 0620, 0610, 0604, 0602, 0601, 0666};
	const struct dir *dir = *state;
	MT_CLEANUP(mt_key_freep) struct mt_key *key = NULL;

	assert_int_equal(mt_key_generate(&key), 0);
	assert_int_equal(mt_key_save(key, dir->path), 0);
	for (size_t i = 0; i < MT_ARRAY_SIZE(bad); i++) {
		struct mt_key *other = NULL;

		assert_int_equal(chmod(dir->path, bad[i]), 0);
		assert_int_equal(mt_key_load(dir->path, &other), MT_KEY_E_PERMISSIONS);
	}
}

static void
a_key_file_that_is_a_link_or_a_fifo_is_refused(void **state)
{
	const struct dir *dir = *state;
	struct mt_key *key = NULL;

	assert_int_equal(symlink("/dev/null", dir->path), 0);
	assert_int_equal(mt_key_load(dir->path, &key), MT_KEY_E_PERMISSIONS);
	assert_int_equal(unlink(dir->path), 0);
	assert_int_equal(mkfifo(dir->path, 0600), 0);
	assert_int_equal(mt_key_load(dir->path, &key), MT_KEY_E_PERMISSIONS);
}

static void
a_file_that_holds_no_p256_key_is_malformed(void **state)
{
	static const char *const curves[] = {"P-384", "secp256k1"};
	struct mt_key *key = NULL;

	assert_int_equal(mt_key_parse("", 0, &key), MT_KEY_E_MALFORMED);
	assert_int_equal(mt_key_parse("-----BEGIN PRIVATE KEY-----\nAAAA\n", 33, &key),
			 MT_KEY_E_MALFORMED);
	for (size_t i = 0; i < MT_ARRAY_SIZE(curves); i++) {
		EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curves[i]);
		BIO *bio = BIO_new(BIO_s_mem());
		char *pem;
		long size;

		assert_int_equal(
			PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
		size = BIO_get_mem_data(bio, &pem);
		assert_int_equal(mt_key_parse(pem, (size_t)size, &key), MT_KEY_E_MALFORMED);
		BIO_free(bio);
		EVP_PKEY_free(pkey);
	}
}

static void
an_encrypted_key_asks_nobody_for_a_passphrase(void **state)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	BIO *bio = BIO_new(BIO_s_mem());
	struct mt_key *key = NULL;
	char *pem;
	long size;

	assert_int_equal(
		PEM_write_bio_PKCS8PrivateKey(bio, pkey, EVP_aes_128_cbc(), "xxxx", 4, NULL, NULL),
		1);
	size = BIO_get_mem_data(bio, &pem);
	assert_int_equal(mt_key_parse(pem, (size_t)size, &key), MT_KEY_E_MALFORMED);
	BIO_free(bio);
	EVP_PKEY_free(pkey);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64url_agrees_with_the_vectors_of_rfc_4648_without_padding),
		cmocka_unit_test(base64url_has_one_text_for_each_byte_string),
		cmocka_unit_test(base64url_never_writes_past_the_bound),
		cmocka_unit_test(a_signature_survives_the_way_to_der_and_back),
		cmocka_unit_test(a_signature_that_is_no_der_sequence_of_two_integers_is_refused),
		cmocka_unit_test(the_thumbprint_agrees_with_rfc_8037_and_with_jose),
		cmocka_unit_test(an_ed25519_signature_of_rfc_8037_stands_and_belongs_to_eddsa),
		cmocka_unit_test(the_published_set_holds_public_members_only),
		cmocka_unit_test(keys_rotate_with_overlap),
		cmocka_unit_test(a_key_set_is_read_strictly_and_foreign_kinds_are_left_out),
		cmocka_unit_test(a_set_takes_sixteen_keys_and_no_more),
		cmocka_unit_test_setup_teardown(the_key_file_is_private_and_never_overwritten,
						make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
			a_key_file_with_any_right_for_group_or_others_is_refused, make_dir,
			remove_dir),
		cmocka_unit_test_setup_teardown(a_key_file_that_is_a_link_or_a_fifo_is_refused,
						make_dir, remove_dir),
		cmocka_unit_test(a_file_that_holds_no_p256_key_is_malformed),
		cmocka_unit_test(an_encrypted_key_asks_nobody_for_a_passphrase),
	};

	return cmocka_run_group_tests_name("jwk", tests, NULL, NULL);
}
