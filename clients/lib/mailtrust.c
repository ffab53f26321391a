/* SPDX-License-Identifier: MIT */
/* libmailtrust: the public face of asking, levels, verdicts and offline verification. */

#include "clients/lib/mailtrust.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "clients/lib/ask.h"
#include "clients/lib/evidence-builder.h"
#include "policy/decide.h"

static_assert((int)MAILTRUST_DENY == (int)MT_DECISION_DENY &&
		      (int)MAILTRUST_CONFIRM == (int)MT_DECISION_CONFIRM &&
		      (int)MAILTRUST_AWC == (int)MT_DECISION_AWC &&
		      (int)MAILTRUST_ALLOW == (int)MT_DECISION_ALLOW,
	      "one set of decisions");
static_assert((int)MAILTRUST_BLOCKED == (int)MT_ACCOUNT_BLOCKED &&
		      (int)MAILTRUST_REDUCED == (int)MT_ACCOUNT_REDUCED &&
		      (int)MAILTRUST_PROTECTED == (int)MT_ACCOUNT_PROTECTED,
	      "one set of levels");
static_assert(MAILTRUST_EXPORTER_SIZE == 32, "D-CB-06");
static_assert(MAILTRUST_CERTIFICATES_MAX == MT_CHAIN_MAX &&
		      MAILTRUST_CHAIN_BYTES_MAX == MT_CHAIN_BYTES_MAX,
	      "one set of bounds");

struct mailtrust {
	struct mt_client *client;
};

struct mailtrust_verdict {
	struct mt_answer answer;
};

int
mailtrust_open(const char *where, struct mailtrust **ret)
{
	struct mailtrust *mailtrust = calloc(1, sizeof(*mailtrust));
	int r;

	if (!mailtrust)
		return -ENOMEM;

	r = mt_client_new(where ? MT_CLIENT_SOCKET : MT_CLIENT_DEFAULT, where, &mailtrust->client);
	if (r) {
		free(mailtrust);
		return r;
	}
	*ret = mailtrust;
	return 0;
}

void
mailtrust_close(struct mailtrust *mailtrust)
{
	if (mailtrust)
		mt_client_free(mailtrust->client);

	free(mailtrust);
}

/* Hands the answer out as a verdict, or drops it. Return: its decision. */
static enum mailtrust_decision
hand_out(struct mt_answer *answer, struct mailtrust_verdict **ret_verdict)
{
	enum mailtrust_decision decision = (enum mailtrust_decision)answer->decision;

	if (!ret_verdict) {
		mt_answer_clear(answer);
		return decision;
	}
	*ret_verdict = calloc(1, sizeof(**ret_verdict));
	if (!*ret_verdict) {
		mt_answer_clear(answer);
		return MAILTRUST_DENY;
	}
	(*ret_verdict)->answer = *answer;
	return decision;
}

static int64_t
wall_now_usec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * MT_USEC_PER_SEC + now.tv_nsec / 1000;
}

enum mailtrust_decision
mailtrust_check(struct mailtrust *mailtrust, const char *account, const char *operation,
		const struct mailtrust_evidence *evidence, struct mailtrust_verdict **ret_verdict)
{
	char id[MT_ACCOUNT_ID_TEXT_SIZE];
	struct mt_answer answer = {0};
	struct mt_evidence ev = *mt_evidence_of(evidence); /* borrows the chain */
	enum mt_op op;
	int r;

	mt_client_begin(mailtrust->client, MT_CLIENT_PATIENCE_USEC);
	ev.observed_at_usec = wall_now_usec();
	ev.present |= MT_BIT(MT_EV_OBSERVED_AT);
	if (mt_op_from_string(operation, &op)) {
		/* 0.3: what is not listed counts as access, which no unknown caller is given */
		mt_answer_deny(&answer, MT_REASON_OP_NOT_PERMITTED, "no such operation");
		return hand_out(&answer, ret_verdict);
	}
	r = mt_client_find_account(mailtrust->client, account, id);
	if (r)
		mt_answer_from_error(mailtrust->client, r, &answer);
	else
		mt_ask(mailtrust->client, id, op, &ev, &answer);

	return hand_out(&answer, ret_verdict);
}

/* Is the row of Levels (o path, s address, s level) about this account? */
static bool
row_is_of(DBusMessageIter *row, const char *account, const char **ret_level)
{
	const char *path, *address, *id;

	dbus_message_iter_get_basic(row, &path);
	dbus_message_iter_next(row);
	dbus_message_iter_get_basic(row, &address);
	dbus_message_iter_next(row);
	dbus_message_iter_get_basic(row, ret_level);
	id = mt_contract_account_id(path);
	return strcasecmp(address, account) == 0 || (id && strcmp(id, account) == 0);
}

