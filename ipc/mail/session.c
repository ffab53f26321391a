/* SPDX-License-Identifier: MIT */
/* One session: plaintext dialogue, upgrade, dialogue inside TLS. */

#include "ipc/mail/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mt_session {
	struct mt_dialogue dialogue;
	struct mt_tls *tls; /* NULL before TLS */
	bool answered;      /* the server's first bytes under TLS have come */
	bool cleartext;     /* it talked plaintext where TLS must come first (D-IANA-02) */
	bool told_in_tls;   /* the dialogue inside TLS has begun */
	enum mt_step step;
	enum mt_proto proto;
	enum mt_transport transport;
	char host[MT_DOMAIN_SIZE];
	uint16_t port;
	bool two_phase;
	bool foreign_alpn;
	int64_t established_usec; /* 0: no handshake has ended */
	uint8_t *rest;            /* owned; plaintext behind the dialogue's last answer */
	size_t rest_size, rest_read;
	char text[192];
};

static void
tell(struct mt_session *s, const char *text)
{
	if (s->text[0] == '\0')
		(void)snprintf(s->text, sizeof(s->text), "%s", text);
}

static int
begin_tls(struct mt_session *s)
{
	const struct mt_tls_options options = {.proto = s->proto,
					       .host = s->host,
					       .two_phase = s->two_phase,
					       .foreign_alpn = s->foreign_alpn};

	return mt_tls_new(&options, &s->tls);
}

int
mt_session_new(const struct mt_session_options *options, struct mt_session **ret)
{
	MT_CLEANUP(mt_session_freep) struct mt_session *s = NULL;
	bool implicit = options->transport == MT_TRANSPORT_IMPLICIT;
	int r;

	if (strlen(options->host) >= sizeof(s->host))
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	(void)snprintf(s->host, sizeof(s->host), "%s", options->host);
	s->proto = options->proto;
	s->transport = options->transport;
	s->port = options->port;
	s->foreign_alpn = options->foreign_alpn;
	s->two_phase = options->two_phase;
	s->step = MT_STEP_CONTINUE;
	mt_dialogue_init(&s->dialogue, s->proto, implicit);
	if (options->injects)
		mt_dialogue_inject(&s->dialogue);
	r = implicit ? begin_tls(s) : 0;
	if (r)
		return r;
	*ret = mt_steal(&s);
	return 0;
}

struct mt_session *
mt_session_free(struct mt_session *s)
{
	if (!s)
		return NULL;
	mt_tls_free(s->tls);
	free(s->rest);
	free(s);
	return NULL;
}

enum mt_step
mt_session_get_step(const struct mt_session *s)
{
	return s->step;
}

/* Keeps what the server said behind the last answer, for whoever goes on with the connection. */
static void
keep_rest(struct mt_session *s, const uint8_t *data, size_t size)
{
	if (size == 0 || s->rest)
		return;
	s->rest = malloc(size);
	if (!s->rest) {
		tell(s, "no memory for what the server said");
		s->step = MT_STEP_FAILED;
		return;
	}
	memcpy(s->rest, data, size);
	s->rest_size = size;
}

/* -- inside TLS -------------------------------------------------------------------------------- */

/* Hands the dialogue's words to TLS. */
static void
speak_in_tls(struct mt_session *s)
{
	struct mt_bytes out = mt_dialogue_output(&s->dialogue);

	if (out.size > 0 && mt_tls_write(s->tls, out.data, out.size) == 0)
		mt_dialogue_sent(&s->dialogue);
}

static enum mt_step
finish_in_tls(struct mt_session *s)
{
	if (s->dialogue.state == MT_DIALOGUE_DONE) {
		tell(s, "capabilities were read inside TLS");
		return s->step = MT_STEP_DONE;
	}
	tell(s, "inside TLS the server did not speak the protocol");
	/* After an upgrade stale capabilities are a finding of their own (row 19). */
	return s->step = s->transport == MT_TRANSPORT_IMPLICIT ? MT_STEP_FAILED : MT_STEP_DONE;
}

