/* SPDX-License-Identifier: MIT */
/* TLS on memory BIOs. */

#include "ipc/mail/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "ipc/mail/tls-private.h"
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

/* RFC 7595 registry; submission has no identifier of its own, so none is offered (D-TLS-11). */
static const unsigned char alpn_imap[] = "\x04imap";
static const unsigned char alpn_pop3[] = "\x04pop3";
static const unsigned char alpn_foreign[] = "\x08http/1.1";

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

/* The server asks for a certificate (R-5.5-02): it gets the one that came with the judge's answer,
 * or an empty list. Return: 1: go on; -1: do not. */
static int
on_client_cert(SSL *ssl, void *arg)
{
	struct mt_tls *tls = arg;
	const struct mt_tls_credential *c = &tls->credential;

	if (!c->leaf || SSL_use_cert_and_key(ssl, c->leaf, c->key, c->chain, 1) == 1)
		return 1;
	ERR_clear_error();
	return -1;
}

/* OpenSSL asks once more where it has nothing to show. A certificate whose signature the server
 * would not take must not look as if there were none. Return: 0: an empty list; -1: do not go on.
 */
static int
on_no_client_cert(SSL *ssl, X509 **cert, EVP_PKEY **key)
{
	const struct mt_tls *tls = SSL_get_app_data(ssl);

	return tls->credential.leaf ? -1 : 0;
}

/* What really went over the wire about certificates of ours; more than what was meant to. */
static void
on_message(int is_ours, int version, int type, const void *data, size_t size, SSL *ssl, void *arg)
{
	/* its type and length; under TLS 1.3 an empty context; the length of the list */
	size_t empty_size = SSL_version(ssl) == TLS1_3_VERSION ? 4 + 1 + 3 : 4 + 3;
	const uint8_t *message = data;
	struct mt_tls *tls = arg;

	if (type != SSL3_RT_HANDSHAKE || size == 0 || tls->established)
		return;
	if (!is_ours && message[0] == SSL3_MT_CERTIFICATE_REQUEST)
		tls->client_cert_requested = true;
	if (is_ours && message[0] == SSL3_MT_CERTIFICATE)
		tls->client_cert_sent = size > empty_size;
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
	SSL_CTX_set_cert_cb(context, on_client_cert, tls);
	SSL_CTX_set_client_cert_cb(context, on_no_client_cert);
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
	if (ok && options->foreign_alpn)
		return SSL_set_alpn_protos(tls->ssl, alpn_foreign, sizeof(alpn_foreign) - 1) == 0;
	if (ok && options->proto == MT_PROTO_IMAP)
		ok = SSL_set_alpn_protos(tls->ssl, alpn_imap, sizeof(alpn_imap) - 1) == 0;
	if (ok && options->proto == MT_PROTO_POP3)
		ok = SSL_set_alpn_protos(tls->ssl, alpn_pop3, sizeof(alpn_pop3) - 1) == 0;
	return ok;
}

/* The alert that refuses a certificate of ours, in words (RFC 8446 §6.2); NULL: it was none. */
static const char *
refusal_of(const struct mt_tls *tls, unsigned long error)
{
	static const struct {
		int reason;
		const char *words;
	} alerts[] = {
		{SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "it is bad"},
		{SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, "its kind is not supported"},
		{SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, "it is revoked"},
		{SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "it has expired"},
		{SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "it is not acceptable"},
		{SSL_R_TLSV1_ALERT_UNKNOWN_CA, "its issuer is not known there"},
		{SSL_R_TLSV1_ALERT_ACCESS_DENIED, "it gives no access"},
		{SSL_R_TLSV1_ALERT_DECRYPT_ERROR, "its signature does not hold"},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(alerts) && tls->client_cert_sent; i++)
		if (ERR_GET_REASON(error) == alerts[i].reason)
			return alerts[i].words;
	return NULL;
}

/* Notes why it failed, once. */
static void
note_problem(struct mt_tls *tls)
{
	unsigned long error = ERR_peek_error();
	const char *refusal = refusal_of(tls, error);

	if (tls->problem[0])
		return;
	if (refusal)
		(void)snprintf(tls->problem, sizeof(tls->problem),
			       "the server refuses the client certificate: %s", refusal);
	else if (ERR_GET_REASON(error) == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED)
		(void)snprintf(tls->problem, sizeof(tls->problem),
			       "the server demands a client certificate");
	else
		ERR_error_string_n(error, tls->problem, sizeof(tls->problem));
}

/* Nobody asks for it again: what gets the better of us later finds no key. */
static void
drop_key(struct mt_tls *tls)
{
	SSL_certs_clear(tls->ssl);
	EVP_PKEY_free(tls->credential.key);
	tls->credential.key = NULL;
}

static enum mt_tls_state
go_on(struct mt_tls *tls)
{
	int r = SSL_do_handshake(tls->ssl), error;

	if (r == 1) {
		tls->established = true;
		drop_key(tls);
		return tls->state = MT_TLS_OPEN;
	}
	error = SSL_get_error(tls->ssl, r);
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return tls->state = MT_TLS_HANDSHAKING;
	if (error == SSL_ERROR_WANT_RETRY_VERIFY)
		return tls->state = MT_TLS_JUDGE;
	if (error == SSL_ERROR_WANT_X509_LOOKUP)
		(void)snprintf(tls->problem, sizeof(tls->problem),
			       "the client certificate cannot be used with this server");
	note_problem(tls);
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
	SSL_set_msg_callback(tls->ssl, on_message);
	SSL_set_msg_callback_arg(tls->ssl, tls);
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
	X509_free(tls->credential.leaf);
	sk_X509_pop_free(tls->credential.chain, X509_free);
	EVP_PKEY_free(tls->credential.key);
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

static bool
take_credential(struct mt_tls *tls, const struct mt_tls_credential *credential)
{
	if (credential->chain) {
		tls->credential.chain = X509_chain_up_ref(credential->chain);
		if (!tls->credential.chain)
			return false;
	}
	if (!X509_up_ref(credential->leaf))
		return false;
	tls->credential.leaf = credential->leaf;
	if (!EVP_PKEY_up_ref(credential->key))
		return false;
	tls->credential.key = credential->key;
	return true;
}

enum mt_tls_state
mt_tls_judged(struct mt_tls *tls, bool accept, const struct mt_tls_credential *credential)
{
	if (tls->state != MT_TLS_JUDGE)
		return tls->state;
	tls->judged = true;
	tls->accepted = accept;
	if (accept && credential && !take_credential(tls, credential)) {
		(void)snprintf(tls->problem, sizeof(tls->problem),
			       "no memory for the client certificate");
		return tls->state = MT_TLS_FAILED;
	}
	return go_on(tls);
}

/* Every reading may have answers, and nobody but us counts them. */
static void
check_unsent(struct mt_tls *tls)
{
	if (BIO_ctrl_pending(tls->out) <= MT_TLS_UNSENT_MAX)
		return;
	(void)snprintf(tls->problem, sizeof(tls->problem), "the server asks without listening");
	tls->state = MT_TLS_FAILED;
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
	else if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		check_unsent(tls);
	else {
		/* under TLS 1.3 a certificate is refused after the handshake */
		note_problem(tls);
		tls->state = MT_TLS_FAILED;
	}
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
