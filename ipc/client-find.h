/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_CLIENT_FIND_H
#define MT_IPC_CLIENT_FIND_H

/*
 * Where a client looks for the daemon.
 *
 * By default: the socket MAILTRUST_SOCKET names; else the system's daemon wherever one is
 * installed, running or not, so that starting one's own does not sidestep the organisation; else
 * the user's own. Of each, the direct socket comes before the bus: it saves two hops and works
 * where there is no bus. One place is chosen; where nobody answers there, no other is tried.
 *
 * Looks at names of files and connects to nothing, so who listens there is not known yet.
 */

#include "ipc/client.h"

/* What the order depends on; text is borrowed. A test hands in places of its own. */
struct mt_client_places {
	const char *named_socket;   /* $MAILTRUST_SOCKET; NULL or "": none */
	const char *system_socket;  /* exists while the system's daemon listens */
	const char *system_service; /* D-Bus activation file: exists where one is installed */
	const char *system_bus;     /* address */
	const char *runtime_folder; /* $XDG_RUNTIME_DIR; NULL: none */
	const char *session_bus;    /* address; NULL: none */
};

/* This machine's. The environment is not believed by a program that runs setgid: it is its caller's
 * word (secure_getenv). */
void mt_client_places_init(struct mt_client_places *ret);

/* The system has a daemon, running or not: it is the one to ask. */
bool mt_client_system_has_one(const struct mt_client_places *places);

struct mt_client_place {
	bool is_bus;
	char text[512]; /* path of a socket, or address of a bus */
};

enum { MT_CLIENT_FIND_E_NOWHERE = 1 };

/* Chooses. argument: path or address, where `where` takes one.
 * Return: 0, or MT_CLIENT_FIND_E_NOWHERE: no place at all, or its name is too long. */
MT_MUST_CHECK int mt_client_find(const struct mt_client_places *places, enum mt_client_where where,
				 const char *argument, struct mt_client_place *ret);

#endif
