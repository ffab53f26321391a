/* SPDX-License-Identifier: MIT */
/* From SRV answers to servers: what is left out, and what comes first. */

#include "tests/cmocka-all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/discovery.h"

#define DOMAIN "example.test"

/* One domain's answers, and what discovery makes of them. */
struct world {
	struct mt_srv_rrset answers[MT_SERVICE_COUNT];
	struct mt_discovery_query query;
	struct mt_discovered found;
	const char *below, *confirmed; /* hosts */
	uint32_t seed;
	struct mt_offer offers[MT_OFFERS_TOTAL_MAX];
	struct mt_source_note notes[2];
	char text[4096];
};

static enum mt_protection
protection(const struct mt_candidate *candidate, void *userdata)
{
	const struct world *w = userdata;
	char key[MT_DOMAIN_SIZE + 32];

	snprintf(key, sizeof(key), "%s/%s", candidate->service->label, candidate->host);
	return w->below && strstr(w->below, key) ? MT_PROTECTION_BELOW : MT_PROTECTION_UNKNOWN;
}

static bool
is_confirmed(const char *host, void *userdata)
{
	const struct world *w = userdata;

	return w->confirmed && strcmp(w->confirmed, host) == 0;
}

static uint32_t
draw(uint32_t bound, void *userdata)
{
	struct world *w = userdata;

	w->seed = w->seed * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)(w->seed >> 8) * bound >> 24);
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->query = (struct mt_discovery_query){.domain = DOMAIN,
					       .protocols = MT_PROTOCOLS_ALL,
					       .protection = protection,
					       .is_confirmed = is_confirmed,
					       .userdata = w};
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++) {
		w->answers[i].rrset.state = MT_RRSET_ABSENT;
		w->answers[i].rrset.dnssec = MT_DNSSEC_INSECURE;
		w->query.answers[i] = &w->answers[i];
	}
	w->seed = 1;
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	free(*state);
	return 0;
}

static size_t
index_of(const char *label)
{
	const struct mt_service *service = mt_service_find_label(label);

	assert_non_null(service);
	return (size_t)(service - mt_services);
}

static void
add(struct world *w, const char *label, unsigned priority, unsigned weight, unsigned port,
    const char *target)
{
	struct mt_srv_rrset *answer = &w->answers[index_of(label)];
	struct mt_srv_record record = {(uint16_t)priority, (uint16_t)weight, (uint16_t)port, ""};

	snprintf(record.target, sizeof(record.target), "%s", target);
	answer->rrset.state = MT_RRSET_FOUND;
	mt_srv_rrset_add(answer, &record);
}

static void
secure(struct world *w, const char *label)
{
	w->answers[index_of(label)].rrset.dnssec = MT_DNSSEC_SECURE;
}

/* What a source other than SRV names; label "" of an IMAP server without TLS. */
static struct mt_offer *
offer(struct world *w, enum mt_discovery source, const char *label, const char *host)
{
	struct mt_offer *added = &w->offers[w->query.n_offers++];
	const struct mt_service *service = *label ? mt_service_find_label(label) : NULL;

	*added = (struct mt_offer){.source = source,
				   .proto = service ? service->proto : MT_PROTO_IMAP,
				   .transport = service ? service->transport : MT_TRANSPORT_NONE,
				   .dnssec = MT_DNSSEC_INSECURE,
				   .port = service ? service->port : 143};
	snprintf(added->host, sizeof(added->host), "%s", host);
	w->query.offers = w->offers;
	return added;
}

/* "_imaps imap.example.test:993 in-domain; - _imap srv.bogus" */
static const char *
run(struct world *w)
{
	size_t size = 0;

	mt_discovery_run(&w->query, &w->found);
	w->text[0] = '\0';
	for (size_t i = 0; i < w->found.n; i++) {
		const struct mt_candidate *c = &w->found.candidates[i];

		size += (size_t)snprintf(w->text + size, sizeof(w->text) - size, "%s%s %s:%u %s%s",
					 size ? "; " : "", c->service->label, c->host, c->port,
					 mt_trust_to_string(c->trust),
					 c->reduced ? " reduced" : "");
	}
	for (size_t i = 0; i < w->found.n_omissions; i++) {
		const struct mt_omission *o = &w->found.omissions[i];

		size += (size_t)snprintf(
			w->text + size, sizeof(w->text) - size, "%s- %s %s%s", size ? "; " : "",
			o->service ? o->service->label : mt_discovery_to_string(o->source),
			mt_left_out_to_string(o->why), o->n > 1 ? " many" : "");
	}
	return w->text;
}

