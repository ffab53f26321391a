/* SPDX-License-Identifier: MIT */
/* The table of evidence keys; what is required, what contradicts, what is benign. */

#include "policy/evidence.h"

#include <stdio.h>
#include <stdlib.h>

#include "policy/names.h"

#define AT(member) offsetof(struct mt_evidence, member)
#define TEXT(member) AT(member), sizeof(((struct mt_evidence *)0)->member), 0

/* clang-format off */
const struct mt_evidence_key mt_evidence_keys[MT_EV_COUNT] = {
	[MT_EV_PROTO]                  = {"proto", MT_EV_TYPE_PROTO, AT(proto), 0, 0},
	[MT_EV_HOST]                   = {"host", MT_EV_TYPE_HOST, TEXT(host)},
	[MT_EV_PORT]                   = {"port", MT_EV_TYPE_U16, AT(port), 0, 0},
	[MT_EV_TRANSPORT]              = {"transport", MT_EV_TYPE_TRANSPORT, AT(transport), 0, 0},
	[MT_EV_TLS_FAILED]             = {"tls.failed", MT_EV_TYPE_BOOL, AT(tls_failed), 0, 0},
	[MT_EV_TLS_VERSION]            = {"tls.version", MT_EV_TYPE_VERSION, AT(tls_version), 0, 0},
	[MT_EV_TLS_CIPHER]             = {"tls.cipher", MT_EV_TYPE_TEXT, TEXT(tls_cipher)},
	[MT_EV_TLS_GROUP]              = {"tls.group", MT_EV_TYPE_TEXT, TEXT(tls_group)},
	[MT_EV_TLS_EMS]                = {"tls.ems", MT_EV_TYPE_BOOL, AT(tls_ems), 0, 0},
	[MT_EV_TLS_ETM]                = {"tls.etm", MT_EV_TYPE_BOOL, AT(tls_etm), 0, 0},
	[MT_EV_TLS_RENEG_INFO]         = {"tls.reneg_info", MT_EV_TYPE_BOOL, AT(tls_reneg_info), 0, 0},
	[MT_EV_TLS_COMPRESSION]        = {"tls.compression", MT_EV_TYPE_BOOL, AT(tls_compression), 0, 0},
	[MT_EV_TLS_RESUMED]            = {"tls.resumed", MT_EV_TYPE_BOOL, AT(tls_resumed), 0, 0},
	[MT_EV_TLS_EARLY_DATA]         = {"tls.early_data", MT_EV_TYPE_BOOL, AT(tls_early_data), 0, 0},
	[MT_EV_TLS_ALPN]               = {"tls.alpn", MT_EV_TYPE_TEXT, TEXT(tls_alpn)},
	[MT_EV_TLS_SNI]                = {"tls.sni", MT_EV_TYPE_TEXT, TEXT(tls_sni)},
	[MT_EV_CHAIN]                  = {"chain", MT_EV_TYPE_CHAIN, AT(chain), 0, 0},
	[MT_EV_LEAF_SHA256]            = {"leaf_sha256", MT_EV_TYPE_DIGEST, TEXT(leaf_sha256)},
	[MT_EV_STAPLE]                 = {"staple", MT_EV_TYPE_STAPLE, AT(staple), 0, 0},
	[MT_EV_STAPLE_REQUESTED]       = {"staple_requested", MT_EV_TYPE_BOOL, AT(staple_requested), 0, 0},
	[MT_EV_CLIENTCERT_REQUESTED]   = {"clientcert.requested", MT_EV_TYPE_BOOL, AT(clientcert_requested), 0, 0},
	[MT_EV_CLIENTCERT_PRESENTED]   = {"clientcert.presented_thumbprint", MT_EV_TYPE_DIGEST, TEXT(clientcert_presented)},
	[MT_EV_STARTTLS_OFFERED]       = {"starttls.offered", MT_EV_TYPE_BOOL, AT(starttls_offered), 0, 0},
	[MT_EV_STARTTLS_REFUSED]       = {"starttls.refused", MT_EV_TYPE_BOOL, AT(starttls_refused), 0, 0},
	[MT_EV_STARTTLS_BUFFERED_BYTES]= {"starttls.buffered_bytes", MT_EV_TYPE_U32, AT(starttls_buffered_bytes), 0, 0},
	[MT_EV_STARTTLS_PREAUTH]       = {"starttls.preauth", MT_EV_TYPE_BOOL, AT(starttls_preauth), 0, 0},
	[MT_EV_STARTTLS_BAD_GREETING]  = {"starttls.bad_greeting", MT_EV_TYPE_BOOL, AT(starttls_bad_greeting), 0, 0},
	[MT_EV_STARTTLS_CAPS_REFRESHED]= {"starttls.caps_refreshed", MT_EV_TYPE_BOOL, AT(starttls_caps_refreshed), 0, 0},
	[MT_EV_PRETLS_OTHER_RESPONSES] = {"pretls_other_responses", MT_EV_TYPE_U32, AT(pretls_other_responses), 0, 0},
	[MT_EV_AUTH_MECHANISM]         = {"auth.mechanism", MT_EV_TYPE_TEXT, TEXT(auth_mechanism)},
	[MT_EV_AUTH_LOGINDISABLED]     = {"auth.logindisabled", MT_EV_TYPE_BOOL, AT(auth_logindisabled), 0, 0},
	[MT_EV_AUTH_CB_TYPE]           = {"auth.cb_type", MT_EV_TYPE_TEXT, TEXT(auth_cb_type)},
	[MT_EV_AUTH_CB_VALUE]          = {"auth.cb_value", MT_EV_TYPE_BYTES, AT(auth_cb_value), MT_CB_MAX, AT(auth_cb_size)},
	[MT_EV_REFERRAL_TARGET]        = {"referral_target", MT_EV_TYPE_HOST, TEXT(referral_target)},
	[MT_EV_EXPORTER]               = {"exporter", MT_EV_TYPE_DIGEST, TEXT(exporter)},
	[MT_EV_PEER]                   = {"peer", MT_EV_TYPE_TEXT, TEXT(peer)},
	[MT_EV_LOCAL_PORT]             = {"local_port", MT_EV_TYPE_U16, AT(local_port), 0, 0},
	[MT_EV_ESTABLISHED_AT]         = {"established_at", MT_EV_TYPE_TIME, AT(established_at_usec), 0, 0},
	[MT_EV_OBSERVED_AT]            = {"observed_at", MT_EV_TYPE_TIME, AT(observed_at_usec), 0, 0},
};
/* clang-format on */

