/* SPDX-License-Identifier: MIT */
#ifndef MT_CONNECT_PUMP_H
#define MT_CONNECT_PUMP_H

/*
 * The tunnel's I/O: one poll loop over the server's socket and the program's two ends, which may be
 * one. Carries bytes between them and the state machine of tunnel.h, keeps its deadlines, and puts
 * its questions: the two of the opening, and the last one again when it is time. Reads from
 * an end only what there is room for at the other.
 *
 * A program that closes its end has its last words delivered, and answers to them: only after the
 * server was silent for MT_QUIET_USEC it is told that no more will come, because many servers drop
 * what they are doing at close_notify. A program that does not listen either has nothing to wait
 * for.
 */

#include "clients/connect/judge.h"

/* A server that has something to say to what it was told says so sooner. */
#define MT_QUIET_USEC MT_USEC_PER_SEC
/* What is still to be sent after the end: a socket that takes nothing for so long is dead. */
#define MT_FLUSH_USEC (2 * MT_USEC_PER_SEC)

struct mt_pump {
	struct mt_tunnel *tunnel; /* borrowed */
	struct mt_judge *judge;   /* borrowed */
	int server, in, out;      /* non-blocking; closed by the caller */
	int binding; /* gets "TYPE BASE64\n" as mt_tunnel_get_binding() says, before the greeting,
			or nothing where there is no binding, and is closed; -1: not asked for
			(D-CB-05) */
};

/* Runs until the tunnel is over and its outputs are flushed. */
void mt_pump_run(const struct mt_pump *pump);

#endif
