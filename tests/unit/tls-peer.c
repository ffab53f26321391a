/* SPDX-License-Identifier: MIT */
/* The server's side of a session. */

#include "tests/unit/tls-peer.h"

#include "tests/cmocka-all.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

static void
add_text(struct peer_text *t, const void *data, size_t size)
{
	assert_true(size < sizeof(t->text) - t->size);
	memcpy(t->text + t->size, data, size);
	t->size += size;
	t->text[t->size] = '\0';
}

bool
peer_text_has16(const struct peer_text *t, unsigned value)
{
	for (size_t i = 0; i + 1 < t->size; i += 2)
		if ((uint8_t)t->text[i] == value >> 8 && (uint8_t)t->text[i + 1] == (value & 0xff))
			return true;
	return false;
}

/* -- turns ------------------------------------------------------------------------------------- */

static const struct {
	const char *const plain[4];
	const char *const inside[3];
} good_turns[MT_PROTO_COUNT] = {
	[MT_PROTO_IMAP] = {{"* OK hi\r\n", "* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK\r\n",
			    "a2 OK begin\r\n", NULL},
			   {"* OK hi\r\n", "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\na1 OK\r\n", NULL}},
	[MT_PROTO_POP3] = {{"+OK hi\r\n", "+OK\r\nUSER\r\nSTLS\r\n.\r\n", "+OK begin\r\n", NULL},
			   {"+OK hi\r\n", "+OK\r\nSASL PLAIN\r\n.\r\n", NULL}},
	[MT_PROTO_SUBMISSION] = {{"220 hi\r\n", "250-mx\r\n250 STARTTLS\r\n", "220 begin\r\n",
				  NULL},
				 {"220 hi\r\n", "250-mx\r\n250 AUTH PLAIN\r\n", NULL}},
};

/* The answer to the third command is tagged so. */
static const char *const imap_upgraded[] = {"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\na3 OK\r\n", NULL};

static void
set_turns(struct peer *p)
{
	const struct peer_options *o = &p->options;
	bool implicit = o->transport == MT_TRANSPORT_IMPLICIT;
	const char *const *inside = good_turns[o->proto].inside;

	if (!implicit)
		inside = o->proto == MT_PROTO_IMAP ? imap_upgraded : inside + 1;
	p->plain_turn = o->plain ? o->plain : good_turns[o->proto].plain;
	p->inside_turn = o->inside ? o->inside : inside;
	p->in_tls = implicit;
}

/* -- certificates ------------------------------------------------------------------------------ */

static X509 *
make_cert(EVP_PKEY *key, long serial, size_t padding, const EVP_MD *digest)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	ASN1_OCTET_STRING *data = ASN1_OCTET_STRING_new();
	X509_EXTENSION *comment = NULL;
	uint8_t *bytes = calloc(1, padding + 1);

	assert_true(cert && name && data && bytes);
	assert_true(ASN1_INTEGER_set(X509_get_serialNumber(cert), serial));
	assert_true(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					       (const unsigned char *)PEER_HOST, -1, -1, 0));
	assert_true(X509_set_issuer_name(cert, name) && X509_set_pubkey(cert, key));
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 86400));
	assert_true(ASN1_OCTET_STRING_set(data, bytes, (int)padding));
	comment = X509_EXTENSION_create_by_NID(NULL, NID_netscape_comment, 0, data);
	assert_true(comment && X509_add_ext(cert, comment, -1));
	assert_true(X509_sign(cert, key, digest));
	X509_EXTENSION_free(comment);
	ASN1_OCTET_STRING_free(data);
	free(bytes);
	return cert;
}

