/* SPDX-License-Identifier: MIT */
#ifndef MT_CONNECT_TUNNEL_PRIVATE_H
#define MT_CONNECT_TUNNEL_PRIVATE_H

/* The state tunnel.c (bytes) and tunnel-answers.c (questions) share. Nobody else's. */

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
	bool wants_mechanism, exports_binding;
	bool asks_mechanism; /* ASK is about the mechanism in opening */
	bool is_open;        /* the program has been greeted */
	bool is_awc;
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

#endif
