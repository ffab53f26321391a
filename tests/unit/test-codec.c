/* SPDX-License-Identifier: MIT */
/* Append and read as pairs, on the bus and in JSON; and what both refuse. */

#include "tests/cmocka-all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "ipc/bus.h"
#include "ipc/codec-json.h"
#include "ipc/codec.h"
#include "ipc/idn.h"
#include "ipc/text.h"

/* A message to append to and to read from. */
static DBusMessage *
new_message(DBusMessageIter *iter)
{
	DBusMessage *message = dbus_message_new_method_call(NULL, "/x", "x.y", "Z");

	dbus_message_iter_init_append(message, iter);
	return message;
}

static const uint8_t leaf_der[] = "first certificate", next_der[] = "second one";

/* Evidence with every key there is, each with a value of its own. */
static void
fill_evidence(struct mt_evidence *ev)
{
	unsigned int n;

	*ev = (struct mt_evidence){
		.present = MT_BIT(MT_EV_COUNT) - 1,
		.proto = MT_PROTO_IMAP,
		.transport = MT_TRANSPORT_STARTTLS,
		.host = "imap.example.test",
		.port = 143,
		.tls_version = MT_TLS_VERSION_1_3,
		.tls_cipher = "TLS_AES_128_GCM_SHA256",
		.tls_group = "X25519",
		.tls_ems = true,
		.tls_reneg_info = true,
		.tls_resumed = true,
		.tls_alpn = "none",
		.tls_sni = "imap.example.test",
		.chain = {{leaf_der, sizeof(leaf_der)}, {next_der, sizeof(next_der)}},
		.n_chain = 2,
		.staple = {next_der, 6},
		.clientcert_presented = {1, 2, 3},
		.starttls_buffered_bytes = 70000,
		.starttls_caps_refreshed = true,
		.pretls_other_responses = 3,
		.auth_mechanism = "PLAIN",
		.auth_cb_type = "tls-exporter",
		.auth_cb_value = {9, 8, 7},
		.auth_cb_size = 3,
		.referral_target = "2001:db8::1",
		.exporter = {5, 5, 5},
		.peer = "192.0.2.7",
		.local_port = 40000,
		.established_at_usec = 1700000000000001,
		.observed_at_usec = 1700000000000002,
	};
	assert_int_equal(
		EVP_Digest(leaf_der, sizeof(leaf_der), ev->leaf_sha256, &n, EVP_sha256(), NULL), 1);
}

/* Every field of the table, and the bytes behind it. */
static void
assert_same_evidence(const struct mt_evidence *a, const struct mt_evidence *b)
{
	struct mt_evidence left = *a, right = *b;

	assert_int_equal(left.n_chain, right.n_chain);
	for (size_t i = 0; i < left.n_chain; i++) {
		assert_int_equal(left.chain[i].size, right.chain[i].size);
		assert_memory_equal(left.chain[i].data, right.chain[i].data, left.chain[i].size);
	}
	assert_int_equal(left.staple.size, right.staple.size);
	assert_memory_equal(left.staple.data, right.staple.data, left.staple.size);
	/* what is owned differs, everything else does not */
	memset(left.chain, 0, sizeof(left.chain));
	memset(right.chain, 0, sizeof(right.chain));
	left.staple = right.staple = (struct mt_bytes){0};
	left.chain_bytes = right.chain_bytes = NULL;
	left.chain_size = right.chain_size = 0;
	for (size_t i = 0; i < MT_EV_COUNT; i++) {
		const struct mt_evidence_key *key = &mt_evidence_keys[i];

		if (key->type == MT_EV_TYPE_TEXT || key->type == MT_EV_TYPE_HOST)
			assert_string_equal((char *)&left + key->offset,
					    (char *)&right + key->offset);
	}
	assert_int_equal(left.present, right.present);
	assert_memory_equal(&left, &right, sizeof(left));
}

static void
evidence_comes_back_from_the_bus_as_it_went(void **state)
{
	struct mt_evidence sent, got;
	struct mt_diag diag = {0};
	DBusMessageIter iter;
	DBusMessage *message = new_message(&iter);

	fill_evidence(&sent);
	assert_int_equal(mt_codec_append_evidence(&iter, &sent), 0);
	assert_string_equal(dbus_message_get_signature(message), "a{sv}");
	dbus_message_iter_init(message, &iter);
	assert_int_equal(mt_codec_read_evidence(&iter, &got, &diag), 0);
	dbus_message_unref(message);
	/* nothing points into the message: it is gone */
	assert_same_evidence(&sent, &got);
	assert_ptr_equal(got.chain[0].data, got.chain_bytes);
	assert_int_equal(got.chain_size, sizeof(leaf_der) + sizeof(next_der) + 6);
	mt_evidence_clear(&got);
}

static void
evidence_comes_back_from_json_as_it_went(void **state)
{
	struct mt_evidence sent, got;
	struct mt_diag diag = {0};
	json_t *json, *parsed;
	char *text;

	fill_evidence(&sent);
	json = mt_json_append_evidence(&sent);
	assert_non_null(json);
	text = json_dumps(json, 0);
	json_decref(json);
	assert_non_null(strstr(text, "\"tls\": {"));
	assert_int_equal(mt_json_parse(text, strlen(text), &parsed, &diag), 0);
	assert_int_equal(mt_json_read_evidence(parsed, &got, &diag), 0);
	json_decref(parsed);
	free(text);
	assert_same_evidence(&sent, &got);
	mt_evidence_clear(&got);
}

