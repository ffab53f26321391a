/* SPDX-License-Identifier: MIT */
/*
 * Pins under any sequence of calls (RFC 8314 §5.4, R-5.4-05, R-5.4-06): two accounts of one user,
 * an owner and an administrator, an organisation that changes its mind, and a clock. The same seed
 * makes the same calls; MT_SEED makes others.
 */

#include "tests/cmocka-all.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/accounts.h"
#include "daemon/log.h"
#include "tests/unit/scratch.h"

#define N_STEPS 40000
#define N_ACCOUNTS 2
#define N_LEAVES 2
#define UID 1000

static const char *const hosts[] = {"a.example.test", "b.example.test"};
static const struct mt_actor owner = {.uid = UID}, admin = {.uid = UID, .admin = true};

struct world {
	char directory[SCRATCH_PATH];
	struct mt_store *store;
	struct mt_accounts *accounts;
	struct mt_clock clock;
	int64_t now_usec;
	uint32_t random;
	bool org_min_conf, org_forbids_pins;
	struct mt_account_id ids[N_ACCOUNTS];
	int64_t left_usec[N_ACCOUNTS]; /* when one that was in use was removed; 0: none */
	unsigned int n_pinned, n_active, n_refused_active, n_again, n_afresh;
};

static int64_t
world_now(void *userdata)
{
	return ((struct world *)userdata)->now_usec;
}

static bool
world_is_synchronised(void *userdata)
{
	return true;
}

static void
org_layers(void *userdata, const struct mt_account *account, struct mt_effective *effective)
{
	struct world *w = userdata;
	struct mt_minimum *min = calloc(1, sizeof(*min));

	assert_non_null(min);
	if (w->org_min_conf)
		assert_int_equal(mt_minimum_set_text(min, "min_conf", "on", true), 0);
	if (w->org_forbids_pins)
		assert_int_equal(mt_minimum_set_text(min, "pinning", "forbidden", true), 0);
	mt_effective_join(effective, min, MT_LAYER_ORG);
	free(min);
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	const char *seed = getenv("MT_SEED");

	assert_non_null(w);
	w->random = seed ? (uint32_t)strtoul(seed, NULL, 10) : 20261124;
	printf("# seed %u\n", (unsigned int)w->random);
	scratch_make(w->directory);
	mt_log_set_target(open("/dev/null", O_WRONLY | O_CLOEXEC));
	w->now_usec = INT64_C(1800000000) * MT_USEC_PER_SEC;
	w->clock = (struct mt_clock){world_now, world_now, world_is_synchronised, w};
	assert_int_equal(mt_store_open(&(struct mt_store_options){.directory = w->directory,
								  .no_sync = true},
				       &w->store),
			 0);
	while (mt_store_check_result(w->store) == MT_STORE_CHECKING)
		(void)usleep(1000);
	assert_int_equal(mt_accounts_new(&(struct mt_accounts_options){.store = w->store,
								       .clock = &w->clock,
								       .layers = org_layers,
								       .userdata = w},
					 &w->accounts),
			 0);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	mt_accounts_free(w->accounts);
	mt_store_close(w->store);
	scratch_remove(w->directory);
	free(w);
	return 0;
}

/* -- steps */

static unsigned int
below(struct world *w, unsigned int n)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 17;
	w->random ^= w->random << 5;
	return w->random % n;
}

static const struct mt_account *
find(struct world *w, unsigned int which)
{
	const struct mt_account *account;

	return mt_accounts_find(w->accounts, admin, &w->ids[which], &account) == 0 ? account : NULL;
}

static const struct mt_account *
get(struct world *w, unsigned int which)
{
	const struct mt_account *account = find(w, which);

	if (!account)
		abort();
	return account;
}

static void
draw_leaf(struct world *w, uint8_t ret[static 32])
{
	memset(ret, 0, 32);
	ret[0] = (uint8_t)(1 + below(w, N_LEAVES));
}

static int
step_endpoint(struct world *w, struct mt_actor actor, const struct mt_account_id *id)
{
	struct mt_endpoint endpoint = {.proto = MT_PROTO_IMAP,
				       .transport = MT_TRANSPORT_IMPLICIT,
				       .port = 993,
				       .discovery = MT_DISCOVERY_MANUAL};
	const char *host = hosts[below(w, MT_ARRAY_SIZE(hosts))];

	if (below(w, 4) == 0)
		return mt_accounts_remove_endpoint(w->accounts, actor, id, MT_PROTO_IMAP, host,
						   993);
	(void)snprintf(endpoint.host, sizeof(endpoint.host), "%s", host);
	return mt_accounts_set_endpoint(w->accounts, actor, id, &endpoint);
}

