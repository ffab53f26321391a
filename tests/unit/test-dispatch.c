/* SPDX-License-Identifier: MIT */
/* The direct socket: who is let in, what is answered, and what hostile peers get. */

#include "tests/cmocka-all.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "tests/unit/ipc-server.h"

static char folder[] = "/tmp/mt-dispatch-XXXXXX";
static char path[100];
static pid_t server_pid;

static int
setup(void **state)
{
	struct server_options options = {.path = path, .who = MT_LISTEN_ALL};

	if (!mkdtemp(folder) || chmod(folder, 0755))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/socket", folder);
	server_pid = server_start(&options);
	return server_pid > 0 ? 0 : -1;
}

static int
teardown(void **state)
{
	bool clean = server_stop(server_pid);

	(void)unlink(path);
	(void)rmdir(folder);
	return clean ? 0 : -1;
}

static struct mt_client *
open_client(void)
{
	struct mt_client *client = NULL;
	struct mt_client_error error = {0};

	if (mt_client_open(MT_CLIENT_SOCKET, path, &client, &error))
		fprintf(stderr, "# %s\n", error.message);
	return client;
}

/* Sends any call and returns the name of the error, "" for a reply. */
static const char *
error_of(struct mt_client *client, DBusMessage *call, char text[static 256])
{
	DBusError error = DBUS_ERROR_INIT;
	DBusMessage *reply = dbus_connection_send_with_reply_and_block(mt_client_connection(client),
								       call, 5000, &error);

	text[0] = '\0';
	if (reply)
		dbus_message_unref(reply);
	else
		(void)snprintf(text, 256, "%s", error.name);
	dbus_error_free(&error);
	return text;
}

#define OURS "org.mailtrust1.Error."

static void
calls_outside_of_the_contract_are_refused_by_name(void **state)
{
	static const struct {
		const char *path, *interface, *member, *signature, *error;
	} rows[] = {
		{MT_ROOT_PATH, "org.mailtrust1.Manager", "Nothing", "", OURS "UnknownMethod"},
		{MT_ROOT_PATH, "org.example.Nothing", "Status", "", OURS "UnknownMethod"},
		{MT_ROOT_PATH, NULL, "Status", "", OURS "UnknownMethod"},
		{MT_ROOT_PATH, "org.mailtrust1.Account", "Commit", "", OURS "UnknownMethod"},
		{"/org/mailtrust1/account/" ID_OF_ROOT, "org.mailtrust1.Manager", "Status", "",
		 OURS "UnknownMethod"},
		{"/org/mailtrust1/account/xyz", "org.mailtrust1.Account", "Commit", "",
		 OURS "UnknownMethod"},
		{"/org", "org.mailtrust1.Manager", "Status", "", OURS "UnknownMethod"},
		{"/elsewhere", "org.mailtrust1.Manager", "Status", "", OURS "UnknownMethod"},
		{MT_ROOT_PATH, "org.mailtrust1.Manager", "Status", "s", OURS "InvalidArguments"},
		{MT_ROOT_PATH, "org.mailtrust1.Manager", "FindAccount", "",
		 OURS "InvalidArguments"},
		/* no row in the daemon's table, and a row that is open to nobody */
		{MT_ROOT_PATH, "org.mailtrust1.Manager", "GetKeys", "", OURS "AccessDenied"},
		{MT_ROOT_PATH, "org.mailtrust1.Manager", "Levels", "", OURS "AccessDenied"},
		{MT_ROOT_PATH, "org.mailtrust1.Manager", "Status", "", ""},
		{MT_ROOT_PATH, "org.mailtrust1.Admin", "RotateKey", "", ""},
		{"/org/mailtrust1/account/" ID_OF_ROOT, "org.mailtrust1.Account", "Commit", "", ""},
		{MT_ROOT_PATH, "org.freedesktop.DBus.Peer", "Ping", "", ""},
	};
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();
	const char *text = "x";
	char error[256];

	assert_non_null(client);
	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		MT_CLEANUP(mt_dbus_message_unrefp)
		DBusMessage *call = dbus_message_new_method_call(NULL, rows[i].path,
								 rows[i].interface, rows[i].member);

		if (*rows[i].signature)
			(void)dbus_message_append_args(call, DBUS_TYPE_STRING, &text,
						       DBUS_TYPE_INVALID);
		assert_string_equal(error_of(client, call, error), rows[i].error);
	}
}

