/* SPDX-License-Identifier: MIT */
/* The workers' sandbox: tables of system calls, and the one function that gives everything up. */

#include "daemon/worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/confine.h"

/* An event loop over descriptors that exist. */
static const int loop_calls[] = {
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2),
	SCMP_SYS(epoll_ctl),  SCMP_SYS(getppid),     SCMP_SYS(rt_sigaction),
};

/* The chain worker's children arrange their one descriptor before their own filter. */
static const int parent_calls[] = {
	SCMP_SYS(dup2),
	SCMP_SYS(dup3),
	SCMP_SYS(close_range),
};

static const int network_calls[] = {
	SCMP_SYS(bind),       SCMP_SYS(connect),     SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
	SCMP_SYS(readv),      SCMP_SYS(recvmmsg),    SCMP_SYS(sendmmsg),
};

/* Stream and datagram sockets of the two internet families; no raw, no netlink, no UNIX. */
static void
allow_sockets(struct mt_confine_filter *filter)
{
	static const uint64_t type_mask = ~(uint64_t)(SOCK_CLOEXEC | SOCK_NONBLOCK);
	static const int families[] = {AF_INET, AF_INET6};
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM};

	for (size_t f = 0; f < MT_ARRAY_SIZE(families); f++)
		for (size_t t = 0; t < MT_ARRAY_SIZE(types); t++) {
			struct scmp_arg_cmp args[] = {
				SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)families[f]),
				SCMP_A1_32(SCMP_CMP_MASKED_EQ, (uint32_t)type_mask,
					   (uint32_t)types[t]),
			};

			if (filter->r == 0)
				filter->r = seccomp_rule_add_array(filter->ctx, SCMP_ACT_ALLOW,
								   SCMP_SYS(socket),
								   MT_ARRAY_SIZE(args), args);
		}
}

/* What a child does before its own filter: die with its parent, bound its time, install. */
static void
allow_child_settings(struct mt_confine_filter *filter)
{
	if (MT_CONFINE_INSTRUMENTED) /* allowed whole already */
		return;
	mt_confine_allow_if(filter, SCMP_SYS(prctl), 0, UINT32_MAX, PR_SET_SECCOMP);
	mt_confine_allow_if(filter, SCMP_SYS(prctl), 0, UINT32_MAX, PR_SET_PDEATHSIG);
	mt_confine_allow_if(filter, SCMP_SYS(prlimit64), 0, UINT32_MAX, 0);
}

static int
build(enum mt_sandbox_role role, struct mt_confine_filter *filter)
{
	/* A filter is inherited: the spawner's must leave its workers room, so it only names what
	 * none of them may do. */
	if (role == MT_SANDBOX_SPAWNER)
		return mt_confine_filter_init(filter, SCMP_ACT_ALLOW, true);
	if (mt_confine_filter_init(filter, SCMP_ACT_ERRNO(EPERM), false) < 0)
		return filter->r ? filter->r : -ENOMEM;

	mt_confine_allow_compute(filter);
	if (role == MT_SANDBOX_CHAIN_CHILD)
		return filter->r;

	mt_confine_allow_talk(filter);
	mt_confine_allow(filter, loop_calls, MT_ARRAY_SIZE(loop_calls));
	if (role == MT_SANDBOX_CHAIN) {
		mt_confine_allow(filter, parent_calls, MT_ARRAY_SIZE(parent_calls));
		mt_confine_allow_fork(filter);
		mt_confine_allow_if(filter, SCMP_SYS(socketpair), 0, UINT32_MAX, AF_UNIX);
		allow_child_settings(filter);
	} else {
		mt_confine_allow(filter, network_calls, MT_ARRAY_SIZE(network_calls));
		allow_sockets(filter);
	}
	return filter->r;
}

/* Every limit with what needs it: sockets of lookups and probes, or one socket per child. */
static int
limit(enum mt_sandbox_role role)
{
	static const rlim_t mib = 1024 * 1024;
	const rlim_t n_files = role == MT_SANDBOX_NET ? 512 : 64;
	const struct rlimit files = {n_files, n_files};
	const struct rlimit none = {0, 0};
	const struct rlimit memory = {1024 * mib, 1024 * mib};

	if (setrlimit(RLIMIT_NOFILE, &files) < 0 || setrlimit(RLIMIT_FSIZE, &none) < 0)
		return -errno;
	/* Sanitizers reserve terabytes of shadow. */
	if (!MT_CONFINE_INSTRUMENTED && setrlimit(RLIMIT_AS, &memory) < 0)
		return -errno;
	return 0;
}

