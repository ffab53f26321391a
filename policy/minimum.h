/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_MINIMUM_H
#define MT_POLICY_MINIMUM_H

/*
 * The minimum: policy fields as a table, and the join of floor, account, group, organisation and
 * request (REQUIREMENTS 4.6). Strictest wins, field by field; each field remembers its layer.
 *
 * Joining is commutative, associative and idempotent (I-10) in the values; the layer recorded is
 * the last one that made the field stricter. Says nothing about who may set what: user_relax and
 * consents are the daemon's. Values below the floor do not exist as values.
 */

#include "policy/limits.h"
#include "policy/service.h"

enum mt_layer {
	MT_LAYER_FLOOR = 0,
	MT_LAYER_ACCOUNT,
	MT_LAYER_GROUP,
	MT_LAYER_ORG,
	MT_LAYER_REQUEST
};
#define MT_LAYER_COUNT 5

/* Chain-ordered fields: 0 is the weakest. Order of enumerators = order weak to strict. */
enum { MT_OFF = 0, MT_ON = 1 };
enum { MT_TLS_MIN_1_2 = 0, MT_TLS_MIN_1_3 };
enum { MT_TRANSPORT_MIN_STARTTLS = 0, MT_TRANSPORT_MIN_IMPLICIT };
enum { MT_CIPHER_SANE = 0, MT_CIPHER_BCP195, MT_CIPHER_RECOMMENDED_ONLY };
/* A diamond: the two bits are joined with OR. */
enum {
	MT_PROOF_PKIX_OR_DANE = 0,
	MT_PROOF_PKIX = 1,
	MT_PROOF_DANE = 2,
	MT_PROOF_PKIX_AND_DANE = 3
};
enum { MT_REVOCATION_OFF = 0, MT_REVOCATION_STAPLE, MT_REVOCATION_SOFT, MT_REVOCATION_HARD };
enum { MT_LOCAL_ROOTS_ACCEPT = 0, MT_LOCAL_ROOTS_FLAG, MT_LOCAL_ROOTS_REJECT };
enum { MT_ALLOWED = 0, MT_FORBIDDEN = 1 };
enum { MT_SRV_TRUST_ASK = 0, MT_SRV_TRUST_IN_DOMAIN, MT_SRV_TRUST_DNSSEC };
enum { MT_SRV_MODE_LIVE = 0, MT_SRV_MODE_SAVED };
enum { MT_EVIDENCE_MIN_ASSERTED = 0, MT_EVIDENCE_MIN_ATTESTED };
enum { MT_CB_OFF = 0, MT_CB_PREFER, MT_CB_REQUIRE };
enum { MT_DOWNGRADE_NOTIFY = 0, MT_DOWNGRADE_CONFIRM, MT_DOWNGRADE_DENY };
enum { MT_ON_EXPIRY_REVERT = 0, MT_ON_EXPIRY_SUSPEND };

enum mt_field {
	MT_FIELD_MIN_CONF = 0,
	MT_FIELD_TLS_MIN,
	MT_FIELD_TRANSPORT_MIN,
	MT_FIELD_CIPHER_PROFILE,
	MT_FIELD_PROOF,
	MT_FIELD_DANE_VETO,
	MT_FIELD_REVOCATION,
	MT_FIELD_LOCAL_ROOTS,
	MT_FIELD_PINNING,
	MT_FIELD_USER_RELAX,
	MT_FIELD_SRV_TRUST,
	MT_FIELD_SRV_MODE,
	MT_FIELD_EVIDENCE_MIN,
	MT_FIELD_CHANNEL_BINDING,
	MT_FIELD_CLIENT_CERT_TLS_MIN,
	MT_FIELD_DOWNGRADE_ACTION,
	MT_FIELD_ON_EXPIRY,
	/* the scalar fields above live in values[]; those below have members of their own */
	MT_FIELD_AUTH_MECHS,
	MT_FIELD_PROTOCOLS,
	MT_FIELD_ENDPOINTS_ALLOW,
	MT_FIELD_CLIENT_CERT_ALLOW,
	MT_FIELD_STATIC_PINS,
	MT_FIELD_ANCHORS,
	MT_FIELD_NOT_AFTER,
	MT_FIELD_VERDICT_TTL,
	MT_FIELD_SRV_CHECK_MAX
};
#define MT_FIELD_SCALAR_COUNT 17
#define MT_FIELD_COUNT 26

/* SASL mechanisms and commands policy can name, as bits; LOGIN is the IMAP command and SASL LOGIN,
 * USER the POP3 command pair. */
enum mt_mech {
	MT_MECH_PLAIN = 0,
	MT_MECH_LOGIN,
	MT_MECH_USER,
	MT_MECH_APOP,
	MT_MECH_CRAM_MD5,
	MT_MECH_SCRAM_SHA_1,
	MT_MECH_SCRAM_SHA_1_PLUS,
	MT_MECH_SCRAM_SHA_256,
	MT_MECH_SCRAM_SHA_256_PLUS,
	MT_MECH_EXTERNAL,
	MT_MECH_XOAUTH2,
	MT_MECH_OAUTHBEARER,
	MT_MECH_GSSAPI,
	MT_MECH_ANONYMOUS
};
#define MT_MECH_COUNT 14
#define MT_MECHS_ALL ((UINT32_C(1) << MT_MECH_COUNT) - 1)
#define MT_PROTOCOLS_ALL \
	((1u << MT_PROTO_IMAP) | (1u << MT_PROTO_POP3) | (1u << MT_PROTO_SUBMISSION))

