/* SPDX-License-Identifier: MIT */
/* The codec of the worker link: what is encoded is decoded, and nothing else is. */

#include "tests/cmocka-all.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/worker/wire-pack.h"
#include "daemon/worker/wire.h"

static struct mt_wire_message message;

static struct mt_bytes
body_of(enum mt_wire_type type, uint64_t id)
{
	struct mt_wire_header header;
	struct mt_bytes body;

	assert_int_equal(mt_wire_decode_header(message.data, message.size, &header, &body), 0);
	assert_int_equal(header.type, type);
	assert_int_equal(header.id, id);
	return body;
}

static const uint8_t der[] = {0x30, 0x03, 0x02, 0x01, 0x05};
static const uint8_t other[] = {0x30, 0x00};
static const uint8_t digest[32] = {0xd1, 0x9e, 0x57};

static struct mt_chain_request
full_request(void)
{
	struct mt_chain_request request = {
		.chain = {{der, sizeof(der)}, {other, sizeof(other)}},
		.n_chain = 2,
		.staple = {other, sizeof(other)},
		.refs.n = 2,
		.tlsa = {.status = MT_TLSA_SECURE, .n = 1, .expires_usec = 77},
		.at_usec = -5,
		.own_anchors = true,
		.anchors = {{der, sizeof(der)}},
		.n_anchors = 1,
		.allowed_anchors = {.is_set = true, .n = 1},
	};

	request.refs.ids[0] = (struct mt_refid){.type = MT_REFID_DNS, .value = "imap.example.test"};
	request.refs.ids[1] = (struct mt_refid){
		.type = MT_REFID_IP, .value = "192.0.2.7", .ip = {192, 0, 2, 7}, .ip_size = 4};
	request.tlsa.records[0] = (struct mt_tlsa_record){
		.usage = 3, .selector = 1, .matching = 1, .size = 32, .data = digest};
	memcpy(request.allowed_anchors.digest[0], digest, 32);
	return request;
}

