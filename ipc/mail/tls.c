/* SPDX-License-Identifier: MIT */
/* TLS on memory BIOs. */

#include "ipc/mail/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "policy/diag.h"
#include "policy/domain.h"

/* D-TLS-06, RFC 9325 §4.2: the first suite of TLS 1.2 is ECDHE_RSA_WITH_AES_128_GCM_SHA256. */
#define SUITES_1_2                                                 \
	"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:" \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"
/* D-TLS-07, RFC 8446 §9.1 */
#define SUITES_1_3 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS "X25519:P-256:P-384"
/* A Certificate message of the largest chain we keep, and as much again for its framing. */
#define CERTIFICATE_MESSAGE_MAX (2 * MT_CHAIN_BYTES_MAX)
/* The judge looks at the chain; here only the handshake itself must be sound. */
#define SECURITY_LEVEL 1

#define VERDICT_LABEL "EXPORTER-mailtrust-verdict" /* D-CB-06 */
#define BINDING_LABEL "EXPORTER-Channel-Binding"   /* RFC 9266 §2 */

/* RFC 7595 registry; submission has no identifier of its own, so none is offered (D-TLS-11). */
static const unsigned char alpn_imap[] = "\x04imap";
static const unsigned char alpn_pop3[] = "\x04pop3";

struct mt_tls {
	SSL_CTX *context;
	SSL *ssl;
	BIO *in, *out; /* owned by ssl */
	enum mt_tls_state state;
	bool two_phase, judged, accepted;
	bool established; /* the handshake has ended well, whatever came then */
	bool client_cert_requested;
	bool has_ems; /* the server's hello agrees to the extended master secret */
	char sni[MT_DOMAIN_SIZE];
	char problem[128];
};

/* -- callbacks --------------------------------------------------------------------------------- */

/* The chain is recorded, not verified: with two phases the handshake waits here for the judge. */
static int
on_chain(X509_STORE_CTX *store_ctx, void *data)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store_ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct mt_tls *tls = data;

	if (tls->two_phase && !tls->judged)
		return SSL_set_retry_verify(ssl) ? 1 : 0;
	if (tls->two_phase && !tls->accepted) {
		/* RFC 8446 §6.2: becomes the alert bad_certificate */
		X509_STORE_CTX_set_error(store_ctx, X509_V_ERR_CERT_UNTRUSTED);
		return 0;
	}
	X509_STORE_CTX_set_error(store_ctx, X509_V_OK);
	return 1;
}

/* R-5.5-02: noted; nothing is sent unless the daemon has said so, and here nobody asks it. */
static int
on_client_cert(SSL *ssl, X509 **cert, EVP_PKEY **key)
{
	struct mt_tls *tls = SSL_get_app_data(ssl);

	tls->client_cert_requested = true;
	return 0;
}

/* While the handshake is suspended OpenSSL does not say whether there is an extended master secret
 * (SSL_get_extms_support() is -1); the server's hello has said so. */
static void
on_extension(SSL *ssl, int from_server, int type, const unsigned char *data, int size, void *arg)
{
	struct mt_tls *tls = arg;

	if (type == TLSEXT_TYPE_extended_master_secret)
		tls->has_ems = true;
}

/* -- construction ------------------------------------------------------------------------------ */

static bool
set_context(struct mt_tls *tls)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	tls->context = context;
	if (!context || !SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) ||
	    !SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) ||
	    !SSL_CTX_set_cipher_list(context, SUITES_1_2) ||
	    !SSL_CTX_set_ciphersuites(context, SUITES_1_3) ||
	    !SSL_CTX_set1_groups_list(context, GROUPS))
		return false;
	SSL_CTX_set_security_level(context, SECURITY_LEVEL);
	SSL_CTX_set_options(context,
			    SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_cert_list(context, CERTIFICATE_MESSAGE_MAX);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(context, on_chain, tls);
	SSL_CTX_set_client_cert_cb(context, on_client_cert);
	return true;
}

