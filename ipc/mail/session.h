/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_MAIL_SESSION_H
#define MT_IPC_MAIL_SESSION_H

/*
 * Dialogue and TLS together: from the first byte of a mail server to evidence. No sockets, no
 *clock, no names to resolve: bytes and times come from the caller (the probe worker, the command
 *line, the tunnel).
 *
 *	mt_session_new(&options, &session);
 *	while (mt_session_get_step(session) == MT_STEP_CONTINUE) {
 *		send all of mt_session_output();
 *		n = read from the socket, until a deadline of MT_DIALOGUE_USEC;
 *		if (n > 0)
 *			mt_session_feed(session, buffer, n, wall_usec);
 *		else
 *			mt_session_end(session);
 *	}
 *	mt_session_get_evidence(session, peer, local_port, wall_usec, &evidence);
 *
 * The upgrade is taken whenever it is offered, also where the endpoint would do without (R-5.2-13),
 * and never more than once. What evidence reports as transport is what was reached, not what was
 * wished for (D-STLS-10, D-STLS-17). It judges nothing: neither the chain nor what was found.
 */

#include "ipc/mail/dialogue.h"
#include "ipc/mail/tls.h"

enum mt_step {
	MT_STEP_FAILED = 0, /* the peer is no mail server of this protocol; mt_session_get_text() */
	MT_STEP_CONTINUE,   /* send the output, then feed what comes */
	MT_STEP_JUDGE, /* two phases: evidence of phase handshake is ready; mt_session_judged() */
	MT_STEP_DONE   /* evidence is ready; inside TLS the capabilities have been read */
};

struct mt_session_options {
	enum mt_proto proto;
	enum mt_transport transport; /* the endpoint's: IMPLICIT begins with TLS */
	const char *host;            /* name or literal that was dialled; copied */
	uint16_t port;
	bool two_phase;
	bool injects;      /* diagnosis only: see mt_dialogue_inject(); its evidence is none */
	bool foreign_alpn; /* diagnosis only: see tls.h */
};

struct mt_session;

MT_MUST_CHECK int mt_session_new(const struct mt_session_options *options, struct mt_session **ret);
struct mt_session *mt_session_free(struct mt_session *session);
MT_DEFINE_CLEANUP(struct mt_session *, mt_session_free);

enum mt_step mt_session_get_step(const struct mt_session *session);
/* Bytes from the network; wall_usec is when they came. */
enum mt_step mt_session_feed(struct mt_session *session, const uint8_t *data, size_t size,
			     int64_t wall_usec);
/* The server closed the connection, or the deadline passed. */
enum mt_step mt_session_end(struct mt_session *session);
/* The answer to JUDGE. credential, which may be NULL, is what a server may see that asks for a
 * client certificate; after an upgrade none does (R-5.5-01). */
enum mt_step mt_session_judged(struct mt_session *session, bool accept,
			       const struct mt_tls_credential *credential, int64_t wall_usec);
/* Puts bytes for the network into buffer. Return: how many; 0: nothing to send. */
size_t mt_session_output(struct mt_session *session, uint8_t *buffer, size_t size);

/* Copies what was seen; the caller owns it. peer is the server's address as inet_ntop prints it.
 * Return: 0, -ENOMEM. */
MT_MUST_CHECK int mt_session_get_evidence(const struct mt_session *session, const char *peer,
					  uint16_t local_port, int64_t wall_usec,
					  struct mt_evidence *ret);

/* The pipe. After DONE the connection is the mail program's: its bytes go in with write, the
 * server's come out with read. Whether they may is a verdict's, not asked for here. Only inside
 * TLS; without it bytes need no session, but for what read still holds of the dialogue's last turn.
 */
bool mt_session_is_in_tls(const struct mt_session *session);
/* As mt_tls_get_end_point(); 0 without TLS. */
size_t mt_session_get_end_point(const struct mt_session *session, uint8_t ret[static MT_CB_MAX]);
/* Bytes from the network. Return: OPEN; CLOSED: close_notify came; FAILED: no more can be read. */
enum mt_tls_state mt_session_receive(struct mt_session *session, const uint8_t *data, size_t size);
/* Plaintext of the server, first what came behind the dialogue's last answer. Return: how many. */
size_t mt_session_read(struct mt_session *session, uint8_t *buffer, size_t size);
/* Of the records read so far, as mt_session_receive() returns it. */
enum mt_tls_state mt_session_get_tls_state(const struct mt_session *session);
/* Return: 0, -EIO. */
MT_MUST_CHECK int mt_session_write(struct mt_session *session, const uint8_t *data, size_t size);
/* Queues close_notify: we say no more, and may still listen (RFC 8446 §6.1). Once. */
void mt_session_close(struct mt_session *session);

/* Queues LOGOUT or QUIT and close_notify; nothing where TLS was due and did not come about. */
void mt_session_logout(struct mt_session *session);

/* What a diagnosis found; the zero value is that there was nothing to find it by. */
enum mt_injection {
	MT_INJECTION_UNTESTED = 0, /* no upgrade is offered */
	MT_INJECTION_ANSWERED,     /* obeyed inside TLS: the server is open to the attack */
	MT_INJECTION_EARLY,        /* answered before TLS, in the clear */
	MT_INJECTION_BROKEN_OFF,   /* the server would not go on */
	MT_INJECTION_DROPPED       /* thrown away, as it should be (RFC 9051 §6.2.1) */
};
enum mt_injection mt_session_get_injection(const struct mt_session *session);

/* What the dialogue learnt. Lives as long as the session. */
const struct mt_dialogue_facts *mt_session_get_facts(const struct mt_session *session);
/* For people: the capabilities last read, and one line on how far it went. Printable ASCII. */
const char *mt_session_get_capabilities(const struct mt_session *session);
const char *mt_session_get_text(const struct mt_session *session);

#endif
