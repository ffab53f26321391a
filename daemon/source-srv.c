/* SPDX-License-Identifier: MIT */
/* Six SRV questions, asked at once and answered together (D-SRV-01). */

#include <errno.h>
#include <stdlib.h>

#include "daemon/sources.h"

struct question {
	struct mt_source_run *run;
	struct mt_job *job;
};

struct six {
	struct question questions[MT_SERVICE_COUNT];
	unsigned int n_left;
};

void
mt_source_srv_cancel(struct mt_source_run *run)
{
	struct six *six = run->state;

	for (size_t i = 0; i < MT_SERVICE_COUNT; i++)
		mt_job_cancel(six->questions[i].job);
	free(six);
	run->state = NULL;
}

static void
on_srv(const struct mt_srv_rrset *rrset, void *userdata)
{
	struct question *question = userdata;
	struct mt_source_run *run = question->run;
	struct six *six = run->state;

	question->job = NULL;
	run->found->answers[question - six->questions] = *rrset;
	if (--six->n_left > 0)
		return;
	mt_source_srv_cancel(run);
	run->done(run);
}

int
mt_source_srv_start(struct mt_source_run *run)
{
	struct six *six = calloc(1, sizeof(*six));
	char name[MT_DOMAIN_SIZE];
	int r = 0;

	if (!six)
		return -ENOMEM;
	run->state = six;
	for (size_t i = 0; i < MT_SERVICE_COUNT && r == 0; i++) {
		struct question *question = &six->questions[i];

		question->run = run;
		r = mt_discovery_name(&mt_services[i], run->domain, name);
		if (r == 0)
			r = mt_jobs_srv(run->options->jobs, name, on_srv, question, &question->job);
		six->n_left++;
	}
	if (r)
		mt_source_srv_cancel(run);
	return r;
}
