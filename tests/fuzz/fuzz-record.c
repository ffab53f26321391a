/* SPDX-License-Identifier: MIT */
/*
 * Feeds the decoders of stored accounts and of what the watcher remembers of them: whatever they
 * accept encodes to bytes that decode to the same again, and gives facts. The sum is left out, or
 * nothing would ever be reached.
 */

#include <stdlib.h>
#include <string.h>

#include "daemon/account.h"
#include "daemon/record.h"
#include "daemon/watch-record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
encode(const struct mt_account *account, struct mt_writer *writer)
{
	if (mt_account_encode(account, writer) != 0)
		abort();
}

/* Encoded once the lists are in order; encoded again it must not change. */
static void
round_trip(const struct mt_account *account)
{
	struct mt_account again;
	struct mt_writer first = {0}, second = {0};
	struct mt_reader reader;

	encode(account, &first);
	reader = (struct mt_reader){.data = first.data, .size = first.size};
	if (mt_account_decode(&reader, &again) != 0)
		abort();
	encode(&again, &second);
	if (first.size != second.size || memcmp(first.data, second.data, first.size) != 0)
		abort();
	mt_account_clear(&again);
	mt_writer_clear(&first);
	mt_writer_clear(&second);
}

static void
facts(const struct mt_account *account)
{
	struct mt_evidence evidence = {.proto = MT_PROTO_IMAP, .port = 993};
	struct mt_account_facts ret;

	if (account->n_pins > 0)
		memcpy(evidence.host, account->pins[0].host, sizeof(evidence.host));
	mt_account_facts(account, &evidence, 1, &ret);
	for (size_t i = 0; i < ret.n_pins; i++)
		if (ret.pins[i] < account->pin_leaves[0] ||
		    ret.pins[i] > account->pin_leaves[account->n_pins - 1])
			abort();
}

/* The bytes of one change hands, those of another look are compared: both must be exact. */
static void
watched(const uint8_t *data, size_t size)
{
	struct mt_reader reader = {.data = data, .size = size};
	struct mt_watched *seen = calloc(1, sizeof(*seen)), *again = calloc(1, sizeof(*again));
	struct mt_writer first = {0}, second = {0};

	if (!seen || !again)
		abort();
	if (mt_watched_decode(&reader, seen) == 0) {
		mt_watched_encode(seen, &first);
		reader = (struct mt_reader){.data = first.data, .size = first.size};
		if (first.failed || mt_watched_decode(&reader, again) != 0)
			abort();
		mt_watched_encode(again, &second);
		if (first.size != second.size || memcmp(first.data, second.data, first.size) != 0)
			abort();
	}
	mt_writer_clear(&first);
	mt_writer_clear(&second);
	free(seen);
	free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mt_reader reader = {.data = data, .size = size};
	struct mt_account account;

	watched(data, size);
	if (mt_account_decode(&reader, &account) != 0)
		return 0;
	round_trip(&account);
	facts(&account);
	mt_account_clear(&account);
	return 0;
}
