/* SPDX-License-Identifier: MIT */
/* The table of policy fields, and their join. */

#include "policy/minimum.h"

#include <string.h>
#include <strings.h>

#include "policy/sets.h"

#define DAY_SEC 86400u

/* clang-format off */
static const char *const off_on[] = {"off", "on", NULL};
static const char *const tls_min[] = {"1.2", "1.3", NULL};
static const char *const transport_min[] = {"starttls", "implicit", NULL};
static const char *const cipher_profile[] = {"sane", "bcp195", "recommended-only", NULL};
static const char *const proof[] = {"pkix-or-dane", "pkix", "dane", "pkix-and-dane", NULL};
static const char *const revocation[] = {"off", "staple", "soft", "hard", NULL};
static const char *const local_roots[] = {"accept", "flag", "reject", NULL};
static const char *const allowed_forbidden[] = {"allowed", "forbidden", NULL};
static const char *const srv_trust[] = {"ask", "in-domain", "dnssec", NULL};
static const char *const srv_mode[] = {"live", "saved", NULL};
static const char *const evidence_min[] = {"asserted", "attested", NULL};
static const char *const channel_binding[] = {"off", "prefer", "require", NULL};
static const char *const downgrade[] = {"notify", "confirm", "deny", NULL};
static const char *const on_expiry[] = {"revert", "suspend", NULL};

/* REQUIREMENTS 4.6: name, kind, values weak to strict, floor, default for new accounts, bundle, org only */
const struct mt_field_def mt_fields[MT_FIELD_COUNT] = {
	[MT_FIELD_MIN_CONF]            = {"min_conf", MT_KIND_CHAIN, off_on, MT_OFF, MT_ON, false, false},
	[MT_FIELD_TLS_MIN]             = {"tls_min", MT_KIND_CHAIN, tls_min, MT_TLS_MIN_1_2, MT_TLS_MIN_1_2, true, false},
	[MT_FIELD_TRANSPORT_MIN]       = {"transport_min", MT_KIND_CHAIN, transport_min, MT_TRANSPORT_MIN_STARTTLS, MT_TRANSPORT_MIN_STARTTLS, true, false},
	[MT_FIELD_CIPHER_PROFILE]      = {"cipher_profile", MT_KIND_CHAIN, cipher_profile, MT_CIPHER_SANE, MT_CIPHER_BCP195, true, false},
	[MT_FIELD_PROOF]               = {"proof", MT_KIND_DIAMOND, proof, MT_PROOF_PKIX_OR_DANE, MT_PROOF_PKIX_OR_DANE, true, false},
	[MT_FIELD_DANE_VETO]           = {"dane_veto", MT_KIND_CHAIN, off_on, MT_OFF, MT_ON, true, false},
	[MT_FIELD_REVOCATION]          = {"revocation", MT_KIND_CHAIN, revocation, MT_REVOCATION_OFF, MT_REVOCATION_STAPLE, true, false},
	[MT_FIELD_LOCAL_ROOTS]         = {"local_roots", MT_KIND_CHAIN, local_roots, MT_LOCAL_ROOTS_ACCEPT, MT_LOCAL_ROOTS_FLAG, true, false},
	[MT_FIELD_PINNING]             = {"pinning", MT_KIND_CHAIN, allowed_forbidden, MT_ALLOWED, MT_ALLOWED, false, false},
	[MT_FIELD_USER_RELAX]          = {"user_relax", MT_KIND_CHAIN, allowed_forbidden, MT_ALLOWED, MT_ALLOWED, false, false},
	[MT_FIELD_SRV_TRUST]           = {"srv_trust", MT_KIND_CHAIN, srv_trust, MT_SRV_TRUST_ASK, MT_SRV_TRUST_ASK, false, false},
	[MT_FIELD_SRV_MODE]            = {"srv_mode", MT_KIND_CHAIN, srv_mode, MT_SRV_MODE_LIVE, MT_SRV_MODE_SAVED, false, false},
	[MT_FIELD_EVIDENCE_MIN]        = {"evidence_min", MT_KIND_CHAIN, evidence_min, MT_EVIDENCE_MIN_ASSERTED, MT_EVIDENCE_MIN_ASSERTED, false, false},
	[MT_FIELD_CHANNEL_BINDING]     = {"channel_binding", MT_KIND_CHAIN, channel_binding, MT_CB_OFF, MT_CB_PREFER, false, false},
	[MT_FIELD_CLIENT_CERT_TLS_MIN] = {"client_cert_tls_min", MT_KIND_CHAIN, tls_min, MT_TLS_MIN_1_2, MT_TLS_MIN_1_2, false, false},
	[MT_FIELD_DOWNGRADE_ACTION]    = {"downgrade_action", MT_KIND_CHAIN, downgrade, MT_DOWNGRADE_NOTIFY, MT_DOWNGRADE_CONFIRM, false, false},
	[MT_FIELD_ON_EXPIRY]           = {"on_expiry", MT_KIND_CHAIN, on_expiry, MT_ON_EXPIRY_REVERT, MT_ON_EXPIRY_REVERT, false, false},
	[MT_FIELD_AUTH_MECHS]          = {"auth_mechs", MT_KIND_MECHS, NULL, 0, 0, false, false},
	[MT_FIELD_PROTOCOLS]           = {"protocols", MT_KIND_PROTOCOLS, NULL, 0, 0, false, false},
	[MT_FIELD_ENDPOINTS_ALLOW]     = {"endpoints_allow", MT_KIND_PATTERNS, NULL, 0, 0, false, false},
	[MT_FIELD_CLIENT_CERT_ALLOW]   = {"client_cert_allow", MT_KIND_DIGESTS, NULL, 0, 0, false, false},
	[MT_FIELD_STATIC_PINS]         = {"static_pins", MT_KIND_STATIC_PINS, NULL, 0, 0, false, true},
	[MT_FIELD_ANCHORS]             = {"anchors", MT_KIND_DIGESTS, NULL, 0, 0, false, true},
	[MT_FIELD_NOT_AFTER]           = {"not_after", MT_KIND_TIME_MIN, NULL, 0, 0, false, false},
	[MT_FIELD_VERDICT_TTL]         = {"verdict_ttl", MT_KIND_SECONDS_MIN, NULL, 0, 0, false, false},
	[MT_FIELD_SRV_CHECK_MAX]       = {"srv_check_max", MT_KIND_SECONDS_MIN, NULL, 0, 0, false, false},
};

