/* SPDX-License-Identifier: MIT */
/* What documents of both kinds have in common. */

#include "daemon/worker/document.h"

#include <string.h>

#include "policy/domain.h"

/* RFC 9525 §6.4, D-ID-14: an address is no name anybody vouches for; only a person types one. */
static bool
read_host(const char *text, char ret[static MT_DOMAIN_SIZE])
{
	uint8_t ip[16];

	return mt_ip_literal_parse(text, ip) == 0 &&
	       mt_domain_normalise(text, strlen(text), ret) == 0;
}

void
mt_document_add(struct mt_document *document, const struct mt_offer *server, const char *host)
{
	struct mt_offer offer = *server;

	/* D-IANA-04: port 25 is for mail between servers. */
	if (offer.proto == MT_PROTO_UNKNOWN || offer.port == 0 ||
	    (offer.proto == MT_PROTO_SUBMISSION && offer.port == 25) ||
	    !read_host(host, offer.host))
		document->n_unusable++;
	else if (document->n == MT_OFFERS_MAX)
		document->n_omitted++;
	else
		document->offers[document->n++] = offer;
}

int
mt_document_parse(enum mt_document_kind kind, struct mt_bytes bytes, const char *domain,
		  struct mt_document *ret)
{
	int r = MT_DOCUMENT_E_MALFORMED;

	memset(ret, 0, sizeof(*ret));
	/* Neither format has a NUL in UTF-8; it is how UTF-16 and UTF-32 look, which expat would
	 * take from a byte order mark. */
	if (bytes.size == 0 || bytes.size > MT_DOCUMENT_BYTES_MAX ||
	    memchr(bytes.data, '\0', bytes.size))
		return r;
	switch (kind) {
	case MT_DOCUMENT_PACC:
		r = mt_pacc_parse(bytes, ret);
		break;
	case MT_DOCUMENT_AUTOCONFIG:
		r = mt_autoconfig_parse(bytes, domain, ret);
		break;
	}
	if (r)
		memset(ret, 0, sizeof(*ret));
	return r;
}
