/* SPDX-License-Identifier: MIT */
/* Any bytes as any message of the worker link, as a DNS response, a URL and an HTTP reply. */

#include "daemon/worker/dns-packet.h"
#include "daemon/worker/http.h"
#include "daemon/worker/url.h"
#include "daemon/worker/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is to come in parts is the message itself. */
static void
decode_fetching(struct mt_bytes body)
{
	static struct mt_chain_request request;
	static struct mt_validation validation;
	static struct mt_fetch_orders orders;
	static struct mt_fetch_request fetch;
	static struct mt_digest_rrset digests;
	static struct mt_document_request document;
	static struct mt_document_reply reply;
	struct mt_fetched fetched;
	volatile int sink;

	sink = mt_wire_decode_revocation(body, body, &request);
	sink = mt_wire_decode_report(body, &validation, &orders);
	sink = mt_wire_decode_fetch(body, &fetch);
	sink = mt_wire_decode_fetched(body, body, &fetched);
	sink = mt_wire_decode_digests(body, &digests);
	sink = mt_wire_decode_document(body, &document);
	sink = mt_wire_decode_read(body, &reply);
	(void)sink;
}

static void
read_http(const uint8_t *data, size_t size)
{
	struct mt_fetch_order order;
	struct mt_http *http = NULL;

	if (mt_url_parse((const char *)data, size, &order) == 0 && !mt_url_is_sane(&order))
		__builtin_trap();
	if (mt_http_new(false, MT_FETCH_BYTES_MAX, &http) != 0)
		return;
	if (mt_http_feed(http, data, size / 2) == MT_HTTP_MORE &&
	    mt_http_feed(http, data + size / 2, size - size / 2) == MT_HTTP_MORE)
		(void)mt_http_end(http);
	mt_http_free(http);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mt_chain_request request;
	static struct mt_validation validation;
	static struct mt_addresses addresses;
	static struct mt_probe_request probe;
	const struct mt_bytes body = {.data = data, .size = size};
	struct mt_probe_result result = {0};
	static struct mt_srv_rrset srv, read_srv;
	static struct mt_tlsa_rrset tlsa, read_tlsa;
	struct mt_digest_rrset read_digests = {0};
	struct mt_addresses found = {0};
	struct mt_dns_facts facts;
	uint16_t port;
	struct mt_wire_header header;
	struct mt_wire_ready ready;
	struct mt_bytes rest;
	char host[MT_DOMAIN_SIZE];
	volatile int sink;

	sink = mt_wire_decode_header(data, size, &header, &rest);
	sink = mt_wire_decode_ready(body, &ready);
	sink = mt_wire_decode_chain(body, &request);
	sink = mt_wire_decode_validation(body, &validation);
	sink = mt_wire_decode_resolve(body, host);
	sink = mt_wire_decode_addresses(body, &addresses);
	sink = mt_wire_decode_probe(body, &probe);
	if (mt_wire_decode_evidence(body, &result) == 0)
		mt_probe_result_clear(&result);
	sink = mt_wire_decode_srv(body, host);
	sink = mt_wire_decode_srv_rrset(body, &srv);
	sink = mt_wire_decode_tlsa(body, host, &port);
	sink = mt_wire_decode_tlsa_rrset(body, &tlsa);
	read_srv = (struct mt_srv_rrset){0};
	read_tlsa = (struct mt_tlsa_rrset){0};
	sink = mt_dns_read(body, MT_DNS_TYPE_A, 0, mt_dns_add_address, &found, &facts);
	sink = mt_dns_read(body, MT_DNS_TYPE_AAAA, 0, mt_dns_add_address, &found, &facts);
	sink = mt_dns_read(body, MT_DNS_TYPE_SRV, 0, mt_dns_add_srv, &read_srv, &facts);
	sink = mt_dns_read(body, MT_DNS_TYPE_TLSA, 0, mt_dns_add_tlsa, &read_tlsa, &facts);
	sink = mt_dns_read(body, MT_DNS_TYPE_TXT, 0, mt_dns_add_digest, &read_digests, &facts);
	decode_fetching(body);
	read_http(data, size);
	(void)sink;
	return 0;
}