static const char *const layers[MT_LAYER_COUNT] = {
	[MT_LAYER_FLOOR] = "floor", [MT_LAYER_ACCOUNT] = "account", [MT_LAYER_GROUP] = "group",
	[MT_LAYER_ORG] = "org", [MT_LAYER_REQUEST] = "request",
};

static const char *const mechs[MT_MECH_COUNT] = {
	[MT_MECH_PLAIN] = "PLAIN", [MT_MECH_LOGIN] = "LOGIN", [MT_MECH_USER] = "USER",
	[MT_MECH_APOP] = "APOP", [MT_MECH_CRAM_MD5] = "CRAM-MD5",
	[MT_MECH_SCRAM_SHA_1] = "SCRAM-SHA-1", [MT_MECH_SCRAM_SHA_1_PLUS] = "SCRAM-SHA-1-PLUS",
	[MT_MECH_SCRAM_SHA_256] = "SCRAM-SHA-256", [MT_MECH_SCRAM_SHA_256_PLUS] = "SCRAM-SHA-256-PLUS",
	[MT_MECH_EXTERNAL] = "EXTERNAL", [MT_MECH_XOAUTH2] = "XOAUTH2",
	[MT_MECH_OAUTHBEARER] = "OAUTHBEARER", [MT_MECH_GSSAPI] = "GSSAPI",
	[MT_MECH_ANONYMOUS] = "ANONYMOUS",
};
/* clang-format on */

int
mt_field_find(const char *name)
{
	for (int i = 0; i < MT_FIELD_COUNT; i++)
		if (strcmp(mt_fields[i].name, name) == 0)
			return i;
	return -1;
}

const char *
mt_layer_to_string(enum mt_layer layer)
{
	return layers[layer];
}

const char *
mt_mech_to_string(enum mt_mech mech)
{
	return mechs[mech];
}

int
mt_mech_find(const char *name)
{
	for (int i = 0; i < MT_MECH_COUNT; i++)
		if (strcasecmp(mechs[i], name) == 0)
			return i;
	return -1;
}

void
mt_effective_init(struct mt_effective *eff)
{
	memset(eff, 0, sizeof(*eff));
	eff->m.present = (1u << MT_FIELD_COUNT) - 1;
	for (size_t i = 0; i < MT_FIELD_SCALAR_COUNT; i++)
		eff->m.values[i] = mt_fields[i].floor;
	eff->m.auth_mechs = MT_MECHS_ALL;
	eff->m.protocols = MT_PROTOCOLS_ALL;
	eff->m.not_after_usec = INT64_MAX;
	eff->m.verdict_ttl_sec = MT_VERDICT_TTL_MAX_SEC;
	eff->m.srv_check_max_sec = 7 * DAY_SEC;
}

