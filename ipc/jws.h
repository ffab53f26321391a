/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_JWS_H
#define MT_IPC_JWS_H

/*
 * The envelope: verifies one compact JWS (RFC 7515 §5.2) as strictly as RFC 8725 asks.
 *
 * Verdict tokens and organisation bundles share it; typ tells them apart, which the caller names
 * and which must be exactly that (D-JOSE-03, D-JOSE-12). The caller names the algorithms too
 * (D-JOSE-01), and the one in the header must be the one of the key its kid names (D-JOSE-02). A
 * header with crit is refused (D-JOSE-07); jwk, jku, x5c, x5u and other members are not looked at
 * (D-JOSE-08). The payload is handed out only after the signature stood, and is not looked at.
 */

#include "ipc/jwk.h"

#define MT_JWS_HEADER_MAX 1024 /* ours has 112 bytes; room for members that are ignored */

enum { MT_JWS_E_INVALID = 1 };

struct mt_jws_rules {
	uint64_t algorithms; /* MT_BIT(enum mt_jws_alg) */
	const char *typ;
	size_t max; /* characters of compact text */
};

/* Verifies text. On success *ret_payload is malloc'ed and has a NUL after its *ret_size bytes.
 * Return: 0, MT_JWS_E_INVALID with the reason in diag, or negative errno. */
MT_MUST_CHECK int mt_jws_verify(const char *text, size_t size, const struct mt_jwks *keys,
				const struct mt_jws_rules *rules, struct mt_diag *diag,
				char **ret_payload, size_t *ret_size);

#endif
