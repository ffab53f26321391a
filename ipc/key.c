/* SPDX-License-Identifier: MIT */
/* The signing key: its file, and ES256 on the path of every verdict. */

#include "ipc/key.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc/ecdsa-der.h"
#include "ipc/fd.h"

#define SHA256_SIZE 32
#define POINT_SIZE (1 + 2 * MT_COORDINATE_SIZE) /* 0x04 || x || y */

static_assert(MT_ES256_SIZE == MT_ECDSA_RAW_SIZE, "one signature");

struct mt_signing_key {
	EVP_PKEY *pkey;
	struct mt_public_key *public;
	/* Fetching an algorithm costs OpenSSL 3 more than hashing a token: all three are kept. */
	EVP_MD *sha256;
	EVP_MD_CTX *digest;
	EVP_PKEY_CTX *sign;
};

MT_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free);
MT_DEFINE_CLEANUP(BIO *, BIO_free);

/* The public half. Return: 0, MT_KEY_E_MALFORMED where it is no P-256 key, or negative errno. */
static int
read_public(EVP_PKEY *pkey, struct mt_public_key **ret)
{
	uint8_t point[POINT_SIZE];
	char group[32];
	size_t size;
	int r;

	if (!EVP_PKEY_is_a(pkey, "EC") ||
	    !EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
					    NULL) ||
	    strcmp(group, "prime256v1") != 0)
		return MT_KEY_E_MALFORMED;
	/* a compressed point would be shorter */
	if (!EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
					    OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) ||
	    !EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
					     &size) ||
	    size != sizeof(point))
		return MT_KEY_E_MALFORMED;

	r = mt_public_key_new(point + 1, point + 1 + MT_COORDINATE_SIZE, NULL, ret);
	return r > 0 ? MT_KEY_E_MALFORMED : r;
}

/* Builds the key around pkey, of which it takes a reference. */
static int
key_from_pkey(EVP_PKEY *pkey, struct mt_signing_key **ret)
{
	MT_CLEANUP(mt_key_freep) struct mt_signing_key *key = calloc(1, sizeof(*key));
	int r;

	if (!key)
		return -ENOMEM;

	r = read_public(pkey, &key->public);
	if (r)
		return r;

	EVP_PKEY_up_ref(pkey);
	key->pkey = pkey;
	key->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	key->digest = EVP_MD_CTX_new();
	key->sign = EVP_PKEY_CTX_new(pkey, NULL);
	if (!key->sha256 || !key->digest || !key->sign || EVP_PKEY_sign_init(key->sign) != 1)
		return -EIO;

	*ret = mt_steal(&key);
	return 0;
}

int
mt_key_generate(struct mt_signing_key **ret)
{
	MT_CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

	return pkey ? key_from_pkey(pkey, ret) : -EIO;
}

/* An encrypted PEM has nobody here to ask for its passphrase. */
static int
no_passphrase(char *buffer, int size, int rwflag, void *userdata)
{
	return -1;
}

int
mt_key_parse(const char *pem, size_t size, struct mt_signing_key **ret)
{
	MT_CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
	MT_CLEANUP(BIO_freep) BIO *bio = NULL;

	if (size > MT_KEY_FILE_MAX)
		return MT_KEY_E_MALFORMED;

	bio = BIO_new_mem_buf(pem, (int)size);
	if (!bio)
		return -ENOMEM;

	pkey = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	return pkey ? key_from_pkey(pkey, ret) : MT_KEY_E_MALFORMED;
}

/* Nobody but the owner, who is us or root, has any right to the file. */
static bool
is_private(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) == 0 &&
	       (st.st_uid == geteuid() || st.st_uid == 0);
}

int
mt_key_load(const char *path, struct mt_signing_key **ret)
{
	/* O_NONBLOCK: a FIFO in the file's place must not hang us */
	MT_CLEANUP(mt_fd_close)
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char pem[MT_KEY_FILE_MAX];
	ssize_t n;
	int r;

	if (fd < 0 && errno == ENOENT)
		return MT_KEY_E_NOT_FOUND;
	if (fd < 0)
		return errno == ELOOP ? MT_KEY_E_PERMISSIONS : -errno;
	if (!is_private(fd))
		return MT_KEY_E_PERMISSIONS;

	n = read(fd, pem, sizeof(pem));
	if (n < 0)
		return -errno;

	r = mt_key_parse(pem, (size_t)n, ret);
	OPENSSL_cleanse(pem, sizeof(pem));
	return r;
}

/* The name of the file is on the disk too. */
static int
sync_directory(const char *path)
{
	MT_CLEANUP(mt_fd_close) int fd = -1;
	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;

	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int
mt_key_save(const struct mt_signing_key *key, const char *path)
{
	MT_CLEANUP(BIO_freep) BIO *bio = BIO_new(BIO_s_secmem());
	MT_CLEANUP(mt_fd_close) int fd = -1;
	char *pem;
	long size;
	int r;

	if (!bio || !PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL))
		return -EIO;

	size = BIO_get_mem_data(bio, &pem);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return errno == EEXIST ? MT_KEY_E_EXISTS : -errno;

	r = mt_fd_write_all(fd, pem, (size_t)size);
	if (r == 0)
		r = sync_directory(path);
	if (r < 0)
		(void)unlink(path);

	return r;
}

struct mt_signing_key *
mt_key_free(struct mt_signing_key *key)
{
	if (!key)
		return NULL;

	EVP_PKEY_CTX_free(key->sign);
	EVP_MD_CTX_free(key->digest);
	EVP_MD_free(key->sha256);
	mt_public_key_free(key->public);
	EVP_PKEY_free(key->pkey);
	free(key);
	return NULL;
}

const struct mt_public_key *
mt_key_public(const struct mt_signing_key *key)
{
	return key->public;
}

int
mt_key_sign(struct mt_signing_key *key, const void *data, size_t size,
	    uint8_t ret[static MT_ES256_SIZE])
{
	uint8_t digest[SHA256_SIZE], der[MT_ECDSA_DER_MAX];
	size_t der_size = sizeof(der);

	if (!EVP_DigestInit_ex2(key->digest, key->sha256, NULL) ||
	    !EVP_DigestUpdate(key->digest, data, size) ||
	    !EVP_DigestFinal_ex(key->digest, digest, NULL) ||
	    EVP_PKEY_sign(key->sign, der, &der_size, digest, sizeof(digest)) != 1 ||
	    mt_ecdsa_raw_from_der(der, der_size, ret))
		return -EIO;

	return 0;
}
