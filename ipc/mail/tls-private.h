/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_MAIL_TLS_PRIVATE_H
#define MT_IPC_MAIL_TLS_PRIVATE_H

/* The state tls.c (bytes) and tls-evidence.c (what was seen) share. Nobody else's. */

#include <openssl/ssl.h>

#include "ipc/mail/tls.h"

struct mt_tls {
	SSL_CTX *context;
	SSL *ssl;
	BIO *in, *out; /* owned by ssl */
	enum mt_tls_state state;
	bool two_phase, judged, accepted;
	bool established; /* the handshake has ended well, whatever came then */
	bool client_cert_requested;
	bool client_cert_sent;               /* and not an empty list */
	struct mt_tls_credential credential; /* owned: what may be sent; leaf NULL: nothing */
	bool has_ems; /* the server's hello agrees to the extended master secret */
	char sni[MT_DOMAIN_SIZE];
	char problem[160];
};

#endif
