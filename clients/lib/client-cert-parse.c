/* SPDX-License-Identifier: MIT */
/* A certificate and its key, out of PEM. */

#include <errno.h>
#include <string.h>

#include <openssl/err.h>

#include "clients/lib/client-cert.h"

/* What the caller's callback is wrapped in: whether the key is encrypted is known by its being
 * asked. */
struct asking {
	pem_password_cb *ask;
	void *userdata;
	bool was_asked;
};

void
mt_client_cert_clear(struct mt_client_cert *cert)
{
	X509_free(cert->leaf);
	sk_X509_pop_free(cert->chain, X509_free);
	EVP_PKEY_free(cert->key);
	memset(cert, 0, sizeof(*cert));
}

int
mt_client_cert_digest(struct mt_client_cert *cert)
{
	unsigned int size = 0;

	return X509_digest(cert->leaf, EVP_sha256(), cert->sha256, &size) == 1 ? 0 : -ENOMEM;
}

/* Without a callback OpenSSL would ask the terminal. */
static int
ask_once(char *buffer, int size, int for_writing, void *userdata)
{
	struct asking *asking = userdata;

	asking->was_asked = true;
	return asking->ask ? asking->ask(buffer, size, for_writing, asking->userdata) : -1;
}

/* The certificates in the order of the file. */
static int
read_certificates(struct mt_bytes pem, STACK_OF(X509) * ret, struct mt_diag *diag)
{
	struct asking nobody = {0};
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
	X509 *next;
	int r = bio ? 0 : -ENOMEM;

	while (r == 0 && (next = PEM_read_bio_X509(bio, NULL, ask_once, &nobody)) != NULL) {
		if (sk_X509_num(ret) > MT_CHAIN_MAX)
			r = MT_CLIENT_CERT_E_TOO_LARGE;
		else if (!sk_X509_push(ret, next))
			r = -ENOMEM;
		if (r)
			X509_free(next);
	}
	if (r == MT_CLIENT_CERT_E_TOO_LARGE)
		mt_diag_set(diag, SIZE_MAX, "there are more than %d certificates in it",
			    MT_CHAIN_MAX + 1);
	/* whatever ends the reading but the end of the file is a certificate that is damaged */
	if (r == 0 && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
		mt_diag_set(diag, SIZE_MAX, "a certificate in it cannot be read");
		r = MT_CLIENT_CERT_E_NO_CERTIFICATE;
	} else if (r == 0 && sk_X509_num(ret) == 0) {
		mt_diag_set(diag, SIZE_MAX, "there is no certificate in it");
		r = MT_CLIENT_CERT_E_NO_CERTIFICATE;
	}
	BIO_free(bio);
	ERR_clear_error();
	return r;
}

static int
read_key(struct mt_bytes pem, struct asking *asking, EVP_PKEY **ret, struct mt_diag *diag)
{
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);

	if (!bio)
		return -ENOMEM;
	*ret = PEM_read_bio_PrivateKey(bio, NULL, ask_once, asking);
	BIO_free(bio);
	ERR_clear_error();
	if (*ret)
		return 0;
	if (asking->was_asked) {
		mt_diag_set(diag, SIZE_MAX,
			    asking->ask ? "the passphrase does not open its private key"
					: "its private key is encrypted");
		return MT_CLIENT_CERT_E_PASSPHRASE;
	}
	mt_diag_set(diag, SIZE_MAX, "there is no private key in it that can be read");
	return MT_CLIENT_CERT_E_NO_KEY;
}

/* Takes the key's own certificate out of the chain. */
static int
choose_leaf(struct mt_client_cert *cert, struct mt_diag *diag)
{
	for (int i = 0; i < sk_X509_num(cert->chain) && !cert->leaf; i++)
		if (X509_check_private_key(sk_X509_value(cert->chain, i), cert->key) == 1)
			cert->leaf = sk_X509_delete(cert->chain, i);
	ERR_clear_error();
	if (cert->leaf)
		return mt_client_cert_digest(cert);
	mt_diag_set(diag, SIZE_MAX, "its private key belongs to none of its certificates");
	return MT_CLIENT_CERT_E_MISMATCH;
}

int
mt_client_cert_parse(struct mt_bytes pem, pem_password_cb *passphrase, void *userdata,
		     struct mt_client_cert *ret, struct mt_diag *diag)
{
	struct asking asking = {.ask = passphrase, .userdata = userdata};
	int r;

	memset(ret, 0, sizeof(*ret));
	if (pem.size > MT_CLIENT_CERT_BYTES_MAX) {
		mt_diag_set(diag, SIZE_MAX, "it has more than %d bytes", MT_CLIENT_CERT_BYTES_MAX);
		return MT_CLIENT_CERT_E_TOO_LARGE;
	}
	ret->chain = sk_X509_new_null();
	r = ret->chain ? read_certificates(pem, ret->chain, diag) : -ENOMEM;
	if (r == 0)
		r = read_key(pem, &asking, &ret->key, diag);
	if (r == 0)
		r = choose_leaf(ret, diag);
	if (r)
		mt_client_cert_clear(ret);
	return r;
}
