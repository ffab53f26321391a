/* SPDX-License-Identifier: MIT */
/* Properties of accounts and of the root: stored state as D-Bus values; no connection is made. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/bus-watch.h"
#include "daemon/host-memory.h"
#include "daemon/keeper.h"
#include "ipc/codec.h"
#include "policy/domain.h"

static int
append_id(void *account, uint32_t uid, DBusMessageIter *variant, void *userdata)
{
	char id[MT_ACCOUNT_ID_TEXT];

	mt_account_id_format(&((const struct mt_account *)account)->id, id);
	return mt_codec_append_string(variant, id);
}

static int
append_address(void *account, uint32_t uid, DBusMessageIter *variant, void *userdata)
{
	return mt_codec_append_string(variant, ((const struct mt_account *)account)->address);
}

static int
append_state(void *account, uint32_t uid, DBusMessageIter *variant, void *userdata)
{
	const struct mt_account *a = account;

	return mt_codec_append_string(variant, mt_account_state_to_string(a->state));
}

static int
append_level(void *account, uint32_t uid, DBusMessageIter *variant, void *userdata)
{
	enum mt_account_level level = mt_keeper_level(userdata, account);

	return mt_codec_append_string(variant, mt_account_level_to_string(level));
}

static int
append_minimum(void *account, uint32_t uid, DBusMessageIter *variant, void *userdata)
{
	struct mt_minimum *min = malloc(sizeof(*min));
	int r;

	if (!min)
		return -ENOMEM;
	mt_account_get_minimum(account, min);
	r = mt_codec_append_minimum(variant, min);
	free(min);
	return r;
}

static int
append_effective(void *account, uint32_t uid, DBusMessageIter *variant, void *userdata)
{
	struct mt_keeper *keeper = userdata;

	return mt_codec_append_effective(variant, mt_accounts_effective(keeper->accounts, account));
}

/* D-SRV-05: what serves where DNS is silent, and how old it is. */
static void
add_known(struct mt_dict *dict, struct mt_keeper *keeper, const struct mt_account *account,
	  const char *host)
{
	const char *addresses[MT_ADDRESSES_MAX];
	struct mt_host_known known;

	if (mt_host_memory_get(keeper->store, &account->id, host, mt_clock_wall(keeper->clock),
			       &known) != 0)
		return;
	for (size_t i = 0; i < known.addresses.n; i++)
		addresses[i] = known.addresses.address[i];
	mt_dict_add_strings(dict, "addresses", addresses, known.addresses.n);
	mt_dict_add_time(dict, "addresses-at", known.asked_usec);
}

/* One dictionary of a list. */
typedef int (*append_row_fn)(DBusMessageIter *array, struct mt_keeper *keeper,
			     const struct mt_account *a, size_t index);

static int
append_list(DBusMessageIter *variant, struct mt_keeper *keeper, const struct mt_account *a,
	    size_t n, append_row_fn append)
{
	DBusMessageIter array;
	int r = 0;

	if (!dbus_message_iter_open_container(variant, DBUS_TYPE_ARRAY, "a{sv}", &array))
		return -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++)
		r = append(&array, keeper, a, i);
	return dbus_message_iter_close_container(variant, &array) && r == 0 ? 0 : -ENOMEM;
}

static int
append_endpoint(DBusMessageIter *array, struct mt_keeper *keeper, const struct mt_account *a,
		size_t index)
{
	static const char *const probes[] = {"none", "below-minimum", "confidential"};
	const struct mt_endpoint *endpoint = &a->endpoints[index];
	const char *reasons[MT_REASONS_MAX];
	struct mt_dict dict;

	mt_dict_open(&dict, array);
	mt_dict_add_string(&dict, "protocol", mt_proto_to_string(endpoint->proto));
	mt_dict_add_string(&dict, "transport", mt_transport_to_string(endpoint->transport));
	mt_dict_add_string(&dict, "host", endpoint->host);
	mt_dict_add_u16(&dict, "port", endpoint->port);
	mt_dict_add_string(&dict, "discovery", mt_discovery_to_string(endpoint->discovery));
	if (endpoint->discovery == MT_DISCOVERY_SRV)
		mt_dict_add_string(&dict, "label", endpoint->label);
	if (endpoint->discovery != MT_DISCOVERY_MANUAL &&
	    endpoint->discovery != MT_DISCOVERY_ADMIN) {
		mt_dict_add_string(&dict, "dnssec", mt_dnssec_to_string(endpoint->dnssec));
		mt_dict_add_bool(&dict, "confirmed", endpoint->confirmed);
	}
	mt_dict_add_bool(&dict, "saved", endpoint->status == MT_ENDPOINT_SAVED);
	mt_dict_add_string(&dict, "probe", probes[endpoint->probe]);
	for (size_t i = 0; i < endpoint->n_probe_reasons; i++)
		reasons[i] = mt_reason_to_string((enum mt_reason)endpoint->probe_reasons[i]);
	mt_dict_add_strings(&dict, "probe-reasons", reasons, endpoint->n_probe_reasons);
	add_known(&dict, keeper, a, endpoint->host);
	return mt_dict_close(&dict);
}

