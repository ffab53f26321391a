/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_MAIL_DIALOGUE_PRIVATE_H
#define MT_IPC_MAIL_DIALOGUE_PRIVATE_H

/* What dialogue.c (who says what when) and dialogue-capabilities.c share. Nobody else's. */

#include "ipc/mail/dialogue.h"

/* What one line was, to the reply that is waited for. */
enum heard {
	HEARD_NONSENSE = 0, /* ends the dialogue */
	HEARD_OTHER,        /* untagged data nobody asked for: counted, dropped */
	HEARD_MORE,         /* part of the reply */
	HEARD_PREAUTH,
	HEARD_NO, /* the reply is complete, and refuses */
	HEARD_OK  /* the reply is complete */
};

typedef enum heard (*reader_fn)(struct mt_dialogue *d, const char *line);

struct mt_verbs {
	bool is_tagged;
	const char *capabilities, *upgrade, *logout;
	const char *upgrade_capability;
	reader_fn
		readers[AT_INJECTION]; /* of the greeting, the capabilities, the upgrade's reply */
};

/* Notes the capabilities of one line: IMAP has any number on it, the others have one, with its
 * arguments. */
void dialogue_note_words(struct mt_dialogue *d, const char *words);
void dialogue_note_line(struct mt_dialogue *d, const char *line);
/* Those of another layer are none of this one's (D-STLS-02). */
void dialogue_forget_capabilities(struct mt_dialogue *d);

#endif
