/* SPDX-License-Identifier: MIT */
/* The asking end: where it looks for the service, how long it waits, what it takes for an answer.
 */

#include "tests/cmocka-all.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ipc/client-find.h"
#include "tests/unit/service-double.h"

#define ACCOUNT_ID "00112233445566778899aabbccddeeff"
#define OTHER_UID 1234
#define MSEC INT64_C(1000)

/* A folder with a socket in it, and whoever listens there. */
struct world {
	char folder[64], path[96], log[96];
	pid_t child;
	struct mt_client *client;
	/* how the service answers */
	const char *error;                  /* the D-Bus name; NULL: with a reply */
	const char *found;                  /* the path FindAccount gives */
	bool is_silent, is_of_another_kind; /* no answer; an answer of another signature */
	unsigned int delay_msec;
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->folder, "/tmp/mt-client-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	(void)snprintf(w->path, sizeof(w->path), "%s/socket", w->folder);
	(void)snprintf(w->log, sizeof(w->log), "%s/log", w->folder);
	w->found = MT_ACCOUNTS_PATH "/" ACCOUNT_ID;
	assert_int_equal(mt_client_new(MT_CLIENT_SOCKET, w->path, &w->client), 0);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	mt_client_free(w->client);
	service_double_stop(w->child);
	(void)unlink(w->path);
	(void)unlink(w->log);
	(void)rmdir(w->folder);
	free(w);
	return 0;
}

/* Where it looks */

/* The files of a machine, made and unmade. */
struct machine {
	char system_socket[96], system_service[96], user_folder[96], user_socket[120];
	struct mt_client_places places;
};

static void
furnish(const struct world *w, struct machine *m)
{
	(void)snprintf(m->system_socket, sizeof(m->system_socket), "%s/system", w->folder);
	(void)snprintf(m->system_service, sizeof(m->system_service), "%s/service", w->folder);
	(void)snprintf(m->user_folder, sizeof(m->user_folder), "%s/mailtrust", w->folder);
	(void)snprintf(m->user_socket, sizeof(m->user_socket), "%s/socket", m->user_folder);
	assert_int_equal(mkdir(m->user_folder, 0700), 0);
	m->places = (struct mt_client_places){
		.system_socket = m->system_socket,
		.system_service = m->system_service,
		.system_bus = "unix:path=/system-bus",
		.runtime_folder = w->folder,
		.session_bus = "unix:path=/session-bus",
	};
}

static void
make_file(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	(void)close(fd);
}

static void
assert_found(const struct machine *m, enum mt_client_where where, bool is_bus, const char *text)
{
	struct mt_client_place place;

	assert_int_equal(mt_client_find(&m->places, where, NULL, &place), 0);
	assert_string_equal(place.text, text);
	assert_int_equal(place.is_bus, is_bus);
}

static void
the_default_is_the_named_socket_then_the_system_then_the_user(void **state)
{
	const struct world *w = *state;
	struct mt_client_place place;
	struct machine m;

	furnish(w, &m);
	/* nothing is installed: the user's own, socket before bus */
	assert_found(&m, MT_CLIENT_DEFAULT, true, "unix:path=/session-bus");
	make_file(m.user_socket);
	assert_found(&m, MT_CLIENT_DEFAULT, false, m.user_socket);
	/* one is installed, whether it runs or not: no way around it */
	make_file(m.system_service);
	assert_found(&m, MT_CLIENT_DEFAULT, true, "unix:path=/system-bus");
	make_file(m.system_socket);
	assert_found(&m, MT_CLIENT_DEFAULT, false, m.system_socket);
	assert_int_equal(unlink(m.system_service), 0);
	assert_found(&m, MT_CLIENT_DEFAULT, false, m.system_socket);
	/* but the one who names a socket means it, and an empty name is none */
	m.places.named_socket = "/named";
	assert_found(&m, MT_CLIENT_DEFAULT, false, "/named");
	m.places.named_socket = "";
	assert_found(&m, MT_CLIENT_DEFAULT, false, m.system_socket);
	assert_int_equal(unlink(m.system_socket), 0);
	assert_int_equal(unlink(m.user_socket), 0);
	m.places.session_bus = NULL;
	m.places.runtime_folder = NULL;
	assert_int_equal(mt_client_find(&m.places, MT_CLIENT_DEFAULT, NULL, &place),
			 MT_CLIENT_FIND_E_NOWHERE);
	assert_int_equal(rmdir(m.user_folder), 0);
}

