/* SPDX-License-Identifier: MIT */
/* The command line's own parts: servers as people write them, advice, output, prompts. */

#include "tests/cmocka-all.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clients/cli/command.h"
#include "clients/cli/endpoint.h"
#include "clients/cli/fingerprint.h"
#include "clients/cli/output.h"
#include "clients/cli/prompt.h"
#include "clients/lib/advice.h"
#include "clients/lib/dial.h"

/* A cli whose output is kept. */
struct world {
	struct mt_cli cli;
	char *out, *err;
	size_t out_size, err_size;
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->cli.out = open_memstream(&w->out, &w->out_size);
	w->cli.err = open_memstream(&w->err, &w->err_size);
	w->cli.in = fopen("/dev/null", "r");
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	(void)fclose(w->cli.out);
	(void)fclose(w->cli.err);
	(void)fclose(w->cli.in);
	free(w->out);
	free(w->err);
	free(w);
	return 0;
}

static const char *
printed(struct world *w)
{
	(void)fflush(w->cli.out);
	return w->out;
}

static const char *
complained(struct world *w)
{
	(void)fflush(w->cli.err);
	return w->err;
}

static const struct {
	const char *label, *text, *host;
	uint16_t port;
	enum mt_proto proto;
	enum mt_transport transport;
} good[] = {
	{"imap", "imap.example.test", "imap.example.test", 993, MT_PROTO_IMAP,
	 MT_TRANSPORT_IMPLICIT},
	{"pop3", "pop.example.test", "pop.example.test", 995, MT_PROTO_POP3, MT_TRANSPORT_IMPLICIT},
	{"submission", "smtp.example.test", "smtp.example.test", 465, MT_PROTO_SUBMISSION,
	 MT_TRANSPORT_IMPLICIT},
	{"imap", "IMAP.Example.Test.", "imap.example.test", 993, MT_PROTO_IMAP,
	 MT_TRANSPORT_IMPLICIT},
	/* D-IANA-04 */
	{"imap", "h.test:143", "h.test", 143, MT_PROTO_IMAP, MT_TRANSPORT_STARTTLS},
	{"pop3", "h.test:110", "h.test", 110, MT_PROTO_POP3, MT_TRANSPORT_STARTTLS},
	{"submission", "h.test:587", "h.test", 587, MT_PROTO_SUBMISSION, MT_TRANSPORT_STARTTLS},
	{"imap", "h.test:587", "h.test", 587, MT_PROTO_IMAP, MT_TRANSPORT_IMPLICIT},
	{"imap", "h.test:1993", "h.test", 1993, MT_PROTO_IMAP, MT_TRANSPORT_IMPLICIT},
	{"imap", "h.test/starttls", "h.test", 143, MT_PROTO_IMAP, MT_TRANSPORT_STARTTLS},
	{"imap", "h.test/STARTTLS", "h.test", 143, MT_PROTO_IMAP, MT_TRANSPORT_STARTTLS},
	{"imap", "h.test:2143/starttls", "h.test", 2143, MT_PROTO_IMAP, MT_TRANSPORT_STARTTLS},
	{"imap", "h.test/none", "h.test", 143, MT_PROTO_IMAP, MT_TRANSPORT_NONE},
	{"submission", "h.test:2525/none", "h.test", 2525, MT_PROTO_SUBMISSION, MT_TRANSPORT_NONE},
	{"imap", "h.test:143/implicit", "h.test", 143, MT_PROTO_IMAP, MT_TRANSPORT_IMPLICIT},
	{"imaps", "h.test:143", "h.test", 143, MT_PROTO_IMAP, MT_TRANSPORT_IMPLICIT},
	/* literals */
	{"imap", "192.0.2.7", "192.0.2.7", 993, MT_PROTO_IMAP, MT_TRANSPORT_IMPLICIT},
	{"imap", "192.0.2.7:143", "192.0.2.7", 143, MT_PROTO_IMAP, MT_TRANSPORT_STARTTLS},
	{"imap", "[2001:DB8::1]:1993", "2001:db8::1", 1993, MT_PROTO_IMAP, MT_TRANSPORT_IMPLICIT},
	{"imap", "[2001:db8::1]", "2001:db8::1", 993, MT_PROTO_IMAP, MT_TRANSPORT_IMPLICIT},
	{"imap", "2001:db8::1", "2001:db8::1", 993, MT_PROTO_IMAP, MT_TRANSPORT_IMPLICIT},
	{"imap", "2001:db8::1/starttls", "2001:db8::1", 143, MT_PROTO_IMAP, MT_TRANSPORT_STARTTLS},
	/* D-IANA-03: the old name is understood */
	{"smtps", "h.test", "h.test", 465, MT_PROTO_SUBMISSION, MT_TRANSPORT_IMPLICIT},
	{"submissions", "h.test", "h.test", 465, MT_PROTO_SUBMISSION, MT_TRANSPORT_IMPLICIT},
};

