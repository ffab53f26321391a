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

/* Asks about the account with that id. Fills *ret, which the caller clears, in every case; where
 * the service was not reached the reason is daemon.unavailable. Does not begin a new patience. */
void mt_ask(struct mt_client *client, const char *id, enum mt_op op,
	    const struct mt_evidence *evidence, struct mt_answer *ret);

/* Asks the same while the handshake is suspended at the server's chain. Nothing is bound to the
 * connection yet, so the answer has no token and is believed as it stands: all it can do is let the
 * handshake go on, and name the client certificate that this server may be shown; mt_ask() has to
 * follow before a byte is sent. */
void mt_ask_handshake(struct mt_client *client, const char *id, enum mt_op op,
		      const struct mt_evidence *evidence, struct mt_answer *ret);

/* Tells the service that a server of the account could not be reached (D-SRV-06). What it makes of
 * that is its own affair, and that it may not hear it is no matter: the attempt has failed. */
void mt_ask_report_failure(struct mt_client *client, const char *id, enum mt_proto proto);

#endif
