/* SPDX-License-Identifier: MIT */
/* Lookups by the real, sandboxed net worker, from a name server that says what a test wants. */

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

#include "daemon/jobs.h"

#define A 1
#define SOA 6
#define AAAA 28

/* What the name server answers, by the first label of the question. */
struct zone_row {
	const char *label;
	unsigned rcode;
	bool has_a, has_aaaa, aaaa_fails;
	bool is_silent;
};

static const struct zone_row zone[] = {
	{.label = "both", .has_a = true, .has_aaaa = true},
	{.label = "four", .has_a = true},
	{.label = "broken-six", .has_a = true, .aaaa_fails = true},
	{.label = "missing", .rcode = 3},
	{.label = "failing", .rcode = 2},
	{.label = "silent", .is_silent = true},
	{.label = "unsigned", .has_a = true}, /* below a zone that has an anchor */
};

static size_t
append(uint8_t *packet, size_t size, const void *data, size_t n)
{
	memcpy(packet + size, data, n);
	return size + n;
}

/* Appends a record that answers the question's name. */
static size_t
append_record(uint8_t *packet, size_t size, unsigned type, const void *data, size_t n)
{
	const uint8_t head[] = {0xc0, 0x0c, 0, (uint8_t)type, 0, 1, 0, 0, 0, 120, 0, (uint8_t)n};

	size = append(packet, size, head, sizeof(head));
	return append(packet, size, data, n);
}

static const struct zone_row *
find_row(const uint8_t *question)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(zone); i++)
		if (question[0] == strlen(zone[i].label) &&
		    strncasecmp((const char *)question + 1, zone[i].label, question[0]) == 0)
			return &zone[i];
	return NULL;
}

/* Turns a query into its response. Return: size, 0 for silence. */
static size_t
respond(uint8_t *packet, size_t query_size)
{
	static const uint8_t soa[] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0,
				      0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 90};
	const struct zone_row *row = find_row(packet + 12);
	size_t size = 12;
	unsigned type, n_answer = 0;
	unsigned rcode = row ? row->rcode : 0;

	while (size < query_size && packet[size] != 0)
		size += packet[size] + 1u;
	size += 5;
	if (size > query_size || (row && row->is_silent))
		return 0;
	type = packet[size - 3];
	if (row && type == A && row->has_a)
		size = append_record(packet, size, A, "\300\0\2\7", 4), n_answer = 1;
	if (row && type == AAAA && row->has_aaaa)
		size = append_record(packet, size, AAAA, "\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\7",
				     16),
		n_answer = 1;
	if (row && type == AAAA && row->aaaa_fails)
		rcode = 2;
	if (n_answer == 0)
		size = append_record(packet, size, SOA, soa, sizeof(soa));
	packet[2] = 0x81;
	packet[3] = (uint8_t)(0x80 | rcode);
	packet[6] = packet[8] = packet[10] = packet[11] = 0;
	packet[7] = (uint8_t)n_answer;
	packet[9] = n_answer == 0;
	return size;
}

static _Noreturn void
serve(int fd)
{
	for (;;) {
		static uint8_t packet[4096];
		struct sockaddr_in peer;
		socklen_t peer_size = sizeof(peer);
		ssize_t n = recvfrom(fd, packet, 2048, 0, (struct sockaddr *)&peer, &peer_size);
		size_t size = n > 16 ? respond(packet, (size_t)n) : 0;

		if (size > 0)
			(void)!sendto(fd, packet, size, 0, (struct sockaddr *)&peer, peer_size);
	}
}

struct fixture {
	struct event_base *base;
	struct mt_jobs *jobs;
	pid_t server, spawner;
	char forward[64], anchor[64];
	struct mt_addresses seen;
	struct mt_srv_rrset srv;
	struct mt_tlsa_rrset tlsa;
	unsigned n_calls;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sockaddr_in any = {.sin_family = AF_INET};
	struct mt_spawner_options spawner = {.executable = getenv("MT_WORKER_DOUBLE")};
	const struct mt_jobs_options options = {0};
	socklen_t size = sizeof(any);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int control_fd;
	FILE *file;

