/* SPDX-License-Identifier: MIT */
#ifndef MT_CLI_COMMAND_H
#define MT_CLI_COMMAND_H

/*
 * What every command of `mailtrust` is given, and the table it stands in.
 *
 * A command reads its own arguments, asks the service, prints through cli/output.h, asks a human
 * only through cli/prompt.h, and returns an exit status. It decides nothing and weakens nothing:
 * the service does the first and refuses the second.
 */

#include <stdio.h>
#include <sys/types.h>

#include "ipc/client.h"

struct mt_cli {
	bool json;
	bool assume_yes;      /* ordinary questions only */
	bool non_interactive; /* never prompts */
	bool color;
	enum mt_client_where where;
	const char *socket; /* of MT_CLIENT_SOCKET */
	FILE *in, *out, *err;
	bool agent_tried;         /* cli/agent.c */
	pid_t agent;              /* the text agent; 0: none */
	struct mt_client *client; /* connects when the first command asks */
};

/* argv[0] is the command's name; parsing starts behind it. */
typedef enum mt_exit (*mt_command_fn)(struct mt_cli *cli, int argc, char **argv);

struct mt_command {
	const char *name;  /* "account add" */
	const char *usage; /* arguments, as in the manual */
	mt_command_fn run;
	const char *summary; /* one line, for the list */
	const char *help;    /* what it does, for `help COMMAND` */
};

/* NULL-terminated by name. */
extern const struct mt_command mt_commands[];

/* Prints the command's usage line to cli->err after a sentence that says what is wrong.
 * Return: MT_EXIT_USAGE. */
enum mt_exit mt_cli_usage(struct mt_cli *cli, const char *command, const char *format, ...)
	MT_PRINTF(3, 4);

/* Each command family in a file of its own. */
enum mt_exit mt_command_status(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_discover(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_account_add(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_account_list(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_account_show(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_account_edit(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_account_commit(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_account_accept(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_account_decline(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_account_remove(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_pin_list(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_pin_add(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_pin_remove(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_cert_list(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_cert_allow(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_cert_revoke(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_consent(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_srv_show(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_srv_check(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_watch(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_check(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_connect(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_verify(struct mt_cli *cli, int argc, char **argv);
enum mt_exit mt_command_key_show(struct mt_cli *cli, int argc, char **argv);

#endif
