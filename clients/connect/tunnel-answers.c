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

	return (t->wants_mechanism || facts->logindisabled) && !facts->preauth_in_tls &&
	       !t->logs_in;
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

/* What the evidence of the connection holds, or the weaker one in its place. */
static void
find_binding(const struct mt_tunnel *t, const struct mt_evidence *evidence,
	     struct mt_tunnel_binding *ret)
{
	*ret = (struct mt_tunnel_binding){.type = "tls-exporter", .size = evidence->auth_cb_size};
	memcpy(ret->value, evidence->auth_cb_value, ret->size);
	if (ret->size > 0)
		return;
	ret->type = "tls-server-end-point";
	ret->size = mt_session_get_end_point(t->session, ret->value);
}

void
mt_tunnel_get_binding(const struct mt_tunnel *t, struct mt_tunnel_binding *ret)
{
	struct mt_evidence evidence;

	*ret = (struct mt_tunnel_binding){0};
	if (mt_session_get_evidence(t->session, "", 0, 0, &evidence) != 0)
		return;
	find_binding(t, &evidence, ret);
	mt_evidence_clear(&evidence);
}

/* D-CB-05: the binding is ours, not the program's, unless it was given it and uses it. */
static void
state_binding(const struct mt_tunnel *t, struct mt_evidence *evidence)
{
	struct mt_tunnel_binding binding = {0};

	if (uses_binding(t))
		find_binding(t, evidence, &binding);
	evidence->present &= ~(MT_BIT(MT_EV_AUTH_CB_TYPE) | MT_BIT(MT_EV_AUTH_CB_VALUE));
	evidence->auth_cb_type[0] = '\0';
	evidence->auth_cb_size = binding.size;
	if (binding.size == 0)
		return;
	(void)snprintf(evidence->auth_cb_type, sizeof(evidence->auth_cb_type), "%s", binding.type);
	memcpy(evidence->auth_cb_value, binding.value, binding.size);
	evidence->present |= MT_BIT(MT_EV_AUTH_CB_TYPE) | MT_BIT(MT_EV_AUTH_CB_VALUE);
}

static void
state_mechanism(const struct mt_tunnel *t, struct mt_evidence *evidence)
{
	const char *mechanism = tunnel_logs_in(t) ? "EXTERNAL" : t->opening.mechanism;

	if (!mechanism[0])
		return;
	(void)snprintf(evidence->auth_mechanism, sizeof(evidence->auth_mechanism), "%s", mechanism);
	evidence->present |= MT_BIT(MT_EV_AUTH_MECHANISM);
}

int
mt_tunnel_get_evidence(const struct mt_tunnel *t, const char *peer, uint16_t local_port,
		       int64_t wall_usec, struct mt_evidence *ret)
{
	int r = mt_session_get_evidence(t->session, peer, local_port, wall_usec, ret);

	if (r)
		return r;
	state_binding(t, ret);
	state_mechanism(t, ret);
	return 0;
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

void
tunnel_open_pipe(struct mt_tunnel *t, const struct mt_dialogue_facts *facts, struct mt_bytes said)
{
	bool in_tls = mt_session_is_in_tls(t->session);
	/* D-SASL-09: the program was told, and need not have listened */
	bool stands_in = tunnel_logs_in(t) || facts->preauth_in_tls;
	char words[MT_SPEECH_SIZE];
	size_t size = mt_speech_greeting(t->proto, t->host, facts, in_tls, words);

	t->is_open = true;
	if (!t->program_deaf)
		(void)mt_queue_put(&t->to_program, words, size);
	if (!t->program_deaf && said.size > 0)
		(void)mt_queue_put(&t->to_program, said.data, said.size);
	if (stands_in)
		mt_opening_stand_in(&t->opening);
	if (stands_in || tunnel_has_opening(t))
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

/* R-5.4-08: a session ends with the pin it was allowed by, also where a new one would be allowed
 * without any: its owner meant this one when he took the pin back. */
static bool
has_lost_its_pin(struct mt_tunnel *t, const struct mt_answer *answer)
{
	const bool relied = t->relies_on_pin;

	t->relies_on_pin = mt_answer_has(answer, MT_REASON_PIN_MATCHED);
	return relied && !t->relies_on_pin && !answer->conf;
}

void
mt_tunnel_answered(struct mt_tunnel *t, const struct mt_answer *answer, int64_t wall_usec)
{
	enum mt_exit status = mt_tunnel_exit_of(answer);
	bool accepted = status == MT_EXIT_OK;
	struct mt_tls_credential credential;

	if (t->stage == MT_TUNNEL_OVER)
		return;
	if (t->stage == MT_TUNNEL_ASK_HANDSHAKE) {
		(void)mt_session_judged(t->session, accepted,
					tunnel_find_credential(t, answer, &credential), wall_usec);
		/* what the handshake needs it holds by now */
		if (t->certs)
			mt_client_certs_clear(t->certs);
		t->stage = MT_TUNNEL_DIALOGUE;
		if (accepted)
			tunnel_follow_session(t);
	}
	if (!accepted) {
		refuse_as(t, answer, status);
		return;
	}
	if (has_lost_its_pin(t, answer)) {
		mt_tunnel_refuse(t, MT_EXIT_DENY,
				 "the certificate that was accepted by hand is no longer accepted");
		return;
	}
	t->is_awc = answer->decision == MT_DECISION_AWC;
	if (t->asks_mechanism)
		go_on_opening(t);
	else if (t->stage == MT_TUNNEL_ASK && tunnel_logs_in(t))
		tunnel_begin_login(t);
	else if (t->stage == MT_TUNNEL_ASK)
		tunnel_open_pipe(t, mt_session_get_facts(t->session), (struct mt_bytes){0});
}
