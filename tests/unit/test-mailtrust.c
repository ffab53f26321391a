/* SPDX-License-Identifier: MIT */
/*
 * libmailtrust against a service that lies, hangs, or is not there. The service is a child process
 * on a socket of its own; how it behaves is decided before it is forked.
 */

#include "tests/cmocka-all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "clients/lib/mailtrust.h"
#include "ipc/codec.h"
#include "ipc/contract.h"
#include "ipc/token.h"
#include "tests/unit/service-double.h"

#define ACCOUNT_ID "00112233445566778899aabbccddeeff"
#define ACCOUNT_PREFIX MT_ACCOUNTS_PATH "/"

/* How the service behaves. */
enum behaviour {
	HONEST,
	DENIES_UNSIGNED,
	ALLOWS_UNSIGNED,
	GIVES_A_REASON_NOBODY_KNOWS,
	SAYS_MORE_THAN_IT_SIGNED,
	SIGNS_WITH_ANOTHER_KEY,
	SIGNS_FOR_ANOTHER_CONNECTION,
	SIGNS_FOR_ANOTHER_ACCOUNT,
	SIGNS_FOR_ANOTHER_OPERATION,
	SIGNS_FOR_ANOTHER_CERTIFICATE,
	SIGNS_AN_OLD_QUESTION,
	SIGNS_AN_EXPIRED_ONE,
	SIGNS_WITHOUT_BINDING,
	ANSWERS_SOMETHING_ELSE,
	KNOWS_NO_ACCOUNT,
	GIVES_NO_KEYS,
	HANGS
};

struct world {
	enum behaviour behaviour;
	struct mt_signing_key *key, *other;
	struct mt_token_claims claims;
	char dir[64], path[96];
	pid_t child;
	struct mailtrust *mailtrust;
	struct mailtrust_evidence *evidence;
	struct mailtrust_verdict *verdict;
};

static const uint8_t exporter[32] = {9, 9, 9};
static const uint8_t certificate[] = {0x30, 0x03, 0x02, 0x01, 0x01};

/* The service */

static void
read_nonce(DBusMessage *call, struct mt_token_claims *claims)
{
	struct mt_check_options options;
	struct mt_diag diag = {0};
	DBusMessageIter iter;

	dbus_message_iter_init(call, &iter);
	dbus_message_iter_next(&iter);
	dbus_message_iter_next(&iter);
	if (mt_codec_read_check_options(&iter, &options, &diag))
		_exit(1);

	memcpy(claims->nonce, options.nonce, options.nonce_size);
	claims->nonce_size = options.nonce_size;
	mt_check_options_clear(&options);
}

/* Bends the claims as the behaviour wants them. */
static void
bend(enum behaviour behaviour, struct mt_token_claims *c)
{
	c->iat_sec = time(NULL);
	c->exp_sec = c->iat_sec + 60;
	if (behaviour == SIGNS_FOR_ANOTHER_CONNECTION)
		c->binding[0] ^= 1;
	else if (behaviour == SIGNS_FOR_ANOTHER_ACCOUNT)
		c->sub[0] = 'f';
	else if (behaviour == SIGNS_FOR_ANOTHER_OPERATION)
		c->op = MT_OP_SUBMIT;
	else if (behaviour == SIGNS_FOR_ANOTHER_CERTIFICATE)
		c->leaf_sha256[0] ^= 1;
	else if (behaviour == SIGNS_AN_OLD_QUESTION)
		c->nonce[0] ^= 1;
	else if (behaviour == SIGNS_AN_EXPIRED_ONE)
		c->exp_sec -= 120, c->iat_sec -= 120;
	else if (behaviour == SIGNS_WITHOUT_BINDING)
		c->has_binding = false;
	else if (behaviour == SAYS_MORE_THAN_IT_SIGNED) {
		c->decision = MT_DECISION_AWC;
		c->conf = false;
	}
}

