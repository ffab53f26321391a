/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_DOCUMENT_H
#define MT_DAEMON_WORKER_DOCUMENT_H

/*
 * Documents in which a domain says which servers its users have, as bytes: PACC (JSON,
 * draft-ietf-mailmaint-pacc) and autoconfig (XML, draft-ietf-mailmaint-autoconfig, the format of
 * Thunderbird's config-v1.1.xml). Both drafts are unfinished, and what is read of them is what
 * stands still: protocol, host, port, and how TLS begins.
 *
 * Everything else is skipped: names of authentication methods, of users, of pages to log in at, of
 * logos. Nothing in a document makes anybody try a login (D-DISC-08). A server that cannot be used
 * (a host that is no name, an address, a port that is none) is counted and left out; a document
 * that is no document is refused whole. These are a stranger's bytes: no DTD and no entity of it is
 * looked at, depth, elements and texts are bounded. Where it came from, and whether its digest is
 * the right one, is somebody else's question.
 */

#include "policy/discovery.h"

enum mt_document_kind { MT_DOCUMENT_PACC = 0, MT_DOCUMENT_AUTOCONFIG };
#define MT_DOCUMENT_KIND_COUNT 2

/* In the order of the document; source is not set. */
struct mt_document {
	struct mt_offer offers[MT_OFFERS_MAX];
	size_t n;
	uint32_t n_omitted;  /* beyond the bound */
	uint32_t n_unusable; /* no host name, no port, or a transport nobody knows */
};

/* Reads a document of a kind for a domain (A-labels), which takes the place of %EMAILDOMAIN% in
 * names of hosts. Return: 0, MT_DOCUMENT_E_MALFORMED, -ENOMEM; *ret is written in any case. */
enum { MT_DOCUMENT_E_MALFORMED = 1 };
MT_MUST_CHECK int mt_document_parse(enum mt_document_kind kind, struct mt_bytes bytes,
				    const char *domain, struct mt_document *ret);

/* PACC's digest of a document, "v=UAAC1; a=sha256; d=…" (D-DISC-07). Return: whether it is one. */
bool mt_pacc_parse_digest(struct mt_bytes text, uint8_t ret[static 32]);

/* -- for the parsers of one kind */

int mt_pacc_parse(struct mt_bytes bytes, struct mt_document *document);
int mt_autoconfig_parse(struct mt_bytes bytes, const char *domain, struct mt_document *document);

/* Adds a server, or counts it. host: as it stands in the document. port 0: it was none. */
void mt_document_add(struct mt_document *document, const struct mt_offer *server, const char *host);

#endif
