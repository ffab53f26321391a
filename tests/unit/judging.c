/* SPDX-License-Identifier: MIT */
/* Questions to the judge of chains, as tests state them. */

#include "tests/unit/judging.h"

#include "tests/cmocka-all.h"

#include <stdio.h>
#include <string.h>

static const char *const faults[] = {"chain-untrusted",   "expired", "not-yet-valid",
				     "identity-mismatch", "cn-only", "constraint-violation",
				     "weak-crypto"};
_Static_assert(MT_ARRAY_SIZE(faults) == MT_CERT_FAULT_COUNT, "one name per fault");

void
judging_refer(struct judging *j, const struct mt_reference *reference)
{
	assert_int_equal(mt_refids_build(reference, &j->request.refs), 0);
}

void
judging_ask_for(struct judging *j, const char *host, const char *domain)
{
	struct mt_reference reference = {.discovery = MT_DISCOVERY_MANUAL, .saved = true};

	(void)snprintf(reference.host, sizeof(reference.host), "%s", host);
	(void)snprintf(reference.address_domain, sizeof(reference.address_domain), "%s", domain);
	judging_refer(j, &reference);
}

void
judging_init(struct judging *j)
{
	memset(j, 0, sizeof(*j));
	j->request.at_usec = PKI_NOW_SEC * MT_USEC_PER_SEC;
	j->request.own_anchors = true;
	j->request.tlsa.status = MT_TLSA_ABSENT;
	judging_ask_for(j, PKI_HOST, "example.test");
}

void
judging_begin(struct judging *j, const struct pki_cert *anchor, const struct pki_cert *const *sent)
{
	judging_init(j);
	if (anchor)
		judging_trust(j, anchor);
	for (; *sent; sent++)
		judging_send(j, *sent);
}

void
judging_trust(struct judging *j, const struct pki_cert *anchor)
{
	assert_true(j->request.n_anchors < MT_REQUEST_ANCHORS_MAX);
	j->request.anchors[j->request.n_anchors++] = anchor->der;
}

void
judging_send(struct judging *j, const struct pki_cert *cert)
{
	assert_true(j->request.n_chain < MT_CHAIN_MAX);
	j->request.chain[j->request.n_chain++] = cert->der;
}

void
judging_tlsa(struct judging *j, int usage, int selector, int matching, struct mt_bytes data)
{
	struct mt_tlsa *tlsa = &j->request.tlsa;

	assert_true(tlsa->n < MT_TLSA_MAX);
	tlsa->status = MT_TLSA_SECURE;
	tlsa->records[tlsa->n++] =
		(struct mt_tlsa_record){(uint8_t)usage, (uint8_t)selector, (uint8_t)matching,
					(uint16_t)data.size, data.data};
}

/* What holds for every judgement, whatever was asked. */
static void
hold(const struct judging *j)
{
	const struct mt_validation *v = &j->v;

	assert_true(mt_validation_is_sane(v, &j->request.refs));
	if (v->state != MT_VALIDATION_DONE)
		assert_true(!v->pkix_valid && !v->dane_matched && v->matched.type == MT_REFID_NONE);
	if (v->anchor == MT_ANCHOR_NONE && v->state == MT_VALIDATION_DONE)
		assert_true(v->faults & MT_BIT(MT_CERT_CHAIN_UNTRUSTED));
	if (v->staple_valid && !j->request.wants_revocation)
		assert_int_equal(v->revocation, MT_REVOCATION_GOOD);
}

const char *
judging_run(struct judging *j)
{
	static const char *const states[] = {"failed", "no-chain", "malformed", "valid"};
	static char text[256];
	size_t n = 0;

	mt_chain_judge(j->generation, &j->request, &j->v);
	hold(j);
	if (j->v.state != MT_VALIDATION_DONE || j->v.faults == 0)
		return states[j->v.state];
	for (size_t i = 0; i < MT_CERT_FAULT_COUNT; i++)
		if (j->v.faults & MT_BIT(i))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? " " : "",
					      faults[i]);
	return text;
}

static const struct pki_cert *
issue(struct pki *pki, const struct pki_recipe *recipe, const struct pki_cert *issuer, bool is_ca)
{
	struct pki_recipe whole = *recipe;

	whole.issuer = issuer;
	whole.is_ca = is_ca;
	return pki_issue(pki, &whole);
}

void
judging_rows(struct pki *pki, const struct judging_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct pki_cert *root = issue(pki, &rows[i].root, NULL, true);
		const struct pki_cert *inter = issue(pki, &rows[i].inter, root, true);
		const struct pki_cert *leaf = issue(pki, &rows[i].leaf, inter, false);
		const char *found;
		struct judging j;

		judging_begin(&j, root, SENT(leaf, inter));
		found = judging_run(&j);
		if (strcmp(found, rows[i].found) != 0)
			fail_msg("%s: %s, not %s", rows[i].what, found, rows[i].found);
	}
}

void
judging_names(struct pki *pki, const struct judging_name *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct pki_recipe recipe = {.cn = "A server"};
		const struct pki_cert *leaf;
		struct judging j;
		const char *found;

		memcpy(recipe.names, rows[i].names, sizeof(recipe.names));
		leaf = pki_issue(pki, &recipe);
		judging_begin(&j, leaf, SENT(leaf));
		judging_refer(&j, &rows[i].asked);
		found = judging_run(&j);
		if (strcmp(found, rows[i].found) != 0)
			fail_msg("%s: %s, not %s", rows[i].what, found, rows[i].found);
		if (rows[i].matched && strcmp(j.v.matched.value, rows[i].matched) != 0)
			fail_msg("%s: matched %s, not %s", rows[i].what, j.v.matched.value,
				 rows[i].matched);
	}
}
