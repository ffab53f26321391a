/* SPDX-License-Identifier: MIT */
/* Single values and dictionaries. */

#include "ipc/codec.h"

#include <errno.h>
#include <string.h>

#include "ipc/codec-internal.h"
#include "ipc/contract.h"

int
mt_codec_append_string(DBusMessageIter *iter, const char *value)
{
	return dbus_message_iter_append_basic(iter, DBUS_TYPE_STRING, &value) ? 0 : -ENOMEM;
}

int
mt_codec_append_path(DBusMessageIter *iter, const char *account_id)
{
	char path[MT_ACCOUNT_PATH_SIZE];
	const char *value = path;

	mt_contract_format_path(account_id, path);
	return dbus_message_iter_append_basic(iter, DBUS_TYPE_OBJECT_PATH, &value) ? 0 : -ENOMEM;
}

int
mt_codec_append_u64(DBusMessageIter *iter, uint64_t value)
{
	return dbus_message_iter_append_basic(iter, DBUS_TYPE_UINT64, &value) ? 0 : -ENOMEM;
}

const char *
mt_codec_take_string(DBusMessageIter *iter)
{
	const char *value;

	dbus_message_iter_get_basic(iter, &value);
	dbus_message_iter_next(iter);
	return value;
}

uint16_t
mt_codec_take_u16(DBusMessageIter *iter)
{
	uint16_t value;

	dbus_message_iter_get_basic(iter, &value);
	dbus_message_iter_next(iter);
	return value;
}

int
mt_codec_append_strings(DBusMessageIter *iter, const char *const *values, size_t n)
{
	DBusMessageIter array;
	int r = 0;

	if (!dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "s", &array))
		return -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++)
		r = mt_codec_append_string(&array, values[i]);
	if (r) {
		dbus_message_iter_abandon_container(iter, &array);
		return r;
	}
	return dbus_message_iter_close_container(iter, &array) ? 0 : -ENOMEM;
}

int
mt_codec_append_bytes(DBusMessageIter *iter, struct mt_bytes value)
{
	DBusMessageIter array;

	if (!dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "y", &array))
		return -ENOMEM;
	if (!dbus_message_iter_append_fixed_array(&array, DBUS_TYPE_BYTE, &value.data,
						  (int)value.size)) {
		dbus_message_iter_abandon_container(iter, &array);
		return -ENOMEM;
	}
	return dbus_message_iter_close_container(iter, &array) ? 0 : -ENOMEM;
}

/* Dictionaries */

void
mt_dict_open(struct mt_dict *dict, DBusMessageIter *iter)
{
	dict->outer = iter;
	dict->failed =
		!dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "{sv}", &dict->iter);
}

bool
mt_dict_begin_value(struct mt_dict *dict, const char *key, const char *signature,
		    DBusMessageIter *entry, DBusMessageIter *variant)
{
	if (dict->failed)
		return false;
	dict->failed =
		!dbus_message_iter_open_container(&dict->iter, DBUS_TYPE_DICT_ENTRY, NULL, entry);
	if (dict->failed)
		return false;
	if (mt_codec_append_string(entry, key) == 0 &&
	    dbus_message_iter_open_container(entry, DBUS_TYPE_VARIANT, signature, variant))
		return true;

	dbus_message_iter_abandon_container(&dict->iter, entry);
	dict->failed = true;
	return false;
}

void
mt_dict_end_value(struct mt_dict *dict, DBusMessageIter *entry, DBusMessageIter *variant, bool ok)
{
	if (ok && dbus_message_iter_close_container(entry, variant) &&
	    dbus_message_iter_close_container(&dict->iter, entry))
		return;

	dbus_message_iter_abandon_container_if_open(entry, variant);
	dbus_message_iter_abandon_container_if_open(&dict->iter, entry);
	dict->failed = true;
}

static void
add_basic(struct mt_dict *dict, const char *key, int type, const void *value)
{
	const char signature[2] = {(char)type, '\0'};
	DBusMessageIter entry, variant;

	if (mt_dict_begin_value(dict, key, signature, &entry, &variant))
		mt_dict_end_value(dict, &entry, &variant,
				  dbus_message_iter_append_basic(&variant, type, value));
}

