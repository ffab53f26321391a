/* SPDX-License-Identifier: MIT */
/* Asks in the tunnel's place. */

#include "clients/connect/asker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clients/connect/confined.h"
#include "clients/connect/question.h"
#include "clients/lib/ask.h"
#include "clients/lib/now.h"

struct run {
	const struct mt_asker *asker;
	int channel;
	bool owes_change; /* the tunnel has not been told yet */
	char question[MT_QUESTION_BYTES_MAX + 1];
};

/* Return: false where the tunnel is gone, or is no longer what we started. */
static bool
answer_question(struct run *run)
{
	struct mt_client *client = run->asker->client;
	struct mt_question question;
	struct mt_word word = {0};
	ssize_t n = recv(run->channel, run->question, sizeof(run->question), 0);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (n == 0 || mt_question_decode(run->question, (size_t)n, &question))
		return false;

	mt_client_begin(client, MT_CLIENT_PATIENCE_USEC);
	if (question.is_handshake)
		mt_ask_handshake(client, run->asker->id, question.op, &question.evidence,
				 &word.answer);
	else
		mt_ask(client, run->asker->id, question.op, &question.evidence, &word.answer);
	word.number = question.number;
	mt_question_clear(&question);
	free(word.answer.token); /* of this process, and verified */
	word.answer.token = NULL;
	return send(run->channel, &word, sizeof(word), MSG_NOSIGNAL) == (ssize_t)sizeof(word);
}

/* A tunnel that is not listening just now is told later. Return: false where it is gone. */
static bool
tell_change(struct run *run)
{
	static const struct mt_word changed = {0};
	ssize_t n = send(run->channel, &changed, sizeof(changed), MSG_DONTWAIT | MSG_NOSIGNAL);

	run->owes_change = n < 0;
	return n >= 0 || errno == EAGAIN || errno == EINTR;
}

static int
timeout_msec(int64_t deadline_usec)
{
	int64_t left = deadline_usec - mt_now_usec();

	if (deadline_usec == INT64_MAX)
		return -1;
	return left > 0 ? (int)((left + 999) / 1000) : 0;
}

static bool
turn(struct run *run)
{
	struct mt_watch *watch = run->asker->watch;
	struct pollfd ends[] = {
		{.fd = run->channel, .events = (short)(POLLIN | (run->owes_change ? POLLOUT : 0))},
		{.fd = mt_watch_get_fd(watch), .events = POLLIN}};

	if (poll(ends, MT_ARRAY_SIZE(ends), timeout_msec(mt_watch_deadline(watch))) < 0 &&
	    errno != EINTR)
		return false;
	if ((ends[0].revents & (POLLIN | POLLHUP | POLLERR)) && !answer_question(run))
		return false;
	if (mt_watch_turn(watch, mt_now_usec()))
		run->owes_change = true;
	return !run->owes_change || tell_change(run);
}

/* Nothing of the tunnel's stays open here, and nothing the program left open. What ends us is the
 * end of the channel; the signal is for a tunnel that dies before it is confined, because
 * Landlock's scope holds back what a confined one would send, this one too. */
static int
give_up_the_rest(const struct run *run, pid_t tunnel)
{
	DBusConnection *connection = mt_client_connection(run->asker->client);
	int kept[] = {STDERR_FILENO, run->channel, -1};
	int r;

	if (connection)
		(void)dbus_connection_get_unix_fd(connection, &kept[2]);
	r = mt_confined_close_others(kept, MT_ARRAY_SIZE(kept));
	if (r == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		r = -errno;
	if (r == 0 && getppid() != tunnel)
		r = -ESRCH;
	return r == 0 ? mt_confined_enter_asker() : r;
}

static _Noreturn void
serve(const struct mt_asker *asker, int channel, pid_t tunnel)
{
	struct run *run = calloc(1, sizeof(*run));

	if (!run)
		_exit(1);
	run->asker = asker;
	run->channel = channel;
	if (give_up_the_rest(run, tunnel) == 0)
		while (turn(run))
			;
	_exit(0);
}

int
mt_asker_start(const struct mt_asker *asker, int *ret_channel)
{
	static const int room = 2 * MT_QUESTION_BYTES_MAX; /* with what the kernel counts */
	pid_t tunnel = getpid(), pid;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	(void)setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	pid = fork();
	if (pid == 0)
		serve(asker, ends[1], tunnel);
	(void)close(ends[1]);
	if (pid > 0) {
		*ret_channel = ends[0];
		return 0;
	}
	(void)close(ends[0]);
	return -EAGAIN;
}
