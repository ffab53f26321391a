/* SPDX-License-Identifier: MIT */
/*
 * What one decision costs where evidence, validation and effective policy are at hand, in
 * nanoseconds: the median of blocks, over the questions that daemons are asked most.
 *
 *   bench-decide
 *
 * prints one line "decide-<question> value bar" each.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/case.h"

#define BLOCKS 201
#define PER_BLOCK 1000
#define BAR_NSEC 2000

static double
now_nsec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void
ask_implicit(struct test_case *c)
{
}

static void
ask_cleartext(struct test_case *c)
{
	case_cleartext(c);
}

static void
ask_pinned(struct test_case *c)
{
	case_fault(c, MT_CERT_CHAIN_UNTRUSTED);
	case_pin(c, 0x11);
	case_reduced(c);
}

/* As many rows with something to say as one question can have. */
static void
ask_everything(struct test_case *c)
{
	case_starttls(c);
	case_srv(c, "imap.example.test");
	case_set_org(c, "transport_min", "implicit");
	case_set_org(c, "tls_min", "1.3");
	for (int fault = 0; fault < MT_CERT_FAULT_COUNT; fault++)
		case_fault(c, (enum mt_cert_fault)fault);
	c->in.provenance = MT_PROVENANCE_ASSERTED;
	c->ev.tls_compression = c->ev.tls_resumed = true;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median cost of one decision. */
static double
measure(void (*ask)(struct test_case *c))
{
	struct test_case *c = calloc(1, sizeof(*c));
	double nsec[BLOCKS];

	if (!c)
		exit(EXIT_FAILURE);
	case_init(c);
	ask(c);
	case_decide(c);
	for (int block = 0; block < BLOCKS; block++) {
		double begin = now_nsec();

		for (int i = 0; i < PER_BLOCK; i++)
			mt_decide(&c->in, &c->v);
		nsec[block] = (now_nsec() - begin) / PER_BLOCK;
	}
	free(c);
	qsort(nsec, BLOCKS, sizeof(*nsec), compare);
	return nsec[BLOCKS / 2];
}

int
main(void)
{
	static const struct {
		const char *name;
		void (*ask)(struct test_case *c);
	} questions[] = {{"allow", ask_implicit},
			 {"cleartext", ask_cleartext},
			 {"pinned", ask_pinned},
			 {"faults", ask_everything}};

	for (size_t i = 0; i < MT_ARRAY_SIZE(questions); i++)
		printf("decide-%s %.0f <=%d\n", questions[i].name, measure(questions[i].ask),
		       BAR_NSEC);
	return EXIT_SUCCESS;
}
