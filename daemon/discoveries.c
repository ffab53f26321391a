/* SPDX-License-Identifier: MIT */
/* Discoveries under way. */

#include "daemon/discoveries.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include <event2/event.h>

/* admin, srv, pacc, autoconfig and autoconfig-http */
#define SOURCES_MAX 5

struct mt_discovery_job {
	struct mt_discoveries *discoveries;
	LIST_ENTRY(mt_discovery_job) entry;
	uint32_t uid;
	uint64_t sources; /* MT_BIT(enum mt_discovery) */
	char domain[MT_DOMAIN_SIZE];
	struct part {
		struct mt_source_run run; /* first: a run is its part */
		struct mt_discovery_job *job;
	} parts[SOURCES_MAX];
	unsigned int n_left;
	struct event *all_ended;
	struct mt_findings found;
	mt_discoveries_fn callback;
	void *userdata;
};

struct mt_discoveries {
	struct mt_sources_options options;
	LIST_HEAD(, mt_discovery_job) jobs;
};

int
mt_discoveries_new(const struct mt_sources_options *options, struct mt_discoveries **ret)
{
	struct mt_discoveries *discoveries = calloc(1, sizeof(*discoveries));

	assert(mt_n_sources <= SOURCES_MAX);
	if (!discoveries)
		return -ENOMEM;
	discoveries->options = *options;
	LIST_INIT(&discoveries->jobs);
	*ret = discoveries;
	return 0;
}

static void
stop(struct mt_discovery_job *job)
{
	for (size_t i = 0; i < mt_n_sources; i++) {
		if (job->parts[i].run.state)
			mt_sources[i].cancel(&job->parts[i].run);
		job->parts[i].run.state = NULL;
	}
}

static struct mt_discovery_job *
free_job(struct mt_discovery_job *job)
{
	stop(job);
	if (job->all_ended)
		event_free(job->all_ended);
	LIST_REMOVE(job, entry);
	free(job);
	return NULL;
}

struct mt_discoveries *
mt_discoveries_free(struct mt_discoveries *discoveries)
{
	if (!discoveries)
		return NULL;
	while (!LIST_EMPTY(&discoveries->jobs))
		free_job(LIST_FIRST(&discoveries->jobs));
	free(discoveries);
	return NULL;
}

static bool
has_room(const struct mt_discoveries *discoveries, uint32_t uid)
{
	const struct mt_discovery_job *job;
	unsigned n = 0, n_of_uid = 0;

	LIST_FOREACH(job, &discoveries->jobs, entry)
	{
		n++;
		n_of_uid += job->uid == uid;
	}
	return n < MT_DISCOVERIES_MAX && n_of_uid < MT_DISCOVERIES_PER_UID_MAX;
}

/* A resolver goes on with a question for many seconds, taken back or not. So what nobody waits for
 * keeps its place for as long as somebody might have waited, or whoever asks and hangs up would
 * have the worker hold ever more of them. */
struct mt_discovery_job *
mt_discovery_job_cancel(struct mt_discovery_job *job)
{
	static const struct timeval wait = {.tv_sec = MT_DNS_USEC / MT_USEC_PER_SEC};

	if (!job)
		return NULL;
	stop(job);
	job->callback = NULL;
	return evtimer_add(job->all_ended, &wait) == 0 ? NULL : free_job(job);
}

static void
on_all_ended(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_discovery_job *job = userdata;

	if (job->callback)
		job->callback(&job->found, job->userdata);
	free_job(job);
}

static void
end_one(struct mt_discovery_job *job)
{
	if (--job->n_left == 0)
		event_active(job->all_ended, EV_TIMEOUT, 0);
}

static void
on_done(struct mt_source_run *run)
{
	end_one(((struct part *)run)->job);
}

static int
ask(struct mt_discovery_job *job, size_t i)
{
	struct part *part = &job->parts[i];
	int r;

	if (!(job->sources & MT_BIT(mt_sources[i].discovery)))
		return 0;
	part->job = job;
	part->run = (struct mt_source_run){
		.source = &mt_sources[i],
		.options = &job->discoveries->options,
		.domain = job->domain,
		.found = &job->found,
		.done = on_done,
	};
	job->found.asked |= MT_BIT(mt_sources[i].discovery);
	r = mt_sources[i].start(&part->run);
	if (r)
		return r > 0 ? MT_DISCOVERIES_E_INVALID : r;
	job->n_left += part->run.state != NULL;
	return 0;
}

/* The last to end is this function itself: where no source waits for anybody, that is in the next
 * round of the loop. */
static int
ask_all(struct mt_discovery_job *job)
{
	int r = 0;

	job->all_ended = evtimer_new(job->discoveries->options.base, on_all_ended, job);
	if (!job->all_ended)
		return -ENOMEM;
	job->n_left = 1;
	for (size_t i = 0; i < mt_n_sources && r == 0; i++)
		r = ask(job, i);
	if (r == 0)
		end_one(job);
	return r;
}

/* Whom it calls back, the caller sets: nothing does before the loop goes on. */
static int
start(struct mt_discoveries *discoveries, uint64_t sources, uint32_t uid, const char *domain,
      struct mt_discovery_job **ret)
{
	struct mt_discovery_job *job;
	int r;

	if (!has_room(discoveries, uid))
		return MT_DISCOVERIES_E_LIMIT;
	job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;
	job->discoveries = discoveries;
	job->uid = uid;
	job->sources = sources & discoveries->options.enabled;
	/* What is not asked has no answer; the zero of the state would be a forged one. */
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++)
		job->found.answers[i].rrset.dnssec = MT_DNSSEC_UNDETERMINED;
	job->found.digest = MT_DNSSEC_UNDETERMINED;
	(void)snprintf(job->domain, sizeof(job->domain), "%s", domain);
	LIST_INSERT_HEAD(&discoveries->jobs, job, entry);
	r = ask_all(job);
	if (r) {
		free_job(job);
		return r;
	}
	*ret = job;
	return 0;
}

int
mt_discoveries_start(struct mt_discoveries *discoveries, uint32_t uid, const char *domain,
		     mt_discoveries_fn callback, void *userdata, struct mt_discovery_job **ret)
{
	int r = start(discoveries, UINT64_MAX, uid, domain, ret);

	if (r)
		return r;
	(*ret)->callback = callback;
	(*ret)->userdata = userdata;
	return 0;
}

int
mt_discoveries_start_srv(struct mt_discoveries *discoveries, uint32_t uid, const char *domain,
			 mt_discoveries_fn callback, void *userdata, struct mt_discovery_job **ret)
{
	int r = start(discoveries, MT_BIT(MT_DISCOVERY_SRV), uid, domain, ret);

	if (r)
		return r;
	(*ret)->callback = callback;
	(*ret)->userdata = userdata;
	return 0;
}
