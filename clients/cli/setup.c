/* SPDX-License-Identifier: MIT */
/* account add without servers: from a confirmed proposal to an account in use. */

#include "clients/cli/setup.h"

#include <stdio.h>
#include <string.h>

#include "clients/cli/account.h"
#include "clients/cli/bus-json.h"
#include "clients/cli/calls.h"
#include "clients/cli/output.h"
#include "clients/cli/prompt.h"

/* Reading mail, or sending it: which of the servers on offer it came to be. */
struct choice {
	bool for_submission;
	const json_t *taken;
	const json_t *below; /* the best of those without TLS */
};

enum outcome { STOPPED = 0, TAKEN, WITHOUT_TLS, UNREACHABLE };

static uint16_t
port_of(const json_t *row)
{
	return (uint16_t)json_integer_value(json_object_get(row, "port"));
}

static enum mt_proto
proto_of(const json_t *row)
{
	return mt_service_from_word(mt_json_text(row, "protocol"));
}

/* R-5.2-08: the consent was typed before. */
static int
reduce(struct mt_setup *s)
{
	static const struct mt_consent consent = {.kind = MT_CONSENT_REDUCED_CONFIDENTIALITY,
						  .text_version = MT_CONSENT_TEXT_VERSION};
	int r = mt_call_record_consent(s->cli, s->id, &consent);

	return r ? r : mt_call_set_minimum(s->cli, s->id, "min_conf", "off");
}

/* -- one server -------------------------------------------------------------------------------- */

/* Sets it, with the person's word for it where that is needed: nothing connects before. */
static int
set_server(struct mt_setup *s, const json_t *row)
{
	struct mt_consent consent = {.kind = MT_CONSENT_SRV_TARGET,
				     .text_version = MT_CONSENT_TEXT_VERSION};
	const char *host = mt_json_text(row, "host");
	int r = mt_call_set_discovered(s->cli, s->id, mt_json_text(row, "label"), host,
				       port_of(row));

	if (r || strcmp(mt_json_text(row, "trust"), "unconfirmed") != 0)
		return r;
	(void)snprintf(consent.host, sizeof(consent.host), "%s", host);
	return mt_call_record_consent(s->cli, s->id, &consent);
}

static void
show_found(struct mt_setup *s, const json_t *row, const struct mt_answer *answer)
{
	char server[MT_ENDPOINT_TEXT_SIZE];

	if (s->cli->json)
		return;
	mt_print(s->cli, MT_PAINT_BOLD, "%s", mt_json_text(row, "protocol"));
	mt_print(s->cli, MT_PAINT_PLAIN, "  %s\n", mt_setup_server(row, server));
	mt_print_answer(s->cli, answer);
}

static void
add_server(struct mt_setup *s, const json_t *row, const struct mt_answer *answer)
{
	static const char *const keys[] = {"label",  "protocol", "host",  "port", "transport",
					   "source", "dnssec",   "trust", NULL};
	json_t *found = mt_answer_to_json(answer);

	json_object_set_new(found, "reduced", json_false());
	for (size_t i = 0; keys[i]; i++)
		json_object_set(found, keys[i], json_object_get(row, keys[i]));
	json_array_append_new(s->servers, found);
}

/* R-5.1-03: listed, and gone. */
static enum outcome
leave_out(struct mt_setup *s, const json_t *row)
{
	json_array_append_new(s->offers.omissions,
			      json_pack("{s:O, s:s, s:O, s:O, s:i}", "label",
					json_object_get(row, "label"), "why",
					mt_reason_to_string(MT_REASON_SRV_CANDIDATE_BELOW_MINIMUM),
					"host", json_object_get(row, "host"), "port",
					json_object_get(row, "port"), "count", 1));
	if (!s->cli->json)
		mt_print(s->cli, MT_PAINT_WARN, "  %s (%s)\n",
			 mt_reason_sentence(MT_REASON_SRV_CANDIDATE_BELOW_MINIMUM),
			 mt_reason_to_string(MT_REASON_SRV_CANDIDATE_BELOW_MINIMUM));
	return mt_call_remove_endpoint(s->cli, s->id, proto_of(row)) ? STOPPED : WITHOUT_TLS;
}

static enum outcome
judge(struct mt_setup *s, const json_t *row, const struct mt_answer *answer, enum mt_exit *status)
{
	const bool is_good = answer->decision == MT_DECISION_ALLOW && answer->conf;

	show_found(s, row, answer);
	if (!is_good && mt_answer_has(answer, MT_REASON_TLS_NONE))
		return leave_out(s, row);
	if (is_good || s->reduced) {
		add_server(s, row, answer);
		return TAKEN;
	}
	mt_print_refusal(s->cli,
			 "the account stays in setup: the server that is named is not good enough",
			 answer);
	if (!s->cli->json)
		(void)fprintf(
			s->cli->err,
			"Or name another server: 'mailtrust account edit %s --%s SERVER', then "
			"'mailtrust account commit %s'.\n",
			s->address, mt_json_text(row, "protocol"), s->address);
	s->keep = true;
	*status = mt_error_exit(MT_ERROR_MINIMUM_NOT_MET);
	return STOPPED;
}

