/* SPDX-License-Identifier: MIT */
/* Requests to real worker processes: answers, deaths, silence, succession. */

#include "tests/cmocka-all.h"

#include <errno.h>
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

#include "daemon/jobs.h"
#include "tests/unit/worker-double.h"

struct fixture {
	struct event_base *base;
	struct mt_jobs *jobs;
	pid_t spawner;
	char anchors[32]; /* the double's trust store */
	unsigned n_ready[MT_WORKER_ROLE_COUNT];
	unsigned n_kept; /* the old generation stayed */
	char last_state[128];
};

/* What a callback saw. */
struct seen {
	unsigned n_calls;
	struct mt_validation validation;
	struct mt_addresses addresses;
	enum mt_probe_state probe;
};

static double
now_sec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
on_state(void *userdata, enum mt_worker_role role, bool ready, const char *what)
{
	struct fixture *f = userdata;

	if (strcmp(what, "ready") == 0)
		f->n_ready[role]++;
	if (strstr(what, "the old ones stay"))
		f->n_kept++;
	snprintf(f->last_state, sizeof(f->last_state), "%s", what);
}

static void
on_chain(const struct mt_validation *validation, void *userdata)
{
	struct seen *seen = userdata;

	seen->n_calls++;
	seen->validation = *validation;
}

static void
on_resolve(const struct mt_addresses *addresses, void *userdata)
{
	struct seen *seen = userdata;

	seen->n_calls++;
	seen->addresses = *addresses;
}

static void
on_probe(struct mt_probe_result *result, void *userdata)
{
	struct seen *seen = userdata;

	seen->n_calls++;
	seen->probe = result->state;
}

/* Runs the loop until *counter reaches n. */
static void
run_until(struct fixture *f, const unsigned *counter, unsigned n, double limit_sec)
{
	const struct timeval tick = {.tv_usec = 20000};
	const double end = now_sec() + limit_sec;

	while (*counter < n && now_sec() < end) {
		event_base_loopexit(f->base, &tick);
		event_base_dispatch(f->base);
	}
	if (*counter < n)
		fail_msg("nothing happened in %.1f s; last: %s", limit_sec, f->last_state);
}

static void
run_for(struct fixture *f, long msec)
{
	const struct timeval time = {.tv_sec = msec / 1000, .tv_usec = msec % 1000 * 1000};

	event_base_loopexit(f->base, &time);
	event_base_dispatch(f->base);
}

static void
write_anchors(struct fixture *f, char generation)
{
	FILE *file = fopen(f->anchors, "w");

	assert_non_null(file);
	assert_int_equal(fputc(generation, file), generation);
	assert_int_equal(fclose(file), 0);
}

static void
start(struct fixture *f, struct mt_jobs_options options)
{
	const struct mt_spawner_options spawner = {.executable = getenv("MT_WORKER_DOUBLE"),
						   .trust_anchors = f->anchors};
	int control_fd;

	assert_non_null(spawner.executable);
	assert_int_equal(mt_spawner_start(&spawner, &control_fd, &f->spawner), 0);
	options.on_state = on_state;
	options.userdata = f;
	assert_int_equal(mt_jobs_new(f->base, control_fd, &options, &f->jobs), 0);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->base = event_base_new();
	assert_non_null(f->base);
	snprintf(f->anchors, sizeof(f->anchors), "/tmp/mt-anchors-%d", (int)getpid());
	write_anchors(f, 7);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	mt_jobs_free(f->jobs);
	if (f->spawner > 0) /* it leaves by itself: its keeper closed the socket */
		assert_int_equal(waitpid(f->spawner, NULL, 0), f->spawner);
	event_base_free(f->base);
	unlink(f->anchors);
	free(f);
	return 0;
}

static struct mt_chain_request
order(const char *text, int64_t at_usec)
{
	struct mt_chain_request request = {.n_chain = 1, .at_usec = at_usec};

	request.chain[0].data = (const uint8_t *)text;
	request.chain[0].size = strlen(text);
	return request;
}

