/* SPDX-License-Identifier: MIT */
/* pin list, add, remove: certificates accepted by hand (RFC 8314 §5.4). */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clients/cli/account.h"
#include "clients/cli/bus-json.h"
#include "clients/cli/fingerprint.h"
#include "clients/cli/output.h"
#include "clients/cli/prompt.h"
#include "ipc/base64.h"

#define DATE_SIZE 16

/* -- list -------------------------------------------------------------------------------------- */

/* The digest of a pin as the bus gave it; "?" where it is none. */
static void
fingerprint_of(const json_t *pin, char ret[static MT_FINGERPRINT_TEXT_SIZE])
{
	const char *text = json_string_value(json_object_get(pin, "leaf_sha256"));
	uint8_t leaf[MT_FINGERPRINT_BYTES];
	size_t size = 0;

	(void)snprintf(ret, MT_FINGERPRINT_TEXT_SIZE, "?");
	if (text && mt_base64url_decode(text, strlen(text), leaf, sizeof(leaf), &size) == 0 &&
	    size == sizeof(leaf))
		mt_fingerprint_format(leaf, ret);
}

static void
date_of(const json_t *pin, char ret[static DATE_SIZE])
{
	time_t created =
		(time_t)(json_integer_value(json_object_get(pin, "created")) / MT_USEC_PER_SEC);
	struct tm tm;

	(void)strftime(ret, DATE_SIZE, "%Y-%m-%d", localtime_r(&created, &tm));
}

/* R-5.4-09: what there is to be reminded of. */
static const char *
remark_on(const json_t *pin)
{
	if (json_is_true(json_object_get(pin, "superseded")))
		return "not needed any more: the server has a proper certificate; "
		       "'mailtrust pin remove' takes this one back";
	if (json_is_true(json_object_get(pin, "expired")))
		return "the certificate has expired; ask your provider for a proper one";

	return "gives no privacy";
}

void
mt_pins_print(struct mt_cli *cli, const struct mt_account_view *view)
{
	const json_t *pins = json_object_get(view->properties, "Pins");
	char fingerprint[MT_FINGERPRINT_TEXT_SIZE], date[DATE_SIZE];

	for (size_t i = 0; i < json_array_size(pins); i++) {
		const json_t *pin = json_array_get(pins, i);
		const char *host = json_string_value(json_object_get(pin, "host"));

		fingerprint_of(pin, fingerprint);
		date_of(pin, date);
		mt_print(cli, MT_PAINT_PLAIN, "  %s, accepted by hand on %s\n    SHA-256 %s\n",
			 host ? host : "?", date, fingerprint);
		mt_print(cli, MT_PAINT_WARN, "    %s\n", remark_on(pin));
	}
}

/* The pins of one account, each with its account's address. */
static void
pins_to_json(const struct mt_account_view *view, json_t *list)
{
	const json_t *pins = json_object_get(view->properties, "Pins");
	char fingerprint[MT_FINGERPRINT_TEXT_SIZE];

	for (size_t i = 0; i < json_array_size(pins); i++) {
		const json_t *pin = json_array_get(pins, i);

		fingerprint_of(pin, fingerprint);
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:O, s:s, s:O, s:O, s:O}", "id", view->id,
					"address", mt_account_view_text(view, "Address"), "host",
					json_object_get(pin, "host"), "sha256", fingerprint,
					"created", json_object_get(pin, "created"), "superseded",
					json_object_get(pin, "superseded"), "expired",
					json_object_get(pin, "expired")));
	}
}

static enum mt_exit
list_account(struct mt_cli *cli, const char *account, json_t *list)
{
	struct mt_account_view view;
	enum mt_exit status = mt_account_view_load(cli, account, &view);

	if (status)
		return status;
	if (!cli->json && json_array_size(json_object_get(view.properties, "Pins")) > 0) {
		mt_print(cli, MT_PAINT_BOLD, "%s\n", mt_account_view_text(&view, "Address"));
		mt_pins_print(cli, &view);
	}
	pins_to_json(&view, list);
	mt_account_view_clear(&view);
	return MT_EXIT_OK;
}

