/* SPDX-License-Identifier: MIT */
#ifndef MT_LIB_CLIENT_CERT_H
#define MT_LIB_CLIENT_CERT_H

/*
 * Client certificates where their owner keeps them: $XDG_DATA_HOME/mailtrust/client-certificates/
 * <account id>/<SHA-256 of the certificate>.pem (RFC 8314 §5.5).
 *
 * One folder for each account, so that what was installed for one is not even there for another
 * (R-5.5-05). A file holds the certificate, its issuers and its private key, not encrypted, for
 * nobody is asked when a connection is made (R-5.5-04): the file's mode is what protects it, and
 * what others can read or write, or what is not the caller's, is refused here.
 *
 * Not decided here: whether one may be presented. Which certificates an account may use is kept by
 * the service, and which may go onto a connection is said by its answer in phase handshake; both
 * name certificates by their SHA-256. Not checked: dates, purposes, who issued it; that is for the
 * server it is shown to.
 *
 * The files are the caller's word about himself: load them after a setgid program has dropped its
 * group for good, and before a sandbox closes the file system.
 */

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "policy/diag.h"
#include "policy/limits.h"

#define MT_CLIENT_CERT_SHA256_SIZE 32
#define MT_CLIENT_CERT_FOLDER_SIZE 4096

/* Zeroed: none. */
struct mt_client_cert {
	uint8_t sha256[MT_CLIENT_CERT_SHA256_SIZE]; /* of the leaf's DER */
	X509 *leaf;
	/* Issuers in the order of the file, without the leaf; may be empty. */
	STACK_OF(X509) * chain;
	EVP_PKEY *key; /* the leaf's */
};
/* Frees what it holds and zeroes it. */
void mt_client_cert_clear(struct mt_client_cert *cert);

/* What stands against a certificate; the diag says it for people. */
enum {
	MT_CLIENT_CERT_E_ABSENT = 1, /* there is no such file */
	MT_CLIENT_CERT_E_UNSAFE = 2, /* not the caller's alone, or no regular file */
	MT_CLIENT_CERT_E_TOO_LARGE =
		3, /* more than MT_CLIENT_CERT_BYTES_MAX, or too many issuers */
	MT_CLIENT_CERT_E_NO_CERTIFICATE = 4,
	MT_CLIENT_CERT_E_NO_KEY = 5,     /* no private key, or one that cannot be read */
	MT_CLIENT_CERT_E_PASSPHRASE = 6, /* the key is encrypted, and not with this passphrase */
	MT_CLIENT_CERT_E_MISMATCH = 7,   /* the key is another's, or the file's name is */
	MT_CLIENT_CERT_E_UNFIT = 8       /* TLS here uses no such key or signature (D-PKIX-03) */
};

/* The caller's data folder, from the environment. Return: 0, or 1 where XDG_DATA_HOME and HOME name
 * none. Spec: XDG Base Directory Specification: a relative XDG_DATA_HOME is ignored. */
MT_MUST_CHECK int mt_client_cert_folder(char ret[static MT_CLIENT_CERT_FOLDER_SIZE]);

/*
 * Loads one certificate of an account. folder: as mt_client_cert_folder() says; account: its id, 32
 * hexadecimal digits. ret: clear it when done; zeroed where this fails.
 * Return: 0, one of the outcomes above, negative errno.
 */
MT_MUST_CHECK int mt_client_cert_load(const char *folder, const char *account,
				      const uint8_t sha256[static MT_CLIENT_CERT_SHA256_SIZE],
				      struct mt_client_cert *ret, struct mt_diag *diag);

/* All that an account has. */
struct mt_client_certs {
	struct mt_client_cert cert[MT_CLIENT_CERTS_MAX];
	size_t n;
	size_t n_unusable; /* files left out, for mt_client_cert_load() would refuse them, or for
			      there are too many */
};
void mt_client_certs_clear(struct mt_client_certs *certs);

/*
 * Loads every certificate of an account; an account without any is no error. A file that cannot be
 * used is left out and counted, and diag (may be NULL) then says what stands against the last one.
 * Return: 0; MT_CLIENT_CERT_E_UNSAFE: the folder is not the caller's alone, and nothing in it is
 * looked at; negative errno.
 */
MT_MUST_CHECK int mt_client_certs_load(const char *folder, const char *account,
				       struct mt_client_certs *ret, struct mt_diag *diag);
/* The one of that SHA-256, or NULL; lives as long as certs. */
const struct mt_client_cert *
mt_client_certs_find(const struct mt_client_certs *certs,
		     const uint8_t sha256[static MT_CLIENT_CERT_SHA256_SIZE]);

/*
 * Reads PEM: one private key, in any of OpenSSL's forms, and certificates in any order, of which
 * the key's is the leaf. passphrase is OpenSSL's callback; it is asked only where the key is
 * encrypted, and returns -1 where there is none to be had. NULL: there is none; nobody is prompted.
 * Return: 0 or an outcome above (not ABSENT, UNSAFE), -ENOMEM.
 */
MT_MUST_CHECK int mt_client_cert_parse(struct mt_bytes pem, pem_password_cb *passphrase,
				       void *userdata, struct mt_client_cert *ret,
				       struct mt_diag *diag);
/* Fills sha256 from the leaf. Return: 0, -ENOMEM. */
MT_MUST_CHECK int mt_client_cert_digest(struct mt_client_cert *cert);

#endif
