/* SPDX-License-Identifier: MIT */
/* One account as plain data: lists, lookups, and the facts for the policy core. */

#include "daemon/account.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/minimum-record.h"
#include "daemon/record.h"
#include "policy/domain.h"

/* -- identifiers */

void
mt_account_id_format(const struct mt_account_id *id, char ret[static MT_ACCOUNT_ID_TEXT])
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < MT_ACCOUNT_ID_SIZE; i++) {
		ret[2 * i] = hex[id->bytes[i] >> 4];
		ret[2 * i + 1] = hex[id->bytes[i] & 15];
	}
	ret[MT_ACCOUNT_ID_TEXT - 1] = '\0';
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
mt_account_id_parse(const char *text, struct mt_account_id *ret)
{
	struct mt_account_id id;

	for (size_t i = 0; i < MT_ACCOUNT_ID_SIZE; i++) {
		int high = hex_digit(text[2 * i]);
		int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

		if (low < 0)
			return 1;
		id.bytes[i] = (uint8_t)(high << 4 | low);
	}
	if (text[MT_ACCOUNT_ID_TEXT - 1] != '\0')
		return 1;
	*ret = id;
	return 0;
}

bool
mt_account_id_equal(const struct mt_account_id *a, const struct mt_account_id *b)
{
	return memcmp(a->bytes, b->bytes, MT_ACCOUNT_ID_SIZE) == 0;
}

/* -- the whole */

void
mt_account_clear(struct mt_account *account)
{
	free(account->pins);
	free(account->pin_leaves);
	free(account->consents);
	free(account->certs);
	free(account->minimum);
	memset(account, 0, sizeof(*account));
}

/* A copy of n items, NULL for none. false: no memory. */
static bool
copy_items(const void *items, size_t n, size_t size, void **ret)
{
	*ret = n ? malloc(n * size) : NULL;
	if (*ret)
		memcpy(*ret, items, n * size);
	return *ret || n == 0;
}

int
mt_account_copy(const struct mt_account *account, struct mt_account *ret)
{
	const size_t n_pins = account->n_pins;
	void *pins = NULL, *leaves = NULL, *consents = NULL, *certs = NULL, *minimum = NULL;

	if (!copy_items(account->pins, n_pins, sizeof(*account->pins), &pins) ||
	    !copy_items(account->pin_leaves, n_pins, sizeof(*account->pin_leaves), &leaves) ||
	    !copy_items(account->consents, account->n_consents, sizeof(*account->consents),
			&consents) ||
	    !copy_items(account->certs, account->n_certs, sizeof(*account->certs), &certs) ||
	    !copy_items(account->minimum, account->minimum_size, 1, &minimum)) {
		free(pins);
		free(leaves);
		free(consents);
		free(certs);
		memset(ret, 0, sizeof(*ret));
		return -ENOMEM;
	}
	*ret = *account;
	ret->pins = pins;
	ret->pin_leaves = leaves;
	ret->consents = consents;
	ret->certs = certs;
	ret->minimum = minimum;
	return 0;
}

void
mt_account_get_minimum(const struct mt_account *account, struct mt_minimum *ret)
{
	struct mt_reader reader = {.data = account->minimum, .size = account->minimum_size};

	/* Nothing that does not decode ever gets into an account; were it so, deny by the default.
	 */
	if (mt_minimum_decode(&reader, ret) != 0)
		mt_minimum_init_default(ret);
}

int
mt_account_put_minimum(struct mt_account *account, const struct mt_minimum *min)
{
	struct mt_writer writer = {0};

	mt_minimum_encode(min, &writer);
	if (writer.failed) {
		mt_writer_clear(&writer);
		return -ENOMEM;
	}
	free(account->minimum);
	account->minimum = writer.data;
	account->minimum_size = writer.size;
	return 0;
}

/* -- looking up */

bool
mt_endpoint_is_same(const struct mt_endpoint *a, const struct mt_endpoint *b)
{
	return a->transport == b->transport && a->discovery == b->discovery &&
	       a->dnssec == b->dnssec && strcmp(a->label, b->label) == 0;
}

struct mt_endpoint *
mt_account_find_endpoint_mutable(struct mt_account *account, enum mt_proto proto, const char *host,
				 uint16_t port)
{
	for (size_t i = 0; i < account->n_endpoints; i++) {
		struct mt_endpoint *endpoint = &account->endpoints[i];

		if (endpoint->proto == proto && endpoint->port == port &&
		    mt_domain_equal(endpoint->host, host))
			return endpoint;
	}
	return NULL;
}

const struct mt_endpoint *
mt_account_find_endpoint(const struct mt_account *account, enum mt_proto proto, const char *host,
			 uint16_t port)
{
	for (size_t i = 0; i < account->n_endpoints; i++) {
		const struct mt_endpoint *endpoint = &account->endpoints[i];

		if (endpoint->proto == proto && endpoint->port == port &&
		    mt_domain_equal(endpoint->host, host))
			return endpoint;
	}
	return NULL;
}

