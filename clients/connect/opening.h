/* SPDX-License-Identifier: MIT */
#ifndef MT_CONNECT_OPENING_H
#define MT_CONNECT_OPENING_H

/*
 * The opening of a session whose way to log in matters: where policy names mechanisms, demands a
 * channel binding, or the server disables LOGIN, the service is asked about the program's own
 * authentication command (D-SASL-05, D-SASL-10, D-CB-05).
 *
 * Until the program is logged in its commands pass one at a time, each after the answer to the one
 * before: those of operation capability (REQUIREMENTS 0.3) at once, those that authenticate once
 * the mechanism is allowed, and whatever lines the server asks for in between; every other command
 * is answered here and goes nowhere. A second attempt with another mechanism is asked about anew.
 *
 * Where the program is logged in already it stands in for the server, for a program with a password
 * configured would send it. Such commands are dropped here with all they hold: POP3 and submission
 * have no PREAUTH, so they are answered with success; in IMAP the program was told and errs, and
 * LOGIN and AUTHENTICATE are BAD in that state (RFC 9051 §3.2). At the first command that wants a
 * login the opening is over, and a password that is sent behind it is not looked for.
 *
 * Sans I/O: looks at bytes and says how many may pass. Reads no credentials: of an authentication
 * command only its first words. Decides nothing.
 */

#include "ipc/mail/line.h"
#include "policy/service.h"

enum mt_opening_turn {
	MT_OPENING_WAIT = 0, /* for more of the program, or for the server's answer */
	MT_OPENING_PASS,     /* the first size bytes go to the server */
	MT_OPENING_ASK,      /* whether mechanism is allowed; then mt_opening_allowed() */
	MT_OPENING_ANSWER    /* the first size bytes are dropped, and the answer is the program's */
};

struct mt_opening {
	char mechanism[MT_TOKEN_SIZE]; /* of the command in hand, or the last; upper case */
	bool is_logged_in;             /* from here on nothing need be looked at */
	bool is_fault;                 /* the server's words are no lines: nothing may pass */
	/* private */
	enum mt_proto proto;
	bool stands_in;
	size_t mechanism_index; /* standing in: of the command in hand */
	unsigned n_lines;       /* and how many lines of it are still to come */
	size_t n_octets;        /* IMAP: of its literal */
	bool is_dropping;       /* IMAP: the rest of it is still to come */
	enum { FOR_COMMAND, FOR_REPLY, FOR_LOGIN } waits;
	bool is_allowed;   /* the mechanism is */
	bool is_first;     /* of a command pair: USER logs nobody in */
	bool is_multi;     /* the reply ends with a dot (RFC 2449 §5) */
	bool passes_line;  /* the server asked for one, or the last one announced it */
	bool has_literals; /* the command in hand may */
	char tag[64];
	struct mt_lines lines;
};

void mt_opening_init(struct mt_opening *opening, enum mt_proto proto);

/* The server has logged us in already. */
void mt_opening_stand_in(struct mt_opening *opening);

/* What may happen to the program's bytes. answer, of MT_OPENING_ANSWER, is NUL-terminated. */
enum mt_opening_turn mt_opening_look(struct mt_opening *opening, const uint8_t *data, size_t size,
				     size_t *ret_size, char answer[static 128]);
void mt_opening_allowed(struct mt_opening *opening);
/* What the server said, which the program hears too. */
void mt_opening_heard(struct mt_opening *opening, const uint8_t *data, size_t size);

#endif
