/* SPDX-License-Identifier: MIT */
/* The watcher over a real store, with a clock and a DNS of the test's own. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/cmocka-all.h"

#include <event2/event.h>

#include "daemon/log.h"
#include "daemon/srv-cache.h"
#include "daemon/watch-private.h"
#include "policy/schedule.h"
#include "tests/unit/answers.h"
#include "tests/unit/scratch.h"

#define DOMAIN ANSWERS_DOMAIN
#define HOST "imap." DOMAIN
#define MINUTE (60 * MT_USEC_PER_SEC)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define TOLD_MAX 256

/* What was told, to whom. */
struct told {
	uint32_t uid;
	unsigned int signals, row;
	enum mt_change_class class;
	char upgrade[MT_DOMAIN_SIZE + 32];
	int64_t at_usec;
};

struct world {
	char directory[SCRATCH_PATH];
	struct event_base *base;
	struct mt_store *store;
	struct mt_accounts *accounts;
	struct mt_watch *watch;
	struct mt_clock clock;
	int64_t now_usec, began_usec;
	const char *dns;          /* what it says, as answers_parse() */
	enum mt_discovery source; /* of new accounts; 0: typed by hand */
	bool probe_confirms;      /* reaches confidentiality */
	struct told told[TOLD_MAX];
	size_t n_told;
	int64_t asked_usec[4096]; /* when DNS was asked */
	size_t n_asked, n_probed;
	struct event *round; /* somebody else who waits */
	unsigned int n_rounds;
	unsigned int n_answers; /* callbacks of forced looks */
	struct mt_finding found;
	bool is_nobody_there;
	unsigned int n_refused; /* probes that are not started, from now on */
};

/* A question or a probe under way. */
struct mt_discovery_job {
	struct world *world;
	struct event *event;
	mt_discoveries_fn callback;
	void *userdata;
};
struct mt_probe_run {
	struct world *world;
	struct event *event;
	mt_probes_fn callback;
	void *userdata;
};

static int64_t
world_now(void *userdata)
{
	return ((struct world *)userdata)->now_usec;
}

static bool
world_is_synchronised(void *userdata)
{
	return true;
}

/* -- DNS and servers --------------------------------------------------------------------------- */

static struct mt_discovery_job *
cancel_ask(struct mt_discovery_job *job)
{
	event_free(job->event);
	free(job);
	return NULL;
}

static void
on_asked(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_discovery_job *job = userdata;
	struct mt_findings *found = calloc(1, sizeof(*found));

	assert_non_null(found);
	found->asked = MT_BIT(MT_DISCOVERY_SRV);
	answers_parse(job->world->dns, found->answers);
	job->callback(found, job->userdata);
	free(found);
	cancel_ask(job);
}

static int
ask(struct mt_discoveries *discoveries, uint32_t uid, const char *domain,
    mt_discoveries_fn callback, void *userdata, struct mt_discovery_job **ret)
{
	struct world *world = (void *)discoveries;
	struct mt_discovery_job *job = calloc(1, sizeof(*job));

	assert_non_null(job);
	assert_string_equal(domain, DOMAIN);
	assert_true(world->n_asked < MT_ARRAY_SIZE(world->asked_usec));
	world->asked_usec[world->n_asked++] = world->now_usec;
	*job = (struct mt_discovery_job){world, NULL, callback, userdata};
	job->event = evtimer_new(world->base, on_asked, job);
	event_active(job->event, EV_TIMEOUT, 0);
	*ret = job;
	return 0;
}

static struct mt_probe_run *
cancel_probe(struct mt_probe_run *run)
{
	event_free(run->event);
	free(run);
	return NULL;
}

static void
on_probed(evutil_socket_t fd, short what, void *userdata)
{
	static const struct mt_evidence evidence;
	struct mt_probe_run *run = userdata;
	struct mt_answer *answer = calloc(1, sizeof(*answer));

	assert_non_null(answer);
	answer->verdict.conf = run->world->probe_confirms;
	run->callback(run->world->is_nobody_there ? MT_PROBES_E_UNREACHABLE : 0, &evidence, answer,
		      "", run->userdata);
	free(answer);
	cancel_probe(run);
}

static int
probe(struct mt_probes *probes, uint32_t uid, const struct mt_account *account,
      const struct mt_endpoint *endpoint, mt_probes_fn callback, void *userdata,
      struct mt_probe_run **ret)
{
	struct world *world = (void *)probes;
	struct mt_probe_run *run;

	if (world->n_refused > 0) {
		world->n_refused--;
		return MT_PROBES_E_LIMIT;
	}
	run = calloc(1, sizeof(*run));
	assert_non_null(run);
	assert_int_equal(account->uid, uid);
	assert_int_not_equal(endpoint->transport, MT_TRANSPORT_NONE);
	world->n_probed++;
	*run = (struct mt_probe_run){world, NULL, callback, userdata};
	run->event = evtimer_new(world->base, on_probed, run);
	event_active(run->event, EV_TIMEOUT, 0);
	*ret = run;
	return 0;
}

static const struct mt_watch_ops ops = {ask, cancel_ask, probe, cancel_probe};

static void
on_told(void *userdata, const struct mt_account *account, const struct mt_told *told)
{
	struct world *world = userdata;
	struct told *t = &world->told[world->n_told];

	assert_true(world->n_told < TOLD_MAX);
	*t = (struct told){.uid = account->uid,
			   .signals = told->signals,
			   .row = told->finding->row,
			   .class = told->finding->class,
			   .at_usec = world->now_usec};
	if (told->upgrade)
		snprintf(t->upgrade, sizeof(t->upgrade), "%s %s:%u", told->upgrade->service->label,
			 told->upgrade->host, told->upgrade->port);
	world->n_told++;
}

