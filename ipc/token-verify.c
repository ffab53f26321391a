/* SPDX-License-Identifier: MIT */
/*
 * Verifies verdict tokens: the envelope, then the claims, then time, then the connection in hand.
 * Reading and judging are apart; a claim that cannot be read refuses the token whatever it says.
 */

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/base64.h"
#include "ipc/jws.h"
#include "ipc/token.h"
#include "policy/domain.h"

static void
text_free(char **text)
{
	free(*text);
}

/* Each reads one claim. Return: 0, or 1 where it is not what it has to be. */

static int
read_text(const json_t *value, char *ret, size_t size)
{
	const char *text = json_string_value(value);

	if (!text || strlen(text) >= size)
		return 1;

	strcpy(ret, text);
	return 0;
}

static int
read_bytes(const json_t *value, uint8_t *ret, size_t max, size_t *ret_size)
{
	const char *text = json_string_value(value);

	return !text || mt_base64url_decode(text, strlen(text), ret, max, ret_size) ? 1 : 0;
}

static int
read_exactly(const json_t *value, uint8_t *ret, size_t size)
{
	size_t n = 0;

	return read_bytes(value, ret, size, &n) || n != size ? 1 : 0;
}

static int
read_iss(const json_t *value, struct mt_token_claims *ret)
{
	return read_text(value, ret->iss, sizeof(ret->iss));
}

static int
read_sub(const json_t *value, struct mt_token_claims *ret)
{
	return read_text(value, ret->sub, sizeof(ret->sub));
}

/* ["uid:N"], the one way the number can be written. */
static int
read_aud(const json_t *value, struct mt_token_claims *ret)
{
	const char *text = json_string_value(json_array_get(value, 0));
	char canonical[16];
	uint32_t uid = 0;

	if (!text || json_array_size(value) != 1 || sscanf(text, "uid:%10" SCNu32, &uid) != 1)
		return 1;

	(void)snprintf(canonical, sizeof(canonical), "uid:%" PRIu32, uid);
	ret->uid = uid;
	return strcmp(canonical, text) != 0;
}

/* Whole seconds (D-JOSE-10). */
static int
read_time(const json_t *value, int64_t *ret)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return 1;

	*ret = json_integer_value(value);
	return 0;
}

static int
read_iat(const json_t *value, struct mt_token_claims *ret)
{
	return read_time(value, &ret->iat_sec);
}

static int
read_exp(const json_t *value, struct mt_token_claims *ret)
{
	return read_time(value, &ret->exp_sec);
}

static int
read_jti(const json_t *value, struct mt_token_claims *ret)
{
	return read_exactly(value, ret->jti, sizeof(ret->jti));
}

static int
read_nonce(const json_t *value, struct mt_token_claims *ret)
{
	return read_bytes(value, ret->nonce, sizeof(ret->nonce), &ret->nonce_size);
}

static int
read_decision(const json_t *value, struct mt_token_claims *ret)
{
	const char *text = json_string_value(value);

	return !text || mt_decision_from_string(text, &ret->decision) ? 1 : 0;
}

static int
read_conf(const json_t *value, struct mt_token_claims *ret)
{
	ret->conf = json_is_true(value);
	return !json_is_boolean(value);
}

static int
read_op(const json_t *value, struct mt_token_claims *ret)
{
	const char *text = json_string_value(value);

	/* "unknown" is written where nothing better was asked; it permits nothing */
	return !text || (mt_op_from_string(text, &ret->op) &&
			 strcmp(text, mt_op_to_string(MT_OP_UNKNOWN)) != 0);
}

static int
read_svc(const json_t *value, struct mt_token_claims *ret)
{
	const char *text = json_string_value(value);

	return !text || (mt_proto_from_string(text, &ret->proto) &&
			 strcmp(text, mt_proto_to_string(MT_PROTO_UNKNOWN)) != 0);
}

static int
read_host(const json_t *value, struct mt_token_claims *ret)
{
	return read_text(value, ret->host, sizeof(ret->host));
}

static int
read_port(const json_t *value, struct mt_token_claims *ret)
{
	json_int_t port = json_integer_value(value);

	ret->port = (uint16_t)port;
	return !json_is_integer(value) || port < 0 || port > UINT16_MAX;
}

static int
read_leaf(const json_t *value, struct mt_token_claims *ret)
{
	ret->has_leaf = true;
	return read_exactly(value, ret->leaf_sha256, sizeof(ret->leaf_sha256));
}

static int
read_cb(const json_t *value, struct mt_token_claims *ret)
{
	const char *type = json_string_value(json_object_get(value, "type"));
	const json_t *hash = json_object_get(value, "hash");

	if (!type)
		return 1;

	ret->has_binding = strcmp(type, "exporter") == 0;
	if (ret->has_binding)
		return read_exactly(hash, ret->binding, sizeof(ret->binding));

	return strcmp(type, "none") != 0 || hash;
}

