/* SPDX-License-Identifier: MIT */
/*
 * Prints {"token":…,"jwks":…} of a fresh key, for foreign JOSE implementations to judge.
 * The time is the only argument: seconds since 1970 at which the token is issued.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ipc/token.h"

static const struct mt_token_claims sample = {
	.iss = "urn:mailtrust:0123456789abcdef",
	.sub = "00112233445566778899aabbccddeeff",
	.uid = 1000,
	.jti = {0xde, 0xad, 0xbe, 0xef},
	.nonce = {'q'},
	.nonce_size = 1,
	.decision = MT_DECISION_ALLOW,
	.conf = true,
	.op = MT_OP_AUTHENTICATE,
	.proto = MT_PROTO_IMAP,
	.host = "imap.example.test",
	.port = 993,
	.has_leaf = true,
	.has_binding = true,
	.id = {.type = MT_REFID_DNS, .value = "imap.example.test"},
	.provenance = MT_PROVENANCE_ATTESTED,
	.epoch = 42,
	.reasons = {MT_REASON_CERT_PKIX_VALID, MT_REASON_CONF_MET},
	.n_reasons = 2,
	.layer = MT_LAYER_FLOOR,
};

static int
print_token(int64_t now_sec)
{
	MT_CLEANUP(mt_key_freep) struct mt_key *key = NULL;
	MT_CLEANUP(mt_jwks_freep) struct mt_jwks *jwks = NULL;
	struct mt_token_claims claims = sample;
	char text[MT_VERDICT_TEXT_SIZE], *set = NULL;
	size_t size;

	claims.iat_sec = now_sec;
	claims.exp_sec = now_sec + 60;
	if (mt_key_generate(&key) || mt_jwks_new(&jwks) || mt_jwks_add(jwks, mt_key_public(key)) ||
	    mt_jwks_format(jwks, &set) || mt_token_sign(key, &claims, text, &size))
		return 70;

	printf("{\"token\":\"%s\",\"jwks\":%s}\n", text, set);
	free(set);
	return 0;
}

int
main(int argc, char **argv)
{
	int64_t now_sec;

	if (argc != 2 || sscanf(argv[1], "%" SCNd64, &now_sec) != 1)
		return 64;

	return print_token(now_sec);
}
