/* SPDX-License-Identifier: MIT */
/* Client certificates as people are shown them. */

#include "clients/cli/cert.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "clients/cli/bus-json.h"
#include "clients/cli/fingerprint.h"
#include "clients/cli/output.h"
#include "ipc/base64.h"

/* RFC 4514: what is not printable ASCII is escaped. */
static void
format_name(const X509_NAME *name, char ret[static MT_CLIENT_CERT_SUBJECT_SIZE])
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long size = 0;

	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
		size = BIO_get_mem_data(bio, &text);
	mt_escape(text ? text : "", (size_t)size, ret, MT_CLIENT_CERT_SUBJECT_SIZE);
	BIO_free(bio);
	ERR_clear_error();
}

void
mt_cert_subject(const struct mt_client_cert *cert, char ret[static MT_CLIENT_CERT_SUBJECT_SIZE])
{
	STACK_OF(OPENSSL_STRING) * addresses;

	format_name(X509_get_subject_name(cert->leaf), ret);
	if (ret[0])
		return;
	addresses = X509_get1_email(cert->leaf);
	if (sk_OPENSSL_STRING_num(addresses) > 0) {
		const char *first = sk_OPENSSL_STRING_value(addresses, 0);

		mt_escape(first, strlen(first), ret, MT_CLIENT_CERT_SUBJECT_SIZE);
	}
	X509_email_free(addresses);
}

void
mt_cert_issuer(const struct mt_client_cert *cert, char ret[static MT_CLIENT_CERT_SUBJECT_SIZE])
{
	format_name(X509_get_issuer_name(cert->leaf), ret);
}

void
mt_cert_date(const ASN1_TIME *time, char ret[static MT_CERT_DATE_SIZE])
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) != 1 || strftime(ret, MT_CERT_DATE_SIZE, "%F", &tm) == 0)
		(void)snprintf(ret, MT_CERT_DATE_SIZE, "?");
}

const char *
mt_cert_warning(const struct mt_client_cert *cert)
{
	const char *warning = NULL;

	if (X509_cmp_current_time(X509_get0_notAfter(cert->leaf)) <= 0)
		warning = "it has expired; servers will refuse it";
	else if (X509_cmp_current_time(X509_get0_notBefore(cert->leaf)) >= 0)
		warning = "it is not valid yet; servers will refuse it until then";
	else if (X509_check_purpose(cert->leaf, X509_PURPOSE_SSL_CLIENT, 0) != 1)
		warning = "it was not issued for logging in with; servers may refuse it";
	ERR_clear_error();
	return warning;
}

/* -- what the service allows ------------------------------------------------------------------- */

bool
mt_cert_entry_load(const struct mt_account_view *view, size_t index, struct mt_cert_entry *ret)
{
	const json_t *list = json_object_get(view->properties, "ClientCertificates");
	const json_t *entry = json_array_get(list, index);
	const char *text = mt_json_text(entry, "thumbprint");
	char folder[MT_CLIENT_CERT_FOLDER_SIZE];
	size_t size = 0;
	int r;

	memset(ret, 0, sizeof(*ret));
	if (!entry ||
	    mt_base64url_decode(text, strlen(text), ret->sha256, sizeof(ret->sha256), &size) != 0 ||
	    size != sizeof(ret->sha256))
		return false;
	ret->subject = mt_json_text(entry, "subject");
	ret->allowed_usec = json_integer_value(json_object_get(entry, "allowed"));
	if (mt_client_cert_folder(folder) != 0) {
		mt_diag_set(&ret->why, SIZE_MAX, "neither XDG_DATA_HOME nor HOME is set");
		return true;
	}
	r = mt_client_cert_load(folder, view->id, ret->sha256, &ret->cert, &ret->why);
	if (r < 0)
		mt_diag_set(&ret->why, SIZE_MAX, "it cannot be read: %s", strerror(-r));
	return true;
}

static void
print_state(struct mt_cli *cli, const struct mt_cert_entry *entry)
{
	char until[MT_CERT_DATE_SIZE];
	const char *warning;

	if (!entry->cert.leaf) {
		mt_print(cli, MT_PAINT_WARN, "    cannot be presented by you here: %s\n",
			 entry->why.message);
		return;
	}
	mt_cert_date(X509_get0_notAfter(entry->cert.leaf), until);
	mt_print(cli, MT_PAINT_PLAIN, "    valid until %s\n", until);
	warning = mt_cert_warning(&entry->cert);
	if (warning)
		mt_print(cli, MT_PAINT_WARN, "    %s\n", warning);
}

void
mt_certs_print(struct mt_cli *cli, const struct mt_account_view *view)
{
	char fingerprint[MT_FINGERPRINT_TEXT_SIZE], date[MT_CERT_DATE_SIZE];
	struct mt_cert_entry entry;

	for (size_t i = 0; mt_cert_entry_load(view, i, &entry); i++) {
		time_t allowed = (time_t)(entry.allowed_usec / MT_USEC_PER_SEC);
		struct tm tm;

		(void)strftime(date, sizeof(date), "%F", localtime_r(&allowed, &tm));
		mt_fingerprint_format(entry.sha256, fingerprint);
		mt_print(cli, MT_PAINT_PLAIN, "  %s, allowed on %s\n    SHA-256 %s\n",
			 entry.subject[0] ? entry.subject : "(no name)", date, fingerprint);
		print_state(cli, &entry);
		mt_client_cert_clear(&entry.cert);
	}
}
