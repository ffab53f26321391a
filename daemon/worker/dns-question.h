/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_DNS_QUESTION_H
#define MT_DAEMON_WORKER_DNS_QUESTION_H

/*
 * One question to libunbound and what came of it. Private to dns.c and dns-lookup.c.
 *
 * libunbound may answer from inside mt_dns_ask(); then done is called from there. It reports
 * SERVFAIL as "not secure" and NXDOMAIN as success: both are set right here, and nowhere else.
 */

#include <sys/queue.h>

#include "daemon/worker/dns-packet.h"
#include "daemon/worker/dns.h"

struct mt_dns_question {
	struct mt_dns *dns;
	unsigned rr_type;
	bool asked;
	bool pending;
	bool answered;
	bool is_refused; /* too many outstanding */
	int ub_id;
	enum mt_dnssec dnssec; /* UNDETERMINED until an answer says more */
	bool is_usable;        /* NOERROR or NXDOMAIN, and not bogus: facts and packet are set */
	struct mt_dns_facts facts;
	uint8_t *packet; /* owned */
	size_t packet_size;
	void (*done)(struct mt_dns_question *question, void *userdata);
	void *userdata;
};

/* Asks for a type the question names. Afterwards the question is pending or answered. */
void mt_dns_ask(struct mt_dns *dns, struct mt_dns_question *question, const char *name);
/* No done any more. Frees what the question holds. */
void mt_dns_question_clear(struct mt_dns_question *question);
/* Hands each record of a usable answer to fn. */
void mt_dns_question_read(const struct mt_dns_question *question, mt_dns_record_fn fn,
			  void *userdata);

/* What the lookups need of the context. */
struct event_base *mt_dns_base(struct mt_dns *dns);
LIST_HEAD(mt_dns_lookups, mt_dns_lookup);
struct mt_dns_lookups *mt_dns_list(struct mt_dns *dns);

#endif
