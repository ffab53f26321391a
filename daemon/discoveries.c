/* SPDX-License-Identifier: MIT */
/* Discoveries under way. */

#include "daemon/discoveries.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct question {
	struct mt_discovery_job *run;
	struct mt_job *job;
};

struct mt_discovery_job {
	struct mt_discoveries *discoveries;
	LIST_ENTRY(mt_discovery_job) entry;
	uint32_t uid;
	struct question questions[MT_SERVICE_COUNT];
	struct mt_srv_rrset answers[MT_SERVICE_COUNT];
	unsigned n_left;
	mt_discoveries_fn callback;
	void *userdata;
};

struct mt_discoveries {
	struct mt_jobs *jobs;
	LIST_HEAD(, mt_discovery_job) runs;
};

int
mt_discoveries_new(struct mt_jobs *jobs, struct mt_discoveries **ret)
{
	struct mt_discoveries *discoveries = calloc(1, sizeof(*discoveries));

	if (!discoveries)
		return -ENOMEM;
	discoveries->jobs = jobs;
	LIST_INIT(&discoveries->runs);
	*ret = discoveries;
	return 0;
}

struct mt_discoveries *
mt_discoveries_free(struct mt_discoveries *discoveries)
{
	free(discoveries);
	return NULL;
}

static bool
has_room(const struct mt_discoveries *discoveries, uint32_t uid)
{
	const struct mt_discovery_job *run;
	unsigned n = 0, n_of_uid = 0;

	LIST_FOREACH(run, &discoveries->runs, entry)
	{
		n++;
		n_of_uid += run->uid == uid;
	}
	return n < MT_DISCOVERIES_MAX && n_of_uid < MT_DISCOVERIES_PER_UID_MAX;
}

struct mt_discovery_job *
mt_discovery_job_cancel(struct mt_discovery_job *run)
{
	if (!run)
		return NULL;
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++)
		mt_job_cancel(run->questions[i].job);
	LIST_REMOVE(run, entry);
	free(run);
	return NULL;
}

static void
on_srv(const struct mt_srv_rrset *rrset, void *userdata)
{
	struct question *question = userdata;
	struct mt_discovery_job *run = question->run;

	question->job = NULL;
	run->answers[question - run->questions] = *rrset;
	if (--run->n_left > 0)
		return;
	run->callback(run->answers, run->userdata);
	mt_discovery_job_cancel(run);
}

static int
ask(struct mt_discovery_job *run, const char *domain)
{
	char name[MT_DOMAIN_SIZE];

	for (size_t i = 0; i < MT_SERVICE_COUNT; i++) {
		struct question *question = &run->questions[i];
		int r;

		if (mt_discovery_name(&mt_services[i], domain, name) != 0)
			return MT_DISCOVERIES_E_INVALID;
		question->run = run;
		r = mt_jobs_srv(run->discoveries->jobs, name, on_srv, question, &question->job);
		if (r)
			return r;
		run->n_left++;
	}
	return 0;
}

int
mt_discoveries_start(struct mt_discoveries *discoveries, uint32_t uid, const char *domain,
		     mt_discoveries_fn callback, void *userdata, struct mt_discovery_job **ret)
{
	struct mt_discovery_job *run;
	int r;

	if (!has_room(discoveries, uid))
		return MT_DISCOVERIES_E_LIMIT;
	run = calloc(1, sizeof(*run));
	if (!run)
		return -ENOMEM;
	run->discoveries = discoveries;
	run->uid = uid;
	run->callback = callback;
	run->userdata = userdata;
	LIST_INSERT_HEAD(&discoveries->runs, run, entry);
	r = ask(run, domain);
	if (r) {
		mt_discovery_job_cancel(run);
		return r;
	}
	*ret = run;
	return 0;
}
