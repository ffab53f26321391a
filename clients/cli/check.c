/* SPDX-License-Identifier: MIT */
/* check: connect, gather evidence, ask, show. */

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clients/cli/check.h"
#include "clients/cli/output.h"
#include "clients/lib/ask.h"
#include "clients/lib/dial.h"
#include "ipc/mail/session.h"

#define CHUNK_SIZE 4096
#define FAREWELL_USEC (200 * 1000)
/* A server that obeys a command does so at once. */
#define INJECTION_USEC (3 * MT_USEC_PER_SEC)

static int64_t
now_usec(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * MT_USEC_PER_SEC + now.tv_nsec / 1000;
}

/* -- the connection ---------------------------------------------------------------------------- */

static void
free_strings(char ***list)
{
	dbus_free_string_array(*list);
}

static enum mt_exit
say_unreachable(const struct mt_checking *check, const char *why)
{
	struct mt_cli *cli = check->cli;
	char buffer[MT_ENDPOINT_TEXT_SIZE];
	const char *server = mt_endpoint_format(check->endpoint->host, check->endpoint->port,
						buffer, sizeof(buffer));

	mt_ask_report_failure(cli->client, check->view->id, check->endpoint->proto);
	if (cli->json)
		mt_print_json(cli,
			      json_pack("{s:s, s:s, s:s}", "error", "the server cannot be reached",
					"server", server, "why", why));
	else
		(void)fprintf(cli->err,
			      "mailtrust: %s cannot be reached: %s\n"
			      "Next: see whether the name and port are right, and whether this "
			      "computer is online.\n",
			      server, why);
	return MT_EXIT_SERVER;
}

/* What the service cannot judge now is denied now (DESIGN §7). */
static enum mt_exit
denied_while_degraded(enum mt_exit status)
{
	return status == MT_EXIT_TEMPORARY ? MT_EXIT_DENY : status;
}

/* Resolve gives the addresses (DESIGN §5); the first that answers is the one connection. */
static enum mt_exit
connect_to(struct mt_checking *check)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	MT_CLEANUP(free_strings) char **addresses = NULL;
	struct mt_diag diag = {0};
	int n = 0, r = mt_call_resolve(check->cli, check->view->id, check->endpoint->proto, &reply);

	if (r) {
		enum mt_exit status =
			mt_call_explain(check->cli, r, "the server's address cannot be found");

		return r == MT_ERROR_DEGRADED ? denied_while_degraded(status) : status;
	}
	if (!dbus_message_get_args(reply, NULL, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &addresses, &n,
				   DBUS_TYPE_INVALID))
		return MT_EXIT_INTERNAL;
	r = mt_dial((const char *const *)addresses, (size_t)n, check->endpoint->port, &diag,
		    &check->dialled);
	if (r < 0)
		return MT_EXIT_INTERNAL;
	if (r)
		return say_unreachable(check, diag.message);
	return MT_EXIT_OK;
}

/* Sends all the session has to say. Return: false where the server does not take it. */
static bool
flush(const struct mt_checking *check, int64_t deadline_usec)
{
	uint8_t buffer[CHUNK_SIZE];
	size_t size, sent;

	while ((size = mt_session_output(check->session, buffer, sizeof(buffer))) > 0)
		for (sent = 0; sent < size;) {
			struct pollfd poll_fd = {.fd = check->dialled.fd, .events = POLLOUT};
			int64_t left = deadline_usec - now_usec(CLOCK_MONOTONIC);
			ssize_t n = send(poll_fd.fd, buffer + sent, size - sent, MSG_NOSIGNAL);

			if (n >= 0)
				sent += (size_t)n;
			else if ((errno != EAGAIN && errno != EINTR) || left <= 0 ||
				 poll(&poll_fd, 1, (int)(left / 1000)) == 0)
				return false;
		}
	return true;
}

/* Waits for bytes. Return: how many; 0 where the server closed or the time is up. */
static size_t
receive(const struct mt_checking *check, uint8_t buffer[static CHUNK_SIZE], int64_t deadline_usec)
{
	for (;;) {
		struct pollfd poll_fd = {.fd = check->dialled.fd, .events = POLLIN};
		int64_t left = deadline_usec - now_usec(CLOCK_MONOTONIC);
		ssize_t n;

		if (left <= 0)
			return 0;
		if (poll(&poll_fd, 1, (int)(left / 1000) + 1) <= 0)
			continue;
		n = recv(poll_fd.fd, buffer, CHUNK_SIZE, 0);
		if (n >= 0)
			return (size_t)n;
		if (errno != EAGAIN && errno != EINTR)
			return 0;
	}
}