static void
a_handler_replies_now_or_later_and_its_faults_are_errors(void **state)
{
	static const struct {
		const char *order;
		int outcome;
		const char *message;
	} rows[] = {
		{"now", 0, ""},
		{"later", 0, ""},
		{"forget", MT_ERROR_INTERNAL, "The service met a fault of its own."},
		{"wrong", MT_ERROR_INTERNAL, "The service met a fault of its own."},
		{"memory", MT_ERROR_DEGRADED, "The service cannot decide at the moment."},
		{"refuse", MT_ERROR_INVALID_EVIDENCE,
		 "The evidence is malformed. (tls.version: is there twice)"},
		{"no such order", MT_ERROR_UNKNOWN_ACCOUNT, "There is no such account."},
	};
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		struct mt_client_error error = {0};

		assert_int_equal(ask(client, rows[i].order, &error), rows[i].outcome);
		assert_string_equal(error.message, rows[i].message);
	}
}

/* The bytes of the error for a call to this account, serial numbers aside. */
static char *
refusal(struct mt_client *client, const char *id, const char *interface, const char *member,
	int *ret_size)
{
	char object[MT_ACCOUNT_PATH_SIZE], *bytes = NULL;
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *call = NULL;
	DBusPendingCall *pending = NULL;
	DBusMessage *reply;

	mt_contract_format_path(id, object);
	call = dbus_message_new_method_call(NULL, object, interface, member);
	if (strcmp(member, "GetAll") == 0) {
		const char *text = "org.mailtrust1.Account";

		(void)dbus_message_append_args(call, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
	}
	(void)dbus_connection_send_with_reply(mt_client_connection(client), call, &pending, 5000);
	dbus_pending_call_block(pending);
	reply = dbus_pending_call_steal_reply(pending);
	dbus_pending_call_unref(pending);
	assert_int_equal(dbus_message_get_type(reply), DBUS_MESSAGE_TYPE_ERROR);
	dbus_message_set_serial(reply, 1);
	(void)dbus_message_set_reply_serial(reply, 1);
	assert_true(dbus_message_marshal(reply, &bytes, ret_size));
	dbus_message_unref(reply);
	return bytes;
}

static void
another_uids_account_and_none_are_the_same_bytes(void **state)
{
	static const struct {
		const char *interface, *member;
	} rows[] = {
		{"org.mailtrust1.Account", "Commit"},
		{"org.mailtrust1.Account", "Check"}, /* no row: the same for both as well */
		{"org.freedesktop.DBus.Properties", "GetAll"},
		{"org.freedesktop.DBus.Introspectable", "Introspect"},
	};
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		int n_foreign, n_missing;
		char *foreign =
			refusal(client, ID_OF_OTHER, rows[i].interface, rows[i].member, &n_foreign);
		char *missing = refusal(client, ID_OF_NOBODY, rows[i].interface, rows[i].member,
					&n_missing);

		assert_int_equal(n_foreign, n_missing);
		assert_memory_equal(foreign, missing, (size_t)n_foreign);
		dbus_free(foreign);
		dbus_free(missing);
	}
}

static char *
introspect(struct mt_client *client, const char *object)
{
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *call = dbus_message_new_method_call(
		NULL, object, "org.freedesktop.DBus.Introspectable", "Introspect");
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	const char *xml = "";

	reply = dbus_connection_send_with_reply_and_block(mt_client_connection(client), call, 5000,
							  NULL);
	assert_non_null(reply);
	assert_true(dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &xml, DBUS_TYPE_INVALID));
	return strdup(xml);
}

static void
introspection_shows_the_contract_and_only_the_callers_accounts(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();
	char *xml = introspect(client, MT_ROOT_PATH);

	assert_non_null(strstr(xml, "<method name=\"FindAccount\">"));
	assert_non_null(strstr(xml, "<node name=\"account\"/>"));
	assert_null(strstr(xml, "<method name=\"Commit\""));
	free(xml);
	xml = introspect(client, MT_ACCOUNTS_PATH);
	assert_non_null(strstr(xml, ID_OF_ROOT));
	assert_null(strstr(xml, ID_OF_OTHER));
	free(xml);
	xml = introspect(client, MT_ACCOUNTS_PATH "/" ID_OF_ROOT);
	assert_non_null(strstr(xml, "<method name=\"Commit\"/>"));
	assert_null(strstr(xml, "<method name=\"FindAccount\">"));
	free(xml);
	xml = introspect(client, "/");
	assert_non_null(strstr(xml, "<node name=\"org\"/>"));
	free(xml);
}