static void
a_server_is_read_as_people_write_it(void **state)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(good); i++) {
		struct mt_endpoint_spec spec = {0};
		struct mt_diag diag = {0};

		if (mt_endpoint_spec_parse(good[i].label, good[i].text, &diag, &spec))
			fail_msg("%s: %s", good[i].text, diag.message);
		assert_string_equal(spec.host, good[i].host);
		if (spec.port != good[i].port || spec.transport != good[i].transport)
			fail_msg("%s %s: port %u, %s", good[i].label, good[i].text,
				 (unsigned int)spec.port, mt_transport_to_string(spec.transport));
		assert_int_equal(spec.proto, good[i].proto);
	}
}

static const char *const bad[] = {
	"",
	":993",
	"h.test:",
	"h.test:0",
	"h.test:65536",
	"h.test:99x",
	"h.test:-1",
	"h.test/",
	"h.test/tls",
	"h.test/starttls/none",
	"[h.test]",
	"[h.test]:993",
	"[2001:db8::1",
	"[2001:db8::1]x",
	"[2001:db8::1]:",
	"2001:db8::g",
	"h .test",
	"h.test:993 ",
	"-h.test",
	"1.2.3",
	"h..test",
	"user@h.test",
	"imaps://h.test",
};

static void
what_is_no_server_is_refused_with_a_reason(void **state)
{
	char longest[600];

	for (size_t i = 0; i < MT_ARRAY_SIZE(bad); i++) {
		struct mt_endpoint_spec spec = {0};
		struct mt_diag diag = {0};

		if (mt_endpoint_spec_parse("imap", bad[i], &diag, &spec) !=
		    MT_ENDPOINT_SPEC_E_INVALID)
			fail_msg("%s", bad[i]);
		assert_true(diag.message[0] != '\0');
		assert_true(spec.host[0] == '\0');
	}
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(
		mt_endpoint_spec_parse("imap", longest, NULL, &(struct mt_endpoint_spec){0}),
		MT_ENDPOINT_SPEC_E_INVALID);
	assert_int_equal(
		mt_endpoint_spec_parse("gopher", "h.test", NULL, &(struct mt_endpoint_spec){0}),
		MT_ENDPOINT_SPEC_E_INVALID);
}

static void
port_25_is_known_as_no_submission_port(void **state)
{
	struct mt_endpoint_spec spec = {0};

	assert_int_equal(mt_endpoint_spec_parse("submission", "h.test:25", NULL, &spec), 0);
	assert_true(mt_endpoint_spec_is_relay_port(&spec));
	assert_int_equal(spec.transport, MT_TRANSPORT_STARTTLS);
	assert_int_equal(mt_endpoint_spec_parse("submission", "h.test:587", NULL, &spec), 0);
	assert_false(mt_endpoint_spec_is_relay_port(&spec));
}

static void
a_literal_is_printed_in_brackets_and_a_name_is_not(void **state)
{
	char text[MT_ENDPOINT_TEXT_SIZE];

	assert_string_equal(mt_endpoint_format("2001:db8::1", 993, text, sizeof(text)),
			    "[2001:db8::1]:993");
	assert_string_equal(mt_endpoint_format("h.test", 65535, text, sizeof(text)),
			    "h.test:65535");
}

