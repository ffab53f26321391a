/* SPDX-License-Identifier: MIT */
/* What a change in DNS means: REQUIREMENTS 4.8, row by row, and the borders between rows. */

#include "tests/cmocka-all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/change.h"
#include "tests/unit/answers.h"

#define DOMAIN ANSWERS_DOMAIN
#define MINUTE (60 * MT_USEC_PER_SEC)
#define HOUR (60 * MINUTE)
#define NOON (INT64_C(1800000000) * MT_USEC_PER_SEC)

/* One account's look at its domain. */
struct world {
	struct mt_srv_rrset before[MT_SERVICE_COUNT], fresh[MT_SERVICE_COUNT];
	struct mt_use uses[MT_PROTO_COUNT];
	struct mt_look look;
	struct mt_change change;
	char text[512];
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->look = (struct mt_look){
		.domain = DOMAIN, .uses = w->uses, .min_conf = true, .now_usec = NOON};
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++)
		w->look.fresh[i] = &w->fresh[i];
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	free(*state);
	return 0;
}

/* "imap implicit imap 993" */
static void
use(struct world *w, const char *text)
{
	static char hosts[MT_PROTO_COUNT][MT_DOMAIN_SIZE];
	struct mt_use *u = &w->uses[w->look.n_uses];
	char proto[16], transport[16], host[200];
	unsigned int port;

	assert_int_equal(sscanf(text, "%15s %15s %199s %u", proto, transport, host, &port), 4);
	assert_int_equal(mt_proto_from_string(proto, &u->proto), 0);
	assert_int_equal(mt_transport_from_string(transport, &u->transport), 0);
	snprintf(hosts[w->look.n_uses], MT_DOMAIN_SIZE, "%s%s", host,
		 strchr(host, '.') ? "" : "." DOMAIN);
	u->host = hosts[w->look.n_uses];
	u->port = (uint16_t)port;
	w->look.n_uses++;
}

static void
snapshot(struct world *w, const char *text)
{
	const bool is_there = strcmp(text, "none") != 0;

	answers_parse(text, w->before);
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++)
		w->look.before[i] = is_there ? &w->before[i] : NULL;
}

/* Looks, some time after the look before. Return: "S-06 removed srv.changed; config; kept
 * imap.example.test:993" */
static const char *
look(struct world *w, const char *fresh, int64_t later_usec)
{
	static const char *const fates[] = {"kept", "after-probe", "updated", "renewed"};
	static const char *const signals[] = {
		"",        "config",         "alert",        "config+alert",
		"upgrade", "config+upgrade", "alert+upgrade"};
	struct mt_change *c = &w->change;
	size_t n;

	w->look.now_usec += later_usec;
	answers_parse(fresh, w->fresh);
	mt_change_judge(&w->look, c);
	w->look.history = c->history;
	n = (size_t)snprintf(w->text, sizeof(w->text), "S-%02u %s", c->row,
			     mt_change_class_to_string(c->class));
	for (size_t i = 0; i < c->n_reasons; i++)
		n += (size_t)snprintf(w->text + n, sizeof(w->text) - n, " %s",
				      mt_reason_to_string(c->reasons[i]));
	n += (size_t)snprintf(w->text + n, sizeof(w->text) - n, "; %s",
			      c->is_pending ? "pending" : signals[c->signals]);
	if (c->after_probe)
		n += (size_t)snprintf(w->text + n, sizeof(w->text) - n, "(%s)",
				      signals[c->after_probe]);
	n += (size_t)snprintf(w->text + n, sizeof(w->text) - n, "; %s", fates[c->fate]);
	if (c->subject.host[0])
		n += (size_t)snprintf(w->text + n, sizeof(w->text) - n, " %s:%u", c->subject.host,
				      c->subject.port);
	if (c->n_upgrades)
		snprintf(w->text + n, sizeof(w->text) - n, " offer %s %s:%u",
			 c->upgrades[0].service->label, c->upgrades[0].host, c->upgrades[0].port);
	return w->text;
}

#define IMAPS "imap implicit imap 993"
#define STARTTLS "imap starttls imap 143"
#define PLAIN "imap none imap 143"