static enum mt_step
listen_in_tls(struct mt_session *s)
{
	uint8_t buffer[4096];
	size_t n, taken;

	while (s->dialogue.state == MT_DIALOGUE_READING &&
	       (n = mt_tls_read(s->tls, buffer, sizeof(buffer))) > 0) {
		taken = mt_dialogue_feed(&s->dialogue, buffer, n);
		speak_in_tls(s);
		keep_rest(s, buffer + taken, n - taken);
	}
	if (s->step == MT_STEP_FAILED)
		return s->step;
	if (s->dialogue.state == MT_DIALOGUE_READING && mt_tls_get_state(s->tls) != MT_TLS_OPEN) {
		if (mt_tls_problem(s->tls)[0])
			tell(s, mt_tls_problem(s->tls));
		mt_dialogue_end(&s->dialogue);
	}
	if (s->dialogue.state != MT_DIALOGUE_READING)
		return finish_in_tls(s);
	return s->step = MT_STEP_CONTINUE;
}

static enum mt_step
follow_tls(struct mt_session *s, int64_t wall_usec)
{
	switch (mt_tls_get_state(s->tls)) {
	case MT_TLS_HANDSHAKING:
		return s->step = MT_STEP_CONTINUE;
	case MT_TLS_JUDGE:
		return s->step = MT_STEP_JUDGE;
	case MT_TLS_FAILED:
		tell(s, mt_tls_problem(s->tls));
		return s->step = s->told_in_tls ? finish_in_tls(s) : MT_STEP_DONE;
	case MT_TLS_OPEN:
	case MT_TLS_CLOSED:
		break;
	}
	if (!s->told_in_tls) {
		s->told_in_tls = true;
		s->established_usec = wall_usec;
		if (!s->dialogue.in_tls)
			mt_dialogue_enter_tls(&s->dialogue);
		speak_in_tls(s);
	}
	return listen_in_tls(s);
}

/* A TLS record begins with its type, 20 to 23, and version 3.x (RFC 8446 §5.1). */
static bool
is_tls_record(const uint8_t *data, size_t size)
{
	return data[0] >= 20 && data[0] <= 23 && (size < 2 || data[1] == 3);
}

static enum mt_step
feed_tls(struct mt_session *s, const uint8_t *data, size_t size, int64_t wall_usec)
{
	if (!s->answered && !is_tls_record(data, size)) {
		/* Plaintext where TLS must be: behind an upgrade it is injected (D-STLS-04), on a
		 * port that begins with TLS it is another protocol, and not looked at (D-IANA-02).
		 */
		if (s->transport == MT_TRANSPORT_IMPLICIT)
			s->cleartext = true;
		else
			s->dialogue.facts.buffered_bytes += (uint32_t)size;
		tell(s, "the server sent plaintext where TLS must begin");
		s->tls = mt_tls_free(s->tls);
		return s->step = MT_STEP_DONE;
	}
	s->answered = true;
	(void)mt_tls_feed(s->tls, data, size);
	return follow_tls(s, wall_usec);
}

/* -- before TLS -------------------------------------------------------------------------------- */

static enum mt_step
follow_dialogue(struct mt_session *s)
{
	switch (s->dialogue.state) {
	case MT_DIALOGUE_READING:
		return s->step = MT_STEP_CONTINUE;
	case MT_DIALOGUE_UPGRADE:
		if (begin_tls(s) != 0) {
			tell(s, "no memory for TLS");
			return s->step = MT_STEP_FAILED;
		}
		return s->step = MT_STEP_CONTINUE;
	case MT_DIALOGUE_FAULT:
		tell(s, "the server's answer made no sense");
		return s->step = MT_STEP_DONE;
	case MT_DIALOGUE_DONE:
		break;
	}
	if (s->dialogue.facts.buffered_bytes)
		tell(s, "bytes were injected behind the offer to encrypt");
	else if (s->dialogue.facts.preauth)
		tell(s, "the server claimed a login before encryption");
	else if (s->dialogue.facts.refused)
		tell(s, "the server refused to encrypt");
	else
		tell(s, "the server does not offer to encrypt");
	return s->step = MT_STEP_DONE;
}

