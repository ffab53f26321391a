/* SPDX-License-Identifier: MIT */
#ifndef MT_LIB_ASK_H
#define MT_LIB_ASK_H

/*
 * Asks whether an operation may go on over a connection, and believes the answer only after its
 * token verified: signed by the service, fresh, for this user, account, operation, server,
 * certificate, question (nonce) and connection (D-JOSE-13, D-CB-06), and in agreement with the
 * unsigned part. Whatever does not hold makes the answer deny (D-SYS-04).
 */

#include "clients/lib/answer.h"
#include "clients/lib/daemon.h"

/* Asks about the account object at path. Fills *ret, which the caller clears, in every case; where
 * the service was not reached the reason is daemon.unavailable. Does not start a new patience. */
void mt_ask(struct mt_daemon *daemon, const char *path, enum mt_op op,
	    const struct mt_evidence *evidence, struct mt_answer *ret);

/* Turns the outcome of a call into a denial: unreachable, or the reason codes that stand in
 * brackets in the service's error text, or account.unknown where there are none. */
void mt_answer_from_outcome(const struct mt_daemon *daemon, int outcome, struct mt_answer *ret);

/* Verifies token with the keys of jwks against the connection in hand; *answer is what the token
 * says, or a denial. token is copied into it. */
void mt_answer_from_token(const char *token, const char *jwks, const struct mt_token_expect *expect,
			  struct mt_answer *answer);

#endif
