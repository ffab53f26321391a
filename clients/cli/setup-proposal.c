/* SPDX-License-Identifier: MIT */
/* What would be set up, and what a person has to say to it. */

#include <stdio.h>
#include <string.h>

#include "clients/cli/bus-json.h"
#include "clients/cli/output.h"
#include "clients/cli/prompt.h"
#include "clients/cli/setup.h"
#include "clients/lib/answer.h"

#define TRIES 3

int
mt_setup_next(const struct mt_setup *s, bool for_submission, size_t from)
{
	for (size_t i = from; i < json_array_size(s->offers.candidates); i++) {
		const char *protocol =
			mt_json_text(json_array_get(s->offers.candidates, i), "protocol");

		if ((strcmp(protocol, "submission") == 0) == for_submission)
			return (int)i;
	}
	return -1;
}

const char *
mt_setup_server(const json_t *row, char buffer[static MT_ENDPOINT_TEXT_SIZE])
{
	return mt_endpoint_format(mt_json_text(row, "host"),
				  (uint16_t)json_integer_value(json_object_get(row, "port")),
				  buffer, MT_ENDPOINT_TEXT_SIZE);
}

enum mt_exit
mt_setup_refuse(struct mt_setup *s, enum mt_exit status, int reason, const char *what)
{
	struct mt_answer why = {0};

	if (reason >= 0)
		why.reasons[why.n_reasons++] = (enum mt_reason)reason;
	if (s->cli->json)
		mt_print_json(s->cli,
			      json_pack("{s:s, s:o, s:O, s:O}", "error", what, "reasons",
					mt_reasons_to_json(&why), "candidates",
					s->offers.candidates, "omissions", s->offers.omissions));
	else
		mt_print_refusal(s->cli, what, &why);
	return status;
}

/* -- what is offered --------------------------------------------------------------------------- */

static void
print_offers(struct mt_setup *s)
{
	const char *domain = mt_json_text(s->offers.detail, "domain");

	if (s->cli->json)
		return;
	if (json_array_size(s->offers.candidates) > 0) {
		mt_print(s->cli, MT_PAINT_BOLD, "%s offers, best first:\n", domain);
		mt_offers_print_candidates(s->cli, s->offers.candidates);
	} else {
		mt_print(s->cli, MT_PAINT_BOLD, "Nothing names a server to use for %s.\n", domain);
	}
	mt_offers_print_omissions(s->cli, s->offers.omissions);
}

/* R-5.1-11: one label that is forged taints what the others say. Whoever drops answers chooses
 * among the rest, so with some missing nothing is set up either. */
static enum mt_exit
refuse_what_is_broken(struct mt_setup *s)
{
	if (mt_offers_is_left_out_for(&s->offers, MT_REASON_SRV_BOGUS))
		return mt_setup_refuse(s, MT_EXIT_DENY, MT_REASON_SRV_BOGUS,
				       "the account was not added");
	if (mt_offers_is_set(&s->offers, "incomplete"))
		return mt_setup_refuse(
			s, MT_EXIT_TEMPORARY, -1,
			"the account was not added: not every question was answered, so what "
			"is best may be missing; try again later, or name the servers yourself");
	return MT_EXIT_OK;
}

/* -- what would be set up ---------------------------------------------------------------------- */

/* Row 13 for what came in clear, row 11 for what leads out of the domain. */
static int
reason_to_confirm(const json_t *row)
{
	return strcmp(mt_json_text(row, "source"), "autoconfig-http") == 0
		       ? MT_REASON_DISCOVERY_UNVERIFIED_SOURCE
		       : MT_REASON_SRV_TARGET_OUT_OF_DOMAIN;
}

enum mt_exit
mt_setup_confirm_target(struct mt_setup *s, const json_t *row)
{
	const char *host = mt_json_text(row, "host");
	char subject[2 * MT_DOMAIN_SIZE + MT_ADDRESS_SIZE];

	if (strcmp(mt_json_text(row, "trust"), "unconfirmed") != 0)
		return MT_EXIT_OK;
	for (size_t i = 0; i < s->n_confirmed; i++)
		if (strcmp(s->confirmed[i], host) == 0)
			return MT_EXIT_OK;

	(void)snprintf(subject, sizeof(subject), "%s, account %s", host, s->address);
	if (s->n_confirmed == MT_SETUP_CONFIRMED_MAX ||
	    mt_prompt_consent(s->cli, MT_CONSENT_SRV_TARGET, subject) != 0)
		return mt_setup_refuse(
			s, MT_EXIT_CONFIRM, reason_to_confirm(row),
			"the account was not added: a person has to confirm the server first");
	s->confirmed[s->n_confirmed++] = host;
	return MT_EXIT_OK;
}

