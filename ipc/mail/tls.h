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
 * ours is sent (D-ID-16). A client certificate is never sent from here; that one was asked for is
 * recorded.
 */

#include "policy/evidence.h"

struct mt_tls;

struct mt_tls_options {
	enum mt_proto proto;
	const char *host; /* for SNI; an IP literal sends none (RFC 6066 §3) */
	bool two_phase;
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
/* The answer to JUDGE. Refused: the alert waits in the output, and the state is FAILED. */
enum mt_tls_state mt_tls_judged(struct mt_tls *tls, bool accept);
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
/* Why it failed, for a person; static or the session's storage. */
const char *mt_tls_problem(const struct mt_tls *tls);

#endif
