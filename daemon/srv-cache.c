/* SPDX-License-Identifier: MIT */
/* SRV answers as stored bytes. */

#include "daemon/srv-cache.h"

#include <stdio.h>
#include <string.h>

#include "daemon/rrset-record.h"

#define SRV_VERSION 1

bool
mt_srv_rrset_is_answer(const struct mt_srv_rrset *rrset)
{
	return (rrset->rrset.state == MT_RRSET_FOUND || rrset->rrset.state == MT_RRSET_ABSENT) &&
	       (rrset->rrset.dnssec == MT_DNSSEC_SECURE ||
		rrset->rrset.dnssec == MT_DNSSEC_INSECURE);
}

static void
make_key(struct mt_key *key, uint32_t uid, const char *domain, size_t service)
{
	mt_key_init(key, MT_RECORD_SRV);
	mt_key_add_u32(key, uid);
	mt_key_add_string(key, domain);
	mt_key_add_string(key, mt_services[service].label);
}

/* -- stored form ------------------------------------------------------------------------------- */

static void
encode(const struct mt_srv_entry *entry, struct mt_writer *writer)
{
	mt_writer_u8(writer, SRV_VERSION);
	mt_srv_rrset_encode(&entry->answer, writer);
	mt_writer_i64(writer, entry->asked_usec);
	mt_writer_string(writer, entry->resolver);
}

static int
decode(struct mt_reader *reader, void *userdata)
{
	struct mt_srv_entry *entry = userdata;

	if (mt_reader_u8(reader) != SRV_VERSION)
		return MT_STORE_E_DAMAGED;
	mt_srv_rrset_decode(reader, &entry->answer);
	entry->asked_usec = mt_reader_i64(reader);
	mt_reader_string(reader, entry->resolver, sizeof(entry->resolver));
	return mt_reader_is_done(reader) ? 0 : MT_STORE_E_DAMAGED;
}

/* -- the interface ----------------------------------------------------------------------------- */

int
mt_srv_cache_get(struct mt_store *store, uint32_t uid, const char *domain, size_t service,
		 struct mt_srv_entry *ret)
{
	struct mt_key key;

	*ret = (struct mt_srv_entry){0};
	make_key(&key, uid, domain, service);
	return mt_store_get(store, &key, decode, ret);
}

/* In a transaction; a put that failed makes the commit fail. */
static void
put_one(struct mt_store *store, uint32_t uid, const char *domain, size_t service,
	const struct mt_srv_entry *entry)
{
	struct mt_writer writer = {0};
	struct mt_srv_entry before;
	struct mt_key key;

	/* D-SRV-14: what is no answer never takes the place of one. */
	if (!mt_srv_rrset_is_answer(&entry->answer) &&
	    mt_srv_cache_get(store, uid, domain, service, &before) == 0 &&
	    mt_srv_rrset_is_answer(&before.answer))
		return;
	make_key(&key, uid, domain, service);
	encode(entry, &writer);
	(void)!mt_store_put(store, &key, &writer);
	mt_writer_clear(&writer);
}

int
mt_srv_cache_put(struct mt_store *store, uint32_t uid, const char *domain,
		 const struct mt_srv_rrset *answers, int64_t asked_usec, const char *resolver)
{
	struct mt_srv_entry entry = {.asked_usec = asked_usec};
	int r = mt_store_begin(store);

	if (r)
		return r;
	(void)snprintf(entry.resolver, sizeof(entry.resolver), "%s", resolver);
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++) {
		entry.answer = answers[i];
		put_one(store, uid, domain, i, &entry);
	}
	return mt_store_commit(store);
}

int
mt_srv_cache_forget(struct mt_store *store, uint32_t uid, const char *domain)
{
	struct mt_key key;
	int r;

	make_key(&key, uid, domain, 0);
	if (!mt_store_has(store, &key))
		return 0; /* they come and go together */
	r = mt_store_begin(store);
	if (r)
		return r;
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++) {
		make_key(&key, uid, domain, i);
		(void)!mt_store_remove(store, &key);
	}
	return mt_store_commit(store);
}
