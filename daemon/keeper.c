/* SPDX-License-Identifier: MIT */
/* Construction of the keeper, in the order things depend on each other. */

#include "daemon/keeper.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "daemon/bus-srv.h"
#include "daemon/bus-watch.h"
#include "daemon/log.h"
#include "daemon/sandbox-keeper.h"

#define METHODS_MAX 64
#define PROPERTIES_MAX 32

int
mt_keeper_error(int outcome)
{
	static const int errors[] = {
		[MT_ACCOUNTS_E_UNKNOWN] = MT_ERROR_UNKNOWN_ACCOUNT,
		[MT_ACCOUNTS_E_DEGRADED] = MT_ERROR_DEGRADED,
		[MT_ACCOUNTS_E_NOT_READY] = MT_ERROR_DEGRADED,
		[MT_ACCOUNTS_E_EXISTS] = MT_ERROR_EXISTS,
		[MT_ACCOUNTS_E_QUOTA] = MT_ERROR_LIMIT_EXCEEDED,
		[MT_ACCOUNTS_E_INVALID] = MT_ERROR_INVALID_ARGUMENTS,
		[MT_ACCOUNTS_E_STATE] = MT_ERROR_NOT_IN_THIS_STATE,
		[MT_ACCOUNTS_E_WARNING_REQUIRED] = MT_ERROR_CONF_WARNING_REQUIRED,
		[MT_ACCOUNTS_E_ORG_REFUSED] = MT_ERROR_ORG_OVERRIDE_REFUSED,
		[MT_ACCOUNTS_E_UNPROBED] = MT_ERROR_ENDPOINT_NOT_PROBED,
		[MT_ACCOUNTS_E_BELOW_MINIMUM] = MT_ERROR_MINIMUM_NOT_MET,
		[MT_ACCOUNTS_E_NOT_PERMITTED] = MT_ERROR_NOT_IN_THIS_STATE,
		[MT_ACCOUNTS_E_NO_ENDPOINT] = MT_ERROR_INVALID_ARGUMENTS,
		[MT_ACCOUNTS_E_PIN_NOT_OFFERED] = MT_ERROR_PIN_NOT_OFFERED,
		[MT_ACCOUNTS_E_PIN_FORBIDDEN] = MT_ERROR_PIN_FORBIDDEN,
		[MT_ACCOUNTS_E_PIN_EXISTING] = MT_ERROR_PIN_NOT_OFFERED_EXISTING,
	};

	return outcome > 0 ? errors[outcome] : outcome;
}

enum mt_account_level
mt_keeper_level(struct mt_keeper *keeper, const struct mt_account *account)
{
	return mt_account_level(mt_accounts_effective(keeper->accounts, account), account->state,
				mt_account_relies_on_pin(account), mt_clock_wall(keeper->clock));
}

/* -- what the dispatch asks -------------------------------------------------------------------- */

/* REQUIREMENTS 4.9: a day idle in setup, and it is gone for whoever looks. */
static bool
has_expired(struct mt_keeper *keeper, const struct mt_account *account)
{
	const struct mt_account_id id = account->id;
	const uint32_t uid = account->uid;
	char domain[MT_DOMAIN_SIZE];

	memcpy(domain, account->domain, sizeof(domain));
	if (mt_accounts_expire_setup(keeper->accounts, &id) != 0)
		return false;
	mt_keeper_forget_srv(keeper, uid, domain);
	return true;
}

static void *
find_account(const char *text, uint32_t uid, void *userdata)
{
	struct mt_keeper *keeper = userdata;
	const struct mt_actor actor = {.uid = uid};
	const struct mt_account *account;
	struct mt_account_id id;

	if (mt_account_id_parse(text, &id) != 0 ||
	    mt_accounts_find(keeper->accounts, actor, &id, &account) != 0)
		return NULL;
	if (account->state == MT_ACCOUNT_SETUP && has_expired(keeper, account))
		return NULL;
	mt_keeper_watch_seen(keeper, account);
	/* The dispatch hands it back to handlers, which read it as const again. */
	return (void *)(uintptr_t)account;
}

