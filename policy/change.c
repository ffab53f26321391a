/* SPDX-License-Identifier: MIT */
/* Rows S-01 to S-14: what each looks for, and the table that says what it leads to. */

#include "policy/change.h"

#include <stdio.h>
#include <string.h>

#include "policy/change-private.h"
#include "policy/names.h"

static const char *const classes[] = {"none",          "same-level", "stronger",
				      "out-of-domain", "removed",    "weaker"};
MT_DEFINE_NAMES(change_class, classes, MT_CHANGE_CLASS_COUNT, (unsigned)MT_CHANGE_NONE);

/* Since when looks must agree. */
enum agreement { AT_ONCE = 0, TWO_UNLESS_SIGNED, THREE_IN_A_DAY };

/* Whether the row applies; the subject is filled where it does. */
typedef bool (*row_fn)(const struct mt_look *look, struct mt_named *subject);

/* REQUIREMENTS 4.8. Rows that end the look stand first; among rows of one class the later one
 * speaks. */
static const struct row {
	unsigned int number;
	row_fn applies;
	enum mt_change_class class;
	enum mt_snapshot_fate fate;
	enum agreement agreement;
	unsigned int signals, after_probe;
	size_t n_reasons;
	enum mt_reason reasons[MT_CHANGE_REASONS_MAX];
} rows[] = {
	/* clang-format off */
	/* S-12: bogus */
	{12, mt_row_bogus, MT_CHANGE_WEAKER, MT_SNAPSHOT_KEPT, AT_ONCE, MT_CHANGE_ALERT, 0,
	 1, {MT_REASON_SRV_BOGUS}},
	/* S-13: SERVFAIL, timeout, no network */
	{13, mt_row_failed, MT_CHANGE_NONE, MT_SNAPSHOT_KEPT, AT_ONCE, 0, 0, 0, {0}},
	/* S-02: only priority or weight differs, or what the account does not use */
	{2, mt_row_reordered, MT_CHANGE_NONE, MT_SNAPSHOT_UPDATED, TWO_UNLESS_SIGNED, 0, 0, 0, {0}},
	/* S-03: the current target is still there, others of its level have come or gone */
	{3, mt_row_same_level, MT_CHANGE_SAME_LEVEL, MT_SNAPSHOT_UPDATED, TWO_UNLESS_SIGNED,
	 MT_CHANGE_CONFIG, 0, 1, {MT_REASON_SRV_CHANGED}},
	/* S-04: an implicit label appears, the account uses STARTTLS */
	{4, mt_row_implicit, MT_CHANGE_STRONGER, MT_SNAPSHOT_UPDATED, TWO_UNLESS_SIGNED,
	 MT_CHANGE_CONFIG, MT_CHANGE_UPGRADE, 2,
	 {MT_REASON_SRV_CHANGED, MT_REASON_SRV_UPGRADE_AVAILABLE}},
	/* S-05: any TLS label appears, the account does not require it (R-5-14, R-5.1-16) */
	{5, mt_row_encrypted, MT_CHANGE_STRONGER, MT_SNAPSHOT_AFTER_PROBE, TWO_UNLESS_SIGNED,
	 0, MT_CHANGE_CONFIG | MT_CHANGE_UPGRADE, 1, {MT_REASON_SRV_UPGRADE_AVAILABLE}},
	/* S-06: the current target is gone; another one inside the domain may take its place */
	{6, mt_row_gone, MT_CHANGE_REMOVED, MT_SNAPSHOT_KEPT, TWO_UNLESS_SIGNED,
	 MT_CHANGE_CONFIG, 0, 1, {MT_REASON_SRV_CHANGED}},
	/* S-07: a new target outside of the domain, unsigned */
	{7, mt_row_outside, MT_CHANGE_OUT_OF_DOMAIN, MT_SNAPSHOT_KEPT, TWO_UNLESS_SIGNED,
	 MT_CHANGE_CONFIG, 0, 1, {MT_REASON_SRV_CHANGED}},
	/* S-08: a TLS label withdrawn, one that is cleartext-capable remains or appears */
	{8, mt_row_weaker, MT_CHANGE_WEAKER, MT_SNAPSHOT_KEPT, TWO_UNLESS_SIGNED,
	 MT_CHANGE_ALERT, 0, 1, {MT_REASON_SRV_CHANGED_WEAKER}},
	/* S-09: the label now has target "." */
	{9, mt_row_not_offered, MT_CHANGE_REMOVED, MT_SNAPSHOT_KEPT, TWO_UNLESS_SIGNED,
	 MT_CHANGE_CONFIG, 0, 1, {MT_REASON_SRV_SERVICE_NOT_OFFERED}},
	/* S-10: the zone was signed, the answer now is not */
	{10, mt_row_unsigned, MT_CHANGE_WEAKER, MT_SNAPSHOT_KEPT, TWO_UNLESS_SIGNED,
	 MT_CHANGE_ALERT, 0, 1, {MT_REASON_SRV_CHANGED_WEAKER}},
	/* S-11: the zone was unsigned and is signed now, with the same data */
	{11, mt_row_signed, MT_CHANGE_NONE, MT_SNAPSHOT_UPDATED, AT_ONCE, 0, 0,
	 1, {MT_REASON_SRV_DNSSEC_SECURE}},
	/* S-14: nothing for any label, where there was something */
	{14, mt_row_absent, MT_CHANGE_REMOVED, MT_SNAPSHOT_KEPT, THREE_IN_A_DAY,
	 MT_CHANGE_CONFIG, 0, 1, {MT_REASON_SRV_CHANGED}},
	/* clang-format on */
};

