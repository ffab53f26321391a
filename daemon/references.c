/* SPDX-License-Identifier: MIT */
/* Reference identifiers, nailed down. */

#include "daemon/references.h"

#include <string.h>

#include <openssl/sha.h>

void
mt_references_digest(const struct mt_refids *refs, uint8_t ret[static 32])
{
	char text[MT_REFIDS_TEXT_SIZE];

	(void)mt_refids_format(refs, text);
	(void)SHA256((const uint8_t *)text, strlen(text), ret);
}

void
mt_references_of(const struct mt_account *account, const struct mt_endpoint *endpoint,
		 bool is_trial, int64_t now_usec, struct mt_refids *ret)
{
	struct mt_evidence connection = {.proto = endpoint->proto, .port = endpoint->port};
	struct mt_account_facts facts;

	memcpy(connection.host, endpoint->host, sizeof(connection.host));
	mt_account_facts(account, &connection, now_usec, &facts);
	if (is_trial)
		mt_account_facts_assume(account, endpoint, &facts);
	if (mt_refids_build(&facts.reference, ret) != 0)
		memset(ret, 0, sizeof(*ret));
}
