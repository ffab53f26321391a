/* SPDX-License-Identifier: MIT */
#ifndef MT_LIB_ADVICE_H
#define MT_LIB_ADVICE_H

/*
 * The honest next step for each reason: what the person in front of the screen can do about it, or
 * that it is not theirs to do. Never a way around the minimum (R-5.2-12): lowering it is a separate
 * act on the account, and is named only where that is the truth.
 */

#include "policy/verdict.h"

/* One sentence, or NULL where the reason needs no act. Static storage. */
const char *mt_advice(enum mt_reason reason);

/* It stops something by itself; else it is a remark. */
bool mt_advice_is_fault(enum mt_reason reason);

/* The step for the first reason of a verdict that has one, preferring faults that stopped it; NULL
 * where there is none. */
const char *mt_advice_for(const enum mt_reason *reasons, size_t n);

#endif