static const char *
property_error(struct mt_client *client, const char *object, const char *member,
	       const char *interface, const char *property, char error[static 256])
{
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *call = dbus_message_new_method_call(NULL, object,
							 "org.freedesktop.DBus.Properties", member);
	DBusMessageIter iter, variant;

	dbus_message_iter_init_append(call, &iter);
	assert_int_equal(mt_codec_append_string(&iter, interface), 0);
	if (property)
		assert_int_equal(mt_codec_append_string(&iter, property), 0);
	if (strcmp(member, "Set") == 0) {
		(void)dbus_message_iter_open_container(&iter, DBUS_TYPE_VARIANT, "s", &variant);
		assert_int_equal(mt_codec_append_string(&variant, "active"), 0);
		(void)dbus_message_iter_close_container(&iter, &variant);
	}
	return error_of(client, call, error);
}

static void
properties_are_read_and_never_set(void **state)
{
	static const struct {
		const char *object, *member, *interface, *property, *error;
	} rows[] = {
		{MT_ROOT_PATH, "Get", "org.mailtrust1.Manager", "Version", ""},
		{MT_ROOT_PATH, "Get", "org.mailtrust1.Manager", "Nothing", OURS "UnknownMethod"},
		{MT_ROOT_PATH, "Get", "org.mailtrust1.Account", "State", OURS "UnknownMethod"},
		{MT_ROOT_PATH, "GetAll", "org.mailtrust1.Manager", NULL, ""},
		{MT_ROOT_PATH, "GetAll", "org.mailtrust1.Account", NULL, OURS "UnknownMethod"},
		{MT_ROOT_PATH, "GetAll", "", NULL, OURS "UnknownMethod"},
		{MT_ACCOUNTS_PATH "/" ID_OF_ROOT, "Get", "org.mailtrust1.Account", "State", ""},
		{MT_ACCOUNTS_PATH "/" ID_OF_ROOT, "GetAll", "org.mailtrust1.Account", NULL, ""},
		{MT_ACCOUNTS_PATH "/" ID_OF_ROOT, "Set", "org.mailtrust1.Account", "State",
		 OURS "AccessDenied"},
		{MT_ACCOUNTS_PATH "/" ID_OF_OTHER, "Get", "org.mailtrust1.Account", "State",
		 OURS "UnknownAccount"},
	};
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();
	char error[256];

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++)
		assert_string_equal(property_error(client, rows[i].object, rows[i].member,
						   rows[i].interface, rows[i].property, error),
				    rows[i].error);
}

static void
managed_objects_are_the_callers(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *call = mt_client_message(MT_CALL_OBJECT_MANAGER_GET_MANAGED_OBJECTS, NULL);
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	DBusMessageIter iter, dict, entry;
	const char *object;

	assert_int_equal(
		mt_client_call(client, MT_CALL_OBJECT_MANAGER_GET_MANAGED_OBJECTS, call, &reply),
		0);
	dbus_message_iter_init(reply, &iter);
	assert_int_equal(dbus_message_iter_get_element_count(&iter), 1);
	dbus_message_iter_recurse(&iter, &dict);
	dbus_message_iter_recurse(&dict, &entry);
	dbus_message_iter_get_basic(&entry, &object);
	assert_string_equal(object, MT_ACCOUNTS_PATH "/" ID_OF_ROOT);
}

static void
a_forged_sender_changes_nothing(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *call = find_call("now");
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;

	assert_true(dbus_message_set_sender(call, "org.freedesktop.DBus"));
	assert_int_equal(mt_client_call(client, MT_CALL_MANAGER_FIND_ACCOUNT, call, &reply), 0);
	/* it is not even sent back */
	assert_null(dbus_message_get_destination(reply));
}

