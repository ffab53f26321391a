/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_CONSENT_H
#define MT_POLICY_CONSENT_H

/*
 * Consents: which one applies to what (D-SYS-07). A consent is for one kind, one account, one
 * endpoint (or the account as a whole), one version of the warning text; none can be reused for
 * another. Who may give one (polkit, the owner) and where it is stored is the daemon's.
 */

#include "policy/consent-text.h"
#include "policy/limits.h"
#include "policy/service.h"

enum mt_consent_kind {
	MT_CONSENT_REDUCED_CONFIDENTIALITY = 0, /* whole account; endpoint empty */
	MT_CONSENT_PASSWORD_EXPOSURE, /* one endpoint, single use, ten minutes (R-5.1-10) */
	MT_CONSENT_PIN,               /* one host and leaf */
	MT_CONSENT_SRV_TARGET,        /* one host */
	MT_CONSENT_DOWNGRADE          /* one endpoint */
};
#define MT_CONSENT_KIND_COUNT 5

struct mt_consent {
	enum mt_consent_kind kind;
	enum mt_proto proto;       /* of the endpoint; UNKNOWN where the kind has none */
	char host[MT_DOMAIN_SIZE]; /* "" where the kind has none */
	uint16_t port;             /* 0 where the kind has none */
	uint8_t leaf_sha256[32];   /* kind pin only, else zero */
	uint32_t text_version;     /* of the warning shown (policy/consent-text.h) */
	uint32_t uid;
	int64_t given_at_usec;
	int64_t expires_usec; /* INT64_MAX: never */
};

const char *mt_consent_kind_to_string(enum mt_consent_kind kind); /* "reduced-confidentiality", … */
MT_MUST_CHECK int mt_consent_kind_from_string(const char *string, enum mt_consent_kind *ret);
/* The warning a person must have seen, of the current version (R-5.1-08, R-5.2-08). */
const char *mt_consent_text(enum mt_consent_kind kind);

/* Does the consent hold for this endpoint now? Host, port and proto are compared only where the
 * kind is bound to them; leaf may be NULL for every kind but pin. */
bool mt_consent_applies(const struct mt_consent *consent, enum mt_consent_kind kind,
			enum mt_proto proto, const char *host, uint16_t port, const uint8_t *leaf,
			int64_t now_usec);

/* The consent is well formed for its kind: endpoint and leaf present exactly where it needs them.
 */
bool mt_consent_is_well_formed(const struct mt_consent *consent);

#endif
