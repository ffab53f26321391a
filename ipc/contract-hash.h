/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_CONTRACT_HASH_H
#define MT_IPC_CONTRACT_HASH_H

/*
 * Perfect hashes of the contract's names, as contract.py lays them out: FNV-1a from a seed at which
 * no two names share a slot. Between the generated tables and contract.c only.
 */

#include "policy/base.h"

struct mt_contract_hash {
	uint32_t seed, mask;
	const int8_t *slots; /* index into the table, or -1 */
};
extern const struct mt_contract_hash mt_contract_interface_hash;
extern const struct mt_contract_hash mt_contract_call_hash;
extern const struct mt_contract_hash mt_contract_property_hash;

/* Error codes the contract names; NULL-terminated. */
extern const char *const mt_contract_error_codes[];

#endif
