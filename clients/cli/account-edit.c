/* SPDX-License-Identifier: MIT */
/* account add, account edit: what changes an account. */

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/account.h"
#include "clients/cli/output.h"
#include "clients/cli/prompt.h"
#include "clients/cli/setup.h"
#include "policy/minimum.h"

#define SETTINGS_MAX 16

/* What the options ask for. Text is borrowed from argv. */
struct changes {
	struct mt_endpoint_spec endpoints[MT_ENDPOINTS_MAX];
	size_t n_endpoints;
	enum mt_proto removals[MT_ENDPOINTS_MAX];
	size_t n_removals;
	const char *settings[SETTINGS_MAX]; /* FIELD=VALUE, cut in two at the sign */
	size_t n_settings;
	bool reduced, relay_port_allowed;
	const char *id; /* the one argument */
};

enum {
	OPTION_SERVER = 256,
	OPTION_REMOVE,
	OPTION_SET,
	OPTION_MIN_CONF,
	OPTION_REDUCED,
	OPTION_RELAY
};

/* The name of a server's option is the service's label; the last is an old name (D-IANA-03). */
static const struct option options[] = {
	{"imap", required_argument, NULL, OPTION_SERVER},
	{"imaps", required_argument, NULL, OPTION_SERVER},
	{"pop3", required_argument, NULL, OPTION_SERVER},
	{"pop3s", required_argument, NULL, OPTION_SERVER},
	{"submission", required_argument, NULL, OPTION_SERVER},
	{"submissions", required_argument, NULL, OPTION_SERVER},
	{"smtps", required_argument, NULL, OPTION_SERVER},
	{"reduced-confidentiality", no_argument, NULL, OPTION_REDUCED},
	{"allow-port-25", no_argument, NULL, OPTION_RELAY},
	/* of `account edit` alone */
	{"remove", required_argument, NULL, OPTION_REMOVE},
	{"set", required_argument, NULL, OPTION_SET},
	{"min-conf", required_argument, NULL, OPTION_MIN_CONF},
	{0},
};

static bool
is_edit(const char *command)
{
	return strcmp(command, "account edit") == 0;
}

static enum mt_exit
add_server(struct mt_cli *cli, const char *command, const char *label, struct changes *changes)
{
	struct mt_diag diag = {0};

	if (changes->n_endpoints == MT_ENDPOINTS_MAX)
		return mt_cli_usage(cli, command, "too many servers");
	if (mt_endpoint_spec_parse(label, optarg, &diag, &changes->endpoints[changes->n_endpoints]))
		return mt_cli_usage(cli, command, "%s", diag.message);

	changes->n_endpoints++;
	return MT_EXIT_OK;
}

static enum mt_exit
add_removal(struct mt_cli *cli, const char *command, struct changes *changes)
{
	enum mt_proto proto = mt_service_from_word(optarg);

	if (proto == MT_PROTO_UNKNOWN || changes->n_removals == MT_ENDPOINTS_MAX)
		return mt_cli_usage(cli, command, "services are imap, pop3 and submission");

	changes->removals[changes->n_removals++] = proto;
	return MT_EXIT_OK;
}

/* min_conf=off is an act of its own, with a warning, however it is written. */
static enum mt_exit
add_setting(struct mt_cli *cli, const char *command, char *setting, struct changes *changes)
{
	char *sign = strchr(setting, '=');

	if (!sign || changes->n_settings == SETTINGS_MAX)
		return mt_cli_usage(cli, command, "a requirement is set as FIELD=VALUE");

	if (!dbus_validate_utf8(setting, NULL))
		return mt_cli_usage(cli, command, "a requirement is written in UTF-8");

	*sign = '\0';
	if (mt_field_find(setting) < 0)
		return mt_cli_usage(cli, command, "there is no requirement \"%s\"", setting);
	/* the service leaves it alone here, so that no template carries it over (R-5.5-05) */
	if (mt_field_find(setting) == MT_FIELD_CLIENT_CERT_ALLOW)
		return mt_cli_usage(cli, command,
				    "client certificates are allowed by 'mailtrust cert allow'");
	if (mt_field_find(setting) == MT_FIELD_MIN_CONF && strcmp(sign + 1, "off") == 0)
		changes->reduced = true;
	else
		changes->settings[changes->n_settings++] = setting;

	return MT_EXIT_OK;
}

static enum mt_exit
add_min_conf(struct mt_cli *cli, const char *command, struct changes *changes)
{
	static const char on[] = "min_conf\0on";

	if (strcmp(optarg, "off") == 0)
		changes->reduced = true;
	else if (strcmp(optarg, "on") == 0 && changes->n_settings < SETTINGS_MAX)
		changes->settings[changes->n_settings++] = on;
	else
		return mt_cli_usage(cli, command, "--min-conf is on or off");

	return MT_EXIT_OK;
}

