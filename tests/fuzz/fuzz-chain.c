/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as what a server sends: certificates, a staple, and the TLSA records beside them; then
 * the staple and the records as answers that were fetched about revocation.
 *
 * The input is a row of pieces, each behind two bytes: two bits of kind, 14 of size.
 */

#include <stdlib.h>
#include <string.h>

#include "daemon/worker/chain.h"
#include "daemon/worker/url.h"

#define NOW_SEC INT64_C(1767225600)
#define SIZE_MASK 0x3fff

enum kind { KIND_CERT = 0, KIND_ANCHOR, KIND_STAPLE, KIND_TLSA };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __lsan_is_turned_off(void);

/* libcrypto loses policyConstraints that stand without policies; the child that judges ends with
 * its one chain. Our own leaks are what the unit tests look for. */
int
__lsan_is_turned_off(void)
{
	return 1;
}

static void
add_tlsa(struct mt_tlsa *tlsa, struct mt_bytes piece)
{
	if (tlsa->n == MT_TLSA_MAX || piece.size < 3 || piece.size - 3 > MT_TLSA_DATA_MAX)
		return;
	tlsa->status = MT_TLSA_SECURE;
	tlsa->records[tlsa->n++] =
		(struct mt_tlsa_record){piece.data[0], piece.data[1], piece.data[2],
					(uint16_t)(piece.size - 3), piece.data + 3};
}

static void
add_fetched(struct mt_chain_request *request, struct mt_bytes piece)
{
	if (request->n_fetched < MT_FETCH_ORDERS_MAX && piece.size > 0)
		request->fetched[request->n_fetched++] = piece;
}

static void
add(struct mt_chain_request *request, enum kind kind, struct mt_bytes piece)
{
	switch (kind) {
	case KIND_CERT:
		if (request->n_chain < MT_CHAIN_MAX)
			request->chain[request->n_chain] = piece;
		request->n_chain++;
		break;
	case KIND_ANCHOR:
		if (request->n_anchors < MT_REQUEST_ANCHORS_MAX)
			request->anchors[request->n_anchors++] = piece;
		break;
	case KIND_STAPLE:
		request->staple = piece;
		add_fetched(request, piece);
		break;
	case KIND_TLSA:
		add_fetched(request, piece);
		add_tlsa(&request->tlsa, piece);
		break;
	}
}

static void
read_pieces(struct mt_chain_request *request, const uint8_t *data, size_t size)
{
	while (size >= 2) {
		unsigned int head = (unsigned int)data[0] << 8 | data[1];
		size_t piece = head & SIZE_MASK;

		data += 2;
		size -= 2;
		if (piece > size)
			piece = size;
		add(request, (enum kind)(head >> 14), (struct mt_bytes){data, piece});
		data += piece;
		size -= piece;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mt_reference reference = {.discovery = MT_DISCOVERY_SRV,
						      .dnssec = MT_DNSSEC_SECURE,
						      .host = "imap.example.test",
						      .address_domain = "example.test",
						      .label = "_imaps"};
	static struct mt_chain_request request;
	static struct mt_fetch_orders orders;
	struct mt_validation v;

	memset(&request, 0, sizeof(request));
	if (mt_refids_build(&reference, &request.refs) != 0)
		abort();
	request.at_usec = NOW_SEC * MT_USEC_PER_SEC;
	request.own_anchors = true;
	request.tlsa.status = MT_TLSA_ABSENT;
	read_pieces(&request, data, size);
	mt_chain_judge(NULL, &request, &v);
	/* What the keeper would not believe must not be said. */
	if (!mt_validation_is_sane(&v, &request.refs))
		abort();
	request.wants_revocation = true;
	mt_chain_judge(NULL, &request, &v);
	mt_chain_orders(NULL, &request, &orders);
	if (!mt_validation_is_sane(&v, &request.refs) || orders.n > MT_FETCH_ORDERS_MAX)
		abort();
	for (size_t i = 0; i < orders.n; i++)
		if (!mt_url_is_sane(&orders.order[i]))
			abort();
	return 0;
}
