/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_MAIL_DIALOGUE_H
#define MT_IPC_MAIL_DIALOGUE_H

/*
 * What is said to a mail server before anybody authenticates: greeting, capabilities, the upgrade,
 * the capabilities again, farewell. Bytes in, bytes out; no socket, no clock.
 *
 * Sends the capability verbs of REQUIREMENTS 0.3 and the upgrade command, one at a time, never the
 * next before the answer (D-STLS-01, D-STLS-05), no name, no ID (D-STLS-16). Believes nothing it
 * hears before TLS but that the upgrade is offered: everything else is counted and dropped
 * (D-STLS-06, D-STLS-11). One attempt, no retry (D-STLS-07). A reply that makes no sense ends it
 * (D-STLS-12). Its only product is struct mt_dialogue_facts; whether that is good enough is
 * policy's. The time limit is the caller's: see mt_dialogue_end().
 */

#include "ipc/mail/line.h"
#include "policy/service.h"

/* What the dialogue wants next. */
enum mt_dialogue_state {
	MT_DIALOGUE_FAULT = 0, /* the server is none, or broke off: facts say how far it came */
	MT_DIALOGUE_READING,   /* feed it; flush its output */
	MT_DIALOGUE_UPGRADE,   /* the server agreed: TLS begins with the next byte */
	MT_DIALOGUE_DONE       /* capabilities are known, or there is nothing more to learn */
};

#define MT_CAPABILITIES_SIZE 512
/* RFC 1939 §7: a msg-id; process, clock and host make some 80 characters of it. */
#define MT_TIMESTAMP_SIZE 256

struct mt_dialogue_facts {
	bool offered; /* STARTTLS or STLS was among the capabilities before TLS */
	bool refused; /* the command was answered with NO, BAD, -ERR, 4xx, 5xx, or not at all */
	bool preauth; /* PREAUTH before TLS: the dialogue stopped there (D-STLS-03) */
	bool bad_greeting; /* greeting or first reply made no sense, or never came */
	bool preauth_in_tls;
	bool capabilities_read; /* of the present layer */
	bool logindisabled;     /* of the present layer */
	bool offers_external;   /* of the present layer: the mechanism EXTERNAL (RFC 4422) */
	bool has_sasl_ir; /* of the present layer: IMAP's command takes a response (RFC 4959) */
	uint32_t buffered_bytes;  /* bytes behind the upgrade's reply, in plaintext (D-STLS-04) */
	uint32_t other_responses; /* before TLS, and dropped */
	bool injection_answered;  /* diagnosis: the server spoke first inside TLS */
	char capabilities[MT_CAPABILITIES_SIZE]; /* of the present layer, for display; printable */
	char timestamp[MT_TIMESTAMP_SIZE]; /* POP3: "<...@...>" of a greeting inside TLS, for APOP;
					      "" where there was none */
	bool capabilities_cut; /* there were more, or others: the text is not all of them */
};

struct mt_dialogue {
	struct mt_dialogue_facts facts;
	enum mt_dialogue_state state;
	/* private */
	const struct mt_verbs *verbs;
	enum { AT_GREETING, AT_CAPABILITIES, AT_UPGRADE, AT_INJECTION, AT_END } at;
	bool in_tls;
	bool injects;       /* diagnosis: NOOP goes out behind the upgrade's command */
	bool is_upgrading;  /* the upgrade was asked for; neither refused nor done */
	bool reply_started; /* of a multi-line reply */
	unsigned int n_lines;
	size_t n_bytes;
	unsigned int tag;
	size_t capabilities_size;
	char out[64];
	size_t out_size;
	struct mt_lines lines;
};

/* in_tls: TLS came first (implicit); the upgrade is then neither looked for nor taken. */
void mt_dialogue_init(struct mt_dialogue *dialogue, enum mt_proto proto, bool in_tls);
/* Inside TLS, after a login: the capabilities are asked for again, and nothing else (D-SASL-07). */
void mt_dialogue_init_again(struct mt_dialogue *dialogue, enum mt_proto proto);
/* Makes it a diagnosis of the server: a NOOP goes out in one write with the upgrade's command, and
 * nothing is asked inside TLS. A server that answers it there obeys what was said before TLS
 * (VU#555316, CVE-2011-0411; D-STLS-05). Facts of a diagnosis are no evidence. */
void mt_dialogue_inject(struct mt_dialogue *dialogue);
/* After the handshake: what was learnt is dropped and asked for again (D-STLS-02). */
void mt_dialogue_enter_tls(struct mt_dialogue *dialogue);

/* Plaintext of the present layer; the output has been sent, or what comes is taken for too early.
 * Return: bytes taken; fewer than size where the state is no longer READING. */
size_t mt_dialogue_feed(struct mt_dialogue *dialogue, const uint8_t *data, size_t size);
/* The server closed, or the time is up: what was waited for will not come. */
void mt_dialogue_end(struct mt_dialogue *dialogue);
/* Says farewell: LOGOUT or QUIT. The answer is not waited for. Between the upgrade's command and
 * the end of its handshake nothing is said at all (D-STLS-01). */
void mt_dialogue_logout(struct mt_dialogue *dialogue);

/* Bytes to send, and that they were. */
static inline struct mt_bytes
mt_dialogue_output(const struct mt_dialogue *dialogue)
{
	return (struct mt_bytes){(const uint8_t *)dialogue->out, dialogue->out_size};
}

static inline void
mt_dialogue_sent(struct mt_dialogue *dialogue)
{
	dialogue->out_size = 0;
}

#endif
