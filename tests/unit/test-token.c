/* SPDX-License-Identifier: MIT */
/* Verdict tokens: what is signed, and everything that is refused. */

#include "tests/cmocka-all.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/base64.h"
#include "ipc/token.h"

#define NOW INT64_C(1800000000)
#define TEXT_MAX (2 * MT_VERDICT_TEXT_SIZE)

static const uint8_t exporter[32] = {1, 2, 3};

struct world {
	struct mt_key *key, *stranger;
	struct mt_jwks *jwks;
	struct mt_token_claims claims;
	struct mt_token_expect expect; /* the connection claims was issued for */
	char text[MT_VERDICT_TEXT_SIZE];
	size_t size;
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct mt_token_claims *c = &w->claims;

	*state = w;
	*c = (struct mt_token_claims){
		.iss = "urn:mailtrust:0123456789abcdef",
		.sub = "00112233445566778899aabbccddeeff",
		.uid = 1000,
		.iat_sec = NOW,
		.exp_sec = NOW + 60,
		.jti = {0xde, 0xad},
		.nonce = {'n', 'o', 'n', 'c', 'e'},
		.nonce_size = 5,
		.decision = MT_DECISION_ALLOW,
		.conf = true,
		.op = MT_OP_AUTHENTICATE,
		.proto = MT_PROTO_IMAP,
		.host = "imap.example.test",
		.port = 993,
		.has_leaf = true,
		.leaf_sha256 = {7, 7, 7},
		.has_binding = true,
		.id = {.type = MT_REFID_DNS, .value = "imap.example.test"},
		.provenance = MT_PROVENANCE_ATTESTED,
		.epoch = 42,
		.reasons = {MT_REASON_CERT_PKIX_VALID, MT_REASON_CONF_MET},
		.n_reasons = 2,
		.layer = MT_LAYER_ORG,
	};
	assert_int_equal(mt_key_generate(&w->key), 0);
	assert_int_equal(mt_key_generate(&w->stranger), 0);
	assert_int_equal(mt_jwks_new(&w->jwks), 0);
	assert_int_equal(mt_jwks_add(w->jwks, mt_key_public(w->key)), 0);
	assert_int_equal(mt_token_binding(exporter, "192.0.2.7", 993, 40000, c->binding), 0);
	assert_int_equal(mt_token_sign(w->key, c, w->text, &w->size), 0);
	w->expect = (struct mt_token_expect){
		.now_sec = NOW + 1,
		.uid = 1000,
		.binding = c->binding,
		.iss = c->iss,
		.account = c->sub,
		.op = c->op,
		.proto = c->proto,
		.host = c->host,
		.port = c->port,
		.epoch = c->epoch,
		.leaf_sha256 = c->leaf_sha256,
		.nonce = {c->nonce, c->nonce_size},
	};
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	mt_key_free(w->key);
	mt_key_free(w->stranger);
	mt_jwks_free(w->jwks);
	free(w);
	return 0;
}

static int
verify_text(const struct world *w, const char *text, size_t size)
{
	struct mt_token_claims claims;
	struct mt_diag diag = {0};
	int r = mt_token_verify(text, size, w->jwks, &w->expect, &diag, &claims);

	/* whoever is refused is told why */
	assert_int_equal(r == 0, diag.message[0] == '\0');
	return r;
}

