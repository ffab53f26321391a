/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_KEEPER_H
#define MT_DAEMON_KEEPER_H

/*
 * The keeper: constructs and owns everything that remembers, decides, signs and answers.
 *
 * It opens no internet socket and parses no certificate, DNS or TLS byte: workers do (jobs.h).
 * mt_keeper_open() does all that needs a file or a socket and then enters the sandbox; after it,
 * only the loop is left. Handlers of the bus get this struct and pass down the narrowest part.
 */

#include "daemon/accounts.h"
#include "daemon/audit.h"
#include "daemon/config.h"
#include "daemon/discoveries.h"
#include "daemon/jobs.h"
#include "daemon/keys.h"
#include "daemon/probes.h"
#include "daemon/trust-watch.h"
#include "daemon/verdicts.h"
#include "daemon/watch.h"
#include "ipc/dispatch.h"

struct mt_keeper {
	const struct mt_config *config; /* borrowed */
	const struct mt_clock *clock;
	struct event_base *base; /* borrowed */
	struct mt_audit *audit;
	struct mt_store *store;
	struct mt_keys *keys;
	struct mt_accounts *accounts;
	struct mt_jobs *jobs;
	struct mt_trust_watch *watch;
	struct mt_verdicts *verdicts;
	struct mt_probes *probes;
	struct mt_presets *presets;
	struct event *presets_event; /* SIGHUP: they are read anew */
	struct mt_discoveries *discoveries;
	struct mt_watch *watcher;
	struct mt_dispatch *dispatch;
	struct mt_bus *bus;
	struct event *check_event; /* the store's check reports */
	int64_t started_usec;
};

/*
 * Opens. control_fd (the spawner's) is taken. diag gets one sentence that says what to do.
 * Return: 0, MT_KEEPER_E_START, negative errno; *ret is untouched on failure.
 */
enum { MT_KEEPER_E_START = 1 };
MT_MUST_CHECK int mt_keeper_open(const struct mt_config *config, struct event_base *base,
				 int control_fd, struct mt_diag *diag, struct mt_keeper **ret);
struct mt_keeper *mt_keeper_free(struct mt_keeper *keeper);
MT_DEFINE_CLEANUP(struct mt_keeper *, mt_keeper_free);

/* The tables of the three interfaces: bus-account.c, bus-edit.c, bus-resolve.c and bus-srv.c,
 * bus-manager.c, bus-admin.c. */
extern const struct mt_method mt_account_methods[];
extern const size_t mt_account_n_methods;
extern const struct mt_method mt_edit_methods[];
extern const size_t mt_edit_n_methods;
extern const struct mt_method mt_resolve_methods[];
extern const size_t mt_resolve_n_methods;
extern const struct mt_method mt_srv_methods[];
extern const size_t mt_srv_n_methods;
extern const struct mt_method mt_manager_methods[];
extern const size_t mt_manager_n_methods;
extern const struct mt_method mt_admin_methods[];
extern const size_t mt_admin_n_methods;
extern const struct mt_method mt_watch_methods[];
extern const size_t mt_watch_n_methods;
extern const struct mt_method mt_offer_methods[];
extern const size_t mt_offer_n_methods;
extern const struct mt_property mt_account_properties[];
extern const size_t mt_account_n_properties;
extern const struct mt_property mt_manager_properties[];
extern const size_t mt_manager_n_properties;

/* Manager.Discover, in bus-discover.c. */
int mt_manager_discover(struct mt_request *request, DBusMessageIter *args, void *userdata);

/* What the accounts report, logged and told to subscribers, in keeper-events.c; userdata is the
 * keeper. */
extern const struct mt_accounts_events mt_keeper_events;
/* PolicyChanged, to a uid or to MT_EVERY_UID. */
void mt_keeper_emit_policy(struct mt_keeper *keeper, uint32_t uid, uint64_t epoch);

/* The error of an outcome of accounts.h, or of probes.h; 0 stays 0, a negative errno stays one. */
int mt_keeper_probe_error(int probes_outcome);
int mt_keeper_error(int accounts_outcome);
enum mt_account_level mt_keeper_level(struct mt_keeper *keeper, const struct mt_account *account);

#endif
