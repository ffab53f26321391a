/* SPDX-License-Identifier: MIT */
/* The keeper's sandbox: AF_UNIX only, no exec, files written in its own directories only. */

#include "daemon/sandbox-keeper.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "ipc/confine.h"

/* libc, OpenSSL (signing), libevent. */
static const int base_calls[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(close),
	SCMP_SYS(close_range),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(futex),
	SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(getpid),
	SCMP_SYS(getppid),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(getgroups),
	SCMP_SYS(getresuid),
	SCMP_SYS(getresgid),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
	SCMP_SYS(getrusage),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getcpu),
	SCMP_SYS(prlimit64),
	SCMP_SYS(getrlimit),
	SCMP_SYS(tgkill),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(eventfd2),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	SCMP_SYS(pipe2),
	SCMP_SYS(pipe),
	SCMP_SYS(dup),
	SCMP_SYS(dup2),
	SCMP_SYS(dup3),
	SCMP_SYS(fcntl),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(membarrier),
};

/* Its state directory (tdb: map, grow, lock, sync), its configuration. */
static const int file_calls[] = {
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(openat2),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64),
	SCMP_SYS(getcwd),
	SCMP_SYS(lseek),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(msync),
	SCMP_SYS(flock),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(link),
	SCMP_SYS(linkat),
	SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),
	SCMP_SYS(rmdir),
	SCMP_SYS(chmod),
	SCMP_SYS(fchmod),
	SCMP_SYS(fchmodat),
	SCMP_SYS(chown),
	SCMP_SYS(fchown),
	SCMP_SYS(fchownat),
	SCMP_SYS(umask),
	SCMP_SYS(statfs),
	SCMP_SYS(fstatfs),
	SCMP_SYS(fadvise64),
	SCMP_SYS(copy_file_range),
	SCMP_SYS(utimensat),
	SCMP_SYS(inotify_init1),
	SCMP_SYS(inotify_add_watch),
	SCMP_SYS(inotify_rm_watch),
};

/* The bus, the direct socket, the journal, the workers. */
static const int socket_calls[] = {
	SCMP_SYS(bind),        SCMP_SYS(listen),     SCMP_SYS(accept),     SCMP_SYS(accept4),
	SCMP_SYS(connect),     SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(getsockname),
	SCMP_SYS(getpeername), SCMP_SYS(recvmsg),    SCMP_SYS(recvfrom),   SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),      SCMP_SYS(shutdown),
};

/* isatty(), and how much waits. TIOCSTI and its like are not among them. */
static const unsigned long ioctls[] = {TCGETS, FIONREAD, FIONBIO};

/* prctl() is for names and for asking; the seccomp of a child may only grow. */
static const unsigned long prctls[] = {PR_SET_NAME, PR_GET_NAME, PR_SET_PDEATHSIG, PR_GET_DUMPABLE,
				       PR_SET_SECCOMP};

static void
allow_calls(struct mt_confine_filter *filter)
{
	mt_confine_allow(filter, base_calls, MT_ARRAY_SIZE(base_calls));
	mt_confine_allow(filter, file_calls, MT_ARRAY_SIZE(file_calls));
	mt_confine_allow(filter, socket_calls, MT_ARRAY_SIZE(socket_calls));
	mt_confine_allow_memory(filter);
	mt_confine_allow_fork(filter); /* tdb_check, group look-up */
	mt_confine_allow_if(filter, SCMP_SYS(socket), 0, UINT32_MAX, AF_UNIX);
	mt_confine_allow_if(filter, SCMP_SYS(socketpair), 0, UINT32_MAX, AF_UNIX);
	for (size_t i = 0; i < MT_ARRAY_SIZE(ioctls); i++)
		mt_confine_allow_if(filter, SCMP_SYS(ioctl), 1, UINT32_MAX, ioctls[i]);
	for (size_t i = 0; i < MT_ARRAY_SIZE(prctls) && !MT_CONFINE_INSTRUMENTED; i++)
		mt_confine_allow_if(filter, SCMP_SYS(prctl), 0, UINT32_MAX, prctls[i]);
}

int
mt_sandbox_keeper_enter(const struct mt_sandbox_keeper_options *options)
{
	struct mt_confine_filter filter = {0};
	int r;

	r = mt_confine_process();
	if (r < 0)
		return r;
	r = mt_confine_landlock(MT_LANDLOCK_WRITE | MT_LANDLOCK_TCP, options->writable,
				options->n_writable);
	if (r < 0)
		return r;

	r = mt_confine_filter_init(&filter, SCMP_ACT_ERRNO(EPERM), false);
	if (r == 0) {
		allow_calls(&filter);
		r = mt_confine_filter_load(&filter);
	}
	mt_confine_filter_clear(&filter);
	return r;
}