static void
append_answer(DBusMessage *reply, enum behaviour behaviour, const char *token)
{
	const char *decision = behaviour == DENIES_UNSIGNED ? "deny" : "allow";
	const char *met[] = {"cert.pkix-valid", "conf.met"}, *expired[] = {"cert.expired"};
	const char *unknown[] = {"cert.quantum"};
	const char **reasons = behaviour == DENIES_UNSIGNED               ? expired
			       : behaviour == GIVES_A_REASON_NOBODY_KNOWS ? unknown
									  : met;
	dbus_bool_t conf = behaviour != DENIES_UNSIGNED;
	DBusMessageIter iter, dict;

	dbus_message_append_args(reply, DBUS_TYPE_STRING, &decision, DBUS_TYPE_BOOLEAN, &conf,
				 DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &reasons,
				 reasons == met ? 2 : 1, DBUS_TYPE_STRING, &token,
				 DBUS_TYPE_INVALID);
	dbus_message_iter_init_append(reply, &iter);
	dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &dict);
	dbus_message_iter_close_container(&iter, &dict);
}

static void
answer_check(const struct world *w, DBusMessage *call, DBusMessage *reply)
{
	struct mt_token_claims claims = w->claims;
	char text[MT_VERDICT_TEXT_SIZE] = "";
	const char *nonsense = "allow";
	size_t size;

	if (w->behaviour == ANSWERS_SOMETHING_ELSE) {
		dbus_message_append_args(reply, DBUS_TYPE_STRING, &nonsense, DBUS_TYPE_INVALID);
		return;
	}
	read_nonce(call, &claims);
	bend(w->behaviour, &claims);
	if (w->behaviour != DENIES_UNSIGNED && w->behaviour != ALLOWS_UNSIGNED &&
	    w->behaviour != GIVES_A_REASON_NOBODY_KNOWS &&
	    mt_token_sign(w->behaviour == SIGNS_WITH_ANOTHER_KEY ? w->other : w->key, &claims, text,
			  &size))
		_exit(1);

	append_answer(reply, w->behaviour, text);
}

static void
answer_keys(const struct world *w, DBusMessage *reply)
{
	struct mt_jwks *jwks;
	char *json;

	if (mt_jwks_new(&jwks) || mt_jwks_add(jwks, mt_key_public(w->key)) ||
	    mt_jwks_format(jwks, &json))
		_exit(1);

	dbus_message_append_args(reply, DBUS_TYPE_STRING, &json, DBUS_TYPE_INVALID);
	free(json);
	mt_jwks_free(jwks);
}

static void
answer_levels(DBusMessage *reply)
{
	static const char *const rows[][3] = {
		{ACCOUNT_PREFIX ACCOUNT_ID, "a@example.test", "protected"},
		{ACCOUNT_PREFIX "ffffffffffffffffffffffffffffffff", "b@example.test", "reduced"},
		{ACCOUNT_PREFIX "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee", "c@example.test", "golden"},
	};
	DBusMessageIter iter, array, row;

	dbus_message_iter_init_append(reply, &iter);
	dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "(oss)", &array);
	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		dbus_message_iter_open_container(&array, DBUS_TYPE_STRUCT, NULL, &row);
		dbus_message_iter_append_basic(&row, DBUS_TYPE_OBJECT_PATH, &rows[i][0]);
		dbus_message_iter_append_basic(&row, DBUS_TYPE_STRING, &rows[i][1]);
		dbus_message_iter_append_basic(&row, DBUS_TYPE_STRING, &rows[i][2]);
		dbus_message_iter_close_container(&array, &row);
	}
	dbus_message_iter_close_container(&iter, &array);
}

static DBusMessage *
make_reply(DBusMessage *call, void *userdata)
{
	const char *path = ACCOUNT_PREFIX ACCOUNT_ID, *member = dbus_message_get_member(call);
	const struct world *w = userdata;
	DBusMessage *reply;

	if (w->behaviour == HANGS)
		return NULL;
	if ((w->behaviour == KNOWS_NO_ACCOUNT && strcmp(member, "FindAccount") == 0) ||
	    (w->behaviour == GIVES_NO_KEYS && strcmp(member, "GetKeys") == 0))
		return dbus_message_new_error(call, "org.mailtrust1.Error.UnknownAccount",
					      "There is no such account. [account.unknown]");

	reply = dbus_message_new_method_return(call);
	if (strcmp(member, "FindAccount") == 0)
		dbus_message_append_args(reply, DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_INVALID);
	else if (strcmp(member, "GetKeys") == 0)
		answer_keys(w, reply);
	else if (strcmp(member, "Levels") == 0)
		answer_levels(reply);
	else
		answer_check(w, call, reply);

	return reply;
}

