/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_KEY_H
#define MT_IPC_KEY_H

/*
 * The private key that signs verdicts: one EC P-256 pair, with what signing needs kept warm.
 *
 * It lives in a PKCS#8 PEM file that nobody but its owner can read; a file others could have read
 * is refused, because its signatures prove nothing (D-JOSE-06). Its id is its RFC 7638 thumbprint
 * (D-JOSE-05). Does not rotate: the keeper holds two of these while it does. Not for two threads.
 */

#include "ipc/jwk.h"

#define MT_KEY_FILE_MAX 4096 /* a P-256 PEM has 241 bytes; room for comments before it */

enum {
	MT_KEY_E_NOT_FOUND = 1, /* no such file */
	MT_KEY_E_EXISTS = 2,    /* saving never overwrites */
	MT_KEY_E_PERMISSIONS =
		3,             /* group or others have rights, another owns it, or no plain file */
	MT_KEY_E_MALFORMED = 4 /* no PEM of a P-256 private key */
};

struct mt_key;

MT_MUST_CHECK int mt_key_generate(struct mt_key **ret);
/* From PEM text that arrived by a way its reader has judged, e.g. a systemd credential (mode 0440
 * with an access list, behind a directory of its own). Return: 0, MT_KEY_E_MALFORMED, -errno. */
MT_MUST_CHECK int mt_key_parse(const char *pem, size_t size, struct mt_key **ret);
/* Return: 0, MT_KEY_E_NOT_FOUND, _PERMISSIONS, _MALFORMED, or negative errno. */
MT_MUST_CHECK int mt_key_load(const char *path, struct mt_key **ret);
/* Creates the file, mode 0600, and writes it through to the disk; a failure leaves none behind.
 * Return: 0, MT_KEY_E_EXISTS, or negative errno. */
MT_MUST_CHECK int mt_key_save(const struct mt_key *key, const char *path);
struct mt_key *mt_key_free(struct mt_key *key);
MT_DEFINE_CLEANUP(struct mt_key *, mt_key_free);

/* The public half. Lives as long as the key. */
const struct mt_public_key *mt_key_public(const struct mt_key *key);

/* ES256: SHA-256 of data, ECDSA, r || s. Return: 0, or -EIO where OpenSSL failed. */
MT_MUST_CHECK int mt_key_sign(struct mt_key *key, const void *data, size_t size,
			      uint8_t ret[static MT_ES256_SIZE]);

#endif