/* -- the world --------------------------------------------------------------------------------- */

static void
on_changed(void *userdata, const struct mt_account *account, unsigned int what,
	   enum mt_account_state before)
{
	struct world *world = userdata;

	if (what & (MT_CHANGED_STATE | MT_CHANGED_ENDPOINTS | MT_CHANGED_MINIMUM))
		mt_watch_touch(world->watch, &account->id, (what & MT_CHANGED_ENDPOINTS) != 0);
}

static void
on_removed(void *userdata, const struct mt_account *account)
{
	mt_watch_forget(((struct world *)userdata)->watch, &account->id);
}

static void
world_open(struct world *w)
{
	const struct mt_store_options store = {.directory = w->directory, .no_sync = true};
	const struct mt_accounts_options accounts = {
		.clock = &w->clock,
		.events = {.changed = on_changed, .removed = on_removed},
		.userdata = w};
	const struct mt_watch_options watch = {.base = w->base,
					       .ops = &ops,
					       .discoveries = (void *)w,
					       .probes = (void *)w,
					       .clock = &w->clock,
					       .told = on_told,
					       .userdata = w};
	struct mt_accounts_options a = accounts;
	struct mt_watch_options o = watch;

	assert_int_equal(mt_store_open(&store, &w->store), 0);
	while (mt_store_check_result(w->store) == MT_STORE_CHECKING)
		;
	a.store = o.store = w->store;
	assert_int_equal(mt_accounts_new(&a, &w->accounts), 0);
	o.accounts = w->accounts;
	assert_int_equal(mt_watch_new(&o, &w->watch), 0);
}

static void
world_close(struct world *w)
{
	w->watch = mt_watch_free(w->watch);
	w->accounts = mt_accounts_free(w->accounts);
	w->store = mt_store_close(w->store);
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	mt_log_set_target(open("/dev/null", O_WRONLY | O_CLOEXEC));
	scratch_make(w->directory);
	w->base = event_base_new();
	w->began_usec = w->now_usec = mt_clock_build_date_usec() + 100 * DAY;
	w->clock = (struct mt_clock){world_now, world_now, world_is_synchronised, w};
	w->dns = "signed _imaps imap 993";
	world_open(w);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	world_close(w);
	event_base_free(w->base);
	scratch_remove(w->directory);
	free(w);
	return 0;
}

/* Until nobody has anything to do. */
static void
settle(struct world *w)
{
	for (unsigned i = 0; i < 64; i++)
		assert_true(event_base_loop(w->base, EVLOOP_NONBLOCK) >= 0);
}

static const struct mt_account *
get(struct world *w, const struct mt_account_id *id)
{
	const struct mt_account *account;

	assert_int_equal(
		mt_accounts_find(w->accounts, (struct mt_actor){.admin = true}, id, &account), 0);
	return account;
}

static void
set_field(struct world *w, const struct mt_account_id *id, const char *field, const char *value)
{
	const struct mt_actor actor = {.uid = get(w, id)->uid};
	struct mt_minimum *min = calloc(1, sizeof(*min));

	assert_non_null(min);
	assert_int_equal(mt_minimum_set_text(min, field, value, false), 0);
	assert_int_equal(mt_accounts_set_minimum(w->accounts, actor, id, min), 0);
	free(min);
}

static void
give_up_minimum(struct world *w, uint32_t uid, const struct mt_account_id *id)
{
	const struct mt_consent consent = {.kind = MT_CONSENT_REDUCED_CONFIDENTIALITY,
					   .text_version = MT_CONSENT_TEXT_VERSION};

	assert_int_equal(mt_accounts_record_consent(w->accounts, (struct mt_actor){.uid = uid}, id,
						    &consent),
			 0);
	set_field(w, id, "min_conf", "off");
}

/* An active account; transport none means one without the requirement. What DNS says now is what it
 * was set up from, as after Discover. */
static struct mt_account_id
add(struct world *w, uint32_t uid, const char *address, enum mt_transport transport)
{
	const struct mt_actor actor = {.uid = uid};
	struct mt_endpoint endpoint = {.proto = MT_PROTO_IMAP,
				       .transport = transport,
				       .host = HOST,
				       .port = transport == MT_TRANSPORT_IMPLICIT ? 993 : 143,
				       .discovery = w->source ? w->source : MT_DISCOVERY_MANUAL,
				       .dnssec = MT_DNSSEC_INSECURE};
	const struct mt_probe seen = {.proto = MT_PROTO_IMAP,
				      .host = HOST,
				      .port = endpoint.port,
				      .confidential = transport != MT_TRANSPORT_NONE};
	struct mt_srv_rrset *answers = calloc(MT_SERVICE_COUNT, sizeof(*answers));
	struct mt_account_id id;
	size_t at;

	assert_non_null(answers);
	answers_parse(w->dns, answers);
	assert_int_equal(mt_accounts_add(w->accounts, uid, address, &id), 0);
	assert_int_equal(mt_srv_cache_put(w->store, uid, DOMAIN, answers, w->now_usec, "test"), 0);
	if (transport == MT_TRANSPORT_NONE)
		give_up_minimum(w, uid, &id);
	assert_int_equal(mt_accounts_set_endpoint(w->accounts, actor, &id, &endpoint), 0);
	assert_int_equal(mt_accounts_set_probe(w->accounts, actor, &id, &seen), 0);
	assert_int_equal(mt_accounts_commit(w->accounts, actor, &id, &at), 0);
	free(answers);
	settle(w);
	return id;
}

