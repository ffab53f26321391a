/* SPDX-License-Identifier: MIT */
/* connect: becomes mailtrust-connect, a program of its own. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/command.h"

#define PROGRAM "mailtrust-connect"

/* Beside this program, as in a build directory; else where it is installed. */
static void
find_program(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - sizeof(PROGRAM));
	char *slash;

	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash) {
		strcpy(slash + 1, PROGRAM);
		if (access(path, X_OK) == 0)
			return;
	}
	(void)snprintf(path, size, "%s", MT_LIBEXECDIR "/" PROGRAM);
}

/* The option that says where the service is, as it was given here. Return: how many words. */
static int
add_where(const struct mt_cli *cli, char **words)
{
	static char user[] = "--user", system[] = "--system", socket[] = "--socket";

	switch (cli->where) {
	case MT_CLIENT_USER:
		words[0] = user;
		return 1;
	case MT_CLIENT_SYSTEM:
		words[0] = system;
		return 1;
	case MT_CLIENT_SOCKET:
		words[0] = socket;
		words[1] = strdup(cli->socket);
		return 2;
	case MT_CLIENT_DEFAULT:
	case MT_CLIENT_BUS:
		break;
	}
	return 0;
}

enum mt_exit
mt_command_connect(struct mt_cli *cli, int argc, char **argv)
{
	static char name[] = PROGRAM;
	char path[4096];
	char **words = calloc((size_t)argc + 3, sizeof(*words));
	int n = 1;

	if (!words)
		return MT_EXIT_INTERNAL;
	words[0] = name;
	n += add_where(cli, words + n);
	for (int i = 1; i < argc; i++)
		words[n++] = argv[i];
	find_program(path, sizeof(path));
	(void)execv(path, words);
	(void)fprintf(cli->err, "mailtrust: %s: %s\n", path, strerror(errno));
	free(words);
	return MT_EXIT_INTERNAL;
}
