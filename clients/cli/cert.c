/* SPDX-License-Identifier: MIT */
/* cert list, allow, revoke: client certificates of one account (RFC 8314 §5.5). */

#include "clients/cli/cert.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/cert-import.h"
#include "clients/cli/fingerprint.h"
#include "clients/cli/output.h"
#include "clients/lib/client-cert-store.h"

/* RFC 8314 §8, R-5.5-08. */
static const char disclosure[] =
	"It is shown only to servers of this account that ask for it, and only where the\n"
	"connection is encrypted from the start. With TLS 1.2 it crosses the network in the\n"
	"clear: whoever can read along learns who you are. TLS 1.3 hides it.";

/* Says what is wrong with a file. Return: the status to exit with. */
static enum mt_exit
refuse(struct mt_cli *cli, int outcome, const char *what, const struct mt_diag *diag)
{
	struct mt_answer why = {0};

	(void)snprintf(why.why, sizeof(why.why), "%s",
		       outcome < 0 ? strerror(-outcome) : diag->message);
	mt_print_refusal(cli, what, &why);
	return outcome < 0 ? MT_EXIT_INTERNAL : MT_EXIT_USAGE;
}

static enum mt_exit
find_folder(struct mt_cli *cli, char ret[static MT_CLIENT_CERT_FOLDER_SIZE])
{
	struct mt_diag diag = {.message = "neither XDG_DATA_HOME nor HOME is set"};

	return mt_client_cert_folder(ret) == 0
		       ? MT_EXIT_OK
		       : refuse(cli, MT_CLIENT_CERT_E_ABSENT,
				"there is no folder to keep certificates in", &diag);
}

/* -- list -------------------------------------------------------------------------------------- */

static json_t *
entry_to_json(const struct mt_account_view *view, const struct mt_cert_entry *entry)
{
	char fingerprint[MT_FINGERPRINT_TEXT_SIZE], until[MT_CERT_DATE_SIZE] = "";
	const bool is_here = entry->cert.leaf != NULL;

	if (is_here)
		mt_cert_date(X509_get0_notAfter(entry->cert.leaf), until);
	mt_fingerprint_format(entry->sha256, fingerprint);
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:b, s:s?, s:s?}", "id", view->id, "address",
			 mt_account_view_text(view, "Address"), "sha256", fingerprint, "subject",
			 entry->subject, "allowed", (json_int_t)entry->allowed_usec, "usable",
			 is_here, "until", is_here ? until : NULL, "why",
			 is_here ? mt_cert_warning(&entry->cert) : entry->why.message);
}

static json_t *
certs_to_json(const struct mt_account_view *view)
{
	struct mt_cert_entry entry;
	json_t *list = json_array();

	for (size_t i = 0; mt_cert_entry_load(view, i, &entry); i++) {
		json_array_append_new(list, entry_to_json(view, &entry));
		mt_client_cert_clear(&entry.cert);
	}
	return list;
}

enum mt_exit
mt_command_cert_list(struct mt_cli *cli, int argc, char **argv)
{
	struct mt_account_view view;
	enum mt_exit status;

	if (argc != 2)
		return mt_cli_usage(cli, "cert list", "it takes one account");

	status = mt_account_view_load(cli, argv[1], &view);
	if (status)
		return status;
	if (cli->json)
		mt_print_json(cli, json_pack("{s:o}", "certificates", certs_to_json(&view)));
	else if (json_array_size(json_object_get(view.properties, "ClientCertificates")) == 0)
		mt_print(cli, MT_PAINT_PLAIN, "No client certificate is allowed for %s.\n",
			 mt_account_view_text(&view, "Address"));
	else
		mt_certs_print(cli, &view);
	mt_account_view_clear(&view);
	return MT_EXIT_OK;
}

/* -- allow ------------------------------------------------------------------------------------- */

struct facts {
	char subject[MT_CLIENT_CERT_SUBJECT_SIZE], issuer[MT_CLIENT_CERT_SUBJECT_SIZE];
	char from[MT_CERT_DATE_SIZE], until[MT_CERT_DATE_SIZE];
	char fingerprint[MT_FINGERPRINT_TEXT_SIZE];
	const char *warning;
};

