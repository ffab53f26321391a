/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_CONFINE_H
#define MT_IPC_CONFINE_H

/*
 * The bricks of the sandboxes: process flags, Landlock, seccomp tables. Which bricks make which
 * wall stands in daemon/worker/sandbox.c, daemon/sandbox-keeper.c and clients/connect/confined.c;
 * nothing is decided here but the list of calls that no program of ours ever makes.
 *
 * Instrumented builds (AddressSanitizer, or -DMT_INSTRUMENTED for runs under valgrind) need more
 * system calls and address space than the program itself; MT_CONFINE_INSTRUMENTED adds exactly
 * those, to every filter, and they still cannot exec, trace or open a socket. LeakSanitizer traces
 * its own process and so cannot work behind a filter: sandboxed processes leave with _exit().
 */

#include <linux/seccomp.h>
#include <sys/types.h>

#include <seccomp.h>

#include "policy/base.h"

#if defined(__has_feature) /* clang's way to say what gcc says with a macro */
#if __has_feature(address_sanitizer)
#define MT_INSTRUMENTED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(MT_INSTRUMENTED)
#define MT_CONFINE_INSTRUMENTED 1
#else
#define MT_CONFINE_INSTRUMENTED 0
#endif

/* No new privileges, not dumpable, no core. Call it after a change of uid, which undoes the second
 * (prctl(2)). */
MT_MUST_CHECK int mt_confine_process(void);

/*
 * Landlock: of the rights it handles nothing stays but what lies below the writable directories.
 * Where the kernel has none, or an older one, less is denied; that is no error.
 */
enum {
	MT_LANDLOCK_READ = 1,  /* deny reading files and directories, and executing */
	MT_LANDLOCK_WRITE = 2, /* deny creating, writing, removing */
	MT_LANDLOCK_TCP = 4,   /* deny TCP bind and connect */
	MT_LANDLOCK_SCOPE = 8  /* no signals out, no abstract sockets */
};
MT_MUST_CHECK int mt_confine_landlock(unsigned deny, const char *const *writable,
				      size_t n_writable);

/*
 * A filter: starts with what is fatal (kills) and what is refused (EPERM) everywhere, to which the
 * caller adds its tables. may_exec keeps execve() out of the fatal ones.
 */
struct mt_confine_filter {
	scmp_filter_ctx ctx;
	int r; /* the first failure of an allow; sticky, 0 or -errno */
};

MT_MUST_CHECK int mt_confine_filter_init(struct mt_confine_filter *filter, uint32_t otherwise,
					 bool may_exec);
void mt_confine_filter_clear(struct mt_confine_filter *filter);
void mt_confine_allow(struct mt_confine_filter *filter, const int *calls, size_t n);
/* Allows call where argument arg, masked, is value. */
void mt_confine_allow_if(struct mt_confine_filter *filter, int call, unsigned arg, uint64_t mask,
			 uint64_t value);
/* What libc does to compute, write an answer and leave; memory for data only. */
void mt_confine_allow_compute(struct mt_confine_filter *filter);
/* To wait, hear and speak on descriptors that exist. */
void mt_confine_allow_talk(struct mt_confine_filter *filter);
/* Memory for data only: mmap() and mprotect() without PROT_EXEC. */
void mt_confine_allow_memory(struct mt_confine_filter *filter);
/* fork() and its wait, but no new namespaces. */
void mt_confine_allow_fork(struct mt_confine_filter *filter);
/* Loads it for good. Return: 0 or negative errno, filter->r included. */
MT_MUST_CHECK int mt_confine_filter_load(struct mt_confine_filter *filter);

#endif
