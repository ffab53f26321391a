/* SPDX-License-Identifier: MIT */
/* mailtrust-worker: the sandboxed roles. Started by the spawner, never by hand. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/worker/roles.h"
#include "daemon/worker/sandbox.h"
#include "daemon/worker/spawner.h"

/* Standard descriptors, and the socket to the keeper. */
#define SOCKET_FD 3

struct arguments {
	const char *trust_anchors;
	const char *dns_forward[MT_SPAWNER_DNS_MAX];
	size_t n_dns_forward;
	const char *dns_anchor[MT_SPAWNER_DNS_MAX];
	size_t n_dns_anchor;
	const char *dns_negative_anchor[MT_SPAWNER_DNS_MAX];
	size_t n_dns_negative_anchor;
	bool require_user;
};

static int
run_chain(const struct arguments *args)
{
	const struct mt_role_options options = {.fd = SOCKET_FD,
						.trust_anchors = args->trust_anchors,
						.require_user = args->require_user};

	return mt_role_chain_run(&options);
}

static int
run_net(const struct arguments *args)
{
	const struct mt_role_options options = {.fd = SOCKET_FD,
						.dns_forward = args->dns_forward,
						.n_dns_forward = args->n_dns_forward,
						.dns_anchor = args->dns_anchor,
						.n_dns_anchor = args->n_dns_anchor,
						.dns_negative_anchor = args->dns_negative_anchor,
						.n_dns_negative_anchor =
							args->n_dns_negative_anchor,
						.require_user = args->require_user};

	return mt_role_net_run(&options);
}

/* The spawner as a unit of its own: one keeper's connection, accepted by systemd. */
static int
run_serve(const struct arguments *args)
{
	struct mt_spawner_options options = {.trust_anchors = args->trust_anchors,
					     .n_dns_forward = args->n_dns_forward,
					     .n_dns_anchor = args->n_dns_anchor,
					     .n_dns_negative_anchor = args->n_dns_negative_anchor,
					     .require_user = args->require_user};

	memcpy(options.dns_forward, args->dns_forward, sizeof(options.dns_forward));
	memcpy(options.dns_anchor, args->dns_anchor, sizeof(options.dns_anchor));
	memcpy(options.dns_negative_anchor, args->dns_negative_anchor,
	       sizeof(options.dns_negative_anchor));
	return mt_spawner_run(SOCKET_FD, &options);
}

static const struct {
	const char *name;
	int (*run)(const struct arguments *args);
} roles[] = {
	{"chain", run_chain},
	{"net", run_net},
	{"serve", run_serve},
};

static bool
add(const char *list[static MT_SPAWNER_DNS_MAX], size_t *n, const char *value)
{
	if (*n >= MT_SPAWNER_DNS_MAX)
		return false;
	list[(*n)++] = value;
	return true;
}

static bool
parse(struct arguments *args, int argc, char *const argv[])
{
	for (int i = 2; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "--require-user") == 0) {
			args->require_user = true;
			continue;
		}
		if (!value)
			return false;
		if (strcmp(argv[i], "--trust-anchors") == 0)
			args->trust_anchors = value;
		else if (strcmp(argv[i], "--dns-forward") == 0) {
			if (!add(args->dns_forward, &args->n_dns_forward, value))
				return false;
		} else if (strcmp(argv[i], "--dns-anchor") == 0) {
			if (!add(args->dns_anchor, &args->n_dns_anchor, value))
				return false;
		} else if (strcmp(argv[i], "--dns-negative-anchor") == 0) {
			if (!add(args->dns_negative_anchor, &args->n_dns_negative_anchor, value))
				return false;
		} else {
			return false;
		}
		i++;
	}
	return true;
}

int
main(int argc, char *argv[])
{
	struct arguments args = {0};

	for (size_t i = 0; argc >= 2 && i < MT_ARRAY_SIZE(roles); i++) {
		if (strcmp(argv[1], roles[i].name) != 0)
			continue;
		if (!parse(&args, argc, argv))
			break;
		if (mt_sandbox_close_from(SOCKET_FD + 1) < 0)
			return EXIT_FAILURE;
		/* _exit(): nothing of ours is left to flush, and a leak checker cannot trace a
		 * process behind a filter. */
		_Exit(roles[i].run(&args));
	}
	fputs("usage: mailtrust-worker chain|net|serve [--require-user] [--trust-anchors PATH]\n"
	      "       [--dns-forward ADDR@PORT]... [--dns-anchor FILE]...\n"
	      "       [--dns-negative-anchor DOMAIN]...\n"
	      "Started by mailtrustd with its socket on descriptor 3.\n",
	      stderr);
	return 64;
}