/* S-01: identical, or only the TTL differs. */
static const struct row identical = {.number = 1, .fate = MT_SNAPSHOT_RENEWED};

static bool
ends_look(const struct row *row)
{
	return row->number == 12 || row->number == 13;
}

/* Fills what is independent of history. Return: the row that speaks. */
static const struct row *
find_rows(const struct mt_look *look, struct mt_change *c)
{
	const struct row *speaks = NULL;

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		struct mt_named subject = {0};

		if (!rows[i].applies(look, &subject))
			continue;
		c->rows |= 1u << rows[i].number;
		if (!speaks || rows[i].class >= speaks->class) {
			c->subject = subject;
			speaks = &rows[i];
		}
		/* what keeps the snapshot wins */
		if (c->fate > rows[i].fate)
			c->fate = rows[i].fate;
		if (ends_look(&rows[i]))
			break;
	}
	if (speaks)
		return speaks;
	c->rows = 1u << 1;
	return &identical;
}

/* -- history ----------------------------------------------------------------------------------- */

bool
mt_look_is_signed(const struct mt_look *look)
{
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++)
		if (look->fresh[i]->rrset.dnssec != MT_DNSSEC_SECURE)
			return false;
	return true;
}

/* FNV-1a */
static uint64_t
digest_bytes(uint64_t digest, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++)
		digest = (digest ^ bytes[i]) * UINT64_C(1099511628211);
	return digest;
}

/* Order is by priority, which need not agree: so each label's records are summed up. */
static uint64_t
look_digest(const struct mt_look *look)
{
	uint64_t digest = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < MT_SERVICE_COUNT; i++) {
		const struct mt_srv_rrset *answer = look->fresh[i];
		const uint8_t state[] = {answer->rrset.state, answer->rrset.dnssec};
		uint64_t sum = 0;

		for (size_t k = 0; k < answer->n; k++) {
			const struct mt_srv_record *record = &answer->records[k];
			uint64_t one = digest_bytes(UINT64_C(14695981039346656037), record->target,
						    strlen(record->target) + 1);

			sum += digest_bytes(one, &record->port, sizeof(record->port));
		}
		digest = digest_bytes(digest, state, sizeof(state));
		digest = digest_bytes(digest, &sum, sizeof(sum));
	}
	return digest;
}

/* Counts this look among those that agree. */
static void
count_look(const struct mt_look *look, uint64_t digest, struct mt_change_history *h)
{
	if (h->n_looks == 0 || h->digest != digest || look->now_usec < h->last_usec) {
		h->digest = digest;
		h->n_looks = 1;
		h->first_usec = h->last_usec = look->now_usec;
	} else if (look->now_usec - h->last_usec >= MT_CHANGE_AGREE_USEC) {
		h->n_looks++;
		h->last_usec = look->now_usec;
	}
}

