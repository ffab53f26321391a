/* SPDX-License-Identifier: MIT */
/* The watcher's memory as stored bytes. Encode and decode stand side by side, part by part. */

#include "daemon/watch-record.h"

#include <string.h>

#include "daemon/rrset-record.h"

#define WATCHED_VERSION 1
/* Numbers of these enums stand in the file: values are appended, never moved. */
_Static_assert(MT_CHANGE_CLASS_COUNT == 6 && MT_SERVICE_COUNT == 6, "classes of version 1");
_Static_assert(MT_PROTO_COUNT == 4 && MT_DNSSEC_COUNT == 4, "services of version 1");

/* The service by its number, from 1; 0 is none. */
static void
named_encode(const struct mt_named *named, struct mt_writer *writer)
{
	mt_writer_u8(writer, named->service ? (unsigned int)(named->service - mt_services) + 1 : 0);
	mt_writer_string(writer, named->host);
	mt_writer_u16(writer, named->port);
	mt_writer_u8(writer, named->dnssec);
	mt_writer_u8(writer, named->is_same_server);
}

static void
named_decode(struct mt_reader *reader, struct mt_named *ret)
{
	unsigned int service = mt_reader_enum(reader, MT_SERVICE_COUNT + 1);

	ret->service = service > 0 ? &mt_services[service - 1] : NULL;
	mt_reader_string(reader, ret->host, sizeof(ret->host));
	ret->port = mt_reader_u16(reader);
	ret->dnssec = mt_reader_enum(reader, MT_DNSSEC_COUNT);
	ret->is_same_server = mt_reader_bool(reader);
}

static void
history_encode(const struct mt_change_history *history, struct mt_writer *writer)
{
	mt_writer_u64(writer, history->digest);
	mt_writer_u32(writer, history->n_looks);
	mt_writer_i64(writer, history->first_usec);
	mt_writer_i64(writer, history->last_usec);
	mt_writer_u8(writer, history->told_row);
	mt_writer_u64(writer, history->told_digest);
	mt_writer_i64(writer, history->told_usec);
	mt_writer_u8(writer, history->told_lasts);
	mt_writer_i64(writer, history->bogus_usec);
	mt_writer_u32(writer, history->n_failed);
}

static void
history_decode(struct mt_reader *reader, struct mt_change_history *ret)
{
	ret->digest = mt_reader_u64(reader);
	ret->n_looks = mt_reader_u32(reader);
	ret->first_usec = mt_reader_i64(reader);
	ret->last_usec = mt_reader_i64(reader);
	ret->told_row = (uint8_t)mt_reader_enum(reader, MT_CHANGE_ROWS + 1);
	ret->told_digest = mt_reader_u64(reader);
	ret->told_usec = mt_reader_i64(reader);
	ret->told_lasts = mt_reader_bool(reader);
	ret->bogus_usec = mt_reader_i64(reader);
	ret->n_failed = mt_reader_u32(reader);
}

static void
finding_encode(const struct mt_finding *finding, struct mt_writer *writer)
{
	mt_writer_u8(writer, finding->row);
	mt_writer_u8(writer, finding->class);
	mt_writer_u8(writer, finding->is_pending);
	mt_writer_u8(writer, (unsigned int)finding->n_reasons);
	/* By name: the list of codes grows in the middle. */
	for (size_t i = 0; i < finding->n_reasons; i++)
		mt_writer_string(writer, mt_reason_to_string(finding->reasons[i]));
	named_encode(&finding->subject, writer);
}

static void
finding_decode(struct mt_reader *reader, struct mt_finding *ret)
{
	ret->row = (uint8_t)mt_reader_enum(reader, MT_CHANGE_ROWS + 1);
	ret->class = mt_reader_enum(reader, MT_CHANGE_CLASS_COUNT);
	ret->is_pending = mt_reader_bool(reader);
	for (unsigned int n = mt_reader_enum(reader, MT_CHANGE_REASONS_MAX + 1); n > 0; n--) {
		char name[MT_TOKEN_SIZE];

		mt_reader_string(reader, name, sizeof(name));
		if (!reader->failed &&
		    mt_reason_from_string(name, &ret->reasons[ret->n_reasons]) == 0)
			ret->n_reasons++;
	}
	named_decode(reader, &ret->subject);
}