/* Lets time pass as the timer would see it. */
static void
pass(struct world *w, int64_t span_usec)
{
	for (int64_t end = w->now_usec + span_usec; w->now_usec < end;) {
		w->now_usec += MT_WATCH_TURN_USEC;
		mt_watch_turn(w->watch);
		settle(w);
	}
}

/* The same, where nobody needs to see every minute. */
static void
pass_quickly(struct world *w, int64_t span_usec)
{
	for (int64_t end = w->now_usec + span_usec; w->now_usec < end;) {
		w->now_usec += MINUTE;
		mt_watch_turn(w->watch);
		settle(w);
	}
}

static void
on_found(const struct mt_finding *finding, const struct mt_srv_rrset *answers, void *userdata)
{
	struct world *w = userdata;

	w->n_answers++;
	w->found = finding ? *finding : (struct mt_finding){0};
}

/* A forced look. Return: the outcome of starting it. */
static int
look(struct world *w, const struct mt_account_id *id)
{
	struct mt_watch_look *run;
	int r = mt_watch_look(w->watch, get(w, id), on_found, w, &run);

	settle(w);
	return r;
}

static void
assert_untouched(struct world *w, const struct mt_account_id *id, const struct mt_writer *before)
{
	struct mt_writer after = {0};

	assert_int_equal(mt_account_encode(get(w, id), &after), 0);
	assert_int_equal(before->size, after.size);
	assert_memory_equal(before->data, after.data, after.size);
	mt_writer_clear(&after);
}

/* -- R-5.1-14: when ---------------------------------------------------------------------------- */

static void
a_domain_is_looked_at_once_an_interval_within_a_tenth(void **state)
{
	struct world *w = *state;
	size_t n;

	(void)add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);
	pass(w, 6 * DAY);
	n = w->n_asked;
	assert_in_range(n, 5, 7);
	assert_in_range(w->asked_usec[0] - w->began_usec, 1, DAY + DAY / 10);
	for (size_t i = 1; i < n; i++)
		assert_in_range(w->asked_usec[i] - w->asked_usec[i - 1], DAY - DAY / 10,
				DAY + DAY / 10 + MT_WATCH_TURN_USEC);
	assert_int_equal(w->n_told, 0);
}

static void
the_policys_interval_holds_within_its_bounds(void **state)
{
	struct world *w = *state;
	struct mt_account_id id = add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);

	set_field(w, &id, "srv_check_max", "3600");
	settle(w);
	pass(w, DAY);
	assert_in_range(w->n_asked, 21, 27);
}

static void
accounts_of_one_domain_cost_one_look(void **state)
{
	struct world *w = *state;
	char address[64];

	for (unsigned i = 0; i < 200; i++) {
		snprintf(address, sizeof(address), "u%u@" DOMAIN, i);
		(void)add(w, 1000 + i % 7, address, MT_TRANSPORT_IMPLICIT);
	}
	w->dns = "signed _imaps new 993";
	pass_quickly(w, DAY + DAY / 10);
	assert_in_range(w->n_asked, 1, 2);
	/* every one of them is told, more than a chunk of the index */
	assert_true(200 > MT_DOMAIN_CHUNK);
	assert_int_equal(w->n_told, 200);
}

static void
count_round(evutil_socket_t fd, short what, void *userdata)
{
	struct world *w = userdata;

	w->n_rounds++;
	(void)event_add(w->round, &(struct timeval){0});
}

static void
a_crowd_in_one_domain_holds_nobody_up(void **state)
{
	/* chunk by chunk, and whoever else waits has his turn in between */
	struct world *w = *state;
	char address[64];
	int64_t due;

	for (unsigned i = 0; i < 3 * MT_DOMAIN_CHUNK; i++) {
		snprintf(address, sizeof(address), "u%u@" DOMAIN, i);
		(void)add(w, 1000 + i % 7, address, MT_TRANSPORT_IMPLICIT);
	}
	assert_true(mt_wheel_find(w->watch->wheel, DOMAIN, &due));
	w->now_usec = due + 1;
	for (unsigned i = 0; i < 60; i++)
		mt_watch_turn(w->watch); /* the hand has a day of minutes to pass over */
	assert_int_equal(w->n_asked, 1);
	w->round = evtimer_new(w->base, count_round, w);
	count_round(-1, 0, w);
	while (!LIST_EMPTY(&w->watch->looks))
		assert_true(event_base_loop(w->base, EVLOOP_ONCE) >= 0);
	assert_in_range(w->n_rounds, 4, 16);
	event_free(w->round);
}

static void
the_timer_turns_soon_after_the_start_and_then_every_ten_seconds(void **state)
{
	struct world *w = *state;
	struct timeval at, now;
	int64_t due;

	(void)add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);
	assert_true(mt_wheel_find(w->watch->wheel, DOMAIN, &due));
	assert_true(evtimer_pending(w->watch->turn, &at));
	gettimeofday(&now, NULL);
	assert_in_range(at.tv_sec - now.tv_sec, 29, 91);
	pass_quickly(w, due - w->now_usec - 2 * MINUTE);
	assert_int_equal(w->n_asked, 0);
	w->now_usec = due;
	event_active(w->watch->turn, EV_TIMEOUT, 0);
	settle(w);
	assert_int_equal(w->n_asked, 1);
	assert_true(evtimer_pending(w->watch->turn, &at));
	gettimeofday(&now, NULL);
	assert_in_range(at.tv_sec - now.tv_sec, 8, 11);
}

