/* SPDX-License-Identifier: MIT */
/* Chooses the place of the daemon. */

#include "ipc/client-find.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void
mt_client_places_init(struct mt_client_places *ret)
{
	const char *system_bus = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");

	*ret = (struct mt_client_places){
		.named_socket = secure_getenv("MAILTRUST_SOCKET"),
		.system_socket = "/run/mailtrust/socket",
		.system_service = "/usr/share/dbus-1/system-services/" MT_BUS_NAME ".service",
		.system_bus = system_bus ? system_bus : "unix:path=/run/dbus/system_bus_socket",
		.runtime_folder = secure_getenv("XDG_RUNTIME_DIR"),
		.session_bus = secure_getenv("DBUS_SESSION_BUS_ADDRESS"),
	};
}

static int
choose(bool is_bus, const char *text, struct mt_client_place *ret)
{
	int n;

	if (!text || !*text)
		return MT_CLIENT_FIND_E_NOWHERE;

	ret->is_bus = is_bus;
	n = snprintf(ret->text, sizeof(ret->text), "%s", text);
	return n > 0 && (size_t)n < sizeof(ret->text) ? 0 : MT_CLIENT_FIND_E_NOWHERE;
}

static int
find_system(const struct mt_client_places *places, struct mt_client_place *ret)
{
	if (access(places->system_socket, F_OK) == 0)
		return choose(false, places->system_socket, ret);

	return choose(true, places->system_bus, ret);
}

static int
find_user(const struct mt_client_places *places, struct mt_client_place *ret)
{
	char path[sizeof(ret->text)];
	int n;

	if (places->runtime_folder) {
		n = snprintf(path, sizeof(path), "%s/mailtrust/socket", places->runtime_folder);
		if (n > 0 && (size_t)n < sizeof(path) && access(path, F_OK) == 0)
			return choose(false, path, ret);
	}
	return choose(true, places->session_bus, ret);
}

bool
mt_client_system_has_one(const struct mt_client_places *places)
{
	return access(places->system_socket, F_OK) == 0 ||
	       access(places->system_service, F_OK) == 0;
}

static int
find_default(const struct mt_client_places *places, struct mt_client_place *ret)
{
	if (places->named_socket && *places->named_socket)
		return choose(false, places->named_socket, ret);
	/* no way around it */
	if (mt_client_system_has_one(places))
		return find_system(places, ret);

	return find_user(places, ret);
}

int
mt_client_find(const struct mt_client_places *places, enum mt_client_where where,
	       const char *argument, struct mt_client_place *ret)
{
	switch (where) {
	case MT_CLIENT_DEFAULT:
		return find_default(places, ret);
	case MT_CLIENT_SYSTEM:
		return find_system(places, ret);
	case MT_CLIENT_USER:
		return find_user(places, ret);
	case MT_CLIENT_SOCKET:
		return choose(false, argument, ret);
	case MT_CLIENT_BUS:
		return choose(true, argument, ret);
	}
	return MT_CLIENT_FIND_E_NOWHERE;
}
