/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_ERRORS_H
#define MT_IPC_ERRORS_H

/*
 * What can go wrong between a caller and the daemon: one table of code, D-Bus error name, sentence,
 * and exit status of the command line. Nowhere else does any of the four meet another.
 *
 * A refused connection is not an error: it is a verdict of deny. An error means that there is no
 * verdict, and whoever asks for one treats every error as deny (D-SYS-04).
 *
 * The sentence is constant. Some errors may carry a detail behind it (which key, which limit);
 * those that could tell a caller of another user's account may not, and mt_error_takes_detail()
 * says which (D-SYS-02).
 */

#include "policy/base.h"

/* Exit statuses of the commands; those of a verdict stand here too, so that there is one list. */
enum mt_exit {
	MT_EXIT_OK = 0,
	MT_EXIT_AWC = 10,
	MT_EXIT_CONFIRM = 20,
	MT_EXIT_DENY = 30,
	MT_EXIT_DAEMON = 40,   /* no daemon, or what answers is none */
	MT_EXIT_USAGE = 64,    /* sysexits.h EX_USAGE */
	MT_EXIT_SERVER = 69,   /* EX_UNAVAILABLE: the mail server */
	MT_EXIT_INTERNAL = 70, /* EX_SOFTWARE */
	MT_EXIT_TEMPORARY = 75 /* EX_TEMPFAIL */
};

/* Handlers return these as their positive outcome, so 0 is none of them. */
enum mt_error {
	MT_ERROR_INTERNAL = 1,
	MT_ERROR_UNKNOWN_ACCOUNT,
	MT_ERROR_ACCESS_DENIED,
	MT_ERROR_INVALID_ARGUMENTS,
	MT_ERROR_INVALID_EVIDENCE,
	MT_ERROR_TOO_LARGE,
	MT_ERROR_LIMIT_EXCEEDED,
	MT_ERROR_CONF_WARNING_REQUIRED,
	MT_ERROR_NOT_IN_THIS_STATE,
	MT_ERROR_ENDPOINT_NOT_PROBED,
	MT_ERROR_MINIMUM_NOT_MET,
	MT_ERROR_ORG_OVERRIDE_REFUSED,
	MT_ERROR_PIN_NOT_OFFERED,
	MT_ERROR_PIN_NOT_OFFERED_EXISTING,
	MT_ERROR_PIN_FORBIDDEN,
	MT_ERROR_NOT_AUTHORIZED,
	MT_ERROR_AUTHORITY_UNREACHABLE,
	MT_ERROR_EXISTS,
	MT_ERROR_DEGRADED,
	MT_ERROR_SERVER_UNREACHABLE,
	MT_ERROR_TIMEOUT,
	MT_ERROR_STORE_CORRUPT,
	MT_ERROR_STORE_LOCKED,
	MT_ERROR_STORE_NEWER,
	MT_ERROR_STORE_READ_ONLY,
	MT_ERROR_UNKNOWN_METHOD,
	MT_ERROR_UNSUPPORTED,
	MT_ERROR_TARGET_UNCONFIRMED,
	MT_ERROR_DAEMON_UNREACHABLE /* made by the client's end, never sent */
};
#define MT_ERROR_COUNT 30 /* with the 0 that is none */

/* All take any value; one that is no code counts as MT_ERROR_INTERNAL. Static storage. */
const char *mt_error_to_string(enum mt_error error);    /* "unknown-account" */
const char *mt_error_to_dbus_name(enum mt_error error); /* "org.mailtrust1.Error.UnknownAccount" */
const char *mt_error_text(enum mt_error error);         /* "There is no such account." */
enum mt_exit mt_error_exit(enum mt_error error);
bool mt_error_takes_detail(enum mt_error error);

/* The code of a D-Bus error name. Knows the names libdbus and a message bus send themselves, by
 * what they mean to a caller of ours; any other name is MT_ERROR_INTERNAL, as is NULL. */
enum mt_error mt_error_from_dbus_name(const char *name);

/* What a negative errno is to a caller: no memory or no space is degraded, the rest internal. */
enum mt_error mt_error_from_errno(int negative_errno);

#endif