enum mt_step
mt_session_feed(struct mt_session *s, const uint8_t *data, size_t size, int64_t wall_usec)
{
	size_t taken;

	if (s->step != MT_STEP_CONTINUE || size == 0)
		return s->step;
	if (s->tls)
		return feed_tls(s, data, size, wall_usec);
	taken = mt_dialogue_feed(&s->dialogue, data, size);
	keep_rest(s, data + taken, size - taken);
	return s->step == MT_STEP_FAILED ? s->step : follow_dialogue(s);
}

enum mt_step
mt_session_end(struct mt_session *s)
{
	if (s->step != MT_STEP_CONTINUE && s->step != MT_STEP_JUDGE)
		return s->step;
	tell(s, "the server closed the connection, or did not answer in time");
	mt_dialogue_end(&s->dialogue);
	if (s->told_in_tls)
		return finish_in_tls(s);
	return s->step = MT_STEP_DONE;
}

enum mt_step
mt_session_judged(struct mt_session *s, bool accept, const struct mt_tls_credential *credential,
		  int64_t wall_usec)
{
	bool implicit = s->transport == MT_TRANSPORT_IMPLICIT;

	if (s->step != MT_STEP_JUDGE)
		return s->step;
	(void)mt_tls_judged(s->tls, accept, implicit ? credential : NULL);
	return follow_tls(s, wall_usec);
}

size_t
mt_session_output(struct mt_session *s, uint8_t *buffer, size_t size)
{
	struct mt_bytes out;

	if (s->tls)
		return mt_tls_output(s->tls, buffer, size);
	out = mt_dialogue_output(&s->dialogue);
	if (out.size == 0 || out.size > size)
		return 0;
	memcpy(buffer, out.data, out.size);
	mt_dialogue_sent(&s->dialogue);
	return out.size;
}

/* -- the pipe ---------------------------------------------------------------------------------- */

bool
mt_session_is_in_tls(const struct mt_session *s)
{
	return s->told_in_tls;
}

enum mt_tls_state
mt_session_receive(struct mt_session *s, const uint8_t *data, size_t size)
{
	return mt_tls_feed(s->tls, data, size);
}

size_t
mt_session_get_end_point(const struct mt_session *s, uint8_t ret[static MT_CB_MAX])
{
	return s->told_in_tls ? mt_tls_get_end_point(s->tls, ret) : 0;
}

size_t
mt_session_read(struct mt_session *s, uint8_t *buffer, size_t size)
{
	size_t n = s->rest_size - s->rest_read;

	if (n == 0)
		return s->told_in_tls ? mt_tls_read(s->tls, buffer, size) : 0;
	if (n > size)
		n = size;
	memcpy(buffer, s->rest + s->rest_read, n);
	s->rest_read += n;
	return n;
}

enum mt_tls_state
mt_session_get_tls_state(const struct mt_session *s)
{
	return mt_tls_get_state(s->tls);
}

int
mt_session_write(struct mt_session *s, const uint8_t *data, size_t size)
{
	return mt_tls_write(s->tls, data, size);
}

void
mt_session_close(struct mt_session *s)
{
	if (s->told_in_tls)
		mt_tls_close(s->tls);
}

void
mt_session_logout(struct mt_session *s)
{
	if (s->cleartext)
		return;
	mt_dialogue_logout(&s->dialogue);
	if (!s->tls)
		return;
	speak_in_tls(s);
	mt_tls_close(s->tls);
}

/* -- evidence ---------------------------------------------------------------------------------- */

#define STATE(ev, key) ((ev)->present |= MT_BIT(MT_EV_##key))

