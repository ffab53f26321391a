/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_CHECKS_H
#define MT_DAEMON_WORKER_CHECKS_H

/*
 * The single checks a path must pass beyond X509_verify_cert(), each a named function with its
 * clause (DESIGN §8). Not X509_V_FLAG_X509_STRICT: it refuses good private and older chains.
 * Private to the judge.
 */

#include <openssl/x509.h>

#include "policy/validation.h"

/* path[0] is the leaf, path[n - 1] the anchor. Return: MT_BIT(enum mt_cert_fault) of what is wrong.
 * Dates and signatures are not looked at here. */
uint32_t mt_checks_path(X509 *const *path, size_t n);

/* How much there is to compare: names a certificate has, and subtrees it constrains names to. */
size_t mt_checks_count_names(const X509 *cert);
size_t mt_checks_count_constraints(const X509 *cert);

/* Dates of one certificate at a moment, both ends inclusive (RFC 5280 §4.1.2.5). */
uint32_t mt_checks_dates(const X509 *cert, int64_t at_usec);
/* notAfter in microseconds since 1970; 0 where it is no date. */
int64_t mt_checks_not_after(const X509 *cert);

/* EC keys below P-256: RFC 9325 §4.5 allows 224 bits, this product begins at 256 (D-PKIX-03). */
bool mt_checks_key_is_weak(X509 *cert);
/* The digest of the signature upon it gives less than 112 bits: MD5, SHA-1 (RFC 9325 §4.5). For
 * where X509_verify_cert() does not look: the last certificate of a path without an anchor. */
bool mt_checks_signature_is_weak(X509 *cert);

#endif
