/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_VOUCHED_DOCUMENT_H
#define MT_DAEMON_VOUCHED_DOCUMENT_H

/*
 * A document with server settings that its host's certificate vouches for: the net worker fetches
 * and reads it, a chain worker judges the certificate against the host that was asked, and only
 * then is what was read looked at.
 *
 * Judged as at policy defaults: a valid path to an anchor and the name of the host, now, not
 * revoked, a staple where the certificate says there will be one. No leniency for what expired
 * yesterday (D-DISC-06), no pin, nothing a person could click away: a document that is not vouched
 * for is none. A redirect is followed MT_FETCH_REDIRECTS_MAX times, to https and within the domain
 * asked about by whole labels, and each host's certificate is judged before the next is asked.
 *
 * A document in clear is had in the same way, with nobody to vouch for it: the caller knows what he
 * asked for. Has no deadline of its own but that of each step; whoever asks cancels.
 */

#include "daemon/clock.h"
#include "daemon/jobs.h"

struct mt_vouched_document;

struct mt_vouched_options {
	struct mt_jobs *jobs;
	const struct mt_clock *clock;
	bool clock_must_be_synchronised;
	bool may_fetch_local;
};

enum mt_vouched_state {
	MT_VOUCHED_SILENT = 0, /* it is not known whether there is one */
	MT_VOUCHED_NONE,       /* nobody is there, or he says there is none */
	MT_VOUCHED_UNTRUSTED,  /* the certificate is not valid for the host */
	MT_VOUCHED_MALFORMED,
	MT_VOUCHED_ELSEWHERE, /* redirected out of the domain, or too often */
	MT_VOUCHED_READ
};

/* sha256 and document: when READ. */
struct mt_vouched {
	enum mt_vouched_state state;
	uint8_t sha256[32];
	struct mt_document document;
};

typedef void (*mt_vouched_fn)(const struct mt_vouched *vouched, void *userdata);

/* Starts. Of the request kind, is_secure, order and domain are taken, and the deadline of each
 * step. The callback runs once, never from inside, and the document is gone when it returns.
 * Return: 0, negative errno. */
MT_MUST_CHECK int mt_vouched_document_start(const struct mt_vouched_options *options,
					    const struct mt_document_request *request,
					    mt_vouched_fn callback, void *userdata,
					    struct mt_vouched_document **ret);
struct mt_vouched_document *mt_vouched_document_cancel(struct mt_vouched_document *document);

#endif
