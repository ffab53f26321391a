/* SPDX-License-Identifier: MIT */
/* A chain judged with its revocation: keeper and both workers, with a double for the judge. */

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

#include "daemon/revocation.h"
#include "tests/unit/worker-double.h"

struct fixture {
	struct event_base *base;
	struct mt_jobs *jobs;
	pid_t spawner;
	pid_t server;
	int listener;
	uint16_t port;
};

/* What a callback saw. */
struct seen {
	unsigned int n_calls;
	struct mt_validation validation;
};

static int64_t
monotonic_usec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * MT_USEC_PER_SEC + ts.tv_nsec / 1000;
}

static int
setup(void **state)
{
	const struct mt_spawner_options spawner = {.executable = getenv("MT_WORKER_DOUBLE")};
	const struct mt_jobs_options options = {0};
	struct sockaddr_in any = {.sin_family = AF_INET};
	struct fixture *f = calloc(1, sizeof(*f));
	socklen_t size = sizeof(any);
	int control_fd;

	assert_non_null(f);
	f->base = event_base_new();
	assert_int_equal(mt_spawner_start(&spawner, &control_fd, &f->spawner), 0);
	assert_int_equal(mt_jobs_new(f->base, control_fd, &options, &f->jobs), 0);
	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(listen(f->listener, 64), 0);
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

	stop(f); /* first: it has our sockets, too */
	mt_jobs_free(f->jobs);
	assert_int_equal(waitpid(f->spawner, NULL, 0), f->spawner);
	close(f->listener);
	event_base_free(f->base);
	free(f);
	return 0;
}

static void
answer(int fd, uint8_t first, size_t size)
{
	static const char head[] = "HTTP/1.0 200 OK\r\n\r\n";
	char request[2048];
	uint8_t *body = malloc(size + 1);
	size_t sent = 0;
	ssize_t n;

	(void)!read(fd, request, sizeof(request));
	if (!body || write(fd, head, sizeof(head) - 1) < 0)
		return;
	memset(body, 1, size);
	body[0] = first;
	while (sent < size && (n = write(fd, body + sent, size - sent)) > 0)
		sent += (size_t)n;
	free(body);
}

/* Answers with so many bytes of which one is given and the others are 1; size 0: never. */
static void
serve(struct fixture *f, uint8_t first, size_t size)
{
	f->server = fork();
	assert_true(f->server >= 0);
	if (f->server != 0)
		return;
	for (;;) {
		int fd = accept(f->listener, NULL, NULL);

		if (size == 0)
			continue;
		answer(fd, first, size);
		close(fd);
	}
}

static void
on_done(const struct mt_validation *validation, void *userdata)
{
	struct seen *seen = userdata;

	seen->n_calls++;
	seen->validation = *validation;
}

static struct mt_revocation *
start(struct fixture *f, const char *leaf, bool may_be_local, struct seen *seen)
{
	const struct mt_revocation_options options = {f->jobs, mt_clock_system(), may_be_local};
	struct mt_chain_request request = {.n_chain = 1, .wants_revocation = true};
	struct mt_revocation *rev = NULL;

	request.at_usec = INT64_MAX / 2; /* the double echoes it as not_after_usec */
	request.chain[0] = (struct mt_bytes){(const uint8_t *)leaf, strlen(leaf)};
	assert_int_equal(mt_revocation_start(&options, &request, on_done, seen, &rev), 0);
	assert_int_equal(seen->n_calls, 0);
	return rev;
}

static void
run_for(struct fixture *f, long msec)
{
	const struct timeval time = {.tv_sec = msec / 1000, .tv_usec = msec % 1000 * 1000};

	event_base_loopexit(f->base, &time);
	event_base_dispatch(f->base);
}

static void
run_until(struct fixture *f, const struct seen *seen, size_t n, int64_t limit_sec)
{
	const int64_t end = monotonic_usec() + limit_sec * MT_USEC_PER_SEC;

	for (size_t i = 0; i < n; i++)
		while (seen[i].n_calls == 0 && monotonic_usec() < end)
			run_for(f, 20);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(seen[i].n_calls, 1);
}

/* Judges one chain that wants n answers. Return: what was found. */
static struct mt_validation
judge(struct fixture *f, size_t n, bool may_be_local)
{
	struct seen seen = {0};
	char leaf[64];

	snprintf(leaf, sizeof(leaf), MT_DOUBLE_FETCH "%u %zu", (unsigned int)f->port, n);
	start(f, leaf, may_be_local, &seen);
	run_until(f, &seen, 1, 8);
	return seen.validation;
}

static void
what_was_fetched_decides(void **state)
{
	struct fixture *f = *state;
	struct mt_validation v;

	serve(f, 'g', 1000);
	v = judge(f, 1, true);
	assert_int_equal(v.state, MT_VALIDATION_DONE);
	assert_int_equal(v.revocation, MT_REVOCATION_GOOD);
	assert_int_equal(v.dane_usable, 'g' + 999);
	assert_int_equal(v.not_after_usec, INT64_MAX / 2);
}

static void
a_revoked_certificate_is_reported(void **state)
{
	struct fixture *f = *state;

	serve(f, 'r', 10);
	assert_int_equal(judge(f, 2, true).revocation, MT_REVOCATION_REVOKED);
}

static void
answers_of_the_largest_size_arrive_whole(void **state)
{
	struct fixture *f = *state;
	struct mt_validation v;

	serve(f, 'g', MT_FETCH_BYTES_MAX);
	v = judge(f, 2, true);
	assert_int_equal(v.revocation, MT_REVOCATION_GOOD);
	assert_int_equal(v.dane_usable, 2 * ('g' + MT_FETCH_BYTES_MAX - 1));
}

