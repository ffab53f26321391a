/* SPDX-License-Identifier: MIT */
/* Edits of the client certificates that an account allows (RFC 8314 §5.5). */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/accounts-private.h"

/* What the policy core is told is what the list says. */
static int
put_allowed(struct mt_account *account)
{
	struct mt_minimum *min = malloc(sizeof(*min));
	int r;

	if (!min)
		return -ENOMEM;
	mt_account_get_minimum(account, min);
	min->client_cert_allow = (struct mt_digests){.is_set = true, .n = account->n_certs};
	for (size_t i = 0; i < account->n_certs; i++)
		memcpy(min->client_cert_allow.digest[i], account->certs[i].sha256, 32);
	min->present |= (uint32_t)MT_BIT(MT_FIELD_CLIENT_CERT_ALLOW);
	mt_minimum_canonicalise(min);
	r = mt_account_put_minimum(account, min);
	free(min);
	return r;
}

static bool
is_printable(const char *text)
{
	while (*text >= ' ' && *text <= '~')
		text++;
	return *text == '\0';
}

/* It is the last already, under this name: nothing to change, and nobody to be asked again. */
static bool
is_last(const struct mt_account *account, const uint8_t *sha256, const char *subject)
{
	const size_t n = account->n_certs;

	return n > 0 && memcmp(account->certs[n - 1].sha256, sha256, 32) == 0 &&
	       strcmp(account->certs[n - 1].subject, subject) == 0;
}

static int
allow(struct mt_accounts *accounts, struct mt_change *change, const uint8_t *sha256,
      const char *subject)
{
	struct mt_allowed_cert cert = {.allowed_usec = mt_clock_wall(accounts->clock)};
	int r;

	memcpy(cert.sha256, sha256, sizeof(cert.sha256));
	memcpy(cert.subject, subject, strlen(subject) + 1);
	r = mt_account_add_cert(&change->account, &cert);
	if (r > 0)
		return MT_ACCOUNTS_E_QUOTA;
	if (r == 0)
		r = put_allowed(&change->account);
	return r != 0 ? r : mt_change_finish(accounts, change, MT_CHANGED_MINIMUM);
}

int
mt_accounts_allow_client_cert(struct mt_accounts *accounts, struct mt_actor actor,
			      const struct mt_account_id *id, const uint8_t sha256[static 32],
			      const char *subject)
{
	struct mt_change change MT_CLEANUP(mt_change_clear);
	int r = mt_change_begin(accounts, actor, id, &change);

	if (r != 0)
		return r;
	if (strlen(subject) >= MT_CLIENT_CERT_SUBJECT_SIZE || !is_printable(subject))
		return MT_ACCOUNTS_E_INVALID;
	if (is_last(&change.account, sha256, subject))
		return 0;
	return allow(accounts, &change, sha256, subject);
}

int
mt_accounts_revoke_client_cert(struct mt_accounts *accounts, struct mt_actor actor,
			       const struct mt_account_id *id, const uint8_t sha256[static 32])
{
	struct mt_change change MT_CLEANUP(mt_change_clear);
	int r = mt_change_begin(accounts, actor, id, &change);

	if (r != 0)
		return r;
	r = mt_account_remove_cert(&change.account, sha256);
	if (r > 0)
		return MT_ACCOUNTS_E_NO_ENDPOINT;
	if (r == 0)
		r = put_allowed(&change.account);
	return r != 0 ? r : mt_change_finish(accounts, &change, MT_CHANGED_MINIMUM);
}
