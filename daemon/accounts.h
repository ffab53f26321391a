/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_ACCOUNTS_H
#define MT_DAEMON_ACCOUNTS_H

/*
 * All accounts: the state machine of REQUIREMENTS 4.9 over the store, and who may move it.
 *
 * Every change is one transaction; the caller's events run after it. An account of another uid is
 * unknown: same outcome, same work (D-SYS-02). An administrator's actor sees all. There is no edge
 * from active to setup. polkit is asked before a function here is called, never by it; the
 * organisation's word arrives as the effective policy that would hold.
 *
 * Accounts handed out are borrowed from a bounded cache: they live until the next call with this
 * struct mt_accounts. Whoever waits keeps the id and asks again.
 */

#include "daemon/account.h"
#include "daemon/clock.h"
#include "daemon/store.h"

enum {
	MT_ACCOUNTS_E_UNKNOWN = 1,   /* none, or not the actor's: account.unknown */
	MT_ACCOUNTS_E_DEGRADED = 2,  /* the store, or this account's record: daemon.degraded */
	MT_ACCOUNTS_E_NOT_READY = 3, /* the store is still being checked */
	MT_ACCOUNTS_E_EXISTS = 4,    /* the uid has this address already */
	MT_ACCOUNTS_E_QUOTA = 5,     /* MT_ACCOUNTS_PER_UID_MAX, or a list inside is full */
	MT_ACCOUNTS_E_INVALID = 6,   /* an argument is not well formed */
	MT_ACCOUNTS_E_STATE = 7,     /* not in this state: op.not-permitted */
	MT_ACCOUNTS_E_WARNING_REQUIRED = 8, /* conf.warning-required (R-5.2-08) */
	MT_ACCOUNTS_E_ORG_REFUSED = 9,      /* policy.org-override-refused */
	MT_ACCOUNTS_E_UNPROBED = 10,        /* evidence.incomplete: an endpoint was never probed */
	MT_ACCOUNTS_E_BELOW_MINIMUM = 11,   /* a probe did not reach confidentiality */
	MT_ACCOUNTS_E_NOT_PERMITTED = 12,   /* suspended by another party; suspended: admin only */
	MT_ACCOUNTS_E_NO_ENDPOINT = 13,     /* the endpoint, pin or consent named is not there */
	MT_ACCOUNTS_E_PIN_NOT_OFFERED = 14, /* no live probe offered it, or the minimum is on */
	MT_ACCOUNTS_E_PIN_FORBIDDEN = 15,   /* pin.forbidden-by-policy */
	MT_ACCOUNTS_E_PIN_EXISTING = 16     /* pin.not-offered-existing: not in setup any more */
};
const char *mt_accounts_strerror(int outcome);

struct mt_actor {
	uint32_t uid;
	bool admin; /* polkit said so, or uid 0 */
};

/* What changed, as bits. */
enum {
	MT_CHANGED_MINIMUM = 1 << 0,   /* PolicyChanged */
	MT_CHANGED_ENDPOINTS = 1 << 1, /* PolicyChanged */
	MT_CHANGED_PINS = 1 << 2,      /* PinChanged */
	MT_CHANGED_CONSENTS = 1 << 3,
	MT_CHANGED_BEST = 1 << 4,
	MT_CHANGED_STATE = 1 << 5, /* AccountStateChanged */
	MT_CHANGED_PROBE = 1 << 6,
	MT_CHANGED_OFFERS = 1 << 7
};

/* Called after the commit, with the account as it is now; it is borrowed for the call, and calling
 * back into mt_accounts from here is a bug. Any may be NULL. */
struct mt_accounts_events {
	void (*added)(void *userdata, const struct mt_account *account);
	void (*changed)(void *userdata, const struct mt_account *account, unsigned int what,
			enum mt_account_state before);
	void (*removed)(void *userdata, const struct mt_account *account); /* as it last was */
};

/* What an account's policy is joined with: floor, account layer, then fn joins group and
 * organisation layers. */
typedef void (*mt_layers_fn)(void *userdata, const struct mt_account *account,
			     struct mt_effective *effective);

struct mt_accounts_options {
	struct mt_store *store;       /* borrowed, outlives */
	const struct mt_clock *clock; /* borrowed, outlives */
	struct mt_accounts_events events;
	mt_layers_fn layers; /* NULL: no organisation */
	void *userdata;      /* of events and layers */
	size_t cache_size;   /* decoded accounts kept; 0: the default */
};

struct mt_accounts;
MT_MUST_CHECK int mt_accounts_new(const struct mt_accounts_options *options,
				  struct mt_accounts **ret);
struct mt_accounts *mt_accounts_free(struct mt_accounts *accounts);
MT_DEFINE_CLEANUP(struct mt_accounts *, mt_accounts_free);

/* -- finding: 0, UNKNOWN, DEGRADED */