/* -- one case for each row --------------------------------------------------------------------- */

/* Signed, so that one look says it. */
static const struct row {
	const char *name; /* of the requirement */
	const char *uses, *before, *fresh, *expected;
	bool off;
} rows[] = {
	{"S-01", IMAPS, "signed _imaps imap 993", "signed _imaps imap 993", "S-01 none; ; renewed",
	 false},
	{"S-02", IMAPS, "signed _imaps imap 993 0", "signed _imaps imap 993 5",
	 "S-02 none; ; updated", false},
	{"S-03", IMAPS, "signed _imaps imap 993", "signed _imaps imap 993, _imaps two 993",
	 "S-03 same-level srv.changed; config; updated", false},
	{"S-04", STARTTLS, "signed _imap imap 143", "signed _imap imap 143, _imaps imap 993",
	 "S-04 stronger srv.changed srv.upgrade-available; config(upgrade); updated "
	 "imap.example.test:993 offer _imaps imap.example.test:993",
	 false},
	{"S-05", PLAIN, "signed", "signed _imaps imap 993",
	 "S-05 stronger srv.upgrade-available; (config+upgrade); after-probe imap.example.test:993 "
	 "offer _imaps imap.example.test:993",
	 true},
	{"S-06", IMAPS, "signed _imaps imap 993", "signed _imaps new 993",
	 "S-06 removed srv.changed; config; kept new.example.test:993", false},
	{"S-08", IMAPS, "signed _imaps imap 993, _imap imap 143", "signed _imap imap 143",
	 "S-08 weaker srv.changed-weaker; alert; kept", false},
	{"S-09", IMAPS, "signed _imaps imap 993", "signed _imaps . 0",
	 "S-09 removed srv.service-not-offered; config; kept", false},
	{"S-11", IMAPS, "unsigned _imaps imap 993", "signed _imaps imap 993",
	 "S-11 none srv.dnssec-secure; ; updated", false},
	{"S-12", IMAPS, "signed _imaps imap 993", "bogus", "S-12 weaker srv.bogus; alert; kept",
	 false},
	{"S-13", IMAPS, "signed _imaps imap 993", "servfail", "S-13 none; ; kept", false},
};

static void
each_row_says_what_the_table_says(void **state)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		struct world *w;
		void *fresh = NULL;

		setup(&fresh);
		w = fresh;
		use(w, rows[i].uses);
		w->look.min_conf = !rows[i].off;
		snapshot(w, rows[i].before);
		print_message("# %s\n", rows[i].name);
		assert_string_equal(look(w, rows[i].fresh, 0), rows[i].expected);
		teardown(&fresh);
	}
}

/* S-07 is about unsigned data only, so it takes two looks. */
static void
s_07_a_new_target_outside_of_the_domain_is_for_a_person_to_review(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "unsigned _imaps imap 993");
	assert_string_equal(look(w, "unsigned _imaps mail.other.test 993", 0),
			    "S-07 out-of-domain srv.changed; pending; kept mail.other.test:993");
	assert_string_equal(look(w, "unsigned _imaps mail.other.test 993", 10 * MINUTE),
			    "S-07 out-of-domain srv.changed; config; kept mail.other.test:993");
}

static void
s_07_a_signed_target_outside_is_like_one_inside(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "signed _imaps imap 993");
	assert_string_equal(look(w, "signed _imaps mail.other.test 993", 0),
			    "S-06 removed srv.changed; config; kept mail.other.test:993");
}

static void
s_07_speaks_where_the_current_target_is_still_there(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "unsigned _imaps imap 993");
	look(w, "unsigned _imaps imap 993, _imaps mail.other.test 993", 0);
	assert_string_equal(
		look(w, "unsigned _imaps imap 993, _imaps mail.other.test 993", 10 * MINUTE),
		"S-07 out-of-domain srv.changed; config; kept mail.other.test:993");
}

static void
s_10_a_zone_that_is_not_signed_any_more_alarms(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "signed _imaps imap 993");
	assert_string_equal(look(w, "unsigned _imaps imap 993", 0),
			    "S-10 weaker srv.changed-weaker; pending; kept");
	assert_string_equal(look(w, "unsigned _imaps imap 993", 11 * MINUTE),
			    "S-10 weaker srv.changed-weaker; alert; kept");
}