/* Appends one entry of a{sv}: a string, a number, a boolean or bytes by signature. */
static void
add_entry(struct mt_dict *dict, const char *key, char type, const void *value, size_t size)
{
	switch (type) {
	case 's':
		mt_dict_add_string(dict, key, value);
		break;
	case 'b':
		mt_dict_add_bool(dict, key, true);
		break;
	case 'q':
		mt_dict_add_u16(dict, key, 7);
		break;
	case 'u':
		mt_dict_add_u32(dict, key, 7);
		break;
	case 'x':
		mt_dict_add_time(dict, key, 7);
		break;
	case 'y':
		mt_dict_add_bytes(dict, key, (struct mt_bytes){value, size});
		break;
	default:
		fail_msg("no such type");
	}
}

static void
the_decoder_names_the_key_at_fault(void **state)
{
	static const char long_host[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					"aaaaaaaaaaaaaaaaaaaaaa.test";
	static const struct {
		const char *key;
		char type;
		const char *value;
		size_t size;
		int outcome;
	} rows[] = {
		{"tls.password", 's', "x", 0, MT_CODEC_E_UNKNOWN_KEY},
		{"", 's', "x", 0, MT_CODEC_E_UNKNOWN_KEY},
		{"tls", 's', "x", 0, MT_CODEC_E_UNKNOWN_KEY},
		{"provenance", 's', "attested", 0, MT_CODEC_E_UNKNOWN_KEY},
		{"port", 'u', NULL, 0, MT_CODEC_E_TYPE},
		{"port", 's', "993", 0, MT_CODEC_E_TYPE},
		{"tls.resumed", 'u', NULL, 0, MT_CODEC_E_TYPE},
		{"host", 'y', "imap.example.test", 17, MT_CODEC_E_TYPE},
		{"chain", 'y', "abc", 3, MT_CODEC_E_TYPE},
		{"exporter", 's', "abc", 0, MT_CODEC_E_TYPE},
		{"observed_at", 'u', NULL, 0, MT_CODEC_E_TYPE},
		{"host", 's', "bücher.example", 0, MT_CODEC_E_VALUE},
		{"host", 's', "", 0, MT_CODEC_E_VALUE},
		{"host", 's', "-a.example", 0, MT_CODEC_E_VALUE},
		{"host", 's', long_host, 0, MT_CODEC_E_VALUE},
		{"proto", 's', "smtps", 0, MT_CODEC_E_VALUE},
		{"proto", 's', "unknown", 0, MT_CODEC_E_VALUE},
		{"transport", 's', "TLS", 0, MT_CODEC_E_VALUE},
		{"tls.version", 's', "1.4", 0, MT_CODEC_E_VALUE},
		{"tls.cipher", 's', "a\nb", 0, MT_CODEC_E_VALUE},
		{"tls.cipher", 's', long_host, 0, MT_CODEC_E_VALUE},
		{"leaf_sha256", 'y', "0123456789012345678901234567890", 31, MT_CODEC_E_VALUE},
		{"exporter", 'y', "012345678901234567890123456789012", 33, MT_CODEC_E_VALUE},
		{"staple", 'y', "", 0, MT_CODEC_E_VALUE},
		{"auth.cb_value", 'y', long_host, 65, MT_CODEC_E_VALUE},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		struct mt_evidence got;
		struct mt_diag diag = {0};
		DBusMessageIter iter;
		DBusMessage *message = new_message(&iter);
		struct mt_dict dict;

		mt_dict_open(&dict, &iter);
		mt_dict_add_string(&dict, "peer", "192.0.2.7");
		add_entry(&dict, rows[i].key, rows[i].type, rows[i].value, rows[i].size);
		assert_int_equal(mt_dict_close(&dict), 0);
		dbus_message_iter_init(message, &iter);
		assert_int_equal(mt_codec_read_evidence(&iter, &got, &diag), rows[i].outcome);
		assert_int_equal(strncmp(diag.message, rows[i].key, strlen(rows[i].key)), 0);
		assert_int_equal(diag.message[strlen(rows[i].key)], ':');
		assert_int_equal(got.present, 0);
		dbus_message_unref(message);
	}
}

static void
a_key_that_is_there_twice_is_refused(void **state)
{
	for (size_t i = 0; i < MT_EV_COUNT; i++) {
		struct mt_evidence sent, got;
		struct mt_diag diag = {0};
		DBusMessageIter iter, once, entry;
		DBusMessage *message = new_message(&iter);
		DBusMessageIter dict, source;
		DBusMessage *single = new_message(&once);

		/* the same entry twice, by way of a message that holds it once */
		fill_evidence(&sent);
		sent.present = MT_BIT(i);
		assert_int_equal(mt_codec_append_evidence(&once, &sent), 0);
		assert_true(
			dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &dict));
		for (int n = 0; n < 2; n++) {
			DBusMessageIter variant, value;
			const char *key;
			char *signature;

			dbus_message_iter_init(single, &once);
			dbus_message_iter_recurse(&once, &source);
			dbus_message_iter_recurse(&source, &entry);
			dbus_message_iter_get_basic(&entry, &key);
			dbus_message_iter_next(&entry);
			dbus_message_iter_recurse(&entry, &value);
			signature = dbus_message_iter_get_signature(&value);
			assert_true(dbus_message_iter_open_container(&dict, DBUS_TYPE_DICT_ENTRY,
								     NULL, &entry));
			assert_int_equal(mt_codec_append_string(&entry, key), 0);
			assert_true(dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT,
								     signature, &variant));
			if (signature[0] == 'a') {
				DBusMessageIter array, from, inner;
				const uint8_t *data;
				int size;

				assert_true(dbus_message_iter_open_container(
					&variant, DBUS_TYPE_ARRAY, signature + 1, &array));
				dbus_message_iter_recurse(&value, &from);
				if (signature[1] == 'y') {
					dbus_message_iter_get_fixed_array(&from, &data, &size);
					assert_true(dbus_message_iter_append_fixed_array(
						&array, DBUS_TYPE_BYTE, &data, size));
				} else {
					assert_true(dbus_message_iter_open_container(
						&array, DBUS_TYPE_ARRAY, "y", &inner));
					data = leaf_der;
					assert_true(dbus_message_iter_append_fixed_array(
						&inner, DBUS_TYPE_BYTE, &data, sizeof(leaf_der)));
					assert_true(
						dbus_message_iter_close_container(&array, &inner));
				}
				assert_true(dbus_message_iter_close_container(&variant, &array));
			} else {
				DBusBasicValue basic;

				dbus_message_iter_get_basic(&value, &basic);
				assert_true(dbus_message_iter_append_basic(&variant, signature[0],
									   &basic));
			}
			assert_true(dbus_message_iter_close_container(&entry, &variant));
			assert_true(dbus_message_iter_close_container(&dict, &entry));
			dbus_free(signature);
		}
		assert_true(dbus_message_iter_close_container(&iter, &dict));
		dbus_message_iter_init(message, &iter);
		assert_int_equal(mt_codec_read_evidence(&iter, &got, &diag),
				 MT_CODEC_E_DUPLICATE_KEY);
		assert_non_null(strstr(diag.message, mt_evidence_keys[i].name));
		dbus_message_unref(message);
		dbus_message_unref(single);
	}
}

