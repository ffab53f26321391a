/* SPDX-License-Identifier: MIT */
/* The file under the store: open, check in a child, snapshot, rehash. */

#include "daemon/store-file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/record.h"

/* A check of the largest possible file (4 GiB) takes seconds; one that takes this long is lost. */
#define CHECK_SECONDS_MAX 900
#define COPY_BYTES (32 * 1024)

static void MT_PRINTF(3, 4)
	file_log(struct tdb_context *tdb, enum tdb_debug_level level, const char *format, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	text[strcspn(text, "\n")] = '\0';
	/* tdb calls an attempt to open what is no tdb an error; store.c decides what it is. */
	mt_log(level == TDB_DEBUG_FATAL ? MT_LOG_WARNING : MT_LOG_DEBUG, "store", "tdb: %s", text);
}

struct tdb_context *
mt_store_file_open(const char *path, unsigned int hash_size, bool create, bool read_only,
		   bool no_sync)
{
	/* NOLOCK: our own lock file says that we are the only process (1.4 us a fetch saved). */
	const int tdb_flags = TDB_NOLOCK | TDB_INCOMPATIBLE_HASH | TDB_DISALLOW_NESTING |
			      (no_sync ? TDB_NOSYNC : 0);
	const int flags = (read_only ? O_RDONLY : O_RDWR) | (create ? O_CREAT | O_EXCL : 0) |
			  O_CLOEXEC | O_NOFOLLOW;
	const struct tdb_logging_context logging = {.log_fn = file_log};

	return tdb_open_ex(path, (int)hash_size, tdb_flags, flags, 0600, &logging, NULL);
}

/* -- check and snapshot: in the child */

static int
check_value(TDB_DATA key, TDB_DATA value, void *userdata)
{
	struct mt_store_report *report = userdata;
	struct mt_bytes unsealed;

	if (mt_record_unseal((struct mt_bytes){.data = key.dptr, .size = key.dsize},
			     (struct mt_bytes){.data = value.dptr, .size = value.dsize},
			     &unsealed) != 0)
		report->n_damaged++;
	return 0;
}

static int
copy_bytes(int from, int to)
{
	uint8_t buffer[COPY_BYTES];
	off_t offset = 0;

	for (;;) {
		ssize_t size = pread(from, buffer, sizeof(buffer), offset);

		if (size <= 0)
			return size == 0 && fsync(to) == 0 ? 0 : -errno;
		for (ssize_t done = 0; done < size;) {
			ssize_t n = write(to, buffer + done, (size_t)(size - done));

			if (n < 0)
				return -errno;
			done += n;
		}
		offset += size;
	}
}

static bool
copy_is_sound(const char *path)
{
	struct mt_store_report report = {0};
	struct tdb_context *tdb = mt_store_file_open(path, 0, false, true, true);
	bool ok = tdb && tdb_check(tdb, check_value, &report) == 0 && report.n_damaged == 0;

	if (tdb)
		(void)tdb_close(tdb);
	return ok;
}

static bool
snapshot_take(struct tdb_context *tdb, const char *snapshot)
{
	char temporary[PATH_MAX];
	int fd, r;

	if (snprintf(temporary, sizeof(temporary), "%s.new", snapshot) >= (int)sizeof(temporary))
		return false;
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	r = copy_bytes(tdb_fd(tdb), fd);
	(void)close(fd);
	if (r == 0 && copy_is_sound(temporary) && rename(temporary, snapshot) == 0)
		return true;
	(void)unlink(temporary);
	return false;
}

static void
check_run(struct tdb_context *tdb, const char *snapshot, int fd)
{
	struct mt_store_report report = {0};

	/* The parent's answers come first: one core may be all there is. */
	(void)setpriority(PRIO_PROCESS, 0, 19);
	(void)alarm(CHECK_SECONDS_MAX);
	report.is_sound = tdb_check(tdb, check_value, &report) == 0;
	if (report.is_sound && report.n_damaged == 0)
		report.has_snapshot = snapshot_take(tdb, snapshot);
	(void)!write(fd, &report, sizeof(report)); /* the reader is gone: so are we */
}

int
mt_store_check_start(struct tdb_context *tdb, int lock_fd, const char *snapshot,
		     struct mt_store_check *ret)
{
	const pid_t parent = getpid();
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		int r = -errno;

		(void)close(fds[0]);
		(void)close(fds[1]);
		return r;
	}
	if (pid == 0) {
		(void)close(lock_fd);
		(void)close(fds[0]);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			check_run(tdb, snapshot, fds[1]);
		_exit(0);
	}
	(void)close(fds[1]);
	*ret = (struct mt_store_check){.pid = pid, .fd = fds[0]};
	return 0;
}

/* -- and in the parent */

static void
check_reap(struct mt_store_check *check)
{
	(void)close(check->fd);
	while (waitpid(check->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*check = (struct mt_store_check){.fd = -1};
}

int
mt_store_check_read(struct mt_store_check *check, struct mt_store_report *ret)
{
	struct pollfd poll_fd = {.fd = check->fd, .events = POLLIN};
	struct mt_store_report report = {0};
	ssize_t size;

	if (poll(&poll_fd, 1, 0) != 1)
		return 0;
	size = read(check->fd, &report, sizeof(report));
	if (size < 0 && errno == EINTR)
		return 0;
	/* Less than a whole report (the child crashed): nothing is known to be sound. */
	*ret = size == sizeof(report) ? report : (struct mt_store_report){0};
	check_reap(check);
	return 1;
}

void
mt_store_check_cancel(struct mt_store_check *check)
{
	if (check->fd < 0)
		return;
	(void)kill(check->pid, SIGKILL);
	check_reap(check);
}

/* -- rehash */

struct rehash {
	struct tdb_context *to;
	uint64_t n;
};

static int
rehash_record(struct tdb_context *from, TDB_DATA key, TDB_DATA value, void *userdata)
{
	struct rehash *rehash = userdata;

	rehash->n++;
	return tdb_store(rehash->to, key, value, TDB_INSERT);
}

int
mt_store_file_rehash(struct tdb_context *tdb, const char *path, unsigned int hash_size,
		     uint64_t n_records)
{
	struct rehash rehash = {0};
	char temporary[PATH_MAX];
	int r = 0;

	if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary))
		return -ENAMETOOLONG;
	(void)unlink(temporary);
	rehash.to = mt_store_file_open(temporary, hash_size, true, false, true);
	if (!rehash.to)
		return -errno;
	if (tdb_traverse_read(tdb, rehash_record, &rehash) < 0 || rehash.n != n_records)
		r = 1;
	if (r == 0 && fsync(tdb_fd(rehash.to)) < 0)
		r = -errno;
	(void)tdb_close(rehash.to);
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r != 0)
		(void)unlink(temporary);
	return r;
}
