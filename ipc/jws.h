/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_JWS_H
#define MT_IPC_JWS_H

/*
 * The envelope: verifies one compact JWS (RFC 7515 §5.2) as strictly as RFC 8725 asks.
 *
 * Verdict tokens and organisation bundles share it; what tells them apart is typ, which the caller
 * names and which must be exactly that (D-JOSE-03, D-JOSE-12). The caller also names the
 * algorithms. The header may contain alg, typ, kid, and members that are ignored without a look:
 * jwk, jku, x5c, x5u and their like (D-JOSE-08). A crit or b64 member refuses it (D-JOSE-07).
 * Nothing here looks at the payload, which is handed out only after the signature stood.
 */

#include "ipc/jwk.h"

enum { MT_JWS_E_INVALID = 1 };

struct mt_jws_rules {
	uint32_t algorithms; /* MT_BIT(enum mt_jws_alg) */
	const char *typ;
	size_t max; /* bytes of compact text */
};

/* Verifies text; on success *ret_payload is malloc'ed, and NUL-terminated beyond *ret_size.
 * Return: 0, MT_JWS_E_INVALID with the reason in diag, or negative errno. */
MT_MUST_CHECK int mt_jws_verify(const char *text, size_t size, const struct mt_jwks *keys,
				const struct mt_jws_rules *rules, struct mt_diag *diag,
				uint8_t **ret_payload, size_t *ret_size);

#endif
