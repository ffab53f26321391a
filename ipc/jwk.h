/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_JWK_H
#define MT_IPC_JWK_H

/*
 * Public keys, and sets of them, as JSON Web Keys (RFC 7517).
 *
 * Two kinds exist: EC P-256, which belongs to ES256, and OKP Ed25519 (RFC 8037), which belongs to
 * EdDSA. A key has one algorithm and no token can talk it into another (D-JOSE-02). A key's id is
 * its RFC 7638 thumbprint unless a set names another.
 *
 * Does not decide which set is trusted, nor when a key retires: the keeper does. A set that holds
 * private members is refused, not trimmed (D-JOSE-06). What a find returns belongs to its set.
 */

#include "policy/diag.h"

#define MT_COORDINATE_SIZE 32
#define MT_THUMBPRINT_SIZE 44 /* base64url of 32 bytes, and NUL */
#define MT_KID_SIZE 128       /* foreign sets name keys by date or host; 127 is plenty */
#define MT_JWKS_MAX 16        /* keys of one set: current, retired, and an administrator's few */
#define MT_JWKS_BYTES_MAX (64 * 1024)
#define MT_ES256_SIZE 64 /* r || s, RFC 7518 §3.4 */

/* Zero names no algorithm, so nothing verifies. */
enum mt_jws_alg { MT_JWS_ALG_UNKNOWN = 0, MT_JWS_ALG_ES256, MT_JWS_ALG_EDDSA };
#define MT_JWS_ALG_COUNT 3

/* The algorithm of a JWS header, or UNKNOWN. RFC 9864's "Ed25519" is what "EdDSA" means here. */
enum mt_jws_alg mt_jws_alg_from_string(const char *string);

enum {
	MT_JWKS_E_MALFORMED = 1, /* no set; a key of a known kind is broken; an id stands twice */
	MT_JWKS_E_PRIVATE = 2,   /* a private key stands in it: it has leaked */
	MT_JWKS_E_FULL = 3       /* more than MT_JWKS_MAX keys */
};

struct mt_public_key;

/* A key from its coordinates; y is NULL for Ed25519. kid NULL: the thumbprint.
 * Return: 0, MT_JWKS_E_MALFORMED where they are no point of the curve, or negative errno. */
MT_MUST_CHECK int mt_public_key_new(const uint8_t x[static MT_COORDINATE_SIZE], const uint8_t *y,
				    const char *kid, struct mt_public_key **ret);
struct mt_public_key *mt_public_key_free(struct mt_public_key *key);
MT_DEFINE_CLEANUP(struct mt_public_key *, mt_public_key_free);

const char *mt_public_key_kid(const struct mt_public_key *key);
enum mt_jws_alg mt_public_key_alg(const struct mt_public_key *key);
/* RFC 7638 with SHA-256 (D-JOSE-05). Return: 0, or negative errno. */
MT_MUST_CHECK int mt_public_key_thumbprint(const struct mt_public_key *key,
					   char ret[static MT_THUMBPRINT_SIZE]);
/* The signature over data stands, by the key's one algorithm. */
bool mt_public_key_verify(const struct mt_public_key *key, const void *data, size_t size,
			  const uint8_t *signature, size_t signature_size);

struct mt_jwks;

MT_MUST_CHECK int mt_jwks_new(struct mt_jwks **ret); /* empty */
/* Reads {"keys":[…]}, or one bare key. Keys of an unknown kind, use or algorithm are left out
 * (RFC 7517 §5). Return: 0, MT_JWKS_E_…, or negative errno; diag says why. */
MT_MUST_CHECK int mt_jwks_parse(const char *json, size_t size, struct mt_diag *diag,
				struct mt_jwks **ret);
struct mt_jwks *mt_jwks_free(struct mt_jwks *jwks);
MT_DEFINE_CLEANUP(struct mt_jwks *, mt_jwks_free);

/* Copies a key into the set; one whose id is there already stays as it is.
 * Return: 0, MT_JWKS_E_FULL, or negative errno. */
MT_MUST_CHECK int mt_jwks_add(struct mt_jwks *jwks, const struct mt_public_key *key);
/* Takes the key of that id out, if it is there (D-JOSE-11). */
void mt_jwks_remove(struct mt_jwks *jwks, const char *kid);
/* The key of that id, or NULL. */
const struct mt_public_key *mt_jwks_find(const struct mt_jwks *jwks, const char *kid);
/* The key at a position, or NULL past the end. */
const struct mt_public_key *mt_jwks_at(const struct mt_jwks *jwks, size_t index);

/* The set as JSON, public members only (D-JOSE-06). *ret is malloc'ed and NUL-terminated. */
MT_MUST_CHECK int mt_jwks_format(const struct mt_jwks *jwks, char **ret);

#endif