static struct mt_job *
ask(struct fixture *f, const char *text, int64_t at_usec, struct seen *seen)
{
	const struct mt_chain_request request = order(text, at_usec);
	struct mt_job *job = NULL;

	assert_int_equal(mt_jobs_chain(f->jobs, &request, on_chain, seen, &job), 0);
	assert_non_null(job);
	assert_int_equal(seen->n_calls, 0); /* never from inside start */
	return job;
}

static void
a_chain_is_answered_exactly_once(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};

	start(f, (struct mt_jobs_options){.chain_only = true});
	ask(f, "good", 4711, &seen);
	run_until(f, &seen.n_calls, 1, 5);
	assert_int_equal(seen.validation.state, MT_VALIDATION_DONE);
	assert_int_equal(seen.validation.not_after_usec, 4711);
	run_for(f, 50);
	assert_int_equal(seen.n_calls, 1);
}

static void
answers_reach_the_request_they_belong_to(void **state)
{
	struct fixture *f = *state;
	enum { N = 40 }; /* more than there are children */
	static struct seen seen[N];

	memset(seen, 0, sizeof(seen));
	start(f, (struct mt_jobs_options){.chain_only = true});
	for (unsigned i = 0; i < N; i++)
		ask(f, "good", 1000 + i, &seen[i]);
	for (unsigned i = 0; i < N; i++) {
		run_until(f, &seen[i].n_calls, 1, 5);
		assert_int_equal(seen[i].validation.state, MT_VALIDATION_DONE);
		assert_int_equal(seen[i].validation.not_after_usec, 1000 + i);
	}
}

static void
a_child_that_fails_fails_its_own_request_only(void **state)
{
	static const char *const orders[] = {"crash", "exec", "read-parent", "silent", "garbage"};
	struct fixture *f = *state;

	start(f, (struct mt_jobs_options){.chain_only = true});
	for (size_t i = 0; i < MT_ARRAY_SIZE(orders); i++) {
		struct seen bad = {0};
		struct seen good = {0};

		ask(f, orders[i], 1, &bad);
		ask(f, "good", 2, &good);
		run_until(f, &bad.n_calls, 1, 5);
		run_until(f, &good.n_calls, 1, 5);
		assert_int_equal(bad.validation.state, MT_VALIDATION_FAILED);
		assert_int_equal(good.validation.state, MT_VALIDATION_DONE);
	}
	assert_int_equal(f->n_ready[MT_WORKER_CHAIN], 1); /* the worker itself lived on */
}

static void
a_child_cannot_answer_for_another_request(void **state)
{
	struct fixture *f = *state;
	struct seen victim = {0};
	struct seen forger = {0};

	start(f, (struct mt_jobs_options){.chain_only = true});
	run_until(f, &f->n_ready[MT_WORKER_CHAIN], 1, 5);
	ask(f, "hang", 0, &victim);  /* job 1 */
	ask(f, "forge", 1, &forger); /* claims to answer job 1 */
	run_until(f, &forger.n_calls, 1, 5);
	assert_int_equal(victim.n_calls, 0);
	assert_true(forger.validation.pkix_valid); /* it could lie about its own chain */
}

static void
a_child_can_open_connect_signal_and_fork_nothing(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};
	uint32_t worked;

	start(f, (struct mt_jobs_options){.chain_only = true});
	ask(f, "everything", 1, &seen);
	run_until(f, &seen.n_calls, 1, 5);
	assert_int_equal(seen.validation.state, MT_VALIDATION_DONE);
	worked = seen.validation.dane_usable;
#ifdef __SANITIZE_ADDRESS__
	worked &= ~MT_DOUBLE_EXECUTABLE; /* the instrumented filter allows mmap() whole */
#endif
	assert_int_equal(worked, 0);
}

