/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_SOURCES_H
#define MT_DAEMON_SOURCES_H

/*
 * Where server settings come from (RFC 8314 §5, D-DISC-01): one table of sources, each of which the
 * configuration switches on or off. A source is asked about a domain and adds what it found: SRV
 * its answers, any other source offers, and what is to be said about the source itself. What that
 * is worth, and which is best, is policy/discovery.h.
 *
 *   admin       presets of the administrator (presets.h)
 *   srv         six questions to DNS
 *   pacc        a document of the domain over HTTPS whose digest is in DNS; experimental
 *   autoconfig  the document Thunderbird asks for, over HTTPS; experimental
 *
 * autoconfig-http, the last in clear, is a source of its own: anybody on the way may have written
 * it. Nothing is built on MX records, which say who receives a domain's mail and not who serves its
 * users. No source guesses a name (D-SRV-02), and none sees more of an address than its domain.
 */

#include "daemon/jobs.h"
#include "daemon/presets.h"

/* What was found so far. Large: on the heap. */
struct mt_findings {
	uint64_t asked;                                /* MT_BIT(enum mt_discovery) */
	uint64_t answered;                             /* of the offering sources: offers are all */
	struct mt_srv_rrset answers[MT_SERVICE_COUNT]; /* where SRV was asked */
	struct mt_offer offers[MT_OFFERS_TOTAL_MAX];
	size_t n_offers;
	struct mt_source_note notes[2 * MT_OFFERING_SOURCES];
	size_t n_notes;
	bool is_incomplete;
	enum mt_dnssec digest; /* of PACC's, where PACC was asked */
};

/* For sources: add to the findings what fits. */
void mt_findings_add(struct mt_findings *found, const struct mt_offer *offers, size_t n);
void mt_findings_note(struct mt_findings *found, enum mt_discovery source, enum mt_left_out why,
		      uint32_t n);

struct mt_sources_options {
	struct event_base *base;
	struct mt_jobs *jobs;
	const struct mt_clock *clock;
	const struct mt_presets *presets;
	uint64_t enabled;     /* MT_BIT(enum mt_discovery) */
	bool may_fetch_local; /* documents may come from addresses that are not global */
	bool clock_must_be_synchronised;
};

/* One source being asked about one domain. */
struct mt_source_run {
	const struct mt_source *source;
	const struct mt_sources_options *options;
	const char *domain;
	struct mt_findings *found;
	void *state; /* the source's own; NULL: nothing is under way */
	/* The source has ended, and state is NULL again. Never called from inside start. */
	void (*done)(struct mt_source_run *run);
};

struct mt_source {
	enum mt_discovery discovery; /* its name as well */
	/* Asks. Where it needs nobody it leaves state NULL, and done is not called. Return: 0, 1
	 * where the domain is too long for it, negative errno. */
	int (*start)(struct mt_source_run *run);
	void (*cancel)(struct mt_source_run *run); /* of a state that is not NULL */
};
extern const struct mt_source mt_sources[];
extern const size_t mt_n_sources;

/* Rows of the table, in files of their own. */
int mt_source_srv_start(struct mt_source_run *run);
void mt_source_srv_cancel(struct mt_source_run *run);
int mt_source_document_start(struct mt_source_run *run);
void mt_source_document_cancel(struct mt_source_run *run);

#endif
