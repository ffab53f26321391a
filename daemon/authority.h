/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_AUTHORITY_H
#define MT_DAEMON_AUTHORITY_H

/*
 * Asks polkit whether a caller may do what his own account alone does not allow: weaken it, or pin
 * again what was removed (D-SYS-07, REQUIREMENTS 4.9).
 *
 * In system mode no program may consent in its user's name, so the user is asked for his password
 * by polkit, on his side, and only the answer comes here. Never on the verdict path: a question
 * costs a bus round trip and perhaps a minute of somebody's time. The loop goes on meanwhile.
 *
 * A polkit that is absent, silent, does not know the action, or says no, is a refusal. What is
 * decided here is nothing but that; which edits are asked about is bus-gate.h's.
 */

#include "ipc/bus.h"

/* Ids stand in org.mailtrust1.policy. */
enum mt_action {
	MT_ACTION_NONE = 0,         /* nothing to be asked */
	MT_ACTION_EDIT_OWN_ACCOUNT, /* org.mailtrust1.edit-own-account: the user's own password */
	MT_ACTION_PIN_AGAIN         /* org.mailtrust1.pin-again: an administrator's */
};
#define MT_ACTION_COUNT 3
const char *mt_action_to_string(enum mt_action action); /* the id; NONE: "" */

/* How long polkit may think, and how long a person. Within MT_CLIENT_LONG_PATIENCE_USEC. */
#define MT_AUTHORITY_SILENCE_MSEC 5000
#define MT_AUTHORITY_PERSON_MSEC 50000

enum {
	MT_AUTHORITY_E_REFUSED = 1,    /* polkit says no, or nobody could be asked */
	MT_AUTHORITY_E_UNREACHABLE = 2 /* no polkit, no answer, or none it knows */
};

struct mt_authority_question {
	const struct mt_caller *caller;
	enum mt_action action;
	const char *account; /* its address, for the question a person reads */
	const char *what;    /* what is to be done, for rules: "pin", "min_conf" … */
	bool may_interact;   /* the caller let a person be asked */
};

struct mt_authorization;
/* outcome: 0 or one of the above; why: one line, for the caller. */
typedef void (*mt_authority_fn)(int outcome, const char *why, void *userdata);

/* Asks on the bus the daemon is on. The question is copied; callback runs once, never from inside
 * here. Return: 0, MT_AUTHORITY_E_UNREACHABLE where there is no bus, negative errno. */
MT_MUST_CHECK int mt_authority_ask(struct mt_bus *bus, const struct mt_authority_question *question,
				   mt_authority_fn callback, void *userdata,
				   struct mt_authorization **ret);
/* No callback any more, and polkit stops asking. Accepts NULL. */
struct mt_authorization *mt_authorization_cancel(struct mt_authorization *authorization);

#endif
