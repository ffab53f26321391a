/* SPDX-License-Identifier: MIT */
/* Consents, and the warnings they answer. */

#include "policy/consent.h"

#include "policy/domain.h"
#include "policy/names.h"

struct kind {
	bool needs_endpoint; /* proto and port, besides the host */
	bool needs_host;
	bool needs_leaf;
	const char *text;
};

/* What a kind is bound to, and what a person must have read (R-5.1-08, R-5.2-08, R-5.4-09). */
static const struct kind kinds[MT_CONSENT_KIND_COUNT] = {
	[MT_CONSENT_REDUCED_CONFIDENTIALITY] =
		{false, false, false,
		 "Connections of this account may be not encrypted, or encrypted to somebody who "
		 "is "
		 "not your mail server. Others can read them: neither your password and messages "
		 "nor whom you write to will be private."},
	[MT_CONSENT_PASSWORD_EXPOSURE] = {true, true, false,
					  "The connection to this server is not encrypted well "
					  "enough, or the server has not "
					  "proved who it is. If you test it now, others can read "
					  "what you send: your password "
					  "and messages may fall into their hands."},
	[MT_CONSENT_PIN] = {false, true, true,
			    "This certificate proves nothing. If an attacker shows it to you now, "
			    "accepting it "
			    "is not encrypted-as-promised but handing over the connection: others "
			    "can read your "
			    "password and messages. It cannot be withdrawn or renewed by the "
			    "provider, and its "
			    "fingerprint should be compared with the provider by another way, such "
			    "as telephone."},
	[MT_CONSENT_SRV_TARGET] =
		{false, true, false,
		 "Unsigned DNS data names a server outside the domain of your address. If it is "
		 "forged, the connection is not encrypted to your provider but to somebody else: "
		 "others can read your password and messages. Check that the name is right."},
	[MT_CONSENT_DOWNGRADE] =
		{true, true, false,
		 "This service was better protected before. If you go on, the connection is not "
		 "encrypted as well as it was, which may be an attack: others can read your "
		 "password "
		 "and messages."},
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