/* What the token in w->text says, as JSON. */
static json_t *
payload_of(const struct world *w)
{
	uint8_t json[MT_VERDICT_PAYLOAD_MAX];
	const char *start = strchr(w->text, '.') + 1;
	size_t size;
	json_t *root;

	assert_int_equal(mt_base64url_decode(start, (size_t)(strchr(start, '.') - start), json,
					     sizeof(json), &size),
			 0);
	root = json_loadb((const char *)json, size, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	return root;
}

/* Writes "header.payload", whatever they are. */
static size_t
encode_parts(const char *header, const char *payload, size_t payload_size, char *text)
{
	size_t n = mt_base64url_encode((const uint8_t *)header, strlen(header), text);

	text[n++] = '.';
	return n + mt_base64url_encode((const uint8_t *)payload, payload_size, text + n);
}

static size_t
sign_parts(struct mt_key *key, const char *header, const char *payload, char *text)
{
	size_t n = encode_parts(header, payload, strlen(payload), text);
	uint8_t signature[MT_ES256_SIZE];

	assert_int_equal(mt_key_sign(key, text, n, signature), 0);
	text[n++] = '.';
	return n + mt_base64url_encode(signature, sizeof(signature), text + n);
}

static const char *
kid_of(const struct world *w)
{
	return mt_public_key_kid(mt_key_public(w->key));
}

/* Signs a payload with our key and a good header, and verifies the result. */
static int
verify_payload(const struct world *w, const char *payload)
{
	char header[256], text[TEXT_MAX];

	(void)snprintf(header, sizeof(header),
		       "{\"alg\":\"ES256\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\"}",
		       kid_of(w));
	return verify_text(w, text, sign_parts(w->key, header, payload, text));
}

static int
verify_payload_json(const struct world *w, const json_t *root)
{
	char *json = json_dumps(root, JSON_COMPACT);
	int r;

	assert_non_null(json);
	r = verify_payload(w, json);
	free(json);
	return r;
}

/* Signs the good payload with our key under a header where %s is our kid. */
static int
verify_header(const struct world *w, struct mt_key *key, const char *format)
{
	char header[1024], text[TEXT_MAX];
	json_t *root = payload_of(w);
	char *json = json_dumps(root, JSON_COMPACT);
	int r;

	(void)snprintf(header, sizeof(header), "%.*s%s%s",
		       (int)(strstr(format, "%s") ? strstr(format, "%s") - format
						  : (ptrdiff_t)strlen(format)),
		       format, strstr(format, "%s") ? kid_of(w) : "",
		       strstr(format, "%s") ? strstr(format, "%s") + 2 : "");
	r = verify_text(w, text, sign_parts(key, header, json, text));
	free(json);
	json_decref(root);
	return r;
}

static void
what_was_signed_is_what_is_read(void **state)
{
	struct world *w = *state;
	const struct mt_token_claims *c = &w->claims;
	struct mt_token_claims back;

	assert_int_equal(w->size, strlen(w->text));
	assert_int_equal(mt_token_verify(w->text, w->size, w->jwks, &w->expect, NULL, &back), 0);
	assert_string_equal(back.iss, c->iss);
	assert_string_equal(back.sub, c->sub);
	assert_int_equal(back.uid, c->uid);
	assert_int_equal(back.iat_sec, c->iat_sec);
	assert_int_equal(back.exp_sec, c->exp_sec);
	assert_memory_equal(back.jti, c->jti, sizeof(c->jti));
	assert_memory_equal(back.nonce, c->nonce, sizeof(c->nonce));
	assert_int_equal(back.nonce_size, c->nonce_size);
	assert_int_equal(back.decision, c->decision);
	assert_true(back.conf);
	assert_int_equal(back.op, c->op);
	assert_int_equal(back.proto, c->proto);
	assert_string_equal(back.host, c->host);
	assert_int_equal(back.port, c->port);
	assert_true(back.has_leaf);
	assert_memory_equal(back.leaf_sha256, c->leaf_sha256, 32);
	assert_true(back.has_binding);
	assert_memory_equal(back.binding, c->binding, 32);
	assert_int_equal(back.id.type, c->id.type);
	assert_string_equal(back.id.value, c->id.value);
	assert_int_equal(back.provenance, c->provenance);
	assert_int_equal(back.epoch, c->epoch);
	assert_int_equal(back.n_reasons, c->n_reasons);
	assert_memory_equal(back.reasons, c->reasons, c->n_reasons * sizeof(c->reasons[0]));
	assert_int_equal(back.layer, c->layer);
	assert_false(back.unknown_reason);
}

static void
the_header_says_es256_our_type_and_the_thumbprint(void **state)
{
	const struct world *w = *state;
	char expected[256];
	uint8_t header[256];
	size_t n = 0;

	(void)snprintf(expected, sizeof(expected),
		       "{\"alg\":\"ES256\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\"}",
		       kid_of(w));
	assert_int_equal(
		mt_base64url_decode(w->text, strcspn(w->text, "."), header, sizeof(header) - 1, &n),
		0);
	header[n] = '\0';
	assert_string_equal((const char *)header, expected);
}

static void
the_claims_have_the_names_and_forms_of_the_contract(void **state)
{
	const struct world *w = *state;
	json_t *root = payload_of(w), *expected;

	expected =
		json_loads("{\"iss\":\"urn:mailtrust:0123456789abcdef\",\"sub\":"
			   "\"00112233445566778899aabbccddeeff\","
			   "\"aud\":[\"uid:1000\"],\"iat\":1800000000,\"exp\":1800000060,"
			   "\"jti\":\"3q0AAAAAAAAAAAAAAAAAAA\",\"nonce\":\"bm9uY2U\",\"mt_op\":"
			   "\"authenticate\","
			   "\"mt_svc\":\"imap\",\"mt_host\":\"imap.example.test\",\"mt_port\":993,"
			   "\"mt_leaf\":\"BwcHAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
			   "\"mt_decision\":\"allow\",\"mt_conf\":true,"
			   "\"mt_id\":{\"type\":\"dns\",\"value\":\"imap.example.test\"},"
			   "\"mt_prov\":\"attested\",\"mt_epoch\":42,\"mt_rsn\":[\"cert.pkix-"
			   "valid\",\"conf.met\"],"
			   "\"mt_src\":\"org\"}",
			   0, NULL);
	assert_non_null(expected);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(root, "mt_cb"), "type")),
		"exporter");
	assert_int_equal(
		json_string_length(json_object_get(json_object_get(root, "mt_cb"), "hash")), 43);
	json_object_del(root, "mt_cb");
	assert_true(json_equal(root, expected));
	json_decref(root);
	json_decref(expected);
}

