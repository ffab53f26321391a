/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_REFERENCES_H
#define MT_DAEMON_REFERENCES_H

/*
 * The names a server of an account may prove, fixed before its certificate is seen (D-ID-10): made
 * of what is stored, and nailed down by a digest that whoever judges the certificate has to meet.
 */

#include "daemon/account.h"

/* SHA-256 of the list as mt_refids_format() writes it. */
void mt_references_digest(const struct mt_refids *refs, uint8_t ret[static 32]);

/* The list for one of the account's endpoints, or, on trial, for one that is judged as if it were.
 * Where there can be none (rows 10-14 answer before a
 * name could matter) it is empty. */
void mt_references_of(const struct mt_account *account, const struct mt_endpoint *endpoint,
		      bool is_trial, int64_t now_usec, struct mt_refids *ret);

#endif
