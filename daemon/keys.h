/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_KEYS_H
#define MT_DAEMON_KEYS_H

/*
 * The keeper's signing key and the set of public keys it publishes.
 *
 * The key is a systemd credential ("signing-key" in $CREDENTIALS_DIRECTORY) or a file in the state
 * directory, made on first start (0600). Rotation overlaps: the old public key stays in the set for
 * as long as a verdict it signed can live (D-JOSE-11). Signing itself is ipc/token.h.
 */

#include "ipc/key.h"

struct mt_keys;

enum {
	MT_KEYS_E_UNUSABLE = 1,  /* the file is no key, or others could have read it */
	MT_KEYS_E_CREDENTIAL = 2 /* handed in by the service manager: rotated there, not here */
};

/* Loads the key, or makes one where the directory holds none. Return: 0, MT_KEYS_E_UNUSABLE with
 * diag saying which file and why, negative errno. */
MT_MUST_CHECK int mt_keys_open(const char *state_dir, struct mt_diag *diag, struct mt_keys **ret);
struct mt_keys *mt_keys_free(struct mt_keys *keys);
MT_DEFINE_CLEANUP(struct mt_keys *, mt_keys_free);

struct mt_signing_key *mt_keys_signing(struct mt_keys *keys);
/* "urn:mailtrust:" and a hash of the machine's id. */
const char *mt_keys_issuer(const struct mt_keys *keys);
/* The published set as JSON; lives until the next call. NULL: no memory. */
const char *mt_keys_jwks(struct mt_keys *keys, int64_t now_usec);
/* Return: 0, MT_KEYS_E_CREDENTIAL, negative errno (the old key then stays). */
MT_MUST_CHECK int mt_keys_rotate(struct mt_keys *keys, int64_t now_usec);

#endif
