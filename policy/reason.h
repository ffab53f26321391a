/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_REASON_H
#define MT_POLICY_REASON_H

/*
 * The closed list of reason codes: one table of code, string, effect, clause and sentence.
 *
 * A code is ABI: its string stands in verdict tokens, logs and on the bus, and a verifier that
 * meets an unknown one treats the verdict as deny. The effect is what the code does when it is the
 * strongest reason, with minimum confidentiality on and off; decide.c acts, this table explains.
 * It does not decide anything itself, and it does not check that a verdict is consistent (that is
 * invariant I-6, tested).
 */

#include "policy/base.h"

/* Strength order: deny > confirm > awc > info. Never: not issued in that column. */
enum mt_effect {
	MT_EFFECT_DENY = 0,
	MT_EFFECT_CONFIRM,
	MT_EFFECT_AWC,
	MT_EFFECT_INFO,
	MT_EFFECT_NEVER
};

/* X(symbol, code, effect with min_conf on, effect with it off, requirement ids, sentence) */
#include "policy/reason-list.h"

enum mt_reason {
#define X(symbol, code, on, off, clause, sentence) MT_REASON_##symbol,
	MT_REASON_LIST(X)
#undef X
};
#define MT_REASON_COUNT 98

/* The stable string of a code, e.g. "cert.expired". Static storage. */
const char *mt_reason_to_string(enum mt_reason reason);

/* Return: 0 with *ret_reason set, or 1 where the string is no code; *ret_reason is then untouched.
 */
MT_MUST_CHECK int mt_reason_from_string(const char *string, enum mt_reason *ret_reason);

/* One English sentence for a person. Static storage. */
const char *mt_reason_sentence(enum mt_reason reason);

/* The requirement IDs the code serves, comma-separated. Static storage. */
const char *mt_reason_clause(enum mt_reason reason);

enum mt_effect mt_reason_effect(enum mt_reason reason, bool min_conf);

#endif
