/* SPDX-License-Identifier: MIT */
/* Accounts: the states of REQUIREMENTS 4.9, consents, pins, and whose they are. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cmocka-all.h"

#include "daemon/accounts.h"
#include "daemon/host-memory.h"
#include "daemon/log.h"
#include "tests/unit/scratch.h"

#define HOST "imap.example.test"
#define ADDRESS "ann@example.test"
#define DAY_USEC (86400 * MT_USEC_PER_SEC)

struct world {
	char directory[SCRATCH_PATH];
	struct mt_store *store;
	struct mt_accounts *accounts;
	struct mt_clock clock;
	int64_t now_usec;
	bool org_forbids_relaxing, org_min_conf, org_forbids_pins;
	unsigned int n_added, n_changed, n_removed, what;
	bool active_became_setup;
};

static const struct mt_actor ann = {.uid = 1000};
static const struct mt_actor bob = {.uid = 1001};
static const struct mt_actor admin = {.uid = 0, .admin = true};
static const uint8_t leaf_1[32] = {1}, leaf_2[32] = {2};

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
on_added(void *userdata, const struct mt_account *account)
{
	((struct world *)userdata)->n_added++;
}

static void
on_changed(void *userdata, const struct mt_account *account, unsigned int what,
	   enum mt_account_state before)
{
	struct world *world = userdata;

	world->n_changed++;
	world->what |= what;
	if (before == MT_ACCOUNT_ACTIVE && account->state == MT_ACCOUNT_SETUP)
		world->active_became_setup = true;
	if (account->committed && account->state == MT_ACCOUNT_SETUP)
		world->active_became_setup = true;
}

static void
on_removed(void *userdata, const struct mt_account *account)
{
	((struct world *)userdata)->n_removed++;
}

static void
org_layers(void *userdata, const struct mt_account *account, struct mt_effective *effective)
{
	struct world *world = userdata;
	struct mt_minimum *min = calloc(1, sizeof(*min));

	assert_non_null(min);
	if (world->org_forbids_relaxing)
		assert_int_equal(mt_minimum_set_text(min, "user_relax", "forbidden", true), 0);
	if (world->org_min_conf)
		assert_int_equal(mt_minimum_set_text(min, "min_conf", "on", true), 0);
	if (world->org_forbids_pins)
		assert_int_equal(mt_minimum_set_text(min, "pinning", "forbidden", true), 0);
	mt_effective_join(effective, min, MT_LAYER_ORG);
	free(min);
}

static void
world_open(struct world *world)
{
	assert_int_equal(mt_store_open(&(struct mt_store_options){.directory = world->directory,
								  .no_sync = true},
				       &world->store),
			 0);
	while (mt_store_check_result(world->store) == MT_STORE_CHECKING)
		(void)usleep(1000);
	assert_int_equal(mt_accounts_new(
				 &(struct mt_accounts_options){
					 .store = world->store,
					 .clock = &world->clock,
					 .events = {on_added, on_changed, on_removed},
					 .layers = org_layers,
					 .userdata = world,
					 .cache_size = 8,
				 },
				 &world->accounts),
			 0);
}

static void
world_close(struct world *world)
{
	world->accounts = mt_accounts_free(world->accounts);
	world->store = mt_store_close(world->store);
}

static void
world_restart(struct world *world)
{
	world_close(world);
	world_open(world);
}

static int
setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	scratch_make(world->directory);
	mt_log_set_target(open("/dev/null", O_WRONLY | O_CLOEXEC));
	world->now_usec = INT64_C(1800000000) * MT_USEC_PER_SEC;
	world->clock = (struct mt_clock){world_now, world_now, world_is_synchronised, world};
	world_open(world);
	*state = world;
	return 0;
}

static int
teardown(void **state)
{
	struct world *world = *state;

	world_close(world);
	scratch_remove(world->directory);
	free(world);
	return 0;
}

/* -- shorthands */

static struct mt_account_id
add(struct world *world, const char *address)
{
	struct mt_account_id id = {0};

	assert_int_equal(mt_accounts_add(world->accounts, ann.uid, address, &id), 0);
	return id;
}

static const struct mt_account *
get(struct world *world, const struct mt_account_id *id)
{
	const struct mt_account *account = NULL;

	assert_int_equal(mt_accounts_find(world->accounts, admin, id, &account), 0);
	return account;
}

static int
set_endpoint(struct world *world, struct mt_actor actor, const struct mt_account_id *id,
	     const char *host, uint16_t port)
{
	struct mt_endpoint endpoint = {
		.proto = MT_PROTO_IMAP,
		.transport = MT_TRANSPORT_IMPLICIT,
		.port = port,
		.discovery = MT_DISCOVERY_MANUAL,
	};

	(void)snprintf(endpoint.host, sizeof(endpoint.host), "%s", host);
	return mt_accounts_set_endpoint(world->accounts, actor, id, &endpoint);
}

static int
set_probe(struct world *world, struct mt_actor actor, const struct mt_account_id *id,
	  const char *host, uint16_t port, bool confidential, const uint8_t *pin_offered)
{
	static const enum mt_reason reasons[] = {MT_REASON_CERT_EXPIRED,
						 MT_REASON_PIN_OFFER_AVAILABLE};

	return mt_accounts_set_probe(world->accounts, actor, id,
				     &(struct mt_probe){
					     .proto = MT_PROTO_IMAP,
					     .host = host,
					     .port = port,
					     .confidential = confidential,
					     .pin_offered = pin_offered != NULL,
					     .leaf_sha256 = pin_offered,
					     .reasons = reasons,
					     .n_reasons = confidential ? 0 : 2,
				     });
}

static int
commit(struct world *world, const struct mt_account_id *id)
{
	size_t endpoint = 0;

	return mt_accounts_commit(world->accounts, ann, id, &endpoint);
}

static int
set_field(struct world *world, struct mt_actor actor, const struct mt_account_id *id,
	  const char *field, const char *value)
{
	struct mt_minimum *min = calloc(1, sizeof(*min));
	int r;

	assert_non_null(min);
	assert_int_equal(mt_minimum_set_text(min, field, value, false), 0);
	r = mt_accounts_set_minimum(world->accounts, actor, id, min);
	free(min);
	return r;
}

static struct mt_consent
consent_of(enum mt_consent_kind kind)
{
	struct mt_consent consent = {.kind = kind, .text_version = MT_CONSENT_TEXT_VERSION};

	if (kind != MT_CONSENT_REDUCED_CONFIDENTIALITY)
		(void)snprintf(consent.host, sizeof(consent.host), "%s", HOST);
	if (kind == MT_CONSENT_PASSWORD_EXPOSURE || kind == MT_CONSENT_DOWNGRADE) {
		consent.proto = MT_PROTO_IMAP;
		consent.port = 993;
	}
	if (kind == MT_CONSENT_PIN)
		memcpy(consent.leaf_sha256, leaf_1, 32);
	return consent;
}

static int
give(struct world *world, struct mt_actor actor, const struct mt_account_id *id,
     enum mt_consent_kind kind)
{
	struct mt_consent consent = consent_of(kind);

	return mt_accounts_record_consent(world->accounts, actor, id, &consent);
}

static void
reduce(struct world *world, const struct mt_account_id *id)
{
	assert_int_equal(give(world, ann, id, MT_CONSENT_REDUCED_CONFIDENTIALITY), 0);
	assert_int_equal(set_field(world, ann, id, "min_conf", "off"), 0);
}

static struct mt_account_id
add_active(struct world *world, const char *address)
{
	struct mt_account_id id = add(world, address);

	assert_int_equal(set_endpoint(world, ann, &id, HOST, 993), 0);
	assert_int_equal(set_probe(world, ann, &id, HOST, 993, true, NULL), 0);
	assert_int_equal(commit(world, &id), 0);
	return id;
}

static void
facts_of(struct world *world, const struct mt_account_id *id, const char *host, uint16_t port,
	 const uint8_t *leaf, struct mt_account_facts *ret)
{
	struct mt_evidence evidence = {.proto = MT_PROTO_IMAP, .port = port};

	(void)snprintf(evidence.host, sizeof(evidence.host), "%s", host);
	if (leaf) {
		memcpy(evidence.leaf_sha256, leaf, 32);
		evidence.present |= MT_BIT(MT_EV_LEAF_SHA256);
	}
	mt_account_facts(get(world, id), &evidence, world->now_usec, ret);
}

static bool
min_conf_is_on(struct world *world, const struct mt_account_id *id)
{
	struct mt_minimum *min = malloc(sizeof(*min));
	bool on;

	assert_non_null(min);
	mt_account_get_minimum(get(world, id), min);
	on = min->values[MT_FIELD_MIN_CONF] == MT_ON;
	free(min);
	return on;
}

/* -- the cases */

