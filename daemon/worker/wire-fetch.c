/* SPDX-License-Identifier: MIT */
/* Messages of the worker link: parts, revocation, report, fetch and fetched. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/worker/url.h"
#include "daemon/worker/wire-pack.h"
#include "daemon/worker/wire.h"

/* PART: nothing but the bytes */

int
mt_wire_encode_part(struct mt_wire_message *msg, uint64_t id, struct mt_bytes bytes)
{
	mt_pack_begin(msg, MT_WIRE_PART, id);
	if (bytes.size == 0 || bytes.size > MT_WIRE_PART_MAX)
		mt_pack_fail(msg);
	else
		mt_pack_fixed(msg, bytes.data, bytes.size);
	return mt_pack_end(msg);
}

int
mt_wire_parts_add(struct mt_wire_parts *parts, struct mt_bytes part, size_t max)
{
	uint8_t *data;

	if (part.size == 0 || part.size > max - parts->size)
		return MT_WIRE_E_TOO_LARGE;
	data = realloc(parts->data, parts->size + part.size);
	if (!data)
		return -ENOMEM;
	memcpy(data + parts->size, part.data, part.size);
	parts->data = data;
	parts->size += part.size;
	return 0;
}

/* Sizes of slices that stand, in this order and without gaps, in the parts */

static struct mt_bytes
take_slice(struct mt_unpack *in, struct mt_bytes *parts)
{
	struct mt_bytes slice = {.data = parts->data, .size = mt_unpack_u32(in)};

	if (slice.size > parts->size || slice.size > MT_FETCH_BYTES_MAX || slice.size == 0) {
		mt_unpack_fail(in);
		return (struct mt_bytes){0};
	}
	parts->data += slice.size;
	parts->size -= slice.size;
	return slice;
}

/* REVOCATION */

int
mt_wire_encode_revocation(struct mt_wire_message *msg, uint64_t id,
			  const struct mt_chain_request *request)
{
	size_t total = 0;

	mt_pack_begin(msg, MT_WIRE_REVOCATION, id);
	mt_pack_request(msg, request);
	mt_pack_count(msg, request->n_fetched, MT_FETCH_ORDERS_MAX);
	for (size_t i = 0; i < request->n_fetched && !msg->overflow; i++) {
		const size_t size = request->fetched[i].size;

		total += size;
		if (size == 0 || size > MT_FETCH_BYTES_MAX || total > MT_FETCH_TOTAL_MAX)
			mt_pack_fail(msg);
		else
			mt_pack_u32(msg, (uint32_t)size);
	}
	return mt_pack_end(msg);
}

int
mt_wire_decode_revocation(struct mt_bytes body, struct mt_bytes parts, struct mt_chain_request *ret)
{
	struct mt_chain_request request = {.wants_revocation = true};
	struct mt_unpack in;

	mt_unpack_begin(&in, body);
	mt_unpack_request(&in, &request);
	request.n_fetched = mt_unpack_count(&in, MT_FETCH_ORDERS_MAX);
	for (size_t i = 0; i < request.n_fetched && !in.bad; i++)
		request.fetched[i] = take_slice(&in, &parts);
	if (mt_unpack_end(&in) != 0 || parts.size != 0)
		return MT_WIRE_E_MALFORMED;

	*ret = request;
	return 0;
}

/* Orders, in reports and in requests to fetch */

void
mt_pack_order(struct mt_wire_message *msg, const struct mt_fetch_order *order)
{
	mt_pack_text(msg, order->host, sizeof(order->host));
	mt_pack_u16(msg, order->port);
	mt_pack_text(msg, order->path, sizeof(order->path));
}

void
mt_unpack_order(struct mt_unpack *in, struct mt_fetch_order *order)
{
	mt_unpack_text(in, order->host, sizeof(order->host));
	order->port = mt_unpack_u16(in);
	mt_unpack_text(in, order->path, sizeof(order->path));
}