void
mt_watched_encode(const struct mt_watched *watched, struct mt_writer *writer)
{
	mt_writer_u8(writer, WATCHED_VERSION);
	mt_writer_u8(writer, watched->has_snapshot);
	for (size_t i = 0; i < MT_SERVICE_COUNT && watched->has_snapshot; i++)
		mt_srv_rrset_encode(&watched->snapshot[i], writer);
	mt_writer_i64(writer, watched->taken_usec);
	mt_writer_i64(writer, watched->looked_usec);
	mt_writer_i64(writer, watched->due_usec);
	history_encode(&watched->history, writer);
	finding_encode(&watched->finding, writer);
	mt_writer_u8(writer, (unsigned int)watched->n_offers);
	for (size_t i = 0; i < watched->n_offers; i++) {
		named_encode(&watched->offers[i].named, writer);
		mt_writer_i64(writer, watched->offers[i].made_usec);
	}
	for (size_t i = 1; i < MT_PROTO_COUNT; i++)
		mt_writer_i64(writer, watched->failure_usec[i]);
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++)
		mt_writer_i64(writer, watched->probed_usec[i]);
}

/* An earlier one is of the same protocol: that was not written by us. */
static bool
has_offer_of(const struct mt_watched *watched, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (watched->offers[k].named.service->proto ==
		    watched->offers[i].named.service->proto)
			return true;
	return false;
}

int
mt_watched_decode(struct mt_reader *reader, void *userdata)
{
	struct mt_watched *watched = userdata;

	if (mt_reader_u8(reader) != WATCHED_VERSION)
		return MT_STORE_E_DAMAGED;
	watched->has_snapshot = mt_reader_bool(reader);
	for (size_t i = 0; i < MT_SERVICE_COUNT && watched->has_snapshot; i++)
		mt_srv_rrset_decode(reader, &watched->snapshot[i]);
	watched->taken_usec = mt_reader_i64(reader);
	watched->looked_usec = mt_reader_i64(reader);
	watched->due_usec = mt_reader_i64(reader);
	history_decode(reader, &watched->history);
	finding_decode(reader, &watched->finding);
	watched->n_offers = mt_reader_enum(reader, MT_PROTO_COUNT);
	for (size_t i = 0; i < watched->n_offers && !reader->failed; i++) {
		named_decode(reader, &watched->offers[i].named);
		watched->offers[i].made_usec = mt_reader_i64(reader);
		if (!watched->offers[i].named.service || has_offer_of(watched, i))
			reader->failed = true;
	}
	for (size_t i = 1; i < MT_PROTO_COUNT; i++)
		watched->failure_usec[i] = mt_reader_i64(reader);
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++)
		watched->probed_usec[i] = mt_reader_i64(reader);
	return mt_reader_is_done(reader) ? 0 : MT_STORE_E_DAMAGED;
}

/* -- offers ------------------------------------------------------------------------------------ */

struct mt_upgrade *
mt_watched_find_offer(struct mt_watched *watched, const char *name)
{
	char own[MT_TOKEN_SIZE];

	for (size_t i = 0; i < watched->n_offers; i++) {
		mt_upgrade_name(watched->offers[i].named.service, own);
		if (strcmp(own, name) == 0)
			return &watched->offers[i];
	}
	return NULL;
}

void
mt_watched_remove_offer(struct mt_watched *watched, struct mt_upgrade *offer)
{
	const size_t i = (size_t)(offer - watched->offers);

	watched->n_offers--;
	memmove(offer, offer + 1, (watched->n_offers - i) * sizeof(*offer));
}