bool
mt_account_has_host(const struct mt_account *account, const char *host)
{
	for (size_t i = 0; i < account->n_endpoints; i++)
		if (mt_domain_equal(account->endpoints[i].host, host))
			return true;
	return false;
}

bool
mt_account_has_declined(const struct mt_account *account, const char *offer, int64_t now_usec)
{
	for (size_t i = 0; i < account->n_declined; i++)
		if (strcmp(account->declined[i].offer, offer) == 0 &&
		    now_usec - account->declined[i].at_usec < MT_DECLINED_USEC)
			return true;
	return false;
}

bool
mt_account_relies_on_pin(const struct mt_account *account)
{
	for (size_t i = 0; i < account->n_pins; i++)
		for (size_t j = 0; j < account->n_endpoints; j++)
			if (account->endpoints[j].probe != MT_PROBE_CONFIDENTIAL &&
			    mt_domain_equal(account->pins[i].host, account->endpoints[j].host))
				return true;
	return false;
}

int
mt_account_find_consent(const struct mt_account *account, enum mt_consent_kind kind,
			enum mt_proto proto, const char *host, uint16_t port, const uint8_t *leaf,
			int64_t now_usec)
{
	for (size_t i = 0; i < account->n_consents; i++)
		if (mt_consent_applies(&account->consents[i], kind, proto, host, port, leaf,
				       now_usec))
			return (int)i;
	return -1;
}

bool
mt_account_has_consent(const struct mt_account *account, enum mt_consent_kind kind,
		       enum mt_proto proto, const char *host, uint16_t port, const uint8_t *leaf,
		       int64_t now_usec)
{
	return mt_account_find_consent(account, kind, proto, host, port, leaf, now_usec) >= 0;
}

bool
mt_account_awaits_confirmation(const struct mt_account *account, const struct mt_endpoint *endpoint,
			       int64_t now_usec)
{
	return !endpoint->confirmed &&
	       mt_reference_needs_person(endpoint->discovery, endpoint->dnssec, endpoint->host,
					 account->domain) &&
	       !mt_account_has_consent(account, MT_CONSENT_SRV_TARGET, endpoint->proto,
				       endpoint->host, endpoint->port, NULL, now_usec);
}

/* -- facts */

static void
facts_reference(const struct mt_account *account, const struct mt_endpoint *endpoint,
		const char *host, struct mt_account_facts *ret)
{
	struct mt_reference *reference = &ret->reference;

	memcpy(reference->address_domain, account->domain, sizeof(reference->address_domain));
	if (!endpoint) {
		memcpy(reference->host, host, sizeof(reference->host));
		return;
	}
	ret->endpoint = endpoint->status;
	ret->configured = endpoint->transport;
	/* R-5.1-07: what the person confirmed as the server is no longer a guess of its source. */
	ret->source_approved = endpoint->confirmed || endpoint->status == MT_ENDPOINT_SAVED;
	reference->discovery = endpoint->discovery;
	reference->dnssec = endpoint->dnssec;
	reference->saved = endpoint->status == MT_ENDPOINT_SAVED;
	reference->confirmed = endpoint->confirmed;
	memcpy(reference->host, endpoint->host, sizeof(reference->host));
	memcpy(reference->label, endpoint->label, sizeof(reference->label));
}

/* Pins are sorted by host, so that those of one host are one slice. */
static void
facts_pins(const struct mt_account *account, const char *host, struct mt_account_facts *ret)
{
	size_t first = 0;

	while (first < account->n_pins && !mt_domain_equal(account->pins[first].host, host))
		first++;
	if (first == account->n_pins)
		return;
	ret->pins = (const uint8_t(*)[32])account->pin_leaves + first;
	while (first + ret->n_pins < account->n_pins &&
	       mt_domain_equal(account->pins[first + ret->n_pins].host, host))
		ret->n_pins++;
}

static uint32_t
facts_consents(const struct mt_account *account, const struct mt_evidence *evidence,
	       int64_t now_usec)
{
	const uint8_t *leaf = mt_evidence_has(evidence, MT_EV_LEAF_SHA256) || evidence->n_chain > 0
				      ? evidence->leaf_sha256
				      : NULL;
	uint32_t consents = 0;

	for (size_t i = 0; i < account->n_consents; i++) {
		const struct mt_consent *consent = &account->consents[i];

		if (mt_consent_applies(consent, consent->kind, evidence->proto, evidence->host,
				       evidence->port, leaf, now_usec))
			consents |= (uint32_t)MT_BIT(consent->kind);
	}
	return consents;
}