static void
a_tls_label_alone_is_a_candidate_with_implicit_tls_and_the_port_of_srv(void **state)
{
	struct world *w = *state;

	add(w, "_submissions", 0, 0, 1465, "mail.example.test"); /* R-5.1-01 */
	assert_string_equal(run(w), "_submissions mail.example.test:1465 in-domain");
	assert_int_equal(w->found.candidates[0].service->transport, MT_TRANSPORT_IMPLICIT);
	assert_ptr_equal(mt_discovered_best(&w->found, true), &w->found.candidates[0]);
	assert_null(mt_discovered_best(&w->found, false));
}

static void
implicit_tls_comes_before_starttls_whatever_the_priorities(void **state)
{
	struct world *w = *state;

	add(w, "_submission", 0, 0, 587, "mail.example.test"); /* R-5.1-01, D-TLS-13 */
	add(w, "_submissions", 10, 0, 465, "mail.example.test");
	assert_string_equal(run(w), "_submissions mail.example.test:465 in-domain; "
				    "_submission mail.example.test:587 in-domain");
}

static void
a_candidate_below_the_minimum_is_left_out_before_priority_is_looked_at(void **state)
{
	struct world *w = *state;

	w->below = "_imap/imap.example.test";
	add(w, "_imap", 0, 0, 143, "imap.example.test"); /* R-5.1-03, R-5.1-05 */
	add(w, "_pop3s", 20, 0, 995, "pop.example.test");
	assert_string_equal(run(w), "_pop3s pop.example.test:995 in-domain; "
				    "- _imap srv.candidate-below-minimum");
	assert_false(w->found.no_tls);
}

static void
with_consent_a_reduced_candidate_reappears_marked_and_last(void **state)
{
	struct world *w = *state;

	w->below = "_imap/imap.example.test";
	w->query.may_reduce = true; /* R-5.1-04 */
	add(w, "_imap", 0, 0, 143, "imap.example.test");
	add(w, "_pop3s", 20, 0, 995, "pop.example.test");
	assert_string_equal(run(w), "_pop3s pop.example.test:995 in-domain; "
				    "_imap imap.example.test:143 in-domain reduced");
}

static void
where_no_server_has_tls_a_person_is_asked(void **state)
{
	struct world *w = *state;

	w->below = "_imap/imap.example.test _submission/imap.example.test";
	add(w, "_imap", 0, 0, 143, "imap.example.test"); /* R-5.1-06 */
	add(w, "_submission", 0, 0, 587, "imap.example.test");
	assert_string_equal(run(w), "- _imap srv.candidate-below-minimum; "
				    "- _submission srv.candidate-below-minimum");
	assert_true(w->found.no_tls);
	w->query.may_reduce = true;
	run(w);
	assert_true(w->found.no_tls);
	assert_int_equal(w->found.n, 2);
}

static void
a_policy_of_implicit_tls_leaves_starttls_out_without_a_probe(void **state)
{
	struct world *w = *state;

	w->query.transport_min = MT_TRANSPORT_MIN_IMPLICIT;
	w->query.protection = NULL;
	add(w, "_imap", 0, 0, 143, "imap.example.test");
	add(w, "_imaps", 5, 0, 993, "imap.example.test");
	assert_string_equal(run(w), "_imaps imap.example.test:993 in-domain; "
				    "- _imap srv.candidate-below-minimum");
}

static void
a_target_of_a_dot_is_not_offered_and_nothing_is_guessed(void **state)
{
	struct world *w = *state;

	add(w, "_pop3", 0, 0, 0, "."); /* D-SRV-02 */
	assert_string_equal(run(w), "- _pop3 srv.service-not-offered");
	assert_int_equal(mt_left_out_reason(w->found.omissions[0].why),
			 MT_REASON_SRV_SERVICE_NOT_OFFERED);
	assert_false(w->found.no_tls);
	assert_false(w->found.is_incomplete);
}

static void
port_zero_bad_targets_and_too_many_are_left_out_by_name(void **state)
{
	struct world *w = *state;

	add(w, "_imaps", 0, 0, 0, "imap.example.test");
	w->answers[0].n_unusable = 3;
	w->answers[0].n_omitted = 968;
	assert_string_equal(
		run(w), "- _imaps port-zero; - _imaps target-invalid many; - _imaps too-many many");
}