static bool
has_agreed(const struct mt_look *look, const struct row *row, const struct mt_change_history *h)
{
	switch (row->agreement) {
	case AT_ONCE:
		return true;
	case TWO_UNLESS_SIGNED:
		return mt_look_is_signed(look) || h->n_looks >= 2;
	case THREE_IN_A_DAY:
		return h->n_looks >= MT_CHANGE_ABSENT_LOOKS &&
		       h->last_usec - h->first_usec >= MT_CHANGE_ABSENT_USEC;
	}
	return false;
}

/* Told before: it has lasted since, or came back within a day. */
static bool
was_told(const struct mt_look *look, const struct row *row, uint64_t digest,
	 const struct mt_change_history *h)
{
	const int64_t since = row->number == 12 ? h->bogus_usec : h->told_usec;
	const bool is_recent = since != 0 && look->now_usec >= since &&
			       look->now_usec - since < MT_CHANGE_ALERT_USEC;

	if (row->number == 12)
		return is_recent;
	return h->told_row == row->number && h->told_digest == digest &&
	       (h->told_lasts || is_recent);
}

static void
remember_told(const struct mt_look *look, const struct row *row, uint64_t digest,
	      struct mt_change_history *h)
{
	if (row->number == 12) {
		h->bogus_usec = look->now_usec;
		return;
	}
	h->told_row = (uint8_t)row->number;
	h->told_digest = digest;
	h->told_usec = look->now_usec;
}

/* What there is to tell, now that it is believed. */
static void
tell(const struct mt_look *look, const struct row *row, uint64_t digest, struct mt_change *c)
{
	c->is_told = was_told(look, row, digest, &c->history);
	if (row->number != 12)
		c->history.told_lasts = true;
	/* an offer is made when its probe succeeds, which may be another day */
	c->after_probe = row->after_probe;
	if (c->is_told)
		return;
	c->signals = row->signals;
	if (row->signals)
		remember_told(look, row, digest, &c->history);
}

static void
apply_history(const struct mt_look *look, const struct row *row, struct mt_change *c)
{
	const uint64_t digest = look_digest(look);
	struct mt_change_history *h = &c->history;

	if (row->number == 13) {
		h->n_failed++; /* it neither confirms nor refutes */
		return;
	}
	h->n_failed = 0;
	if (row->number == 12) {
		tell(look, row, digest, c);
		return;
	}
	if (row == &identical || row->class == MT_CHANGE_NONE)
		h->told_lasts = false;
	if (row == &identical) {
		h->n_looks = 0;
		return;
	}
	count_look(look, digest, h);
	c->is_pending = !has_agreed(look, row, h);
	if (c->is_pending) {
		c->fate = MT_SNAPSHOT_KEPT;
		return;
	}
	tell(look, row, digest, c);
	if (c->fate == MT_SNAPSHOT_UPDATED)
		h->n_looks = 0;
}

/* Nothing is offered while something looks wrong, nor before it is believed. */
static bool
may_offer(const struct mt_change *c)
{
	return !c->is_pending && c->class <= MT_CHANGE_STRONGER && c->row != 13;
}

void
mt_change_judge(const struct mt_look *look, struct mt_change *ret)
{
	const struct row *row;

	*ret = (struct mt_change){.fate = MT_SNAPSHOT_RENEWED, .history = look->history};
	row = find_rows(look, ret);
	ret->row = row->number;
	ret->class = row->class;
	ret->n_reasons = row->n_reasons;
	memcpy(ret->reasons, row->reasons, sizeof(ret->reasons));
	apply_history(look, row, ret);
	if (may_offer(ret))
		mt_look_find_upgrades(look, ret);
}

void
mt_upgrade_name(const struct mt_service *service, char ret[static MT_TOKEN_SIZE])
{
	(void)snprintf(ret, MT_TOKEN_SIZE, "%s-%s", mt_proto_to_string(service->proto),
		       mt_transport_to_string(service->transport));
}

bool
mt_named_improves(const struct mt_named *named, const struct mt_use *use)
{
	return named->service && named->service->proto == use->proto &&
	       named->service->transport > use->transport;
}
