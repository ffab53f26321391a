/* SPDX-License-Identifier: MIT */
/* Next steps. */

#include "clients/lib/advice.h"

#define PROVIDER_CERT \
	"Ask your provider to repair the server's certificate; nothing on this computer can."
#define PROVIDER_TLS "Ask your provider to update the server's encryption."
#define ATTACK                                                                                   \
	"Do not enter your password. Try from another network; if it persists there, tell your " \
	"provider."
#define PROGRAM "Report this to the makers of the mail program: it described the connection badly."
#define PIN_LIMIT                                                                          \
	"An accepted certificate gives no privacy. Ask your provider for one that can be " \
	"verified."
#define ADMIN "Ask your administrator."
#define ASK_AGAIN "Ask again on the connection you have now."
#define CHECK_NAME                                                                               \
	"Compare the server's name with what your provider tells you: 'mailtrust account show' " \
	"prints it."

static const char *const steps[MT_REASON_COUNT] = {
	[MT_REASON_TLS_NONE] = "Use the server's encrypted port: 'mailtrust account edit' changes "
			       "it. If there is none, "
			       "ask your provider for one.",
	[MT_REASON_TLS_VERSION_BELOW_FLOOR] = PROVIDER_TLS,
	[MT_REASON_TLS_VERSION_BELOW_POLICY] = PROVIDER_TLS,
	[MT_REASON_TLS_CIPHER_FORBIDDEN] = PROVIDER_TLS,
	[MT_REASON_TLS_CIPHER_BELOW_POLICY] = PROVIDER_TLS,
	[MT_REASON_TLS_LEGACY_HANDSHAKE] = PROVIDER_TLS,
	[MT_REASON_TLS_HANDSHAKE_FAILED] = "Check that host and port are right; port 993, 995 or "
					   "465 wants TLS from the start, 143, 110 "
					   "or 587 STARTTLS.",
	[MT_REASON_TLS_ALPN_MISMATCH] = CHECK_NAME,
	[MT_REASON_TLS_EARLY_DATA] = PROGRAM,
	[MT_REASON_TLS_RESUMED_WEAKER] = "Connect once more, without resuming the TLS session.",
	[MT_REASON_TRANSPORT_NOT_IMPLICIT] =
		"Use port 993, 995 or 465: 'mailtrust account edit' changes it.",
	[MT_REASON_TRANSPORT_CLEARTEXT_ON_TLS_PORT] = ATTACK,
	[MT_REASON_STARTTLS_NOT_OFFERED] = ATTACK,
	[MT_REASON_STARTTLS_REFUSED] = ATTACK,
	[MT_REASON_STARTTLS_BAD_GREETING] = CHECK_NAME,
	[MT_REASON_STARTTLS_PREAUTH_BEFORE_TLS] = ATTACK,
	[MT_REASON_STARTTLS_RESPONSE_INJECTED] = ATTACK,
	[MT_REASON_STARTTLS_CAPABILITIES_STALE] = PROGRAM,
	[MT_REASON_REFERRAL_UNTRUSTED_TARGET] = ATTACK,
	[MT_REASON_CERT_ABSENT] = PROVIDER_TLS,
	[MT_REASON_CERT_MALFORMED] = PROVIDER_CERT,
	[MT_REASON_CERT_EXPIRED] = PROVIDER_CERT,
	[MT_REASON_CERT_NOT_YET_VALID] = "Check this computer's clock; if it is right, ask your "
					 "provider to repair the certificate.",
	[MT_REASON_CERT_CHAIN_UNTRUSTED] = "Ask your provider for a certificate of a public "
					   "authority. In an organisation with its own, "
					   "ask your administrator to install it.",
	[MT_REASON_CERT_IDENTITY_MISMATCH] = CHECK_NAME,
	[MT_REASON_CERT_CONSTRAINT_VIOLATION] = PROVIDER_CERT,
	[MT_REASON_CERT_WEAK_CRYPTO] = PROVIDER_CERT,
	[MT_REASON_CERT_REVOKED] = "Do not enter your password. Tell your provider at once.",
	[MT_REASON_CONF_WARNING_REQUIRED] =
		"Read and type the consent: 'mailtrust account edit --reduced-confidentiality'.",
	[MT_REASON_OP_NOT_PERMITTED] = "Wait until the connection is encrypted and checked.",
	[MT_REASON_ACCOUNT_UNKNOWN] =
		"See 'mailtrust account list', or add it: 'mailtrust account add'.",
	[MT_REASON_ACCOUNT_SETUP] = "Finish it with 'mailtrust account commit'.",
	[MT_REASON_ACCOUNT_SUSPENDED] = ADMIN,
	[MT_REASON_POLICY_ORG_OVERRIDE_REFUSED] = ADMIN,
	[MT_REASON_POLICY_UNSATISFIABLE] = ADMIN,
	[MT_REASON_EVIDENCE_INCOMPLETE] = PROGRAM,
	[MT_REASON_EVIDENCE_INCONSISTENT] = PROGRAM,
	[MT_REASON_EVIDENCE_STALE] = ASK_AGAIN,
	[MT_REASON_CLOCK_UNTRUSTED] = "Set this computer's clock.",
	[MT_REASON_VERDICT_EXPIRED] = ASK_AGAIN,
	[MT_REASON_VERDICT_SIGNATURE_INVALID] =
		"Do not go on. See which service answers: 'mailtrust status'.",
	[MT_REASON_VERDICT_BINDING_MISMATCH] = ASK_AGAIN,
	[MT_REASON_DAEMON_UNAVAILABLE] = "Start it: 'systemctl start mailtrustd', or without an "
					 "installation 'mailtrustd --user'.",
	[MT_REASON_DAEMON_DEGRADED] = "Wait a moment and ask again; if it stays so, the service's "
				      "log says what is wrong.",
	[MT_REASON_CERT_STAPLE_MISSING] = PROVIDER_CERT,
	[MT_REASON_PIN_MATCHED] = PIN_LIMIT,
	[MT_REASON_PIN_NOT_SUFFICIENT] = PIN_LIMIT,
	[MT_REASON_PIN_MISMATCH] = "Do not enter your password. Ask your provider whether the "
				   "certificate was changed.",
	[MT_REASON_PIN_OFFER_AVAILABLE] =
		"Ask your provider to repair the certificate. If that cannot be, 'mailtrust pin "
		"add' shows its fingerprint, to be compared with your provider's word.",
	[MT_REASON_PIN_NOT_OFFERED_EXISTING] = PROVIDER_CERT,
	[MT_REASON_PIN_SUPERSEDED] = "'mailtrust pin remove' takes the certificate back that is "
				     "not needed any more.",
	[MT_REASON_PIN_FORBIDDEN_BY_POLICY] = PROVIDER_CERT,
	[MT_REASON_DANE_MISMATCH] = ATTACK,
	[MT_REASON_DANE_BOGUS] = ATTACK,
	[MT_REASON_DANE_UNDETERMINED] =
		"Try again in a while, or from another network: the one you use answers DNS badly.",
	[MT_REASON_DANE_REQUIRED_MISSING] = ADMIN,
	[MT_REASON_DANE_TLS_REQUIRED] = ATTACK,
	[MT_REASON_SRV_BOGUS] = ATTACK,
	[MT_REASON_SRV_TARGET_OUT_OF_DOMAIN] = "Ask your provider whether this server is theirs, "
					       "and only then confirm it: 'mailtrust "
					       "consent ID srv-target SERVICE'.",
	[MT_REASON_SRV_NO_TLS_ADVERTISED] =
		"Ask your provider for an encrypted server. Without one the account can only be "
		"added with reduced confidentiality.",
	[MT_REASON_DISCOVERY_UNVERIFIED_SOURCE] = "Compare the settings with what your provider "
						  "tells you, and confirm them only then.",
	[MT_REASON_ENDPOINT_NOT_CONFIGURED] =
		"If the server is right, add it to the account: 'mailtrust account edit'.",
	[MT_REASON_CONF_DOWNGRADED] =
		"Try from another network, or later. If your provider says that it is meant, read "
		"the warning: 'mailtrust consent ID downgrade SERVICE'.",
	[MT_REASON_OP_TEST_NEEDS_WARNING] = "Do not test with a real password, or read the warning "
					    "first: 'mailtrust consent ID "
					    "password-exposure SERVICE'.",
	[MT_REASON_AUTH_LOGIN_DISABLED] =
		"The server takes no password on this connection: use its encrypted port.",
	[MT_REASON_AUTH_MECHANISM_FORBIDDEN] =
		"Choose another way to log in, in the mail program's settings.",
	[MT_REASON_AUTH_CHANNEL_BINDING_MISSING] =
		"Choose a way to log in whose name ends in -PLUS, in the mail program's settings; "
		"a client certificate is none.",
	[MT_REASON_CLIENTCERT_NOT_REQUESTED] = PROGRAM,
	[MT_REASON_CLIENTCERT_NOT_AUTHORIZED] =
		"Allow the certificate for this server first, or use a password.",
	[MT_REASON_CLIENTCERT_NOT_IMPLICIT] =
		"Use port 993, 995 or 465 with a client certificate: 'mailtrust account edit'.",
};

const char *
mt_advice(enum mt_reason reason)
{
	return steps[reason];
}

bool
mt_advice_is_fault(enum mt_reason reason)
{
	return mt_reason_effect(reason, true) != MT_EFFECT_INFO;
}

const char *
mt_advice_for(const enum mt_reason *reasons, size_t n)
{
	const char *step = NULL;

	for (size_t i = 0; i < n; i++) {
		const char *candidate = mt_advice(reasons[i]);

		/* the step of a remark is given only where no fault has one */
		if (candidate && mt_advice_is_fault(reasons[i]))
			return candidate;
		if (candidate && !step)
			step = candidate;
	}
	return step;
}
