/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_MINIMUM_RECORD_H
#define MT_DAEMON_MINIMUM_RECORD_H

/*
 * An account's minimum as stored bytes: only the fields that are present, some 60 bytes for a new
 * account against 20 KiB unpacked. Fields of organisations alone (static_pins, anchors) are not
 * written. What the values mean, and who may set them, is policy/minimum.h's and accounts.h's.
 */

#include "daemon/record.h"
#include "policy/minimum.h"

/* The fields an account may hold. */
#define MT_MINIMUM_ACCOUNT_FIELDS                                                         \
	(((UINT32_C(1) << MT_FIELD_COUNT) - 1) & ~(UINT32_C(1) << MT_FIELD_STATIC_PINS) & \
	 ~(UINT32_C(1) << MT_FIELD_ANCHORS))

void mt_minimum_encode(const struct mt_minimum *min, struct mt_writer *writer);
/* Any bytes. Return: 0, or 1 where they are no minimum; *ret is then unspecified. */
MT_MUST_CHECK int mt_minimum_decode(struct mt_reader *reader, struct mt_minimum *ret);

#endif
