/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_MAIL_TLS_H
#define MT_IPC_MAIL_TLS_H

/*
 * The client's side of TLS on memory BIOs: bytes in, bytes out, evidence as its product.
 *
 * TLS 1.2 and 1.3 only, the suites of D-TLS-06 and D-TLS-07 in their order, SNI, ALPN, a staple
 * asked for; no compression, renegotiation, resumption or early data (BCP 195). It does NOT verify
 * the chain: it records it, and the daemon judges. With two phases the handshake is suspended when
 * the chain is known, so that a refused server gets its bad_certificate alert before anything of
 * ours is sent (D-ID-16).
 *
 * A client certificate is sent where the answer to that question brings one and the server asks for
 * it (R-5.5-02, R-5.5-03): otherwise the list stays empty. Post-handshake authentication is not
 * offered (RFC 8446 §4.2.6), so nobody asks later. Whether the answer was right to bring one is not
 * looked at here.
 */

#include <openssl/x509.h>

#include "policy/evidence.h"

struct mt_tls;

struct mt_tls_options {
	enum mt_proto proto;
	const char *host; /* for SNI; an IP literal sends none (RFC 6066 §3) */
	bool two_phase;
	bool foreign_alpn; /* diagnosis only: offers "http/1.1", which no mail server speaks */
};

/* A client certificate, for the call that takes it: OpenSSL counts who holds its parts. */
struct mt_tls_credential {
	X509 *leaf;
	STACK_OF(X509) * chain; /* what is sent above the leaf; NULL: nothing */
	EVP_PKEY *key;
};

enum mt_tls_state {
	MT_TLS_FAILED = 0, /* handshake or record failed; alerts may wait in the output */
	MT_TLS_HANDSHAKING,
	MT_TLS_JUDGE, /* two phases: the chain is known, mt_tls_judged() goes on */
	MT_TLS_OPEN,
	MT_TLS_CLOSED /* close_notify came */
};

/* Starts the handshake; the ClientHello waits in the output. Return: 0, -ENOMEM. */
MT_MUST_CHECK int mt_tls_new(const struct mt_tls_options *options, struct mt_tls **ret);
struct mt_tls *mt_tls_free(struct mt_tls *tls);
MT_DEFINE_CLEANUP(struct mt_tls *, mt_tls_free);

enum mt_tls_state mt_tls_get_state(const struct mt_tls *tls);
/* Bytes from the network. Return: the state now. */
enum mt_tls_state mt_tls_feed(struct mt_tls *tls, const uint8_t *data, size_t size);
/* The answer to JUDGE. Refused: the alert waits in the output, and the state is FAILED. Accepted,
 * credential is shown to a server that asks for one; NULL: none is. One that the server asks for
 * and that cannot be used ends the handshake: it is not replaced by none. */
enum mt_tls_state mt_tls_judged(struct mt_tls *tls, bool accept,
				const struct mt_tls_credential *credential);
/* Plaintext the server sent; 0: none yet. */
size_t mt_tls_read(struct mt_tls *tls, uint8_t *buffer, size_t size);
/* Return: 0, -EIO. */
MT_MUST_CHECK int mt_tls_write(struct mt_tls *tls, const uint8_t *data, size_t size);
/* Queues close_notify (RFC 8446 §6.1). */
void mt_tls_close(struct mt_tls *tls);
/* Bytes for the network. Return: how many were put into buffer. */
size_t mt_tls_output(struct mt_tls *tls, uint8_t *buffer, size_t size);
bool mt_tls_has_output(const struct mt_tls *tls);

/* Adds what is known: version, suite, chain, staple, and once OPEN the exporters. A failed
 * handshake adds tls.failed alone. Return: 0, -ENOMEM. */
MT_MUST_CHECK int mt_tls_add_evidence(const struct mt_tls *tls, struct mt_evidence *evidence);
/* Why it failed, for a person; "" where it has not. The session's storage. */
const char *mt_tls_problem(const struct mt_tls *tls);

/* The channel binding tls-server-end-point (RFC 5929 §4): the hash of the server's certificate, by
 * the hash its signature uses, SHA-256 where that is MD5 or SHA-1. Once OPEN. Return: its size; 0:
 * there is none, as where the signature uses no hash of its own. */
size_t mt_tls_get_end_point(const struct mt_tls *tls, uint8_t ret[static MT_CB_MAX]);

#endif