static void
signals_and_replies_of_a_peer_are_dropped(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();
	DBusConnection *connection = mt_client_connection(client);
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *owner = dbus_message_new_signal("/org/freedesktop/DBus",
						     "org.freedesktop.DBus", "NameOwnerChanged");
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *reply = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_RETURN);
	const char *name = "direct-1", *nothing = "";
	uint32_t gone = status_of(client, "gone"), calls = status_of(client, "calls");

	(void)dbus_message_append_args(owner, DBUS_TYPE_STRING, &name, DBUS_TYPE_STRING, &name,
				       DBUS_TYPE_STRING, &nothing, DBUS_TYPE_INVALID);
	assert_true(dbus_message_set_sender(owner, "org.freedesktop.DBus"));
	assert_true(dbus_message_set_reply_serial(reply, 1));
	assert_true(dbus_connection_send(connection, owner, NULL));
	assert_true(dbus_connection_send(connection, reply, NULL));
	assert_int_equal(status_of(client, "gone"), gone);
	assert_int_equal(status_of(client, "calls"), calls);
}

static void
a_message_of_a_million_bytes_is_refused_and_the_connection_lives(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();
	char *text = malloc(1000001);
	struct mt_client_error error = {0};

	memset(text, 'a', 1000000);
	text[1000000] = '\0';
	assert_int_equal(ask(client, text, &error), MT_ERROR_TOO_LARGE);
	assert_string_equal(error.message, mt_error_text(MT_ERROR_TOO_LARGE));
	assert_int_equal(ask(client, "now", &error), 0);
	/* one byte over and at the limit: text is counted as it is */
	text[MT_MESSAGE_BYTES_MAX + 1] = '\0';
	assert_int_equal(ask(client, text, &error), MT_ERROR_TOO_LARGE);
	text[MT_MESSAGE_BYTES_MAX] = '\0';
	assert_int_equal(ask(client, text, &error), MT_ERROR_UNKNOWN_ACCOUNT);
	free(text);
}

static void
an_array_of_a_million_bytes_is_refused_too(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *call = mt_client_message(MT_CALL_ACCOUNT_SET_MINIMUM, ID_OF_ROOT);
	DBusMessageIter iter, dict, entry;
	char error[256];

	dbus_message_iter_init_append(call, &iter);
	assert_true(dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{ss}", &dict));
	for (int i = 0; i < 50000; i++) {
		(void)dbus_message_iter_open_container(&dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
		assert_int_equal(mt_codec_append_string(&entry, "tls_min"), 0);
		assert_int_equal(mt_codec_append_string(&entry, "1.3"), 0);
		(void)dbus_message_iter_close_container(&dict, &entry);
	}
	(void)dbus_message_iter_close_container(&iter, &dict);
	assert_string_equal(error_of(client, call, error), OURS "TooLarge");
}

static void
of_65_calls_of_one_caller_one_is_refused(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();
	MT_CLEANUP(mt_client_freep) struct mt_client *second = open_client();
	MT_CLEANUP(mt_client_freep) struct mt_client *watcher = open_client();
	uint32_t cancelled_before = status_of(watcher, "cancelled"), n = 0;
	struct mt_client_error error = {0};

	for (int i = 0; i < MT_REQUESTS_PER_CONNECTION_MAX; i++) {
		MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *call = find_call("never");

		assert_true(dbus_connection_send(mt_client_connection(client), call, NULL));
	}
	assert_int_equal(ask(client, "now", &error), MT_ERROR_LIMIT_EXCEEDED);
	/* a second connection of the uid does not help */
	assert_int_equal(ask(second, "now", &error), MT_ERROR_LIMIT_EXCEEDED);
	/* and when the caller goes away, every one of its requests is cancelled */
	client = mt_client_free(client);
	for (int i = 0; i < 100 && n != MT_REQUESTS_PER_CONNECTION_MAX; i++) {
		(void)usleep(10000);
		n = status_of(watcher, "cancelled") - cancelled_before;
	}
	assert_int_equal(n, MT_REQUESTS_PER_CONNECTION_MAX);
	assert_int_equal(ask(second, "now", &error), 0);
}

static void
a_call_that_wants_no_reply_gets_none(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *call = find_call("now");
	uint32_t calls = status_of(client, "calls");

	dbus_message_set_no_reply(call, TRUE);
	assert_true(dbus_connection_send(mt_client_connection(client), call, NULL));
	assert_int_equal(status_of(client, "calls"), calls + 1);
	assert_null(dbus_connection_pop_message(mt_client_connection(client)));
}

static int
other_user(const char *unused)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *admin = mt_client_message(MT_CALL_ADMIN_ROTATE_KEY, NULL);
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *commit = mt_client_message(MT_CALL_ACCOUNT_COMMIT, ID_OF_OTHER);
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *foreign = mt_client_message(MT_CALL_ACCOUNT_COMMIT, ID_OF_ROOT);
	char error[256];

	if (!client)
		return 1;
	if (status_of(client, "uid") != OTHER_UID || status_of(client, "direct") != 1)
		return 2;
	if (strcmp(error_of(client, admin, error), OURS "AccessDenied") != 0)
		return 3;
	if (strcmp(error_of(client, commit, error), "") != 0)
		return 4;
	if (strcmp(error_of(client, foreign, error), OURS "UnknownAccount") != 0)
		return 5;

	return 0;
}

static void
another_uid_is_let_in_to_what_is_its_own(void **state)
{
	assert_int_equal(as_uid(OTHER_UID, OTHER_UID, other_user, NULL), 0);
}

static int
is_attested(const char *unused)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();

	return client ? (int)status_of(client, "attested") : 9;
}