static void
a_chain_that_takes_too_long_fails_and_the_worker_lives(void **state)
{
	struct fixture *f = *state;
	struct seen hung = {0};
	struct seen good = {0};
	double began;

	start(f, (struct mt_jobs_options){.chain_only = true});
	run_until(f, &f->n_ready[MT_WORKER_CHAIN], 1, 5);
	began = now_sec();
	ask(f, "hang", 1, &hung);
	run_until(f, &hung.n_calls, 1, 6);
	assert_int_equal(hung.validation.state, MT_VALIDATION_FAILED);
	/* by the worker's own deadline, before the keeper's */
	assert_true(now_sec() - began < (double)(MT_WORKER_JOB_USEC + MT_WORKER_GRACE_USEC) / 1e6);
	ask(f, "good", 2, &good);
	run_until(f, &good.n_calls, 1, 5);
	assert_int_equal(good.validation.state, MT_VALIDATION_DONE);
	assert_int_equal(f->n_ready[MT_WORKER_CHAIN], 1);
}

static void
a_killed_worker_fails_what_it_had_and_the_next_request_works(void **state)
{
	struct fixture *f = *state;
	struct seen hung = {0};
	struct seen good = {0};
	pid_t first;

	start(f, (struct mt_jobs_options){.chain_only = true});
	run_until(f, &f->n_ready[MT_WORKER_CHAIN], 1, 5);
	first = mt_jobs_worker_pid(f->jobs, MT_WORKER_CHAIN);
	assert_true(first > 0);
	assert_true(mt_jobs_ready(f->jobs));
	ask(f, "hang", 1, &hung);
	run_for(f, 50);
	assert_int_equal(kill(first, SIGKILL), 0);
	run_until(f, &hung.n_calls, 1, 2); /* at once, not at its deadline */
	assert_int_equal(hung.validation.state, MT_VALIDATION_FAILED);

	ask(f, "good", 2, &good); /* waits for the successor, or finds it */
	run_until(f, &good.n_calls, 1, 5);
	assert_int_equal(good.validation.state, MT_VALIDATION_DONE);
	assert_int_not_equal(mt_jobs_worker_pid(f->jobs, MT_WORKER_CHAIN), first);
	assert_int_equal(hung.n_calls, 1);
}

static void
children_of_a_killed_worker_die_with_it(void **state)
{
	struct fixture *f = *state;
	struct seen hung = {0};
	char path[64];
	char children[64] = "";
	FILE *file;
	pid_t worker, child;

	start(f, (struct mt_jobs_options){.chain_only = true});
	run_until(f, &f->n_ready[MT_WORKER_CHAIN], 1, 5);
	worker = mt_jobs_worker_pid(f->jobs, MT_WORKER_CHAIN);
	ask(f, "hang", 1, &hung);
	run_for(f, 100);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)worker, (int)worker);
	file = fopen(path, "r");
	if (!file) /* kernel without CONFIG_PROC_CHILDREN */
		skip();
	assert_non_null(fgets(children, sizeof(children), file));
	fclose(file);
	child = (pid_t)strtol(children, NULL, 10);
	assert_true(child > 0);

	assert_int_equal(kill(worker, SIGKILL), 0);
	run_until(f, &hung.n_calls, 1, 2);
	for (unsigned i = 0; i < 100 && kill(child, 0) == 0; i++)
		run_for(f, 20);
	assert_int_equal(kill(child, 0), -1);
}

static void
a_killed_child_fails_its_request(void **state)
{
	struct fixture *f = *state;
	struct seen hung = {0};
	char path[64];
	char children[64] = "";
	FILE *file;
	pid_t worker, child;

	start(f, (struct mt_jobs_options){.chain_only = true});
	run_until(f, &f->n_ready[MT_WORKER_CHAIN], 1, 5);
	worker = mt_jobs_worker_pid(f->jobs, MT_WORKER_CHAIN);
	ask(f, "hang", 1, &hung);
	run_for(f, 100);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)worker, (int)worker);
	file = fopen(path, "r");
	if (!file)
		skip();
	assert_non_null(fgets(children, sizeof(children), file));
	fclose(file);
	child = (pid_t)strtol(children, NULL, 10);
	assert_true(child > 0);
	assert_int_equal(kill(child, SIGKILL), 0);
	run_until(f, &hung.n_calls, 1, 2);
	assert_int_equal(hung.validation.state, MT_VALIDATION_FAILED);
	assert_int_equal(mt_jobs_worker_pid(f->jobs, MT_WORKER_CHAIN), worker);
}