static void
s_14_absence_is_believed_after_three_looks_over_a_day(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "signed _imaps imap 993");
	assert_string_equal(look(w, "signed", 0), "S-14 removed srv.changed; pending; kept");
	assert_string_equal(look(w, "signed", 11 * MINUTE),
			    "S-14 removed srv.changed; pending; kept");
	/* three, but not over a day */
	assert_string_equal(look(w, "signed", 12 * HOUR),
			    "S-14 removed srv.changed; pending; kept");
	assert_string_equal(look(w, "signed", 12 * HOUR), "S-14 removed srv.changed; config; kept");
}

static void
s_14_two_looks_a_day_apart_are_not_three(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "signed _imaps imap 993");
	look(w, "signed", 0);
	assert_string_equal(look(w, "signed", 24 * HOUR),
			    "S-14 removed srv.changed; pending; kept");
}

static void
s_14_what_comes_back_ends_the_count(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "signed _imaps imap 993");
	look(w, "signed", 0);
	look(w, "signed", 12 * HOUR);
	look(w, "signed _imaps imap 993", HOUR);
	assert_string_equal(look(w, "signed", 12 * HOUR),
			    "S-14 removed srv.changed; pending; kept");
}

/* -- agreement --------------------------------------------------------------------------------- */

static void
an_unsigned_change_is_told_when_two_looks_agree(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "unsigned _imaps imap 993");
	assert_string_equal(look(w, "unsigned _imaps new 993", 0),
			    "S-06 removed srv.changed; pending; kept new.example.test:993");
	assert_string_equal(look(w, "unsigned _imaps new 993", 10 * MINUTE - 1),
			    "S-06 removed srv.changed; pending; kept new.example.test:993");
	assert_string_equal(look(w, "unsigned _imaps new 993", 1),
			    "S-06 removed srv.changed; config; kept new.example.test:993");
}

static void
looks_that_differ_do_not_agree(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "unsigned _imaps imap 993");
	look(w, "unsigned _imaps new 993", 0);
	assert_string_equal(look(w, "unsigned _imaps newer 993", 11 * MINUTE),
			    "S-06 removed srv.changed; pending; kept newer.example.test:993");
	assert_string_equal(look(w, "unsigned _imaps new 993", 11 * MINUTE),
			    "S-06 removed srv.changed; pending; kept new.example.test:993");
}

static void
a_look_that_failed_neither_confirms_nor_refutes(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "unsigned _imaps imap 993");
	look(w, "unsigned _imaps new 993", 0);
	look(w, "servfail", 11 * MINUTE);
	assert_int_equal(w->look.history.n_failed, 1);
	assert_string_equal(look(w, "unsigned _imaps new 993", 11 * MINUTE),
			    "S-06 removed srv.changed; config; kept new.example.test:993");
	assert_int_equal(w->look.history.n_failed, 0);
}

static void
a_clock_that_went_back_proves_no_ten_minutes(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "unsigned _imaps imap 993");
	look(w, "unsigned _imaps new 993", 0);
	assert_string_equal(look(w, "unsigned _imaps new 993", -HOUR),
			    "S-06 removed srv.changed; pending; kept new.example.test:993");
}

static void
unsigned_data_updates_no_snapshot_after_one_look(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "unsigned _imaps imap 993 0");
	assert_string_equal(look(w, "unsigned _imaps imap 993 9", 0), "S-02 none; pending; kept");
	assert_string_equal(look(w, "unsigned _imaps imap 993 9", 10 * MINUTE),
			    "S-02 none; ; updated");
}

static void
one_unsigned_answer_among_six_is_enough_to_need_agreement(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "unsigned _imaps imap 993");
	answers_parse("signed _imaps new 993", w->fresh);
	w->fresh[1].rrset.dnssec = MT_DNSSEC_INSECURE;
	mt_change_judge(&w->look, &w->change);
	assert_true(w->change.is_pending);
}

/* -- told once --------------------------------------------------------------------------------- */

