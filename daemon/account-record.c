/* SPDX-License-Identifier: MIT */
/* An account as stored bytes. Encode and decode stand side by side, part by part. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/account.h"
#include "daemon/minimum-record.h"
#include "policy/reason.h"

/* Version 2 has the client certificates' subjects, version 1 their digests alone; version 3 says
 * when an offer was declined. */
#define ACCOUNT_VERSION 3
/* Numbers of these enums stand in the file: values are appended, never moved. */
_Static_assert(MT_ACCOUNT_STATE_COUNT == 3 && MT_SUSPENDER_COUNT == 4, "states of version 1");
_Static_assert(MT_PROTO_COUNT == 4 && MT_TRANSPORT_COUNT == 3, "services of version 1");
/* Discovery grew at its end: what older programs wrote reads as it did. */
_Static_assert(MT_DISCOVERY_COUNT == 7 && MT_DNSSEC_COUNT == 4, "discovery of version 1");
_Static_assert(MT_LEVEL_COUNT == 3 && MT_CONSENT_KIND_COUNT == 5, "consents of version 1");

static void
endpoint_encode(const struct mt_endpoint *endpoint, struct mt_writer *writer)
{
	mt_writer_u8(writer, endpoint->proto);
	mt_writer_u8(writer, endpoint->transport);
	mt_writer_string(writer, endpoint->host);
	mt_writer_u16(writer, endpoint->port);
	mt_writer_u8(writer, endpoint->discovery);
	mt_writer_u8(writer, endpoint->dnssec);
	mt_writer_string(writer, endpoint->label);
	mt_writer_u8(writer, endpoint->confirmed);
	mt_writer_u8(writer, endpoint->status);
	mt_writer_u8(writer, endpoint->probe);
	mt_writer_i64(writer, endpoint->probed_at_usec);
	mt_writer_bytes(writer, endpoint->probe_leaf, sizeof(endpoint->probe_leaf));
	mt_writer_u8(writer, endpoint->probe_pin_offered);
	mt_writer_u8(writer, (unsigned int)endpoint->n_probe_reasons);
	/* By name: the list of codes grows in the middle. */
	for (size_t i = 0; i < endpoint->n_probe_reasons; i++)
		mt_writer_string(writer, mt_reason_to_string(endpoint->probe_reasons[i]));
}

static void
endpoint_decode(struct mt_reader *reader, struct mt_endpoint *ret)
{
	ret->proto = mt_reader_enum(reader, MT_PROTO_COUNT);
	ret->transport = mt_reader_enum(reader, MT_TRANSPORT_COUNT);
	mt_reader_string(reader, ret->host, sizeof(ret->host));
	ret->port = mt_reader_u16(reader);
	ret->discovery = mt_reader_enum(reader, MT_DISCOVERY_COUNT);
	ret->dnssec = mt_reader_enum(reader, MT_DNSSEC_COUNT);
	mt_reader_string(reader, ret->label, sizeof(ret->label));
	ret->confirmed = mt_reader_bool(reader);
	ret->status = mt_reader_enum(reader, MT_ENDPOINT_SAVED + 1);
	ret->probe = mt_reader_enum(reader, MT_ENDPOINT_PROBE_COUNT);
	ret->probed_at_usec = mt_reader_i64(reader);
	mt_reader_bytes(reader, ret->probe_leaf, sizeof(ret->probe_leaf));
	ret->probe_pin_offered = mt_reader_bool(reader);
	for (unsigned int n = mt_reader_enum(reader, MT_REASONS_MAX + 1); n > 0; n--) {
		enum mt_reason reason = 0;
		char name[MT_TOKEN_SIZE];

		mt_reader_string(reader, name, sizeof(name));
		/* A code of another version of the list is information lost, not damage. */
		if (!reader->failed && mt_reason_from_string(name, &reason) == 0)
			ret->probe_reasons[ret->n_probe_reasons++] = (uint8_t)reason;
	}
	if (ret->proto == MT_PROTO_UNKNOWN || ret->status == MT_ENDPOINT_FRESH || !ret->host[0])
		reader->failed = true;
}

static void
pin_encode(const struct mt_pin *pin, struct mt_writer *writer)
{
	mt_writer_string(writer, pin->host);
	mt_writer_bytes(writer, pin->leaf_sha256, sizeof(pin->leaf_sha256));
	mt_writer_i64(writer, pin->created_usec);
}

static int
pin_decode(struct mt_reader *reader, struct mt_account *account)
{
	struct mt_pin pin = {0};

	mt_reader_string(reader, pin.host, sizeof(pin.host));
	mt_reader_bytes(reader, pin.leaf_sha256, sizeof(pin.leaf_sha256));
	pin.created_usec = mt_reader_i64(reader);
	if (!pin.host[0])
		reader->failed = true;
	return reader->failed ? 1 : mt_account_add_pin(account, &pin);
}