MT_MUST_CHECK int mt_accounts_find(struct mt_accounts *accounts, struct mt_actor actor,
				   const struct mt_account_id *id, const struct mt_account **ret);
/* address: domain normalised. */
MT_MUST_CHECK int mt_accounts_find_address(struct mt_accounts *accounts, uint32_t uid,
					   const char *address, const struct mt_account **ret);
/* The ids of a uid's accounts in the order they were added. */
MT_MUST_CHECK int mt_accounts_list(struct mt_accounts *accounts, uint32_t uid,
				   struct mt_account_id ret[static MT_ACCOUNTS_PER_UID_MAX],
				   size_t *ret_n);
/* The ids of a domain's accounts, chunk by chunk from 0; n 0 with UNKNOWN at the end. */
#define MT_DOMAIN_CHUNK 128
MT_MUST_CHECK int mt_accounts_list_domain(struct mt_accounts *accounts, const char *domain,
					  uint32_t chunk,
					  struct mt_account_id ret[static MT_DOMAIN_CHUNK],
					  size_t *ret_n);
/* True where the id exists and belongs to somebody else: for the administrator's log only. */
bool mt_accounts_is_of_another(struct mt_accounts *accounts, uint32_t uid,
			       const struct mt_account_id *id);
/* True where an account other than this one pins the leaf: log only (R-5.4-07). */
bool mt_accounts_pin_elsewhere(struct mt_accounts *accounts, const struct mt_account *account,
			       const uint8_t leaf_sha256[static 32]);

/* floor ⊔ account ⊔ layers, cached per account until it changes or the epoch does. Lives like an
 * account handed out. */
const struct mt_effective *mt_accounts_effective(struct mt_accounts *accounts,
						 const struct mt_account *account);
/* The organisation's layers changed without the epoch (they never should): forget all. */
void mt_accounts_forget_effective(struct mt_accounts *accounts);

/* -- changing: 0, UNKNOWN, DEGRADED, NOT_READY, or what is named; negative errno */

/* A new account in setup with the default minimum; suspended where a tombstone or mark says so.
 * Return also: EXISTS, QUOTA, INVALID. */
MT_MUST_CHECK int mt_accounts_add(struct mt_accounts *accounts, uint32_t uid, const char *address,
				  struct mt_account_id *ret);
/* Adds an endpoint, or replaces the one of the same proto, host and port, with what was agreed to
 * for that; the endpoint's status, confirmation and probe are not taken from the argument. setup: a
 * candidate, to be probed before commit. active: stays a candidate until a probe makes it saved
 * (mt_accounts_set_probe()). Return also: INVALID, QUOTA, STATE (suspended). */
MT_MUST_CHECK int mt_accounts_set_endpoint(struct mt_accounts *accounts, struct mt_actor actor,
					   const struct mt_account_id *id,
					   const struct mt_endpoint *endpoint);
/* What was agreed to for this endpoint goes with it. A host that is no host of the account any more
 * takes its pins and their consents along: they were for the account's servers (R-5.4-03). */
MT_MUST_CHECK int mt_accounts_remove_endpoint(struct mt_accounts *accounts, struct mt_actor actor,
					      const struct mt_account_id *id, enum mt_proto proto,
					      const char *host, uint16_t port); /* NO_ENDPOINT */
/* What a probe found. In an active account a candidate becomes saved when it reached
 * confidentiality, or when the effective min_conf is off with consent (4.9); it then takes the
 * place of the service's other servers. */
struct mt_probe {
	enum mt_proto proto;
	const char *host;
	uint16_t port;
	bool confidential;          /* C of row 36 */
	bool pin_offered;           /* reasons hold pin.offer-available */
	const uint8_t *leaf_sha256; /* NULL: no certificate */
	const enum mt_reason *reasons;
	size_t n_reasons;
};
MT_MUST_CHECK int mt_accounts_set_probe(struct mt_accounts *accounts, struct mt_actor actor,
					const struct mt_account_id *id,
					const struct mt_probe *probe);
/*
 * The fields present in min replace those of the account; client_cert_allow is left alone.
 * Strengthening is free. Weakening any field: ORG_REFUSED where the effective user_relax is
 * forbidden, whoever asks; weakening min_conf or a field of the bundle also needs the consent
 * reduced-confidentiality of the current text, else WARNING_REQUIRED; renewing an expired policy
 * counts as weakening the default it had reverted to, and needs a consent given since (4.7). That
 * consent ends when it was
 * used with min_conf left on, and when min_conf is switched on, so that the next time shows the
 * warning again. INVALID: a field an account may not hold. Works while suspended: an expired policy
 * is renewed so.
 */
MT_MUST_CHECK int mt_accounts_set_minimum(struct mt_accounts *accounts, struct mt_actor actor,
					  const struct mt_account_id *id,
					  const struct mt_minimum *min);
/* Would mt_accounts_set_minimum() weaken any field? Its outcomes, and nothing is changed;
 * *ret_weaker is set with 0. */