static void
a_worker_that_is_stuck_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct seen stuck = {0};
	struct seen good = {0};
	pid_t first;

	start(f, (struct mt_jobs_options){.chain_only = true, .chain_usec = 300000});
	run_until(f, &f->n_ready[MT_WORKER_CHAIN], 1, 5);
	first = mt_jobs_worker_pid(f->jobs, MT_WORKER_CHAIN);
	assert_int_equal(kill(first, SIGSTOP), 0);
	ask(f, "good", 1, &stuck);
	run_until(f, &stuck.n_calls, 1, 2);
	assert_int_equal(stuck.validation.state, MT_VALIDATION_FAILED);
	run_until(f, &f->n_ready[MT_WORKER_CHAIN], 2, 5);
	ask(f, "good", 2, &good);
	run_until(f, &good.n_calls, 1, 2);
	assert_int_equal(good.validation.state, MT_VALIDATION_DONE);
	for (unsigned i = 0; i < 100 && kill(first, 0) == 0; i++)
		run_for(f, 20);
	assert_int_equal(kill(first, 0), -1); /* and does not linger */
}

/* D-SYS-10: more than the worker has children and places to wait. */
static void
what_is_cancelled_keeps_nobody_waiting(void **state)
{
	struct fixture *f = *state;
	struct seen cancelled = {0}, good = {0};
	struct mt_job *jobs[64];
	double began;

	start(f, (struct mt_jobs_options){.chain_only = true});
	run_until(f, &f->n_ready[MT_WORKER_CHAIN], 1, 5);
	for (unsigned round = 0; round < 8; round++) {
		for (size_t i = 0; i < MT_ARRAY_SIZE(jobs); i++)
			jobs[i] = ask(f, "hang", 1, &cancelled);
		run_for(f, 20); /* as far as there is room for it they are sent */
		for (size_t i = 0; i < MT_ARRAY_SIZE(jobs); i++)
			mt_job_cancel(jobs[i]);
	}
	began = now_sec();
	ask(f, "good", 2, &good);
	run_until(f, &good.n_calls, 1, 5);
	assert_int_equal(good.validation.state, MT_VALIDATION_DONE);
	assert_true(now_sec() - began < 2); /* a chain that hangs has 4 s */
	assert_int_equal(cancelled.n_calls, 0);
}

static void
a_cancelled_job_calls_nobody(void **state)
{
	struct fixture *f = *state;
	struct seen cancelled = {0};
	struct seen waiting = {0};
	struct seen good = {0};

	start(f, (struct mt_jobs_options){.chain_only = true});
	mt_job_cancel(ask(f, "good", 0, &waiting)); /* not sent yet */
	run_until(f, &f->n_ready[MT_WORKER_CHAIN], 1, 5);
	mt_job_cancel(ask(f, "good", 1, &cancelled)); /* sent */
	ask(f, "good", 2, &good);
	run_until(f, &good.n_calls, 1, 5);
	run_for(f, 100);
	assert_int_equal(cancelled.n_calls, 0);
	assert_int_equal(waiting.n_calls, 0);
	assert_int_equal(f->n_ready[MT_WORKER_CHAIN], 1); /* a late answer is no protocol error */
}

