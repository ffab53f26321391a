/* SPDX-License-Identifier: MIT */
/* Whether a server minds the protocol its client names. */

#include <string.h>

#include "clients/cli/check.h"
#include "clients/cli/output.h"

/* The same server once more, with a protocol that is not its own. */
static enum mt_alpn_care
ask_for_another(const struct mt_checking *check)
{
	const char *const addresses[] = {check->dialled.peer};
	struct mt_checking again = {.cli = check->cli,
				    .view = check->view,
				    .endpoint = check->endpoint,
				    .foreign_alpn = true,
				    .dialled = {.fd = -1}};
	enum mt_alpn_care care = MT_ALPN_UNKNOWN;
	struct mt_diag diag = {0};

	if (mt_dial(addresses, 1, check->endpoint->port, &diag, &again.dialled) != 0)
		return MT_ALPN_UNKNOWN;
	if (mt_checking_converse(&again) == MT_EXIT_OK)
		care = mt_session_is_in_tls(again.session) ? MT_ALPN_ANY : MT_ALPN_MINDED;
	mt_checking_end(&again);
	return care;
}

enum mt_alpn_care
mt_checking_alpn_care(const struct mt_checking *check, const struct mt_answer *answer)
{
	const struct mt_evidence *seen = &check->evidence;

	if (answer->decision != MT_DECISION_ALLOW || !answer->conf ||
	    seen->proto == MT_PROTO_SUBMISSION)
		return MT_ALPN_UNKNOWN;
	/* RFC 7301 §3.2: a server that knows ALPN selects, or refuses */
	return strcmp(seen->tls_alpn, "none") == 0 ? MT_ALPN_ANY : ask_for_another(check);
}

void
mt_alpn_care_print(struct mt_cli *cli, enum mt_alpn_care care)
{
	if (care == MT_ALPN_ANY)
		mt_print(cli, MT_PAINT_FAINT,
			 "  Note: this server takes whatever protocol is named (ALPN). A "
			 "certificate "
			 "that it shares with other services lets one be taken for the other.\n");
}

void
mt_alpn_care_to_json(enum mt_alpn_care care, json_t *row)
{
	static const char *const words[] = {
		[MT_ALPN_UNKNOWN] = "unknown", [MT_ALPN_ANY] = "any", [MT_ALPN_MINDED] = "minded"};

	(void)json_object_set_new(row, "alpn", json_string(words[care]));
}
