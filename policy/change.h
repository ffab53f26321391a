/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_CHANGE_H
#define MT_POLICY_CHANGE_H

/*
 * From what DNS said when an account's servers were chosen, and what it says now, to what that
 * change means: rows S-01 to S-14 of REQUIREMENTS 4.8, one table.
 *
 * Of all rows that apply the one of the strongest class speaks; the snapshot is kept if any of them
 * wants that. Only labels of protocols the account uses count, but for bogus data, failure, absence
 * and the loss of signatures, which are the domain's: an account that reads by IMAP is offered no
 * POP3, whatever priorities say (D-SRV-07). Unsigned data is believed when two looks at least
 * MT_CHANGE_AGREE_USEC apart agree, signed data at once, the absence of everything after
 * MT_CHANGE_ABSENT_LOOKS over MT_CHANGE_ABSENT_USEC. A finding is told once; the same again after a
 * day at the earliest, if it went away meanwhile; bogus data once a day as long as it lasts.
 *
 * Nothing here changes an account (D-DISC-04). Not here either: asking, probing, storing, and
 * whether anybody is told. Agreement compares a sum that is not cryptographic: whoever can forge
 * one answer can forge the same one again.
 */

#include "policy/discovery.h"

/* How much a change matters, weakest first. */
enum mt_change_class {
	MT_CHANGE_NONE = 0,
	MT_CHANGE_SAME_LEVEL,
	MT_CHANGE_STRONGER,
	MT_CHANGE_OUT_OF_DOMAIN,
	MT_CHANGE_REMOVED,
	MT_CHANGE_WEAKER
};
#define MT_CHANGE_CLASS_COUNT 6
/* "none" "same-level" "stronger" "out-of-domain" "removed" "weaker" */
const char *mt_change_class_to_string(enum mt_change_class class);
MT_MUST_CHECK int mt_change_class_from_string(const char *string, enum mt_change_class *ret);

/* What becomes of the snapshot. Zero: it stays, and the look is compared with it again. */
enum mt_snapshot_fate {
	MT_SNAPSHOT_KEPT = 0,
	MT_SNAPSHOT_AFTER_PROBE, /* updated, once a probe reached confidentiality (S-05) */
	MT_SNAPSHOT_UPDATED,
	MT_SNAPSHOT_RENEWED /* equal: only the time is new */
};

/* Signals, as bits. */
enum {
	MT_CHANGE_CONFIG = 1 << 0, /* ConfigChanged */
	MT_CHANGE_ALERT = 1 << 1,  /* SecurityAlert */
	MT_CHANGE_UPGRADE = 1 << 2 /* UpgradeAvailable; only ever after a probe (R-5-14) */
};

#define MT_CHANGE_ROWS 14
#define MT_CHANGE_REASONS_MAX 2

/* A server the account uses. host is borrowed. */
struct mt_use {
	enum mt_proto proto;
	enum mt_transport transport;
	const char *host;
	uint16_t port;
};

/* A server that DNS names, or the same one encrypted. */
struct mt_named {
	const struct mt_service *service; /* static storage; NULL: none */
	char host[MT_DOMAIN_SIZE];
	uint16_t port;
	enum mt_dnssec dnssec; /* of the SRV RRset */
	bool is_same_server;   /* STARTTLS at a server in use: no SRV record names it */
};

/* What earlier looks have seen. All zero: there was none. */
struct mt_change_history {
	uint64_t digest;    /* of the answers that are being confirmed */
	uint32_t n_looks;   /* that agree, each MT_CHANGE_AGREE_USEC after the one before */
	int64_t first_usec; /* wall clock */
	int64_t last_usec;
	uint8_t told_row; /* the last finding that was told; 0: none */
	uint64_t told_digest;
	int64_t told_usec;
	bool told_lasts;    /* it has not gone away since */
	int64_t bogus_usec; /* S-12 was told */
	uint32_t n_failed;  /* looks in a row that found out nothing */
};

struct mt_look {
	const char *domain; /* A-labels */
	/* As mt_services. before: the snapshot, NULL where there is none; fresh: every one set.
	 * Borrowed. */
	const struct mt_srv_rrset *before[MT_SERVICE_COUNT];
	const struct mt_srv_rrset *fresh[MT_SERVICE_COUNT];
	const struct mt_use *uses;
	size_t n_uses;
	bool min_conf;     /* effectively on */
	uint8_t srv_trust; /* enum mt_srv_trust */
	/* As mt_services: its offer was declined within MT_DECLINED_USEC. */
	bool is_declined[MT_SERVICE_COUNT];
	struct mt_change_history history;
	int64_t now_usec;
};

struct mt_change {
	unsigned int row; /* 1 .. 14, the strongest */
	uint32_t rows;    /* all that apply, 1 << number */
	enum mt_change_class class;
	enum mt_reason reasons[MT_CHANGE_REASONS_MAX];
	size_t n_reasons;
	bool is_pending; /* another look must agree before it is told */
	bool is_told;    /* it was told before: no signal now */
	/* MT_CHANGE_ bits; after_probe: where a probe of an upgrade reaches confidentiality. */
	unsigned int signals, after_probe;
	enum mt_snapshot_fate fate;
	/* What the row is about, and the candidate a person may review; service NULL where the row
	 * is about the whole domain, host "" where no server takes the place. */
	struct mt_named subject;
	/* What may be offered, at most one for each protocol in use. */
	struct mt_named upgrades[MT_PROTO_COUNT - 1];
	size_t n_upgrades;
	struct mt_change_history history; /* for the next look */
};

void mt_change_judge(const struct mt_look *look, struct mt_change *ret);

/* "imap-implicit": what an offer is remembered by, when it is declined. */
void mt_upgrade_name(const struct mt_service *service, char ret[static MT_TOKEN_SIZE]);

/* An upgrade is better than what is in use. False where it is not an upgrade (any more), whatever
 * it was when it was offered. */
bool mt_named_improves(const struct mt_named *named, const struct mt_use *use);

#endif
