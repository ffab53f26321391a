/* SPDX-License-Identifier: MIT */
/* SRV answers as stored bytes. */

#include "daemon/rrset-record.h"

/* Numbers of these enums stand in the file: values are appended, never moved. */
_Static_assert(MT_RRSET_STATE_COUNT == 5 && MT_DNSSEC_COUNT == 4, "states of version 1");

void
mt_srv_rrset_encode(const struct mt_srv_rrset *answer, struct mt_writer *writer)
{
	mt_writer_u8(writer, answer->rrset.state);
	mt_writer_u8(writer, answer->rrset.dnssec);
	mt_writer_u32(writer, answer->rrset.ttl_sec);
	mt_writer_i64(writer, answer->rrset.signed_until_usec);
	mt_writer_string(writer, answer->rrset.canonical);
	mt_writer_u8(writer, (unsigned int)answer->n);
	for (size_t i = 0; i < answer->n; i++) {
		mt_writer_u16(writer, answer->records[i].priority);
		mt_writer_u16(writer, answer->records[i].weight);
		mt_writer_u16(writer, answer->records[i].port);
		mt_writer_string(writer, answer->records[i].target);
	}
	mt_writer_u32(writer, answer->n_omitted);
	mt_writer_u32(writer, answer->n_unusable);
}

void
mt_srv_rrset_decode(struct mt_reader *reader, struct mt_srv_rrset *answer)
{
	answer->rrset.state = mt_reader_enum(reader, MT_RRSET_STATE_COUNT);
	answer->rrset.dnssec = mt_reader_enum(reader, MT_DNSSEC_COUNT);
	answer->rrset.ttl_sec = mt_reader_u32(reader);
	answer->rrset.signed_until_usec = mt_reader_i64(reader);
	mt_reader_string(reader, answer->rrset.canonical, sizeof(answer->rrset.canonical));
	answer->n = mt_reader_enum(reader, MT_SRV_MAX + 1);
	for (size_t i = 0; i < answer->n; i++) {
		struct mt_srv_record *record = &answer->records[i];

		record->priority = mt_reader_u16(reader);
		record->weight = mt_reader_u16(reader);
		record->port = mt_reader_u16(reader);
		mt_reader_string(reader, record->target, sizeof(record->target));
	}
	answer->n_omitted = mt_reader_u32(reader);
	answer->n_unusable = mt_reader_u32(reader);
}
