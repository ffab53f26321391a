/* SPDX-License-Identifier: MIT */
/* The client certificates an account allows, as a list (RFC 8314 §5.5). */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/account.h"

static size_t
cert_index(const struct mt_account *account, const uint8_t *sha256)
{
	size_t i = 0;

	while (i < account->n_certs && memcmp(account->certs[i].sha256, sha256, 32) != 0)
		i++;
	return i;
}

const struct mt_allowed_cert *
mt_account_find_cert(const struct mt_account *account, const struct mt_effective *effective)
{
	const struct mt_digests *allowed = &effective->m.client_cert_allow;

	for (size_t i = account->n_certs; i-- > 0 && allowed->is_set;)
		if (mt_digests_contain(allowed, account->certs[i].sha256))
			return &account->certs[i];
	return NULL;
}

static void
drop(struct mt_account *account, size_t index)
{
	memmove(&account->certs[index], &account->certs[index + 1],
		(account->n_certs - index - 1) * sizeof(*account->certs));
	account->n_certs--;
}

int
mt_account_add_cert(struct mt_account *account, const struct mt_allowed_cert *cert)
{
	size_t before = cert_index(account, cert->sha256);
	struct mt_allowed_cert *certs;

	if (before < account->n_certs)
		drop(account, before);
	if (account->n_certs == MT_CLIENT_CERTS_MAX)
		return 1;
	certs = reallocarray(account->certs, account->n_certs + 1, sizeof(*certs));
	if (!certs)
		return -ENOMEM;
	account->certs = certs;
	account->certs[account->n_certs++] = *cert;
	return 0;
}

int
mt_account_remove_cert(struct mt_account *account, const uint8_t sha256[static 32])
{
	size_t index = cert_index(account, sha256);

	if (index == account->n_certs)
		return 1;
	drop(account, index);
	return 0;
}