static int
step_probe(struct world *w, struct mt_actor actor, const struct mt_account_id *id)
{
	uint8_t leaf[32];
	const struct mt_probe probe = {.proto = MT_PROTO_IMAP,
				       .host = hosts[below(w, MT_ARRAY_SIZE(hosts))],
				       .port = 993,
				       .confidential = below(w, 4) == 0,
				       .pin_offered = below(w, 3) > 0,
				       .leaf_sha256 = leaf};

	draw_leaf(w, leaf);
	return mt_accounts_set_probe(w->accounts, actor, id, &probe);
}

static int
step_consent(struct world *w, struct mt_actor actor, const struct mt_account_id *id)
{
	struct mt_consent consent = {.text_version = MT_CONSENT_TEXT_VERSION};

	if (below(w, 2)) {
		consent.kind = MT_CONSENT_PIN;
		(void)snprintf(consent.host, sizeof(consent.host), "%s",
			       hosts[below(w, MT_ARRAY_SIZE(hosts))]);
		draw_leaf(w, consent.leaf_sha256);
	}
	return mt_accounts_record_consent(w->accounts, actor, id, &consent);
}

static int
step_minimum(struct world *w, struct mt_actor actor, const struct mt_account_id *id)
{
	static const char *const values[][2] = {{"min_conf", "off"},      {"min_conf", "off"},
						{"min_conf", "off"},      {"min_conf", "on"},
						{"pinning", "forbidden"}, {"pinning", "allowed"}};
	const char *const *row = values[below(w, MT_ARRAY_SIZE(values))];
	struct mt_minimum *min = calloc(1, sizeof(*min));
	int r;

	assert_non_null(min);
	assert_int_equal(mt_minimum_set_text(min, row[0], row[1], false), 0);
	r = mt_accounts_set_minimum(w->accounts, actor, id, min);
	free(min);
	return r;
}

static int
step_life(struct world *w, struct mt_actor actor, const struct mt_account_id *id)
{
	size_t endpoint;

	switch (below(w, 24)) {
	case 0:
	case 1:
		return mt_accounts_remove(w->accounts, actor, id);
	case 2: /* seldom, so that setups get somewhere */
		return mt_accounts_commit(w->accounts, actor, id, &endpoint);
	case 3:
		return mt_accounts_suspend(w->accounts, actor, id, below(w, MT_SUSPENDER_COUNT));
	case 4:
	case 5:
	case 6:
		return mt_accounts_resume(w->accounts, actor, id);
	case 7:
		w->now_usec += 6 * 3600 * MT_USEC_PER_SEC;
		return mt_accounts_expire_setup(w->accounts, id);
	case 8:
		w->now_usec += MT_TOMBSTONE_USEC;
		return 0;
	case 9:
		w->org_min_conf = below(w, 8) == 0;
		w->org_forbids_pins = below(w, 8) == 0;
		mt_accounts_forget_effective(w->accounts);
		return 0;
	default:
		return 0;
	}
}

/* -- the property */

static bool
has_pin(const struct mt_account *account, const char *host, const uint8_t *leaf)
{
	for (size_t i = 0; account && i < account->n_pins; i++)
		if (strcmp(account->pins[i].host, host) == 0 &&
		    memcmp(account->pins[i].leaf_sha256, leaf, 32) == 0)
			return true;
	return false;
}

static bool
was_offered(const struct world *w, const struct mt_account *account, const char *host,
	    const uint8_t *leaf)
{
	for (size_t i = 0; i < account->n_endpoints; i++) {
		const struct mt_endpoint *e = &account->endpoints[i];

		if (strcmp(e->host, host) == 0 && e->probe != MT_PROBE_NONE &&
		    e->probe_pin_offered && memcmp(e->probe_leaf, leaf, 32) == 0 &&
		    w->now_usec - e->probed_at_usec < MT_SETUP_IDLE_USEC)
			return true;
	}
	return false;
}

/* Everything a pin needs, read off the account as it was before the call. */
static bool
may_be_pinned(struct world *w, const struct mt_account *account, struct mt_actor actor,
	      const char *host, const uint8_t *leaf)
{
	const struct mt_effective *effective = mt_accounts_effective(w->accounts, account);

	return account->state == MT_ACCOUNT_SETUP && !account->committed &&
	       mt_value(effective, MT_FIELD_MIN_CONF) == MT_OFF &&
	       mt_value(effective, MT_FIELD_PINNING) == MT_ALLOWED &&
	       (!account->added_again || actor.admin) && was_offered(w, account, host, leaf) &&
	       mt_account_has_consent(account, MT_CONSENT_PIN, MT_PROTO_UNKNOWN, host, 0, leaf,
				      w->now_usec);
}

