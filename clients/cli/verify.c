/* SPDX-License-Identifier: MIT */
/* verify: what a token says, once its signature stood. */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clients/cli/calls.h"
#include "clients/cli/output.h"

static const struct option options[] = {{"jwks", required_argument, NULL, 'j'}, {0}};

/* Reads at most size - 1 bytes. Return: 0, or 1 where there are more, or none can be read. */
static int
read_stream(FILE *file, char *buffer, size_t size)
{
	size_t n = fread(buffer, 1, size, file);

	if (ferror(file) || n == size)
		return 1;

	buffer[n] = '\0';
	return 0;
}

/* The token from the argument or from standard input, where one newline may follow it. */
static enum mt_exit
read_token(struct mt_cli *cli, const char *argument, char token[static MT_VERDICT_TEXT_SIZE + 2])
{
	size_t size;

	if (argument && strcmp(argument, "-") != 0) {
		if (strlen(argument) >= MT_VERDICT_TEXT_SIZE)
			return mt_cli_usage(cli, "verify", "it is longer than any token");
		strcpy(token, argument);
		return MT_EXIT_OK;
	}
	if (read_stream(cli->in, token, MT_VERDICT_TEXT_SIZE + 2))
		return mt_cli_usage(cli, "verify", "standard input holds no token");

	size = strlen(token);
	if (size > 0 && token[size - 1] == '\n')
		token[size - 1] = '\0';

	return MT_EXIT_OK;
}

/* The keys, malloc'ed, from a file or the service. */
static enum mt_exit
read_keys(struct mt_cli *cli, const char *path, char **ret)
{
	char *text = malloc(MT_JWKS_BYTES_MAX + 1);
	FILE *file;
	int bad;

	if (!text)
		return MT_EXIT_INTERNAL;

	file = fopen(path, "re");
	bad = !file || read_stream(file, text, MT_JWKS_BYTES_MAX + 1);
	if (bad) {
		(void)fprintf(cli->err, "mailtrust: %s: %s\n", path,
			      file ? "no key set" : strerror(errno));
		free(text);
	}
	if (file)
		(void)fclose(file);
	if (bad)
		return MT_EXIT_USAGE;

	*ret = text;
	return MT_EXIT_OK;
}

static enum mt_exit
get_keys(struct mt_cli *cli, char **ret)
{
	const char *jwks;
	int r;

	mt_client_begin(cli->client, MT_CLIENT_PATIENCE_USEC);
	r = mt_client_keys(cli->client, true, &jwks);
	if (r)
		return mt_call_explain(cli, r, "there are no keys to verify with; see --jwks");

	*ret = strdup(jwks);
	return *ret ? MT_EXIT_OK : MT_EXIT_INTERNAL;
}

static void
print_claims(struct mt_cli *cli, const struct mt_token_claims *c)
{
	char endpoint[MT_ENDPOINT_TEXT_SIZE], until[32];
	time_t exp = (time_t)c->exp_sec;
	struct tm tm;

	(void)strftime(until, sizeof(until), "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&exp, &tm));
	mt_print(cli, MT_PAINT_PLAIN,
		 "  issued by    %s\n  for          uid %u, account %s\n  question     %s, %s at "
		 "%s\n"
		 "  valid until  %s\n  evidence     %s\n  policy       epoch %llu, decided by %s\n"
		 "  connection   %s\n",
		 c->iss, (unsigned int)c->uid, c->sub, mt_op_to_string(c->op),
		 mt_proto_to_string(c->proto),
		 mt_endpoint_format(c->host, c->port, endpoint, sizeof(endpoint)), until,
		 c->provenance == MT_PROVENANCE_ATTESTED ? "attested" : "asserted",
		 (unsigned long long)c->epoch, mt_layer_to_string(c->layer),
		 c->has_binding ? "one; only its two ends can tell whether it is theirs"
				: "none named: a third party must not accept it");
}

static json_t *
claims_to_json(const struct mt_answer *answer, const struct mt_token_claims *c)
{
	json_t *json = mt_answer_to_json(answer);

	json_object_update_new(
		json, json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:b, s:b, s:I}",
				"iss", c->iss, "uid", (json_int_t)c->uid, "account", c->sub,
				"operation", mt_op_to_string(c->op), "service",
				mt_proto_to_string(c->proto), "host", c->host, "port", (int)c->port,
				"iat", (json_int_t)c->iat_sec, "exp", (json_int_t)c->exp_sec,
				"attested", c->provenance == MT_PROVENANCE_ATTESTED, "bound",
				c->has_binding, "epoch", (json_int_t)c->epoch));
	return json;
}

static enum mt_exit
show_token(struct mt_cli *cli, const char *token, const struct mt_jwks *keys)
{
	/* shows; grants nothing to anybody */
	const struct mt_token_expect expect = {
		.now_sec = time(NULL), .cb = MT_TOKEN_CB_UNCHECKED, .any_uid = true};
	struct mt_answer answer = {0};
	struct mt_token_claims claims = {0};
	struct mt_diag diag = {0};
	int r = mt_token_verify(token, strlen(token), keys, &expect, &diag, &claims);

	if (r) {
		mt_answer_deny(&answer, mt_token_outcome_reason(r), diag.message);
		mt_print_refusal(cli, "the token does not hold", &answer);
		return MT_EXIT_DENY;
	}
	answer.decision = claims.decision;
	answer.conf = claims.conf;
	answer.n_reasons = claims.n_reasons;
	memcpy(answer.reasons, claims.reasons, sizeof(answer.reasons));
	if (cli->json) {
		mt_print_json(cli, claims_to_json(&answer, &claims));
	} else {
		mt_print(cli, MT_PAINT_BOLD, "The token is genuine.\n");
		print_claims(cli, &claims);
		mt_print_answer(cli, &answer);
	}
	return mt_decision_exit(claims.decision);
}

static enum mt_exit
verify_with(struct mt_cli *cli, const char *token, const char *jwks)
{
	MT_CLEANUP(mt_jwks_freep) struct mt_jwks *keys = NULL;
	struct mt_diag diag = {0};

	if (mt_jwks_parse(jwks, strlen(jwks), &diag, &keys)) {
		(void)fprintf(cli->err, "mailtrust: %s\n", diag.message);
		return MT_EXIT_USAGE;
	}
	return show_token(cli, token, keys);
}

enum mt_exit
mt_command_verify(struct mt_cli *cli, int argc, char **argv)
{
	char token[MT_VERDICT_TEXT_SIZE + 2], *jwks = NULL;
	const char *path = NULL;
	enum mt_exit status;
	int option;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'j')
			return mt_cli_usage(cli, "verify", "its only option is --jwks FILE");
		path = optarg;
	}
	if (optind < argc - 1)
		return mt_cli_usage(cli, "verify", "it takes one token");

	status = read_token(cli, argv[optind], token);
	if (status == MT_EXIT_OK)
		status = path ? read_keys(cli, path, &jwks) : get_keys(cli, &jwks);
	if (status == MT_EXIT_OK && jwks)
		status = verify_with(cli, token, jwks);

	free(jwks);
	return status;
}
