/* SPDX-License-Identifier: MIT */
#ifndef MAILTRUST_H
#define MAILTRUST_H

/*
 * libmailtrust: asks the machine's mailtrust service whether a mail program may go on over a
 * connection it has made.
 *
 * The program connects to the mail server, describes the connection in a struct
 * mailtrust_evidence, and asks before it sends a credential, reads mail or hands in a message. The
 * answer is a verdict: a decision, a flag whether the connection may be shown as confidential, and
 * reasons. The library has then already verified the verdict's signature, and that it was given for
 * this user, account, operation, server and connection.
 *
 * There is no parameter anywhere that makes an answer weaker. Whatever goes wrong, the answer is
 * MAILTRUST_DENY: service missing, silent for five seconds or talking nonsense gives the reason
 * "daemon.unavailable"; a verdict that does not verify gives "verdict.…". Zero is deny, and no
 * verdict is deny.
 *
 * When to ask: "test" or "authenticate" before the first credential byte, "access" or "submit"
 * before mail is read or sent, and again when mailtrust_account_level() changes. When to show the
 * level (no connection needed, one question to the service): asking for credentials, composing,
 * listing accounts, and viewing or editing settings (RFC 8314 §5).
 *
 * Calls to the service block for at most five seconds each (D-SYS-04); a handle belongs to one
 * thread at a time, and after fork() to one of the two processes. Strings are UTF-8 and end in NUL;
 * those handed out belong to the object they came from, or are static where no object is named.
 * Pointers are not NULL unless it says so here. Errors are negative errno. Build with the flags of
 * `pkg-config --cflags --libs mailtrust`; needs only libc's headers.
 *
 * What is not checked here: that the evidence is true. A program that lies about its own connection
 * deceives its own user; the verdict says whose word it rests on.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* For SSL_export_keying_material() or its like, after the handshake: this label, no context, so
 * many bytes (RFC 5705, RFC 8446 §7.5). Binds the verdict to the one TLS connection (D-CB-06). */
#define MAILTRUST_EXPORTER_LABEL "EXPORTER-mailtrust-verdict"
#define MAILTRUST_EXPORTER_SIZE 32

/* How much of a server's chain is looked at (D-PKIX-09). */
#define MAILTRUST_CERTIFICATES_MAX 10
#define MAILTRUST_CHAIN_BYTES_MAX 65536

/* Values are fixed: stricter is smaller, and zero is the strictest. */
enum mailtrust_decision {
	MAILTRUST_DENY = 0, /* do not go on; close the connection */
	MAILTRUST_CONFIRM,  /* do not go on; the user has to consent through the service first */
	MAILTRUST_AWC,      /* go on, never shown as confidential */
	MAILTRUST_ALLOW     /* go on */
};

/* What a user may be told of an account, in these words (RFC 8314 §5). */
enum mailtrust_level {
	MAILTRUST_BLOCKED = 0, /* no connection of this account will be allowed */
	MAILTRUST_REDUCED,     /* the account works without assurance of privacy */
	MAILTRUST_PROTECTED    /* every connection is confidential, or refused */
};

struct mailtrust;
struct mailtrust_evidence;
struct mailtrust_verdict;

/* The service */

/*
 * Prepares to ask. where is the path of a socket, copied, or NULL: $MAILTRUST_SOCKET, then the
 * system's service wherever one is installed, then the user's own. Connects on the first question
 * and again after a loss, so a missing service is no failure here.
 * Return: 0 with *ret to be closed, or -ENOMEM.
 */
int mailtrust_open(const char *where, struct mailtrust **ret);
/* Accepts NULL. Evidence and verdicts outlive it. */
void mailtrust_close(struct mailtrust *mailtrust);

/*
 * May this operation go on over this connection? account is an address or an account id (32
 * hexadecimal digits), operation one of "capability", "starttls", "test", "authenticate", "access",
 * "submit" (RFC 8314 §5.2; what is none of these is denied). evidence is borrowed for the call and
 * may be changed and asked about again. Asks at most three times in five seconds: for the account,
 * the verdict, and where they are not known yet the keys.
 * Return: the decision, MAILTRUST_DENY wherever something went wrong. *ret_verdict, to be freed, is
 * NULL only where memory ran out; ret_verdict may be NULL where only the decision matters.
 */
enum mailtrust_decision mailtrust_check(struct mailtrust *mailtrust, const char *account,
					const char *operation,
					const struct mailtrust_evidence *evidence,
					struct mailtrust_verdict **ret_verdict);

/* The level of an account, named as above, from stored state, in one question of at most five
 * seconds; no connection to a mail server is made (RFC 8314 §5).
 * Return: the level; an account that is unknown, and a service that does not answer, are
 * MAILTRUST_BLOCKED. */
enum mailtrust_level mailtrust_account_level(struct mailtrust *mailtrust, const char *account);
/* "blocked", "reduced", "protected": names, not for display. Any other value is "blocked". */
const char *mailtrust_level_to_string(enum mailtrust_level level);

/* Evidence: what was seen on one connection */

