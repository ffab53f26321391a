/* SPDX-License-Identifier: MIT */
#ifndef MT_CONNECT_TUNNEL_H
#define MT_CONNECT_TUNNEL_H

/*
 * One session of a mail program through the tunnel, without I/O: bytes of the server and of the
 * program in, bytes for both out, and two questions to the service in between.
 *
 *	DIALOGUE       our own words to the server: greeting, STARTTLS, TLS; the program is held
 *	ASK_HANDSHAKE  the chain is known, TLS waits: may the handshake go on?
 *	ASK            everything is known: may the program authenticate?
 *	LOGIN          only where the tunnel logs in itself, by client certificate (login.h)
 *	OPENING        only where the way to log in matters: commands pass as opening.h says, and
 *ASK comes back with the mechanism the program chose RELAY          it may: bytes pass unread in
 *both directions OVER           what is left of the outputs is flushed; the status says why
 *
 * Until then not one byte of the program goes to the server and none of the server's to the
 * program (R-5.2-09, D-SYS-08); what the program sent meanwhile is held, MT_HELD_MAX at most. The
 * program is then shown a greeting made of what was read inside TLS (D-STLS-02). A refused one is
 * told so in its own protocol, unless the server's words have begun to reach it: nothing is put
 * between those.
 *
 * A client certificate is shown where the answer to the first question names it (R-5.5-03). Where
 * the tunnel is to log in with it and cannot, the session is refused: nobody falls back to a
 * password.
 *
 * Decides nothing: it does as the answers say, which came verified from clients/lib/ask.h. Does not
 * verify the server, does not read what it relays, and has no clock: deadlines are pump.h's.
 */

#include "clients/lib/answer.h"
#include "clients/lib/client-cert.h"
#include "ipc/mail/session.h"

enum mt_tunnel_stage {
	MT_TUNNEL_OVER = 0,
	MT_TUNNEL_DIALOGUE,
	MT_TUNNEL_ASK_HANDSHAKE,
	MT_TUNNEL_ASK,
	MT_TUNNEL_LOGIN,
	MT_TUNNEL_OPENING,
	MT_TUNNEL_RELAY
};

struct mt_tunnel;

struct mt_tunnel_options {
	struct mt_session_options session; /* two_phase and injects are not looked at */
	bool wants_mechanism; /* policy has a word in how the program logs in; where LOGIN is
				 disabled it is asked about in any case (D-SASL-05) */
	bool exports_binding; /* the program is given the connection's channel binding (D-CB-05) */
	struct mt_client_certs *certs; /* the account's; borrowed for the tunnel's life, and
					  emptied with the first answer */
	bool logs_in;                  /* with EXTERNAL; the program is then logged in */
	const char *authzid;           /* whom to act for; NULL: whom the certificate names */
};

/* A channel binding and what kind it is. */
struct mt_tunnel_binding {
	const char *type; /* of RFC 9266 or RFC 5929; static */
	uint8_t value[MT_CB_MAX];
	size_t size; /* 0: there is none */
};

/* Return: 0, negative errno. */
MT_MUST_CHECK int mt_tunnel_new(const struct mt_tunnel_options *options, struct mt_tunnel **ret);
struct mt_tunnel *mt_tunnel_free(struct mt_tunnel *tunnel);
MT_DEFINE_CLEANUP(struct mt_tunnel *, mt_tunnel_free);

enum mt_tunnel_stage mt_tunnel_get_stage(const struct mt_tunnel *tunnel);

/* In: as much as there is room for, 0 being back-pressure: leave it where it is. */
size_t mt_tunnel_room_for_server(const struct mt_tunnel *tunnel);
void mt_tunnel_server_said(struct mt_tunnel *tunnel, const uint8_t *data, size_t size,
			   int64_t wall_usec);
size_t mt_tunnel_room_for_program(const struct mt_tunnel *tunnel);
void mt_tunnel_program_said(struct mt_tunnel *tunnel, const uint8_t *data, size_t size);

/* The ends of the ends. */
/* The connection broke, was closed, or was silent for too long. */
void mt_tunnel_server_closed(struct mt_tunnel *tunnel);
/* The program says no more; it may still listen. */
void mt_tunnel_program_closed(struct mt_tunnel *tunnel);
/* The program does not listen any more; what it says still goes to the server. */
void mt_tunnel_program_deaf(struct mt_tunnel *tunnel);
/* The program is done and has been heard out: the server is to be told. */
bool mt_tunnel_may_close(const struct mt_tunnel *tunnel);
void mt_tunnel_close(struct mt_tunnel *tunnel);
/* Nothing more will be written to the server once the output is empty. */
bool mt_tunnel_is_closed(const struct mt_tunnel *tunnel);
bool mt_tunnel_is_in_tls(const struct mt_tunnel *tunnel);

/* Out: borrowed until the next call; then say how much of it was sent. */
struct mt_bytes mt_tunnel_for_server(struct mt_tunnel *tunnel);
void mt_tunnel_sent_to_server(struct mt_tunnel *tunnel, size_t size);
struct mt_bytes mt_tunnel_for_program(const struct mt_tunnel *tunnel);
void mt_tunnel_sent_to_program(struct mt_tunnel *tunnel, size_t size);

/* The channel binding for a program that asked for it, once OPENING or RELAY: that of RFC 9266, or
 * where there is none (TLS 1.2 without extended master secret) the weaker tls-server-end-point,
 * which binds to the server's certificate alone (D-CB-04); in cleartext none. */
void mt_tunnel_get_binding(const struct mt_tunnel *tunnel, struct mt_tunnel_binding *ret);

/* The question of ASK_HANDSHAKE and ASK, and afterwards the one that was answered last. */
enum mt_op mt_tunnel_get_op(const struct mt_tunnel *tunnel);
/* What was seen on the connection, to be cleared by the caller. Return: 0, -ENOMEM. */
MT_MUST_CHECK int mt_tunnel_get_evidence(const struct mt_tunnel *tunnel, const char *peer,
					 uint16_t local_port, int64_t wall_usec,
					 struct mt_evidence *ret);
/* The answer to either question. In OPENING and RELAY: the answer to one put again (D-SYS-09). */
void mt_tunnel_answered(struct mt_tunnel *tunnel, const struct mt_answer *answer,
			int64_t wall_usec);
/* Ends it for another reason: one sentence for the program, and the status. */
void mt_tunnel_refuse(struct mt_tunnel *tunnel, enum mt_exit status, const char *why);

/* Once OVER. OK: an allowed session that ended as sessions do; AWC: one without confidentiality. */
enum mt_exit mt_tunnel_get_status(const struct mt_tunnel *tunnel);
/* Why it ended otherwise than well, one sentence; "" where it went well or an answer says why. */
const char *mt_tunnel_get_text(const struct mt_tunnel *tunnel);

/* What a person should know who wonders about that, of client certificates; mostly "". */
const char *mt_tunnel_get_note(const struct mt_tunnel *tunnel);

/* What an answer that permits nothing exits with; OK where it permits. */
enum mt_exit mt_tunnel_exit_of(const struct mt_answer *answer);
/* The reason a person is told first: the first fault, or the outcome. Never an index too far. */
enum mt_reason mt_tunnel_reason_of(const struct mt_answer *answer);

#endif