static void
a_start_asks_nothing(void **state)
{
	struct world *w = *state;

	(void)add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);
	for (unsigned i = 0; i < 10; i++) {
		world_close(w);
		world_open(w);
		settle(w);
	}
	assert_int_equal(w->n_asked, 0);
	pass(w, DAY + DAY / 10);
	assert_in_range(w->n_asked, 1, 2);
}

static void
a_machine_that_slept_looks_once_for_what_it_missed(void **state)
{
	struct world *w = *state;

	(void)add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);
	w->now_usec += 5 * DAY;
	pass(w, HOUR);
	assert_int_equal(w->n_asked, 1);
}

static void
a_failing_resolver_is_asked_less_and_less(void **state)
{
	/* S-13 */
	struct world *w = *state;
	struct mt_account_id id = add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);
	struct mt_writer before = {0};

	assert_int_equal(mt_account_encode(get(w, &id), &before), 0);
	w->dns = "servfail";
	pass_quickly(w, 10 * DAY);
	/* ten minutes, doubling up to a day: 8 in the first two days, then one a day */
	assert_in_range(w->n_asked, 12, 20);
	assert_in_range(w->asked_usec[w->n_asked - 1] - w->asked_usec[w->n_asked - 2],
			DAY - DAY / 10 - MINUTE, DAY + MINUTE);
	assert_int_equal(w->n_told, 0);
	assert_untouched(w, &id, &before);
	mt_writer_clear(&before);
}

static void
an_account_that_is_not_active_is_not_watched(void **state)
{
	struct world *w = *state;
	struct mt_account_id id = add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);
	const struct mt_actor admin = {.admin = true};
	int64_t due;

	assert_int_equal(mt_accounts_suspend(w->accounts, admin, &id, MT_SUSPENDER_ADMIN), 0);
	w->dns = "bogus";
	pass_quickly(w, 3 * DAY);
	assert_int_equal(w->n_told, 0);
	assert_in_range(w->n_asked, 0, 1); /* and the domain is forgotten */
	assert_false(mt_wheel_find(w->watch->wheel, DOMAIN, &due));
	assert_int_equal(look(w, &id), MT_WATCH_E_STATE);
	assert_int_equal(mt_accounts_resume(w->accounts, admin, &id), 0);
	settle(w);
	assert_true(mt_wheel_find(w->watch->wheel, DOMAIN, &due));
	w->n_told = w->n_asked = 0;
	pass_quickly(w, DAY + DAY / 10);
	assert_in_range(w->n_asked, 1, 2);
	assert_in_range(w->n_told, 1, 2); /* the second may be a day later */
}

static void
a_removed_account_is_forgotten(void **state)
{
	struct world *w = *state;
	struct mt_account_id id = add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);
	int64_t due;

	assert_int_equal(mt_accounts_remove(w->accounts, (struct mt_actor){.uid = 1000}, &id), 0);
	settle(w);
	assert_false(mt_watched_has(w->store, &id));
	pass_quickly(w, 2 * DAY);
	assert_in_range(w->n_asked, 0, 1);
	assert_false(mt_wheel_find(w->watch->wheel, DOMAIN, &due));
}

static void
an_account_from_before_there_was_a_watcher_is_taken_up_when_it_is_touched(void **state)
{
	struct world *w = *state;
	struct mt_account_id id = add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);

	assert_true(mt_watch_knows(w->watch, get(w, &id)));
	assert_int_equal(mt_store_begin(w->store), 0);
	mt_watched_remove(w->store, &id);
	mt_wheel_remove(w->watch->wheel, DOMAIN);
	assert_int_equal(mt_store_commit(w->store), 0);
	assert_false(mt_watch_knows(w->watch, get(w, &id)));
	mt_watch_take_up(w->watch, &id);
	settle(w);
	assert_false(mt_watch_knows(w->watch, get(w, &id))); /* together with others, in a second */
	sleep(2);
	settle(w);
	assert_true(mt_watch_knows(w->watch, get(w, &id)));
	pass_quickly(w, DAY + DAY / 10);
	assert_in_range(w->n_asked, 1, 2);
}

/* -- what is told ------------------------------------------------------------------------------ */

static void
a_change_is_told_and_the_account_stays_as_it_is(void **state)
{
	/* S-06, D-DISC-04 */
	struct world *w = *state;
	struct mt_account_id id = add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);
	struct mt_writer before = {0};

	assert_int_equal(mt_account_encode(get(w, &id), &before), 0);
	w->dns = "signed _imaps new 993";
	pass_quickly(w, 5 * DAY);
	assert_int_equal(w->n_told, 1);
	assert_int_equal(w->told[0].row, 6);
	assert_int_equal(w->told[0].signals, MT_CHANGE_CONFIG);
	assert_untouched(w, &id, &before);
	mt_writer_clear(&before);
}

static void
no_look_writes_a_server_wherever_it_came_from(void **state)
{
	/* D-DISC-04 */
	static const char *const changes[] = {
		"signed _imaps new 993",
		"signed _imap imap 143",
		"signed _imaps . 0",
		"signed _imaps mail.other.test 993",
		"unsigned _imaps imap 993",
		"signed",
		"bogus",
		"servfail",
		"signed _imaps new 993, _pop3s imap 995",
	};
	struct world *w = *state;

	for (enum mt_discovery source = MT_DISCOVERY_MANUAL; source < MT_DISCOVERY_COUNT;
	     source++) {
		struct mt_writer before = {0};
		struct mt_account_id id;
		char address[64];

		w->dns = "signed _imaps imap 993";
		w->source = source;
		snprintf(address, sizeof(address), "%s@" DOMAIN, mt_discovery_to_string(source));
		id = add(w, 1000, address, MT_TRANSPORT_IMPLICIT);
		assert_int_equal(get(w, &id)->endpoints[0].discovery, source);
		assert_int_equal(mt_account_encode(get(w, &id), &before), 0);
		for (size_t i = 0; i < MT_ARRAY_SIZE(changes); i++) {
			w->dns = changes[i];
			w->now_usec += HOUR;
			assert_int_equal(look(w, &id), 0);
			w->now_usec += HOUR;
			assert_int_equal(look(w, &id), 0);
			assert_untouched(w, &id, &before);
		}
		mt_writer_clear(&before);
	}
}