static void
a_new_account_is_in_setup_and_requires_the_minimum(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add(world, "Ann@EXAMPLE.test");
	const struct mt_account *account = get(world, &id);

	assert_int_equal(account->state, MT_ACCOUNT_SETUP);
	assert_string_equal(account->address, "Ann@example.test");
	assert_string_equal(account->domain, "example.test");
	assert_true(min_conf_is_on(world, &id));
	assert_int_equal(world->n_added, 1);
}

static void
an_account_is_the_same_after_a_restart(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_active(world, ADDRESS);
	struct mt_writer before = {0}, after = {0};
	const struct mt_account *account;

	reduce(world, &id);
	assert_int_equal(give(world, ann, &id, MT_CONSENT_DOWNGRADE), 0);
	assert_int_equal(mt_accounts_decline_offer(world->accounts, ann, &id, "imap-implicit"), 0);
	assert_int_equal(mt_account_encode(get(world, &id), &before), 0);
	world_restart(world);
	assert_int_equal(mt_accounts_find_address(world->accounts, ann.uid, ADDRESS, &account), 0);
	assert_int_equal(mt_account_encode(account, &after), 0);
	assert_int_equal(before.size, after.size);
	assert_memory_equal(before.data, after.data, before.size);
	mt_writer_clear(&before);
	mt_writer_clear(&after);
}

static void
an_address_is_added_once_per_uid_and_again_by_another_uid(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add(world, ADDRESS), other;

	assert_int_equal(mt_accounts_add(world->accounts, ann.uid, ADDRESS, &other),
			 MT_ACCOUNTS_E_EXISTS);
	assert_int_equal(mt_accounts_add(world->accounts, bob.uid, ADDRESS, &other), 0);
	assert_false(mt_account_id_equal(&id, &other));
}

static void
an_address_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = {"",
					  "ann",
					  "@",
					  "ann@",
					  "ann@-x.test",
					  "a\nb@example.test",
					  "ann@ex\xc3\xa4mple.test"};
	struct world *world = *state;
	struct mt_account_id id;

	for (size_t i = 0; i < MT_ARRAY_SIZE(bad); i++)
		assert_int_equal(mt_accounts_add(world->accounts, ann.uid, bad[i], &id),
				 MT_ACCOUNTS_E_INVALID);
}

static void
accounts_of_a_uid_are_bounded_and_of_another_not_affected(void **state)
{
	struct world *world = *state;
	struct mt_account_id ids[MT_ACCOUNTS_PER_UID_MAX], id;
	char address[64];
	size_t n = 0;

	for (int i = 0; i < MT_ACCOUNTS_PER_UID_MAX; i++) {
		(void)snprintf(address, sizeof(address), "a%d@example.test", i);
		(void)add(world, address);
	}
	assert_int_equal(mt_accounts_add(world->accounts, ann.uid, ADDRESS, &id),
			 MT_ACCOUNTS_E_QUOTA);
	assert_int_equal(mt_accounts_add(world->accounts, bob.uid, ADDRESS, &id), 0);
	assert_int_equal(mt_accounts_list(world->accounts, ann.uid, ids, &n), 0);
	assert_int_equal(n, MT_ACCOUNTS_PER_UID_MAX);
	assert_string_equal(get(world, &ids[7])->address, "a7@example.test");
	assert_string_equal(get(world, &ids[255])->address, "a255@example.test");
}

static void
a_domain_lists_its_accounts_in_chunks_and_forgets_the_removed(void **state)
{
	struct world *world = *state;
	struct mt_account_id ids[MT_DOMAIN_CHUNK], gone = {0};
	char address[64];
	size_t n = 0;

	for (int i = 0; i < 200; i++) {
		(void)snprintf(address, sizeof(address), "a%d@example.test", i);
		gone = add(world, address);
	}
	assert_int_equal(mt_accounts_list_domain(world->accounts, "example.test", 0, ids, &n), 0);
	assert_int_equal(n, MT_DOMAIN_CHUNK);
	assert_int_equal(mt_accounts_list_domain(world->accounts, "example.test", 1, ids, &n), 0);
	assert_int_equal(n, 200 - MT_DOMAIN_CHUNK);
	assert_int_equal(mt_accounts_remove(world->accounts, ann, &gone), 0);
	assert_int_equal(mt_accounts_list_domain(world->accounts, "example.test", 1, ids, &n), 0);
	assert_int_equal(n, 199 - MT_DOMAIN_CHUNK);
	for (size_t i = 0; i < n; i++)
		assert_false(mt_account_id_equal(&ids[i], &gone));
	assert_int_equal(mt_accounts_list_domain(world->accounts, "example.test", 2, ids, &n),
			 MT_ACCOUNTS_E_UNKNOWN);
	assert_int_equal(mt_accounts_list_domain(world->accounts, "other.test", 0, ids, &n),
			 MT_ACCOUNTS_E_UNKNOWN);
}

/* Every call, on one id: what a uid is told. */
static void
outcomes_of(struct world *world, struct mt_actor actor, const struct mt_account_id *id, int ret[20])
{
	struct mt_accounts *accounts = world->accounts;
	const struct mt_account *account = NULL;
	size_t endpoint = 99, i = 0;

	ret[i++] = mt_accounts_find(accounts, actor, id, &account);
	ret[i++] = set_endpoint(world, actor, id, HOST, 993);
	ret[i++] = mt_accounts_remove_endpoint(accounts, actor, id, MT_PROTO_IMAP, HOST, 993);
	ret[i++] = set_probe(world, actor, id, HOST, 993, true, NULL);
	ret[i++] = set_field(world, actor, id, "min_conf", "off");
	ret[i++] = set_field(world, actor, id, "tls_min", "1.3");
	ret[i++] = mt_accounts_allow_client_cert(accounts, actor, id, leaf_1, "");
	ret[i++] = mt_accounts_revoke_client_cert(accounts, actor, id, leaf_1);
	for (enum mt_consent_kind kind = 0; kind < MT_CONSENT_KIND_COUNT; kind++)
		ret[i++] = give(world, actor, id, kind);
	ret[i++] = mt_accounts_consume_consent(accounts, actor, id, MT_CONSENT_PASSWORD_EXPOSURE,
					       MT_PROTO_IMAP, HOST, 993);
	ret[i++] = mt_accounts_pin(accounts, actor, id, HOST, leaf_1);
	ret[i++] = mt_accounts_unpin(accounts, actor, id, HOST, NULL);
	ret[i++] = mt_accounts_commit(accounts, actor, id, &endpoint);
	ret[i++] = mt_accounts_suspend(accounts, actor, id, MT_SUSPENDER_OWNER);
	ret[i++] = mt_accounts_resume(accounts, actor, id);
	ret[i++] = mt_accounts_remove(accounts, actor, id);
	assert_int_equal(i, 20);
	assert_null(account);
}

static void
another_uids_account_answers_exactly_like_one_that_does_not_exist(void **state)
{
	struct world *world = *state;
	const struct mt_account_id nobody = {.bytes = {42}};
	struct mt_account_id id = add_active(world, ADDRESS);
	struct mt_writer before = {0}, after = {0};
	int of_ann[20], of_nobody[20];

	assert_int_equal(mt_account_encode(get(world, &id), &before), 0);
	outcomes_of(world, bob, &id, of_ann);
	outcomes_of(world, bob, &nobody, of_nobody);
	assert_memory_equal(of_ann, of_nobody, sizeof(of_ann));
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(of_ann[i], MT_ACCOUNTS_E_UNKNOWN);
	assert_int_equal(mt_account_encode(get(world, &id), &after), 0);
	assert_int_equal(before.size, after.size);
	assert_memory_equal(before.data, after.data, before.size);
	assert_true(mt_accounts_is_of_another(world->accounts, bob.uid, &id));
	assert_false(mt_accounts_is_of_another(world->accounts, bob.uid, &nobody));
	mt_writer_clear(&before);
	mt_writer_clear(&after);
}

static void
commit_needs_a_probe_of_every_endpoint(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add(world, ADDRESS);
	size_t endpoint = 0;

	assert_int_equal(mt_accounts_commit(world->accounts, ann, &id, &endpoint),
			 MT_ACCOUNTS_E_UNPROBED);
	assert_int_equal(endpoint, MT_ENDPOINTS_MAX);
	assert_int_equal(set_endpoint(world, ann, &id, HOST, 993), 0);
	assert_int_equal(set_endpoint(world, ann, &id, "pop.example.test", 995), 0);
	assert_int_equal(set_probe(world, ann, &id, HOST, 993, true, NULL), 0);
	assert_int_equal(mt_accounts_commit(world->accounts, ann, &id, &endpoint),
			 MT_ACCOUNTS_E_UNPROBED);
	assert_int_equal(endpoint, 1);
	assert_int_equal(set_probe(world, ann, &id, "pop.example.test", 995, true, NULL), 0);
	assert_int_equal(commit(world, &id), 0);
	assert_int_equal(get(world, &id)->state, MT_ACCOUNT_ACTIVE);
	assert_int_equal(get(world, &id)->endpoints[1].status, MT_ENDPOINT_SAVED);
	assert_int_equal(commit(world, &id), MT_ACCOUNTS_E_STATE);
}