static void
only_the_effective_gid_at_connect_attests(void **state)
{
	gid_t group = 1; /* daemon, which the server takes for the tunnel's group */

	assert_int_equal(as_uid(OTHER_UID, group, is_attested, NULL), 1);
	assert_int_equal(as_uid(OTHER_UID, OTHER_UID, is_attested, NULL), 0);
	/* a member of the group is not its program */
	assert_int_equal(setgroups(1, &group), 0);
	assert_int_equal(as_uid(OTHER_UID, OTHER_UID, is_attested, NULL), 0);
}

static int
cannot_connect(const char *unused)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();

	return client && status_of(client, "uid") == UINT32_MAX - 1 ? 0 : 1;
}

static void
the_overflow_uid_is_refused(void **state)
{
	assert_int_equal(as_uid(65534, 65534, cannot_connect, NULL), 0);
}

static int
raw_connect(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address))) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* Speaks a line of the authentication and returns the first word of the answer. */
static char
answer_to(int fd, const char *line, size_t size)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	char answer[256] = "";

	if (write(fd, line, size) != (ssize_t)size || poll(&poller, 1, 5000) != 1 ||
	    read(fd, answer, sizeof(answer) - 1) <= 0)
		return '-';

	return answer[0];
}

static void
nothing_but_external_is_accepted(void **state)
{
	static const char *const lines[] = {
		"\0AUTH ANONYMOUS 6d74\r\n", "\0AUTH DBUS_COOKIE_SHA1 30\r\n",
		"\0AUTH EXTERNAL 3132333435\r\n"}; /* not our uid: 12345 */

	for (size_t i = 0; i < MT_ARRAY_SIZE(lines); i++) {
		int fd = raw_connect();

		assert_true(fd >= 0);
		assert_int_equal(answer_to(fd, lines[i], strlen(lines[i] + 1) + 1),
				 'R'); /* REJECTED */
		(void)close(fd);
	}
}

static bool
is_closed(int fd, int timeout_msec)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	char byte;

	return poll(&poller, 1, timeout_msec) == 1 && read(fd, &byte, 1) <= 0;
}

static void
silent_connections_are_few_and_have_ten_seconds(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = NULL;
	int fds[MT_UNAUTHENTICATED_PER_UID_MAX + 1];
	time_t begin = time(NULL);

	for (size_t i = 0; i < MT_ARRAY_SIZE(fds); i++)
		fds[i] = raw_connect();
	/* one more than a uid may have is closed at once, the others later */
	assert_true(is_closed(fds[MT_UNAUTHENTICATED_PER_UID_MAX], 2000));
	assert_false(is_closed(fds[0], 0));
	assert_true(is_closed(fds[0], 12000));
	assert_in_range((uintmax_t)(time(NULL) - begin), 9, 12);
	for (size_t i = 0; i < MT_ARRAY_SIZE(fds); i++)
		(void)close(fds[i]);
	client = open_client();
	assert_int_equal(status_of(client, "uid"), 0);
}

