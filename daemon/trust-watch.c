/* SPDX-License-Identifier: MIT */
/* inotify, SIGHUP and a minute's timer, all of which end in mt_jobs_reload(). */

#include "daemon/trust-watch.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "daemon/log.h"

#define WATCHED (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR)
#define EVENTS_SIZE 4096

/* Where the system's anchors are, and where the distribution keeps what it brought (R-6-02). */
static const char *const system_dirs[] = {"/etc/ssl/certs", "/usr/share/ca-certificates"};

/* A package that replaces a hundred files is one change. */
static const struct timeval settled = {.tv_usec = 300 * 1000};
static const struct timeval minute = {.tv_sec = 60};

struct mt_trust_watch {
	struct mt_jobs *jobs;
	char *name; /* the only one of interest in its directory; NULL: all are */
	int fd;
	struct event *changed, *hangup, *reload, *retry;
};

static void
reload(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_trust_watch *w = userdata;
	int r = mt_jobs_reload(w->jobs);

	if (r < 0)
		mt_log(MT_LOG_WARNING, "worker", "the trust anchors cannot be read anew: %s",
		       strerror(-r));
}

static void
retry(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_trust_watch *w = userdata;

	if (mt_jobs_anchors_are_old(w->jobs))
		reload(-1, 0, w);
}

static bool
matters(const struct mt_trust_watch *w, const struct inotify_event *event)
{
	return !w->name || (event->len > 0 && strcmp(event->name, w->name) == 0) ||
	       (event->mask & IN_Q_OVERFLOW);
}

static void
on_changed(evutil_socket_t fd, short what, void *userdata)
{
	_Alignas(struct inotify_event) char buffer[EVENTS_SIZE];
	struct mt_trust_watch *w = userdata;
	const struct inotify_event *event;
	ssize_t n = read(fd, buffer, sizeof(buffer));

	for (ssize_t at = 0; at < n; at += (ssize_t)sizeof(*event) + event->len) {
		event = (const void *)(buffer + at);
		if (matters(w, event))
			(void)evtimer_add(w->reload, &settled);
	}
}

static void
watch_dir(struct mt_trust_watch *w, const char *dir)
{
	if (inotify_add_watch(w->fd, dir, WATCHED) < 0)
		mt_log(MT_LOG_WARNING, "worker", "%s is not watched: %s", dir, strerror(errno));
}

static int
watch_path(struct mt_trust_watch *w, const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		watch_dir(w, path);
		return 0;
	}
	if (!slash || snprintf(dir, sizeof(dir), "%.*s", slash > path ? (int)(slash - path) : 1,
			       path) >= (int)sizeof(dir))
		return -EINVAL;
	w->name = strdup(slash + 1);
	if (!w->name)
		return -ENOMEM;
	watch_dir(w, dir);
	return 0;
}

int
mt_trust_watch_new(struct event_base *base, struct mt_jobs *jobs, const char *path,
		   struct mt_trust_watch **ret)
{
	MT_CLEANUP(mt_trust_watch_freep) struct mt_trust_watch *w = calloc(1, sizeof(*w));
	int r = 0;

	if (!w)
		return -ENOMEM;
	w->jobs = jobs;
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0)
		return -errno;
	for (size_t i = 0; i < MT_ARRAY_SIZE(system_dirs) && !path; i++)
		watch_dir(w, system_dirs[i]);
	if (path)
		r = watch_path(w, path);
	if (r)
		return r;
	w->changed = event_new(base, w->fd, EV_READ | EV_PERSIST, on_changed, w);
	w->hangup = evsignal_new(base, SIGHUP, reload, w);
	w->reload = evtimer_new(base, reload, w);
	w->retry = event_new(base, -1, EV_PERSIST, retry, w);
	if (!w->changed || !w->hangup || !w->reload || !w->retry || event_add(w->changed, NULL) ||
	    event_add(w->hangup, NULL) || event_add(w->retry, &minute))
		return -ENOMEM;
	*ret = mt_steal(&w);
	return 0;
}

struct mt_trust_watch *
mt_trust_watch_free(struct mt_trust_watch *w)
{
	struct event *events[4];

	if (!w)
		return NULL;
	events[0] = w->changed;
	events[1] = w->hangup;
	events[2] = w->reload;
	events[3] = w->retry;
	for (size_t i = 0; i < MT_ARRAY_SIZE(events); i++)
		if (events[i])
			event_free(events[i]);
	if (w->fd >= 0)
		close(w->fd);
	free(w->name);
	free(w);
	return NULL;
}