static void
each_account(uint32_t uid, mt_each_account_fn fn, void *context, void *userdata)
{
	struct mt_keeper *keeper = userdata;
	struct mt_account_id ids[MT_ACCOUNTS_PER_UID_MAX];
	char text[MT_ACCOUNT_ID_TEXT];
	size_t n = 0;

	if (mt_accounts_list(keeper->accounts, uid, ids, &n) != 0)
		return;
	for (size_t i = 0; i < n; i++) {
		void *account;

		mt_account_id_format(&ids[i], text);
		account = find_account(text, uid, keeper);
		if (account && !fn(text, account, context))
			return;
	}
}

/* DESIGN §7: nothing is committed until the store's check has reported. */
static bool
is_ready(void *userdata)
{
	const struct mt_keeper *keeper = userdata;

	return mt_store_get_state(keeper->store) != MT_STORE_CHECKING;
}

/* -- construction ------------------------------------------------------------------------------ */

static int
fail(struct mt_diag *diag, int r, const char *what, const char *why)
{
	if (r < 0)
		mt_diag_set(diag, SIZE_MAX, "%s: %s", what, strerror(-r));
	else
		mt_diag_set(diag, SIZE_MAX, "%s: %s", what, why);
	return MT_KEEPER_E_START;
}

static int
open_store(struct mt_keeper *k, struct mt_diag *diag)
{
	const struct mt_store_options options = {.directory = k->config->state_dir};
	char what[160];
	int r = mt_store_open(&options, &k->store);

	if (r == 0)
		return 0;
	(void)snprintf(what, sizeof(what), "state directory %.120s", k->config->state_dir);
	return fail(diag, r, what, mt_store_strerror(r));
}

static int
open_accounts(struct mt_keeper *k)
{
	const struct mt_accounts_options options = {
		.store = k->store,
		.clock = k->clock,
		.events = mt_keeper_events,
		.userdata = k,
	};

	return mt_accounts_new(&options, &k->accounts);
}

static void
on_worker(void *userdata, enum mt_worker_role role, bool ready, const char *what)
{
	mt_log(ready ? MT_LOG_INFO : MT_LOG_WARNING, "worker", "%s worker: %s",
	       mt_worker_role_to_string(role), what);
}

static void
reload_presets(evutil_socket_t fd, short what, void *presets)
{
	mt_presets_reload(presets);
}

/* What everybody's accounts may be set up from is root's to write, whoever runs the service; in the
 * user's own places he is his own administrator (DESIGN §5). */
static int
open_presets(struct mt_keeper *k)
{
	const struct mt_config_list *list = &k->config->presets_dir;
	struct mt_presets_directory directories[MT_CONFIG_LIST_MAX];
	int r;

	for (size_t i = 0; i < list->n; i++)
		directories[i] = (struct mt_presets_directory){
			.path = list->items[i],
			.must_be_trusted = !k->config->user ||
					   strcmp(list->items[i], MT_CONFIG_PRESETS_DIR) == 0,
		};
	r = mt_presets_new(directories, list->n, &k->presets);
	if (r)
		return r;
	k->presets_event = evsignal_new(k->base, SIGHUP, reload_presets, k->presets);
	return k->presets_event && event_add(k->presets_event, NULL) == 0 ? 0 : -ENOMEM;
}

static int
open_sources(struct mt_keeper *k)
{
	struct mt_sources_options options = {
		.base = k->base,
		.jobs = k->jobs,
		.clock = k->clock,
		.enabled = k->config->discovery,
		.may_fetch_local = k->config->fetch_local,
		.clock_must_be_synchronised = k->config->clock_must_be_synchronised,
	};
	int r = open_presets(k);

	options.presets = k->presets;
	return r ? r : mt_discoveries_new(&options, &k->discoveries);
}

