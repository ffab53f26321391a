/* SPDX-License-Identifier: MIT */
/* Loading trust anchors. */

#include "daemon/worker/anchors.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define SYSTEM_BUNDLE "/etc/ssl/certs/ca-certificates.crt"
#define DISTRIBUTION_DIR "/usr/share/ca-certificates"
#define PATH_SIZE 1024
#define DIRECTORY_DEPTH_MAX 3
#define ANCHORS_MAX 4096 /* the largest public store has ~400 */

typedef int (*cert_fn)(X509 *cert, void *userdata); /* takes the certificate */

static int
add(struct mt_anchors *anchors, X509 *cert)
{
	struct mt_anchor_entry *e;

	if (anchors->n == anchors->allocated) {
		size_t n = anchors->allocated ? anchors->allocated * 2 : 64;
		struct mt_anchor_entry *grown =
			n > ANCHORS_MAX ? NULL : reallocarray(anchors->entries, n, sizeof(*grown));

		if (!grown) {
			X509_free(cert);
			return -ENOMEM;
		}
		anchors->entries = grown;
		anchors->allocated = n;
	}
	e = &anchors->entries[anchors->n];
	memset(e, 0, sizeof(*e));
	/* Decode extensions and key now: after a fork every child would have to. */
	(void)X509_check_purpose(cert, -1, 0);
	(void)X509_get0_pubkey(cert);
	e->cert = cert;
	e->subject = X509_NAME_hash_ex(X509_get_subject_name(cert), NULL, NULL, NULL);
	if (!X509_digest(cert, EVP_sha256(), e->sha256, NULL))
		return -EIO; /* owned by the entry only once it is counted */
	anchors->n++;
	return 0;
}

static int
add_anchor(X509 *cert, void *userdata)
{
	int r = add(userdata, cert);

	if (r == -EIO)
		X509_free(cert);
	return r;
}

/* Calls fn with every certificate of a PEM file. Return: 0, negative errno. */
static int
read_pem(const char *path, cert_fn fn, void *userdata)
{
	FILE *file = fopen(path, "re");
	X509 *cert;
	int r = 0;

	if (!file)
		return -errno;
	while (r == 0 && (cert = PEM_read_X509(file, NULL, NULL, NULL)))
		r = fn(cert, userdata);
	ERR_clear_error();
	(void)fclose(file);
	return r;
}

static int
read_tree(const char *path, unsigned int depth, cert_fn fn, void *userdata)
{
	struct dirent *entry;
	DIR *dir = opendir(path);
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (entry = readdir(dir))) {
		char name[PATH_SIZE];
		struct stat st;

		if (entry->d_name[0] == '.' ||
		    snprintf(name, sizeof(name), "%s/%s", path, entry->d_name) >=
			    (int)sizeof(name) ||
		    stat(name, &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < DIRECTORY_DEPTH_MAX)
			r = read_tree(name, depth + 1, fn, userdata);
		else if (S_ISREG(st.st_mode))
			r = read_pem(name, fn, userdata);
	}
	(void)closedir(dir);
	return r;
}

static int
compare(const void *a, const void *b)
{
	const struct mt_anchor_entry *x = a, *y = b;

	if (x->subject != y->subject)
		return x->subject < y->subject ? -1 : 1;
	return memcmp(x->sha256, y->sha256, 32);
}

/* Sorts, and drops duplicates. */
static void
sort(struct mt_anchors *anchors)
{
	size_t kept = 0;

	if (anchors->n)
		qsort(anchors->entries, anchors->n, sizeof(*anchors->entries), compare);
	for (size_t i = 0; i < anchors->n; i++) {
		struct mt_anchor_entry *e = &anchors->entries[i];

		if (kept && memcmp(anchors->entries[kept - 1].sha256, e->sha256, 32) == 0) {
			X509_free(e->cert);
			continue;
		}
		anchors->entries[kept++] = *e;
	}
	anchors->n = kept;
}

/* Equal sets with equal marks are equal generations. */
static int
take_digest(struct mt_anchors *anchors)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int ok = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);

	for (size_t i = 0; i < anchors->n && ok; i++) {
		const uint8_t mark = anchors->entries[i].is_local;

		ok = EVP_DigestUpdate(context, anchors->entries[i].sha256, 32) &&
		     EVP_DigestUpdate(context, &mark, 1);
	}
	ok = ok && EVP_DigestFinal_ex(context, anchors->digest, NULL);
	EVP_MD_CTX_free(context);
	return ok ? 0 : -EIO;
}

