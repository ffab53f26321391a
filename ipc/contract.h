/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_CONTRACT_H
#define MT_IPC_CONTRACT_H

/*
 * The contract as data: which interfaces, methods, properties and signals exist, with their
 * signatures. Everything here is generated from org.mailtrust1.xml by contract.py; the enumerators
 * (MT_CALL_ACCOUNT_CHECK, MT_PROPERTY_ACCOUNT_STATE, MT_SIGNAL_MANAGER_POLICY_CHANGED, …) stand in
 * the generated ipc/contract-enums.h, so a member that is misspelt does not compile.
 *
 * Knows nothing of who may call what (dispatch.h) nor of what a call does.
 */

#include "policy/base.h"

#include "ipc/contract-enums.h"

#define MT_BUS_NAME "org.mailtrust1"
#define MT_ROOT_PATH "/org/mailtrust1"
#define MT_ACCOUNTS_PATH MT_ROOT_PATH "/account"
/* An account id: 128 random bits as lower-case hex. */
#define MT_ACCOUNT_ID_LENGTH 32
#define MT_ACCOUNT_ID_SIZE (MT_ACCOUNT_ID_LENGTH + 1)
#define MT_ACCOUNT_PATH_SIZE (sizeof(MT_ACCOUNTS_PATH "/") + MT_ACCOUNT_ID_LENGTH)

/* Objects an interface is on, as bits. */
enum mt_object { MT_OBJECT_ROOT = 1, MT_OBJECT_ACCOUNT = 2 };

struct mt_interface_def {
	const char *name;
	unsigned int objects; /* enum mt_object, ORed */
};
extern const struct mt_interface_def mt_interfaces[MT_INTERFACE_COUNT];

struct mt_call_def {
	enum mt_interface interface;
	const char *member;
	const char *in, *out; /* signatures */
};
extern const struct mt_call_def mt_calls[MT_CALL_COUNT];

struct mt_property_def {
	enum mt_interface interface;
	const char *member;
	const char *signature;
};
extern const struct mt_property_def mt_properties[MT_PROPERTY_COUNT];

struct mt_signal_def {
	enum mt_interface interface;
	const char *member;
	const char *signature;
};
extern const struct mt_signal_def mt_signals[MT_SIGNAL_COUNT];

/* Introspection data of the interfaces on the root and on an account, without <node>. */
extern const char mt_introspect_root[];
extern const char mt_introspect_account[];

/* The call, property, interface of a name, or -1. One hash and one comparison each. */
int mt_contract_find_call(const char *interface, const char *member);
int mt_contract_find_property(const char *interface, const char *member);
int mt_contract_find_interface(const char *interface);

/* The id in an account's object path, or NULL where the path has another form. */
const char *mt_contract_account_id(const char *path);
bool mt_contract_is_account_id(const char *id);
/* Writes the object path of an account. id must be valid. */
void mt_contract_format_path(const char *id, char ret[static MT_ACCOUNT_PATH_SIZE]);

#endif