static void
who_says_where_is_taken_at_his_word(void **state)
{
	const struct world *w = *state;
	struct mt_client_place place;
	char longest[600];
	struct machine m;

	furnish(w, &m);
	m.places.named_socket = "/named";
	assert_found(&m, MT_CLIENT_SYSTEM, true, "unix:path=/system-bus");
	assert_found(&m, MT_CLIENT_USER, true, "unix:path=/session-bus");
	make_file(m.system_socket);
	make_file(m.user_socket);
	assert_found(&m, MT_CLIENT_SYSTEM, false, m.system_socket);
	assert_found(&m, MT_CLIENT_USER, false, m.user_socket);
	assert_int_equal(mt_client_find(&m.places, MT_CLIENT_SOCKET, "/a/b", &place), 0);
	assert_string_equal(place.text, "/a/b");
	assert_false(place.is_bus);
	assert_int_equal(mt_client_find(&m.places, MT_CLIENT_BUS, "unix:abstract=x", &place), 0);
	assert_true(place.is_bus);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(mt_client_find(&m.places, MT_CLIENT_SOCKET, longest, &place),
			 MT_CLIENT_FIND_E_NOWHERE);
	assert_int_equal(unlink(m.system_socket), 0);
	assert_int_equal(unlink(m.user_socket), 0);
	assert_int_equal(rmdir(m.user_folder), 0);
}

/* The service */

/* Each call leaves one byte, so that they can be counted from outside of the child. */
static void
note_call(const struct world *w)
{
	int fd = open(w->log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, "x", 1) != 1)
		_exit(1);
	(void)close(fd);
}

static off_t
calls_seen(const struct world *w)
{
	struct stat status;

	return stat(w->log, &status) == 0 ? status.st_size : 0;
}

static DBusMessage *
answer(DBusMessage *call, void *userdata)
{
	const struct world *w = userdata;
	const char *keys = "{\"keys\":[]}";
	DBusMessage *reply;

	note_call(w);
	if (w->is_silent)
		return NULL;

	(void)usleep(w->delay_msec * 1000);
	if (w->error)
		return dbus_message_new_error(call, w->error, "as it was told");

	reply = dbus_message_new_method_return(call);
	if (w->is_of_another_kind)
		(void)dbus_message_append_args(reply, DBUS_TYPE_UINT32, &w->delay_msec,
					       DBUS_TYPE_INVALID);
	else if (dbus_message_has_member(call, "FindAccount"))
		(void)dbus_message_append_args(reply, DBUS_TYPE_OBJECT_PATH, &w->found,
					       DBUS_TYPE_INVALID);
	else
		(void)dbus_message_append_args(reply, DBUS_TYPE_STRING, &keys, DBUS_TYPE_INVALID);

	return reply;
}

static void
start(struct world *w)
{
	w->child = service_double_start(w->path, answer, w);
	assert_true(w->child > 0);
}

static void
stop(struct world *w)
{
	service_double_stop(w->child);
	w->child = 0;
	(void)unlink(w->path);
}

static int
find(struct world *w)
{
	char id[MT_ACCOUNT_ID_TEXT_SIZE];

	return mt_client_find_account(w->client, "a@example.test", id);
}

static int64_t
now_msec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Absence */