static enum mt_exit
take_option(struct mt_cli *cli, const char *command, int option, int index, struct changes *changes)
{
	if (option >= OPTION_REMOVE && option <= OPTION_MIN_CONF && !is_edit(command))
		return mt_cli_usage(cli, command, "--%s is for 'account edit'",
				    options[index].name);

	switch (option) {
	case OPTION_SERVER:
		return add_server(cli, command, options[index].name, changes);
	case OPTION_REMOVE:
		return add_removal(cli, command, changes);
	case OPTION_SET:
		return add_setting(cli, command, optarg, changes);
	case OPTION_MIN_CONF:
		return add_min_conf(cli, command, changes);
	case OPTION_REDUCED:
		changes->reduced = true;
		return MT_EXIT_OK;
	case OPTION_RELAY:
		changes->relay_port_allowed = true;
		return MT_EXIT_OK;
	default:
		return mt_cli_usage(cli, command, "an option is unknown, or lacks its value");
	}
}

/* D-IANA-04: port 25 needs to be meant. */
static enum mt_exit
check_relay_ports(struct mt_cli *cli, const struct changes *changes)
{
	for (size_t i = 0; i < changes->n_endpoints; i++) {
		if (!mt_endpoint_spec_is_relay_port(&changes->endpoints[i]))
			continue;

		(void)fprintf(cli->err,
			      "mailtrust: WARNING: port 25 of %s is for mail between "
			      "servers; mail programs use 465 or 587.\n",
			      changes->endpoints[i].host);
		if (!changes->relay_port_allowed) {
			(void)fputs("Nothing was changed. If it is meant, add --allow-port-25.\n",
				    cli->err);
			return MT_EXIT_USAGE;
		}
	}
	return MT_EXIT_OK;
}

static enum mt_exit
parse_changes(struct mt_cli *cli, const char *command, int argc, char **argv, struct changes *ret)
{
	enum mt_exit status;
	int option, index = 0;

	*ret = (struct changes){0};
	optind = 0; /* GNU: start over, with argv permuted */
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, &index)) != -1) {
		status = take_option(cli, command, option, index, ret);
		if (status)
			return status;
	}
	if (optind != argc - 1)
		return mt_cli_usage(cli, command, "it takes one account");
	if (!dbus_validate_utf8(argv[optind], NULL))
		return mt_cli_usage(cli, command, "an address is written in UTF-8");

	ret->id = argv[optind];
	return check_relay_ports(cli, ret);
}

/* Asks for the consent a change needs, before anything is stored (R-5.2-08). */
static enum mt_exit
obtain_consent(struct mt_cli *cli, const struct changes *changes)
{
	int r;

	if (!changes->reduced)
		return MT_EXIT_OK;

	r = mt_prompt_consent(cli, MT_CONSENT_REDUCED_CONFIDENTIALITY, changes->id);
	if (r == 0)
		return MT_EXIT_OK;

	(void)fputs(
		r == MT_PROMPT_E_NOBODY
			? "mailtrust: nothing was changed: the consent has to be typed by a person "
			  "at a terminal, and no option gives it.\n"
			: "mailtrust: nothing was changed.\n",
		cli->err);
	return MT_EXIT_CONFIRM;
}

static int
record_reduced(struct mt_cli *cli, const char *id)
{
	static const struct mt_consent consent = {.kind = MT_CONSENT_REDUCED_CONFIDENTIALITY,
						  .text_version = MT_CONSENT_TEXT_VERSION};

	return mt_call_record_consent(cli, id, &consent);
}

static int
reduce(struct mt_cli *cli, const char *id, const char **ret_what)
{
	int r;

	*ret_what = "the consent was not accepted";
	r = record_reduced(cli, id);
	if (r)
		return r;

	*ret_what = "the requirement cannot be switched off";
	return mt_call_set_minimum(cli, id, "min_conf", "off");
}

/* One requirement. Where the service wants the owner warned first, he is (R-5.2-08). */
static int
set_requirement(struct mt_cli *cli, const char *id, const struct changes *changes,
		const char *setting)
{
	const char *value = setting + strlen(setting) + 1;
	int r = mt_call_set_minimum(cli, id, setting, value);

	if (r != MT_ERROR_CONF_WARNING_REQUIRED ||
	    mt_prompt_consent(cli, MT_CONSENT_REDUCED_CONFIDENTIALITY, changes->id) != 0)
		return r;

	r = record_reduced(cli, id);
	return r ? r : mt_call_set_minimum(cli, id, setting, value);
}

/* Sends the requirements and what is to be removed. *ret_what names what failed. */
static int
apply_changes(struct mt_cli *cli, const char *id, const struct changes *changes,
	      const char **ret_what)
{
	int r = changes->reduced ? reduce(cli, id, ret_what) : 0;

	if (r)
		return r;

	*ret_what = "a requirement was not accepted";
	for (size_t i = 0; i < changes->n_settings && r == 0; i++)
		r = set_requirement(cli, id, changes, changes->settings[i]);
	if (r)
		return r;

	*ret_what = "a server was not removed";
	for (size_t i = 0; i < changes->n_removals && r == 0; i++)
		r = mt_call_remove_endpoint(cli, id, changes->removals[i]);

	return r;
}

