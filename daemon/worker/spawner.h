/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_SPAWNER_H
#define MT_DAEMON_WORKER_SPAWNER_H

/*
 * The spawner: a small process that starts workers for a keeper that cannot (DESIGN §3).
 *
 * A seccomp filter is inherited, so the keeper cannot start the net worker from inside its own
 * sandbox. Before that sandbox closes it forks this process, which holds no secret, parses nothing
 * but a few bytes, opens no socket to anywhere, and understands two sentences: "spawn ROLE"
 * and "kill PID". It
 * answers with the keeper's end of a fresh socketpair (SCM_RIGHTS); the worker has the other as
 * fd 3. It ends when the keeper's end of the control socket is closed, and its workers with it
 * (PR_SET_PDEATHSIG). The same loop serves a socket-activated unit: `mailtrust-worker serve`.
 *
 * What it does not do: restart anything by itself, or decide how often. That is daemon/jobs.c.
 */

#include <sys/types.h>

#include "policy/base.h"

enum mt_worker_role { MT_WORKER_CHAIN = 0, MT_WORKER_NET };
#define MT_WORKER_ROLE_COUNT 2

const char *mt_worker_role_to_string(enum mt_worker_role role); /* "chain", "net" */
MT_MUST_CHECK int mt_worker_role_from_string(const char *string, enum mt_worker_role *ret);

#define MT_SPAWNER_DNS_MAX 8

struct mt_spawner_options {
	const char *executable;    /* NULL: beside the running program, else MT_LIBEXECDIR */
	const char *trust_anchors; /* file or directory; NULL: the system's */
	const char *dns_forward[MT_SPAWNER_DNS_MAX]; /* ADDR@PORT; none: resolv.conf */
	size_t n_dns_forward;
	const char *dns_anchor[MT_SPAWNER_DNS_MAX]; /* files, beside the distribution's */
	size_t n_dns_anchor;
	const char *dns_negative_anchor[MT_SPAWNER_DNS_MAX]; /* domains that are not validated */
	size_t n_dns_negative_anchor;
	bool require_user; /* system mode: no user mailtrust-worker, no worker */
};

/* Forks the spawner. The control end is close-on-exec and non-blocking; closing it ends the
 * spawner. Borrowed option strings are needed only during the call.
 * Return: 0, or negative errno. */
MT_MUST_CHECK int mt_spawner_start(const struct mt_spawner_options *options, int *ret_control_fd,
				   pid_t *ret_pid);

/* The loop itself, over an inherited control socket. Return: exit status. */
int mt_spawner_run(int control_fd, const struct mt_spawner_options *options);

/* The keeper's half of the control protocol (used by daemon/jobs.c). */
enum mt_spawner_event { MT_SPAWNER_SPAWNED = 1, MT_SPAWNER_REFUSED, MT_SPAWNER_EXITED };

struct mt_spawner_report {
	enum mt_spawner_event event;
	enum mt_worker_role role;
	pid_t pid;  /* in the spawner's pid namespace; information only */
	int status; /* EXITED: as waitpid() gives it; REFUSED: errno */
	int fd;     /* SPAWNED: owned by the caller; else -1 */
};

/* Asks. Return: 0, or negative errno (-EAGAIN: the control socket is full). */
MT_MUST_CHECK int mt_spawner_ask(int control_fd, enum mt_worker_role role);

/* Kills a worker that does not answer. A pid that is none of its workers' is ignored. */
void mt_spawner_kill(int control_fd, pid_t pid);

/* Reads one report. Return: 0, negative errno (-EAGAIN: none waits), or MT_SPAWNER_E_GONE. */
enum { MT_SPAWNER_E_GONE = 1 };
MT_MUST_CHECK int mt_spawner_read(int control_fd, struct mt_spawner_report *ret);

#endif
