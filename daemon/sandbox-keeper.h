/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_SANDBOX_KEEPER_H
#define MT_DAEMON_SANDBOX_KEEPER_H

/*
 * The keeper's own sandbox (DESIGN §3): it holds the key and the store, so it must not reach the
 * internet, run a program, or be read by anybody.
 *
 * After mt_sandbox_keeper_enter(): not dumpable (no ptrace, no /proc/PID/mem), no core, no new
 * privileges; socket() gives AF_UNIX only; no exec, no ptrace, no other process's memory; files can
 * be written only below the directories named (Landlock, where the kernel has it). Reading stays
 * possible: configuration is reread. A forked child (tdb_check, group look-up) inherits all of it.
 *
 * Not done here: changing the uid (systemd does), and starting workers: the spawner
 * (daemon/worker/spawner.h) must have been forked before.
 */

#include "policy/base.h"

#define MT_SANDBOX_KEEPER_DIRS_MAX 8

struct mt_sandbox_keeper_options {
	const char *writable[MT_SANDBOX_KEEPER_DIRS_MAX]; /* state and runtime directories */
	size_t n_writable;
};

/* Return: 0, or negative errno; then the keeper must not serve. */
MT_MUST_CHECK int mt_sandbox_keeper_enter(const struct mt_sandbox_keeper_options *options);

#endif
