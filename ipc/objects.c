/* SPDX-License-Identifier: MIT */
/* Introspectable, Properties and ObjectManager, from the contract and the daemon's properties. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/codec.h"
#include "ipc/dispatch-internal.h"

/* Introspection */

/* Folders above the objects, each with the one child it has. The last one's are the accounts. */
static const struct {
	const char *path, *child;
} folders[] = {
	{"/", "org"},
	{"/org", "mailtrust1"},
	{MT_ACCOUNTS_PATH, NULL},
};

bool
mt_object_is_folder(const char *path)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(folders); i++)
		if (strcmp(folders[i].path, path) == 0)
			return true;

	return false;
}

static bool
print_account(const char *id, void *account, void *file)
{
	return fprintf(file, "<node name=\"%s\"/>\n", id) > 0;
}

static void
print_folder(struct mt_request *request, const char *path, FILE *file)
{
	const struct mt_dispatch_config *config = &request->dispatch->config;

	for (size_t i = 0; i < MT_ARRAY_SIZE(folders); i++)
		if (strcmp(folders[i].path, path) == 0 && folders[i].child)
			(void)fprintf(file, "<node name=\"%s\"/>\n", folders[i].child);
	/* D-SYS-02: the caller's accounts only */
	if (strcmp(path, MT_ACCOUNTS_PATH) == 0)
		config->each_account(request->caller->uid, print_account, file, config->userdata);
}

static int
introspect(struct mt_request *request, const char *path)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);
	DBusMessageIter iter;
	int r;

	if (!file)
		return -ENOMEM;

	(void)fputs(DBUS_INTROSPECT_1_0_XML_DOCTYPE_DECL_NODE "<node>\n", file);
	if (strcmp(path, MT_ROOT_PATH) == 0)
		(void)fprintf(file, "%s<node name=\"account\"/>\n", mt_introspect_root);
	else if (mt_contract_account_id(path))
		(void)fputs(mt_introspect_account, file);
	else
		print_folder(request, path, file);
	(void)fputs("</node>\n", file);
	r = fclose(file) ? -ENOMEM : mt_request_begin_reply(request, &iter);
	if (r == 0)
		r = mt_codec_append_string(&iter, text);
	free(text);
	if (r == 0)
		mt_request_reply(request);

	return r;
}

int
mt_object_introspect_folder(struct mt_request *request, const char *path)
{
	return introspect(request, path);
}

static int
handle_introspect(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	return introspect(request, dbus_message_get_path(request->message));
}

/* Properties */

static int
append_property(struct mt_dispatch *dispatch, enum mt_property_id property, void *account,
		uint32_t uid, DBusMessageIter *iter)
{
	DBusMessageIter variant;
	int r;

	if (!dbus_message_iter_open_container(iter, DBUS_TYPE_VARIANT,
					      mt_properties[property].signature, &variant))
		return -ENOMEM;

	r = dispatch->properties[property](account, uid, &variant, dispatch->config.userdata);
	if (r) {
		dbus_message_iter_abandon_container(iter, &variant);
		return r;
	}
	return dbus_message_iter_close_container(iter, &variant) ? 0 : -ENOMEM;
}

static int
append_entry(struct mt_dispatch *dispatch, enum mt_property_id property, void *account,
	     uint32_t uid, DBusMessageIter *dict)
{
	DBusMessageIter entry;
	int r;

	if (!dbus_message_iter_open_container(dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry))
		return -ENOMEM;

	r = mt_codec_append_string(&entry, mt_properties[property].member);
	if (r == 0)
		r = append_property(dispatch, property, account, uid, &entry);
	if (r) {
		dbus_message_iter_abandon_container(dict, &entry);
		return r;
	}
	return dbus_message_iter_close_container(dict, &entry) ? 0 : -ENOMEM;
}

static bool
is_wanted(enum mt_property_id property, enum mt_interface interface,
	  const enum mt_property_id *only, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (only[i] == property)
			return true;

	return n == 0 && mt_properties[property].interface == interface;
}

int
mt_object_append_properties(struct mt_dispatch *dispatch, enum mt_interface interface,
			    const enum mt_property_id *only, size_t n, void *account, uint32_t uid,
			    DBusMessageIter *iter)
{
	DBusMessageIter dict;
	int r = 0;

	if (!dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "{sv}", &dict))
		return -ENOMEM;
	for (size_t i = 0; i < MT_PROPERTY_COUNT && r == 0; i++)
		if (is_wanted((enum mt_property_id)i, interface, only, n))
			r = append_entry(dispatch, (enum mt_property_id)i, account, uid, &dict);
	if (r) {
		dbus_message_iter_abandon_container(iter, &dict);
		return r;
	}
	return dbus_message_iter_close_container(iter, &dict) ? 0 : -ENOMEM;
}

