/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_HOST_MEMORY_H
#define MT_DAEMON_HOST_MEMORY_H

/*
 * What DNS last said about the hosts of an account's servers, in the store: their addresses, when
 * that was, and whether the name was proven to lie outside of the signed tree. So that an account
 * works through a restart and a silent resolver (D-SRV-05).
 *
 * Two things, of different worth. An address is where to connect to and proves nothing: the server
 * still has to show a certificate. So the last one serves for MT_HOST_KEEP_USEC, when DNS does not
 * answer at all. The proof takes the question about TLSA away (D-DANE-01), so it holds for the TTL
 * it came with and no longer (REQUIREMENTS 4.7): past it, silence is dane.undetermined, as ever. An
 * answer, be it that there is no such host, is never overruled from here.
 *
 * One record an account, which goes with it: bounded by its endpoints, and nobody else's (I-7).
 */

#include "daemon/account.h"
#include "daemon/store.h"
#include "daemon/worker/wire.h"

struct mt_host_known {
	char host[MT_DOMAIN_SIZE];
	int64_t asked_usec; /* wall clock */
	struct mt_addresses addresses;
};

/* Return: 0, MT_STORE_E_NOT_FOUND where nothing is known, or nothing young enough; others as
 * mt_store_get(). */
MT_MUST_CHECK int mt_host_memory_get(struct mt_store *store, const struct mt_account_id *id,
				     const char *host, int64_t now_usec, struct mt_host_known *ret);

/* How long the proof still holds that the host is outside of the signed tree; 0: it does not. */
int64_t mt_host_known_insecure_usec(const struct mt_host_known *known, int64_t now_usec);

/* Keeps an answer about a host of one of the account's endpoints, where it says something new; what
 * it says of other hosts than the account's own is forgotten. Commits. Return: 0, also where there
 * was nothing to do; else as mt_store_begin() and mt_store_commit(). */
MT_MUST_CHECK int mt_host_memory_note(struct mt_store *store, const struct mt_account *account,
				      const char *host, const struct mt_addresses *addresses,
				      int64_t now_usec);

/* Within a transaction. Return: as mt_store_remove(). */
MT_MUST_CHECK int mt_host_memory_forget(struct mt_store *store, const struct mt_account_id *id);

#endif
