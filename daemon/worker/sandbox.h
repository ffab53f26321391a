/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_SANDBOX_H
#define MT_DAEMON_WORKER_SANDBOX_H

/*
 * The workers' sandbox: what is given up before the first foreign byte (DESIGN §3).
 *
 * One function, readable in one screen, mirrored by the unit file: no new privileges, another uid
 * where we may change it, no supplementary groups, not dumpable, no core, few descriptors, no file
 * system and no TCP (Landlock, where the kernel has it), an allow-list of system calls (seccomp).
 * Landlock is a second wall and degrades silently on old kernels; seccomp is required.
 *
 * Refusals: a call nobody honest makes here (exec, ptrace, another process's memory, …) kills the
 * process. Everything else that is not allowed gets EPERM: libc and OpenSSL probe and cope, and
 * what they probe changes with every release; a worker that dies of a libc update would be an
 * outage of every mail program on the machine.
 *
 * Not done here: closing inherited descriptors happens first thing in main(), before the role
 * opens its own; loading anchors and DNS configuration happens before this, because nothing can be
 * opened afterwards.
 */

#include "policy/base.h"

struct sock_fprog;

enum mt_sandbox_role {
	MT_SANDBOX_CHAIN_CHILD = 0, /* one chain: memory, one pipe, exit */
	MT_SANDBOX_CHAIN,           /* the parent: may fork, wait, kill its own; no sockets */
	MT_SANDBOX_NET,             /* AF_INET and AF_INET6, stream and datagram */
	MT_SANDBOX_SPAWNER          /* its filter is its workers' too: only what none may do */
};
#define MT_SANDBOX_ROLE_COUNT 4

#define MT_SANDBOX_USER "mailtrust-worker"

struct mt_sandbox_options {
	enum mt_sandbox_role role;
	bool require_user; /* started as root without user mailtrust-worker: fail, else "nobody" */
};

/* First thing in main(): standard input and output on /dev/null, everything from first_fd closed.
 */
MT_MUST_CHECK int mt_sandbox_close_from(int first_fd);

/* Gives everything up. Return: 0, MT_SANDBOX_E_NO_USER, or negative errno: then exit. */
enum { MT_SANDBOX_E_NO_USER = 1 };
MT_MUST_CHECK int mt_sandbox_enter(const struct mt_sandbox_options *options);

/* The spawner keeps its uid (workers change theirs) and its files (it execs). */
MT_MUST_CHECK int mt_sandbox_enter_spawner(void);

/*
 * The filter of a role as compiled BPF, to be installed later by a forked child for the price of
 * one prctl(). Heap; free with mt_sandbox_program_free().
 */
MT_MUST_CHECK int mt_sandbox_program_new(enum mt_sandbox_role role, struct sock_fprog **ret);
struct sock_fprog *mt_sandbox_program_free(struct sock_fprog *program);

/* Installs it on top of what holds already. Return: 0 or negative errno. */
MT_MUST_CHECK int mt_sandbox_program_install(const struct sock_fprog *program);

#endif
