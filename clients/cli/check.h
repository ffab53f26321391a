/* SPDX-License-Identifier: MIT */
#ifndef MT_CLI_CHECK_H
#define MT_CLI_CHECK_H

/*
 * What `check` does with one server: one connection, from dialling to the farewell (check.c), and a
 * look at whether the server minds what it is taken for (check-alpn.c).
 */

#include "clients/cli/account.h"
#include "clients/lib/answer.h"
#include "clients/lib/dial.h"
#include "ipc/mail/session.h"

/* One connection to one server of the account. */
struct mt_checking {
	struct mt_cli *cli;
	const struct mt_account_view *view;
	const struct mt_endpoint_spec *endpoint;
	bool injects;      /* a diagnosis of the server, which asks for no verdict */
	bool foreign_alpn; /* another one, of which nothing is told when it fails */
	struct mt_dialled dialled;
	struct mt_session *session;
	struct mt_evidence evidence;
};

/* The dialogue on a connection that was dialled. Explains what fails. Return: the status. */
enum mt_exit mt_checking_converse(struct mt_checking *check);
/* The farewell; frees what it has. */
void mt_checking_end(struct mt_checking *check);

/*
 * Does the server mind which protocol its client names (ALPN)? One that does not can be taken for
 * another server of the same certificate, and bytes meant for one are read by the other (D-TLS-17,
 * RFC 9325 §3.7).
 */
enum mt_alpn_care {
	MT_ALPN_UNKNOWN = 0, /* not looked at, or it could not be found out */
	MT_ALPN_ANY,         /* it takes whatever is named */
	MT_ALPN_MINDED       /* it refuses what is not its own */
};
/* Of a server that is allowed: with one that names our protocol back a second handshake names
 * another. Of submission nothing is known: its protocol has no name. */
enum mt_alpn_care mt_checking_alpn_care(const struct mt_checking *check,
					const struct mt_answer *answer);
void mt_alpn_care_print(struct mt_cli *cli, enum mt_alpn_care care);
void mt_alpn_care_to_json(enum mt_alpn_care care, json_t *row); /* "alpn" */

#endif
