/* SPDX-License-Identifier: MIT */
/* Fetch, judge, and only then look. */

#include "daemon/vouched-document.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/domain.h"

struct mt_vouched_document {
	struct mt_vouched_options o;
	struct mt_document_request request; /* the one being followed */
	unsigned int n_redirects;
	struct mt_refids refs; /* fixed before its certificate is seen (D-ID-10) */
	struct mt_job *job;
	struct mt_document_reply reply; /* while its certificate is judged; chain not kept */
	struct mt_vouched vouched;
	/* What is done with a reply may end in the next request. */
	mt_jobs_document_fn on_document;
	mt_vouched_fn callback;
	void *userdata;
};

struct mt_vouched_document *
mt_vouched_document_cancel(struct mt_vouched_document *document)
{
	if (!document)
		return NULL;
	mt_job_cancel(document->job);
	free(document);
	return NULL;
}

static void
finish(struct mt_vouched_document *document, enum mt_vouched_state state)
{
	document->vouched.state = state;
	document->callback(&document->vouched, document->userdata);
	mt_vouched_document_cancel(document);
}

/* Asks the order's host; the certificate has to name it, whoever sent us there. */
static int
ask(struct mt_vouched_document *document)
{
	struct mt_reference reference = {.discovery = MT_DISCOVERY_MANUAL};

	memcpy(reference.host, document->request.order.host, sizeof(reference.host));
	if (mt_refids_build(&reference, &document->refs) != 0)
		return -EINVAL;
	return mt_jobs_document(document->o.jobs, &document->request, document->on_document,
				document, &document->job);
}

/* A document of example.test may lead to another host of example.test, and nowhere else. */
static void
follow(struct mt_vouched_document *document, const struct mt_fetch_order *location)
{
	if (!mt_domain_is_within(location->host, document->request.domain) ||
	    ++document->n_redirects > MT_FETCH_REDIRECTS_MAX) {
		finish(document, MT_VOUCHED_ELSEWHERE);
		return;
	}
	document->request.order = *location;
	if (ask(document) != 0)
		finish(document, MT_VOUCHED_SILENT);
}

static void
look(struct mt_vouched_document *document, const struct mt_document_reply *reply)
{
	if (reply->state == MT_DOCUMENT_REDIRECTED) {
		follow(document, &reply->location);
		return;
	}
	document->vouched.document = reply->document;
	memcpy(document->vouched.sha256, reply->sha256, sizeof(reply->sha256));
	finish(document, MT_VOUCHED_READ);
}

/* -- judging ----------------------------------------------------------------------------------- */

static bool
is_vouched_for(const struct mt_vouched_document *document, const struct mt_validation *v)
{
	return mt_validation_is_sane(v, &document->refs) && v->state == MT_VALIDATION_DONE &&
	       v->pkix_valid && v->revocation != MT_REVOCATION_REVOKED &&
	       (!v->must_staple || v->staple_valid);
}

static void
on_judged(const struct mt_validation *validation, void *userdata)
{
	struct mt_vouched_document *document = userdata;

	document->job = NULL;
	if (validation->state == MT_VALIDATION_FAILED)
		finish(document, MT_VOUCHED_SILENT);
	else if (!is_vouched_for(document, validation))
		finish(document, MT_VOUCHED_UNTRUSTED);
	else
		look(document, &document->reply);
}

/* The chain is borrowed from the reply for the call that encodes it. */
static void
judge(struct mt_vouched_document *document, const struct mt_document_reply *reply)
{
	struct mt_chain_request request = {
		.n_chain = reply->n_chain,
		.staple = reply->staple,
		.refs = document->refs,
		.tlsa.status = MT_TLSA_ABSENT,
		.at_usec = mt_clock_wall(document->o.clock),
	};

	memcpy(request.chain, reply->chain, sizeof(request.chain));
	document->reply = *reply;
	memset(document->reply.chain, 0, sizeof(document->reply.chain));
	document->reply.n_chain = 0;
	document->reply.staple = (struct mt_bytes){0};
	/* Without a clock no date means anything (row 8), without anchors no path does. */
	if (!mt_clock_is_sane(document->o.clock, document->o.clock_must_be_synchronised) ||
	    !mt_jobs_usable(document->o.jobs) ||
	    mt_jobs_chain(document->o.jobs, &request, on_judged, document, &document->job) != 0)
		finish(document, MT_VOUCHED_SILENT);
}

/* -- fetching ---------------------------------------------------------------------------------- */

static void
on_document(const struct mt_document_reply *reply, void *userdata)
{
	struct mt_vouched_document *document = userdata;

	document->job = NULL;
	switch (reply->state) {
	case MT_DOCUMENT_FAILED:
	case MT_DOCUMENT_SILENT:
		finish(document, MT_VOUCHED_SILENT);
		break;
	case MT_DOCUMENT_UNREACHABLE:
	case MT_DOCUMENT_ABSENT:
		finish(document, MT_VOUCHED_NONE);
		break;
	case MT_DOCUMENT_ASTRAY:
		finish(document, MT_VOUCHED_ELSEWHERE);
		break;
	case MT_DOCUMENT_MALFORMED:
		finish(document, MT_VOUCHED_MALFORMED);
		break;
	case MT_DOCUMENT_REDIRECTED:
	case MT_DOCUMENT_READ:
		if (document->request.is_secure)
			judge(document, reply);
		else
			look(document, reply);
		break;
	}
}

int
mt_vouched_document_start(const struct mt_vouched_options *options,
			  const struct mt_document_request *request, mt_vouched_fn callback,
			  void *userdata, struct mt_vouched_document **ret)
{
	struct mt_vouched_document *document = calloc(1, sizeof(*document));
	int r;

	if (!document)
		return -ENOMEM;
	document->o = *options;
	document->request = *request;
	document->request.may_be_local = options->may_fetch_local;
	document->on_document = on_document;
	document->callback = callback;
	document->userdata = userdata;
	r = ask(document);
	if (r) {
		free(document);
		return r;
	}
	*ret = document;
	return 0;
}