static void
set_certificates(struct peer *p)
{
	const struct peer_options *o = &p->options;
	bool has_no_hash = o->digest && strcmp(o->digest, "none") == 0;
	EVP_PKEY *key = has_no_hash ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
			: o->rsa    ? EVP_RSA_gen(2048)
				    : EVP_EC_gen("P-256");
	const EVP_MD *digest = has_no_hash ? NULL
			       : o->digest ? EVP_get_digestbyname(o->digest)
					   : EVP_sha256();
	X509 *leaf = make_cert(key, 1, o->cert_padding, digest);

	assert_true(SSL_CTX_use_certificate(p->context, leaf));
	assert_true(SSL_CTX_use_PrivateKey(p->context, key));
	assert_true(X509_digest(leaf, EVP_sha256(), p->leaf_sha256, NULL));
	for (size_t i = 1; i < o->n_certs; i++)
		/* the context takes it */
		assert_true(SSL_CTX_add_extra_chain_cert(
			p->context, make_cert(key, (long)i + 1, o->cert_padding, digest)));
	X509_free(leaf);
	EVP_PKEY_free(key);
}

void
peer_make_credential(bool rsa, struct mt_tls_credential *ret)
{
	EVP_PKEY *issuer = EVP_EC_gen("P-256");

	ret->key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	ret->leaf = make_cert(ret->key, 71, 0, EVP_sha256());
	ret->chain = sk_X509_new_null();
	assert_true(sk_X509_push(ret->chain, make_cert(issuer, 72, 0, EVP_sha256())));
	EVP_PKEY_free(issuer);
}

void
peer_clear_credential(struct mt_tls_credential *credential)
{
	X509_free(credential->leaf);
	sk_X509_pop_free(credential->chain, X509_free);
	EVP_PKEY_free(credential->key);
}

/* -- what the server sees and says in the handshake -------------------------------------------- */

/* A list, without its length of so many bytes. */
static void
add_list(SSL *ssl, unsigned type, size_t prefix, struct peer_text *ret)
{
	const unsigned char *body;
	size_t size;

	if (SSL_client_hello_get0_ext(ssl, type, &body, &size) == 1)
		add_text(ret, body + prefix, size - prefix);
}

static int
on_hello(SSL *ssl, int *alert, void *arg)
{
	struct peer *p = arg;
	const unsigned char *list;
	int *types;
	size_t n;

	if (p->n_hellos++ > 0)
		return SSL_CLIENT_HELLO_SUCCESS;
	n = SSL_client_hello_get0_ciphers(ssl, &list);
	add_text(&p->suites, list, n);
	n = SSL_client_hello_get0_compression_methods(ssl, &list);
	add_text(&p->compression, list, n);
	assert_true(SSL_client_hello_get1_extensions_present(ssl, &types, &n));
	for (size_t i = 0; i < n; i++)
		add_text(&p->extensions,
			 (const uint8_t[]){(uint8_t)(types[i] >> 8), (uint8_t)types[i]}, 2);
	OPENSSL_free(types);
	add_list(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, 2, &p->alpn);
	add_list(ssl, TLSEXT_TYPE_supported_groups, 2, &p->groups);
	add_list(ssl, TLSEXT_TYPE_supported_versions, 1, &p->versions);
	return SSL_CLIENT_HELLO_SUCCESS;
}

static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen, const unsigned char *in,
	unsigned int inlen, void *arg)
{
	const struct peer *p = arg;

	if (!p->options.alpn)
		return SSL_TLSEXT_ERR_NOACK;
	*out = (const unsigned char *)p->options.alpn;
	*outlen = (unsigned char)strlen(p->options.alpn);
	return SSL_TLSEXT_ERR_OK;
}

static int
on_status(SSL *ssl, void *arg)
{
	struct peer *p = arg;
	unsigned char *staple;

	p->status_requested = true;
	if (p->options.staple_size == 0)
		return SSL_TLSEXT_ERR_NOACK;
	staple = OPENSSL_malloc(p->options.staple_size); /* the connection takes it */
	assert_non_null(staple);
	memset(staple, 's', p->options.staple_size);
	assert_true(SSL_set_tlsext_status_ocsp_resp(ssl, staple, (long)p->options.staple_size));
	return SSL_TLSEXT_ERR_OK;
}

static int
on_client_chain(X509_STORE_CTX *store_ctx, void *arg)
{
	const struct peer *p = arg;

	X509_STORE_CTX_set_error(store_ctx, X509_V_ERR_CERT_REVOKED);
	return p->options.refuses_client_cert ? 0 : 1;
}

