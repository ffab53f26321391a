/* SPDX-License-Identifier: MIT */
/* Rows 17-28: was the conversation tampered with, and how good is the transport? */

#include <string.h>

#include "policy/decide-rows.h"
#include "policy/tls-profile.h"

/* The ALPN identifier we offer for each protocol (RFC 7595 registry); none for submission. */
static const char *const alpn[MT_PROTO_COUNT] = {
	[MT_PROTO_UNKNOWN] = "none",
	[MT_PROTO_IMAP] = "imap",
	[MT_PROTO_POP3] = "pop3",
	[MT_PROTO_SUBMISSION] = "none",
};

static bool
alpn_mismatches(const struct decision *d)
{
	const struct mt_evidence *ev = d->in->evidence;

	return has(d, MT_EV_TLS_ALPN) && strcmp(ev->tls_alpn, "none") != 0 &&
	       strcmp(ev->tls_alpn, alpn[ev->proto]) != 0;
}

enum step
row_integrity(struct decision *d)
{
	const struct mt_evidence *ev = d->in->evidence;
	/* What was said before TLS exists only where TLS did not come first. */
	bool has_pretls = ev->transport != MT_TRANSPORT_IMPLICIT;
	const struct {
		bool found;
		enum mt_reason reason;
	} faults[] = {
		{has_pretls && ev->starttls_bad_greeting, MT_REASON_STARTTLS_BAD_GREETING},
		{has_pretls && ev->starttls_buffered_bytes > 0,
		 MT_REASON_STARTTLS_RESPONSE_INJECTED},
		{alpn_mismatches(d), MT_REASON_TLS_ALPN_MISMATCH},
		{ev->tls_early_data, MT_REASON_TLS_EARLY_DATA},
		{ev->tls_failed, MT_REASON_TLS_HANDSHAKE_FAILED},
	};
	enum step step = GO_ON;

	for (size_t i = 0; i < MT_ARRAY_SIZE(faults); i++)
		if (faults[i].found)
			step = deny(d, faults[i].reason);
	return step;
}

enum step
row_capability(struct decision *d)
{
	if (!is_capability(d))
		return GO_ON;
	d->informative = true;
	return note(d, MT_REASON_OP_CAPABILITY_ONLY);
}

enum step
row_capabilities(struct decision *d)
{
	const struct mt_evidence *ev = d->in->evidence;

	if (d->in->phase == MT_PHASE_HANDSHAKE || ev->transport != MT_TRANSPORT_STARTTLS ||
	    d->informative)
		return GO_ON;
	if (!ev->starttls_caps_refreshed)
		return deny(d, MT_REASON_STARTTLS_CAPABILITIES_STALE);
	return GO_ON;
}

enum step
row_pretls_data(struct decision *d)
{
	if (d->in->evidence->pretls_other_responses > 0)
		return note(d, MT_REASON_STARTTLS_PRETLS_DATA_IGNORED);
	return GO_ON;
}

enum step
row_dane_needs_tls(struct decision *d)
{
	const struct mt_tlsa *tlsa = d->in->tlsa;

	if (!with_tls(d) && tlsa->status == MT_TLSA_SECURE && tlsa->n > 0)
		return deny(d, MT_REASON_DANE_TLS_REQUIRED);
	return GO_ON;
}

enum step
row_cleartext(struct decision *d)
{
	const struct mt_evidence *ev = d->in->evidence;

	if (with_tls(d))
		return GO_ON;
	fault(d, MT_REASON_TLS_NONE);
	if (ev->starttls_preauth)
		note(d, MT_REASON_STARTTLS_PREAUTH_BEFORE_TLS);
	else if (ev->starttls_refused)
		note(d, MT_REASON_STARTTLS_REFUSED);
	else if (has(d, MT_EV_STARTTLS_OFFERED) && !ev->starttls_offered)
		note(d, MT_REASON_STARTTLS_NOT_OFFERED);
	return GO_ON;
}

/* Rows 23 and 24. */
enum step
row_version(struct decision *d)
{
	enum mt_tls_version version = d->in->evidence->tls_version;

	if (!with_tls(d))
		return GO_ON;
	if (version < MT_TLS_VERSION_1_2)
		return fault(d, MT_REASON_TLS_VERSION_BELOW_FLOOR);
	if (version < MT_TLS_VERSION_1_3 && d->value[MT_FIELD_TLS_MIN] == MT_TLS_MIN_1_3) {
		blame(d, MT_FIELD_TLS_MIN);
		return fault(d, MT_REASON_TLS_VERSION_BELOW_POLICY);
	}
	return GO_ON;
}

enum step
row_cipher(struct decision *d)
{
	const struct mt_evidence *ev = d->in->evidence;
	enum mt_cipher_class class;

	if (!with_tls(d) || ev->tls_version < MT_TLS_VERSION_1_2)
		return GO_ON;
	class = mt_cipher_classify(ev->tls_cipher, ev->tls_etm);
	if (class == MT_CIPHER_CLASS_FORBIDDEN)
		return fault(d, MT_REASON_TLS_CIPHER_FORBIDDEN);
	if (!mt_cipher_class_meets(class, d->value[MT_FIELD_CIPHER_PROFILE])) {
		blame(d, MT_FIELD_CIPHER_PROFILE);
		return fault(d, MT_REASON_TLS_CIPHER_BELOW_POLICY);
	}
	return GO_ON;
}

enum step
row_legacy(struct decision *d)
{
	const struct mt_evidence *ev = d->in->evidence;

	if (with_tls(d) && ev->tls_version == MT_TLS_VERSION_1_2 &&
	    (!ev->tls_ems || !ev->tls_reneg_info || ev->tls_compression))
		return fault(d, MT_REASON_TLS_LEGACY_HANDSHAKE);
	return GO_ON;
}

enum step
row_resumed(struct decision *d)
{
	if (with_tls(d) && d->in->evidence->tls_resumed && !d->in->account->resumable)
		return fault(d, MT_REASON_TLS_RESUMED_WEAKER);
	return GO_ON;
}

enum step
row_starttls(struct decision *d)
{
	if (d->in->evidence->transport != MT_TRANSPORT_STARTTLS)
		return GO_ON;
	if (d->value[MT_FIELD_TRANSPORT_MIN] == MT_TRANSPORT_MIN_IMPLICIT) {
		blame(d, MT_FIELD_TRANSPORT_MIN);
		return fault(d, MT_REASON_TRANSPORT_NOT_IMPLICIT);
	}
	return note(d, MT_REASON_TRANSPORT_STARTTLS_USED);
}