static void
the_65th_connection_of_a_uid_is_refused(void **state)
{
	struct mt_client *clients[MT_CONNECTIONS_PER_UID_MAX + 1] = {NULL};
	struct mt_client_error error = {0};
	size_t n = 0;

	do
		clients[n] = open_client();
	while (ask(clients[n], "now", &error) == 0 && ++n < MT_ARRAY_SIZE(clients));
	assert_int_equal(error.code, MT_ERROR_DAEMON_UNREACHABLE);
	/* opening looks whether somebody listens first, and for a moment that is one more */
	assert_in_range(n, MT_CONNECTIONS_PER_UID_MAX - 1, MT_CONNECTIONS_PER_UID_MAX);
	for (size_t i = 0; i < MT_ARRAY_SIZE(clients); i++)
		clients[i] = mt_client_free(clients[i]);
}

/* Waits for a signal of that name. */
static bool
gets_signal(struct mt_client *client, const char *member, int timeout_msec)
{
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *signal = mt_client_wait_signal(client, timeout_msec);

	return signal && dbus_message_has_member(signal, member);
}

static int
subscribe(struct mt_client *client)
{
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *call = mt_client_message(MT_CALL_MANAGER_SUBSCRIBE, NULL);
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;

	return mt_client_call(client, MT_CALL_MANAGER_SUBSCRIBE, call, &reply);
}

static int
subscriber_hears_nothing(const char *ready)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();
	MT_CLEANUP(mt_client_freep) struct mt_client *own = open_client();
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *commit = mt_client_message(MT_CALL_ACCOUNT_COMMIT, ID_OF_OTHER);
	char error[256];

	if (!client || subscribe(client))
		return 1;
	if (strcmp(error_of(own, commit, error), "") != 0)
		return 2;

	return gets_signal(client, "InterfacesAdded", 5000) ? 0 : 3;
}

static void
signals_reach_the_subscribers_of_one_uid_only(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *commit = mt_client_message(MT_CALL_ACCOUNT_COMMIT, ID_OF_ROOT);
	char error[256];

	assert_int_equal(subscribe(client), 0);
	assert_int_equal(subscribe(client), 0); /* once is enough */
	/* what happens to another uid's account is told to that uid ... */
	assert_int_equal(as_uid(OTHER_UID, OTHER_UID, subscriber_hears_nothing, NULL), 0);
	/* ... and not here */
	assert_false(gets_signal(client, "InterfacesAdded", 100));
	assert_string_equal(error_of(client, commit, error), "");
	assert_true(gets_signal(client, "InterfacesAdded", 5000));
	assert_true(gets_signal(client, "PropertiesChanged", 5000));
	assert_true(gets_signal(client, "InterfacesRemoved", 5000));
	assert_false(gets_signal(client, "InterfacesAdded", 100));
}

static void
a_uid_has_a_bounded_number_of_subscriptions(void **state)
{
	struct mt_client *clients[MT_SUBSCRIPTIONS_PER_UID_MAX + 1];
	int r = 0;

	for (size_t i = 0; i < MT_ARRAY_SIZE(clients); i++) {
		clients[i] = open_client();
		r = subscribe(clients[i]);
		assert_int_equal(r, i < MT_SUBSCRIPTIONS_PER_UID_MAX ? 0 : MT_ERROR_LIMIT_EXCEEDED);
	}
	for (size_t i = 0; i < MT_ARRAY_SIZE(clients); i++)
		clients[i] = mt_client_free(clients[i]);
}

static void
garbage_after_the_greeting_ends_that_connection_only(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = open_client();
	static const char begin[] = "BEGIN\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
	int fd = raw_connect();

	assert_int_equal(answer_to(fd, "\0AUTH EXTERNAL 30\r\n", 19), 'O'); /* OK */
	assert_int_equal(write(fd, begin, sizeof(begin) - 1), sizeof(begin) - 1);
	assert_true(is_closed(fd, 5000));
	(void)close(fd);
	assert_int_equal(status_of(client, "uid"), 0);
}