/* RFC 8446 §4.4.2, RFC 5246 §7.4.6: type, length, under TLS 1.3 a context, the list's length. */
static void
on_message(int is_ours, int version, int type, const void *data, size_t size, SSL *ssl, void *arg)
{
	size_t framing = SSL_version(ssl) == TLS1_3_VERSION ? 8 : 7;
	struct peer *p = arg;

	if (is_ours || type != SSL3_RT_HANDSHAKE || *(const uint8_t *)data != SSL3_MT_CERTIFICATE)
		return;
	p->n_client_lists++;
	p->client_list_size = size - framing;
}

static void
on_info(const SSL *ssl, int where, int ret)
{
	struct peer *p = SSL_get_app_data(ssl);

	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
		p->alert = ret & 0xff;
}

/* -- construction ------------------------------------------------------------------------------ */

static void
set_parameters(struct peer *p)
{
	const struct peer_options *o = &p->options;
	SSL_CTX *c = p->context;

	SSL_CTX_set_security_level(c, 0);
	assert_true(SSL_CTX_set_min_proto_version(c, o->version ? o->version : TLS1_2_VERSION));
	assert_true(SSL_CTX_set_max_proto_version(c, o->version));
	assert_true(!o->suites_1_2 || SSL_CTX_set_cipher_list(c, o->suites_1_2));
	assert_true(!o->suites_1_3 || SSL_CTX_set_ciphersuites(c, o->suites_1_3));
	assert_true(!o->groups || SSL_CTX_set1_groups_list(c, o->groups));
	SSL_CTX_set_options(c, o->ssl_options);
	assert_true(SSL_CTX_set_session_id_context(c, (const unsigned char *)"t", 1));
	if (o->asks_client_cert)
		SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	assert_true(!o->client_sigalgs || SSL_CTX_set1_client_sigalgs_list(c, o->client_sigalgs));
}

static void
set_callbacks(struct peer *p)
{
	SSL_CTX_set_client_hello_cb(p->context, on_hello, p);
	SSL_CTX_set_alpn_select_cb(p->context, on_alpn, p);
	SSL_CTX_set_tlsext_status_cb(p->context, on_status);
	SSL_CTX_set_tlsext_status_arg(p->context, p);
	SSL_CTX_set_cert_verify_callback(p->context, on_client_chain, p);
	SSL_CTX_set_msg_callback(p->context, on_message);
	SSL_CTX_set_msg_callback_arg(p->context, p);
	SSL_CTX_set_info_callback(p->context, on_info);
}

void
peer_init(struct peer *p, const struct peer_options *options)
{
	memset(p, 0, sizeof(*p));
	p->options = *options;
	p->alert = -1;
	p->context = SSL_CTX_new(TLS_server_method());
	assert_non_null(p->context);
	set_parameters(p);
	set_callbacks(p);
	if (!options->anonymous)
		set_certificates(p);
	p->ssl = SSL_new(p->context);
	p->in = BIO_new(BIO_s_mem());
	p->out = BIO_new(BIO_s_mem());
	assert_true(p->ssl && p->in && p->out);
	BIO_set_mem_eof_return(p->in, -1);
	BIO_set_mem_eof_return(p->out, -1);
	SSL_set_bio(p->ssl, p->in, p->out);
	SSL_set_app_data(p->ssl, p);
	SSL_set_accept_state(p->ssl);
	set_turns(p);
	if (!p->in_tls && *p->plain_turn)
		add_text(&p->plain_out, *p->plain_turn, strlen(*p->plain_turn));
	if (!p->in_tls && *p->plain_turn)
		p->plain_turn++;
}

/* -- talking ----------------------------------------------------------------------------------- */

static void
say_inside(struct peer *p)
{
	const char *turn = *p->inside_turn;
	size_t n;

	if (!turn)
		return;
	p->inside_turn++;
	assert_true(SSL_write_ex(p->ssl, turn, strlen(turn), &n));
}

