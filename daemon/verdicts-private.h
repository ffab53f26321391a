/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_VERDICTS_PRIVATE_H
#define MT_DAEMON_VERDICTS_PRIVATE_H

/* What verdicts.c, which gathers, verdicts-dns.c, which knows what DNS said, verdicts-live.c, which
 * says what SRV may add, and verdicts-answer.c, which decides and signs, share. */

#include "daemon/tlsa-cache.h"
#include "daemon/verdicts.h"

struct mt_verdicts {
	struct mt_verdicts_options o;
	struct mt_chain_cache *cache;
	struct mt_tlsa_cache *tlsa;
	struct mt_verdicts_stats stats;
	struct mt_effective *scratch; /* effective joined with a request's layer; 20 KiB */
	struct mt_answer late;        /* the answer handed to a callback */
};

/* What gathering found, before the validation. */
struct mt_gathered {
	const struct mt_account *account;
	const struct mt_effective *effective;
	struct mt_account_facts facts;
	struct mt_refids refs;
	struct mt_tlsa tlsa;
	/* Of the reference identifiers, before the chain was looked at; NULL: it was judged before,
	 * by the same ones. */
	const uint8_t *refs_sha256;
	int64_t live_until_usec; /* of SRV data that named the server; 0: none did */
	char id[MT_ACCOUNT_ID_TEXT];
	const struct mt_validation *session; /* of the session resumed; lives until a cache put */
};

/* D-DANE-14: what rests on signed DNS data does not outlive it. */
static inline int64_t
mt_verdicts_bound(int64_t expires_usec, const struct mt_tlsa *tlsa)
{
	if (tlsa->status == MT_TLSA_SECURE && tlsa->expires_usec &&
	    tlsa->expires_usec < expires_usec)
		return tlsa->expires_usec;
	return expires_usec;
}

/* What SRV said about one connection, asked for it alone. Zero: it was not asked. */
struct mt_live {
	bool is_asked;
	bool names_server; /* host and port are a target's */
	enum mt_dnssec dnssec;
	int64_t expires_usec; /* wall clock; of the TTL and the signatures, the first to end */
};

/* The label to ask about before this connection is judged; NULL where SRV has no say: for a server
 * of the account, outside of the account's domain, and unless srv_mode is live (R-5.1-13). */
const struct mt_service *mt_live_service(const struct mt_question *q, const struct mt_gathered *g);
void mt_live_read(const struct mt_srv_rrset *answer, const struct mt_question *q, int64_t now_usec,
		  struct mt_live *ret);
/* What that means for the facts. */
void mt_live_apply(const struct mt_live *live, const struct mt_question *q, struct mt_gathered *g);

/*
 * Does DNS have a say about this endpoint? Not about one that is neither saved nor a candidate: row
 * 14 refuses it, and nobody makes the daemon ask about hosts of his choice. Not where an unsigned
 * SRV named the host (D-DANE-02), nor where the name is special (D-DANE-01).
 */
bool mt_verdicts_needs_tlsa(const struct mt_question *q, const struct mt_gathered *g);
/* What is known of it without asking, or NULL. Borrowed until the loop runs on. */
struct mt_tlsa_set *mt_verdicts_find_tlsa(struct mt_verdicts *v, const struct mt_question *q);

/* Decides, uses up what the decision needs, signs, writes it down, and fills the answer. */
void mt_verdicts_answer(struct mt_verdicts *v, struct mt_question *q, struct mt_gathered *g,
			const struct mt_validation *validation, struct mt_answer *a);
/* The reply to a verdict that has no token. */
void mt_verdicts_fill_reply(struct mt_verdicts *v, const struct mt_question *q,
			    struct mt_answer *a);

#endif