static void
a_request_nobody_can_serve_fails_in_the_next_round(void **state)
{
	static uint8_t big[MT_CHAIN_BYTES_MAX + 1];
	struct fixture *f = *state;
	struct mt_chain_request request = {.n_chain = 1};
	struct seen large = {.validation.state = MT_VALIDATION_DONE};
	struct seen net = {.addresses.state = MT_ADDRESSES_FOUND};
	struct mt_job *job;

	start(f, (struct mt_jobs_options){.chain_only = true});
	request.chain[0] = (struct mt_bytes){.data = big, .size = sizeof(big)};
	assert_int_equal(mt_jobs_chain(f->jobs, &request, on_chain, &large, &job), 0);
	assert_int_equal(mt_jobs_resolve(f->jobs, "localhost", on_resolve, &net, &job), 0);
	assert_int_equal(large.n_calls + net.n_calls, 0);
	run_until(f, &large.n_calls, 1, 1);
	run_until(f, &net.n_calls, 1, 1);
	assert_int_equal(large.validation.state, MT_VALIDATION_FAILED);
	assert_int_equal(net.addresses.state, MT_ADDRESSES_FAILED);
}

static void
more_jobs_than_the_bound_fail_and_the_others_are_served(void **state)
{
	static struct seen seen[MT_JOBS_MAX + 1];
	struct fixture *f = *state;

	memset(seen, 0, sizeof(seen));
	start(f, (struct mt_jobs_options){.chain_only = true, .chain_usec = 60 * 1000000});
	for (size_t i = 0; i <= MT_JOBS_MAX; i++)
		ask(f, "good", (int64_t)i, &seen[i]);
	run_until(f, &seen[MT_JOBS_MAX].n_calls, 1, 1);
	assert_int_equal(seen[MT_JOBS_MAX].validation.state, MT_VALIDATION_FAILED);
	run_until(f, &seen[MT_JOBS_MAX - 1].n_calls, 1, 30);
	assert_int_equal(seen[MT_JOBS_MAX - 1].validation.state, MT_VALIDATION_DONE);
}

static void
a_reload_changes_the_generation_without_losing_a_request(void **state)
{
	struct fixture *f = *state;
	struct seen hung = {0};
	struct seen good = {0};
	pid_t first;

	start(f, (struct mt_jobs_options){.chain_only = true});
	assert_null(mt_jobs_generation(f->jobs, NULL));
	run_until(f, &f->n_ready[MT_WORKER_CHAIN], 1, 5);
	first = mt_jobs_worker_pid(f->jobs, MT_WORKER_CHAIN);
	assert_int_equal(mt_jobs_generation(f->jobs, NULL)[0], 7);

	ask(f, "hang", 1, &hung); /* the old worker still owes this one */
	write_anchors(f, 9);
	assert_int_equal(mt_jobs_reload(f->jobs), 0);
	run_until(f, &f->n_ready[MT_WORKER_CHAIN], 2, 5);
	assert_int_equal(mt_jobs_generation(f->jobs, NULL)[0], 9);
	assert_int_not_equal(mt_jobs_worker_pid(f->jobs, MT_WORKER_CHAIN), first);
	ask(f, "good", 2, &good);
	run_until(f, &good.n_calls, 1, 5);
	assert_int_equal(good.validation.leaf_sha256[0], 9);

	assert_int_equal(hung.n_calls, 0); /* drained, not dropped */
	assert_int_equal(kill(first, 0), 0);
	run_until(f, &hung.n_calls, 1, 6);
	for (unsigned i = 0; i < 100 && kill(first, 0) == 0; i++)
		run_for(f, 20);
	assert_int_equal(kill(first, 0), -1); /* and then it leaves */
}

static void
an_unreadable_trust_store_leaves_the_old_generation_in_place(void **state)
{
	struct fixture *f = *state;
	struct seen good = {0};
	pid_t first;

	start(f, (struct mt_jobs_options){.chain_only = true});
	run_until(f, &f->n_ready[MT_WORKER_CHAIN], 1, 5);
	first = mt_jobs_worker_pid(f->jobs, MT_WORKER_CHAIN);
	unlink(f->anchors);
	assert_int_equal(mt_jobs_reload(f->jobs), 0);
	run_until(f, &f->n_kept, 1, 5);
	assert_int_equal(mt_jobs_worker_pid(f->jobs, MT_WORKER_CHAIN), first);
	assert_int_equal(mt_jobs_generation(f->jobs, NULL)[0], 7);
	assert_true(mt_jobs_ready(f->jobs));
	ask(f, "good", 2, &good);
	run_until(f, &good.n_calls, 1, 5);
	assert_int_equal(good.validation.leaf_sha256[0], 7);
}