void
mt_minimum_init_default(struct mt_minimum *min)
{
	memset(min, 0, sizeof(*min));
	for (size_t i = 0; i < MT_FIELD_COUNT; i++)
		if (!mt_fields[i].org_only)
			min->present |= 1u << i;
	for (size_t i = 0; i < MT_FIELD_SCALAR_COUNT; i++)
		min->values[i] = mt_fields[i].initial;
	min->auth_mechs = MT_MECHS_ALL;
	min->protocols = MT_PROTOCOLS_ALL;
	min->not_after_usec = INT64_MAX;
	min->verdict_ttl_sec = 60;
	min->srv_check_max_sec = DAY_SEC;
	/* An account lists its client certificates; until it does, none is authorised (R-5.5-03).
	 */
	min->client_cert_allow.is_set = true;
}

/* The joined scalar: the greater of a chain, the union of a diamond's bits. */
static uint8_t
scalar_join(enum mt_field field, uint8_t a, uint8_t b)
{
	if (mt_fields[field].kind == MT_KIND_DIAMOND)
		return (uint8_t)(a | b);
	return a > b ? a : b;
}

/* Joins one field. Return: whether the effective value became stricter. */
static bool
field_join(struct mt_minimum *m, const struct mt_minimum *layer, enum mt_field field)
{
	uint8_t value;
	uint32_t bits;

	switch (field) {
	case MT_FIELD_AUTH_MECHS:
		bits = m->auth_mechs & layer->auth_mechs;
		return mt_replace(&m->auth_mechs, bits);
	case MT_FIELD_PROTOCOLS:
		value = m->protocols & layer->protocols;
		return mt_replace(&m->protocols, value);
	case MT_FIELD_ENDPOINTS_ALLOW:
		return mt_patterns_intersect(&m->endpoints_allow, &layer->endpoints_allow);
	case MT_FIELD_CLIENT_CERT_ALLOW:
		return mt_digests_intersect(&m->client_cert_allow, &layer->client_cert_allow);
	case MT_FIELD_STATIC_PINS:
		return mt_static_pins_intersect(&m->static_pins, &layer->static_pins);
	case MT_FIELD_ANCHORS:
		return mt_digests_intersect(&m->anchors, &layer->anchors);
	case MT_FIELD_NOT_AFTER:
		return layer->not_after_usec < m->not_after_usec &&
		       mt_replace(&m->not_after_usec, layer->not_after_usec);
	case MT_FIELD_VERDICT_TTL:
		return layer->verdict_ttl_sec < m->verdict_ttl_sec &&
		       mt_replace(&m->verdict_ttl_sec, layer->verdict_ttl_sec);
	case MT_FIELD_SRV_CHECK_MAX:
		return layer->srv_check_max_sec < m->srv_check_max_sec &&
		       mt_replace(&m->srv_check_max_sec, layer->srv_check_max_sec);
	default: /* the scalar fields; enum mt_field puts them first */
		value = scalar_join(field, m->values[field], layer->values[field]);
		return mt_replace(&m->values[field], value);
	}
}

void
mt_effective_join(struct mt_effective *eff, const struct mt_minimum *layer, enum mt_layer which)
{
	for (unsigned i = 0; i < MT_FIELD_COUNT; i++) {
		if (!(layer->present & (1u << i)))
			continue;
		if (field_join(&eff->m, layer, (enum mt_field)i))
			eff->layer[i] = (uint8_t)which;
	}
}

int
mt_effective_unsatisfiable(const struct mt_effective *eff)
{
	if (eff->m.auth_mechs == 0)
		return MT_FIELD_AUTH_MECHS;
	if (eff->m.protocols == 0)
		return MT_FIELD_PROTOCOLS;
	if (eff->m.endpoints_allow.is_set && eff->m.endpoints_allow.n == 0)
		return MT_FIELD_ENDPOINTS_ALLOW;
	if (eff->m.static_pins.emptied)
		return MT_FIELD_STATIC_PINS;
	if (eff->m.anchors.is_set && eff->m.anchors.n == 0)
		return MT_FIELD_ANCHORS;
	return -1;
}

bool
mt_minimum_is_weaker_or_equal(const struct mt_minimum *p, const struct mt_minimum *q)
{
	/* p ≤ q exactly where joining p into q changes nothing. q is copied: not for the hot path.
	 */
	struct mt_minimum joined = *q;

	for (unsigned i = 0; i < MT_FIELD_COUNT; i++) {
		if (!(p->present & (1u << i)))
			continue;
		if (!(q->present & (1u << i)) || field_join(&joined, p, (enum mt_field)i))
			return false;
	}
	return true;
}