static void
a_label_of_63_characters_is_printed_whole(void **state)
{
	char label[64], host[80], text[MT_ENDPOINT_TEXT_SIZE];

	memset(label, 'a', 63);
	label[63] = '\0';
	(void)snprintf(host, sizeof(host), "%s.test", label);
	assert_non_null(strstr(mt_endpoint_format(host, 993, text, sizeof(text)), label));
}

static void
every_reason_that_stops_something_has_a_next_step(void **state)
{
	for (size_t i = 0; i < MT_REASON_COUNT; i++) {
		enum mt_reason reason = (enum mt_reason)i;
		bool stops = false;

		if (reason == MT_REASON_ACCOUNT_NOT_OWNER) /* never shown to users */
			continue;
		for (int on = 0; on < 2; on++) {
			enum mt_effect effect = mt_reason_effect(reason, on);

			stops |= effect == MT_EFFECT_DENY || effect == MT_EFFECT_CONFIRM;
		}
		if (stops && !mt_advice(reason))
			fail_msg("%s", mt_reason_to_string(reason));
	}
}

static void
no_next_step_leads_around_the_minimum(void **state)
{
	for (size_t i = 0; i < MT_REASON_COUNT; i++) {
		const char *step = mt_advice((enum mt_reason)i);

		/* R-5.2-12: only where the account already works without it, so that what is
		 * missing is the consent */
		if (!step || i == MT_REASON_CONF_WARNING_REQUIRED)
			continue;
		assert_null(strstr(step, "--reduced-confidentiality"));
		assert_null(strstr(step, "--min-conf"));
		assert_null(strstr(step, "anyway"));
	}
}

static void
the_step_of_the_fault_comes_before_that_of_a_remark(void **state)
{
	static const enum mt_reason reasons[] = {MT_REASON_ACCOUNT_SETUP, MT_REASON_CERT_EXPIRED};
	static const enum mt_reason none[] = {MT_REASON_CERT_PKIX_VALID, MT_REASON_CONF_MET};

	assert_ptr_equal(mt_advice_for(reasons, 2), mt_advice(MT_REASON_CERT_EXPIRED));
	assert_ptr_equal(mt_advice_for(reasons, 1), mt_advice(MT_REASON_ACCOUNT_SETUP));
	assert_null(mt_advice_for(none, 2));
}

static const struct {
	enum mt_decision decision;
	bool conf;
	enum mt_exit exit;
	const char *word;
} decisions[] = {
	{MT_DECISION_ALLOW, true, MT_EXIT_OK, "ALLOWED, and confidential"},
	{MT_DECISION_ALLOW, false, MT_EXIT_OK, "not confidential"},
	{MT_DECISION_AWC, false, MT_EXIT_AWC, "WITHOUT CONFIDENTIALITY"},
	{MT_DECISION_CONFIRM, false, MT_EXIT_CONFIRM, "NOT YET ALLOWED"},
	{MT_DECISION_DENY, false, MT_EXIT_DENY, "REFUSED"},
};

static void
each_decision_has_its_words_and_its_exit_status(void **state)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(decisions); i++) {
		assert_int_equal(mt_decision_exit(decisions[i].decision), decisions[i].exit);
		assert_non_null(
			strstr(mt_decision_for_people(decisions[i].decision, decisions[i].conf),
			       decisions[i].word));
	}
}

static void
a_refusal_says_what_happened_why_and_what_next(void **state)
{
	struct world *w = *state;
	struct mt_answer answer = {0};
	const char *text;

	mt_answer_deny(&answer, MT_REASON_CERT_EXPIRED, NULL);
	answer.reasons[answer.n_reasons++] = MT_REASON_CONF_DISABLED_BY_USER;
	mt_print_answer(&w->cli, &answer);
	text = printed(w);
	assert_non_null(strstr(text, "REFUSED"));
	assert_non_null(strstr(text, mt_reason_sentence(MT_REASON_CERT_EXPIRED)));
	assert_non_null(strstr(text, "[cert.expired]"));
	assert_non_null(strstr(text, mt_reason_sentence(MT_REASON_CONF_DISABLED_BY_USER)));
	assert_non_null(strstr(text, mt_advice(MT_REASON_CERT_EXPIRED)));
	assert_null(strchr(text, '\033')); /* no terminal, no colours */
}