enum mt_exit
mt_checking_converse(struct mt_checking *check)
{
	const struct mt_session_options options = {
		.proto = check->endpoint->proto,
		.transport = check->endpoint->transport,
		.host = check->endpoint->host,
		.port = check->endpoint->port,
		.injects = check->injects,
		.foreign_alpn = check->foreign_alpn,
	};
	const int64_t deadline_usec =
		now_usec(CLOCK_MONOTONIC) + (check->injects ? INJECTION_USEC : MT_DIALOGUE_USEC);
	uint8_t buffer[CHUNK_SIZE];
	size_t n;

	if (mt_session_new(&options, &check->session) != 0)
		return MT_EXIT_INTERNAL;
	while (mt_session_get_step(check->session) == MT_STEP_CONTINUE) {
		n = flush(check, deadline_usec) ? receive(check, buffer, deadline_usec) : 0;
		if (n > 0)
			(void)mt_session_feed(check->session, buffer, n, now_usec(CLOCK_REALTIME));
		else
			(void)mt_session_end(check->session);
	}
	if (mt_session_get_step(check->session) == MT_STEP_DONE)
		return MT_EXIT_OK;
	if (check->foreign_alpn)
		return MT_EXIT_SERVER;
	return say_unreachable(check, mt_session_get_text(check->session));
}

/* -- the verdict ------------------------------------------------------------------------------- */

static void
show_seen(const struct mt_checking *check)
{
	const struct mt_evidence *ev = &check->evidence;
	char server[MT_ENDPOINT_TEXT_SIZE];
	struct mt_cli *cli = check->cli;

	mt_print(cli, MT_PAINT_BOLD, "%s", mt_proto_to_string(ev->proto));
	mt_print(cli, MT_PAINT_PLAIN, "  %s, at %s\n",
		 mt_endpoint_format(ev->host, ev->port, server, sizeof(server)), ev->peer);
	if (mt_evidence_has(ev, MT_EV_TLS_VERSION))
		mt_print(cli, MT_PAINT_PLAIN, "  %-12s %s, TLS %s, %s\n", "encryption",
			 mt_transport_for_people(ev->transport),
			 mt_tls_version_to_string(ev->tls_version), ev->tls_cipher);
	else
		mt_print(cli, MT_PAINT_PLAIN, "  %-12s %s\n", "encryption",
			 ev->tls_failed ? "the handshake failed" : "none");
	if (mt_evidence_has(ev, MT_EV_CHAIN))
		mt_print(cli, MT_PAINT_PLAIN, "  %-12s %zu\n", "certificates", ev->n_chain);
	if (*mt_session_get_capabilities(check->session))
		mt_print(cli, MT_PAINT_PLAIN, "  %-12s %s\n", "offers",
			 mt_session_get_capabilities(check->session));
	mt_print(cli, MT_PAINT_FAINT, "  %-12s %s\n", "dialogue",
		 mt_session_get_text(check->session));
}

static void
show(const struct mt_checking *check, const struct mt_answer *answer, enum mt_alpn_care care,
     json_t *found)
{
	json_t *row;

	if (!check->cli->json) {
		show_seen(check);
		mt_print_answer(check->cli, answer);
		mt_alpn_care_print(check->cli, care);
		return;
	}
	row = mt_answer_to_json(answer);
	(void)json_object_set_new(row, "service",
				  json_string(mt_proto_to_string(check->endpoint->proto)));
	(void)json_object_set_new(row, "host", json_string(check->endpoint->host));
	(void)json_object_set_new(row, "port", json_integer(check->endpoint->port));
	mt_alpn_care_to_json(care, row);
	(void)json_array_append_new(found, row);
}

static enum mt_exit
ask(struct mt_checking *check, json_t *found)
{
	struct mt_answer answer = {0};
	enum mt_exit status;

	/* The connection is still open: what is asked about is this one (D-CB-06). */
	if (mt_session_get_evidence(check->session, check->dialled.peer, check->dialled.local_port,
				    now_usec(CLOCK_REALTIME), &check->evidence) != 0)
		return MT_EXIT_INTERNAL;
	mt_client_begin(check->cli->client, MT_CLIENT_PATIENCE_USEC);
	mt_ask(check->cli->client, check->view->id, MT_OP_TEST, &check->evidence, &answer);
	show(check, &answer, mt_checking_alpn_care(check, &answer), found);
	status = mt_decision_exit(answer.decision);
	if (answer.n_reasons > 0 && answer.reasons[0] == MT_REASON_DAEMON_UNAVAILABLE)
		status = MT_EXIT_DAEMON;
	mt_answer_clear(&answer);
	return status;
}