static void
commit_below_the_minimum_needs_it_off_and_the_warning_confirmed(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add(world, ADDRESS);

	assert_int_equal(set_endpoint(world, ann, &id, HOST, 993), 0);
	assert_int_equal(set_probe(world, ann, &id, HOST, 993, false, NULL), 0);
	assert_int_equal(commit(world, &id), MT_ACCOUNTS_E_BELOW_MINIMUM);
	reduce(world, &id);
	world->org_min_conf = true;
	mt_accounts_forget_effective(world->accounts);
	assert_int_equal(commit(world, &id), MT_ACCOUNTS_E_BELOW_MINIMUM);
	world->org_min_conf = false;
	mt_accounts_forget_effective(world->accounts);
	assert_int_equal(commit(world, &id), 0);
	assert_int_equal(get(world, &id)->endpoints[0].probe_reasons[0], MT_REASON_CERT_EXPIRED);
}

static void
switching_the_minimum_off_needs_the_consent_of_the_current_text(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_active(world, ADDRESS);
	struct mt_consent old = consent_of(MT_CONSENT_REDUCED_CONFIDENTIALITY);

	assert_int_equal(set_field(world, ann, &id, "min_conf", "off"),
			 MT_ACCOUNTS_E_WARNING_REQUIRED);
	old.text_version = MT_CONSENT_TEXT_VERSION + 1;
	assert_int_equal(mt_accounts_record_consent(world->accounts, ann, &id, &old),
			 MT_ACCOUNTS_E_INVALID);
	assert_int_equal(give(world, ann, &id, MT_CONSENT_DOWNGRADE), 0); /* another kind */
	assert_int_equal(set_field(world, ann, &id, "min_conf", "off"),
			 MT_ACCOUNTS_E_WARNING_REQUIRED);
	assert_true(min_conf_is_on(world, &id));
	reduce(world, &id);
	assert_false(min_conf_is_on(world, &id));
	assert_true(world->what & MT_CHANGED_MINIMUM);
}

static void
switching_off_again_shows_the_warning_again(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_active(world, ADDRESS);

	reduce(world, &id);
	assert_int_equal(set_field(world, ann, &id, "min_conf", "on"), 0);
	assert_int_equal(set_field(world, ann, &id, "min_conf", "off"),
			 MT_ACCOUNTS_E_WARNING_REQUIRED);
}

static void
strengthening_is_free_and_lowering_the_bundle_is_not(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_active(world, ADDRESS);

	assert_int_equal(set_field(world, ann, &id, "tls_min", "1.3"), 0);
	assert_int_equal(set_field(world, ann, &id, "tls_min", "1.2"),
			 MT_ACCOUNTS_E_WARNING_REQUIRED);
	assert_int_equal(set_field(world, ann, &id, "verdict_ttl", "30"), 0);
	assert_int_equal(set_field(world, ann, &id, "verdict_ttl", "60"), 0); /* not the bundle */
	assert_int_equal(give(world, ann, &id, MT_CONSENT_REDUCED_CONFIDENTIALITY), 0);
	assert_int_equal(set_field(world, ann, &id, "tls_min", "1.2"), 0);
	/* That consent was for this, not for switching everything off later. */
	assert_int_equal(set_field(world, ann, &id, "min_conf", "off"),
			 MT_ACCOUNTS_E_WARNING_REQUIRED);
}

static void
an_organisation_can_freeze_weakening_for_everybody(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_active(world, ADDRESS);

	world->org_forbids_relaxing = true;
	mt_accounts_forget_effective(world->accounts);
	assert_int_equal(give(world, ann, &id, MT_CONSENT_REDUCED_CONFIDENTIALITY), 0);
	assert_int_equal(set_field(world, ann, &id, "min_conf", "off"), MT_ACCOUNTS_E_ORG_REFUSED);
	assert_int_equal(set_field(world, admin, &id, "min_conf", "off"),
			 MT_ACCOUNTS_E_ORG_REFUSED);
	assert_int_equal(set_field(world, ann, &id, "verdict_ttl", "90"),
			 MT_ACCOUNTS_E_ORG_REFUSED);
	assert_int_equal(set_field(world, ann, &id, "tls_min", "1.3"), 0);
	assert_true(min_conf_is_on(world, &id));
}

static void
editing_one_account_leaves_the_other_byte_for_byte(void **state)
{
	struct world *world = *state;
	struct mt_account_id a = add_active(world, ADDRESS),
			     b = add_active(world, "b@example.test");
	struct mt_writer before = {0}, after = {0};

	assert_int_equal(mt_account_encode(get(world, &b), &before), 0);
	reduce(world, &a);
	assert_int_equal(mt_accounts_allow_client_cert(world->accounts, ann, &a, leaf_1, ""), 0);
	world_restart(world);
	assert_int_equal(mt_account_encode(get(world, &b), &after), 0);
	assert_int_equal(before.size, after.size);
	assert_memory_equal(before.data, after.data, before.size);
	assert_false(min_conf_is_on(world, &a));
	assert_true(min_conf_is_on(world, &b));
	mt_writer_clear(&before);
	mt_writer_clear(&after);
}

/* D-SYS-07: rows are what was consented to, columns what it is asked for. */
static void
a_consent_serves_its_own_kind_and_endpoint_and_nothing_else(void **state)
{
	struct world *world = *state;

	for (enum mt_consent_kind given = 0; given < MT_CONSENT_KIND_COUNT; given++) {
		struct mt_account_facts facts;
		struct mt_account_id id, other;
		char address[32];

		(void)snprintf(address, sizeof(address), "k%d@example.test", (int)given);
		id = add(world, address);
		address[0] = 'o';
		other = add(world, address);
		assert_int_equal(set_endpoint(world, ann, &id, HOST, 993), 0);
		assert_int_equal(set_endpoint(world, ann, &id, "b.example.test", 993), 0);
		assert_int_equal(set_endpoint(world, ann, &other, HOST, 993), 0);
		assert_int_equal(give(world, ann, &id, given), 0);

		facts_of(world, &id, HOST, 993, leaf_1, &facts);
		assert_int_equal(facts.consents, MT_BIT(given));
		facts_of(world, &id, "b.example.test", 993, leaf_1, &facts);
		assert_int_equal(facts.consents,
				 given == MT_CONSENT_REDUCED_CONFIDENTIALITY ? MT_BIT(given) : 0);
		facts_of(world, &id, HOST, 993, leaf_2, &facts);
		assert_int_equal(facts.consents, given == MT_CONSENT_PIN ? 0 : MT_BIT(given));
		facts_of(world, &other, HOST, 993, leaf_1, &facts);
		assert_int_equal(facts.consents, 0);
		for (enum mt_consent_kind kind = 0; kind < MT_CONSENT_KIND_COUNT; kind++)
			if (kind != given && kind != MT_CONSENT_PIN)
				assert_int_equal(
					mt_accounts_consume_consent(world->accounts, ann, &id, kind,
								    MT_PROTO_IMAP, HOST, 993),
					MT_ACCOUNTS_E_NO_ENDPOINT);
	}
}

static void
a_password_consent_is_used_once_and_lasts_ten_minutes(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add(world, ADDRESS);
	struct mt_account_facts facts;

	assert_int_equal(set_endpoint(world, ann, &id, HOST, 993), 0);
	assert_int_equal(give(world, ann, &id, MT_CONSENT_PASSWORD_EXPOSURE), 0);
	assert_int_equal(mt_accounts_consume_consent(world->accounts, ann, &id,
						     MT_CONSENT_PASSWORD_EXPOSURE, MT_PROTO_IMAP,
						     HOST, 993),
			 0);
	world_restart(world);
	facts_of(world, &id, HOST, 993, NULL, &facts);
	assert_int_equal(facts.consents, 0);
	assert_int_equal(give(world, ann, &id, MT_CONSENT_PASSWORD_EXPOSURE), 0);
	world->now_usec += MT_PASSWORD_CONSENT_USEC - 1;
	facts_of(world, &id, HOST, 993, NULL, &facts);
	assert_int_equal(facts.consents, MT_BIT(MT_CONSENT_PASSWORD_EXPOSURE));
	world->now_usec += 1;
	facts_of(world, &id, HOST, 993, NULL, &facts);
	assert_int_equal(facts.consents, 0);
}

static uint32_t
consents_at(struct world *world, const struct mt_account_id *id, uint16_t port)
{
	struct mt_account_facts facts;

	facts_of(world, id, HOST, port, NULL, &facts);
	return facts.consents;
}

