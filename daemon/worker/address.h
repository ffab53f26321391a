/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_ADDRESS_H
#define MT_DAEMON_WORKER_ADDRESS_H

/*
 * Which addresses lead out into the internet, and which to this machine or its neighbours
 * (RFC 6890 and the registries it founded). Not a firewall: what is behind a global address is not
 * known here.
 */

#include "policy/base.h"

/* Whether a literal is a global unicast address. IPv4 inside IPv6 (mapped, NAT64) counts by its
 * inside; tunnels that hide one (6to4, Teredo) do not count. What is no literal is not global. */
bool mt_address_is_global(const char *literal);

#endif
