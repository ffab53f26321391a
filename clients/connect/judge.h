/* SPDX-License-Identifier: MIT */
#ifndef MT_CONNECT_JUDGE_H
#define MT_CONNECT_JUDGE_H

/*
 * Puts a tunnel's questions to the service: describes the connection in hand, asks, and believes
 * the answer only as far as clients/lib/ask.h verified it. Blocks for at most
 * MT_CLIENT_PATIENCE_USEC; a service that is missing, silent or talks nonsense is a denial
 * (D-SYS-04). Decides nothing.
 */

#include "clients/connect/tunnel.h"
#include "ipc/client.h"

struct mt_judge {
	struct mt_client *client; /* borrowed */
	const char *id;           /* of the account; borrowed */
	const char *peer;         /* as inet_ntop prints it; borrowed */
	uint16_t local_port;
	struct mt_answer answer; /* the last one; whoever made the judge clears it */
};

/* Puts the question the tunnel has, or had last; the answer is in judge->answer. */
void mt_judge_put(struct mt_judge *judge, const struct mt_tunnel *tunnel);

#endif