static int
read_id(const json_t *value, struct mt_token_claims *ret)
{
	const char *type = json_string_value(json_object_get(value, "type"));

	for (size_t i = 0; type && i < MT_REFID_TYPE_COUNT; i++) {
		if (strcmp(type, mt_refid_type_to_string((enum mt_refid_type)i)) != 0)
			continue;

		ret->id.type = (enum mt_refid_type)i;
		return i == MT_REFID_NONE ? 0
					  : read_text(json_object_get(value, "value"),
						      ret->id.value, sizeof(ret->id.value));
	}
	return 1;
}

static int
read_prov(const json_t *value, struct mt_token_claims *ret)
{
	const char *text = json_string_value(value);

	if (!text)
		return 1;

	ret->provenance =
		strcmp(text, "attested") == 0 ? MT_PROVENANCE_ATTESTED : MT_PROVENANCE_ASSERTED;
	return ret->provenance == MT_PROVENANCE_ASSERTED && strcmp(text, "asserted") != 0;
}

static int
read_epoch(const json_t *value, struct mt_token_claims *ret)
{
	ret->epoch = (uint64_t)json_integer_value(value);
	return !json_is_integer(value) || json_integer_value(value) < 0;
}

static int
read_reasons(const json_t *value, struct mt_token_claims *ret)
{
	size_t n = json_array_size(value);

	if (n == 0 || n > MT_REASONS_MAX)
		return 1;

	for (size_t i = 0; i < n; i++) {
		const char *code = json_string_value(json_array_get(value, i));

		if (!code)
			return 1;
		if (mt_reason_from_string(code, &ret->reasons[ret->n_reasons]))
			ret->unknown_reason = true;
		else
			ret->n_reasons++;
	}
	return 0;
}

static int
read_src(const json_t *value, struct mt_token_claims *ret)
{
	const char *text = json_string_value(value);

	for (size_t i = 0; text && i < MT_LAYER_COUNT; i++) {
		if (strcmp(text, mt_layer_to_string((enum mt_layer)i)) != 0)
			continue;

		ret->layer = (enum mt_layer)i;
		return 0;
	}
	return 1;
}

static const struct claim {
	const char *name;
	bool optional;
	int (*read)(const json_t *value, struct mt_token_claims *ret);
} claims_table[] = {
	{"iss", false, read_iss},        {"sub", false, read_sub},
	{"aud", false, read_aud},        {"iat", false, read_iat},
	{"exp", false, read_exp},        {"jti", false, read_jti},
	{"nonce", true, read_nonce},     {"mt_decision", false, read_decision},
	{"mt_conf", false, read_conf},   {"mt_op", false, read_op},
	{"mt_svc", false, read_svc},     {"mt_host", false, read_host},
	{"mt_port", false, read_port},   {"mt_leaf", true, read_leaf},
	{"mt_cb", false, read_cb},       {"mt_id", false, read_id},
	{"mt_prov", false, read_prov},   {"mt_epoch", false, read_epoch},
	{"mt_rsn", false, read_reasons}, {"mt_src", false, read_src},
};

static int
refuse(struct mt_diag *diag, int outcome, const char *what)
{
	mt_diag_set(diag, SIZE_MAX, "%s", what);
	return outcome;
}

static int
read_claims(const char *json, size_t size, struct mt_diag *diag, struct mt_token_claims *ret)
{
	MT_CLEANUP(json_decrefp)
	json_t *root = json_loadb(json, size, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(root))
		return refuse(diag, MT_TOKEN_E_INVALID,
			      "the payload is no JSON object of unique names (RFC 7519 §4)");

	for (size_t i = 0; i < MT_ARRAY_SIZE(claims_table); i++) {
		const struct claim *claim = &claims_table[i];
		const json_t *value = json_object_get(root, claim->name);

		if (!value && claim->optional)
			continue;
		if (value && claim->read(value, ret) == 0)
			continue;

		mt_diag_set(diag, SIZE_MAX, "claim %s is %s (RFC 7519 §4)", claim->name,
			    value ? "malformed" : "missing");
		return MT_TOKEN_E_INVALID;
	}
	if (ret->conf && ret->decision != MT_DECISION_ALLOW)
		return refuse(diag, MT_TOKEN_E_INVALID, "confidential, and yet not allowed");

	return 0;
}

