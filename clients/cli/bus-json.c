/* SPDX-License-Identifier: MIT */
/* Bus values as JSON. */

#include "clients/cli/bus-json.h"

#include <stdlib.h>

#include "ipc/base64.h"

static json_t *
bytes_to_json(DBusMessageIter *iter)
{
	DBusMessageIter array;
	const uint8_t *data = NULL;
	json_t *json;
	char *text;
	int n = 0;

	dbus_message_iter_recurse(iter, &array);
	dbus_message_iter_get_fixed_array(&array, &data, &n);
	text = malloc(mt_base64url_size((size_t)n) + 1);
	if (!text)
		return NULL;

	json = json_stringn(text, mt_base64url_encode(data, (size_t)n, text));
	free(text);
	return json;
}

static json_t *
dict_to_json(DBusMessageIter *iter)
{
	json_t *object = json_object();
	DBusMessageIter array, entry;
	const char *key;

	dbus_message_iter_recurse(iter, &array);
	while (dbus_message_iter_get_arg_type(&array) == DBUS_TYPE_DICT_ENTRY) {
		dbus_message_iter_recurse(&array, &entry);
		if (dbus_message_iter_get_arg_type(&entry) == DBUS_TYPE_STRING) {
			dbus_message_iter_get_basic(&entry, &key);
			dbus_message_iter_next(&entry);
			json_object_set_new(object, key, mt_json_from_bus(&entry));
		}
		dbus_message_iter_next(&array);
	}
	return object;
}

static json_t *
list_to_json(DBusMessageIter *iter)
{
	json_t *list = json_array();
	DBusMessageIter items;

	dbus_message_iter_recurse(iter, &items);
	while (dbus_message_iter_get_arg_type(&items) != DBUS_TYPE_INVALID) {
		json_array_append_new(list, mt_json_from_bus(&items));
		dbus_message_iter_next(&items);
	}
	return list;
}

static json_t *
container_to_json(DBusMessageIter *iter, int type)
{
	DBusMessageIter inner;

	if (type == DBUS_TYPE_VARIANT) {
		dbus_message_iter_recurse(iter, &inner);
		return mt_json_from_bus(&inner);
	}
	if (type == DBUS_TYPE_STRUCT)
		return list_to_json(iter);

	switch (dbus_message_iter_get_element_type(iter)) {
	case DBUS_TYPE_DICT_ENTRY:
		return dict_to_json(iter);
	case DBUS_TYPE_BYTE:
		return bytes_to_json(iter);
	default:
		return list_to_json(iter);
	}
}

json_t *
mt_json_from_bus(DBusMessageIter *iter)
{
	int type = dbus_message_iter_get_arg_type(iter);
	DBusBasicValue value = {0};

	if (!dbus_type_is_basic(type))
		return type == DBUS_TYPE_INVALID ? json_null() : container_to_json(iter, type);

	dbus_message_iter_get_basic(iter, &value);
	switch (type) {
	case DBUS_TYPE_BOOLEAN:
		return json_boolean(value.bool_val);
	case DBUS_TYPE_BYTE:
		return json_integer(value.byt);
	case DBUS_TYPE_INT16:
		return json_integer(value.i16);
	case DBUS_TYPE_UINT16:
		return json_integer(value.u16);
	case DBUS_TYPE_INT32:
		return json_integer(value.i32);
	case DBUS_TYPE_UINT32:
		return json_integer(value.u32);
	case DBUS_TYPE_INT64:
	case DBUS_TYPE_UINT64:
		return json_integer((json_int_t)value.i64);
	case DBUS_TYPE_STRING:
	case DBUS_TYPE_OBJECT_PATH:
	case DBUS_TYPE_SIGNATURE:
		return json_string(value.str);
	default:
		return json_null();
	}
}

json_t *
mt_json_from_message(DBusMessage *message)
{
	DBusMessageIter iter;

	dbus_message_iter_init(message, &iter);
	return mt_json_from_bus(&iter);
}

const char *
mt_json_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}