static enum mailtrust_level
level_from_string(const char *level)
{
	for (size_t i = 0; i < MT_ACCOUNT_LEVEL_COUNT; i++)
		if (strcmp(level, mt_account_level_to_string((enum mt_account_level)i)) == 0)
			return (enum mailtrust_level)i;

	return MAILTRUST_BLOCKED;
}

enum mailtrust_level
mailtrust_account_level(struct mailtrust *mailtrust, const char *account)
{
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *call = mt_client_message(MT_CALL_MANAGER_LEVELS, NULL);
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	DBusMessageIter iter, rows, row;
	const char *level;

	mt_client_begin(mailtrust->client, MT_CLIENT_PATIENCE_USEC);
	if (mt_client_call(mailtrust->client, MT_CALL_MANAGER_LEVELS, call, &reply))
		return MAILTRUST_BLOCKED;

	dbus_message_iter_init(reply, &iter);
	dbus_message_iter_recurse(&iter, &rows);
	while (dbus_message_iter_get_arg_type(&rows) == DBUS_TYPE_STRUCT) {
		dbus_message_iter_recurse(&rows, &row);
		if (row_is_of(&row, account, &level))
			return level_from_string(level);

		dbus_message_iter_next(&rows);
	}
	return MAILTRUST_BLOCKED;
}

const char *
mailtrust_level_to_string(enum mailtrust_level level)
{
	bool is_known = (unsigned int)level < MT_ACCOUNT_LEVEL_COUNT;

	return mt_account_level_to_string(is_known ? (enum mt_account_level)level
						   : MT_ACCOUNT_BLOCKED);
}

void
mailtrust_verdict_free(struct mailtrust_verdict *verdict)
{
	if (verdict)
		mt_answer_clear(&verdict->answer);

	free(verdict);
}

enum mailtrust_decision
mailtrust_verdict_decision(const struct mailtrust_verdict *verdict)
{
	return verdict ? (enum mailtrust_decision)verdict->answer.decision : MAILTRUST_DENY;
}

const char *
mailtrust_decision_to_string(enum mailtrust_decision decision)
{
	bool is_known = (unsigned int)decision < MT_DECISION_COUNT;

	return mt_decision_to_string(is_known ? (enum mt_decision)decision : MT_DECISION_DENY);
}

bool
mailtrust_verdict_is_confidential(const struct mailtrust_verdict *verdict)
{
	return verdict && verdict->answer.conf && verdict->answer.decision == MT_DECISION_ALLOW;
}

/* The reason at an index, or MT_REASON_COUNT past the end. No verdict is one reason. */
static size_t
reason_at(const struct mailtrust_verdict *verdict, size_t index)
{
	if (!verdict)
		return index == 0 ? MT_REASON_DAEMON_UNAVAILABLE : MT_REASON_COUNT;

	return index < verdict->answer.n_reasons ? verdict->answer.reasons[index] : MT_REASON_COUNT;
}

const char *
mailtrust_verdict_reason(const struct mailtrust_verdict *verdict, size_t index)
{
	size_t reason = reason_at(verdict, index);

	return reason < MT_REASON_COUNT ? mt_reason_to_string((enum mt_reason)reason) : NULL;
}

const char *
mailtrust_verdict_sentence(const struct mailtrust_verdict *verdict, size_t index)
{
	size_t reason = reason_at(verdict, index);

	return reason < MT_REASON_COUNT ? mt_reason_sentence((enum mt_reason)reason) : NULL;
}

const char *
mailtrust_verdict_token(const struct mailtrust_verdict *verdict)
{
	return verdict ? verdict->answer.token : NULL;
}

enum mailtrust_decision
mailtrust_verify(const char *token, const char *jwks, const struct mailtrust_connection *connection,
		 struct mailtrust_verdict **ret_verdict)
{
	struct mt_answer answer = {.token = strdup(token)};
	uint8_t binding[32];
	struct mt_token_expect expect = {
		.now_sec = time(NULL),
		.uid = connection->uid,
		.cb = MT_TOKEN_CB_EXPORTER,
		.binding = binding,
		.account = connection->account,
		.host = connection->host,
		.port = connection->port,
	};

	/* what is NULL would not be compared, and then the token would hold for any */
	if (!connection->account || !connection->operation || !connection->exporter ||
	    !connection->peer || mt_op_from_string(connection->operation, &expect.op) ||
	    mt_token_binding(connection->exporter, connection->peer, connection->peer_port,
			     connection->local_port, binding))
		mt_answer_deny(&answer, MT_REASON_VERDICT_BINDING_MISMATCH, "no such connection");
	else
		mt_answer_from_token(token, jwks, &expect, &answer);

	return hand_out(&answer, ret_verdict);
}
