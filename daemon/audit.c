/* SPDX-License-Identifier: MIT */
/* One structured line per decision, consent and change of policy; the last of them in a ring. */

#include "daemon/audit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/accounts.h"
#include "daemon/log.h"

struct mt_audit {
	uint64_t number; /* of the newest line; the first is 1 */
	struct {
		uint16_t size;
		char text[MT_AUDIT_LINE_MAX];
	} lines[MT_AUDIT_LINES];
};

int
mt_audit_new(struct mt_audit **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

struct mt_audit *
mt_audit_free(struct mt_audit *audit)
{
	free(audit);
	return NULL;
}

/* After mt_log_end(): the same bytes that went out, without the newline. */
static void
audit_keep(struct mt_audit *audit, const struct mt_log_line *line)
{
	const size_t slot = audit->number++ % MT_AUDIT_LINES;
	size_t size = line->size > 0 ? line->size - 1 : 0;

	if (size > MT_AUDIT_LINE_MAX)
		size = MT_AUDIT_LINE_MAX;
	memcpy(audit->lines[slot].text, line->text, size);
	audit->lines[slot].size = (uint16_t)size;
}

uint64_t
mt_audit_read(const struct mt_audit *audit, uint64_t after, mt_audit_fn fn, void *userdata)
{
	const uint64_t gone = audit->number > MT_AUDIT_LINES ? audit->number - MT_AUDIT_LINES : 0;

	for (uint64_t i = after > gone ? after : gone; i < audit->number; i++)
		fn(userdata, i + 1, audit->lines[i % MT_AUDIT_LINES].text,
		   audit->lines[i % MT_AUDIT_LINES].size);
	return audit->number;
}

static void
line_account(struct mt_log_line *line, const struct mt_account_id *id)
{
	if (id)
		mt_log_hex(line, "MT_ACCOUNT", id->bytes, sizeof(id->bytes));
}

/* The codes as one field, "a,b,c". */
static void
line_reasons(struct mt_log_line *line, const struct mt_verdict *verdict)
{
	char text[1024];
	size_t at = 0;

	for (size_t i = 0; i < verdict->n_reasons; i++) {
		const char *code = mt_reason_to_string(verdict->reasons[i]);
		size_t size = strlen(code);

		if (size + 1 > sizeof(text) - at)
			break;
		if (at > 0)
			text[at++] = ',';
		memcpy(text + at, code, size);
		at += size;
	}
	mt_log_bytes(line, "MT_REASONS", text, at);
}

static void
line_endpoint(struct mt_log_line *line, const struct mt_evidence *evidence)
{
	mt_log_text(line, "MT_PROTO", mt_proto_to_string(evidence->proto));
	mt_log_text(line, "MT_HOST", evidence->host);
	mt_log_number(line, "MT_PORT", evidence->port);
	mt_log_text(line, "MT_TRANSPORT", mt_transport_to_string(evidence->transport));
}

void
mt_audit_decision(struct mt_audit *audit, const struct mt_audit_decision *decision)
{
	const struct mt_verdict *verdict = decision->verdict;
	struct mt_log_line line;

	mt_log_begin(&line, MT_LOG_NOTICE, "decision");
	mt_log_text(&line, "MT_DECISION", mt_decision_to_string(verdict->decision));
	mt_log_number(&line, "MT_CONF", verdict->conf);
	line_reasons(&line, verdict);
	mt_log_text(&line, "MT_JTI", decision->jti);
	mt_log_number(&line, "MT_UID", decision->uid);
	line_account(&line, decision->account);
	mt_log_text(&line, "MT_OP", mt_op_to_string(decision->op));
	line_endpoint(&line, decision->evidence);
	if (decision->identity && decision->identity->type != MT_REFID_NONE) {
		mt_log_text(&line, "MT_IDENTITY_TYPE",
			    mt_refid_type_to_string(decision->identity->type));
		mt_log_text(&line, "MT_IDENTITY", decision->identity->value);
	}
	mt_log_text(&line, "MT_PROVENANCE",
		    decision->provenance == MT_PROVENANCE_ATTESTED ? "attested" : "asserted");
	mt_log_number(&line, "MT_EPOCH", (int64_t)decision->epoch);
	/* R-5.4-07, D-SYS-02: what the caller must not learn stands here and nowhere else. */
	if (verdict->log_not_owner)
		mt_log_text(&line, "MT_ADMIN", mt_reason_to_string(MT_REASON_ACCOUNT_NOT_OWNER));
	else if (verdict->log_pin_other_account)
		mt_log_text(&line, "MT_ADMIN", mt_reason_to_string(MT_REASON_PIN_OTHER_ACCOUNT));
	mt_log_end(&line, "verdict");
	audit_keep(audit, &line);
}

void
mt_audit_validation(struct mt_audit *audit, const struct mt_audit_validation *what)
{
	const struct mt_validation *validation = what->validation;
	const struct mt_refid *identity =
		validation->pkix_valid ? &validation->matched : &validation->dane_id;
	char text[MT_REFIDS_TEXT_SIZE];
	struct mt_log_line line;

	mt_log_begin(&line, MT_LOG_NOTICE, "validation");
	mt_log_number(&line, "MT_PKIX_VALID", validation->pkix_valid);
	mt_log_number(&line, "MT_DANE_MATCHED", validation->dane_matched);
	if (identity->type != MT_REFID_NONE) {
		mt_log_text(&line, "MT_IDENTITY_TYPE", mt_refid_type_to_string(identity->type));
		mt_log_text(&line, "MT_IDENTITY", identity->value);
	}
	mt_log_number(&line, "MT_UID", what->uid);
	line_account(&line, what->account);
	line_endpoint(&line, what->evidence);
	mt_log_hex(&line, "MT_REFERENCES_SHA256", what->refs_sha256, 32);
	mt_log_text(&line, "MT_REFERENCES", mt_refids_format(what->refs, text));
	mt_log_end(&line, "chain judged");
	audit_keep(audit, &line);
}

void
mt_audit_probe(struct mt_audit *audit, const struct mt_account *account,
	       const struct mt_endpoint *endpoint, const uint8_t refs_sha256[static 32])
{
	struct mt_log_line line;

	mt_log_begin(&line, MT_LOG_NOTICE, "probe");
	mt_log_number(&line, "MT_UID", account->uid);
	line_account(&line, &account->id);
	mt_log_text(&line, "MT_PROTO", mt_proto_to_string(endpoint->proto));
	mt_log_text(&line, "MT_HOST", endpoint->host);
	mt_log_number(&line, "MT_PORT", endpoint->port);
	mt_log_hex(&line, "MT_REFERENCES_SHA256", refs_sha256, 32);
	mt_log_end(&line, "about to connect");
	audit_keep(audit, &line);
}

void
mt_audit_consent(struct mt_audit *audit, const struct mt_account *account,
		 const struct mt_consent *consent)
{
	struct mt_log_line line;

	mt_log_begin(&line, MT_LOG_NOTICE, "consent");
	mt_log_text(&line, "MT_CONSENT", mt_consent_kind_to_string(consent->kind));
	mt_log_number(&line, "MT_TEXT_VERSION", consent->text_version);
	mt_log_number(&line, "MT_UID", consent->uid);
	line_account(&line, &account->id);
	mt_log_address(&line, "MT_ADDRESS", account->address);
	if (consent->host[0])
		mt_log_text(&line, "MT_HOST", consent->host);
	if (consent->port != 0)
		mt_log_number(&line, "MT_PORT", consent->port);
	mt_log_end(&line, "the owner was warned and consented");
	audit_keep(audit, &line);
}

/* Bits of a change as one field. */
static void
line_what(struct mt_log_line *line, unsigned int what)
{
	static const char *const names[] = {"minimum", "endpoints", "pins",  "consents",
					    "best",    "state",     "probe", "offers"};
	char text[96];
	size_t at = 0;

	for (size_t i = 0; i < MT_ARRAY_SIZE(names); i++) {
		size_t size = strlen(names[i]);

		if (!(what & 1u << i))
			continue;
		if (at > 0)
			text[at++] = ',';
		memcpy(text + at, names[i], size);
		at += size;
	}
	mt_log_bytes(line, "MT_CHANGED", text, at);
}

void
mt_audit_account(struct mt_audit *audit, const struct mt_account *account, unsigned int what,
		 enum mt_account_state before)
{
	struct mt_log_line line;

	mt_log_begin(&line, MT_LOG_NOTICE, "account");
	mt_log_number(&line, "MT_UID", account->uid);
	line_account(&line, &account->id);
	mt_log_address(&line, "MT_ADDRESS", account->address);
	line_what(&line, what);
	mt_log_text(&line, "MT_STATE", mt_account_state_to_string(account->state));
	mt_log_text(&line, "MT_STATE_BEFORE", mt_account_state_to_string(before));
	mt_log_end(&line, "account changed");
	audit_keep(audit, &line);
}

void
mt_audit_removed(struct mt_audit *audit, const struct mt_account *account)
{
	struct mt_log_line line;

	mt_log_begin(&line, MT_LOG_NOTICE, "account-removed");
	mt_log_number(&line, "MT_UID", account->uid);
	line_account(&line, &account->id);
	mt_log_address(&line, "MT_ADDRESS", account->address);
	mt_log_end(&line, "account removed");
	audit_keep(audit, &line);
}

void
mt_audit_policy(struct mt_audit *audit, const char *bundle, uint64_t serial, uint64_t epoch,
		const char *code)
{
	struct mt_log_line line;

	mt_log_begin(&line, code ? MT_LOG_WARNING : MT_LOG_NOTICE, "policy");
	mt_log_text(&line, "MT_BUNDLE", bundle);
	mt_log_number(&line, "MT_SERIAL", (int64_t)serial);
	mt_log_number(&line, "MT_EPOCH", (int64_t)epoch);
	mt_log_text(&line, "MT_REASONS", code);
	mt_log_end(&line, "%s",
		   code ? "organisation policy refused" : "organisation policy in force");
	audit_keep(audit, &line);
}
