/* SPDX-License-Identifier: MIT */
/* Messages of the worker link: SRV, TLSA, digests, and taking a question back. */

#include <string.h>

#include "daemon/worker/wire-pack.h"
#include "policy/domain.h"

void
mt_unpack_domain(struct mt_unpack *in, char domain[static MT_DOMAIN_SIZE])
{
	char normal[MT_DOMAIN_SIZE];

	mt_unpack_text(in, domain, MT_DOMAIN_SIZE);
	if (in->bad)
		return;
	if (mt_domain_normalise(domain, strlen(domain), normal) != 0 || strcmp(domain, normal) != 0)
		mt_unpack_fail(in);
}

/* What every answer has */

void
mt_pack_rrset(struct mt_wire_message *msg, const struct mt_rrset *rrset)
{
	mt_pack_u8(msg, (uint8_t)rrset->state);
	mt_pack_u8(msg, (uint8_t)rrset->dnssec);
	mt_pack_u32(msg, rrset->ttl_sec);
	mt_pack_i64(msg, rrset->signed_until_usec);
	mt_pack_text(msg, rrset->canonical, sizeof(rrset->canonical));
}

void
mt_unpack_rrset(struct mt_unpack *in, struct mt_rrset *rrset)
{
	rrset->state = mt_unpack_enum(in, MT_RRSET_STATE_COUNT);
	rrset->dnssec = mt_unpack_enum(in, MT_DNSSEC_COUNT);
	rrset->ttl_sec = mt_unpack_u32(in);
	rrset->signed_until_usec = mt_unpack_i64(in);
	mt_unpack_text(in, rrset->canonical, sizeof(rrset->canonical));
	if (rrset->ttl_sec > MT_DNS_TTL_MAX_SEC)
		mt_unpack_fail(in);
}

/* Questions that are a name and nothing else: SRV and DIGEST */

static int
encode_name(struct mt_wire_message *msg, enum mt_wire_type type, uint64_t id, const char *name)
{
	mt_pack_begin(msg, type, id);
	mt_pack_text(msg, name, MT_DOMAIN_SIZE);
	return mt_pack_end(msg);
}

static int
decode_name(struct mt_bytes body, char ret_name[static MT_DOMAIN_SIZE])
{
	char name[MT_DOMAIN_SIZE] = "";
	struct mt_unpack in;

	mt_unpack_begin(&in, body);
	mt_unpack_domain(&in, name);
	if (mt_unpack_end(&in) != 0)
		return MT_WIRE_E_MALFORMED;

	memcpy(ret_name, name, sizeof(name));
	return 0;
}

int
mt_wire_encode_srv(struct mt_wire_message *msg, uint64_t id, const char *name)
{
	return encode_name(msg, MT_WIRE_SRV, id, name);
}

int
mt_wire_decode_srv(struct mt_bytes body, char ret_name[static MT_DOMAIN_SIZE])
{
	return decode_name(body, ret_name);
}

int
mt_wire_encode_digest(struct mt_wire_message *msg, uint64_t id, const char *name)
{
	return encode_name(msg, MT_WIRE_DIGEST, id, name);
}

int
mt_wire_decode_digest(struct mt_bytes body, char ret_name[static MT_DOMAIN_SIZE])
{
	return decode_name(body, ret_name);
}

/* SRV_RRSET: records come sorted, so a worker cannot slip one in twice or past the bound */

static void
unpack_srv_record(struct mt_unpack *in, struct mt_srv_record *record)
{
	record->priority = mt_unpack_u16(in);
	record->weight = mt_unpack_u16(in);
	record->port = mt_unpack_u16(in);
	mt_unpack_text(in, record->target, sizeof(record->target));
	if (!in->bad && strcmp(record->target, ".") != 0) {
		char normal[MT_DOMAIN_SIZE];

		if (mt_domain_normalise(record->target, strlen(record->target), normal) != 0 ||
		    strcmp(record->target, normal) != 0)
			mt_unpack_fail(in);
	}
}

int
mt_wire_encode_srv_rrset(struct mt_wire_message *msg, uint64_t id, const struct mt_srv_rrset *rrset)
{
	mt_pack_begin(msg, MT_WIRE_SRV_RRSET, id);
	mt_pack_rrset(msg, &rrset->rrset);
	mt_pack_count(msg, rrset->n, MT_SRV_MAX);
	for (size_t i = 0; i < rrset->n && !msg->overflow; i++) {
		mt_pack_u16(msg, rrset->records[i].priority);
		mt_pack_u16(msg, rrset->records[i].weight);
		mt_pack_u16(msg, rrset->records[i].port);
		mt_pack_text(msg, rrset->records[i].target, sizeof(rrset->records[i].target));
	}
	mt_pack_u32(msg, rrset->n_omitted);
	mt_pack_u32(msg, rrset->n_unusable);
	return mt_pack_end(msg);
}

