/* SPDX-License-Identifier: MIT */
/* Signs verdict tokens: JSON straight into a bounded buffer, base64url, ES256. */

#include "ipc/token.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "ipc/base64.h"

static_assert(MT_VERDICT_TEXT_SIZE > (MT_VERDICT_PAYLOAD_MAX + 2) / 3 * 4 + 160 + 86 + 3,
	      "a token with the largest payload fits");

/* A bounded buffer. What does not fit is counted, not written. */
struct out {
	char *data;
	size_t size, max;
};

static void
put(struct out *out, const char *text, size_t size)
{
	if (size <= out->max && out->size <= out->max - size)
		memcpy(out->data + out->size, text, size);

	out->size += size;
}

#define PUT(out, literal) put(out, literal, sizeof(literal) - 1)

static bool
is_overfull(const struct out *out)
{
	return out->size > out->max;
}

/* A JSON string (RFC 8259 §7). Names here are ASCII by their types; every other byte is escaped as
 * the character of that number, so that the text stays valid whatever it was. */
static void
put_string(struct out *out, const char *text)
{
	static const char hex[] = "0123456789abcdef";

	PUT(out, "\"");
	while (*text) {
		size_t plain = 0;
		unsigned char c;

		while ((c = (unsigned char)text[plain]) >= 0x20 && c < 0x7f && c != '"' &&
		       c != '\\')
			plain++;

		put(out, text, plain);
		text += plain;
		if (*text == '\0')
			break;

		put(out, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 0xf]}, 6);
		text++;
	}
	PUT(out, "\"");
}

static void
put_number(struct out *out, uint64_t number)
{
	char digits[20];
	size_t n = sizeof(digits);

	do
		digits[--n] = (char)('0' + number % 10);
	while (number /= 10);

	put(out, digits + n, sizeof(digits) - n);
}

static void
put_bytes(struct out *out, const uint8_t *data, size_t size)
{
	char text[(MT_NONCE_MAX + 2) / 3 * 4];

	PUT(out, "\"");
	put(out, text, mt_base64url_encode(data, size, text));
	PUT(out, "\"");
}

static_assert(MT_NONCE_MAX >= 32, "put_bytes takes digests too");

/* RFC 7519 §4.1. */
static void
put_registered(struct out *out, const struct mt_token_claims *claims)
{
	PUT(out, "{\"iss\":");
	put_string(out, claims->iss);
	PUT(out, ",\"sub\":");
	put_string(out, claims->sub);
	PUT(out, ",\"aud\":[\"uid:");
	put_number(out, claims->uid);
	PUT(out, "\"],\"iat\":");
	put_number(out, (uint64_t)claims->iat_sec);
	PUT(out, ",\"exp\":");
	put_number(out, (uint64_t)claims->exp_sec);
	PUT(out, ",\"jti\":");
	put_bytes(out, claims->jti, sizeof(claims->jti));
	if (claims->nonce_size == 0)
		return;

	PUT(out, ",\"nonce\":");
	put_bytes(out, claims->nonce, claims->nonce_size);
}

/* What was asked about: operation, endpoint, and the connection itself. */
static void
put_connection(struct out *out, const struct mt_token_claims *claims)
{
	PUT(out, ",\"mt_op\":");
	put_string(out, mt_op_to_string(claims->op));
	PUT(out, ",\"mt_svc\":");
	put_string(out, mt_proto_to_string(claims->proto));
	PUT(out, ",\"mt_host\":");
	put_string(out, claims->host);
	PUT(out, ",\"mt_port\":");
	put_number(out, claims->port);
	if (claims->has_leaf) {
		PUT(out, ",\"mt_leaf\":");
		put_bytes(out, claims->leaf_sha256, sizeof(claims->leaf_sha256));
	}
	if (claims->has_binding) {
		PUT(out, ",\"mt_cb\":{\"type\":\"exporter\",\"hash\":");
		put_bytes(out, claims->binding, sizeof(claims->binding));
		PUT(out, "}");
	} else {
		PUT(out, ",\"mt_cb\":{\"type\":\"none\"}");
	}
}