static void
a_consent_for_an_endpoint_ends_with_it_as_it_was(void **state)
{
	static const uint32_t given =
		MT_BIT(MT_CONSENT_PASSWORD_EXPOSURE) | MT_BIT(MT_CONSENT_DOWNGRADE);
	const struct mt_endpoint cleartext = {.proto = MT_PROTO_IMAP,
					      .transport = MT_TRANSPORT_NONE,
					      .host = HOST,
					      .port = 993,
					      .discovery = MT_DISCOVERY_MANUAL};
	struct world *world = *state;
	struct mt_account_id id = add(world, ADDRESS);

	for (unsigned int way = 0; way < 3; way++) {
		assert_int_equal(set_endpoint(world, ann, &id, HOST, 993), 0);
		assert_int_equal(set_endpoint(world, ann, &id, HOST, 994), 0);
		assert_int_equal(give(world, ann, &id, MT_CONSENT_PASSWORD_EXPOSURE), 0);
		assert_int_equal(give(world, ann, &id, MT_CONSENT_DOWNGRADE), 0);
		/* the same again, and another one, change nothing */
		assert_int_equal(set_endpoint(world, ann, &id, HOST, 993), 0);
		assert_int_equal(mt_accounts_remove_endpoint(world->accounts, ann, &id,
							     MT_PROTO_IMAP, HOST, 994),
				 0);
		assert_int_equal(consents_at(world, &id, 993), given);

		if (way == 0)
			assert_int_equal(
				mt_accounts_set_endpoint(world->accounts, ann, &id, &cleartext), 0);
		if (way == 1) {
			assert_int_equal(mt_accounts_remove_endpoint(world->accounts, ann, &id,
								     MT_PROTO_IMAP, HOST, 993),
					 0);
			assert_int_equal(set_endpoint(world, ann, &id, HOST, 993), 0);
		}
		if (way == 2) { /* in use: another server takes its place */
			assert_int_equal(set_probe(world, ann, &id, HOST, 993, true, NULL), 0);
			assert_int_equal(commit(world, &id), 0);
			assert_int_equal(consents_at(world, &id, 993), given);
			assert_int_equal(set_endpoint(world, ann, &id, HOST, 995), 0);
			assert_int_equal(set_probe(world, ann, &id, HOST, 995, true, NULL), 0);
		}
		assert_int_equal(consents_at(world, &id, 993), 0);
	}
}

static void
nobody_consents_in_anothers_name_or_for_a_foreign_endpoint(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add(world, ADDRESS);
	struct mt_consent consent = consent_of(MT_CONSENT_REDUCED_CONFIDENTIALITY);

	assert_int_equal(give(world, admin, &id, MT_CONSENT_REDUCED_CONFIDENTIALITY),
			 MT_ACCOUNTS_E_NOT_PERMITTED);
	assert_int_equal(give(world, ann, &id, MT_CONSENT_DOWNGRADE), MT_ACCOUNTS_E_NO_ENDPOINT);
	assert_int_equal(give(world, ann, &id, MT_CONSENT_SRV_TARGET), MT_ACCOUNTS_E_NO_ENDPOINT);
	consent.uid = 7;
	consent.given_at_usec = 1;
	consent.expires_usec = 2;
	assert_int_equal(mt_accounts_record_consent(world->accounts, ann, &id, &consent), 0);
	assert_int_equal(get(world, &id)->consents[0].uid, ann.uid);
	assert_int_equal(get(world, &id)->consents[0].given_at_usec, world->now_usec);
	assert_true(get(world, &id)->consents[0].expires_usec == INT64_MAX);
}

static void
consenting_to_a_host_confirms_its_endpoints(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add(world, ADDRESS);
	struct mt_account_facts facts;

	assert_int_equal(set_endpoint(world, ann, &id, HOST, 993), 0);
	assert_int_equal(set_endpoint(world, ann, &id, "b.example.test", 993), 0);
	assert_int_equal(give(world, ann, &id, MT_CONSENT_SRV_TARGET), 0);
	facts_of(world, &id, HOST, 993, NULL, &facts);
	assert_true(facts.reference.confirmed && facts.source_approved);
	facts_of(world, &id, "b.example.test", 993, NULL, &facts);
	assert_false(facts.reference.confirmed || facts.source_approved);
}

/* R-5.1-12: HOST is in the domain, b.example.net is not. */
static void
a_target_outside_of_the_domain_waits_for_its_owner(void **state)
{
	static const struct {
		const char *host;
		enum mt_discovery discovery;
		enum mt_dnssec dnssec;
		bool confirmed, waits;
	} rows[] = {
		{HOST, MT_DISCOVERY_SRV, MT_DNSSEC_INSECURE, false, false},
		{"b.example.net", MT_DISCOVERY_SRV, MT_DNSSEC_INSECURE, false, true},
		{"b.notexample.test", MT_DISCOVERY_SRV, MT_DNSSEC_INSECURE, false, true},
		{"b.example.net", MT_DISCOVERY_SRV, MT_DNSSEC_UNDETERMINED, false, true},
		{"b.example.net", MT_DISCOVERY_SRV, MT_DNSSEC_BOGUS, false, true},
		{"b.example.net", MT_DISCOVERY_SRV, MT_DNSSEC_INSECURE, true, false},
		{"b.example.net", MT_DISCOVERY_SRV, MT_DNSSEC_SECURE, false, false},
		{"b.example.net", MT_DISCOVERY_MANUAL, MT_DNSSEC_INSECURE, false, false},
		{"b.example.net", MT_DISCOVERY_ADMIN, MT_DNSSEC_INSECURE, false, false},
		{HOST, MT_DISCOVERY_PACC, MT_DNSSEC_INSECURE, false, false},
		{"b.example.net", MT_DISCOVERY_PACC, MT_DNSSEC_INSECURE, false, true},
		{"b.example.net", MT_DISCOVERY_PACC, MT_DNSSEC_SECURE, false, false},
		{HOST, MT_DISCOVERY_AUTOCONFIG, MT_DNSSEC_INSECURE, false, false},
		{"b.example.net", MT_DISCOVERY_AUTOCONFIG, MT_DNSSEC_SECURE, false, true},
		{"b.example.net", MT_DISCOVERY_AUTOCONFIG, MT_DNSSEC_INSECURE, true, false},
		{HOST, MT_DISCOVERY_AUTOCONFIG_HTTP, MT_DNSSEC_INSECURE, false, true},
		{HOST, MT_DISCOVERY_AUTOCONFIG_HTTP, MT_DNSSEC_INSECURE, true, false},
	};
	struct world *world = *state;
	struct mt_account_id id = add(world, ADDRESS);

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		struct mt_endpoint endpoint = {.proto = MT_PROTO_IMAP,
					       .port = 993,
					       .discovery = rows[i].discovery,
					       .dnssec = rows[i].dnssec,
					       .confirmed = rows[i].confirmed};

		strcpy(endpoint.host, rows[i].host);
		if (mt_account_awaits_confirmation(get(world, &id), &endpoint, world->now_usec) !=
		    rows[i].waits)
			fail_msg("row %zu", i);
	}
}

/* Row 8 of REQUIREMENTS 2.2, D-DISC-02: who sets a server that a document of its domain names has
 * approved of it; what came in clear, or leads away, he has to confirm besides. */
static void
a_document_of_the_domain_is_approved_by_setting_its_server(void **state)
{
	static const struct {
		enum mt_discovery discovery;
		const char *host;
		bool approved;
	} rows[] = {
		{MT_DISCOVERY_PACC, HOST, true},
		{MT_DISCOVERY_AUTOCONFIG, HOST, true},
		{MT_DISCOVERY_PACC, "b.example.net", false},
		{MT_DISCOVERY_AUTOCONFIG, "b.example.net", false},
		{MT_DISCOVERY_AUTOCONFIG_HTTP, HOST, false},
	};
	struct world *world = *state;

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		char address[MT_ADDRESS_SIZE];
		struct mt_endpoint endpoint = {.proto = MT_PROTO_IMAP,
					       .transport = MT_TRANSPORT_IMPLICIT,
					       .port = 993,
					       .discovery = rows[i].discovery,
					       .dnssec = MT_DNSSEC_INSECURE};
		struct mt_account_facts facts;
		struct mt_account_id id;

		(void)snprintf(address, sizeof(address), "%zu@example.test", i);
		id = add(world, address);
		(void)snprintf(endpoint.host, sizeof(endpoint.host), "%s", rows[i].host);
		assert_int_equal(mt_accounts_set_endpoint(world->accounts, ann, &id, &endpoint), 0);
		facts_of(world, &id, rows[i].host, 993, NULL, &facts);
		assert_int_equal(facts.source_approved, rows[i].approved);
		assert_int_equal(facts.reference.confirmed, rows[i].approved);
	}
}

/* An account in setup, switched off, whose probe offered to pin leaf 1. */
static struct mt_account_id
add_pinnable(struct world *world)
{
	struct mt_account_id id = add(world, ADDRESS);

	assert_int_equal(set_endpoint(world, ann, &id, HOST, 993), 0);
	reduce(world, &id);
	assert_int_equal(set_probe(world, ann, &id, HOST, 993, false, leaf_1), 0);
	assert_int_equal(give(world, ann, &id, MT_CONSENT_PIN), 0);
	return id;
}

