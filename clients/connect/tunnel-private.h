/* SPDX-License-Identifier: MIT */
#ifndef MT_CONNECT_TUNNEL_PRIVATE_H
#define MT_CONNECT_TUNNEL_PRIVATE_H

/* The state tunnel.c (bytes) and tunnel-answers.c (questions) share. Nobody else's. */

#include "clients/connect/login.h"
#include "clients/connect/opening.h"
#include "clients/connect/queue.h"
#include "clients/connect/tunnel.h"

/* One reading of either end; TLS adds less than the queue's reserve to it. */
#define CHUNK_SIZE (32 * 1024)

struct mt_tunnel {
	struct mt_session *session;
	enum mt_tunnel_stage stage;
	enum mt_proto proto;
	char host[MT_DOMAIN_SIZE];
	struct mt_opening opening;
	struct mt_login login;
	struct mt_client_certs *certs; /* borrowed; may be NULL */
	char authzid[MT_AUTHZID_MAX + 1];
	bool is_implicit;   /* TLS comes first */
	bool logs_in;       /* the tunnel does, with EXTERNAL */
	bool is_cert_named; /* by the service, for this connection */
	bool is_cert_here;  /* and was found */
	bool wants_mechanism, exports_binding;
	bool asks_mechanism; /* ASK is about the mechanism in opening */
	bool is_open;        /* the program has been greeted */
	bool is_awc;
	bool relies_on_pin; /* the last answer allowed it by a certificate accepted by hand */
	bool program_closed, program_deaf;
	bool server_closed; /* its connection has ended */
	bool closed;        /* we have said that we say no more */
	enum mt_exit status;
	char text[192];
	struct mt_queue held;       /* of the program, before it may */
	struct mt_queue to_server;  /* as on the network */
	struct mt_queue to_program; /* plaintext */
};

/* After each step of the session: the next stage. */
void tunnel_follow_session(struct mt_tunnel *t);
/* The program's bytes go out. */
void tunnel_relay_up(struct mt_tunnel *t, const uint8_t *data, size_t size);
/* What the program has said so far goes out; from here on nothing is looked at. */
void tunnel_begin_relay(struct mt_tunnel *t);
/* Hands the server's words on, and ends where the server has ended. */
void tunnel_relay_down(struct mt_tunnel *t);
/* In OPENING: passes what may pass, and asks where there is something to ask. */
void tunnel_pass_opening(struct mt_tunnel *t);
/* Opens the pipe: the greeting for the program, made of facts, then what else the server has said,
 * then what the program has said so far for the server. */
void tunnel_open_pipe(struct mt_tunnel *t, const struct mt_dialogue_facts *facts,
		      struct mt_bytes said);

/* What the answer to ASK_HANDSHAKE lets the server see; NULL: nothing. ret has room for it. */
const struct mt_tls_credential *tunnel_find_credential(struct mt_tunnel *t,
						       const struct mt_answer *answer,
						       struct mt_tls_credential *ret);
/* The tunnel is to log in itself, or has done so. */
bool tunnel_logs_in(const struct mt_tunnel *t);
/* The login, or a refusal where it cannot be; and what the server has said in its course. */
void tunnel_begin_login(struct mt_tunnel *t);
void tunnel_continue_login(struct mt_tunnel *t);

#endif
