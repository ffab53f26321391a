/* SPDX-License-Identifier: MIT */
/* account commit: looks at the servers, and asks for the account to be put to use. */

#include <stdio.h>
#include <string.h>

#include "clients/cli/account.h"
#include "clients/cli/output.h"
#include "clients/lib/advice.h"

#define NOT_GOOD_ENOUGH "the account stays in setup: not every server is good enough"

/* What was found at each server, in the order of the view. */
struct found {
	struct mt_answer answers[MT_ENDPOINTS_MAX];
	json_t *servers;
};

/* Looks at one server and shows what it found. */
static enum mt_exit
probe_one(struct mt_cli *cli, const struct mt_account_view *view, size_t index, struct found *found)
{
	const struct mt_endpoint_spec *e = &view->endpoints[index];
	struct mt_answer *answer = &found->answers[index];
	char text[MT_ENDPOINT_TEXT_SIZE];
	int r = mt_call_probe(cli, view->id, e->proto, answer, NULL);

	if (r)
		return mt_call_explain(cli, r, "the service could not look at the server");

	if (cli->json) {
		json_t *row = mt_answer_to_json(answer);

		json_object_set_new(row, "service", json_string(mt_proto_to_string(e->proto)));
		json_array_append_new(found->servers, row);
		return MT_EXIT_OK;
	}
	mt_print(cli, MT_PAINT_BOLD, "%s", mt_proto_to_string(e->proto));
	mt_print(cli, MT_PAINT_PLAIN, "  %s, %s\n",
		 mt_endpoint_format(e->host, e->port, text, sizeof(text)),
		 mt_transport_for_people(e->transport));
	mt_print_answer(cli, answer);
	return MT_EXIT_OK;
}

static enum mt_exit
say_committed(struct mt_cli *cli, const struct mt_account_view *view, json_t *servers)
{
	if (cli->json)
		mt_print_json(cli, json_pack("{s:s, s:s, s:O}", "id", view->id, "state", "active",
					     "servers", servers));
	else
		mt_print(cli, MT_PAINT_GOOD, "The account is ready for use.\n");

	return MT_EXIT_OK;
}

static bool
is_good_enough(const struct mt_answer *answer)
{
	return answer->decision == MT_DECISION_ALLOW && answer->conf;
}

/* What stands against the servers that are not good enough, each fault once, as an answer. */
static void
collect_faults(const struct mt_account_view *view, const struct found *found, struct mt_answer *ret)
{
	struct mt_verdict all = {0};

	for (size_t i = 0; i < view->n_endpoints; i++) {
		const struct mt_answer *answer = &found->answers[i];

		for (size_t j = 0; j < answer->n_reasons && !is_good_enough(answer); j++)
			if (mt_advice_is_fault(answer->reasons[j]) &&
			    all.n_reasons < MT_REASONS_MAX)
				mt_verdict_add(&all, answer->reasons[j]);
	}
	*ret = (struct mt_answer){.n_reasons = all.n_reasons};
	memcpy(ret->reasons, all.reasons, sizeof(ret->reasons));
}

/* The service with a server that is not good enough, as its option is named. */
static const char *
first_fault_at(const struct mt_account_view *view, const struct found *found)
{
	size_t i = 0;

	while (i + 1 < view->n_endpoints && is_good_enough(&found->answers[i]))
		i++;
	return mt_proto_to_string(view->endpoints[i].proto);
}

/* What was found stands above, server by server; here it is what to do now. */
static void
say_not_good_enough(struct mt_cli *cli, const struct mt_account_view *view,
		    const struct found *found)
{
	struct mt_answer faults;
	const char *step;

	collect_faults(view, found, &faults);
	step = mt_advice_for(faults.reasons, faults.n_reasons);
	if (cli->json) {
		mt_print_json(cli, json_pack("{s:s, s:o, s:O, s:s?}", "error", NOT_GOOD_ENOUGH,
					     "reasons", mt_reasons_to_json(&faults), "servers",
					     found->servers, "next", step));
		return;
	}
	(void)fprintf(cli->err, "mailtrust: %s", NOT_GOOD_ENOUGH);
	for (size_t i = 0; i < faults.n_reasons; i++)
		(void)fprintf(cli->err, "%s%s", i == 0 ? " (" : ", ",
			      mt_reason_to_string(faults.reasons[i]));
	(void)fprintf(cli->err, "%s.\n", faults.n_reasons > 0 ? ")" : "");
	if (step)
		(void)fprintf(cli->err, "Next: %s\n", step);
	(void)fprintf(
		cli->err,
		"Or name another server, 'mailtrust account edit %s --%s SERVER', or ask your "
		"provider for one that is good enough.\n",
		mt_account_view_text(view, "Address"), first_fault_at(view, found));
}

static enum mt_exit
look_and_commit(struct mt_cli *cli, const struct mt_account_view *view, struct found *found)
{
	enum mt_exit status;
	int r;

	for (size_t i = 0; i < view->n_endpoints; i++) {
		status = probe_one(cli, view, i, found);
		if (status)
			return status;
	}
	/* the service decides on what it has seen itself; this only asks it to */
	r = mt_call_plain(cli, view->id, MT_CALL_ACCOUNT_COMMIT);
	if (r == 0)
		return say_committed(cli, view, found->servers);
	if (r != MT_ERROR_MINIMUM_NOT_MET)
		return mt_call_explain(cli, r, "the account was not put to use");

	say_not_good_enough(cli, view, found);
	return mt_error_exit(MT_ERROR_MINIMUM_NOT_MET);
}

enum mt_exit
mt_account_commit(struct mt_cli *cli, const struct mt_account_view *view)
{
	struct found found = {.servers = json_array()};
	enum mt_exit status = look_and_commit(cli, view, &found);

	for (size_t i = 0; i < view->n_endpoints; i++)
		mt_answer_clear(&found.answers[i]);
	json_decref(found.servers);
	return status;
}

enum mt_exit
mt_command_account_commit(struct mt_cli *cli, int argc, char **argv)
{
	struct mt_account_view view;
	enum mt_exit status;

	if (argc != 2)
		return mt_cli_usage(cli, "account commit", "it takes one account");

	status = mt_account_view_load(cli, argv[1], &view);
	if (status)
		return status;

	status = mt_account_commit(cli, &view);
	mt_account_view_clear(&view);
	return status;
}