static void
a_pin_needs_setup_a_live_offer_of_this_leaf_and_consent(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_pinnable(world);

	assert_int_equal(mt_accounts_pin(world->accounts, ann, &id, HOST, leaf_2),
			 MT_ACCOUNTS_E_PIN_NOT_OFFERED);
	assert_int_equal(mt_accounts_pin(world->accounts, ann, &id, "b.example.test", leaf_1),
			 MT_ACCOUNTS_E_NO_ENDPOINT);
	world->now_usec += DAY_USEC;
	assert_int_equal(mt_accounts_pin(world->accounts, ann, &id, HOST, leaf_1),
			 MT_ACCOUNTS_E_PIN_NOT_OFFERED);
	assert_int_equal(set_probe(world, ann, &id, HOST, 993, false, leaf_2), 0);
	assert_int_equal(mt_accounts_pin(world->accounts, ann, &id, HOST, leaf_2),
			 MT_ACCOUNTS_E_WARNING_REQUIRED); /* the consent is for leaf 1 */
	assert_int_equal(set_probe(world, ann, &id, HOST, 993, false, leaf_1), 0);
	world->org_forbids_pins = true;
	mt_accounts_forget_effective(world->accounts);
	assert_int_equal(mt_accounts_pin(world->accounts, ann, &id, HOST, leaf_1),
			 MT_ACCOUNTS_E_PIN_FORBIDDEN);
	world->org_forbids_pins = false;
	mt_accounts_forget_effective(world->accounts);
	assert_int_equal(mt_accounts_pin(world->accounts, ann, &id, HOST, leaf_1), 0);
	assert_true(world->what & MT_CHANGED_PINS);
}

static void
an_offer_of_a_clock_that_was_wrong_is_none(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_pinnable(world);

	/* set back: how old the offer is, nobody knows */
	world->now_usec -= 2 * DAY_USEC;
	assert_int_equal(give(world, ann, &id, MT_CONSENT_PIN), 0);
	assert_int_equal(mt_accounts_pin(world->accounts, ann, &id, HOST, leaf_1),
			 MT_ACCOUNTS_E_PIN_NOT_OFFERED);
}

static void
a_pin_is_refused_for_an_account_in_use(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_pinnable(world);

	assert_int_equal(commit(world, &id), 0);
	assert_int_equal(set_probe(world, ann, &id, HOST, 993, false, leaf_1), 0);
	assert_int_equal(mt_accounts_pin(world->accounts, ann, &id, HOST, leaf_1),
			 MT_ACCOUNTS_E_PIN_EXISTING);
	assert_int_equal(give(world, ann, &id, MT_CONSENT_PIN), MT_ACCOUNTS_E_PIN_EXISTING);
}

static void
a_pin_needs_the_minimum_to_be_off(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_pinnable(world);

	world->org_min_conf = true;
	mt_accounts_forget_effective(world->accounts);
	assert_int_equal(mt_accounts_pin(world->accounts, ann, &id, HOST, leaf_1),
			 MT_ACCOUNTS_E_PIN_NOT_OFFERED);
}

static void
a_pin_belongs_to_one_host_of_one_account(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_pinnable(world);
	struct mt_account_id other = add_active(world, "b@example.test");
	struct mt_account_facts facts;

	assert_int_equal(mt_accounts_pin(world->accounts, ann, &id, HOST, leaf_1), 0);
	facts_of(world, &id, "IMAP.example.test", 993, leaf_2, &facts);
	assert_int_equal(facts.n_pins, 1);
	assert_memory_equal(facts.pins[0], leaf_1, 32);
	facts_of(world, &id, "b.example.test", 993, leaf_1, &facts);
	assert_int_equal(facts.n_pins, 0);
	facts_of(world, &other, HOST, 993, leaf_1, &facts);
	assert_int_equal(facts.n_pins, 0);
	assert_true(mt_accounts_pin_elsewhere(world->accounts, get(world, &other), leaf_1));
	assert_false(mt_accounts_pin_elsewhere(world->accounts, get(world, &other), leaf_2));
	assert_false(mt_accounts_pin_elsewhere(world->accounts, get(world, &id), leaf_1));
	assert_true(mt_account_relies_on_pin(get(world, &id)));
	assert_false(mt_account_relies_on_pin(get(world, &other)));
}

static void
a_pin_can_be_undone_whatever_the_organisation_says(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_pinnable(world);
	struct mt_account_id other = add_active(world, "b@example.test");

	assert_int_equal(mt_accounts_pin(world->accounts, ann, &id, HOST, leaf_1), 0);
	assert_int_equal(commit(world, &id), 0);
	world->org_forbids_relaxing = world->org_min_conf = true;
	mt_accounts_forget_effective(world->accounts);
	world->what = 0;
	assert_int_equal(mt_accounts_unpin(world->accounts, ann, &id, HOST, NULL), 0);
	assert_true(world->what & MT_CHANGED_PINS);
	assert_int_equal(get(world, &id)->n_pins, 0);
	assert_false(mt_accounts_pin_elsewhere(world->accounts, get(world, &other), leaf_1));
	assert_int_equal(mt_accounts_unpin(world->accounts, ann, &id, HOST, NULL),
			 MT_ACCOUNTS_E_NO_ENDPOINT);
}

static void
a_new_endpoint_of_an_active_account_waits_for_its_probe(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_active(world, ADDRESS);
	struct mt_account_facts facts;

	assert_int_equal(set_endpoint(world, ann, &id, "new.example.test", 993), 0);
	facts_of(world, &id, "new.example.test", 993, NULL, &facts);
	assert_int_equal(facts.endpoint, MT_ENDPOINT_CANDIDATE);
	facts_of(world, &id, "no.example.test", 993, NULL, &facts);
	assert_int_equal(facts.endpoint, MT_ENDPOINT_FRESH);
	assert_int_equal(set_probe(world, ann, &id, "new.example.test", 993, false, NULL), 0);
	facts_of(world, &id, "new.example.test", 993, NULL, &facts);
	assert_int_equal(facts.endpoint, MT_ENDPOINT_CANDIDATE);
	assert_int_equal(set_probe(world, ann, &id, "new.example.test", 993, true, NULL), 0);
	facts_of(world, &id, "new.example.test", 993, NULL, &facts);
	assert_int_equal(facts.endpoint, MT_ENDPOINT_SAVED);
	assert_int_equal(facts.configured, MT_TRANSPORT_IMPLICIT);
	/* and the one before is none of the account's any more */
	facts_of(world, &id, HOST, 993, NULL, &facts);
	assert_int_equal(facts.endpoint, MT_ENDPOINT_FRESH);
}

/* 4.7: what expired was in force as the default; to have it back is to be warned again. */
static bool
knows_referral(struct world *world, const struct mt_account_id *id, const char *target)
{
	struct mt_evidence evidence = {.proto = MT_PROTO_IMAP,
				       .port = 993,
				       .host = HOST,
				       .present = MT_BIT(MT_EV_REFERRAL_TARGET)};
	struct mt_account_facts facts;

	(void)snprintf(evidence.referral_target, sizeof(evidence.referral_target), "%s", target);
	mt_account_facts(get(world, id), &evidence, world->now_usec, &facts);
	return facts.referral_known;
}

/* D-STLS-08, row 15 */
static void
a_server_refers_only_to_servers_that_are_the_accounts_already(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add(world, ADDRESS);

	assert_int_equal(set_endpoint(world, ann, &id, HOST, 993), 0);
	assert_true(knows_referral(world, &id, HOST));
	assert_false(knows_referral(world, &id, "b.example.test"));
	assert_int_equal(set_probe(world, ann, &id, HOST, 993, true, NULL), 0);
	assert_int_equal(commit(world, &id), 0);
	assert_int_equal(set_endpoint(world, ann, &id, "b.example.test", 993), 0);
	assert_true(knows_referral(world, &id, HOST));
	assert_false(knows_referral(world, &id, "b.example.test")); /* not probed yet */
	assert_int_equal(set_probe(world, ann, &id, "b.example.test", 993, true, NULL), 0);
	assert_true(knows_referral(world, &id, "b.example.test"));
	assert_false(knows_referral(world, &id, HOST));
}

static void
renewing_an_expired_reduced_policy_shows_the_warning_again(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_active(world, ADDRESS);

	reduce(world, &id);
	assert_int_equal(set_field(world, ann, &id, "not_after", "1800000100"), 0);
	assert_int_equal(set_field(world, ann, &id, "not_after", "1800000150"), 0);
	world->now_usec += 200 * MT_USEC_PER_SEC;
	assert_int_equal(set_field(world, ann, &id, "not_after", "never"),
			 MT_ACCOUNTS_E_WARNING_REQUIRED);
	assert_int_equal(give(world, ann, &id, MT_CONSENT_REDUCED_CONFIDENTIALITY), 0);
	assert_int_equal(set_field(world, ann, &id, "not_after", "never"), 0);
	assert_false(min_conf_is_on(world, &id));
}

