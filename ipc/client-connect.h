/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_CLIENT_CONNECT_H
#define MT_IPC_CLIENT_CONNECT_H

/*
 * A connection to where the daemon is: to the direct socket, whose other end is checked to be root,
 * the user mailtrust or ourselves, or to a message bus, whose daemon decides who owns the name.
 * Between client.c and client-connect.c only.
 */

#include "ipc/client-find.h"

enum { MT_CLIENT_CONNECT_E_NOBODY = 1 };

/* *ret_why says in plain words why there is none; static storage, written with that outcome only.
 * Return: 0, MT_CLIENT_CONNECT_E_NOBODY, or -ENOMEM. */
MT_MUST_CHECK int mt_client_connect(const struct mt_client_place *place, int timeout_msec,
				    DBusConnection **ret, const char **ret_why);
/* Closes and lets go; accepts NULL. */
void mt_client_hang_up(DBusConnection *connection);

#endif
