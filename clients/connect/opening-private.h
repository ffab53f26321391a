/* SPDX-License-Identifier: MIT */
#ifndef MT_CONNECT_OPENING_PRIVATE_H
#define MT_CONNECT_OPENING_PRIVATE_H

/* What opening.c (the server logs in) and opening-stand-in.c (we have) share. Nobody else's. */

#include "clients/connect/opening.h"

#define WORD_SIZE 64

struct command {
	char tag[WORD_SIZE]; /* IMAP only */
	char verb[WORD_SIZE], argument[WORD_SIZE];
	bool has_response; /* there is more behind the argument */
};

/* The size of a line without its end. */
size_t opening_bare_size(const uint8_t *line, size_t size);
/* A command that would log the program in: it is answered here and goes nowhere. */
enum mt_opening_turn opening_stand_in(struct mt_opening *o, const struct command *command,
				      const uint8_t *line, size_t size, char text[static 128]);
/* A line that comes in the course of it. */
enum mt_opening_turn opening_drop_line(struct mt_opening *o, const uint8_t *line, size_t size,
				       char text[static 128]);
/* Octets of a literal that do. */
enum mt_opening_turn opening_drop_octets(struct mt_opening *o, size_t size, size_t *ret_size,
					 char text[static 128]);
/* Whether such a program may still log in after the command, which passes. */
bool opening_may_follow_login(const struct command *command);

#endif