/* Reads a chain of n certificates of size bytes each. */
static int
read_chain_of(size_t n, size_t size, struct mt_evidence *ret)
{
	DBusMessageIter iter, dict, entry, variant, chain, der;
	DBusMessage *message = new_message(&iter);
	uint8_t *data = calloc(1, size + 1);
	const uint8_t *at = data;
	struct mt_diag diag = {0};
	int r;

	(void)dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &dict);
	(void)dbus_message_iter_open_container(&dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
	assert_int_equal(mt_codec_append_string(&entry, "chain"), 0);
	(void)dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, "aay", &variant);
	(void)dbus_message_iter_open_container(&variant, DBUS_TYPE_ARRAY, "ay", &chain);
	for (size_t i = 0; i < n; i++) {
		(void)dbus_message_iter_open_container(&chain, DBUS_TYPE_ARRAY, "y", &der);
		(void)dbus_message_iter_append_fixed_array(&der, DBUS_TYPE_BYTE, &at, (int)size);
		(void)dbus_message_iter_close_container(&chain, &der);
	}
	(void)dbus_message_iter_close_container(&variant, &chain);
	(void)dbus_message_iter_close_container(&entry, &variant);
	(void)dbus_message_iter_close_container(&dict, &entry);
	(void)dbus_message_iter_close_container(&iter, &dict);
	dbus_message_iter_init(message, &iter);
	r = mt_codec_read_evidence(&iter, ret, &diag);
	dbus_message_unref(message);
	free(data);
	return r;
}

static void
a_chain_that_is_too_much_is_noted_and_not_kept(void **state)
{
	static const struct {
		size_t n, size;
		int outcome;
		bool oversized;
		size_t kept;
	} rows[] = {
		{1, 100, 0, false, 1},
		{MT_CHAIN_MAX, 6553, 0, false, MT_CHAIN_MAX},
		{MT_CHAIN_MAX + 1, 10, 0, true, 0},
		{1, MT_CHAIN_BYTES_MAX, 0, false, 1},
		{1, MT_CHAIN_BYTES_MAX + 1, 0, true, 0},
		{2, MT_CHAIN_BYTES_MAX / 2 + 1, 0, true, 0},
		{5000, 10, 0, true, 0},
		{0, 0, MT_CODEC_E_VALUE, false, 0},
		{2, 0, MT_CODEC_E_VALUE, false, 0},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		struct mt_evidence got;

		assert_int_equal(read_chain_of(rows[i].n, rows[i].size, &got), rows[i].outcome);
		assert_int_equal(got.chain_oversized, rows[i].oversized);
		assert_int_equal(got.n_chain, rows[i].kept);
		assert_int_equal(mt_evidence_has(&got, MT_EV_CHAIN), rows[i].outcome == 0);
		mt_evidence_clear(&got);
	}
}

static void
a_chain_that_was_too_much_to_keep_is_still_told_as_too_much(void **state)
{
	struct mt_evidence sent, got;
	struct mt_diag diag = {0};
	DBusMessageIter iter;
	DBusMessage *message = new_message(&iter);

	fill_evidence(&sent);
	sent.n_chain = 0;
	sent.chain_oversized = true;
	assert_int_equal(mt_codec_append_evidence(&iter, &sent), 0);
	dbus_message_iter_init(message, &iter);
	assert_int_equal(mt_codec_read_evidence(&iter, &got, &diag), 0);
	dbus_message_unref(message);
	assert_true(got.chain_oversized);
	assert_int_equal(got.n_chain, 0);
	assert_true(mt_evidence_has(&got, MT_EV_CHAIN));
	assert_memory_equal(got.leaf_sha256, sent.leaf_sha256, 32);
	mt_evidence_clear(&got);
}

static void
a_stated_leaf_digest_must_be_the_chains(void **state)
{
	struct mt_evidence sent, got;
	struct mt_diag diag = {0};
	DBusMessageIter iter;
	DBusMessage *message = new_message(&iter);

	fill_evidence(&sent);
	sent.leaf_sha256[0] ^= 1;
	assert_int_equal(mt_codec_append_evidence(&iter, &sent), 0);
	dbus_message_iter_init(message, &iter);
	assert_int_equal(mt_codec_read_evidence(&iter, &got, &diag), MT_CODEC_E_VALUE);
	assert_int_equal(strncmp(diag.message, "leaf_sha256:", 12), 0);
	assert_null(got.chain_bytes);
	dbus_message_unref(message);
}

