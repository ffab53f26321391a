/* SPDX-License-Identifier: MIT */
/* Calls that come before the daemon may change anything (DESIGN §7): they wait, within bounds. */

#include "tests/cmocka-all.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/unit/ipc-server.h"

#define MSEC 1000000 /* in nanoseconds */
#define NEVER_MSEC 3600000
#define BUSY_UIDS 4 /* as many as fill the queue */

static char folder[] = "/tmp/mt-waiting-XXXXXX";
static char path[100];
static pid_t server_pid;

static int
setup(void **state)
{
	if (!mkdtemp(folder) || chmod(folder, 0755))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/socket", folder);
	return 0;
}

static int
teardown(void **state)
{
	(void)unlink(path);
	return rmdir(folder);
}

static void
start(unsigned int ready_msec, unsigned int patience_msec)
{
	const struct server_options options = {.path = path,
					       .who = MT_LISTEN_ALL,
					       .ready_msec = ready_msec,
					       .patience_msec = patience_msec};

	server_pid = server_start(&options);
	assert_true(server_pid > 0);
}

static int
stop(void **state)
{
	return server_stop(server_pid) ? 0 : -1;
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

static int64_t
now_msec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / MSEC;
}

/* Sends orders and waits for nothing. */
static void
send_orders(struct mt_client *client, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *call = find_call("now");

		(void)dbus_connection_send(mt_client_connection(client), call, NULL);
	}
	dbus_connection_flush(mt_client_connection(client));
}

static void
a_call_that_changes_something_waits_and_then_succeeds(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = NULL, *other = NULL;
	struct mt_client_error error;
	int64_t started;

	start(500, 0);
	client = open_client();
	other = open_client();
	started = now_msec();
	send_orders(other, 1);
	/* what only asks is answered meanwhile, and nothing was run */
	assert_int_equal(status_of(client, "calls"), 0);
	assert_true(now_msec() - started < 400);
	assert_int_equal(ask(client, "now", &error), 0);
	assert_true(now_msec() - started >= 400);
	assert_int_equal(status_of(client, "calls"), 2);
	/* from now on nothing waits */
	started = now_msec();
	assert_int_equal(ask(client, "now", &error), 0);
	assert_true(now_msec() - started < 400);
}

static void
what_comes_behind_it_on_its_connection_keeps_its_place(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = NULL;

	start(300, 0);
	client = open_client();
	send_orders(client, 3);
	assert_int_equal(status_of(client, "calls"), 3);
}

static void
a_handler_that_keeps_its_request_may_do_so_after_the_wait(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = NULL;
	struct mt_client_error error;

	start(200, 0);
	client = open_client();
	assert_int_equal(ask(client, "later", &error), 0);
	assert_int_equal(ask(client, "refuse", &error), MT_ERROR_INVALID_EVIDENCE);
}

static void
it_waits_no_longer_than_its_caller(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = NULL;
	struct mt_client_error error;
	int64_t started;

	start(NEVER_MSEC, 300);
	client = open_client();
	started = now_msec();
	assert_int_equal(ask(client, "now", &error), MT_ERROR_DEGRADED);
	assert_int_equal(mt_error_exit(error.code), MT_EXIT_TEMPORARY);
	assert_true(now_msec() - started >= 250);
	/* it was not run behind the caller's back, and the connection lives */
	assert_int_equal(status_of(client, "calls"), 0);
}

static void
a_caller_who_is_gone_takes_his_calls_along(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = NULL, *gone = NULL;
	struct mt_client_error error;

	start(500, 0);
	client = open_client();
	gone = open_client();
	send_orders(gone, 5);
	gone = mt_client_free(gone);
	assert_int_equal(ask(client, "now", &error), 0);
	assert_int_equal(status_of(client, "calls"), 1);
}

/* A process of that uid whose calls wait for as long as it lives. */
static pid_t
fill_as(uid_t uid)
{
	int pipes[2];
	char done = 'd';
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		struct mt_client *client;

		if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
			_exit(99);
		client = open_client();
		send_orders(client, MT_REQUESTS_PER_UID_MAX);
		/* they came before this: it is answered behind them, which is never */
		(void)!write(pipes[1], &done, 1);
		(void)pause();
	}
	(void)close(pipes[1]);
	assert_int_equal(read(pipes[0], &done, 1), 1);
	(void)close(pipes[0]);
	return pid;
}

static void
the_queue_is_bounded_and_one_uid_does_not_fill_it(void **state)
{
	MT_CLEANUP(mt_client_freep) struct mt_client *client = NULL;
	struct mt_client_error error;
	pid_t pids[BUSY_UIDS];
	int r = 0;

	_Static_assert(BUSY_UIDS * MT_REQUESTS_PER_UID_MAX == MT_REQUESTS_WAITING_MAX, "full");
	if (geteuid() != 0)
		skip(); /* being several users needs root */
	start(NEVER_MSEC, 2000);
	client = open_client();
	for (uid_t i = 0; i < BUSY_UIDS; i++)
		pids[i] = fill_as(i + 1);
	/* refused at once where it is full; until the last of them came in, it waits its time */
	for (int i = 0; i < 3 && r == 0; i++) {
		int64_t started = now_msec();

		assert_int_equal(ask(client, "now", &error), MT_ERROR_DEGRADED);
		r = now_msec() - started < 1000;
	}
	assert_true(r);
	assert_int_equal(status_of(client, "calls"), 0);
	for (int i = 0; i < BUSY_UIDS; i++) {
		(void)kill(pids[i], SIGKILL);
		assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
	}
}

#define CASE(name) cmocka_unit_test_teardown(name, stop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_call_that_changes_something_waits_and_then_succeeds),
		CASE(what_comes_behind_it_on_its_connection_keeps_its_place),
		CASE(a_handler_that_keeps_its_request_may_do_so_after_the_wait),
		CASE(it_waits_no_longer_than_its_caller),
		CASE(a_caller_who_is_gone_takes_his_calls_along),
		CASE(the_queue_is_bounded_and_one_uid_does_not_fill_it),
	};

	return cmocka_run_group_tests_name("dispatch-wait", tests, setup, teardown);
}