/* R-5.1-11, R-5.1-12, D-SRV-12, and the policy field srv_trust (rows 11 and 12). */
static void
trust_follows_the_table(void **state)
{
	static const struct {
		const char *target;
		bool secure, confirmed;
		uint8_t srv_trust;
		const char *expected;
	} rows[] = {
		{"mail.other.test", true, false, MT_SRV_TRUST_DNSSEC, "dnssec"},
		{"imap.example.test", true, false, MT_SRV_TRUST_ASK, "dnssec"},
		{"imap.example.test", false, false, MT_SRV_TRUST_ASK, "in-domain"},
		{"example.test", false, false, MT_SRV_TRUST_ASK, "in-domain"},
		{"imap.example.test.evil.test", false, false, MT_SRV_TRUST_ASK, "unconfirmed"},
		{"notexample.test", false, false, MT_SRV_TRUST_ASK, "unconfirmed"},
		{"mail.other.test", false, false, MT_SRV_TRUST_ASK, "unconfirmed"},
		{"mail.other.test", false, true, MT_SRV_TRUST_ASK, "user-confirmed"},
		{"mail.other.test", false, true, MT_SRV_TRUST_IN_DOMAIN, "user-confirmed"},
		{"mail.other.test", false, false, MT_SRV_TRUST_IN_DOMAIN,
		 "srv.target-out-of-domain"},
		{"imap.example.test", false, false, MT_SRV_TRUST_IN_DOMAIN, "in-domain"},
		{"imap.example.test", false, false, MT_SRV_TRUST_DNSSEC, "srv.insecure"},
		{"mail.other.test", false, true, MT_SRV_TRUST_DNSSEC, "srv.insecure"},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		struct world *w = *state;
		const char *text;

		w->answers[0] = (struct mt_srv_rrset){.rrset = {.dnssec = MT_DNSSEC_INSECURE}};
		add(w, "_imaps", 0, 0, 993, rows[i].target);
		if (rows[i].secure)
			secure(w, "_imaps");
		w->confirmed = rows[i].confirmed ? rows[i].target : NULL;
		w->query.srv_trust = rows[i].srv_trust;
		text = run(w);
		if (!strstr(text, rows[i].expected))
			fail_msg("row %zu, %s: %s", i, rows[i].target, text);
	}
}

static void
whole_labels_decide_in_any_case_with_or_without_the_last_dot(void **state)
{
	struct world *w = *state;

	w->query.domain = "XN--BCHER-KVA.Test."; /* D-SRV-12 */
	add(w, "_imaps", 0, 0, 993, "imap.xn--bcher-kva.test");
	add(w, "_imaps", 1, 0, 993, "imap.xn--bcher-kva.test.evil.test");
	assert_string_equal(run(w), "_imaps imap.xn--bcher-kva.test:993 in-domain; "
				    "_imaps imap.xn--bcher-kva.test.evil.test:993 unconfirmed");
}

static void
a_bogus_label_is_left_out_and_makes_the_answer_incomplete(void **state)
{
	struct world *w = *state;

	add(w, "_imaps", 0, 0, 993, "imap.example.test");
	add(w, "_imap", 0, 0, 143, "imap.example.test");
	w->answers[index_of("_imap")].rrset.dnssec = MT_DNSSEC_BOGUS;
	w->answers[index_of("_pop3")].rrset.state = MT_RRSET_SERVFAIL;
	w->answers[index_of("_pop3")].rrset.dnssec = MT_DNSSEC_UNDETERMINED;
	w->answers[index_of("_pop3s")].rrset.state = MT_RRSET_TIMEOUT;
	w->answers[index_of("_pop3s")].rrset.dnssec = MT_DNSSEC_UNDETERMINED;
	assert_string_equal(run(w), "_imaps imap.example.test:993 in-domain; - _imap srv.bogus; "
				    "- _pop3s no-answer; - _pop3 no-answer");
	assert_true(w->found.is_incomplete);
}

static void
an_empty_answer_proposes_nothing(void **state)
{
	struct world *w = *state;

	assert_string_equal(run(w), ""); /* D-SRV-08 */
	assert_false(w->found.is_incomplete);
	assert_false(w->found.no_tls);
}

