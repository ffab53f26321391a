/* SPDX-License-Identifier: MIT */
#ifndef MT_LIB_EVIDENCE_MESSAGE_H
#define MT_LIB_EVIDENCE_MESSAGE_H

/*
 * Evidence as the a{sv} of a call, driven by mt_evidence_keys[]: what is present is sent, in the
 * type of its key. Nothing is judged.
 */

#include <dbus/dbus.h>

#include "policy/evidence.h"

/* Appends the dictionary. Return: 0, or -ENOMEM. */
MT_MUST_CHECK int mt_evidence_append(DBusMessageIter *iter, const struct mt_evidence *evidence);
/* Appends one entry of type ay to an open a{sv}. Return: 0, or -ENOMEM. */
MT_MUST_CHECK int mt_dict_append_bytes(DBusMessageIter *dict, const char *key,
				       struct mt_bytes bytes);

#endif