static int
judge_time(const struct mt_token_claims *claims, int64_t now_sec, struct mt_diag *diag)
{
	if (claims->exp_sec <= claims->iat_sec ||
	    claims->exp_sec - claims->iat_sec > MT_VERDICT_TTL_MAX_SEC)
		return refuse(diag, MT_TOKEN_E_INVALID, "its lifetime is not one we give");
	if (claims->iat_sec > now_sec + MT_VERDICT_LEEWAY_SEC)
		return refuse(diag, MT_TOKEN_E_INVALID, "it was issued in the future");
	/* RFC 7519 §4.1.4: on or after exp it must not be accepted, with the leeway of D-JOSE-10 */
	if (now_sec >= claims->exp_sec + MT_VERDICT_LEEWAY_SEC)
		return refuse(diag, MT_TOKEN_E_EXPIRED, "it has expired (RFC 7519 §4.1.4)");

	return 0;
}

static bool
binding_holds(const struct mt_token_claims *claims, const struct mt_token_expect *expect)
{
	switch (expect->cb) {
	case MT_TOKEN_CB_EXPORTER:
		return claims->has_binding && expect->binding &&
		       memcmp(claims->binding, expect->binding, sizeof(claims->binding)) == 0;
	case MT_TOKEN_CB_NONE:
		return !claims->has_binding;
	case MT_TOKEN_CB_UNCHECKED:
		return true;
	}
	return false;
}

static bool
leaf_holds(const struct mt_token_claims *claims, const uint8_t *leaf)
{
	return !leaf || (claims->has_leaf &&
			 memcmp(claims->leaf_sha256, leaf, sizeof(claims->leaf_sha256)) == 0);
}

static bool
nonce_holds(const struct mt_token_claims *claims, struct mt_bytes nonce)
{
	return nonce.size == 0 || (claims->nonce_size == nonce.size &&
				   memcmp(claims->nonce, nonce.data, nonce.size) == 0);
}

/* D-JOSE-04, D-JOSE-13, D-CB-06: compares with the connection in hand. */
static int
judge_connection(const struct mt_token_claims *c, const struct mt_token_expect *e,
		 struct mt_diag *diag)
{
	const char *what = NULL;

	if (c->uid != e->uid && !(e->any_uid && e->cb == MT_TOKEN_CB_UNCHECKED))
		what = "it was given to another user (aud)";
	else if (e->account && strcmp(c->sub, e->account) != 0)
		what = "it was given for another account (sub)";
	else if (e->op != MT_OP_UNKNOWN && c->op != e->op)
		what = "it was given for another operation (mt_op)";
	else if ((e->proto != MT_PROTO_UNKNOWN && c->proto != e->proto) ||
		 (e->host && !mt_domain_equal(c->host, e->host)) || (e->port && c->port != e->port))
		what = "it was given for another server (mt_svc, mt_host, mt_port)";
	else if (e->epoch && c->epoch != e->epoch)
		what = "the policy has changed since (mt_epoch)";
	else if (!leaf_holds(c, e->leaf_sha256))
		what = "it was given for another certificate (mt_leaf)";
	else if (!nonce_holds(c, e->nonce))
		what = "it answers another question (nonce)";
	else if (!binding_holds(c, e))
		what = "it was given for another connection (mt_cb)";

	return what ? refuse(diag, MT_TOKEN_E_MISMATCH, what) : 0;
}

int
mt_token_verify(const char *text, size_t size, const struct mt_jwks *keys,
		const struct mt_token_expect *expect, struct mt_diag *diag,
		struct mt_token_claims *ret)
{
	static const struct mt_jws_rules rules = {
		.algorithms = MT_BIT(MT_JWS_ALG_ES256), /* D-JOSE-02 */
		.typ = MT_VERDICT_TYP,
		.max = MT_VERDICT_TEXT_SIZE - 1,
	};
	MT_CLEANUP(text_free) char *payload = NULL;
	struct mt_token_claims claims = {0};
	size_t payload_size;
	int r;

	r = mt_jws_verify(text, size, keys, &rules, diag, &payload, &payload_size);
	if (r)
		return r < 0 ? r : MT_TOKEN_E_INVALID;

	r = read_claims(payload, payload_size, diag, &claims);
	if (r)
		return r;
	if (expect->iss && strcmp(claims.iss, expect->iss) != 0)
		return refuse(diag, MT_TOKEN_E_INVALID, "another machine issued it (iss)");

	r = judge_time(&claims, expect->now_sec, diag);
	if (r == 0)
		r = judge_connection(&claims, expect, diag);
	if (r == MT_TOKEN_E_INVALID)
		return r;

	/* reason codes are a closed list: what we do not know may well forbid it */
	if (r || claims.unknown_reason) {
		claims.decision = MT_DECISION_DENY;
		claims.conf = false;
	}
	*ret = claims;
	return r;
}
