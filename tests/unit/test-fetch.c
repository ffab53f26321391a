/* SPDX-License-Identifier: MIT */
/* Fetching over real sockets, from a server that does as a test says. */

#include "tests/cmocka-all.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "daemon/worker/fetch.h"

struct fixture {
	struct event_base *base;
	struct mt_dns *dns;
	int listener;
	uint16_t port;
	pid_t server;
	unsigned int n_calls;
	enum mt_fetch_state seen;
	size_t size;
	char body[64];
};

static int
setup(void **state)
{
	static const char *const forward[] = {"127.0.0.1@9"}; /* nobody */
	const struct mt_dns_options options = {.forward = forward, .n_forward = 1};
	struct sockaddr_in any = {.sin_family = AF_INET};
	struct fixture *f = calloc(1, sizeof(*f));
	socklen_t size = sizeof(any);

	assert_non_null(f);
	f->base = event_base_new();
	assert_int_equal(mt_dns_new(f->base, &options, &f->dns), 0);
	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(listen(f->listener, 8), 0);
	assert_int_equal(getsockname(f->listener, (struct sockaddr *)&any, &size), 0);
	f->port = ntohs(any.sin_port);
	*state = f;
	return 0;
}

static void
stop(struct fixture *f)
{
	if (f->server > 0) {
		kill(f->server, SIGKILL);
		waitpid(f->server, NULL, 0);
	}
	f->server = 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	stop(f);
	close(f->listener);
	mt_dns_free(f->dns);
	event_base_free(f->base);
	free(f);
	return 0;
}

/* Answers every connection, once its request is whole, with the same text; "PORT" in it is the
 * port. After that it hangs up, or never does. */
static void
serve(struct fixture *f, const char *text, bool hangs_up)
{
	const char *port = strstr(text, "PORT");
	char request[4096], answer[4096];

	f->server = fork();
	assert_true(f->server >= 0);
	if (f->server != 0)
		return;
	(void)snprintf(answer, sizeof(answer), "%.*s%u%s",
		       (int)(port ? port - text : (long)strlen(text)), text, (unsigned int)f->port,
		       port ? port + 4 : "");
	if (!port)
		answer[strlen(text)] = '\0';
	for (;;) {
		int fd = accept(f->listener, NULL, NULL);
		size_t n = 0;
		ssize_t got;

		request[0] = '\0';
		while (!strstr(request, "\r\n\r\n") &&
		       (got = read(fd, request + n, sizeof(request) - 1 - n)) > 0)
			request[n += (size_t)got] = '\0';
		(void)!write(fd, answer, strlen(answer));
		if (hangs_up)
			close(fd);
	}
}

static void
on_fetched(const struct mt_fetched *fetched, void *userdata)
{
	struct fixture *f = userdata;

	f->n_calls++;
	f->seen = fetched->state;
	f->size = fetched->bytes.size;
	if (f->size > 0 && f->size < sizeof(f->body))
		memcpy(f->body, fetched->bytes.data, f->size);
	event_base_loopbreak(f->base);
}

static struct mt_fetch *
start(struct fixture *f, const char *host, bool may_be_local, uint32_t msec)
{
	struct mt_fetch_request request = {
		.order = {.port = f->port, .path = "/x"},
		.deadline_msec = msec,
		.may_be_local = may_be_local,
	};
	struct mt_fetch *fetch = NULL;

	snprintf(request.order.host, sizeof(request.order.host), "%s", host);
	f->n_calls = 0;
	assert_int_equal(mt_fetch_start(f->base, f->dns, &request, on_fetched, f, &fetch), 0);
	assert_int_equal(f->n_calls, 0);
	return fetch;
}

/* Return: what became of it, and that within the time given and a second. */
static enum mt_fetch_state
fetch(struct fixture *f, const char *host, bool may_be_local, uint32_t msec)
{
	const struct timeval limit = {.tv_sec = msec / 1000 + 1, .tv_usec = msec % 1000 * 1000};

	start(f, host, may_be_local, msec);
	event_base_loopexit(f->base, &limit);
	event_base_dispatch(f->base);
	assert_int_equal(f->n_calls, 1);
	return f->seen;
}

static void
a_body_is_fetched_by_name_and_by_address(void **state)
{
	struct fixture *f = *state;

	serve(f, "HTTP/1.0 200 OK\r\n\r\nbody", true);
	assert_int_equal(fetch(f, "127.0.0.1", true, 3000), MT_FETCH_DONE);
	assert_int_equal(f->size, 4);
	assert_memory_equal(f->body, "body", 4);
	assert_int_equal(fetch(f, "localhost", true, 3000), MT_FETCH_DONE);
}

