/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_CODEC_H
#define MT_IPC_CODEC_H

/*
 * Types on the bus: each has an append and a read function next to each other, tested as a pair.
 *
 * Readers take an iterator that stands on the value (as a handler gets it), read all of it, and
 * copy what they keep: nothing decoded points into a message unless its comment says so. They check
 * form and bounds, name the key at fault in the diag, and judge nothing: whether evidence is
 * complete or good enough is policy's. Whoever offers a key twice, a key nobody knows, or a value
 * of another type is refused, because a reader that guesses is one that can be steered. Exception:
 * the detail of a verdict is open, and unknown keys there are skipped.
 *
 * Validations never travel on the bus: only the worker link carries them.
 */

#include <dbus/dbus.h>

#include "policy/consent.h"
#include "policy/diag.h"
#include "policy/evidence.h"
#include "policy/minimum.h"
#include "policy/verdict.h"

enum {
	MT_CODEC_E_UNKNOWN_KEY = 1,
	MT_CODEC_E_DUPLICATE_KEY = 2,
	MT_CODEC_E_TYPE = 3,       /* the key is known, its value has another type */
	MT_CODEC_E_VALUE = 4,      /* out of range, too long, not one of the names */
	MT_CODEC_E_NOT_FOR_YOU = 5 /* a field only the organisation may set */
};

/* Evidence: a{sv} with dotted keys of mt_evidence_keys[]; chain is aay.
 * Read: chain and staple go into one block the evidence owns (mt_evidence_clear() frees it);
 * leaf_sha256 is computed from chain[0], and a stated one that differs is MT_CODEC_E_VALUE. A chain
 * of more than MT_CHAIN_MAX certificates or MT_CHAIN_BYTES_MAX bytes is not kept but noted in
 * chain_oversized (D-PKIX-09). Hosts are normalised; they must be A-labels or literals.
 * Return: 0, MT_CODEC_E_…, negative errno; *ret is zeroed on failure. */
MT_MUST_CHECK int mt_codec_append_evidence(DBusMessageIter *iter,
					   const struct mt_evidence *evidence);
MT_MUST_CHECK int mt_codec_read_evidence(DBusMessageIter *iter, struct mt_evidence *ret,
					 struct mt_diag *diag);

/* Options of Check: a{sv} of phase s, nonce ay, request a{ss}. */
struct mt_check_options {
	enum mt_phase phase;
	uint8_t nonce[MT_NONCE_MAX];
	size_t nonce_size;          /* 0: none */
	struct mt_minimum *request; /* owned; NULL: none */
};
void mt_check_options_clear(struct mt_check_options *options);
MT_MUST_CHECK int mt_codec_append_check_options(DBusMessageIter *iter,
						const struct mt_check_options *options);
MT_MUST_CHECK int mt_codec_read_check_options(DBusMessageIter *iter, struct mt_check_options *ret,
					      struct mt_diag *diag);

/* Reply of Check, five arguments: s decision, b confidential, as reasons, s token, a{sv} detail. */
struct mt_check_reply {
	enum mt_decision decision;
	bool conf;
	enum mt_reason reasons[MT_REASONS_MAX];
	size_t n_reasons;
	bool unknown_reason; /* set by read alone, which then has read decision and flag as deny */
	const char *token;   /* "" where none is given; borrowed from the message */
	/* the detail */
	enum mt_layer layer;           /* that decided: "layer" s */
	enum mt_provenance provenance; /* "provenance" s: "asserted", "attested" */
	bool dane_absent;              /* "dane-absent" b */
	uint64_t epoch;                /* "policy-epoch" t */
	int64_t expires_usec;          /* "expires-at" x, 0: no token */
	uint64_t missing;              /* "missing" as: evidence keys that are required */
	const char *contradiction;     /* "contradiction" s, or NULL; borrowed */
	bool has_client_certificate;   /* "client-certificate" ay, 32 bytes: the one to present */
	uint8_t client_certificate[32];
	enum mt_consent_kind consent; /* "consent" s: with confirm, the kind that is asked for */
	bool has_consent;
};
/* Append writes optional details only where they say something.
 * Read: a reason nobody knows is left out and noted; a decision nobody knows, or more than
 * MT_REASONS_MAX reasons, is MT_CODEC_E_VALUE, and *ret is then deny with nothing else. */
