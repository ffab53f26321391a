/* SPDX-License-Identifier: MIT */
/*
 * Lookups: addresses, SRV, TLSA, as questions under one deadline.
 *
 * A lookup has three questions at most, in this order: AAAA and A, which go out together, and the
 * records. What may be asked next is looked at from the loop, after an answer came (on_step), since
 * answers may come from inside of asking.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "daemon/worker/dns-question.h"
#include "policy/domain.h"

enum { AAAA = 0, A, RECORDS, N_QUESTIONS };
enum kind { KIND_ADDRESSES, KIND_SRV, KIND_TLSA, KIND_DIGEST };

/* Of the records. */
static const unsigned int rr_types[] = {
	[KIND_SRV] = MT_DNS_TYPE_SRV,
	[KIND_TLSA] = MT_DNS_TYPE_TLSA,
	[KIND_DIGEST] = MT_DNS_TYPE_TXT,
};

struct mt_dns_lookup {
	struct mt_dns *dns;
	LIST_ENTRY(mt_dns_lookup) entry;
	enum kind kind;
	struct mt_dns_question questions[N_QUESTIONS];
	bool is_local; /* a literal or this host: nobody is asked */
	struct event *step, *deadline;
	union {
		mt_dns_fn addresses;
		mt_dns_srv_fn srv;
		mt_dns_tlsa_fn tlsa;
		mt_dns_digest_fn digest;
	} callback;
	void *userdata;
	char host[MT_DOMAIN_SIZE];
	char name[MT_DOMAIN_SIZE]; /* of the records */
};

static struct mt_dns_lookup *
free_lookup(struct mt_dns_lookup *lookup)
{
	for (size_t i = 0; i < N_QUESTIONS; i++)
		mt_dns_question_clear(&lookup->questions[i]);
	LIST_REMOVE(lookup, entry);
	if (lookup->step)
		event_free(lookup->step);
	if (lookup->deadline)
		event_free(lookup->deadline);
	free(lookup);
	return NULL;
}

/* -- results ----------------------------------------------------------------------------------- */

/* Literals and this host: no DNS, hence no DNSSEC. */
static void
answer_locally(const struct mt_dns_lookup *lookup, struct mt_addresses *ret)
{
	uint8_t octets[16];

	*ret = (struct mt_addresses){.state = MT_ADDRESSES_FOUND,
				     .dnssec = MT_DNSSEC_INSECURE,
				     .tree = MT_DNSSEC_INSECURE};
	if (mt_ip_literal_parse(lookup->host, octets) != 0) {
		snprintf(ret->address[ret->n++], MT_PEER_SIZE, "%.*s", MT_PEER_SIZE - 1,
			 lookup->host);
		return;
	}
	snprintf(ret->address[ret->n++], MT_PEER_SIZE, "::1");
	snprintf(ret->address[ret->n++], MT_PEER_SIZE, "127.0.0.1");
}

static enum mt_addresses_state
state_without_address(enum mt_dnssec weakest, bool is_complete)
{
	if (weakest == MT_DNSSEC_BOGUS)
		return MT_ADDRESSES_SERVFAIL;
	if (!is_complete)
		return MT_ADDRESSES_TIMEOUT;
	return weakest == MT_DNSSEC_UNDETERMINED ? MT_ADDRESSES_SERVFAIL : MT_ADDRESSES_NONE;
}

/* The best that is known of the two: either answer places the name in the signed tree, or proves
 * that it is not there; nobody can forge the one or the other. */
static const struct mt_dns_question *
judge_address(const struct mt_dns_lookup *lookup)
{
	const struct mt_dns_question *aaaa = &lookup->questions[AAAA], *a = &lookup->questions[A];

	if (aaaa->dnssec == MT_DNSSEC_SECURE || a->dnssec == MT_DNSSEC_SECURE)
		return a->dnssec == MT_DNSSEC_SECURE ? a : aaaa;
	if (aaaa->dnssec == MT_DNSSEC_INSECURE || a->dnssec == MT_DNSSEC_INSECURE)
		return a->dnssec == MT_DNSSEC_INSECURE ? a : aaaa;
	return a->dnssec == MT_DNSSEC_BOGUS ? a : aaaa;
}

/* Joins the two answers. What contributes no address weakens nothing: an AAAA that fails to
 * resolve (a common server bug) says nothing about the A that is used. */