static void
the_options_of_check_come_back_as_they_went(void **state)
{
	struct mt_check_options sent = {.phase = MT_PHASE_HANDSHAKE,
					.nonce = "abc",
					.nonce_size = 3},
				got;
	struct mt_diag diag = {0};
	DBusMessageIter iter;
	DBusMessage *message = new_message(&iter);

	sent.request = calloc(1, sizeof(*sent.request));
	assert_int_equal(mt_minimum_set_text(sent.request, "tls_min", "1.3", false), 0);
	assert_int_equal(mt_codec_append_check_options(&iter, &sent), 0);
	dbus_message_iter_init(message, &iter);
	assert_int_equal(mt_codec_read_check_options(&iter, &got, &diag), 0);
	dbus_message_unref(message);
	assert_int_equal(got.phase, MT_PHASE_HANDSHAKE);
	assert_int_equal(got.nonce_size, 3);
	assert_memory_equal(got.nonce, "abc", 3);
	assert_memory_equal(got.request, sent.request, sizeof(*sent.request));
	mt_check_options_clear(&sent);
	mt_check_options_clear(&got);
}

static void
options_of_check_that_nobody_knows_are_refused(void **state)
{
	static const uint8_t nonce[MT_NONCE_MAX + 1];
	static const struct {
		const char *key;
		char type;
		const void *value;
		size_t size;
		int outcome;
	} rows[] = {
		{"phase", 's', "final", 0, 0},
		{"phase", 's', "later", 0, MT_CODEC_E_VALUE},
		{"phase", 'u', NULL, 0, MT_CODEC_E_TYPE},
		{"nonce", 'y', nonce, MT_NONCE_MAX, 0},
		{"nonce", 'y', nonce, MT_NONCE_MAX + 1, MT_CODEC_E_VALUE},
		{"nonce", 'y', nonce, 0, MT_CODEC_E_VALUE},
		{"nonce", 's', "abc", 0, MT_CODEC_E_TYPE},
		{"request", 's', "tls_min", 0, MT_CODEC_E_TYPE},
		{"provenance", 's', "attested", 0, MT_CODEC_E_UNKNOWN_KEY},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		struct mt_check_options got;
		struct mt_diag diag = {0};
		DBusMessageIter iter;
		DBusMessage *message = new_message(&iter);
		struct mt_dict dict;

		mt_dict_open(&dict, &iter);
		add_entry(&dict, rows[i].key, rows[i].type, rows[i].value, rows[i].size);
		assert_int_equal(mt_dict_close(&dict), 0);
		dbus_message_iter_init(message, &iter);
		assert_int_equal(mt_codec_read_check_options(&iter, &got, &diag), rows[i].outcome);
		if (rows[i].outcome)
			assert_int_equal(strncmp(diag.message, rows[i].key, strlen(rows[i].key)),
					 0);
		mt_check_options_clear(&got);
		dbus_message_unref(message);
	}
}

static void
the_reply_of_check_comes_back_as_it_went(void **state)
{
	static const struct mt_check_reply rows[] = {
		{.decision = MT_DECISION_ALLOW,
		 .conf = true,
		 .reasons = {MT_REASON_CERT_PKIX_VALID, MT_REASON_CONF_MET},
		 .n_reasons = 2,
		 .token = "a.b.c",
		 .layer = MT_LAYER_ORG,
		 .provenance = MT_PROVENANCE_ATTESTED,
		 .dane_absent = true,
		 .epoch = 77,
		 .expires_usec = 1700000000000000,
		 .has_client_certificate = true,
		 .client_certificate = {1, 2, 3}},
		{.decision = MT_DECISION_CONFIRM,
		 .reasons = {MT_REASON_CONF_WARNING_REQUIRED},
		 .n_reasons = 1,
		 .token = "",
		 .has_consent = true,
		 .consent = MT_CONSENT_REDUCED_CONFIDENTIALITY},
		{.reasons = {MT_REASON_EVIDENCE_INCOMPLETE},
		 .n_reasons = 1,
		 .token = "",
		 .missing = MT_BIT(MT_EV_PROTO) | MT_BIT(MT_EV_OBSERVED_AT),
		 .contradiction = "tls.version with transport none"},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		struct mt_check_reply got;
		struct mt_diag diag = {0};
		DBusMessageIter iter;
		DBusMessage *message = new_message(&iter);

		assert_int_equal(mt_codec_append_check_reply(&iter, &rows[i]), 0);
		assert_string_equal(dbus_message_get_signature(message), "sbassa{sv}");
		dbus_message_iter_init(message, &iter);
		assert_int_equal(mt_codec_read_check_reply(&iter, &got, &diag), 0);
		assert_string_equal(got.token, rows[i].token);
		if (rows[i].contradiction)
			assert_string_equal(got.contradiction, rows[i].contradiction);
		got.token = rows[i].token;
		got.contradiction = rows[i].contradiction;
		assert_memory_equal(&got, &rows[i], sizeof(got));
		dbus_message_unref(message);
	}
}

