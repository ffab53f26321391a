/* SPDX-License-Identifier: MIT */
/* Any bytes as a PACC document, and as the record of its digest. */

#include "daemon/worker/document.h"
#include "policy/domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mt_document document;
	const struct mt_bytes bytes = {data, size};
	uint8_t digest[32], ip[16];

	(void)mt_pacc_parse_digest(bytes, digest);
	if (mt_document_parse(MT_DOCUMENT_PACC, bytes, "example.test", &document) != 0 &&
	    document.n != 0)
		__builtin_trap();
	for (size_t i = 0; i < document.n; i++)
		if (document.offers[i].transport != MT_TRANSPORT_IMPLICIT ||
		    document.offers[i].port == 0 ||
		    mt_ip_literal_parse(document.offers[i].host, ip) != 0)
			__builtin_trap();
	return 0;
}
