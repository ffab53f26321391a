/* SPDX-License-Identifier: MIT */
/* One question: encode the evidence, call, verify the token, compare. */

#include "clients/lib/ask.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "clients/lib/evidence-message.h"

#define NONCE_SIZE 16

/* The codes in the brackets of "… [cert.expired] [conf.warning-required]". */
static void
add_bracketed_codes(struct mt_answer *answer, const char *text)
{
	enum mt_reason reason;
	char code[64];

	while ((text = strchr(text, '[')) != NULL) {
		size_t size = strcspn(++text, "]");

		if (size >= sizeof(code))
			continue;

		memcpy(code, text, size);
		code[size] = '\0';
		if (answer->n_reasons < MT_REASONS_MAX && mt_reason_from_string(code, &reason) == 0)
			answer->reasons[answer->n_reasons++] = reason;
	}
}

/* What an error is as a reason; what is none of these was simply not permitted. */
static enum mt_reason
reason_of_error(enum mt_error error)
{
	static const struct {
		enum mt_error error;
		enum mt_reason reason;
	} reasons[] = {
		{MT_ERROR_UNKNOWN_ACCOUNT, MT_REASON_ACCOUNT_UNKNOWN},
		{MT_ERROR_CONF_WARNING_REQUIRED, MT_REASON_CONF_WARNING_REQUIRED},
		{MT_ERROR_ORG_OVERRIDE_REFUSED, MT_REASON_POLICY_ORG_OVERRIDE_REFUSED},
		{MT_ERROR_ENDPOINT_NOT_PROBED, MT_REASON_EVIDENCE_INCOMPLETE},
		{MT_ERROR_INVALID_EVIDENCE, MT_REASON_EVIDENCE_INCOMPLETE},
		{MT_ERROR_DEGRADED, MT_REASON_DAEMON_DEGRADED},
		{MT_ERROR_DAEMON_UNREACHABLE, MT_REASON_DAEMON_UNAVAILABLE},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(reasons); i++)
		if (reasons[i].error == error)
			return reasons[i].reason;
	return MT_REASON_OP_NOT_PERMITTED;
}

void
mt_answer_from_outcome(const struct mt_daemon *daemon, int outcome, struct mt_answer *ret)
{
	const struct mt_daemon_error *error = mt_daemon_error(daemon);

	if (outcome != MT_DAEMON_E_REFUSED) {
		mt_answer_deny(ret, MT_REASON_DAEMON_UNAVAILABLE,
			       outcome < 0 ? strerror(-outcome) : error->message);
		return;
	}
	mt_answer_deny(ret, MT_REASON_ACCOUNT_UNKNOWN, error->message);
	ret->n_reasons = 0;
	add_bracketed_codes(ret, error->message);
	if (ret->n_reasons > 0)
		return;

	ret->n_reasons = 1;
	ret->reasons[0] = reason_of_error(mt_error_from_dbus_name(error->name));
}

void
mt_answer_from_token(const char *token, const char *jwks, const struct mt_token_expect *expect,
		     struct mt_answer *answer)
{
	MT_CLEANUP(mt_jwks_freep) struct mt_jwks *keys = NULL;
	struct mt_token_claims claims;
	struct mt_diag diag = {0};
	int r;

	if (mt_jwks_parse(jwks, strlen(jwks), &diag, &keys)) {
		mt_answer_deny(answer, MT_REASON_VERDICT_SIGNATURE_INVALID, diag.message);
		return;
	}
	r = mt_token_verify(token, strlen(token), keys, expect, &diag, &claims);
	if (r) {
		mt_answer_deny(answer, mt_token_outcome_reason(r), diag.message);
		return;
	}
	answer->decision = claims.decision;
	answer->conf = claims.conf;
	answer->n_reasons = claims.n_reasons;
	memcpy(answer->reasons, claims.reasons, sizeof(answer->reasons));
	if (claims.unknown_reason)
		mt_answer_add_code(answer, "");
}

/* Digests that struct mt_token_expect borrows. */
struct proof {
	uint8_t binding[32], leaf[32];
};

/* What the token has to say of the connection the evidence describes. */
static int
expect_from_evidence(const char *path, enum mt_op op, const struct mt_evidence *ev,
		     const struct mt_bytes *nonce, struct proof *proof, struct mt_token_expect *ret)
{
	*ret = (struct mt_token_expect){
		.now_sec = time(NULL),
		.uid = geteuid(),
		.cb = MT_TOKEN_CB_NONE,
		.account = mt_account_id_of_path(path),
		.op = op,
		.proto = ev->proto,
		.host = mt_evidence_has(ev, MT_EV_HOST) ? ev->host : NULL,
		.port = ev->port,
		.nonce = *nonce,
	};
	if (ev->n_chain > 0) {
		if (!EVP_Digest(ev->chain[0].data, ev->chain[0].size, proof->leaf, NULL,
				EVP_sha256(), NULL))
			return -EIO;
		ret->leaf_sha256 = proof->leaf;
	} else if (mt_evidence_has(ev, MT_EV_LEAF_SHA256)) {
		ret->leaf_sha256 = ev->leaf_sha256;
	}
	if (!mt_evidence_has(ev, MT_EV_EXPORTER))
		return 0;

	ret->cb = MT_TOKEN_CB_EXPORTER;
	ret->binding = proof->binding;
	return mt_token_binding(ev->exporter, ev->peer, ev->port, ev->local_port, proof->binding);
}

