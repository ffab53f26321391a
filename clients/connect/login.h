/* SPDX-License-Identifier: MIT */
#ifndef MT_CONNECT_LOGIN_H
#define MT_CONNECT_LOGIN_H

/*
 * The tunnel logs in itself, by the client certificate it has shown: SASL EXTERNAL
 * (ipc/mail/sasl-external.h), and for IMAP the capabilities once more, which after a login may be
 * others (D-SASL-07) and go into the program's greeting.
 *
 * Sans I/O. Does not ask whether anybody may log in: that was asked before it begins.
 */

#include "ipc/mail/dialogue.h"
#include "ipc/mail/sasl-external.h"

enum mt_login_state {
	MT_LOGIN_FAILED = 0, /* nobody is logged in, or nobody knows: text says why */
	MT_LOGIN_READING,
	MT_LOGIN_DONE
};

struct mt_login {
	enum mt_login_state state;
	const char *text; /* FAILED: why, for a person; as long as the login lives */
	/* DONE, IMAP: what the server can from here on; its greeting is one of PREAUTH */
	struct mt_dialogue_facts facts;
	/* private */
	enum mt_proto proto;
	bool is_in; /* the capabilities are being read */
	struct mt_external external;
	struct mt_dialogue again;
};

/* authzid: whom to act for; "": whom the certificate names. */
void mt_login_begin(struct mt_login *login, enum mt_proto proto, bool has_sasl_ir,
		    const char *authzid);
/* Plaintext of the server. Return: how many bytes were taken; what is behind the last answer, and
 * DONE, is the program's. */
size_t mt_login_feed(struct mt_login *login, const uint8_t *data, size_t size);
/* The server closed, or the time is up. */
void mt_login_end(struct mt_login *login);

/* Bytes to send, and that they were. */
struct mt_bytes mt_login_output(const struct mt_login *login);
void mt_login_sent(struct mt_login *login);

#endif
