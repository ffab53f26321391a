/* SPDX-License-Identifier: MIT */
/* The table of errors. */

#include "ipc/errors.h"

#include <errno.h>
#include <string.h>

#include <dbus/dbus.h>

#define OURS "org.mailtrust1.Error."

struct row {
	const char *code, *dbus_name, *text;
	enum mt_exit exit;
	bool detail;
};

/* clang-format off */
static const struct row rows[] = {
	[MT_ERROR_INTERNAL] = {"internal", OURS "Internal",
		"The service met a fault of its own.", MT_EXIT_INTERNAL, false},
	[MT_ERROR_UNKNOWN_ACCOUNT] = {"unknown-account", OURS "UnknownAccount",
		"There is no such account.", MT_EXIT_DENY, false},
	[MT_ERROR_ACCESS_DENIED] = {"access-denied", OURS "AccessDenied",
		"The caller may not do this.", MT_EXIT_DENY, false},
	[MT_ERROR_INVALID_ARGUMENTS] = {"invalid-arguments", OURS "InvalidArguments",
		"An argument is not as the contract says.", MT_EXIT_USAGE, true},
	[MT_ERROR_INVALID_EVIDENCE] = {"invalid-evidence", OURS "InvalidEvidence",
		"The evidence is malformed.", MT_EXIT_USAGE, true},
	[MT_ERROR_TOO_LARGE] = {"too-large", OURS "TooLarge",
		"The message is larger than any that makes sense.", MT_EXIT_USAGE, false},
	[MT_ERROR_LIMIT_EXCEEDED] = {"limit-exceeded", OURS "LimitExceeded",
		"The caller has too much going on; try again later.", MT_EXIT_TEMPORARY, true},
	[MT_ERROR_CONF_WARNING_REQUIRED] = {"conf-warning-required", OURS "ConfWarningRequired",
		"The owner has to be warned and to agree first.", MT_EXIT_CONFIRM, true},
	[MT_ERROR_NOT_IN_THIS_STATE] = {"not-in-this-state", OURS "NotInThisState",
		"The account's state does not allow this.", MT_EXIT_DENY, true},
	[MT_ERROR_ENDPOINT_NOT_PROBED] = {"endpoint-not-probed", OURS "EndpointNotProbed",
		"The server has not been looked at yet.", MT_EXIT_DENY, true},
	[MT_ERROR_MINIMUM_NOT_MET] = {"minimum-not-met", OURS "MinimumNotMet",
		"The server does not meet the account's minimum.", MT_EXIT_DENY, true},
	[MT_ERROR_ORG_OVERRIDE_REFUSED] = {"org-override-refused", OURS "OrgOverrideRefused",
		"The organisation's policy does not allow this.", MT_EXIT_DENY, true},
	[MT_ERROR_PIN_NOT_OFFERED] = {"pin-not-offered", OURS "PinNotOffered",
		"This certificate was not offered for acceptance by hand.", MT_EXIT_DENY, true},
	[MT_ERROR_PIN_NOT_OFFERED_EXISTING] = {"pin-not-offered-existing",
		OURS "PinNotOfferedExisting",
		"For an account already in use no certificate is accepted by hand.", MT_EXIT_DENY, false},
	[MT_ERROR_PIN_FORBIDDEN] = {"pin-forbidden", OURS "PinForbidden",
		"Policy does not allow accepting certificates by hand.", MT_EXIT_DENY, false},
	[MT_ERROR_NOT_AUTHORIZED] = {"not-authorized", OURS "NotAuthorized",
		"This must be confirmed with a password, and was not.", MT_EXIT_DENY, true},
	[MT_ERROR_AUTHORITY_UNREACHABLE] = {"authority-unreachable", OURS "AuthorityUnreachable",
		"This must be confirmed through polkit, which cannot be asked.", MT_EXIT_TEMPORARY,
		true},
	[MT_ERROR_EXISTS] = {"exists", OURS "Exists",
		"There already is one.", MT_EXIT_DENY, false},
	[MT_ERROR_DEGRADED] = {"degraded", OURS "Degraded",
		"The service cannot decide at the moment.", MT_EXIT_TEMPORARY, false},
	[MT_ERROR_SERVER_UNREACHABLE] = {"server-unreachable", OURS "ServerUnreachable",
		"The mail server cannot be reached.", MT_EXIT_SERVER, true},
	[MT_ERROR_TIMEOUT] = {"timeout", OURS "Timeout",
		"There was no answer in time.", MT_EXIT_TEMPORARY, true},
	[MT_ERROR_STORE_CORRUPT] = {"store-corrupt", OURS "StoreCorrupt",
		"The stored accounts are damaged.", MT_EXIT_INTERNAL, false},
	[MT_ERROR_STORE_LOCKED] = {"store-locked", OURS "StoreLocked",
		"Another process holds the stored accounts.", MT_EXIT_TEMPORARY, false},
	[MT_ERROR_STORE_NEWER] = {"store-newer", OURS "StoreNewer",
		"The stored accounts were written by a newer version.", MT_EXIT_INTERNAL, false},
	[MT_ERROR_STORE_READ_ONLY] = {"store-read-only", OURS "StoreReadOnly",
		"The stored accounts cannot be written.", MT_EXIT_TEMPORARY, false},
	[MT_ERROR_UNKNOWN_METHOD] = {"unknown-method", OURS "UnknownMethod",
		"There is no such method, property or object.", MT_EXIT_USAGE, false},
	[MT_ERROR_UNSUPPORTED] = {"unsupported", OURS "Unsupported",
		"This service cannot do that.", MT_EXIT_USAGE, true},
	[MT_ERROR_TARGET_UNCONFIRMED] = {"target-unconfirmed", OURS "TargetUnconfirmed",
		"The owner has to confirm this server first: what named it may be forged, or it is outside "
		"the domain of the address.", MT_EXIT_CONFIRM, false},
	[MT_ERROR_DAEMON_UNREACHABLE] = {"daemon-unreachable", OURS "DaemonUnreachable",
		"The security service is not running.", MT_EXIT_DAEMON, true},
};