static bool
bytes_equal(struct mt_bytes a, struct mt_bytes b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static void
a_chain_request_survives_the_link(void **state)
{
	const struct mt_chain_request in = full_request();
	struct mt_chain_request out;

	assert_int_equal(mt_wire_encode_chain(&message, 9, &in), 0);
	assert_int_equal(mt_wire_decode_chain(body_of(MT_WIRE_CHAIN, 9), &out), 0);
	assert_int_equal(out.n_chain, 2);
	assert_true(bytes_equal(out.chain[0], in.chain[0]));
	assert_true(bytes_equal(out.chain[1], in.chain[1]));
	assert_true(bytes_equal(out.staple, in.staple));
	assert_memory_equal(&out.refs, &in.refs, sizeof(in.refs));
	assert_int_equal(out.tlsa.status, MT_TLSA_SECURE);
	assert_int_equal(out.tlsa.expires_usec, 77);
	assert_int_equal(out.tlsa.n, 1);
	assert_int_equal(out.tlsa.records[0].usage, 3);
	assert_int_equal(out.tlsa.records[0].selector, 1);
	assert_int_equal(out.tlsa.records[0].matching, 1);
	assert_int_equal(out.tlsa.records[0].size, 32);
	assert_memory_equal(out.tlsa.records[0].data, digest, 32);
	assert_int_equal(out.at_usec, -5);
	assert_true(out.own_anchors);
	assert_int_equal(out.n_anchors, 1);
	assert_true(bytes_equal(out.anchors[0], in.anchors[0]));
	assert_memory_equal(&out.allowed_anchors, &in.allowed_anchors, sizeof(in.allowed_anchors));
}

static struct mt_validation
full_validation(void)
{
	struct mt_validation v = {
		.state = MT_VALIDATION_DONE,
		.pkix_valid = true,
		.faults = MT_BIT(MT_CERT_CN_ONLY),
		.anchor = MT_ANCHOR_SYSTEM,
		.dane_usable = 2,
		.dane_matched = true,
		.dane_usage = 3,
		.must_staple = true,
		.staple_valid = true,
		.revocation = MT_REVOCATION_GOOD,
		.not_after_usec = INT64_MAX,
	};

	memcpy(v.anchor_sha256, digest, 32);
	memcpy(v.leaf_sha256, digest, 32);
	v.matched = (struct mt_refid){.type = MT_REFID_SRV, .value = "_imaps.example.test"};
	v.dane_id = (struct mt_refid){.type = MT_REFID_DANE_EE, .value = "imap.example.test"};
	return v;
}

static void
a_validation_survives_the_link(void **state)
{
	const struct mt_validation in = full_validation();
	struct mt_validation out;

	assert_int_equal(mt_wire_encode_validation(&message, 1, &in), 0);
	assert_int_equal(mt_wire_decode_validation(body_of(MT_WIRE_VALIDATION, 1), &out), 0);
	assert_memory_equal(&out, &in, sizeof(in));
	/* it passes a pipe whole or not at all */
	assert_true(message.size <= 4096);
}

static void
a_ready_message_survives_the_link(void **state)
{
	struct mt_wire_ready in = {.anchors = MT_ANCHORS_LOADED, .n_anchors = 140};
	struct mt_wire_ready out;

	memcpy(in.generation, digest, 32);
	assert_int_equal(mt_wire_encode_ready(&message, &in), 0);
	assert_int_equal(mt_wire_decode_ready(body_of(MT_WIRE_READY, 0), &out), 0);
	assert_memory_equal(&out, &in, sizeof(in));
}

static void
a_host_survives_the_link(void **state)
{
	char host[MT_DOMAIN_SIZE];

	assert_int_equal(mt_wire_encode_resolve(&message, 5, "imap.example.test"), 0);
	assert_int_equal(mt_wire_decode_resolve(body_of(MT_WIRE_RESOLVE, 5), host), 0);
	assert_string_equal(host, "imap.example.test");
}

static void
addresses_survive_the_link(void **state)
{
	const struct mt_addresses in = {.state = MT_ADDRESSES_FOUND,
					.dnssec = MT_DNSSEC_INSECURE,
					.tree = MT_DNSSEC_SECURE,
					.ttl_sec = 300,
					.n = 2,
					.address = {"2001:db8::7", "192.0.2.7"}};
	struct mt_addresses out;

	assert_int_equal(mt_wire_encode_addresses(&message, 6, &in), 0);
	assert_int_equal(mt_wire_decode_addresses(body_of(MT_WIRE_ADDRESSES, 6), &out), 0);
	assert_memory_equal(&out, &in, sizeof(in));
}

static struct mt_probe_request
full_probe(void)
{
	return (struct mt_probe_request){.host = "imap.example.test",
					 .n_addresses = 1,
					 .address = {"192.0.2.7"},
					 .port = 993,
					 .proto = MT_PROTO_IMAP,
					 .transport = MT_TRANSPORT_IMPLICIT,
					 .deadline_msec = 10000};
}

static void
a_probe_request_survives_the_link(void **state)
{
	const struct mt_probe_request in = full_probe();
	struct mt_probe_request out;

	assert_int_equal(mt_wire_encode_probe(&message, 7, &in), 0);
	assert_int_equal(mt_wire_decode_probe(body_of(MT_WIRE_PROBE, 7), &out), 0);
	assert_memory_equal(&out, &in, sizeof(in));
}

/* Every key present, every field with a value of its own. */
static struct mt_probe_result
full_result(void)
{
	static uint8_t block[sizeof(der) + sizeof(other)];
	struct mt_probe_result r = {.state = MT_PROBE_DONE, .text = "as it should be"};
	struct mt_evidence *ev = &r.evidence;

	memcpy(block, der, sizeof(der));
	memcpy(block + sizeof(der), other, sizeof(other));
	*ev = (struct mt_evidence){.present = MT_BIT(MT_EV_COUNT) - 1,
				   .proto = MT_PROTO_SUBMISSION,
				   .transport = MT_TRANSPORT_STARTTLS,
				   .host = "mx.example.test",
				   .port = 587,
				   .tls_version = MT_TLS_VERSION_1_2,
				   .tls_cipher = "ECDHE-ECDSA-AES128-GCM-SHA256",
				   .tls_group = "x25519",
				   .tls_ems = true,
				   .tls_reneg_info = true,
				   .tls_alpn = "none",
				   .tls_sni = "mx.example.test",
				   .n_chain = 1,
				   .chain_bytes = block,
				   .chain_size = sizeof(block),
				   .staple_requested = true,
				   .starttls_offered = true,
				   .starttls_buffered_bytes = 70000,
				   .starttls_caps_refreshed = true,
				   .pretls_other_responses = 3,
				   .auth_mechanism = "SCRAM-SHA-256",
				   .auth_cb_type = "tls-exporter",
				   .auth_cb_value = {1, 2, 3},
				   .auth_cb_size = 3,
				   .referral_target = "other.example.test",
				   .peer = "192.0.2.7",
				   .local_port = 40000,
				   .established_at_usec = 17,
				   .observed_at_usec = 18};
	ev->chain[0] = (struct mt_bytes){block, sizeof(der)};
	ev->staple = (struct mt_bytes){block + sizeof(der), sizeof(other)};
	memcpy(ev->leaf_sha256, digest, 32);
	memcpy(ev->clientcert_presented, digest, 32);
	memcpy(ev->exporter, digest, 32);
	return r;
}

static void
evidence_survives_the_link_with_every_key(void **state)
{
	struct mt_probe_result in = full_result();
	struct mt_probe_result out;
	uint8_t *owned;

	assert_int_equal(mt_wire_encode_evidence(&message, 8, &in), 0);
	assert_int_equal(mt_wire_decode_evidence(body_of(MT_WIRE_EVIDENCE, 8), &out), 0);
	assert_true(bytes_equal(out.evidence.chain[0], in.evidence.chain[0]));
	assert_true(bytes_equal(out.evidence.staple, in.evidence.staple));
	assert_int_equal(out.evidence.chain_size, in.evidence.chain_size);
	owned = out.evidence.chain_bytes;

	/* everything else is equal byte for byte */
	out.evidence.chain[0] = in.evidence.chain[0];
	out.evidence.staple = in.evidence.staple;
	out.evidence.chain_bytes = in.evidence.chain_bytes;
	assert_memory_equal(&out, &in, sizeof(in));
	free(owned);
}

static void
only_the_keys_that_are_present_cross_the_link(void **state)
{
	struct mt_probe_result in = full_result();
	struct mt_probe_result out;

	in.evidence.present = MT_BIT(MT_EV_PORT) | MT_BIT(MT_EV_PEER);
	assert_int_equal(mt_wire_encode_evidence(&message, 8, &in), 0);
	assert_int_equal(mt_wire_decode_evidence(body_of(MT_WIRE_EVIDENCE, 8), &out), 0);
	assert_int_equal(out.evidence.present, in.evidence.present);
	assert_int_equal(out.evidence.port, 587);
	assert_string_equal(out.evidence.peer, "192.0.2.7");
	assert_int_equal(out.evidence.proto, MT_PROTO_UNKNOWN);
	assert_null(out.evidence.chain_bytes);
	mt_probe_result_clear(&out);
}

/* What goes ahead of a message in parts. */
static const uint8_t in_parts[] = {1, 2, 3, 4, 5, 6, 7};
static const struct mt_bytes parts = {in_parts, sizeof(in_parts)};

/* Decodes whatever the message says it is. Return: 0 when it was taken. */
static int
decode_any(const uint8_t *data, size_t size)
{
	static struct mt_chain_request request;
	static struct mt_validation validation;
	static struct mt_addresses addresses;
	static struct mt_probe_request probe;
	static struct mt_srv_rrset srv;
	static struct mt_tlsa_rrset tlsa;
	static struct mt_fetch_orders orders;
	static struct mt_fetch_request fetch;
	static struct mt_digest_rrset digests;
	static struct mt_document_request document;
	static struct mt_document_reply reply;
	struct mt_fetched fetched;
	struct mt_wire_header header;
	struct mt_wire_ready ready;
	struct mt_probe_result result = {0};
	char host[MT_DOMAIN_SIZE];
	struct mt_bytes body;
	uint16_t port;
	int r;

	if (mt_wire_decode_header(data, size, &header, &body) != 0)
		return 1;
	switch (header.type) {
	case MT_WIRE_NONE:
		return 1;
	case MT_WIRE_READY:
		return mt_wire_decode_ready(body, &ready);
	case MT_WIRE_CHAIN:
		return mt_wire_decode_chain(body, &request);
	case MT_WIRE_VALIDATION:
		return mt_wire_decode_validation(body, &validation);
	case MT_WIRE_RESOLVE:
		return mt_wire_decode_resolve(body, host);
	case MT_WIRE_ADDRESSES:
		return mt_wire_decode_addresses(body, &addresses);
	case MT_WIRE_PROBE:
		return mt_wire_decode_probe(body, &probe);
	case MT_WIRE_EVIDENCE:
		r = mt_wire_decode_evidence(body, &result);
		mt_probe_result_clear(&result);
		return r;
	case MT_WIRE_SRV:
		return mt_wire_decode_srv(body, host);
	case MT_WIRE_SRV_RRSET:
		return mt_wire_decode_srv_rrset(body, &srv);
	case MT_WIRE_TLSA:
		return mt_wire_decode_tlsa(body, host, &port);
	case MT_WIRE_TLSA_RRSET:
		return mt_wire_decode_tlsa_rrset(body, &tlsa);
	case MT_WIRE_CANCEL:
		return mt_wire_decode_cancel(body);
	case MT_WIRE_PART:
		return 1; /* has no form */
	case MT_WIRE_REVOCATION:
		return mt_wire_decode_revocation(body, parts, &request);
	case MT_WIRE_REPORT:
		return mt_wire_decode_report(body, &validation, &orders);
	case MT_WIRE_FETCH:
		return mt_wire_decode_fetch(body, &fetch);
	case MT_WIRE_FETCHED:
		return mt_wire_decode_fetched(body, parts, &fetched);
	case MT_WIRE_DIGEST:
		return mt_wire_decode_digest(body, host);
	case MT_WIRE_DIGESTS:
		return mt_wire_decode_digests(body, &digests);
	case MT_WIRE_DOCUMENT:
		return mt_wire_decode_document(body, &document);
	case MT_WIRE_READ:
		return mt_wire_decode_read(body, &reply);
	}
	return 1;
}

static const enum mt_wire_type all_types[] = {
	MT_WIRE_READY,      MT_WIRE_CHAIN,   MT_WIRE_VALIDATION, MT_WIRE_RESOLVE,
	MT_WIRE_ADDRESSES,  MT_WIRE_PROBE,   MT_WIRE_EVIDENCE,   MT_WIRE_SRV,
	MT_WIRE_SRV_RRSET,  MT_WIRE_TLSA,    MT_WIRE_TLSA_RRSET, MT_WIRE_CANCEL,
	MT_WIRE_REVOCATION, MT_WIRE_REPORT,  MT_WIRE_FETCH,      MT_WIRE_FETCHED,
	MT_WIRE_DIGEST,     MT_WIRE_DIGESTS, MT_WIRE_DOCUMENT,   MT_WIRE_READ};

static struct mt_srv_rrset
full_srv(void)
{
	struct mt_srv_rrset rrset = {.rrset = {.state = MT_RRSET_FOUND,
					       .dnssec = MT_DNSSEC_SECURE,
					       .ttl_sec = 300,
					       .signed_until_usec = INT64_C(1800000000000000),
					       .canonical = "alias.example.test"},
				     .n_omitted = 968,
				     .n_unusable = 2};

	mt_srv_rrset_add(&rrset, &(struct mt_srv_record){20, 1, 143, "."});
	mt_srv_rrset_add(&rrset, &(struct mt_srv_record){10, 0, 993, "imap.example.test"});
	return rrset;
}

static struct mt_tlsa_rrset
full_tlsa(void)
{
	return (struct mt_tlsa_rrset){
		.rrset = {.state = MT_RRSET_FOUND, .dnssec = MT_DNSSEC_SECURE, .ttl_sec = 60},
		.address = MT_DNSSEC_SECURE,
		.records = {{3, 1, 1, sizeof(digest), digest}, {2, 0, 1, 3, der}},
		.n = 2};
}

/* Two slices that are the parts. */
static struct mt_chain_request
full_revocation(void)
{
	struct mt_chain_request request = full_request();

	request.wants_revocation = true;
	request.fetched[0] = (struct mt_bytes){in_parts, 5};
	request.fetched[1] = (struct mt_bytes){in_parts + 5, 2};
	request.n_fetched = 2;
	return request;
}

static struct mt_fetch_orders
full_orders(void)
{
	return (struct mt_fetch_orders){
		.order = {{"ocsp.example.test", 80, "/x/y?z"}, {"2001:db8::1", 8080, "/"}}, .n = 2};
}

static struct mt_digest_rrset
full_digests(void)
{
	struct mt_digest_rrset rrset = {
		.rrset = {.state = MT_RRSET_FOUND, .dnssec = MT_DNSSEC_SECURE, .ttl_sec = 60},
		.n = 2,
		.n_unusable = 3};

	memcpy(rrset.digests[1], digest, sizeof(digest));
	return rrset;
}

static struct mt_document_request
full_document(void)
{
	return (struct mt_document_request){
		.kind = MT_DOCUMENT_AUTOCONFIG,
		.is_secure = true,
		.order = {"autoconfig.example.test", 443, "/mail/config-v1.1.xml"},
		.domain = "example.test",
		.deadline_msec = 4000,
		.may_be_local = true,
	};
}

static struct mt_document_reply
full_read(void)
{
	struct mt_document_reply reply = {
		.state = MT_DOCUMENT_READ,
		.chain = {{der, sizeof(der)}, {other, sizeof(other)}},
		.n_chain = 2,
		.staple = {other, sizeof(other)},
		.document = {.offers = {{.proto = MT_PROTO_IMAP,
					 .transport = MT_TRANSPORT_IMPLICIT,
					 .host = "imap.example.test",
					 .port = 993},
					{.proto = MT_PROTO_SUBMISSION,
					 .transport = MT_TRANSPORT_NONE,
					 .host = "out.example.test",
					 .port = 25}},
			     .n = 2,
			     .n_omitted = 984,
			     .n_unusable = 7},
	};

	memcpy(reply.sha256, digest, sizeof(digest));
	return reply;
}

static void
encode_full(enum mt_wire_type type)
{
	const struct mt_chain_request revocation = full_revocation();
	const struct mt_fetch_orders orders = full_orders();
	const struct mt_fetch_request fetch = {orders.order[0], 4000, true};
	const struct mt_fetched fetched = {MT_FETCH_DONE, parts};
	const struct mt_chain_request request = full_request();
	const struct mt_validation validation = full_validation();
	const struct mt_probe_request probe = full_probe();
	const struct mt_probe_result result = full_result();
	const struct mt_wire_ready ready = {.anchors = MT_ANCHORS_LOADED};
	const struct mt_addresses addresses = {
		.state = MT_ADDRESSES_FOUND, .n = 1, .address = {"192.0.2.7"}};
	const struct mt_srv_rrset srv = full_srv();
	const struct mt_tlsa_rrset tlsa = full_tlsa();
	const struct mt_digest_rrset digests = full_digests();
	const struct mt_document_request document = full_document();
	const struct mt_document_reply reply = full_read();
	int r = -1;

	switch (type) {
	case MT_WIRE_NONE:
		break;
	case MT_WIRE_READY:
		r = mt_wire_encode_ready(&message, &ready);
		break;
	case MT_WIRE_CHAIN:
		r = mt_wire_encode_chain(&message, 1, &request);
		break;
	case MT_WIRE_VALIDATION:
		r = mt_wire_encode_validation(&message, 1, &validation);
		break;
	case MT_WIRE_RESOLVE:
		r = mt_wire_encode_resolve(&message, 1, "imap.example.test");
		break;
	case MT_WIRE_ADDRESSES:
		r = mt_wire_encode_addresses(&message, 1, &addresses);
		break;
	case MT_WIRE_PROBE:
		r = mt_wire_encode_probe(&message, 1, &probe);
		break;
	case MT_WIRE_EVIDENCE:
		r = mt_wire_encode_evidence(&message, 1, &result);
		break;
	case MT_WIRE_SRV:
		r = mt_wire_encode_srv(&message, 1, "_imaps._tcp.example.test");
		break;
	case MT_WIRE_SRV_RRSET:
		r = mt_wire_encode_srv_rrset(&message, 1, &srv);
		break;
	case MT_WIRE_TLSA:
		r = mt_wire_encode_tlsa(&message, 1, "imap.example.test", 993);
		break;
	case MT_WIRE_TLSA_RRSET:
		r = mt_wire_encode_tlsa_rrset(&message, 1, &tlsa);
		break;
	case MT_WIRE_CANCEL:
		r = mt_wire_encode_cancel(&message, 1);
		break;
	case MT_WIRE_PART:
		r = mt_wire_encode_part(&message, 1, parts);
		break;
	case MT_WIRE_REVOCATION:
		r = mt_wire_encode_revocation(&message, 1, &revocation);
		break;
	case MT_WIRE_REPORT:
		r = mt_wire_encode_report(&message, 1, &validation, &orders);
		break;
	case MT_WIRE_FETCH:
		r = mt_wire_encode_fetch(&message, 1, &fetch);
		break;
	case MT_WIRE_FETCHED:
		r = mt_wire_encode_fetched(&message, 1, &fetched);
		break;
	case MT_WIRE_DIGEST:
		r = mt_wire_encode_digest(&message, 1, "_ua-auto-config.example.test");
		break;
	case MT_WIRE_DIGESTS:
		r = mt_wire_encode_digests(&message, 1, &digests);
		break;
	case MT_WIRE_DOCUMENT:
		r = mt_wire_encode_document(&message, 1, &document);
		break;
	case MT_WIRE_READ:
		r = mt_wire_encode_read(&message, 1, &reply);
		break;
	}
	assert_int_equal(r, 0);
}

static void
digests_and_documents_survive_the_link(void **state)
{
	const struct mt_digest_rrset digests = full_digests();
	const struct mt_document_request request = full_document();
	const struct mt_document_reply reply = full_read();
	struct mt_digest_rrset digests_out;
	struct mt_document_request request_out;
	struct mt_document_reply reply_out;
	char name[MT_DOMAIN_SIZE];

	assert_int_equal(mt_wire_encode_digest(&message, 4, "_ua-auto-config.example.test"), 0);
	assert_int_equal(mt_wire_decode_digest(body_of(MT_WIRE_DIGEST, 4), name), 0);
	assert_string_equal(name, "_ua-auto-config.example.test");
	assert_int_equal(mt_wire_encode_digests(&message, 5, &digests), 0);
	assert_int_equal(mt_wire_decode_digests(body_of(MT_WIRE_DIGESTS, 5), &digests_out), 0);
	assert_memory_equal(&digests_out, &digests, sizeof(digests));
	assert_int_equal(mt_wire_encode_document(&message, 6, &request), 0);
	assert_int_equal(mt_wire_decode_document(body_of(MT_WIRE_DOCUMENT, 6), &request_out), 0);
	assert_memory_equal(&request_out, &request, sizeof(request));
	assert_int_equal(mt_wire_encode_read(&message, 7, &reply), 0);
	assert_int_equal(mt_wire_decode_read(body_of(MT_WIRE_READ, 7), &reply_out), 0);
	assert_true(bytes_equal(reply_out.chain[1], reply.chain[1]));
	assert_true(bytes_equal(reply_out.staple, reply.staple));
	assert_memory_equal(&reply_out.document, &reply.document, sizeof(reply.document));
	assert_memory_equal(reply_out.sha256, digest, sizeof(digest));
}

static void
a_redirect_says_where_to_and_nothing_else(void **state)
{
	struct mt_document_reply reply = full_read(), out;

	reply.state = MT_DOCUMENT_REDIRECTED;
	reply.location = full_document().order;
	assert_int_equal(mt_wire_encode_read(&message, 7, &reply), 0);
	assert_int_equal(mt_wire_decode_read(body_of(MT_WIRE_READ, 7), &out), 0);
	assert_memory_equal(&out.location, &reply.location, sizeof(out.location));
	assert_int_equal(out.document.n, 0);
	reply.location.port = 80; /* never to http */
	assert_int_equal(mt_wire_encode_read(&message, 7, &reply), 0);
	assert_int_equal(mt_wire_decode_read(body_of(MT_WIRE_READ, 7), &out), MT_WIRE_E_MALFORMED);
}

/* What a document could not say a worker does not either. */
static void
offers_that_no_document_has_are_malformed(void **state)
{
	static const struct mt_offer bad[] = {
		{.proto = MT_PROTO_IMAP, .host = "192.0.2.7", .port = 993},
		{.proto = MT_PROTO_IMAP, .host = "Imap.Example.Test", .port = 993},
		{.proto = MT_PROTO_IMAP, .host = "a b", .port = 993},
		{.proto = MT_PROTO_IMAP, .host = "", .port = 993},
		{.proto = MT_PROTO_IMAP, .host = "imap.example.test", .port = 0},
		{.proto = MT_PROTO_UNKNOWN, .host = "imap.example.test", .port = 993},
	};
	struct mt_document_reply out;

	for (size_t i = 0; i < MT_ARRAY_SIZE(bad); i++) {
		struct mt_document_reply reply = full_read();

		reply.document.offers[0] = bad[i];
		assert_int_equal(mt_wire_encode_read(&message, 7, &reply), 0);
		assert_int_equal(mt_wire_decode_read(body_of(MT_WIRE_READ, 7), &out),
				 MT_WIRE_E_MALFORMED);
	}
}

static void
a_document_is_asked_for_on_the_schemes_own_port(void **state)
{
	static const struct {
		bool is_secure;
		uint16_t port;
		int r;
	} rows[] = {{true, 443, 0},
		    {true, 80, MT_WIRE_E_MALFORMED},
		    {true, 8443, MT_WIRE_E_MALFORMED},
		    {false, 80, 0},
		    {false, 443, MT_WIRE_E_MALFORMED},
		    {false, 8080, MT_WIRE_E_MALFORMED}};
	struct mt_document_request out;

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		struct mt_document_request request = full_document();

		request.is_secure = rows[i].is_secure;
		request.order.port = rows[i].port;
		assert_int_equal(mt_wire_encode_document(&message, 6, &request), 0);
		assert_int_equal(mt_wire_decode_document(body_of(MT_WIRE_DOCUMENT, 6), &out),
				 rows[i].r);
	}
}

