/* SPDX-License-Identifier: MIT */
/* The tunnel as a state machine. */

#include "clients/connect/tunnel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/connect/speech.h"
#include "clients/connect/tunnel-private.h"

int
mt_tunnel_new(const struct mt_tunnel_options *options, struct mt_tunnel **ret)
{
	MT_CLEANUP(mt_tunnel_freep) struct mt_tunnel *t = calloc(1, sizeof(*t));
	struct mt_session_options ours = options->session;
	int r;

	if (!t)
		return -ENOMEM;
	ours.two_phase = true;
	ours.injects = false;
	r = mt_session_new(&ours, &t->session);
	if (r)
		return r;

	t->proto = ours.proto;
	t->wants_mechanism = options->wants_mechanism;
	t->exports_binding = options->exports_binding;
	t->is_implicit = ours.transport == MT_TRANSPORT_IMPLICIT;
	t->certs = options->certs;
	t->logs_in = options->logs_in;
	if (options->authzid)
		(void)snprintf(t->authzid, sizeof(t->authzid), "%s", options->authzid);
	(void)snprintf(t->host, sizeof(t->host), "%s", ours.host);
	mt_opening_init(&t->opening, t->proto);
	t->stage = MT_TUNNEL_DIALOGUE;
	t->status = MT_EXIT_INTERNAL;
	*ret = mt_steal(&t);
	return 0;
}

struct mt_tunnel *
mt_tunnel_free(struct mt_tunnel *t)
{
	if (!t)
		return NULL;
	mt_session_free(t->session);
	free(t);
	return NULL;
}

enum mt_tunnel_stage
mt_tunnel_get_stage(const struct mt_tunnel *t)
{
	return t->stage;
}

/* The program has not been greeted yet. */
static bool
is_held(const struct mt_tunnel *t)
{
	return t->stage != MT_TUNNEL_OVER && !t->is_open;
}

static bool
passes_bytes(const struct mt_tunnel *t)
{
	return t->stage == MT_TUNNEL_RELAY || t->stage == MT_TUNNEL_OPENING;
}

/* -- outputs ----------------------------------------------------------------------------------- */

/* Moves what the session has to say to where it waits for the network. */
static void
pull_session(struct mt_tunnel *t)
{
	size_t room, n;
	uint8_t *tail;

	do {
		tail = mt_queue_tail(&t->to_server, &room);
		n = room > 0 ? mt_session_output(t->session, tail, room) : 0;
		mt_queue_add(&t->to_server, n);
	} while (n > 0);
}

struct mt_bytes
mt_tunnel_for_server(struct mt_tunnel *t)
{
	if (t->to_server.size == 0)
		pull_session(t);
	return mt_queue_peek(&t->to_server);
}

void
mt_tunnel_sent_to_server(struct mt_tunnel *t, size_t size)
{
	mt_queue_drop(&t->to_server, size);
}

struct mt_bytes
mt_tunnel_for_program(const struct mt_tunnel *t)
{
	return mt_queue_peek(&t->to_program);
}

/* -- endings ----------------------------------------------------------------------------------- */

static void
tell(struct mt_tunnel *t, const char *text)
{
	if (t->text[0] == '\0')
		(void)snprintf(t->text, sizeof(t->text), "%s", text);
}

static void
finish(struct mt_tunnel *t, enum mt_exit status)
{
	t->stage = MT_TUNNEL_OVER;
	t->status = status;
}

/* Ends an allowed session. */
static void
finish_relay(struct mt_tunnel *t)
{
	if (!t->closed)
		mt_session_close(t->session);
	t->closed = true;
	finish(t, t->is_awc ? MT_EXIT_AWC : MT_EXIT_OK);
}

/* D-TLS-15: without close_notify nobody knows whether that was all. */
static void
finish_truncated(struct mt_tunnel *t)
{
	tell(t, mt_reason_sentence(MT_REASON_TLS_TRUNCATED));
	finish(t, MT_EXIT_TEMPORARY);
}

