/* SPDX-License-Identifier: MIT */
/* Client certificates, into their files. */

#include "clients/lib/client-cert-store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/lib/client-cert-folder.h"
#include "ipc/fd.h"

/* What is being written, until it takes its name. */
#define FRESH_ENDING ".new"
#define FRESH_NAME_SIZE (MT_CLIENT_CERT_NAME_SIZE + sizeof(FRESH_ENDING) - 1)

static void
fresh_name(const char *name, char ret[static FRESH_NAME_SIZE])
{
	(void)snprintf(ret, FRESH_NAME_SIZE, "%s%s", name, FRESH_ENDING);
}

/* The leaf first, then its issuers, then the key. NULL: no memory. */
static BIO *
format(const struct mt_client_cert *cert)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	bool ok = bio && PEM_write_bio_X509(bio, cert->leaf);

	for (int i = 0; ok && i < sk_X509_num(cert->chain); i++)
		ok = PEM_write_bio_X509(bio, sk_X509_value(cert->chain, i));
	if (ok && PEM_write_bio_PKCS8PrivateKey(bio, cert->key, NULL, NULL, 0, NULL, NULL))
		return bio;
	BIO_free(bio);
	return NULL;
}

/* Under its name it is either what it was before or all there. */
static int
replace(int folder_fd, const char *name, const char *data, size_t size)
{
	MT_CLEANUP(mt_fd_close) int fd = -1;
	char fresh[FRESH_NAME_SIZE];
	int r;

	fresh_name(name, fresh);
	/* of a writer that was interrupted */
	(void)unlinkat(folder_fd, fresh, 0);
	fd = openat(folder_fd, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = mt_fd_write_all(fd, data, size);
	if (r == 0 && renameat(folder_fd, fresh, folder_fd, name) < 0)
		r = -errno;
	if (r == 0)
		return fsync(folder_fd) < 0 ? -errno : 0;
	(void)unlinkat(folder_fd, fresh, 0);
	return r;
}

int
mt_client_cert_save(const char *folder, const char *account, const struct mt_client_cert *cert,
		    struct mt_diag *diag)
{
	MT_CLEANUP(mt_fd_close) int fd = -1;
	char name[MT_CLIENT_CERT_NAME_SIZE], *data;
	BIO *bio;
	long size;
	int r = mt_client_cert_folder_open(folder, account, true, &fd, diag);

	if (r)
		return r;
	bio = format(cert);
	if (!bio)
		return -ENOMEM;
	size = BIO_get_mem_data(bio, &data);
	mt_client_cert_name(cert->sha256, name);
	r = replace(fd, name, data, (size_t)size);
	OPENSSL_cleanse(data, (size_t)size);
	BIO_free(bio);
	return r;
}

bool
mt_client_cert_is_there(const char *folder, const char *account,
			const uint8_t sha256[static MT_CLIENT_CERT_SHA256_SIZE])
{
	MT_CLEANUP(mt_fd_close) int fd = -1;
	char name[MT_CLIENT_CERT_NAME_SIZE];

	mt_client_cert_name(sha256, name);
	return mt_client_cert_folder_open(folder, account, false, &fd, NULL) == 0 &&
	       faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int
mt_client_cert_remove(const char *folder, const char *account,
		      const uint8_t sha256[static MT_CLIENT_CERT_SHA256_SIZE])
{
	MT_CLEANUP(mt_fd_close) int fd = -1;
	char name[MT_CLIENT_CERT_NAME_SIZE];
	int r = mt_client_cert_folder_open(folder, account, false, &fd, NULL);

	if (r)
		return r;
	mt_client_cert_name(sha256, name);
	if (unlinkat(fd, name, 0) < 0)
		return errno == ENOENT ? MT_CLIENT_CERT_E_ABSENT : -errno;
	return fsync(fd) < 0 ? -errno : 0;
}

/* A certificate's file, or one that was to become it. */
static bool
is_ours(const char *name)
{
	uint8_t sha256[MT_CLIENT_CERT_SHA256_SIZE];
	char bare[MT_CLIENT_CERT_NAME_SIZE];
	size_t size = strlen(name);

	if (size == FRESH_NAME_SIZE - 1 && strcmp(name + sizeof(bare) - 1, FRESH_ENDING) == 0)
		size = sizeof(bare) - 1;
	if (size != sizeof(bare) - 1)
		return false;
	memcpy(bare, name, size);
	bare[size] = '\0';
	return mt_client_cert_name_parse(bare, sha256) == 0;
}

static int
remove_files(int fd)
{
	const struct dirent *entry;
	DIR *files = fdopendir(fd);
	int r = 0;

	if (!files) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	while ((entry = readdir(files)) != NULL)
		if (is_ours(entry->d_name) && unlinkat(fd, entry->d_name, 0) < 0)
			r = -errno;
	(void)closedir(files);
	return r;
}

int
mt_client_certs_remove(const char *folder, const char *account)
{
	int fd = -1, above, r = mt_client_cert_folder_open(folder, account, false, &fd, NULL);

	if (r)
		return r == MT_CLIENT_CERT_E_ABSENT ? 0 : r;
	above = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = remove_files(fd);
	/* what somebody else left in it stays, and so does it */
	if (above >= 0)
		(void)unlinkat(above, account, AT_REMOVEDIR);
	mt_fd_close(&above);
	return r;
}