/* Candidates of an account in setup: they are looked at when it is committed. */
static int
set_candidates(struct mt_cli *cli, const char *id, const struct changes *changes,
	       const char **ret_what)
{
	int r = 0;

	*ret_what = "a server was not accepted";
	for (size_t i = 0; i < changes->n_endpoints && r == 0; i++)
		r = mt_call_set_endpoint(cli, id, &changes->endpoints[i]);

	return r;
}

static enum mt_exit
finish_now(struct mt_cli *cli, const char *id)
{
	struct mt_account_view view;
	enum mt_exit status = mt_account_view_load(cli, id, &view);

	if (status)
		return status;

	status = mt_account_commit(cli, &view);
	mt_account_view_clear(&view);
	return status;
}

/* The account is in setup; looking at its servers may follow at once. */
static enum mt_exit
offer_commit(struct mt_cli *cli, const struct changes *changes, const char *id)
{
	if (mt_prompt_question(cli, "Look at the servers now, and put the account to use?") == 0)
		return finish_now(cli, id);
	if (cli->json)
		mt_print_json(cli, json_pack("{s:s, s:s, s:s}", "id", id, "address", changes->id,
					     "state", "setup"));
	else
		mt_print(cli, MT_PAINT_PLAIN,
			 "%s is in setup, id %s.\nNext: 'mailtrust account commit %s' looks at its "
			 "servers and puts it to use.\n",
			 changes->id, id, changes->id);

	return MT_EXIT_OK;
}

/* What was not confirmed is not done; the account is whole without it, and protected. */
static enum mt_exit
keep_protected(struct mt_cli *cli, const struct changes *changes, enum mt_exit status)
{
	(void)fprintf(
		cli->err,
		"%s is in setup, with the requirement on.\n"
		"'mailtrust account edit %s --reduced-confidentiality' asks again, 'mailtrust "
		"account commit %s' puts it to use as it is.\n",
		changes->id, changes->id, changes->id);
	return status;
}

enum mt_exit
mt_command_account_add(struct mt_cli *cli, int argc, char **argv)
{
	char id[MT_ACCOUNT_ID_TEXT_SIZE];
	struct changes changes;
	const char *what;
	enum mt_exit status = parse_changes(cli, "account add", argc, argv, &changes);
	int r;

	if (status)
		return status;
	status = obtain_consent(cli, &changes);
	if (status)
		return status;

	if (changes.n_endpoints == 0) {
		status = mt_account_set_up(cli, changes.id, changes.reduced, changes.endpoints,
					   &changes.n_endpoints);
		if (changes.n_endpoints == 0)
			return status;
	}

	r = mt_call_add_account(cli, changes.id, id);
	if (r)
		return mt_account_explain_add(cli, changes.id, r);

	r = set_candidates(cli, id, &changes, &what);
	if (r == 0)
		r = apply_changes(cli, id, &changes, &what);
	if (r == 0)
		return offer_commit(cli, &changes, id);

	status = mt_call_explain(cli, r, what);
	if (r == MT_ERROR_NOT_AUTHORIZED || r == MT_ERROR_AUTHORITY_UNREACHABLE)
		return keep_protected(cli, &changes, status);
	/* half an account helps nobody; where removing fails too, the service drops it in a day */
	if (r > 0 && r != MT_ERROR_DAEMON_UNREACHABLE)
		(void)!mt_call_plain(cli, id, MT_CALL_ACCOUNT_REMOVE);

	return status;
}

static enum mt_exit
edit(struct mt_cli *cli, const struct mt_account_view *view, const struct changes *changes)
{
	bool in_setup = strcmp(mt_account_view_text(view, "State"), "setup") == 0;
	const char *what;
	int r = apply_changes(cli, view->id, changes, &what);

	if (r == 0 && in_setup)
		r = set_candidates(cli, view->id, changes, &what);
	if (r)
		return mt_call_explain(cli, r, what);
	if (!in_setup && changes->n_endpoints > 0)
		return mt_account_adopt(cli, view, changes->endpoints, changes->n_endpoints);
	if (cli->json)
		mt_print_json(cli, json_pack("{s:s}", "id", view->id));

	return MT_EXIT_OK;
}

enum mt_exit
mt_command_account_edit(struct mt_cli *cli, int argc, char **argv)
{
	struct mt_account_view view;
	struct changes changes;
	enum mt_exit status = parse_changes(cli, "account edit", argc, argv, &changes);

	if (status)
		return status;
	if (changes.n_endpoints + changes.n_removals + changes.n_settings == 0 && !changes.reduced)
		return mt_cli_usage(cli, "account edit", "nothing to change was given");

	status = mt_account_view_load(cli, changes.id, &view);
	if (status)
		return status;

	status = obtain_consent(cli, &changes);
	if (status == MT_EXIT_OK)
		status = edit(cli, &view, &changes);
	mt_account_view_clear(&view);
	return status;
}