static int
change_user(bool require_user)
{
	const struct passwd *user;
	uid_t uid;
	gid_t gid;

	if (geteuid() != 0)
		return 0;
	user = getpwnam(MT_SANDBOX_USER);
	if (!user && !require_user)
		user = getpwnam("nobody");
	if (!user || user->pw_uid == 0)
		return MT_SANDBOX_E_NO_USER;

	uid = user->pw_uid;
	gid = user->pw_gid;
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	return 0;
}

int
mt_sandbox_close_from(int first_fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return -errno;
	/* dup2() clears close-on-exec on the copies; fd 2 keeps telling why a worker gave up */
	if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		return -errno;
	if (fcntl(STDERR_FILENO, F_GETFD) < 0 && dup2(null, STDERR_FILENO) < 0)
		return -errno;
	if (null > STDERR_FILENO && null < first_fd)
		close(null);
	return close_range((unsigned)first_fd, ~0U, 0) < 0 ? -errno : 0;
}

int
mt_sandbox_enter(const struct mt_sandbox_options *options)
{
	unsigned deny = MT_LANDLOCK_READ | MT_LANDLOCK_WRITE | MT_LANDLOCK_SCOPE;
	struct mt_confine_filter filter = {0};
	int r;

	r = change_user(options->require_user);
	if (r != 0)
		return r;
	r = mt_confine_process();
	if (r < 0)
		return r;
	/* A change of uid also forgets who we die with (prctl(2)). */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	r = limit(options->role);
	if (r < 0)
		return r;
	if (options->role != MT_SANDBOX_NET)
		deny |= MT_LANDLOCK_TCP;
	r = mt_confine_landlock(deny, NULL, 0);
	if (r < 0)
		return r;

	r = build(options->role, &filter);
	if (r == 0)
		r = mt_confine_filter_load(&filter);
	mt_confine_filter_clear(&filter);
	return r;
}

int
mt_sandbox_enter_spawner(void)
{
	struct mt_confine_filter filter = {0};
	int r;

	r = mt_confine_process();
	if (r < 0)
		return r;
	r = build(MT_SANDBOX_SPAWNER, &filter);
	if (r == 0)
		r = mt_confine_filter_load(&filter);
	mt_confine_filter_clear(&filter);
	return r;
}

/* libseccomp exports to a descriptor only. */
static int export(struct mt_confine_filter *filter, struct sock_fprog **ret)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	struct sock_fprog *program = NULL;
	size_t size;
	int r;

	if (fd < 0)
		return -errno;
	r = seccomp_export_bpf(filter->ctx, fd);
	if (r < 0)
		goto finish;

	size = (size_t)lseek(fd, 0, SEEK_END);
	program = calloc(1, sizeof(*program));
	if (program)
		program->filter = malloc(size);
	r = -ENOMEM;
	if (!program || !program->filter)
		goto finish;
	r = pread(fd, program->filter, size, 0) == (ssize_t)size ? 0 : -EIO;
	program->len = (unsigned short)(size / sizeof(struct sock_filter));

finish:
	close(fd);
	if (r == 0)
		*ret = program;
	else
		mt_sandbox_program_free(program);
	return r;
}

int
mt_sandbox_program_new(enum mt_sandbox_role role, struct sock_fprog **ret)
{
	struct mt_confine_filter filter = {0};
	int r;

	r = build(role, &filter);
	if (r == 0)
		r = export(&filter, ret);
	mt_confine_filter_clear(&filter);
	return r;
}

struct sock_fprog *
mt_sandbox_program_free(struct sock_fprog *program)
{
	if (program)
		free(program->filter);
	free(program);
	return NULL;
}

int
mt_sandbox_program_install(const struct sock_fprog *program)
{
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) < 0 ? -errno : 0;
}
