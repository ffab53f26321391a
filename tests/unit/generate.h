/* SPDX-License-Identifier: MIT */
#ifndef MT_TESTS_UNIT_GENERATE_H
#define MT_TESTS_UNIT_GENERATE_H

/*
 * Questions to the policy core, drawn at random: benign ones, ones with a twist or two, and ones in
 * which little is as it should be. The same seed draws the same questions.
 *
 * What the daemon keeps consistent is drawn consistent: a saved endpoint has a confirmed target and
 * an approved source. What a caller or a server says is drawn from anything.
 */

#include "policy/decide.h"

struct draw {
	uint64_t state;
	unsigned twists;         /* of 256: how often a fact is not as it should be */
	struct mt_minimum layer; /* scratch: too large to be made anew */
};

struct question {
	struct mt_evidence ev;
	struct mt_validation val;
	struct mt_tlsa tlsa;
	struct mt_account_facts facts;
	uint8_t pins[2][32];
	struct mt_decide_input in; /* points at the members above; the policy is the caller's */
};

uint64_t draw_bits(struct draw *draw);
/* A number below n. */
unsigned draw_below(struct draw *draw, unsigned n);

void draw_question(struct draw *draw, struct question *ret);
/* A layer that says something about a few fields; each with odds of 256. */
void draw_layer(struct draw *draw, unsigned odds, struct mt_minimum *ret);
/* Floor and account: the default, altered as its owner may. */
void draw_policy(struct draw *draw, struct mt_effective *ret);
/* Takes back one key that was stated, and its value. Return: the key, or -1. */
int draw_dropped_key(struct draw *draw, struct mt_evidence *ev);

#endif
