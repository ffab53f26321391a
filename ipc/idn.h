/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_IDN_H
#define MT_IPC_IDN_H

/*
 * What people type to what the protocols carry: U-labels to A-labels (IDNA2008, non-transitional,
 * RFC 5891), for hosts and for the domain of an address. Bounded on both sides. What comes out is
 * normalised as policy/domain.h does it; the way back, for display, is nobody's business here,
 * because a look-alike name is best shown as its A-label.
 */

#include "policy/limits.h"

enum { MT_IDN_E_INVALID = 1 };

/* A host name or IP literal. Return: 0, MT_IDN_E_INVALID, negative errno. */
MT_MUST_CHECK int mt_idn_host(const char *text, size_t size, char ret[static MT_DOMAIN_SIZE]);

/* "local@domain": the local part is kept as it is (UTF-8 is allowed, RFC 6531; control characters
 * are not). Return: 0, MT_IDN_E_INVALID, negative errno. */
MT_MUST_CHECK int mt_idn_address(const char *text, size_t size, char ret[static MT_ADDRESS_SIZE]);

#endif