static void
what_is_seen_first_in_unsigned_data_is_looked_at_again_after_ten_minutes(void **state)
{
	struct world *w = *state;

	w->dns = "unsigned _imaps imap 993";
	(void)add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);
	w->dns = "unsigned _imaps new 993";
	pass(w, DAY + DAY / 10 + 15 * MINUTE);
	assert_true(w->n_asked >= 2);
	assert_in_range(w->asked_usec[1] - w->asked_usec[0], 10 * MINUTE,
			11 * MINUTE + 2 * MT_WATCH_TURN_USEC);
	assert_int_equal(w->n_told, 1);
	assert_true(w->told[0].at_usec == w->asked_usec[1]);
}

static void
answers_that_change_every_time_cause_no_more_looks(void **state)
{
	struct world *w = *state;
	char dns[64];

	w->dns = "unsigned _imaps imap 993";
	(void)add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);
	w->dns = dns;
	for (unsigned i = 0; i < 5 * 24 * 60; i++) {
		snprintf(dns, sizeof(dns), "unsigned _imaps h%u 993", i);
		pass_quickly(w, MINUTE);
	}
	assert_in_range(w->n_asked, 5, 8);
	assert_int_equal(w->n_told, 0);
}

static void
bogus_data_alarms_once_a_day(void **state)
{
	/* S-12 */
	struct world *w = *state;
	struct mt_account_id id = add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);

	set_field(w, &id, "srv_check_max", "3600");
	settle(w);
	w->dns = "bogus";
	pass_quickly(w, 3 * DAY);
	assert_in_range(w->n_asked, 60, 80);
	assert_int_equal(w->n_told, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(w->told[i].signals, MT_CHANGE_ALERT);
	assert_true(w->told[1].at_usec - w->told[0].at_usec >= DAY);
}

static void
absence_is_told_after_three_looks_over_a_day(void **state)
{
	/* S-14 */
	struct world *w = *state;

	(void)add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);
	w->dns = "signed";
	pass_quickly(w, 4 * DAY);
	assert_int_equal(w->n_told, 1);
	assert_int_equal(w->told[0].row, 14);
	assert_true(w->told[0].at_usec - w->asked_usec[0] >= DAY);
}

static void
new_servers_are_what_later_looks_are_compared_with(void **state)
{
	struct world *w = *state;
	struct mt_account_id id = add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);
	const struct mt_actor actor = {.uid = 1000};
	const struct mt_endpoint endpoint = {.proto = MT_PROTO_IMAP,
					     .transport = MT_TRANSPORT_IMPLICIT,
					     .host = "new." DOMAIN,
					     .port = 993,
					     .discovery = MT_DISCOVERY_SRV,
					     .dnssec = MT_DNSSEC_SECURE,
					     .label = "_imaps"};
	const struct mt_probe seen = {
		.proto = MT_PROTO_IMAP, .host = "new." DOMAIN, .port = 993, .confidential = true};
	struct mt_srv_rrset *answers = calloc(MT_SERVICE_COUNT, sizeof(*answers));

	w->dns = "signed _imaps new 993";
	assert_int_equal(look(w, &id), 0);
	assert_int_equal(w->found.row, 6);
	answers_parse(w->dns, answers);
	w->now_usec += MINUTE;
	assert_int_equal(mt_srv_cache_put(w->store, 1000, DOMAIN, answers, w->now_usec, "test"), 0);
	assert_int_equal(mt_accounts_set_endpoint(w->accounts, actor, &id, &endpoint), 0);
	assert_int_equal(mt_accounts_set_probe(w->accounts, actor, &id, &seen), 0);
	settle(w);
	assert_int_equal(look(w, &id), 0);
	assert_int_equal(w->found.row, 1);
	free(answers);
}

/* -- offers ------------------------------------------------------------------------------------ */

static void
encryption_that_becomes_available_is_offered_within_an_interval(void **state)
{
	/* R-5-14, S-05, R-5.1-16 */
	struct world *w = *state;
	struct mt_account_id id;
	struct mt_watched *watched = calloc(1, sizeof(*watched));

	w->dns = "signed";
	id = add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_NONE);
	w->dns = "signed _imaps imap 993";
	w->probe_confirms = true;
	pass(w, DAY + DAY / 10);
	assert_int_equal(w->n_told, 1);
	assert_int_equal(w->told[0].signals, MT_CHANGE_CONFIG | MT_CHANGE_UPGRADE);
	assert_int_equal(w->told[0].class, MT_CHANGE_STRONGER);
	assert_string_equal(w->told[0].upgrade, "_imaps " HOST ":993");
	assert_int_equal(mt_watch_get(w->watch, &id, watched), 0);
	assert_non_null(mt_watched_find_offer(watched, "imap-implicit"));
	/* the snapshot followed */
	assert_string_equal(watched->snapshot[0].records[0].target, HOST);
	free(watched);
	pass_quickly(w, 3 * DAY);
	assert_int_equal(w->n_told, 1);
	assert_int_equal(w->n_probed, 1);
}

