/* SPDX-License-Identifier: MIT */
/* The text agent of polkit. */

#include "clients/cli/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clients/cli/bus-json.h"
#include "clients/cli/calls.h"
#include "clients/cli/prompt.h"

/* An agent that is not ready by then is not waited for: polkit will say what is missing. */
#define READY_MSEC 2000

static bool
is_system_service(struct mt_cli *cli)
{
	MT_CLEANUP(mt_dbus_message_unrefp) DBusMessage *reply = NULL;
	MT_CLEANUP(json_decrefp) json_t *status = NULL;
	const char *mode;

	if (mt_call_status(cli, &reply) != 0)
		return false;

	status = mt_json_from_message(reply);
	mode = json_string_value(json_object_get(status, "mode"));
	return mode && strcmp(mode, "system") == 0;
}

/* pkttyagent closes the descriptor once polkit knows of it. */
static void
await_ready(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	while (poll(&poll_fd, 1, READY_MSEC) < 0 && errno == EINTR)
		;
}

/* The child; it does not outlive the person's command. */
static void
become_agent(const char *process, int notify_fd)
{
	char notify[16];

	(void)snprintf(notify, sizeof(notify), "%d", notify_fd);
	/* the one descriptor that is for the agent too */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && fcntl(notify_fd, F_SETFD, 0) == 0)
		(void)execlp("pkttyagent", "pkttyagent", "--process", process, "--notify-fd",
			     notify, (char *)NULL);
	_exit(127);
}

static void
start_agent(struct mt_cli *cli)
{
	char process[16];
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0)
		return;
	(void)snprintf(process, sizeof(process), "%d", (int)getpid());
	cli->agent = fork();
	if (cli->agent == 0)
		become_agent(process, fds[1]);
	(void)close(fds[1]);
	if (cli->agent > 0)
		await_ready(fds[0]);
	(void)close(fds[0]);
}

void
mt_agent_start(struct mt_cli *cli)
{
	if (cli->agent_tried || !mt_prompt_is_possible(cli))
		return;

	cli->agent_tried = true;
	if (is_system_service(cli))
		start_agent(cli);
}

void
mt_agent_stop(struct mt_cli *cli)
{
	if (cli->agent <= 0)
		return;

	(void)kill(cli->agent, SIGTERM);
	(void)waitpid(cli->agent, NULL, 0);
	cli->agent = 0;
}