static void
weighing_an_edit_tells_whether_it_weakens_and_changes_nothing(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_active(world, ADDRESS);
	struct mt_minimum *min = calloc(1, sizeof(*min));
	bool weaker = true;

	assert_non_null(min);
	assert_int_equal(mt_minimum_set_text(min, "tls_min", "1.3", false), 0);
	assert_int_equal(mt_accounts_weigh_minimum(world->accounts, ann, &id, min, &weaker), 0);
	assert_false(weaker);
	assert_int_equal(mt_minimum_set_text(min, "downgrade_action", "notify", false), 0);
	assert_int_equal(mt_accounts_weigh_minimum(world->accounts, ann, &id, min, &weaker), 0);
	assert_true(weaker);
	assert_int_equal(mt_minimum_set_text(min, "min_conf", "off", false), 0);
	assert_int_equal(mt_accounts_weigh_minimum(world->accounts, ann, &id, min, &weaker),
			 MT_ACCOUNTS_E_WARNING_REQUIRED);
	assert_int_equal(mt_accounts_weigh_minimum(world->accounts, bob, &id, min, &weaker),
			 MT_ACCOUNTS_E_UNKNOWN);
	assert_true(min_conf_is_on(world, &id));
	free(min);
}

static void
an_administrators_suspension_is_not_the_owners_to_lift(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_active(world, ADDRESS);

	assert_int_equal(mt_accounts_suspend(world->accounts, ann, &id, MT_SUSPENDER_ADMIN),
			 MT_ACCOUNTS_E_NOT_PERMITTED);
	assert_int_equal(mt_accounts_suspend(world->accounts, admin, &id, MT_SUSPENDER_ADMIN), 0);
	assert_int_equal(mt_accounts_resume(world->accounts, ann, &id),
			 MT_ACCOUNTS_E_NOT_PERMITTED);
	assert_int_equal(mt_accounts_remove(world->accounts, ann, &id),
			 MT_ACCOUNTS_E_NOT_PERMITTED);
	assert_int_equal(set_endpoint(world, ann, &id, "x.example.test", 993), MT_ACCOUNTS_E_STATE);
	assert_int_equal(mt_accounts_resume(world->accounts, admin, &id), 0);
	assert_int_equal(get(world, &id)->state, MT_ACCOUNT_ACTIVE);
	world_restart(world);
	assert_int_equal(get(world, &id)->state, MT_ACCOUNT_ACTIVE);
	assert_int_equal(mt_accounts_suspend(world->accounts, ann, &id, MT_SUSPENDER_OWNER), 0);
	assert_int_equal(mt_accounts_resume(world->accounts, ann, &id), 0);
}

static void
an_expired_account_is_resumed_after_it_was_renewed(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_active(world, ADDRESS);

	assert_int_equal(set_field(world, ann, &id, "on_expiry", "suspend"), 0);
	assert_int_equal(set_field(world, ann, &id, "not_after", "1800000100"), 0);
	world->now_usec += 200 * MT_USEC_PER_SEC;
	assert_int_equal(mt_accounts_suspend(world->accounts, admin, &id, MT_SUSPENDER_EXPIRY), 0);
	assert_int_equal(mt_accounts_resume(world->accounts, ann, &id), MT_ACCOUNTS_E_STATE);
	assert_int_equal(set_field(world, ann, &id, "not_after", "never"), 0);
	assert_int_equal(mt_accounts_resume(world->accounts, ann, &id), 0);
}

static void
a_restored_store_does_not_lift_a_suspension(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_active(world, ADDRESS);
	uint8_t *data;
	size_t size;

	world_close(world);
	data = scratch_read(world->directory, "mailtrust.tdb", &size);
	world_open(world);
	assert_int_equal(mt_accounts_suspend(world->accounts, admin, &id, MT_SUSPENDER_ADMIN), 0);
	world_close(world);
	scratch_write(world->directory, "mailtrust.tdb", data, size);
	free(data);
	world_open(world);
	assert_int_equal(get(world, &id)->state, MT_ACCOUNT_SUSPENDED);
	assert_int_equal(mt_accounts_resume(world->accounts, ann, &id),
			 MT_ACCOUNTS_E_NOT_PERMITTED);
}

static void
adding_again_inherits_level_offers_and_the_pin_lock(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_active(world, ADDRESS);

	assert_int_equal(
		mt_accounts_note_best(world->accounts, &id, MT_PROTO_IMAP, MT_LEVEL_TLS_AUTH), 0);
	assert_int_equal(mt_accounts_decline_offer(world->accounts, ann, &id, "imap-implicit"), 0);
	assert_int_equal(mt_accounts_remove(world->accounts, ann, &id), 0);
	assert_int_equal(world->n_removed, 1);
	id = add_pinnable(world);
	assert_int_equal(get(world, &id)->best[MT_PROTO_IMAP], MT_LEVEL_TLS_AUTH);
	assert_true(mt_account_has_declined(get(world, &id), "imap-implicit",
					    get(world, &id)->created_usec));
	assert_int_equal(mt_accounts_pin(world->accounts, ann, &id, HOST, leaf_1),
			 MT_ACCOUNTS_E_NOT_PERMITTED);
	assert_int_equal(mt_accounts_pin(world->accounts, admin, &id, HOST, leaf_1), 0);
	assert_int_equal(get(world, &id)->n_consents, 2);
}

static void
adding_again_inherits_a_suspension_for_thirty_days(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_active(world, ADDRESS);

	assert_int_equal(mt_accounts_suspend(world->accounts, admin, &id, MT_SUSPENDER_ADMIN), 0);
	assert_int_equal(mt_accounts_remove(world->accounts, admin, &id), 0);
	world->now_usec += 29 * DAY_USEC;
	id = add(world, ADDRESS);
	assert_int_equal(get(world, &id)->state, MT_ACCOUNT_SUSPENDED);
	assert_int_equal(mt_accounts_resume(world->accounts, admin, &id), 0);
	/* It was never committed: nothing was probed. */
	assert_int_equal(get(world, &id)->state, MT_ACCOUNT_SETUP);
	assert_int_equal(mt_accounts_remove(world->accounts, ann, &id), 0);
	world->now_usec += 30 * DAY_USEC;
	id = add(world, ADDRESS);
	assert_int_equal(get(world, &id)->state, MT_ACCOUNT_SETUP);
	assert_false(get(world, &id)->added_again);
}

static void
a_setup_given_up_leaves_nothing_behind(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_pinnable(world);

	assert_int_equal(mt_accounts_pin(world->accounts, ann, &id, HOST, leaf_1), 0);
	assert_int_equal(mt_accounts_remove(world->accounts, ann, &id), 0);
	id = add_pinnable(world);
	assert_false(get(world, &id)->added_again);
	assert_int_equal(get(world, &id)->n_pins, 0);
	/* it never was in use, so there is no failed validation a pin would answer (R-5.4-06) */
	assert_int_equal(mt_accounts_pin(world->accounts, ann, &id, HOST, leaf_1), 0);
}

static void
an_account_takes_what_dns_said_of_its_hosts_along(void **state)
{
	const struct mt_addresses seen = {
		.state = MT_ADDRESSES_FOUND, .ttl_sec = 300, .n = 1, .address = {"192.0.2.7"}};
	struct world *world = *state;
	struct mt_account_id id = add_active(world, ADDRESS);
	struct mt_host_known known;

	assert_int_equal(
		mt_host_memory_note(world->store, get(world, &id), HOST, &seen, world->now_usec),
		0);
	assert_int_equal(mt_host_memory_get(world->store, &id, HOST, world->now_usec, &known), 0);
	assert_int_equal(mt_accounts_remove(world->accounts, ann, &id), 0);
	assert_int_equal(mt_host_memory_get(world->store, &id, HOST, world->now_usec, &known),
			 MT_STORE_E_NOT_FOUND);
}

static void
giving_up_a_setup_is_no_way_round_what_an_account_in_use_left_behind(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_active(world, ADDRESS);

	assert_int_equal(
		mt_accounts_note_best(world->accounts, &id, MT_PROTO_IMAP, MT_LEVEL_TLS_AUTH), 0);
	assert_int_equal(mt_accounts_remove(world->accounts, ann, &id), 0);
	for (int i = 0; i < 2; i++) {
		world->now_usec += 13 * DAY_USEC;
		id = add(world, ADDRESS);
		assert_int_equal(mt_accounts_remove(world->accounts, ann, &id), 0);
		id = add(world, ADDRESS);
		world->now_usec += DAY_USEC;
		assert_int_equal(mt_accounts_expire_setup(world->accounts, &id), 0);
		id = add_pinnable(world);
		assert_int_equal(get(world, &id)->best[MT_PROTO_IMAP], MT_LEVEL_TLS_AUTH);
		assert_int_equal(mt_accounts_pin(world->accounts, ann, &id, HOST, leaf_1),
				 MT_ACCOUNTS_E_NOT_PERMITTED);
		assert_int_equal(mt_accounts_remove(world->accounts, ann, &id), 0);
	}
	/* thirty days after it was removed: trying has not made them longer */
	world->now_usec += 2 * DAY_USEC;
	id = add_pinnable(world);
	assert_int_equal(mt_accounts_pin(world->accounts, ann, &id, HOST, leaf_1), 0);
}