/* Everything of the phase before TLS was looked at, so all of it is stated. */
static void
add_starttls(const struct mt_session *s, struct mt_evidence *ev)
{
	const struct mt_dialogue_facts *facts = &s->dialogue.facts;

	ev->starttls_offered = facts->offered;
	ev->starttls_refused = facts->refused;
	ev->starttls_buffered_bytes = facts->buffered_bytes;
	ev->starttls_preauth = facts->preauth;
	ev->starttls_bad_greeting = facts->bad_greeting;
	ev->starttls_caps_refreshed = s->told_in_tls && facts->capabilities_read;
	ev->pretls_other_responses = facts->other_responses;
	ev->present |= MT_BIT(MT_EV_STARTTLS_OFFERED) | MT_BIT(MT_EV_STARTTLS_REFUSED) |
		       MT_BIT(MT_EV_STARTTLS_BUFFERED_BYTES) | MT_BIT(MT_EV_STARTTLS_PREAUTH) |
		       MT_BIT(MT_EV_STARTTLS_BAD_GREETING) | MT_BIT(MT_EV_STARTTLS_CAPS_REFRESHED) |
		       MT_BIT(MT_EV_PRETLS_OTHER_RESPONSES);
}

static void
add_connection(const struct mt_session *s, const char *peer, uint16_t local_port, int64_t wall_usec,
	       struct mt_evidence *ev)
{
	ev->proto = s->proto;
	memcpy(ev->host, s->host, sizeof(ev->host));
	ev->port = s->port;
	ev->transport = !s->tls                                 ? MT_TRANSPORT_NONE
			: s->transport == MT_TRANSPORT_IMPLICIT ? MT_TRANSPORT_IMPLICIT
								: MT_TRANSPORT_STARTTLS;
	(void)snprintf(ev->peer, sizeof(ev->peer), "%s", peer);
	ev->local_port = local_port;
	ev->observed_at_usec = wall_usec;
	ev->auth_logindisabled = s->dialogue.facts.logindisabled;
	ev->present |= MT_BIT(MT_EV_PROTO) | MT_BIT(MT_EV_HOST) | MT_BIT(MT_EV_PORT) |
		       MT_BIT(MT_EV_TRANSPORT) | MT_BIT(MT_EV_PEER) | MT_BIT(MT_EV_LOCAL_PORT) |
		       MT_BIT(MT_EV_OBSERVED_AT) | MT_BIT(MT_EV_AUTH_LOGINDISABLED);
}

int
mt_session_get_evidence(const struct mt_session *s, const char *peer, uint16_t local_port,
			int64_t wall_usec, struct mt_evidence *ret)
{
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	add_connection(s, peer, local_port, wall_usec, ret);
	if (s->transport != MT_TRANSPORT_IMPLICIT)
		add_starttls(s, ret);
	if (s->tls)
		r = mt_tls_add_evidence(s->tls, ret);
	if (r == 0 && s->established_usec && !ret->tls_failed) {
		ret->established_at_usec = s->established_usec;
		STATE(ret, ESTABLISHED_AT);
	}
	if (r)
		mt_evidence_clear(ret);
	return r;
}

enum mt_injection
mt_session_get_injection(const struct mt_session *s)
{
	const struct mt_dialogue_facts *facts = &s->dialogue.facts;

	if (!s->dialogue.injects || !facts->offered)
		return MT_INJECTION_UNTESTED;
	if (facts->injection_answered)
		return MT_INJECTION_ANSWERED;
	if (facts->buffered_bytes)
		return MT_INJECTION_EARLY;
	return s->told_in_tls ? MT_INJECTION_DROPPED : MT_INJECTION_BROKEN_OFF;
}

const struct mt_dialogue_facts *
mt_session_get_facts(const struct mt_session *s)
{
	return &s->dialogue.facts;
}

const char *
mt_session_get_capabilities(const struct mt_session *s)
{
	return s->dialogue.facts.capabilities;
}

const char *
mt_session_get_text(const struct mt_session *s)
{
	return s->text;
}