static void
colour_is_never_the_only_sign(void **state)
{
	struct world *w = *state;
	struct mt_answer answer = {0};
	char plain[2048], *to = plain;

	mt_answer_deny(&answer, MT_REASON_TLS_NONE, NULL);
	mt_print_answer(&w->cli, &answer);
	(void)printed(w);
	for (const char *from = w->out; *from; from++)
		*to++ = *from;
	*to = '\0';
	rewind(w->cli.out);
	w->cli.color = true;
	mt_print_answer(&w->cli, &answer);
	assert_non_null(strchr(printed(w), '\033'));
	/* without the escapes it is the same text */
	to = w->out;
	for (const char *from = w->out; *from; from++) {
		if (*from == '\033')
			from += strcspn(from, "m");
		else
			*to++ = *from;
	}
	*to = '\0';
	assert_string_equal(w->out, plain);
}

static void
the_json_of_an_answer_has_its_four_members(void **state)
{
	struct mt_answer answer = {0};
	json_t *json;
	char *text;

	mt_answer_deny(&answer, MT_REASON_TLS_NONE, NULL);
	json = mt_answer_to_json(&answer);
	text = json_dumps(json, JSON_COMPACT);
	assert_string_equal(text,
			    "{\"decision\":\"deny\",\"conf\":false,\"reasons\":[\"tls.none\"],"
			    "\"token\":null}");
	free(text);
	json_decref(json);
}

static void
an_unknown_reason_from_the_service_makes_a_denial(void **state)
{
	struct mt_check_reply reply = {.decision = MT_DECISION_ALLOW,
				       .conf = true,
				       .reasons = {MT_REASON_CERT_PKIX_VALID},
				       .n_reasons = 1,
				       .token = ""};
	struct mt_answer answer;

	assert_int_equal(mt_answer_from_reply(&reply, &answer), 0);
	assert_int_equal(answer.decision, MT_DECISION_ALLOW);
	reply.unknown_reason = true;
	assert_int_equal(mt_answer_from_reply(&reply, &answer), 0);
	assert_int_equal(answer.decision, MT_DECISION_DENY);
	assert_false(answer.conf);
	/* there is always a reason to show */
	reply.n_reasons = 0;
	assert_int_equal(mt_answer_from_reply(&reply, &answer), 0);
	assert_int_equal(answer.n_reasons, 1);
}

static void
columns_are_as_wide_as_their_widest_cell_in_characters(void **state)
{
	static const char *const cells[] = {"A", "B", "j\xc3\xbcrgen", "x", "long one", "y"};
	struct world *w = *state;

	mt_print_table(&w->cli, cells, 2, 3);
	assert_string_equal(printed(w), "A         B\nj\xc3\xbcrgen    x\nlong one  y\n");
}

static void
yes_answers_a_question_and_never_a_consent(void **state)
{
	struct world *w = *state;

	w->cli.assume_yes = true;
	assert_int_equal(mt_prompt_question(&w->cli, "Really?"), 0);
	assert_int_equal(mt_prompt_consent(&w->cli, MT_CONSENT_REDUCED_CONFIDENTIALITY, "a@x.test"),
			 MT_PROMPT_E_NOBODY);
}

static void
the_warning_is_shown_even_where_nobody_can_answer(void **state)
{
	struct world *w = *state;

	assert_int_equal(mt_prompt_consent(&w->cli, MT_CONSENT_REDUCED_CONFIDENTIALITY, "a@x.test"),
			 MT_PROMPT_E_NOBODY);
	assert_non_null(strstr(complained(w), mt_consent_text(MT_CONSENT_REDUCED_CONFIDENTIALITY)));
	assert_non_null(strstr(complained(w), "a@x.test"));
}

/* Lets somebody sit at the terminal and type. */
static int
consent_typed(struct world *w, const char *typed)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), r;

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	(void)fclose(w->cli.in);
	/* Not as our controlling terminal: closing it would hang us up. */
	w->cli.in = fdopen(open(ptsname(master), O_RDONLY | O_NOCTTY), "r");
	assert_non_null(w->cli.in);
	assert_int_equal(write(master, typed, strlen(typed)), strlen(typed));
	r = mt_prompt_consent(&w->cli, MT_CONSENT_REDUCED_CONFIDENTIALITY, "a@x.test");
	close(master);
	return r;
}

