/* SPDX-License-Identifier: MIT */
/*
 * Feeds verify: the input is a header and a payload, split at the first NUL byte, that get a good
 * signature, so that the reader of claims is reached; and once more as the whole compact text, and
 * as a key set.
 */

#include <stdlib.h>
#include <string.h>

#include "ipc/base64.h"
#include "ipc/token.h"

#define PART_MAX 4096
#define TEXT_MAX (2 * (PART_MAX / 3 * 4 + 4) + 128)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct mt_token_expect expect = {.now_sec = 1800000000, .uid = 1000};

static void
verify(const char *text, size_t size, const struct mt_jwks *keys)
{
	struct mt_token_claims claims;
	struct mt_diag diag;

	/* expect demands a binding and gives none: nothing may ever be granted */
	if (mt_token_verify(text, size, keys, &expect, &diag, &claims) == 0)
		abort();
}

static void
verify_signed(struct mt_key *key, const struct mt_jwks *keys, const uint8_t *data, size_t size)
{
	const uint8_t *split = memchr(data, 0, size);
	uint8_t signature[MT_ES256_SIZE];
	char text[TEXT_MAX];
	size_t n;

	if (!split || size > PART_MAX)
		return;

	n = mt_base64url_encode(data, (size_t)(split - data), text);
	text[n++] = '.';
	n += mt_base64url_encode(split + 1, size - (size_t)(split + 1 - data), text + n);
	if (mt_key_sign(key, text, n, signature))
		abort();

	text[n++] = '.';
	n += mt_base64url_encode(signature, sizeof(signature), text + n);
	verify(text, n, keys);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char pem[] =
		"-----BEGIN PRIVATE KEY-----\n"
		"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgZSccB3mkub/UOQtD\n"
		"HEoaiv6ccLI92yh46JkJ315Suu+hRANCAAQLSu20QlKncFTXDl5FgUlo22zRYmNu\n"
		"RW92crdTXtTaQVurNupIEHKBSkrYgModd3nojP8S1liWYR/SwKMS/wiB\n"
		"-----END PRIVATE KEY-----\n";
	static struct mt_key *key;
	static struct mt_jwks *keys;
	struct mt_jwks *foreign = NULL;

	if (!key && (mt_key_parse(pem, sizeof(pem) - 1, &key) || mt_jwks_new(&keys) ||
		     mt_jwks_add(keys, mt_key_public(key))))
		abort();

	verify((const char *)data, size, keys);
	verify_signed(key, keys, data, size);
	if (mt_jwks_parse((const char *)data, size, NULL, &foreign) == 0)
		mt_jwks_free(foreign);

	return 0;
}