/* The world */

static void
start_service(struct world *w, enum behaviour behaviour)
{
	w->behaviour = behaviour;
	w->child = service_double_start(w->path, make_reply, w);
	assert_true(w->child > 0);
}

static void
describe(struct mailtrust_evidence *e)
{
	assert_int_equal(mailtrust_evidence_set_text(e, "proto", "imap"), 0);
	assert_int_equal(mailtrust_evidence_set_text(e, "host", "IMAP.example.test"), 0);
	assert_int_equal(mailtrust_evidence_set_number(e, "port", 993), 0);
	assert_int_equal(mailtrust_evidence_set_text(e, "transport", "implicit"), 0);
	assert_int_equal(mailtrust_evidence_set_text(e, "tls.version", "1.3"), 0);
	assert_int_equal(mailtrust_evidence_set_flag(e, "tls.resumed", false), 0);
	assert_int_equal(mailtrust_evidence_add_certificate(e, certificate, sizeof(certificate)),
			 0);
	assert_int_equal(mailtrust_evidence_set_bytes(e, "exporter", exporter, 32), 0);
	assert_int_equal(mailtrust_evidence_set_text(e, "peer", "192.0.2.7"), 0);
	assert_int_equal(mailtrust_evidence_set_number(e, "local_port", 40000), 0);
}

static int
setup(void **state)
{
	/* SHA-256 of the certificate above */
	static const uint8_t leaf[32] = {0x1b, 0x65, 0xf6, 0x8a, 0x52, 0x2c, 0x85, 0x87,
					 0x15, 0xf5, 0xdd, 0x95, 0x1c, 0xd0, 0x40, 0x2d,
					 0xc1, 0x66, 0x91, 0x77, 0x88, 0x14, 0xbf, 0x07,
					 0x59, 0x82, 0x2b, 0x7a, 0x25, 0x74, 0x21, 0xd0};
	struct world *w = calloc(1, sizeof(*w));

	*state = w;
	strcpy(w->dir, "/tmp/mt-lib-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->path, sizeof(w->path), "%s/socket", w->dir);
	assert_int_equal(mt_key_generate(&w->key), 0);
	assert_int_equal(mt_key_generate(&w->other), 0);
	w->claims = (struct mt_token_claims){
		.iss = "urn:mailtrust:test",
		.sub = ACCOUNT_ID,
		.uid = geteuid(),
		.decision = MT_DECISION_ALLOW,
		.conf = true,
		.op = MT_OP_AUTHENTICATE,
		.proto = MT_PROTO_IMAP,
		.host = "imap.example.test",
		.port = 993,
		.has_leaf = true,
		.has_binding = true,
		.epoch = 1,
		.reasons = {MT_REASON_CERT_PKIX_VALID, MT_REASON_CONF_MET},
		.n_reasons = 2,
	};
	memcpy(w->claims.leaf_sha256, leaf, sizeof(leaf));
	assert_int_equal(mt_token_binding(exporter, "192.0.2.7", 993, 40000, w->claims.binding), 0);
	w->evidence = mailtrust_evidence_new();
	describe(w->evidence);
	assert_int_equal(mailtrust_open(w->path, &w->mailtrust), 0);
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	mailtrust_close(w->mailtrust);
	mailtrust_verdict_free(w->verdict);
	mailtrust_evidence_free(w->evidence);
	service_double_stop(w->child);
	mt_key_free(w->key);
	mt_key_free(w->other);
	(void)unlink(w->path);
	(void)rmdir(w->dir);
	free(w);
	return 0;
}

static enum mailtrust_decision
check(struct world *w)
{
	mailtrust_verdict_free(w->verdict);
	w->verdict = NULL;
	return mailtrust_check(w->mailtrust, "a@example.test", "authenticate", w->evidence,
			       &w->verdict);
}

static void
assert_denied_for(struct world *w, const char *reason)
{
	assert_int_equal(check(w), MAILTRUST_DENY);
	assert_int_equal(mailtrust_verdict_decision(w->verdict), MAILTRUST_DENY);
	assert_false(mailtrust_verdict_is_confidential(w->verdict));
	assert_string_equal(mailtrust_verdict_reason(w->verdict, 0), reason);
	assert_non_null(mailtrust_verdict_sentence(w->verdict, 0));
}

static void
a_verdict_that_verifies_is_handed_out(void **state)
{
	struct world *w = *state;

	start_service(w, HONEST);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(check(w), MAILTRUST_ALLOW);
		assert_true(mailtrust_verdict_is_confidential(w->verdict));
		assert_string_equal(mailtrust_verdict_reason(w->verdict, 0), "cert.pkix-valid");
		assert_string_equal(mailtrust_verdict_reason(w->verdict, 1), "conf.met");
		assert_null(mailtrust_verdict_reason(w->verdict, 2));
		assert_non_null(mailtrust_verdict_token(w->verdict));
	}
}

