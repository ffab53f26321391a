/* SPDX-License-Identifier: MIT */
/* consent: shows one warning, and records that a person agreed to it for one server (D-SYS-07). */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clients/cli/account.h"
#include "clients/cli/output.h"
#include "clients/cli/prompt.h"

void
mt_consents_print(struct mt_cli *cli, const struct mt_account_view *view)
{
	const json_t *consents = json_object_get(view->properties, "Consents");

	for (size_t i = 0; i < json_array_size(consents); i++) {
		const json_t *consent = json_array_get(consents, i);
		const char *kind = json_string_value(json_object_get(consent, "kind"));
		const char *host = json_string_value(json_object_get(consent, "host"));
		time_t given = (time_t)(json_integer_value(json_object_get(consent, "given_at")) /
					MT_USEC_PER_SEC);
		char date[16];
		struct tm tm;

		(void)strftime(date, sizeof(date), "%Y-%m-%d", localtime_r(&given, &tm));
		mt_print(cli, MT_PAINT_PLAIN, "  %s, %s, on %s\n", kind ? kind : "?",
			 host ? host : "the whole account", date);
	}
}

/* Kinds that are bound to one server. Of the others, the account as a whole is `account edit`'s,
 * and a certificate `pin add`'s. */
static bool
is_for_a_server(enum mt_consent_kind kind)
{
	return kind == MT_CONSENT_PASSWORD_EXPOSURE || kind == MT_CONSENT_DOWNGRADE ||
	       kind == MT_CONSENT_SRV_TARGET;
}

static struct mt_consent
consent_for(enum mt_consent_kind kind, const struct mt_endpoint_spec *endpoint)
{
	struct mt_consent consent = {.kind = kind, .text_version = MT_CONSENT_TEXT_VERSION};

	(void)snprintf(consent.host, sizeof(consent.host), "%s", endpoint->host);
	if (kind != MT_CONSENT_SRV_TARGET) {
		consent.proto = endpoint->proto;
		consent.port = endpoint->port;
	}
	return consent;
}

static enum mt_exit
ask_and_record(struct mt_cli *cli, const struct mt_account_view *view, enum mt_consent_kind kind,
	       const struct mt_endpoint_spec *endpoint)
{
	const struct mt_consent consent = consent_for(kind, endpoint);
	char server[MT_ENDPOINT_TEXT_SIZE], subject[MT_ENDPOINT_TEXT_SIZE + MT_ADDRESS_SIZE + 16];
	int r;

	(void)snprintf(subject, sizeof(subject), "%s, account %s",
		       mt_endpoint_format(endpoint->host, endpoint->port, server, sizeof(server)),
		       mt_account_view_text(view, "Address"));
	if (mt_prompt_consent(cli, kind, subject) != 0) {
		(void)fputs("mailtrust: nothing was recorded.\n", cli->err);
		return MT_EXIT_CONFIRM;
	}
	r = mt_call_record_consent(cli, view->id, &consent);
	if (r)
		return mt_call_explain(cli, r, "the consent was not accepted");
	if (cli->json)
		mt_print_json(cli, json_pack("{s:s, s:s}", "id", view->id, "kind",
					     mt_consent_kind_to_string(kind)));

	return MT_EXIT_OK;
}

enum mt_exit
mt_command_consent(struct mt_cli *cli, int argc, char **argv)
{
	const struct mt_endpoint_spec *endpoint = NULL;
	struct mt_account_view view;
	enum mt_consent_kind kind;
	enum mt_proto proto;
	enum mt_exit status;

	if (argc != 4)
		return mt_cli_usage(cli, "consent", "it takes an account, a kind and a service");
	if (mt_consent_kind_from_string(argv[2], &kind) != 0 || !is_for_a_server(kind))
		return mt_cli_usage(cli, "consent",
				    "kinds are password-exposure, downgrade and srv-target");
	proto = mt_service_from_word(argv[3]);
	if (proto == MT_PROTO_UNKNOWN)
		return mt_cli_usage(cli, "consent", "services are imap, pop3 and submission");

	status = mt_account_view_load(cli, argv[1], &view);
	if (status)
		return status;
	for (size_t i = 0; i < view.n_endpoints; i++)
		if (view.endpoints[i].proto == proto)
			endpoint = &view.endpoints[i];
	status = endpoint ? ask_and_record(cli, &view, kind, endpoint)
			  : mt_cli_usage(cli, "consent", "the account has no such server");
	mt_account_view_clear(&view);
	return status;
}