static void
step_pin(struct world *w, struct mt_actor actor, unsigned int which)
{
	const char *host = hosts[below(w, MT_ARRAY_SIZE(hosts))];
	const struct mt_account *account = get(w, which);
	bool may, had, active, again;
	uint8_t leaf[32];
	int r;

	draw_leaf(w, leaf);
	active = account->state != MT_ACCOUNT_SETUP;
	again = account->added_again;
	had = has_pin(account, host, leaf);
	may = may_be_pinned(w, account, actor, host, leaf);
	r = mt_accounts_pin(w->accounts, actor, &w->ids[which], host, leaf);
	assert_int_equal(r == 0, may);
	assert_int_equal(has_pin(get(w, which), host, leaf), may || had);
	if (active)
		assert_int_equal(r, MT_ACCOUNTS_E_PIN_EXISTING);
	w->n_refused_active += active;
	w->n_pinned += r == 0;
	w->n_again += r == 0 && again;
}

/* Any call but Pin: whatever it does, no pin comes of it. */
static void
step_other(struct world *w, struct mt_actor actor, unsigned int which)
{
	static int (*const steps[])(struct world *, struct mt_actor,
				    const struct mt_account_id *) = {
		step_endpoint, step_probe, step_probe, step_consent, step_minimum, step_life,
	};
	struct mt_account before[N_ACCOUNTS] = {0};
	int r;

	for (unsigned int i = 0; i < N_ACCOUNTS; i++)
		assert_int_equal(mt_account_copy(get(w, i), &before[i]), 0);
	r = steps[below(w, MT_ARRAY_SIZE(steps))](w, actor, &w->ids[which]);
	assert_true(r >= 0);
	for (unsigned int i = 0; i < N_ACCOUNTS; i++) {
		const struct mt_account *after = find(w, i);

		for (size_t j = 0; after && j < after->n_pins; j++)
			assert_true(has_pin(&before[i], after->pins[j].host,
					    after->pins[j].leaf_sha256));
		if (after && before[i].committed)
			assert_int_not_equal(after->state, MT_ACCOUNT_SETUP);
		if (!after && (before[i].committed || before[i].state == MT_ACCOUNT_SUSPENDED))
			w->left_usec[i] = w->now_usec;
		mt_account_clear(&before[i]);
	}
}

/* 4.9: what was in use is remembered for thirty days, whatever setups were given up meanwhile. */
static void
add_missing(struct world *w, unsigned int which)
{
	static const char *const addresses[N_ACCOUNTS] = {"ann@example.test", "b@example.test"};
	const bool again =
		w->left_usec[which] != 0 && w->now_usec - w->left_usec[which] < MT_TOMBSTONE_USEC;

	if (find(w, which))
		return;
	assert_int_equal(mt_accounts_add(w->accounts, UID, addresses[which], &w->ids[which]), 0);
	assert_int_equal(get(w, which)->added_again, again);
	w->n_afresh += !again;
}

static void
no_sequence_of_calls_pins_anything_for_an_account_in_use(void **state)
{
	struct world *w = *state;

	for (unsigned int i = 0; i < N_STEPS; i++) {
		const unsigned int which = below(w, N_ACCOUNTS);
		const struct mt_actor actor = below(w, 4) == 0 ? admin : owner;

		for (unsigned int a = 0; a < N_ACCOUNTS; a++)
			add_missing(w, a);
		w->n_active += get(w, which)->state == MT_ACCOUNT_ACTIVE;
		if (below(w, 4) == 0)
			step_pin(w, actor, which);
		else
			step_other(w, actor, which);
	}
	printf("# %u pins, %u of them again; %u steps in use, %u pins refused there\n", w->n_pinned,
	       w->n_again, w->n_active, w->n_refused_active);
	/* a walk that goes nowhere proves nothing */
	assert_true(w->n_pinned > 20 && w->n_again > 0 && w->n_afresh > 20);
	assert_true(w->n_active > 1000 && w->n_refused_active > 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			no_sequence_of_calls_pins_anything_for_an_account_in_use, setup, teardown),
	};

	return cmocka_run_group_tests_name("pin-sequences", tests, NULL, NULL);
}