/* The body size in the header, made to agree with what is there. */
static void
set_body_size(uint8_t *data, size_t size)
{
	const size_t body = size - MT_WIRE_HEADER_SIZE;

	for (size_t i = 0; i < 4; i++)
		data[4 + i] = (uint8_t)(body >> (8 * i));
}

static void
a_truncated_message_is_refused_at_every_length(void **state)
{
	for (size_t t = 0; t < MT_ARRAY_SIZE(all_types); t++) {
		encode_full(all_types[t]);
		assert_int_equal(decode_any(message.data, message.size), 0);
		for (size_t size = 0; size < message.size; size++) {
			/* an exact copy, so that a sanitizer sees one byte too many read */
			uint8_t *copy = malloc(size ? size : 1);

			assert_non_null(copy);
			memcpy(copy, message.data, size);
			assert_int_not_equal(decode_any(copy, size), 0);
			if (size >= MT_WIRE_HEADER_SIZE) {
				set_body_size(copy, size);
				assert_int_not_equal(decode_any(copy, size), 0);
			}
			free(copy);
		}
	}
}

static void
trailing_bytes_are_refused(void **state)
{
	for (size_t t = 0; t < MT_ARRAY_SIZE(all_types); t++) {
		encode_full(all_types[t]);
		message.data[message.size++] = 0;
		assert_int_not_equal(decode_any(message.data, message.size), 0);
		set_body_size(message.data, message.size);
		assert_int_not_equal(decode_any(message.data, message.size), 0);
	}
}

