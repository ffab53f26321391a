/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_REASON_LIST_H
#define MT_POLICY_REASON_LIST_H

/*
 * List version 1. A new code needs a new version; none is ever renamed or reused.
 * X(symbol, code, effect with min_conf on, effect with it off, requirement ids, sentence)
 */

/* clang-format off */
#define MT_REASON_LIST(X) \
	X(TLS_NONE, "tls.none", DENY, AWC, "R-5-04 R-5.2-09 R-5.1-07",\
	  "The connection to the mail server is not encrypted.") \
	X(TLS_VERSION_BELOW_FLOOR, "tls.version-below-floor", DENY, AWC, "R-5-09 R-5-12 R-5.2-04 D-TLS-01 D-TLS-02",\
	  "The server uses an outdated encryption version that no longer protects you.") \
	X(TLS_VERSION_BELOW_POLICY, "tls.version-below-policy", DENY, AWC, "R-5-06 D-TLS-14",\
	  "The server's encryption version is older than your organisation or account requires.") \
	X(TLS_CIPHER_FORBIDDEN, "tls.cipher-forbidden", DENY, AWC, "R-5-13 D-TLS-05",\
	  "The connection uses an encryption method that is known to be broken.") \
	X(TLS_CIPHER_BELOW_POLICY, "tls.cipher-below-policy", DENY, AWC, "R-5-13 D-TLS-08",\
	  "The connection uses an encryption method weaker than required for this account.") \
	X(TLS_LEGACY_HANDSHAKE, "tls.legacy-handshake", DENY, AWC, "D-TLS-09",\
	  "The server lacks protections that stop others from interfering with the start of the connection.") \
	X(TLS_HANDSHAKE_FAILED, "tls.handshake-failed", DENY, DENY, "D-TLS-01 D-ID-16",\
	  "An encrypted connection could not be set up.") \
	X(TLS_ALPN_MISMATCH, "tls.alpn-mismatch", DENY, DENY, "D-TLS-11 D-TLS-17",\
	  "The server answered as a different kind of service.") \
	X(TLS_EARLY_DATA, "tls.early-data", DENY, DENY, "D-TLS-10",\
	  "Data was sent before the connection was fully protected.") \
	X(TLS_RESUMED_WEAKER, "tls.resumed-weaker", DENY, AWC, "D-TLS-12",\
	  "The connection was resumed from one that met weaker rules and must be set up again.") \
	X(TLS_TRUNCATED, "tls.truncated", INFO, INFO, "D-TLS-15",\
	  "The server ended the connection without saying goodbye, so data may be missing.") \
	X(TRANSPORT_NOT_IMPLICIT, "transport.not-implicit", DENY, AWC, "D-TLS-13",\
	  "This account requires the port that is encrypted from the start.") \
	X(TRANSPORT_STARTTLS_USED, "transport.starttls-used", INFO, INFO, "R-5.2-13 D-TLS-13",\
	  "The connection started unencrypted and was then upgraded.") \
	X(TRANSPORT_CLEARTEXT_ON_TLS_PORT, "transport.cleartext-on-tls-port", DENY, DENY, "D-IANA-02 D-IANA-01",\
	  "The server did not encrypt on a port where encryption is mandatory.") \
	X(STARTTLS_NOT_OFFERED, "starttls.not-offered", DENY, AWC, "D-STLS-07 R-5.2-13",\
	  "The server did not offer to encrypt the connection; someone may be hiding the offer.") \
	X(STARTTLS_REFUSED, "starttls.refused", DENY, AWC, "D-STLS-07",\
	  "The server refused to encrypt the connection.") \
	X(STARTTLS_BAD_GREETING, "starttls.bad-greeting", DENY, DENY, "D-STLS-12 D-STLS-13",\
	  "The server's first answer made no sense.") \
	X(STARTTLS_PREAUTH_BEFORE_TLS, "starttls.preauth-before-tls", DENY, AWC, "D-STLS-03",\
	  "The server claimed you are already logged in before encryption started, which is a known trick.") \
	X(STARTTLS_RESPONSE_INJECTED, "starttls.response-injected", DENY, DENY, "D-STLS-04 D-STLS-01",\
	  "Someone slipped extra data into the connection before it was encrypted.") \
	X(STARTTLS_CAPABILITIES_STALE, "starttls.capabilities-stale", DENY, DENY, "D-STLS-02",\
	  "The program relied on information received before encryption started.") \
	X(STARTTLS_PRETLS_DATA_IGNORED, "starttls.pretls-data-ignored", INFO, INFO, "D-STLS-06 D-STLS-11",\
	  "Messages received before encryption were ignored.") \
	X(REFERRAL_UNTRUSTED_TARGET, "referral.untrusted-target", DENY, DENY, "D-STLS-08",\
	  "The server tried to send you to another server that is not part of this account.") \
	X(CERT_PKIX_VALID, "cert.pkix-valid", INFO, INFO, "R-5.3-01 R-5.3-02 R-5-05",\
	  "The server proved its identity.") \
	X(CERT_ABSENT, "cert.absent", DENY, AWC, "R-5.2-03 D-STLS-17",\
	  "The server did not prove its identity at all.") \
	X(CERT_MALFORMED, "cert.malformed", DENY, DENY, "D-PKIX-09",\
	  "The server's certificate is damaged or manipulated.") \
	X(CERT_CHAIN_UNTRUSTED, "cert.chain-untrusted", DENY, AWC, "R-5-05 R-5.2-03 R-5.4-02",\
	  "The server's certificate was issued by someone this computer does not trust.") \
	X(CERT_EXPIRED, "cert.expired", DENY, AWC, "R-5.2-03 R-5.4-02 D-DISC-06",\
	  "The server's certificate has expired.") \
	X(CERT_NOT_YET_VALID, "cert.not-yet-valid", DENY, AWC, "D-PKIX-01",\
	  "The server's certificate is not valid yet; check this computer's clock.") \
	X(CERT_IDENTITY_MISMATCH, "cert.identity-mismatch", DENY, AWC, "R-5.3-01 R-5.4-02 D-ID-02 D-ID-07 D-ID-21",\
	  "The certificate belongs to a different server.") \
	X(CERT_CN_ONLY, "cert.cn-only", INFO, INFO, "D-ID-08",\
	  "The server's name appears only in an outdated place of its certificate.") \
	X(CERT_CONSTRAINT_VIOLATION, "cert.constraint-violation", DENY, AWC, "R-5.3-02 D-PKIX-01 D-PKIX-02 D-ID-18",\
	  "The certificate is being used for something it was not issued for.") \
	X(CERT_WEAK_CRYPTO, "cert.weak-crypto", DENY, AWC, "D-PKIX-03",\
	  "The certificate uses cryptography that is too weak.") \
	X(CERT_REVOKED, "cert.revoked", DENY, DENY, "D-PKIX-04 D-PKIX-06",\
	  "The server's certificate has been withdrawn.") \
	X(CERT_REVOCATION_UNKNOWN, "cert.revocation-unknown", INFO, INFO, "D-PKIX-04",\
	  "It could not be checked whether the certificate has been withdrawn.") \
	X(CERT_STAPLE_MISSING, "cert.staple-missing", DENY, AWC, "D-PKIX-05",\
	  "The certificate promises a proof of validity that the server did not deliver.") \
	X(CERT_LOCAL_TRUST_ANCHOR, "cert.local-trust-anchor", INFO, INFO, "R-6-02 D-PKIX-07",\
	  "The connection is checked or read by software or a network device installed here.") \
	X(PIN_MATCHED, "pin.matched", DENY, AWC, "R-5.3-04 R-5.3-05 R-5.4-10",\
	  "The server shows the certificate you accepted by hand, which is not proof of privacy.") \
	X(PIN_NOT_SUFFICIENT, "pin.not-sufficient", DENY, INFO, "R-5.3-05 R-5.4-09",\
	  "A certificate accepted by hand is not enough for this account.") \
	X(PIN_MISMATCH, "pin.mismatch", DENY, DENY, "R-5.4-03 D-STLS-09 D-ID-20",\
	  "The server shows a different certificate from the one you accepted.") \
	X(PIN_OFFER_AVAILABLE, "pin.offer-available", NEVER, CONFIRM, "R-5.4-02 R-5.4-01",\
	  "You may accept this one certificate for this account, without any assurance of privacy.") \
	X(PIN_NOT_OFFERED_EXISTING, "pin.not-offered-existing", INFO, INFO, "R-5.4-05 R-5.4-06",\
	  "For an account already in use the certificate cannot be accepted by hand.") \
	X(PIN_FORBIDDEN_BY_POLICY, "pin.forbidden-by-policy", DENY, DENY, "R-5.3-04",\
	  "Your organisation does not allow accepting certificates by hand.") \
	X(PIN_OTHER_ACCOUNT, "pin.other-account", INFO, INFO, "R-5.4-07",\
	  "Not shown to users.") \
	X(PIN_SUPERSEDED, "pin.superseded", INFO, INFO, "R-5.4-09 D-ID-20",\
	  "The server now has a proper certificate; the one accepted by hand can be removed.") \
	X(DANE_MATCHED, "dane.matched", INFO, INFO, "R-5.3-03 D-DANE-03 D-DANE-04",\
	  "The server's identity was confirmed through signed DNS.") \
	X(DANE_MISMATCH, "dane.mismatch", DENY, DENY, "D-DANE-04 D-DANE-07 D-DANE-09",\
	  "Signed DNS data says this is not the right server.") \
	X(DANE_BOGUS, "dane.bogus", DENY, DENY, "D-DANE-01",\
	  "The DNS data for this server is broken or forged.") \
	X(DANE_UNDETERMINED, "dane.undetermined", DENY, DENY, "D-DANE-01",\
	  "It could not be found out whether signed DNS data about this server exists; the network may be blocking it.") \
	X(DANE_UNUSABLE, "dane.unusable", INFO, INFO, "D-DANE-05 D-DANE-06 D-DANE-08",\
	  "The server's signed DNS data is of a kind that cannot be used.") \
	X(DANE_ABSENT, "dane.absent", INFO, INFO, "D-DANE-01 D-DANE-02",\
	  "There is no signed DNS data about this server.") \
	X(DANE_REQUIRED_MISSING, "dane.required-missing", DENY, AWC, "D-DANE-15",\
	  "This account requires signed DNS data, and there is none.") \
	X(DANE_TLS_REQUIRED, "dane.tls-required", DENY, DENY, "D-DANE-08 D-DANE-09",\
	  "The provider promises encryption in signed DNS, but the connection is not encrypted.") \
	X(SRV_DNSSEC_SECURE, "srv.dnssec-secure", INFO, INFO, "R-5.1-11 D-ID-03",\
	  "The server name comes from signed DNS data.") \
	X(SRV_INSECURE, "srv.insecure", INFO, INFO, "R-5.1-11 D-DANE-02",\
	  "The server name comes from unsigned DNS data.") \
	X(SRV_BOGUS, "srv.bogus", DENY, DENY, "R-5.1-11 R-5.1-13",\
	  "The DNS data that names the server is broken or forged.") \
	X(SRV_TARGET_OUT_OF_DOMAIN, "srv.target-out-of-domain", CONFIRM, CONFIRM, "R-5.1-12 D-SRV-12",\
	  "The server is run under a different name than your address; please check it is right.") \
	X(SRV_SERVICE_NOT_OFFERED, "srv.service-not-offered", INFO, INFO, "D-SRV-02",\
	  "The provider says it does not offer this service.") \
	X(SRV_CANDIDATE_BELOW_MINIMUM, "srv.candidate-below-minimum", INFO, INFO, "R-5.1-03 R-5.1-05 D-DISC-03",\
	  "A server without sufficient protection was left out.") \
	X(SRV_NO_TLS_ADVERTISED, "srv.no-tls-advertised", CONFIRM, CONFIRM, "R-5.1-06 R-5.1-07",\
	  "The provider offers no encrypted connection.") \
	X(SRV_CHANGED, "srv.changed", INFO, INFO, "R-5.1-15 R-5.1-16 D-SRV-06",\
	  "The provider's server settings seem to have changed.") \
	X(SRV_CHANGED_WEAKER, "srv.changed-weaker", INFO, INFO, "R-5.1-15 D-SRV-07",\
	  "Someone now advertises weaker server settings; nothing was changed here.") \
	X(SRV_UPGRADE_AVAILABLE, "srv.upgrade-available", INFO, INFO, "R-5-14 R-5-15 R-5.1-16",\
	  "Encryption is now available for this account.") \
	X(DISCOVERY_UNVERIFIED_SOURCE, "discovery.unverified-source", CONFIRM, CONFIRM, "D-DISC-02 R-5-02",\
	  "The settings came from a source that could have been tampered with.") \
	X(ENDPOINT_NOT_CONFIGURED, "endpoint.not-configured", DENY, DENY, "R-5.1-13 D-STLS-08",\
	  "This server is not part of the account.") \
	X(CONF_MET, "conf.met", INFO, INFO, "R-5-09 R-6-04 R-5.2-03",\
	  "The path to your mail server is private.") \
	X(CONF_DISABLED_BY_USER, "conf.disabled-by-user", NEVER, INFO, "R-5.2-06 R-5.2-07 R-5-03",\
	  "You chose to use this account without assurance of privacy.") \
	X(CONF_WARNING_REQUIRED, "conf.warning-required", NEVER, CONFIRM, "R-5.2-08 R-5.1-07",\
	  "Before going on you must confirm that passwords and messages may be read by others.") \
	X(CONF_DOWNGRADED, "conf.downgraded", NEVER, INFO, "R-5.2-13 R-5-14",\
	  "This account was encrypted before and is not now.") \
	X(OP_CAPABILITY_ONLY, "op.capability-only", INFO, INFO, "R-5.2-09",\
	  "Only general questions to the server are allowed on this connection.") \
	X(OP_TEST_NEEDS_WARNING, "op.test-needs-warning", NEVER, CONFIRM, "R-5.1-09 R-5.1-10",\
	  "Testing now may expose your password to attackers.") \
	X(OP_NOT_PERMITTED, "op.not-permitted", DENY, DENY, "R-5.2-09 D-SYS-08",\
	  "This action is not allowed at this stage.") \
	X(AUTH_LOGIN_DISABLED, "auth.login-disabled", DENY, DENY, "D-SASL-05",\
	  "The server does not accept this way of logging in here.") \
	X(AUTH_MECHANISM_FORBIDDEN, "auth.mechanism-forbidden", DENY, DENY, "D-SASL-10 R-5.5-11 D-SASL-06",\
	  "This way of logging in is not allowed for the account.") \
	X(AUTH_CHANNEL_BINDING_MISSING, "auth.channel-binding-missing", DENY, DENY, "D-CB-05",\
	  "The login is not tied to this connection.") \
	X(CLIENTCERT_AUTHORIZED, "clientcert.authorized", INFO, INFO, "R-5.5-01 R-5.5-04 R-5.5-06 R-5.5-07",\
	  "Your certificate is used for this account.") \
	X(CLIENTCERT_NOT_REQUESTED, "clientcert.not-requested", DENY, DENY, "R-5.5-02",\
	  "A personal certificate was sent although the server did not ask for it.") \
	X(CLIENTCERT_NOT_AUTHORIZED, "clientcert.not-authorized", DENY, DENY, "R-5.5-03 R-5.5-05",\
	  "This personal certificate is not allowed for this account.") \
	X(CLIENTCERT_NOT_IMPLICIT, "clientcert.not-implicit", DENY, DENY, "R-5.5-01 D-SASL-08",\
	  "Personal certificates are used only on connections encrypted from the start.") \
	X(CLIENTCERT_IDENTITY_EXPOSED, "clientcert.identity-exposed", INFO, INFO, "R-8-02 R-8-04 R-5.5-08",\
	  "Your personal certificate can be seen by anyone on the network path.") \
	X(ACCOUNT_UNKNOWN, "account.unknown", DENY, DENY, "D-SYS-02",\
	  "There is no such account.") \
	X(ACCOUNT_NOT_OWNER, "account.not-owner", DENY, DENY, "D-SYS-02",\
	  "Not shown to users.") \
	X(ACCOUNT_SETUP, "account.setup", INFO, INFO, "R-5.4-01 R-5.1-09",\
	  "The account is still being set up.") \
	X(ACCOUNT_SUSPENDED, "account.suspended", DENY, DENY, "R-5-04 D-SYS-09",\
	  "The account is suspended by policy.") \
	X(POLICY_EXPIRED, "policy.expired", INFO, INFO, "R-5.2-05",\
	  "The rules for this account have expired and stricter defaults apply.") \
	X(POLICY_ORG_MINIMUM, "policy.org-minimum", INFO, INFO, "R-5-06 R-5.5-06",\
	  "Your organisation requires this.") \
	X(POLICY_ORG_OVERRIDE_REFUSED, "policy.org-override-refused", DENY, DENY, "R-5.2-06 R-5.2-07",\
	  "Your organisation does not allow lowering this setting.") \
	X(POLICY_UNSATISFIABLE, "policy.unsatisfiable", DENY, DENY, "R-5-06",\
	  "The rules for this account contradict each other; ask your administrator.") \
	X(POLICY_ORG_INVALID, "policy.org-invalid", INFO, INFO, "D-SYS-06",\
	  "A change of your organisation's rules was rejected as not genuine.") \
	X(EVIDENCE_INCOMPLETE, "evidence.incomplete", DENY, DENY, "R-5.4-01 D-PKIX-05",\
	  "The mail program did not say enough about the connection.") \
	X(EVIDENCE_INCONSISTENT, "evidence.inconsistent", DENY, DENY, "D-CB-03",\
	  "The mail program's description of the connection contradicts itself.") \
	X(EVIDENCE_STALE, "evidence.stale", DENY, DENY, "D-JOSE-13 D-SYS-09",\
	  "The description of the connection is too old.") \
	X(EVIDENCE_ASSERTED_ONLY, "evidence.asserted-only", INFO, INFO, "D-SYS-01",\
	  "The connection was described by the mail program and not checked by this service.") \
	X(CLOCK_UNTRUSTED, "clock.untrusted", DENY, DENY, "D-PKIX-08",\
	  "This computer's clock is wrong, so certificates cannot be checked.") \
	X(VERDICT_EXPIRED, "verdict.expired", DENY, DENY, "D-JOSE-04 D-JOSE-10",\
	  "The permission has run out; ask again.") \
	X(VERDICT_SIGNATURE_INVALID, "verdict.signature-invalid", DENY, DENY, "D-JOSE-01 D-JOSE-02 D-JOSE-07 D-JOSE-08 D-JOSE-09",\
	  "The answer did not come from the system service.") \
	X(VERDICT_BINDING_MISMATCH, "verdict.binding-mismatch", DENY, DENY, "D-CB-06 D-JOSE-13",\
	  "The permission was given for a different connection.") \
	X(DAEMON_UNAVAILABLE, "daemon.unavailable", DENY, DENY, "D-SYS-04",\
	  "The security service is not running.") \
	X(DAEMON_DEGRADED, "daemon.degraded", DENY, DENY, "D-SYS-04 D-SYS-10",\
	  "The security service cannot decide at the moment.")
/* clang-format on */

#endif