static const char *const versions[] = {"unknown", "ssl3", "1.0", "1.1", "1.2", "1.3"};
MT_DEFINE_NAMES(tls_version, versions, MT_TLS_VERSION_COUNT, (unsigned)MT_TLS_VERSION_SSL3);

#define B(key) MT_BIT(MT_EV_##key)
#define BASE (B(PROTO) | B(HOST) | B(PORT) | B(TRANSPORT) | B(OBSERVED_AT))
#define TLS (B(TLS_VERSION) | B(TLS_CIPHER) | B(TLS_RESUMED) | B(TLS_EARLY_DATA) | B(TLS_ALPN))
#define TLS_1_2 (B(TLS_EMS) | B(TLS_RENEG_INFO) | B(TLS_COMPRESSION))
#define STARTTLS                                                                  \
	(B(STARTTLS_OFFERED) | B(STARTTLS_REFUSED) | B(STARTTLS_BUFFERED_BYTES) | \
	 B(STARTTLS_PREAUTH) | B(STARTTLS_BAD_GREETING))
/* Everything that exists only inside TLS. */
#define ONLY_TLS                                                                              \
	(TLS | TLS_1_2 | B(TLS_GROUP) | B(TLS_ETM) | B(TLS_SNI) | B(CHAIN) | B(LEAF_SHA256) | \
	 B(STAPLE) | B(CLIENTCERT_REQUESTED) | B(CLIENTCERT_PRESENTED) | B(EXPORTER) |        \
	 B(ESTABLISHED_AT))

int
mt_evidence_key_find(const char *name)
{
	for (int i = 0; i < MT_EV_COUNT; i++)
		if (strcmp(mt_evidence_keys[i].name, name) == 0)
			return i;
	return -1;
}

void
mt_evidence_clear(struct mt_evidence *ev)
{
	free(ev->chain_bytes);
	memset(ev, 0, sizeof(*ev));
}

/* What the handshake must say. The leaf's digest may stand for the chain of a resumed session. */
static uint64_t
required_of_tls(const struct mt_evidence *ev, enum mt_phase phase)
{
	uint64_t required = TLS;
	bool by_digest = ev->tls_resumed && mt_evidence_has(ev, MT_EV_LEAF_SHA256);

	if (!by_digest && !ev->chain_oversized)
		required |= B(CHAIN);
	if (ev->tls_version == MT_TLS_VERSION_1_2)
		required |= TLS_1_2;
	if (phase == MT_PHASE_FINAL)
		required |= B(ESTABLISHED_AT);
	return required;
}

