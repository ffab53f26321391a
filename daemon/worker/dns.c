/* SPDX-License-Identifier: MIT */
/* libunbound: its configuration, and single questions. */

#include "daemon/worker/dns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <unbound-event.h>
#include <unbound.h>

#include "daemon/worker/dns-question.h"
#include "policy/domain.h"

#define RESOLV_CONF "/etc/resolv.conf"
/* Root anchors as distributions install them: kept current by updates, or by unbound-anchor. */
static const char *const root_keys[] = {"/usr/share/dns/root.key", "/var/lib/unbound/root.key",
					"/etc/unbound/root.key"};

#define CLASS_IN 1
#define RCODE_NOERROR 0
#define RCODE_NXDOMAIN 3

struct mt_dns {
	struct event_base *base;
	struct ub_ctx *ctx;
	struct mt_dns_lookups lookups;
	size_t n_pending;
	bool has_anchor;
	bool complete; /* libunbound has answered its first question */
};

/* -- questions --------------------------------------------------------------------------------- */

/* Keeps a packet whose form is good. Return: its rcode, or -1. */
static int
keep_packet(struct mt_dns_question *q, const void *data, size_t size)
{
	const struct mt_bytes packet = {.data = data, .size = size};
	int rcode = mt_dns_read(packet, q->rr_type, time(NULL), NULL, NULL, &q->facts);

	if (rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN)
		return rcode;
	q->packet = malloc(size);
	if (!q->packet)
		return -1;
	memcpy(q->packet, data, size);
	q->packet_size = size;
	return rcode;
}

/* The state of an answer. libunbound's own rcode is 0 for NXDOMAIN too, and SERVFAIL arrives as
 * "not secure": neither may pass for insecure data (RFC 4035 §4.3). */
static void
judge_answer(struct mt_dns_question *q, int rcode, int sec, const void *packet, int size)
{
	q->answered = true;
	if (sec == 1) {
		q->dnssec = MT_DNSSEC_BOGUS;
		return;
	}
	if (rcode == RCODE_NOERROR && packet && size > 0)
		rcode = keep_packet(q, packet, (size_t)size);
	if (!q->packet || (rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN))
		return;
	q->dnssec = sec == 2 ? MT_DNSSEC_SECURE : MT_DNSSEC_INSECURE;
	q->is_usable = true;
}

static void
on_answer(void *userdata, int rcode, void *packet, int size, int sec, char *why_bogus,
	  int was_ratelimited)
{
	struct mt_dns_question *q = userdata;

	q->pending = false;
	q->dns->n_pending--;
	judge_answer(q, rcode, sec, packet, size);
	q->done(q, q->userdata);
}

void
mt_dns_ask(struct mt_dns *dns, struct mt_dns_question *q, const char *name)
{
	int id = 0;

	q->dns = dns;
	q->asked = true;
	q->dnssec = MT_DNSSEC_UNDETERMINED;
	q->is_refused = dns->n_pending >= MT_DNS_QUESTIONS_MAX;
	if (!q->is_refused) {
		q->pending = true;
		dns->n_pending++;
		if (ub_resolve_event(dns->ctx, name, (int)q->rr_type, CLASS_IN, q, on_answer,
				     &id) == 0) {
			q->ub_id = id; /* unused when on_answer() has run already */
			return;
		}
		q->pending = false;
		dns->n_pending--;
	}
	q->answered = true;
	q->done(q, q->userdata);
}

void
mt_dns_question_clear(struct mt_dns_question *q)
{
	/* Uncancelled questions are called back even by ub_ctx_delete(). */
	if (q->pending) {
		(void)ub_cancel(q->dns->ctx, q->ub_id);
		q->dns->n_pending--;
	}
	free(q->packet);
	memset(q, 0, sizeof(*q));
}

void
mt_dns_question_read(const struct mt_dns_question *q, mt_dns_record_fn fn, void *userdata)
{
	const struct mt_bytes packet = {.data = q->packet, .size = q->packet_size};
	struct mt_dns_facts facts;

	/* read once already: its form is good */
	if (q->is_usable)
		(void)mt_dns_read(packet, q->rr_type, 0, fn, userdata, &facts);
}

struct event_base *
mt_dns_base(struct mt_dns *dns)
{
	return dns->base;
}

struct mt_dns_lookups *
mt_dns_list(struct mt_dns *dns)
{
	return &dns->lookups;
}

bool
mt_dns_has_anchor(const struct mt_dns *dns)
{
	return dns->has_anchor;
}

/* -- configuration ----------------------------------------------------------------------------- */

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
 * return value counts. The administrator's anchors stand beside the distribution's: naming one for
 * a private zone must not switch validation off for the rest of the world. */
static bool
configure_anchors(struct mt_dns *dns, const struct mt_dns_options *options)
{
	for (size_t i = 0; i < options->n_anchor; i++)
		/* A file that is missing must be an error now, not at the first lookup. */
		if (access(options->anchor[i], R_OK) < 0 ||
		    ub_ctx_add_ta_file(dns->ctx, options->anchor[i]) != 0)
			return false;
	for (size_t i = 0; i < options->n_negative; i++)
		if (ub_ctx_set_option(dns->ctx, "domain-insecure:", options->negative[i]) != 0)
			return false;
	dns->has_anchor = options->n_anchor > 0;
	for (size_t i = 0; i < MT_ARRAY_SIZE(root_keys); i++)
		if (access(root_keys[i], R_OK) == 0) {
			dns->has_anchor = true;
			return ub_ctx_add_ta_file(dns->ctx, root_keys[i]) == 0;
		}
	return true;
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
	if (!configure_anchors(dns, options) || !configure_servers(dns->ctx, options) ||
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
		mt_dns_cancel(LIST_FIRST(&dns->lookups));
	if (dns->ctx)
		ub_ctx_delete(dns->ctx);
	free(dns);
	return NULL;
}