/* What was decided, and why. */
static void
put_verdict(struct out *out, const struct mt_token_claims *claims)
{
	PUT(out, ",\"mt_decision\":");
	put_string(out, mt_decision_to_string(claims->decision));
	PUT(out, ",\"mt_conf\":");
	put(out, claims->conf ? "true" : "false", claims->conf ? 4 : 5);
	PUT(out, ",\"mt_id\":{\"type\":");
	put_string(out, mt_refid_type_to_string(claims->id.type));
	if (claims->id.type != MT_REFID_NONE) {
		PUT(out, ",\"value\":");
		put_string(out, claims->id.value);
	}
	if (claims->provenance == MT_PROVENANCE_ATTESTED)
		PUT(out, "},\"mt_prov\":\"attested\"");
	else
		PUT(out, "},\"mt_prov\":\"asserted\"");
	PUT(out, ",\"mt_epoch\":");
	put_number(out, claims->epoch);
	PUT(out, ",\"mt_rsn\":[");
	for (size_t i = 0; i < claims->n_reasons; i++) {
		if (i > 0)
			PUT(out, ",");
		put_string(out, mt_reason_to_string(claims->reasons[i]));
	}
	PUT(out, "],\"mt_src\":");
	put_string(out, mt_layer_to_string(claims->layer));
	PUT(out, "}");
}

/* The claims are such as a verifier would take: what it would refuse is never signed. */
static bool
is_sane(const struct mt_token_claims *claims)
{
	if ((unsigned int)claims->decision >= MT_DECISION_COUNT ||
	    (unsigned int)claims->op >= MT_OP_COUNT ||
	    (unsigned int)claims->proto >= MT_PROTO_COUNT ||
	    (unsigned int)claims->id.type >= MT_REFID_TYPE_COUNT ||
	    (unsigned int)claims->layer >= MT_LAYER_COUNT)
		return false;
	for (size_t i = 0; i < claims->n_reasons && i < MT_REASONS_MAX; i++)
		if ((unsigned int)claims->reasons[i] >= MT_REASON_COUNT)
			return false;

	return claims->n_reasons > 0 && claims->n_reasons <= MT_REASONS_MAX &&
	       claims->nonce_size <= MT_NONCE_MAX && claims->iat_sec >= 0 &&
	       claims->exp_sec > claims->iat_sec &&
	       claims->exp_sec - claims->iat_sec <= MT_VERDICT_TTL_MAX_SEC &&
	       claims->epoch <= INT64_MAX &&
	       (!claims->conf || claims->decision == MT_DECISION_ALLOW);
}

static size_t
encode_header(const struct mt_key *key, char *text)
{
	char json[96 + MT_KID_SIZE];
	struct out out = {json, 0, sizeof(json)};

	PUT(&out, "{\"alg\":\"ES256\",\"typ\":\"" MT_VERDICT_TYP "\",\"kid\":\"");
	put(&out, mt_public_key_kid(mt_key_public(key)), MT_THUMBPRINT_SIZE - 1);
	PUT(&out, "\"}");
	assert(!is_overfull(&out));
	return mt_base64url_encode((const uint8_t *)json, out.size, text);
}

int
mt_token_sign(struct mt_key *key, const struct mt_token_claims *claims,
	      char text[static MT_VERDICT_TEXT_SIZE], size_t *ret_size)
{
	char payload[MT_VERDICT_PAYLOAD_MAX];
	struct out out = {payload, 0, sizeof(payload)};
	uint8_t signature[MT_ES256_SIZE];
	size_t n;
	int r;

	if (!is_sane(claims))
		return -EINVAL;

	put_registered(&out, claims);
	put_connection(&out, claims);
	put_verdict(&out, claims);
	if (is_overfull(&out))
		return -EMSGSIZE;

	n = encode_header(key, text);
	text[n++] = '.';
	n += mt_base64url_encode((const uint8_t *)payload, out.size, text + n);
	r = mt_key_sign(key, text, n, signature);
	if (r)
		return r;

	text[n++] = '.';
	n += mt_base64url_encode(signature, sizeof(signature), text + n);
	text[n] = '\0';
	*ret_size = n;
	return 0;
}

int
mt_token_binding(const uint8_t exporter[static 32], const char *peer, uint16_t port,
		 uint16_t local_port, uint8_t ret[static 32])
{
	char input[32 + MT_PEER_SIZE + 16];
	int n;

	memcpy(input, exporter, 32);
	n = snprintf(input + 32, sizeof(input) - 32, "%s|%u|%u", peer, (unsigned int)port,
		     (unsigned int)local_port);
	if (n < 0 || (size_t)n >= sizeof(input) - 32)
		return -EINVAL;

	return EVP_Digest(input, 32 + (size_t)n, ret, NULL, EVP_sha256(), NULL) ? 0 : -EIO;
}

enum mt_reason
mt_token_outcome_reason(int outcome)
{
	switch (outcome) {
	case MT_TOKEN_E_EXPIRED:
		return MT_REASON_VERDICT_EXPIRED;
	case MT_TOKEN_E_MISMATCH:
		return MT_REASON_VERDICT_BINDING_MISMATCH;
	default:
		return MT_REASON_VERDICT_SIGNATURE_INVALID;
	}
}