static void
a_suspension_that_was_lifted_in_setup_does_not_come_back(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_active(world, ADDRESS);

	assert_int_equal(mt_accounts_suspend(world->accounts, admin, &id, MT_SUSPENDER_ADMIN), 0);
	assert_int_equal(mt_accounts_remove(world->accounts, admin, &id), 0);
	for (int expire = 0; expire < 2; expire++) {
		id = add(world, ADDRESS);
		if (expire == 0)
			assert_int_equal(mt_accounts_resume(world->accounts, admin, &id), 0);
		assert_int_equal(get(world, &id)->state, MT_ACCOUNT_SETUP);
		world->now_usec += DAY_USEC;
		assert_int_equal(expire ? mt_accounts_expire_setup(world->accounts, &id)
					: mt_accounts_remove(world->accounts, ann, &id),
				 0);
	}
	id = add(world, ADDRESS);
	assert_int_equal(get(world, &id)->state, MT_ACCOUNT_SETUP);
	assert_true(get(world, &id)->added_again);
}

static void
another_uids_tombstone_is_nobody_elses(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_active(world, ADDRESS);

	assert_int_equal(mt_accounts_remove(world->accounts, ann, &id), 0);
	assert_int_equal(mt_accounts_add(world->accounts, bob.uid, ADDRESS, &id), 0);
	assert_false(get(world, &id)->added_again);
}

static void
removing_many_accounts_leaves_a_bounded_number_of_records(void **state)
{
	struct world *world = *state;
	struct mt_account_id kept, id;
	char address[64];

	for (int i = 0; i < 300; i++) {
		(void)snprintf(address, sizeof(address), "a%d@example.test", i);
		id = add_active(world, address);
		assert_int_equal(mt_accounts_remove(world->accounts, ann, &id), 0);
	}
	assert_true(mt_store_get_n_records(world->store) < 140);
	/* Nor do setups that were given up wash away what is remembered of one that was in use. */
	kept = add_active(world, ADDRESS);
	assert_int_equal(mt_accounts_remove(world->accounts, ann, &kept), 0);
	for (int i = 0; i < 300; i++) {
		(void)snprintf(address, sizeof(address), "b%d@example.test", i);
		id = add(world, address);
		assert_int_equal(mt_accounts_remove(world->accounts, ann, &id), 0);
	}
	assert_true(mt_store_get_n_records(world->store) < 140);
	id = add(world, ADDRESS);
	assert_true(get(world, &id)->added_again);
}

static void
the_best_level_only_rises(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_active(world, ADDRESS);
	unsigned int n_changed;

	assert_int_equal(mt_accounts_note_best(world->accounts, &id, MT_PROTO_IMAP, MT_LEVEL_TLS),
			 0);
	n_changed = world->n_changed;
	assert_int_equal(mt_accounts_note_best(world->accounts, &id, MT_PROTO_IMAP, MT_LEVEL_NONE),
			 0);
	assert_int_equal(world->n_changed, n_changed);
	assert_int_equal(get(world, &id)->best[MT_PROTO_IMAP], MT_LEVEL_TLS);
	assert_int_equal(get(world, &id)->best[MT_PROTO_POP3], MT_LEVEL_NONE);
}

static void
a_setup_idle_for_a_day_is_forgotten(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add(world, ADDRESS), active = add_active(world, "b@example.test");
	const struct mt_account *account;

	world->now_usec += DAY_USEC - 1;
	assert_int_equal(mt_accounts_expire_setup(world->accounts, &id), MT_ACCOUNTS_E_STATE);
	world->now_usec += 1;
	assert_int_equal(mt_accounts_expire_setup(world->accounts, &active), MT_ACCOUNTS_E_STATE);
	assert_int_equal(mt_accounts_expire_setup(world->accounts, &id), 0);
	assert_int_equal(mt_accounts_find(world->accounts, ann, &id, &account),
			 MT_ACCOUNTS_E_UNKNOWN);
	id = add(world, ADDRESS);
	assert_false(get(world, &id)->added_again);
}

static void
client_certificates_belong_to_one_account(void **state)
{
	struct world *world = *state;
	struct mt_account_id a = add_active(world, ADDRESS),
			     b = add_active(world, "b@example.test");
	const struct mt_effective *effective;

	world->what = 0;
	assert_int_equal(mt_accounts_allow_client_cert(world->accounts, ann, &a, leaf_1, "CN=Ann"),
			 0);
	assert_int_equal(world->what, MT_CHANGED_MINIMUM);
	effective = mt_accounts_effective(world->accounts, get(world, &a));
	assert_true(mt_digests_contain(&effective->m.client_cert_allow, leaf_1));
	effective = mt_accounts_effective(world->accounts, get(world, &b));
	assert_int_equal(effective->m.client_cert_allow.n, 0);
	assert_int_equal(mt_accounts_revoke_client_cert(world->accounts, ann, &b, leaf_1),
			 MT_ACCOUNTS_E_NO_ENDPOINT);
	world->what = 0;
	assert_int_equal(mt_accounts_revoke_client_cert(world->accounts, ann, &a, leaf_1), 0);
	assert_int_equal(world->what, MT_CHANGED_MINIMUM);
	effective = mt_accounts_effective(world->accounts, get(world, &a));
	assert_int_equal(effective->m.client_cert_allow.n, 0);
}

/* R-5.5-05: neither a template nor the same address again carries it over. */
static void
a_client_certificate_is_not_inherited(void **state)
{
	struct world *world = *state;
	struct mt_account_id a = add_active(world, ADDRESS), b = add(world, "b@example.test");
	struct mt_minimum *min = malloc(sizeof(*min));

	assert_non_null(min);
	assert_int_equal(set_field(world, ann, &a, "tls_min", "1.3"), 0);
	assert_int_equal(mt_accounts_allow_client_cert(world->accounts, ann, &a, leaf_1, ""), 0);
	mt_account_get_minimum(get(world, &a), min);
	assert_int_equal(min->client_cert_allow.n, 1);
	assert_int_equal(mt_accounts_set_minimum(world->accounts, ann, &b, min), 0);
	mt_account_get_minimum(get(world, &b), min);
	assert_int_equal(min->values[MT_FIELD_TLS_MIN], MT_TLS_MIN_1_3);
	assert_int_equal(min->client_cert_allow.n, 0);
	assert_int_equal(get(world, &b)->n_certs, 0);
	assert_int_equal(mt_accounts_remove(world->accounts, ann, &a), 0);
	a = add(world, ADDRESS);
	mt_account_get_minimum(get(world, &a), min);
	assert_int_equal(min->client_cert_allow.n, 0);
	assert_int_equal(get(world, &a)->n_certs, 0);
	free(min);
}

static void
whose_a_client_certificate_is_is_printable_and_short(void **state)
{
	char longest[MT_CLIENT_CERT_SUBJECT_SIZE + 1];
	struct world *world = *state;
	struct mt_account_id id = add_active(world, ADDRESS);

	memset(longest, 'x', sizeof(longest));
	longest[MT_CLIENT_CERT_SUBJECT_SIZE] = '\0';
	for (size_t i = 0; i < 4; i++) {
		const char *const wrong[] = {"CN=\033[2J", "CN=\n", "CN=\303\274", longest};

		assert_int_equal(
			mt_accounts_allow_client_cert(world->accounts, ann, &id, leaf_1, wrong[i]),
			MT_ACCOUNTS_E_INVALID);
	}
	assert_int_equal(get(world, &id)->n_certs, 0);
	longest[MT_CLIENT_CERT_SUBJECT_SIZE - 1] = '\0';
	assert_int_equal(mt_accounts_allow_client_cert(world->accounts, ann, &id, leaf_1, longest),
			 0);
	world_restart(world);
	assert_string_equal(get(world, &id)->certs[0].subject, longest);
}

static void
allowing_what_is_allowed_last_changes_nothing(void **state)
{
	struct world *world = *state;
	struct mt_account_id id = add_active(world, ADDRESS);
	unsigned int n_changed;

	assert_int_equal(mt_accounts_allow_client_cert(world->accounts, ann, &id, leaf_1, "1"), 0);
	assert_int_equal(mt_accounts_allow_client_cert(world->accounts, ann, &id, leaf_2, "2"), 0);
	n_changed = world->n_changed;
	assert_int_equal(mt_accounts_allow_client_cert(world->accounts, ann, &id, leaf_2, "2"), 0);
	assert_int_equal(world->n_changed, n_changed);
	assert_int_equal(mt_accounts_allow_client_cert(world->accounts, ann, &id, leaf_1, "1"), 0);
	assert_int_equal(world->n_changed, n_changed + 1);
	assert_memory_equal(get(world, &id)->certs[1].sha256, leaf_1, 32);
}