static void
anchors_unreadable_for_too_long_are_no_anchors(void **state)
{
	struct fixture *f = *state;

	start(f, (struct mt_jobs_options){.chain_only = true, .old_anchors_usec = 200000});
	run_until(f, &f->n_ready[MT_WORKER_CHAIN], 1, 5);
	unlink(f->anchors);
	assert_int_equal(mt_jobs_reload(f->jobs), 0);
	run_until(f, &f->n_kept, 1, 5);
	assert_true(mt_jobs_usable(f->jobs));
	assert_true(mt_jobs_anchors_are_old(f->jobs));
	run_for(f, 300);
	assert_false(mt_jobs_usable(f->jobs));
	assert_false(mt_jobs_ready(f->jobs));

	write_anchors(f, 9);
	assert_int_equal(mt_jobs_reload(f->jobs), 0);
	run_until(f, &f->n_ready[MT_WORKER_CHAIN], 2, 5);
	assert_true(mt_jobs_ready(f->jobs));
	assert_false(mt_jobs_anchors_are_old(f->jobs));
}

static void
without_a_trust_store_the_validator_is_not_ready(void **state)
{
	struct fixture *f = *state;

	unlink(f->anchors);
	start(f, (struct mt_jobs_options){.chain_only = true});
	run_until(f, &f->n_ready[MT_WORKER_CHAIN], 1, 5);
	assert_false(mt_jobs_ready(f->jobs));
}

static void
a_lost_spawner_leaves_the_keeper_running_and_refusing(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};

	start(f, (struct mt_jobs_options){.chain_only = true, .chain_usec = 200000});
	run_until(f, &f->n_ready[MT_WORKER_CHAIN], 1, 5);
	assert_int_equal(kill(f->spawner, SIGKILL), 0); /* its workers die with it */
	for (unsigned i = 0; i < 100 && mt_jobs_ready(f->jobs); i++)
		run_for(f, 20);
	assert_false(mt_jobs_ready(f->jobs));
	ask(f, "good", 1, &seen);
	run_until(f, &seen.n_calls, 1, 2);
	assert_int_equal(seen.validation.state, MT_VALIDATION_FAILED);
	assert_int_equal(mt_jobs_reload(f->jobs), -ENOTCONN);
}

static void
a_worker_that_never_starts_fails_requests_at_their_deadline(void **state)
{
	struct fixture *f = *state;
	const struct mt_spawner_options spawner = {.executable = "/nonexistent/worker"};
	struct mt_jobs_options options = {
		.chain_only = true, .chain_usec = 200000, .on_state = on_state, .userdata = f};
	struct seen seen = {0};
	int control_fd;

	assert_int_equal(mt_spawner_start(&spawner, &control_fd, &f->spawner), 0);
	assert_int_equal(mt_jobs_new(f->base, control_fd, &options, &f->jobs), 0);
	ask(f, "good", 1, &seen);
	run_until(f, &seen.n_calls, 1, 2);
	assert_int_equal(seen.validation.state, MT_VALIDATION_FAILED);
	assert_false(mt_jobs_ready(f->jobs));
}

static void
localhost_resolves_without_a_question(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};
	struct mt_job *job;

	start(f, (struct mt_jobs_options){0});
	assert_int_equal(mt_jobs_resolve(f->jobs, "localhost", on_resolve, &seen, &job), 0);
	run_until(f, &seen.n_calls, 1, 5);
	assert_int_equal(seen.addresses.state, MT_ADDRESSES_FOUND);
	assert_int_equal(seen.addresses.n, 2);
	assert_string_equal(seen.addresses.address[0], "::1");
	assert_string_equal(seen.addresses.address[1], "127.0.0.1");
	assert_int_equal(seen.addresses.dnssec, MT_DNSSEC_INSECURE);
}

