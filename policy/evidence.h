/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_EVIDENCE_H
#define MT_POLICY_EVIDENCE_H

/*
 * What was seen on one connection (REQUIREMENTS 0.2), as plain facts.
 *
 * One table, mt_evidence_keys[], names every key with its type; the codecs on the bus and in JSON
 * Lines are driven by it, so a key exists in one place. Here also: which keys an operation requires
 * and which values contradict each other. Not here: whether any of it is good enough (decide.c),
 * whether it is true (provenance says who claims it), what the certificates contain (validation.h).
 *
 * A struct mt_evidence owns one heap block, chain_bytes; clear it with mt_evidence_clear().
 */

#include "policy/limits.h"
#include "policy/service.h"

enum mt_tls_version {
	MT_TLS_VERSION_UNKNOWN = 0,
	MT_TLS_VERSION_SSL3, /* SSL 3.0 and older */
	MT_TLS_VERSION_1_0,
	MT_TLS_VERSION_1_1,
	MT_TLS_VERSION_1_2,
	MT_TLS_VERSION_1_3
};
#define MT_TLS_VERSION_COUNT 6

enum mt_provenance { MT_PROVENANCE_ASSERTED = 0, MT_PROVENANCE_ATTESTED };

/* Index into mt_evidence_keys[], and bit in mt_evidence.present. */
enum mt_ev {
	MT_EV_PROTO = 0,
	MT_EV_HOST,
	MT_EV_PORT,
	MT_EV_TRANSPORT,
	MT_EV_TLS_FAILED,
	MT_EV_TLS_VERSION,
	MT_EV_TLS_CIPHER,
	MT_EV_TLS_GROUP,
	MT_EV_TLS_EMS,
	MT_EV_TLS_ETM,
	MT_EV_TLS_RENEG_INFO,
	MT_EV_TLS_COMPRESSION,
	MT_EV_TLS_RESUMED,
	MT_EV_TLS_EARLY_DATA,
	MT_EV_TLS_ALPN,
	MT_EV_TLS_SNI,
	MT_EV_CHAIN,
	MT_EV_LEAF_SHA256,
	MT_EV_STAPLE,
	MT_EV_STAPLE_REQUESTED,
	MT_EV_CLIENTCERT_REQUESTED,
	MT_EV_CLIENTCERT_PRESENTED,
	MT_EV_STARTTLS_OFFERED,
	MT_EV_STARTTLS_REFUSED,
	MT_EV_STARTTLS_BUFFERED_BYTES,
	MT_EV_STARTTLS_PREAUTH,
	MT_EV_STARTTLS_BAD_GREETING,
	MT_EV_STARTTLS_CAPS_REFRESHED,
	MT_EV_PRETLS_OTHER_RESPONSES,
	MT_EV_AUTH_MECHANISM,
	MT_EV_AUTH_LOGINDISABLED,
	MT_EV_AUTH_CB_TYPE,
	MT_EV_AUTH_CB_VALUE,
	MT_EV_REFERRAL_TARGET,
	MT_EV_EXPORTER,
	MT_EV_PEER,
	MT_EV_LOCAL_PORT,
	MT_EV_ESTABLISHED_AT,
	MT_EV_OBSERVED_AT
};
#define MT_EV_COUNT 39

struct mt_evidence {
	uint64_t present; /* MT_BIT(enum mt_ev) of every key that was stated */

	enum mt_proto proto;
	enum mt_transport transport;
	char host[MT_DOMAIN_SIZE]; /* A-labels, no trailing dot; or an IP literal without brackets
				    */
	uint16_t port;

	bool tls_failed;
	enum mt_tls_version tls_version;
	char tls_cipher[MT_TOKEN_SIZE]; /* IANA or OpenSSL name */
	char tls_group[MT_TOKEN_SIZE];
	bool tls_ems;        /* RFC 7627 */
	bool tls_etm;        /* RFC 7366 */
	bool tls_reneg_info; /* RFC 5746 */
	bool tls_compression;
	bool tls_resumed;
	bool tls_early_data;
	char tls_alpn[MT_TOKEN_SIZE]; /* "none" where the server selected nothing */
	char tls_sni[MT_DOMAIN_SIZE];

	struct mt_bytes chain[MT_CHAIN_MAX]; /* DER, leaf first; slices of chain_bytes */
	size_t n_chain;
	uint8_t *chain_bytes; /* owned; NULL where there is no chain */
	size_t chain_size;
	/* The chain stated had too many or too many bytes of certificates: it was not kept, and row
	 * 31 answers cert.malformed (D-PKIX-09). */
	bool chain_oversized;
	uint8_t leaf_sha256[32]; /* stated, or computed from chain[0] by the decoder */
	struct mt_bytes staple;  /* slice of chain_bytes */
	bool staple_requested;