MT_MUST_CHECK int mt_accounts_weigh_minimum(struct mt_accounts *accounts, struct mt_actor actor,
					    const struct mt_account_id *id,
					    const struct mt_minimum *min, bool *ret_weaker);
/* Client certificates of this account alone (R-5.5-04, -05). subject: printable ASCII, for display;
 * one that is allowed again becomes the last. QUOTA, INVALID; NO_ENDPOINT where absent.
 * accounts-cert.c */
MT_MUST_CHECK int mt_accounts_allow_client_cert(struct mt_accounts *accounts, struct mt_actor actor,
						const struct mt_account_id *id,
						const uint8_t sha256[static 32],
						const char *subject);
MT_MUST_CHECK int mt_accounts_revoke_client_cert(struct mt_accounts *accounts,
						 struct mt_actor actor,
						 const struct mt_account_id *id,
						 const uint8_t sha256[static 32]);
/*
 * Records a consent of the owner. Taken from consent: kind, proto, host, port, leaf, text_version;
 * time, uid and expiry are set here (D-SYS-07). INVALID: malformed for its kind or not the current
 * text; NO_ENDPOINT: not an endpoint of this account; STATE: suspended; PIN_EXISTING: pin outside
 * setup; QUOTA.
 */
MT_MUST_CHECK int mt_accounts_record_consent(struct mt_accounts *accounts, struct mt_actor actor,
					     const struct mt_account_id *id,
					     const struct mt_consent *consent);
/* Uses up a single-use consent, durably, before the verdict is given. NO_ENDPOINT: none applies. */
MT_MUST_CHECK int mt_accounts_consume_consent(struct mt_accounts *accounts, struct mt_actor actor,
					      const struct mt_account_id *id,
					      enum mt_consent_kind kind, enum mt_proto proto,
					      const char *host, uint16_t port);
/*
 * Pins a leaf to a host of the account: state setup, a probe of this very leaf that offered it
 * within the last 24 h, consent pin for (host, leaf), pinning not forbidden, min_conf effectively
 * off (R-5.4-02, -05, Q-14); a re-added account needs an administrator.
 * Return also: PIN_EXISTING, PIN_NOT_OFFERED, PIN_FORBIDDEN, WARNING_REQUIRED, NOT_PERMITTED,
 * NO_ENDPOINT, QUOTA.
 */
MT_MUST_CHECK int mt_accounts_pin(struct mt_accounts *accounts, struct mt_actor actor,
				  const struct mt_account_id *id, const char *host,
				  const uint8_t leaf_sha256[static 32]);
/* leaf NULL: every pin of the host. Any state, no organisation's leave (R-5.4-08). NO_ENDPOINT. */
MT_MUST_CHECK int mt_accounts_unpin(struct mt_accounts *accounts, struct mt_actor actor,
				    const struct mt_account_id *id, const char *host,
				    const uint8_t *leaf_sha256);
/* setup -> active. STATE, UNPROBED, BELOW_MINIMUM, WARNING_REQUIRED, with *ret_endpoint the index
 * of the first endpoint in the way (MT_ENDPOINTS_MAX where there is none at all; UNPROBED). */
MT_MUST_CHECK int mt_accounts_commit(struct mt_accounts *accounts, struct mt_actor actor,
				     const struct mt_account_id *id, size_t *ret_endpoint);
/* active or setup -> suspended; resume -> active (setup where it never was active). An expired
 * policy does not resume. STATE, NOT_PERMITTED. */
MT_MUST_CHECK int mt_accounts_suspend(struct mt_accounts *accounts, struct mt_actor actor,
				      const struct mt_account_id *id, enum mt_suspender by);
MT_MUST_CHECK int mt_accounts_resume(struct mt_accounts *accounts, struct mt_actor actor,
				     const struct mt_account_id *id);
/* Leaves a tombstone of 30 days, but where a setup is given up: that leaves none of its own, only
 * one it inherited. NOT_PERMITTED where suspended and the actor is no admin. */
MT_MUST_CHECK int mt_accounts_remove(struct mt_accounts *accounts, struct mt_actor actor,
				     const struct mt_account_id *id);
/* Raises the remembered best level (row 47); equal or lower commits nothing. Schedule it after the
 * reply: it costs a synced commit. */
MT_MUST_CHECK int mt_accounts_note_best(struct mt_accounts *accounts,
					const struct mt_account_id *id, enum mt_proto proto,
					enum mt_level level);
/* Remembered with its time, the last MT_DECLINED_MAX of them. */
MT_MUST_CHECK int mt_accounts_decline_offer(struct mt_accounts *accounts, struct mt_actor actor,
					    const struct mt_account_id *id, const char *offer);
/* Removes the account if it has been idle in setup for 24 h, as if it were given up. Return: 0
 * where removed, STATE where it is not due. */
MT_MUST_CHECK int mt_accounts_expire_setup(struct mt_accounts *accounts,
					   const struct mt_account_id *id);

#endif