static void
consent_encode(const struct mt_consent *consent, struct mt_writer *writer)
{
	mt_writer_u8(writer, consent->kind);
	mt_writer_u8(writer, consent->proto);
	mt_writer_string(writer, consent->host);
	mt_writer_u16(writer, consent->port);
	mt_writer_bytes(writer, consent->leaf_sha256, sizeof(consent->leaf_sha256));
	mt_writer_u32(writer, consent->text_version);
	mt_writer_u32(writer, consent->uid);
	mt_writer_i64(writer, consent->given_at_usec);
	mt_writer_i64(writer, consent->expires_usec);
}

static int
consent_decode(struct mt_reader *reader, struct mt_account *account)
{
	struct mt_consent consent = {0};

	consent.kind = mt_reader_enum(reader, MT_CONSENT_KIND_COUNT);
	consent.proto = mt_reader_enum(reader, MT_PROTO_COUNT);
	mt_reader_string(reader, consent.host, sizeof(consent.host));
	consent.port = mt_reader_u16(reader);
	mt_reader_bytes(reader, consent.leaf_sha256, sizeof(consent.leaf_sha256));
	consent.text_version = mt_reader_u32(reader);
	consent.uid = mt_reader_u32(reader);
	consent.given_at_usec = mt_reader_i64(reader);
	consent.expires_usec = mt_reader_i64(reader);
	if (reader->failed || !mt_consent_is_well_formed(&consent))
		return 1;
	return mt_account_add_consent(account, &consent);
}

static void
cert_encode(const struct mt_allowed_cert *cert, struct mt_writer *writer)
{
	mt_writer_bytes(writer, cert->sha256, sizeof(cert->sha256));
	mt_writer_string(writer, cert->subject);
	mt_writer_i64(writer, cert->allowed_usec);
}

static int
cert_decode(struct mt_reader *reader, struct mt_account *account)
{
	struct mt_allowed_cert cert = {0};

	mt_reader_bytes(reader, cert.sha256, sizeof(cert.sha256));
	mt_reader_string(reader, cert.subject, sizeof(cert.subject));
	cert.allowed_usec = mt_reader_i64(reader);
	return reader->failed ? 1 : mt_account_add_cert(account, &cert);
}

/* Whose certificates count is said twice, by the list and by the minimum: they say the same. Of
 * version 1 the minimum alone says it. */
static int
certs_settle(struct mt_account *account, const struct mt_digests *allowed, bool has_list)
{
	int r = allowed->n > MT_CLIENT_CERTS_MAX;

	for (size_t i = 0; i < allowed->n && r == 0 && !has_list; i++) {
		struct mt_allowed_cert cert = {0};

		memcpy(cert.sha256, allowed->digest[i], sizeof(cert.sha256));
		r = mt_account_add_cert(account, &cert);
	}
	if (r == 0 && account->n_certs != allowed->n)
		r = 1;
	for (size_t i = 0; i < account->n_certs && r == 0; i++)
		r = !mt_digests_contain(allowed, account->certs[i].sha256);
	return r;
}

static void
head_encode(const struct mt_account *account, struct mt_writer *writer)
{
	mt_writer_bytes(writer, account->id.bytes, MT_ACCOUNT_ID_SIZE);
	mt_writer_u32(writer, account->uid);
	mt_writer_string(writer, account->address);
	mt_writer_u8(writer, account->state);
	mt_writer_u8(writer, account->suspender);
	mt_writer_u8(writer, account->committed);
	mt_writer_u8(writer, account->added_again);
	mt_writer_i64(writer, account->created_usec);
	mt_writer_i64(writer, account->changed_usec);
	mt_writer_u32(writer, account->domain_chunk);
	for (size_t i = 1; i < MT_PROTO_COUNT; i++)
		mt_writer_u8(writer, account->best[i]);
}

static void
head_decode(struct mt_reader *reader, struct mt_account *ret)
{
	const char *domain;

	mt_reader_bytes(reader, ret->id.bytes, MT_ACCOUNT_ID_SIZE);
	ret->uid = mt_reader_u32(reader);
	mt_reader_string(reader, ret->address, sizeof(ret->address));
	ret->state = mt_reader_enum(reader, MT_ACCOUNT_STATE_COUNT);
	ret->suspender = mt_reader_enum(reader, MT_SUSPENDER_COUNT);
	ret->committed = mt_reader_bool(reader);
	ret->added_again = mt_reader_bool(reader);
	ret->created_usec = mt_reader_i64(reader);
	ret->changed_usec = mt_reader_i64(reader);
	ret->domain_chunk = mt_reader_u32(reader);
	for (size_t i = 1; i < MT_PROTO_COUNT; i++)
		ret->best[i] = mt_reader_enum(reader, MT_LEVEL_COUNT);

	domain = strrchr(ret->address, '@');
	if (!domain || strlen(domain + 1) >= sizeof(ret->domain)) {
		reader->failed = true;
		return;
	}
	memcpy(ret->domain, domain + 1, strlen(domain + 1) + 1);
	/* What the state machine never makes was not written by it. */
	if ((ret->state == MT_ACCOUNT_SUSPENDED) != (ret->suspender != MT_SUSPENDER_NONE) ||
	    (ret->state == MT_ACCOUNT_SETUP && ret->committed) ||
	    (ret->state == MT_ACCOUNT_ACTIVE && !ret->committed))
		reader->failed = true;
}

