/* SPDX-License-Identifier: MIT */
/*
 * Feeds the reader of client certificates with the bytes of a file, as the tunnel reads it: nobody
 * says a passphrase. What comes out has a key of its own, is bounded, and is printed as printable
 * ASCII whatever is in it.
 */

#include <stdlib.h>
#include <string.h>

#include "clients/cli/cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect_printable(const char *text, size_t room)
{
	if (strnlen(text, room) == room)
		abort();
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			abort();
}

static void
print(const struct mt_client_cert *cert)
{
	char text[MT_CLIENT_CERT_SUBJECT_SIZE], date[MT_CERT_DATE_SIZE];

	mt_cert_subject(cert, text);
	expect_printable(text, sizeof(text));
	mt_cert_issuer(cert, text);
	expect_printable(text, sizeof(text));
	mt_cert_date(X509_get0_notAfter(cert->leaf), date);
	expect_printable(date, sizeof(date));
	(void)mt_cert_warning(cert);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mt_client_cert cert;
	struct mt_diag diag = {0};
	int r = mt_client_cert_parse((struct mt_bytes){data, size}, NULL, NULL, &cert, &diag);

	if (r == 0) {
		if (X509_check_private_key(cert.leaf, cert.key) != 1 ||
		    sk_X509_num(cert.chain) > MT_CHAIN_MAX)
			abort();
		print(&cert);
	} else if (cert.leaf || cert.key || cert.chain || !diag.message[0]) {
		abort();
	}
	mt_client_cert_clear(&cert);
	return 0;
}
