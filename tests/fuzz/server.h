/* SPDX-License-Identifier: MIT */
#ifndef MT_FUZZ_SERVER_H
#define MT_FUZZ_SERVER_H

/*
 * OpenSSL's server for fuzz targets, with the same random numbers and the same certificate in every
 * run; and expect(), which ends the run where what must hold does not. Who includes it
 * defines OPENSSL_API_COMPAT for RAND_METHOD first.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#define expect(ok) expect_at(ok, __FILE__, __LINE__)

static void
expect_at(bool ok, const char *file, int line)
{
	if (ok)
		return;
	(void)fprintf(stderr, "%s:%d: this does not hold\n", file, line);
	abort();
}

static uint64_t seed;

static int
fill(unsigned char *buffer, int size)
{
	for (int i = 0; i < size; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		buffer[i] = (unsigned char)(seed >> 56);
	}
	return 1;
}

static int
is_seeded(void)
{
	return 1;
}

static SSL_CTX *
make_server(void)
{
	static const RAND_METHOD method = {.bytes = fill, .pseudorand = fill, .status = is_seeded};
	SSL_CTX *context;
	EVP_PKEY *key;
	X509 *cert = X509_new();

	expect(RAND_set_rand_method(&method) == 1);
	context = SSL_CTX_new(TLS_server_method());
	key = EVP_EC_gen("P-256");
	expect(context && key && cert && X509_set_pubkey(cert, key));
	expect(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1));
	/* of fixed dates, so that every run sees the same certificate */
	expect(ASN1_TIME_set_string(X509_getm_notBefore(cert), "20260101000000Z"));
	expect(ASN1_TIME_set_string(X509_getm_notAfter(cert), "20360101000000Z"));
	expect(X509_sign(cert, key, EVP_sha256()) > 0);
	expect(SSL_CTX_use_certificate(context, cert) == 1);
	expect(SSL_CTX_use_PrivateKey(context, key) == 1);
	SSL_CTX_set_num_tickets(context, 1);
	X509_free(cert);
	EVP_PKEY_free(key);
	return context;
}

#endif
