/* SPDX-License-Identifier: MIT */
/* Log lines, the audit, and the clock. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/cmocka-all.h"

#include "daemon/accounts.h"
#include "daemon/audit.h"
#include "daemon/clock.h"
#include "daemon/log.h"

struct world {
	int fd;
	char text[16384];
};

static int
setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->fd = memfd_create("log", MFD_CLOEXEC);
	assert_true(world->fd >= 0);
	mt_log_set_target(world->fd);
	mt_log_set_level(MT_LOG_INFO);
	*state = world;
	return 0;
}

static int
teardown(void **state)
{
	struct world *world = *state;

	(void)close(world->fd);
	mt_log_set_target(-1);
	free(world);
	return 0;
}

/* What was logged so far. */
static const char *
logged(struct world *world)
{
	ssize_t size = pread(world->fd, world->text, sizeof(world->text) - 1, 0);

	assert_true(size >= 0);
	world->text[size] = '\0';
	return world->text;
}

static size_t
n_lines(const char *text)
{
	size_t n = 0;

	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

static void
fields_stand_before_prose_on_one_line(void **state)
{
	struct world *world = *state;
	struct mt_log_line line;

	mt_log_begin(&line, MT_LOG_NOTICE, "test");
	mt_log_number(&line, "MT_UID", 1000);
	mt_log_number(&line, "MT_MIN", INT64_MIN);
	mt_log_text(&line, "MT_NONE", NULL);
	mt_log_hex(&line, "MT_HEX", (const uint8_t *)"\x01\xff", 2);
	mt_log_end(&line, "it %s", "happened");
	assert_string_equal(logged(world), "MT_EVENT=test MT_UID=1000 MT_MIN=-9223372036854775808 "
					   "MT_HEX=01ff it happened\n");
}

static void
what_a_peer_supplied_cannot_start_a_line_or_a_field(void **state)
{
	struct world *world = *state;
	struct mt_log_line line;

	mt_log_begin(&line, MT_LOG_NOTICE, "test");
	mt_log_text(&line, "MT_HOST", "a\nMT_EVENT=x\" MT_UID=0 \x1b[2J");
	mt_log_end(&line, "%s", "b\nMT_EVENT=y");
	assert_string_equal(logged(world),
			    "MT_EVENT=test MT_HOST=\"a\\x0aMT_EVENT=x\\x22 MT_UID=0 \\x1b[2J\" "
			    "b\\x0aMT_EVENT=y\n");
}

static void
a_local_part_is_never_logged(void **state)
{
	struct world *world = *state;
	struct mt_log_line line;

	mt_log_begin(&line, MT_LOG_NOTICE, "test");
	mt_log_address(&line, "MT_A", "ann@example.test");
	mt_log_address(&line, "MT_B", "\"a@b\"@example.test");
	mt_log_address(&line, "MT_C", "ann");
	mt_log_end(&line, "done");
	assert_string_equal(logged(world),
			    "MT_EVENT=test MT_A=@example.test MT_B=@example.test MT_C=@ done\n");
}

static void
a_line_too_long_is_cut_and_says_so(void **state)
{
	struct world *world = *state;
	struct mt_log_line line;
	char text[3000];

	memset(text, '\n', sizeof(text)); /* four bytes each when escaped */
	mt_log_begin(&line, MT_LOG_NOTICE, "test");
	mt_log_bytes(&line, "MT_A", text, sizeof(text));
	mt_log_text(&line, "MT_B", "lost");
	mt_log_end(&line, "prose");
	(void)logged(world);
	assert_true(strlen(world->text) <= MT_LOG_LINE_MAX);
	assert_int_equal(n_lines(world->text), 1);
	assert_non_null(strstr(world->text, " [cut]\n"));
	assert_null(strstr(world->text, "MT_B"));
}

static void
what_is_above_the_level_is_not_written(void **state)
{
	struct world *world = *state;

	mt_log(MT_LOG_DEBUG, "quiet", "nothing");
	mt_log(MT_LOG_INFO, "loud", "something");
	assert_string_equal(logged(world), "MT_EVENT=loud something\n");
}

static const struct mt_account_id account_id = {.bytes = {0xab}};

static void
audit_one(struct mt_audit *audit, const char *jti, struct mt_verdict *verdict)
{
	struct mt_evidence evidence = {
		.proto = MT_PROTO_IMAP,
		.transport = MT_TRANSPORT_IMPLICIT,
		.host = "imap.example.test",
		.port = 993,
	};
	struct mt_refid identity = {.type = MT_REFID_DNS, .value = "imap.example.test"};

	mt_verdict_add(verdict, MT_REASON_CERT_PKIX_VALID);
	mt_verdict_add(verdict, MT_REASON_CONF_MET);
	mt_audit_decision(audit, &(struct mt_audit_decision){
					 .jti = jti,
					 .uid = 1000,
					 .account = &account_id,
					 .epoch = 7,
					 .op = MT_OP_AUTHENTICATE,
					 .provenance = MT_PROVENANCE_ATTESTED,
					 .evidence = &evidence,
					 .verdict = verdict,
					 .identity = &identity,
				 });
}

/* D-SYS-05 */
static void
every_verdict_leaves_one_line_that_its_jti_finds(void **state)
{
	struct mt_verdict verdict = {.decision = MT_DECISION_ALLOW, .conf = true};
	struct world *world = *state;
	struct mt_audit *audit = NULL;

	assert_int_equal(mt_audit_new(&audit), 0);
	audit_one(audit, "one", &verdict);
	audit_one(audit, "two", &verdict);
	assert_int_equal(n_lines(logged(world)), 2);
	assert_non_null(strstr(
		world->text,
		"MT_EVENT=decision MT_DECISION=allow MT_CONF=1 "
		"MT_REASONS=cert.pkix-valid,conf.met MT_JTI=two MT_UID=1000 "
		"MT_ACCOUNT=ab000000000000000000000000000000 MT_OP=authenticate MT_PROTO=imap "
		"MT_HOST=imap.example.test MT_PORT=993 MT_TRANSPORT=implicit MT_IDENTITY_TYPE=dns "
		"MT_IDENTITY=imap.example.test MT_PROVENANCE=attested MT_EPOCH=7 verdict\n"));
	assert_null(strstr(strstr(world->text, "MT_JTI=two") + 1, "MT_JTI=two"));
	audit = mt_audit_free(audit);
}

static void
what_only_the_administrator_may_know_stands_in_the_line(void **state)
{
	struct mt_verdict foreign = {.log_not_owner = true},
			  pinned = {.log_pin_other_account = true};
	struct world *world = *state;
	struct mt_audit *audit = NULL;

	assert_int_equal(mt_audit_new(&audit), 0);
	audit_one(audit, NULL, &foreign);
	assert_non_null(strstr(logged(world), "MT_DECISION=deny"));
	assert_non_null(strstr(world->text, "MT_ADMIN=account.not-owner"));
	audit_one(audit, NULL, &pinned);
	assert_non_null(strstr(logged(world), "MT_ADMIN=pin.other-account"));
	audit = mt_audit_free(audit);
}

static void
a_consent_is_logged_with_its_text_version(void **state)
{
	struct mt_account account = {.id = account_id, .address = "ann@example.test"};
	struct mt_consent consent = {
		.kind = MT_CONSENT_REDUCED_CONFIDENTIALITY, .uid = 1000, .text_version = 1};
	struct world *world = *state;
	struct mt_audit *audit = NULL;

	assert_int_equal(mt_audit_new(&audit), 0);
	mt_audit_consent(audit, &account, &consent);
	assert_non_null(strstr(logged(world), "MT_EVENT=consent MT_CONSENT=reduced-confidentiality "
					      "MT_TEXT_VERSION=1 MT_UID=1000"));
	mt_audit_account(audit, &account, MT_CHANGED_MINIMUM | MT_CHANGED_STATE, MT_ACCOUNT_ACTIVE);
	assert_non_null(strstr(logged(world), "MT_CHANGED=minimum,state MT_STATE=suspended "
					      "MT_STATE_BEFORE=active"));
	mt_audit_removed(audit, &account);
	mt_audit_policy(audit, "corp", 3, 9, "policy.org-invalid");
	assert_null(strstr(logged(world), "ann"));
	assert_int_equal(n_lines(world->text), 4);
	audit = mt_audit_free(audit);
}

struct lines {
	uint64_t first, last;
	size_t n;
	char newest[MT_AUDIT_LINE_MAX + 1];
};

static void
collect(void *userdata, uint64_t number, const char *line, size_t size)
{
	struct lines *lines = userdata;

	if (lines->n++ == 0)
		lines->first = number;
	lines->last = number;
	memcpy(lines->newest, line, size);
	lines->newest[size] = '\0';
}

static void
the_last_lines_are_kept_for_the_administrator(void **state)
{
	struct mt_audit *audit = NULL;
	struct lines lines = {0};

	mt_log_set_target(open("/dev/null", O_WRONLY | O_CLOEXEC));
	assert_int_equal(mt_audit_new(&audit), 0);
	for (uint64_t i = 1; i <= MT_AUDIT_LINES + 10; i++)
		mt_audit_policy(audit, "corp", i, 1, NULL);
	assert_int_equal(mt_audit_read(audit, 0, collect, &lines), MT_AUDIT_LINES + 10);
	assert_int_equal(lines.n, MT_AUDIT_LINES);
	assert_int_equal(lines.first, 11);
	assert_int_equal(lines.last, MT_AUDIT_LINES + 10);
	assert_non_null(strstr(lines.newest, "MT_SERIAL=266"));
	assert_null(strchr(lines.newest, '\n'));
	lines = (struct lines){0};
	assert_int_equal(mt_audit_read(audit, MT_AUDIT_LINES + 8, collect, &lines),
			 MT_AUDIT_LINES + 10);
	assert_int_equal(lines.n, 2);
	audit = mt_audit_free(audit);
}

static int64_t
fixed_wall(void *userdata)
{
	return *(int64_t *)userdata;
}

static bool
never_synchronised(void *userdata)
{
	return false;
}

/* D-PKIX-08 */
static void
a_clock_before_the_build_is_insane_and_an_unsynchronised_one_only_when_asked(void **state)
{
	int64_t now_usec = mt_clock_build_date_usec() - 1;
	const struct mt_clock clock = {fixed_wall, fixed_wall, never_synchronised, &now_usec};

	assert_true(mt_clock_build_date_usec() > INT64_C(1700000000) * MT_USEC_PER_SEC);
	assert_false(mt_clock_is_sane(&clock, false));
	now_usec++;
	assert_true(mt_clock_is_sane(&clock, false));
	assert_false(mt_clock_is_sane(&clock, true));
}

static void
the_machines_clocks_run(void **state)
{
	const struct mt_clock *clock = mt_clock_system();
	int64_t before = mt_clock_monotonic(clock);

	(void)usleep(2000);
	assert_true(mt_clock_monotonic(clock) >= before + 2000);
	assert_true(mt_clock_is_sane(clock, false));
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(fields_stand_before_prose_on_one_line),
		CASE(what_a_peer_supplied_cannot_start_a_line_or_a_field),
		CASE(a_local_part_is_never_logged),
		CASE(a_line_too_long_is_cut_and_says_so),
		CASE(what_is_above_the_level_is_not_written),
		CASE(every_verdict_leaves_one_line_that_its_jti_finds),
		CASE(what_only_the_administrator_may_know_stands_in_the_line),
		CASE(a_consent_is_logged_with_its_text_version),
		CASE(the_last_lines_are_kept_for_the_administrator),
		CASE(a_clock_before_the_build_is_insane_and_an_unsynchronised_one_only_when_asked),
		CASE(the_machines_clocks_run),
	};

	return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}