static const struct {
	enum behaviour behaviour;
	const char *reason;
} lies[] = {
	{DENIES_UNSIGNED, "cert.expired"},
	{ALLOWS_UNSIGNED, "verdict.signature-invalid"},
	{GIVES_A_REASON_NOBODY_KNOWS, "op.not-permitted"},
	{SAYS_MORE_THAN_IT_SIGNED, "verdict.signature-invalid"},
	{SIGNS_WITH_ANOTHER_KEY, "verdict.signature-invalid"},
	{SIGNS_FOR_ANOTHER_CONNECTION, "verdict.binding-mismatch"},
	{SIGNS_FOR_ANOTHER_ACCOUNT, "verdict.binding-mismatch"},
	{SIGNS_FOR_ANOTHER_OPERATION, "verdict.binding-mismatch"},
	{SIGNS_FOR_ANOTHER_CERTIFICATE, "verdict.binding-mismatch"},
	{SIGNS_AN_OLD_QUESTION, "verdict.binding-mismatch"},
	{SIGNS_AN_EXPIRED_ONE, "verdict.expired"},
	{SIGNS_WITHOUT_BINDING, "verdict.binding-mismatch"},
	{ANSWERS_SOMETHING_ELSE, "daemon.unavailable"},
	{KNOWS_NO_ACCOUNT, "account.unknown"},
	{GIVES_NO_KEYS, "account.unknown"},
};

static void
whatever_does_not_hold_is_deny(void **state)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(lies); i++) {
		struct world *w;
		void *inner;

		assert_int_equal(setup(&inner), 0);
		w = inner;
		start_service(w, lies[i].behaviour);
		assert_denied_for(w, lies[i].reason);
		teardown(&inner);
	}
}

static int64_t
seconds_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void
a_service_that_hangs_is_deny_after_five_seconds(void **state)
{
	struct world *w = *state;
	int64_t start = seconds_now();

	start_service(w, HANGS);
	assert_denied_for(w, "daemon.unavailable");
	assert_in_range(seconds_now() - start, 4, 7);
}

static void
a_missing_service_is_deny_at_once_and_found_when_it_comes(void **state)
{
	struct world *w = *state;
	int64_t start = seconds_now();

	assert_denied_for(w, "daemon.unavailable");
	assert_in_range(seconds_now() - start, 0, 1);
	start_service(w, HONEST);
	assert_int_equal(check(w), MAILTRUST_ALLOW);
}

/* Nobody accepts and the queue is full: connecting would block. */
static void
a_socket_whose_queue_is_full_is_deny_at_once(void **state)
{
	struct world *w = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), waiting[4];
	int64_t start = seconds_now();

	strcpy(address.sun_path, w->path);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 0), 0);
	for (size_t i = 0; i < MT_ARRAY_SIZE(waiting); i++) {
		waiting[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(waiting[i], (struct sockaddr *)&address, sizeof(address));
	}
	assert_denied_for(w, "daemon.unavailable");
	assert_in_range(seconds_now() - start, 0, 1);
	for (size_t i = 0; i < MT_ARRAY_SIZE(waiting); i++)
		close(waiting[i]);
	close(listener);
}