void
mt_dict_add_string(struct mt_dict *dict, const char *key, const char *value)
{
	add_basic(dict, key, DBUS_TYPE_STRING, &value);
}

void
mt_dict_add_bool(struct mt_dict *dict, const char *key, bool value)
{
	dbus_bool_t wide = value;

	add_basic(dict, key, DBUS_TYPE_BOOLEAN, &wide);
}

void
mt_dict_add_u16(struct mt_dict *dict, const char *key, uint16_t value)
{
	add_basic(dict, key, DBUS_TYPE_UINT16, &value);
}

void
mt_dict_add_u32(struct mt_dict *dict, const char *key, uint32_t value)
{
	add_basic(dict, key, DBUS_TYPE_UINT32, &value);
}

void
mt_dict_add_u64(struct mt_dict *dict, const char *key, uint64_t value)
{
	add_basic(dict, key, DBUS_TYPE_UINT64, &value);
}

void
mt_dict_add_time(struct mt_dict *dict, const char *key, int64_t usec)
{
	add_basic(dict, key, DBUS_TYPE_INT64, &usec);
}

void
mt_dict_add_bytes(struct mt_dict *dict, const char *key, struct mt_bytes value)
{
	DBusMessageIter entry, variant;

	if (mt_dict_begin_value(dict, key, "ay", &entry, &variant))
		mt_dict_end_value(dict, &entry, &variant,
				  mt_codec_append_bytes(&variant, value) == 0);
}

void
mt_dict_add_strings(struct mt_dict *dict, const char *key, const char *const *values, size_t n)
{
	DBusMessageIter entry, variant;

	if (mt_dict_begin_value(dict, key, "as", &entry, &variant))
		mt_dict_end_value(dict, &entry, &variant,
				  mt_codec_append_strings(&variant, values, n) == 0);
}

int
mt_dict_close(struct mt_dict *dict)
{
	if (!dict->failed && dbus_message_iter_close_container(dict->outer, &dict->iter))
		return 0;

	dbus_message_iter_abandon_container_if_open(dict->outer, &dict->iter);
	return -ENOMEM;
}

/* Reading */

bool
mt_codec_next_entry(DBusMessageIter *dict, const char **ret_key, DBusMessageIter *ret_value)
{
	DBusMessageIter entry;

	if (dbus_message_iter_get_arg_type(dict) != DBUS_TYPE_DICT_ENTRY)
		return false;

	dbus_message_iter_recurse(dict, &entry);
	dbus_message_iter_get_basic(&entry, ret_key);
	dbus_message_iter_next(&entry);
	if (dbus_message_iter_get_arg_type(&entry) == DBUS_TYPE_VARIANT)
		dbus_message_iter_recurse(&entry, ret_value);
	else
		*ret_value = entry;
	dbus_message_iter_next(dict);
	return true;
}

bool
mt_codec_read_bytes(DBusMessageIter *value, struct mt_bytes *ret)
{
	DBusMessageIter array;
	const uint8_t *data;
	int n;

	if (dbus_message_iter_get_arg_type(value) != DBUS_TYPE_ARRAY ||
	    dbus_message_iter_get_element_type(value) != DBUS_TYPE_BYTE)
		return false;

	dbus_message_iter_recurse(value, &array);
	dbus_message_iter_get_fixed_array(&array, &data, &n);
	*ret = (struct mt_bytes){data, n > 0 ? (size_t)n : 0};
	return true;
}

struct mt_bytes
mt_codec_take_bytes(DBusMessageIter *iter)
{
	struct mt_bytes bytes = {0};

	(void)mt_codec_read_bytes(iter, &bytes);
	dbus_message_iter_next(iter);
	return bytes;
}

bool
mt_codec_read_string(DBusMessageIter *value, const char **ret)
{
	if (dbus_message_iter_get_arg_type(value) != DBUS_TYPE_STRING)
		return false;

	dbus_message_iter_get_basic(value, ret);
	return true;
}

int
mt_codec_complain(struct mt_diag *diag, int outcome, const char *key, const char *what)
{
	char escaped[64];

	/* a key nobody knows may be any text */
	mt_escape(key, strlen(key), escaped, sizeof(escaped));
	mt_diag_set(diag, SIZE_MAX, "%s: %s", escaped, what);
	return outcome;
}