static bool
set_extensions(struct mt_tls *tls, const struct mt_tls_options *options)
{
	uint8_t ip[16];
	bool ok = SSL_set_tlsext_status_type(tls->ssl, TLSEXT_STATUSTYPE_ocsp) == 1;

	/* D-SRV-10: the name that was dialled, never a literal */
	if (ok && !mt_ip_literal_parse(options->host, ip)) {
		(void)snprintf(tls->sni, sizeof(tls->sni), "%s", options->host);
		ok = SSL_set_tlsext_host_name(tls->ssl, tls->sni) == 1;
	}
	/* SSL_set_alpn_protos() returns 0 on success */
	if (ok && options->proto == MT_PROTO_IMAP)
		ok = SSL_set_alpn_protos(tls->ssl, alpn_imap, sizeof(alpn_imap) - 1) == 0;
	if (ok && options->proto == MT_PROTO_POP3)
		ok = SSL_set_alpn_protos(tls->ssl, alpn_pop3, sizeof(alpn_pop3) - 1) == 0;
	return ok;
}

static enum mt_tls_state
go_on(struct mt_tls *tls)
{
	int r = SSL_do_handshake(tls->ssl), error;

	if (r == 1) {
		tls->established = true;
		return tls->state = MT_TLS_OPEN;
	}
	error = SSL_get_error(tls->ssl, r);
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return tls->state = MT_TLS_HANDSHAKING;
	if (error == SSL_ERROR_WANT_RETRY_VERIFY)
		return tls->state = MT_TLS_JUDGE;
	ERR_error_string_n(ERR_peek_error(), tls->problem, sizeof(tls->problem));
	ERR_clear_error();
	return tls->state = MT_TLS_FAILED;
}

int
mt_tls_new(const struct mt_tls_options *options, struct mt_tls **ret)
{
	MT_CLEANUP(mt_tls_freep) struct mt_tls *tls = calloc(1, sizeof(*tls));

	if (!tls || !set_context(tls))
		return -ENOMEM;
	tls->two_phase = options->two_phase;
	tls->ssl = SSL_new(tls->context);
	tls->in = BIO_new(BIO_s_mem());
	tls->out = BIO_new(BIO_s_mem());
	if (!tls->ssl || !tls->in || !tls->out) {
		BIO_free(tls->in);
		BIO_free(tls->out);
		return -ENOMEM;
	}
	/* An empty BIO is no end of file: more may come. */
	BIO_set_mem_eof_return(tls->in, -1);
	BIO_set_mem_eof_return(tls->out, -1);
	SSL_set_bio(tls->ssl, tls->in, tls->out);
	SSL_set_app_data(tls->ssl, tls);
	SSL_set_tlsext_debug_callback(tls->ssl, on_extension);
	SSL_set_tlsext_debug_arg(tls->ssl, tls);
	SSL_set_connect_state(tls->ssl);
	if (!set_extensions(tls, options))
		return -ENOMEM;
	(void)go_on(tls);
	*ret = mt_steal(&tls);
	return 0;
}

struct mt_tls *
mt_tls_free(struct mt_tls *tls)
{
	if (!tls)
		return NULL;
	SSL_free(tls->ssl);
	SSL_CTX_free(tls->context);
	free(tls);
	return NULL;
}

/* -- bytes ------------------------------------------------------------------------------------- */

enum mt_tls_state
mt_tls_get_state(const struct mt_tls *tls)
{
	return tls->state;
}

enum mt_tls_state
mt_tls_feed(struct mt_tls *tls, const uint8_t *data, size_t size)
{
	if (tls->state == MT_TLS_FAILED || size > INT32_MAX ||
	    BIO_write(tls->in, data, (int)size) != (int)size)
		return tls->state = MT_TLS_FAILED;
	return tls->state == MT_TLS_HANDSHAKING ? go_on(tls) : tls->state;
}

enum mt_tls_state
mt_tls_judged(struct mt_tls *tls, bool accept)
{
	if (tls->state != MT_TLS_JUDGE)
		return tls->state;
	tls->judged = true;
	tls->accepted = accept;
	return go_on(tls);
}