static int
append_endpoints(void *account, uint32_t uid, DBusMessageIter *variant, void *userdata)
{
	const struct mt_account *a = account;

	return append_list(variant, userdata, a, a->n_endpoints, append_endpoint);
}

static int
append_consent(DBusMessageIter *array, struct mt_keeper *keeper, const struct mt_account *a,
	       size_t index)
{
	return mt_codec_append_consent(array, &a->consents[index]);
}

static int
append_consents(void *account, uint32_t uid, DBusMessageIter *variant, void *userdata)
{
	const struct mt_account *a = account;

	return append_list(variant, userdata, a, a->n_consents, append_consent);
}

static bool
was_seen_with(const struct mt_endpoint *endpoint, enum mt_reason reason)
{
	for (size_t i = 0; i < endpoint->n_probe_reasons; i++)
		if (endpoint->probe_reasons[i] == (uint8_t)reason)
			return true;
	return false;
}

static int
append_pin(DBusMessageIter *array, struct mt_keeper *keeper, const struct mt_account *a,
	   size_t index)
{
	const struct mt_pin *pin = &a->pins[index];
	bool superseded = false, expired = false;
	struct mt_dict dict;

	for (size_t i = 0; i < a->n_endpoints; i++) {
		const struct mt_endpoint *endpoint = &a->endpoints[i];

		if (!mt_domain_equal(endpoint->host, pin->host))
			continue;
		superseded |= was_seen_with(endpoint, MT_REASON_PIN_SUPERSEDED);
		expired |= was_seen_with(endpoint, MT_REASON_CERT_EXPIRED) &&
			   memcmp(endpoint->probe_leaf, pin->leaf_sha256, 32) == 0;
	}
	mt_dict_open(&dict, array);
	mt_dict_add_string(&dict, "host", pin->host);
	mt_dict_add_bytes(&dict, "leaf_sha256", (struct mt_bytes){pin->leaf_sha256, 32});
	mt_dict_add_time(&dict, "created", pin->created_usec);
	mt_dict_add_bool(&dict, "superseded", superseded);
	mt_dict_add_bool(&dict, "expired", expired);
	return mt_dict_close(&dict);
}

static int
append_pins(void *account, uint32_t uid, DBusMessageIter *variant, void *userdata)
{
	const struct mt_account *a = account;

	return append_list(variant, userdata, a, a->n_pins, append_pin);
}

static int
append_cert(DBusMessageIter *array, struct mt_keeper *keeper, const struct mt_account *a,
	    size_t index)
{
	const struct mt_allowed_cert *cert = &a->certs[index];
	struct mt_dict dict;

	mt_dict_open(&dict, array);
	mt_dict_add_bytes(&dict, "thumbprint", (struct mt_bytes){cert->sha256, 32});
	mt_dict_add_string(&dict, "subject", cert->subject);
	mt_dict_add_time(&dict, "allowed", cert->allowed_usec);
	return mt_dict_close(&dict);
}

static int
append_certs(void *account, uint32_t uid, DBusMessageIter *variant, void *userdata)
{
	const struct mt_account *a = account;

	return append_list(variant, userdata, a, a->n_certs, append_cert);
}

const struct mt_property mt_account_properties[] = {
	{MT_PROPERTY_ACCOUNT_ID, append_id},
	{MT_PROPERTY_ACCOUNT_ADDRESS, append_address},
	{MT_PROPERTY_ACCOUNT_STATE, append_state},
	{MT_PROPERTY_ACCOUNT_LEVEL, append_level},
	{MT_PROPERTY_ACCOUNT_MINIMUM, append_minimum},
	{MT_PROPERTY_ACCOUNT_EFFECTIVE_MINIMUM, append_effective},
	{MT_PROPERTY_ACCOUNT_ENDPOINTS, append_endpoints},
	{MT_PROPERTY_ACCOUNT_OFFERS, mt_watch_append_offers},
	{MT_PROPERTY_ACCOUNT_CHANGE, mt_watch_append_change},
	{MT_PROPERTY_ACCOUNT_CONSENTS, append_consents},
	{MT_PROPERTY_ACCOUNT_PINS, append_pins},
	{MT_PROPERTY_ACCOUNT_CLIENT_CERTIFICATES, append_certs},
};
const size_t mt_account_n_properties = MT_ARRAY_SIZE(mt_account_properties);

static int
append_version(void *account, uint32_t uid, DBusMessageIter *variant, void *userdata)
{
	return mt_codec_append_string(variant, MT_VERSION);
}

static int
append_epoch(void *account, uint32_t uid, DBusMessageIter *variant, void *userdata)
{
	struct mt_keeper *keeper = userdata;

	return mt_codec_append_u64(variant, mt_store_get_epoch(keeper->store));
}

const struct mt_property mt_manager_properties[] = {
	{MT_PROPERTY_MANAGER_VERSION, append_version},
	{MT_PROPERTY_MANAGER_POLICY_EPOCH, append_epoch},
};
const size_t mt_manager_n_properties = MT_ARRAY_SIZE(mt_manager_properties);