static void
an_srv_rrset_survives_the_link(void **state)
{
	const struct mt_srv_rrset in = full_srv();
	struct mt_srv_rrset out;

	memset(&out, 0, sizeof(out));
	encode_full(MT_WIRE_SRV_RRSET);
	assert_int_equal(mt_wire_decode_srv_rrset(body_of(MT_WIRE_SRV_RRSET, 1), &out), 0);
	assert_int_equal(out.n, 2);
	assert_string_equal(out.records[0].target, "imap.example.test");
	assert_string_equal(out.records[1].target, ".");
	assert_int_equal(out.records[1].port, 143);
	assert_memory_equal(&out.rrset, &in.rrset, sizeof(in.rrset));
	assert_int_equal(out.n_omitted, 968);
	assert_int_equal(out.n_unusable, 2);
}

static void
a_tlsa_rrset_survives_the_link(void **state)
{
	const struct mt_tlsa_rrset in = full_tlsa();
	struct mt_tlsa_rrset out;

	encode_full(MT_WIRE_TLSA_RRSET);
	assert_int_equal(mt_wire_decode_tlsa_rrset(body_of(MT_WIRE_TLSA_RRSET, 1), &out), 0);
	assert_int_equal(out.n, 2);
	assert_int_equal(out.records[0].usage, 3);
	assert_int_equal(out.records[0].size, sizeof(digest));
	assert_memory_equal(out.records[0].data, digest, sizeof(digest));
	assert_int_equal(out.address, MT_DNSSEC_SECURE);
	assert_memory_equal(&out.rrset, &in.rrset, sizeof(in.rrset));
}

