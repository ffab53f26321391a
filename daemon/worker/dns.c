/* SPDX-License-Identifier: MIT */
/* Lookups through libunbound on libevent. */

#include "daemon/worker/dns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include <event2/event.h>
#include <unbound-event.h>
#include <unbound.h>

#include "policy/domain.h"

#define RESOLV_CONF "/etc/resolv.conf"
/* Root anchors as distributions install them: kept current by updates, or by unbound-anchor. */
static const char *const root_keys[] = {"/usr/share/dns/root.key", "/var/lib/unbound/root.key",
					"/etc/unbound/root.key"};

#define CLASS_IN 1
#define RCODE_NOERROR 0
#define RCODE_SERVFAIL 2
#define RCODE_NXDOMAIN 3

static const unsigned rr_types[] = {28, 1}; /* AAAA, A: the order of the addresses */
#define N_TYPES 2

/* One of the two questions of a lookup. */
struct question {
	struct mt_dns_lookup *lookup;
	int ub_id;
	bool pending;
	bool answered;
	enum mt_dnssec dnssec;
	int rcode;
	struct mt_addresses found;
};

struct mt_dns_lookup {
	struct mt_dns *dns;
	LIST_ENTRY(mt_dns_lookup) entry;
	struct question questions[N_TYPES];
	struct event *timer; /* the deadline; or at once, when nothing is left to wait for */
	mt_dns_fn callback;
	void *userdata;
	char host[MT_DOMAIN_SIZE];
};

struct mt_dns {
	struct event_base *base;
	struct ub_ctx *ctx;
	LIST_HEAD(, mt_dns_lookup) lookups;
	bool complete; /* libunbound has answered its first question */
};

static struct mt_dns_lookup *
free_lookup(struct mt_dns_lookup *lookup)
{
	/* Uncancelled questions are called back even by ub_ctx_delete(). */
	for (size_t i = 0; i < N_TYPES; i++)
		if (lookup->questions[i].pending)
			(void)ub_cancel(lookup->dns->ctx, lookup->questions[i].ub_id);
	LIST_REMOVE(lookup, entry);
	if (lookup->timer)
		event_free(lookup->timer);
	free(lookup);
	return NULL;
}

/* Joins the two answers. What contributes no address weakens nothing: an AAAA that fails to
 * resolve (a common server bug) says nothing about the A that is used. */
static void
join(const struct mt_dns_lookup *lookup, struct mt_addresses *ret)
{
	enum mt_dnssec weakest = MT_DNSSEC_SECURE;
	bool complete = true;

	*ret = (struct mt_addresses){.dnssec = MT_DNSSEC_SECURE, .ttl_sec = UINT32_MAX};
	for (size_t i = 0; i < N_TYPES; i++) {
		const struct question *q = &lookup->questions[i];
		const struct mt_addresses *found = &q->found;

		complete = complete && q->answered;
		if (q->dnssec < weakest)
			weakest = q->dnssec;
		if (found->ttl_sec < ret->ttl_sec && q->answered)
			ret->ttl_sec = found->ttl_sec;
		if (found->n > 0 && q->dnssec < ret->dnssec)
			ret->dnssec = q->dnssec;
		for (size_t k = 0; k < found->n && ret->n < MT_ADDRESSES_MAX; k++)
			memcpy(ret->address[ret->n++], found->address[k], MT_PEER_SIZE);
	}

	if (ret->n > 0)
		ret->state = MT_ADDRESSES_FOUND;
	else if (weakest == MT_DNSSEC_BOGUS)
		ret->state = MT_ADDRESSES_SERVFAIL;
	else if (!complete)
		ret->state = MT_ADDRESSES_TIMEOUT;
	else
		ret->state = weakest == MT_DNSSEC_UNDETERMINED ? MT_ADDRESSES_SERVFAIL
							       : MT_ADDRESSES_NONE;
	if (ret->n == 0)
		ret->dnssec = weakest;
	if (ret->state < MT_ADDRESSES_NONE || ret->ttl_sec == UINT32_MAX)
		ret->ttl_sec = 0;
}

static void
on_timer(evutil_socket_t fd, short what, void *userdata)
{
	struct mt_dns_lookup *lookup = userdata;
	mt_dns_fn callback = lookup->callback;
	void *callback_userdata = lookup->userdata;
	struct mt_addresses addresses;

	join(lookup, &addresses);
	free_lookup(lookup);
	callback(&addresses, callback_userdata);
}

static void
finish_soon(struct mt_dns_lookup *lookup)
{
	static const struct timeval now = {0};

	evtimer_add(lookup->timer, &now);
}

