/* SPDX-License-Identifier: MIT */
/* A login of the tunnel's own. */

#include "clients/connect/login.h"

static void
fail(struct mt_login *l, const char *text)
{
	l->state = MT_LOGIN_FAILED;
	l->text = text;
}

static void
follow_external(struct mt_login *l)
{
	switch (l->external.state) {
	case MT_EXTERNAL_READING:
		return;
	case MT_EXTERNAL_FAULT:
	case MT_EXTERNAL_REFUSED:
		fail(l, l->external.text);
		return;
	case MT_EXTERNAL_LOGGED_IN:
		break;
	}
	l->is_in = true;
	if (l->proto == MT_PROTO_IMAP)
		mt_dialogue_init_again(&l->again, l->proto);
	else
		l->state = MT_LOGIN_DONE;
}

static void
follow_again(struct mt_login *l)
{
	switch (l->again.state) {
	case MT_DIALOGUE_READING:
		return;
	case MT_DIALOGUE_UPGRADE: /* is not offered inside TLS */
	case MT_DIALOGUE_FAULT:
		fail(l, "after the login the server's answer made no sense");
		return;
	case MT_DIALOGUE_DONE:
		break;
	}
	l->facts = l->again.facts;
	l->facts.preauth_in_tls = true;
	l->state = MT_LOGIN_DONE;
}

void
mt_login_begin(struct mt_login *l, enum mt_proto proto, bool has_sasl_ir, const char *authzid)
{
	l->state = MT_LOGIN_READING;
	l->proto = proto;
	l->is_in = false;
	mt_external_init(&l->external, proto, has_sasl_ir, authzid);
	follow_external(l);
}

size_t
mt_login_feed(struct mt_login *l, const uint8_t *data, size_t size)
{
	size_t taken = 0;

	if (l->state == MT_LOGIN_READING && !l->is_in) {
		taken = mt_external_feed(&l->external, data, size);
		follow_external(l);
	}
	if (l->state == MT_LOGIN_READING && l->is_in) {
		taken += mt_dialogue_feed(&l->again, data + taken, size - taken);
		follow_again(l);
	}
	return taken;
}

void
mt_login_end(struct mt_login *l)
{
	if (l->state != MT_LOGIN_READING)
		return;
	mt_external_end(&l->external);
	fail(l, l->is_in ? "after the login the server did not answer" : l->external.text);
}

struct mt_bytes
mt_login_output(const struct mt_login *l)
{
	return l->is_in ? mt_dialogue_output(&l->again) : mt_external_output(&l->external);
}

void
mt_login_sent(struct mt_login *l)
{
	if (l->is_in)
		mt_dialogue_sent(&l->again);
	else
		mt_external_sent(&l->external);
}