/* What a taken-over worker could try: unsorted records, a target that is no name, found without
 * records, a TTL of centuries. */
static void
an_rrset_that_contradicts_itself_is_refused(void **state)
{
	struct mt_srv_rrset srv = full_srv(), out;
	struct mt_tlsa_rrset tlsa = full_tlsa(), tlsa_out;

	srv.records[0].priority = 30;
	assert_int_equal(mt_wire_encode_srv_rrset(&message, 1, &srv), 0);
	assert_int_not_equal(mt_wire_decode_srv_rrset(body_of(MT_WIRE_SRV_RRSET, 1), &out), 0);

	srv = full_srv();
	strcpy(srv.records[0].target, "Imap.example.test");
	assert_int_equal(mt_wire_encode_srv_rrset(&message, 1, &srv), 0);
	assert_int_not_equal(mt_wire_decode_srv_rrset(body_of(MT_WIRE_SRV_RRSET, 1), &out), 0);

	srv = full_srv();
	srv.rrset.state = MT_RRSET_ABSENT;
	assert_int_equal(mt_wire_encode_srv_rrset(&message, 1, &srv), 0);
	assert_int_not_equal(mt_wire_decode_srv_rrset(body_of(MT_WIRE_SRV_RRSET, 1), &out), 0);

	tlsa.n = 0;
	assert_int_equal(mt_wire_encode_tlsa_rrset(&message, 1, &tlsa), 0);
	assert_int_not_equal(mt_wire_decode_tlsa_rrset(body_of(MT_WIRE_TLSA_RRSET, 1), &tlsa_out),
			     0);

	tlsa = full_tlsa();
	tlsa.rrset.ttl_sec = MT_DNS_TTL_MAX_SEC + 1;
	assert_int_equal(mt_wire_encode_tlsa_rrset(&message, 1, &tlsa), 0);
	assert_int_not_equal(mt_wire_decode_tlsa_rrset(body_of(MT_WIRE_TLSA_RRSET, 1), &tlsa_out),
			     0);
}

