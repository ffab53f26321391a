/* SPDX-License-Identifier: MIT */
#ifndef MT_TESTS_UNIT_CASE_H
#define MT_TESTS_UNIT_CASE_H

/*
 * One question to the policy core, with everything it borrows, as tests state it: benign by default
 * (implicit TLS 1.3 to imap.example.test, a valid chain, an active account under the default
 * policy), so that a test changes only what it is about.
 */

#include "policy/decide.h"

#define CASE_NOW INT64_C(1767225600000000) /* 2026-01-01 */

struct test_case {
	struct mt_evidence ev;
	struct mt_validation val;
	struct mt_tlsa tlsa;
	struct mt_account_facts facts;
	struct mt_minimum account, org, request;
	bool has_org, has_request;
	uint8_t pins[2][32];
	struct mt_effective eff;
	struct mt_decide_input in;
	struct mt_verdict v;
};

/* Benign, with the leaf digest all 0x11. */
void case_init(struct test_case *c);
void case_starttls(struct test_case *c);  /* port 143, upgraded, TLS 1.2 GCM with EMS */
void case_cleartext(struct test_case *c); /* port 143 */
void case_fault(struct test_case *c, enum mt_cert_fault fault); /* the chain has this fault */
void case_pin(struct test_case *c, uint8_t leaf);  /* the account pins a leaf of these bytes */
void case_tlsa(struct test_case *c, bool matches); /* a secure TLSA 3 1 1 */
void case_set(struct test_case *c, const char *field, const char *value); /* account layer */
void case_set_org(struct test_case *c, const char *field, const char *value);
void case_state(struct test_case *c, enum mt_account_state state, enum mt_op op);
/* Minimum off, with the consent to it. */
void case_reduced(struct test_case *c);
/* The host was found by unsigned SRV, inside the domain or not. */
void case_srv(struct test_case *c, const char *host);
/* Joins the layers and decides. */
const struct mt_verdict *case_decide(struct test_case *c);
/* "deny/0 [tls.none, conf.met]" of the last verdict, in a static buffer. */
const char *case_text(const struct test_case *c);
/* Decides and asserts the text. */
#define case_expect(c, text)                             \
	do {                                             \
		case_decide(c);                          \
		assert_string_equal(case_text(c), text); \
	} while (0)

#endif