/* What became of the NOOP behind STARTTLS (D-STLS-05). */
static enum mt_exit
show_injection(const struct mt_checking *check, json_t *found)
{
	static const struct {
		const char *word, *sentence;
		enum mt_paint paint;
	} results[] = {
		[MT_INJECTION_UNTESTED] = {"untested",
					   "not tested: the server does not offer to encrypt",
					   MT_PAINT_WARN},
		[MT_INJECTION_ANSWERED] =
			{"answered",
			 "VULNERABLE: the server obeys inside TLS what was said before it\n"
			 "  Next: Tell your provider (CVE-2011-0411): somebody in between can put "
			 "commands into your session.",
			 MT_PAINT_BAD},
		[MT_INJECTION_EARLY] = {"early",
					"not vulnerable, but it went on in the clear after "
					"agreeing to encrypt",
					MT_PAINT_WARN},
		[MT_INJECTION_BROKEN_OFF] = {"broken-off", "not vulnerable: the server broke off",
					     MT_PAINT_GOOD},
		[MT_INJECTION_DROPPED] = {"dropped", "not vulnerable: it was thrown away",
					  MT_PAINT_GOOD},
	};
	enum mt_injection result = mt_session_get_injection(check->session);
	char server[MT_ENDPOINT_TEXT_SIZE];
	struct mt_cli *cli = check->cli;

	if (cli->json) {
		json_array_append_new(found, json_pack("{s:s, s:s, s:i, s:s}", "service",
						       mt_proto_to_string(check->endpoint->proto),
						       "host", check->endpoint->host, "port",
						       check->endpoint->port, "starttls-injection",
						       results[result].word));
	} else {
		mt_print(cli, MT_PAINT_BOLD, "%s", mt_proto_to_string(check->endpoint->proto));
		mt_print(cli, MT_PAINT_PLAIN, "  %s, a command behind STARTTLS\n",
			 mt_endpoint_format(check->endpoint->host, check->endpoint->port, server,
					    sizeof(server)));
		mt_print(cli, results[result].paint, "  %s\n", results[result].sentence);
	}
	return result == MT_INJECTION_ANSWERED ? MT_EXIT_DENY : MT_EXIT_OK;
}

/* A socket closed with bytes unread is reset, and our farewell lost with it (RFC 1122 §4.2.2.13).
 */
static void
hang_up(const struct mt_checking *check)
{
	int64_t deadline_usec = now_usec(CLOCK_MONOTONIC) + FAREWELL_USEC;
	uint8_t buffer[CHUNK_SIZE];

	if (check->dialled.fd < 0)
		return;
	(void)shutdown(check->dialled.fd, SHUT_WR);
	while (receive(check, buffer, deadline_usec) > 0)
		;
	(void)close(check->dialled.fd);
}

void
mt_checking_end(struct mt_checking *check)
{
	if (check->session) {
		mt_session_logout(check->session);
		(void)flush(check, now_usec(CLOCK_MONOTONIC) + MT_USEC_PER_SEC);
	}
	mt_evidence_clear(&check->evidence);
	check->session = mt_session_free(check->session);
	hang_up(check);
}

static enum mt_exit
check_one(struct mt_cli *cli, const struct mt_account_view *view,
	  const struct mt_endpoint_spec *endpoint, bool injects, json_t *found)
{
	struct mt_checking check = {.cli = cli,
				    .view = view,
				    .endpoint = endpoint,
				    .injects = injects,
				    .dialled = {.fd = -1}};
	enum mt_exit status = connect_to(&check);

	if (status == MT_EXIT_OK)
		status = mt_checking_converse(&check);
	if (status == MT_EXIT_OK)
		status = injects ? show_injection(&check, found) : ask(&check, found);
	mt_checking_end(&check);
	return status;
}

/* One server is its own object; several are a list. */
static void
print_found(struct mt_cli *cli, json_t *found, bool is_one)
{
	if (!cli->json || json_array_size(found) == 0)
		return;
	mt_print_json(cli, is_one ? json_incref(json_array_get(found, 0))
				  : json_pack("{s:O}", "servers", found));
}

/* Checks every server that is wanted. Return: the worst status; MT_EXIT_USAGE where there is none.
 */
static enum mt_exit
check_all(struct mt_cli *cli, const struct mt_account_view *view, enum mt_proto wanted,
	  bool injects)
{
	MT_CLEANUP(json_decrefp) json_t *found = json_array();
	enum mt_exit status, worst = MT_EXIT_OK;
	size_t n = 0;

	for (size_t i = 0; i < view->n_endpoints; i++) {
		if (wanted && view->endpoints[i].proto != wanted)
			continue;
		n++;
		status = check_one(cli, view, &view->endpoints[i], injects, found);
		if (status > worst)
			worst = status;
	}
	print_found(cli, found, n == 1);
	if (n == 0)
		return mt_cli_usage(cli, "check",
				    "the account has no such server; see "
				    "'mailtrust account edit'");
	return worst;
}

enum mt_exit
mt_command_check(struct mt_cli *cli, int argc, char **argv)
{
	static const struct option options[] = {{"starttls-injection", no_argument, NULL, 'i'},
						{0}};
	enum mt_proto wanted = MT_PROTO_UNKNOWN;
	struct mt_account_view view;
	bool injects = false;
	enum mt_exit status;
	int option;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'i')
			return mt_cli_usage(cli, "check",
					    "its only option is --starttls-injection");
		injects = true;
	}
	if (argc - optind != 1 && argc - optind != 2)
		return mt_cli_usage(cli, "check", "it takes one account, and a service");
	if (argc - optind == 2 &&
	    (wanted = mt_service_from_word(argv[optind + 1])) == MT_PROTO_UNKNOWN)
		return mt_cli_usage(cli, "check", "services are imap, pop3 and submission");
	status = mt_account_view_load(cli, argv[optind], &view);
	if (status)
		return denied_while_degraded(status);
	status = check_all(cli, &view, wanted, injects);
	mt_account_view_clear(&view);
	return status;
}
