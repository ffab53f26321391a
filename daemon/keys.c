/* SPDX-License-Identifier: MIT */
/* The signing key: where it comes from, and how it is replaced. */

#include "daemon/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "ipc/token.h"

#define RETIRED_MAX 8
#define PATH_SIZE 512

struct retired {
	char kid[MT_THUMBPRINT_SIZE];
	int64_t until_usec; /* 0: none */
};

struct mt_keys {
	struct mt_signing_key *key;
	struct mt_jwks *jwks;
	char *json;
	char path[PATH_SIZE];
	char issuer[MT_ISS_SIZE];
	bool is_credential;
	struct retired retired[RETIRED_MAX];
};

/* Where no machine id exists the key's own id stands in: it is as stable as the state directory. */
static void
set_issuer(struct mt_keys *keys)
{
	char id[64] = "";
	uint8_t digest[32];
	int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
	size_t n;

	if (fd < 0 || read(fd, id, sizeof(id) - 1) <= 0)
		(void)snprintf(id, sizeof(id), "%s", mt_public_key_kid(mt_key_public(keys->key)));
	if (fd >= 0)
		(void)close(fd);
	if (!EVP_Digest(id, strlen(id), digest, NULL, EVP_sha256(), NULL))
		memset(digest, 0, sizeof(digest));
	n = (size_t)snprintf(keys->issuer, sizeof(keys->issuer), "urn:mailtrust:");
	for (size_t i = 0; i < 16; i++)
		n += (size_t)snprintf(keys->issuer + n, sizeof(keys->issuer) - n, "%02x",
				      digest[i]);
}

static const char *
key_problem(int outcome)
{
	switch (outcome) {
	case MT_KEY_E_PERMISSIONS:
		return "others could have read it, so its signatures prove nothing; remove it and "
		       "a "
		       "new key is made";
	case MT_KEY_E_MALFORMED:
		return "it holds no P-256 private key in PEM form; remove it and a new key is made";
	default:
		return "it cannot be read";
	}
}

/* The service manager's credential, if there is one: $CREDENTIALS_DIRECTORY/signing-key. */
static int
load_credential(struct mt_keys *keys)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	char pem[MT_KEY_FILE_MAX];
	ssize_t n;
	int fd, r;

	if (!directory || snprintf(keys->path, PATH_SIZE, "%s/signing-key", directory) >= PATH_SIZE)
		return MT_KEY_E_NOT_FOUND;
	fd = open(keys->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return MT_KEY_E_NOT_FOUND;
	n = read(fd, pem, sizeof(pem));
	(void)close(fd);
	r = n > 0 ? mt_key_parse(pem, (size_t)n, &keys->key) : MT_KEY_E_MALFORMED;
	explicit_bzero(pem, sizeof(pem));
	keys->is_credential = r == 0;
	return r;
}

static int
load_or_make(struct mt_keys *keys, const char *state_dir)
{
	int r;

	if (snprintf(keys->path, PATH_SIZE, "%s/signing-key.pem", state_dir) >= PATH_SIZE)
		return -ENAMETOOLONG;
	r = mt_key_load(keys->path, &keys->key);
	if (r != MT_KEY_E_NOT_FOUND)
		return r;
	r = mt_key_generate(&keys->key);
	if (r)
		return r;
	return mt_key_save(keys->key, keys->path);
}

int
mt_keys_open(const char *state_dir, struct mt_diag *diag, struct mt_keys **ret)
{
	MT_CLEANUP(mt_keys_freep) struct mt_keys *keys = calloc(1, sizeof(*keys));
	int r;

	if (!keys)
		return -ENOMEM;
	r = load_credential(keys);
	if (r == MT_KEY_E_NOT_FOUND)
		r = load_or_make(keys, state_dir);
	if (r > 0) {
		mt_diag_set(diag, SIZE_MAX, "signing key %.90s: %s", keys->path, key_problem(r));
		return MT_KEYS_E_UNUSABLE;
	}
	if (r < 0)
		return r;
	r = mt_jwks_new(&keys->jwks);
	if (r == 0)
		r = mt_jwks_add(keys->jwks, mt_key_public(keys->key));
	if (r)
		return r < 0 ? r : -EINVAL;
	set_issuer(keys);
	*ret = mt_steal(&keys);
	return 0;
}

struct mt_keys *
mt_keys_free(struct mt_keys *keys)
{
	if (!keys)
		return NULL;
	mt_key_free(keys->key);
	mt_jwks_free(keys->jwks);
	free(keys->json);
	free(keys);
	return NULL;
}

struct mt_signing_key *
mt_keys_signing(struct mt_keys *keys)
{
	return keys->key;
}

const char *
mt_keys_issuer(const struct mt_keys *keys)
{
	return keys->issuer;
}

static void
drop_retired(struct mt_keys *keys, int64_t now_usec)
{
	for (size_t i = 0; i < RETIRED_MAX; i++) {
		struct retired *old = &keys->retired[i];

		if (old->until_usec == 0 || now_usec < old->until_usec)
			continue;
		mt_jwks_remove(keys->jwks, old->kid);
		old->until_usec = 0;
	}
}

const char *
mt_keys_jwks(struct mt_keys *keys, int64_t now_usec)
{
	char *json;

	drop_retired(keys, now_usec);
	if (mt_jwks_format(keys->jwks, &json) != 0)
		return NULL;
	free(keys->json);
	keys->json = json;
	return json;
}

/* Saves beside the old key and renames over it: a crash leaves one whole key. */
static int
replace_file(const struct mt_keys *keys, const struct mt_signing_key *key)
{
	char fresh[PATH_SIZE + 8];
	int r;

	(void)snprintf(fresh, sizeof(fresh), "%s.new", keys->path);
	(void)unlink(fresh);
	r = mt_key_save(key, fresh);
	if (r)
		return r < 0 ? r : -EEXIST;
	return rename(fresh, keys->path) == 0 ? 0 : -errno;
}

int
mt_keys_rotate(struct mt_keys *keys, int64_t now_usec)
{
	MT_CLEANUP(mt_key_freep) struct mt_signing_key *key = NULL;
	struct retired *slot = NULL;
	int r;

	if (keys->is_credential)
		return MT_KEYS_E_CREDENTIAL;
	drop_retired(keys, now_usec);
	for (size_t i = 0; i < RETIRED_MAX && !slot; i++)
		if (keys->retired[i].until_usec == 0)
			slot = &keys->retired[i];
	if (!slot)
		return -EBUSY; /* eight rotations within one verdict's life */
	r = mt_key_generate(&key);
	if (r == 0)
		r = mt_jwks_add(keys->jwks, mt_key_public(key));
	if (r == 0)
		r = replace_file(keys, key);
	if (r)
		return r < 0 ? r : -EBUSY;
	(void)snprintf(slot->kid, sizeof(slot->kid), "%s",
		       mt_public_key_kid(mt_key_public(keys->key)));
	slot->until_usec =
		now_usec + (MT_VERDICT_TTL_MAX_SEC + MT_VERDICT_LEEWAY_SEC) * MT_USEC_PER_SEC;
	mt_key_free(keys->key);
	keys->key = mt_steal(&key);
	return 0;
}
