/* SPDX-License-Identifier: MIT */
/* One tunnel from beginning to end. */

#include "clients/connect/connect.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clients/connect/asker.h"
#include "clients/connect/confined.h"
#include "clients/connect/pump.h"
#include "clients/connect/speech.h"
#include "clients/connect/target.h"
#include "clients/lib/advice.h"
#include "clients/lib/ask.h"
#include "clients/lib/dial.h"

struct run {
	struct mt_connect *connect;
	int in, out;
	struct mt_target target;
	struct mt_client_certs certs;
	const struct mt_target_server *server; /* that answered */
	struct mt_dialled dialled;
	struct mt_watch watch;
	int channel; /* to the asker */
};

/* -- telling ----------------------------------------------------------------------------------- */

/* On standard error, in full. */
static void
show(const char *what, const struct mt_answer *answer)
{
	const char *step = mt_advice_for(answer->reasons, answer->n_reasons);

	(void)fprintf(stderr, "mailtrust: %s\n", what);
	for (size_t i = 0; i < answer->n_reasons; i++)
		(void)fprintf(stderr, "    %s [%s]\n", mt_reason_sentence(answer->reasons[i]),
			      mt_reason_to_string(answer->reasons[i]));
	if (answer->why[0])
		(void)fprintf(stderr, "    (%s)\n", answer->why);
	if (step)
		(void)fprintf(stderr, "Next: %s\n", step);
}

/* To the program, before there is a session to do it. Its pipe is empty, so this does not wait. */
static void
refuse(const struct run *run, const char *why)
{
	char words[MT_SPEECH_SIZE];
	size_t size = mt_speech_refusal(run->connect->proto, why, words);

	(void)!write(run->out, words, size);
}

/* A question to the service that failed. */
static enum mt_exit
explain(const struct run *run, int outcome, const char *what)
{
	struct mt_answer why = {0};
	char words[192];

	mt_answer_from_error(run->connect->client, outcome, &why);
	(void)snprintf(words, sizeof(words), "%s [%s]", mt_reason_sentence(why.reasons[0]),
		       mt_reason_to_string(why.reasons[0]));
	refuse(run, words);
	show(what, &why);
	return outcome < 0 ? MT_EXIT_INTERNAL : mt_error_exit((enum mt_error)outcome);
}

static enum mt_exit
fail(const struct run *run, enum mt_exit status, const char *server, const char *why)
{
	char words[512];

	(void)snprintf(words, sizeof(words), "%s: %s", server, why);
	refuse(run, words);
	(void)fprintf(stderr, "mailtrust: %s\n", words);
	return status;
}

/* -- the steps --------------------------------------------------------------------------------- */

static enum mt_exit
find_server(struct run *run)
{
	struct mt_client *client = run->connect->client;
	int r = mt_target_load(client, run->connect->account, run->connect->proto, &run->target);

	if (r)
		return explain(run, r, "the account cannot be read");
	if (run->target.n_servers == 0)
		return fail(run, MT_EXIT_USAGE, mt_proto_to_string(run->connect->proto),
			    "the account has no such server");
	r = mt_watch_begin(&run->watch, client);
	if (r)
		return explain(run, r, "the service does not tell of changes");
	r = mt_target_resolve(client, &run->target);
	if (r)
		return explain(run, r, "the server's address cannot be found");
	return MT_EXIT_OK;
}

/* One that cannot be read is not shown, and its owner is told. */
static void
load_certificates(struct run *run)
{
	char folder[MT_CLIENT_CERT_FOLDER_SIZE];
	struct mt_diag diag = {0};

	if (mt_client_cert_folder(folder))
		return;
	if (mt_client_certs_load(folder, run->target.id, &run->certs, &diag) ||
	    run->certs.n_unusable > 0)
		(void)fprintf(stderr, "mailtrust: a client certificate is left out: %s\n",
			      diag.message);
}

/* R-5.2-13: the server with the better transport first; another where that does not answer. */
static enum mt_exit
dial_server(struct run *run)
{
	const struct mt_target *target = &run->target;
	struct mt_diag diag = {0};
	int r = MT_DIAL_E_UNREACHABLE;

	for (size_t i = 0; i < target->n_servers && r == MT_DIAL_E_UNREACHABLE; i++) {
		run->server = &target->servers[i];
		r = mt_dial((const char *const *)target->addresses, target->n_addresses,
			    run->server->port, &diag, &run->dialled);
	}
	if (r < 0)
		return fail(run, MT_EXIT_INTERNAL, run->server->host, strerror(-r));
	if (r == 0)
		return MT_EXIT_OK;
	/* the program first: it waits */
	(void)fail(run, MT_EXIT_SERVER, run->server->host, diag.message);
	mt_ask_report_failure(run->connect->client, target->id, target->proto);
	return MT_EXIT_SERVER;
}