/* Row 15: a server that is only proposed is none of an account in use yet (row 14). */
static bool
is_server(const struct mt_account *account, const char *host)
{
	for (size_t i = 0; i < account->n_endpoints; i++)
		if (mt_domain_equal(account->endpoints[i].host, host) &&
		    (account->state == MT_ACCOUNT_SETUP ||
		     account->endpoints[i].status == MT_ENDPOINT_SAVED))
			return true;
	return false;
}

void
mt_account_facts(const struct mt_account *account, const struct mt_evidence *evidence,
		 int64_t now_usec, struct mt_account_facts *ret)
{
	const struct mt_endpoint *endpoint =
		mt_account_find_endpoint(account, evidence->proto, evidence->host, evidence->port);

	*ret = (struct mt_account_facts){
		.known = true,
		.state = account->state,
		.best = account->best[evidence->proto],
	};
	facts_reference(account, endpoint, evidence->host, ret);
	facts_pins(account, evidence->host, ret);
	ret->consents = facts_consents(account, evidence, now_usec);
	ret->referral_known = mt_evidence_has(evidence, MT_EV_REFERRAL_TARGET) &&
			      is_server(account, evidence->referral_target);
}

void
mt_account_facts_assume(const struct mt_account *account, const struct mt_endpoint *endpoint,
			struct mt_account_facts *facts)
{
	struct mt_endpoint saved = *endpoint;

	saved.status = MT_ENDPOINT_SAVED;
	memset(&facts->reference, 0, sizeof(facts->reference));
	facts_reference(account, &saved, saved.host, facts);
}

/* -- changing the lists */

static int
pin_order(const void *a, const void *b)
{
	const struct mt_pin *x = a, *y = b;
	int order = strcmp(x->host, y->host);

	return order ? order : memcmp(x->leaf_sha256, y->leaf_sha256, sizeof(x->leaf_sha256));
}

static void
pins_refresh(struct mt_account *account)
{
	if (account->n_pins == 0)
		return;
	qsort(account->pins, account->n_pins, sizeof(*account->pins), pin_order);
	for (size_t i = 0; i < account->n_pins; i++)
		memcpy(account->pin_leaves[i], account->pins[i].leaf_sha256, 32);
}

int
mt_account_add_pin(struct mt_account *account, const struct mt_pin *pin)
{
	struct mt_pin *pins;
	uint8_t(*leaves)[32];

	for (size_t i = 0; i < account->n_pins; i++)
		if (pin_order(&account->pins[i], pin) == 0) {
			account->pins[i] = *pin;
			return 0;
		}
	if (account->n_pins == MT_PINS_MAX)
		return 1;
	pins = reallocarray(account->pins, account->n_pins + 1, sizeof(*pins));
	if (!pins)
		return -ENOMEM;
	account->pins = pins;
	leaves = reallocarray(account->pin_leaves, account->n_pins + 1, sizeof(*leaves));
	if (!leaves)
		return -ENOMEM;
	account->pin_leaves = leaves;
	account->pins[account->n_pins++] = *pin;
	pins_refresh(account);
	return 0;
}

size_t
mt_account_remove_pins(struct mt_account *account, const char *host, const uint8_t *leaf)
{
	size_t kept = 0, before = account->n_pins;

	for (size_t i = 0; i < before; i++) {
		const struct mt_pin *pin = &account->pins[i];

		if (mt_domain_equal(pin->host, host) &&
		    (!leaf || memcmp(pin->leaf_sha256, leaf, 32) == 0))
			continue;
		account->pins[kept++] = *pin;
	}
	account->n_pins = kept;
	pins_refresh(account);
	return before - kept;
}

static bool
consent_is_same(const struct mt_consent *a, const struct mt_consent *b)
{
	return a->kind == b->kind && a->proto == b->proto && a->port == b->port &&
	       strcmp(a->host, b->host) == 0 &&
	       memcmp(a->leaf_sha256, b->leaf_sha256, sizeof(a->leaf_sha256)) == 0;
}

int
mt_account_add_consent(struct mt_account *account, const struct mt_consent *consent)
{
	struct mt_consent *consents;

	for (size_t i = 0; i < account->n_consents; i++)
		if (consent_is_same(&account->consents[i], consent)) {
			account->consents[i] = *consent;
			return 0;
		}
	if (account->n_consents == MT_CONSENTS_MAX)
		return 1;
	consents = reallocarray(account->consents, account->n_consents + 1, sizeof(*consents));
	if (!consents)
		return -ENOMEM;
	account->consents = consents;
	account->consents[account->n_consents++] = *consent;
	return 0;
}

void
mt_account_remove_consent(struct mt_account *account, size_t index)
{
	memmove(&account->consents[index], &account->consents[index + 1],
		(account->n_consents - index - 1) * sizeof(*account->consents));
	account->n_consents--;
}
