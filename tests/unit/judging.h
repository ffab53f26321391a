/* SPDX-License-Identifier: MIT */
#ifndef MT_TESTS_UNIT_JUDGING_H
#define MT_TESTS_UNIT_JUDGING_H

/*
 * One question to the judge of chains, as tests state it: by default about PKI_HOST, typed by hand,
 * at PKI_NOW_SEC, with no anchor and no TLSA record.
 */

#include "daemon/worker/chain.h"
#include "tests/unit/pki.h"

struct judging {
	struct mt_chain_request request;
	struct mt_validation v;
	/* What every path of the request may end at; NULL: request.anchors. */
	const struct mt_anchors *generation;
};

void judging_init(struct judging *j);
/* The same question, with a chain and one anchor that may be NULL; sent ends with NULL. */
void judging_begin(struct judging *j, const struct pki_cert *anchor,
		   const struct pki_cert *const *sent);
#define SENT(...) ((const struct pki_cert *const[]){__VA_ARGS__, NULL})

void judging_trust(struct judging *j, const struct pki_cert *anchor);
void judging_send(struct judging *j, const struct pki_cert *cert);
/* Asks about another name or literal, typed by hand for an address of domain. */
void judging_ask_for(struct judging *j, const char *host, const char *domain);
/* Asks about what a discovery path gave. */
void judging_refer(struct judging *j, const struct mt_reference *reference);
/* A secure TLSA record; data is borrowed. */
void judging_tlsa(struct judging *j, int usage, int selector, int matching, struct mt_bytes data);

/* Judges, and says what was found: "valid", "malformed", or the faults in the order of reports,
 * "expired identity-mismatch". Text in a static buffer. What a worker must never send fails. */
const char *judging_run(struct judging *j);
#define judging_expect(j, text) assert_string_equal(judging_run(j), text)

/* Judges one way and another until the first that is not as said; rows of a test's table. */
struct judging_row {
	const char *what;
	struct pki_recipe root, inter, leaf; /* names, keys and issuers are filled in */
	const char *found;
};
void judging_rows(struct pki *pki, const struct judging_row *rows, size_t n);

/* A name asked for and names presented, in a certificate that is its own anchor, so that only the
 * names can be wrong. */
struct judging_name {
	const char *what;
	struct mt_reference asked;
	struct pki_name names[PKI_NAMES_MAX];
	const char *found;
	const char *matched; /* the reference that matched; NULL: not looked at */
};
void judging_names(struct pki *pki, const struct judging_name *rows, size_t n);

#endif
