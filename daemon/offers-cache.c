/* SPDX-License-Identifier: MIT */
/* Offers as stored bytes. */

#include "daemon/offers-cache.h"

#define OFFERS_VERSION 1
_Static_assert(MT_PROTO_COUNT == 4 && MT_TRANSPORT_COUNT == 3 && MT_DNSSEC_COUNT == 4,
	       "values of version 1");

static bool
is_stored(unsigned int source)
{
	return (MT_OFFERS_STORED & MT_BIT(source)) != 0;
}

static void
make_key(struct mt_key *key, uint32_t uid, const char *domain, enum mt_discovery source)
{
	mt_key_init(key, MT_RECORD_OFFERS);
	mt_key_add_u32(key, uid);
	mt_key_add_string(key, domain);
	mt_key_add_string(key, mt_discovery_to_string(source));
}

/* -- stored form ------------------------------------------------------------------------------- */

static void
encode(const struct mt_offers_entry *entry, struct mt_writer *writer)
{
	mt_writer_u8(writer, OFFERS_VERSION);
	mt_writer_i64(writer, entry->asked_usec);
	mt_writer_u8(writer, (unsigned int)entry->n);
	for (size_t i = 0; i < entry->n; i++) {
		const struct mt_offer *offer = &entry->offers[i];

		mt_writer_u8(writer, offer->proto);
		mt_writer_u8(writer, offer->transport);
		mt_writer_u8(writer, offer->dnssec);
		mt_writer_u16(writer, offer->port);
		mt_writer_string(writer, offer->host);
	}
}

/* The source stands in the key. */
static int
decode(struct mt_reader *reader, void *userdata)
{
	struct mt_offers_entry *entry = userdata;

	if (mt_reader_u8(reader) != OFFERS_VERSION)
		return MT_STORE_E_DAMAGED;
	entry->asked_usec = mt_reader_i64(reader);
	entry->n = mt_reader_enum(reader, MT_OFFERS_MAX + 1);
	for (size_t i = 0; i < entry->n; i++) {
		struct mt_offer *offer = &entry->offers[i];

		offer->proto = mt_reader_enum(reader, MT_PROTO_COUNT);
		offer->transport = mt_reader_enum(reader, MT_TRANSPORT_COUNT);
		offer->dnssec = mt_reader_enum(reader, MT_DNSSEC_COUNT);
		offer->port = mt_reader_u16(reader);
		mt_reader_string(reader, offer->host, sizeof(offer->host));
	}
	return mt_reader_is_done(reader) ? 0 : MT_STORE_E_DAMAGED;
}

/* -- the interface ----------------------------------------------------------------------------- */

int
mt_offers_cache_get(struct mt_store *store, uint32_t uid, const char *domain,
		    enum mt_discovery source, int64_t now_usec, struct mt_offers_entry *ret)
{
	struct mt_key key;
	int r;

	*ret = (struct mt_offers_entry){0};
	make_key(&key, uid, domain, source);
	r = mt_store_get(store, &key, decode, ret);
	if (r == 0 &&
	    (now_usec < ret->asked_usec || now_usec - ret->asked_usec > MT_DISCOVERED_USEC))
		r = MT_STORE_E_NOT_FOUND;
	for (size_t i = 0; i < ret->n; i++)
		ret->offers[i].source = source;
	return r;
}

/* In a transaction; a put that failed makes the commit fail. */
static void
put_one(struct mt_store *store, uint32_t uid, const char *domain, enum mt_discovery source,
	struct mt_offers_entry *entry)
{
	struct mt_writer writer = {0};
	struct mt_key key;

	make_key(&key, uid, domain, source);
	encode(entry, &writer);
	(void)!mt_store_put(store, &key, &writer);
	mt_writer_clear(&writer);
}

static void
select_offers(const struct mt_findings *found, enum mt_discovery source,
	      struct mt_offers_entry *ret)
{
	ret->n = 0;
	for (size_t i = 0; i < found->n_offers && ret->n < MT_OFFERS_MAX; i++)
		if (found->offers[i].source == source)
			ret->offers[ret->n++] = found->offers[i];
}

int
mt_offers_cache_put(struct mt_store *store, uint32_t uid, const char *domain,
		    const struct mt_findings *found, int64_t asked_usec)
{
	struct mt_offers_entry entry = {.asked_usec = asked_usec};
	int r;

	if (!(found->answered & MT_OFFERS_STORED))
		return 0;
	r = mt_store_begin(store);
	if (r)
		return r;
	for (unsigned int source = 0; source < MT_DISCOVERY_COUNT; source++) {
		if (!is_stored(source) || !(found->answered & MT_BIT(source)))
			continue;
		select_offers(found, (enum mt_discovery)source, &entry);
		put_one(store, uid, domain, (enum mt_discovery)source, &entry);
	}
	return mt_store_commit(store);
}

static bool
has_any(struct mt_store *store, uint32_t uid, const char *domain)
{
	struct mt_key key;

	for (unsigned int source = 0; source < MT_DISCOVERY_COUNT; source++) {
		make_key(&key, uid, domain, (enum mt_discovery)source);
		if (is_stored(source) && mt_store_has(store, &key))
			return true;
	}
	return false;
}

int
mt_offers_cache_forget(struct mt_store *store, uint32_t uid, const char *domain)
{
	struct mt_key key;
	int r;

	if (!has_any(store, uid, domain))
		return 0;
	r = mt_store_begin(store);
	if (r)
		return r;
	for (unsigned int source = 0; source < MT_DISCOVERY_COUNT; source++) {
		make_key(&key, uid, domain, (enum mt_discovery)source);
		if (is_stored(source))
			(void)!mt_store_remove(store, &key);
	}
	return mt_store_commit(store);
}
