/* SPDX-License-Identifier: MIT */
#ifndef MT_LIB_EVIDENCE_BUILDER_H
#define MT_LIB_EVIDENCE_BUILDER_H

/*
 * The inside of struct mailtrust_evidence: keys set one by one, by name and type, as
 * mt_evidence_keys[] lists them. Owns what was handed in. Completeness is the service's to judge.
 */

#include "clients/lib/mailtrust.h"
#include "policy/evidence.h"

/* The plain facts; borrowed, its chain and staple too. */
const struct mt_evidence *mt_evidence_of(const struct mailtrust_evidence *evidence);

#endif
