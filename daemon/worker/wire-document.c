/* SPDX-License-Identifier: MIT */
/* Messages of the worker link: documents with server settings. */

#include <string.h>

#include "daemon/worker/url.h"
#include "daemon/worker/wire-pack.h"
#include "daemon/worker/wire.h"
#include "policy/domain.h"

/* DOCUMENT */

int
mt_wire_encode_document(struct mt_wire_message *msg, uint64_t id,
			const struct mt_document_request *request)
{
	mt_pack_begin(msg, MT_WIRE_DOCUMENT, id);
	mt_pack_u8(msg, (uint8_t)request->kind);
	mt_pack_bool(msg, request->is_secure);
	mt_pack_order(msg, &request->order);
	mt_pack_text(msg, request->domain, sizeof(request->domain));
	mt_pack_u32(msg, request->deadline_msec);
	mt_pack_bool(msg, request->may_be_local);
	return mt_pack_end(msg);
}

/* As url.h makes them, and only on the scheme's own port. */
static bool
is_sane(const struct mt_document_request *request)
{
	if (request->is_secure)
		return mt_url_is_sane_https(&request->order);
	return mt_url_is_sane(&request->order) && request->order.port == MT_HTTP_PORT;
}

int
mt_wire_decode_document(struct mt_bytes body, struct mt_document_request *ret)
{
	struct mt_document_request request = {0};
	struct mt_unpack in;

	mt_unpack_begin(&in, body);
	request.kind = mt_unpack_enum(&in, MT_DOCUMENT_KIND_COUNT);
	request.is_secure = mt_unpack_bool(&in);
	mt_unpack_order(&in, &request.order);
	mt_unpack_domain(&in, request.domain);
	request.deadline_msec = mt_unpack_u32(&in);
	request.may_be_local = mt_unpack_bool(&in);
	if (mt_unpack_end(&in) != 0 || !is_sane(&request))
		return MT_WIRE_E_MALFORMED;

	*ret = request;
	return 0;
}

/* READ */

static void
pack_offers(struct mt_wire_message *msg, const struct mt_document *document)
{
	mt_pack_count(msg, document->n, MT_OFFERS_MAX);
	for (size_t i = 0; i < document->n && !msg->overflow; i++) {
		const struct mt_offer *offer = &document->offers[i];

		mt_pack_u8(msg, (uint8_t)offer->proto);
		mt_pack_u8(msg, (uint8_t)offer->transport);
		mt_pack_u16(msg, offer->port);
		mt_pack_text(msg, offer->host, sizeof(offer->host));
	}
	mt_pack_u32(msg, document->n_omitted);
	mt_pack_u32(msg, document->n_unusable);
}

/* A worker says what a document could: names, no addresses, and no port 0. */
static void
unpack_offer(struct mt_unpack *in, struct mt_offer *offer)
{
	uint8_t ip[16];

	offer->proto = mt_unpack_enum(in, MT_PROTO_COUNT);
	offer->transport = mt_unpack_enum(in, MT_TRANSPORT_COUNT);
	offer->port = mt_unpack_u16(in);
	mt_unpack_domain(in, offer->host);
	if (offer->proto == MT_PROTO_UNKNOWN || offer->port == 0 ||
	    mt_ip_literal_parse(offer->host, ip) != 0)
		mt_unpack_fail(in);
}

static void
unpack_offers(struct mt_unpack *in, struct mt_document *document)
{
	document->n = mt_unpack_count(in, MT_OFFERS_MAX);
	for (size_t i = 0; i < document->n && !in->bad; i++)
		unpack_offer(in, &document->offers[i]);
	document->n_omitted = mt_unpack_u32(in);
	document->n_unusable = mt_unpack_u32(in);
}

int
mt_wire_encode_read(struct mt_wire_message *msg, uint64_t id, const struct mt_document_reply *reply)
{
	mt_pack_begin(msg, MT_WIRE_READ, id);
	mt_pack_u8(msg, (uint8_t)reply->state);
	mt_pack_chain(msg, reply->chain, reply->n_chain);
	mt_pack_bytes(msg, reply->staple.data, reply->staple.size, MT_STAPLE_MAX);
	if (reply->state == MT_DOCUMENT_REDIRECTED)
		mt_pack_order(msg, &reply->location);
	if (reply->state == MT_DOCUMENT_READ) {
		mt_pack_fixed(msg, reply->sha256, sizeof(reply->sha256));
		pack_offers(msg, &reply->document);
	}
	return mt_pack_end(msg);
}

int
mt_wire_decode_read(struct mt_bytes body, struct mt_document_reply *ret)
{
	struct mt_document_reply reply = {0};
	struct mt_unpack in;

	mt_unpack_begin(&in, body);
	reply.state = mt_unpack_enum(&in, MT_DOCUMENT_STATE_COUNT);
	reply.n_chain = mt_unpack_chain(&in, reply.chain);
	reply.staple = mt_unpack_bytes(&in, MT_STAPLE_MAX);
	if (reply.state == MT_DOCUMENT_REDIRECTED) {
		mt_unpack_order(&in, &reply.location);
		if (!in.bad && !mt_url_is_sane_https(&reply.location))
			mt_unpack_fail(&in);
	}
	if (reply.state == MT_DOCUMENT_READ) {
		mt_unpack_fixed(&in, reply.sha256, sizeof(reply.sha256));
		unpack_offers(&in, &reply.document);
	}
	if (mt_unpack_end(&in) != 0)
		return MT_WIRE_E_MALFORMED;

	*ret = reply;
	return 0;
}
