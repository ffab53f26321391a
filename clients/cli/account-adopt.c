/* SPDX-License-Identifier: MIT */
/* A new server of an account in use: looked at, and taken over or given back (REQUIREMENTS 4.9). */

#include <stdio.h>

#include "clients/cli/account.h"
#include "clients/cli/output.h"

/* Whether the service uses the server now: it decides on what it has seen itself. */
static bool
is_saved(struct mt_cli *cli, const char *id, const struct mt_endpoint_spec *fresh)
{
	struct mt_account_view view;
	bool saved = false;
	int i;

	if (mt_account_view_load(cli, id, &view) != MT_EXIT_OK)
		return false;
	i = mt_account_view_find(&view, fresh);
	saved = i >= 0 && view.saved[i];
	mt_account_view_clear(&view);
	return saved;
}

/* The candidate goes; where it was the old server with another transport, that comes back. */
static void
take_back(struct mt_cli *cli, const struct mt_account_view *before,
	  const struct mt_endpoint_spec *fresh)
{
	struct mt_answer answer = {0};
	int i = mt_account_view_find(before, fresh), r;

	if (i < 0) {
		r = mt_call_remove_endpoint(cli, before->id, fresh->proto);
	} else {
		r = mt_call_set_endpoint(cli, before->id, &before->endpoints[i]);
		if (r == 0)
			r = mt_call_probe(cli, before->id, fresh->proto, &answer, NULL);
		mt_answer_clear(&answer);
	}
	if (r)
		(void)fprintf(cli->err,
			      "mailtrust: WARNING: the server that was there before could not be "
			      "put back; the service refuses this one until it is good enough.\n");
}

static enum mt_exit
adopt_one(struct mt_cli *cli, const struct mt_account_view *before,
	  const struct mt_endpoint_spec *fresh, json_t *servers)
{
	char server[MT_ENDPOINT_TEXT_SIZE];
	struct mt_answer answer = {0};
	enum mt_exit status = MT_EXIT_OK;
	int r = mt_call_probe(cli, before->id, fresh->proto, &answer, NULL);

	(void)mt_endpoint_format(fresh->host, fresh->port, server, sizeof(server));
	if (r) {
		status = mt_call_explain(cli, r, "the service could not look at the new server");
		take_back(cli, before, fresh);
	} else if (is_saved(cli, before->id, fresh)) {
		json_array_append_new(servers, mt_answer_to_json(&answer));
		if (!cli->json) {
			mt_print(cli, MT_PAINT_BOLD, "%s  %s\n", mt_proto_to_string(fresh->proto),
				 server);
			mt_print_answer(cli, &answer);
		}
	} else {
		mt_print_refusal(cli, "the new server is not good enough; nothing was changed",
				 &answer);
		take_back(cli, before, fresh);
		status = mt_error_exit(MT_ERROR_MINIMUM_NOT_MET);
	}
	mt_answer_clear(&answer);
	return status;
}

enum mt_exit
mt_account_adopt(struct mt_cli *cli, const struct mt_account_view *before,
		 const struct mt_endpoint_spec *fresh, size_t n)
{
	json_t *servers = json_array();
	enum mt_exit status = MT_EXIT_OK;

	for (size_t i = 0; i < n && status == MT_EXIT_OK; i++) {
		int r = mt_call_set_endpoint(cli, before->id, &fresh[i]);

		status = r ? mt_call_explain(cli, r, "a server was not accepted")
			   : adopt_one(cli, before, &fresh[i], servers);
	}
	if (status == MT_EXIT_OK && cli->json)
		mt_print_json(cli, json_pack("{s:s, s:O}", "id", before->id, "servers", servers));
	json_decref(servers);
	return status;
}
