/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_DISCOVERY_H
#define MT_POLICY_DISCOVERY_H

/*
 * From the six SRV answers of a domain, and what other sources name for it (RFC 8314 §5), to
 * servers an account may be set up with, best first, each with how far its name can be trusted; and
 * what was left out, with its reason (RFC 6186, RFC 8314 §5.1, RFC 2782).
 *
 * First filter, then rank. What is below the minimum, not offered, bogus or not trusted enough is
 * left out whatever its priority (R-5.1-05). Then, best first:
 *
 *   reading mail before submission (they are two lists in one) · full protection before reduced ·
 *   the source: administrator, signed SRV, PACC, autoconfig, unsigned SRV, autoconfig in clear
 *   (D-DISC-01) · the protocol, by the best
 *   priority it has, IMAP first where that is equal (D-SRV-04) · implicit TLS before STARTTLS
 *   (D-TLS-13) · priority, then weight by lot (RFC 2782)
 *
 * Not here: asking DNS, probing (protection is an input), and what was saved: discovery proposes,
 * a person or an administrator disposes. A candidate keeps the name that SRV gave it; an alias it
 * may be is never put in its place (D-SRV-13).
 */

#include "policy/identity.h"
#include "policy/minimum.h"
#include "policy/reason.h"
#include "policy/rrset.h"

#define MT_SERVICE_COUNT 6
/* Every record of six RRsets has room, and whatever the other sources may name. */
#define MT_OFFERS_TOTAL_MAX (MT_OFFERING_SOURCES * MT_OFFERS_MAX)
#define MT_CANDIDATES_MAX (MT_SERVICE_COUNT * MT_SRV_MAX + MT_OFFERS_TOTAL_MAX)

/* How far the name of a candidate can be trusted. Zero: a person has to confirm it before anything
 * connects to it (R-5.1-12). */
enum mt_trust {
	MT_TRUST_UNCONFIRMED = 0,
	MT_TRUST_IN_DOMAIN,      /* unsigned, inside the queried domain (R-5.1-11) */
	MT_TRUST_USER_CONFIRMED, /* outside of it, or from a source anybody may forge; confirmed */
	MT_TRUST_HTTPS,          /* a document of the domain, inside of it (D-DISC-02) */
	MT_TRUST_DNSSEC,
	MT_TRUST_ADMIN
};
#define MT_TRUST_COUNT 6
/* "unconfirmed" "in-domain" "user-confirmed" "https" "dnssec" "admin" */
const char *mt_trust_to_string(enum mt_trust trust);

/* What a probe found. Zero: none took place; the label's promise of TLS then stands. */
enum mt_protection { MT_PROTECTION_UNKNOWN = 0, MT_PROTECTION_BELOW, MT_PROTECTION_MET };

/* A server that a source other than SRV names (D-DISC-01). Each source's come best first. */
struct mt_offer {
	enum mt_discovery source; /* ADMIN, PACC, AUTOCONFIG or AUTOCONFIG_HTTP */
	enum mt_proto proto;
	enum mt_transport transport; /* NONE: it promises no TLS (D-DISC-03) */
	enum mt_dnssec dnssec;       /* PACC: of the digest; INSECURE elsewhere */
	char host[MT_DOMAIN_SIZE];   /* normalised; a literal only from ADMIN */
	uint16_t port;
};

struct mt_candidate {
	const struct mt_service *service; /* protocol, transport, label; static storage */
	char host[MT_DOMAIN_SIZE];
	uint16_t port, priority, weight;
	enum mt_discovery source;
	enum mt_dnssec dnssec; /* of the SRV RRset, or of PACC's digest */
	enum mt_trust trust;
	bool reduced; /* below the minimum, and here because the person asked for that */
};