static void
join_addresses(const struct mt_dns_lookup *lookup, struct mt_addresses *ret)
{
	enum mt_dnssec weakest = MT_DNSSEC_SECURE;
	bool is_complete = true;

	*ret = (struct mt_addresses){.dnssec = MT_DNSSEC_SECURE,
				     .tree = judge_address(lookup)->dnssec,
				     .ttl_sec = MT_DNS_TTL_MAX_SEC};
	for (size_t i = AAAA; i <= A; i++) {
		const struct mt_dns_question *q = &lookup->questions[i];
		size_t before = ret->n;

		is_complete = is_complete && q->answered;
		if (q->dnssec < weakest)
			weakest = q->dnssec;
		if (q->is_usable && q->facts.ttl_sec < ret->ttl_sec)
			ret->ttl_sec = q->facts.ttl_sec;
		mt_dns_question_read(q, mt_dns_add_address, ret);
		if (ret->n > before && q->dnssec < ret->dnssec)
			ret->dnssec = q->dnssec;
	}
	if (ret->n > 0) {
		ret->state = MT_ADDRESSES_FOUND;
		return;
	}
	ret->state = state_without_address(weakest, is_complete);
	ret->dnssec = weakest;
	if (ret->state < MT_ADDRESSES_NONE)
		ret->ttl_sec = 0;
}

static void
describe(const struct mt_dns_question *q, struct mt_rrset *ret)
{
	*ret = (struct mt_rrset){.dnssec = q->dnssec};
	if (q->is_refused)
		ret->state = MT_RRSET_FAILED;
	else if (!q->answered)
		ret->state = MT_RRSET_TIMEOUT;
	else if (!q->is_usable)
		ret->state = MT_RRSET_SERVFAIL;
	else
		ret->state = q->facts.n > 0 ? MT_RRSET_FOUND : MT_RRSET_ABSENT;
	if (!q->is_usable)
		return;
	ret->ttl_sec = q->facts.ttl_sec;
	ret->signed_until_usec = q->facts.signed_until_sec * MT_USEC_PER_SEC;
	memcpy(ret->canonical, q->facts.canonical, sizeof(ret->canonical));
}

static void
join_tlsa(const struct mt_dns_lookup *lookup, struct mt_tlsa_rrset *ret)
{
	const struct mt_dns_question *address = judge_address(lookup);
	const struct mt_dns_question *records = &lookup->questions[RECORDS];

	memset(ret, 0, sizeof(*ret));
	if (lookup->is_local) {
		/* D-DANE-01: special-use names, and one too long for a prefix, have none */
		ret->address = MT_DNSSEC_INSECURE;
		ret->rrset.state = MT_RRSET_ABSENT;
		ret->rrset.dnssec = MT_DNSSEC_INSECURE;
		return;
	}
	ret->address = address->dnssec;
	describe(records->asked ? records : address, &ret->rrset);
	if (!records->asked && ret->rrset.state == MT_RRSET_FOUND)
		ret->rrset.state = MT_RRSET_ABSENT; /* of TLSA, for as long as of the address */
	if (records->asked && address->facts.ttl_sec < ret->rrset.ttl_sec)
		ret->rrset.ttl_sec = address->facts.ttl_sec;
	mt_dns_question_read(records, mt_dns_add_tlsa, ret);
}

/* Everything handed to the callback lies in the lookup's packets, which go after it. */
static void
finish(struct mt_dns_lookup *lookup)
{
	struct mt_addresses addresses;
	struct mt_srv_rrset srv = {0};
	struct mt_digest_rrset digest = {0};
	struct mt_tlsa_rrset tlsa;

	switch (lookup->kind) {
	case KIND_ADDRESSES:
		if (lookup->is_local)
			answer_locally(lookup, &addresses);
		else
			join_addresses(lookup, &addresses);
		lookup->callback.addresses(&addresses, lookup->userdata);
		break;
	case KIND_SRV:
		describe(&lookup->questions[RECORDS], &srv.rrset);
		mt_dns_question_read(&lookup->questions[RECORDS], mt_dns_add_srv, &srv);
		lookup->callback.srv(&srv, lookup->userdata);
		break;
	case KIND_TLSA:
		join_tlsa(lookup, &tlsa);
		lookup->callback.tlsa(&tlsa, lookup->userdata);
		break;
	case KIND_DIGEST:
		describe(&lookup->questions[RECORDS], &digest.rrset);
		mt_dns_question_read(&lookup->questions[RECORDS], mt_dns_add_digest, &digest);
		lookup->callback.digest(&digest, lookup->userdata);
		break;
	}
	free_lookup(lookup);
}

/* -- progress ---------------------------------------------------------------------------------- */

static void
step_soon(struct mt_dns_question *question, void *userdata)
{
	struct mt_dns_lookup *lookup = userdata;

	event_active(lookup->step, EV_TIMEOUT, 0);
}

static void
on_deadline(evutil_socket_t fd, short what, void *userdata)
{
	finish(userdata);
}

static void
on_step(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_dns_lookup *lookup = userdata;
	const struct mt_dns_question *q = lookup->questions;
	bool has_addresses = q[AAAA].answered && q[A].answered;

	if (lookup->is_local || lookup->kind == KIND_ADDRESSES) {
		if (lookup->is_local || has_addresses)
			finish(lookup);
		return;
	}
	if (lookup->kind == KIND_TLSA && !q[RECORDS].asked) {
		if (judge_address(lookup)->dnssec == MT_DNSSEC_SECURE)
			mt_dns_ask(lookup->dns, &lookup->questions[RECORDS], lookup->name);
		else if (has_addresses)
			finish(lookup);
		return;
	}
	if (q[RECORDS].answered)
		finish(lookup);
}

