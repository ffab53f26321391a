/* SPDX-License-Identifier: MIT */
/* Public keys and sets of them. */

#include "ipc/jwk.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/base64.h"
#include "ipc/ecdsa-der.h"

#define COORDINATE_TEXT 43 /* base64url of 32 bytes */
#define SHA256_SIZE 32
#define POINT_UNCOMPRESSED 0x04 /* SEC 1 §2.3.3 */

/* What belongs to an algorithm. The thumbprint's members stand in RFC 7638's order. */
static const struct kind {
	const char *alg, *kty, *crv;
	bool has_y;
} kinds[MT_JWS_ALG_COUNT] = {
	[MT_JWS_ALG_ES256] = {"ES256", "EC", "P-256", true},    /* RFC 7518 §6.2 */
	[MT_JWS_ALG_EDDSA] = {"EdDSA", "OKP", "Ed25519", false} /* RFC 8037 §2 */
};

/* Names of private or symmetric key material (RFC 7518 §6.2.2, §6.3.2, §6.4; RFC 8037 §2). */
static const char *const private_members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

struct mt_public_key {
	enum mt_jws_alg alg;
	char kid[MT_KID_SIZE];
	uint8_t x[MT_COORDINATE_SIZE], y[MT_COORDINATE_SIZE];
	EVP_PKEY *pkey;
};

struct mt_jwks {
	size_t n;
	struct mt_public_key *keys[MT_JWKS_MAX];
};

MT_DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free);
MT_DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free);

enum mt_jws_alg
mt_jws_alg_from_string(const char *string)
{
	for (size_t i = 1; i < MT_JWS_ALG_COUNT; i++)
		if (strcmp(kinds[i].alg, string) == 0)
			return (enum mt_jws_alg)i;

	/* RFC 9864 §2.2: the fully specified name of the same algorithm */
	return strcmp(string, "Ed25519") == 0 ? MT_JWS_ALG_EDDSA : MT_JWS_ALG_UNKNOWN;
}

static EVP_PKEY *
p256_from_point(const uint8_t x[static MT_COORDINATE_SIZE], const uint8_t *y)
{
	MT_CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = NULL;
	uint8_t point[1 + 2 * MT_COORDINATE_SIZE] = {POINT_UNCOMPRESSED};
	char group[] = "P-256";
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
		OSSL_PARAM_construct_end(),
	};

	memcpy(point + 1, x, MT_COORDINATE_SIZE);
	memcpy(point + 1 + MT_COORDINATE_SIZE, y, MT_COORDINATE_SIZE);
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		return NULL;

	return pkey;
}

int
mt_public_key_new(const uint8_t x[static MT_COORDINATE_SIZE], const uint8_t *y, const char *kid,
		  struct mt_public_key **ret)
{
	MT_CLEANUP(mt_public_key_freep) struct mt_public_key *key = calloc(1, sizeof(*key));
	char thumbprint[MT_THUMBPRINT_SIZE];
	int r;

	if (!key)
		return -ENOMEM;

	key->alg = y ? MT_JWS_ALG_ES256 : MT_JWS_ALG_EDDSA;
	memcpy(key->x, x, MT_COORDINATE_SIZE);
	if (y)
		memcpy(key->y, y, MT_COORDINATE_SIZE);

	key->pkey = y ? p256_from_point(x, y)
		      : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x, MT_COORDINATE_SIZE);
	if (!key->pkey)
		return MT_JWKS_E_MALFORMED;

	if (!kid) {
		r = mt_public_key_thumbprint(key, thumbprint);
		if (r)
			return r;
		kid = thumbprint;
	}
	if (strlen(kid) >= sizeof(key->kid) || *kid == '\0')
		return MT_JWKS_E_MALFORMED;

	strcpy(key->kid, kid);
	*ret = mt_steal(&key);
	return 0;
}

struct mt_public_key *
mt_public_key_free(struct mt_public_key *key)
{
	if (key)
		EVP_PKEY_free(key->pkey);

	free(key);
	return NULL;
}

const char *
mt_public_key_kid(const struct mt_public_key *key)
{
	return key->kid;
}

enum mt_jws_alg
mt_public_key_alg(const struct mt_public_key *key)
{
	return key->alg;
}

static void
coordinate_text(const uint8_t data[static MT_COORDINATE_SIZE], char ret[static COORDINATE_TEXT + 1])
{
	ret[mt_base64url_encode(data, MT_COORDINATE_SIZE, ret)] = '\0';
}

int
mt_public_key_thumbprint(const struct mt_public_key *key, char ret[static MT_THUMBPRINT_SIZE])
{
	const struct kind *kind = &kinds[key->alg];
	char x[COORDINATE_TEXT + 1], y[COORDINATE_TEXT + 1], json[192];
	uint8_t digest[SHA256_SIZE];
	int n;

	coordinate_text(key->x, x);
	coordinate_text(key->y, y);
	n = snprintf(json, sizeof(json), "{\"crv\":\"%s\",\"kty\":\"%s\",\"x\":\"%s\"%s%s%s}",
		     kind->crv, kind->kty, x, kind->has_y ? ",\"y\":\"" : "", kind->has_y ? y : "",
		     kind->has_y ? "\"" : "");
	assert(n > 0 && (size_t)n < sizeof(json));
	if (!EVP_Digest(json, (size_t)n, digest, NULL, EVP_sha256(), NULL))
		return -EIO;

	ret[mt_base64url_encode(digest, sizeof(digest), ret)] = '\0';
	return 0;
}

