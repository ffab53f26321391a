/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_TLS_PROFILE_H
#define MT_POLICY_TLS_PROFILE_H

/*
 * Cipher suites: how good a negotiated suite is (BCP 195, RFC 9325 §4; D-TLS-05 to D-TLS-08).
 *
 * Judges a name, as IANA or OpenSSL writes it. A suite nobody here knows is forbidden. Whether key,
 * certificate or version are good enough is judged elsewhere.
 */

#include "policy/minimum.h"

enum mt_cipher_class {
	MT_CIPHER_CLASS_FORBIDDEN = 0, /* NULL, anonymous, export, RC4, DES, 3DES, MD5; unknown */
	MT_CIPHER_CLASS_SANE,   /* no MUST NOT, but a SHOULD NOT: static RSA, DHE, CBC, ARIA … */
	MT_CIPHER_CLASS_BCP195, /* no SHOULD NOT: ECDHE with AEAD, or with CBC under EtM */
	MT_CIPHER_CLASS_RECOMMENDED /* the lists of D-TLS-06 and D-TLS-07 */
};

/* etm: encrypt-then-MAC was negotiated (RFC 7366); matters to CBC suites only. */
enum mt_cipher_class mt_cipher_classify(const char *suite, bool etm);

/* profile: a value of field cipher_profile. */
bool mt_cipher_class_meets(enum mt_cipher_class class, uint8_t profile);

#endif
