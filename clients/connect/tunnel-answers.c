/* SPDX-License-Identifier: MIT */
/* The tunnel's questions, and what their answers do. */

#include <stdio.h>
#include <string.h>

#include "clients/connect/speech.h"
#include "clients/connect/tunnel-private.h"

/* -- the opening ------------------------------------------------------------------------------- */

/* One turn of the opening. Return: there may be another. */
static bool
pass_turn(struct mt_tunnel *t)
{
	struct mt_bytes said = mt_queue_peek(&t->held);
	char answer[128];
	size_t size = 0;

	switch (mt_opening_look(&t->opening, said.data, said.size, &size, answer)) {
	case MT_OPENING_ASK:
		t->asks_mechanism = true;
		t->stage = MT_TUNNEL_ASK;
		return false;
	case MT_OPENING_WAIT:
		/* a line without end, while the server waits for one */
		if (said.size >= MT_HELD_MAX && !memchr(said.data, '\n', said.size))
			mt_tunnel_refuse(t, MT_EXIT_DENY,
					 mt_reason_sentence(MT_REASON_OP_NOT_PERMITTED));
		return false;
	case MT_OPENING_ANSWER:
		/* who asks without reading the answers gets none */
		if (!t->program_deaf)
			(void)mt_queue_put(&t->to_program, answer, strlen(answer));
		break;
	case MT_OPENING_PASS:
		tunnel_relay_up(t, said.data, size);
		break;
	}
	mt_queue_drop(&t->held, size);
	return true;
}

void
tunnel_pass_opening(struct mt_tunnel *t)
{
	if (t->stage != MT_TUNNEL_OPENING)
		return;
	while (!t->opening.is_logged_in && t->stage == MT_TUNNEL_OPENING && pass_turn(t))
		;
	if (t->stage == MT_TUNNEL_OPENING && t->opening.is_logged_in)
		tunnel_begin_relay(t);
	else if (t->stage == MT_TUNNEL_OPENING && t->opening.is_fault)
		mt_tunnel_refuse(t, MT_EXIT_SERVER, "The server's answer made no sense.");
}

/* -- questions --------------------------------------------------------------------------------- */

static bool
tunnel_has_opening(const struct mt_tunnel *t)
{
	const struct mt_dialogue_facts *facts = mt_session_get_facts(t->session);

	return (t->wants_mechanism || facts->logindisabled) && !facts->preauth_in_tls;
}

enum mt_op
mt_tunnel_get_op(const struct mt_tunnel *t)
{
	/* D-SASL-09: who is logged in already authenticates no more */
	if (mt_session_get_facts(t->session)->preauth_in_tls)
		return MT_OP_ACCESS;
	/* before the program has chosen how to log in: all but that */
	if (t->stage != MT_TUNNEL_ASK_HANDSHAKE && tunnel_has_opening(t) &&
	    !t->opening.mechanism[0])
		return t->proto == MT_PROTO_SUBMISSION ? MT_OP_SUBMIT : MT_OP_ACCESS;
	return MT_OP_AUTHENTICATE;
}

/* RFC 5802 §4: mechanisms that bind end in -PLUS. */
static bool
uses_binding(const struct mt_tunnel *t)
{
	size_t size = strlen(t->opening.mechanism);

	return t->exports_binding && size > 5 &&
	       strcmp(t->opening.mechanism + size - 5, "-PLUS") == 0;
}

size_t
mt_tunnel_get_binding(const struct mt_tunnel *t, uint8_t ret[static MT_CB_MAX])
{
	struct mt_evidence evidence;
	size_t size;

	if (mt_session_get_evidence(t->session, "", 0, 0, &evidence) != 0)
		return 0;
	size = strcmp(evidence.auth_cb_type, "tls-exporter") == 0 ? evidence.auth_cb_size : 0;
	memcpy(ret, evidence.auth_cb_value, size);
	mt_evidence_clear(&evidence);
	return size;
}