void
mt_tunnel_refuse(struct mt_tunnel *t, enum mt_exit status, const char *why)
{
	char words[MT_SPEECH_SIZE];
	bool was_told = t->stage == MT_TUNNEL_RELAY;

	if (t->stage == MT_TUNNEL_OVER)
		return;
	tell(t, why);
	t->held.size = 0;
	if (was_told)
		mt_session_close(t->session);
	else if (!t->server_closed)
		mt_session_logout(t->session);
	t->closed = true;
	finish(t, status);
	if (!was_told && !t->program_deaf)
		(void)mt_queue_put(&t->to_program, words, mt_speech_refusal(t->proto, why, words));
}

/* -- the server -------------------------------------------------------------------------------- */

/* After each step of the session. */
void
tunnel_follow_session(struct mt_tunnel *t)
{
	switch (mt_session_get_step(t->session)) {
	case MT_STEP_CONTINUE:
		return;
	case MT_STEP_JUDGE:
		t->stage = MT_TUNNEL_ASK_HANDSHAKE;
		return;
	case MT_STEP_DONE:
		t->stage = MT_TUNNEL_ASK;
		return;
	case MT_STEP_FAILED:
		break;
	}
	mt_tunnel_refuse(t, MT_EXIT_SERVER, mt_session_get_text(t->session));
}

/* Hands words of the server to the program; they lie at the tail of its queue. */
static void
deliver(struct mt_tunnel *t, const uint8_t *data, size_t size)
{
	if (t->stage == MT_TUNNEL_OPENING)
		mt_opening_heard(&t->opening, data, size);
	if (!t->program_deaf)
		mt_queue_add(&t->to_program, size);
}

/* The session's plaintext, as far as there is room for it. Return: that was all there is. */
static bool
pull_plaintext(struct mt_tunnel *t)
{
	size_t room, n;

	for (;;) {
		uint8_t *tail = mt_queue_tail(&t->to_program, &room);

		if (room == 0)
			return false;
		n = mt_session_read(t->session, tail, room);
		if (n == 0)
			return true;
		deliver(t, tail, n);
	}
}

/* What came without TLS; there is room for one reading. */
static void
deliver_plain(struct mt_tunnel *t, const uint8_t *data, size_t size)
{
	size_t room;
	uint8_t *tail = mt_queue_tail(&t->to_program, &room);

	if (size > room)
		return;
	memcpy(tail, data, size);
	deliver(t, tail, size);
}

/* Hands the server's words on, and ends where the server has ended. */
void
tunnel_relay_down(struct mt_tunnel *t)
{
	bool in_tls = mt_session_is_in_tls(t->session);

	if (!passes_bytes(t) || !pull_plaintext(t))
		return;
	if (in_tls && mt_session_get_tls_state(t->session) == MT_TLS_CLOSED)
		finish_relay(t);
	else if (in_tls && mt_session_get_tls_state(t->session) == MT_TLS_FAILED)
		finish_truncated(t);
	else if (t->server_closed && in_tls && !(t->closed && t->program_deaf))
		finish_truncated(t);
	else if (t->server_closed)
		finish_relay(t);
}

void
tunnel_relay_up(struct mt_tunnel *t, const uint8_t *data, size_t size)
{
	bool in_tls = mt_session_is_in_tls(t->session), ok;

	if (size == 0)
		return;
	if (in_tls)
		ok = mt_session_write(t->session, data, size) == 0;
	else
		ok = mt_queue_put(&t->to_server, data, size);
	if (!ok)
		finish_truncated(t);
}

/* What the program has said so far goes out; from here on nothing is looked at. */
void
tunnel_begin_relay(struct mt_tunnel *t)
{
	t->stage = MT_TUNNEL_RELAY;
	tunnel_relay_up(t, t->held.data + t->held.start, t->held.size);
	t->held.size = t->held.start = 0;
}

size_t
mt_tunnel_room_for_server(const struct mt_tunnel *t)
{
	if (t->stage == MT_TUNNEL_DIALOGUE || t->stage == MT_TUNNEL_LOGIN)
		return CHUNK_SIZE;
	/* then one reading at a time, so that no more than that waits inside TLS */
	return passes_bytes(t) && t->to_program.size == 0 ? CHUNK_SIZE : 0;
}

