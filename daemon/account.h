/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_ACCOUNT_H
#define MT_DAEMON_ACCOUNT_H

/*
 * One account as it is remembered: plain data, its text and stored forms, and the facts the policy
 * core is told about it. What may change it, and who, is accounts.h.
 *
 * An account belongs to one uid and shares nothing with another, not even another of the same uid
 * (I-7): pins, consents, client certificates and levels live inside it. A pin binds one leaf to
 * one saved host of this account (R-5.4-03). The minimum (~20 KiB unpacked) is kept as the bytes it
 * is stored in; unpack it with mt_account_get_minimum() where it is needed.
 */

#include "policy/decide.h"

#define MT_ACCOUNT_ID_SIZE 16
#define MT_ACCOUNT_ID_TEXT (2 * MT_ACCOUNT_ID_SIZE + 1)
#define MT_DECLINED_MAX 8 /* offers a user said no to: one per service and transport, and spare */

struct mt_account_id {
	uint8_t bytes[MT_ACCOUNT_ID_SIZE]; /* random, never reused */
};
void mt_account_id_format(const struct mt_account_id *id, char ret[static MT_ACCOUNT_ID_TEXT]);
/* Exactly 32 lower-case hexadecimal digits. Return: 0, or 1. */
MT_MUST_CHECK int mt_account_id_parse(const char *text, struct mt_account_id *ret);
bool mt_account_id_equal(const struct mt_account_id *a, const struct mt_account_id *b);

/* What the last probe of an endpoint found. Zero: none has taken place. */
enum mt_endpoint_probe { MT_PROBE_NONE = 0, MT_PROBE_BELOW_MINIMUM, MT_PROBE_CONFIDENTIAL };
#define MT_ENDPOINT_PROBE_COUNT 3

struct mt_endpoint {
	enum mt_proto proto;
	enum mt_transport transport;
	char host[MT_DOMAIN_SIZE]; /* normalised: A-labels or an IP literal */
	uint16_t port;
	enum mt_discovery discovery;
	enum mt_dnssec dnssec; /* of the SRV RRset, for SRV */
	char label[16];        /* "_imaps"; "" if none */
	bool confirmed;        /* consent srv-target was given for this host: rows 11 and 13 */
	enum mt_endpoint_status status; /* CANDIDATE or SAVED */

	enum mt_endpoint_probe probe;
	int64_t probed_at_usec;
	uint8_t probe_leaf[32]; /* zero where no certificate was seen */
	bool probe_pin_offered; /* the probe's verdict held pin.offer-available */
	size_t n_probe_reasons;
	uint8_t probe_reasons[MT_REASONS_MAX]; /* enum mt_reason, as the verdict listed them */
};

/* Set up alike, for two of the same proto, host and port: what a probe found at the one is true of
 * the other. */
bool mt_endpoint_is_same(const struct mt_endpoint *a, const struct mt_endpoint *b);

struct mt_pin {
	char host[MT_DOMAIN_SIZE];
	uint8_t leaf_sha256[32];
	int64_t created_usec;
};

/* A client certificate the owner allowed for this account (RFC 8314 §5.5). Its key is his; nothing
 * of it ever comes here (D-SYS-03). */
struct mt_allowed_cert {
	uint8_t sha256[32];
	char subject[MT_CLIENT_CERT_SUBJECT_SIZE]; /* printable ASCII, for display; "" unknown */
	int64_t allowed_usec;
};

/* Who suspended: only that party or an administrator may resume. */
enum mt_suspender {
	MT_SUSPENDER_NONE = 0,
	MT_SUSPENDER_ADMIN,
	MT_SUSPENDER_EXPIRY,
	MT_SUSPENDER_OWNER
};
#define MT_SUSPENDER_COUNT 4

/* An offer that was said no to, and when: it is not made again for MT_DECLINED_USEC. */
struct mt_declined {
	char offer[MT_TOKEN_SIZE]; /* its name: mt_upgrade_name() */
	int64_t at_usec;
};

struct mt_account {
	struct mt_account_id id;
	uint32_t uid;
	char address[MT_ADDRESS_SIZE]; /* local part as given, "@", domain in A-labels */
	char domain[MT_DOMAIN_SIZE];
	enum mt_account_state state;
	enum mt_suspender suspender; /* NONE unless suspended */
	bool committed;              /* was active once: never in setup again (R-5.4-06) */
	bool added_again;            /* a tombstone was found: a pin here needs an administrator */
	int64_t created_usec, changed_usec;

	struct mt_endpoint endpoints[MT_ENDPOINTS_MAX];
	size_t n_endpoints;
	enum mt_level best[MT_PROTO_COUNT]; /* per service, only ever rises (row 47) */