static void
a_damaged_account_is_degraded_alone_and_can_be_removed(void **state)
{
	struct world *world = *state;
	struct mt_account_id a = add_active(world, ADDRESS),
			     b = add_active(world, "b@example.test");
	const struct mt_account *account;
	uint8_t *data, *found;
	size_t size;

	world_close(world);
	data = scratch_read(world->directory, "mailtrust.tdb", &size);
	/* The value: version, id; the key: kind, id. Change the address in the value. */
	found = memmem(data, size, "\x00\x10" ADDRESS, 2 + strlen(ADDRESS));
	assert_non_null(found);
	found[4] ^= 1;
	scratch_write(world->directory, "mailtrust.tdb", data, size);
	free(data);
	world_open(world);
	assert_int_equal(mt_accounts_find(world->accounts, ann, &a, &account),
			 MT_ACCOUNTS_E_DEGRADED);
	assert_int_equal(mt_accounts_find(world->accounts, bob, &a, &account),
			 MT_ACCOUNTS_E_UNKNOWN);
	assert_int_equal(mt_accounts_find(world->accounts, ann, &b, &account), 0);
	assert_int_equal(mt_accounts_remove(world->accounts, ann, &a), 0);
	a = add(world, ADDRESS);
	assert_int_equal(mt_accounts_find(world->accounts, ann, &a, &account), 0);
}

static uint32_t
next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static int
random_step(struct world *world, uint32_t *random, const struct mt_account_id *id)
{
	const struct mt_actor actor = next_random(random) % 4 == 0 ? admin : ann;
	const bool good = next_random(random) % 2;

	switch (next_random(random) % 14) {
	case 0:
		return set_endpoint(world, actor, id, good ? HOST : "b.example.test", 993);
	case 1:
		return set_probe(world, actor, id, HOST, 993, good, good ? NULL : leaf_1);
	case 2: /* seldom, so that setups get somewhere */
		return next_random(random) % 6 == 0 ? commit(world, id) : 0;
	case 3:
		return set_field(world, actor, id, "min_conf", good ? "on" : "off");
	case 4:
		return give(world, actor, id, next_random(random) % MT_CONSENT_KIND_COUNT);
	case 5:
		return mt_accounts_suspend(world->accounts, actor, id,
					   next_random(random) % MT_SUSPENDER_COUNT);
	case 6:
	case 7:
		return mt_accounts_resume(world->accounts, actor, id);
	case 8:
		return mt_accounts_pin(world->accounts, actor, id, HOST, leaf_1);
	case 9:
		return mt_accounts_unpin(world->accounts, actor, id, HOST, NULL);
	case 10:
		return next_random(random) % 12 == 0
			       ? mt_accounts_remove(world->accounts, actor, id)
			       : 0;
	case 11:
		return mt_accounts_remove_endpoint(world->accounts, actor, id, MT_PROTO_IMAP,
						   "b.example.test", 993);
	case 12:
		world->now_usec += 3600 * MT_USEC_PER_SEC;
		return mt_accounts_expire_setup(world->accounts, id);
	default:
		return mt_accounts_note_best(world->accounts, id, MT_PROTO_IMAP,
					     next_random(random) % MT_LEVEL_COUNT);
	}
}

/* R-5.4-06, over calls in any order; also: a pin is only ever set in setup with the minimum off. */
static void
no_sequence_of_calls_brings_an_active_account_to_setup(void **state)
{
	struct world *world = *state;
	unsigned int n_active = 0, n_pinned = 0;
	uint32_t random = 20260101;
	struct mt_account_id id = add(world, ADDRESS);

	for (int i = 0; i < 20000; i++) {
		const struct mt_account *account;
		size_t pins_before = 0;
		enum mt_account_state before = MT_ACCOUNT_SUSPENDED;
		int r;

		if (mt_accounts_find(world->accounts, admin, &id, &account) != 0)
			id = add(world, ADDRESS);
		account = get(world, &id);
		before = account->state;
		pins_before = account->n_pins;
		r = random_step(world, &random, &id);
		assert_true(r >= 0);
		assert_false(world->active_became_setup);
		if (mt_accounts_find(world->accounts, admin, &id, &account) != 0)
			continue;
		n_active += account->state == MT_ACCOUNT_ACTIVE;
		if (account->n_pins > pins_before) {
			n_pinned++;
			assert_int_equal(before, MT_ACCOUNT_SETUP);
			assert_false(min_conf_is_on(world, &id));
		}
	}
	assert_true(n_active > 100);
	assert_true(n_pinned > 0);
}

static void
an_id_is_thirty_two_lower_case_digits_and_nothing_else(void **state)
{
	static const char *const bad[] = {"", "00", "0123456789ABCDEF0123456789ABCDEF",
					  "0123456789abcdef0123456789abcde",
					  "0123456789abcdef0123456789abcdef0"};
	struct mt_account_id id;
	char text[MT_ACCOUNT_ID_TEXT];

	for (size_t i = 0; i < MT_ARRAY_SIZE(bad); i++)
		assert_int_equal(mt_account_id_parse(bad[i], &id), 1);
	assert_int_equal(mt_account_id_parse("0123456789abcdef0123456789abcdef", &id), 0);
	mt_account_id_format(&id, text);
	assert_string_equal(text, "0123456789abcdef0123456789abcdef");
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_new_account_is_in_setup_and_requires_the_minimum),
		CASE(an_account_is_the_same_after_a_restart),
		CASE(an_address_is_added_once_per_uid_and_again_by_another_uid),
		CASE(an_address_that_is_none_is_refused),
		CASE(accounts_of_a_uid_are_bounded_and_of_another_not_affected),
		CASE(a_domain_lists_its_accounts_in_chunks_and_forgets_the_removed),
		CASE(another_uids_account_answers_exactly_like_one_that_does_not_exist),
		CASE(commit_needs_a_probe_of_every_endpoint),
		CASE(commit_below_the_minimum_needs_it_off_and_the_warning_confirmed),
		CASE(switching_the_minimum_off_needs_the_consent_of_the_current_text),
		CASE(switching_off_again_shows_the_warning_again),
		CASE(strengthening_is_free_and_lowering_the_bundle_is_not),
		CASE(an_organisation_can_freeze_weakening_for_everybody),
		CASE(editing_one_account_leaves_the_other_byte_for_byte),
		CASE(a_consent_serves_its_own_kind_and_endpoint_and_nothing_else),
		CASE(a_password_consent_is_used_once_and_lasts_ten_minutes),
		CASE(a_consent_for_an_endpoint_ends_with_it_as_it_was),
		CASE(nobody_consents_in_anothers_name_or_for_a_foreign_endpoint),
		CASE(consenting_to_a_host_confirms_its_endpoints),
		CASE(a_target_outside_of_the_domain_waits_for_its_owner),
		CASE(a_document_of_the_domain_is_approved_by_setting_its_server),
		CASE(a_pin_needs_setup_a_live_offer_of_this_leaf_and_consent),
		CASE(an_offer_of_a_clock_that_was_wrong_is_none),
		CASE(a_pin_is_refused_for_an_account_in_use),
		CASE(a_pin_needs_the_minimum_to_be_off),
		CASE(a_pin_belongs_to_one_host_of_one_account),
		CASE(a_pin_can_be_undone_whatever_the_organisation_says),
		CASE(a_new_endpoint_of_an_active_account_waits_for_its_probe),
		CASE(a_server_refers_only_to_servers_that_are_the_accounts_already),
		CASE(renewing_an_expired_reduced_policy_shows_the_warning_again),
		CASE(weighing_an_edit_tells_whether_it_weakens_and_changes_nothing),
		CASE(an_administrators_suspension_is_not_the_owners_to_lift),
		CASE(an_expired_account_is_resumed_after_it_was_renewed),
		CASE(a_restored_store_does_not_lift_a_suspension),
		CASE(adding_again_inherits_level_offers_and_the_pin_lock),
		CASE(adding_again_inherits_a_suspension_for_thirty_days),
		CASE(a_setup_given_up_leaves_nothing_behind),
		CASE(an_account_takes_what_dns_said_of_its_hosts_along),
		CASE(giving_up_a_setup_is_no_way_round_what_an_account_in_use_left_behind),
		CASE(a_suspension_that_was_lifted_in_setup_does_not_come_back),
		CASE(another_uids_tombstone_is_nobody_elses),
		CASE(removing_many_accounts_leaves_a_bounded_number_of_records),
		CASE(the_best_level_only_rises),
		CASE(a_setup_idle_for_a_day_is_forgotten),
		CASE(client_certificates_belong_to_one_account),
		CASE(a_client_certificate_is_not_inherited),
		CASE(whose_a_client_certificate_is_is_printable_and_short),
		CASE(allowing_what_is_allowed_last_changes_nothing),
		CASE(a_damaged_account_is_degraded_alone_and_can_be_removed),
		CASE(no_sequence_of_calls_brings_an_active_account_to_setup),
		CASE(an_id_is_thirty_two_lower_case_digits_and_nothing_else),
	};

	return cmocka_run_group_tests_name("accounts", tests, NULL, NULL);
}