static void
the_lowest_priority_comes_first(void **state)
{
	struct world *w = *state;

	add(w, "_imaps", 30, 9, 993, "c.example.test"); /* D-SRV-03 */
	add(w, "_imaps", 10, 0, 993, "a.example.test");
	add(w, "_imaps", 20, 99, 993, "b.example.test");
	assert_string_equal(run(w),
			    "_imaps a.example.test:993 in-domain; _imaps "
			    "b.example.test:993 in-domain; _imaps c.example.test:993 in-domain");
}

static void
the_protocol_is_chosen_before_weight(void **state)
{
	struct world *w = *state;

	w->query.random = draw;
	for (w->seed = 1; w->seed < 50; w->seed++) { /* D-SRV-04 */
		uint32_t seed = w->seed;

		w->answers[0] = w->answers[2] =
			(struct mt_srv_rrset){.rrset = {.dnssec = MT_DNSSEC_INSECURE}};
		add(w, "_imaps", 0, 1, 993, "imap.example.test");
		add(w, "_pop3s", 0, 100, 995, "pop.example.test");
		assert_string_equal(run(w), "_imaps imap.example.test:993 in-domain; "
					    "_pop3s pop.example.test:995 in-domain");
		w->seed = seed;
	}
}

static void
the_domain_may_prefer_pop3_by_priority(void **state)
{
	struct world *w = *state;

	add(w, "_imaps", 10, 0, 993, "imap.example.test"); /* RFC 6186 §3.4 */
	add(w, "_pop3s", 0, 0, 995, "pop.example.test");
	assert_string_equal(run(w), "_pop3s pop.example.test:995 in-domain; "
				    "_imaps imap.example.test:993 in-domain");
}

/* How often each of three comes first, in 10 000 runs. */
static void
count_first(struct world *w, unsigned count[3])
{
	memset(count, 0, 3 * sizeof(count[0]));
	w->query.random = draw;
	for (unsigned i = 0; i < 10000; i++) {
		mt_discovery_run(&w->query, &w->found);
		assert_int_equal(w->found.n, 3);
		count[w->found.candidates[0].host[0] - 'a']++;
	}
}

static void
weights_share_the_load_within_two_percent(void **state)
{
	struct world *w = *state;
	unsigned count[3];

	add(w, "_imaps", 0, 10, 993, "a.example.test"); /* D-SRV-03 */
	add(w, "_imaps", 0, 30, 993, "b.example.test");
	add(w, "_imaps", 0, 60, 993, "c.example.test");
	count_first(w, count);
	assert_in_range(count[0], 800, 1200);
	assert_in_range(count[1], 2800, 3200);
	assert_in_range(count[2], 5800, 6200);
}

static void
weight_zero_is_rare_but_reachable(void **state)
{
	struct world *w = *state;
	unsigned count[3];

	add(w, "_imaps", 0, 0, 993, "a.example.test");
	add(w, "_imaps", 0, 50, 993, "b.example.test");
	add(w, "_imaps", 0, 50, 993, "c.example.test");
	count_first(w, count);
	assert_in_range(count[0], 1, 400);
}

static void
equal_weights_of_zero_and_the_largest_do_not_overflow(void **state)
{
	struct world *w = *state;
	unsigned count[3];

	for (unsigned i = 0; i < 3; i++)
		add(w, "_imaps", 0, 65535, 993, (const char *[]){"a.x", "b.x", "c.x"}[i]);
	count_first(w, count);
	for (unsigned i = 0; i < 3; i++)
		assert_in_range(count[i], 3000, 3700);
}

static void
without_a_lot_the_order_is_the_same_each_time_the_greatest_weight_first(void **state)
{
	struct world *w = *state;

	add(w, "_imaps", 0, 0, 993, "a.example.test");
	add(w, "_imaps", 0, 60, 993, "b.example.test");
	add(w, "_imaps", 0, 30, 993, "c.example.test");
	assert_string_equal(run(w),
			    "_imaps b.example.test:993 in-domain; _imaps "
			    "c.example.test:993 in-domain; _imaps a.example.test:993 in-domain");
}