enum mt_left_out {
	MT_LEFT_OUT_BOGUS = 0,    /* the whole label */
	MT_LEFT_OUT_UNDETERMINED, /* the whole label: no answer */
	MT_LEFT_OUT_NOT_OFFERED,  /* target "." */
	MT_LEFT_OUT_BELOW_MINIMUM,
	MT_LEFT_OUT_OUT_OF_DOMAIN, /* srv_trust is above ask */
	MT_LEFT_OUT_INSECURE,      /* srv_trust is dnssec */
	MT_LEFT_OUT_PROTOCOL,      /* not among the policy's protocols */
	MT_LEFT_OUT_PORT,          /* port 0 */
	MT_LEFT_OUT_TARGET,        /* targets that are no host names; only counted */
	MT_LEFT_OUT_TOO_MANY,      /* beyond MT_SRV_MAX or MT_OFFERS_MAX; only counted */
	MT_LEFT_OUT_UNVERIFIED,    /* came in clear, and srv_trust is above ask */
	/* A whole source other than SRV. */
	MT_LEFT_OUT_SOURCE_SILENT,    /* it is there, and did not answer */
	MT_LEFT_OUT_SOURCE_UNTRUSTED, /* its certificate is not valid for the host asked */
	MT_LEFT_OUT_SOURCE_DIGEST,    /* not what DNS vouches for (D-DISC-07) */
	MT_LEFT_OUT_SOURCE_MALFORMED, /* no document of its kind */
	MT_LEFT_OUT_SOURCE_ELSEWHERE, /* it points away from the domain, or to plain HTTP */
	MT_LEFT_OUT_SOURCE_BROKEN     /* an administrator's file cannot be used */
};
#define MT_LEFT_OUT_COUNT 17
/* "srv.bogus" and other codes where Part 3 has one, else "no-answer" "protocol-not-allowed"
 * "port-zero" "target-invalid" "too-many" and "source-silent" to "source-broken". */
const char *mt_left_out_to_string(enum mt_left_out why);
/* The code of Part 3, or -1. */
int mt_left_out_reason(enum mt_left_out why);

struct mt_omission {
	enum mt_discovery source;
	const struct mt_service *service; /* NULL: a whole source, or a server without TLS */
	enum mt_proto proto;              /* UNKNOWN: a whole source */
	enum mt_left_out why;
	char host[MT_DOMAIN_SIZE]; /* "" where it is the label, or was no name */
	uint16_t port;
	uint32_t n; /* how many records */
};
/* Beside servers: each label's own state, and two things a source may have to say. */
#define MT_OMISSIONS_MAX (MT_CANDIDATES_MAX + 3 * MT_SERVICE_COUNT + 2 * MT_OFFERING_SOURCES)

struct mt_discovered {
	struct mt_candidate candidates[MT_CANDIDATES_MAX]; /* best first */
	size_t n;
	struct mt_omission omissions[MT_OMISSIONS_MAX]; /* by label */
	size_t n_omissions;
	/* Servers were advertised, and none with sufficient TLS (R-5.1-06): a person confirms. */
	bool no_tls;
	/* A label was bogus or had no answer, or a better source is known to be there and cannot be
	 * read: whoever drops answers chooses among the rest, so nothing is set up without a
	 * person. */
	bool is_incomplete;
};

/* What is to be said about a source as a whole. */
struct mt_source_note {
	enum mt_discovery source;
	enum mt_left_out why; /* TOO_MANY or one of SOURCE_… */
	uint32_t n;
};

struct mt_discovery_query {
	const char *domain; /* A-labels */
	/* As mt_services; NULL: not asked. Borrowed. */
	const struct mt_srv_rrset *answers[MT_SERVICE_COUNT];
	const struct mt_offer *offers;
	size_t n_offers; /* at most MT_OFFERS_TOTAL_MAX */
	const struct mt_source_note *notes;
	size_t n_notes;     /* at most two for each source */
	bool is_incomplete; /* found out by a source */
	/* The policy: fields srv_trust, transport_min and protocols, and the recorded consent to
	 * reduced confidentiality (R-5.1-04). */
	uint8_t srv_trust, transport_min, protocols;
	bool may_reduce;
	/* Each may be NULL: nothing was probed; nothing was confirmed; no lot is drawn, the
	 * greatest weight comes first. random returns a number below bound. */
	enum mt_protection (*protection)(const struct mt_candidate *candidate, void *userdata);
	bool (*is_confirmed)(const char *host, void *userdata);
	uint32_t (*random)(uint32_t bound, void *userdata);
	void *userdata;
};

/* ret is ~150 KiB: keep it off the stack. */
void mt_discovery_run(const struct mt_discovery_query *query, struct mt_discovered *ret);

/* Puts candidates into the order above. For mt_discovery_run(). */
void mt_discovery_rank(const struct mt_discovery_query *query, struct mt_discovered *found);

/* The best candidate for reading mail, or for submission; NULL where there is none. */
const struct mt_candidate *mt_discovered_best(const struct mt_discovered *found,
					      bool for_submission);

/* The name to ask: "_imaps._tcp.example.test" (D-SRV-01). Return: 0, or 1 where it is too long. */
MT_MUST_CHECK int mt_discovery_name(const struct mt_service *service, const char *domain,
				    char ret[static MT_DOMAIN_SIZE]);

/* How the candidate's host came to be known, for mt_refids_build(). */
void mt_candidate_reference(const struct mt_candidate *candidate, const char *domain,
			    struct mt_reference *ret);

#endif
