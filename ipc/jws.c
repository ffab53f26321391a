/* SPDX-License-Identifier: MIT */
/* Verifies compact JWS: split, read the header, check the signature, decode the payload. */

#include "ipc/jws.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/base64.h"

struct parts {
	const char *text;
	size_t header_size, payload_size, signature_size; /* of base64url */
};

static int
refuse(struct mt_diag *diag, const char *why)
{
	mt_diag_set(diag, SIZE_MAX, "%s", why);
	return MT_JWS_E_INVALID;
}

static int
split(const char *text, size_t size, struct parts *ret)
{
	const char *dot1 = memchr(text, '.', size), *dot2;

	if (!dot1)
		return 1;

	dot2 = memchr(dot1 + 1, '.', size - (size_t)(dot1 + 1 - text));
	if (!dot2)
		return 1;

	/* a third dot is no base64url and falls with the signature */
	*ret = (struct parts){text, (size_t)(dot1 - text), (size_t)(dot2 - dot1 - 1),
			      size - (size_t)(dot2 + 1 - text)};
	return 0;
}

/* Finds the key the header asks for, if the header is one we accept. NULL: diag says why not. */
static const struct mt_public_key *
key_of_header(const json_t *header, const struct mt_jwks *keys, const struct mt_jws_rules *rules,
	      struct mt_diag *diag)
{
	const char *alg_name = json_string_value(json_object_get(header, "alg"));
	const char *typ = json_string_value(json_object_get(header, "typ"));
	const char *kid = json_string_value(json_object_get(header, "kid"));
	enum mt_jws_alg alg = alg_name ? mt_jws_alg_from_string(alg_name) : MT_JWS_ALG_UNKNOWN;
	const struct mt_public_key *key = kid ? mt_jwks_find(keys, kid) : NULL;
	const char *why = NULL;

	if (json_object_get(header, "crit"))
		why = "crit names extensions, and none is understood (RFC 7515 §4.1.11)";
	else if (alg == MT_JWS_ALG_UNKNOWN || !(rules->algorithms & MT_BIT(alg)))
		why = "the algorithm is not one that is accepted here (RFC 8725 §3.1)";
	else if (!typ || strcmp(typ, rules->typ) != 0)
		why = "it is another type of token (RFC 8725 §3.11)";
	else if (!key)
		why = "no known key has its kid (RFC 7515 §4.1.4)";
	else if (mt_public_key_alg(key) != alg)
		why = "the algorithm does not belong to the key (RFC 8725 §3.1)";
	if (!why)
		return key;

	mt_diag_set(diag, SIZE_MAX, "%s", why);
	return NULL;
}

static const struct mt_public_key *
find_key(const struct parts *parts, const struct mt_jwks *keys, const struct mt_jws_rules *rules,
	 struct mt_diag *diag)
{
	MT_CLEANUP(json_decrefp) json_t *header = NULL;
	uint8_t json[MT_JWS_HEADER_MAX];
	size_t size;

	if (mt_base64url_decode(parts->text, parts->header_size, json, sizeof(json), &size)) {
		mt_diag_set(diag, 0, "the header is no base64url, or too long (RFC 7515 §2)");
		return NULL;
	}
	header = json_loadb((const char *)json, size, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(header)) {
		mt_diag_set(diag, 0, "the header is no JSON object of unique names (RFC 7515 §4)");
		return NULL;
	}
	return key_of_header(header, keys, rules, diag);
}

static int
decode_payload(const struct parts *parts, char **ret_payload, size_t *ret_size)
{
	size_t max = parts->payload_size / 4 * 3 + 2;
	char *payload = malloc(max + 1);
	size_t size;

	if (!payload)
		return -ENOMEM;
	if (mt_base64url_decode(parts->text + parts->header_size + 1, parts->payload_size,
				(uint8_t *)payload, max, &size)) {
		free(payload);
		return MT_JWS_E_INVALID;
	}
	payload[size] = '\0';
	*ret_payload = payload;
	*ret_size = size;
	return 0;
}

int
mt_jws_verify(const char *text, size_t size, const struct mt_jwks *keys,
	      const struct mt_jws_rules *rules, struct mt_diag *diag, char **ret_payload,
	      size_t *ret_size)
{
	const struct mt_public_key *key;
	uint8_t signature[MT_ES256_SIZE]; /* as long as one of Ed25519 */
	size_t signature_size, signed_size;
	struct parts parts;
	int r;

	if (size > rules->max)
		return refuse(diag, "it is longer than any genuine one");
	if (split(text, size, &parts))
		return refuse(diag, "it has not three parts (RFC 7515 §7.1)");

	key = find_key(&parts, keys, rules, diag);
	if (!key)
		return MT_JWS_E_INVALID;

	signed_size = parts.header_size + 1 + parts.payload_size;
	if (mt_base64url_decode(text + signed_size + 1, parts.signature_size, signature,
				sizeof(signature), &signature_size))
		return refuse(diag, "the signature is no base64url (RFC 7515 §2)");
	if (!mt_public_key_verify(key, text, signed_size, signature, signature_size))
		return refuse(diag, "the signature does not stand (RFC 7515 §5.2)");

	r = decode_payload(&parts, ret_payload, ret_size);
	return r > 0 ? refuse(diag, "the payload is no base64url (RFC 7515 §2)") : r;
}