static void
sources_rank_administrator_signed_unsigned(void **state)
{
	struct world *w = *state;

	offer(w, MT_DISCOVERY_ADMIN, "_imaps", "admin.other.test"); /* R-5-02, D-DISC-01 */
	w->query.srv_trust = MT_SRV_TRUST_ASK;
	add(w, "_imaps", 0, 0, 993, "imap.example.test");
	add(w, "_pop3s", 90, 0, 995, "pop.other.test");
	secure(w, "_pop3s");
	assert_string_equal(run(w), "_imaps admin.other.test:993 admin; _pop3s pop.other.test:995 "
				    "dnssec; _imaps imap.example.test:993 in-domain");
}

/* D-DISC-01: conflicting sources are ranked, and all of them shown. */
static void
every_source_has_its_place_and_all_are_kept(void **state)
{
	struct world *w = *state;

	offer(w, MT_DISCOVERY_AUTOCONFIG_HTTP, "_imaps", "clear.example.test");
	offer(w, MT_DISCOVERY_AUTOCONFIG, "_imaps", "auto.example.test");
	offer(w, MT_DISCOVERY_PACC, "_imaps", "pacc.example.test");
	offer(w, MT_DISCOVERY_ADMIN, "_imaps", "admin.example.test");
	add(w, "_imaps", 0, 0, 993, "srv.example.test");
	assert_string_equal(
		run(w), "_imaps admin.example.test:993 admin; _imaps pacc.example.test:993 https; "
			"_imaps auto.example.test:993 https; _imaps srv.example.test:993 "
			"in-domain; _imaps clear.example.test:993 unconfirmed");
	secure(w, "_imaps");
	run(w);
	assert_string_equal(w->found.candidates[1].host, "srv.example.test");
	assert_string_equal(w->found.candidates[2].host, "pacc.example.test");
}

static void
a_source_names_its_best_first_and_implicit_tls_still_wins(void **state)
{
	struct world *w = *state;

	offer(w, MT_DISCOVERY_AUTOCONFIG, "_pop3s", "pop.example.test");
	offer(w, MT_DISCOVERY_AUTOCONFIG, "_imap", "imap.example.test");
	offer(w, MT_DISCOVERY_AUTOCONFIG, "_imaps", "imap.example.test");
	assert_string_equal(run(w), "_pop3s pop.example.test:995 https; _imaps "
				    "imap.example.test:993 https; _imap imap.example.test:143 "
				    "https");
}

/* D-DISC-03 */
static void
a_plain_server_of_a_document_is_below_the_minimum_whoever_consents(void **state)
{
	static const char expected[] = "_imaps imap.example.test:993 https; - autoconfig "
				       "srv.candidate-below-minimum";
	struct world *w = *state;

	offer(w, MT_DISCOVERY_AUTOCONFIG, "", "plain.example.test");
	offer(w, MT_DISCOVERY_AUTOCONFIG, "_imaps", "imap.example.test");
	assert_string_equal(run(w), expected);
	assert_string_equal(w->found.omissions[0].host, "plain.example.test");
	w->query.may_reduce = true;
	assert_string_equal(run(w), expected);
}

static void
nothing_but_plain_servers_is_no_tls(void **state)
{
	struct world *w = *state;

	offer(w, MT_DISCOVERY_AUTOCONFIG, "", "plain.example.test");
	run(w);
	assert_true(w->found.no_tls); /* R-5.1-06 */
}

