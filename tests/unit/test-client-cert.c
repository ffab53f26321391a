/* SPDX-License-Identifier: MIT */
/* Client certificates where their owner keeps them: what is loaded, and what is refused; and that
 * they get there whole. */

#include "tests/cmocka-all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/lib/client-cert-folder.h"
#include "clients/lib/client-cert-store.h"
#include "clients/lib/client-cert.h"
#include "tests/unit/pki.h"
#include "tests/unit/scratch.h"

#define ACCOUNT "00112233445566778899aabbccddeeff"
#define OTHER "ffeeddccbbaa99887766554433221100"

struct world {
	struct pki *pki;
	char data[SCRATCH_PATH];
	char folder[2 * SCRATCH_PATH]; /* of ACCOUNT */
	const struct pki_cert *issuer, *ann, *bea;
	struct mt_client_cert cert;
	struct mt_diag diag;
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	int fd;

	assert_non_null(w);
	w->pki = pki_new();
	w->issuer = pki_issue(w->pki, &(struct pki_recipe){.is_ca = true, .cn = "Issuer"});
	w->ann = pki_issue(w->pki, &(struct pki_recipe){.issuer = w->issuer, .cn = "Ann"});
	w->bea = pki_issue(w->pki, &(struct pki_recipe){.issuer = w->issuer, .cn = "Bea"});
	scratch_make(w->data);
	assert_int_equal(mt_client_cert_folder_open(w->data, ACCOUNT, true, &fd, NULL), 0);
	(void)close(fd);
	(void)snprintf(w->folder, sizeof(w->folder), "%s/mailtrust/client-certificates/%s", w->data,
		       ACCOUNT);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	static const char *const folders[] = {"mailtrust/client-certificates/" ACCOUNT,
					      "mailtrust/client-certificates/" OTHER,
					      "mailtrust/client-certificates", "mailtrust"};
	struct world *w = *state;
	char path[2 * SCRATCH_PATH];

	for (size_t i = 0; i < MT_ARRAY_SIZE(folders); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", w->data, folders[i]);
		scratch_remove(path);
	}
	scratch_remove(w->data);
	mt_client_cert_clear(&w->cert);
	pki_free(w->pki);
	free(w);
	return 0;
}

/* PEM of certificates and of a key, in this order; passphrase NULL: not encrypted. */
static BIO *
pem(const struct pki_cert *const *certs, size_t n, EVP_PKEY *key, const char *passphrase)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_non_null(bio);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(PEM_write_bio_X509(bio, certs[i]->x509), 1);
	if (key)
		assert_int_equal(PEM_write_bio_PKCS8PrivateKey(
					 bio, key, passphrase ? EVP_aes_128_cbc() : NULL,
					 passphrase, passphrase ? (int)strlen(passphrase) : 0, NULL,
					 NULL),
				 1);
	return bio;
}

static struct mt_bytes
bytes_of(BIO *bio)
{
	char *data;
	long size = BIO_get_mem_data(bio, &data);

	return (struct mt_bytes){(const uint8_t *)data, (size_t)size};
}

static void
digest_of(const struct pki_cert *cert, uint8_t ret[static 32])
{
	assert_int_equal(X509_digest(cert->x509, EVP_sha256(), ret, NULL), 1);
}

static void
path_of(const struct world *w, const struct pki_cert *cert, char ret[static 1024])
{
	uint8_t sha256[32];
	char name[MT_CLIENT_CERT_NAME_SIZE];

	digest_of(cert, sha256);
	mt_client_cert_name(sha256, name);
	(void)snprintf(ret, 1024, "%s/%s", w->folder, name);
}