int
mt_tunnel_get_evidence(const struct mt_tunnel *t, const char *peer, uint16_t local_port,
		       int64_t wall_usec, struct mt_evidence *ret)
{
	int r = mt_session_get_evidence(t->session, peer, local_port, wall_usec, ret);

	/* D-CB-05: the binding is ours, not the program's, unless it was given it and uses it */
	if (!uses_binding(t)) {
		ret->present &= ~(MT_BIT(MT_EV_AUTH_CB_TYPE) | MT_BIT(MT_EV_AUTH_CB_VALUE));
		ret->auth_cb_type[0] = '\0';
		ret->auth_cb_size = 0;
	}
	if (t->opening.mechanism[0]) {
		memcpy(ret->auth_mechanism, t->opening.mechanism, sizeof(ret->auth_mechanism));
		ret->present |= MT_BIT(MT_EV_AUTH_MECHANISM);
	}
	return r;
}

enum mt_reason
mt_tunnel_reason_of(const struct mt_answer *answer)
{
	for (size_t i = 0; i < answer->n_reasons; i++)
		if (mt_reason_effect(answer->reasons[i], true) != MT_EFFECT_INFO)
			return answer->reasons[i];
	return answer->n_reasons > 0 ? answer->reasons[answer->n_reasons - 1]
				     : MT_REASON_OP_NOT_PERMITTED;
}

enum mt_exit
mt_tunnel_exit_of(const struct mt_answer *answer)
{
	switch (answer->decision) {
	case MT_DECISION_ALLOW:
	case MT_DECISION_AWC:
		return MT_EXIT_OK;
	case MT_DECISION_CONFIRM:
		return MT_EXIT_CONFIRM;
	case MT_DECISION_DENY:
		break;
	}
	return mt_tunnel_reason_of(answer) == MT_REASON_DAEMON_UNAVAILABLE ? MT_EXIT_DAEMON
									   : MT_EXIT_DENY;
}

static void
refuse_as(struct mt_tunnel *t, const struct mt_answer *answer, enum mt_exit status)
{
	enum mt_reason reason = mt_tunnel_reason_of(answer);
	char why[192];

	(void)snprintf(why, sizeof(why), "%s [%s]", mt_reason_sentence(reason),
		       mt_reason_to_string(reason));
	mt_tunnel_refuse(t, status, why);
	t->text[0] = '\0'; /* the answer is shown in full */
}

/* Opens the pipe: the greeting for the program, then what it has said so far for the server. */
static void
open_pipe(struct mt_tunnel *t)
{
	bool in_tls = mt_session_is_in_tls(t->session);
	char words[MT_SPEECH_SIZE];
	size_t size = mt_speech_greeting(t->proto, t->host, mt_session_get_facts(t->session),
					 in_tls, words);

	t->is_open = true;
	if (!t->program_deaf)
		(void)mt_queue_put(&t->to_program, words, size);
	if (tunnel_has_opening(t))
		t->stage = MT_TUNNEL_OPENING;
	else
		tunnel_begin_relay(t);
	tunnel_relay_down(t);
	tunnel_pass_opening(t);
}

/* The mechanism is allowed: the command goes out. */
static void
go_on_opening(struct mt_tunnel *t)
{
	t->asks_mechanism = false;
	t->stage = MT_TUNNEL_OPENING;
	mt_opening_allowed(&t->opening);
	tunnel_pass_opening(t);
}

void
mt_tunnel_answered(struct mt_tunnel *t, const struct mt_answer *answer, int64_t wall_usec)
{
	enum mt_exit status = mt_tunnel_exit_of(answer);
	bool accepted = status == MT_EXIT_OK;

	if (t->stage == MT_TUNNEL_OVER)
		return;
	if (t->stage == MT_TUNNEL_ASK_HANDSHAKE) {
		(void)mt_session_judged(t->session, accepted, NULL, wall_usec);
		t->stage = MT_TUNNEL_DIALOGUE;
		if (accepted)
			tunnel_follow_session(t);
	}
	if (!accepted) {
		refuse_as(t, answer, status);
		return;
	}
	t->is_awc = answer->decision == MT_DECISION_AWC;
	if (t->asks_mechanism)
		go_on_opening(t);
	else if (t->stage == MT_TUNNEL_ASK)
		open_pipe(t);
}