static bool
es256_stands(EVP_PKEY *pkey, const void *data, size_t size,
	     const uint8_t signature[static MT_ES256_SIZE])
{
	MT_CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	uint8_t digest[SHA256_SIZE], der[MT_ECDSA_DER_MAX];
	size_t der_size = mt_ecdsa_der_from_raw(signature, der);

	return ctx && EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL) &&
	       EVP_PKEY_verify_init(ctx) == 1 &&
	       EVP_PKEY_verify(ctx, der, der_size, digest, sizeof(digest)) == 1;
}

static bool
eddsa_stands(EVP_PKEY *pkey, const void *data, size_t size, const uint8_t *signature,
	     size_t signature_size)
{
	MT_CLEANUP(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	return ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
	       EVP_DigestVerify(ctx, signature, signature_size, data, size) == 1;
}

bool
mt_public_key_verify(const struct mt_public_key *key, const void *data, size_t size,
		     const uint8_t *signature, size_t signature_size)
{
	switch (key->alg) {
	case MT_JWS_ALG_ES256:
		return signature_size == MT_ES256_SIZE &&
		       es256_stands(key->pkey, data, size, signature);
	case MT_JWS_ALG_EDDSA:
		return eddsa_stands(key->pkey, data, size, signature, signature_size);
	case MT_JWS_ALG_UNKNOWN:
		break;
	}
	return false;
}

int
mt_jwks_new(struct mt_jwks **ret)
{
	struct mt_jwks *jwks = calloc(1, sizeof(*jwks));

	if (!jwks)
		return -ENOMEM;

	*ret = jwks;
	return 0;
}

struct mt_jwks *
mt_jwks_free(struct mt_jwks *jwks)
{
	for (size_t i = 0; jwks && i < jwks->n; i++)
		mt_public_key_free(jwks->keys[i]);

	free(jwks);
	return NULL;
}

/* Why JSON that names a kind we know is no usable key. */
static int
refuse(struct mt_diag *diag, int outcome, const char *why)
{
	mt_diag_set(diag, SIZE_MAX, "key set: %s", why);
	return outcome;
}

static int
read_coordinate(const json_t *jwk, const char *name, uint8_t ret[static MT_COORDINATE_SIZE])
{
	const char *text = json_string_value(json_object_get(jwk, name));
	size_t size = 0;

	if (!text || mt_base64url_decode(text, strlen(text), ret, MT_COORDINATE_SIZE, &size))
		return MT_JWKS_E_MALFORMED;

	/* RFC 7518 §6.2.1.2: full width, leading zeros included */
	return size == MT_COORDINATE_SIZE ? 0 : MT_JWKS_E_MALFORMED;
}

/* The algorithm of a key, or UNKNOWN for one that is to be left out (RFC 7517 §5). */
static enum mt_jws_alg
kind_of(const json_t *jwk)
{
	const char *kty = json_string_value(json_object_get(jwk, "kty"));
	const char *crv = json_string_value(json_object_get(jwk, "crv"));
	const char *alg = json_string_value(json_object_get(jwk, "alg"));
	const char *use = json_string_value(json_object_get(jwk, "use"));

	if (use && strcmp(use, "sig") != 0)
		return MT_JWS_ALG_UNKNOWN;

	for (size_t i = 1; kty && crv && i < MT_JWS_ALG_COUNT; i++)
		if (strcmp(kinds[i].kty, kty) == 0 && strcmp(kinds[i].crv, crv) == 0)
			return !alg || mt_jws_alg_from_string(alg) == i ? (enum mt_jws_alg)i
									: MT_JWS_ALG_UNKNOWN;

	return MT_JWS_ALG_UNKNOWN;
}

static bool
has_private_member(const json_t *jwk)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(private_members); i++)
		if (json_object_get(jwk, private_members[i]))
			return true;

	return false;
}