static void
gather(const struct mt_client_cert *cert, struct facts *ret)
{
	mt_cert_subject(cert, ret->subject);
	mt_cert_issuer(cert, ret->issuer);
	mt_cert_date(X509_get0_notBefore(cert->leaf), ret->from);
	mt_cert_date(X509_get0_notAfter(cert->leaf), ret->until);
	mt_fingerprint_format(cert->sha256, ret->fingerprint);
	ret->warning = mt_cert_warning(cert);
}

static void
print_allowed(struct mt_cli *cli, const struct mt_account_view *view, const struct facts *facts)
{
	if (cli->json) {
		mt_print_json(cli, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:s}", "id",
					     view->id, "sha256", facts->fingerprint, "subject",
					     facts->subject, "issuer", facts->issuer, "from",
					     facts->from, "until", facts->until, "warning",
					     facts->warning, "note", disclosure));
		return;
	}
	mt_print(cli, MT_PAINT_BOLD, "Allowed for %s, and for no other account\n",
		 mt_account_view_text(view, "Address"));
	mt_print(cli, MT_PAINT_PLAIN,
		 "  subject  %s\n  issuer   %s\n  valid    %s until %s\n  SHA-256  %s\n",
		 facts->subject[0] ? facts->subject : "(no name)", facts->issuer, facts->from,
		 facts->until, facts->fingerprint);
	if (facts->warning)
		mt_print(cli, MT_PAINT_WARN, "Warning: %s.\n", facts->warning);
	mt_print(cli, MT_PAINT_PLAIN,
		 "%s\nTo keep it to TLS 1.3: mailtrust account edit %s --set "
		 "client_cert_tls_min=1.3\n",
		 disclosure, mt_account_view_text(view, "Address"));
}

/* The file first: what the service allows can then be presented. */
static enum mt_exit
keep_and_allow(struct mt_cli *cli, const struct mt_account_view *view, const char *folder,
	       const struct mt_client_cert *cert)
{
	const bool was_there = mt_client_cert_is_there(folder, view->id, cert->sha256);
	struct mt_diag diag = {0};
	struct facts facts;
	int r = mt_client_cert_save(folder, view->id, cert, &diag);

	if (r)
		return refuse(cli, r, "the certificate cannot be kept", &diag);
	gather(cert, &facts);
	r = mt_call_allow_cert(cli, view->id, cert->sha256, facts.subject);
	if (r) {
		if (!was_there)
			(void)!mt_client_cert_remove(folder, view->id, cert->sha256);
		return mt_call_explain(cli, r, "the certificate was not allowed");
	}
	print_allowed(cli, view, &facts);
	return MT_EXIT_OK;
}

static enum mt_exit
allow(struct mt_cli *cli, const char *account, const char *path, const char *passphrase_file)
{
	char folder[MT_CLIENT_CERT_FOLDER_SIZE];
	struct mt_client_cert cert;
	struct mt_account_view view;
	struct mt_diag diag = {0};
	enum mt_exit status = find_folder(cli, folder);
	int r;

	if (status == MT_EXIT_OK)
		status = mt_account_view_load(cli, account, &view);
	if (status)
		return status;
	r = mt_cert_import(cli, path, passphrase_file, &cert, &diag);
	if (r)
		status = refuse(cli, r, "no certificate can be taken from that file", &diag);
	else
		status = keep_and_allow(cli, &view, folder, &cert);
	mt_client_cert_clear(&cert);
	mt_account_view_clear(&view);
	return status;
}

enum mt_exit
mt_command_cert_allow(struct mt_cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{"passphrase-file", required_argument, NULL, 'p'},
		{0},
	};
	const char *passphrase_file = NULL;
	int option;

	optind = 0; /* GNU: start over, with argv permuted */
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'p')
			return mt_cli_usage(cli, "cert allow",
					    "an option is unknown, or lacks its value");
		passphrase_file = optarg;
	}
	if (optind != argc - 2)
		return mt_cli_usage(cli, "cert allow", "it takes one account and one file");
	return allow(cli, argv[optind], argv[optind + 1], passphrase_file);
}

/* -- revoke ------------------------------------------------------------------------------------ */

