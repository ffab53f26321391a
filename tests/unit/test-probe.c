/* SPDX-License-Identifier: MIT */
/* How long a probe takes, whatever the server does. */

#include "tests/cmocka-all.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "daemon/worker/probe.h"

#define DEADLINE_MSEC 3000
#define DEAF 127, 0, 0, 2
#define SILENT 127, 0, 0, 1
#define FILLERS 8

static uint32_t
address_of(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return htonl((uint32_t)a << 24 | (uint32_t)b << 16 | (uint32_t)c << 8 | d);
}

static int
listen_at(uint32_t address, uint16_t *port, int backlog)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = address};
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_port = htons(*port);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

/* Connections nobody accepts: with the queue full, the next one gets no answer at all. */
static void
fill(uint32_t address, uint16_t port, int fds[static FILLERS])
{
	const struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_addr.s_addr = address, .sin_port = htons(port)};

	for (size_t i = 0; i < FILLERS; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(fds[i], (const struct sockaddr *)&at, sizeof(at)) != 0)
			assert_int_equal(errno, EINPROGRESS);
	}
}

struct seen {
	struct event_base *base;
	unsigned n_calls;
	enum mt_probe_state state;
	char peer[MT_PEER_SIZE];
};

static void
on_probed(const struct mt_probe_result *result, void *userdata)
{
	struct seen *seen = userdata;

	seen->n_calls++;
	seen->state = result->state;
	memcpy(seen->peer, result->evidence.peer, sizeof(seen->peer));
	event_base_loopbreak(seen->base);
}

static int64_t
now_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A keeper that waits in vain replaces the worker, and with it what others have asked. */
static void
dialling_and_the_dialogue_share_one_deadline(void **state)
{
	static const char *const forward[] = {"127.0.0.1@9"}; /* nobody */
	const struct mt_dns_options dns_options = {.forward = forward, .n_forward = 1};
	const struct timeval limit = {.tv_sec = 10};
	struct mt_probe_request request = {.host = "localhost",
					   .proto = MT_PROTO_IMAP,
					   .transport = MT_TRANSPORT_IMPLICIT,
					   .deadline_msec = DEADLINE_MSEC,
					   .n_addresses = 2,
					   .address = {"127.0.0.2", "127.0.0.1"}};
	struct seen seen = {.base = event_base_new()};
	struct mt_probe *probe = NULL;
	struct mt_dns *dns = NULL;
	int fillers[FILLERS], silent, deaf;
	int64_t began;

	assert_int_equal(mt_dns_new(seen.base, &dns_options, &dns), 0);
	silent = listen_at(address_of(SILENT), &request.port, 4);
	deaf = listen_at(address_of(DEAF), &request.port, 0);
	fill(address_of(DEAF), request.port, fillers);
	began = now_msec();
	assert_int_equal(mt_probe_start(seen.base, dns, &request, on_probed, &seen, &probe), 0);
	event_base_loopexit(seen.base, &limit);
	event_base_dispatch(seen.base);

	assert_int_equal(seen.n_calls, 1);
	assert_string_equal(seen.peer, "127.0.0.1"); /* it did get through, late */
	assert_in_range(now_msec() - began, DEADLINE_MSEC - 50, DEADLINE_MSEC + 400);
	for (size_t i = 0; i < FILLERS; i++)
		close(fillers[i]);
	close(deaf);
	close(silent);
	mt_dns_free(dns);
	event_base_free(seen.base);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(dialling_and_the_dialogue_share_one_deadline),
	};

	return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
