/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_VALIDATION_H
#define MT_POLICY_VALIDATION_H

/*
 * What the chain worker found for one chain: facts, not a verdict.
 *
 * Filled from bytes a sandboxed worker sends, so mt_validation_is_sane() must accept it before
 * anyone believes it. The chain and the identity are judged separately and both are reported:
 * faults holds every fault of every layer. Whether a fault matters is decide.c's business.
 */

#include "policy/identity.h"

/* Faults of a chain, in the order they are reported (Part 3.3). */
enum mt_cert_fault {
	MT_CERT_CHAIN_UNTRUSTED = 0,
	MT_CERT_EXPIRED,
	MT_CERT_NOT_YET_VALID,
	MT_CERT_IDENTITY_MISMATCH,
	MT_CERT_CN_ONLY, /* information beside IDENTITY_MISMATCH, not a fault by itself */
	MT_CERT_CONSTRAINT_VIOLATION,
	MT_CERT_WEAK_CRYPTO
};
#define MT_CERT_FAULT_COUNT 7

/* Zero: no validation took place, e.g. the worker died. Row 1 then answers daemon.degraded. */
enum mt_validation_state {
	MT_VALIDATION_FAILED = 0,
	MT_VALIDATION_NO_CHAIN,  /* nothing to judge: transport none, anonymous suite, handshake
				    failed */
	MT_VALIDATION_MALFORMED, /* not DER, too many, too large, trailing bytes */
	MT_VALIDATION_DONE
};
#define MT_VALIDATION_STATE_COUNT 4

enum mt_revocation_state {
	MT_REVOCATION_UNKNOWN = 0, /* asked for and not answered */
	MT_REVOCATION_REVOKED,
	MT_REVOCATION_GOOD,
	MT_REVOCATION_NOT_CHECKED /* no staple, none required, and no fetch asked for */
};
#define MT_REVOCATION_STATE_COUNT 4

/* Anchor the path ends at. Local: not among the distribution's bundle (R-6-02). */
enum mt_anchor { MT_ANCHOR_NONE = 0, MT_ANCHOR_LOCAL, MT_ANCHOR_SYSTEM };
#define MT_ANCHOR_COUNT 3

struct mt_validation {
	enum mt_validation_state state;
	bool pkix_valid; /* path and identity: no fault bit but CN_ONLY is set */
	uint32_t faults; /* MT_BIT(enum mt_cert_fault) */
	enum mt_anchor anchor;
	uint8_t anchor_sha256[32]; /* of the anchor's DER; zero where there is none */
	struct mt_refid matched;   /* of PKIX; type NONE where none */

	uint32_t dane_usable;    /* records left after D-DANE-05 and -06 */
	bool dane_matched;       /* one of them, after digest agility (D-DANE-07) */
	uint8_t dane_usage;      /* 2 or 3, of the match */
	struct mt_refid dane_id; /* {dane-ee, host}, or the name that matched under usage 2 */

	bool must_staple;  /* TLS feature status_request in the leaf (RFC 7633) */
	bool staple_valid; /* a staple was given and stands (D-PKIX-06) */
	enum mt_revocation_state revocation;

	uint8_t leaf_sha256[32];
	int64_t not_after_usec; /* the first of: notAfter along the path, staple's nextUpdate */
};

/* Consistency of a struct that came from a worker: enum values in range, matched identifier among
 * refs, pkix_valid agrees with faults. False: treat as MT_VALIDATION_FAILED. */
bool mt_validation_is_sane(const struct mt_validation *v, const struct mt_refids *refs);

/* TLSA RRset of the endpoint as DNS gave it (RFC 6698). Zero is the most distrustful. */
enum mt_tlsa_status {
	MT_TLSA_BOGUS = 0,
	MT_TLSA_UNDETERMINED,
	MT_TLSA_INSECURE, /* exists or not, unsigned: counts as absent */
	MT_TLSA_ABSENT,   /* proven, or never asked (literal, special-use name, address insecure) */
	MT_TLSA_SECURE
};
#define MT_TLSA_STATUS_COUNT 5

struct mt_tlsa_record {
	uint8_t usage, selector, matching;
	uint16_t size;
	const uint8_t *data; /* borrowed from the RRset's owner */
};

struct mt_tlsa {
	enum mt_tlsa_status status;
	struct mt_tlsa_record records[MT_TLSA_MAX];
	size_t n;
	int64_t expires_usec; /* first of TTL and signature end; 0: no bound */
};

/* Records whose form we support: usage 2 or 3, selector 0 or 1, matching 0, 1 or 2 with data of the
 * right length (D-DANE-05, D-DANE-06). Looks at the form only; content may still be unusable. */
size_t mt_tlsa_count_usable(const struct mt_tlsa *tlsa);
bool mt_tlsa_record_is_usable(const struct mt_tlsa_record *record);

const char *mt_tlsa_status_to_string(enum mt_tlsa_status status);
MT_MUST_CHECK int mt_tlsa_status_from_string(const char *string, enum mt_tlsa_status *ret);

#endif