	assert_non_null(f);
	assert_non_null(spawner.executable);
	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &size), 0);
	f->server = fork();
	if (f->server == 0)
		serve(fd);
	close(fd);

	/* An anchor for one zone: what is below it and unsigned is bogus. */
	snprintf(f->anchor, sizeof(f->anchor), "/tmp/mt-anchor-%d.ds", (int)getpid());
	file = fopen(f->anchor, "w");
	assert_non_null(file);
	fputs("signed.test. IN DS 12345 13 2 "
	      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
	      file);
	fclose(file);
	snprintf(f->forward, sizeof(f->forward), "127.0.0.1@%d", (int)ntohs(any.sin_port));
	spawner.dns_forward[spawner.n_dns_forward++] = f->forward;
	spawner.dns_anchor[spawner.n_dns_anchor++] = f->anchor;
	/* the distribution's root key would call everything else here bogus */
	spawner.dns_negative_anchor[spawner.n_dns_negative_anchor++] = "example";
	f->base = event_base_new();
	assert_int_equal(mt_spawner_start(&spawner, &control_fd, &f->spawner), 0);
	assert_int_equal(mt_jobs_new(f->base, control_fd, &options, &f->jobs), 0);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	mt_jobs_free(f->jobs);
	assert_int_equal(waitpid(f->spawner, NULL, 0), f->spawner);
	assert_true(f->server > 0);
	assert_int_equal(kill(f->server, SIGKILL), 0);
	assert_int_equal(waitpid(f->server, NULL, 0), f->server);
	event_base_free(f->base);
	unlink(f->anchor);
	free(f);
	return 0;
}

static void
on_resolve(const struct mt_addresses *addresses, void *userdata)
{
	struct fixture *f = userdata;

	f->n_calls++;
	f->seen = *addresses;
	event_base_loopbreak(f->base);
}

static void
resolve(struct fixture *f, const char *host)
{
	const struct timeval limit = {.tv_sec = 8};
	struct mt_job *job;

	f->n_calls = 0;
	assert_int_equal(mt_jobs_resolve(f->jobs, host, on_resolve, f, &job), 0);
	event_base_loopexit(f->base, &limit);
	while (f->n_calls == 0 && event_base_loop(f->base, EVLOOP_ONCE) == 0 &&
	       !event_base_got_exit(f->base))
		;
	assert_int_equal(f->n_calls, 1);
}

static void
both_families_are_found_ipv6_first(void **state)
{
	struct fixture *f = *state;

	resolve(f, "both.example");
	assert_int_equal(f->seen.state, MT_ADDRESSES_FOUND);
	assert_int_equal(f->seen.n, 2);
	assert_string_equal(f->seen.address[0], "2001:db8::7");
	assert_string_equal(f->seen.address[1], "192.0.2.7");
	assert_int_equal(f->seen.dnssec, MT_DNSSEC_INSECURE);
	assert_in_range(f->seen.ttl_sec, 1, 120);
}

static void
a_name_with_one_family_is_found(void **state)
{
	struct fixture *f = *state;

	resolve(f, "four.example");
	assert_int_equal(f->seen.state, MT_ADDRESSES_FOUND);
	assert_int_equal(f->seen.n, 1);
	assert_string_equal(f->seen.address[0], "192.0.2.7");
	assert_in_range(f->seen.ttl_sec, 1, 90);
}

static void
a_failing_family_does_not_spoil_the_other(void **state)
{
	struct fixture *f = *state;

	resolve(f, "broken-six.example");
	assert_int_equal(f->seen.state, MT_ADDRESSES_FOUND);
	assert_int_equal(f->seen.n, 1);
	assert_int_equal(f->seen.dnssec, MT_DNSSEC_INSECURE);
}