/* The state of an answer. libunbound's own rcode is 0 for NXDOMAIN too, and SERVFAIL arrives as
 * "not secure": neither may pass for insecure data (RFC 4035 §4.3). */
static void
judge_answer(struct question *q, int rcode, int sec, const void *packet, int size, unsigned rr_type)
{
	struct mt_addresses found = {.ttl_sec = UINT32_MAX};

	q->rcode = rcode;
	if (rcode == RCODE_NOERROR && packet && size > 0)
		q->rcode = mt_dns_read_answer(packet, (size_t)size, rr_type, &found);

	if (sec == 1) {
		q->dnssec = MT_DNSSEC_BOGUS;
	} else if (q->rcode != RCODE_NOERROR && q->rcode != RCODE_NXDOMAIN) {
		q->dnssec = MT_DNSSEC_UNDETERMINED;
	} else {
		q->dnssec = sec == 2 ? MT_DNSSEC_SECURE : MT_DNSSEC_INSECURE;
		q->found = found;
	}
	q->answered = true;
}

static void
on_answer(void *userdata, int rcode, void *packet, int size, int sec, char *why_bogus,
	  int was_ratelimited)
{
	struct question *q = userdata;
	struct mt_dns_lookup *lookup = q->lookup;

	q->pending = false;
	judge_answer(q, rcode, sec, packet, size, rr_types[q - lookup->questions]);
	if (lookup->questions[0].answered && lookup->questions[1].answered)
		finish_soon(lookup); /* not from here: we may be inside mt_dns_start() */
}

/* Literals and this host: nobody is asked. Return: whether it was one. */
static bool
answer_locally(struct mt_dns_lookup *lookup)
{
	static const char *const loopback[N_TYPES] = {"::1", "127.0.0.1"};
	struct question *q = lookup->questions;
	uint8_t octets[16];
	const size_t literal = mt_ip_literal_parse(lookup->host, octets);

	if (literal == 0 && !mt_host_is_loopback(lookup->host))
		return false;
	for (size_t i = 0; i < N_TYPES; i++) {
		q[i].answered = true;
		q[i].dnssec = MT_DNSSEC_INSECURE; /* no DNS, hence no DNSSEC */
		if (literal == 0)
			snprintf(q[i].found.address[q[i].found.n++], MT_PEER_SIZE, "%s",
				 loopback[i]);
	}
	if (literal != 0)
		snprintf(q[0].found.address[q[0].found.n++], MT_PEER_SIZE, "%.*s", MT_PEER_SIZE - 1,
			 lookup->host);
	return true;
}

static void
ask(struct mt_dns_lookup *lookup)
{
	for (size_t i = 0; i < N_TYPES; i++) {
		struct question *q = &lookup->questions[i];
		int id = 0;

		q->lookup = lookup;
		q->dnssec = MT_DNSSEC_UNDETERMINED;
		q->pending = true;
		if (ub_resolve_event(lookup->dns->ctx, lookup->host, (int)rr_types[i], CLASS_IN, q,
				     on_answer, &id) != 0) {
			q->pending = false;
			q->answered = true;
		}
		q->ub_id = id; /* unused when on_answer() has run already */
	}
}

int
mt_dns_start(struct mt_dns *dns, const char *host, mt_dns_fn callback, void *userdata,
	     struct mt_dns_lookup **ret)
{
	static const struct timeval limit = {.tv_sec = MT_DNS_USEC / MT_USEC_PER_SEC};
	struct mt_dns_lookup *lookup = calloc(1, sizeof(*lookup));

	if (!lookup)
		return -ENOMEM;
	lookup->dns = dns;
	lookup->callback = callback;
	lookup->userdata = userdata;
	snprintf(lookup->host, sizeof(lookup->host), "%s", host);
	LIST_INSERT_HEAD(&dns->lookups, lookup, entry);
	lookup->timer = evtimer_new(dns->base, on_timer, lookup);
	if (!lookup->timer || evtimer_add(lookup->timer, &limit) < 0) {
		free_lookup(lookup);
		return -ENOMEM;
	}

	if (!answer_locally(lookup))
		ask(lookup);
	if (lookup->questions[0].answered && lookup->questions[1].answered)
		finish_soon(lookup);
	*ret = lookup;
	return 0;
}

struct mt_dns_lookup *
mt_dns_cancel(struct mt_dns_lookup *lookup)
{
	return lookup ? free_lookup(lookup) : NULL;
}

/* A nameserver on this host (systemd-resolved, a local unbound) is one libunbound refuses to ask
 * unless told. */
