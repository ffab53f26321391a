/* SPDX-License-Identifier: MIT */
#ifndef MT_CONNECT_JUDGE_H
#define MT_CONNECT_JUDGE_H

/*
 * The tunnel's end of its asker (asker.h): describes the connection in hand, has the service asked,
 * and hears that it is time to ask again.
 *
 * A question blocks for at most MT_JUDGE_PATIENCE_USEC. A service that is missing, silent or talks
 * nonsense, and an asker that is gone, are a denial (D-SYS-04). While a session lives, a service
 * that cannot decide is asked again every MT_JUDGE_RETRY_USEC (D-SYS-09). Decides nothing.
 */

#include "clients/connect/tunnel.h"
#include "ipc/client.h"

/* The asker keeps the service's patience; the rest is its own. */
#define MT_JUDGE_PATIENCE_USEC (MT_CLIENT_PATIENCE_USEC + MT_USEC_PER_SEC)
#define MT_JUDGE_RETRY_USEC MT_USEC_PER_SEC
/* A service that has announced a change and cannot say what it means is given this long. */
#define MT_JUDGE_UNDECIDED_USEC (30 * MT_USEC_PER_SEC)

struct mt_judge {
	int channel;      /* to the asker; borrowed */
	const char *peer; /* as inet_ntop prints it; borrowed */
	uint16_t local_port;
	struct mt_answer answer; /* the last one; whoever made the judge clears it */
	/* private */
	uint32_t number; /* of the last question */
	bool is_due;     /* it is time to ask again */
	bool is_lost;    /* the asker is gone: nobody would tell us */
	int64_t retry_usec;
	int64_t undecided_usec; /* since when there was no decision; 0: there is one */
};

/* Puts the question the tunnel has, or had last; the answer is in judge->answer. */
void mt_judge_put(struct mt_judge *judge, const struct mt_tunnel *tunnel);

/* To be polled for reading while a session lives; -1: none. */
int mt_judge_get_fd(const struct mt_judge *judge);
/* When to call mt_judge_turn() at the latest; INT64_MAX: not before there is something to read. */
int64_t mt_judge_deadline(const struct mt_judge *judge);
/* Takes what the asker has said. Return: it is time to put the question again. */
bool mt_judge_turn(struct mt_judge *judge, int64_t now_usec);
/* Puts it again. Return: judge->answer counts: it is a decision, or there was none for
 * MT_JUDGE_UNDECIDED_USEC, or there will be none because the asker is gone. */
bool mt_judge_put_again(struct mt_judge *judge, const struct mt_tunnel *tunnel);

#endif