static void
a_verdict_with_an_unknown_reason_or_decision_reads_as_deny(void **state)
{
	static const struct {
		const char *decision, *reason;
		int outcome;
	} rows[] = {
		/* what else it says is worth showing */
		{"allow", "conf.brand-new", 0},
		{"permit", "conf.met", MT_CODEC_E_VALUE},
		{"", "conf.met", MT_CODEC_E_VALUE},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		struct mt_check_reply got = {.decision = MT_DECISION_ALLOW, .conf = true};
		struct mt_diag diag = {0};
		DBusMessageIter iter, array;
		DBusMessage *message = new_message(&iter);
		dbus_bool_t yes = TRUE;
		struct mt_dict dict;

		assert_int_equal(mt_codec_append_string(&iter, rows[i].decision), 0);
		assert_true(dbus_message_iter_append_basic(&iter, DBUS_TYPE_BOOLEAN, &yes));
		assert_true(dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "s", &array));
		assert_int_equal(mt_codec_append_string(&array, rows[i].reason), 0);
		assert_true(dbus_message_iter_close_container(&iter, &array));
		assert_int_equal(mt_codec_append_string(&iter, "a.b.c"), 0);
		mt_dict_open(&dict, &iter);
		assert_int_equal(mt_dict_close(&dict), 0);
		dbus_message_iter_init(message, &iter);
		assert_int_equal(mt_codec_read_check_reply(&iter, &got, &diag), rows[i].outcome);
		assert_int_equal(got.decision, MT_DECISION_DENY);
		assert_false(got.conf);
		assert_int_equal(got.unknown_reason, rows[i].outcome == 0);
		assert_int_equal(got.n_reasons, 0);
		assert_string_equal(got.token, rows[i].outcome == 0 ? "a.b.c" : "");
		dbus_message_unref(message);
	}
}

#define DIGEST_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define DIGEST_B "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* A value for every field, other than the default. */
static void
fill_minimum(struct mt_minimum *min)
{
	static const char *const values[][2] = {
		{"min_conf", "off"},
		{"tls_min", "1.3"},
		{"transport_min", "implicit"},
		{"cipher_profile", "recommended-only"},
		{"proof", "pkix-and-dane"},
		{"dane_veto", "off"},
		{"revocation", "hard"},
		{"local_roots", "reject"},
		{"pinning", "forbidden"},
		{"user_relax", "forbidden"},
		{"srv_trust", "dnssec"},
		{"srv_mode", "live"},
		{"evidence_min", "attested"},
		{"channel_binding", "require"},
		{"client_cert_tls_min", "1.3"},
		{"downgrade_action", "deny"},
		{"on_expiry", "suspend"},
		{"auth_mechs", "PLAIN,SCRAM-SHA-256"},
		{"protocols", "imap,submission"},
		{"endpoints_allow", "*.example.test,mail.example.org"},
		{"client_cert_allow", DIGEST_A},
		{"static_pins",
		 "a.example=" DIGEST_A ",a.example=" DIGEST_B ",b.example=" DIGEST_A},
		{"anchors", DIGEST_A "," DIGEST_B},
		{"not_after", "1800000000"},
		{"verdict_ttl", "30"},
		{"srv_check_max", "7200"},
	};

	static_assert(MT_ARRAY_SIZE(values) == MT_FIELD_COUNT, "every field");
	memset(min, 0, sizeof(*min));
	for (size_t i = 0; i < MT_ARRAY_SIZE(values); i++)
		assert_int_equal(mt_minimum_set_text(min, values[i][0], values[i][1], true), 0);
}

static void
policy_fields_come_back_as_they_went(void **state)
{
	static struct mt_minimum sent, bus, json;
	struct mt_diag diag = {0};
	DBusMessageIter iter;
	DBusMessage *message = new_message(&iter);
	json_t *object;

	fill_minimum(&sent);
	assert_int_equal(mt_codec_append_minimum(&iter, &sent), 0);
	dbus_message_iter_init(message, &iter);
	assert_int_equal(mt_codec_read_minimum(&iter, true, &bus, &diag), 0);
	assert_memory_equal(&sent, &bus, sizeof(sent));
	dbus_message_unref(message);
	object = mt_json_append_minimum(&sent);
	assert_non_null(object);
	assert_true(json_is_array(json_object_get(object, "auth_mechs")));
	assert_true(json_is_integer(json_object_get(object, "verdict_ttl")));
	assert_true(json_is_object(json_object_get(object, "static_pins")));
	assert_int_equal(mt_json_read_minimum(object, true, &json, &diag), 0);
	assert_memory_equal(&sent, &json, sizeof(sent));
	json_decref(object);
}

static void
the_default_of_a_new_account_survives_both_codecs(void **state)
{
	static struct mt_minimum sent, bus, json;
	struct mt_diag diag = {0};
	DBusMessageIter iter;
	DBusMessage *message = new_message(&iter);
	json_t *object;

	mt_minimum_init_default(&sent);
	assert_int_equal(mt_codec_append_minimum(&iter, &sent), 0);
	dbus_message_iter_init(message, &iter);
	assert_int_equal(mt_codec_read_minimum(&iter, false, &bus, &diag), 0);
	assert_memory_equal(&sent, &bus, sizeof(sent));
	dbus_message_unref(message);
	object = mt_json_append_minimum(&sent);
	assert_int_equal(mt_json_read_minimum(object, false, &json, &diag), 0);
	assert_memory_equal(&sent, &json, sizeof(sent));
	json_decref(object);
}

static void
the_effective_minimum_names_the_layer_of_each_field(void **state)
{
	static struct mt_effective eff;
	static struct mt_minimum org;
	DBusMessageIter iter, dict, entry, pair;
	DBusMessage *message = new_message(&iter);
	const char *name, *value, *layer;
	int n = 0;

	mt_effective_init(&eff);
	assert_int_equal(mt_minimum_set_text(&org, "tls_min", "1.3", true), 0);
	mt_effective_join(&eff, &org, MT_LAYER_ORG);
	assert_int_equal(mt_codec_append_effective(&iter, &eff), 0);
	assert_string_equal(dbus_message_get_signature(message), "a{s(ss)}");
	dbus_message_iter_init(message, &iter);
	dbus_message_iter_recurse(&iter, &dict);
	for (; dbus_message_iter_get_arg_type(&dict) == DBUS_TYPE_DICT_ENTRY; n++) {
		dbus_message_iter_recurse(&dict, &entry);
		name = mt_codec_take_string(&entry);
		dbus_message_iter_recurse(&entry, &pair);
		value = mt_codec_take_string(&pair);
		layer = mt_codec_take_string(&pair);
		if (strcmp(name, "tls_min") == 0) {
			assert_string_equal(value, "1.3");
			assert_string_equal(layer, "org");
		} else {
			assert_string_equal(layer, "floor");
		}
		dbus_message_iter_next(&dict);
	}
	assert_int_equal(n, MT_FIELD_COUNT);
	dbus_message_unref(message);
}

