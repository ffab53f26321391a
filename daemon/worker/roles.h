/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_ROLES_H
#define MT_DAEMON_WORKER_ROLES_H

/*
 * What a worker process does after its command line was read: load, enter the sandbox, say READY,
 * serve the socket on fd until the keeper closes it, finish what was begun, leave.
 *
 * chain: every chain is judged in a child of its own, under a second, tighter filter, with one
 * pipe. The parent never parses a request beyond its header and forwards the child's bytes under
 * the id it keeps itself, so a child taken over by a certificate can lie about that one chain and
 * nothing else. A child that dies, or takes longer than MT_WORKER_JOB_USEC, is a FAILED validation.
 *
 * net: DNS and probes of mail servers, capability verbs only (D-SYS-11). Taken over, it could lie
 * about DNS and about probes; it sees no store, no key and no chain that is being judged.
 */

#include "policy/base.h"

struct mt_role_options {
	int fd;                    /* SOCK_SEQPACKET, the keeper at its other end */
	const char *trust_anchors; /* NULL: the system's */
	const char *const *dns_forward;
	size_t n_dns_forward;
	const char *const *dns_anchor;
	size_t n_dns_anchor;
	const char *const *dns_negative_anchor;
	size_t n_dns_negative_anchor;
	bool require_user;
};

/* Return: exit status; what went wrong is on standard error. */
int mt_role_chain_run(const struct mt_role_options *options);
int mt_role_net_run(const struct mt_role_options *options);

#endif