static void
a_server_that_begins_to_offer_starttls_is_noticed(void **state)
{
	/* R-5-14: without any record */
	struct world *w = *state;

	w->dns = "signed";
	(void)add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_NONE);
	pass_quickly(w, 3 * DAY);
	assert_int_equal(w->n_told, 0);
	w->probe_confirms = true;
	pass_quickly(w, DAY + DAY / 10);
	assert_int_equal(w->n_told, 1);
	assert_int_equal(w->told[0].signals, MT_CHANGE_UPGRADE);
	assert_string_equal(w->told[0].upgrade, "_imap " HOST ":143");
}

static void
what_does_not_reach_confidentiality_is_not_offered(void **state)
{
	/* R-5-14 */
	struct world *w = *state;

	w->dns = "signed";
	(void)add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_NONE);
	w->dns = "signed _imaps imap 993";
	pass_quickly(w, 3 * DAY);
	assert_true(w->n_probed > 0);
	w->is_nobody_there = w->probe_confirms = true;
	pass_quickly(w, 3 * DAY);
	assert_int_equal(w->n_told, 0);
}

static void
a_probe_that_does_not_get_its_turn_is_made_up_for_in_minutes(void **state)
{
	struct world *w = *state;
	struct mt_account_id id;

	w->dns = "signed";
	id = add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_NONE);
	w->dns = "signed _imaps imap 993";
	w->probe_confirms = true;
	w->n_refused = 1;
	assert_int_equal(look(w, &id), 0);
	assert_int_equal(w->n_told, 0);
	pass(w, 15 * MINUTE);
	assert_int_equal(w->n_told, 1);
}

static void
more_offers_than_may_wait_are_all_made(void **state)
{
	struct world *w = *state;
	char address[64];

	w->dns = "signed";
	for (unsigned i = 0; i < 3 * MT_WATCH_PROBES_MAX; i++) {
		snprintf(address, sizeof(address), "u%u@" DOMAIN, i);
		(void)add(w, 1000 + i, address, MT_TRANSPORT_NONE);
	}
	w->dns = "signed _imaps imap 993";
	w->probe_confirms = true;
	pass_quickly(w, DAY + DAY / 10 + HOUR);
	assert_int_equal(w->n_told, 3 * MT_WATCH_PROBES_MAX);
	assert_in_range(w->n_asked, 1, 6);
}

static void
a_service_is_probed_once_a_day_at_most(void **state)
{
	/* D-SYS-11 */
	struct world *w = *state;
	struct mt_account_id id;

	w->dns = "signed";
	id = add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_NONE);
	set_field(w, &id, "srv_check_max", "3600");
	settle(w);
	w->dns = "signed _imaps imap 993";
	pass_quickly(w, 5 * DAY);
	assert_true(w->n_asked > 100);
	assert_in_range(w->n_probed, 4, 6);
}

static void
an_account_that_requires_encryption_is_told_of_an_earlier_one(void **state)
{
	/* S-04 */
	struct world *w = *state;

	w->dns = "signed _imap imap 143";
	(void)add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_STARTTLS);
	w->dns = "signed _imap imap 143, _imaps imap 993";
	w->probe_confirms = true;
	pass_quickly(w, DAY + DAY / 10);
	assert_int_equal(w->n_told, 2);
	assert_int_equal(w->told[0].signals, MT_CHANGE_CONFIG);
	assert_int_equal(w->told[0].row, 4);
	assert_int_equal(w->told[1].signals, MT_CHANGE_UPGRADE);
}

static void
an_offer_that_was_declined_is_not_made_for_thirty_days(void **state)
{
	/* R-5-15 */
	struct world *w = *state;
	const struct mt_actor actor = {.uid = 1000};
	struct mt_account_id id;

	w->dns = "signed";
	id = add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_NONE);
	w->probe_confirms = true;
	pass_quickly(w, DAY + DAY / 10);
	assert_int_equal(w->n_told, 1);
	assert_int_equal(mt_accounts_decline_offer(w->accounts, actor, &id, "imap-starttls"), 0);
	mt_watch_remove_offer(w->watch, &id, "imap-starttls");
	pass_quickly(w, 29 * DAY);
	assert_int_equal(w->n_told, 1);
	pass_quickly(w, 3 * DAY);
	assert_int_equal(w->n_told, 2);
	assert_true(w->told[1].at_usec - w->told[0].at_usec >= 30 * DAY);
}

static void
an_offer_ends_when_dns_does_not_name_it_any_more(void **state)
{
	struct world *w = *state;
	struct mt_account_id id;
	struct mt_watched *watched = calloc(1, sizeof(*watched));

	w->dns = "signed _imap imap 143";
	id = add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_STARTTLS);
	w->dns = "signed _imap imap 143, _imaps imap 993";
	w->probe_confirms = true;
	assert_int_equal(look(w, &id), 0);
	assert_int_equal(mt_watch_get(w->watch, &id, watched), 0);
	assert_int_equal(watched->n_offers, 1);
	w->dns = "signed _imap imap 143, _imaps . 0";
	w->now_usec += HOUR;
	assert_int_equal(look(w, &id), 0);
	assert_int_equal(mt_watch_get(w->watch, &id, watched), 0);
	assert_int_equal(watched->n_offers, 0);
	free(watched);
}

