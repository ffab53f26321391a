/* SPDX-License-Identifier: MIT */
/* Process flags, Landlock by raw system calls, and seccomp tables. */

#include "ipc/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int
mt_confine_process(void)
{
	static const struct rlimit none = {0, 0};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	return 0;
}

/* Landlock. Old headers know only its first version; the numbers are kernel ABI. */

#define ACCESS_REFER MT_BIT(13)     /* ABI 2 */
#define ACCESS_TRUNCATE MT_BIT(14)  /* ABI 3 */
#define ACCESS_IOCTL_DEV MT_BIT(15) /* ABI 5 */
#define NET_BIND_TCP MT_BIT(0)      /* ABI 4 */
#define NET_CONNECT_TCP MT_BIT(1)
#define SCOPE_ABSTRACT_UNIX MT_BIT(0) /* ABI 6 */
#define SCOPE_SIGNAL MT_BIT(1)

#define READ_RIGHTS \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_RIGHTS                                                     \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |     \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |   \
	 LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

/* struct landlock_ruleset_attr of ABI 6; older kernels take a prefix of it. */
struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

static struct ruleset
ruleset_for(unsigned deny, long abi)
{
	struct ruleset set = {0};

	if (deny & MT_LANDLOCK_READ)
		set.fs |= READ_RIGHTS;
	if (deny & MT_LANDLOCK_WRITE) {
		set.fs |= WRITE_RIGHTS;
		/* Without REFER in the set, linking and renaming across directories is denied
		 * anyway, which is what we want of ABI 2 too. */
		if (abi >= 2)
			set.fs |= ACCESS_REFER;
		if (abi >= 3)
			set.fs |= ACCESS_TRUNCATE;
	}
	if ((deny & MT_LANDLOCK_READ) && abi >= 5)
		set.fs |= ACCESS_IOCTL_DEV;
	if ((deny & MT_LANDLOCK_TCP) && abi >= 4)
		set.net = NET_BIND_TCP | NET_CONNECT_TCP;
	if ((deny & MT_LANDLOCK_SCOPE) && abi >= 6)
		set.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	return set;
}

static size_t
ruleset_size(long abi)
{
	if (abi >= 6)
		return sizeof(struct ruleset);
	if (abi >= 4)
		return offsetof(struct ruleset, scoped);
	return offsetof(struct ruleset, net);
}

static int
add_directory(int ruleset_fd, const char *path, uint64_t rights)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
	int r = 0;

	if (fd < 0)
		return -errno;
	if (syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		r = -errno;
	close(fd);
	return r;
}

int
mt_confine_landlock(unsigned deny, const char *const *writable, size_t n_writable)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset set;
	int fd;
	int r = 0;

	if (abi < 1) /* not built in, or switched off: the other walls stand */
		return 0;

	set = ruleset_for(deny, abi);
	fd = (int)syscall(SYS_landlock_create_ruleset, &set, ruleset_size(abi), 0);
	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < n_writable && r == 0; i++)
		r = add_directory(fd, writable[i], set.fs);
	if (r == 0 && syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		r = -errno;
	close(fd);
	return r;
}

/* seccomp. */

/* What nobody honest does in any process of ours: an attacker at work, or a bug as bad. */
static const int fatal_calls[] = {
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(setns),
	SCMP_SYS(unshare),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(open_by_handle_at),
};

static const int exec_calls[] = {SCMP_SYS(execve), SCMP_SYS(execveat)};

/* What sanitizers and valgrind do behind our back. */
static const int instrumented_calls[] = {
	SCMP_SYS(mmap),         SCMP_SYS(mprotect),
	SCMP_SYS(prctl),        SCMP_SYS(openat),
	SCMP_SYS(open),         SCMP_SYS(readlink),
	SCMP_SYS(fstat),        SCMP_SYS(newfstatat),
	SCMP_SYS(stat),         SCMP_SYS(lseek),
	SCMP_SYS(pread64),      SCMP_SYS(sched_yield),
	SCMP_SYS(gettid),       SCMP_SYS(sched_getaffinity),
	SCMP_SYS(prlimit64),    SCMP_SYS(getrlimit),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(tgkill),       SCMP_SYS(getcwd),
	SCMP_SYS(dup),          SCMP_SYS(fcntl),
	SCMP_SYS(pipe2),        SCMP_SYS(poll),
};

static int
deny_all(struct mt_confine_filter *filter, uint32_t action, const int *calls, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = seccomp_rule_add(filter->ctx, action, calls[i], 0);
	return r;
}

