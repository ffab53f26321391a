/* SPDX-License-Identifier: MIT */
/* Client certificates, out of their files. */

#include "clients/lib/client-cert.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/lib/client-cert-folder.h"
#include "ipc/fd.h"

/* -- one file ---------------------------------------------------------------------------------- */

/* Nobody but the caller has any right to it. */
static int
open_private(int folder_fd, const char *name, int *ret_fd, struct mt_diag *diag)
{
	/* O_NONBLOCK: a FIFO in the file's place must not hang us */
	MT_CLEANUP(mt_fd_close)
	int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return MT_CLIENT_CERT_E_ABSENT;
	if (fd < 0 && errno != ELOOP)
		return -errno;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 077) != 0) {
		mt_diag_set(diag, SIZE_MAX,
			    "it is not a file of yours that nobody else may read or write");
		return MT_CLIENT_CERT_E_UNSAFE;
	}
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* Everything in it, one byte over the bound at most. */
static int
read_all(int fd, uint8_t *data, size_t *ret_size)
{
	size_t size = 0;

	while (size <= MT_CLIENT_CERT_BYTES_MAX) {
		ssize_t n = read(fd, data + size, MT_CLIENT_CERT_BYTES_MAX + 1 - size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		if (n > 0)
			size += (size_t)n;
	}
	*ret_size = size;
	return 0;
}

static int
load_file(int folder_fd, const uint8_t *sha256, struct mt_client_cert *ret, struct mt_diag *diag)
{
	MT_CLEANUP(mt_fd_close) int fd = -1;
	char name[MT_CLIENT_CERT_NAME_SIZE];
	uint8_t *data;
	size_t size = 0;
	int r;

	memset(ret, 0, sizeof(*ret));
	mt_client_cert_name(sha256, name);
	r = open_private(folder_fd, name, &fd, diag);
	if (r)
		return r;
	data = malloc(MT_CLIENT_CERT_BYTES_MAX + 1);
	if (!data)
		return -ENOMEM;
	r = read_all(fd, data, &size);
	if (r == 0)
		r = mt_client_cert_parse((struct mt_bytes){data, size}, NULL, NULL, ret, diag);
	OPENSSL_cleanse(data, MT_CLIENT_CERT_BYTES_MAX + 1);
	free(data);
	if (r == 0 && memcmp(ret->sha256, sha256, MT_CLIENT_CERT_SHA256_SIZE) != 0) {
		mt_client_cert_clear(ret);
		mt_diag_set(diag, SIZE_MAX, "it holds another certificate than its name says");
		return MT_CLIENT_CERT_E_MISMATCH;
	}
	return r;
}

int
mt_client_cert_load(const char *folder, const char *account,
		    const uint8_t sha256[static MT_CLIENT_CERT_SHA256_SIZE],
		    struct mt_client_cert *ret, struct mt_diag *diag)
{
	MT_CLEANUP(mt_fd_close) int fd = -1;
	int r;

	memset(ret, 0, sizeof(*ret));
	r = mt_client_cert_folder_open(folder, account, false, &fd, diag);
	if (r == 0)
		r = load_file(fd, sha256, ret, diag);
	if (r == MT_CLIENT_CERT_E_ABSENT)
		mt_diag_set(diag, SIZE_MAX, "there is no such certificate for this account");
	return r;
}

/* -- all of an account ------------------------------------------------------------------------- */

void
mt_client_certs_clear(struct mt_client_certs *certs)
{
	for (size_t i = 0; i < certs->n; i++)
		mt_client_cert_clear(&certs->cert[i]);
	certs->n = certs->n_unusable = 0;
}

const struct mt_client_cert *
mt_client_certs_find(const struct mt_client_certs *certs,
		     const uint8_t sha256[static MT_CLIENT_CERT_SHA256_SIZE])
{
	for (size_t i = 0; i < certs->n; i++)
		if (memcmp(certs->cert[i].sha256, sha256, MT_CLIENT_CERT_SHA256_SIZE) == 0)
			return &certs->cert[i];
	return NULL;
}

/* One entry of the folder; what has no certificate's name is none of ours. */
static int
load_entry(int folder_fd, const char *name, struct mt_client_certs *certs, struct mt_diag *diag)
{
	uint8_t sha256[MT_CLIENT_CERT_SHA256_SIZE];
	int r;

	if (mt_client_cert_name_parse(name, sha256) != 0)
		return 0;
	if (certs->n == MT_CLIENT_CERTS_MAX) {
		mt_diag_set(diag, SIZE_MAX, "there are more than %d certificates",
			    MT_CLIENT_CERTS_MAX);
		certs->n_unusable++;
		return 0;
	}
	r = load_file(folder_fd, sha256, &certs->cert[certs->n], diag);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		mt_diag_set(diag, SIZE_MAX, "it cannot be read: %s", strerror(-r));
	if (r == 0)
		certs->n++;
	else
		certs->n_unusable++;
	return 0;
}

int
mt_client_certs_load(const char *folder, const char *account, struct mt_client_certs *ret,
		     struct mt_diag *diag)
{
	const struct dirent *entry;
	int fd = -1, r;
	DIR *files;

	memset(ret, 0, sizeof(*ret));
	r = mt_client_cert_folder_open(folder, account, false, &fd, diag);
	if (r)
		return r == MT_CLIENT_CERT_E_ABSENT ? 0 : r;
	files = fdopendir(fd);
	if (!files) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	while (r == 0 && (entry = readdir(files)) != NULL)
		r = load_entry(fd, entry->d_name, ret, diag);
	(void)closedir(files);
	if (r)
		mt_client_certs_clear(ret);
	return r;
}
