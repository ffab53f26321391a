/* SPDX-License-Identifier: MIT */
/* Consents: what each kind is bound to. */

#include "policy/consent.h"

#include "policy/domain.h"
#include "policy/names.h"

struct kind {
	bool needs_endpoint; /* proto and port, besides the host */
	bool needs_host;
	bool needs_leaf;
	const char *text;
};

/* What a kind is bound to, and what a person must have read. */
static const struct kind kinds[MT_CONSENT_KIND_COUNT] = {
	[MT_CONSENT_REDUCED_CONFIDENTIALITY] = {false, false, false,
						MT_CONSENT_TEXT_REDUCED_CONFIDENTIALITY},
	[MT_CONSENT_PASSWORD_EXPOSURE] = {true, true, false, MT_CONSENT_TEXT_PASSWORD_EXPOSURE},
	[MT_CONSENT_PIN] = {false, true, true, MT_CONSENT_TEXT_PIN},
	[MT_CONSENT_SRV_TARGET] = {false, true, false, MT_CONSENT_TEXT_SRV_TARGET},
	[MT_CONSENT_DOWNGRADE] = {true, true, false, MT_CONSENT_TEXT_DOWNGRADE},
};

static const char *const kind_names[] = {"reduced-confidentiality", "password-exposure", "pin",
					 "srv-target", "downgrade"};
MT_DEFINE_NAMES(consent_kind, kind_names, MT_CONSENT_KIND_COUNT,
		(unsigned)MT_CONSENT_REDUCED_CONFIDENTIALITY);

const char *
mt_consent_text(enum mt_consent_kind kind)
{
	return kinds[kind].text;
}

static bool
is_zero(const uint8_t digest[static 32])
{
	static const uint8_t zero[32];

	return memcmp(digest, zero, sizeof(zero)) == 0;
}

bool
mt_consent_applies(const struct mt_consent *consent, enum mt_consent_kind kind, enum mt_proto proto,
		   const char *host, uint16_t port, const uint8_t *leaf, int64_t now_usec)
{
	const struct kind *def = &kinds[kind];

	if (consent->kind != kind || now_usec >= consent->expires_usec ||
	    now_usec < consent->given_at_usec - MT_EVIDENCE_AHEAD_MAX_USEC)
		return false;
	if (def->needs_host && (!host || !mt_domain_equal(consent->host, host)))
		return false;
	if (def->needs_endpoint && (consent->proto != proto || consent->port != port))
		return false;
	return !def->needs_leaf || (leaf && memcmp(consent->leaf_sha256, leaf, 32) == 0);
}

bool
mt_consent_is_well_formed(const struct mt_consent *consent)
{
	const struct kind *def;

	if ((unsigned)consent->kind >= MT_CONSENT_KIND_COUNT ||
	    (unsigned)consent->proto >= MT_PROTO_COUNT || consent->text_version == 0)
		return false;
	def = &kinds[consent->kind];
	return def->needs_host == (consent->host[0] != '\0') &&
	       def->needs_endpoint == (consent->proto != MT_PROTO_UNKNOWN) &&
	       def->needs_endpoint == (consent->port != 0) &&
	       def->needs_leaf == !is_zero(consent->leaf_sha256);
}