static void
an_address_of_this_machine_is_not_visited_unless_allowed(void **state)
{
	struct fixture *f = *state;

	serve(f, "HTTP/1.0 200 OK\r\n\r\nbody", true);
	assert_int_equal(fetch(f, "127.0.0.1", false, 3000), MT_FETCH_FORBIDDEN);
	assert_int_equal(fetch(f, "localhost", false, 3000), MT_FETCH_FORBIDDEN);
	assert_int_equal(fetch(f, "::1", false, 3000), MT_FETCH_FORBIDDEN);
	assert_int_equal(fetch(f, "169.254.169.254", false, 3000), MT_FETCH_FORBIDDEN);
	assert_int_equal(fetch(f, "10.0.0.1", false, 3000), MT_FETCH_FORBIDDEN);
}

static void
a_body_of_known_length_does_not_wait_for_the_end(void **state)
{
	struct fixture *f = *state;

	serve(f, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", false);
	assert_int_equal(fetch(f, "127.0.0.1", true, 3000), MT_FETCH_DONE);
	assert_int_equal(f->size, 4);
}

static void
whoever_says_nothing_or_never_stops_is_given_up_in_time(void **state)
{
	struct fixture *f = *state;

	serve(f, "", false);
	assert_int_equal(fetch(f, "127.0.0.1", true, 300), MT_FETCH_TIMEOUT);
	stop(f);
	serve(f, "HTTP/1.0 200 OK\r\n\r\nbody", false);
	assert_int_equal(fetch(f, "127.0.0.1", true, 300), MT_FETCH_TIMEOUT);
}

static void
a_loop_of_redirects_ends(void **state)
{
	struct fixture *f = *state;

	serve(f, "HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:PORT/y\r\n\r\n", true);
	assert_int_equal(fetch(f, "127.0.0.1", true, 3000), MT_FETCH_PROTOCOL);
}

static void
a_redirect_elsewhere_is_not_followed(void **state)
{
	struct fixture *f = *state;

	serve(f, "HTTP/1.0 302 Found\r\nLocation: https://127.0.0.1:PORT/y\r\n\r\n", true);
	assert_int_equal(fetch(f, "127.0.0.1", true, 3000), MT_FETCH_PROTOCOL);
}

static void
what_is_not_http_is_no_answer(void **state)
{
	struct fixture *f = *state;

	serve(f, "220 mail.example.test ESMTP\r\n", false);
	assert_int_equal(fetch(f, "127.0.0.1", true, 3000), MT_FETCH_PROTOCOL);
	stop(f);
	serve(f, "", true);
	assert_int_equal(fetch(f, "127.0.0.1", true, 3000), MT_FETCH_PROTOCOL);
}

static void
a_closed_port_is_unreachable_and_a_name_nobody_knows_unresolved(void **state)
{
	struct fixture *f = *state;
	int listener = f->listener;

	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	close(listener);
	assert_int_equal(fetch(f, "127.0.0.1", true, 3000), MT_FETCH_UNREACHABLE);
	assert_int_not_equal(fetch(f, "nobody.example.test", true, 500), MT_FETCH_DONE);
}

static void
a_cancelled_fetch_never_calls_back(void **state)
{
	struct fixture *f = *state;
	const struct timeval while_ = {.tv_usec = 200000}, soon = {.tv_usec = 50000};
	struct mt_fetch *fetch;

	serve(f, "", false);
	fetch = start(f, "127.0.0.1", true, 3000);
	assert_null(mt_fetch_cancel(fetch));
	fetch = start(f, "127.0.0.1", true, 3000);
	event_base_loopexit(f->base, &soon); /* connected meanwhile */
	event_base_dispatch(f->base);
	assert_null(mt_fetch_cancel(fetch));
	event_base_loopexit(f->base, &while_);
	event_base_dispatch(f->base);
	assert_int_equal(f->n_calls, 0);
	assert_null(mt_fetch_cancel(NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_body_is_fetched_by_name_and_by_address),
		TEST(an_address_of_this_machine_is_not_visited_unless_allowed),
		TEST(a_body_of_known_length_does_not_wait_for_the_end),
		TEST(whoever_says_nothing_or_never_stops_is_given_up_in_time),
		TEST(a_loop_of_redirects_ends),
		TEST(a_redirect_elsewhere_is_not_followed),
		TEST(what_is_not_http_is_no_answer),
		TEST(a_closed_port_is_unreachable_and_a_name_nobody_knows_unresolved),
		TEST(a_cancelled_fetch_never_calls_back),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
