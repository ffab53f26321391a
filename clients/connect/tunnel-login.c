/* SPDX-License-Identifier: MIT */
/* Where the tunnel shows a client certificate, and logs in itself. */

#include <stdio.h>
#include <string.h>

#include "clients/connect/tunnel-private.h"

/* R-5.5-03: the service has named it for this connection, and it is there. */
const struct mt_tls_credential *
tunnel_find_credential(struct mt_tunnel *t, const struct mt_answer *answer,
		       struct mt_tls_credential *ret)
{
	const struct mt_client_cert *cert;

	t->is_cert_named = answer->has_client_certificate;
	if (!t->is_cert_named || !t->certs)
		return NULL;
	cert = mt_client_certs_find(t->certs, answer->client_certificate);
	t->is_cert_here = cert != NULL;
	if (!cert)
		return NULL;
	*ret = (struct mt_tls_credential){
		.leaf = cert->leaf, .chain = cert->chain, .key = cert->key};
	return ret;
}

static bool
has_shown_cert(const struct mt_tunnel *t)
{
	struct mt_evidence evidence;
	bool has;

	if (mt_session_get_evidence(t->session, "", 0, 0, &evidence) != 0)
		return false;
	has = mt_evidence_has(&evidence, MT_EV_CLIENTCERT_PRESENTED);
	mt_evidence_clear(&evidence);
	return has;
}

/* R-5.5-11, D-SASL-08: why EXTERNAL cannot be used on this connection; NULL: it can. */
static const char *
obstacle(const struct mt_tunnel *t)
{
	if (!t->is_implicit)
		return "a client certificate is used only where the connection begins with TLS";
	if (!t->is_cert_named)
		return "no client certificate may be shown on this connection";
	if (!t->is_cert_here)
		return "the client certificate that may be used is not in the account's folder";
	if (!has_shown_cert(t))
		return "the server does not ask for a client certificate";
	if (!mt_session_get_facts(t->session)->offers_external)
		return "the server does not offer EXTERNAL";
	return NULL;
}

bool
tunnel_logs_in(const struct mt_tunnel *t)
{
	/* D-SASL-09: who is logged in already authenticates no more */
	return t->logs_in && !mt_session_get_facts(t->session)->preauth_in_tls;
}

/* Hands the login's words to TLS. */
static void
speak(struct mt_tunnel *t)
{
	struct mt_bytes out = mt_login_output(&t->login);

	if (out.size == 0)
		return;
	if (mt_session_write(t->session, out.data, out.size) != 0)
		mt_login_end(&t->login);
	mt_login_sent(&t->login);
}

/* D-SASL-07: the greeting tells what the server can after the login. What it said behind its last
 * answer follows the greeting; where there is none for it to follow, it answers nothing. */
static void
follow_login(struct mt_tunnel *t, struct mt_bytes rest)
{
	switch (t->login.state) {
	case MT_LOGIN_READING:
		return;
	case MT_LOGIN_FAILED:
		mt_tunnel_refuse(t, MT_EXIT_SERVER, t->login.text);
		return;
	case MT_LOGIN_DONE:
		break;
	}
	if (rest.size > 0 && t->proto != MT_PROTO_IMAP)
		mt_tunnel_refuse(t, MT_EXIT_SERVER, "the server says more than it was asked");
	else
		tunnel_open_pipe(t, &t->login.facts, rest);
}

/* What the server has said. is_asked: our words are out, so that it may be an answer to them. */
static void
hear(struct mt_tunnel *t, bool is_asked)
{
	struct mt_bytes rest = {0};
	uint8_t buffer[4096];
	size_t n = 0, taken;

	while (t->login.state == MT_LOGIN_READING &&
	       (n = mt_session_read(t->session, buffer, sizeof(buffer))) > 0) {
		taken = mt_login_feed(&t->login, buffer, n);
		rest = (struct mt_bytes){buffer + taken, n - taken};
		if (is_asked)
			speak(t);
	}
	if (t->server_closed || mt_session_get_tls_state(t->session) != MT_TLS_OPEN)
		mt_login_end(&t->login);
	follow_login(t, rest);
}

void
tunnel_begin_login(struct mt_tunnel *t)
{
	const char *why = obstacle(t);
	char text[192];

	if (why) {
		(void)snprintf(text, sizeof(text), "No login with EXTERNAL: %s. [%s]", why,
			       mt_reason_to_string(MT_REASON_AUTH_MECHANISM_FORBIDDEN));
		mt_tunnel_refuse(t, MT_EXIT_DENY, text);
		return;
	}
	t->stage = MT_TUNNEL_LOGIN;
	mt_login_begin(&t->login, t->proto, mt_session_get_facts(t->session)->has_sasl_ir,
		       t->authzid);
	hear(t, false);
	if (t->stage == MT_TUNNEL_LOGIN)
		speak(t);
}

void
tunnel_continue_login(struct mt_tunnel *t)
{
	hear(t, true);
}

const char *
mt_tunnel_get_note(const struct mt_tunnel *t)
{
	if (t->is_cert_named && !t->is_cert_here)
		return "the client certificate that may be used is not in the account's folder";
	/* what the service hears of a handshake that broke off is that it did */
	return t->is_cert_here && !mt_session_is_in_tls(t->session)
		       ? mt_session_get_text(t->session)
		       : "";
}
