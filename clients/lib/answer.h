/* SPDX-License-Identifier: MIT */
#ifndef MT_LIB_ANSWER_H
#define MT_LIB_ANSWER_H

/*
 * An answer a client holds: the service's verdict after verification, or a denial of our own.
 * Zero is deny. Both libmailtrust and the command line hold answers in this form.
 */

#include "ipc/client.h"
#include "ipc/codec.h"
#include "ipc/token.h"

struct mt_answer {
	enum mt_decision decision;
	bool conf;
	enum mt_reason reasons[MT_REASONS_MAX];
	size_t n_reasons;
	char *token;                 /* malloc'ed; NULL where the service gave none */
	bool has_client_certificate; /* phase handshake: the server may be shown this one */
	uint8_t client_certificate[32];
	char why[192]; /* what went wrong on this side of the bus, for people; mostly "" */
};

void mt_answer_clear(struct mt_answer *answer);

/* Makes it a denial for one reason; keeps the token, if there is one, for display. */
void mt_answer_deny(struct mt_answer *answer, enum mt_reason reason, const char *why);

/* What a call that failed means: the reason its error stands for, and the service's sentence in
 * why. outcome is that of the last call of client, and not 0. */
void mt_answer_from_error(const struct mt_client *client, int outcome, struct mt_answer *ret);

/* What a reply says, its token copied. Return: 0, or -ENOMEM. */
MT_MUST_CHECK int mt_answer_from_reply(const struct mt_check_reply *reply, struct mt_answer *ret);

/* Verifies token with the keys of jwks against the connection in hand; *answer is what the token
 * says, or a denial. Leaves answer->token alone. */
void mt_answer_from_token(const char *token, const char *jwks, const struct mt_token_expect *expect,
			  struct mt_answer *answer);

bool mt_answer_has(const struct mt_answer *answer, enum mt_reason reason);

/* Two answers say the same: decision, flag, reasons in order. */
bool mt_answer_agrees(const struct mt_answer *a, const struct mt_answer *b);

#endif
