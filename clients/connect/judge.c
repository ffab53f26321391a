/* SPDX-License-Identifier: MIT */
/* The questions of a tunnel. */

#include "clients/connect/judge.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "clients/connect/question.h"
#include "clients/lib/now.h"

/* -- hearing the asker ------------------------------------------------------------------------- */

static void
lose(struct mt_judge *judge)
{
	judge->is_lost = true;
	judge->is_due = true;
}

/* The next word, waited for until then. Return: false: there is none. */
static bool
hear(struct mt_judge *judge, int64_t until_usec, struct mt_word *ret)
{
	struct pollfd end = {.fd = judge->channel, .events = POLLIN};
	ssize_t n;

	while (!judge->is_lost) {
		int64_t left = until_usec - mt_now_usec();

		n = recv(judge->channel, ret, sizeof(*ret), MSG_DONTWAIT);
		if (n == (ssize_t)sizeof(*ret))
			return true;
		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			lose(judge);
		else if (left <= 0)
			return false;
		else
			(void)poll(&end, 1, (int)((left + 999) / 1000));
	}
	return false;
}

/* Whatever it says, it says that something changed: one question answers any number of them. */
static bool
hear_answer(struct mt_judge *judge, struct mt_answer *ret)
{
	int64_t until_usec = mt_now_usec() + MT_JUDGE_PATIENCE_USEC;
	struct mt_word word;

	while (hear(judge, until_usec, &word)) {
		if (word.number == 0)
			judge->is_due = true;
		if (word.number == judge->number) { /* no late one */
			*ret = word.answer;
			return true;
		}
	}
	return false;
}

/* -- asking ------------------------------------------------------------------------------------ */

static bool
say(struct mt_judge *judge, const struct mt_question *question)
{
	size_t size;
	char *data;
	bool is_said;

	if (judge->is_lost || mt_question_encode(question, &data, &size))
		return false;
	is_said = send(judge->channel, data, size, MSG_NOSIGNAL) == (ssize_t)size;
	dbus_free(data);
	if (!is_said)
		lose(judge);
	return is_said;
}

static uint32_t
next_number(struct mt_judge *judge)
{
	judge->number++;
	if (judge->number == 0) /* which is no question's */
		judge->number = 1;
	return judge->number;
}

void
mt_judge_put(struct mt_judge *judge, const struct mt_tunnel *tunnel)
{
	struct mt_question question = {
		.number = next_number(judge),
		.is_handshake = mt_tunnel_get_stage(tunnel) == MT_TUNNEL_ASK_HANDSHAKE,
		.op = mt_tunnel_get_op(tunnel),
	};

	mt_answer_clear(&judge->answer);
	if (mt_tunnel_get_evidence(tunnel, judge->peer, judge->local_port, mt_now_wall_usec(),
				   &question.evidence) != 0)
		mt_answer_deny(&judge->answer, MT_REASON_EVIDENCE_INCOMPLETE, "out of memory");
	else if (!say(judge, &question) || !hear_answer(judge, &judge->answer))
		mt_answer_deny(&judge->answer, MT_REASON_DAEMON_UNAVAILABLE,
			       "nobody is left to ask it");
	mt_question_clear(&question);
}

/* -- asking again ------------------------------------------------------------------------------ */

int
mt_judge_get_fd(const struct mt_judge *judge)
{
	return judge->is_lost ? -1 : judge->channel;
}

int64_t
mt_judge_deadline(const struct mt_judge *judge)
{
	if (judge->undecided_usec)
		return judge->retry_usec;
	return judge->is_due ? 0 : INT64_MAX;
}

bool
mt_judge_turn(struct mt_judge *judge, int64_t now_usec)
{
	struct mt_word word;

	while (hear(judge, 0, &word))
		judge->is_due = true;
	return judge->is_due && (!judge->undecided_usec || now_usec >= judge->retry_usec);
}

static bool
is_decision(const struct mt_answer *answer)
{
	return answer->decision != MT_DECISION_DENY ||
	       (!mt_answer_has(answer, MT_REASON_DAEMON_UNAVAILABLE) &&
		!mt_answer_has(answer, MT_REASON_DAEMON_DEGRADED));
}

bool
mt_judge_put_again(struct mt_judge *judge, const struct mt_tunnel *tunnel)
{
	int64_t now_usec;

	judge->is_due = false; /* a change while it is asked is another one */
	mt_judge_put(judge, tunnel);
	if (is_decision(&judge->answer) || judge->is_lost) { /* an asker does not come back */
		judge->undecided_usec = 0;
		return true;
	}
	now_usec = mt_now_usec();
	judge->is_due = true;
	judge->retry_usec = now_usec + MT_JUDGE_RETRY_USEC;
	if (!judge->undecided_usec)
		judge->undecided_usec = now_usec;
	return now_usec - judge->undecided_usec >= MT_JUDGE_UNDECIDED_USEC;
}
