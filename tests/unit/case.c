/* SPDX-License-Identifier: MIT */
/* Questions to the policy core, as tests state them. */

#include "tests/unit/case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t record_data[32] = {0x42};

void
case_init(struct test_case *c)
{
	memset(c, 0, sizeof(*c));
	c->ev.proto = MT_PROTO_IMAP;
	c->ev.transport = MT_TRANSPORT_IMPLICIT;
	c->ev.port = 993;
	strcpy(c->ev.host, "imap.example.test");
	c->ev.present = MT_BIT(MT_EV_PROTO) | MT_BIT(MT_EV_TRANSPORT) | MT_BIT(MT_EV_PORT) |
			MT_BIT(MT_EV_HOST) | MT_BIT(MT_EV_CHAIN) | MT_BIT(MT_EV_LEAF_SHA256);
	mt_evidence_fill_benign(&c->ev, CASE_NOW);
	memset(c->ev.leaf_sha256, 0x11, 32);

	c->val.state = MT_VALIDATION_DONE;
	c->val.pkix_valid = true;
	c->val.anchor = MT_ANCHOR_SYSTEM;
	c->val.revocation = MT_REVOCATION_NOT_CHECKED;
	memset(c->val.leaf_sha256, 0x11, 32);
	c->tlsa.status = MT_TLSA_ABSENT;

	c->facts.known = true;
	c->facts.state = MT_ACCOUNT_ACTIVE;
	c->facts.endpoint = MT_ENDPOINT_SAVED;
	c->facts.reference.discovery = MT_DISCOVERY_MANUAL;
	c->facts.reference.dnssec = MT_DNSSEC_INSECURE;
	c->facts.reference.saved = true;
	strcpy(c->facts.reference.host, "imap.example.test");
	strcpy(c->facts.reference.address_domain, "example.test");
	mt_minimum_init_default(&c->account);

	c->in.op = MT_OP_AUTHENTICATE;
	c->in.provenance = MT_PROVENANCE_ATTESTED;
	c->in.now_usec = CASE_NOW;
	c->in.clock_sane = true;
	c->in.ready = true;
}

static void
without_tls(struct test_case *c)
{
	struct mt_evidence *ev = &c->ev;

	memset(ev, 0, sizeof(*ev));
	ev->proto = MT_PROTO_IMAP;
	ev->port = 143;
	strcpy(ev->host, "imap.example.test");
	ev->present = MT_BIT(MT_EV_PROTO) | MT_BIT(MT_EV_TRANSPORT) | MT_BIT(MT_EV_PORT) |
		      MT_BIT(MT_EV_HOST);
}

void
case_starttls(struct test_case *c)
{
	without_tls(c);
	c->ev.transport = MT_TRANSPORT_STARTTLS;
	c->ev.tls_version = MT_TLS_VERSION_1_2;
	c->ev.present |=
		MT_BIT(MT_EV_TLS_VERSION) | MT_BIT(MT_EV_CHAIN) | MT_BIT(MT_EV_LEAF_SHA256);
	memset(c->ev.leaf_sha256, 0x11, 32);
	mt_evidence_fill_benign(&c->ev, CASE_NOW);
}

void
case_cleartext(struct test_case *c)
{
	without_tls(c);
	mt_evidence_fill_benign(&c->ev, CASE_NOW);
	memset(&c->val, 0, sizeof(c->val));
	c->val.state = MT_VALIDATION_NO_CHAIN;
	c->val.revocation = MT_REVOCATION_NOT_CHECKED;
}

void
case_fault(struct test_case *c, enum mt_cert_fault fault)
{
	c->val.pkix_valid = false;
	c->val.faults |= (uint32_t)MT_BIT(fault);
}

void
case_pin(struct test_case *c, uint8_t leaf)
{
	memset(c->pins[c->facts.n_pins], leaf, 32);
	c->facts.n_pins++;
}

void
case_tlsa(struct test_case *c, bool matches)
{
	c->tlsa.status = MT_TLSA_SECURE;
	c->tlsa.n = 1;
	c->tlsa.records[0] = (struct mt_tlsa_record){3, 1, 1, 32, record_data};
	c->val.dane_usable = 1;
	c->val.dane_matched = matches;
	c->val.dane_usage = matches ? 3 : 0;
}

static void
set(struct mt_minimum *min, const char *field, const char *value, bool is_org)
{
	if (mt_minimum_set_text(min, field, value, is_org) != 0)
		abort();
}

void
case_set(struct test_case *c, const char *field, const char *value)
{
	set(&c->account, field, value, false);
}

void
case_set_org(struct test_case *c, const char *field, const char *value)
{
	c->has_org = true;
	set(&c->org, field, value, true);
}

void
case_state(struct test_case *c, enum mt_account_state state, enum mt_op op)
{
	c->facts.state = state;
	c->in.op = op;
	if (state == MT_ACCOUNT_SETUP) {
		c->facts.endpoint = MT_ENDPOINT_CANDIDATE;
		c->facts.reference.saved = false;
	}
}

void
case_reduced(struct test_case *c)
{
	case_set(c, "min_conf", "off");
	c->facts.consents = MT_BIT(MT_CONSENT_REDUCED_CONFIDENTIALITY);
}

void
case_srv(struct test_case *c, const char *host)
{
	struct mt_reference *ref = &c->facts.reference;

	ref->discovery = MT_DISCOVERY_SRV;
	ref->dnssec = MT_DNSSEC_INSECURE;
	strcpy(ref->label, "_imaps");
	strcpy(ref->host, host);
	strcpy(c->ev.host, host);
}

const struct mt_verdict *
case_decide(struct test_case *c)
{
	mt_effective_init(&c->eff);
	mt_effective_join(&c->eff, &c->account, MT_LAYER_ACCOUNT);
	if (c->has_org)
		mt_effective_join(&c->eff, &c->org, MT_LAYER_ORG);
	if (c->has_request)
		mt_effective_join(&c->eff, &c->request, MT_LAYER_REQUEST);
	c->facts.pins = (const uint8_t(*)[32])c->pins;
	c->in.evidence = &c->ev;
	c->in.validation = &c->val;
	c->in.tlsa = &c->tlsa;
	c->in.account = &c->facts;
	c->in.policy = &c->eff;
	mt_decide(&c->in, &c->v);
	return &c->v;
}

const char *
case_text(const struct test_case *c)
{
	static char text[1024];
	int n = snprintf(text, sizeof(text), "%s/%d [", mt_decision_to_string(c->v.decision),
			 c->v.conf);

	for (size_t i = 0; i < c->v.n_reasons; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%s%s", i ? ", " : "",
			      mt_reason_to_string(c->v.reasons[i]));
	(void)snprintf(text + n, sizeof(text) - (size_t)n, "]");
	return text;
}