static void
a_hostile_name_cannot_add_a_claim(void **state)
{
	struct world *w = *state;
	json_t *root;

	strcpy(w->claims.host, "a\",\"mt_conf\":true,\"x\":\"\\\n\x01\x7f\xff");
	w->claims.conf = false;
	w->claims.decision = MT_DECISION_DENY;
	assert_int_equal(mt_token_sign(w->key, &w->claims, w->text, &w->size), 0);
	root = payload_of(w);
	assert_true(json_is_false(json_object_get(root, "mt_conf")));
	assert_null(json_object_get(root, "x"));
	assert_string_equal(json_string_value(json_object_get(root, "mt_host")),
			    "a\",\"mt_conf\":true,\"x\":\"\\\n\x01\x7f\xc3\xbf");
	json_decref(root);
}

static void
the_largest_verdict_fits_and_a_larger_one_is_refused_whole(void **state)
{
	struct world *w = *state;
	struct mt_token_claims *c = &w->claims;

	memset(c->host, 'h', MT_DOMAIN_MAX);
	memset(c->id.value, 'v', sizeof(c->id.value) - 1);
	memset(c->iss, 'i', sizeof(c->iss) - 1);
	c->nonce_size = MT_NONCE_MAX;
	c->n_reasons = MT_REASONS_MAX;
	for (size_t i = 0; i < MT_REASONS_MAX; i++)
		c->reasons[i] = MT_REASON_TRANSPORT_CLEARTEXT_ON_TLS_PORT; /* a longest code */
	assert_int_equal(mt_token_sign(w->key, c, w->text, &w->size), 0);
	assert_true(w->size < MT_VERDICT_TEXT_SIZE);

	memset(c->host, '\x01', MT_DOMAIN_MAX);
	assert_int_equal(mt_token_sign(w->key, c, w->text, &w->size), -EMSGSIZE);
}

static void
nothing_is_signed_that_a_verifier_would_refuse(void **state)
{
	struct world *w = *state;
	const struct mt_token_claims good = w->claims;
	struct mt_token_claims *c = &w->claims;

#define REFUSED(change)                                                                 \
	do {                                                                            \
		*c = good;                                                              \
		change;                                                                 \
		assert_int_equal(mt_token_sign(w->key, c, w->text, &w->size), -EINVAL); \
	} while (0)

	REFUSED(c->n_reasons = 0);
	REFUSED(c->n_reasons = MT_REASONS_MAX + 1);
	REFUSED(c->reasons[1] = (enum mt_reason)MT_REASON_COUNT);
	REFUSED(c->nonce_size = MT_NONCE_MAX + 1);
	REFUSED(c->iat_sec = -1);
	REFUSED(c->exp_sec = c->iat_sec);
	REFUSED(c->exp_sec = c->iat_sec + MT_VERDICT_TTL_MAX_SEC + 1);
	REFUSED(c->decision = MT_DECISION_AWC);
	REFUSED(c->decision = (enum mt_decision)MT_DECISION_COUNT);
	REFUSED(c->op = (enum mt_op)MT_OP_COUNT);
	REFUSED(c->proto = (enum mt_proto)MT_PROTO_COUNT);
	REFUSED(c->layer = (enum mt_layer)MT_LAYER_COUNT);
	REFUSED(c->id.type = (enum mt_refid_type)MT_REFID_TYPE_COUNT);
#undef REFUSED
}