static void
a_consent_is_given_by_typing_its_name_and_by_nothing_else(void **state)
{
	static const char *const no[] = {"y\n",
					 "yes\n",
					 "\n",
					 "reduced\n",
					 "reduced-confidentiality x\n",
					 "REDUCED-CONFIDENTIALITY\n"};
	struct world *w = *state;

	for (size_t i = 0; i < MT_ARRAY_SIZE(no); i++)
		assert_int_equal(consent_typed(w, no[i]), MT_PROMPT_E_DECLINED);

	assert_int_equal(consent_typed(w, "reduced-confidentiality\n"), 0);
	w->cli.non_interactive = true;
	assert_int_equal(consent_typed(w, "reduced-confidentiality\n"), MT_PROMPT_E_NOBODY);
}

static void
the_old_name_of_submissions_is_never_printed(void **state)
{
	for (const struct mt_command *c = mt_commands; c->name; c++) {
		assert_null(strstr(c->usage, "smtps"));
		assert_null(strstr(c->help, "smtps"));
		assert_null(strstr(c->summary, "smtps"));
	}
}

static void
a_fingerprint_is_read_as_it_is_shown(void **state)
{
	static const char *const wrong[] = {"", ":", "AB:CD", "zz", "AB CD"};
	char text[MT_FINGERPRINT_TEXT_SIZE], plain[2 * MT_FINGERPRINT_BYTES + 1] = "";
	uint8_t leaf[MT_FINGERPRINT_BYTES], read[MT_FINGERPRINT_BYTES];

	for (size_t i = 0; i < sizeof(leaf); i++)
		leaf[i] = (uint8_t)(i * 7);
	mt_fingerprint_format(leaf, text);
	assert_int_equal(strlen(text), MT_FINGERPRINT_TEXT_SIZE - 1);
	assert_int_equal(strncmp(text, "00:07:0E:15:", 12), 0);
	assert_int_equal(mt_fingerprint_parse(text, read), 0);
	assert_memory_equal(read, leaf, sizeof(leaf));
	for (size_t i = 0; i < sizeof(leaf); i++)
		memcpy(plain + 2 * i, text + 3 * i, 2);
	assert_int_equal(mt_fingerprint_parse(plain, read), 0);
	assert_memory_equal(read, leaf, sizeof(leaf));
	text[2] = '.';
	assert_int_equal(mt_fingerprint_parse(text, read), 1);
	for (size_t i = 0; i < MT_ARRAY_SIZE(wrong); i++)
		assert_int_equal(mt_fingerprint_parse(wrong[i], read), 1);
}

static void
a_fingerprint_may_be_named_by_its_beginning(void **state)
{
	static const char *const right[] = {"A1B2C3", "a1b2c3", "A1:B2:C3", "a1:b2:c3:D4",
					    "a1b2c3d"};
	static const char *const wrong[] = {"",       "a1b2c",  "A1:B2",   "A1:B2:",       "a1b2c4",
					    "b2c3d4", "a1b2c:", "a1:b2c3", "A1:B2:C3:D4:E"};
	uint8_t leaf[MT_FINGERPRINT_BYTES] = {0xa1, 0xb2, 0xc3, 0xd4};

	for (size_t i = 0; i < MT_ARRAY_SIZE(right); i++)
		assert_true(mt_fingerprint_begins(leaf, right[i]));
	for (size_t i = 0; i < MT_ARRAY_SIZE(wrong); i++)
		assert_false(mt_fingerprint_begins(leaf, wrong[i]));
}

static void
nobody_is_asked_for_a_secret_who_is_not_there(void **state)
{
	struct world *w = *state;
	char secret[MT_PROMPT_TEXT_SIZE];

	assert_int_equal(mt_prompt_secret(&w->cli, "Passphrase", secret), MT_PROMPT_E_NOBODY);
	assert_string_equal(complained(w), "");
}