static int
open_workers(struct mt_keeper *k, int control_fd)
{
	const struct mt_jobs_options jobs = {.on_state = on_worker, .userdata = k};
	const struct mt_verdicts_options verdicts = {
		.base = k->base,
		.clock_must_be_synchronised = k->config->clock_must_be_synchronised,
		.may_fetch_local = k->config->fetch_local,
	};
	struct mt_verdicts_options v = verdicts;
	struct mt_probes_options p = {
		.clock = k->clock,
		.store = k->store,
		.audit = k->audit,
		.may_probe_local = k->config->user || k->config->probe_local,
	};
	int r = mt_jobs_new(k->base, control_fd, &jobs, &k->jobs);

	if (r == 0)
		r = mt_trust_watch_new(k->base, k->jobs, k->config->trust_anchors, &k->watch);
	if (r)
		return r;
	v.accounts = p.accounts = k->accounts;
	v.jobs = p.jobs = k->jobs;
	v.store = k->store;
	v.keys = k->keys;
	v.audit = k->audit;
	v.clock = k->clock;
	r = mt_verdicts_new(&v, &k->verdicts);
	if (r)
		return r;
	p.verdicts = k->verdicts;
	r = mt_probes_new(&p, &k->probes);
	if (r == 0)
		r = open_sources(k);
	return r ? r : mt_keeper_open_watcher(k);
}

static int
open_dispatch(struct mt_keeper *k)
{
	/* The dispatch borrows the tables: one array each, of all interfaces. */
	static struct mt_method methods[METHODS_MAX];
	static struct mt_property properties[PROPERTIES_MAX];
	struct mt_dispatch_config config = {
		.methods = methods,
		.properties = properties,
		.find_account = find_account,
		.each_account = each_account,
		.is_ready = is_ready,
		.base = k->base,
		.is_user_mode = k->config->user,
		.own_uid = getuid(),
		.userdata = k,
	};
	const struct {
		const struct mt_method *table;
		size_t n;
	} tables[] = {
		{mt_account_methods, mt_account_n_methods}, {mt_edit_methods, mt_edit_n_methods},
		{mt_resolve_methods, mt_resolve_n_methods}, {mt_srv_methods, mt_srv_n_methods},
		{mt_watch_methods, mt_watch_n_methods},     {mt_offer_methods, mt_offer_n_methods},
		{mt_manager_methods, mt_manager_n_methods}, {mt_admin_methods, mt_admin_n_methods}};

	for (size_t t = 0; t < MT_ARRAY_SIZE(tables); t++)
		for (size_t i = 0; i < tables[t].n; i++)
			methods[config.n_methods++] = tables[t].table[i];
	for (size_t i = 0; i < mt_account_n_properties; i++)
		properties[config.n_properties++] = mt_account_properties[i];
	for (size_t i = 0; i < mt_manager_n_properties; i++)
		properties[config.n_properties++] = mt_manager_properties[i];
	return mt_dispatch_new(&config, &k->dispatch);
}

static void
on_bus_lost(void *dispatch)
{
	mt_log(MT_LOG_WARNING, "bus", "the message bus is gone; the direct socket goes on");
}

static int
open_bus(struct mt_keeper *k, struct mt_diag *diag)
{
	static const struct mt_bus_ops ops = {.on_call = mt_dispatch_call,
					      .on_gone = mt_dispatch_gone,
					      .on_bus_lost = on_bus_lost};
	char message[192] = "";
	int r = mt_bus_new(k->base, &ops, k->dispatch, &k->bus);

	if (r)
		return fail(diag, r, "bus", "");
	mt_bus_set_attest_group(k->bus, MT_ATTEST_GROUP);
	/* The store's lock is held: whatever socket lies there is a dead one's (DESIGN §5). */
	r = mt_bus_listen(k->bus, k->config->socket_path,
			  k->config->user ? MT_LISTEN_OWN : MT_LISTEN_ALL, message);
	if (r)
		return fail(diag, r, "direct socket", message);
	if (k->config->bus == MT_BUS_NONE)
		return 0;
	r = mt_bus_connect(k->bus, k->config->bus_text, MT_BUS_NAME, message);
	/* A session bus that is not there is no reason not to serve the user's socket. */
	if (r && k->config->user && k->config->bus == MT_BUS_SESSION) {
		mt_log(MT_LOG_WARNING, "bus", "not on the session bus: %s", message);
		return 0;
	}
	return r ? fail(diag, r, "message bus", message) : 0;
}