static void
a_finding_that_lasts_is_told_once(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "signed _imaps imap 993");
	look(w, "signed _imaps new 993", 0);
	assert_string_equal(look(w, "signed _imaps new 993", 48 * HOUR),
			    "S-06 removed srv.changed; ; kept new.example.test:993");
	assert_true(w->change.is_told);
}

static void
one_that_came_back_is_told_again_after_a_day(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "signed _imaps imap 993");
	look(w, "signed _imaps new 993", 0);
	look(w, "signed _imaps imap 993", HOUR);
	assert_string_equal(look(w, "signed _imaps new 993", HOUR),
			    "S-06 removed srv.changed; ; kept new.example.test:993");
	look(w, "signed _imaps imap 993", HOUR);
	assert_string_equal(look(w, "signed _imaps new 993", 48 * HOUR),
			    "S-06 removed srv.changed; config; kept new.example.test:993");
}

static void
another_finding_is_told_at_once(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "signed _imaps imap 993");
	look(w, "signed _imaps new 993", 0);
	assert_string_equal(look(w, "signed _imaps . 0", HOUR),
			    "S-09 removed srv.service-not-offered; config; kept");
}

static void
bogus_data_is_told_once_a_day_as_long_as_it_lasts(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "signed _imaps imap 993");
	look(w, "bogus", 0);
	assert_string_equal(look(w, "bogus", 23 * HOUR), "S-12 weaker srv.bogus; ; kept");
	/* nor does it help to be right in between */
	look(w, "signed _imaps imap 993", MINUTE);
	assert_string_equal(look(w, "bogus", MINUTE), "S-12 weaker srv.bogus; ; kept");
	assert_string_equal(look(w, "bogus", HOUR), "S-12 weaker srv.bogus; alert; kept");
}

/* -- several rows at once ---------------------------------------------------------------------- */

static void
the_strongest_class_of_several_rows_speaks(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	use(w, "submission starttls smtp 587");
	snapshot(w, "signed _imaps imap 993, _imap imap 143, _submission smtp 587");
	/* S-08 for reading, S-04 for sending */
	assert_string_equal(
		look(w, "signed _imap imap 143, _submission smtp 587, _submissions smtp 465", 0),
		"S-08 weaker srv.changed-weaker; alert; kept");
	assert_true(w->change.rows & 1u << 4);
}

static void
nothing_is_offered_while_something_looks_wrong(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	use(w, "submission none smtp 587");
	w->look.min_conf = false;
	snapshot(w, "signed _imaps imap 993");
	look(w, "signed _imaps new 993, _submissions smtp 465", 0);
	assert_int_equal(w->change.class, MT_CHANGE_REMOVED);
	assert_int_equal(w->change.n_upgrades, 0);
}

static void
a_withdrawn_label_beats_the_one_that_says_so(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "signed _imaps imap 993");
	assert_string_equal(look(w, "signed _imaps . 0, _imap imap 143", 0),
			    "S-08 weaker srv.changed-weaker; alert; kept");
}

static void
bogus_data_is_all_that_is_said_of_a_look(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "signed _imaps imap 993");
	answers_parse("signed", w->fresh);
	w->fresh[5].rrset.dnssec = MT_DNSSEC_BOGUS;
	w->fresh[4].rrset.state = MT_RRSET_TIMEOUT;
	mt_change_judge(&w->look, &w->change);
	assert_int_equal(w->change.rows, 1u << 12);
}

static void
one_label_without_an_answer_makes_the_look_a_failure(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "signed _imaps imap 993, _imap imap 143");
	answers_parse("signed _imap imap 143", w->fresh);
	w->fresh[4].rrset.state = MT_RRSET_TIMEOUT;
	mt_change_judge(&w->look, &w->change);
	assert_int_equal(w->change.row, 13);
	assert_int_equal(w->change.fate, MT_SNAPSHOT_KEPT);
}

/* -- what counts ------------------------------------------------------------------------------- */

