/* SPDX-License-Identifier: MIT */
/* Hosts of an account, as stored bytes. */

#include "daemon/host-memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rrset.h"

#define HOSTS_VERSION 1
_Static_assert(MT_DNSSEC_COUNT == 4, "states of version 1");

struct hosts {
	struct mt_host_known known[MT_ENDPOINTS_MAX];
	size_t n;
};

static void
make_key(struct mt_key *key, const struct mt_account_id *id)
{
	mt_key_init(key, MT_RECORD_HOSTS);
	mt_key_add(key, id->bytes, sizeof(id->bytes));
}

/* -- stored form ------------------------------------------------------------------------------- */

static void
encode(const struct hosts *hosts, struct mt_writer *writer)
{
	mt_writer_u8(writer, HOSTS_VERSION);
	mt_writer_u8(writer, (unsigned int)hosts->n);
	for (size_t i = 0; i < hosts->n; i++) {
		const struct mt_host_known *known = &hosts->known[i];

		mt_writer_string(writer, known->host);
		mt_writer_i64(writer, known->asked_usec);
		mt_writer_u8(writer, known->addresses.dnssec);
		mt_writer_u8(writer, known->addresses.tree);
		mt_writer_u32(writer, known->addresses.ttl_sec);
		mt_writer_u8(writer, (unsigned int)known->addresses.n);
		for (size_t j = 0; j < known->addresses.n; j++)
			mt_writer_string(writer, known->addresses.address[j]);
	}
}

static void
decode_one(struct mt_reader *reader, struct mt_host_known *known)
{
	struct mt_addresses *addresses = &known->addresses;

	mt_reader_string(reader, known->host, sizeof(known->host));
	known->asked_usec = mt_reader_i64(reader);
	addresses->state = MT_ADDRESSES_FOUND;
	addresses->dnssec = mt_reader_enum(reader, MT_DNSSEC_COUNT);
	addresses->tree = mt_reader_enum(reader, MT_DNSSEC_COUNT);
	addresses->ttl_sec = mt_reader_u32(reader);
	addresses->n = mt_reader_enum(reader, MT_ADDRESSES_MAX + 1);
	for (size_t i = 0; i < addresses->n; i++)
		mt_reader_string(reader, addresses->address[i], sizeof(addresses->address[i]));
}

static int
decode(struct mt_reader *reader, void *userdata)
{
	struct hosts *hosts = userdata;

	if (mt_reader_u8(reader) != HOSTS_VERSION)
		return MT_STORE_E_DAMAGED;
	hosts->n = mt_reader_enum(reader, MT_ENDPOINTS_MAX + 1);
	for (size_t i = 0; i < hosts->n; i++)
		decode_one(reader, &hosts->known[i]);
	if (mt_reader_is_done(reader))
		return 0;
	hosts->n = 0;
	return MT_STORE_E_DAMAGED;
}

/* A record that is damaged or absent knows nothing. Return: 0, MT_STORE_E_CORRUPT, -ENOMEM. */
static int
load(struct mt_store *store, const struct mt_account_id *id, struct hosts **ret)
{
	struct hosts *hosts = calloc(1, sizeof(*hosts));
	struct mt_key key;
	int r;

	if (!hosts)
		return -ENOMEM;
	make_key(&key, id);
	r = mt_store_get(store, &key, decode, hosts);
	if (r == MT_STORE_E_NOT_FOUND || r == MT_STORE_E_DAMAGED) {
		hosts->n = 0;
		r = 0;
	}
	if (r) {
		free(hosts);
		return r;
	}
	*ret = hosts;
	return 0;
}

static struct mt_host_known *
find(struct hosts *hosts, const char *host)
{
	for (size_t i = 0; i < hosts->n; i++)
		if (strcmp(hosts->known[i].host, host) == 0)
			return &hosts->known[i];
	return NULL;
}

/* -- what it is worth -------------------------------------------------------------------------- */

/* A wall clock that was set back makes nothing younger. */
static bool
is_within(const struct mt_host_known *known, int64_t now_usec, int64_t span_usec)
{
	return known->asked_usec <= now_usec && now_usec - known->asked_usec < span_usec;
}