static void
assert_absent(struct world *w)
{
	int64_t begin = now_msec();

	mt_client_begin(w->client, 300 * MSEC);
	assert_int_equal(find(w), MT_ERROR_DAEMON_UNREACHABLE);
	assert_in_range(now_msec() - begin, 0, 600);
	assert_int_equal(mt_client_error(w->client)->code, MT_ERROR_DAEMON_UNREACHABLE);
	assert_int_equal(mt_error_exit(mt_client_error(w->client)->code), MT_EXIT_DAEMON);
	assert_true(mt_client_error(w->client)->message[0] != '\0');
	assert_null(mt_client_connection(w->client));
}

static int
bind_socket(const struct world *w)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, w->path);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, 64))
		return -1;

	return fd;
}

static bool
somebody_listens(const struct world *w)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool listens;

	strcpy(address.sun_path, w->path);
	listens = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
	(void)close(fd);
	return listens;
}

/* Says that to everybody who comes; NULL: lets nobody in. */
static _Noreturn void
say_for_ever(int fd, const char *text)
{
	for (;;) {
		int accepted = text ? accept(fd, NULL, NULL) : pause();

		if (accepted >= 0 && write(accepted, text, strlen(text)) >= 0)
			(void)shutdown(accepted, SHUT_WR);
	}
}

static void
listen_and_say(struct world *w, const char *text)
{
	int fd = bind_socket(w);

	assert_true(fd >= 0);
	w->child = fork();
	if (w->child == 0)
		say_for_ever(fd, text);
	(void)close(fd);
}

static void
missing_silent_and_nonsense_are_one_outcome(void **state)
{
	static const char *const noises[] = {
		"",                                               /* hangs up */
		"HTTP/1.1 400 Bad Request\r\n\r\n",               /* speaks something else */
		"REJECTED ANONYMOUS\r\n",                         /* lets nobody in */
		"OK 00112233445566778899aabbccddeeff\r\nlBad\xff" /* breaks off */
	};
	static const char *const errors[] = {
		"com.example.Error.Whatever", DBUS_ERROR_UNKNOWN_METHOD, DBUS_ERROR_FAILED,
		DBUS_ERROR_INVALID_SIGNATURE, DBUS_ERROR_NO_REPLY,       DBUS_ERROR_SERVICE_UNKNOWN,
	};
	struct world *w = *state;

	assert_absent(w);
	make_file(w->path); /* a file, no socket */
	assert_absent(w);
	(void)unlink(w->path);
	for (size_t i = 0; i < MT_ARRAY_SIZE(noises); i++) {
		listen_and_say(w, noises[i]);
		assert_absent(w);
		stop(w);
	}
	listen_and_say(w, NULL); /* never even lets us in */
	assert_absent(w);
	stop(w);
	for (size_t i = 0; i < MT_ARRAY_SIZE(errors); i++) {
		w->error = errors[i];
		start(w);
		assert_absent(w);
		stop(w);
	}
	w->error = NULL;
	w->is_of_another_kind = true;
	start(w);
	assert_absent(w);
	stop(w);
	w->is_of_another_kind = false;
	w->found = "/org/mailtrust1/account/something";
	start(w);
	assert_absent(w);
	stop(w);
	w->is_silent = true;
	start(w);
	assert_absent(w);
}

static void
an_error_of_the_services_own_is_an_answer(void **state)
{
	struct world *w = *state;

	w->error = mt_error_to_dbus_name(MT_ERROR_UNKNOWN_ACCOUNT);
	start(w);
	assert_int_equal(find(w), MT_ERROR_UNKNOWN_ACCOUNT);
	assert_string_equal(mt_client_error(w->client)->message, "as it was told");
	/* it is there, and stays connected */
	assert_non_null(mt_client_connection(w->client));
}