/* Headers over the good payload, signed by our key. */
static const struct {
	const char *header;
	int outcome;
} headers[] = {
	{"{\"alg\":\"ES256\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\"}", 0},
	{"{\"alg\":\"none\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\"}", 1},
	{"{\"alg\":\"None\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\"}", 1},
	{"{\"alg\":\"HS256\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\"}", 1},
	{"{\"alg\":\"RS256\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\"}", 1},
	{"{\"alg\":\"EdDSA\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\"}", 1},
	{"{\"alg\":\"es256\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\"}", 1},
	{"{\"alg\":[\"ES256\"],\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\"}", 1},
	{"{\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\"}", 1},
	/* D-JOSE-03, D-JOSE-12 */
	{"{\"alg\":\"ES256\",\"typ\":\"mailtrust-policy+jwt\",\"kid\":\"%s\"}", 1},
	{"{\"alg\":\"ES256\",\"typ\":\"MAILTRUST-VERDICT+JWT\",\"kid\":\"%s\"}", 1},
	{"{\"alg\":\"ES256\",\"typ\":\"application/mailtrust-verdict+jwt\",\"kid\":\"%s\"}", 1},
	{"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", 1},
	{"{\"alg\":\"ES256\",\"kid\":\"%s\"}", 1},
	/* D-JOSE-05 */
	{"{\"alg\":\"ES256\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"x\"}", 1},
	{"{\"alg\":\"ES256\",\"typ\":\"mailtrust-verdict+jwt\"}", 1},
	/* D-JOSE-07 */
	{"{\"alg\":\"ES256\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\",\"crit\":[\"x\"]}",
	 1},
	{"{\"alg\":\"ES256\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\",\"crit\":[\"exp\"],"
	 "\"exp\":1}",
	 1},
	{"{\"alg\":\"ES256\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\",\"crit\":[]}", 1},
	{"{\"alg\":\"ES256\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\",\"crit\":null}", 1},
	/* D-JOSE-08: ignored, whatever they say */
	{"{\"alg\":\"ES256\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\",\"jku\":\"https://"
	 "x.test\"}",
	 0},
	{"{\"alg\":\"ES256\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\",\"x5u\":\"https://"
	 "x.test\"}",
	 0},
	{"{\"alg\":\"ES256\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\",\"x5c\":[\"AA\"]}",
	 0},
	{"{\"alg\":\"ES256\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\",\"jwk\":{\"kty\":"
	 "\"oct\"}}",
	 0},
	/* D-JOSE-09 */
	{"{\"alg\":\"none\",\"alg\":\"ES256\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\"}",
	 1},
	{"{\"alg\":\"ES256\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\",\"z\":\"\xff\"}", 1},
	{"{\"alg\":\"ES256\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\"}x", 1},
	{"[\"ES256\"]", 1},
	{"", 1},
};

static void
only_es256_of_our_type_by_a_known_key_is_accepted(void **state)
{
	const struct world *w = *state;

	for (size_t i = 0; i < MT_ARRAY_SIZE(headers); i++) {
		int r = verify_header(w, w->key, headers[i].header);

		if (r != headers[i].outcome)
			fail_msg("%s: %d", headers[i].header, r);
	}
}

static void
an_unsigned_token_is_refused(void **state)
{
	const struct world *w = *state;
	char header[256], text[TEXT_MAX];
	json_t *root = payload_of(w);
	char *json = json_dumps(root, JSON_COMPACT);
	size_t n;

	(void)snprintf(header, sizeof(header),
		       "{\"alg\":\"none\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\"}",
		       kid_of(w));
	n = encode_parts(header, json, strlen(json), text);
	text[n++] = '.';
	assert_int_equal(verify_text(w, text, n), MT_TOKEN_E_INVALID);
	/* and with the good header, too */
	n = (size_t)(strrchr(w->text, '.') - w->text);
	assert_int_equal(verify_text(w, w->text, n), MT_TOKEN_E_INVALID);
	assert_int_equal(verify_text(w, w->text, n + 1), MT_TOKEN_E_INVALID);
	free(json);
	json_decref(root);
}

static void
a_token_keyed_with_our_public_key_as_an_hmac_secret_is_refused(void **state)
{
	const struct world *w = *state;
	char header[256], text[TEXT_MAX];
	json_t *root = payload_of(w);
	char *json = json_dumps(root, JSON_COMPACT), *secret;
	uint8_t mac[32];
	unsigned int mac_size = sizeof(mac);
	size_t n;

	assert_int_equal(mt_jwks_format(w->jwks, &secret), 0);
	(void)snprintf(header, sizeof(header),
		       "{\"alg\":\"HS256\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\"}",
		       kid_of(w));
	n = encode_parts(header, json, strlen(json), text);
	assert_non_null(HMAC(EVP_sha256(), secret, (int)strlen(secret), (const uint8_t *)text, n,
			     mac, &mac_size));
	text[n++] = '.';
	n += mt_base64url_encode(mac, sizeof(mac), text + n);
	assert_int_equal(verify_text(w, text, n), MT_TOKEN_E_INVALID);
	free(secret);
	free(json);
	json_decref(root);
}

