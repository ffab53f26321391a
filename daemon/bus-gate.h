/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_BUS_GATE_H
#define MT_DAEMON_BUS_GATE_H

/*
 * Edits of an account that may lower its protection, and the gate before them (D-SYS-07).
 *
 * A handler reads its call into an edit, says which polkit action the edit needs, and hands it
 * over; what is applied does not depend on the message any more. The gate is there in system mode,
 * for every caller but root: a service of the user's own asks nobody, for whoever speaks to it is
 * the user. An edit that needs no action is applied at once. Whether the edit is allowed is not
 * decided here: accounts.h says no to the same things whoever confirmed them, and is asked after
 * the answer.
 */

#include "daemon/authority.h"
#include "daemon/keeper.h"

struct mt_edit {
	struct mt_keeper *keeper;
	struct mt_request *request;
	struct mt_account_id id;
	struct mt_actor actor;
	enum mt_action action; /* NONE: applied at once */
	const char *what;      /* for polkit's rules; static storage */
	/* Return: 0, an enum mt_error, negative errno. */
	int (*apply)(struct mt_edit *edit);

	/* what was read; each handler uses its own */
	struct mt_minimum *minimum; /* owned */
	struct mt_consent consent;
	bool every_leaf;
	struct mt_endpoint endpoint;
	uint8_t thumbprint[32];
	char subject[MT_CLIENT_CERT_SUBJECT_SIZE];

	struct mt_authorization *authorization; /* while polkit is asked */
};

/* An edit of the request's account. NULL: no memory. */
struct mt_edit *mt_edit_new(struct mt_keeper *keeper, struct mt_request *request,
			    int (*apply)(struct mt_edit *edit));

/* Applies the edit, or keeps the request and asks first. r: what reading came to; where it is not 0
 * the edit is dropped. Takes the edit. Return: as a handler. */
MT_MUST_CHECK int mt_edit_run_take(struct mt_edit *edit, int r);

/* Sets edit->endpoint, which was read; the gate is there where it weakens the transport. Takes the
 * edit. r, Return: as mt_edit_run_take(). bus-account.c */
MT_MUST_CHECK int mt_edit_set_endpoint_take(struct mt_edit *edit, int r);

#endif
