/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_ECDSA_DER_H
#define MT_IPC_ECDSA_DER_H

/*
 * The two forms of a P-256 signature: r || s of fixed width as JOSE wants it (RFC 7518 §3.4), and
 * the DER SEQUENCE of two INTEGERs OpenSSL speaks. Moves bytes; does not check that r and s are in
 * range, which verifying does. No bignums, no allocation: it runs for every verdict.
 */

#include "policy/base.h"

#define MT_ECDSA_RAW_SIZE 64
#define MT_ECDSA_DER_MAX 72 /* 2 + 2 * (2 + 33) */

/* Return: 0, or 1 where it is no such SEQUENCE. */
MT_MUST_CHECK int mt_ecdsa_raw_from_der(const uint8_t *der, size_t size,
					uint8_t ret[static MT_ECDSA_RAW_SIZE]);

/* Return: the size of the DER form. */
size_t mt_ecdsa_der_from_raw(const uint8_t raw[static MT_ECDSA_RAW_SIZE],
			     uint8_t ret[static MT_ECDSA_DER_MAX]);

#endif