/* D-DISC-02, R-5.1-12: as of SRV; a digest that is signed signs the document. */
static void
a_document_that_leads_out_of_its_domain_is_confirmed_unless_signed(void **state)
{
	static const struct {
		enum mt_discovery source;
		enum mt_dnssec dnssec;
		const char *trust;
	} rows[] = {
		{MT_DISCOVERY_PACC, MT_DNSSEC_INSECURE, "unconfirmed"},
		{MT_DISCOVERY_PACC, MT_DNSSEC_SECURE, "dnssec"},
		{MT_DISCOVERY_AUTOCONFIG, MT_DNSSEC_INSECURE, "unconfirmed"},
		{MT_DISCOVERY_AUTOCONFIG, MT_DNSSEC_SECURE, "unconfirmed"},
		{MT_DISCOVERY_AUTOCONFIG_HTTP, MT_DNSSEC_SECURE, "unconfirmed"},
		{MT_DISCOVERY_ADMIN, MT_DNSSEC_INSECURE, "admin"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		w->query.n_offers = 0;
		w->confirmed = NULL;
		offer(w, rows[i].source, "_imaps", "mail.other.test")->dnssec = rows[i].dnssec;
		run(w);
		assert_string_equal(mt_trust_to_string(w->found.candidates[0].trust),
				    rows[i].trust);
		w->confirmed = "mail.other.test";
		run(w);
		if (strcmp(rows[i].trust, "unconfirmed") == 0)
			assert_int_equal(w->found.candidates[0].trust, MT_TRUST_USER_CONFIRMED);
	}
}

/* Rows 11 and 12 hold for documents as they do for SRV. */
static void
a_policy_above_ask_leaves_out_what_no_signature_covers(void **state)
{
	struct world *w = *state;

	offer(w, MT_DISCOVERY_AUTOCONFIG, "_imaps", "mail.other.test");
	offer(w, MT_DISCOVERY_AUTOCONFIG_HTTP, "_imaps", "imap.example.test");
	offer(w, MT_DISCOVERY_PACC, "_imaps", "imap.example.test");
	w->query.srv_trust = MT_SRV_TRUST_IN_DOMAIN;
	assert_string_equal(run(w), "_imaps imap.example.test:993 https; - _imaps "
				    "srv.target-out-of-domain; - _imaps "
				    "discovery.unverified-source");
	w->query.srv_trust = MT_SRV_TRUST_DNSSEC;
	run(w);
	assert_int_equal(w->found.n, 0);
	w->offers[2].dnssec = MT_DNSSEC_SECURE;
	run(w);
	assert_int_equal(w->found.n, 1);
}

static void
what_a_source_has_to_say_is_listed_and_may_make_the_answer_incomplete(void **state)
{
	struct world *w = *state;

	w->notes[0] = (struct mt_source_note){MT_DISCOVERY_PACC, MT_LEFT_OUT_SOURCE_DIGEST, 1};
	w->notes[1] = (struct mt_source_note){MT_DISCOVERY_AUTOCONFIG, MT_LEFT_OUT_TOO_MANY, 984};
	w->query.notes = w->notes;
	w->query.n_notes = 2;
	assert_string_equal(run(w), "- pacc source-digest-mismatch; - autoconfig too-many many");
	assert_false(w->found.is_incomplete);
	w->query.is_incomplete = true;
	run(w);
	assert_true(w->found.is_incomplete);
}

static void
reading_comes_before_submission_and_each_has_its_best(void **state)
{
	struct world *w = *state;

	add(w, "_submissions", 0, 0, 465, "out.example.test");
	add(w, "_imaps", 50, 0, 993, "in.example.test");
	run(w);
	assert_string_equal(mt_discovered_best(&w->found, false)->host, "in.example.test");
	assert_string_equal(mt_discovered_best(&w->found, true)->host, "out.example.test");
}

static void
a_protocol_the_policy_forbids_is_left_out(void **state)
{
	struct world *w = *state;

	w->query.protocols = 1u << MT_PROTO_IMAP;
	add(w, "_imaps", 5, 0, 993, "in.example.test");
	add(w, "_pop3s", 0, 0, 995, "in.example.test");
	assert_string_equal(run(w),
			    "_imaps in.example.test:993 in-domain; - _pop3s protocol-not-allowed");
}

static void
full_answers_of_every_label_fit(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < MT_SERVICE_COUNT; i++) {
		for (unsigned k = 0; k < MT_SRV_MAX; k++)
			add(w, mt_services[i].label, k, 0, 1 + k, "in.example.test");
		w->answers[i].n_unusable = w->answers[i].n_omitted = UINT32_MAX;
	}
	mt_discovery_run(&w->query, &w->found);
	assert_int_equal(w->found.n, MT_SERVICE_COUNT * MT_SRV_MAX);
	assert_int_equal(w->found.n_omissions, 2 * MT_SERVICE_COUNT);
	w->query.protocols = 0;
	mt_discovery_run(&w->query, &w->found);
	assert_int_equal(w->found.n, 0);
	assert_int_equal(w->found.n_omissions, MT_SERVICE_COUNT * (MT_SRV_MAX + 2));
}

/* D-SRV-13, D-ID-04, D-ID-11: the name of SRV and the address domain; the canonical name is not
 * among them. */