static void
imap_never_becomes_pop3(void **state)
{
	/* D-SRV-07 */
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "signed _imaps imap 993");
	assert_string_equal(look(w, "signed _pop3s imap 995", 0),
			    "S-06 removed srv.changed; config; kept");
	assert_int_equal(w->change.subject.service->proto, MT_PROTO_IMAP);
	w->look.min_conf = false;
	w->uses[0].transport = MT_TRANSPORT_NONE;
	look(w, "signed _pop3s imap 995", 0);
	for (size_t i = 0; i < w->change.n_upgrades; i++)
		assert_int_equal(w->change.upgrades[i].service->proto, MT_PROTO_IMAP);
}

static void
a_protocol_the_account_does_not_use_is_nobodys_business(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "signed _imaps imap 993, _pop3s imap 995, _pop3 imap 110");
	assert_string_equal(look(w, "signed _imaps imap 993, _pop3 imap 110", 0),
			    "S-02 none; ; updated");
}

static void
a_server_typed_by_hand_that_dns_never_named_is_not_missed(void **state)
{
	struct world *w = *state;

	use(w, "imap implicit mail.elsewhere.test 993");
	snapshot(w, "signed _imaps imap 993");
	assert_string_equal(look(w, "signed _imaps new 993", 0), "S-02 none; ; updated");
}

static void
what_a_person_took_over_meanwhile_is_no_change(void **state)
{
	struct world *w = *state;

	use(w, "imap implicit mail.other.test 993");
	snapshot(w, "unsigned _imaps imap 993");
	look(w, "unsigned _imaps mail.other.test 993", 0);
	assert_string_equal(look(w, "unsigned _imaps mail.other.test 993", 10 * MINUTE),
			    "S-02 none; ; updated");
}

static void
the_first_look_has_nothing_to_differ_from(void **state)
{
	struct world *w = *state;

	use(w, IMAPS);
	snapshot(w, "none");
	assert_string_equal(look(w, "unsigned _imaps mail.other.test 993", 0),
			    "S-01 none; ; renewed");
}

static void
the_first_look_offers_encryption_to_who_has_none(void **state)
{
	/* R-5-14 */
	struct world *w = *state;

	use(w, PLAIN);
	w->look.min_conf = false;
	snapshot(w, "none");
	look(w, "unsigned _imaps imap 993", 0);
	assert_string_equal(look(w, "unsigned _imaps imap 993", 10 * MINUTE),
			    "S-05 stronger srv.upgrade-available; (config+upgrade); after-probe "
			    "imap.example.test:993 offer _imaps imap.example.test:993");
}

static void
a_successor_is_encrypted_as_early(void **state)
{
	struct world *w = *state;

	use(w, STARTTLS);
	snapshot(w, "signed _imap imap 143");
	assert_string_equal(look(w, "signed _imaps new 993", 0),
			    "S-06 removed srv.changed; config; kept new.example.test:993");
}

static void
the_strict_reading_trusts_signed_names_alone(void **state)
{
	struct world *w = *state;

	use(w, STARTTLS);
	w->look.srv_trust = MT_SRV_TRUST_DNSSEC;
	snapshot(w, "unsigned _imap imap 143");
	look(w, "unsigned _imap imap 143, _imaps imap 993", 0);
	assert_string_equal(
		look(w, "unsigned _imap imap 143, _imaps new 993, _imaps imap 993", 10 * MINUTE),
		"S-07 out-of-domain srv.changed; pending; kept imap.example.test:993");
	assert_int_equal(w->change.n_upgrades, 0);
}

/* -- offers ------------------------------------------------------------------------------------ */

static void
an_account_that_requires_encryption_is_offered_none(void **state)
{
	struct world *w = *state;

	use(w, PLAIN);
	snapshot(w, "signed");
	look(w, "signed _imaps imap 993", 0);
	assert_int_equal(w->change.n_upgrades, 0);
}

static void
a_server_without_encryption_is_asked_for_starttls(void **state)
{
	/* R-5-14: the server begins to offer it, and no record says so */
	struct world *w = *state;

	use(w, PLAIN);
	w->look.min_conf = false;
	snapshot(w, "signed");
	assert_string_equal(look(w, "signed", 0),
			    "S-01 none; ; renewed offer _imap imap.example.test:143");
	assert_true(w->change.upgrades[0].is_same_server);
}