int
mt_wire_decode_srv_rrset(struct mt_bytes body, struct mt_srv_rrset *ret)
{
	struct mt_srv_rrset rrset = {0};
	struct mt_unpack in;

	mt_unpack_begin(&in, body);
	mt_unpack_rrset(&in, &rrset.rrset);
	rrset.n = mt_unpack_count(&in, MT_SRV_MAX);
	for (size_t i = 0; i < rrset.n; i++) {
		unpack_srv_record(&in, &rrset.records[i]);
		if (i > 0 && mt_srv_record_compare(&rrset.records[i - 1], &rrset.records[i]) > 0)
			mt_unpack_fail(&in);
	}
	rrset.n_omitted = mt_unpack_u32(&in);
	rrset.n_unusable = mt_unpack_u32(&in);
	if (mt_unpack_end(&in) != 0)
		return MT_WIRE_E_MALFORMED;
	if ((rrset.rrset.state == MT_RRSET_FOUND) != (rrset.n > 0 || rrset.n_unusable > 0))
		return MT_WIRE_E_MALFORMED;

	*ret = rrset;
	return 0;
}

/* TLSA */

int
mt_wire_encode_tlsa(struct mt_wire_message *msg, uint64_t id, const char *host, uint16_t port)
{
	mt_pack_begin(msg, MT_WIRE_TLSA, id);
	mt_pack_text(msg, host, MT_DOMAIN_SIZE);
	mt_pack_u16(msg, port);
	return mt_pack_end(msg);
}

int
mt_wire_decode_tlsa(struct mt_bytes body, char ret_host[static MT_DOMAIN_SIZE], uint16_t *ret_port)
{
	char host[MT_DOMAIN_SIZE] = "";
	struct mt_unpack in;
	uint16_t port;

	mt_unpack_begin(&in, body);
	mt_unpack_domain(&in, host);
	port = mt_unpack_u16(&in);
	if (mt_unpack_end(&in) != 0 || port == 0)
		return MT_WIRE_E_MALFORMED;

	memcpy(ret_host, host, sizeof(host));
	*ret_port = port;
	return 0;
}

/* TLSA_RRSET */

int
mt_wire_encode_tlsa_rrset(struct mt_wire_message *msg, uint64_t id,
			  const struct mt_tlsa_rrset *rrset)
{
	mt_pack_begin(msg, MT_WIRE_TLSA_RRSET, id);
	mt_pack_rrset(msg, &rrset->rrset);
	mt_pack_u8(msg, (uint8_t)rrset->address);
	mt_pack_tlsa_records(msg, rrset->records, rrset->n);
	mt_pack_u32(msg, rrset->n_omitted);
	return mt_pack_end(msg);
}

int
mt_wire_decode_tlsa_rrset(struct mt_bytes body, struct mt_tlsa_rrset *ret)
{
	struct mt_tlsa_rrset rrset = {0};
	struct mt_unpack in;

	mt_unpack_begin(&in, body);
	mt_unpack_rrset(&in, &rrset.rrset);
	rrset.address = mt_unpack_enum(&in, MT_DNSSEC_COUNT);
	rrset.n = mt_unpack_tlsa_records(&in, rrset.records);
	rrset.n_omitted = mt_unpack_u32(&in);
	if (mt_unpack_end(&in) != 0)
		return MT_WIRE_E_MALFORMED;
	if ((rrset.rrset.state == MT_RRSET_FOUND) != (rrset.n > 0))
		return MT_WIRE_E_MALFORMED;

	*ret = rrset;
	return 0;
}

/* DIGESTS */

int
mt_wire_encode_digests(struct mt_wire_message *msg, uint64_t id,
		       const struct mt_digest_rrset *rrset)
{
	mt_pack_begin(msg, MT_WIRE_DIGESTS, id);
	mt_pack_rrset(msg, &rrset->rrset);
	mt_pack_count(msg, rrset->n, MT_PACC_DIGESTS_MAX);
	for (size_t i = 0; i < rrset->n && !msg->overflow; i++)
		mt_pack_fixed(msg, rrset->digests[i], sizeof(rrset->digests[i]));
	mt_pack_u32(msg, rrset->n_unusable);
	return mt_pack_end(msg);
}

int
mt_wire_decode_digests(struct mt_bytes body, struct mt_digest_rrset *ret)
{
	struct mt_digest_rrset rrset = {0};
	struct mt_unpack in;

	mt_unpack_begin(&in, body);
	mt_unpack_rrset(&in, &rrset.rrset);
	rrset.n = mt_unpack_count(&in, MT_PACC_DIGESTS_MAX);
	for (size_t i = 0; i < rrset.n; i++)
		mt_unpack_fixed(&in, rrset.digests[i], sizeof(rrset.digests[i]));
	rrset.n_unusable = mt_unpack_u32(&in);
	if (mt_unpack_end(&in) != 0)
		return MT_WIRE_E_MALFORMED;
	if ((rrset.rrset.state == MT_RRSET_FOUND) != (rrset.n > 0 || rrset.n_unusable > 0))
		return MT_WIRE_E_MALFORMED;

	*ret = rrset;
	return 0;
}

/* CANCEL */

int
mt_wire_encode_cancel(struct mt_wire_message *msg, uint64_t id)
{
	mt_pack_begin(msg, MT_WIRE_CANCEL, id);
	return mt_pack_end(msg);
}

int
mt_wire_decode_cancel(struct mt_bytes body)
{
	return body.size == 0 ? 0 : MT_WIRE_E_MALFORMED;
}
