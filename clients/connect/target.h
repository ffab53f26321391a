/* SPDX-License-Identifier: MIT */
#ifndef MT_CONNECT_TARGET_H
#define MT_CONNECT_TARGET_H

/*
 * Which servers a tunnel may dial: those of one service of the account, as the service shows them,
 * the best transport first (R-5.2-13, D-TLS-13), and their addresses, which come from the service
 * too. Resolves nothing, chooses nothing else, and believes nothing: whether the server that
 * answers is good enough is asked about the connection.
 */

#include "ipc/client.h"
#include "policy/service.h"

struct mt_target_server {
	enum mt_transport transport;
	char host[MT_DOMAIN_SIZE];
	uint16_t port;
};

struct mt_target {
	char id[MT_ACCOUNT_ID_TEXT_SIZE];
	enum mt_proto proto;
	struct mt_target_server servers[MT_ENDPOINTS_MAX]; /* all of one host */
	size_t n_servers;                                  /* 0: the account has none */
	char **addresses;                                  /* NULL-terminated, of libdbus */
	size_t n_addresses;
	bool wants_mechanism; /* auth_mechs or channel_binding restrict how to log in */
};

/* Asks for the account, an address or id, and its servers. Return: outcomes of a call. */
MT_MUST_CHECK int mt_target_load(struct mt_client *client, const char *account, enum mt_proto proto,
				 struct mt_target *ret);
/* Asks for the addresses. Return: outcomes of a call. */
MT_MUST_CHECK int mt_target_resolve(struct mt_client *client, struct mt_target *target);
void mt_target_clear(struct mt_target *target);

#endif