static void
an_offer_that_was_declined_is_not_made(void **state)
{
	struct world *w = *state;

	use(w, PLAIN);
	w->look.min_conf = false;
	w->look.is_declined[mt_service_find(MT_PROTO_IMAP, MT_TRANSPORT_IMPLICIT) - mt_services] =
		true;
	snapshot(w, "signed");
	look(w, "signed _imaps imap 993", 0);
	assert_int_equal(w->change.row, 5);
	assert_int_equal(w->change.n_upgrades, 0);
}

static void
each_service_has_its_offer(void **state)
{
	struct world *w = *state;

	use(w, PLAIN);
	use(w, "submission none smtp 587");
	w->look.min_conf = false;
	snapshot(w, "signed");
	look(w, "signed _imaps imap 993, _submission smtp 587", 0);
	assert_int_equal(w->change.n_upgrades, 2);
	assert_string_equal(w->change.upgrades[0].service->label, "_imaps");
	assert_string_equal(w->change.upgrades[1].service->label, "_submission");
}

static void
an_upgrade_is_better_than_what_is_in_use(void **state)
{
	struct mt_named named = {.service = mt_service_find(MT_PROTO_IMAP, MT_TRANSPORT_STARTTLS)};
	struct mt_use mine = {.proto = MT_PROTO_IMAP, .transport = MT_TRANSPORT_NONE};

	assert_true(mt_named_improves(&named, &mine));
	mine.transport = MT_TRANSPORT_STARTTLS;
	assert_false(mt_named_improves(&named, &mine));
	mine = (struct mt_use){.proto = MT_PROTO_POP3, .transport = MT_TRANSPORT_NONE};
	assert_false(mt_named_improves(&named, &mine));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(each_row_says_what_the_table_says),
		CASE(s_07_a_new_target_outside_of_the_domain_is_for_a_person_to_review),
		CASE(s_07_a_signed_target_outside_is_like_one_inside),
		CASE(s_07_speaks_where_the_current_target_is_still_there),
		CASE(s_10_a_zone_that_is_not_signed_any_more_alarms),
		CASE(s_14_absence_is_believed_after_three_looks_over_a_day),
		CASE(s_14_two_looks_a_day_apart_are_not_three),
		CASE(s_14_what_comes_back_ends_the_count),
		CASE(an_unsigned_change_is_told_when_two_looks_agree),
		CASE(looks_that_differ_do_not_agree),
		CASE(a_look_that_failed_neither_confirms_nor_refutes),
		CASE(a_clock_that_went_back_proves_no_ten_minutes),
		CASE(unsigned_data_updates_no_snapshot_after_one_look),
		CASE(one_unsigned_answer_among_six_is_enough_to_need_agreement),
		CASE(a_finding_that_lasts_is_told_once),
		CASE(one_that_came_back_is_told_again_after_a_day),
		CASE(another_finding_is_told_at_once),
		CASE(bogus_data_is_told_once_a_day_as_long_as_it_lasts),
		CASE(the_strongest_class_of_several_rows_speaks),
		CASE(nothing_is_offered_while_something_looks_wrong),
		CASE(a_withdrawn_label_beats_the_one_that_says_so),
		CASE(bogus_data_is_all_that_is_said_of_a_look),
		CASE(one_label_without_an_answer_makes_the_look_a_failure),
		CASE(imap_never_becomes_pop3),
		CASE(a_protocol_the_account_does_not_use_is_nobodys_business),
		CASE(a_server_typed_by_hand_that_dns_never_named_is_not_missed),
		CASE(what_a_person_took_over_meanwhile_is_no_change),
		CASE(the_first_look_has_nothing_to_differ_from),
		CASE(the_first_look_offers_encryption_to_who_has_none),
		CASE(a_successor_is_encrypted_as_early),
		CASE(the_strict_reading_trusts_signed_names_alone),
		CASE(an_account_that_requires_encryption_is_offered_none),
		CASE(a_server_without_encryption_is_asked_for_starttls),
		CASE(an_offer_that_was_declined_is_not_made),
		CASE(each_service_has_its_offer),
		CASE(an_upgrade_is_better_than_what_is_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