/* Any single byte changed to any value decodes within bounds or not at all; the sanitizers and the
 * bounds below are the judges. */
static void
a_mutated_message_never_exceeds_a_bound(void **state)
{
	static struct mt_wire_message saved;
	size_t n_refused = 0;

	for (size_t t = 0; t < MT_ARRAY_SIZE(all_types); t++) {
		encode_full(all_types[t]);
		memcpy(&saved, &message, sizeof(saved));
		for (size_t at = 0; at < saved.size; at++)
			for (unsigned value = 0; value < 256; value += 5) {
				message.data[at] = (uint8_t)value;
				n_refused += decode_any(message.data, saved.size) != 0;
				message.data[at] = saved.data[at];
			}
	}
	assert_true(n_refused > 0);
}

static void
a_foreign_header_is_refused(void **state)
{
	static const struct {
		const char *name;
		size_t at;
		uint8_t value;
	} rows[] = {
		{"another version", 0, MT_WIRE_VERSION + 1},
		{"no type", 1, 0},
		{"unknown type", 1, MT_WIRE_TYPE_COUNT},
		{"reserved byte", 2, 1},
		{"another size", 4, 0xff},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		encode_full(MT_WIRE_READY);
		message.data[rows[i].at] = rows[i].value;
		if (decode_any(message.data, message.size) == 0)
			fail_msg("%s was taken", rows[i].name);
	}
}

static void
more_than_the_chain_bound_is_neither_sent_nor_taken(void **state)
{
	static uint8_t big[MT_CHAIN_BYTES_MAX];
	struct mt_chain_request request = full_request();
	struct mt_chain_request out;

	request.chain[0] = (struct mt_bytes){big, sizeof(big)};
	request.n_chain = 1;
	assert_int_equal(mt_wire_encode_chain(&message, 1, &request), 0);
	request.n_chain = 2; /* two bytes more (D-PKIX-09) */
	assert_int_equal(mt_wire_encode_chain(&message, 1, &request), MT_WIRE_E_TOO_LARGE);
	request = full_request();
	request.n_chain = MT_CHAIN_MAX + 1;
	assert_int_equal(mt_wire_encode_chain(&message, 1, &request), MT_WIRE_E_TOO_LARGE);

	/* the same, from a sender that does not care */
	mt_pack_begin(&message, MT_WIRE_CHAIN, 1);
	mt_pack_u8(&message, 2);
	mt_pack_bytes(&message, big, sizeof(big), sizeof(big));
	mt_pack_bytes(&message, other, sizeof(other), sizeof(other));
	assert_int_equal(mt_pack_end(&message), 0);
	assert_int_equal(mt_wire_decode_chain(body_of(MT_WIRE_CHAIN, 1), &out),
			 MT_WIRE_E_MALFORMED);
}

static void
a_name_in_place_of_an_address_is_refused(void **state)
{
	struct mt_probe_request probe = full_probe();
	struct mt_addresses addresses = {
		.state = MT_ADDRESSES_FOUND, .n = 1, .address = {"evil.example.test"}};
	struct mt_addresses out;
	struct mt_probe_request probe_out;

	assert_int_equal(mt_wire_encode_addresses(&message, 1, &addresses), 0);
	assert_int_equal(mt_wire_decode_addresses(body_of(MT_WIRE_ADDRESSES, 1), &out),
			 MT_WIRE_E_MALFORMED);
	strcpy(probe.address[0], "evil.example.test");
	assert_int_equal(mt_wire_encode_probe(&message, 1, &probe), 0);
	assert_int_equal(mt_wire_decode_probe(body_of(MT_WIRE_PROBE, 1), &probe_out),
			 MT_WIRE_E_MALFORMED);
}

static void
found_without_addresses_is_refused(void **state)
{
	const struct mt_addresses lie = {.state = MT_ADDRESSES_FOUND};
	struct mt_addresses out;

	assert_int_equal(mt_wire_encode_addresses(&message, 1, &lie), 0);
	assert_int_equal(mt_wire_decode_addresses(body_of(MT_WIRE_ADDRESSES, 1), &out),
			 MT_WIRE_E_MALFORMED);
}