static void
more_than_the_total_is_left_out(void **state)
{
	struct fixture *f = *state;
	struct mt_validation v;

	serve(f, 'g', MT_FETCH_BYTES_MAX);
	v = judge(f, 4, true);
	assert_int_equal(v.state, MT_VALIDATION_DONE);
	assert_int_equal(v.dane_usable, 2 * ('g' + MT_FETCH_BYTES_MAX - 1));
}

static void
many_chains_at_once_get_their_own_answers(void **state)
{
	struct fixture *f = *state;
	enum { N = 12 };
	static struct seen seen[N];
	char leaf[64];

	memset(seen, 0, sizeof(seen));
	serve(f, 'g', MT_FETCH_BYTES_MAX / 2);
	snprintf(leaf, sizeof(leaf), MT_DOUBLE_FETCH "%u 2", (unsigned int)f->port);
	for (size_t i = 0; i < N; i++)
		start(f, leaf, true, &seen[i]);
	run_until(f, seen, N, 20);
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(seen[i].validation.state, MT_VALIDATION_DONE);
		assert_int_equal(
			seen[i].validation.dane_usable % ('g' + MT_FETCH_BYTES_MAX / 2 - 1), 0);
		assert_int_equal(seen[i].validation.revocation, MT_REVOCATION_GOOD);
	}
}

/* UNKNOWN, and asked again before long. */
static void
assert_unknown(const struct mt_validation *v)
{
	assert_int_equal(v->state, MT_VALIDATION_DONE);
	assert_int_equal(v->revocation, MT_REVOCATION_UNKNOWN);
	assert_true(v->not_after_usec <=
		    mt_clock_wall(mt_clock_system()) + MT_REVOCATION_UNKNOWN_USEC);
}

static void
without_an_answer_revocation_is_unknown_for_a_while(void **state)
{
	struct fixture *f = *state;
	struct mt_validation v;
	int64_t began;

	v = judge(f, 0, true); /* no order */
	assert_unknown(&v);
	v = judge(f, 1, false); /* not here */
	assert_unknown(&v);
	serve(f, 'x', 10);
	v = judge(f, 1, true); /* nonsense */
	assert_unknown(&v);
	stop(f);
	serve(f, 'g', 0);
	began = monotonic_usec();
	v = judge(f, 4, true); /* silence */
	assert_unknown(&v);
	assert_true(monotonic_usec() - began <= MT_FETCH_USEC + MT_USEC_PER_SEC / 2);
}

static void
a_judge_that_dies_of_what_was_fetched_is_a_failure(void **state)
{
	struct fixture *f = *state;

	serve(f, 'c', 10);
	assert_int_equal(judge(f, 1, true).state, MT_VALIDATION_FAILED);
}

static void
a_judge_that_dies_before_is_a_failure_too(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};

	start(f, "crash", true, &seen);
	run_until(f, &seen, 1, 8);
	assert_int_equal(seen.validation.state, MT_VALIDATION_FAILED);
}

/* Kills the worker of a role, which must be there: 0 would be everybody. */
static void
kill_worker(struct fixture *f, enum mt_worker_role role)
{
	pid_t pid = mt_jobs_worker_pid(f->jobs, role);

	assert_true(pid > 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
}

static void
await_worker(struct fixture *f, enum mt_worker_role role)
{
	const int64_t end = monotonic_usec() + 10 * MT_USEC_PER_SEC;

	while (mt_jobs_worker_pid(f->jobs, role) == 0 && monotonic_usec() < end)
		run_for(f, 20);
}

static void
a_net_worker_that_dies_leaves_it_unknown(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};
	char leaf[64];

	serve(f, 'g', 0);
	await_worker(f, MT_WORKER_CHAIN);
	await_worker(f, MT_WORKER_NET);
	snprintf(leaf, sizeof(leaf), MT_DOUBLE_FETCH "%u 2", (unsigned int)f->port);
	start(f, leaf, true, &seen);
	run_for(f, 500);
	kill_worker(f, MT_WORKER_NET);
	run_until(f, &seen, 1, 3);
	assert_unknown(&seen.validation);
}

static void
a_chain_worker_that_dies_meanwhile_is_a_failure(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};

	start(f, "hang", true, &seen);
	await_worker(f, MT_WORKER_CHAIN);
	run_for(f, 200);
	kill_worker(f, MT_WORKER_CHAIN);
	run_until(f, &seen, 1, 6);
	assert_int_equal(seen.validation.state, MT_VALIDATION_FAILED);
}

static void
one_that_was_cancelled_never_calls_back(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};
	struct mt_revocation *rev;
	char leaf[64];

	serve(f, 'g', 0);
	snprintf(leaf, sizeof(leaf), MT_DOUBLE_FETCH "%u 4", (unsigned int)f->port);
	rev = start(f, leaf, true, &seen);
	assert_null(mt_revocation_cancel(rev));
	rev = start(f, leaf, true, &seen);
	run_for(f, 800); /* fetching */
	assert_null(mt_revocation_cancel(rev));
	run_for(f, 200);
	assert_int_equal(seen.n_calls, 0);
	assert_null(mt_revocation_cancel(NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_fetched_decides),
		TEST(a_revoked_certificate_is_reported),
		TEST(answers_of_the_largest_size_arrive_whole),
		TEST(more_than_the_total_is_left_out),
		TEST(many_chains_at_once_get_their_own_answers),
		TEST(without_an_answer_revocation_is_unknown_for_a_while),
		TEST(a_judge_that_dies_of_what_was_fetched_is_a_failure),
		TEST(a_judge_that_dies_before_is_a_failure_too),
		TEST(a_net_worker_that_dies_leaves_it_unknown),
		TEST(a_chain_worker_that_dies_meanwhile_is_a_failure),
		TEST(one_that_was_cancelled_never_calls_back),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