size_t
mt_tls_read(struct mt_tls *tls, uint8_t *buffer, size_t size)
{
	size_t n = 0;
	int error;

	if (tls->state != MT_TLS_OPEN || SSL_read_ex(tls->ssl, buffer, size, &n) == 1)
		return n;
	error = SSL_get_error(tls->ssl, 0);
	if (error == SSL_ERROR_ZERO_RETURN)
		tls->state = MT_TLS_CLOSED;
	else if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
		tls->state = MT_TLS_FAILED;
	ERR_clear_error();
	return 0;
}

int
mt_tls_write(struct mt_tls *tls, const uint8_t *data, size_t size)
{
	size_t n = 0;

	if (tls->state != MT_TLS_OPEN || SSL_write_ex(tls->ssl, data, size, &n) != 1 || n != size) {
		ERR_clear_error();
		return -EIO;
	}
	return 0;
}

void
mt_tls_close(struct mt_tls *tls)
{
	if (tls->state == MT_TLS_OPEN || tls->state == MT_TLS_CLOSED)
		(void)SSL_shutdown(tls->ssl);
	ERR_clear_error();
}

size_t
mt_tls_output(struct mt_tls *tls, uint8_t *buffer, size_t size)
{
	int n = BIO_read(tls->out, buffer, size > INT32_MAX ? INT32_MAX : (int)size);

	return n > 0 ? (size_t)n : 0;
}

bool
mt_tls_has_output(const struct mt_tls *tls)
{
	return BIO_ctrl_pending(tls->out) > 0;
}

const char *
mt_tls_problem(const struct mt_tls *tls)
{
	return tls->problem;
}

/* -- evidence ---------------------------------------------------------------------------------- */

#define STATE(ev, key) ((ev)->present |= MT_BIT(MT_EV_##key))

/* The chain and the staple share one block, DER after DER. */
static int
add_chain(const struct mt_tls *tls, struct mt_evidence *ev)
{
	STACK_OF(X509) *certs = SSL_get_peer_cert_chain(tls->ssl);
	const unsigned char *staple = NULL;
	long staple_size = SSL_get_tlsext_status_ocsp_resp(tls->ssl, &staple);
	int n = certs ? sk_X509_num(certs) : 0;
	size_t size = 0;

	if (staple_size < 0 || staple_size > MT_STAPLE_MAX)
		staple_size = 0;
	for (int i = 0; i < n; i++)
		size += (size_t)i2d_X509(sk_X509_value(certs, i), NULL);
	STATE(ev, STAPLE_REQUESTED);
	ev->staple_requested = true;
	if (n == 0)
		return 0;
	STATE(ev, CHAIN);
	STATE(ev, LEAF_SHA256);
	if (!X509_digest(sk_X509_value(certs, 0), EVP_sha256(), ev->leaf_sha256, NULL))
		return -ENOMEM;
	ev->chain_oversized = n > MT_CHAIN_MAX || size > MT_CHAIN_BYTES_MAX;
	if (ev->chain_oversized)
		size = 0;
	ev->chain_bytes = malloc(size + (size_t)staple_size + 1);
	if (!ev->chain_bytes)
		return -ENOMEM;
	for (int i = 0; i < n && !ev->chain_oversized; i++) {
		unsigned char *at = ev->chain_bytes + ev->chain_size;
		int der = i2d_X509(sk_X509_value(certs, i), &at);

		ev->chain[ev->n_chain++] =
			(struct mt_bytes){ev->chain_bytes + ev->chain_size, (size_t)der};
		ev->chain_size += (size_t)der;
	}
	if (staple_size > 0) {
		memcpy(ev->chain_bytes + size, staple, (size_t)staple_size);
		ev->staple = (struct mt_bytes){ev->chain_bytes + size, (size_t)staple_size};
		STATE(ev, STAPLE);
	}
	return 0;
}

static void
add_alpn(const struct mt_tls *tls, struct mt_evidence *ev)
{
	const unsigned char *name = NULL;
	unsigned int size = 0;

	SSL_get0_alpn_selected(tls->ssl, &name, &size);
	if (size == 0 || size >= sizeof(ev->tls_alpn))
		(void)snprintf(ev->tls_alpn, sizeof(ev->tls_alpn), "none");
	else
		mt_escape((const char *)name, size, ev->tls_alpn, sizeof(ev->tls_alpn));
	STATE(ev, TLS_ALPN);
}

