/* SPDX-License-Identifier: MIT */
/* mailtrust: options every command shares, the choice of a command, help. */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/agent.h"

#define GLOBAL_USAGE                                                              \
	"Usage: mailtrust [--json] [--user | --system | --socket PATH] [--yes]\n" \
	"                 [--non-interactive] COMMAND …\n\n"

static const char exit_help[] =
	"\nExit status: 0 allowed or done, 10 allowed without confidentiality, 20 your consent is\n"
	"needed, 30 refused, 40 no service, 64 usage, 69 mail server unreachable, 70 internal,\n"
	"75 try again later.\n";

static const char global_help[] =
	"\n  --json             one line of JSON instead of text\n"
	"  --user, --system   ask the user's own service, or the system's\n"
	"  --socket PATH      ask the service on this socket\n"
	"  --yes              answers questions; never a consent\n"
	"  --non-interactive  asks nobody\n";

enum global { JSON, YES, NON_INTERACTIVE, USER, SYSTEM, SOCKET, HELP, VERSION, N_GLOBALS };

static const char *const global_names[N_GLOBALS] = {
	[JSON] = "--json", [YES] = "--yes",         [NON_INTERACTIVE] = "--non-interactive",
	[USER] = "--user", [SYSTEM] = "--system",   [SOCKET] = "--socket",
	[HELP] = "--help", [VERSION] = "--version",
};

struct globals {
	struct mt_cli *cli;
	bool help, version;
};

static enum global
find_global(const char *arg)
{
	size_t size = strcspn(arg, "=");

	for (size_t i = 0; i < N_GLOBALS; i++)
		if (strlen(global_names[i]) == size && strncmp(arg, global_names[i], size) == 0 &&
		    (arg[size] == '\0' || i == SOCKET))
			return (enum global)i;

	return N_GLOBALS;
}

static int
apply_where(struct globals *globals, enum mt_client_where where, const char *socket)
{
	if (globals->cli->where != MT_CLIENT_DEFAULT || (where == MT_CLIENT_SOCKET && !socket))
		return 1;

	globals->cli->where = where;
	globals->cli->socket = socket;
	return 0;
}

static int
apply_global(struct globals *globals, enum global which, const char *value)
{
	switch (which) {
	case JSON:
		globals->cli->json = true;
		return 0;
	case YES:
		globals->cli->assume_yes = true;
		return 0;
	case NON_INTERACTIVE:
		globals->cli->non_interactive = true;
		return 0;
	case USER:
		return apply_where(globals, MT_CLIENT_USER, NULL);
	case SYSTEM:
		return apply_where(globals, MT_CLIENT_SYSTEM, NULL);
	case SOCKET:
		return apply_where(globals, MT_CLIENT_SOCKET, value);
	case HELP:
		globals->help = true;
		return 0;
	case VERSION:
		globals->version = true;
		return 0;
	case N_GLOBALS:
		break;
	}
	return 1;
}

/* Takes the shared options out of argv wherever they stand before "--".
 * Return: the new argc, or -1 where one is wrong. */
static int
take_globals(struct globals *globals, int argc, char **argv)
{
	int n = 1, i = 1;

	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		enum global which = find_global(argv[i]);
		const char *value = strchr(argv[i], '=');

		if (which == N_GLOBALS) {
			argv[n++] = argv[i];
			continue;
		}
		if (which == SOCKET && !value && i + 1 < argc)
			value = argv[++i];
		else if (value)
			value++;
		if (apply_global(globals, which, value))
			return -1;
	}
	while (i < argc)
		argv[n++] = argv[i++];
	argv[n] = NULL;
	return n;
}

/* The command argv begins with; *ret_words says how many words its name took. */
static const struct mt_command *
match_command(int argc, char **argv, int *ret_words)
{
	for (const struct mt_command *command = mt_commands; command->name; command++) {
		const char *space = strchr(command->name, ' ');
		size_t first = space ? (size_t)(space - command->name) : strlen(command->name);

		if (argc < 1 || strlen(argv[0]) != first ||
		    strncmp(argv[0], command->name, first) != 0)
			continue;
		if (space && (argc < 2 || strcmp(argv[1], space + 1) != 0))
			continue;

		*ret_words = space ? 2 : 1;
		return command;
	}
	return NULL;
}

static enum mt_exit
print_list(FILE *out)
{
	(void)fputs(GLOBAL_USAGE, out);
	for (const struct mt_command *command = mt_commands; command->name; command++)
		(void)fprintf(out, "  %-16s %s\n", command->name, command->summary);
	(void)fputs(global_help, out);
	(void)fputs(exit_help, out);
	(void)fputs("\n'mailtrust help COMMAND' says more.\n", out);
	return MT_EXIT_OK;
}

static enum mt_exit
print_help(struct mt_cli *cli, const struct mt_command *command)
{
	if (!command)
		return print_list(cli->out);

	(void)fprintf(cli->out, "Usage: mailtrust %s %s\n\n%s", command->name, command->usage,
		      command->help);
	return MT_EXIT_OK;
}

static bool
has_color(FILE *out)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	/* NO_COLOR: https://no-color.org */
	return isatty(fileno(out)) && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

int
main(int argc, char **argv)
{
	struct mt_cli cli = {.in = stdin, .out = stdout, .err = stderr, .color = has_color(stdout)};
	struct globals globals = {.cli = &cli};
	const struct mt_command *command;
	int words = 0, n = take_globals(&globals, argc, argv);
	enum mt_exit status;

	if (n < 0)
		return (int)mt_cli_usage(&cli, "",
					 "--user, --system and --socket PATH exclude each other");
	if (globals.version)
		return printf("mailtrust %s\n", MT_VERSION) < 0 ? MT_EXIT_INTERNAL : MT_EXIT_OK;
	if (n > 1 && strcmp(argv[1], "help") == 0) {
		globals.help = true;
		argv++;
		n--;
	}

	command = match_command(n - 1, argv + 1, &words);
	if (globals.help)
		return (int)print_help(&cli, command);
	if (n == 1) {
		(void)print_list(cli.err);
		return MT_EXIT_USAGE;
	}
	if (!command)
		return (int)mt_cli_usage(&cli, "", "there is no command \"%s\"", argv[1]);

	if (mt_client_new(cli.where, cli.socket, &cli.client))
		return MT_EXIT_INTERNAL;

	status = command->run(&cli, n - words, argv + words);
	mt_agent_stop(&cli);
	mt_client_free(cli.client);
	/* a full disk must not look like success */
	if (fflush(stdout) != 0 && status == MT_EXIT_OK)
		status = MT_EXIT_INTERNAL;

	return (int)status;
}