int
mt_confine_filter_init(struct mt_confine_filter *filter, uint32_t otherwise, bool may_exec)
{
	*filter = (struct mt_confine_filter){.ctx = seccomp_init(otherwise)};
	if (!filter->ctx)
		return -ENOMEM;

	filter->r =
		deny_all(filter, SCMP_ACT_KILL_PROCESS, fatal_calls, MT_ARRAY_SIZE(fatal_calls));
	if (filter->r == 0 && !may_exec)
		filter->r = deny_all(filter, SCMP_ACT_KILL_PROCESS, exec_calls,
				     MT_ARRAY_SIZE(exec_calls));
	if (filter->r == 0) /* binary tree: a call costs log2 of the table, not its half */
		filter->r = seccomp_attr_set(filter->ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (MT_CONFINE_INSTRUMENTED && otherwise != SCMP_ACT_ALLOW)
		mt_confine_allow(filter, instrumented_calls, MT_ARRAY_SIZE(instrumented_calls));
	return filter->r;
}

void
mt_confine_filter_clear(struct mt_confine_filter *filter)
{
	if (filter->ctx)
		seccomp_release(filter->ctx);
	*filter = (struct mt_confine_filter){0};
}

/* A call the architecture does not have is skipped by libseccomp itself; one that is allowed twice
 * is not an error. */
static void
allow(struct mt_confine_filter *filter, int call, unsigned n_args, const struct scmp_arg_cmp *args)
{
	int r;

	if (filter->r < 0)
		return;
	r = seccomp_rule_add_array(filter->ctx, SCMP_ACT_ALLOW, call, n_args, args);
	if (r < 0 && r != -EEXIST)
		filter->r = r;
}

void
mt_confine_allow(struct mt_confine_filter *filter, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		allow(filter, calls[i], 0, NULL);
}

void
mt_confine_allow_if(struct mt_confine_filter *filter, int call, unsigned arg, uint64_t mask,
		    uint64_t value)
{
	struct scmp_arg_cmp cmp = {
		.arg = arg, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};

	allow(filter, call, 1, &cmp);
}

void
mt_confine_allow_compute(struct mt_confine_filter *filter)
{
	static const int calls[] = {
		SCMP_SYS(read),
		SCMP_SYS(write),
		SCMP_SYS(writev),
		SCMP_SYS(close),
		SCMP_SYS(exit),
		SCMP_SYS(exit_group),
		SCMP_SYS(rt_sigreturn),
		SCMP_SYS(rt_sigprocmask),
		SCMP_SYS(sigaltstack),
		SCMP_SYS(futex),
		SCMP_SYS(getrandom),
		SCMP_SYS(clock_gettime),
		SCMP_SYS(gettimeofday),
		SCMP_SYS(time),
		SCMP_SYS(getpid),
		SCMP_SYS(gettid),
		SCMP_SYS(restart_syscall),
	};

	mt_confine_allow(filter, calls, MT_ARRAY_SIZE(calls));
	mt_confine_allow_memory(filter);
}

void
mt_confine_allow_talk(struct mt_confine_filter *filter)
{
	/* tgkill is abort() */
	static const int calls[] = {
		SCMP_SYS(poll),     SCMP_SYS(ppoll),   SCMP_SYS(recvmsg),
		SCMP_SYS(recvfrom), SCMP_SYS(sendmsg), SCMP_SYS(sendto),
		SCMP_SYS(shutdown), SCMP_SYS(fcntl),   SCMP_SYS(tgkill),
	};

	mt_confine_allow(filter, calls, MT_ARRAY_SIZE(calls));
}

void
mt_confine_allow_memory(struct mt_confine_filter *filter)
{
	static const int calls[] = {SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap),
				    SCMP_SYS(madvise)};

	mt_confine_allow(filter, calls, MT_ARRAY_SIZE(calls));
	if (MT_CONFINE_INSTRUMENTED) /* allowed whole already */
		return;
	mt_confine_allow_if(filter, SCMP_SYS(mmap), 2, PROT_EXEC, 0);
	mt_confine_allow_if(filter, SCMP_SYS(mmap2), 2, PROT_EXEC, 0);
	mt_confine_allow_if(filter, SCMP_SYS(mprotect), 2, PROT_EXEC, 0);
}

void
mt_confine_allow_fork(struct mt_confine_filter *filter)
{
	static const uint64_t namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
					   CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
					   CLONE_NEWNET;
	static const int calls[] = {SCMP_SYS(fork),  SCMP_SYS(wait4),           SCMP_SYS(waitid),
				    SCMP_SYS(kill),  SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
				    SCMP_SYS(pipe2), SCMP_SYS(set_tid_address)};

	mt_confine_allow(filter, calls, MT_ARRAY_SIZE(calls));
	mt_confine_allow_if(filter, SCMP_SYS(clone), 0, namespaces, 0);
	/* The flags of clone3() are in memory, where no filter can see them. ENOSYS makes libc use
	 * clone() (clone3(2)). */
	if (filter->r == 0)
		filter->r =
			seccomp_rule_add(filter->ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

int
mt_confine_filter_load(struct mt_confine_filter *filter)
{
	if (filter->r == 0)
		filter->r = seccomp_load(filter->ctx);
	return filter->r;
}