	bool clientcert_requested;
	uint8_t clientcert_presented[32]; /* SHA-256 of the DER; present only if one was sent */

	bool starttls_offered;
	bool starttls_refused;
	uint32_t starttls_buffered_bytes;
	bool starttls_preauth;
	bool starttls_bad_greeting;
	bool starttls_caps_refreshed;
	uint32_t pretls_other_responses;

	char auth_mechanism[MT_TOKEN_SIZE]; /* "LOGIN" is the IMAP command, else SASL names, upper
					       case */
	bool auth_logindisabled;
	char auth_cb_type[MT_TOKEN_SIZE];
	uint8_t auth_cb_value[MT_CB_MAX];
	size_t auth_cb_size;

	char referral_target[MT_DOMAIN_SIZE];

	uint8_t exporter[32]; /* label EXPORTER-mailtrust-verdict (D-CB-06) */
	char peer[MT_PEER_SIZE];
	uint16_t local_port;
	int64_t established_at_usec; /* wall clock, since 1970, UTC */
	int64_t observed_at_usec;
};

/* Wire types of a key; the character is the D-Bus type code where it is a basic type. */
enum mt_ev_type {
	MT_EV_TYPE_BOOL,      /* b */
	MT_EV_TYPE_U16,       /* q */
	MT_EV_TYPE_U32,       /* u */
	MT_EV_TYPE_TIME,      /* x: microseconds since 1970, UTC */
	MT_EV_TYPE_TEXT,      /* s, at most size - 1 bytes */
	MT_EV_TYPE_HOST,      /* s, a domain name or IP literal */
	MT_EV_TYPE_PROTO,     /* s, enum mt_proto */
	MT_EV_TYPE_TRANSPORT, /* s, enum mt_transport */
	MT_EV_TYPE_VERSION,   /* s, enum mt_tls_version: "1.3" */
	MT_EV_TYPE_DIGEST,    /* ay, exactly 32 bytes */
	MT_EV_TYPE_BYTES,     /* ay, at most size bytes; the count goes to size_offset */
	MT_EV_TYPE_STAPLE,    /* ay, at most MT_STAPLE_MAX */
	MT_EV_TYPE_CHAIN      /* aay */
};

struct mt_evidence_key {
	const char *name; /* "tls.version": dotted on the bus, nested objects in JSON */
	enum mt_ev_type type;
	size_t offset;      /* into struct mt_evidence */
	size_t size;        /* of a TEXT, HOST or BYTES field */
	size_t size_offset; /* of a BYTES field's size_t count */
};

extern const struct mt_evidence_key mt_evidence_keys[MT_EV_COUNT];

/* The key of a name, or -1. */
int mt_evidence_key_find(const char *name);

static inline bool
mt_evidence_has(const struct mt_evidence *ev, enum mt_ev key)
{
	return ev->present & MT_BIT(key);
}

const char *mt_tls_version_to_string(enum mt_tls_version version);
MT_MUST_CHECK int mt_tls_version_from_string(const char *string, enum mt_tls_version *ret);

/* Frees what the evidence owns and zeroes it. Accepts a zeroed struct. */
void mt_evidence_clear(struct mt_evidence *ev);

/* Two phases of Check (DESIGN: handshake knows no exporter and no authentication yet). */
enum mt_phase { MT_PHASE_FINAL = 0, MT_PHASE_HANDSHAKE };

/*
 * The keys that (op, phase) requires and that are not present, as MT_BIT(enum mt_ev): 0 is
 * complete. Leaf digest in place of a chain is accepted on a resumed session only. For op
 * capability and starttls only proto, host, port, transport and observed_at are required. Spec:
 * REQUIREMENTS 0.2.
 */
uint64_t mt_evidence_missing(const struct mt_evidence *ev, enum mt_op op, enum mt_phase phase);

/*
 * A pair of keys that contradict each other, as a static sentence fragment for the detail, or NULL.
 * E.g. TLS fields with transport none, tls-unique under 1.3 (D-CB-03), established after observed.
 */
const char *mt_evidence_contradiction(const struct mt_evidence *ev);

/* Fills every absent required key with its benign value, for --evaluate only (DESIGN §10):
 * TLS 1.2 with ems and reneg_info, not resumed, caps refreshed, alpn none, times = now. */
void mt_evidence_fill_benign(struct mt_evidence *ev, int64_t now_usec);

#endif
