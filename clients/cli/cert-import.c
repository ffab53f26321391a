/* SPDX-License-Identifier: MIT */
/* A client certificate out of PEM or PKCS#12. */

#include "clients/cli/cert-import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "clients/cli/prompt.h"

/* The passphrase, once it was needed. */
struct passphrase {
	struct mt_cli *cli;
	const char *path; /* of the file its user keeps it in; NULL: none */
	char text[MT_PROMPT_TEXT_SIZE];
	bool is_known, is_refused; /* what asking came to */
	int error;                 /* errno of reading path; 0: it was read */
};

/* -- files and passphrases --------------------------------------------------------------------- */

/* Up to size bytes of a file, or of whatever else has a name. Return: 0 or -errno. */
static int
read_file(const char *path, uint8_t *data, size_t size, size_t *ret_size)
{
	FILE *file = fopen(path, "re");
	int r = 0;

	if (!file)
		return -errno;
	/* no copy of what is secret in a buffer of stdio's */
	(void)setvbuf(file, NULL, _IONBF, 0);
	*ret_size = fread(data, 1, size, file);
	if (ferror(file))
		r = errno ? -errno : -EIO;
	(void)fclose(file);
	return r;
}

/* The first line of the file. */
static bool
read_passphrase(struct passphrase *p)
{
	size_t size = 0;

	p->error = -read_file(p->path, (uint8_t *)p->text, sizeof(p->text) - 1, &size);
	p->text[p->error ? 0 : size] = '\0';
	p->text[strcspn(p->text, "\r\n")] = '\0';
	return p->error == 0;
}

static bool
know_passphrase(struct passphrase *p)
{
	if (p->is_known || p->is_refused)
		return p->is_known;
	if (p->path)
		p->is_known = read_passphrase(p);
	else
		p->is_known =
			mt_prompt_secret(p->cli, "Passphrase of the private key", p->text) == 0;
	p->is_refused = !p->is_known;
	return p->is_known;
}

/* For OpenSSL. */
static int
on_passphrase(char *buffer, int size, int for_writing, void *userdata)
{
	struct passphrase *p = userdata;
	size_t length;

	if (!know_passphrase(p))
		return -1;
	length = strlen(p->text);
	if (length > (size_t)size)
		return -1;
	memcpy(buffer, p->text, length);
	return (int)length;
}

/* Nobody said one, and why. */
static int
explain_passphrase(const struct passphrase *p, int outcome, struct mt_diag *diag)
{
	if (outcome != MT_CLIENT_CERT_E_PASSPHRASE || !p->is_refused)
		return outcome;
	if (p->error)
		mt_diag_set(diag, SIZE_MAX, "the passphrase file cannot be read: %s",
			    strerror(p->error));
	else
		mt_diag_set(diag, SIZE_MAX,
			    "its private key is encrypted, and nobody is here to say the "
			    "passphrase; see --passphrase-file");
	return outcome;
}

/* -- PKCS#12 ----------------------------------------------------------------------------------- */

/* The password its integrity is protected with; NULL and "" are two ways to have none. */
static int
open_store(PKCS12 *store, struct passphrase *p, const char **ret, struct mt_diag *diag)
{
	*ret = NULL;
	if (!PKCS12_mac_present(store) || PKCS12_verify_mac(store, NULL, 0) == 1)
		return 0;
	*ret = "";
	if (PKCS12_verify_mac(store, "", 0) == 1)
		return 0;
	*ret = p->text;
	if (know_passphrase(p) && PKCS12_verify_mac(store, p->text, -1) == 1)
		return 0;
	mt_diag_set(diag, SIZE_MAX, "the passphrase does not open it");
	return MT_CLIENT_CERT_E_PASSPHRASE;
}

static int
unpack_store(PKCS12 *store, const char *password, struct mt_client_cert *ret, struct mt_diag *diag)
{
	if (PKCS12_parse(store, password, &ret->key, &ret->leaf, &ret->chain) != 1) {
		bool is_retired = ERR_GET_REASON(ERR_peek_error()) == ERR_R_UNSUPPORTED ||
				  ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_UNSUPPORTED;

		mt_diag_set(diag, SIZE_MAX, "%s",
			    is_retired
				    ? "its encryption is one OpenSSL has retired; 'openssl pkcs12 "
				      "-legacy -noenc -in FILE' makes PEM of it"
				    : "it cannot be opened, or is damaged");
		return is_retired ? MT_CLIENT_CERT_E_UNFIT : MT_CLIENT_CERT_E_NO_KEY;
	}
	if (!ret->key) {
		mt_diag_set(diag, SIZE_MAX, "there is no private key in it");
		return MT_CLIENT_CERT_E_NO_KEY;
	}
	if (!ret->leaf) {
		mt_diag_set(diag, SIZE_MAX, "its private key belongs to none of its certificates");
		return MT_CLIENT_CERT_E_MISMATCH;
	}
	if (!ret->chain)
		ret->chain = sk_X509_new_null();
	return ret->chain ? mt_client_cert_digest(ret) : -ENOMEM;
}

