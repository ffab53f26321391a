/* SPDX-License-Identifier: MIT */
#ifndef MT_CONNECT_CONNECT_H
#define MT_CONNECT_CONNECT_H

/*
 * A whole tunnel, from a named account to an exit status: find the server, dial it, run the session
 * between it and two ends of a mail program, and tell a person on standard error why it did not
 * come about. The program hears the same in its own protocol.
 *
 * Between dialling and the server's first byte the process gives up all else it could do, for good
 * (confined.h); another one asks the service in its place from then on (asker.h).
 *
 * The account's client certificates are loaded before anybody is dialled
 * (clients/lib/client-cert.h); whether one is shown the service says. With logs_in the tunnel logs
 * in with it, and the program is handed a session that is (SASL EXTERNAL, RFC 8314 §5.5); where
 * that cannot be it gets none.
 *
 * There is no option that weakens anything, here or anywhere (R-5.2-10): what the service denies
 * does not happen.
 */

#include "ipc/client.h"
#include "policy/service.h"

struct mt_connect {
	struct mt_client *client; /* freed, and NULL, once the asker has it */
	const char *account;      /* address or id; borrowed */
	enum mt_proto proto;
	int binding; /* descriptor for the channel binding, see pump.h; -1: not asked for */
	bool logs_in;
	const char *authzid; /* whom to act for; borrowed; NULL: whom the certificate names */
};

/* in and out are the program's ends, may be one, and are non-blocking. Leave with _exit(): what
 * runs at exit was not made to be confined. Return: as DESIGN §11 lists them. */
enum mt_exit mt_connect_run(struct mt_connect *connect, int in, int out);

#endif
