/* SPDX-License-Identifier: MIT */
/* Consents and pins: what a person has knowingly taken upon an account (D-SYS-07, RFC 8314 §5.4).
 */

#include <errno.h>
#include <string.h>

#include "daemon/accounts-private.h"
#include "policy/domain.h"

/* How long a probe's pin offer may be acted on: as long as a setup may idle. */
#define PIN_OFFER_USEC MT_SETUP_IDLE_USEC

/* -- consents */

/* Kinds bound to an endpoint or host name one of this account's. */
static int
consent_guard(const struct mt_account *account, const struct mt_consent *consent)
{
	switch (consent->kind) {
	case MT_CONSENT_REDUCED_CONFIDENTIALITY:
		return 0;
	case MT_CONSENT_PASSWORD_EXPOSURE:
	case MT_CONSENT_DOWNGRADE:
		return mt_account_find_endpoint(account, consent->proto, consent->host,
						consent->port)
			       ? 0
			       : MT_ACCOUNTS_E_NO_ENDPOINT;
	case MT_CONSENT_PIN:
		/* R-5.4-05: pinning belongs to setup. */
		if (account->state != MT_ACCOUNT_SETUP)
			return MT_ACCOUNTS_E_PIN_EXISTING;
		return mt_account_has_host(account, consent->host) ? 0 : MT_ACCOUNTS_E_NO_ENDPOINT;
	case MT_CONSENT_SRV_TARGET:
		return mt_account_has_host(account, consent->host) ? 0 : MT_ACCOUNTS_E_NO_ENDPOINT;
	}
	return MT_ACCOUNTS_E_INVALID;
}

static void
consents_drop_expired(struct mt_account *account, int64_t now_usec)
{
	for (size_t i = account->n_consents; i-- > 0;)
		if (account->consents[i].expires_usec <= now_usec)
			mt_account_remove_consent(account, i);
}

/* The copy that is kept: nothing of when, who and how long is the caller's to say. */
static int
consent_init(const struct mt_account *account, const struct mt_consent *wanted, int64_t now_usec,
	     struct mt_consent *ret)
{
	*ret = *wanted;
	ret->uid = account->uid;
	ret->given_at_usec = now_usec;
	ret->expires_usec = INT64_MAX;
	if ((unsigned int)wanted->kind >= MT_CONSENT_KIND_COUNT ||
	    !memchr(wanted->host, '\0', sizeof(wanted->host)))
		return MT_ACCOUNTS_E_INVALID;
	if (wanted->host[0] &&
	    mt_host_normalise(wanted->host, strlen(wanted->host), ret->host) != 0)
		return MT_ACCOUNTS_E_INVALID;
	/* R-5.1-10: a password may be exposed once, within ten minutes. */
	if (wanted->kind == MT_CONSENT_PASSWORD_EXPOSURE)
		ret->expires_usec = now_usec + MT_PASSWORD_CONSENT_USEC;
	/* R-5.1-08: the warning that was shown is the one of today. */
	if (wanted->text_version != MT_CONSENT_TEXT_VERSION || !mt_consent_is_well_formed(ret))
		return MT_ACCOUNTS_E_INVALID;
	return 0;
}

static void
confirm_host(struct mt_account *account, const char *host)
{
	for (size_t i = 0; i < account->n_endpoints; i++)
		if (mt_domain_equal(account->endpoints[i].host, host))
			account->endpoints[i].confirmed = true;
}

int
mt_accounts_record_consent(struct mt_accounts *accounts, struct mt_actor actor,
			   const struct mt_account_id *id, const struct mt_consent *wanted)
{
	const int64_t now_usec = mt_clock_wall(accounts->clock);
	struct mt_change change MT_CLEANUP(mt_change_clear);
	unsigned int what = MT_CHANGED_CONSENTS;
	struct mt_consent consent;
	int r = mt_change_begin(accounts, actor, id, &change);

	if (r != 0)
		return r;
	/* Nobody consents in another's name, be it an administrator. */
	if (actor.uid != change.account.uid)
		return MT_ACCOUNTS_E_NOT_PERMITTED;
	if (change.account.state == MT_ACCOUNT_SUSPENDED)
		return MT_ACCOUNTS_E_STATE;
	r = consent_init(&change.account, wanted, now_usec, &consent);
	if (r == 0)
		r = consent_guard(&change.account, &consent);
	if (r != 0)
		return r;
	consents_drop_expired(&change.account, now_usec);
	r = mt_account_add_consent(&change.account, &consent);
	if (r != 0)
		return r > 0 ? MT_ACCOUNTS_E_QUOTA : r;
	if (consent.kind == MT_CONSENT_SRV_TARGET) {
		confirm_host(&change.account, consent.host);
		what |= MT_CHANGED_ENDPOINTS;
	}
	return mt_change_finish(accounts, &change, what);
}

int
mt_accounts_consume_consent(struct mt_accounts *accounts, struct mt_actor actor,
			    const struct mt_account_id *id, enum mt_consent_kind kind,
			    enum mt_proto proto, const char *host, uint16_t port)
{
	struct mt_change change MT_CLEANUP(mt_change_clear);
	int r = mt_change_begin(accounts, actor, id, &change);
	int index;

	if (r != 0)
		return r;
	index = mt_account_find_consent(&change.account, kind, proto, host, port, NULL,
					mt_clock_wall(accounts->clock));
	if (index < 0)
		return MT_ACCOUNTS_E_NO_ENDPOINT;
	mt_account_remove_consent(&change.account, (size_t)index);
	return mt_change_finish(accounts, &change, MT_CHANGED_CONSENTS);
}