static void
a_literal_resolves_to_itself(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};
	struct mt_job *job;

	start(f, (struct mt_jobs_options){0});
	assert_int_equal(mt_jobs_resolve(f->jobs, "192.0.2.7", on_resolve, &seen, &job), 0);
	run_until(f, &seen.n_calls, 1, 5);
	assert_int_equal(seen.addresses.n, 1);
	assert_string_equal(seen.addresses.address[0], "192.0.2.7");
}

static void
a_killed_net_worker_fails_what_it_had_and_the_next_request_works(void **state)
{
	struct fixture *f = *state;
	struct mt_probe_request request = {.host = "localhost",
					   .n_addresses = 1,
					   .address = {"127.0.0.1"},
					   .proto = MT_PROTO_IMAP,
					   .transport = MT_TRANSPORT_STARTTLS,
					   .deadline_msec = 5000};
	struct sockaddr_in any = {.sin_family = AF_INET};
	struct seen probe = {.probe = MT_PROBE_DONE};
	struct seen good = {0};
	socklen_t size = sizeof(any);
	struct mt_job *job;
	int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* never accepts */

	assert_true(silent >= 0);
	assert_int_equal(bind(silent, (struct sockaddr *)&any, size), 0);
	assert_int_equal(listen(silent, 4), 0);
	assert_int_equal(getsockname(silent, (struct sockaddr *)&any, &size), 0);
	request.port = ntohs(any.sin_port);

	start(f, (struct mt_jobs_options){0});
	run_until(f, &f->n_ready[MT_WORKER_NET], 1, 5);
	assert_int_equal(mt_jobs_probe(f->jobs, &request, on_probe, &probe, &job), 0);
	run_for(f, 100);
	assert_int_equal(kill(mt_jobs_worker_pid(f->jobs, MT_WORKER_NET), SIGKILL), 0);
	run_until(f, &probe.n_calls, 1, 2);
	assert_int_equal(probe.probe, MT_PROBE_FAILED);
	assert_int_equal(mt_jobs_resolve(f->jobs, "localhost", on_resolve, &good, &job), 0);
	run_until(f, &good.n_calls, 1, 5);
	assert_int_equal(good.addresses.state, MT_ADDRESSES_FOUND);
	close(silent);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(a_chain_is_answered_exactly_once),
		CASE(answers_reach_the_request_they_belong_to),
		CASE(a_child_that_fails_fails_its_own_request_only),
		CASE(a_child_cannot_answer_for_another_request),
		CASE(a_child_can_open_connect_signal_and_fork_nothing),
		CASE(a_chain_that_takes_too_long_fails_and_the_worker_lives),
		CASE(a_killed_worker_fails_what_it_had_and_the_next_request_works),
		CASE(children_of_a_killed_worker_die_with_it),
		CASE(a_killed_child_fails_its_request),
		CASE(a_worker_that_is_stuck_is_replaced),
		CASE(a_cancelled_job_calls_nobody),
		CASE(what_is_cancelled_keeps_nobody_waiting),
		CASE(a_request_nobody_can_serve_fails_in_the_next_round),
		CASE(more_jobs_than_the_bound_fail_and_the_others_are_served),
		CASE(a_reload_changes_the_generation_without_losing_a_request),
		CASE(anchors_unreadable_for_too_long_are_no_anchors),
		CASE(an_unreadable_trust_store_leaves_the_old_generation_in_place),
		CASE(without_a_trust_store_the_validator_is_not_ready),
		CASE(a_lost_spawner_leaves_the_keeper_running_and_refusing),
		CASE(a_worker_that_never_starts_fails_requests_at_their_deadline),
		CASE(localhost_resolves_without_a_question),
		CASE(a_literal_resolves_to_itself),
		CASE(a_killed_net_worker_fails_what_it_had_and_the_next_request_works),
	};

	return cmocka_run_group_tests_name("jobs", tests, NULL, NULL);
}