uint64_t
mt_evidence_missing(const struct mt_evidence *ev, enum mt_op op, enum mt_phase phase)
{
	uint64_t required = BASE;

	if (op == MT_OP_UNKNOWN || op == MT_OP_CAPABILITY || op == MT_OP_STARTTLS)
		return required & ~ev->present;
	if (ev->transport != MT_TRANSPORT_NONE && !ev->tls_failed)
		required |= required_of_tls(ev, phase);
	if (ev->transport == MT_TRANSPORT_STARTTLS) {
		required |= STARTTLS;
		if (phase == MT_PHASE_FINAL)
			required |= B(STARTTLS_CAPS_REFRESHED);
	}
	if ((op == MT_OP_TEST || op == MT_OP_AUTHENTICATE) && phase == MT_PHASE_FINAL &&
	    !ev->tls_failed)
		required |= B(AUTH_LOGINDISABLED);
	return required & ~ev->present;
}

const char *
mt_evidence_contradiction(const struct mt_evidence *ev)
{
	const bool tls = ev->transport != MT_TRANSPORT_NONE;
	const bool has_type = mt_evidence_has(ev, MT_EV_AUTH_CB_TYPE);
	const bool has_value = mt_evidence_has(ev, MT_EV_AUTH_CB_VALUE);
	const bool has_established = mt_evidence_has(ev, MT_EV_ESTABLISHED_AT);
	const struct {
		bool found;
		const char *what;
	} rules[] = {
		{!tls && (ev->present & ONLY_TLS), "TLS facts on a connection without TLS"},
		{!tls && ev->tls_failed, "a failed handshake on a connection without TLS"},
		{ev->tls_failed && (ev->present & ONLY_TLS), "TLS facts after a failed handshake"},
		/* RFC 9266 §3: tls-unique is not defined for TLS 1.3 */
		{ev->tls_version == MT_TLS_VERSION_1_3 &&
			 strcmp(ev->auth_cb_type, "tls-unique") == 0,
		 "channel binding tls-unique under TLS 1.3"},
		{has_type != has_value, "a channel binding without its type or its value"},
		/* RFC 8446 §4.1.2: there is no compression in TLS 1.3 */
		{ev->tls_version == MT_TLS_VERSION_1_3 && ev->tls_compression,
		 "compression under TLS 1.3"},
		{has_established && mt_evidence_has(ev, MT_EV_OBSERVED_AT) &&
			 ev->established_at_usec > ev->observed_at_usec,
		 "established later than observed"},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rules); i++)
		if (rules[i].found)
			return rules[i].what;
	return NULL;
}

static void
fill_text(struct mt_evidence *ev, enum mt_ev key, char *field, size_t size, const char *value)
{
	if (mt_evidence_has(ev, key))
		return;
	(void)snprintf(field, size, "%s", value);
	ev->present |= MT_BIT(key);
}

static void
fill_flag(struct mt_evidence *ev, enum mt_ev key, bool *field, bool value)
{
	if (mt_evidence_has(ev, key))
		return;
	*field = value;
	ev->present |= MT_BIT(key);
}

static void
fill_tls(struct mt_evidence *ev)
{
	if (!mt_evidence_has(ev, MT_EV_TLS_VERSION))
		ev->tls_version = MT_TLS_VERSION_1_3;
	ev->present |= B(TLS_VERSION) | B(TLS_EARLY_DATA) | B(TLS_COMPRESSION) | B(TLS_RESUMED);
	fill_text(ev, MT_EV_TLS_CIPHER, ev->tls_cipher, sizeof(ev->tls_cipher),
		  ev->tls_version == MT_TLS_VERSION_1_3 ? "TLS_AES_128_GCM_SHA256"
							: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
	fill_text(ev, MT_EV_TLS_ALPN, ev->tls_alpn, sizeof(ev->tls_alpn), "none");
	fill_flag(ev, MT_EV_TLS_EMS, &ev->tls_ems, true);
	fill_flag(ev, MT_EV_TLS_RENEG_INFO, &ev->tls_reneg_info, true);
	fill_flag(ev, MT_EV_STAPLE_REQUESTED, &ev->staple_requested, true);
	if (!mt_evidence_has(ev, MT_EV_ESTABLISHED_AT))
		ev->established_at_usec = ev->observed_at_usec;
	ev->present |= B(ESTABLISHED_AT);
}

void
mt_evidence_fill_benign(struct mt_evidence *ev, int64_t now_usec)
{
	if (!mt_evidence_has(ev, MT_EV_OBSERVED_AT))
		ev->observed_at_usec = now_usec;
	ev->present |= B(OBSERVED_AT) | B(AUTH_LOGINDISABLED);
	if (ev->transport != MT_TRANSPORT_NONE && !ev->tls_failed)
		fill_tls(ev);
	if (ev->transport == MT_TRANSPORT_STARTTLS) {
		fill_flag(ev, MT_EV_STARTTLS_OFFERED, &ev->starttls_offered, true);
		fill_flag(ev, MT_EV_STARTTLS_CAPS_REFRESHED, &ev->starttls_caps_refreshed, true);
		ev->present |= STARTTLS;
	}
}
