/* SPDX-License-Identifier: MIT */
/*
 * The least a verdict could cost: a server on the product's own loop and codec that reads the same
 * arguments and replies with the same types and sizes, and does nothing in between. What the daemon
 * takes beyond this, and beyond one signature, is its own.
 *
 *   bench-echo BUS-ADDRESS SOCKET REPLY-FILE
 *
 * REPLY-FILE holds a reply of the daemon as it was marshalled; every call gets a copy of its
 * arguments.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/bus.h"
#include "ipc/codec.h"

#define ECHO_NAME "org.mailtrust1.Echo"
#define REPLY_MAX 65536

/* Appends a deep copy of the values at from. */
static bool
copy_values(DBusMessageIter *from, DBusMessageIter *to)
{
	for (int type; (type = dbus_message_iter_get_arg_type(from)) != DBUS_TYPE_INVALID;
	     dbus_message_iter_next(from)) {
		DBusMessageIter inner_from, inner_to;
		DBusBasicValue value;
		char *signature;
		bool good;

		if (dbus_type_is_basic(type)) {
			dbus_message_iter_get_basic(from, &value);
			if (!dbus_message_iter_append_basic(to, type, &value))
				return false;
			continue;
		}
		dbus_message_iter_recurse(from, &inner_from);
		/* what an array holds is known even where it is empty */
		signature = type == DBUS_TYPE_ARRAY ? dbus_message_iter_get_signature(from)
						    : dbus_message_iter_get_signature(&inner_from);
		good = dbus_message_iter_open_container(to, type,
							type == DBUS_TYPE_ARRAY     ? signature + 1
							: type == DBUS_TYPE_VARIANT ? signature
										    : NULL,
							&inner_to) &&
		       copy_values(&inner_from, &inner_to) &&
		       dbus_message_iter_close_container(to, &inner_to);
		dbus_free(signature);
		if (!good)
			return false;
	}
	return true;
}

static void
on_call(struct mt_caller *caller, DBusMessage *call, void *userdata)
{
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *reply = dbus_message_new_method_return(call);
	struct mt_check_options options = {0};
	struct mt_evidence evidence = {0};
	DBusMessageIter args, from, to;
	struct mt_diag diag;

	if (!dbus_message_has_signature(call, "sa{sv}a{sv}"))
		return;

	dbus_message_iter_init(call, &args);
	(void)mt_codec_take_string(&args);
	if (mt_codec_read_evidence(&args, &evidence, &diag) == 0 &&
	    mt_codec_read_check_options(&args, &options, &diag) == 0)
		mt_check_options_clear(&options);
	mt_evidence_clear(&evidence);

	dbus_message_iter_init(userdata, &from);
	dbus_message_iter_init_append(reply, &to);
	if (!copy_values(&from, &to))
		exit(EXIT_FAILURE);

	mt_caller_send(caller, reply);
}

static void
on_gone(struct mt_caller *caller, void *userdata)
{
}

static void
on_bus_lost(void *userdata)
{
	exit(EXIT_SUCCESS);
}

static DBusMessage *
load_reply(const char *path)
{
	char data[REPLY_MAX];
	FILE *file = fopen(path, "rb");
	size_t size = file ? fread(data, 1, sizeof(data), file) : 0;

	if (file)
		(void)fclose(file);

	return size ? dbus_message_demarshal(data, (int)size, NULL) : NULL;
}

int
main(int argc, char **argv)
{
	static const struct mt_bus_ops ops = {on_call, on_gone, on_bus_lost};
	struct event_base *base = event_base_new();
	char message[192] = "";
	struct mt_bus *bus;
	DBusMessage *reply;

	if (argc != 4)
		return 64;

	reply = load_reply(argv[3]);
	if (!base || !reply || mt_bus_new(base, &ops, reply, &bus) ||
	    mt_bus_connect(bus, argv[1], ECHO_NAME, message) ||
	    mt_bus_listen(bus, argv[2], MT_LISTEN_OWN, message)) {
		fprintf(stderr, "bench-echo: cannot serve: %s\n", message);
		return EXIT_FAILURE;
	}
	return event_base_dispatch(base) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