/* A file under the name of one certificate. Takes the content. */
static void
put(const struct world *w, const struct pki_cert *name, BIO *content)
{
	struct mt_bytes bytes = bytes_of(content);
	char path[1024];
	FILE *file;

	path_of(w, name, path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
	BIO_free(content);
}

static void
put_good(const struct world *w, const struct pki_cert *cert)
{
	put(w, cert, pem((const struct pki_cert *[]){cert, w->issuer}, 2, cert->key, NULL));
}

/* Loading says so, leaves nothing behind, and has a word for people. */
static void
expect(struct world *w, const struct pki_cert *cert, int outcome)
{
	static const struct mt_client_cert none = {0};
	uint8_t sha256[32];

	digest_of(cert, sha256);
	w->diag = (struct mt_diag){0};
	mt_client_cert_clear(&w->cert);
	assert_int_equal(mt_client_cert_load(w->data, ACCOUNT, sha256, &w->cert, &w->diag),
			 outcome);
	if (outcome == 0) {
		assert_memory_equal(w->cert.sha256, sha256, 32);
		return;
	}
	assert_memory_equal(&w->cert, &none, sizeof(none));
	assert_string_not_equal(w->diag.message, "");
}

static void
a_certificate_is_loaded_with_its_issuers_and_its_key(void **state)
{
	struct world *w = *state;

	put_good(w, w->ann);
	expect(w, w->ann, 0);
	assert_int_equal(X509_cmp(w->cert.leaf, w->ann->x509), 0);
	assert_int_equal(EVP_PKEY_eq(w->cert.key, w->ann->key), 1);
	assert_int_equal(sk_X509_num(w->cert.chain), 1);
	assert_int_equal(X509_cmp(sk_X509_value(w->cert.chain, 0), w->issuer->x509), 0);
}

static void
one_accounts_certificate_is_not_there_for_another(void **state)
{
	struct world *w = *state;
	struct mt_client_certs certs;
	uint8_t sha256[32];
	int fd;

	put_good(w, w->ann);
	digest_of(w->ann, sha256);
	assert_int_equal(mt_client_cert_load(w->data, OTHER, sha256, &w->cert, &w->diag),
			 MT_CLIENT_CERT_E_ABSENT);
	assert_int_equal(mt_client_cert_folder_open(w->data, OTHER, true, &fd, NULL), 0);
	(void)close(fd);
	assert_int_equal(mt_client_cert_load(w->data, OTHER, sha256, &w->cert, &w->diag),
			 MT_CLIENT_CERT_E_ABSENT);
	assert_int_equal(mt_client_certs_load(w->data, OTHER, &certs, &w->diag), 0);
	assert_int_equal(certs.n + certs.n_unusable, 0);
}

static void
no_account_leads_out_of_the_folder(void **state)
{
	static const char *const wrong[] = {
		"",
		".",
		"..",
		"../../mailtrust/client-certificates/" ACCOUNT,
		ACCOUNT "/",
		ACCOUNT "0",
		"00112233445566778899AABBCCDDEEFF",
		"0011223344556677889/aabbccddeeff",
	};
	struct world *w = *state;
	struct mt_client_certs certs;
	uint8_t sha256[32];

	put_good(w, w->ann);
	digest_of(w->ann, sha256);
	for (size_t i = 0; i < MT_ARRAY_SIZE(wrong); i++) {
		assert_int_equal(mt_client_cert_load(w->data, wrong[i], sha256, &w->cert, NULL),
				 MT_CLIENT_CERT_E_ABSENT);
		assert_int_equal(mt_client_certs_load(w->data, wrong[i], &certs, NULL), 0);
		assert_int_equal(certs.n, 0);
	}
}

static void
a_file_that_others_may_read_or_write_is_refused(void **state)
{
	static const mode_t wrong[] = {0640, 0620, 0610, 0604, 0602, 0601, 0644, 0666};
	struct world *w = *state;
	char path[1024];

	put_good(w, w->ann);
	path_of(w, w->ann, path);
	for (size_t i = 0; i < MT_ARRAY_SIZE(wrong); i++) {
		assert_int_equal(chmod(path, wrong[i]), 0);
		expect(w, w->ann, MT_CLIENT_CERT_E_UNSAFE);
	}
	assert_int_equal(chmod(path, 0400), 0);
	expect(w, w->ann, 0);
}

static void
a_file_of_somebody_else_is_refused(void **state)
{
	struct world *w = *state;
	char path[1024];

	if (geteuid() != 0)
		skip();
	put_good(w, w->ann);
	path_of(w, w->ann, path);
	assert_int_equal(chown(path, 65534, 65534), 0);
	expect(w, w->ann, MT_CLIENT_CERT_E_UNSAFE);
}

static void
only_a_regular_file_is_read(void **state)
{
	struct world *w = *state;
	char path[1024], elsewhere[2 * SCRATCH_PATH];

	/* a link to a good file is no good file */
	put_good(w, w->ann);
	path_of(w, w->ann, path);
	(void)snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere.pem", w->data);
	assert_int_equal(rename(path, elsewhere), 0);
	assert_int_equal(symlink(elsewhere, path), 0);
	expect(w, w->ann, MT_CLIENT_CERT_E_UNSAFE);
	/* and a pipe does not make it wait */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect(w, w->ann, MT_CLIENT_CERT_E_UNSAFE);
	assert_int_equal(unlink(path), 0);
}

static void
a_folder_that_others_may_write_to_is_refused(void **state)
{
	static const char *const folders[] = {"mailtrust", "mailtrust/client-certificates",
					      "mailtrust/client-certificates/" ACCOUNT};
	struct world *w = *state;
	char path[2 * SCRATCH_PATH];
	struct mt_client_certs certs;

	put_good(w, w->ann);
	for (size_t i = 0; i < MT_ARRAY_SIZE(folders); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", w->data, folders[i]);
		assert_int_equal(chmod(path, 0770), 0);
		expect(w, w->ann, MT_CLIENT_CERT_E_UNSAFE);
		assert_int_equal(mt_client_certs_load(w->data, ACCOUNT, &certs, NULL),
				 MT_CLIENT_CERT_E_UNSAFE);
		assert_int_equal(chmod(path, 0700), 0);
	}
	expect(w, w->ann, 0);
}

static void
a_folder_behind_a_link_is_refused(void **state)
{
	struct world *w = *state;
	char elsewhere[2 * SCRATCH_PATH];

	put_good(w, w->ann);
	(void)snprintf(elsewhere, sizeof(elsewhere), "%s/mailtrust/client-certificates/%s", w->data,
		       OTHER);
	assert_int_equal(rename(w->folder, elsewhere), 0);
	assert_int_equal(symlink(elsewhere, w->folder), 0);
	expect(w, w->ann, MT_CLIENT_CERT_E_UNSAFE);
	assert_int_equal(unlink(w->folder), 0);
}

static void
a_folder_that_cannot_be_opened_is_explained(void **state)
{
	struct world *w = *state;
	struct mt_client_certs certs;
	char path[SCRATCH_PATH];

	scratch_write(w->data, "file", "x", 1);
	scratch_path(w->data, "file", path);
	assert_int_equal(mt_client_certs_load(path, ACCOUNT, &certs, &w->diag), -ENOTDIR);
	assert_non_null(strstr(w->diag.message, "Not a directory"));
	assert_int_equal(certs.n, 0);
}

static void
a_file_over_the_bound_is_refused(void **state)
{
	struct world *w = *state;
	BIO *content = pem((const struct pki_cert *[]){w->ann}, 1, w->ann->key, NULL);
	const int most = MT_CLIENT_CERT_BYTES_MAX;

	/* up to the bound it may hold whatever else it likes */
	while ((int)BIO_ctrl_pending(content) < most)
		assert_int_equal(BIO_write(content, "\n", 1), 1);
	put(w, w->ann, content);
	expect(w, w->ann, 0);
	content = pem((const struct pki_cert *[]){w->ann}, 1, w->ann->key, NULL);
	while ((int)BIO_ctrl_pending(content) <= most)
		assert_int_equal(BIO_write(content, "\n", 1), 1);
	put(w, w->ann, content);
	expect(w, w->ann, MT_CLIENT_CERT_E_TOO_LARGE);
}

static void
a_chain_over_the_bound_is_refused(void **state)
{
	const struct pki_cert *certs[MT_CHAIN_MAX + 2];
	struct world *w = *state;

	for (size_t i = 0; i < MT_ARRAY_SIZE(certs); i++)
		certs[i] = i == 0 ? w->ann : w->issuer;
	put(w, w->ann, pem(certs, MT_CHAIN_MAX + 1, w->ann->key, NULL));
	expect(w, w->ann, 0);
	assert_int_equal(sk_X509_num(w->cert.chain), MT_CHAIN_MAX);
	put(w, w->ann, pem(certs, MT_CHAIN_MAX + 2, w->ann->key, NULL));
	expect(w, w->ann, MT_CLIENT_CERT_E_TOO_LARGE);
}

static void
a_file_holds_what_its_name_says(void **state)
{
	struct world *w = *state;

	put(w, w->ann, pem((const struct pki_cert *[]){w->bea}, 1, w->bea->key, NULL));
	expect(w, w->ann, MT_CLIENT_CERT_E_MISMATCH);
	/* the right certificate beside another's key is not shown either */
	put(w, w->ann, pem((const struct pki_cert *[]){w->ann, w->bea}, 2, w->bea->key, NULL));
	expect(w, w->ann, MT_CLIENT_CERT_E_MISMATCH);
	put(w, w->ann, pem((const struct pki_cert *[]){w->ann}, 1, w->bea->key, NULL));
	expect(w, w->ann, MT_CLIENT_CERT_E_MISMATCH);
}

static void
a_file_without_certificate_or_key_is_refused(void **state)
{
	struct world *w = *state;
	BIO *content;

	put(w, w->ann, pem((const struct pki_cert *[]){w->ann}, 1, NULL, NULL));
	expect(w, w->ann, MT_CLIENT_CERT_E_NO_KEY);
	put(w, w->ann, pem(NULL, 0, w->ann->key, NULL));
	expect(w, w->ann, MT_CLIENT_CERT_E_NO_CERTIFICATE);
	put(w, w->ann, BIO_new(BIO_s_mem()));
	expect(w, w->ann, MT_CLIENT_CERT_E_NO_CERTIFICATE);
	/* one that is cut off in the middle */
	content = pem((const struct pki_cert *[]){w->ann, w->issuer}, 2, NULL, NULL);
	put(w, w->ann, BIO_new_mem_buf(bytes_of(content).data, (int)bytes_of(content).size - 60));
	BIO_free(content);
	expect(w, w->ann, MT_CLIENT_CERT_E_NO_CERTIFICATE);
}

/* R-5.5-04: nobody is asked when a connection is made, least of all by OpenSSL. */
static void
an_encrypted_key_is_refused_and_nobody_is_asked(void **state)
{
	struct world *w = *state;

	put(w, w->ann, pem((const struct pki_cert *[]){w->ann}, 1, w->ann->key, "secret"));
	expect(w, w->ann, MT_CLIENT_CERT_E_PASSPHRASE);
}

static void
all_of_an_account_are_loaded_and_the_bad_ones_counted(void **state)
{
	struct world *w = *state;
	struct mt_client_certs certs;
	uint8_t sha256[32];
	char path[1024];

	assert_int_equal(mt_client_certs_load(w->data, ACCOUNT, &certs, &w->diag), 0);
	assert_int_equal(certs.n + certs.n_unusable, 0);
	put_good(w, w->ann);
	put_good(w, w->bea);
	put(w, w->issuer, pem((const struct pki_cert *[]){w->ann}, 1, w->ann->key, NULL));
	/* what has no certificate's name is none of ours, whatever is in it */
	scratch_write(w->folder, "notes.pem", "x", 1);
	assert_int_equal(mt_client_certs_load(w->data, ACCOUNT, &certs, &w->diag), 0);
	assert_int_equal(certs.n, 2);
	assert_int_equal(certs.n_unusable, 1);
	digest_of(w->bea, sha256);
	assert_int_equal(X509_cmp(mt_client_certs_find(&certs, sha256)->leaf, w->bea->x509), 0);
	digest_of(w->issuer, sha256);
	assert_null(mt_client_certs_find(&certs, sha256));
	mt_client_certs_clear(&certs);
	path_of(w, w->ann, path);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(mt_client_certs_load(w->data, ACCOUNT, &certs, &w->diag), 0);
	assert_int_equal(certs.n, 1);
	assert_int_equal(certs.n_unusable, 2);
	mt_client_certs_clear(&certs);
}

static void
no_more_are_loaded_than_an_account_may_have(void **state)
{
	struct world *w = *state;
	struct mt_client_certs certs;

	for (int i = 0; i < MT_CLIENT_CERTS_MAX + 1; i++)
		put_good(w, pki_issue(w->pki, &(struct pki_recipe){.issuer = w->issuer}));
	assert_int_equal(mt_client_certs_load(w->data, ACCOUNT, &certs, &w->diag), 0);
	assert_int_equal(certs.n, MT_CLIENT_CERTS_MAX);
	assert_int_equal(certs.n_unusable, 1);
	mt_client_certs_clear(&certs);
}

static int
say(char *buffer, int size, int for_writing, void *userdata)
{
	const char *passphrase = userdata;

	if (!passphrase)
		return -1;
	assert_in_range(strlen(passphrase), 1, (uintmax_t)size);
	memcpy(buffer, passphrase, strlen(passphrase));
	return (int)strlen(passphrase);
}

/* Both of OpenSSL's ways to encrypt a key, certificates and key in any order. */
static void
pem_is_read_in_any_order_and_with_its_passphrase(void **state)
{
	struct world *w = *state;
	BIO *keys[] = {
		pem(NULL, 0, w->ann->key, NULL),
		pem(NULL, 0, w->ann->key, "secret"),
		BIO_new(BIO_s_mem()),
	};

	assert_int_equal(PEM_write_bio_PrivateKey_traditional(
				 keys[2], w->ann->key, EVP_aes_128_cbc(),
				 (const unsigned char *)"secret", 6, NULL, NULL),
			 1);
	for (size_t i = 0; i < MT_ARRAY_SIZE(keys); i++) {
		BIO *certs = pem((const struct pki_cert *[]){w->issuer, w->ann}, 2, NULL, NULL);
		struct mt_bytes key = bytes_of(keys[i]);
		BIO *last = BIO_new(BIO_s_mem());

		assert_int_equal(BIO_write(last, bytes_of(certs).data, (int)bytes_of(certs).size),
				 (int)bytes_of(certs).size);
		assert_int_equal(BIO_write(last, key.data, (int)key.size), (int)key.size);
		assert_int_equal(
			BIO_write(keys[i], bytes_of(certs).data, (int)bytes_of(certs).size),
			(int)bytes_of(certs).size);
		for (int before = 0; before < 2; before++) {
			struct mt_bytes all = bytes_of(before ? keys[i] : last);
			char right[] = "secret", wrong[] = "sesame";

			assert_int_equal(mt_client_cert_parse(all, say, right, &w->cert, &w->diag),
					 0);
			assert_int_equal(X509_cmp(w->cert.leaf, w->ann->x509), 0);
			assert_int_equal(sk_X509_num(w->cert.chain), 1);
			mt_client_cert_clear(&w->cert);
			assert_int_equal(mt_client_cert_parse(all, say, wrong, &w->cert, &w->diag),
					 i == 0 ? 0 : MT_CLIENT_CERT_E_PASSPHRASE);
			mt_client_cert_clear(&w->cert);
			assert_int_equal(mt_client_cert_parse(all, say, NULL, &w->cert, &w->diag),
					 i == 0 ? 0 : MT_CLIENT_CERT_E_PASSPHRASE);
			mt_client_cert_clear(&w->cert);
		}
		BIO_free(certs);
		BIO_free(last);
		BIO_free(keys[i]);
	}
}

static void
what_was_saved_is_loaded_again(void **state)
{
	struct world *w = *state;
	struct mt_client_cert saved;
	BIO *content = pem((const struct pki_cert *[]){w->ann, w->issuer}, 2, w->ann->key, NULL);
	char path[1024];
	struct stat st;

	assert_int_equal(mt_client_cert_parse(bytes_of(content), NULL, NULL, &saved, NULL), 0);
	BIO_free(content);
	(void)umask(0);
	assert_int_equal(mt_client_cert_save(w->data, ACCOUNT, &saved, &w->diag), 0);
	(void)umask(022);
	assert_true(mt_client_cert_is_there(w->data, ACCOUNT, saved.sha256));
	assert_false(mt_client_cert_is_there(w->data, OTHER, saved.sha256));
	expect(w, w->ann, 0);
	assert_int_equal(sk_X509_num(w->cert.chain), 1);
	path_of(w, w->ann, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* again, in place of one that nobody could use */
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(mt_client_cert_save(w->data, ACCOUNT, &saved, &w->diag), 0);
	expect(w, w->ann, 0);
	mt_client_cert_clear(&saved);
}

/* What a writer left that was interrupted is neither loaded nor in the way. */
static void
half_a_file_is_none(void **state)
{
	struct world *w = *state;
	struct mt_client_cert saved;
	struct mt_client_certs certs;
	BIO *content = pem((const struct pki_cert *[]){w->ann}, 1, w->ann->key, NULL);
	char path[1024], fresh[1024 + 8];

	assert_int_equal(mt_client_cert_parse(bytes_of(content), NULL, NULL, &saved, NULL), 0);
	put(w, w->ann, content);
	path_of(w, w->ann, path);
	(void)snprintf(fresh, sizeof(fresh), "%s.new", path);
	assert_int_equal(rename(path, fresh), 0);
	expect(w, w->ann, MT_CLIENT_CERT_E_ABSENT);
	assert_int_equal(mt_client_certs_load(w->data, ACCOUNT, &certs, NULL), 0);
	assert_int_equal(certs.n + certs.n_unusable, 0);
	assert_int_equal(mt_client_cert_save(w->data, ACCOUNT, &saved, &w->diag), 0);
	assert_int_equal(access(fresh, F_OK), -1);
	expect(w, w->ann, 0);
	mt_client_cert_clear(&saved);
}

static void
removing_one_leaves_the_others_and_removing_all_leaves_nothing(void **state)
{
	struct world *w = *state;
	uint8_t sha256[32];
	char path[1024];

	put_good(w, w->ann);
	put_good(w, w->bea);
	path_of(w, w->ann, path);
	/* unusable ones go as well */
	assert_int_equal(chmod(path, 0644), 0);
	digest_of(w->ann, sha256);
	assert_int_equal(mt_client_cert_remove(w->data, ACCOUNT, sha256), 0);
	assert_int_equal(mt_client_cert_remove(w->data, ACCOUNT, sha256), MT_CLIENT_CERT_E_ABSENT);
	assert_int_equal(mt_client_cert_remove(w->data, OTHER, sha256), MT_CLIENT_CERT_E_ABSENT);
	expect(w, w->bea, 0);
	strcat(strcpy(path, w->folder), "/notes");
	scratch_write(w->folder, "notes", "x", 1);
	assert_int_equal(mt_client_certs_remove(w->data, ACCOUNT), 0);
	expect(w, w->bea, MT_CLIENT_CERT_E_ABSENT);
	/* what is not ours is somebody's */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mt_client_certs_remove(w->data, ACCOUNT), 0);
	assert_int_equal(access(w->folder, F_OK), -1);
	assert_int_equal(mt_client_certs_remove(w->data, ACCOUNT), 0);
}

static void
nothing_is_written_where_others_may_write(void **state)
{
	struct world *w = *state;
	struct mt_client_cert saved;
	BIO *content = pem((const struct pki_cert *[]){w->ann}, 1, w->ann->key, NULL);

	assert_int_equal(mt_client_cert_parse(bytes_of(content), NULL, NULL, &saved, NULL), 0);
	BIO_free(content);
	assert_int_equal(chmod(w->folder, 0777), 0);
	assert_int_equal(mt_client_cert_save(w->data, ACCOUNT, &saved, &w->diag),
			 MT_CLIENT_CERT_E_UNSAFE);
	assert_int_equal(chmod(w->folder, 0700), 0);
	assert_false(mt_client_cert_is_there(w->data, ACCOUNT, saved.sha256));
	mt_client_cert_clear(&saved);
}

static void
the_folder_is_the_callers_data_folder(void **state)
{
	char folder[MT_CLIENT_CERT_FOLDER_SIZE], *long_name = malloc(MT_CLIENT_CERT_FOLDER_SIZE);

	assert_int_equal(setenv("HOME", "/home/ann", 1), 0);
	assert_int_equal(unsetenv("XDG_DATA_HOME"), 0);
	assert_int_equal(mt_client_cert_folder(folder), 0);
	assert_string_equal(folder, "/home/ann/.local/share");
	assert_int_equal(setenv("XDG_DATA_HOME", "/data/ann", 1), 0);
	assert_int_equal(mt_client_cert_folder(folder), 0);
	assert_string_equal(folder, "/data/ann");
	/* a relative one is invalid, says its specification */
	assert_int_equal(setenv("XDG_DATA_HOME", "data", 1), 0);
	assert_int_equal(mt_client_cert_folder(folder), 0);
	assert_string_equal(folder, "/home/ann/.local/share");
	assert_int_equal(setenv("HOME", "home", 1), 0);
	assert_int_equal(mt_client_cert_folder(folder), 1);
	assert_int_equal(unsetenv("HOME"), 0);
	assert_int_equal(mt_client_cert_folder(folder), 1);
	memset(long_name, '/', MT_CLIENT_CERT_FOLDER_SIZE);
	long_name[MT_CLIENT_CERT_FOLDER_SIZE - 1] = '\0';
	assert_int_equal(setenv("HOME", long_name, 1), 0);
	assert_int_equal(mt_client_cert_folder(folder), 1);
	free(long_name);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_certificate_is_loaded_with_its_issuers_and_its_key),
		CASE(one_accounts_certificate_is_not_there_for_another),
		CASE(no_account_leads_out_of_the_folder),
		CASE(a_file_that_others_may_read_or_write_is_refused),
		CASE(a_file_of_somebody_else_is_refused),
		CASE(only_a_regular_file_is_read),
		CASE(a_folder_that_others_may_write_to_is_refused),
		CASE(a_folder_behind_a_link_is_refused),
		CASE(a_folder_that_cannot_be_opened_is_explained),
		CASE(a_file_over_the_bound_is_refused),
		CASE(a_chain_over_the_bound_is_refused),
		CASE(a_file_holds_what_its_name_says),
		CASE(a_file_without_certificate_or_key_is_refused),
		CASE(an_encrypted_key_is_refused_and_nobody_is_asked),
		CASE(all_of_an_account_are_loaded_and_the_bad_ones_counted),
		CASE(no_more_are_loaded_than_an_account_may_have),
		CASE(pem_is_read_in_any_order_and_with_its_passphrase),
		CASE(what_was_saved_is_loaded_again),
		CASE(half_a_file_is_none),
		CASE(removing_one_leaves_the_others_and_removing_all_leaves_nothing),
		CASE(nothing_is_written_where_others_may_write),
		cmocka_unit_test(the_folder_is_the_callers_data_folder),
	};

	return cmocka_run_group_tests_name("client-cert", tests, NULL, NULL);
}
