/* SPDX-License-Identifier: MIT */
/* An account's minimum as stored bytes. Encode and decode stand side by side, part by part. */

#include "daemon/minimum-record.h"

#define MINIMUM_VERSION 1
/* Version 1 is this order of fields: one added or moved needs a new version here. */
_Static_assert(MT_FIELD_COUNT == 26 && MT_FIELD_SCALAR_COUNT == 17, "fields of version 1");
_Static_assert(MT_FIELD_ON_EXPIRY == 16 && MT_FIELD_SRV_CHECK_MAX == 25, "order of version 1");

static bool
has(const struct mt_minimum *min, enum mt_field field)
{
	return min->present & MT_BIT(field);
}

static void
patterns_encode(const struct mt_patterns *patterns, struct mt_writer *writer)
{
	mt_writer_u8(writer, patterns->is_set);
	mt_writer_u8(writer, (unsigned int)patterns->n);
	for (size_t i = 0; i < patterns->n; i++)
		mt_writer_string(writer, patterns->pattern[i]);
}

static void
patterns_decode(struct mt_reader *reader, struct mt_patterns *ret)
{
	ret->is_set = mt_reader_bool(reader);
	ret->n = mt_reader_enum(reader, MT_PATTERNS_MAX + 1);
	for (size_t i = 0; i < ret->n; i++)
		mt_reader_string(reader, ret->pattern[i], MT_DOMAIN_SIZE);
}

static void
digests_encode(const struct mt_digests *digests, struct mt_writer *writer)
{
	mt_writer_u8(writer, digests->is_set);
	mt_writer_u8(writer, (unsigned int)digests->n);
	mt_writer_bytes(writer, digests->digest, digests->n * 32);
}

static void
digests_decode(struct mt_reader *reader, struct mt_digests *ret)
{
	ret->is_set = mt_reader_bool(reader);
	ret->n = mt_reader_enum(reader, MT_DIGESTS_MAX + 1);
	mt_reader_bytes(reader, ret->digest, ret->n * 32);
}

void
mt_minimum_encode(const struct mt_minimum *min, struct mt_writer *writer)
{
	mt_writer_u8(writer, MINIMUM_VERSION);
	mt_writer_u32(writer, min->present & MT_MINIMUM_ACCOUNT_FIELDS);
	for (unsigned int i = 0; i < MT_FIELD_SCALAR_COUNT; i++)
		if (has(min, i))
			mt_writer_u8(writer, min->values[i]);
	if (has(min, MT_FIELD_AUTH_MECHS))
		mt_writer_u32(writer, min->auth_mechs);
	if (has(min, MT_FIELD_PROTOCOLS))
		mt_writer_u8(writer, min->protocols);
	if (has(min, MT_FIELD_ENDPOINTS_ALLOW))
		patterns_encode(&min->endpoints_allow, writer);
	if (has(min, MT_FIELD_CLIENT_CERT_ALLOW))
		digests_encode(&min->client_cert_allow, writer);
	if (has(min, MT_FIELD_NOT_AFTER))
		mt_writer_i64(writer, min->not_after_usec);
	if (has(min, MT_FIELD_VERDICT_TTL))
		mt_writer_u32(writer, min->verdict_ttl_sec);
	if (has(min, MT_FIELD_SRV_CHECK_MAX))
		mt_writer_u32(writer, min->srv_check_max_sec);
}

/* How many values a scalar field has. */
static unsigned int
n_values(unsigned int field)
{
	unsigned int n = 0;

	while (mt_fields[field].values && mt_fields[field].values[n])
		n++;
	return n;
}

int
mt_minimum_decode(struct mt_reader *reader, struct mt_minimum *ret)
{
	*ret = (struct mt_minimum){0};
	if (mt_reader_u8(reader) != MINIMUM_VERSION)
		return 1;
	ret->present = mt_reader_u32(reader);
	if (ret->present & ~MT_MINIMUM_ACCOUNT_FIELDS)
		return 1;
	for (unsigned int i = 0; i < MT_FIELD_SCALAR_COUNT; i++)
		if (has(ret, i))
			ret->values[i] = (uint8_t)mt_reader_enum(reader, n_values(i));
	if (has(ret, MT_FIELD_AUTH_MECHS))
		ret->auth_mechs = mt_reader_u32(reader);
	if (has(ret, MT_FIELD_PROTOCOLS))
		ret->protocols = mt_reader_u8(reader);
	if (has(ret, MT_FIELD_ENDPOINTS_ALLOW))
		patterns_decode(reader, &ret->endpoints_allow);
	if (has(ret, MT_FIELD_CLIENT_CERT_ALLOW))
		digests_decode(reader, &ret->client_cert_allow);
	if (has(ret, MT_FIELD_NOT_AFTER))
		ret->not_after_usec = mt_reader_i64(reader);
	if (has(ret, MT_FIELD_VERDICT_TTL))
		ret->verdict_ttl_sec = mt_reader_u32(reader);
	if (has(ret, MT_FIELD_SRV_CHECK_MAX))
		ret->srv_check_max_sec = mt_reader_u32(reader);
	if ((ret->auth_mechs & ~MT_MECHS_ALL) || (ret->protocols & ~MT_PROTOCOLS_ALL))
		return 1;
	return mt_reader_is_done(reader) ? 0 : 1;
}