static void
a_token_signed_by_a_key_it_brings_along_is_refused(void **state)
{
	const struct world *w = *state;
	struct mt_jwks *theirs = NULL;
	char header[1024], *set = NULL;
	const char *jwk;

	assert_int_equal(mt_jwks_new(&theirs), 0);
	assert_int_equal(mt_jwks_add(theirs, mt_key_public(w->stranger)), 0);
	assert_int_equal(mt_jwks_format(theirs, &set), 0);
	jwk = strchr(set, '[') + 1;
	for (int own_kid = 0; own_kid < 2; own_kid++) {
		(void)snprintf(header, sizeof(header),
			       "{\"alg\":\"ES256\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%"
			       "s\",\"jwk\":%.*s}",
			       own_kid ? kid_of(w) : mt_public_key_kid(mt_key_public(w->stranger)),
			       (int)strcspn(jwk, "]"), jwk);
		assert_int_equal(verify_header(w, w->stranger, header), MT_TOKEN_E_INVALID);
	}
	free(set);
	mt_jwks_free(theirs);
}

static void
an_ed25519_key_never_verifies_a_verdict(void **state)
{
	static const char jwk[] = "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"ed\","
				  "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}";
	struct world *w = *state;
	struct mt_jwks *okp = NULL;

	assert_int_equal(mt_jwks_parse(jwk, strlen(jwk), NULL, &okp), 0);
	assert_int_equal(mt_jwks_add(w->jwks, mt_jwks_at(okp, 0)), 0);
	assert_int_equal(
		verify_header(
			w, w->key,
			"{\"alg\":\"EdDSA\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"ed\"}"),
		MT_TOKEN_E_INVALID);
	assert_int_equal(
		verify_header(
			w, w->key,
			"{\"alg\":\"ES256\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"ed\"}"),
		MT_TOKEN_E_INVALID);
	mt_jwks_free(okp);
}

static void
one_changed_character_anywhere_is_refused(void **state)
{
	static const char others[] = "Aa9_-.=+ \n";
	struct world *w = *state;

	for (size_t i = 0; i < w->size; i++) {
		char good = w->text[i];

		for (size_t k = 0; k < 3; k++) {
			char other =
				k == 0 ? (char)(good ^ 1) : others[(i + k) % (sizeof(others) - 1)];

			w->text[i] = other;
			if (other != good && verify_text(w, w->text, w->size) != MT_TOKEN_E_INVALID)
				fail_msg("character %zu as 0x%02x", i, (unsigned char)other);
		}
		w->text[i] = good;
	}
	assert_int_equal(verify_text(w, w->text, w->size), 0);
}

static void
a_token_cut_anywhere_is_refused(void **state)
{
	const struct world *w = *state;

	for (size_t i = 0; i < w->size; i++)
		assert_int_equal(verify_text(w, w->text, i), MT_TOKEN_E_INVALID);
}

static void
padding_white_space_and_trailing_data_are_refused(void **state)
{
	static const char *const tails[] = {"=", "==", "\n", " ", ".", ".AA", "A", "\xff"};
	const struct world *w = *state;
	char text[TEXT_MAX];

	for (size_t i = 0; i < MT_ARRAY_SIZE(tails); i++) {
		(void)snprintf(text, sizeof(text), "%s%s", w->text, tails[i]);
		assert_int_equal(verify_text(w, text, strlen(text)), MT_TOKEN_E_INVALID);
	}
	(void)snprintf(text, sizeof(text), " %s", w->text);
	assert_int_equal(verify_text(w, text, strlen(text)), MT_TOKEN_E_INVALID);
	/* the NUL is not part of it either */
	assert_int_equal(verify_text(w, w->text, w->size + 1), MT_TOKEN_E_INVALID);
}

static void
a_repeated_exp_is_refused(void **state)
{
	const struct world *w = *state;
	json_t *root = payload_of(w);
	char *json = json_dumps(root, JSON_COMPACT), text[MT_VERDICT_PAYLOAD_MAX];

	assert_int_equal(verify_payload(w, json), 0);
	(void)snprintf(text, sizeof(text), "{\"exp\":1800000200,%s", json + 1);
	assert_int_equal(verify_payload(w, text), MT_TOKEN_E_INVALID);
	(void)snprintf(text, sizeof(text), "%s {}", json);
	assert_int_equal(verify_payload(w, text), MT_TOKEN_E_INVALID);
	free(json);
	json_decref(root);
}

static void
a_token_without_any_one_of_its_claims_is_refused(void **state)
{
	const struct world *w = *state;
	json_t *root = payload_of(w);
	const char *name;
	json_t *value;
	size_t n_refused = 0;

	json_object_foreach(root, name, value)
	{
		json_t *copy = json_copy(root);

		json_object_del(copy, name);
		/* mt_leaf and nonce are optional, and missed by those who expect them */
		if (strcmp(name, "mt_leaf") == 0 || strcmp(name, "nonce") == 0)
			assert_int_equal(verify_payload_json(w, copy), MT_TOKEN_E_MISMATCH);
		else if (verify_payload_json(w, copy) != MT_TOKEN_E_INVALID)
			fail_msg("%s", name);
		else
			n_refused++;
		json_decref(copy);
	}
	assert_int_equal(n_refused, 18);
	json_decref(root);
}