/* The certificate that a thumbprint, or the beginning of one, names: of those the service lists, or
 * a whole one whatever it names. Return: 0, or 1 with diag. */
static int
find_named(const struct mt_account_view *view, const char *text,
	   uint8_t ret[static MT_CLIENT_CERT_SHA256_SIZE], struct mt_diag *diag)
{
	struct mt_cert_entry entry;
	size_t n = 0;

	if (mt_fingerprint_parse(text, ret) == 0)
		return 0;
	for (size_t i = 0; mt_cert_entry_load(view, i, &entry); i++) {
		if (mt_fingerprint_begins(entry.sha256, text)) {
			memcpy(ret, entry.sha256, MT_CLIENT_CERT_SHA256_SIZE);
			n++;
		}
		mt_client_cert_clear(&entry.cert);
	}
	if (n == 1)
		return 0;
	mt_diag_set(diag, SIZE_MAX, "%s",
		    n == 0 ? "no certificate of the account has a SHA-256 that begins so"
			   : "more than one certificate has a SHA-256 that begins so");
	return 1;
}

static enum mt_exit
say_revoked(struct mt_cli *cli, const struct mt_account_view *view, const uint8_t *sha256)
{
	char fingerprint[MT_FINGERPRINT_TEXT_SIZE];

	mt_fingerprint_format(sha256, fingerprint);
	if (cli->json)
		mt_print_json(cli, json_pack("{s:s, s:s}", "id", view->id, "sha256", fingerprint));
	else
		mt_print(cli, MT_PAINT_PLAIN,
			 "Revoked for %s, and no file of it is left here:\n  %s\n",
			 mt_account_view_text(view, "Address"), fingerprint);
	return MT_EXIT_OK;
}

/* The service first: from then on nobody is shown it, whatever becomes of the file. */
static enum mt_exit
revoke(struct mt_cli *cli, const struct mt_account_view *view, const char *folder,
       const uint8_t *sha256)
{
	static const struct mt_diag unknown = {.message =
						       "the account allows none of that SHA-256"};
	static const struct mt_diag unsafe = {.message = "its folder is not yours alone"};
	const int listed = mt_call_revoke_cert(cli, view->id, sha256);
	int kept;

	/* one that the service does not list may have left its file */
	if (listed && listed != MT_ERROR_INVALID_ARGUMENTS)
		return mt_call_explain(cli, listed, "the certificate was not revoked");
	kept = mt_client_cert_remove(folder, view->id, sha256);
	if (listed && kept == MT_CLIENT_CERT_E_ABSENT)
		return refuse(cli, kept, "there is nothing to revoke", &unknown);
	if (kept && kept != MT_CLIENT_CERT_E_ABSENT)
		return refuse(cli, kept, "it is not allowed any more, but its file is still there",
			      &unsafe);
	return say_revoked(cli, view, sha256);
}

enum mt_exit
mt_command_cert_revoke(struct mt_cli *cli, int argc, char **argv)
{
	char folder[MT_CLIENT_CERT_FOLDER_SIZE];
	uint8_t sha256[MT_CLIENT_CERT_SHA256_SIZE];
	struct mt_account_view view;
	struct mt_diag diag = {0};
	enum mt_exit status;

	if (argc != 3)
		return mt_cli_usage(cli, "cert revoke", "it takes one account and one thumbprint");

	status = find_folder(cli, folder);
	if (status == MT_EXIT_OK)
		status = mt_account_view_load(cli, argv[1], &view);
	if (status)
		return status;
	if (find_named(&view, argv[2], sha256, &diag) != 0)
		status = mt_cli_usage(cli, "cert revoke", "%s", diag.message);
	else
		status = revoke(cli, &view, folder, sha256);
	mt_account_view_clear(&view);
	return status;
}

/* -- an account that is gone ------------------------------------------------------------------- */

void
mt_certs_forget(struct mt_cli *cli, const char *id)
{
	char folder[MT_CLIENT_CERT_FOLDER_SIZE];

	if (mt_client_cert_folder(folder) == 0 && mt_client_certs_remove(folder, id) != 0)
		(void)fprintf(cli->err,
			      "mailtrust: its client certificates could not be removed: see\n"
			      "    %s/mailtrust/client-certificates/%s\n",
			      folder, id);
}