static void
policy_fields_in_json_are_strict(void **state)
{
	static const struct {
		const char *text;
		bool is_org;
		int outcome;
	} rows[] = {
		{"{\"tls_min\":\"1.3\"}", false, 0},
		{"{\"tls_min\":1.3}", false, MT_CODEC_E_TYPE},
		{"{\"tls_min\":\"1.1\"}", false, MT_CODEC_E_VALUE},
		{"{\"tls_max\":\"1.3\"}", false, MT_CODEC_E_UNKNOWN_KEY},
		{"{\"anchors\":[]}", false, MT_CODEC_E_NOT_FOR_YOU},
		{"{\"anchors\":[]}", true, 0},
		{"{\"auth_mechs\":[\"PLAIN\",\"LOGIN\"]}", false, 0},
		{"{\"auth_mechs\":[\"PLAIN,LOGIN\"]}", false, MT_CODEC_E_VALUE},
		{"{\"auth_mechs\":[\"\",\"PLAIN\"]}", false, MT_CODEC_E_VALUE},
		{"{\"auth_mechs\":[\"any\"]}", false, MT_CODEC_E_VALUE},
		{"{\"auth_mechs\":\"any\"}", false, 0},
		{"{\"auth_mechs\":\"PLAIN\"}", false, MT_CODEC_E_VALUE},
		{"{\"auth_mechs\":[1]}", false, MT_CODEC_E_TYPE},
		{"{\"auth_mechs\":[\"PLAIN\\u0000x\"]}", false, MT_CODEC_E_VALUE},
		{"{\"verdict_ttl\":30}", false, 0},
		{"{\"verdict_ttl\":-30}", false, MT_CODEC_E_VALUE},
		{"{\"verdict_ttl\":301}", false, MT_CODEC_E_VALUE},
		{"{\"verdict_ttl\":true}", false, MT_CODEC_E_TYPE},
		{"{\"not_after\":\"never\"}", false, 0},
		{"{\"static_pins\":{\"a.test\":[\"" DIGEST_A "\"]}}", true, 0},
		{"{\"static_pins\":{\"a.test\":[]}}", true, MT_CODEC_E_VALUE},
		{"{\"static_pins\":{\"a.test,b.test\":[\"" DIGEST_A "\"]}}", true,
		 MT_CODEC_E_VALUE},
		{"{\"static_pins\":[\"" DIGEST_A "\"]}", true, MT_CODEC_E_TYPE},
		{"[]", false, MT_CODEC_E_TYPE},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		static struct mt_minimum min;
		struct mt_diag diag = {0};
		json_t *json = json_loads(rows[i].text, JSON_ALLOW_NUL, NULL);

		memset(&min, 0, sizeof(min));
		assert_non_null(json);
		if (mt_json_read_minimum(json, rows[i].is_org, &min, &diag) != rows[i].outcome)
			fail_msg("%s: %s", rows[i].text, diag.message);
		json_decref(json);
	}
}

static void
evidence_in_json_is_strict(void **state)
{
	static const struct {
		const char *text;
		int outcome;
		const char *key;
	} rows[] = {
		{"{\"proto\":\"imap\",\"tls\":{\"version\":\"1.2\"}}", 0, ""},
		{"{\"tls.version\":\"1.2\"}", MT_CODEC_E_UNKNOWN_KEY, "tls.version:"},
		{"{\"tls\":{\"verzion\":\"1.2\"}}", MT_CODEC_E_UNKNOWN_KEY, "tls.verzion:"},
		{"{\"tls\":\"1.2\"}", MT_CODEC_E_TYPE, "tls:"},
		{"{\"nothing\":{}}", MT_CODEC_E_UNKNOWN_KEY, "nothing:"},
		{"{\"port\":\"993\"}", MT_CODEC_E_TYPE, "port:"},
		{"{\"port\":65536}", MT_CODEC_E_VALUE, "port:"},
		{"{\"port\":-1}", MT_CODEC_E_VALUE, "port:"},
		{"{\"port\":993.0}", MT_CODEC_E_TYPE, "port:"},
		{"{\"starttls\":{\"buffered_bytes\":4294967296}}", MT_CODEC_E_VALUE,
		 "starttls.buffered_bytes:"},
		{"{\"tls\":{\"ems\":1}}", MT_CODEC_E_TYPE, "tls.ems:"},
		{"{\"host\":\"a\\u0000b\"}", MT_CODEC_E_VALUE, "host:"},
		{"{\"chain\":\"QUJD\"}", MT_CODEC_E_TYPE, "chain:"},
		{"{\"chain\":[]}", MT_CODEC_E_VALUE, "chain:"},
		{"{\"chain\":[\"QUJD\"]}", 0, ""},
		{"{\"chain\":[\"QUJ\"]}", MT_CODEC_E_VALUE, "chain:"},
		{"{\"chain\":[\"QU JD\"]}", MT_CODEC_E_VALUE, "chain:"},
		{"{\"chain\":[\"\"]}", MT_CODEC_E_VALUE, "chain:"},
		{"{\"chain\":[1]}", MT_CODEC_E_TYPE, "chain:"},
		{"{\"exporter\":\"00\"}", MT_CODEC_E_VALUE, "exporter:"},
		{"{\"exporter\":\"" DIGEST_A "\"}", 0, ""},
		{"{\"exporter\":\"" DIGEST_A "00\"}", MT_CODEC_E_VALUE, "exporter:"},
		{"{\"exporter\":\"zz\"}", MT_CODEC_E_VALUE, "exporter:"},
		{"{\"observed_at\":\"2026-01-01T00:00:00Z\"}", 0, ""},
		{"{\"observed_at\":\"2026-02-30T00:00:00Z\"}", MT_CODEC_E_VALUE, "observed_at:"},
		{"{\"observed_at\":1.5}", MT_CODEC_E_TYPE, "observed_at:"},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		struct mt_evidence got;
		struct mt_diag diag = {0};
		json_t *json = json_loads(rows[i].text, JSON_ALLOW_NUL, NULL);

		assert_non_null(json);
		if (mt_json_read_evidence(json, &got, &diag) != rows[i].outcome ||
		    strncmp(diag.message, rows[i].key, strlen(rows[i].key)) != 0)
			fail_msg("%s: %s", rows[i].text, diag.message);
		mt_evidence_clear(&got);
		json_decref(json);
	}
}

