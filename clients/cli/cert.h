/* SPDX-License-Identifier: MIT */
#ifndef MT_CLI_CERT_H
#define MT_CLI_CERT_H

/*
 * Client certificates as people are shown them: what the service allows (property
 * ClientCertificates), beside what is in this user's files. Text out of a certificate is printable
 * ASCII here, whatever it was there.
 */

#include "clients/cli/account.h"
#include "clients/lib/client-cert.h"

/* Whose it is, on one line: the subject, or where that is empty an address in it; "" none. */
void mt_cert_subject(const struct mt_client_cert *cert,
		     char ret[static MT_CLIENT_CERT_SUBJECT_SIZE]);
void mt_cert_issuer(const struct mt_client_cert *cert,
		    char ret[static MT_CLIENT_CERT_SUBJECT_SIZE]);
/* "2026-01-01", of a time in a certificate; "?" where it is none. */
#define MT_CERT_DATE_SIZE 16
void mt_cert_date(const ASN1_TIME *time, char ret[static MT_CERT_DATE_SIZE]);
/* What its owner should know before he relies on it; NULL: nothing. Static storage. */
const char *mt_cert_warning(const struct mt_client_cert *cert);

/* One that the service allows for an account, with its file. */
struct mt_cert_entry {
	uint8_t sha256[MT_CLIENT_CERT_SHA256_SIZE];
	const char *subject; /* lives as long as the view */
	int64_t allowed_usec;
	struct mt_client_cert cert; /* zeroed where it cannot be loaded, and then */
	struct mt_diag why;         /* says why not */
};
/* The entry at an index; clear its cert. False: there is none, or it is none. */
bool mt_cert_entry_load(const struct mt_account_view *view, size_t index,
			struct mt_cert_entry *ret);

#endif