/* It does not answer, and another one of its service may: that is no reason to stop. */
static enum outcome
pass_over(struct mt_setup *s, const json_t *row)
{
	char server[MT_ENDPOINT_TEXT_SIZE];

	(void)fprintf(s->cli->err, "mailtrust: %s does not answer.\n",
		      mt_setup_server(row, server));
	return UNREACHABLE;
}

/* Sets a server and looks at it. *status is set where it stopped. */
static enum outcome
try_server(struct mt_setup *s, const json_t *row, bool has_spare, enum mt_exit *status)
{
	struct mt_answer answer = {0};
	enum outcome outcome;
	int r;

	*status = mt_setup_confirm_target(s, row);
	if (*status)
		return STOPPED;
	*status = MT_EXIT_INTERNAL;
	r = set_server(s, row);
	if (r) {
		*status = mt_call_explain(s->cli, r, "a server was not accepted");
		return STOPPED;
	}
	r = mt_call_probe(s->cli, s->id, proto_of(row), &answer, NULL);
	if (has_spare && (r == MT_ERROR_SERVER_UNREACHABLE || r == MT_ERROR_TIMEOUT))
		return pass_over(s, row);
	if (r) {
		*status = mt_call_explain(s->cli, r, "the service could not look at the server");
		return STOPPED;
	}
	outcome = judge(s, row, &answer, status);
	mt_answer_clear(&answer);
	return outcome;
}

/* -- one after the other ----------------------------------------------------------------------- */

/* The person has confirmed another server than this. */
static enum mt_exit
confirm_instead(struct mt_setup *s, const json_t *row)
{
	char server[MT_ENDPOINT_TEXT_SIZE], question[MT_ENDPOINT_TEXT_SIZE + 16];

	(void)snprintf(question, sizeof(question), "Use %s instead?", mt_setup_server(row, server));
	return mt_prompt_question(s->cli, question) == 0
		       ? MT_EXIT_OK
		       : mt_setup_refuse(s, MT_EXIT_CONFIRM, -1, "the account was not added");
}

/* RFC 2782: the next target of a service is for when the one before cannot be reached. Another
 * service is not: dropping packets must not choose it. */
static bool
has_spare(const struct mt_setup *s, const json_t *row, int next)
{
	return next >= 0 && strcmp(mt_json_text(row, "label"),
				   mt_json_text(json_array_get(s->offers.candidates, (size_t)next),
						"label")) == 0;
}

static enum mt_exit
choose(struct mt_setup *s, struct choice *choice)
{
	int next, i = mt_setup_next(s, choice->for_submission, 0);
	enum mt_exit status = MT_EXIT_OK;

	for (bool is_first = true; i >= 0; is_first = false, i = next) {
		const json_t *row = json_array_get(s->offers.candidates, (size_t)i);

		if (!is_first && confirm_instead(s, row) != MT_EXIT_OK)
			return MT_EXIT_CONFIRM;
		next = mt_setup_next(s, choice->for_submission, (size_t)i + 1);
		switch (try_server(s, row, has_spare(s, row, next), &status)) {
		case STOPPED:
			return status;
		case TAKEN:
			choice->taken = row;
			return MT_EXIT_OK;
		case WITHOUT_TLS:
			choice->below = choice->below ? choice->below : row;
			break;
		case UNREACHABLE:
			break;
		}
	}
	return MT_EXIT_OK;
}

/* R-5.1-06: there is no TLS at all, so the person is told and decides. */
static enum mt_exit
offer_reduced(struct mt_setup *s)
{
	int r;

	if (!s->cli->json)
		mt_print(s->cli, MT_PAINT_WARN, "%s (%s)\n",
			 mt_reason_sentence(MT_REASON_SRV_NO_TLS_ADVERTISED),
			 mt_reason_to_string(MT_REASON_SRV_NO_TLS_ADVERTISED));
	if (mt_prompt_consent(s->cli, MT_CONSENT_REDUCED_CONFIDENTIALITY, s->address) != 0)
		return mt_setup_refuse(s, MT_EXIT_CONFIRM, MT_REASON_SRV_NO_TLS_ADVERTISED,
				       "the account was not added");
	r = reduce(s);
	if (r)
		return mt_call_explain(s->cli, r, "the requirement cannot be switched off");
	s->reduced = true;
	return MT_EXIT_OK;
}

