/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_VERDICTS_H
#define MT_DAEMON_VERDICTS_H

/*
 * One Check in flight: gather, decide, sign, answer once.
 *
 * Gathers what policy/decide.h wants to know: the account's facts and effective minimum, the
 * reference identifiers (fixed before the chain is looked at, D-ID-10), what DNS says about TLSA,
 * from its cache or through the net worker, and then the validation from its cache or from the
 * chain worker. Decides nothing itself and reads no certificate. An answer that needs a worker
 * comes later; everything else at once. A worker that dies, a store that is
 * damaged, a key that fails: the answer is a denial with daemon.degraded, never a weaker one.
 *
 * Nothing is committed before the answer, except a consent that the verdict uses up.
 */

#include "daemon/accounts.h"
#include "daemon/audit.h"
#include "daemon/chain-cache.h"
#include "daemon/jobs.h"
#include "daemon/keys.h"
#include "daemon/tlsa-cache.h"
#include "ipc/codec.h"
#include "ipc/token.h"

struct mt_verdicts;
struct mt_check;

struct mt_verdicts_options {
	struct event_base *base;
	struct mt_accounts *accounts;
	struct mt_store *store;
	struct mt_jobs *jobs;
	struct mt_keys *keys;
	struct mt_audit *audit;
	const struct mt_clock *clock;
	bool clock_must_be_synchronised;
	bool may_fetch_local; /* revocation answers from addresses that are not global too */
};

/* Everything is borrowed and outlives the verdicts. */
MT_MUST_CHECK int mt_verdicts_new(const struct mt_verdicts_options *options,
				  struct mt_verdicts **ret);
struct mt_verdicts *mt_verdicts_free(struct mt_verdicts *verdicts);
MT_DEFINE_CLEANUP(struct mt_verdicts *, mt_verdicts_free);

struct mt_question {
	uint32_t uid;
	struct mt_account_id account;
	enum mt_op op;
	enum mt_provenance provenance;
	bool is_probe; /* no token, no remembered level: the daemon asks itself */
	/* With is_probe: a server that is not the account's, judged as if it were saved. Owned;
	 * NULL: none. */
	struct mt_endpoint *trial;
	uint8_t refs_sha256[32];     /* of a probe: mt_references_digest() before it connected */
	struct mt_evidence evidence; /* owned by the question */
	struct mt_check_options options; /* owned by the question */
};
void mt_question_clear(struct mt_question *question);

struct mt_answer {
	struct mt_check_reply reply; /* reply.token points to token below */
	struct mt_verdict verdict;
	char token[MT_VERDICT_TEXT_SIZE];
	bool has_client_cert; /* the account allows one on this connection */
	uint8_t client_cert[32];
};

typedef void (*mt_answer_fn)(const struct mt_answer *answer, void *userdata);

/*
 * Asks. The question is taken: it is zeroed, and cleared when answered.
 * Return: 0 with *ret_answer filled; MT_VERDICTS_E_LATER with *ret_check set: callback then runs
 * once; MT_VERDICTS_E_UNKNOWN: no such account of that uid; negative errno.
 */
enum { MT_VERDICTS_E_LATER = 1, MT_VERDICTS_E_UNKNOWN = 2 };
MT_MUST_CHECK int mt_verdicts_ask(struct mt_verdicts *verdicts, struct mt_question *question,
				  struct mt_answer *ret_answer, mt_answer_fn callback,
				  void *userdata, struct mt_check **ret_check);
/* No callback any more. Accepts NULL. */
struct mt_check *mt_check_cancel(struct mt_check *check);

struct mt_verdicts_stats {
	uint64_t verdicts, warm, cold;
	uint64_t by_decision[MT_DECISION_COUNT];
};
const struct mt_verdicts_stats *mt_verdicts_get_stats(const struct mt_verdicts *verdicts);

#endif