static void
a_name_that_does_not_exist_has_no_addresses(void **state)
{
	struct fixture *f = *state;

	resolve(f, "missing.example");
	assert_int_equal(f->seen.state, MT_ADDRESSES_NONE);
	assert_int_equal(f->seen.dnssec, MT_DNSSEC_INSECURE);
	assert_int_equal(f->seen.n, 0);
}

static void
servfail_is_undetermined_never_insecure(void **state)
{
	struct fixture *f = *state;

	resolve(f, "failing.example");
	assert_int_equal(f->seen.dnssec, MT_DNSSEC_UNDETERMINED);
	assert_int_equal(f->seen.n, 0);
	assert_int_not_equal(f->seen.state, MT_ADDRESSES_NONE);
	assert_int_equal(f->seen.ttl_sec, 0);
}

static void
a_bogus_answer_yields_no_address(void **state)
{
	struct fixture *f = *state;

	resolve(f, "unsigned.signed.test");
	assert_int_equal(f->seen.dnssec, MT_DNSSEC_BOGUS);
	assert_int_equal(f->seen.state, MT_ADDRESSES_SERVFAIL);
	assert_int_equal(f->seen.n, 0);
}

static void
a_silent_server_is_a_timeout_after_four_seconds(void **state)
{
	struct fixture *f = *state;
	const time_t began = time(NULL);

	resolve(f, "silent.example");
	assert_int_equal(f->seen.state, MT_ADDRESSES_TIMEOUT);
	assert_int_equal(f->seen.dnssec, MT_DNSSEC_UNDETERMINED);
	assert_in_range(time(NULL) - began, 3, 5);
	/* and the worker is still there for others */
	resolve(f, "four.example");
	assert_int_equal(f->seen.state, MT_ADDRESSES_FOUND);
}

static void
on_srv(const struct mt_srv_rrset *rrset, void *userdata)
{
	struct fixture *f = userdata;

	f->n_calls++;
	f->srv = *rrset;
	event_base_loopbreak(f->base);
}

static void
on_tlsa(const struct mt_tlsa_rrset *rrset, void *userdata)
{
	struct fixture *f = userdata;

	f->n_calls++;
	f->tlsa = *rrset;
	event_base_loopbreak(f->base);
}

static void
run(struct fixture *f)
{
	const struct timeval limit = {.tv_sec = 8};

	f->n_calls = 0;
	event_base_loopexit(f->base, &limit);
	while (f->n_calls == 0 && event_base_loop(f->base, EVLOOP_ONCE) == 0 &&
	       !event_base_got_exit(f->base))
		;
	assert_int_equal(f->n_calls, 1);
}

static void
an_srv_that_is_not_there_is_absent_and_insecure(void **state)
{
	struct fixture *f = *state;
	struct mt_job *job;

	assert_int_equal(mt_jobs_srv(f->jobs, "four.example", on_srv, f, &job), 0);
	run(f);
	assert_int_equal(f->srv.rrset.state, MT_RRSET_ABSENT);
	assert_int_equal(f->srv.rrset.dnssec, MT_DNSSEC_INSECURE);
	assert_in_range(f->srv.rrset.ttl_sec, 1, 90);
}

static void
an_srv_question_that_fails_is_servfail_and_undetermined(void **state)
{
	struct fixture *f = *state;
	struct mt_job *job;

	assert_int_equal(mt_jobs_srv(f->jobs, "failing.example", on_srv, f, &job), 0);
	run(f);
	assert_int_equal(f->srv.rrset.state, MT_RRSET_SERVFAIL);
	assert_int_equal(f->srv.rrset.dnssec, MT_DNSSEC_UNDETERMINED);
	assert_int_equal(f->srv.rrset.ttl_sec, 0);
}