static enum mt_exit
list_all(struct mt_cli *cli, json_t *list)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	MT_CLEANUP(json_decrefp) json_t *levels = NULL;
	enum mt_exit status = MT_EXIT_OK;
	int r = mt_call_levels(cli, &reply);

	if (r)
		return mt_call_explain(cli, r, "the accounts cannot be listed");

	levels = mt_json_from_message(reply);
	for (size_t i = 0; i < json_array_size(levels) && status == MT_EXIT_OK; i++)
		status = list_account(
			cli, json_string_value(json_array_get(json_array_get(levels, i), 1)), list);

	return status;
}

enum mt_exit
mt_command_pin_list(struct mt_cli *cli, int argc, char **argv)
{
	MT_CLEANUP(json_decrefp) json_t *list = json_array();
	enum mt_exit status;

	if (argc > 2)
		return mt_cli_usage(cli, "pin list", "it takes one account, or none");

	status = argc == 2 ? list_account(cli, argv[1], list) : list_all(cli, list);
	if (status)
		return status;
	if (cli->json)
		mt_print_json(cli, json_pack("{s:O}", "pins", list));
	else if (json_array_size(list) == 0)
		mt_print(cli, MT_PAINT_PLAIN, "No certificate was accepted by hand.\n");

	return MT_EXIT_OK;
}

/* -- add --------------------------------------------------------------------------------------- */

static const struct mt_endpoint_spec *
find_endpoint(const struct mt_account_view *view, enum mt_proto wanted)
{
	for (size_t i = 0; i < view->n_endpoints; i++)
		if (wanted == MT_PROTO_UNKNOWN || view->endpoints[i].proto == wanted)
			return &view->endpoints[i];

	return NULL;
}

/* Where a certificate is not to be had, the reason is the service's; nothing here leads around it
 * (R-5.4-06). */
static enum mt_exit
say_not_offered(struct mt_cli *cli, const struct mt_account_view *view, struct mt_answer *answer)
{
	if (strcmp(mt_account_view_text(view, "State"), "setup") != 0 &&
	    answer->n_reasons < MT_REASONS_MAX &&
	    !mt_answer_has(answer, MT_REASON_PIN_NOT_OFFERED_EXISTING))
		answer->reasons[answer->n_reasons++] = MT_REASON_PIN_NOT_OFFERED_EXISTING;
	mt_print_refusal(cli, "no certificate of this server can be accepted by hand", answer);
	return MT_EXIT_DENY;
}

static void
show_offer(struct mt_cli *cli, const struct mt_endpoint_spec *endpoint,
	   const struct mt_answer *answer, const char *fingerprint)
{
	char server[MT_ENDPOINT_TEXT_SIZE];

	(void)fprintf(cli->err, "%s shows a certificate that proves nothing:\n",
		      mt_endpoint_format(endpoint->host, endpoint->port, server, sizeof(server)));
	for (size_t i = 0; i < answer->n_reasons; i++)
		if (mt_reason_effect(answer->reasons[i], true) == MT_EFFECT_DENY)
			(void)fprintf(cli->err, "    %s [%s]\n",
				      mt_reason_sentence(answer->reasons[i]),
				      mt_reason_to_string(answer->reasons[i]));
	(void)fprintf(cli->err,
		      "Its fingerprint, to be compared with what your provider tells you "
		      "by another way:\n    SHA-256 %s\n",
		      fingerprint);
}

/* The person has read and typed; the service checks all of it again. */
static enum mt_exit
pin(struct mt_cli *cli, const struct mt_account_view *view, const char *host,
    const uint8_t leaf[static 32])
{
	struct mt_consent consent = {.kind = MT_CONSENT_PIN,
				     .text_version = MT_CONSENT_TEXT_VERSION};
	int r;

	memcpy(consent.leaf_sha256, leaf, sizeof(consent.leaf_sha256));
	(void)snprintf(consent.host, sizeof(consent.host), "%s", host);
	r = mt_call_record_consent(cli, view->id, &consent);
	if (r == 0)
		r = mt_call_pin(cli, view->id, MT_CALL_ACCOUNT_PIN, host, leaf);
	if (r)
		return mt_call_explain(cli, r, "the certificate was not accepted");
	if (cli->json)
		mt_print_json(cli, json_pack("{s:s, s:s}", "id", view->id, "host", host));
	else
		mt_print(cli, MT_PAINT_WARN,
			 "Accepted, for this server of this account alone. It gives no privacy.\n");

	return MT_EXIT_OK;
}

