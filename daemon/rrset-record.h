/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_RRSET_RECORD_H
#define MT_DAEMON_RRSET_RECORD_H

/* An SRV answer as a part of a stored value: without a version of its own, since it has that of the
 * value it stands in. Knows bytes and their bounds, and no store. */

#include "daemon/record.h"
#include "policy/rrset.h"

void mt_srv_rrset_encode(const struct mt_srv_rrset *answer, struct mt_writer *writer);
/* Accepts any bytes: the reader says whether they were good. */
void mt_srv_rrset_decode(struct mt_reader *reader, struct mt_srv_rrset *ret);

#endif