static int64_t
ttl_usec(const struct mt_addresses *addresses)
{
	return addresses->ttl_sec * MT_USEC_PER_SEC;
}

int64_t
mt_host_known_insecure_usec(const struct mt_host_known *known, int64_t now_usec)
{
	int64_t span = ttl_usec(&known->addresses);

	if (span > MT_HOST_PROOF_USEC)
		span = MT_HOST_PROOF_USEC;
	if (known->addresses.tree != MT_DNSSEC_INSECURE || !is_within(known, now_usec, span))
		return 0;
	return known->asked_usec + span - now_usec;
}

int
mt_host_memory_get(struct mt_store *store, const struct mt_account_id *id, const char *host,
		   int64_t now_usec, struct mt_host_known *ret)
{
	const struct mt_host_known *known;
	struct hosts *hosts;
	int r = load(store, id, &hosts);

	if (r)
		return r;
	known = find(hosts, host);
	if (known && is_within(known, now_usec, MT_HOST_KEEP_USEC))
		*ret = *known;
	else
		r = MT_STORE_E_NOT_FOUND;
	free(hosts);
	return r;
}

/* -- noting ------------------------------------------------------------------------------------ */

static bool
has_address(const struct mt_addresses *addresses, const char *wanted)
{
	for (size_t i = 0; i < addresses->n; i++)
		if (strcmp(addresses->address[i], wanted) == 0)
			return true;
	return false;
}

/* The same, in whatever order DNS gave them. */
static bool
are_same(const struct mt_addresses *a, const struct mt_addresses *b)
{
	if (a->n != b->n || a->dnssec != b->dnssec || a->tree != b->tree)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!has_address(b, a->address[i]))
			return false;
	return true;
}

/* A commit costs a millisecond: what is known serves until half of its TTL is over. */
static bool
is_news(const struct mt_host_known *known, const struct mt_addresses *addresses, int64_t now_usec)
{
	int64_t span = ttl_usec(&known->addresses) / 2;

	if (is_within(known, now_usec, MT_HOST_NOTE_USEC))
		return addresses->tree != known->addresses.tree;
	return !are_same(&known->addresses, addresses) || !is_within(known, now_usec, span);
}

static void
drop_strangers(struct hosts *hosts, const struct mt_account *account)
{
	size_t kept = 0;

	for (size_t i = 0; i < hosts->n; i++)
		if (mt_account_has_host(account, hosts->known[i].host))
			hosts->known[kept++] = hosts->known[i];
	hosts->n = kept;
}

static int
put(struct mt_store *store, const struct mt_account_id *id, const struct hosts *hosts)
{
	struct mt_writer writer = {0};
	struct mt_key key;
	int r = mt_store_begin(store);

	if (r)
		return r;
	make_key(&key, id);
	encode(hosts, &writer);
	(void)!mt_store_put(store, &key, &writer); /* a put that failed makes the commit fail */
	mt_writer_clear(&writer);
	return mt_store_commit(store);
}

int
mt_host_memory_note(struct mt_store *store, const struct mt_account *account, const char *host,
		    const struct mt_addresses *addresses, int64_t now_usec)
{
	struct mt_host_known *known;
	struct hosts *hosts;
	int r;

	/* a literal or this host needs no DNS */
	if (addresses->state != MT_ADDRESSES_FOUND || !mt_host_may_have_tlsa(host) ||
	    !mt_account_has_host(account, host))
		return 0;
	r = load(store, &account->id, &hosts);
	if (r)
		return r;
	known = find(hosts, host);
	if (!known || is_news(known, addresses, now_usec)) {
		drop_strangers(hosts, account);
		known = find(hosts, host);
		/* its hosts are as many as its endpoints at most, so there is room */
		if (!known)
			known = &hosts->known[hosts->n++];
		(void)snprintf(known->host, sizeof(known->host), "%s", host);
		known->asked_usec = now_usec;
		known->addresses = *addresses;
		r = put(store, &account->id, hosts);
	}
	free(hosts);
	return r;
}

int
mt_host_memory_forget(struct mt_store *store, const struct mt_account_id *id)
{
	struct mt_key key;

	make_key(&key, id);
	return mt_store_remove(store, &key);
}
