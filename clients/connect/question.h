/* SPDX-License-Identifier: MIT */
#ifndef MT_CONNECT_QUESTION_H
#define MT_CONNECT_QUESTION_H

/*
 * What crosses between the confined tunnel and its asker (asker.h): a question up, an answer down.
 *
 * A question is marshalled by libdbus and read with the same bounds as a stranger's evidence is
 * read in the service, because the tunnel may be an attacker's by then. An answer comes from the
 * more trusted end, which is the same program: it crosses as the struct it is, without its token,
 * which the asker has verified. Nothing else crosses. No I/O here.
 */

#include "clients/lib/answer.h"

struct mt_question {
	uint32_t number; /* which question an answer answers; not 0 */
	bool is_handshake;
	enum mt_op op;
	struct mt_evidence evidence; /* owned */
};

struct mt_word {
	uint32_t number;         /* of the question; 0: no answer, something changed (D-SYS-09) */
	struct mt_answer answer; /* token is NULL */
};

/* *ret is freed with dbus_free(). Return: 0, -ENOMEM, -EMSGSIZE. */
MT_MUST_CHECK int mt_question_encode(const struct mt_question *question, char **ret,
				     size_t *ret_size);
/* Fills *ret, which the caller clears. Return: 0, MT_QUESTION_E_NONSENSE. */
enum { MT_QUESTION_E_NONSENSE = 1 };
MT_MUST_CHECK int mt_question_decode(const char *data, size_t size, struct mt_question *ret);
void mt_question_clear(struct mt_question *question);

#endif
