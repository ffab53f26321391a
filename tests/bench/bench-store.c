/* SPDX-License-Identifier: MIT */
/*
 * Fills a state directory with active accounts, through the code that a daemon fills it with, and
 * prints the object paths of those that are the caller's own.
 *
 *   bench-store DIRECTORY ACCOUNTS PORT
 *
 * The caller has the first OWN of them, a hundred other users a share of the rest each; every
 * account has IMAP on localhost at PORT, so that one server's evidence fits them all. Commits are
 * not flushed to the disk.
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/accounts.h"

#define OWN 200
#define OTHER_UID 100000
#define DOMAINS 1000

static void
require(int r, const char *what)
{
	if (r == 0)
		return;
	fprintf(stderr, "bench-store: %s: %s\n", what,
		r < 0 ? strerror(-r) : mt_accounts_strerror(r));
	exit(EXIT_FAILURE);
}

/* Uids have OWN accounts each: fewer than a user may have. */
static void
name_owner(long i, uint32_t *ret_uid, char ret_address[static MT_ADDRESS_SIZE])
{
	*ret_uid = i < OWN ? getuid() : OTHER_UID + (uint32_t)(i / OWN);
	(void)snprintf(ret_address, MT_ADDRESS_SIZE, "user%ld@d%ld.example.test", i, i % DOMAINS);
}

static void
add_account(struct mt_accounts *accounts, long i, uint16_t port)
{
	struct mt_endpoint endpoint = {.proto = MT_PROTO_IMAP,
				       .transport = MT_TRANSPORT_IMPLICIT,
				       .host = "localhost",
				       .port = port,
				       .discovery = MT_DISCOVERY_MANUAL};
	const struct mt_probe probe = {.proto = MT_PROTO_IMAP,
				       .host = endpoint.host,
				       .port = port,
				       .confidential = true,
				       .leaf_sha256 = (const uint8_t[32]){1}};
	char address[MT_ADDRESS_SIZE], id[MT_ACCOUNT_ID_TEXT];
	struct mt_actor owner = {0};
	struct mt_account_id account;
	size_t in_the_way;

	name_owner(i, &owner.uid, address);
	require(mt_accounts_add(accounts, owner.uid, address, &account), "adding");
	require(mt_accounts_set_endpoint(accounts, owner, &account, &endpoint), "its server");
	require(mt_accounts_set_probe(accounts, owner, &account, &probe), "its probe");
	require(mt_accounts_commit(accounts, owner, &account, &in_the_way), "committing");
	if (i >= OWN)
		return;
	mt_account_id_format(&account, id);
	(void)printf("/org/mailtrust1/account/%s\n", id);
}

static void
await_check(struct mt_store *store)
{
	struct pollfd check = {.fd = mt_store_check_fd(store), .events = POLLIN};

	while (mt_store_get_state(store) == MT_STORE_CHECKING) {
		(void)poll(&check, 1, -1);
		(void)mt_store_check_result(store);
	}
}

int
main(int argc, char **argv)
{
	struct mt_store_options options = {.no_sync = true};
	MT_CLEANUP(mt_store_closep) struct mt_store *store = NULL;
	MT_CLEANUP(mt_accounts_freep) struct mt_accounts *accounts = NULL;
	struct mt_accounts_options accounts_options = {.clock = mt_clock_system()};

	if (argc != 4)
		return 64;
	options.directory = argv[1];
	require(mt_store_open(&options, &store), "opening");
	await_check(store);
	accounts_options.store = store;
	require(mt_accounts_new(&accounts_options, &accounts), "accounts");
	for (long i = 0; i < atol(argv[2]); i++)
		add_account(accounts, i, (uint16_t)atoi(argv[3]));
	return EXIT_SUCCESS;
}