void
mt_tunnel_server_said(struct mt_tunnel *t, const uint8_t *data, size_t size, int64_t wall_usec)
{
	if (t->stage == MT_TUNNEL_DIALOGUE) {
		(void)mt_session_feed(t->session, data, size, wall_usec);
		tunnel_follow_session(t);
	} else if (t->stage == MT_TUNNEL_LOGIN) {
		(void)mt_session_receive(t->session, data, size);
		tunnel_continue_login(t);
	} else if (passes_bytes(t)) {
		if (mt_session_is_in_tls(t->session))
			(void)mt_session_receive(t->session, data, size);
		else
			deliver_plain(t, data, size);
		tunnel_relay_down(t);
		tunnel_pass_opening(t);
	}
}

void
mt_tunnel_server_closed(struct mt_tunnel *t)
{
	t->server_closed = true;
	if (t->stage == MT_TUNNEL_DIALOGUE) {
		(void)mt_session_end(t->session);
		tunnel_follow_session(t);
	} else if (t->stage == MT_TUNNEL_LOGIN) {
		tunnel_continue_login(t);
	}
	tunnel_relay_down(t);
}

/* -- the program ------------------------------------------------------------------------------- */

/* Nobody is there any more. */
static bool
is_abandoned(const struct mt_tunnel *t)
{
	return t->program_closed && t->program_deaf;
}

size_t
mt_tunnel_room_for_program(const struct mt_tunnel *t)
{
	/* one byte more than is held shows that there is too much */
	if (is_held(t))
		return MT_HELD_MAX + 1 - t->held.size;
	if (t->stage == MT_TUNNEL_OPENING)
		return t->closed ? 0 : MT_HELD_MAX - t->held.size;
	return t->stage == MT_TUNNEL_RELAY && t->to_server.size == 0 && !t->closed ? CHUNK_SIZE : 0;
}

void
mt_tunnel_program_said(struct mt_tunnel *t, const uint8_t *data, size_t size)
{
	if (t->stage == MT_TUNNEL_RELAY)
		tunnel_relay_up(t, data, size);
	else if (t->stage != MT_TUNNEL_OVER && !mt_queue_put(&t->held, data, size))
		t->held.size = MT_HELD_MAX + 1;
	if (is_held(t) && t->held.size > MT_HELD_MAX)
		mt_tunnel_refuse(t, MT_EXIT_DENY, mt_reason_sentence(MT_REASON_OP_NOT_PERMITTED));
	tunnel_pass_opening(t);
}

void
mt_tunnel_program_closed(struct mt_tunnel *t)
{
	t->program_closed = true;
	if (is_abandoned(t) && is_held(t))
		mt_tunnel_refuse(t, MT_EXIT_TEMPORARY, "The mail program went away.");
}

void
mt_tunnel_program_deaf(struct mt_tunnel *t)
{
	t->program_deaf = true;
	t->to_program.size = 0;
	if (is_abandoned(t) && is_held(t))
		mt_tunnel_refuse(t, MT_EXIT_TEMPORARY, "The mail program went away.");
}

bool
mt_tunnel_may_close(const struct mt_tunnel *t)
{
	return passes_bytes(t) && t->program_closed && !t->closed && t->to_server.size == 0;
}

void
mt_tunnel_close(struct mt_tunnel *t)
{
	if (!mt_tunnel_may_close(t))
		return;
	mt_session_close(t->session);
	t->closed = true;
	if (t->program_deaf)
		finish_relay(t);
}

bool
mt_tunnel_is_closed(const struct mt_tunnel *t)
{
	return t->closed;
}

bool
mt_tunnel_is_in_tls(const struct mt_tunnel *t)
{
	return mt_session_is_in_tls(t->session);
}

void
mt_tunnel_sent_to_program(struct mt_tunnel *t, size_t size)
{
	mt_queue_drop(&t->to_program, size);
	if (t->to_program.size == 0)
		tunnel_relay_down(t);
}

enum mt_exit
mt_tunnel_get_status(const struct mt_tunnel *t)
{
	return t->status;
}

const char *
mt_tunnel_get_text(const struct mt_tunnel *t)
{
	return t->text;
}