/* R-5.1-04: what was left out is back, marked. */
static void
put_back(struct mt_setup *s, const json_t *row)
{
	size_t i;
	json_t *omission, *found = json_array_get(s->servers, json_array_size(s->servers) - 1);

	json_object_set_new(found, "reduced", json_true());
	json_array_foreach(s->offers.omissions, i, omission)
	{
		if (json_equal(json_object_get(omission, "label"), json_object_get(row, "label")) &&
		    json_equal(json_object_get(omission, "host"), json_object_get(row, "host")) &&
		    json_equal(json_object_get(omission, "port"), json_object_get(row, "port"))) {
			(void)json_array_remove(s->offers.omissions, i);
			return;
		}
	}
}

/* The best of what has no TLS, for who knows. */
static enum mt_exit
take_below(struct mt_setup *s, struct choice *choice)
{
	struct mt_answer answer = {0};
	int r = set_server(s, choice->below);

	if (r == 0)
		r = mt_call_probe(s->cli, s->id, proto_of(choice->below), &answer, NULL);
	if (r)
		return mt_call_explain(s->cli, r, "a server was not accepted");
	add_server(s, choice->below, &answer);
	put_back(s, choice->below);
	mt_answer_clear(&answer);
	choice->taken = choice->below;
	return MT_EXIT_OK;
}

static enum mt_exit
choose_servers(struct mt_setup *s)
{
	struct choice choices[] = {{.for_submission = false}, {.for_submission = true}};
	enum mt_exit status = choose(s, &choices[0]);

	if (status == MT_EXIT_OK)
		status = choose(s, &choices[1]);
	if (status == MT_EXIT_OK && !s->reduced && !choices[0].taken && !choices[1].taken)
		status = offer_reduced(s);
	for (size_t i = 0; i < MT_ARRAY_SIZE(choices) && status == MT_EXIT_OK; i++) {
		if (choices[i].taken || !choices[i].below)
			continue;
		if (s->reduced)
			status = take_below(s, &choices[i]);
		else
			(void)fprintf(s->cli->err,
				      "mailtrust: WARNING: no server for %s is set "
				      "up: none that is offered has TLS.\n",
				      choices[i].for_submission ? "sending" : "reading");
	}
	return status;
}

/* -- the account ------------------------------------------------------------------------------- */

/* The service keeps what DNS says for accounts only, and sets up only from what it has kept. */
static enum mt_exit
look_again(struct mt_setup *s)
{
	struct mt_offers again;
	enum mt_exit status = mt_offers_load(s->cli, s->address, &again);

	if (status == MT_EXIT_OK)
		mt_offers_clear(&again);
	return status;
}

static enum mt_exit
commit(struct mt_setup *s)
{
	int r = mt_call_plain(s->cli, s->id, MT_CALL_ACCOUNT_COMMIT);

	if (r)
		return mt_call_explain(s->cli, r, "the account was not put to use");
	if (s->cli->json)
		mt_print_json(s->cli, json_pack("{s:s, s:s, s:s, s:O, s:O}", "id", s->id, "address",
						s->address, "state", "active", "servers",
						s->servers, "omissions", s->offers.omissions));
	else
		mt_print(s->cli, MT_PAINT_GOOD, "The account is ready for use.\n");
	return MT_EXIT_OK;
}

static enum mt_exit
store(struct mt_setup *s)
{
	enum mt_exit status;
	int r = mt_call_add_account(s->cli, s->address, s->id);

	if (r)
		return mt_account_explain_add(s->cli, s->address, r);
	status = look_again(s);
	r = status == MT_EXIT_OK && s->reduced ? reduce(s) : 0;
	if (r)
		status = mt_call_explain(s->cli, r, "the requirement cannot be switched off");
	if (status == MT_EXIT_OK)
		status = choose_servers(s);
	if (status == MT_EXIT_OK)
		status = commit(s);
	/* half an account helps nobody; where removing fails too, the service drops it in a day */
	if (status && !s->keep)
		(void)!mt_call_plain(s->cli, s->id, MT_CALL_ACCOUNT_REMOVE);
	return status;
}

enum mt_exit
mt_account_set_up(struct mt_cli *cli, const char *address, bool reduced,
		  struct mt_endpoint_spec *typed, size_t *ret_n)
{
	struct mt_setup s = {.cli = cli, .address = address, .reduced = reduced};
	enum mt_exit status;

	*ret_n = 0;
	s.servers = json_array();
	status = mt_offers_load(cli, address, &s.offers);
	if (status == MT_EXIT_OK)
		status = mt_setup_propose(&s);
	if (status == MT_EXIT_OK)
		status = json_array_size(s.offers.candidates) > 0
				 ? store(&s)
				 : mt_setup_ask_for_servers(&s, typed, ret_n);
	mt_offers_clear(&s.offers);
	json_decref(s.servers);
	return status;
}
