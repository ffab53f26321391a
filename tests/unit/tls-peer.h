/* SPDX-License-Identifier: MIT */
#ifndef MT_TESTS_UNIT_TLS_PEER_H
#define MT_TESTS_UNIT_TLS_PEER_H

/*
 * A mail server on memory BIOs, and a session that meets it: no sockets, no clock, nothing in
 * between but the bytes, which a test may cut or hold back.
 *
 * The server says one turn when the connection is made and one for every line it gets; before TLS
 * and inside it each have their turns. Everything it saw of the client stays in struct peer.
 */

#include <openssl/ssl.h>

#include "ipc/mail/session.h"

#define PEER_HOST "mail.example.test"
#define PEER_TEXT_SIZE 512
#define PEER_WALL_USEC INT64_C(1800000000000000)

struct peer_options {
	enum mt_proto proto;
	enum mt_transport transport;
	const char *host; /* NULL: PEER_HOST */
	bool two_phase;
	/* the server's */
	int version; /* the only one it speaks; 0: 1.2 and 1.3 */
	bool rsa;    /* its key; otherwise P-256 */
	bool anonymous;
	const char *suites_1_2, *suites_1_3, *groups; /* NULL: as OpenSSL has it */
	const char *alpn;                             /* what it selects, offered or not */
	uint64_t ssl_options;
	size_t n_certs;      /* 0: one */
	size_t cert_padding; /* bytes of comment in each */
	size_t staple_size;
	const char *digest; /* of its certificate's signature; NULL: SHA-256 */
	bool asks_client_cert;
	const char *client_sigalgs; /* NULL: as OpenSSL has it */
	bool refuses_client_cert;
	const char *const *plain; /* turns before TLS; NULL: good ones */
	const char *const *inside;
};

struct peer_text {
	char text[PEER_TEXT_SIZE];
	size_t size;
};

struct peer {
	struct peer_options options;
	SSL_CTX *context;
	SSL *ssl;
	BIO *in, *out; /* owned by ssl */
	uint8_t leaf_sha256[32];
	bool in_tls;
	const char *const *plain_turn, *const *inside_turn;
	struct peer_text plain, inside; /* what the client said */
	struct peer_text plain_out;
	unsigned n_hellos;
	struct peer_text suites;     /* of the first ClientHello, two bytes each */
	struct peer_text extensions; /* their types, two bytes each */
	struct peer_text alpn;       /* lists of some, without their length */
	struct peer_text groups;
	struct peer_text versions;
	struct peer_text compression;
	bool status_requested;
	int alert;               /* last one received; -1: none */
	size_t n_client_lists;   /* Certificate messages of the client */
	size_t client_list_size; /* of the last one, behind its framing; 0: it was empty */
};

/* The server alone, for who meets it with more than a session. */
void peer_init(struct peer *peer, const struct peer_options *options);
/* The client's bytes; what the server answers is said next. */
void peer_hear(struct peer *peer, const uint8_t *data, size_t size);
/* Return: how many bytes of the server's were put into buffer. */
size_t peer_say(struct peer *peer, uint8_t *buffer, size_t size);
void peer_clear(struct peer *peer);

struct meeting {
	struct peer peer;
	struct mt_session *session;
	size_t piece; /* the server's bytes come in pieces of so many */
	size_t n_fed;
	size_t n_sent; /* by the client */
};

void meeting_start(struct meeting *meeting, const struct peer_options *options);
/* Lets both talk until neither has anything to say, or the session wants something else. */
void meeting_run(struct meeting *meeting);
/* Carries the client's bytes to the server. Return: how many. */
size_t meeting_send(struct meeting *meeting);
/* Carries at most max of the server's bytes to the client. Return: how many. */
size_t meeting_receive(struct meeting *meeting, size_t max);
void meeting_evidence(const struct meeting *meeting, struct mt_evidence *ret);
/* Ends it: every byte the client still had to say has arrived. */
void meeting_farewell(struct meeting *meeting);
void meeting_clear(struct meeting *meeting);

/* A client certificate with one above it. */
void peer_make_credential(bool rsa, struct mt_tls_credential *ret);
void peer_clear_credential(struct mt_tls_credential *credential);

/* Of a list of two-byte values. */
bool peer_text_has16(const struct peer_text *text, unsigned value);

#endif
