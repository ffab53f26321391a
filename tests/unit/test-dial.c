/* SPDX-License-Identifier: MIT */
/* From a host to a connected socket. */

#include "tests/cmocka-all.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "daemon/worker/dial.h"

struct fixture {
	struct event_base *base;
	struct mt_dns *dns;
	int listener;
	uint16_t port;
	struct mt_dialled seen;
	unsigned n_calls;
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
	assert_int_equal(listen(f->listener, 4), 0);
	assert_int_equal(getsockname(f->listener, (struct sockaddr *)&any, &size), 0);
	f->port = ntohs(any.sin_port);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	if (f->n_calls > 0 && f->seen.fd >= 0)
		close(f->seen.fd);
	if (f->listener >= 0)
		close(f->listener);
	mt_dns_free(f->dns);
	event_base_free(f->base);
	free(f);
	return 0;
}

static void
on_dialled(const struct mt_dialled *dialled, void *userdata)
{
	struct fixture *f = userdata;

	f->n_calls++;
	f->seen = *dialled;
	event_base_loopbreak(f->base);
}

static struct mt_probe_request
request_of(const struct fixture *f)
{
	return (struct mt_probe_request){.host = "localhost",
					 .port = f->port,
					 .proto = MT_PROTO_IMAP,
					 .deadline_msec = 3000};
}

static struct mt_dial *
dial(struct fixture *f, const struct mt_probe_request *request)
{
	struct mt_dial *dial = NULL;

	assert_int_equal(mt_dial_start(f->base, f->dns, request, on_dialled, f, &dial), 0);
	assert_int_equal(f->n_calls, 0);
	return dial;
}

static void
run(struct fixture *f, long sec)
{
	const struct timeval limit = {.tv_sec = sec};

	event_base_loopexit(f->base, &limit);
	event_base_dispatch(f->base);
}

static void
a_host_without_addresses_is_resolved_and_connected(void **state)
{
	struct fixture *f = *state;
	const struct mt_probe_request request = request_of(f);

	dial(f, &request);
	run(f, 5);
	assert_int_equal(f->n_calls, 1);
	assert_int_equal(f->seen.state, MT_PROBE_DONE);
	assert_string_equal(f->seen.peer, "127.0.0.1"); /* ::1 refused first */
	assert_int_not_equal(f->seen.local_port, 0);
	assert_true(f->seen.fd >= 0);
}

static void
a_refusing_address_does_not_hide_the_next(void **state)
{
	struct fixture *f = *state;
	struct mt_probe_request request = request_of(f);

	request.n_addresses = 2;
	strcpy(request.address[0], "127.0.0.9");
	strcpy(request.address[1], "127.0.0.1");
	dial(f, &request);
	run(f, 5);
	assert_int_equal(f->seen.state, MT_PROBE_DONE);
	assert_string_equal(f->seen.peer, "127.0.0.1");
}

static void
nobody_listening_is_unreachable(void **state)
{
	struct fixture *f = *state;
	struct mt_probe_request request = request_of(f);

	close(f->listener);
	f->listener = -1;
	request.n_addresses = 1;
	strcpy(request.address[0], "127.0.0.1");
	dial(f, &request);
	run(f, 5);
	assert_int_equal(f->n_calls, 1);
	assert_int_equal(f->seen.state, MT_PROBE_UNREACHABLE);
	assert_int_equal(f->seen.fd, -1);
}

static void
a_host_that_does_not_resolve_is_unresolved(void **state)
{
	struct fixture *f = *state;
	struct mt_probe_request request = request_of(f);

	strcpy(request.host, "imap.example");
	request.deadline_msec = 10000;
	dial(f, &request);
	run(f, 8);
	assert_int_equal(f->n_calls, 1);
	assert_int_equal(f->seen.state, MT_PROBE_UNRESOLVED);
}

static void
no_time_left_is_a_timeout(void **state)
{
	struct fixture *f = *state;
	struct mt_probe_request request = request_of(f);

	request.deadline_msec = 0;
	request.n_addresses = 1;
	strcpy(request.address[0], "127.0.0.1");
	dial(f, &request);
	run(f, 2);
	assert_int_equal(f->n_calls, 1);
	assert_int_equal(f->seen.state, MT_PROBE_TIMEOUT);
}

static void
a_cancelled_dial_calls_nobody(void **state)
{
	struct fixture *f = *state;
	const struct mt_probe_request request = request_of(f);

	mt_dial_cancel(dial(f, &request));
	run(f, 1);
	assert_int_equal(f->n_calls, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(a_host_without_addresses_is_resolved_and_connected),
		CASE(a_refusing_address_does_not_hide_the_next),
		CASE(nobody_listening_is_unreachable),
		CASE(a_host_that_does_not_resolve_is_unresolved),
		CASE(no_time_left_is_a_timeout),
		CASE(a_cancelled_dial_calls_nobody),
	};

	return cmocka_run_group_tests_name("dial", tests, NULL, NULL);
}