/* What libdbus or a bus says instead of us. "Unknown method" and its like are not among them: the
 * daemon says those in its own words, and whoever uses libdbus's is somebody else. */
static const struct {
	const char *name;
	enum mt_error error;
} foreign[] = {
	{DBUS_ERROR_SERVICE_UNKNOWN, MT_ERROR_DAEMON_UNREACHABLE},
	{DBUS_ERROR_NAME_HAS_NO_OWNER, MT_ERROR_DAEMON_UNREACHABLE},
	{DBUS_ERROR_DISCONNECTED, MT_ERROR_DAEMON_UNREACHABLE},
	{DBUS_ERROR_NO_SERVER, MT_ERROR_DAEMON_UNREACHABLE},
	{DBUS_ERROR_FILE_NOT_FOUND, MT_ERROR_DAEMON_UNREACHABLE},
	{DBUS_ERROR_IO_ERROR, MT_ERROR_DAEMON_UNREACHABLE},
	{DBUS_ERROR_AUTH_FAILED, MT_ERROR_DAEMON_UNREACHABLE},
	{DBUS_ERROR_BAD_ADDRESS, MT_ERROR_DAEMON_UNREACHABLE},
	/* a daemon that hangs is as good as none (D-SYS-04); our own Timeout is a mail server's */
	{DBUS_ERROR_NO_REPLY, MT_ERROR_DAEMON_UNREACHABLE},
	{DBUS_ERROR_TIMEOUT, MT_ERROR_DAEMON_UNREACHABLE},
	{DBUS_ERROR_TIMED_OUT, MT_ERROR_DAEMON_UNREACHABLE},
	{DBUS_ERROR_ACCESS_DENIED, MT_ERROR_ACCESS_DENIED},
	{DBUS_ERROR_LIMITS_EXCEEDED, MT_ERROR_LIMIT_EXCEEDED},
};
/* clang-format on */

static_assert(MT_ARRAY_SIZE(rows) == MT_ERROR_COUNT, "a row for each error, and none for 0");

static const struct row *
row_of(enum mt_error error)
{
	size_t i = (size_t)error;

	return i > 0 && i < MT_ARRAY_SIZE(rows) ? &rows[i] : &rows[MT_ERROR_INTERNAL];
}

const char *
mt_error_to_string(enum mt_error error)
{
	return row_of(error)->code;
}

const char *
mt_error_to_dbus_name(enum mt_error error)
{
	return row_of(error)->dbus_name;
}

const char *
mt_error_text(enum mt_error error)
{
	return row_of(error)->text;
}

enum mt_exit
mt_error_exit(enum mt_error error)
{
	return row_of(error)->exit;
}

bool
mt_error_takes_detail(enum mt_error error)
{
	return row_of(error)->detail;
}

enum mt_error
mt_error_from_dbus_name(const char *name)
{
	if (!name)
		return MT_ERROR_INTERNAL;
	for (size_t i = 1; i < MT_ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i].dbus_name, name) == 0)
			return (enum mt_error)i;
	for (size_t i = 0; i < MT_ARRAY_SIZE(foreign); i++)
		if (strcmp(foreign[i].name, name) == 0)
			return foreign[i].error;

	/* activation that failed: there is a service file, and no service */
	if (strncmp(name, DBUS_ERROR_SPAWN_EXEC_FAILED,
		    sizeof("org.freedesktop.DBus.Error.Spawn.") - 1) == 0)
		return MT_ERROR_DAEMON_UNREACHABLE;

	return MT_ERROR_INTERNAL;
}

enum mt_error
mt_error_from_errno(int negative_errno)
{
	return negative_errno == -ENOMEM || negative_errno == -ENOSPC ? MT_ERROR_DEGRADED
								      : MT_ERROR_INTERNAL;
}