static void
add_parameters(const struct mt_tls *tls, struct mt_evidence *ev)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(tls->ssl);
	const char *group;
	int version = SSL_version(tls->ssl);

	ev->tls_version = version == TLS1_3_VERSION   ? MT_TLS_VERSION_1_3
			  : version == TLS1_2_VERSION ? MT_TLS_VERSION_1_2
						      : MT_TLS_VERSION_UNKNOWN;
	if (!cipher) /* suspended in TLS 1.2: the pending suite is the one to be used */
		cipher = SSL_get_pending_cipher(tls->ssl);
	(void)snprintf(ev->tls_cipher, sizeof(ev->tls_cipher), "%s",
		       cipher ? SSL_CIPHER_standard_name(cipher) : "");
	group = SSL_group_to_name(tls->ssl, (int)SSL_get_negotiated_group(tls->ssl));
	if (group) {
		(void)snprintf(ev->tls_group, sizeof(ev->tls_group), "%s", group);
		STATE(ev, TLS_GROUP);
	}
	ev->tls_ems = version == TLS1_3_VERSION || SSL_get_extms_support(tls->ssl) == 1 ||
		      (tls->state == MT_TLS_JUDGE && tls->has_ems);
	ev->tls_reneg_info =
		version == TLS1_3_VERSION || SSL_get_secure_renegotiation_support(tls->ssl) == 1;
	ev->tls_compression = SSL_get_current_compression(tls->ssl) != NULL;
	ev->tls_resumed = SSL_session_reused(tls->ssl) == 1;
	ev->present |= MT_BIT(MT_EV_TLS_VERSION) | MT_BIT(MT_EV_TLS_CIPHER) |
		       MT_BIT(MT_EV_TLS_EMS) | MT_BIT(MT_EV_TLS_RENEG_INFO) |
		       MT_BIT(MT_EV_TLS_COMPRESSION) | MT_BIT(MT_EV_TLS_RESUMED) |
		       MT_BIT(MT_EV_TLS_EARLY_DATA);
	if (tls->sni[0]) {
		memcpy(ev->tls_sni, tls->sni, sizeof(ev->tls_sni));
		STATE(ev, TLS_SNI);
	}
	ev->clientcert_requested = tls->client_cert_requested;
	STATE(ev, CLIENTCERT_REQUESTED);
}

/* RFC 9266 §3: under TLS 1.2 an exporter binds only with the extended master secret (D-CB-02). */
static void
add_exporters(const struct mt_tls *tls, struct mt_evidence *ev)
{
	uint8_t value[32];

	if (!ev->tls_ems)
		return;
	if (SSL_export_keying_material(tls->ssl, ev->exporter, sizeof(ev->exporter), VERDICT_LABEL,
				       strlen(VERDICT_LABEL), NULL, 0, 1) == 1)
		STATE(ev, EXPORTER);
	if (SSL_export_keying_material(tls->ssl, value, sizeof(value), BINDING_LABEL,
				       strlen(BINDING_LABEL), NULL, 0, 1) != 1)
		return;
	(void)snprintf(ev->auth_cb_type, sizeof(ev->auth_cb_type), "tls-exporter");
	memcpy(ev->auth_cb_value, value, sizeof(value));
	ev->auth_cb_size = sizeof(value);
	ev->present |= MT_BIT(MT_EV_AUTH_CB_TYPE) | MT_BIT(MT_EV_AUTH_CB_VALUE);
}

int
mt_tls_add_evidence(const struct mt_tls *tls, struct mt_evidence *ev)
{
	/* A handshake that broke off is told by itself alone (REQUIREMENTS 0.2). */
	if (tls->state == MT_TLS_HANDSHAKING ||
	    (tls->state == MT_TLS_FAILED && !tls->established)) {
		ev->tls_failed = true;
		STATE(ev, TLS_FAILED);
		return 0;
	}
	add_parameters(tls, ev);
	add_alpn(tls, ev);
	if (tls->state != MT_TLS_JUDGE)
		add_exporters(tls, ev);
	return add_chain(tls, ev);
}
