/* SPDX-License-Identifier: MIT */
#ifndef MT_TESTS_SERVICE_DOUBLE_H
#define MT_TESTS_SERVICE_DOUBLE_H

/* Something that listens where the service would: a child process that answers as it is told. */

#include <dbus/dbus.h>
#include <sys/types.h>

/* The reply to a call, or NULL: none. Runs in the child. */
typedef DBusMessage *(*service_double_fn)(DBusMessage *call, void *userdata);

/* Listens on a direct socket at path until it is stopped; is ready on return. Return: its id, or
 * -1. */
pid_t service_double_start(const char *path, service_double_fn fn, void *userdata);
/* Kills it; 0: there is none. The socket's file stays. */
void service_double_stop(pid_t pid);

#endif