static void
text_of_a_worker_is_printable_or_refused(void **state)
{
	static const char *const hostile[] = {"\x1b[2J", "two\nlines", "\xc3\xa9", "\x7f"};

	for (size_t i = 0; i < MT_ARRAY_SIZE(hostile); i++) {
		struct mt_probe_result result = {.state = MT_PROBE_PROTOCOL};
		struct mt_probe_result out;

		strcpy(result.text, hostile[i]);
		assert_int_equal(mt_wire_encode_evidence(&message, 1, &result), 0);
		assert_int_equal(mt_wire_decode_evidence(body_of(MT_WIRE_EVIDENCE, 1), &out),
				 MT_WIRE_E_MALFORMED);
	}
}

static void
an_evidence_key_twice_or_out_of_order_is_refused(void **state)
{
	static const uint8_t keys[][2] = {{MT_EV_PORT, MT_EV_PORT}, {MT_EV_LOCAL_PORT, MT_EV_PORT}};

	for (size_t i = 0; i < MT_ARRAY_SIZE(keys); i++) {
		struct mt_probe_result out;

		mt_pack_begin(&message, MT_WIRE_EVIDENCE, 1);
		mt_pack_u8(&message, MT_PROBE_DONE);
		mt_pack_text(&message, "", 1);
		mt_pack_bool(&message, false);
		mt_pack_u8(&message, 2);
		for (size_t k = 0; k < 2; k++) {
			mt_pack_u8(&message, keys[i][k]);
			mt_pack_u16(&message, 993);
		}
		assert_int_equal(mt_pack_end(&message), 0);
		assert_int_equal(mt_wire_decode_evidence(body_of(MT_WIRE_EVIDENCE, 1), &out),
				 MT_WIRE_E_MALFORMED);
	}
}

static void
a_reference_identifier_has_octets_exactly_when_it_is_an_address(void **state)
{
	struct mt_chain_request request = full_request();
	struct mt_chain_request out;

	request.refs.ids[0].ip_size = 4; /* of type DNS */
	assert_int_equal(mt_wire_encode_chain(&message, 1, &request), 0);
	assert_int_equal(mt_wire_decode_chain(body_of(MT_WIRE_CHAIN, 1), &out),
			 MT_WIRE_E_MALFORMED);
	request = full_request();
	request.refs.ids[1].ip_size = 5;
	assert_int_equal(mt_wire_encode_chain(&message, 1, &request), 0);
	assert_int_equal(mt_wire_decode_chain(body_of(MT_WIRE_CHAIN, 1), &out),
			 MT_WIRE_E_MALFORMED);
}

static void
a_stamp_replaces_the_id_and_nothing_else(void **state)
{
	const struct mt_validation in = full_validation();
	struct mt_validation out;

	assert_int_equal(mt_wire_encode_validation(&message, 1, &in), 0);
	mt_wire_stamp(message.data, UINT64_C(0xfedcba9876543210));
	assert_int_equal(mt_wire_decode_validation(
				 body_of(MT_WIRE_VALIDATION, UINT64_C(0xfedcba9876543210)), &out),
			 0);
	assert_memory_equal(&out, &in, sizeof(in));
}

/* -- fetching ---------------------------------------------------------------------------------- */

static void
what_was_fetched_survives_the_link(void **state)
{
	const struct mt_chain_request in = full_revocation();
	const struct mt_fetched fetched = {MT_FETCH_DONE, parts};
	struct mt_chain_request out;
	struct mt_fetched got;

	encode_full(MT_WIRE_REVOCATION);
	assert_int_equal(mt_wire_decode_revocation(body_of(MT_WIRE_REVOCATION, 1), parts, &out), 0);
	assert_true(out.wants_revocation);
	assert_int_equal(out.n_fetched, 2);
	assert_true(bytes_equal(out.fetched[0], in.fetched[0]));
	assert_true(bytes_equal(out.fetched[1], in.fetched[1]));
	assert_true(bytes_equal(out.chain[1], in.chain[1]));
	encode_full(MT_WIRE_FETCHED);
	assert_int_equal(mt_wire_decode_fetched(body_of(MT_WIRE_FETCHED, 1), parts, &got), 0);
	assert_int_equal(got.state, MT_FETCH_DONE);
	assert_true(bytes_equal(got.bytes, fetched.bytes));
}

static void
parts_that_do_not_add_up_are_refused(void **state)
{
	struct mt_chain_request request;
	struct mt_fetched fetched;

	for (size_t size = 0; size < sizeof(in_parts); size++) {
		const struct mt_bytes fewer = {in_parts, size};

		encode_full(MT_WIRE_REVOCATION);
		assert_int_not_equal(
			mt_wire_decode_revocation(body_of(MT_WIRE_REVOCATION, 1), fewer, &request),
			0);
		encode_full(MT_WIRE_FETCHED);
		assert_int_not_equal(
			mt_wire_decode_fetched(body_of(MT_WIRE_FETCHED, 1), fewer, &fetched), 0);
	}
	/* and bytes nobody speaks of */
	fetched = (struct mt_fetched){.state = MT_FETCH_TIMEOUT};
	assert_int_equal(mt_wire_encode_fetched(&message, 1, &fetched), 0);
	assert_int_not_equal(mt_wire_decode_fetched(body_of(MT_WIRE_FETCHED, 1), parts, &fetched),
			     0);
}