static void
a_target_that_is_an_alias_keeps_its_own_name_as_reference(void **state)
{
	struct world *w = *state;
	struct mt_reference reference;
	struct mt_refids refs;

	add(w, "_imaps", 0, 0, 993, "alias.example.test");
	secure(w, "_imaps");
	strcpy(w->answers[0].rrset.canonical, "real.provider.test");
	run(w);
	mt_candidate_reference(&w->found.candidates[0], DOMAIN, &reference);
	assert_int_equal(mt_refids_build(&reference, &refs), 0);
	assert_int_equal(refs.n, 3);
	assert_string_equal(refs.ids[0].value, "alias.example.test");
	assert_string_equal(refs.ids[1].value, "example.test");
	assert_string_equal(refs.ids[2].value, "_imaps.example.test");
}

static void
an_unconfirmed_target_has_no_reference_at_all(void **state)
{
	struct world *w = *state;
	struct mt_reference reference;
	struct mt_refids refs;

	add(w, "_imaps", 0, 0, 993, "mail.other.test"); /* D-ID-19 row 4 */
	run(w);
	mt_candidate_reference(&w->found.candidates[0], DOMAIN, &reference);
	assert_int_equal(mt_refids_build(&reference, &refs), MT_REFIDS_E_NONE);
	w->confirmed = "mail.other.test"; /* row 5 */
	run(w);
	mt_candidate_reference(&w->found.candidates[0], DOMAIN, &reference);
	assert_int_equal(mt_refids_build(&reference, &refs), 0);
}

static void
the_six_names_are_those_of_the_labels(void **state)
{
	char name[MT_DOMAIN_SIZE], domain[MT_DOMAIN_SIZE];

	assert_int_equal(mt_discovery_name(&mt_services[4], DOMAIN, name), 0); /* D-SRV-01 */
	assert_string_equal(name, "_submissions._tcp.example.test");
	memset(domain, 'a', 250);
	domain[250] = '\0';
	assert_int_equal(mt_discovery_name(&mt_services[0], domain, name), 1);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(a_tls_label_alone_is_a_candidate_with_implicit_tls_and_the_port_of_srv),
		CASE(implicit_tls_comes_before_starttls_whatever_the_priorities),
		CASE(a_candidate_below_the_minimum_is_left_out_before_priority_is_looked_at),
		CASE(with_consent_a_reduced_candidate_reappears_marked_and_last),
		CASE(where_no_server_has_tls_a_person_is_asked),
		CASE(a_policy_of_implicit_tls_leaves_starttls_out_without_a_probe),
		CASE(a_target_of_a_dot_is_not_offered_and_nothing_is_guessed),
		CASE(port_zero_bad_targets_and_too_many_are_left_out_by_name),
		CASE(trust_follows_the_table),
		CASE(whole_labels_decide_in_any_case_with_or_without_the_last_dot),
		CASE(a_bogus_label_is_left_out_and_makes_the_answer_incomplete),
		CASE(an_empty_answer_proposes_nothing),
		CASE(the_lowest_priority_comes_first),
		CASE(the_protocol_is_chosen_before_weight),
		CASE(the_domain_may_prefer_pop3_by_priority),
		CASE(weights_share_the_load_within_two_percent),
		CASE(weight_zero_is_rare_but_reachable),
		CASE(equal_weights_of_zero_and_the_largest_do_not_overflow),
		CASE(without_a_lot_the_order_is_the_same_each_time_the_greatest_weight_first),
		CASE(sources_rank_administrator_signed_unsigned),
		CASE(every_source_has_its_place_and_all_are_kept),
		CASE(a_source_names_its_best_first_and_implicit_tls_still_wins),
		CASE(a_plain_server_of_a_document_is_below_the_minimum_whoever_consents),
		CASE(nothing_but_plain_servers_is_no_tls),
		CASE(a_document_that_leads_out_of_its_domain_is_confirmed_unless_signed),
		CASE(a_policy_above_ask_leaves_out_what_no_signature_covers),
		CASE(what_a_source_has_to_say_is_listed_and_may_make_the_answer_incomplete),
		CASE(reading_comes_before_submission_and_each_has_its_best),
		CASE(a_protocol_the_policy_forbids_is_left_out),
		CASE(full_answers_of_every_label_fit),
		CASE(a_target_that_is_an_alias_keeps_its_own_name_as_reference),
		CASE(an_unconfirmed_target_has_no_reference_at_all),
		CASE(the_six_names_are_those_of_the_labels),
	};

	return cmocka_run_group_tests_name("discovery", tests, NULL, NULL);
}
