/* SPDX-License-Identifier: MIT */
#ifndef MT_CLI_BUS_JSON_H
#define MT_CLI_BUS_JSON_H

/*
 * Bus values as JSON, for output and for reading dictionaries by name: numbers, strings, arrays,
 * structs (as arrays) and dictionaries; ay is base64url. Bounded by what a message may nest.
 */

#include <dbus/dbus.h>
#include <jansson.h>

/* The value the iterator stands at. NULL: out of memory. */
json_t *mt_json_from_bus(DBusMessageIter *iter);
/* The first argument of a message. */
json_t *mt_json_from_message(DBusMessage *message);

/* A member that is a string; "" where there is none. Lives as long as the object. */
const char *mt_json_text(const json_t *object, const char *key);

#endif