static int
parse_store(struct mt_bytes file, struct passphrase *p, struct mt_client_cert *ret,
	    struct mt_diag *diag)
{
	const unsigned char *at = file.data;
	PKCS12 *store = d2i_PKCS12(NULL, &at, (long)file.size);
	const char *password;
	int r;

	if (!store) {
		mt_diag_set(diag, SIZE_MAX, "it is neither PEM nor PKCS#12");
		return MT_CLIENT_CERT_E_NO_CERTIFICATE;
	}
	r = open_store(store, p, &password, diag);
	ERR_clear_error();
	if (r == 0)
		r = unpack_store(store, password, ret, diag);
	ERR_clear_error();
	PKCS12_free(store);
	if (r)
		mt_client_cert_clear(ret);
	return r;
}

/* -- what was read ----------------------------------------------------------------------------- */

static bool
is_pem(struct mt_bytes file)
{
	static const char begin[] = "-----BEGIN ";

	return memmem(file.data, file.size, begin, sizeof(begin) - 1) != NULL;
}

/* The one that issued a certificate, taken out of where it was. NULL: it is not there. */
static X509 *
take_issuer(STACK_OF(X509) * from, X509 *of)
{
	for (int i = 0; i < sk_X509_num(from); i++)
		if (X509_check_issued(sk_X509_value(from, i), of) == X509_V_OK)
			return sk_X509_delete(from, i);
	return NULL;
}

/* RFC 5246 §7.4.2: each certificate certifies the one before it; what does not is left out. */
static int
order_chain(struct mt_client_cert *cert)
{
	STACK_OF(X509) *ordered = sk_X509_new_null();
	X509 *last = cert->leaf, *next;

	while (ordered && sk_X509_num(ordered) < MT_CHAIN_MAX &&
	       (next = take_issuer(cert->chain, last)) != NULL) {
		if (!sk_X509_push(ordered, next)) {
			X509_free(next);
			break;
		}
		last = next;
	}
	if (!ordered)
		return -ENOMEM;
	sk_X509_pop_free(cert->chain, X509_free);
	cert->chain = ordered;
	return 0;
}

/* It goes into a connection as the tunnel makes it: RSA below 2048, SHA-1 and the like do not. */
static int
check_fitness(const struct mt_client_cert *cert, struct mt_diag *diag)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	bool fits;

	if (!context)
		return -ENOMEM;
	SSL_CTX_set_security_level(context, 2);
	fits = SSL_CTX_use_cert_and_key(context, cert->leaf, cert->key, cert->chain, 1) == 1;
	SSL_CTX_free(context);
	ERR_clear_error();
	if (fits)
		return 0;
	mt_diag_set(diag, SIZE_MAX, "its key or a signature in it is too weak to be used today");
	return MT_CLIENT_CERT_E_UNFIT;
}

static int
parse_file(struct mt_bytes file, struct passphrase *p, struct mt_client_cert *ret,
	   struct mt_diag *diag)
{
	int r;

	if (file.size > MT_CLIENT_CERT_BYTES_MAX) {
		mt_diag_set(diag, SIZE_MAX, "it has more than %d bytes", MT_CLIENT_CERT_BYTES_MAX);
		return MT_CLIENT_CERT_E_TOO_LARGE;
	}
	if (is_pem(file))
		r = mt_client_cert_parse(file, on_passphrase, p, ret, diag);
	else
		r = parse_store(file, p, ret, diag);
	if (r)
		return explain_passphrase(p, r, diag);
	r = order_chain(ret);
	if (r == 0)
		r = check_fitness(ret, diag);
	if (r)
		mt_client_cert_clear(ret);
	return r;
}

int
mt_cert_import(struct mt_cli *cli, const char *path, const char *passphrase_file,
	       struct mt_client_cert *ret, struct mt_diag *diag)
{
	const size_t room = MT_CLIENT_CERT_BYTES_MAX + 1;
	struct passphrase p = {.cli = cli, .path = passphrase_file};
	uint8_t *data = malloc(room);
	size_t size = 0;
	int r;

	memset(ret, 0, sizeof(*ret));
	if (!data)
		return -ENOMEM;
	r = read_file(path, data, room, &size);
	if (r < 0) {
		mt_diag_set(diag, SIZE_MAX, "it cannot be read: %s", strerror(-r));
		r = MT_CLIENT_CERT_E_ABSENT;
	} else {
		r = parse_file((struct mt_bytes){data, size}, &p, ret, diag);
	}
	OPENSSL_cleanse(data, room);
	OPENSSL_cleanse(&p, sizeof(p));
	free(data);
	return r;
}
