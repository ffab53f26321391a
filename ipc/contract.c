/* SPDX-License-Identifier: MIT */
/* Names of the contract to rows of its tables. */

#include "ipc/contract.h"

#include <stdio.h>
#include <string.h>

#include "ipc/contract-hash.h"

/* FNV-1a with the fold of contract.py; a name is hostile, but with one slot each and one comparison
 * there is nothing to flood. */
static uint32_t
hash_more(uint32_t value, const char *string)
{
	for (; *string; string++)
		value = (value ^ (uint8_t)*string) * UINT32_C(16777619);

	return value;
}

static int
slot_of(const struct mt_contract_hash *hash, const char *interface, const char *member)
{
	uint32_t value = hash_more(UINT32_C(2166136261) ^ hash->seed, interface);

	if (member)
		value = hash_more(hash_more(value, "."), member);

	return hash->slots[(value ^ (value >> 15)) & hash->mask];
}

int
mt_contract_find_interface(const char *interface)
{
	int i = slot_of(&mt_contract_interface_hash, interface, NULL);

	return i >= 0 && strcmp(mt_interfaces[i].name, interface) == 0 ? i : -1;
}

int
mt_contract_find_call(const char *interface, const char *member)
{
	int i = slot_of(&mt_contract_call_hash, interface, member);

	if (i < 0 || strcmp(mt_calls[i].member, member) != 0 ||
	    strcmp(mt_interfaces[mt_calls[i].interface].name, interface) != 0)
		return -1;

	return i;
}

int
mt_contract_find_property(const char *interface, const char *member)
{
	int i = slot_of(&mt_contract_property_hash, interface, member);

	if (i < 0 || strcmp(mt_properties[i].member, member) != 0 ||
	    strcmp(mt_interfaces[mt_properties[i].interface].name, interface) != 0)
		return -1;

	return i;
}

bool
mt_contract_is_account_id(const char *id)
{
	size_t n = strspn(id, "0123456789abcdef");

	return n == MT_ACCOUNT_ID_LENGTH && id[n] == '\0';
}

const char *
mt_contract_account_id(const char *path)
{
	const size_t prefix = sizeof(MT_ACCOUNTS_PATH "/") - 1;

	if (strncmp(path, MT_ACCOUNTS_PATH "/", prefix) != 0)
		return NULL;

	return mt_contract_is_account_id(path + prefix) ? path + prefix : NULL;
}

void
mt_contract_format_path(const char *id, char ret[static MT_ACCOUNT_PATH_SIZE])
{
	(void)snprintf(ret, MT_ACCOUNT_PATH_SIZE, "%s/%.*s", MT_ACCOUNTS_PATH, MT_ACCOUNT_ID_LENGTH,
		       id);
}