/* "any", or an explicit set that may be empty. Patterns: a host name, or "*.domain" for every name
 * inside a domain (whole labels, any depth). Kept sorted, without subsumed members, so that equal
 * sets are equal bytes. */
struct mt_patterns {
	bool is_set; /* false: any */
	size_t n;
	char pattern[MT_PATTERNS_MAX][MT_DOMAIN_SIZE];
};

struct mt_digests {
	bool is_set; /* false: any (client_cert_allow: see the table) */
	size_t n;
	uint8_t digest[MT_DIGESTS_MAX][32]; /* sorted */
};

/* host -> digests of the only leaves (SHA-256 of DER) accepted; organisation layers only. */
struct mt_static_pins {
	size_t n;
	struct {
		char host[MT_DOMAIN_SIZE];
		uint8_t digest[32];
	} pin[MT_DIGESTS_MAX]; /* sorted by host, digest; a host once named stays named (see
				  emptied) */
	bool emptied;          /* an intersection for some host became empty: unsatisfiable */
};

/* One layer: only the fields in present say anything. ~20 KiB: on the heap or static, never copied
 * on the verdict path. */
struct mt_minimum {
	uint32_t present; /* MT_BIT(enum mt_field) */
	uint8_t values[MT_FIELD_SCALAR_COUNT];
	uint32_t auth_mechs;    /* bits of enum mt_mech */
	uint8_t protocols;      /* bits of enum mt_proto */
	int64_t not_after_usec; /* INT64_MAX: never */
	uint32_t verdict_ttl_sec;
	uint32_t srv_check_max_sec;
	struct mt_patterns endpoints_allow;
	struct mt_digests client_cert_allow;
	struct mt_static_pins static_pins;
	struct mt_digests anchors;
};

/* All fields present; layer[] says who made each one what it is. */
struct mt_effective {
	struct mt_minimum m;
	uint8_t layer[MT_FIELD_COUNT]; /* enum mt_layer */
};

#define MT_FLOOR_VERSION 1 /* R-5.2-05 */

/* One row per field: name, kind, names of the values weak to strict. Drives text codecs. */
enum mt_field_kind {
	MT_KIND_CHAIN,
	MT_KIND_DIAMOND,
	MT_KIND_MECHS,
	MT_KIND_PROTOCOLS,
	MT_KIND_PATTERNS,
	MT_KIND_DIGESTS,
	MT_KIND_STATIC_PINS,
	MT_KIND_TIME_MIN,
	MT_KIND_SECONDS_MIN
};
struct mt_field_def {
	const char *name; /* "tls_min" */
	enum mt_field_kind kind;
	const char *const
		*values;        /* NULL-terminated, weak to strict; NULL unless CHAIN or DIAMOND */
	uint8_t floor, initial; /* scalar fields: floor, and default for new accounts */
	bool bundle;            /* part of what minimum confidentiality means (0.5) */
	bool org_only;          /* static_pins, anchors */
};
extern const struct mt_field_def mt_fields[MT_FIELD_COUNT];

/* The field of a name, or -1. */
int mt_field_find(const char *name);
const char *mt_layer_to_string(enum mt_layer layer);
const char *mt_mech_to_string(enum mt_mech mech);
/* The mechanism of a SASL name, ASCII case-insensitive, or -1. */
int mt_mech_find(const char *name);

/* Fills the compiled-in floor: every field, layer floor. */
void mt_effective_init(struct mt_effective *eff);
/* Fills the default of a new account: every field an account may hold. */
void mt_minimum_init_default(struct mt_minimum *min);
/* eff := eff ⊔ layer. */
void mt_effective_join(struct mt_effective *eff, const struct mt_minimum *layer,
		       enum mt_layer which);
/* A field whose set is empty where a member is needed, or -1 (row 4). */
int mt_effective_unsatisfiable(const struct mt_effective *eff);
/* Obligation order: q is at least as strict as p in every field (4.6, I-3). */
bool mt_minimum_is_weaker_or_equal(const struct mt_minimum *p, const struct mt_minimum *q);
/* The endpoint is in endpoints_allow. */
bool mt_patterns_match(const struct mt_patterns *patterns, const char *host);
bool mt_digests_contain(const struct mt_digests *digests, const uint8_t digest[static 32]);
/* Sorts, drops duplicates and subsumed members. Setters of text codecs call it once at the end. */
void mt_minimum_canonicalise(struct mt_minimum *min);

static inline uint8_t
mt_value(const struct mt_effective *eff, enum mt_field field)
{
	return eff->m.values[field];
}

/* Sets one field from text ("tls_min", "1.3"; sets are comma-separated; times in seconds, or
 * "never"). Return: 0, 1 unknown field, 2 unknown or out-of-range value, 3 field not for this
 * layer (org_only while !is_org). */
MT_MUST_CHECK int mt_minimum_set_text(struct mt_minimum *min, const char *field, const char *value,
				      bool is_org);
/* Formats one present field as mt_minimum_set_text() reads it. Return: length, or -1 where it does
 * not fit or is absent. */
int mt_minimum_format_field(const struct mt_minimum *min, enum mt_field field, char *buffer,
			    size_t size);

#endif
