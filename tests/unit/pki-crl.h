/* SPDX-License-Identifier: MIT */
#ifndef MT_TESTS_UNIT_PKI_CRL_H
#define MT_TESTS_UNIT_PKI_CRL_H

/* Certificate revocation lists for tests, with every fault a test asks for. */

#include "tests/unit/pki.h"

#define PKI_CRL_REVOKED_MAX 4

struct pki_crl_recipe {
	const struct pki_cert *issuer; /* whose name it bears */
	const struct pki_cert *signer; /* NULL: the issuer */
	const struct pki_cert *revoked[PKI_CRL_REVOKED_MAX];
	int64_t from_sec, until_sec; /* after PKI_NOW_SEC; both zero: a day around it */
	bool without_next_update;
	const char *scope;  /* issuingDistributionPoint as x509v3_config(5) spells it, critical */
	const char *oid;    /* a critical extension nobody knows */
	bool is_delta;      /* a critical deltaCRLIndicator */
	bool is_weak;       /* signed with SHA-1 */
	unsigned int extra; /* entries of certificates nobody has */
};

/* DER. */
struct mt_bytes pki_crl(struct pki *pki, const struct pki_crl_recipe *recipe);

#endif