static void
forged_or_uncertain_data_takes_no_offer_back(void **state)
{
	struct world *w = *state;
	struct mt_account_id id;
	struct mt_watched *watched = calloc(1, sizeof(*watched));

	w->dns = "signed _imap imap 143";
	id = add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_STARTTLS);
	w->dns = "signed _imap imap 143, _imaps imap 993";
	w->probe_confirms = true;
	assert_int_equal(look(w, &id), 0);
	w->dns = "bogus";
	w->now_usec += HOUR;
	assert_int_equal(look(w, &id), 0);
	w->dns = "unsigned _imap imap 143";
	w->now_usec += HOUR;
	assert_int_equal(look(w, &id), 0);
	assert_true(w->found.is_pending);
	assert_int_equal(mt_watch_get(w->watch, &id, watched), 0);
	assert_int_equal(watched->n_offers, 1);
	free(watched);
}

/* -- whose it is ------------------------------------------------------------------------------- */

static void
each_owner_is_told_of_his_own_account(void **state)
{
	struct world *w = *state;
	unsigned int of_ann = 0, of_bob = 0;

	(void)add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);
	(void)add(w, 1001, "bob@" DOMAIN, MT_TRANSPORT_IMPLICIT);
	w->dns = "signed _imaps new 993";
	pass_quickly(w, 3 * DAY);
	for (size_t i = 0; i < w->n_told; i++) {
		of_ann += w->told[i].uid == 1000;
		of_bob += w->told[i].uid == 1001;
	}
	assert_int_equal(of_ann, 1);
	assert_int_equal(of_bob, 1);
}

static void
nobody_sees_that_another_owner_looks_more_often(void **state)
{
	/* D-SYS-02: bob's policy has his domain looked at every hour; ann's account keeps its day
	 */
	struct world *w = *state;
	struct mt_account_id ann = add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);
	struct mt_account_id bob = add(w, 1001, "bob@" DOMAIN, MT_TRANSPORT_IMPLICIT);
	struct mt_watched *watched = calloc(1, sizeof(*watched));
	unsigned int n_ann = 0, n_bob = 0;
	int64_t seen_ann = 0, seen_bob = 0;

	set_field(w, &bob, "srv_check_max", "3600");
	settle(w);
	for (unsigned i = 0; i < 2 * 24 * 60; i++) {
		pass_quickly(w, MINUTE);
		assert_int_equal(mt_watch_get(w->watch, &ann, watched), 0);
		n_ann += watched->looked_usec != seen_ann;
		seen_ann = watched->looked_usec;
		assert_int_equal(mt_watch_get(w->watch, &bob, watched), 0);
		n_bob += watched->looked_usec != seen_bob;
		seen_bob = watched->looked_usec;
	}
	free(watched);
	assert_in_range(n_ann, 1, 3);
	assert_in_range(n_bob, 43, 53);
}

static void
a_look_one_owner_forces_is_not_the_others(void **state)
{
	struct world *w = *state;
	struct mt_account_id ann = add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);
	struct mt_account_id bob = add(w, 1001, "bob@" DOMAIN, MT_TRANSPORT_IMPLICIT);
	struct mt_watched *watched = calloc(1, sizeof(*watched));

	w->dns = "signed _imaps new 993";
	assert_int_equal(look(w, &ann), 0);
	assert_int_equal(w->n_told, 1);
	assert_int_equal(w->told[0].uid, 1000);
	assert_int_equal(mt_watch_get(w->watch, &bob, watched), 0);
	assert_int_equal(watched->looked_usec, 0);
	assert_int_equal(watched->finding.row, 0);
	free(watched);
}

/* -- looks that somebody asks for -------------------------------------------------------------- */

static void
a_forced_look_is_answered_once_and_not_within_the_minute(void **state)
{
	struct world *w = *state;
	struct mt_account_id id = add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);

	w->dns = "signed _imaps imap 993, _imaps two 993";
	assert_int_equal(look(w, &id), 0);
	assert_int_equal(w->n_answers, 1);
	assert_int_equal(w->found.row, 3);
	assert_int_equal(look(w, &id), MT_WATCH_E_LIMIT);
	w->now_usec += MINUTE;
	assert_int_equal(look(w, &id), 0);
	assert_int_equal(w->found.row, 1);
	assert_int_equal(w->n_asked, 2);
}

static void
a_forced_look_waits_for_the_probe_it_led_to(void **state)
{
	struct world *w = *state;
	struct mt_account_id id;

	w->dns = "signed";
	id = add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_NONE);
	w->dns = "signed _imaps imap 993";
	w->probe_confirms = true;
	assert_int_equal(look(w, &id), 0);
	assert_int_equal(w->n_answers, 1);
	assert_int_equal(w->n_told, 1);
}

static void
a_caller_who_went_away_is_not_called_and_the_look_goes_on(void **state)
{
	struct world *w = *state;
	struct mt_account_id id = add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);
	struct mt_watch_look *run;

	w->dns = "signed _imaps new 993";
	assert_int_equal(mt_watch_look(w->watch, get(w, &id), on_found, w, &run), 0);
	mt_watch_look_cancel(run);
	settle(w);
	assert_int_equal(w->n_answers, 0);
	assert_int_equal(w->n_told, 1);
}

static void
a_failed_connection_causes_one_look_an_hour_for_each_service(void **state)
{
	/* D-SRV-06 */
	struct world *w = *state;
	struct mt_account_id id = add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);

	w->dns = "signed _imaps new 993";
	for (unsigned i = 0; i < 100; i++) {
		mt_watch_failed(w->watch, get(w, &id), MT_PROTO_IMAP);
		mt_watch_failed(w->watch, get(w, &id), MT_PROTO_POP3); /* not in use */
		settle(w);
	}
	assert_int_equal(w->n_asked, 1);
	assert_int_equal(w->n_told, 1);
	assert_int_equal(w->told[0].row, 6);
	w->now_usec += HOUR;
	mt_watch_failed(w->watch, get(w, &id), MT_PROTO_IMAP);
	settle(w);
	assert_int_equal(w->n_asked, 2);
}