static bool
is_loopback_server(const char *server)
{
	char address[MT_PEER_SIZE];

	snprintf(address, sizeof(address), "%.*s", (int)strcspn(server, "@%# \t\n"), server);
	return mt_host_is_loopback(address);
}

static bool
has_loopback_server(const struct mt_dns_options *options)
{
	static const char keyword[] = "nameserver";
	char line[512];
	bool found = false;
	FILE *file;

	for (size_t i = 0; i < options->n_forward; i++)
		if (is_loopback_server(options->forward[i]))
			return true;
	if (options->n_forward > 0)
		return false;

	file = fopen(RESOLV_CONF, "re");
	while (file && !found && fgets(line, sizeof(line), file))
		if (strncmp(line, keyword, strlen(keyword)) == 0) {
			const char *server = line + strlen(keyword);

			found = is_loopback_server(server + strspn(server, " \t"));
		}
	if (file)
		fclose(file);
	return found;
}

/* libunbound refuses configuration silently once anything has completed the context, so every
 * return value counts. */
static bool
configure_anchors(struct ub_ctx *ctx, const struct mt_dns_options *options)
{
	for (size_t i = 0; i < options->n_anchor; i++) {
		/* A file that is missing must be an error now, not at the first lookup. */
		if (access(options->anchor[i], R_OK) < 0 ||
		    ub_ctx_add_ta_file(ctx, options->anchor[i]) != 0)
			return false;
	}
	if (options->n_anchor > 0)
		return true;
	for (size_t i = 0; i < MT_ARRAY_SIZE(root_keys); i++)
		if (access(root_keys[i], R_OK) == 0)
			return ub_ctx_add_ta_file(ctx, root_keys[i]) == 0;
	return true; /* none installed: every answer is insecure, and DANE is not used */
}

static bool
configure_servers(struct ub_ctx *ctx, const struct mt_dns_options *options)
{
	if (has_loopback_server(options) &&
	    ub_ctx_set_option(ctx, "do-not-query-localhost:", "no") != 0)
		return false;
	for (size_t i = 0; i < options->n_forward; i++)
		if (ub_ctx_set_fwd(ctx, options->forward[i]) != 0)
			return false;
	/* Neither file has to exist: then it is the root servers, and no local names. */
	if (options->n_forward == 0 && access(RESOLV_CONF, R_OK) == 0 &&
	    ub_ctx_resolvconf(ctx, NULL) != 0)
		return false;
	return access("/etc/hosts", R_OK) < 0 || ub_ctx_hosts(ctx, NULL) == 0;
}

static void
on_complete(void *userdata, int rcode, void *packet, int size, int sec, char *why_bogus,
	    int was_ratelimited)
{
	struct mt_dns *dns = userdata;

	dns->complete = true;
}

/*
 * The first question makes libunbound read its anchor files and open what it keeps open; a name it
 * answers by itself costs no packet. An administrator's own resolver is asked about test. like
 * about anything else (RFC 6761 §6.2 permits it where it is configured).
 */
static bool
complete(struct mt_dns *dns, const struct mt_dns_options *options)
{
	int id;

	if (options->n_forward > 0 && ub_ctx_zone_remove(dns->ctx, "test.") != 0)
		return false;
	if (ub_resolve_event(dns->ctx, "localhost.", 1, CLASS_IN, dns, on_complete, &id) != 0)
		return false;
	while (!dns->complete)
		if (event_base_loop(dns->base, EVLOOP_ONCE) != 0)
			return false;
	return true;
}

int
mt_dns_new(struct event_base *base, const struct mt_dns_options *options, struct mt_dns **ret)
{
	MT_CLEANUP(mt_dns_freep) struct mt_dns *dns = calloc(1, sizeof(*dns));

	if (!dns)
		return -ENOMEM;
	LIST_INIT(&dns->lookups);
	dns->base = base;
	dns->ctx = ub_ctx_create_event(base);
	if (!dns->ctx)
		return -ENOMEM;
	if (!configure_anchors(dns->ctx, options) || !configure_servers(dns->ctx, options) ||
	    !complete(dns, options))
		return MT_DNS_E_CONFIG;

	*ret = mt_steal(&dns);
	return 0;
}

struct mt_dns *
mt_dns_free(struct mt_dns *dns)
{
	if (!dns)
		return NULL;
	while (!LIST_EMPTY(&dns->lookups))
		free_lookup(LIST_FIRST(&dns->lookups));
	if (dns->ctx)
		ub_ctx_delete(dns->ctx);
	free(dns);
	return NULL;
}
