/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_JWK_H
#define MT_IPC_JWK_H

/*
 * Keys: the private one that signs verdicts, and sets of public ones that verify.
 *
 * struct mt_key is one EC P-256 key pair with everything signing needs kept warm. It is generated,
 * loaded from and saved to a PKCS#8 PEM file that nobody else can read (D-JOSE-06). struct mt_jwks
 * is a JSON Web Key Set (RFC 7517) of public keys: EC P-256, which belongs to ES256, and OKP
 * Ed25519, which belongs to EdDSA. A key has one algorithm, and no token can talk it into another
 * (D-JOSE-02). A key's id is its RFC 7638 thumbprint unless a set names another.
 *
 * Does not rotate keys or decide which set is trusted: the keeper does. Not for two threads at
 * once. Lifetime: what a find returns belongs to the set.
 */

#include "policy/diag.h"

#define MT_THUMBPRINT_SIZE 44 /* base64url of 32 bytes, and NUL */
#define MT_KID_SIZE 128       /* kids of foreign sets; longer ones do not match anything */
#define MT_JWKS_MAX 16        /* keys in one set: current, retired, and room for administrators */
#define MT_JWKS_BYTES_MAX (64 * 1024)
#define MT_ES256_RAW_SIZE 64 /* r || s, RFC 7518 §3.4 */

/* Algorithms, as bits for the caller's list. Zero names none, so nothing verifies. */
enum mt_jws_alg { MT_JWS_ALG_UNKNOWN = 0, MT_JWS_ALG_ES256, MT_JWS_ALG_EDDSA };
#define MT_JWS_ALG_COUNT 3

enum {
	MT_KEY_E_NOT_FOUND = 1,   /* no such file */
	MT_KEY_E_EXISTS = 2,      /* save: never overwrites */
	MT_KEY_E_PERMISSIONS = 3, /* group or others may read it, not a plain file, or another's */
	MT_KEY_E_MALFORMED = 4    /* no PKCS#8 PEM of a P-256 key */
};

struct mt_key; /* one private key */

MT_MUST_CHECK int mt_key_generate(struct mt_key **ret);
/* Return: 0, MT_KEY_E_NOT_FOUND, MT_KEY_E_PERMISSIONS, MT_KEY_E_MALFORMED, or negative errno. */
MT_MUST_CHECK int mt_key_load(const char *path, struct mt_key **ret);
/* Creates the file with mode 0600 and writes it through to the disk; on failure nothing is left.
 * Return: 0, MT_KEY_E_EXISTS, or negative errno. */
MT_MUST_CHECK int mt_key_save(const struct mt_key *key, const char *path);
struct mt_key *mt_key_free(struct mt_key *key);
MT_DEFINE_CLEANUP(struct mt_key *, mt_key_free);

/* The thumbprint. Lives as long as the key. */
const char *mt_key_kid(const struct mt_key *key);

/* ES256 over data: SHA-256, ECDSA, r || s. Return: 0, or negative errno (-EIO: OpenSSL failed). */
MT_MUST_CHECK int mt_key_sign(struct mt_key *key, const void *data, size_t size,
			      uint8_t ret_raw[static MT_ES256_RAW_SIZE]);

enum {
	MT_JWKS_E_MALFORMED =
		1,             /* not a set; a key of a known kind is broken; a kid stands twice */
	MT_JWKS_E_PRIVATE = 2, /* holds a private member: it has leaked and is not used */
	MT_JWKS_E_FULL = 3
};

struct mt_jwks;
struct mt_public_key; /* one member of a set */

/* An empty set. */
MT_MUST_CHECK int mt_jwks_new(struct mt_jwks **ret);
/* Reads {"keys":[…]}, or one bare key. Keys of unknown kind, use or algorithm are left out (RFC
 * 7517 §5). Return: 0, MT_JWKS_E_…, or negative errno; diag says why. */
MT_MUST_CHECK int mt_jwks_parse(const char *json, size_t size, struct mt_diag *diag,
				struct mt_jwks **ret);
struct mt_jwks *mt_jwks_free(struct mt_jwks *jwks);
MT_DEFINE_CLEANUP(struct mt_jwks *, mt_jwks_free);

/* Adds the public half; a key that is there already is left as it is. Return: 0, MT_JWKS_E_FULL. */
MT_MUST_CHECK int mt_jwks_add(struct mt_jwks *jwks, const struct mt_key *key);
/* Takes the key of that id out, if it is there (D-JOSE-11). */
void mt_jwks_remove(struct mt_jwks *jwks, const char *kid);

size_t mt_jwks_count(const struct mt_jwks *jwks);
/* The key of that id, or NULL. */
const struct mt_public_key *mt_jwks_find(const struct mt_jwks *jwks, const char *kid);
const struct mt_public_key *mt_jwks_at(const struct mt_jwks *jwks, size_t index);
const char *mt_public_key_kid(const struct mt_public_key *key);
enum mt_jws_alg mt_public_key_alg(const struct mt_public_key *key);
/* RFC 7638, SHA-256 (D-JOSE-05). */
void mt_public_key_thumbprint(const struct mt_public_key *key, char ret[static MT_THUMBPRINT_SIZE]);

/* The set as JSON, public members only (D-JOSE-06). *ret is malloc'ed. */
MT_MUST_CHECK int mt_jwks_format(const struct mt_jwks *jwks, char **ret);

/* The signature stands, by the key's one algorithm. */
bool mt_public_key_verify(const struct mt_public_key *key, const void *data, size_t size,
			  const uint8_t *signature, size_t signature_size);

const char *mt_jws_alg_to_string(enum mt_jws_alg alg); /* "ES256" "EdDSA" */

#endif
