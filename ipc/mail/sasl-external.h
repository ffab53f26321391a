/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_MAIL_SASL_EXTERNAL_H
#define MT_IPC_MAIL_SASL_EXTERNAL_H

/*
 * SASL EXTERNAL (RFC 4422 appendix A): the server is asked to log in whom the TLS client
 * certificate names. Bytes in, bytes out; no socket, no clock, no TLS.
 *
 *	mt_external_init(&external, proto, has_sasl_ir, authzid);
 *	while (external.state == MT_EXTERNAL_READING) {
 *		send all of mt_external_output(), then mt_external_sent();
 *		feed what comes to mt_external_feed(), or mt_external_end();
 *	}
 *
 * One command, AUTHENTICATE (IMAP, RFC 9051 §6.2.2) or AUTH (POP3, RFC 5034; submission, RFC 4954),
 * and one response: the identity to act for in base64, or the empty one. It goes with the command
 * where the protocol has room for it, "=" standing for the empty one (RFC 4959 §3, RFC 5034 §4,
 * RFC 4954 §4); otherwise alone, after the server's challenge. A server that asks for anything
 * after that is told "*", which ends the exchange (RFC 4422 §3.4). There is no second attempt.
 *
 * What a challenge holds is not looked at: EXTERNAL's is empty, and no answer depends on it. Does
 * NOT check that the server offers EXTERNAL, that it has seen a certificate, or that anybody may
 * log in here: the caller has done so before the first byte.
 */

#include "ipc/mail/line.h"
#include "policy/service.h"

enum mt_external_state {
	MT_EXTERNAL_FAULT = 0, /* no sense was made, or the connection ended: nobody is logged in */
	MT_EXTERNAL_READING,   /* send the output; feed what comes */
	MT_EXTERNAL_REFUSED,   /* the server says no, or asked for more than there is to say */
	MT_EXTERNAL_LOGGED_IN
};

/* A base64 line of the longest identity, and the command before it. */
#define MT_EXTERNAL_OUT_SIZE (4 * (MT_AUTHZID_MAX / 3 + 1) + 64)

struct mt_external {
	enum mt_external_state state;
	char text[192]; /* for a person: what came of it, the server's words in it; printable */
	/* private */
	enum mt_proto proto;
	bool has_response; /* it is still to be sent */
	bool is_cancelled;
	unsigned int n_lines;
	size_t n_bytes;
	char response[MT_EXTERNAL_OUT_SIZE];
	char out[MT_EXTERNAL_OUT_SIZE];
	size_t out_size;
	struct mt_lines lines;
};

/* Whether authzid can be one: UTF-8 is not looked into, but it is neither empty nor longer than
 * MT_AUTHZID_MAX, and has no control characters. */
bool mt_external_is_authzid(const char *authzid);

/* has_sasl_ir: of IMAP alone, the server takes a response with the command. authzid: whom to act
 * for, NULL or "": whom the certificate names. One that is none is MT_EXTERNAL_FAULT. */
void mt_external_init(struct mt_external *external, enum mt_proto proto, bool has_sasl_ir,
		      const char *authzid);

/* The server's words, decrypted. Return: how many were taken; what is behind the last answer is
 * not. */
size_t mt_external_feed(struct mt_external *external, const uint8_t *data, size_t size);
/* The server closed, or the time is up. */
void mt_external_end(struct mt_external *external);

/* Bytes to send, and that they were. */
static inline struct mt_bytes
mt_external_output(const struct mt_external *external)
{
	return (struct mt_bytes){(const uint8_t *)external->out, external->out_size};
}

static inline void
mt_external_sent(struct mt_external *external)
{
	external->out_size = 0;
}

#endif