static const char *
headline(enum mt_exit status, const struct mt_answer *answer)
{
	if (status == MT_EXIT_CONFIRM)
		return "NOT YET ALLOWED: your consent is needed first";
	if (answer->decision == MT_DECISION_AWC)
		return "ALLOWED WITHOUT CONFIDENTIALITY: others can read passwords and messages";
	return "REFUSED: no password may be sent over this connection";
}

/* What is to be said when all is over: the answer that ended it, or another reason. */
static enum mt_exit
conclude(const struct mt_tunnel *tunnel, const struct mt_answer *answer)
{
	enum mt_exit status = mt_tunnel_get_status(tunnel);
	const char *text = mt_tunnel_get_text(tunnel), *note = mt_tunnel_get_note(tunnel);

	if (text[0])
		(void)fprintf(stderr, "mailtrust: %s\n", text);
	else if (status != MT_EXIT_OK)
		show(headline(status, answer), answer);
	if (status != MT_EXIT_OK && note[0])
		(void)fprintf(stderr, "    (%s)\n", note);
	return status;
}

/* Another process takes over asking: before there is a private key or a server's word in this one,
 * so it has neither; and after dialling, which has something to report where it fails. */
static enum mt_exit
start_asker(struct run *run)
{
	const struct mt_asker asker = {
		.client = run->connect->client, .watch = &run->watch, .id = run->target.id};
	int r = mt_asker_start(&asker, &run->channel);

	run->connect->client = mt_client_free(run->connect->client);
	return r < 0 ? fail(run, MT_EXIT_INTERNAL, mt_proto_to_string(run->connect->proto),
			    strerror(-r))
		     : MT_EXIT_OK;
}

/* From here on there is nothing but the server, the program, and somebody who asks. */
static int
give_up_the_rest(const struct run *run)
{
	const int kept[] = {STDIN_FILENO, STDOUT_FILENO,   STDERR_FILENO, run->in,
			    run->out,     run->dialled.fd, run->channel,  run->connect->binding};
	int r = mt_confined_close_others(kept, MT_ARRAY_SIZE(kept));

	return r == 0 ? mt_confined_enter_tunnel() : r;
}

static enum mt_exit
run_session(struct run *run)
{
	const struct mt_tunnel_options options = {
		.session = {.proto = run->connect->proto,
			    .transport = run->server->transport,
			    .host = run->server->host,
			    .port = run->server->port},
		.wants_mechanism = run->target.wants_mechanism,
		.exports_binding = run->connect->binding >= 0,
		.certs = &run->certs,
		.logs_in = run->connect->logs_in,
		.authzid = run->connect->authzid,
	};
	MT_CLEANUP(mt_tunnel_freep) struct mt_tunnel *tunnel = NULL;
	struct mt_judge judge = {.peer = run->dialled.peer, .local_port = run->dialled.local_port};
	struct mt_pump pump = {.judge = &judge,
			       .server = run->dialled.fd,
			       .in = run->in,
			       .out = run->out,
			       .binding = run->connect->binding};
	enum mt_exit status = MT_EXIT_INTERNAL;
	int r = mt_tunnel_new(&options, &tunnel);

	if (r == 0)
		r = give_up_the_rest(run);
	if (r < 0)
		return fail(run, MT_EXIT_INTERNAL, run->server->host, strerror(-r));
	judge.channel = run->channel;
	pump.tunnel = tunnel;
	mt_pump_run(&pump);
	status = conclude(tunnel, &judge.answer);
	mt_answer_clear(&judge.answer);
	return status;
}

enum mt_exit
mt_connect_run(struct mt_connect *connect, int in, int out)
{
	struct run run = {
		.connect = connect, .in = in, .out = out, .dialled = {.fd = -1}, .channel = -1};
	enum mt_exit status = find_server(&run);

	if (status == MT_EXIT_OK)
		status = dial_server(&run);
	if (status == MT_EXIT_OK)
		status = start_asker(&run);
	if (status == MT_EXIT_OK) {
		load_certificates(&run);
		status = run_session(&run);
	}
	if (run.dialled.fd >= 0)
		(void)close(run.dialled.fd);
	if (run.channel >= 0)
		(void)close(run.channel);
	mt_client_certs_clear(&run.certs);
	mt_target_clear(&run.target);
	return status;
}