static void
a_service_that_dies_between_two_questions_is_found_again(void **state)
{
	struct world *w = *state;

	start_service(w, HONEST);
	assert_int_equal(check(w), MAILTRUST_ALLOW);
	service_double_stop(w->child);
	(void)unlink(w->path);
	assert_denied_for(w, "daemon.unavailable");
	start_service(w, HONEST);
	assert_int_equal(check(w), MAILTRUST_ALLOW);
}

static void
an_operation_nobody_knows_is_deny(void **state)
{
	struct world *w = *state;

	assert_int_equal(
		mailtrust_check(w->mailtrust, "a@example.test", "login", w->evidence, &w->verdict),
		MAILTRUST_DENY);
	assert_string_equal(mailtrust_verdict_reason(w->verdict, 0), "op.not-permitted");
}

static void
the_level_of_an_account_comes_from_one_question(void **state)
{
	struct world *w = *state;

	assert_int_equal(mailtrust_account_level(w->mailtrust, "a@example.test"),
			 MAILTRUST_BLOCKED);
	start_service(w, HONEST);
	assert_int_equal(mailtrust_account_level(w->mailtrust, "a@example.test"),
			 MAILTRUST_PROTECTED);
	assert_int_equal(mailtrust_account_level(w->mailtrust, ACCOUNT_ID), MAILTRUST_PROTECTED);
	assert_int_equal(mailtrust_account_level(w->mailtrust, "b@example.test"),
			 MAILTRUST_REDUCED);
	/* a level nobody knows, an account nobody knows */
	assert_int_equal(mailtrust_account_level(w->mailtrust, "c@example.test"),
			 MAILTRUST_BLOCKED);
	assert_int_equal(mailtrust_account_level(w->mailtrust, "d@example.test"),
			 MAILTRUST_BLOCKED);
}

static void
no_verdict_is_a_denial(void **state)
{
	assert_int_equal(mailtrust_verdict_decision(NULL), MAILTRUST_DENY);
	assert_false(mailtrust_verdict_is_confidential(NULL));
	assert_string_equal(mailtrust_verdict_reason(NULL, 0), "daemon.unavailable");
	assert_null(mailtrust_verdict_reason(NULL, 1));
	assert_null(mailtrust_verdict_token(NULL));
	mailtrust_verdict_free(NULL);
}

static void
a_value_that_is_none_has_the_strictest_name(void **state)
{
	assert_string_equal(mailtrust_decision_to_string(MAILTRUST_ALLOW), "allow");
	assert_string_equal(mailtrust_decision_to_string((enum mailtrust_decision)4), "deny");
	assert_string_equal(mailtrust_decision_to_string((enum mailtrust_decision) - 1), "deny");
	assert_string_equal(mailtrust_level_to_string(MAILTRUST_PROTECTED), "protected");
	assert_string_equal(mailtrust_level_to_string((enum mailtrust_level)3), "blocked");
}

static void
evidence_takes_only_keys_of_their_type_within_their_bounds(void **state)
{
	const struct world *w = *state;
	struct mailtrust_evidence *e = w->evidence;
	uint8_t big[MT_STAPLE_MAX + 1] = {0};

	assert_int_equal(mailtrust_evidence_set_text(e, "nothing", "x"), -EINVAL);
	assert_int_equal(mailtrust_evidence_set_text(e, "port", "993"), -EINVAL);
	assert_int_equal(mailtrust_evidence_set_text(e, "host", "not a host"), -EINVAL);
	assert_int_equal(mailtrust_evidence_set_text(e, "proto", "smtps"), -EINVAL);
	assert_int_equal(mailtrust_evidence_set_text(e, "tls.version", "1.4"), -EINVAL);
	assert_int_equal(mailtrust_evidence_set_text(e, "tls.cipher", ""), -EINVAL);
	assert_int_equal(mailtrust_evidence_set_text(e, "tls.cipher", "two words"), -EINVAL);
	assert_int_equal(mailtrust_evidence_set_number(e, "port", 65536), -EINVAL);
	assert_int_equal(mailtrust_evidence_set_number(e, "port", -1), -EINVAL);
	assert_int_equal(mailtrust_evidence_set_flag(e, "port", true), -EINVAL);
	assert_int_equal(mailtrust_evidence_set_bytes(e, "exporter", big, 31), -EINVAL);
	assert_int_equal(mailtrust_evidence_set_bytes(e, "auth.cb_value", big, 65), -EINVAL);
	assert_int_equal(mailtrust_evidence_set_bytes(e, "auth.cb_value", big, 64), 0);
	assert_int_equal(mailtrust_evidence_set_bytes(e, "staple", big, sizeof(big)), -EINVAL);
	assert_int_equal(mailtrust_evidence_set_bytes(e, "staple", big, 100), 0);
	for (size_t i = 1; i < MT_CHAIN_MAX; i++)
		assert_int_equal(mailtrust_evidence_add_certificate(e, certificate, 5), 0);
	assert_int_equal(mailtrust_evidence_add_certificate(e, certificate, 5), -EINVAL);
}

