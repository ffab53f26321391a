/* SPDX-License-Identifier: MIT */
/* One question: encode the evidence, call, verify the token, compare. */

#include "clients/lib/ask.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#define NONCE_SIZE 16 /* 128 bits: no two questions share one (D-JOSE-13) */

/* Digests that struct mt_token_expect borrows. */
struct proof {
	uint8_t binding[32], leaf[32];
};

/* What the token has to say of the connection the evidence describes. */
static int
expect_from_evidence(const char *id, enum mt_op op, const struct mt_evidence *ev,
		     const struct mt_check_options *options, struct proof *proof,
		     struct mt_token_expect *ret)
{
	*ret = (struct mt_token_expect){
		.now_sec = time(NULL),
		.uid = geteuid(),
		.cb = MT_TOKEN_CB_NONE,
		.account = id,
		.op = op,
		.proto = ev->proto,
		.host = mt_evidence_has(ev, MT_EV_HOST) ? ev->host : NULL,
		.port = ev->port,
		.nonce = {options->nonce, options->nonce_size},
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

static DBusMessage *
make_call(const char *id, enum mt_op op, const struct mt_evidence *evidence,
	  const struct mt_check_options *options)
{
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *call = mt_client_message(MT_CALL_ACCOUNT_CHECK, id);
	DBusMessageIter iter;

	if (!call)
		return NULL;

	dbus_message_iter_init_append(call, &iter);
	if (mt_codec_append_string(&iter, mt_op_to_string(op)) ||
	    mt_codec_append_evidence(&iter, evidence) ||
	    mt_codec_append_check_options(&iter, options))
		return NULL;

	return mt_steal(&call);
}

/* What the token says, by the keys we know or, where those do not fit, by the service's present
 * ones: a key may have been rotated since (D-JOSE-11). */
static void
verify_token(struct mt_client *client, const struct mt_token_expect *expect, const char *token,
	     struct mt_answer *ret)
{
	for (int anew = 0; anew < 2; anew++) {
		const char *jwks;
		int r = mt_client_keys(client, anew, &jwks);

		*ret = (struct mt_answer){0};
		if (r)
			mt_answer_from_error(client, r, ret);
		else
			mt_answer_from_token(token, jwks, expect, ret);
		if (r || ret->reasons[0] != MT_REASON_VERDICT_SIGNATURE_INVALID)
			return;
	}
}

/* Believes the reply only as far as its token goes. */
static void
verify_reply(struct mt_client *client, const struct mt_token_expect *expect,
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
	verify_token(client, expect, answer->token, &signed_answer);
	if (!mt_answer_agrees(answer, &signed_answer) && signed_answer.why[0] == '\0')
		mt_answer_deny(&signed_answer, MT_REASON_VERDICT_SIGNATURE_INVALID,
			       "the answer says something else than its token");

	signed_answer.token = answer->token;
	*answer = signed_answer;
}

/* Calls and believes the unsigned reply. Return: 0, or 1 with a denial in *ret. */
static int
call_check(struct mt_client *client, DBusMessage *call, struct mt_answer *ret)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	struct mt_check_reply said;
	struct mt_diag diag = {0};
	DBusMessageIter iter;
	int r = mt_client_call(client, MT_CALL_ACCOUNT_CHECK, call, &reply);

	if (r) {
		mt_answer_from_error(client, r, ret);
		return 1;
	}
	dbus_message_iter_init(reply, &iter);
	if (mt_codec_read_check_reply(&iter, &said, &diag) || mt_answer_from_reply(&said, ret)) {
		mt_answer_deny(ret, MT_REASON_DAEMON_UNAVAILABLE, "the answer makes no sense");
		return 1;
	}
	return 0;
}

void
mt_ask(struct mt_client *client, const char *id, enum mt_op op, const struct mt_evidence *evidence,
       struct mt_answer *ret)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *call = NULL;
	struct mt_check_options options = {.nonce_size = NONCE_SIZE};
	struct mt_token_expect expect;
	struct proof proof;

	*ret = (struct mt_answer){0};
	if (getrandom(options.nonce, NONCE_SIZE, 0) != NONCE_SIZE) {
		mt_answer_deny(ret, MT_REASON_DAEMON_UNAVAILABLE, "no random numbers");
		return;
	}
	if (expect_from_evidence(id, op, evidence, &options, &proof, &expect)) {
		mt_answer_deny(ret, MT_REASON_EVIDENCE_INCOMPLETE, "the exporter needs its peer");
		return;
	}
	call = make_call(id, op, evidence, &options);
	if (call_check(client, call, ret))
		return;

	expect.now_sec = time(NULL); /* the question may have taken seconds */
	verify_reply(client, &expect, ret);
}

void
mt_ask_handshake(struct mt_client *client, const char *id, enum mt_op op,
		 const struct mt_evidence *evidence, struct mt_answer *ret)
{
	const struct mt_check_options options = {.phase = MT_PHASE_HANDSHAKE};
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *call = NULL;

	*ret = (struct mt_answer){0};
	call = make_call(id, op, evidence, &options);
	(void)call_check(client, call, ret);
}

void
mt_ask_report_failure(struct mt_client *client, const char *id, enum mt_proto proto)
{
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *call = mt_client_message(MT_CALL_ACCOUNT_REPORT_FAILURE, id);
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	const char *name = mt_proto_to_string(proto);

	if (!call || !dbus_message_append_args(call, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID))
		return;
	mt_client_begin(client, MT_CLIENT_PATIENCE_USEC);
	(void)!mt_client_call(client, MT_CALL_ACCOUNT_REPORT_FAILURE, call, &reply);
}