MT_MUST_CHECK int mt_codec_append_check_reply(DBusMessageIter *iter,
					      const struct mt_check_reply *reply);
MT_MUST_CHECK int mt_codec_read_check_reply(DBusMessageIter *iter, struct mt_check_reply *ret,
					    struct mt_diag *diag);
/* The three arguments a verdict begins with (s b as), as in the reply of Probe. Read fills the
 * members before the token, "". */
MT_MUST_CHECK int mt_codec_append_verdict(DBusMessageIter *iter, enum mt_decision decision,
					  bool conf, const enum mt_reason *reasons, size_t n);
MT_MUST_CHECK int mt_codec_read_verdict(DBusMessageIter *iter, struct mt_check_reply *ret,
					struct mt_diag *diag);

/* Policy fields: a{ss}, text as mt_minimum_set_text() takes it; only the present ones. Read adds to
 * what *min holds, so a caller begins with zeroes. */
MT_MUST_CHECK int mt_codec_append_minimum(DBusMessageIter *iter, const struct mt_minimum *min);
MT_MUST_CHECK int mt_codec_read_minimum(DBusMessageIter *iter, bool is_org, struct mt_minimum *min,
					struct mt_diag *diag);
/* a{s(ss)}: field -> value, layer. */
MT_MUST_CHECK int mt_codec_append_effective(DBusMessageIter *iter, const struct mt_effective *eff);

/* Scope of a consent, a{sv}: protocol s, host s, port q, leaf_sha256 ay, text_version u. The kind
 * is an argument of its own; who, when and until when are the daemon's, and read leaves them 0. */
MT_MUST_CHECK int mt_codec_append_consent_scope(DBusMessageIter *iter,
						const struct mt_consent *consent);
MT_MUST_CHECK int mt_codec_read_consent_scope(DBusMessageIter *iter, enum mt_consent_kind kind,
					      struct mt_consent *ret, struct mt_diag *diag);
/* A recorded consent, a{sv}: the scope, and kind s, given_at x, expires x (absent: never). */
MT_MUST_CHECK int mt_codec_append_consent(DBusMessageIter *iter, const struct mt_consent *consent);

/* A dictionary a{sv}, entry by entry, for details, Status and Stats. The first failure sticks and
 * mt_dict_close() reports it, so entries need no check of their own. */
struct mt_dict {
	DBusMessageIter *outer;
	DBusMessageIter iter;
	bool failed;
};
void mt_dict_open(struct mt_dict *dict, DBusMessageIter *iter);
void mt_dict_add_string(struct mt_dict *dict, const char *key, const char *value);
void mt_dict_add_bool(struct mt_dict *dict, const char *key, bool value);
void mt_dict_add_u16(struct mt_dict *dict, const char *key, uint16_t value);
void mt_dict_add_u32(struct mt_dict *dict, const char *key, uint32_t value);
void mt_dict_add_u64(struct mt_dict *dict, const char *key, uint64_t value);
void mt_dict_add_time(struct mt_dict *dict, const char *key, int64_t usec);
void mt_dict_add_bytes(struct mt_dict *dict, const char *key, struct mt_bytes value);
void mt_dict_add_strings(struct mt_dict *dict, const char *key, const char *const *values,
			 size_t n);
MT_MUST_CHECK int mt_dict_close(struct mt_dict *dict); /* 0 or -ENOMEM */

/* Single values, for properties and replies. Return: 0 or -ENOMEM. */
MT_MUST_CHECK int mt_codec_append_string(DBusMessageIter *iter, const char *value);
MT_MUST_CHECK int mt_codec_append_path(DBusMessageIter *iter, const char *account_id);
MT_MUST_CHECK int mt_codec_append_u64(DBusMessageIter *iter, uint64_t value);
/* Takes the next argument of a call whose signature was checked: s or o, ay, and q. Borrowed. */
const char *mt_codec_take_string(DBusMessageIter *iter);
struct mt_bytes mt_codec_take_bytes(DBusMessageIter *iter);
uint16_t mt_codec_take_u16(DBusMessageIter *iter);

#endif