/* One signature of each kind of key: OpenSSL fetches its algorithms here, not in every child. */
static void
warm_up(const struct mt_anchors *anchors)
{
	bool seen_rsa = false, seen_ec = false;

	for (size_t i = 0; i < anchors->n && !(seen_rsa && seen_ec); i++) {
		X509 *cert = anchors->entries[i].cert;
		EVP_PKEY *key = X509_get0_pubkey(cert);
		int kind = key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
		bool *seen = kind == EVP_PKEY_RSA ? &seen_rsa : &seen_ec;

		if ((kind != EVP_PKEY_RSA && kind != EVP_PKEY_EC) || *seen)
			continue;
		*seen = X509_verify(cert, key) == 1;
	}
	ERR_clear_error();
}

/* R-6-02: what the distribution did not bring was added here. */
static int
mark_local(struct mt_anchors *anchors)
{
	struct mt_anchors distribution = {0};
	int r = read_tree(DISTRIBUTION_DIR, 0, add_anchor, &distribution);

	/* No such folder: then nothing came from the distribution. */
	if (r == -ENOENT)
		r = 0;
	sort(&distribution);
	for (size_t i = 0; r == 0 && i < anchors->n; i++) {
		struct mt_anchor_entry *e = &anchors->entries[i];

		e->is_local = !distribution.n || !bsearch(e, distribution.entries, distribution.n,
							  sizeof(*e), compare);
	}
	for (size_t i = 0; i < distribution.n; i++)
		X509_free(distribution.entries[i].cert);
	free(distribution.entries);
	return r;
}

static int
read_path(const char *path, struct mt_anchors *anchors)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? read_tree(path, 0, add_anchor, anchors)
				   : read_pem(path, add_anchor, anchors);
}

int
mt_anchors_load(const char *path, struct mt_anchors **ret)
{
	MT_CLEANUP(mt_anchors_freep) struct mt_anchors *anchors = calloc(1, sizeof(*anchors));
	int r;

	if (!anchors)
		return -ENOMEM;
	r = read_path(path ? path : SYSTEM_BUNDLE, anchors);
	sort(anchors);
	if (r == 0 && !path)
		r = mark_local(anchors);
	if (r == 0)
		r = take_digest(anchors);
	if (r == -ENOMEM)
		return r;
	if (r) {
		errno = -r;
		return MT_ANCHORS_E_UNREADABLE;
	}
	if (anchors->n == 0)
		return MT_ANCHORS_E_EMPTY;
	warm_up(anchors);
	*ret = mt_steal(&anchors);
	return 0;
}

int
mt_anchors_from_der(const struct mt_bytes *der, size_t n, struct mt_anchors **ret)
{
	MT_CLEANUP(mt_anchors_freep) struct mt_anchors *anchors = calloc(1, sizeof(*anchors));
	int r = anchors ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && r == 0; i++) {
		const unsigned char *at = der[i].data;
		X509 *cert = d2i_X509(NULL, &at, (long)der[i].size);

		if (!cert || at != der[i].data + der[i].size) {
			X509_free(cert);
			ERR_clear_error();
			return MT_ANCHORS_E_UNREADABLE;
		}
		r = add_anchor(cert, anchors);
	}
	if (r == 0) {
		sort(anchors);
		r = take_digest(anchors);
	}
	if (r)
		return r;
	*ret = mt_steal(&anchors);
	return 0;
}

size_t
mt_anchors_count(const struct mt_anchors *anchors)
{
	return anchors->n;
}

void
mt_anchors_digest(const struct mt_anchors *anchors, uint8_t ret[static 32])
{
	memcpy(ret, anchors->digest, 32);
}

struct mt_anchors *
mt_anchors_free(struct mt_anchors *anchors)
{
	if (!anchors)
		return NULL;
	for (size_t i = 0; i < anchors->n; i++)
		X509_free(anchors->entries[i].cert);
	free(anchors->entries);
	free(anchors);
	return NULL;
}

const struct mt_anchor_entry *
mt_anchors_find(const struct mt_anchors *anchors, const X509_NAME *subject)
{
	unsigned long hash = X509_NAME_hash_ex(subject, NULL, NULL, NULL);
	size_t low = 0, high = anchors->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (anchors->entries[middle].subject < hash)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == anchors->n || anchors->entries[low].subject != hash)
		return NULL;
	return &anchors->entries[low];
}

const struct mt_anchor_entry *
mt_anchors_next(const struct mt_anchors *anchors, const struct mt_anchor_entry *entry)
{
	const struct mt_anchor_entry *next = entry + 1;

	return next < anchors->entries + anchors->n && next->subject == entry->subject ? next
										       : NULL;
}
