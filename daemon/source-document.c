/* SPDX-License-Identifier: MIT */
/*
 * Sources that are documents: PACC and autoconfig, the latter over HTTPS or in clear. Experimental:
 * both drafts are unfinished (D-DISC-09).
 *
 * All that a source needs is asked for at once, and after MT_DNS_USEC it makes do with what it has.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "daemon/sources.h"
#include "daemon/vouched-document.h"

/* Where each source's document may be; the first that is there counts. No query: what would stand
 * in it is the address, and nobody needs its local part to say where a server is. */
static const struct place {
	enum mt_discovery source;
	enum mt_document_kind kind;
	bool is_secure;
	const char *prefix; /* of the domain */
	const char *path;
} places[] = {
	{MT_DISCOVERY_PACC, MT_DOCUMENT_PACC, true, "ua-auto-config.",
	 "/.well-known/user-agent-configuration.json"},
	{MT_DISCOVERY_AUTOCONFIG, MT_DOCUMENT_AUTOCONFIG, true, "autoconfig.",
	 "/mail/config-v1.1.xml"},
	{MT_DISCOVERY_AUTOCONFIG, MT_DOCUMENT_AUTOCONFIG, true, "",
	 "/.well-known/autoconfig/mail/config-v1.1.xml"},
	{MT_DISCOVERY_AUTOCONFIG_HTTP, MT_DOCUMENT_AUTOCONFIG, false, "autoconfig.",
	 "/mail/config-v1.1.xml"},
	{MT_DISCOVERY_AUTOCONFIG_HTTP, MT_DOCUMENT_AUTOCONFIG, false, "",
	 "/.well-known/autoconfig/mail/config-v1.1.xml"},
};

#define PLACES_MAX 2 /* of one source */

struct asking {
	struct mt_source_run *run;
	struct event *deadline;
	struct mt_job *digest_job;
	struct mt_digest_rrset digest;
	struct attempt {
		struct asking *asking;
		struct mt_vouched_document *document;
		struct mt_vouched vouched; /* SILENT until there is an answer */
	} attempts[PLACES_MAX];
	size_t n_attempts;
	unsigned int n_left;
};

void
mt_source_document_cancel(struct mt_source_run *run)
{
	struct asking *asking = run->state;

	mt_job_cancel(asking->digest_job);
	for (size_t i = 0; i < asking->n_attempts; i++)
		mt_vouched_document_cancel(asking->attempts[i].document);
	if (asking->deadline)
		event_free(asking->deadline);
	free(asking);
	run->state = NULL;
}

/* -- what has come of it ----------------------------------------------------------------------- */

static void
note(struct asking *asking, enum mt_left_out why, uint32_t n)
{
	mt_findings_note(asking->run->found, asking->run->source->discovery, why, n);
}

static void
take_document(struct asking *asking, const struct mt_document *document, enum mt_dnssec dnssec)
{
	struct mt_findings *found = asking->run->found;
	struct mt_offer offers[MT_OFFERS_MAX];

	for (size_t i = 0; i < document->n; i++) {
		offers[i] = document->offers[i];
		offers[i].source = asking->run->source->discovery;
		offers[i].dnssec = dnssec;
	}
	mt_findings_add(found, offers, document->n);
	note(asking, MT_LEFT_OUT_TOO_MANY, document->n_omitted);
	note(asking, MT_LEFT_OUT_TARGET, document->n_unusable);
	found->answered |= MT_BIT(asking->run->source->discovery);
}

/* Return: why a document is not taken, or -1 where there is nothing to be said about it. */
static int
fault_of(enum mt_vouched_state state)
{
	switch (state) {
	case MT_VOUCHED_SILENT:
		return MT_LEFT_OUT_SOURCE_SILENT;
	case MT_VOUCHED_UNTRUSTED:
		return MT_LEFT_OUT_SOURCE_UNTRUSTED;
	case MT_VOUCHED_MALFORMED:
		return MT_LEFT_OUT_SOURCE_MALFORMED;
	case MT_VOUCHED_ELSEWHERE:
		return MT_LEFT_OUT_SOURCE_ELSEWHERE;
	case MT_VOUCHED_NONE:
	case MT_VOUCHED_READ:
		break;
	}
	return -1;
}

/* The first place that has one. Where none has, nothing announces that there should be one: what
 * other sources say is no less for it. */
static void
conclude_autoconfig(struct asking *asking)
{
	int fault = -1;
	bool is_certain = true;

	for (size_t i = 0; i < asking->n_attempts; i++) {
		const struct mt_vouched *vouched = &asking->attempts[i].vouched;

		if (vouched->state == MT_VOUCHED_READ) {
			take_document(asking, &vouched->document, MT_DNSSEC_INSECURE);
			return;
		}
		is_certain = is_certain && vouched->state == MT_VOUCHED_NONE;
		if (fault_of(vouched->state) > fault)
			fault = fault_of(vouched->state);
	}
	if (fault >= 0)
		note(asking, (enum mt_left_out)fault, 1);
	if (is_certain)
		asking->run->found->answered |= MT_BIT(asking->run->source->discovery);
}

static bool
has_digest(const struct mt_digest_rrset *digest, const uint8_t sha256[static 32])
{
	for (size_t i = 0; i < digest->n; i++)
		if (memcmp(digest->digests[i], sha256, 32) == 0)
			return true;
	return false;
}

/* D-DISC-07: DNS announces the document and has its digest. One that is announced and cannot be had
 * may have been kept from us, so nothing worse takes its place without a person. */
