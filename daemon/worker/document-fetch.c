/* SPDX-License-Identifier: MIT */
/* A document over an exchange. */

#include "daemon/worker/document-fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "daemon/worker/exchange.h"
#include "ipc/mail/tls.h"

struct mt_document_fetch {
	enum mt_document_kind kind;
	char domain[MT_DOMAIN_SIZE];
	struct mt_exchange *exchange;
	struct mt_document_reply reply;
	struct mt_evidence evidence; /* owns the chain of the reply */
	mt_document_fetch_fn callback;
	void *userdata;
};

struct mt_document_fetch *
mt_document_fetch_cancel(struct mt_document_fetch *fetch)
{
	if (!fetch)
		return NULL;
	mt_exchange_cancel(fetch->exchange);
	mt_evidence_clear(&fetch->evidence);
	free(fetch);
	return NULL;
}

/* RFC 9110 §15 */
static enum mt_document_state
state_of_status(unsigned int status)
{
	if (status == 404 || status == 410)
		return MT_DOCUMENT_ABSENT;
	return status / 100 == 3 ? MT_DOCUMENT_ASTRAY : MT_DOCUMENT_SILENT;
}

/* What did not come, and why. */
static enum mt_document_state
state_of(const struct mt_exchanged *exchanged)
{
	switch (exchanged->state) {
	case MT_FETCH_UNRESOLVED:
	case MT_FETCH_FORBIDDEN:
	case MT_FETCH_UNREACHABLE:
		return MT_DOCUMENT_UNREACHABLE;
	case MT_FETCH_PROTOCOL:
		return state_of_status(exchanged->status);
	case MT_FETCH_BUSY:
	case MT_FETCH_TIMEOUT:
		return MT_DOCUMENT_SILENT;
	case MT_FETCH_FAILED:
	case MT_FETCH_DONE:
		break;
	}
	return MT_DOCUMENT_FAILED;
}

static int
take_chain(struct mt_document_fetch *fetch, const struct mt_tls *tls)
{
	struct mt_document_reply *reply = &fetch->reply;
	int r = mt_tls_add_evidence(tls, &fetch->evidence);

	if (r)
		return r;
	memcpy(reply->chain, fetch->evidence.chain, sizeof(reply->chain));
	reply->n_chain = fetch->evidence.n_chain;
	reply->staple = fetch->evidence.staple;
	return 0;
}

static int
read_document(struct mt_document_fetch *fetch, struct mt_bytes bytes)
{
	struct mt_document_reply *reply = &fetch->reply;
	int r = mt_document_parse(fetch->kind, bytes, fetch->domain, &reply->document);

	if (r < 0)
		return r;
	reply->state = r == 0 ? MT_DOCUMENT_READ : MT_DOCUMENT_MALFORMED;
	return EVP_Digest(bytes.data, bytes.size, reply->sha256, NULL, EVP_sha256(), NULL) == 1
		       ? 0
		       : -ENOMEM;
}

static void
on_exchanged(const struct mt_exchanged *exchanged, void *userdata)
{
	struct mt_document_fetch *fetch = userdata;
	int r = exchanged->tls ? take_chain(fetch, exchanged->tls) : 0;

	fetch->exchange = NULL;
	if (r == 0 && exchanged->state != MT_FETCH_DONE) {
		fetch->reply.state = state_of(exchanged);
	} else if (r == 0 && exchanged->location) {
		fetch->reply.state = exchanged->tls ? MT_DOCUMENT_REDIRECTED : MT_DOCUMENT_ASTRAY;
		fetch->reply.location = *exchanged->location;
	} else if (r == 0) {
		r = read_document(fetch, exchanged->body);
	}
	if (r)
		fetch->reply.state = MT_DOCUMENT_FAILED;
	fetch->callback(&fetch->reply, fetch->userdata);
	mt_document_fetch_cancel(fetch);
}

int
mt_document_fetch_start(struct event_base *base, struct mt_dns *dns,
			const struct mt_document_request *request, mt_document_fetch_fn callback,
			void *userdata, struct mt_document_fetch **ret)
{
	struct mt_document_fetch *fetch = calloc(1, sizeof(*fetch));
	const uint32_t longest = MT_FETCH_USEC / 1000;
	struct mt_exchange_options options = {
		.base = base,
		.dns = dns,
		.is_secure = request->is_secure,
		.may_be_local = request->may_be_local,
		.body_max = MT_DOCUMENT_BYTES_MAX,
		.deadline_msec =
			request->deadline_msec < longest ? request->deadline_msec : longest,
	};
	int r;

	if (!fetch)
		return -ENOMEM;
	fetch->kind = request->kind;
	memcpy(fetch->domain, request->domain, sizeof(fetch->domain));
	fetch->callback = callback;
	fetch->userdata = userdata;
	r = mt_exchange_start(&options, &request->order, on_exchanged, fetch, &fetch->exchange);
	if (r) {
		free(fetch);
		return r;
	}
	*ret = fetch;
	return 0;
}