/* D-SRV-14, S-12: who asked nobody has not seen a forgery. */
static void
what_a_worker_cannot_ask_is_failed_and_never_bogus(void **state)
{
	struct fixture *f = *state;
	struct mt_job *job;

	assert_int_equal(mt_jobs_srv(f->jobs, "Not Normal.", on_srv, f, &job), 0);
	run(f);
	assert_int_equal(f->srv.rrset.state, MT_RRSET_FAILED);
	assert_int_equal(f->srv.rrset.dnssec, MT_DNSSEC_UNDETERMINED);
	assert_int_equal(mt_jobs_tlsa(f->jobs, "Not Normal.", 993, on_tlsa, f, &job), 0);
	run(f);
	assert_int_equal(f->tlsa.rrset.state, MT_RRSET_FAILED);
	assert_int_equal(f->tlsa.rrset.dnssec, MT_DNSSEC_UNDETERMINED);
	assert_int_equal(f->tlsa.address, MT_DNSSEC_UNDETERMINED);
}

static void
check_tlsa(struct fixture *f, const char *host, enum mt_tlsa_status status)
{
	struct mt_job *job;

	assert_int_equal(mt_jobs_tlsa(f->jobs, host, 993, on_tlsa, f, &job), 0);
	run(f);
	assert_int_equal(mt_tlsa_rrset_status(&f->tlsa), status);
	assert_int_equal(f->tlsa.n, 0);
}

static void
an_insecure_address_ends_the_question_for_tlsa(void **state)
{
	struct fixture *f = *state;

	check_tlsa(f, "four.example", MT_TLSA_INSECURE);
	assert_in_range(f->tlsa.rrset.ttl_sec, 1, 120);
	/* TLSA of this one would be answered by silence: it was not asked */
	check_tlsa(f, "broken-six.example", MT_TLSA_INSECURE);
}

static void
a_failing_address_leaves_tlsa_undetermined(void **state)
{
	check_tlsa(*state, "failing.example", MT_TLSA_UNDETERMINED);
}

static void
a_bogus_address_makes_tlsa_bogus(void **state)
{
	check_tlsa(*state, "unsigned.signed.test", MT_TLSA_BOGUS);
}

static void
a_name_too_long_for_a_prefix_has_no_tlsa(void **state)
{
	char host[MT_DOMAIN_SIZE];

	memset(host, 'a', 250);
	host[250] = '\0';
	for (size_t i = 60; i <= 240; i += 60)
		host[i] = '.';
	check_tlsa(*state, host, MT_TLSA_INSECURE);
}

/* The worker holds no more tasks than the keeper may send: had it kept those cancelled, the next
 * question would fail. */
static void
cancelled_questions_make_room_at_once(void **state)
{
	struct fixture *f = *state;
	struct mt_job *jobs[MT_JOBS_MAX];

	resolve(f, "both.example"); /* the worker is up */
	for (size_t i = 0; i < MT_JOBS_MAX; i++)
		assert_int_equal(mt_jobs_tlsa(f->jobs, "silent.example", 993, on_tlsa, f, &jobs[i]),
				 0);
	for (size_t i = 0; i < MT_JOBS_MAX; i++)
		mt_job_cancel(jobs[i]);
	resolve(f, "four.example");
	assert_int_equal(f->seen.state, MT_ADDRESSES_FOUND);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(both_families_are_found_ipv6_first),
		CASE(a_name_with_one_family_is_found),
		CASE(a_failing_family_does_not_spoil_the_other),
		CASE(a_name_that_does_not_exist_has_no_addresses),
		CASE(servfail_is_undetermined_never_insecure),
		CASE(a_bogus_answer_yields_no_address),
		CASE(a_silent_server_is_a_timeout_after_four_seconds),
		CASE(an_srv_that_is_not_there_is_absent_and_insecure),
		CASE(an_srv_question_that_fails_is_servfail_and_undetermined),
		CASE(what_a_worker_cannot_ask_is_failed_and_never_bogus),
		CASE(an_insecure_address_ends_the_question_for_tlsa),
		CASE(a_failing_address_leaves_tlsa_undetermined),
		CASE(a_bogus_address_makes_tlsa_bogus),
		CASE(a_name_too_long_for_a_prefix_has_no_tlsa),
		CASE(cancelled_questions_make_room_at_once),
	};

	return cmocka_run_group_tests_name("resolve", tests, NULL, NULL);
}