	struct mt_pin *pins;       /* owned; sorted by host */
	uint8_t (*pin_leaves)[32]; /* owned; leaf of pins[i], so that a host's are adjacent */
	size_t n_pins;
	struct mt_consent *consents; /* owned */
	size_t n_consents;
	struct mt_allowed_cert *certs; /* owned; the one allowed last is the last, and the minimum's
					  client_cert_allow holds the same digests */
	size_t n_certs;
	struct mt_declined declined[MT_DECLINED_MAX];
	size_t n_declined;

	uint8_t *minimum; /* owned; packed account layer */
	size_t minimum_size;
	uint32_t domain_chunk; /* where the domain's index lists it (accounts.c) */
};

void mt_account_clear(struct mt_account *account);
/* Return: 0, -ENOMEM with *ret zeroed. */
MT_MUST_CHECK int mt_account_copy(const struct mt_account *account, struct mt_account *ret);

/* The account layer. ret is ~20 KiB: keep it off small stacks. */
void mt_account_get_minimum(const struct mt_account *account, struct mt_minimum *ret);
MT_MUST_CHECK int mt_account_put_minimum(struct mt_account *account, const struct mt_minimum *min);

/* The endpoint of a connection, or NULL. The transport may differ: rows 16-28 judge that. */
const struct mt_endpoint *mt_account_find_endpoint(const struct mt_account *account,
						   enum mt_proto proto, const char *host,
						   uint16_t port);
struct mt_endpoint *mt_account_find_endpoint_mutable(struct mt_account *account,
						     enum mt_proto proto, const char *host,
						     uint16_t port);
bool mt_account_has_host(const struct mt_account *account, const char *host);
bool mt_account_has_declined(const struct mt_account *account, const char *offer, int64_t now_usec);
/* The server's name may have been forged, or leads out of the domain of the address, and its owner
 * has not confirmed it: nothing connects to it (R-5.1-12, rows 11 and 13). */
bool mt_account_awaits_confirmation(const struct mt_account *account,
				    const struct mt_endpoint *endpoint, int64_t now_usec);
/* An endpoint's host has a pin and the last probe there did not reach confidentiality without it:
 * the account is then no more than reduced (R-5.4-10). */
bool mt_account_relies_on_pin(const struct mt_account *account);
/* The client certificate to present: of those both the account and its effective minimum allow, the
 * one allowed last, so that a new one takes the place of the one it renews. NULL: none. */
const struct mt_allowed_cert *mt_account_find_cert(const struct mt_account *account,
						   const struct mt_effective *effective);
bool mt_account_has_consent(const struct mt_account *account, enum mt_consent_kind kind,
			    enum mt_proto proto, const char *host, uint16_t port,
			    const uint8_t *leaf, int64_t now_usec);

/*
 * Fills what decide.h wants to know, for the endpoint of the evidence. ret borrows from account.
 * Left false, for the caller to fill: resumable, reference_is_fresh, referral_known's equivalent in
 * other accounts, not_owner, pin_elsewhere (mt_accounts_pin_elsewhere()).
 */
void mt_account_facts(const struct mt_account *account, const struct mt_evidence *evidence,
		      int64_t now_usec, struct mt_account_facts *ret);

/* As if the account had this endpoint, saved: what a server that is only offered would be worth. */
void mt_account_facts_assume(const struct mt_account *account, const struct mt_endpoint *endpoint,
			     struct mt_account_facts *facts);

/* -- for accounts.c: changes of the lists, no guards */

/* An equal pin or consent (kind, endpoint, leaf) is replaced. Return: 0, 1 full, -ENOMEM. */
MT_MUST_CHECK int mt_account_add_pin(struct mt_account *account, const struct mt_pin *pin);
/* leaf NULL: any. Return: how many. */
size_t mt_account_remove_pins(struct mt_account *account, const char *host, const uint8_t *leaf);
MT_MUST_CHECK int mt_account_add_consent(struct mt_account *account,
					 const struct mt_consent *consent);
void mt_account_remove_consent(struct mt_account *account, size_t index);
/* Index of a consent that applies, or -1. */
int mt_account_find_consent(const struct mt_account *account, enum mt_consent_kind kind,
			    enum mt_proto proto, const char *host, uint16_t port,
			    const uint8_t *leaf, int64_t now_usec);

/* Adds one as the last; one of that digest moves there. Return: 0, 1 full, -ENOMEM. */
MT_MUST_CHECK int mt_account_add_cert(struct mt_account *account,
				      const struct mt_allowed_cert *cert);
/* Return: 0, 1 where there is none, -ENOMEM. */
MT_MUST_CHECK int mt_account_remove_cert(struct mt_account *account,
					 const uint8_t sha256[static 32]);

/* Stored form. encode appends to writer; decode accepts any bytes. decode: 0, 1 malformed, -ENOMEM.
 */
struct mt_writer;
struct mt_reader;
MT_MUST_CHECK int mt_account_encode(const struct mt_account *account, struct mt_writer *writer);
MT_MUST_CHECK int mt_account_decode(struct mt_reader *reader, struct mt_account *ret);

#endif
