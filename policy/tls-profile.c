/* SPDX-License-Identifier: MIT */
/* Cipher suites by name. */

#include "policy/tls-profile.h"

#include <string.h>

struct suite {
	const char *iana, *openssl;
	enum mt_cipher_class class;
};

#define RECOMMENDED MT_CIPHER_CLASS_RECOMMENDED
#define BCP MT_CIPHER_CLASS_BCP195

/* clang-format off */
static const struct suite suites[] = {
	/* RFC 8446 §9.1, D-TLS-07 */
	{"TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", RECOMMENDED},
	{"TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", RECOMMENDED},
	{"TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", RECOMMENDED},
	{"TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_SHA256", BCP},
	/* RFC 9325 §4.2, D-TLS-06 */
	{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", RECOMMENDED},
	{"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", RECOMMENDED},
	{"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", RECOMMENDED},
	{"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384", RECOMMENDED},
	/* RFC 7905, RFC 7251: forward secret and AEAD, not on the list */
	{"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305", BCP},
	{"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", BCP},
	{"TLS_ECDHE_ECDSA_WITH_AES_128_CCM", "ECDHE-ECDSA-AES128-CCM", BCP},
	{"TLS_ECDHE_ECDSA_WITH_AES_256_CCM", "ECDHE-ECDSA-AES256-CCM", BCP},
};

/* Words that forbid a suite wherever they stand in its name (RFC 9325 §4.1: MUST NOT). */
static const char *const forbidden[] = {
	"NULL", "EXP", "RC4", "RC2", "DES", "anon", "ADH", "AECDH", "MD5", "IDEA", "SEED",
	"KRB5", "PSK", "SRP", "GOST", "_40_", "_56_",
};

/* Key exchange and cipher of suites that are merely not recommended (RFC 9325 §4.1: SHOULD NOT). */
static const char *const known_ciphers[] = {"AES", "CAMELLIA", "ARIA", "CHACHA20"};
/* clang-format on */

static bool
contains_any(const char *name, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strstr(name, words[i]))
			return true;
	return false;
}

static bool
is_ecdhe(const char *name)
{
	return strncmp(name, "TLS_ECDHE_", 10) == 0 || strncmp(name, "ECDHE-", 6) == 0;
}

/* AES128-SHA and ECDHE-RSA-AES128-SHA256 are how OpenSSL writes CBC suites. */
static bool
is_cbc(const char *name)
{
	return strstr(name, "CBC") ||
	       (!strstr(name, "GCM") && !strstr(name, "CCM") && !strstr(name, "POLY1305"));
}

enum mt_cipher_class
mt_cipher_classify(const char *suite, bool etm)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(suites); i++)
		if (strcmp(suites[i].iana, suite) == 0 || strcmp(suites[i].openssl, suite) == 0)
			return suites[i].class;
	if (contains_any(suite, forbidden, MT_ARRAY_SIZE(forbidden)) ||
	    !contains_any(suite, known_ciphers, MT_ARRAY_SIZE(known_ciphers)))
		return MT_CIPHER_CLASS_FORBIDDEN;
	/* D-TLS-08: CBC only with encrypt-then-MAC, and never without forward secrecy */
	if (is_ecdhe(suite) && is_cbc(suite) && etm)
		return MT_CIPHER_CLASS_BCP195;
	return MT_CIPHER_CLASS_SANE;
}

bool
mt_cipher_class_meets(enum mt_cipher_class class, uint8_t profile)
{
	static const enum mt_cipher_class needed[] = {
		[MT_CIPHER_SANE] = MT_CIPHER_CLASS_SANE,
		[MT_CIPHER_BCP195] = MT_CIPHER_CLASS_BCP195,
		[MT_CIPHER_RECOMMENDED_ONLY] = MT_CIPHER_CLASS_RECOMMENDED,
	};

	return class >= needed[profile];
}