/* -- records ----------------------------------------------------------------------------------- */

static void
the_largest_record_fits_and_reads_back(void **state)
{
	struct world *w = *state;
	struct mt_account_id id = add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);
	struct mt_watched *watched = calloc(1, sizeof(*watched));
	struct mt_watched *again = calloc(1, sizeof(*again));
	char name[MT_DOMAIN_SIZE];

	memset(name, 'a', sizeof(name));
	for (size_t i = 63; i < MT_DOMAIN_MAX; i += 64)
		name[i] = '.';
	name[MT_DOMAIN_MAX] = '\0';
	watched->has_snapshot = true;
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++) {
		watched->snapshot[i].rrset.state = MT_RRSET_FOUND;
		strcpy(watched->snapshot[i].rrset.canonical, name);
		watched->snapshot[i].n = MT_SRV_MAX;
		for (size_t k = 0; k < MT_SRV_MAX; k++)
			strcpy(watched->snapshot[i].records[k].target, name);
	}
	watched->n_offers = 3;
	for (size_t i = 0; i < 3; i++) {
		watched->offers[i].named.service =
			mt_service_find((enum mt_proto)(i + 1), MT_TRANSPORT_IMPLICIT);
		strcpy(watched->offers[i].named.host, name);
	}
	watched->finding.row = 14;
	watched->finding.subject = watched->offers[0].named;
	assert_int_equal(mt_store_begin(w->store), 0);
	mt_watched_put(w->store, &id, watched);
	assert_int_equal(mt_store_commit(w->store), 0);
	assert_int_equal(mt_watched_get(w->store, &id, again), 0);
	assert_memory_equal(watched, again, sizeof(*again));
	free(watched);
	free(again);
}

static void
a_damaged_record_begins_anew(void **state)
{
	struct world *w = *state;
	struct mt_account_id id = add(w, 1000, "ann@" DOMAIN, MT_TRANSPORT_IMPLICIT);
	struct mt_writer writer = {0};
	struct mt_key key;

	mt_key_init(&key, MT_RECORD_WATCH);
	mt_key_add(&key, id.bytes, sizeof(id.bytes));
	mt_writer_u8(&writer, 99);
	assert_int_equal(mt_store_begin(w->store), 0);
	assert_int_equal(mt_store_put(w->store, &key, &writer), 0);
	assert_int_equal(mt_store_commit(w->store), 0);
	mt_writer_clear(&writer);
	assert_int_equal(look(w, &id), 0);
	assert_int_equal(w->found.row, 1);
	assert_true(mt_watch_knows(w->watch, get(w, &id)));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_domain_is_looked_at_once_an_interval_within_a_tenth),
		CASE(the_policys_interval_holds_within_its_bounds),
		CASE(accounts_of_one_domain_cost_one_look),
		CASE(a_crowd_in_one_domain_holds_nobody_up),
		CASE(the_timer_turns_soon_after_the_start_and_then_every_ten_seconds),
		CASE(a_start_asks_nothing),
		CASE(a_machine_that_slept_looks_once_for_what_it_missed),
		CASE(a_failing_resolver_is_asked_less_and_less),
		CASE(an_account_that_is_not_active_is_not_watched),
		CASE(a_removed_account_is_forgotten),
		CASE(an_account_from_before_there_was_a_watcher_is_taken_up_when_it_is_touched),
		CASE(a_change_is_told_and_the_account_stays_as_it_is),
		CASE(no_look_writes_a_server_wherever_it_came_from),
		CASE(what_is_seen_first_in_unsigned_data_is_looked_at_again_after_ten_minutes),
		CASE(answers_that_change_every_time_cause_no_more_looks),
		CASE(bogus_data_alarms_once_a_day),
		CASE(absence_is_told_after_three_looks_over_a_day),
		CASE(new_servers_are_what_later_looks_are_compared_with),
		CASE(encryption_that_becomes_available_is_offered_within_an_interval),
		CASE(a_server_that_begins_to_offer_starttls_is_noticed),
		CASE(what_does_not_reach_confidentiality_is_not_offered),
		CASE(a_probe_that_does_not_get_its_turn_is_made_up_for_in_minutes),
		CASE(more_offers_than_may_wait_are_all_made),
		CASE(a_service_is_probed_once_a_day_at_most),
		CASE(an_account_that_requires_encryption_is_told_of_an_earlier_one),
		CASE(an_offer_that_was_declined_is_not_made_for_thirty_days),
		CASE(an_offer_ends_when_dns_does_not_name_it_any_more),
		CASE(forged_or_uncertain_data_takes_no_offer_back),
		CASE(each_owner_is_told_of_his_own_account),
		CASE(nobody_sees_that_another_owner_looks_more_often),
		CASE(a_look_one_owner_forces_is_not_the_others),
		CASE(a_forced_look_is_answered_once_and_not_within_the_minute),
		CASE(a_forced_look_waits_for_the_probe_it_led_to),
		CASE(a_caller_who_went_away_is_not_called_and_the_look_goes_on),
		CASE(a_failed_connection_causes_one_look_an_hour_for_each_service),
		CASE(the_largest_record_fits_and_reads_back),
		CASE(a_damaged_record_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