static void
json_is_bounded_before_it_is_parsed(void **state)
{
	static const char brackets[] = "[\"[[[[[[[[[[[[[[[[[[[[\\\"[\"]";
	char *long_text = malloc(MT_JSON_LINE_MAX + 2), deep[64] = "";
	struct mt_diag diag = {0};
	json_t *json = NULL;

	memset(long_text, ' ', MT_JSON_LINE_MAX + 1);
	memcpy(long_text, "{}", 2);
	assert_int_equal(mt_json_parse(long_text, MT_JSON_LINE_MAX + 1, &json, &diag),
			 MT_JSON_E_INVALID);
	assert_int_equal(mt_json_parse(long_text, MT_JSON_LINE_MAX, &json, &diag), 0);
	json_decref(json);
	free(long_text);
	memset(deep, '[', MT_JSON_DEPTH_MAX);
	memset(deep + MT_JSON_DEPTH_MAX, ']', MT_JSON_DEPTH_MAX);
	assert_int_equal(mt_json_parse(deep, strlen(deep), &json, &diag), 0);
	json_decref(json);
	memset(deep, '[', MT_JSON_DEPTH_MAX + 1);
	memset(deep + MT_JSON_DEPTH_MAX + 1, ']', MT_JSON_DEPTH_MAX + 1);
	assert_int_equal(mt_json_parse(deep, strlen(deep), &json, &diag), MT_JSON_E_INVALID);
	/* brackets in text are text */
	assert_int_equal(mt_json_parse(brackets, strlen(brackets), &json, &diag), 0);
	json_decref(json);
	assert_int_equal(mt_json_parse("{\"a\":1,\"a\":2}", 13, &json, &diag), MT_JSON_E_INVALID);
}

static void
a_consents_scope_is_what_its_kind_is_bound_to(void **state)
{
	static const struct {
		enum mt_consent_kind kind;
		struct mt_consent sent;
		int outcome;
	} rows[] = {
		{MT_CONSENT_REDUCED_CONFIDENTIALITY, {.text_version = 1}, 0},
		{MT_CONSENT_REDUCED_CONFIDENTIALITY, {0}, MT_CODEC_E_VALUE},
		{MT_CONSENT_REDUCED_CONFIDENTIALITY,
		 {.text_version = 1, .host = "a.example"},
		 MT_CODEC_E_VALUE},
		{MT_CONSENT_PIN, {.text_version = 1, .host = "a.example", .leaf_sha256 = {1}}, 0},
		{MT_CONSENT_PIN, {.text_version = 1, .host = "a.example"}, MT_CODEC_E_VALUE},
		{MT_CONSENT_PASSWORD_EXPOSURE,
		 {.text_version = 1, .proto = MT_PROTO_IMAP, .host = "a.example", .port = 143},
		 0},
		{MT_CONSENT_PASSWORD_EXPOSURE, {.text_version = 1}, MT_CODEC_E_VALUE},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		struct mt_consent got = {0};
		struct mt_diag diag = {0};
		DBusMessageIter iter;
		DBusMessage *message = new_message(&iter);

		assert_int_equal(mt_codec_append_consent_scope(&iter, &rows[i].sent), 0);
		dbus_message_iter_init(message, &iter);
		assert_int_equal(mt_codec_read_consent_scope(&iter, rows[i].kind, &got, &diag),
				 rows[i].outcome);
		if (rows[i].outcome == 0) {
			assert_int_equal(got.kind, rows[i].kind);
			got.kind = rows[i].sent.kind;
			assert_memory_equal(&got, &rows[i].sent, sizeof(got));
		}
		dbus_message_unref(message);
	}
}

static void
base64_has_one_form(void **state)
{
	static const struct {
		const char *text;
		ptrdiff_t size;
	} rows[] = {
		{"", 0},         {"QQ==", 1},      {"QUI=", 2},  {"QUJD", 3},  {"QR==", -1},
		{"QUJ=", -1},    {"Q===", -1},     {"====", -1}, {"QQ", -1},   {"QQ=", -1},
		{"QUJDQQ==", 4}, {"QQ==QUJD", -1}, {"QU-D", -1}, {"Q=JD", -1}, {"QQ=A", -1},
	};
	uint8_t bytes[16];

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		ptrdiff_t n = mt_base64_decode(rows[i].text, strlen(rows[i].text), bytes);
		char *back;

		if (n != rows[i].size)
			fail_msg("%s: %td", rows[i].text, n);
		if (n < 0)
			continue;
		back = mt_base64_encode((struct mt_bytes){bytes, (size_t)n});
		assert_string_equal(back, rows[i].text);
		free(back);
	}
}

