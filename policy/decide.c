/* SPDX-License-Identifier: MIT */
/* The decision: one ordered table of rows. Reading it from top to bottom is reading the policy. */

#include "policy/decide.h"

#include <string.h>

#include "policy/decide-rows.h"

/* clang-format off */
static const struct row rows[] = {
	/* admission */
	{ 1, row_ready,            "D-SYS-04: what cannot decide denies"},
	{ 2, row_account,          "D-SYS-02: an account belongs to a uid"},
	{ 3, row_evidence,         "REQUIREMENTS 0.2: complete, consistent, fresh"},
	{ 4, row_satisfiable,      "REQUIREMENTS 4.6: a policy nothing can meet denies"},
	{ 5, row_expiry,           "REQUIREMENTS 4.7: expiry removes permissions, never obligations"},
	{ 6, row_suspended,        "REQUIREMENTS 4.9"},
	{ 7, row_operation,        "REQUIREMENTS 0.3: the closed list of operations"},
	{ 8, row_clock,            "D-PKIX-08: dates are not judged with an insane clock"},
	{ 9, row_provenance,       "D-SYS-01: asserted or attested"},
	/* endpoint */
	{10, row_srv_bogus,        "R-5.1-11, RFC 8314 section 5.1"},
	{11, row_srv_domain,       "R-5.1-12: a target outside the domain is confirmed by a person"},
	{12, row_srv_trust,        "Q-04: the strict reading of RFC 9525 section 6.1.1"},
	{13, row_source,           "D-DISC-02"},
	{14, row_endpoint,         "R-5.1-13: nothing but the account's own endpoints"},
	{15, row_referral,         "D-STLS-08"},
	{16, row_implicit_port,    "D-IANA-02, RFC 8314 section 7.3"},
	/* protocol integrity and transport */
	{17, row_integrity,        "D-STLS-04, D-STLS-12, D-TLS-10, D-TLS-11"},
	{18, row_capability,       "R-5.2-09: capability discovery and STARTTLS are always allowed"},
	{19, row_capabilities,     "D-STLS-02, RFC 3207 section 4.2"},
	{20, row_pretls_data,      "D-STLS-06"},
	{21, row_dane_needs_tls,   "D-DANE-08, D-DANE-09"},
	{22, row_cleartext,        "R-5-04, RFC 8314 section 5.2"},
	{23, row_version,          "R-5-12, RFC 8997"},
	{25, row_cipher,           "D-TLS-05, D-TLS-08, BCP 195"},
	{26, row_legacy,           "D-TLS-09, RFC 9325 section 3"},
	{27, row_resumed,          "D-TLS-12"},
	{28, row_starttls,         "D-TLS-13, RFC 8314 section 3"},
	/* server authentication, operation, state */
	{29, row_tlsa_state,       "D-DANE-01, RFC 6698 section 4.1"},
	{30, row_dane,             "D-DANE-05, D-DANE-09, RFC 7671"},
	{31, row_malformed,        "D-PKIX-09, D-PKIX-06"},
	{32, row_pkix,             "R-5.3-01, R-5.3-02, D-PKIX-04, D-PKIX-05"},
	{34, row_proof,            "R-5.3-03, D-DANE-15"},
	{35, row_pin,              "R-5.4-03, R-5.4-07, RFC 8314 section 5.4"},
	{36, row_confidentiality,  "R-5-05, R-5-09"},
	{37, row_authentication,   "D-SASL-05, D-SASL-10, D-CB-05"},
	{38, row_client_cert,      "R-5.5-02, R-5.5-03, RFC 8314 section 5.5"},
	{39, row_setup_only_tests, "R-5.4-01: nothing but a test before commit"},
	{40, row_met,              "R-5-04"},
	{41, row_minimum_active,   "R-5-04, R-5.2-09"},
	{42, row_minimum_setup,    "R-5.1-09"},
	{43, row_pin_offer,        "R-5.4-02"},
	{44, row_test_consented,   "R-5.1-10"},
	{45, row_test_unconsented, "R-5.1-10"},
	{46, row_warning,          "R-5.2-08, R-5.1-07"},
	{47, row_downgrade,        "R-5.2-13"},
	{48, row_reduced,          "R-5.2-06"},
};
/* clang-format on */

/* Rows 19-36 run for capability and starttls too, for information only. */
#define ROW_CAPABILITY 18
#define ROW_INFORMATIVE_LAST 36

void
mt_decide(const struct mt_decide_input *in, struct mt_verdict *ret)
{
	struct decision d;
	enum step step = GO_ON;

	decision_init(&d, in, ret);
	for (size_t i = 0; i < MT_ARRAY_SIZE(rows) && step == GO_ON; i++) {
		if (d.informative && rows[i].number > ROW_INFORMATIVE_LAST)
			step = STOP;
		else
			step = rows[i].judge(&d);
	}
	if (d.informative) {
		/* Whatever stopped the collecting, the capability phase goes on. */
		ret->decision = MT_DECISION_ALLOW;
		ret->conf = d.confidential;
	} else if (step == GO_ON) {
		/* Row 49: unreachable. Deny is what remains. */
		ret->decision = MT_DECISION_DENY;
		ret->conf = false;
		mt_verdict_add(ret, MT_REASON_DAEMON_DEGRADED);
	}
	decision_finish(&d);
}