/* -- pins */

/* A probe of this host saw this very leaf, and its verdict offered to pin it. One from a time that
 * is still to come is of a clock that was wrong: how old it is, nobody knows. */
static bool
was_offered(const struct mt_account *account, const char *host, const uint8_t *leaf,
	    int64_t now_usec)
{
	for (size_t i = 0; i < account->n_endpoints; i++) {
		const struct mt_endpoint *endpoint = &account->endpoints[i];

		if (mt_domain_equal(endpoint->host, host) && endpoint->probe_pin_offered &&
		    memcmp(endpoint->probe_leaf, leaf, 32) == 0 &&
		    endpoint->probe != MT_PROBE_NONE &&
		    now_usec >= endpoint->probed_at_usec - MT_EVIDENCE_AHEAD_MAX_USEC &&
		    now_usec - endpoint->probed_at_usec < PIN_OFFER_USEC)
			return true;
	}
	return false;
}

static int
pin_guard(struct mt_accounts *accounts, struct mt_actor actor, const struct mt_account *account,
	  const char *host, const uint8_t *leaf)
{
	const struct mt_effective *effective = mt_accounts_effective(accounts, account);
	const int64_t now_usec = mt_clock_wall(accounts->clock);

	/* R-5.4-05, R-5.4-06: never in answer to a failure of an account in use. */
	if (account->state != MT_ACCOUNT_SETUP)
		return MT_ACCOUNTS_E_PIN_EXISTING;
	if (!mt_account_has_host(account, host))
		return MT_ACCOUNTS_E_NO_ENDPOINT;
	/* 4.9: removing and adding again is no way around that. */
	if (account->added_again && !actor.admin)
		return MT_ACCOUNTS_E_NOT_PERMITTED;
	if (mt_value(effective, MT_FIELD_PINNING) == MT_FORBIDDEN)
		return MT_ACCOUNTS_E_PIN_FORBIDDEN;
	/* with the minimum required a pin could never be used. */
	if (mt_value(effective, MT_FIELD_MIN_CONF) == MT_ON ||
	    !was_offered(account, host, leaf, now_usec))
		return MT_ACCOUNTS_E_PIN_NOT_OFFERED;
	if (!mt_account_has_consent(account, MT_CONSENT_PIN, MT_PROTO_UNKNOWN, host, 0, leaf,
				    now_usec))
		return MT_ACCOUNTS_E_WARNING_REQUIRED;
	return 0;
}

int
mt_accounts_pin(struct mt_accounts *accounts, struct mt_actor actor, const struct mt_account_id *id,
		const char *host, const uint8_t leaf_sha256[static 32])
{
	struct mt_change change MT_CLEANUP(mt_change_clear);
	struct mt_pin pin = {.created_usec = mt_clock_wall(accounts->clock)};
	int r = mt_change_begin(accounts, actor, id, &change);

	if (r != 0)
		return r;
	if (mt_host_normalise(host, strnlen(host, MT_DOMAIN_SIZE), pin.host) != 0)
		return MT_ACCOUNTS_E_INVALID;
	r = pin_guard(accounts, actor, &change.account, pin.host, leaf_sha256);
	if (r != 0)
		return r;
	memcpy(pin.leaf_sha256, leaf_sha256, sizeof(pin.leaf_sha256));
	r = mt_account_add_pin(&change.account, &pin);
	if (r != 0)
		return r > 0 ? MT_ACCOUNTS_E_QUOTA : r;
	return mt_change_finish(accounts, &change, MT_CHANGED_PINS);
}

unsigned int
mt_change_remove_pins(struct mt_account *account, const char *host, const uint8_t *leaf_sha256)
{
	unsigned int what = 0;

	if (mt_account_remove_pins(account, host, leaf_sha256) > 0)
		what |= MT_CHANGED_PINS;
	/* The consent goes with what it was given for. */
	for (size_t i = account->n_consents; i-- > 0;)
		if (account->consents[i].kind == MT_CONSENT_PIN &&
		    mt_domain_equal(account->consents[i].host, host) &&
		    (!leaf_sha256 ||
		     memcmp(account->consents[i].leaf_sha256, leaf_sha256, 32) == 0)) {
			mt_account_remove_consent(account, i);
			what |= MT_CHANGED_CONSENTS;
		}
	return what;
}

unsigned int
mt_change_remove_endpoint_consents(struct mt_account *account, enum mt_proto proto,
				   const char *host, uint16_t port)
{
	const size_t before = account->n_consents;

	for (size_t i = before; i-- > 0;) {
		const struct mt_consent *consent = &account->consents[i];

		/* kinds that are bound to less have no port */
		if (consent->port == port && consent->proto == proto &&
		    mt_domain_equal(consent->host, host))
			mt_account_remove_consent(account, i);
	}
	return account->n_consents < before ? MT_CHANGED_CONSENTS : 0;
}

int
mt_accounts_unpin(struct mt_accounts *accounts, struct mt_actor actor,
		  const struct mt_account_id *id, const char *host, const uint8_t *leaf_sha256)
{
	struct mt_change change MT_CLEANUP(mt_change_clear);
	unsigned int what;
	int r = mt_change_begin(accounts, actor, id, &change);

	if (r != 0)
		return r;
	what = mt_change_remove_pins(&change.account, host, leaf_sha256);
	if (!(what & MT_CHANGED_PINS))
		return MT_ACCOUNTS_E_NO_ENDPOINT;
	return mt_change_finish(accounts, &change, what);
}
