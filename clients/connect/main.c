/* SPDX-License-Identifier: MIT */
/* mailtrust-connect: options, ends, exit status. */

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients/connect/attest.h"
#include "clients/connect/connect.h"
#include "clients/connect/listen.h"
#include "ipc/mail/sasl-external.h"

static const char usage_text[] =
	"Usage: mailtrust connect [--user | --system | --socket PATH]\n"
	"                         [--listen unix:PATH | --listen tcp:127.0.0.1:PORT]\n"
	"                         [--export-cb FD | --sasl-external [--authzid NAME]] ID "
	"SERVICE\n\n"
	"Standard input and output become a mail session that the service has authorised; with\n"
	"--listen, each connection does. SERVICE is imap, pop3 or submission. With --sasl-external "
	"it\n"
	"is logged in, by the account's client certificate, and needs no password.\n";

struct arguments {
	enum mt_client_where where;
	char *socket;
	char *authzid;      /* the same as connect.authzid; NULL: none */
	const char *listen; /* NULL: on standard input and output */
	struct mt_connect connect;
};

static enum mt_exit
usage(const char *why)
{
	(void)fprintf(stderr, "mailtrust connect: %s\n%s", why, usage_text);
	return MT_EXIT_USAGE;
}

/* An open descriptor that is none of the standard ones. */
static bool
parse_descriptor(const char *text, int *ret)
{
	char *end;
	long fd = strtol(text, &end, 10);

	if (end == text || *end || fd <= STDERR_FILENO || fd > INT_MAX ||
	    fcntl((int)fd, F_GETFD) < 0)
		return false;
	*ret = (int)fd;
	return true;
}

static bool
take_option(int option, struct arguments *ret)
{
	switch (option) {
	case 'u':
		ret->where = MT_CLIENT_USER;
		return true;
	case 's':
		ret->where = MT_CLIENT_SYSTEM;
		return true;
	case 'p':
		ret->where = MT_CLIENT_SOCKET;
		ret->socket = optarg;
		return true;
	case 'l':
		ret->listen = optarg;
		return true;
	case 'b':
		return parse_descriptor(optarg, &ret->connect.binding);
	case 'x':
		ret->connect.logs_in = true;
		return true;
	case 'a':
		ret->connect.authzid = ret->authzid = optarg;
		return mt_external_is_authzid(optarg);
	default:
		return false;
	}
}

static enum mt_exit
parse_arguments(int argc, char **argv, struct arguments *ret)
{
	static const struct option options[] = {{"user", no_argument, NULL, 'u'},
						{"system", no_argument, NULL, 's'},
						{"socket", required_argument, NULL, 'p'},
						{"listen", required_argument, NULL, 'l'},
						{"export-cb", required_argument, NULL, 'b'},
						{"sasl-external", no_argument, NULL, 'x'},
						{"authzid", required_argument, NULL, 'a'},
						{0}};
	const struct mt_service *service;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!take_option(option, ret))
			return usage("there is no such option, or it lacks its value");
	if (argc - optind != 2)
		return usage("it takes an account and a service");
	if (ret->listen && ret->connect.binding >= 0)
		return usage("a listener has no program to give a binding to");
	if (ret->connect.logs_in && ret->connect.binding >= 0)
		return usage("a program that is logged in has no login to bind");
	if (ret->connect.authzid && !ret->connect.logs_in)
		return usage("whom to act for is said with --sasl-external");
	ret->connect.account = argv[optind];
	service = mt_service_find_label(argv[optind + 1]);
	if (!service)
		return usage("services are imap, pop3 and submission");
	ret->connect.proto = service->proto;
	return MT_EXIT_OK;
}

/* What is opened next takes the lowest number that is free, and must not be taken for an end of the
 * program, or for where messages go. As libc does for setgid programs: neither can be used. */
static bool
occupy_standard_ends(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return false;
	return true;
}

/* Both directions have to be served at once, so neither end may block; the flag is the open file's,
 * which the program's parent may share, so it is put back. A terminal is left alone: it blocks
 * nobody for long, and the shell behind it would stumble. Return: the flags before, or -1. */
static int
unblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || (flags & O_NONBLOCK) || isatty(fd))
		return -1;
	return fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 ? flags : -1;
}

static void
restore(int fd, int flags)
{
	if (flags >= 0)
		(void)fcntl(fd, F_SETFL, flags);
}

static enum mt_exit
run_on_standard_ends(struct mt_connect *connect)
{
	int in = unblock(STDIN_FILENO), out = unblock(STDOUT_FILENO);
	enum mt_exit status = mt_connect_run(connect, STDIN_FILENO, STDOUT_FILENO);

	restore(STDOUT_FILENO, out);
	restore(STDIN_FILENO, in);
	return status;
}

/* What each connection's tunnel is started with: the same, without --listen. */
static enum mt_exit
run_listener(const struct arguments *arguments, int argc, char **argv)
{
	static char user[] = "--user", system[] = "--system", socket[] = "--socket", end[] = "--";
	static char external[] = "--sasl-external", authzid[] = "--authzid";
	char *words[12] = {argv[0]};
	size_t n = 1;

	if (arguments->where == MT_CLIENT_USER)
		words[n++] = user;
	else if (arguments->where == MT_CLIENT_SYSTEM)
		words[n++] = system;
	else if (arguments->where == MT_CLIENT_SOCKET)
		words[n++] = socket;
	if (arguments->where == MT_CLIENT_SOCKET)
		words[n++] = arguments->socket;
	if (arguments->connect.logs_in)
		words[n++] = external;
	if (arguments->authzid) {
		words[n++] = authzid;
		words[n++] = arguments->authzid;
	}
	words[n++] = end;
	words[n++] = argv[argc - 2];
	words[n++] = argv[argc - 1];
	return mt_listen_run(arguments->listen, words);
}

int
main(int argc, char **argv)
{
	struct arguments arguments = {.connect = {.binding = -1}};
	enum mt_exit status;

	if (!occupy_standard_ends())
		return MT_EXIT_INTERNAL;
	(void)signal(SIGPIPE, SIG_IGN);
	status = parse_arguments(argc, argv, &arguments);
	if (status)
		return (int)status;
	if (arguments.listen)
		return mt_attest_drop() ? MT_EXIT_INTERNAL
					: (int)run_listener(&arguments, argc, argv);
	if (mt_attest_open(arguments.where, arguments.socket, &arguments.connect.client) ||
	    mt_attest_drop())
		return MT_EXIT_INTERNAL;
	status = run_on_standard_ends(&arguments.connect);
	mt_client_free(arguments.connect.client);
	_exit((int)status);
}