static void
conclude_announced(struct asking *asking)
{
	const struct mt_vouched *vouched = &asking->attempts[0].vouched;
	const enum mt_vouched_state state =
		vouched->state == MT_VOUCHED_NONE ? MT_VOUCHED_SILENT : vouched->state;

	if (state == MT_VOUCHED_READ && has_digest(&asking->digest, vouched->sha256)) {
		take_document(asking, &vouched->document, asking->digest.rrset.dnssec);
		return;
	}
	if (state == MT_VOUCHED_READ)
		note(asking, MT_LEFT_OUT_SOURCE_DIGEST, 1);
	else
		note(asking, (enum mt_left_out)fault_of(state), 1);
	if (state == MT_VOUCHED_SILENT || state == MT_VOUCHED_UNTRUSTED ||
	    state == MT_VOUCHED_ELSEWHERE)
		asking->run->found->is_incomplete = true;
}

static void
conclude_pacc(struct asking *asking)
{
	const struct mt_rrset *rrset = &asking->digest.rrset;
	struct mt_findings *found = asking->run->found;

	found->digest = rrset->dnssec;
	if (rrset->dnssec == MT_DNSSEC_BOGUS ||
	    (rrset->state != MT_RRSET_FOUND && rrset->state != MT_RRSET_ABSENT)) {
		found->is_incomplete = true;
		note(asking, MT_LEFT_OUT_SOURCE_SILENT, 1);
	} else if (asking->digest.n > 0) {
		conclude_announced(asking);
	} else if (rrset->state == MT_RRSET_FOUND ||
		   asking->attempts[0].vouched.state == MT_VOUCHED_READ) {
		note(asking, MT_LEFT_OUT_SOURCE_DIGEST, 1);
	} else {
		found->answered |= MT_BIT(MT_DISCOVERY_PACC);
	}
}

static void
conclude(struct asking *asking)
{
	struct mt_source_run *run = asking->run;

	if (run->source->discovery == MT_DISCOVERY_PACC)
		conclude_pacc(asking);
	else
		conclude_autoconfig(asking);
	mt_source_document_cancel(run);
	run->done(run);
}

static void
end_one(struct asking *asking)
{
	if (--asking->n_left == 0)
		conclude(asking);
}

static void
on_digest(const struct mt_digest_rrset *rrset, void *userdata)
{
	struct asking *asking = userdata;

	asking->digest_job = NULL;
	asking->digest = *rrset;
	end_one(asking);
}

static void
on_vouched(const struct mt_vouched *vouched, void *userdata)
{
	struct attempt *attempt = userdata;

	attempt->document = NULL;
	attempt->vouched = *vouched;
	end_one(attempt->asking);
}

static void
on_deadline(evutil_socket_t fd, short what, void *userdata)
{
	conclude(userdata);
}

/* -- asking ------------------------------------------------------------------------------------ */

/* Return: 0, 1 where the domain is too long for a prefix, negative errno. */
static int
ask_place(struct asking *asking, const struct place *place)
{
	const struct mt_sources_options *o = asking->run->options;
	const struct mt_vouched_options options = {
		.jobs = o->jobs,
		.clock = o->clock,
		.clock_must_be_synchronised = o->clock_must_be_synchronised,
		.may_fetch_local = o->may_fetch_local,
	};
	struct attempt *attempt = &asking->attempts[asking->n_attempts++];
	struct mt_document_request request = {
		.kind = place->kind,
		.is_secure = place->is_secure,
		.order.port = place->is_secure ? 443 : 80,
		.deadline_msec = (uint32_t)(MT_DNS_USEC / 1000),
	};

	attempt->asking = asking;
	asking->n_left++;
	(void)snprintf(request.domain, sizeof(request.domain), "%s", asking->run->domain);
	(void)snprintf(request.order.path, sizeof(request.order.path), "%s", place->path);
	if (snprintf(request.order.host, sizeof(request.order.host), "%s%s", place->prefix,
		     asking->run->domain) > MT_DOMAIN_MAX)
		return 1;
	return mt_vouched_document_start(&options, &request, on_vouched, attempt,
					 &attempt->document);
}

static int
ask_digest(struct asking *asking)
{
	char name[MT_DOMAIN_SIZE];

	asking->n_left++;
	asking->digest.rrset.dnssec = MT_DNSSEC_UNDETERMINED;
	if (snprintf(name, sizeof(name), "_ua-auto-config.%s", asking->run->domain) > MT_DOMAIN_MAX)
		return 1;
	return mt_jobs_digest(asking->run->options->jobs, name, on_digest, asking,
			      &asking->digest_job);
}

static int
ask_all(struct asking *asking)
{
	static const struct timeval limit = {.tv_sec = MT_DNS_USEC / MT_USEC_PER_SEC};
	const enum mt_discovery source = asking->run->source->discovery;
	int r = source == MT_DISCOVERY_PACC ? ask_digest(asking) : 0;

	for (size_t i = 0; i < MT_ARRAY_SIZE(places) && r == 0; i++)
		if (places[i].source == source)
			r = ask_place(asking, &places[i]);
	if (r)
		return r;
	asking->deadline = evtimer_new(asking->run->options->base, on_deadline, asking);
	return asking->deadline && evtimer_add(asking->deadline, &limit) == 0 ? 0 : -ENOMEM;
}

int
mt_source_document_start(struct mt_source_run *run)
{
	struct asking *asking = calloc(1, sizeof(*asking));
	int r;

	if (!asking)
		return -ENOMEM;
	asking->run = run;
	run->state = asking;
	r = ask_all(asking);
	if (r)
		mt_source_document_cancel(run);
	return r;
}