static void
print_proposed(struct mt_setup *s, const json_t *row)
{
	char server[MT_ENDPOINT_TEXT_SIZE];
	bool is_implicit = strcmp(mt_json_text(row, "transport"), "implicit") == 0;

	mt_print(s->cli, MT_PAINT_PLAIN, "  %-12s %s, %s, named by %s\n",
		 mt_json_text(row, "protocol"), mt_setup_server(row, server),
		 mt_transport_for_people(is_implicit ? MT_TRANSPORT_IMPLICIT
						     : MT_TRANSPORT_STARTTLS),
		 mt_offer_namer(row));
}

static void
print_proposal(struct mt_setup *s)
{
	static const char *const lacking[] = {"reading mail", "sending mail"};

	if (s->cli->json)
		return;
	mt_print(s->cli, MT_PAINT_BOLD, "\nProposed for %s:\n", s->address);
	for (size_t for_submission = 0; for_submission < 2; for_submission++) {
		int i = mt_setup_next(s, for_submission, 0);

		if (i >= 0)
			print_proposed(s, json_array_get(s->offers.candidates, (size_t)i));
		else
			mt_print(s->cli, MT_PAINT_WARN, "  No server is offered for %s.\n",
				 lacking[for_submission]);
	}
	mt_print(s->cli, MT_PAINT_PLAIN, "\n");
}

static enum mt_exit
ask_whether(struct mt_setup *s)
{
	char question[MT_ADDRESS_SIZE + 64];
	int r;

	(void)snprintf(question, sizeof(question), "Set up %s with these servers?", s->address);
	r = mt_prompt_question(s->cli, question);
	if (r == 0)
		return MT_EXIT_OK;
	return mt_setup_refuse(s, MT_EXIT_CONFIRM, -1,
			       r == MT_PROMPT_E_NOBODY
				       ? "the account was not added: a person has to confirm these "
					 "servers; see --yes"
				       : "the account was not added");
}

enum mt_exit
mt_setup_propose(struct mt_setup *s)
{
	enum mt_exit status;

	print_offers(s);
	status = refuse_what_is_broken(s);
	if (status)
		return status;
	if (json_array_size(s->offers.candidates) == 0)
		return MT_EXIT_OK;
	print_proposal(s);
	for (size_t for_submission = 0; for_submission < 2; for_submission++) {
		int i = mt_setup_next(s, for_submission, 0);

		if (i >= 0)
			status = mt_setup_confirm_target(
				s, json_array_get(s->offers.candidates, (size_t)i));
		if (status)
			return status;
	}
	return ask_whether(s);
}

/* -- where nothing is offered ------------------------------------------------------------------ */

static enum mt_exit
ask_for_one(struct mt_setup *s, const char *label, const char *question,
	    struct mt_endpoint_spec *typed, size_t *n)
{
	char text[MT_PROMPT_TEXT_SIZE];

	for (int i = 0; i < TRIES; i++) {
		struct mt_diag diag = {0};

		if (mt_prompt_text(s->cli, question, text) != 0)
			break;
		if (*text == '\0')
			return MT_EXIT_OK;
		if (mt_endpoint_spec_parse(label, text, &diag, &typed[*n]) == 0) {
			if (!mt_endpoint_spec_is_relay_port(&typed[*n])) {
				(*n)++;
				return MT_EXIT_OK;
			}
			/* D-IANA-04 */
			mt_diag_set(&diag, SIZE_MAX, "port 25 is for mail between servers");
		}
		(void)fprintf(s->cli->err, "%s\n", diag.message);
	}
	return MT_EXIT_CONFIRM;
}

enum mt_exit
mt_setup_ask_for_servers(struct mt_setup *s, struct mt_endpoint_spec *typed, size_t *ret_n)
{
	enum mt_exit status;
	size_t n = 0;

	*ret_n = 0;
	status = ask_for_one(s, "imap", "Server for reading mail, as HOST or HOST:PORT (IMAP)",
			     typed, &n);
	if (status == MT_EXIT_OK)
		status = ask_for_one(s, "submission", "Server for sending mail, in the same way",
				     typed, &n);
	if (status || n == 0)
		return mt_setup_refuse(s, MT_EXIT_CONFIRM, -1,
				       "the account was not added: no server is named anywhere, "
				       "and none was given; ask "
				       "your provider, and name them with --imap and --submission");
	*ret_n = n;
	return MT_EXIT_OK;
}