static int
minimum_decode(struct mt_reader *reader, bool has_certs, struct mt_account *account)
{
	struct mt_bytes blob = mt_reader_blob(reader);
	struct mt_reader inner = {.data = blob.data, .size = blob.size};
	struct mt_minimum *min = malloc(sizeof(*min));
	int r;

	if (!min)
		return -ENOMEM;
	r = reader->failed ? 1 : mt_minimum_decode(&inner, min);
	if (r == 0)
		r = certs_settle(account, &min->client_cert_allow, has_certs);
	free(min);
	if (r != 0)
		return r;
	account->minimum = malloc(blob.size);
	if (!account->minimum)
		return -ENOMEM;
	memcpy(account->minimum, blob.data, blob.size);
	account->minimum_size = blob.size;
	return 0;
}

static void
declined_encode(const struct mt_declined *declined, struct mt_writer *writer)
{
	mt_writer_string(writer, declined->offer);
	mt_writer_i64(writer, declined->at_usec);
}

/* Before version 3: as long ago as the account's last change. */
static void
declined_decode(struct mt_reader *reader, bool has_date, int64_t changed_usec,
		struct mt_declined *ret)
{
	mt_reader_string(reader, ret->offer, sizeof(ret->offer));
	ret->at_usec = has_date ? mt_reader_i64(reader) : changed_usec;
}

int
mt_account_encode(const struct mt_account *account, struct mt_writer *writer)
{
	mt_writer_u8(writer, ACCOUNT_VERSION);
	head_encode(account, writer);
	mt_writer_u8(writer, (unsigned int)account->n_endpoints);
	for (size_t i = 0; i < account->n_endpoints; i++)
		endpoint_encode(&account->endpoints[i], writer);
	mt_writer_u8(writer, (unsigned int)account->n_pins);
	for (size_t i = 0; i < account->n_pins; i++)
		pin_encode(&account->pins[i], writer);
	mt_writer_u8(writer, (unsigned int)account->n_consents);
	for (size_t i = 0; i < account->n_consents; i++)
		consent_encode(&account->consents[i], writer);
	mt_writer_u8(writer, (unsigned int)account->n_declined);
	for (size_t i = 0; i < account->n_declined; i++)
		declined_encode(&account->declined[i], writer);
	mt_writer_u8(writer, (unsigned int)account->n_certs);
	for (size_t i = 0; i < account->n_certs; i++)
		cert_encode(&account->certs[i], writer);
	mt_writer_blob(writer, account->minimum, account->minimum_size);
	return writer->failed ? -ENOMEM : 0;
}

/* Return: 0, 1 malformed, -ENOMEM; the lists read so far are in ret either way. */
static int
account_decode(struct mt_reader *reader, struct mt_account *ret)
{
	const uint8_t version = mt_reader_u8(reader);
	const bool has_certs = version >= 2;
	int r = 0;

	if (version < 1 || version > ACCOUNT_VERSION)
		return 1;
	head_decode(reader, ret);
	ret->n_endpoints = mt_reader_enum(reader, MT_ENDPOINTS_MAX + 1);
	for (size_t i = 0; i < ret->n_endpoints; i++)
		endpoint_decode(reader, &ret->endpoints[i]);
	for (unsigned int n = mt_reader_enum(reader, MT_PINS_MAX + 1); n > 0 && r == 0; n--)
		r = pin_decode(reader, ret);
	for (unsigned int n = mt_reader_enum(reader, MT_CONSENTS_MAX + 1); n > 0 && r == 0; n--)
		r = consent_decode(reader, ret);
	if (r != 0)
		return r;
	ret->n_declined = mt_reader_enum(reader, MT_DECLINED_MAX + 1);
	for (size_t i = 0; i < ret->n_declined; i++)
		declined_decode(reader, version >= 3, ret->changed_usec, &ret->declined[i]);
	for (unsigned int n = has_certs ? mt_reader_enum(reader, MT_CLIENT_CERTS_MAX + 1) : 0;
	     n > 0 && r == 0; n--)
		r = cert_decode(reader, ret);
	if (r == 0)
		r = minimum_decode(reader, has_certs, ret);
	if (r != 0)
		return r;
	return mt_reader_is_done(reader) ? 0 : 1;
}

int
mt_account_decode(struct mt_reader *reader, struct mt_account *ret)
{
	struct mt_account account = {0};
	int r = account_decode(reader, &account);

	if (r != 0) {
		mt_account_clear(&account);
		return r;
	}
	*ret = account;
	return 0;
}
