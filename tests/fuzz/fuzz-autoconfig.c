/* SPDX-License-Identifier: MIT */
/* Any bytes as an autoconfig document: whatever is read of it is a server one could name. */

#include <string.h>

#include "daemon/worker/document.h"
#include "policy/domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mt_document document;
	char host[MT_DOMAIN_SIZE];
	uint8_t ip[16];

	if (mt_document_parse(MT_DOCUMENT_AUTOCONFIG, (struct mt_bytes){data, size}, "example.test",
			      &document) != 0 &&
	    document.n != 0)
		__builtin_trap();
	for (size_t i = 0; i < document.n; i++) {
		const struct mt_offer *offer = &document.offers[i];

		if (offer->port == 0 || offer->proto == MT_PROTO_UNKNOWN ||
		    mt_ip_literal_parse(offer->host, ip) != 0 ||
		    mt_domain_normalise(offer->host, strlen(offer->host), host) != 0 ||
		    strcmp(host, offer->host) != 0)
			__builtin_trap();
	}
	return 0;
}