/* Account.Check(s operation, a{sv} evidence, a{sv} options) */
static DBusMessage *
make_call(const char *path, enum mt_op op, const struct mt_evidence *evidence,
	  const struct mt_bytes *nonce)
{
	DBusMessage *call = mt_daemon_message(path, MT_ACCOUNT_INTERFACE, "Check");
	const char *operation = mt_op_to_string(op);
	DBusMessageIter iter, options;

	if (!call)
		return NULL;

	dbus_message_iter_init_append(call, &iter);
	if (dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &operation) &&
	    mt_evidence_append(&iter, evidence) == 0 &&
	    dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &options) &&
	    mt_dict_append_bytes(&options, "nonce", *nonce) == 0 &&
	    dbus_message_iter_close_container(&iter, &options))
		return call;

	dbus_message_unref(call);
	return NULL;
}

/* (s decision, b confidential, as reasons, s token, a{sv} detail) */
static int
read_reply(DBusMessage *reply, struct mt_answer *ret)
{
	DBusMessageIter iter, reasons;
	const char *decision, *token, *code;
	dbus_bool_t conf;

	dbus_message_iter_init(reply, &iter);
	dbus_message_iter_get_basic(&iter, &decision);
	dbus_message_iter_next(&iter);
	dbus_message_iter_get_basic(&iter, &conf);
	dbus_message_iter_next(&iter);
	dbus_message_iter_recurse(&iter, &reasons);
	if (mt_decision_from_string(decision, &ret->decision))
		return 1;

	ret->conf = conf;
	while (dbus_message_iter_get_arg_type(&reasons) == DBUS_TYPE_STRING) {
		dbus_message_iter_get_basic(&reasons, &code);
		mt_answer_add_code(ret, code);
		dbus_message_iter_next(&reasons);
	}
	dbus_message_iter_next(&iter);
	dbus_message_iter_get_basic(&iter, &token);
	ret->token = *token ? strdup(token) : NULL;
	return 0;
}

/* What the token says, by the keys we know or, where those do not fit, by the service's present
 * ones: a key may have been rotated since (D-JOSE-11). */
static void
verify_token(struct mt_daemon *daemon, const struct mt_token_expect *expect, const char *token,
	     struct mt_answer *ret)
{
	for (int anew = 0; anew < 2; anew++) {
		const char *jwks;
		int r = mt_daemon_keys(daemon, anew, &jwks);

		*ret = (struct mt_answer){0};
		if (r)
			mt_answer_from_outcome(daemon, r, ret);
		else
			mt_answer_from_token(token, jwks, expect, ret);
		if (r || ret->reasons[0] != MT_REASON_VERDICT_SIGNATURE_INVALID)
			return;
	}
}

/* Believes the reply only as far as its token goes. */
static void
verify_reply(struct mt_daemon *daemon, const struct mt_token_expect *expect,
	     struct mt_answer *answer)
{
	struct mt_answer signed_answer;

	if (!answer->token) {
		/* a denial needs no proof; anything else does */
		if (answer->decision != MT_DECISION_DENY || answer->n_reasons == 0)
			mt_answer_deny(answer, MT_REASON_VERDICT_SIGNATURE_INVALID,
				       "the answer was not signed");
		return;
	}
	verify_token(daemon, expect, answer->token, &signed_answer);
	if (!mt_answer_agrees(answer, &signed_answer) && signed_answer.why[0] == '\0')
		mt_answer_deny(&signed_answer, MT_REASON_VERDICT_SIGNATURE_INVALID,
			       "the answer says something else than its token");

	signed_answer.token = answer->token;
	*answer = signed_answer;
}

static void
ask_with_nonce(struct mt_daemon *daemon, const char *path, enum mt_op op,
	       const struct mt_evidence *evidence, const struct mt_bytes *nonce,
	       struct mt_answer *ret)
{
	MT_CLEANUP(mt_message_unrefp) DBusMessage *call = make_call(path, op, evidence, nonce);
	MT_CLEANUP(mt_message_unrefp) DBusMessage *reply = NULL;
	struct mt_token_expect expect;
	struct proof proof;
	int r;

	if (expect_from_evidence(path, op, evidence, nonce, &proof, &expect)) {
		mt_answer_deny(ret, MT_REASON_EVIDENCE_INCOMPLETE, "the exporter needs its peer");
		return;
	}
	r = mt_daemon_call(daemon, call, "sbassa{sv}", &reply);
	if (r) {
		mt_answer_from_outcome(daemon, r, ret);
		return;
	}
	if (read_reply(reply, ret)) {
		mt_answer_deny(ret, MT_REASON_DAEMON_UNAVAILABLE, "the answer makes no sense");
		return;
	}
	expect.now_sec = time(NULL); /* the question may have taken seconds */
	verify_reply(daemon, &expect, ret);
}

void
mt_ask(struct mt_daemon *daemon, const char *path, enum mt_op op,
       const struct mt_evidence *evidence, struct mt_answer *ret)
{
	uint8_t nonce[NONCE_SIZE];

	*ret = (struct mt_answer){0};
	if (getrandom(nonce, sizeof(nonce), 0) != sizeof(nonce)) {
		mt_answer_deny(ret, MT_REASON_DAEMON_UNAVAILABLE, "no random numbers");
		return;
	}
	ask_with_nonce(daemon, path, op, evidence, &(struct mt_bytes){nonce, sizeof(nonce)}, ret);
}