/* The interface is one of the object that was called. */
static bool
is_here(const struct mt_request *request, enum mt_interface interface)
{
	unsigned int object = request->account ? MT_OBJECT_ACCOUNT : MT_OBJECT_ROOT;

	return mt_interfaces[interface].objects & object;
}

static int
handle_get(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	const char *interface = mt_codec_take_string(args), *name = mt_codec_take_string(args);
	int property = mt_contract_find_property(interface, name), r;
	DBusMessageIter iter;

	if (property < 0 || !is_here(request, mt_properties[property].interface))
		return MT_ERROR_UNKNOWN_METHOD;

	r = mt_request_begin_reply(request, &iter);
	if (r == 0)
		r = append_property(request->dispatch, (enum mt_property_id)property,
				    request->account, request->caller->uid, &iter);
	if (r == 0)
		mt_request_reply(request);

	return r;
}

static int
handle_get_all(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	int interface = mt_contract_find_interface(mt_codec_take_string(args)), r;
	DBusMessageIter iter;

	if (interface < 0 || !is_here(request, (enum mt_interface)interface))
		return MT_ERROR_UNKNOWN_METHOD;

	r = mt_request_begin_reply(request, &iter);
	if (r == 0)
		r = mt_object_append_properties(request->dispatch, (enum mt_interface)interface,
						NULL, 0, request->account, request->caller->uid,
						&iter);
	if (r == 0)
		mt_request_reply(request);

	return r;
}

/* What changes an account are methods, which check. */
static int
handle_set(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	return MT_ERROR_ACCESS_DENIED;
}

/* ObjectManager */

int
mt_object_append_account(struct mt_dispatch *dispatch, void *account, uint32_t uid,
			 DBusMessageIter *iter)
{
	DBusMessageIter dict, entry;
	int r;

	if (!dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "{sa{sv}}", &dict))
		return -ENOMEM;
	if (!dbus_message_iter_open_container(&dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry)) {
		dbus_message_iter_abandon_container(iter, &dict);
		return -ENOMEM;
	}
	r = mt_codec_append_string(&entry, mt_interfaces[MT_INTERFACE_ACCOUNT].name);
	if (r == 0)
		r = mt_object_append_properties(dispatch, MT_INTERFACE_ACCOUNT, NULL, 0, account,
						uid, &entry);
	if (r == 0 && !dbus_message_iter_close_container(&dict, &entry))
		r = -ENOMEM;
	if (r == 0)
		return dbus_message_iter_close_container(iter, &dict) ? 0 : -ENOMEM;

	dbus_message_iter_abandon_container_if_open(&dict, &entry);
	dbus_message_iter_abandon_container(iter, &dict);
	return r;
}

struct managed {
	struct mt_request *request;
	DBusMessageIter *dict;
	int r;
};

static bool
append_managed(const char *id, void *account, void *context)
{
	struct managed *managed = context;
	DBusMessageIter entry;
	int r;

	if (!dbus_message_iter_open_container(managed->dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry)) {
		managed->r = -ENOMEM;
		return false;
	}
	r = mt_codec_append_path(&entry, id);
	if (r == 0)
		r = mt_object_append_account(managed->request->dispatch, account,
					     managed->request->caller->uid, &entry);
	if (r == 0 && !dbus_message_iter_close_container(managed->dict, &entry))
		r = -ENOMEM;
	if (r)
		dbus_message_iter_abandon_container_if_open(managed->dict, &entry);
	managed->r = r;
	return r == 0;
}

static int
handle_managed(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	DBusMessageIter iter, dict;
	struct managed managed = {.request = request, .dict = &dict};
	int r = mt_request_begin_reply(request, &iter);

	if (r)
		return r;
	if (!dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{oa{sa{sv}}}", &dict))
		return -ENOMEM;

	request->dispatch->config.each_account(request->caller->uid, append_managed, &managed,
					       userdata);
	if (managed.r) {
		dbus_message_iter_abandon_container(&iter, &dict);
		return managed.r;
	}
	if (!dbus_message_iter_close_container(&iter, &dict))
		return -ENOMEM;

	mt_request_reply(request);
	return 0;
}

const struct mt_method mt_object_methods[] = {
	{MT_CALL_INTROSPECTABLE_INTROSPECT, MT_ACCESS_ANYONE, handle_introspect, MT_WHEN_CALLED},
	{MT_CALL_PROPERTIES_GET, MT_ACCESS_ANYONE, handle_get, MT_WHEN_CALLED},
	{MT_CALL_PROPERTIES_GET_ALL, MT_ACCESS_ANYONE, handle_get_all, MT_WHEN_CALLED},
	{MT_CALL_PROPERTIES_SET, MT_ACCESS_ANYONE, handle_set, MT_WHEN_CALLED},
	{MT_CALL_OBJECT_MANAGER_GET_MANAGED_OBJECTS, MT_ACCESS_ANYONE, handle_managed,
	 MT_WHEN_CALLED},
};
const size_t mt_object_methods_count = MT_ARRAY_SIZE(mt_object_methods);