static const struct {
	const char *claim, *json;
	int outcome;
} values[] = {
	{"aud", "\"uid:1000\"", MT_TOKEN_E_INVALID},
	{"aud", "[]", MT_TOKEN_E_INVALID},
	{"aud", "[\"uid:1000\",\"uid:1001\"]", MT_TOKEN_E_INVALID},
	{"aud", "[\"uid:01000\"]", MT_TOKEN_E_INVALID},
	{"aud", "[\"uid:+1000\"]", MT_TOKEN_E_INVALID},
	{"aud", "[\"uid: 1000\"]", MT_TOKEN_E_INVALID},
	{"aud", "[\"uid:1000 \"]", MT_TOKEN_E_INVALID},
	{"aud", "[\"uid:4294968296\"]", MT_TOKEN_E_INVALID}, /* 1000 + 2^32 */
	{"aud", "[1000]", MT_TOKEN_E_INVALID},
	{"aud", "[\"uid:1001\"]", MT_TOKEN_E_MISMATCH},
	{"sub", "\"ffeeddccbbaa99887766554433221100\"", MT_TOKEN_E_MISMATCH},
	{"sub", "7", MT_TOKEN_E_INVALID},
	{"iss", "\"urn:mailtrust:other\"", MT_TOKEN_E_INVALID},
	{"iat", "1800000000.0", MT_TOKEN_E_INVALID},
	{"iat", "\"1800000000\"", MT_TOKEN_E_INVALID},
	{"exp", "1800000060.5", MT_TOKEN_E_INVALID},
	{"exp", "-1", MT_TOKEN_E_INVALID},
	{"exp", "99999999999999999999", MT_TOKEN_E_INVALID},
	{"exp", "null", MT_TOKEN_E_INVALID},
	{"jti", "\"3q0\"", MT_TOKEN_E_INVALID},
	{"nonce", "\"bm9uY2V\"", MT_TOKEN_E_INVALID}, /* left-over bits */
	{"nonce", "\"bm9uY2Uu\"", MT_TOKEN_E_MISMATCH},
	{"mt_decision", "\"ALLOW\"", MT_TOKEN_E_INVALID},
	{"mt_decision", "\"awc\"", MT_TOKEN_E_INVALID}, /* with conf */
	{"mt_conf", "1", MT_TOKEN_E_INVALID},
	{"mt_op", "\"submit\"", MT_TOKEN_E_MISMATCH},
	{"mt_op", "\"unknown\"", MT_TOKEN_E_MISMATCH},
	{"mt_op", "\"anything\"", MT_TOKEN_E_INVALID},
	{"mt_svc", "\"pop3\"", MT_TOKEN_E_MISMATCH},
	{"mt_svc", "\"smtps\"", MT_TOKEN_E_INVALID},
	{"mt_host", "\"imap.other.test\"", MT_TOKEN_E_MISMATCH},
	{"mt_port", "143", MT_TOKEN_E_MISMATCH},
	{"mt_port", "66529", MT_TOKEN_E_INVALID}, /* 993 + 2^16 */
	{"mt_epoch", "43", MT_TOKEN_E_MISMATCH},
	{"mt_epoch", "-42", MT_TOKEN_E_INVALID},
	{"mt_leaf", "\"BwcHAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"", MT_TOKEN_E_MISMATCH},
	{"mt_leaf", "\"BwcH\"", MT_TOKEN_E_INVALID},
	{"mt_cb", "{\"type\":\"none\"}", MT_TOKEN_E_MISMATCH},
	{"mt_cb", "{\"type\":\"none\",\"hash\":\"AA\"}", MT_TOKEN_E_INVALID},
	{"mt_cb", "{\"type\":\"exporter\"}", MT_TOKEN_E_INVALID},
	{"mt_cb", "{\"type\":\"tls-unique\"}", MT_TOKEN_E_INVALID},
	{"mt_id", "{\"type\":\"cn\",\"value\":\"x\"}", MT_TOKEN_E_INVALID},
	{"mt_id", "{\"type\":\"dns\"}", MT_TOKEN_E_INVALID},
	{"mt_prov", "\"trusted\"", MT_TOKEN_E_INVALID},
	{"mt_src", "\"user\"", MT_TOKEN_E_INVALID},
	{"mt_rsn", "[]", MT_TOKEN_E_INVALID},
	{"mt_rsn", "[1]", MT_TOKEN_E_INVALID},
	{"x", "\"members nobody asked for\"", 0},
};

static void
each_claim_has_one_form_and_is_compared_with_the_connection(void **state)
{
	const struct world *w = *state;

	for (size_t i = 0; i < MT_ARRAY_SIZE(values); i++) {
		json_t *root = payload_of(w);
		char payload[MT_VERDICT_PAYLOAD_MAX], *rest;
		int r;

		/* by text: jansson would not write a number that is none */
		json_object_del(root, values[i].claim);
		rest = json_dumps(root, JSON_COMPACT);
		(void)snprintf(payload, sizeof(payload), "{\"%s\":%s,%s", values[i].claim,
			       values[i].json, rest + 1);
		r = verify_payload(w, payload);
		if (r != values[i].outcome)
			fail_msg("%s %s: %d", values[i].claim, values[i].json, r);
		free(rest);
		json_decref(root);
	}
}

static void
an_unknown_reason_code_is_read_as_deny(void **state)
{
	struct world *w = *state;
	struct mt_token_claims claims;
	char header[256], text[TEXT_MAX], *json;
	json_t *root = payload_of(w);

	json_array_append_new(json_object_get(root, "mt_rsn"), json_string("tls.quantum-doubt"));
	json = json_dumps(root, JSON_COMPACT);
	(void)snprintf(header, sizeof(header),
		       "{\"alg\":\"ES256\",\"typ\":\"mailtrust-verdict+jwt\",\"kid\":\"%s\"}",
		       kid_of(w));
	assert_int_equal(mt_token_verify(text, sign_parts(w->key, header, json, text), w->jwks,
					 &w->expect, NULL, &claims),
			 0);
	assert_true(claims.unknown_reason);
	assert_int_equal(claims.decision, MT_DECISION_DENY);
	assert_false(claims.conf);
	assert_int_equal(claims.n_reasons, 2);
	free(json);
	json_decref(root);
}

static const struct {
	int64_t iat, exp, now;
	int outcome;
} times[] = {
	{NOW, NOW + 60, NOW - 2, 0},
	{NOW, NOW + 60, NOW - 3, MT_TOKEN_E_INVALID},
	{NOW, NOW + 60, NOW + 61, 0},
	{NOW, NOW + 60, NOW + 62, MT_TOKEN_E_EXPIRED},
	{NOW, NOW + 300, NOW, 0},
	{NOW, NOW + 301, NOW, MT_TOKEN_E_INVALID},
	{NOW, NOW, NOW, MT_TOKEN_E_INVALID},
	{NOW, NOW - 1, NOW - 1, MT_TOKEN_E_INVALID},
	{0, INT64_MAX, NOW, MT_TOKEN_E_INVALID},
	{INT64_MAX - 1, INT64_MAX, NOW, MT_TOKEN_E_INVALID},
};

static void
the_leeway_is_two_seconds_and_the_lifetime_five_minutes(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < MT_ARRAY_SIZE(times); i++) {
		json_t *root = payload_of(w);
		int r;

		json_object_set_new(root, "iat", json_integer(times[i].iat));
		json_object_set_new(root, "exp", json_integer(times[i].exp));
		w->expect.now_sec = times[i].now;
		r = verify_payload_json(w, root);
		if (r != times[i].outcome)
			fail_msg("row %zu: %d", i, r);
		json_decref(root);
	}
}

