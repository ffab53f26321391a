/* SPDX-License-Identifier: MIT */
/*
 * Asks the net worker, sandboxed as the daemon starts it, and prints what it said, one JSON object
 * a line, in the order of the questions:
 *
 *     ask-dns WORKER [--forward ADDR@PORT | --anchor FILE | --negative DOMAIN]...
 *             [addr HOST | srv NAME | tlsa HOST PORT]...
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <event2/event.h>

#include "daemon/jobs.h"

#define QUESTIONS_MAX 512

struct question {
	struct mt_job *job;
	FILE *out;
	char *text;
	size_t size;
	unsigned *n_left;
	struct event_base *base;
};

static void
done(struct question *q)
{
	if (--*q->n_left == 0)
		event_base_loopbreak(q->base);
}

static void
print_rrset(FILE *out, const struct mt_rrset *rrset)
{
	fprintf(out,
		"{\"state\":\"%s\",\"dnssec\":\"%s\",\"ttl\":%u,\"signed_until\":%lld,"
		"\"canonical\":\"%s\"",
		mt_rrset_state_to_string(rrset->state), mt_dnssec_to_string(rrset->dnssec),
		rrset->ttl_sec, (long long)(rrset->signed_until_usec / MT_USEC_PER_SEC),
		rrset->canonical);
}

static void
on_addresses(const struct mt_addresses *addresses, void *userdata)
{
	struct question *q = userdata;

	fprintf(q->out, "{\"state\":%d,\"dnssec\":\"%s\",\"addresses\":[", (int)addresses->state,
		mt_dnssec_to_string(addresses->dnssec));
	for (size_t i = 0; i < addresses->n; i++)
		fprintf(q->out, "%s\"%s\"", i ? "," : "", addresses->address[i]);
	fputs("]}", q->out);
	done(q);
}

static void
on_srv(const struct mt_srv_rrset *rrset, void *userdata)
{
	struct question *q = userdata;

	print_rrset(q->out, &rrset->rrset);
	fprintf(q->out, ",\"omitted\":%u,\"unusable\":%u,\"records\":[", rrset->n_omitted,
		rrset->n_unusable);
	for (size_t i = 0; i < rrset->n; i++)
		fprintf(q->out, "%s[%u,%u,%u,\"%s\"]", i ? "," : "", rrset->records[i].priority,
			rrset->records[i].weight, rrset->records[i].port, rrset->records[i].target);
	fputs("]}", q->out);
	done(q);
}

static void
on_tlsa(const struct mt_tlsa_rrset *rrset, void *userdata)
{
	struct question *q = userdata;

	print_rrset(q->out, &rrset->rrset);
	fprintf(q->out, ",\"address\":\"%s\",\"status\":\"%s\",\"omitted\":%u,\"records\":[",
		mt_dnssec_to_string(rrset->address),
		mt_tlsa_status_to_string(mt_tlsa_rrset_status(rrset)), rrset->n_omitted);
	for (size_t i = 0; i < rrset->n; i++) {
		const struct mt_tlsa_record *r = &rrset->records[i];

		fprintf(q->out, "%s[%u,%u,%u,%u]", i ? "," : "", r->usage, r->selector, r->matching,
			r->size);
	}
	fputs("]}", q->out);
	done(q);
}

/* Return: how many arguments were used, 0 where they are no question. */
static int
ask(struct mt_jobs *jobs, struct question *q, char *argv[], int left)
{
	int r = -1, n = 0;

	if (left >= 2 && strcmp(argv[0], "addr") == 0) {
		r = mt_jobs_resolve(jobs, argv[1], on_addresses, q, &q->job);
		n = 2;
	} else if (left >= 2 && strcmp(argv[0], "srv") == 0) {
		r = mt_jobs_srv(jobs, argv[1], on_srv, q, &q->job);
		n = 2;
	} else if (left >= 3 && strcmp(argv[0], "tlsa") == 0) {
		r = mt_jobs_tlsa(jobs, argv[1], (uint16_t)atoi(argv[2]), on_tlsa, q, &q->job);
		n = 3;
	}
	return r == 0 ? n : 0;
}

static int
parse_options(struct mt_spawner_options *options, int argc, char *argv[])
{
	int i = 2;

	for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
		if (strcmp(argv[i], "--forward") == 0)
			options->dns_forward[options->n_dns_forward++] = argv[i + 1];
		else if (strcmp(argv[i], "--anchor") == 0)
			options->dns_anchor[options->n_dns_anchor++] = argv[i + 1];
		else
			options->dns_negative_anchor[options->n_dns_negative_anchor++] =
				argv[i + 1];
	}
	return i;
}

int
main(int argc, char *argv[])
{
	static struct question questions[QUESTIONS_MAX];
	struct mt_spawner_options spawner = {.executable = argc > 1 ? argv[1] : NULL};
	const struct mt_jobs_options options = {0};
	struct event_base *base;
	struct mt_jobs *jobs;
	unsigned n = 0, n_left = 1; /* one until all are asked */
	int control_fd, used, i = parse_options(&spawner, argc, argv);
	pid_t pid;

	signal(SIGPIPE, SIG_IGN);
	if (mt_spawner_start(&spawner, &control_fd, &pid) != 0)
		return 1;
	base = event_base_new();
	if (!base || mt_jobs_new(base, control_fd, &options, &jobs) != 0)
		return 1;
	for (; i < argc && n < QUESTIONS_MAX; i += used, n++, n_left++) {
		struct question *q = &questions[n];

		q->out = open_memstream(&q->text, &q->size);
		q->n_left = &n_left;
		q->base = base;
		used = ask(jobs, q, argv + i, argc - i);
		if (used == 0)
			return 64;
	}
	if (--n_left > 0)
		event_base_dispatch(base);
	for (unsigned k = 0; k < n; k++) {
		fclose(questions[k].out);
		puts(questions[k].text);
		free(questions[k].text);
	}
	mt_jobs_free(jobs);
	event_base_free(base);
	return waitpid(pid, NULL, 0) == pid ? 0 : 1;
}