static void
a_server_of_somebody_else_is_not_believed(void **state)
{
	struct world *w = *state;
	int tries = 1000;

	if (geteuid() != 0)
		skip();

	assert_int_equal(chown(w->folder, OTHER_UID, OTHER_UID), 0);
	w->child = fork();
	if (w->child == 0) {
		if (setresgid(OTHER_UID, OTHER_UID, OTHER_UID) ||
		    setresuid(OTHER_UID, OTHER_UID, OTHER_UID))
			_exit(1);
		say_for_ever(bind_socket(w), "");
	}
	while (!somebody_listens(w) && tries-- > 0)
		(void)usleep(10000);
	assert_absent(w);
	assert_string_equal(mt_client_error(w->client)->message,
			    "somebody else listens on its socket");
}

/* Patience */

static void
the_calls_of_one_question_share_one_patience(void **state)
{
	struct world *w = *state;
	int64_t begin = now_msec();
	const char *jwks;

	w->delay_msec = 300;
	start(w);
	mt_client_begin(w->client, 500 * MSEC);
	assert_int_equal(find(w), 0);
	assert_int_equal(mt_client_keys(w->client, true, &jwks), MT_ERROR_DAEMON_UNREACHABLE);
	assert_in_range(now_msec() - begin, 490, 900);
	/* and none is left for a third */
	begin = now_msec();
	assert_int_equal(find(w), MT_ERROR_DAEMON_UNREACHABLE);
	assert_in_range(now_msec() - begin, 0, 100);
	mt_client_begin(w->client, 5000 * MSEC);
	assert_int_equal(find(w), 0);
}

static void
without_a_question_each_call_has_five_seconds(void **state)
{
	struct world *w = *state;
	int64_t begin = now_msec();

	w->is_silent = true;
	start(w);
	assert_int_equal(find(w), MT_ERROR_DAEMON_UNREACHABLE);
	assert_in_range(now_msec() - begin, 4900, 6000);
}

/* Connections */

static void
the_keys_are_asked_for_once_a_connection(void **state)
{
	struct world *w = *state;
	const char *jwks;

	start(w);
	for (int i = 0; i < 3; i++)
		assert_int_equal(mt_client_keys(w->client, false, &jwks), 0);
	assert_string_equal(jwks, "{\"keys\":[]}");
	assert_int_equal(calls_seen(w), 1);
	assert_int_equal(mt_client_keys(w->client, true, &jwks), 0);
	assert_int_equal(calls_seen(w), 2);
	stop(w);
	assert_absent(w);
	start(w);
	mt_client_begin(w->client, MT_CLIENT_PATIENCE_USEC);
	assert_int_equal(mt_client_keys(w->client, false, &jwks), 0);
	assert_int_equal(calls_seen(w), 3);
}

static void
a_service_that_was_started_anew_is_found_with_the_next_call(void **state)
{
	struct world *w = *state;

	start(w);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(find(w), 0);
		stop(w);
		start(w);
	}
	assert_int_equal(find(w), 0);
}

static void
an_account_id_needs_no_question_and_an_address_is_utf8(void **state)
{
	char id[MT_ACCOUNT_ID_TEXT_SIZE];
	struct world *w = *state;

	/* nobody listens */
	assert_int_equal(mt_client_find_account(w->client, ACCOUNT_ID, id), 0);
	assert_string_equal(id, ACCOUNT_ID);
	assert_int_equal(mt_client_find_account(w->client, "\xff@example.test", id),
			 MT_ERROR_INVALID_ARGUMENTS);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_default_is_the_named_socket_then_the_system_then_the_user),
		CASE(who_says_where_is_taken_at_his_word),
		CASE(missing_silent_and_nonsense_are_one_outcome),
		CASE(an_error_of_the_services_own_is_an_answer),
		CASE(a_server_of_somebody_else_is_not_believed),
		CASE(the_calls_of_one_question_share_one_patience),
		CASE(without_a_question_each_call_has_five_seconds),
		CASE(the_keys_are_asked_for_once_a_connection),
		CASE(a_service_that_was_started_anew_is_found_with_the_next_call),
		CASE(an_account_id_needs_no_question_and_an_address_is_utf8),
	};

	return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