static void
an_expired_or_foreign_token_is_shown_as_deny(void **state)
{
	struct world *w = *state;
	struct mt_token_claims claims;

	w->expect.now_sec = NOW + 100;
	assert_int_equal(mt_token_verify(w->text, w->size, w->jwks, &w->expect, NULL, &claims),
			 MT_TOKEN_E_EXPIRED);
	assert_int_equal(claims.decision, MT_DECISION_DENY);
	assert_false(claims.conf);
	assert_int_equal(claims.port, 993);
}

static void
the_binding_is_the_exporter_and_both_ends_of_the_connection(void **state)
{
	/* SHA-256(010203 00*29 "192.0.2.7|993|40000") */
	static const char *const peers[] = {"192.0.2.7", "192.0.2.8", "192.0.2.7", "192.0.2.7"};
	static const uint16_t ports[][2] = {{993, 40000}, {993, 40000}, {994, 40000}, {993, 40001}};
	struct world *w = *state;
	uint8_t hash[32], other_exporter[32] = {1, 2, 4}, plain[64];
	int n = snprintf((char *)plain + 32, 32, "192.0.2.7|993|40000");

	memcpy(plain, exporter, 32);
	assert_int_equal(EVP_Digest(plain, 32 + (size_t)n, hash, NULL, EVP_sha256(), NULL), 1);
	assert_memory_equal(hash, w->claims.binding, 32);
	for (size_t i = 0; i < MT_ARRAY_SIZE(peers); i++) {
		assert_int_equal(
			mt_token_binding(exporter, peers[i], ports[i][0], ports[i][1], hash), 0);
		w->expect.binding = hash;
		assert_int_equal(verify_text(w, w->text, w->size), i ? MT_TOKEN_E_MISMATCH : 0);
	}
	assert_int_equal(mt_token_binding(other_exporter, "192.0.2.7", 993, 40000, hash), 0);
	assert_int_equal(verify_text(w, w->text, w->size), MT_TOKEN_E_MISMATCH);
	w->expect.binding = NULL;
	assert_int_equal(verify_text(w, w->text, w->size), MT_TOKEN_E_MISMATCH);
}