static void
a_socket_of_ones_own_keeps_others_out(void **state)
{
	char own[100], *saved = strdup(path);
	struct server_options options = {.path = own, .who = MT_LISTEN_OWN, .is_user_mode = true};
	struct stat info;
	pid_t pid;

	(void)snprintf(own, sizeof(own), "%s/own", folder);
	pid = server_start(&options);
	assert_true(pid > 0);
	assert_int_equal(stat(own, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	/* even where the mode lets them in */
	assert_int_equal(chmod(own, 0666), 0);
	strcpy(path, own);
	assert_int_equal(as_uid(OTHER_UID, OTHER_UID, cannot_connect, NULL), 0);
	strcpy(path, saved);
	free(saved);
	assert_true(server_stop(pid));
	(void)unlink(own);
}

static void
tables_that_do_not_fit_the_contract_are_refused(void **state)
{
	static const struct mt_method twice[] = {
		{MT_CALL_MANAGER_STATUS, MT_ACCESS_ANYONE, handle_status, MT_WHEN_CALLED},
		{MT_CALL_MANAGER_STATUS, MT_ACCESS_ADMIN, handle_status, MT_WHEN_CALLED},
	};
	static const struct mt_method root_owned[] = {
		{MT_CALL_MANAGER_STATUS, MT_ACCESS_OWNER, handle_status, MT_WHEN_CALLED}};
	struct mt_dispatch_config config = {.properties = test_properties,
					    .n_properties = MT_ARRAY_SIZE(test_properties)};
	MT_CLEANUP(mt_dispatch_freep) struct mt_dispatch *dispatch = NULL;

	config.methods = twice;
	config.n_methods = 2;
	assert_int_equal(mt_dispatch_new(&config, &dispatch), -EINVAL);
	config.methods = root_owned;
	config.n_methods = 1;
	assert_int_equal(mt_dispatch_new(&config, &dispatch), -EINVAL);
	config.methods = test_methods;
	config.n_methods = MT_ARRAY_SIZE(test_methods);
	config.n_properties--;
	assert_int_equal(mt_dispatch_new(&config, &dispatch), -EINVAL);
	config.n_properties++;
	assert_int_equal(mt_dispatch_new(&config, &dispatch), 0);
}

static void
a_client_finds_no_daemon_where_nobody_listens(void **state)
{
	struct mt_client_error error = {0};
	struct mt_client *client = NULL;
	char stale[128];
	int fd;

	(void)snprintf(stale, sizeof(stale), "%s/nothing", folder);
	assert_int_equal(mt_client_open(MT_CLIENT_SOCKET, stale, &client, &error),
			 MT_ERROR_DAEMON_UNREACHABLE);
	assert_int_equal(mt_error_exit(error.code), MT_EXIT_DAEMON);
	fd = open(stale, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(mt_client_open(MT_CLIENT_SOCKET, stale, &client, &error),
			 MT_ERROR_DAEMON_UNREACHABLE);
	(void)close(fd);
	(void)unlink(stale);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_outside_of_the_contract_are_refused_by_name),
		cmocka_unit_test(a_handler_replies_now_or_later_and_its_faults_are_errors),
		cmocka_unit_test(another_uids_account_and_none_are_the_same_bytes),
		cmocka_unit_test(introspection_shows_the_contract_and_only_the_callers_accounts),
		cmocka_unit_test(properties_are_read_and_never_set),
		cmocka_unit_test(managed_objects_are_the_callers),
		cmocka_unit_test(a_forged_sender_changes_nothing),
		cmocka_unit_test(signals_and_replies_of_a_peer_are_dropped),
		cmocka_unit_test(a_message_of_a_million_bytes_is_refused_and_the_connection_lives),
		cmocka_unit_test(an_array_of_a_million_bytes_is_refused_too),
		cmocka_unit_test(of_65_calls_of_one_caller_one_is_refused),
		cmocka_unit_test(a_call_that_wants_no_reply_gets_none),
		cmocka_unit_test(another_uid_is_let_in_to_what_is_its_own),
		cmocka_unit_test(only_the_effective_gid_at_connect_attests),
		cmocka_unit_test(the_overflow_uid_is_refused),
		cmocka_unit_test(nothing_but_external_is_accepted),
		cmocka_unit_test(silent_connections_are_few_and_have_ten_seconds),
		cmocka_unit_test(the_65th_connection_of_a_uid_is_refused),
		cmocka_unit_test(signals_reach_the_subscribers_of_one_uid_only),
		cmocka_unit_test(a_uid_has_a_bounded_number_of_subscriptions),
		cmocka_unit_test(garbage_after_the_greeting_ends_that_connection_only),
		cmocka_unit_test(a_socket_of_ones_own_keeps_others_out),
		cmocka_unit_test(tables_that_do_not_fit_the_contract_are_refused),
		cmocka_unit_test(a_client_finds_no_daemon_where_nobody_listens),
	};

	return cmocka_run_group_tests_name("dispatch", tests, setup, teardown);
}