static enum mt_exit
offer(struct mt_cli *cli, const struct mt_account_view *view,
      const struct mt_endpoint_spec *endpoint)
{
	char fingerprint[MT_FINGERPRINT_TEXT_SIZE], subject[2 * MT_DOMAIN_SIZE];
	MT_CLEANUP(mt_answer_clear) struct mt_answer answer = {0};
	uint8_t leaf[MT_FINGERPRINT_BYTES];
	int r = mt_call_probe(cli, view->id, endpoint->proto, &answer, leaf);

	if (r)
		return mt_call_explain(cli, r, "the service could not look at the server");
	if (!mt_answer_has(&answer, MT_REASON_PIN_OFFER_AVAILABLE))
		return say_not_offered(cli, view, &answer);

	mt_fingerprint_format(leaf, fingerprint);
	show_offer(cli, endpoint, &answer, fingerprint);
	(void)snprintf(subject, sizeof(subject), "%s, account %s", endpoint->host,
		       mt_account_view_text(view, "Address"));
	if (mt_prompt_consent(cli, MT_CONSENT_PIN, subject) != 0) {
		(void)fputs("mailtrust: nothing was accepted.\n", cli->err);
		return MT_EXIT_CONFIRM;
	}
	return pin(cli, view, endpoint->host, leaf);
}

enum mt_exit
mt_command_pin_add(struct mt_cli *cli, int argc, char **argv)
{
	enum mt_proto wanted = argc == 3 ? mt_service_from_word(argv[2]) : MT_PROTO_UNKNOWN;
	const struct mt_endpoint_spec *endpoint;
	struct mt_account_view view;
	enum mt_exit status;

	if (argc != 2 && argc != 3)
		return mt_cli_usage(cli, "pin add", "it takes one account, and a service");
	if (argc == 3 && wanted == MT_PROTO_UNKNOWN)
		return mt_cli_usage(cli, "pin add", "services are imap, pop3 and submission");

	status = mt_account_view_load(cli, argv[1], &view);
	if (status)
		return status;

	endpoint = find_endpoint(&view, wanted);
	if (endpoint && (argc == 3 || view.n_endpoints == 1))
		status = offer(cli, &view, endpoint);
	else
		status = mt_cli_usage(cli, "pin add", "name the service of one of its servers");
	mt_account_view_clear(&view);
	return status;
}

/* -- remove ------------------------------------------------------------------------------------ */

enum mt_exit
mt_command_pin_remove(struct mt_cli *cli, int argc, char **argv)
{
	char id[MT_ACCOUNT_ID_TEXT_SIZE];
	uint8_t leaf[MT_FINGERPRINT_BYTES];
	int r;

	if (argc != 3 && argc != 4)
		return mt_cli_usage(cli, "pin remove", "it takes one account and one host");
	if (argc == 4 && mt_fingerprint_parse(argv[3], leaf) != 0)
		return mt_cli_usage(cli, "pin remove",
				    "a fingerprint is the SHA-256 that 'pin list' shows");
	if (!dbus_validate_utf8(argv[2], NULL))
		return mt_cli_usage(cli, "pin remove", "a host is written in UTF-8");

	mt_client_begin(cli->client, MT_CLIENT_PATIENCE_USEC);
	r = mt_client_find_account(cli->client, argv[1], id);
	if (r)
		return mt_call_explain(cli, r, "the account cannot be found");

	/* nothing to ask: it takes a risk away, and whoever wants it back reads the warning again
	 */
	r = mt_call_pin(cli, id, MT_CALL_ACCOUNT_UNPIN, argv[2], argc == 4 ? leaf : NULL);
	if (r)
		return mt_call_explain(cli, r, "no certificate was taken back");
	if (cli->json)
		mt_print_json(cli, json_pack("{s:s, s:s}", "id", id, "host", argv[2]));

	return MT_EXIT_OK;
}