static void
every_command_has_help_and_no_option_gives_a_consent(void **state)
{
	for (const struct mt_command *c = mt_commands; c->name; c++) {
		assert_true(strlen(c->help) > 0 && strlen(c->summary) > 0);
		assert_non_null(c->run);
		assert_null(strstr(c->usage, "--force"));
		assert_null(strstr(c->usage, "--insecure"));
	}
}

static void
wrong_usage_says_what_is_wrong_and_shows_the_line(void **state)
{
	struct world *w = *state;

	assert_int_equal(mt_cli_usage(&w->cli, "account add", "no %s", "address"), MT_EXIT_USAGE);
	assert_non_null(strstr(complained(w), "mailtrust: no address\n"));
	assert_non_null(strstr(complained(w), "Usage: mailtrust account add ADDRESS"));
}

/* A listener on a port of 127.0.0.1 that the kernel picks. */
static int
listen_somewhere(uint16_t *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t size = sizeof(address);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static void
addresses_are_dialled_in_order_until_one_answers(void **state)
{
	static const char *const addresses[] = {"127.0.0.2", "127.0.0.1", "127.0.0.3"};
	struct sockaddr_in from = {0};
	struct mt_dialled dialled;
	socklen_t size = sizeof(from);
	uint16_t port;
	int listener = listen_somewhere(&port), accepted;

	assert_int_equal(mt_dial(addresses, 3, port, NULL, &dialled), 0);
	accepted = accept(listener, (struct sockaddr *)&from, &size);
	assert_true(accepted >= 0);
	assert_string_equal(dialled.peer, "127.0.0.1");
	assert_int_equal(dialled.local_port, ntohs(from.sin_port));
	assert_true(fcntl(dialled.fd, F_GETFL) & O_NONBLOCK);
	close(accepted);
	close(dialled.fd);
	close(listener);
}

static void
a_server_that_nobody_reaches_is_an_outcome_with_a_reason(void **state)
{
	static const char *const addresses[] = {"127.0.0.1", "not an address"};
	struct mt_dialled dialled;
	struct mt_diag diag = {0};
	uint16_t port;

	close(listen_somewhere(&port));
	assert_int_equal(mt_dial(addresses, 1, port, &diag, &dialled), MT_DIAL_E_UNREACHABLE);
	assert_non_null(strstr(diag.message, "127.0.0.1"));
	assert_int_equal(mt_dial(addresses + 1, 1, port, &diag, &dialled), MT_DIAL_E_UNREACHABLE);
	assert_int_equal(mt_dial(addresses, 0, port, &diag, &dialled), MT_DIAL_E_UNREACHABLE);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_server_is_read_as_people_write_it),
		CASE(what_is_no_server_is_refused_with_a_reason),
		CASE(port_25_is_known_as_no_submission_port),
		CASE(a_literal_is_printed_in_brackets_and_a_name_is_not),
		CASE(a_label_of_63_characters_is_printed_whole),
		CASE(every_reason_that_stops_something_has_a_next_step),
		CASE(no_next_step_leads_around_the_minimum),
		CASE(the_step_of_the_fault_comes_before_that_of_a_remark),
		CASE(each_decision_has_its_words_and_its_exit_status),
		CASE(a_refusal_says_what_happened_why_and_what_next),
		CASE(colour_is_never_the_only_sign),
		CASE(the_json_of_an_answer_has_its_four_members),
		CASE(an_unknown_reason_from_the_service_makes_a_denial),
		CASE(columns_are_as_wide_as_their_widest_cell_in_characters),
		CASE(yes_answers_a_question_and_never_a_consent),
		CASE(the_warning_is_shown_even_where_nobody_can_answer),
		CASE(a_consent_is_given_by_typing_its_name_and_by_nothing_else),
		CASE(the_old_name_of_submissions_is_never_printed),
		CASE(a_fingerprint_is_read_as_it_is_shown),
		CASE(a_fingerprint_may_be_named_by_its_beginning),
		CASE(nobody_is_asked_for_a_secret_who_is_not_there),
		CASE(every_command_has_help_and_no_option_gives_a_consent),
		CASE(addresses_are_dialled_in_order_until_one_answers),
		CASE(a_server_that_nobody_reaches_is_an_outcome_with_a_reason),
		CASE(wrong_usage_says_what_is_wrong_and_shows_the_line),
	};

	return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