/* Whoever sends it: what is not one line of a request must not become one. */
static void
unpack_sane_order(struct mt_unpack *in, struct mt_fetch_order *order)
{
	mt_unpack_order(in, order);
	if (!in->bad && !mt_url_is_sane(order))
		mt_unpack_fail(in);
}

/* REPORT */

int
mt_wire_encode_report(struct mt_wire_message *msg, uint64_t id,
		      const struct mt_validation *validation, const struct mt_fetch_orders *orders)
{
	mt_pack_begin(msg, MT_WIRE_REPORT, id);
	mt_pack_validation(msg, validation);
	mt_pack_count(msg, orders->n, MT_FETCH_ORDERS_MAX);
	for (size_t i = 0; i < orders->n && !msg->overflow; i++)
		mt_pack_order(msg, &orders->order[i]);
	return mt_pack_end(msg);
}

int
mt_wire_decode_report(struct mt_bytes body, struct mt_validation *ret_validation,
		      struct mt_fetch_orders *ret_orders)
{
	struct mt_validation validation = {0};
	struct mt_fetch_orders orders = {0};
	struct mt_unpack in;

	mt_unpack_begin(&in, body);
	mt_unpack_validation(&in, &validation);
	orders.n = mt_unpack_count(&in, MT_FETCH_ORDERS_MAX);
	for (size_t i = 0; i < orders.n && !in.bad; i++)
		unpack_sane_order(&in, &orders.order[i]);
	if (mt_unpack_end(&in) != 0)
		return MT_WIRE_E_MALFORMED;

	*ret_validation = validation;
	*ret_orders = orders;
	return 0;
}

/* FETCH */

int
mt_wire_encode_fetch(struct mt_wire_message *msg, uint64_t id,
		     const struct mt_fetch_request *request)
{
	mt_pack_begin(msg, MT_WIRE_FETCH, id);
	mt_pack_order(msg, &request->order);
	mt_pack_u32(msg, request->deadline_msec);
	mt_pack_bool(msg, request->may_be_local);
	return mt_pack_end(msg);
}

int
mt_wire_decode_fetch(struct mt_bytes body, struct mt_fetch_request *ret)
{
	struct mt_fetch_request request = {0};
	struct mt_unpack in;

	mt_unpack_begin(&in, body);
	unpack_sane_order(&in, &request.order);
	request.deadline_msec = mt_unpack_u32(&in);
	request.may_be_local = mt_unpack_bool(&in);
	if (mt_unpack_end(&in) != 0)
		return MT_WIRE_E_MALFORMED;

	*ret = request;
	return 0;
}

/* FETCHED */

int
mt_wire_encode_fetched(struct mt_wire_message *msg, uint64_t id, const struct mt_fetched *fetched)
{
	mt_pack_begin(msg, MT_WIRE_FETCHED, id);
	mt_pack_u8(msg, (uint8_t)fetched->state);
	if (fetched->state == MT_FETCH_DONE) {
		if (fetched->bytes.size == 0 || fetched->bytes.size > MT_FETCH_BYTES_MAX)
			mt_pack_fail(msg);
		else
			mt_pack_u32(msg, (uint32_t)fetched->bytes.size);
	}
	return mt_pack_end(msg);
}

int
mt_wire_decode_fetched(struct mt_bytes body, struct mt_bytes parts, struct mt_fetched *ret)
{
	struct mt_fetched fetched = {0};
	struct mt_unpack in;

	mt_unpack_begin(&in, body);
	fetched.state = mt_unpack_enum(&in, MT_FETCH_STATE_COUNT);
	if (fetched.state == MT_FETCH_DONE)
		fetched.bytes = take_slice(&in, &parts);
	if (mt_unpack_end(&in) != 0 || parts.size != 0)
		return MT_WIRE_E_MALFORMED;

	*ret = fetched;
	return 0;
}