/* R-5.2-05: a floor that rose with the program reaches every account, and ends older verdicts. */
static void
adopt_floor(struct mt_keeper *k)
{
	uint64_t epoch;

	if (mt_store_get_state(k->store) != MT_STORE_READY ||
	    mt_store_adopt_floor(k->store, MT_FLOOR_VERSION, &epoch) != 0 || epoch == 0)
		return; /* what could not be stored is tried again with the next start */
	mt_log(MT_LOG_NOTICE, "policy", "the built-in floor rose to version %d", MT_FLOOR_VERSION);
	mt_keeper_emit_policy(k, MT_EVERY_UID, epoch);
}

static void
on_store_checked(evutil_socket_t fd, short what, void *data)
{
	struct mt_keeper *k = data;

	(void)mt_store_check_result(k->store);
	adopt_floor(k);
	if (mt_store_check_fd(k->store) < 0)
		event_del(k->check_event);
	if (is_ready(k))
		mt_dispatch_resume(k->dispatch);
}

static int
watch_store(struct mt_keeper *k)
{
	int fd = mt_store_check_fd(k->store);

	adopt_floor(k);
	if (fd < 0)
		return 0;
	k->check_event = event_new(k->base, fd, EV_READ | EV_PERSIST, on_store_checked, k);
	return k->check_event && event_add(k->check_event, NULL) == 0 ? 0 : -ENOMEM;
}

static int
enter_sandbox(struct mt_keeper *k, struct mt_diag *diag)
{
	struct mt_sandbox_keeper_options options = {.writable = {k->config->state_dir},
						    .n_writable = 1};
	int r = mt_sandbox_keeper_enter(&options);

	return r ? fail(diag, r, "sandbox", "") : 0;
}

int
mt_keeper_open(const struct mt_config *config, struct event_base *base, int control_fd,
	       struct mt_diag *diag, struct mt_keeper **ret)
{
	MT_CLEANUP(mt_keeper_freep) struct mt_keeper *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return -ENOMEM;
	k->config = config;
	k->clock = mt_clock_system();
	k->base = base;
	k->started_usec = mt_clock_wall(k->clock);
	r = open_store(k, diag);
	if (r)
		return r;
	r = mt_keys_open(config->state_dir, diag, &k->keys);
	if (r)
		return r > 0 ? MT_KEEPER_E_START : r;
	r = mt_audit_new(&k->audit);
	if (r == 0)
		r = open_accounts(k);
	if (r == 0)
		r = open_workers(k, control_fd);
	if (r == 0)
		r = open_dispatch(k);
	if (r == 0)
		r = watch_store(k);
	if (r)
		return fail(diag, r, "start", "");
	r = open_bus(k, diag);
	if (r == 0)
		r = enter_sandbox(k, diag);
	if (r)
		return r;
	*ret = mt_steal(&k);
	return 0;
}

struct mt_keeper *
mt_keeper_free(struct mt_keeper *k)
{
	if (!k)
		return NULL;
	mt_dispatch_free(k->dispatch);
	mt_bus_free(k->bus);
	mt_watch_free(k->watcher);
	mt_probes_free(k->probes);
	mt_discoveries_free(k->discoveries);
	if (k->presets_event)
		event_free(k->presets_event);
	mt_presets_free(k->presets);
	mt_verdicts_free(k->verdicts);
	mt_trust_watch_free(k->watch);
	mt_jobs_free(k->jobs);
	if (k->check_event)
		event_free(k->check_event);
	mt_accounts_free(k->accounts);
	mt_audit_free(k->audit);
	mt_keys_free(k->keys);
	mt_store_close(k->store);
	free(k);
	return NULL;
}
