/* SPDX-License-Identifier: MIT */
#ifndef MT_TESTS_UNIT_TALK_H
#define MT_TESTS_UNIT_TALK_H

/*
 * Whole conversations with a mail server, as rows: what the server says turn by turn, what must
 * have been sent and seen at the end. A turn comes only after what the last one asked for was sent,
 * as over a socket; within a turn the bytes may be cut anywhere.
 */

#include "ipc/mail/dialogue.h"

enum turn_kind { TURN_NONE = 0, TURN_SAYS, TURN_TLS, TURN_CLOSES };

struct turn {
	enum turn_kind kind;
	const char *text;
	size_t size;
};

/* Rows are written with these; SAYS takes a literal, which may hold NULs. */
#define SAYS(text)                                \
	{                                         \
		TURN_SAYS, text, sizeof(text) - 1 \
	}
#define TLS                       \
	{                         \
		TURN_TLS, NULL, 0 \
	} /* the handshake is done; fails unless the server has agreed */
#define CLOSES                       \
	{                            \
		TURN_CLOSES, NULL, 0 \
	} /* or the time is up */

#define TALK_TURNS_MAX 8
#define TALK_SENT_SIZE 256

struct talk {
	const char *name;
	enum mt_proto proto;
	bool in_tls;
	struct turn turns[TALK_TURNS_MAX];
	/* expected */
	const char *sent; /* every byte, a farewell at the end; "|" stands where TLS begins */
	enum mt_dialogue_state state;
	struct mt_dialogue_facts facts; /* buffered_bytes: 1 is "any" */
};

/* How each turn is cut: one piece of first bytes (0: none), then pieces. */
struct cut {
	size_t first, piece;
};

struct talked {
	struct mt_dialogue dialogue;
	char sent[TALK_SENT_SIZE];
	size_t sent_size;
	size_t n_untaken; /* bytes of turns that came when the dialogue no longer read */
};

void talk_run(const struct talk *talk, struct cut cut, struct talked *ret);
/* Sends what waits, as a caller does between two reads. */
void talk_flush(struct talked *talked);
/* Fails, naming the row and the cut, unless everything is as the row expects. */
void talk_check(const struct talk *talk, struct cut cut);
/* The same for the row whole, byte by byte, in pieces of every size and cut once at every byte. */
void talk_check_every_cut(const struct talk *talk);

#endif