static void
a_token_without_binding_is_good_only_where_the_connection_has_none(void **state)
{
	struct world *w = *state;

	w->expect.cb = MT_TOKEN_CB_NONE;
	assert_int_equal(verify_text(w, w->text, w->size), MT_TOKEN_E_MISMATCH);
	w->claims.has_binding = false;
	assert_int_equal(mt_token_sign(w->key, &w->claims, w->text, &w->size), 0);
	assert_int_equal(verify_text(w, w->text, w->size), 0);
	w->expect.cb = MT_TOKEN_CB_EXPORTER; /* a third party */
	assert_int_equal(verify_text(w, w->text, w->size), MT_TOKEN_E_MISMATCH);
}

static void
another_users_token_is_refused_unless_it_is_only_shown(void **state)
{
	struct world *w = *state;

	w->expect.uid = 1001;
	assert_int_equal(verify_text(w, w->text, w->size), MT_TOKEN_E_MISMATCH);
	w->expect.any_uid = true;
	assert_int_equal(verify_text(w, w->text, w->size), MT_TOKEN_E_MISMATCH);
	w->expect.cb = MT_TOKEN_CB_UNCHECKED;
	assert_int_equal(verify_text(w, w->text, w->size), 0);
}

static void
each_outcome_has_its_reason_code(void **state)
{
	assert_int_equal(mt_token_outcome_reason(MT_TOKEN_E_INVALID),
			 MT_REASON_VERDICT_SIGNATURE_INVALID);
	assert_int_equal(mt_token_outcome_reason(MT_TOKEN_E_EXPIRED), MT_REASON_VERDICT_EXPIRED);
	assert_int_equal(mt_token_outcome_reason(MT_TOKEN_E_MISMATCH),
			 MT_REASON_VERDICT_BINDING_MISMATCH);
	assert_int_equal(mt_token_outcome_reason(-ENOMEM), MT_REASON_VERDICT_SIGNATURE_INVALID);
}

static void
a_retired_key_verifies_until_it_leaves_the_set(void **state)
{
	struct world *w = *state;

	assert_int_equal(mt_jwks_add(w->jwks, mt_key_public(w->stranger)), 0);
	assert_int_equal(verify_text(w, w->text, w->size), 0);
	mt_jwks_remove(w->jwks, kid_of(w));
	assert_int_equal(verify_text(w, w->text, w->size), MT_TOKEN_E_INVALID);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_was_signed_is_what_is_read),
		CASE(the_header_says_es256_our_type_and_the_thumbprint),
		CASE(the_claims_have_the_names_and_forms_of_the_contract),
		CASE(a_hostile_name_cannot_add_a_claim),
		CASE(the_largest_verdict_fits_and_a_larger_one_is_refused_whole),
		CASE(nothing_is_signed_that_a_verifier_would_refuse),
		CASE(only_es256_of_our_type_by_a_known_key_is_accepted),
		CASE(an_unsigned_token_is_refused),
		CASE(a_token_keyed_with_our_public_key_as_an_hmac_secret_is_refused),
		CASE(a_token_signed_by_a_key_it_brings_along_is_refused),
		CASE(an_ed25519_key_never_verifies_a_verdict),
		CASE(one_changed_character_anywhere_is_refused),
		CASE(a_token_cut_anywhere_is_refused),
		CASE(padding_white_space_and_trailing_data_are_refused),
		CASE(a_repeated_exp_is_refused),
		CASE(a_token_without_any_one_of_its_claims_is_refused),
		CASE(each_claim_has_one_form_and_is_compared_with_the_connection),
		CASE(an_unknown_reason_code_is_read_as_deny),
		CASE(the_leeway_is_two_seconds_and_the_lifetime_five_minutes),
		CASE(an_expired_or_foreign_token_is_shown_as_deny),
		CASE(the_binding_is_the_exporter_and_both_ends_of_the_connection),
		CASE(a_token_without_binding_is_good_only_where_the_connection_has_none),
		CASE(another_users_token_is_refused_unless_it_is_only_shown),
		CASE(a_retired_key_verifies_until_it_leaves_the_set),
		CASE(each_outcome_has_its_reason_code),
	};

	return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