static int
new_lookup(struct mt_dns *dns, enum kind kind, void *userdata, struct mt_dns_lookup **ret)
{
	static const struct timeval limit = {.tv_sec = MT_DNS_USEC / MT_USEC_PER_SEC};
	static const unsigned types[N_QUESTIONS] = {MT_DNS_TYPE_AAAA, MT_DNS_TYPE_A};
	struct mt_dns_lookup *lookup = calloc(1, sizeof(*lookup));

	if (!lookup)
		return -ENOMEM;
	lookup->dns = dns;
	lookup->kind = kind;
	lookup->userdata = userdata;
	for (size_t i = 0; i < N_QUESTIONS; i++) {
		lookup->questions[i].rr_type = types[i];
		lookup->questions[i].dnssec = MT_DNSSEC_UNDETERMINED;
		lookup->questions[i].done = step_soon;
		lookup->questions[i].userdata = lookup;
	}
	lookup->questions[RECORDS].rr_type = rr_types[kind];
	LIST_INSERT_HEAD(mt_dns_list(dns), lookup, entry);
	lookup->step = evtimer_new(mt_dns_base(dns), on_step, lookup);
	lookup->deadline = evtimer_new(mt_dns_base(dns), on_deadline, lookup);
	if (!lookup->step || !lookup->deadline || evtimer_add(lookup->deadline, &limit) < 0) {
		free_lookup(lookup);
		return -ENOMEM;
	}
	*ret = lookup;
	return 0;
}

static void
ask_addresses(struct mt_dns_lookup *lookup, const char *host)
{
	uint8_t octets[16];

	snprintf(lookup->host, sizeof(lookup->host), "%s", host);
	lookup->is_local = mt_ip_literal_parse(host, octets) != 0 || mt_host_is_loopback(host);
	if (lookup->is_local) {
		step_soon(NULL, lookup);
		return;
	}
	mt_dns_ask(lookup->dns, &lookup->questions[AAAA], lookup->host);
	mt_dns_ask(lookup->dns, &lookup->questions[A], lookup->host);
}

int
mt_dns_start(struct mt_dns *dns, const char *host, mt_dns_fn callback, void *userdata,
	     struct mt_dns_lookup **ret)
{
	struct mt_dns_lookup *lookup;
	int r = new_lookup(dns, KIND_ADDRESSES, userdata, &lookup);

	if (r < 0)
		return r;
	lookup->callback.addresses = callback;
	ask_addresses(lookup, host);
	*ret = lookup;
	return 0;
}

int
mt_dns_start_srv(struct mt_dns *dns, const char *name, mt_dns_srv_fn callback, void *userdata,
		 struct mt_dns_lookup **ret)
{
	struct mt_dns_lookup *lookup;
	int r = new_lookup(dns, KIND_SRV, userdata, &lookup);

	if (r < 0)
		return r;
	lookup->callback.srv = callback;
	snprintf(lookup->name, sizeof(lookup->name), "%s", name);
	mt_dns_ask(dns, &lookup->questions[RECORDS], lookup->name);
	*ret = lookup;
	return 0;
}

int
mt_dns_start_tlsa(struct mt_dns *dns, const char *host, uint16_t port, mt_dns_tlsa_fn callback,
		  void *userdata, struct mt_dns_lookup **ret)
{
	struct mt_dns_lookup *lookup;
	int r = new_lookup(dns, KIND_TLSA, userdata, &lookup);
	int size;

	if (r < 0)
		return r;
	lookup->callback.tlsa = callback;
	/* RFC 6698 §3; a name over RFC 1035's bound cannot exist */
	size = snprintf(lookup->name, sizeof(lookup->name), "_%u._tcp.%s", (unsigned)port, host);
	lookup->is_local = size > MT_DOMAIN_MAX;
	if (lookup->is_local)
		step_soon(NULL, lookup);
	else
		ask_addresses(lookup, host);
	*ret = lookup;
	return 0;
}

int
mt_dns_start_digest(struct mt_dns *dns, const char *name, mt_dns_digest_fn callback, void *userdata,
		    struct mt_dns_lookup **ret)
{
	struct mt_dns_lookup *lookup;
	int r = new_lookup(dns, KIND_DIGEST, userdata, &lookup);

	if (r < 0)
		return r;
	lookup->callback.digest = callback;
	snprintf(lookup->name, sizeof(lookup->name), "%s", name);
	mt_dns_ask(dns, &lookup->questions[RECORDS], lookup->name);
	*ret = lookup;
	return 0;
}

struct mt_dns_lookup *
mt_dns_cancel(struct mt_dns_lookup *lookup)
{
	return lookup ? free_lookup(lookup) : NULL;
}
