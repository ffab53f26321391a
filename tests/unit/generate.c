/* SPDX-License-Identifier: MIT */
/* Questions to the policy core, drawn at random. */

#include "tests/unit/generate.h"

#include <string.h>

#include "tests/unit/case.h"

static const uint8_t record_data[64] = {0x42};

/* splitmix64: every seed is a good one */
uint64_t
draw_bits(struct draw *draw)
{
	uint64_t z = draw->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

unsigned
draw_below(struct draw *draw, unsigned n)
{
	return (unsigned)((draw_bits(draw) >> 32) % n);
}

static bool
draw_odds(struct draw *draw, unsigned of_256)
{
	return draw_below(draw, 256) < of_256;
}

/* Is this fact not as it should be? */
static bool
twist(struct draw *draw)
{
	return draw_odds(draw, draw->twists);
}

static const char *
draw_text(struct draw *draw, const char *const *texts, unsigned n)
{
	return texts[twist(draw) ? draw_below(draw, n) : 0];
}

#define DRAW_TEXT(draw, field, ...)                                                      \
	do {                                                                             \
		static const char *const texts_[] = {__VA_ARGS__};                       \
		strcpy(field, draw_text(draw, texts_, (unsigned)MT_ARRAY_SIZE(texts_))); \
	} while (0)

static void
draw_handshake(struct draw *draw, struct mt_evidence *ev)
{
	ev->tls_version = twist(draw)
				  ? (enum mt_tls_version)draw_below(draw, MT_TLS_VERSION_COUNT)
				  : (enum mt_tls_version)(MT_TLS_VERSION_1_2 + draw_below(draw, 2));
	if (ev->tls_version == MT_TLS_VERSION_1_3)
		DRAW_TEXT(draw, ev->tls_cipher, "TLS_AES_128_GCM_SHA256", "TLS_AES_128_CCM_SHA256",
			  "TLS_NULL", "AES128-SHA");
	else
		DRAW_TEXT(draw, ev->tls_cipher, "ECDHE-RSA-AES128-GCM-SHA256",
			  "ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-SHA256", "AES128-SHA",
			  "RC4-MD5", "");
	DRAW_TEXT(draw, ev->tls_alpn, "none", "imap", "pop3", "h2", "");
	ev->tls_ems = !twist(draw);
	ev->tls_reneg_info = !twist(draw);
	ev->tls_etm = draw_odds(draw, 64);
	ev->tls_compression = twist(draw);
	ev->tls_resumed = twist(draw);
	ev->tls_early_data = twist(draw);
	ev->staple_requested = !twist(draw);
	ev->chain_oversized = twist(draw) && twist(draw);
	memset(ev->leaf_sha256, twist(draw) ? 0x22 : 0x11, 32);
	ev->present |= MT_BIT(MT_EV_CHAIN) | MT_BIT(MT_EV_LEAF_SHA256) | MT_BIT(MT_EV_TLS_ETM);
	if (draw_odds(draw, 32)) {
		ev->clientcert_requested = !twist(draw);
		memset(ev->clientcert_presented, twist(draw) ? 0x34 : 0x33, 32);
		ev->present |=
			MT_BIT(MT_EV_CLIENTCERT_REQUESTED) | MT_BIT(MT_EV_CLIENTCERT_PRESENTED);
	}
}

static void
draw_starttls(struct draw *draw, struct mt_evidence *ev)
{
	ev->starttls_offered = !twist(draw);
	ev->starttls_refused = twist(draw);
	ev->starttls_preauth = twist(draw);
	ev->starttls_bad_greeting = twist(draw);
	ev->starttls_buffered_bytes = twist(draw) ? draw_below(draw, 3) : 0;
	ev->starttls_caps_refreshed = !twist(draw);
	ev->pretls_other_responses = twist(draw) ? draw_below(draw, 3) : 0;
	ev->present |= MT_BIT(MT_EV_STARTTLS_OFFERED) | MT_BIT(MT_EV_STARTTLS_REFUSED) |
		       MT_BIT(MT_EV_STARTTLS_PREAUTH) | MT_BIT(MT_EV_STARTTLS_BAD_GREETING) |
		       MT_BIT(MT_EV_STARTTLS_BUFFERED_BYTES) |
		       MT_BIT(MT_EV_STARTTLS_CAPS_REFRESHED) | MT_BIT(MT_EV_PRETLS_OTHER_RESPONSES);
}

static void
draw_authentication(struct draw *draw, struct mt_evidence *ev)
{
	ev->auth_logindisabled = twist(draw);
	ev->present |= MT_BIT(MT_EV_AUTH_LOGINDISABLED);
	if (draw_odds(draw, 128)) {
		DRAW_TEXT(draw, ev->auth_mechanism, "PLAIN", "LOGIN", "SCRAM-SHA-256", "X-NEW");
		ev->present |= MT_BIT(MT_EV_AUTH_MECHANISM);
	}
	if (draw_odds(draw, 64)) {
		DRAW_TEXT(draw, ev->auth_cb_type, "tls-exporter", "tls-unique");
		ev->auth_cb_size = 32;
		ev->present |= MT_BIT(MT_EV_AUTH_CB_TYPE) | MT_BIT(MT_EV_AUTH_CB_VALUE);
	}
	if (twist(draw)) {
		strcpy(ev->referral_target, "evil.test");
		ev->present |= MT_BIT(MT_EV_REFERRAL_TARGET);
	}
}

static void
draw_evidence(struct draw *draw, struct mt_evidence *ev)
{
	static const uint8_t transports[] = {MT_TRANSPORT_IMPLICIT, MT_TRANSPORT_IMPLICIT,
					     MT_TRANSPORT_IMPLICIT, MT_TRANSPORT_STARTTLS,
					     MT_TRANSPORT_STARTTLS, MT_TRANSPORT_NONE};

	memset(ev, 0, sizeof(*ev));
	ev->proto = twist(draw) ? (enum mt_proto)draw_below(draw, MT_PROTO_COUNT) : MT_PROTO_IMAP;
	ev->transport = (enum mt_transport)transports[draw_below(draw, 6)];
	ev->port = ev->transport == MT_TRANSPORT_IMPLICIT || twist(draw) ? 993 : 143;
	ev->present = MT_BIT(MT_EV_PROTO) | MT_BIT(MT_EV_TRANSPORT) | MT_BIT(MT_EV_PORT) |
		      MT_BIT(MT_EV_HOST);
	ev->tls_failed = twist(draw) && twist(draw);
	if (ev->tls_failed)
		ev->present |= MT_BIT(MT_EV_TLS_FAILED);
	if (ev->transport != MT_TRANSPORT_NONE && !ev->tls_failed) {
		ev->present |= MT_BIT(MT_EV_TLS_VERSION) | MT_BIT(MT_EV_TLS_CIPHER) |
			       MT_BIT(MT_EV_TLS_ALPN) | MT_BIT(MT_EV_TLS_EMS) |
			       MT_BIT(MT_EV_TLS_RENEG_INFO) | MT_BIT(MT_EV_STAPLE_REQUESTED);
		draw_handshake(draw, ev);
	}
	if (ev->transport == MT_TRANSPORT_STARTTLS || draw_odds(draw, 64))
		draw_starttls(draw, ev);
	draw_authentication(draw, ev);
	ev->observed_at_usec = CASE_NOW;
	if (twist(draw))
		ev->observed_at_usec += ((int64_t)draw_below(draw, 64) - 60) * MT_USEC_PER_SEC;
	ev->established_at_usec = ev->observed_at_usec;
	ev->present |= MT_BIT(MT_EV_OBSERVED_AT);
	mt_evidence_fill_benign(ev, CASE_NOW);
	if (twist(draw) && twist(draw))
		ev->present &= ~MT_BIT(draw_below(draw, MT_EV_COUNT));
}

static void
draw_validation(struct draw *draw, const struct mt_evidence *ev, struct mt_validation *val)
{
	static const uint8_t anchors[] = {MT_ANCHOR_SYSTEM, MT_ANCHOR_LOCAL, MT_ANCHOR_NONE};
	static const uint8_t revocations[] = {MT_REVOCATION_NOT_CHECKED, MT_REVOCATION_GOOD,
					      MT_REVOCATION_UNKNOWN, MT_REVOCATION_REVOKED};

	memset(val, 0, sizeof(*val));
	val->state = ev->transport == MT_TRANSPORT_NONE || ev->tls_failed ? MT_VALIDATION_NO_CHAIN
									  : MT_VALIDATION_DONE;
	if (twist(draw) && twist(draw))
		val->state = (enum mt_validation_state)draw_below(draw, MT_VALIDATION_STATE_COUNT);
	val->revocation = MT_REVOCATION_NOT_CHECKED;
	if (val->state != MT_VALIDATION_DONE)
		return;
	/* often: pins and DANE matter only where no path was found */
	if (draw_odds(draw, 64) || twist(draw))
		val->faults = (uint32_t)MT_BIT(draw_below(draw, MT_CERT_FAULT_COUNT));
	if (val->faults && draw_odds(draw, 64))
		val->faults |= (uint32_t)MT_BIT(draw_below(draw, MT_CERT_FAULT_COUNT));
	val->pkix_valid = !(val->faults & ~(uint32_t)MT_BIT(MT_CERT_CN_ONLY));
	val->anchor = (enum mt_anchor)anchors[twist(draw) ? draw_below(draw, 3) : 0];
	val->revocation =
		(enum mt_revocation_state)revocations[twist(draw) ? draw_below(draw, 4) : 0];
	val->must_staple = twist(draw);
	val->staple_valid = draw_odds(draw, 128);
	memcpy(val->leaf_sha256, ev->leaf_sha256, 32);
}

static void
draw_tlsa(struct draw *draw, struct mt_tlsa *tlsa, struct mt_validation *val)
{
	tlsa->status = MT_TLSA_ABSENT;
	tlsa->n = 0;
	if (draw_odds(draw, 32))
		tlsa->status = MT_TLSA_SECURE;
	else if (twist(draw))
		tlsa->status = (enum mt_tlsa_status)draw_below(draw, MT_TLSA_STATUS_COUNT);
	if (tlsa->status != MT_TLSA_SECURE && tlsa->status != MT_TLSA_INSECURE)
		return;
	tlsa->n = 1 - twist(draw);
	tlsa->records[0] = (struct mt_tlsa_record){3, 1, 1, 32, record_data};
	tlsa->records[0].usage = (uint8_t)(twist(draw) ? draw_below(draw, 5) : 3);
	if (val->state != MT_VALIDATION_DONE || tlsa->n == 0)
		return;
	val->dane_usable = (uint32_t)mt_tlsa_count_usable(tlsa);
	val->dane_matched = val->dane_usable > 0 && !twist(draw);
	val->dane_usage = val->dane_matched ? tlsa->records[0].usage : 0;
}

/* How the host was found; what is saved was confirmed and approved. */
static void
draw_reference(struct draw *draw, struct mt_account_facts *facts, char *ret_host)
{
	static const uint8_t endpoints[] = {MT_ENDPOINT_SAVED, MT_ENDPOINT_CANDIDATE,
					    MT_ENDPOINT_FRESH};
	struct mt_reference *ref = &facts->reference;
	bool setup = facts->state == MT_ACCOUNT_SETUP;

	facts->endpoint =
		(enum mt_endpoint_status)endpoints[twist(draw) ? draw_below(draw, 3) : setup];
	ref->saved = facts->endpoint == MT_ENDPOINT_SAVED;
	ref->discovery = draw_odds(draw, 160)
				 ? MT_DISCOVERY_MANUAL
				 : (enum mt_discovery)draw_below(draw, MT_DISCOVERY_COUNT);
	ref->dnssec = twist(draw) ? (enum mt_dnssec)draw_below(draw, MT_DNSSEC_COUNT)
				  : (enum mt_dnssec)(MT_DNSSEC_INSECURE + draw_below(draw, 2));
	ref->confirmed = ref->saved || draw_odds(draw, 64);
	facts->source_approved = ref->saved || ref->confirmed;
	facts->reference_is_fresh = twist(draw);
	strcpy(ref->address_domain, "example.test");
	strcpy(ref->host, draw_odds(draw, 80) ? "mail.other.test" : "imap.example.test");
	strcpy(ret_host, ref->host);
}

static void
draw_facts(struct draw *draw, struct question *q)
{
	struct mt_account_facts *facts = &q->facts;

	memset(facts, 0, sizeof(*facts));
	facts->known = !(twist(draw) && twist(draw));
	facts->state = draw_odds(draw, 64) ? MT_ACCOUNT_SETUP : MT_ACCOUNT_ACTIVE;
	if (twist(draw))
		facts->state = (enum mt_account_state)draw_below(draw, MT_ACCOUNT_STATE_COUNT);
	draw_reference(draw, facts, q->ev.host);
	facts->configured = q->ev.transport;
	if (twist(draw))
		facts->configured = (enum mt_transport)draw_below(draw, MT_TRANSPORT_COUNT);
	facts->pins = (const uint8_t(*)[32])q->pins;
	facts->n_pins = draw_odds(draw, 48) ? 1 + draw_below(draw, 2) : 0;
	memset(q->pins[0], twist(draw) ? 0x22 : 0x11, 32);
	memset(q->pins[1], 0x22, 32);
	facts->pin_elsewhere = draw_odds(draw, 32);
	facts->consents = draw_odds(draw, 160) ? (uint32_t)MT_BIT(MT_CONSENT_KIND_COUNT) - 1
					       : draw_below(draw, 1u << MT_CONSENT_KIND_COUNT);
	facts->best = (enum mt_level)draw_below(draw, MT_LEVEL_COUNT);
	facts->resumable = !twist(draw);
	facts->referral_known = !twist(draw);
}

void
draw_question(struct draw *draw, struct question *ret)
{
	static const uint8_t twists[] = {0, 4, 16, 64, 128};
	struct mt_decide_input *in = &ret->in;

	draw->twists = twists[draw_below(draw, MT_ARRAY_SIZE(twists))];
	draw_evidence(draw, &ret->ev);
	draw_validation(draw, &ret->ev, &ret->val);
	draw_tlsa(draw, &ret->tlsa, &ret->val);
	draw_facts(draw, ret);
	*in = (struct mt_decide_input){
		.op = (enum mt_op)(MT_OP_CAPABILITY + draw_below(draw, MT_OP_COUNT - 1)),
		.phase = draw_odds(draw, 32) ? MT_PHASE_HANDSHAKE : MT_PHASE_FINAL,
		.evidence = &ret->ev,
		.provenance =
			draw_odds(draw, 128) ? MT_PROVENANCE_ATTESTED : MT_PROVENANCE_ASSERTED,
		.account = &ret->facts,
		.org_expired = twist(draw),
		.validation = &ret->val,
		.tlsa = &ret->tlsa,
		.now_usec = CASE_NOW,
		.clock_sane = !(twist(draw) && twist(draw)),
		.ready = !(twist(draw) && twist(draw)),
	};
	if (ret->facts.state == MT_ACCOUNT_SETUP && draw_odds(draw, 128))
		in->op = MT_OP_TEST;
	if (twist(draw) && twist(draw))
		in->op = MT_OP_UNKNOWN;
}

static void
draw_set(struct draw *draw, enum mt_field field, struct mt_minimum *ret)
{
	static const char *const patterns[] = {"*.example.test", "imap.example.test",
					       "*.other.test", "*.test"};
	struct mt_digests *digests =
		field == MT_FIELD_ANCHORS ? &ret->anchors : &ret->client_cert_allow;

	switch (field) {
	case MT_FIELD_ENDPOINTS_ALLOW:
		ret->endpoints_allow.is_set = true;
		ret->endpoints_allow.n = 1;
		memset(ret->endpoints_allow.pattern[0], 0, MT_DOMAIN_SIZE);
		strcpy(ret->endpoints_allow.pattern[0], patterns[draw_below(draw, 4)]);
		break;
	case MT_FIELD_STATIC_PINS:
		ret->static_pins.n = 1;
		strcpy(ret->static_pins.pin[0].host, "imap.example.test");
		memset(ret->static_pins.pin[0].digest, draw_odds(draw, 128) ? 0x11 : 0x22, 32);
		break;
	default:
		digests->is_set = true;
		digests->n = 1;
		memset(digests->digest[0], draw_odds(draw, 128) ? 0x33 : 0x34, 32);
		break;
	}
}

static void
draw_field(struct draw *draw, enum mt_field field, struct mt_minimum *ret)
{
	unsigned n = 0;

	switch (field) {
	case MT_FIELD_AUTH_MECHS:
		ret->auth_mechs = (uint32_t)draw_bits(draw) & MT_MECHS_ALL;
		break;
	case MT_FIELD_PROTOCOLS:
		ret->protocols = (uint8_t)(draw_bits(draw) & MT_PROTOCOLS_ALL);
		break;
	case MT_FIELD_ENDPOINTS_ALLOW:
	case MT_FIELD_STATIC_PINS:
	case MT_FIELD_CLIENT_CERT_ALLOW:
	case MT_FIELD_ANCHORS:
		draw_set(draw, field, ret);
		break;
	case MT_FIELD_NOT_AFTER:
		ret->not_after_usec = CASE_NOW + (int64_t)draw_below(draw, 3) - 1;
		break;
	case MT_FIELD_VERDICT_TTL:
		ret->verdict_ttl_sec = 1 + draw_below(draw, 300);
		break;
	case MT_FIELD_SRV_CHECK_MAX:
		ret->srv_check_max_sec = 3600 + draw_below(draw, 9999);
		break;
	default:
		while (mt_fields[field].values[n])
			n++;
		ret->values[field] = (uint8_t)draw_below(draw, n);
		break;
	}
	ret->present |= 1u << field;
}

void
draw_layer(struct draw *draw, unsigned odds, struct mt_minimum *ret)
{
	ret->present = 0;
	for (int field = 0; field < MT_FIELD_COUNT; field++)
		if (draw_odds(draw, odds))
			draw_field(draw, (enum mt_field)field, ret);
}

void
draw_policy(struct draw *draw, struct mt_effective *ret)
{
	mt_effective_init(ret);
	mt_minimum_init_default(&draw->layer);
	mt_effective_join(ret, &draw->layer, MT_LAYER_ACCOUNT);
	/* an owner may lower the scalars, and half of them take the requirement off */
	ret->m.values[MT_FIELD_MIN_CONF] = (uint8_t)draw_below(draw, 2);
	for (int field = 1; field < MT_FIELD_SCALAR_COUNT; field++)
		if (draw_odds(draw, 16))
			draw_field(draw, (enum mt_field)field, &ret->m);
	if (draw_odds(draw, 128))
		draw_set(draw, MT_FIELD_CLIENT_CERT_ALLOW, &ret->m);
	draw_layer(draw, draw_odds(draw, 128) ? 4 : 0, &draw->layer);
	mt_effective_join(ret, &draw->layer, MT_LAYER_ORG);
}

int
draw_dropped_key(struct draw *draw, struct mt_evidence *ev)
{
	static const uint8_t sizes[] = {
		[MT_EV_TYPE_BOOL] = sizeof(bool),
		[MT_EV_TYPE_U16] = sizeof(uint16_t),
		[MT_EV_TYPE_U32] = sizeof(uint32_t),
		[MT_EV_TYPE_TIME] = sizeof(int64_t),
		[MT_EV_TYPE_PROTO] = sizeof(enum mt_proto),
		[MT_EV_TYPE_TRANSPORT] = sizeof(enum mt_transport),
		[MT_EV_TYPE_VERSION] = sizeof(enum mt_tls_version),
		[MT_EV_TYPE_CHAIN] = 0,
	};
	int key = (int)draw_below(draw, MT_EV_COUNT);
	const struct mt_evidence_key *def = &mt_evidence_keys[key];

	if (!mt_evidence_has(ev, (enum mt_ev)key))
		return -1;
	memset((uint8_t *)ev + def->offset, 0, def->size ? def->size : sizes[def->type]);
	if (def->size_offset)
		memset((uint8_t *)ev + def->size_offset, 0, sizeof(size_t));
	ev->present &= ~MT_BIT(key);
	return key;
}