/* Reads one member of "keys" and takes it into the set. */
static int
read_key(struct mt_jwks *jwks, const json_t *jwk, struct mt_diag *diag)
{
	MT_CLEANUP(mt_public_key_freep) struct mt_public_key *key = NULL;
	uint8_t x[MT_COORDINATE_SIZE], y[MT_COORDINATE_SIZE];
	const json_t *kid = json_object_get(jwk, "kid");
	enum mt_jws_alg alg = kind_of(jwk);
	int r;

	if (!json_is_object(jwk))
		return refuse(diag, MT_JWKS_E_MALFORMED, "a key is no object (RFC 7517 §5.1)");
	if (has_private_member(jwk))
		return refuse(diag, MT_JWKS_E_PRIVATE, "it holds a private key (RFC 7517 §9.2)");
	if (alg == MT_JWS_ALG_UNKNOWN)
		return 0;
	if (kid && !json_is_string(kid))
		return refuse(diag, MT_JWKS_E_MALFORMED, "kid is no string (RFC 7517 §4.5)");
	if (read_coordinate(jwk, "x", x) || (kinds[alg].has_y && read_coordinate(jwk, "y", y)))
		return refuse(diag, MT_JWKS_E_MALFORMED,
			      "a coordinate is not 32 bytes (RFC 7518 §6.2.1)");

	r = mt_public_key_new(x, kinds[alg].has_y ? y : NULL, json_string_value(kid), &key);
	if (r > 0)
		return refuse(diag, MT_JWKS_E_MALFORMED,
			      "no point of the curve, or a kid too long");
	if (r < 0)
		return r;
	if (mt_jwks_find(jwks, key->kid))
		return refuse(diag, MT_JWKS_E_MALFORMED, "two keys have one id (RFC 7517 §4.5)");
	if (jwks->n == MT_JWKS_MAX)
		return refuse(diag, MT_JWKS_E_FULL, "too many keys");

	jwks->keys[jwks->n++] = mt_steal(&key);
	return 0;
}

int
mt_jwks_parse(const char *json, size_t size, struct mt_diag *diag, struct mt_jwks **ret)
{
	MT_CLEANUP(mt_jwks_freep) struct mt_jwks *jwks = NULL;
	MT_CLEANUP(json_decrefp) json_t *root = NULL;
	json_t *keys;
	json_error_t error;
	int r;

	if (size > MT_JWKS_BYTES_MAX)
		return refuse(diag, MT_JWKS_E_MALFORMED, "larger than 64 KiB");

	root = json_loadb(json, size, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(root))
		return refuse(diag, MT_JWKS_E_MALFORMED, root ? "no JSON object" : error.text);

	r = mt_jwks_new(&jwks);
	if (r)
		return r;

	keys = json_object_get(root, "keys");
	if (keys && !json_is_array(keys))
		return refuse(diag, MT_JWKS_E_MALFORMED, "\"keys\" is no array (RFC 7517 §5.1)");
	if (!keys && !json_object_get(root, "kty"))
		return refuse(diag, MT_JWKS_E_MALFORMED, "neither a key set nor a key (RFC 7517)");
	if (!keys)
		r = read_key(jwks, root, diag);
	for (size_t i = 0; i < json_array_size(keys) && r == 0; i++)
		r = read_key(jwks, json_array_get(keys, i), diag);
	if (r)
		return r;

	*ret = mt_steal(&jwks);
	return 0;
}

int
mt_jwks_add(struct mt_jwks *jwks, const struct mt_public_key *key)
{
	int r;

	if (mt_jwks_find(jwks, key->kid))
		return 0;
	if (jwks->n == MT_JWKS_MAX)
		return MT_JWKS_E_FULL;

	r = mt_public_key_new(key->x, kinds[key->alg].has_y ? key->y : NULL, key->kid,
			      &jwks->keys[jwks->n]);
	if (r == 0)
		jwks->n++;

	return r;
}

void
mt_jwks_remove(struct mt_jwks *jwks, const char *kid)
{
	for (size_t i = 0; i < jwks->n; i++) {
		if (strcmp(jwks->keys[i]->kid, kid) != 0)
			continue;

		mt_public_key_free(jwks->keys[i]);
		jwks->n--;
		memmove(&jwks->keys[i], &jwks->keys[i + 1], (jwks->n - i) * sizeof(jwks->keys[0]));
		return;
	}
}

const struct mt_public_key *
mt_jwks_find(const struct mt_jwks *jwks, const char *kid)
{
	for (size_t i = 0; i < jwks->n; i++)
		if (strcmp(jwks->keys[i]->kid, kid) == 0)
			return jwks->keys[i];

	return NULL;
}

const struct mt_public_key *
mt_jwks_at(const struct mt_jwks *jwks, size_t index)
{
	return index < jwks->n ? jwks->keys[index] : NULL;
}

static json_t *
key_to_json(const struct mt_public_key *key)
{
	const struct kind *kind = &kinds[key->alg];
	char x[COORDINATE_TEXT + 1], y[COORDINATE_TEXT + 1];

	coordinate_text(key->x, x);
	coordinate_text(key->y, y);
	return json_pack("{s:s, s:s, s:s, s:s*, s:s, s:s, s:s}", "kty", kind->kty, "crv", kind->crv,
			 "x", x, "y", kind->has_y ? y : NULL, "kid", key->kid, "alg", kind->alg,
			 "use", "sig");
}

int
mt_jwks_format(const struct mt_jwks *jwks, char **ret)
{
	MT_CLEANUP(json_decrefp) json_t *root = json_pack("{s:[]}", "keys");
	char *text;

	for (size_t i = 0; i < jwks->n; i++)
		if (json_array_append_new(json_object_get(root, "keys"),
					  key_to_json(jwks->keys[i])))
			return -ENOMEM;

	text = json_dumps(root, JSON_COMPACT);
	if (!text)
		return -ENOMEM;

	*ret = text;
	return 0;
}