/*
 * Keys, by the function that sets them (the service's contract, policy/evidence.h):
 *
 * text    "proto" imap, pop3, submission · "host" A-labels or an address, as configured, not as
 *         resolved · "transport" implicit, starttls, none · "tls.version" 1.3 … 1.0, ssl3 ·
 *         "tls.cipher" IANA or OpenSSL name · "tls.group" · "tls.alpn" "none" where nothing was
 *         selected · "tls.sni" · "peer" the server's address as inet_ntop() prints it ·
 *         "auth.mechanism" SASL name in upper case · "auth.cb_type" · "referral_target" host
 * number  "port" of the server and "local_port", 1 to 65535 · "starttls.buffered_bytes" received
 *         with or after the answer to STARTTLS and before TLS, and "pretls_other_responses", both
 *         0 to 2^32 - 1 · "established_at" end of the TLS handshake, "observed_at"
 * flag    "tls.failed" "tls.ems" (RFC 7627) "tls.etm" (RFC 7366) "tls.reneg_info" (RFC 5746)
 *         "tls.compression" "tls.resumed" "tls.early_data" "staple_requested"
 *         "clientcert.requested" "starttls.offered" "starttls.refused" "starttls.preauth"
 *         "starttls.bad_greeting" "starttls.caps_refreshed" "auth.logindisabled"
 * bytes   "exporter" 32 · "leaf_sha256" 32, in place of the chain on a resumed session ·
 *         "clientcert.presented_thumbprint" 32, SHA-256 · "auth.cb_value" 1 to 64 · "staple" OCSP
 *         response, 1 to 16384
 * chain   one certificate a call
 *
 * What an operation requires and is missing makes the answer deny, "evidence.incomplete".
 * "observed_at" is set by mailtrust_check() to the moment of the question.
 */
/* Return: evidence without any key, to be freed; NULL: out of memory. */
struct mailtrust_evidence *mailtrust_evidence_new(void);
/* Accepts NULL. */
void mailtrust_evidence_free(struct mailtrust_evidence *evidence);

/* Each copies the value, and returns 0; -EINVAL where no key of this kind has the name or the value
 * is out of range, and the evidence is as it was; or -ENOMEM. A key set again has the last value.
 */
int mailtrust_evidence_set_flag(struct mailtrust_evidence *evidence, const char *key, bool value);
/* Times are microseconds since 1970, UTC, never negative. */
int mailtrust_evidence_set_number(struct mailtrust_evidence *evidence, const char *key,
				  int64_t value);
/* Printable ASCII without blanks, at least one character; names are at most 63, hosts 253 long. */
int mailtrust_evidence_set_text(struct mailtrust_evidence *evidence, const char *key,
				const char *value);
int mailtrust_evidence_set_bytes(struct mailtrust_evidence *evidence, const char *key,
				 const void *data, size_t size);
/* The chain as the server sent it (RFC 8446 §4.4.2), DER, leaf first: one call for each certificate
 * of size bytes, not 0. Past MAILTRUST_CERTIFICATES_MAX or MAILTRUST_CHAIN_BYTES_MAX it is -EINVAL:
 * such a chain is not accepted (D-PKIX-09), so close the connection. Return: as above. */
int mailtrust_evidence_add_certificate(struct mailtrust_evidence *evidence, const void *der,
				       size_t size);

/* Verdicts: all functions take NULL, which is a denial for "daemon.unavailable" */

void mailtrust_verdict_free(struct mailtrust_verdict *verdict);
enum mailtrust_decision mailtrust_verdict_decision(const struct mailtrust_verdict *verdict);
/* "deny", "confirm", "awc", "allow": names, not for display. Any other value is "deny". */
const char *mailtrust_decision_to_string(enum mailtrust_decision decision);
/* The connection may be shown as confidential. Never true unless the decision is ALLOW. */
bool mailtrust_verdict_is_confidential(const struct mailtrust_verdict *verdict);
/* The reason code at an index from 0 in order, faults first; NULL past the last. There is always
 * one, and at most 32. Codes are stable ("cert.expired"); sentences may change. */
const char *mailtrust_verdict_reason(const struct mailtrust_verdict *verdict, size_t index);
/* One English sentence for the user, for the same index; NULL past the last. */
const char *mailtrust_verdict_sentence(const struct mailtrust_verdict *verdict, size_t index);
/* The signed verdict, a compact JWS (RFC 7515), for whoever is at the other end of the connection;
 * NULL where the service gave none. */
const char *mailtrust_verdict_token(const struct mailtrust_verdict *verdict);

/* Verification without the service, e.g. by whoever is handed a token */

/* The connection a token must have been given for. Everything is compared; where anything but host
 * and port is absent, the token is denied. All is borrowed for the call. */
struct mailtrust_connection {
	uint32_t uid;            /* of the user on the machine that asked */
	const char *account;     /* account id, 32 hexadecimal digits */
	const char *operation;   /* as for mailtrust_check() */
	const char *host;        /* as configured; NULL: any */
	uint16_t port;           /* of the service, as configured; 0: any */
	const uint8_t *exporter; /* MAILTRUST_EXPORTER_SIZE bytes */
	const char *peer;        /* the server's address as inet_ntop() prints it */
	uint16_t peer_port;      /* the server's port, 1 to 65535 */
	uint16_t local_port;     /* the client's */
};

/*
 * Verifies token (ES256 alone, RFC 8725) with the keys of a JSON Web Key Set (RFC 7517, at most 64
 * KiB), for that connection, at the present time of this machine's clock. Asks nobody. Whether the
 * keys are those of the machine that asked is the caller's to know.
 * Return: as mailtrust_check(); a token that does not hold is MAILTRUST_DENY for
 * "verdict.signature-invalid", "verdict.expired" or "verdict.binding-mismatch".
 */
enum mailtrust_decision mailtrust_verify(const char *token, const char *jwks,
					 const struct mailtrust_connection *connection,
					 struct mailtrust_verdict **ret_verdict);

#ifdef __cplusplus
}
#endif

#endif