static void
a_token_is_verified_offline_for_its_own_connection_alone(void **state)
{
	struct world *w = *state;
	struct mailtrust_connection connection = {
		.uid = geteuid(),
		.account = ACCOUNT_ID,
		.operation = "authenticate",
		.exporter = exporter,
		.peer = "192.0.2.7",
		.peer_port = 993,
		.local_port = 40000,
	};
	char text[MT_VERDICT_TEXT_SIZE], *json;
	struct mt_jwks *jwks;
	size_t size;

	bend(HONEST, &w->claims);
	assert_int_equal(mt_token_sign(w->key, &w->claims, text, &size), 0);
	assert_int_equal(mt_jwks_new(&jwks), 0);
	assert_int_equal(mt_jwks_add(jwks, mt_key_public(w->key)), 0);
	assert_int_equal(mt_jwks_format(jwks, &json), 0);
	assert_int_equal(mailtrust_verify(text, json, &connection, &w->verdict), MAILTRUST_ALLOW);
	assert_true(mailtrust_verdict_is_confidential(w->verdict));
	connection.local_port++;
	assert_int_equal(mailtrust_verify(text, json, &connection, NULL), MAILTRUST_DENY);
	connection.local_port--;
	connection.operation = "submit";
	assert_int_equal(mailtrust_verify(text, json, &connection, NULL), MAILTRUST_DENY);
	connection.operation = "authenticate";
	connection.uid++;
	assert_int_equal(mailtrust_verify(text, json, &connection, NULL), MAILTRUST_DENY);
	connection.uid--;
	assert_int_equal(mailtrust_verify(text, "{\"keys\":[]}", &connection, NULL),
			 MAILTRUST_DENY);
	/* what is absent is not "any" */
	for (size_t i = 0; i < 4; i++) {
		struct mailtrust_connection partial = connection;

		if (i == 0)
			partial.account = NULL;
		else if (i == 1)
			partial.operation = NULL;
		else if (i == 2)
			partial.exporter = NULL;
		else
			partial.peer = NULL;
		assert_int_equal(mailtrust_verify(text, json, &partial, NULL), MAILTRUST_DENY);
	}
	free(json);
	mt_jwks_free(jwks);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_verdict_that_verifies_is_handed_out),
		cmocka_unit_test(whatever_does_not_hold_is_deny),
		CASE(a_service_that_hangs_is_deny_after_five_seconds),
		CASE(a_missing_service_is_deny_at_once_and_found_when_it_comes),
		CASE(a_socket_whose_queue_is_full_is_deny_at_once),
		CASE(a_service_that_dies_between_two_questions_is_found_again),
		CASE(an_operation_nobody_knows_is_deny),
		CASE(the_level_of_an_account_comes_from_one_question),
		cmocka_unit_test(no_verdict_is_a_denial),
		cmocka_unit_test(a_value_that_is_none_has_the_strictest_name),
		CASE(evidence_takes_only_keys_of_their_type_within_their_bounds),
		CASE(a_token_is_verified_offline_for_its_own_connection_alone),
	};

	return cmocka_run_group_tests_name("mailtrust", tests, NULL, NULL);
}