static void
orders_survive_the_link_and_fit_an_answer(void **state)
{
	const struct mt_validation validation = full_validation();
	struct mt_fetch_orders in = full_orders(), out;
	struct mt_validation found;

	encode_full(MT_WIRE_REPORT);
	assert_int_equal(mt_wire_decode_report(body_of(MT_WIRE_REPORT, 1), &found, &out), 0);
	assert_memory_equal(&found, &validation, sizeof(found));
	assert_memory_equal(&out, &in, sizeof(in));

	/* the longest pass a child's socket whole */
	for (in.n = 0; in.n < MT_FETCH_ORDERS_MAX; in.n++) {
		struct mt_fetch_order *order = &in.order[in.n];

		memset(order, 0, sizeof(*order));
		for (size_t i = 0; i < MT_DOMAIN_MAX; i++)
			order->host[i] = i % 64 == 63 ? '.' : 'a';
		memset(order->path, '/', sizeof(order->path) - 1);
		order->port = 80;
	}
	assert_int_equal(mt_wire_encode_report(&message, 1, &validation, &in), 0);
	assert_int_equal(mt_wire_decode_report(body_of(MT_WIRE_REPORT, 1), &found, &out), 0);
	assert_true(message.size <= 8192);
	in.n++;
	assert_int_equal(mt_wire_encode_report(&message, 1, &validation, &in), MT_WIRE_E_TOO_LARGE);
}

static void
an_order_that_is_no_url_is_refused(void **state)
{
	static const struct mt_fetch_order rows[] = {
		{"", 80, "/"},        {"a..test", 80, "/"},     {"A.test", 80, "/"},
		{"a.test", 0, "/"},   {"a.test", 25, "/"},      {"a.test", 80, ""},
		{"a.test", 80, "x"},  {"a.test", 80, "/ HTTP"}, {"a.test", 80, "/#"},
		{"a.test/", 80, "/"}, {"[::1]", 80, "/"},       {"a b", 80, "/"},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		struct mt_fetch_request request = {rows[i], 1, false}, out;

		assert_int_equal(mt_wire_encode_fetch(&message, 1, &request), 0);
		if (mt_wire_decode_fetch(body_of(MT_WIRE_FETCH, 1), &out) == 0)
			fail_msg("row %zu was taken", i);
	}
}

static void
more_than_the_bounds_of_fetching_is_neither_sent_nor_kept(void **state)
{
	static uint8_t big[MT_FETCH_BYTES_MAX + 1];
	struct mt_chain_request request = full_request();
	struct mt_fetched fetched = {MT_FETCH_DONE, {big, sizeof(big)}};
	struct mt_wire_parts kept = {0};

	assert_int_equal(mt_wire_encode_fetched(&message, 1, &fetched), MT_WIRE_E_TOO_LARGE);
	fetched.bytes.size = 0;
	assert_int_equal(mt_wire_encode_fetched(&message, 1, &fetched), MT_WIRE_E_TOO_LARGE);
	for (request.n_fetched = 1; request.n_fetched <= 3; request.n_fetched++) {
		request.fetched[request.n_fetched - 1] = (struct mt_bytes){big, MT_FETCH_BYTES_MAX};
		assert_int_equal(mt_wire_encode_revocation(&message, 1, &request),
				 request.n_fetched <= 2 ? 0 : MT_WIRE_E_TOO_LARGE);
	}
	assert_int_equal(
		mt_wire_encode_part(&message, 1, (struct mt_bytes){big, MT_WIRE_PART_MAX + 1}),
		MT_WIRE_E_TOO_LARGE);
	assert_int_equal(mt_wire_encode_part(&message, 1, (struct mt_bytes){big, 0}),
			 MT_WIRE_E_TOO_LARGE);

	assert_int_equal(mt_wire_parts_add(&kept, parts, 10), 0);
	assert_int_equal(mt_wire_parts_add(&kept, parts, 10), MT_WIRE_E_TOO_LARGE);
	assert_int_equal(mt_wire_parts_add(&kept, (struct mt_bytes){in_parts, 3}, 10), 0);
	assert_int_equal(kept.size, 10);
	assert_int_equal(mt_wire_parts_add(&kept, (struct mt_bytes){in_parts, 1}, 10),
			 MT_WIRE_E_TOO_LARGE);
	free(kept.data);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_and_documents_survive_the_link),
		cmocka_unit_test(a_redirect_says_where_to_and_nothing_else),
		cmocka_unit_test(offers_that_no_document_has_are_malformed),
		cmocka_unit_test(a_document_is_asked_for_on_the_schemes_own_port),
		cmocka_unit_test(a_chain_request_survives_the_link),
		cmocka_unit_test(a_validation_survives_the_link),
		cmocka_unit_test(a_ready_message_survives_the_link),
		cmocka_unit_test(a_host_survives_the_link),
		cmocka_unit_test(addresses_survive_the_link),
		cmocka_unit_test(a_probe_request_survives_the_link),
		cmocka_unit_test(evidence_survives_the_link_with_every_key),
		cmocka_unit_test(only_the_keys_that_are_present_cross_the_link),
		cmocka_unit_test(a_truncated_message_is_refused_at_every_length),
		cmocka_unit_test(trailing_bytes_are_refused),
		cmocka_unit_test(an_srv_rrset_survives_the_link),
		cmocka_unit_test(a_tlsa_rrset_survives_the_link),
		cmocka_unit_test(an_rrset_that_contradicts_itself_is_refused),
		cmocka_unit_test(a_mutated_message_never_exceeds_a_bound),
		cmocka_unit_test(a_foreign_header_is_refused),
		cmocka_unit_test(more_than_the_chain_bound_is_neither_sent_nor_taken),
		cmocka_unit_test(a_name_in_place_of_an_address_is_refused),
		cmocka_unit_test(found_without_addresses_is_refused),
		cmocka_unit_test(text_of_a_worker_is_printable_or_refused),
		cmocka_unit_test(an_evidence_key_twice_or_out_of_order_is_refused),
		cmocka_unit_test(a_reference_identifier_has_octets_exactly_when_it_is_an_address),
		cmocka_unit_test(a_stamp_replaces_the_id_and_nothing_else),
		cmocka_unit_test(what_was_fetched_survives_the_link),
		cmocka_unit_test(parts_that_do_not_add_up_are_refused),
		cmocka_unit_test(orders_survive_the_link_and_fit_an_answer),
		cmocka_unit_test(an_order_that_is_no_url_is_refused),
		cmocka_unit_test(more_than_the_bounds_of_fetching_is_neither_sent_nor_kept),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