static void
times_are_rfc_3339(void **state)
{
	static const struct {
		const char *text;
		int outcome;
		int64_t usec;
	} rows[] = {
		{"1970-01-01T00:00:00Z", 0, 0},
		{"2026-01-01T00:00:00Z", 0, 1767225600000000},
		{"2026-01-01T01:00:00+01:00", 0, 1767225600000000},
		{"2025-12-31T23:30:00-00:30", 0, 1767225600000000},
		{"2026-01-01T00:00:00.25Z", 0, 1767225600250000},
		{"2026-01-01T00:00:00.1234567Z", 0, 1767225600123456},
		{"2024-02-29T00:00:00Z", 0, 1709164800000000},
		{"2026-02-29T00:00:00Z", 1, 0},
		{"2026-13-01T00:00:00Z", 1, 0},
		{"2026-01-01T24:00:00Z", 1, 0},
		{"2026-01-01T00:60:00Z", 1, 0},
		{"2026-01-01 00:00:00Z", 1, 0},
		{"2026-01-01T00:00:00", 1, 0},
		{"2026-01-01T00:00:00.Z", 1, 0},
		{"2026-01-01T00:00:00Zx", 1, 0},
		{"2026-1-1T00:00:00Z", 1, 0},
		{"1969-12-31T23:59:59Z", 1, 0},
		{"", 1, 0},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		int64_t usec = 0;

		if (mt_time_parse(rows[i].text, &usec) != rows[i].outcome || usec != rows[i].usec)
			fail_msg("%s: %jd", rows[i].text, (intmax_t)usec);
	}
}

static void
names_people_type_become_a_labels(void **state)
{
	static const struct {
		const char *text, *host;
	} rows[] = {
		{"IMAP.Example.Test.", "imap.example.test"},
		{"bücher.example", "xn--bcher-kva.example"},
		{"BÜCHER.example", "xn--bcher-kva.example"},
		{"straße.example", "xn--strae-oqa.example"}, /* not "strasse": IDNA2008 */
		{"[2001:DB8::1]", "2001:db8::1"},
		{"192.0.2.7", "192.0.2.7"},
		{"", NULL},
		{"a b.example", NULL},
		{"１２７.０.０.１", NULL}, /* full-width digits never become an address */
		{"xn--a.example\xff", NULL},
		{"ü", "xn--tda"},
	};
	char long_name[2000], host[MT_DOMAIN_SIZE];

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		int r = mt_idn_host(rows[i].text, strlen(rows[i].text), host);

		if (r != (rows[i].host ? 0 : MT_IDN_E_INVALID))
			fail_msg("%s: %d", rows[i].text, r);
		if (rows[i].host)
			assert_string_equal(host, rows[i].host);
	}
	memset(long_name, 'a', sizeof(long_name));
	assert_int_equal(mt_idn_host(long_name, sizeof(long_name), host), MT_IDN_E_INVALID);
	memset(long_name, 0xc3, sizeof(long_name));
	assert_int_equal(mt_idn_host(long_name, sizeof(long_name), host), MT_IDN_E_INVALID);
	assert_int_equal(mt_idn_host("a\0b", 3, host), MT_IDN_E_INVALID);
}

static void
an_address_keeps_its_local_part(void **state)
{
	static const struct {
		const char *text, *address;
	} rows[] = {
		{"User@Example.Test", "User@example.test"},
		{"jürgen@bücher.example", "jürgen@xn--bcher-kva.example"},
		{"\"a@b\"@example.test", "\"a@b\"@example.test"},
		{"user", NULL},
		{"@example.test", NULL},
		{"user@", NULL},
		{"us\ner@example.test", NULL},
		{"us\xff@example.test", NULL},
		{"user@192.0.2.7", NULL},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.test",
		 NULL},
	};
	char address[MT_ADDRESS_SIZE];

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		int r = mt_idn_address(rows[i].text, strlen(rows[i].text), address);

		if (r != (rows[i].address ? 0 : MT_IDN_E_INVALID))
			fail_msg("%s: %d", rows[i].text, r);
		if (rows[i].address)
			assert_string_equal(address, rows[i].address);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(evidence_comes_back_from_the_bus_as_it_went),
		cmocka_unit_test(evidence_comes_back_from_json_as_it_went),
		cmocka_unit_test(the_decoder_names_the_key_at_fault),
		cmocka_unit_test(a_key_that_is_there_twice_is_refused),
		cmocka_unit_test(a_chain_that_is_too_much_is_noted_and_not_kept),
		cmocka_unit_test(a_chain_that_was_too_much_to_keep_is_still_told_as_too_much),
		cmocka_unit_test(a_stated_leaf_digest_must_be_the_chains),
		cmocka_unit_test(the_options_of_check_come_back_as_they_went),
		cmocka_unit_test(options_of_check_that_nobody_knows_are_refused),
		cmocka_unit_test(the_reply_of_check_comes_back_as_it_went),
		cmocka_unit_test(a_verdict_with_an_unknown_reason_or_decision_reads_as_deny),
		cmocka_unit_test(policy_fields_come_back_as_they_went),
		cmocka_unit_test(the_default_of_a_new_account_survives_both_codecs),
		cmocka_unit_test(the_effective_minimum_names_the_layer_of_each_field),
		cmocka_unit_test(policy_fields_in_json_are_strict),
		cmocka_unit_test(evidence_in_json_is_strict),
		cmocka_unit_test(json_is_bounded_before_it_is_parsed),
		cmocka_unit_test(a_consents_scope_is_what_its_kind_is_bound_to),
		cmocka_unit_test(base64_has_one_form),
		cmocka_unit_test(times_are_rfc_3339),
		cmocka_unit_test(names_people_type_become_a_labels),
		cmocka_unit_test(an_address_keeps_its_local_part),
	};

	return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
