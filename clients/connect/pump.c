/* SPDX-License-Identifier: MIT */
/* The poll loop. */

#include "clients/connect/pump.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "clients/lib/now.h"

#define CHUNK_SIZE (32 * 1024)
#define NEVER INT64_MAX

enum { AT_SERVER, AT_IN, AT_OUT, AT_ASKER, N_ENDS };

struct run {
	const struct mt_pump *pump;
	struct mt_tunnel *tunnel;
	bool in_ended, out_ended, shut;
	int binding; /* -1: not asked for, or done */
	int64_t dialogue_end_usec;
	int64_t heard_usec; /* when something last happened at an end */
};

/* -- one end ----------------------------------------------------------------------------------- */

static bool
is_passing(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static void
read_server(struct run *run)
{
	size_t room = mt_tunnel_room_for_server(run->tunnel);
	uint8_t buffer[CHUNK_SIZE];
	ssize_t n;

	if (room == 0)
		return;
	n = recv(run->pump->server, buffer, room < sizeof(buffer) ? room : sizeof(buffer), 0);
	if (n > 0) {
		run->heard_usec = mt_now_usec();
		mt_tunnel_server_said(run->tunnel, buffer, (size_t)n, mt_now_wall_usec());
	} else if (n == 0 || !is_passing()) {
		mt_tunnel_server_closed(run->tunnel);
	}
}

static void
write_server(struct run *run)
{
	struct mt_bytes bytes = mt_tunnel_for_server(run->tunnel);
	ssize_t n;

	if (bytes.size > 0) {
		n = send(run->pump->server, bytes.data, bytes.size, MSG_NOSIGNAL);
		/* who takes nothing more may still have said something: reading finds the end */
		if (n >= 0 || !is_passing())
			mt_tunnel_sent_to_server(run->tunnel, n >= 0 ? (size_t)n : bytes.size);
	}
	/* without TLS the end of TCP is the only way to say that no more will come */
	if (!run->shut && mt_tunnel_is_closed(run->tunnel) && !mt_tunnel_is_in_tls(run->tunnel) &&
	    mt_tunnel_for_server(run->tunnel).size == 0) {
		run->shut = true;
		(void)shutdown(run->pump->server, SHUT_WR);
	}
}

static void
read_program(struct run *run)
{
	size_t room = mt_tunnel_room_for_program(run->tunnel);
	uint8_t buffer[CHUNK_SIZE];
	ssize_t n;

	if (room == 0)
		return;
	n = read(run->pump->in, buffer, room < sizeof(buffer) ? room : sizeof(buffer));
	if (n > 0) {
		mt_tunnel_program_said(run->tunnel, buffer, (size_t)n);
	} else if (n == 0 || !is_passing()) {
		run->in_ended = true;
		run->heard_usec = mt_now_usec();
		mt_tunnel_program_closed(run->tunnel);
	}
}

static void
lose_program(struct run *run)
{
	run->out_ended = true;
	mt_tunnel_program_deaf(run->tunnel);
}

static void
write_program(struct run *run)
{
	struct mt_bytes bytes = mt_tunnel_for_program(run->tunnel);
	ssize_t n;

	if (bytes.size == 0 || run->out_ended)
		return;
	n = write(run->pump->out, bytes.data, bytes.size);
	if (n >= 0)
		mt_tunnel_sent_to_program(run->tunnel, (size_t)n);
	else if (!is_passing())
		lose_program(run);
}

/* -- the loop ---------------------------------------------------------------------------------- */

static bool
is_live(const struct run *run)
{
	enum mt_tunnel_stage stage = mt_tunnel_get_stage(run->tunnel);

	return stage == MT_TUNNEL_RELAY || stage == MT_TUNNEL_OPENING;
}

/* When the clock alone has something to do at the ends. */
static int64_t
next_deadline(const struct run *run)
{
	enum mt_tunnel_stage stage = mt_tunnel_get_stage(run->tunnel);

	if (stage == MT_TUNNEL_DIALOGUE || stage == MT_TUNNEL_LOGIN)
		return run->dialogue_end_usec;
	if (mt_tunnel_may_close(run->tunnel))
		return run->out_ended ? 0 : run->heard_usec + MT_QUIET_USEC;
	if (mt_tunnel_is_closed(run->tunnel))
		return run->heard_usec + MT_DIALOGUE_USEC;
	return NEVER;
}

static void
keep_deadline(struct run *run)
{
	if (next_deadline(run) > mt_now_usec())
		return;
	if (mt_tunnel_may_close(run->tunnel)) {
		run->heard_usec = mt_now_usec();
		mt_tunnel_close(run->tunnel);
	} else {
		mt_tunnel_server_closed(run->tunnel);
	}
}

static int
timeout_msec(const struct run *run)
{
	int64_t end = next_deadline(run), now = mt_now_usec();
	int64_t watch = is_live(run) ? mt_judge_deadline(run->pump->judge) : NEVER;

	if (watch < end)
		end = watch;
	if (end == NEVER)
		return -1;
	return end > now ? (int)((end - now + 999) / 1000) : 0;
}

/* An end nothing is wanted of is left out: a hang-up there would wake us for ever. */
static void
fill_ends(const struct run *run, struct pollfd ends[static N_ENDS])
{
	bool to_server = mt_tunnel_for_server(run->tunnel).size > 0;
	bool from_server = mt_tunnel_room_for_server(run->tunnel) > 0;
	bool from_program = mt_tunnel_room_for_program(run->tunnel) > 0 && !run->in_ended;
	bool to_program = mt_tunnel_for_program(run->tunnel).size > 0;

	ends[AT_SERVER] = (struct pollfd){
		.fd = to_server || from_server ? run->pump->server : -1,
		.events = (short)((to_server ? POLLOUT : 0) | (from_server ? POLLIN : 0))};
	ends[AT_IN] = (struct pollfd){.fd = from_program ? run->pump->in : -1, .events = POLLIN};
	/* whether the program still listens is always of interest */
	ends[AT_OUT] = (struct pollfd){.fd = run->out_ended ? -1 : run->pump->out,
				       .events = to_program ? POLLOUT : 0};
	ends[AT_ASKER] = (struct pollfd){
		.fd = is_live(run) ? mt_judge_get_fd(run->pump->judge) : -1, .events = POLLIN};
}

static void
serve_ends(struct run *run, const struct pollfd ends[static N_ENDS])
{
	if (ends[AT_SERVER].revents & (POLLIN | POLLHUP | POLLERR))
		read_server(run);
	if (ends[AT_IN].revents)
		read_program(run);
	if (ends[AT_OUT].revents & (POLLHUP | POLLERR | POLLNVAL))
		lose_program(run);
	/* what has just come in mostly can go out */
	write_program(run);
	write_server(run);
}

/* D-SYS-09: what was allowed under an older policy is asked about again. A service that cannot
 * decide just now is given time; that the session was allowed is still the last word. */
static void
judge_again(struct run *run)
{
	struct mt_judge *judge = run->pump->judge;

	if (mt_judge_turn(judge, mt_now_usec()) && mt_judge_put_again(judge, run->tunnel))
		mt_tunnel_answered(run->tunnel, &judge->answer, mt_now_wall_usec());
}

static void
turn(struct run *run)
{
	struct pollfd ends[N_ENDS];

	fill_ends(run, ends);
	if (poll(ends, N_ENDS, timeout_msec(run)) > 0)
		serve_ends(run, ends);
	keep_deadline(run);
	if (is_live(run) &&
	    (ends[AT_ASKER].revents || mt_judge_deadline(run->pump->judge) <= mt_now_usec()))
		judge_again(run);
}

/* -- the end ----------------------------------------------------------------------------------- */

/* Sends what is left for one end. until_usec NEVER: the program may take its time to read mail. */
static void
flush(int fd, int64_t until_usec, struct run *run, struct mt_bytes (*left)(struct run *),
      void (*write_end)(struct run *))
{
	while (left(run).size > 0) {
		struct pollfd end = {.fd = fd, .events = POLLOUT};
		int64_t now = mt_now_usec();
		int wait = until_usec == NEVER ? -1 : (int)((until_usec - now) / 1000);

		if (until_usec <= now || poll(&end, 1, wait) == 0 || !(end.revents & POLLOUT))
			return;
		write_end(run);
	}
}

static struct mt_bytes
left_for_server(struct run *run)
{
	return mt_tunnel_for_server(run->tunnel);
}

static struct mt_bytes
left_for_program(struct run *run)
{
	if (run->out_ended)
		return (struct mt_bytes){0};
	return mt_tunnel_for_program(run->tunnel);
}

/* A socket that is closed with words of the program unread is reset, and our last ones are lost
 * with it (RFC 1122 §4.2.2.13): so the program is told first that there is no more, and heard out.
 */
static void
drain_socket(struct run *run)
{
	int64_t until_usec = mt_now_usec() + MT_QUIET_USEC;
	struct pollfd end = {.fd = run->pump->in, .events = POLLIN};
	uint8_t buffer[CHUNK_SIZE];

	if (run->out_ended || run->in_ended || shutdown(run->pump->out, SHUT_WR) != 0)
		return;
	for (int64_t now; (now = mt_now_usec()) < until_usec;)
		if (poll(&end, 1, (int)((until_usec - now) / 1000) + 1) > 0 &&
		    read(end.fd, buffer, sizeof(buffer)) <= 0)
			return;
}

static void
flush_all(struct run *run)
{
	int64_t soon_usec = mt_now_usec() + MT_FLUSH_USEC;
	enum mt_exit status = mt_tunnel_get_status(run->tunnel);
	bool is_mail = status == MT_EXIT_OK || status == MT_EXIT_AWC || status == MT_EXIT_TEMPORARY;

	flush(run->pump->server, soon_usec, run, left_for_server, write_server);
	(void)shutdown(run->pump->server, SHUT_WR);
	flush(run->pump->out, is_mail ? NEVER : soon_usec, run, left_for_program, write_program);
	drain_socket(run);
}

/* By name and value. One line fits into any pipe. */
static void
export_binding(struct run *run)
{
	char value[4 * (MT_CB_MAX / 3 + 1) + 1], line[32 + sizeof(value)];
	struct mt_tunnel_binding binding;
	int size;

	mt_tunnel_get_binding(run->tunnel, &binding);
	if (binding.size > 0) {
		(void)EVP_EncodeBlock((unsigned char *)value, binding.value, (int)binding.size);
		size = snprintf(line, sizeof(line), "%s %s\n", binding.type, value);
		(void)!write(run->binding, line, (size_t)size);
	}
	(void)close(run->binding);
	run->binding = -1;
}

/* Signals that came with the answer wait where no poll sees them. */
static void
ask(struct run *run)
{
	mt_judge_put(run->pump->judge, run->tunnel);
	mt_tunnel_answered(run->tunnel, &run->pump->judge->answer, mt_now_wall_usec());
	if (is_live(run) && run->binding >= 0)
		export_binding(run);
	if (is_live(run))
		judge_again(run);
}

void
mt_pump_run(const struct mt_pump *pump)
{
	struct run run = {.pump = pump,
			  .tunnel = pump->tunnel,
			  .binding = pump->binding,
			  .heard_usec = mt_now_usec(),
			  .dialogue_end_usec = mt_now_usec() + MT_DIALOGUE_USEC};

	while (mt_tunnel_get_stage(run.tunnel) != MT_TUNNEL_OVER) {
		enum mt_tunnel_stage stage = mt_tunnel_get_stage(run.tunnel);

		if (stage == MT_TUNNEL_ASK_HANDSHAKE || stage == MT_TUNNEL_ASK)
			ask(&run);
		else
			turn(&run);
	}
	flush_all(&run);
}