static void
listen_inside(struct peer *p)
{
	bool was_done = SSL_is_init_finished(p->ssl);
	char buffer[256];
	size_t n;

	if (!was_done && SSL_do_handshake(p->ssl) != 1)
		return;
	if (!was_done && p->options.transport == MT_TRANSPORT_IMPLICIT)
		say_inside(p);
	while (SSL_read_ex(p->ssl, buffer, sizeof(buffer), &n) == 1) {
		add_text(&p->inside, buffer, n);
		if (buffer[n - 1] == '\n')
			say_inside(p);
	}
}

/* The turn after which the client may begin with TLS is the third. */
static void
listen_plain(struct peer *p, const uint8_t *data, size_t size)
{
	const char *turn = *p->plain_turn;

	add_text(&p->plain, data, size);
	if (data[size - 1] != '\n' || !turn)
		return;
	add_text(&p->plain_out, turn, strlen(turn));
	p->plain_turn++;
	p->in_tls = strstr(p->plain.text, "STARTTLS\r\n") || strstr(p->plain.text, "STLS\r\n");
}

void
peer_hear(struct peer *p, const uint8_t *data, size_t size)
{
	if (!p->in_tls) {
		listen_plain(p, data, size);
		return;
	}
	assert_int_equal(BIO_write(p->in, data, (int)size), size);
	listen_inside(p);
	ERR_clear_error();
}

size_t
peer_say(struct peer *p, uint8_t *buffer, size_t size)
{
	size_t n = p->plain_out.size < size ? p->plain_out.size : size;
	int from_tls;

	if (n > 0) {
		memcpy(buffer, p->plain_out.text, n);
		p->plain_out.size -= n;
		memmove(p->plain_out.text, p->plain_out.text + n, p->plain_out.size);
		return n;
	}
	from_tls = BIO_read(p->out, buffer, (int)size);
	return from_tls > 0 ? (size_t)from_tls : 0;
}

void
peer_clear(struct peer *p)
{
	SSL_free(p->ssl);
	SSL_CTX_free(p->context);
}

size_t
meeting_send(struct meeting *m)
{
	uint8_t buffer[2048];
	size_t n, total = 0;

	while ((n = mt_session_output(m->session, buffer, sizeof(buffer))) > 0) {
		total += n;
		peer_hear(&m->peer, buffer, n);
	}
	m->n_sent += total;
	return total;
}

size_t
meeting_receive(struct meeting *m, size_t max)
{
	size_t size = max < 4096 ? max : 4096;
	uint8_t *buffer = malloc(size);
	size_t n;

	assert_non_null(buffer);
	n = peer_say(&m->peer, buffer, size);
	if (n > 0)
		(void)mt_session_feed(m->session, buffer, n, PEER_WALL_USEC);
	free(buffer);
	m->n_fed += n;
	return n;
}

void
meeting_run(struct meeting *m)
{
	size_t moved;

	do {
		moved = meeting_send(m);
		if (mt_session_get_step(m->session) == MT_STEP_CONTINUE)
			moved += meeting_receive(m, m->piece ? m->piece : SIZE_MAX);
	} while (moved > 0);
}

void
meeting_start(struct meeting *m, const struct peer_options *options)
{
	const struct mt_session_options session = {
		.proto = options->proto,
		.transport = options->transport,
		.host = options->host ? options->host : PEER_HOST,
		.port = 4711,
		.two_phase = options->two_phase,
	};

	memset(m, 0, sizeof(*m));
	peer_init(&m->peer, options);
	assert_int_equal(mt_session_new(&session, &m->session), 0);
}

void
meeting_evidence(const struct meeting *m, struct mt_evidence *ret)
{
	assert_int_equal(
		mt_session_get_evidence(m->session, "192.0.2.1", 40000, PEER_WALL_USEC, ret), 0);
	assert_null(mt_evidence_contradiction(ret));
}

void
meeting_farewell(struct meeting *m)
{
	mt_session_logout(m->session);
	(void)meeting_send(m);
}

void
meeting_clear(struct meeting *m)
{
	m->session = mt_session_free(m->session);
	peer_clear(&m->peer);
}
