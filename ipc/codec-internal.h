/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_CODEC_INTERNAL_H
#define MT_IPC_CODEC_INTERNAL_H

/* What the codec-*.c files share, and nobody else includes. */

#include "ipc/codec.h"

/* Opens an entry of a dictionary up to the inside of its variant; false: failed, and noted. */
bool mt_dict_begin_value(struct mt_dict *dict, const char *key, const char *signature,
			 DBusMessageIter *entry, DBusMessageIter *variant);
void mt_dict_end_value(struct mt_dict *dict, DBusMessageIter *entry, DBusMessageIter *variant,
		       bool ok);

int mt_codec_append_bytes(DBusMessageIter *iter, struct mt_bytes value);
int mt_codec_append_strings(DBusMessageIter *iter, const char *const *values, size_t n);

/* Steps through a{sv} or a{ss}: key, and an iterator on the value (inside the variant). */
bool mt_codec_next_entry(DBusMessageIter *dict, const char **ret_key, DBusMessageIter *ret_value);
/* False: another type. Borrowed from the message. */
bool mt_codec_read_bytes(DBusMessageIter *value, struct mt_bytes *ret);
bool mt_codec_read_string(DBusMessageIter *value, const char **ret);

/* Writes "key: what" and returns the outcome. */
int mt_codec_complain(struct mt_diag *diag, int outcome, const char *key, const char *what);

#endif
