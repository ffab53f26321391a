/* SPDX-License-Identifier: MIT */
/* The net worker: lookups, probes, fetches and documents. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "daemon/worker/dns.h"
#include "daemon/worker/document-fetch.h"
#include "daemon/worker/fetch.h"
#include "daemon/worker/port.h"
#include "daemon/worker/probe.h"
#include "daemon/worker/roles.h"
#include "daemon/worker/sandbox.h"

struct role;

/* One request of the keeper. */
struct task {
	struct role *role;
	LIST_ENTRY(task) entry;
	uint64_t id;
	struct mt_dns_lookup *lookup;
	struct mt_probe *probe;
	struct mt_fetch *fetch;
	struct mt_document_fetch *document;
};

struct role {
	struct event_base *base;
	struct mt_port *port;
	struct mt_dns *dns;
	LIST_HEAD(, task) tasks;
	size_t n_tasks;
	size_t n_probes;
	size_t n_fetches;
	size_t n_documents;
	bool draining;
	struct mt_wire_message scratch;
};

static void
leave_when_drained(struct role *role)
{
	if (role->draining && role->n_tasks == 0 && !mt_port_has_unsent(role->port))
		event_base_loopbreak(role->base);
}

static void
send_scratch(struct role *role, int encoded)
{
	if (encoded != 0 || mt_port_send(role->port, role->scratch.data, role->scratch.size) < 0)
		event_base_loopbreak(role->base);
}

static void
reply_addresses(struct role *role, uint64_t id, const struct mt_addresses *addresses)
{
	send_scratch(role, mt_wire_encode_addresses(&role->scratch, id, addresses));
}

static void
reply_probe(struct role *role, uint64_t id, const struct mt_probe_result *result)
{
	send_scratch(role, mt_wire_encode_evidence(&role->scratch, id, result));
}

static void
reply_srv(struct role *role, uint64_t id, const struct mt_srv_rrset *rrset)
{
	send_scratch(role, mt_wire_encode_srv_rrset(&role->scratch, id, rrset));
}

static void
reply_tlsa(struct role *role, uint64_t id, const struct mt_tlsa_rrset *rrset)
{
	send_scratch(role, mt_wire_encode_tlsa_rrset(&role->scratch, id, rrset));
}

static void
reply_fetched(struct role *role, uint64_t id, const struct mt_fetched *fetched)
{
	struct mt_bytes rest = fetched->bytes;

	while (rest.size > 0) {
		const struct mt_bytes part = {
			rest.data, rest.size < MT_WIRE_PART_MAX ? rest.size : MT_WIRE_PART_MAX};

		send_scratch(role, mt_wire_encode_part(&role->scratch, id, part));
		rest.data += part.size;
		rest.size -= part.size;
	}
	send_scratch(role, mt_wire_encode_fetched(&role->scratch, id, fetched));
}

static void
reply_digests(struct role *role, uint64_t id, const struct mt_digest_rrset *rrset)
{
	send_scratch(role, mt_wire_encode_digests(&role->scratch, id, rrset));
}

static void
reply_document(struct role *role, uint64_t id, const struct mt_document_reply *reply)
{
	send_scratch(role, mt_wire_encode_read(&role->scratch, id, reply));
}

static struct task *
add_task(struct role *role, uint64_t id)
{
	struct task *task;

	if (role->n_tasks >= MT_JOBS_MAX)
		return NULL;
	task = calloc(1, sizeof(*task));
	if (!task)
		return NULL;
	task->role = role;
	task->id = id;
	LIST_INSERT_HEAD(&role->tasks, task, entry);
	role->n_tasks++;
	return task;
}

static void
drop_task(struct task *task)
{
	LIST_REMOVE(task, entry);
	task->role->n_tasks--;
	free(task);
}

static void
on_addresses(const struct mt_addresses *addresses, void *userdata)
{
	struct task *task = userdata;
	struct role *role = task->role;

	reply_addresses(role, task->id, addresses);
	drop_task(task);
	leave_when_drained(role);
}

static void
on_srv(const struct mt_srv_rrset *rrset, void *userdata)
{
	struct task *task = userdata;
	struct role *role = task->role;

	reply_srv(role, task->id, rrset);
	drop_task(task);
	leave_when_drained(role);
}

static void
on_tlsa(const struct mt_tlsa_rrset *rrset, void *userdata)
{
	struct task *task = userdata;
	struct role *role = task->role;

	reply_tlsa(role, task->id, rrset);
	drop_task(task);
	leave_when_drained(role);
}

static void
on_probed(const struct mt_probe_result *result, void *userdata)
{
	struct task *task = userdata;
	struct role *role = task->role;

	role->n_probes--;
	reply_probe(role, task->id, result);
	drop_task(task);
	leave_when_drained(role);
}

static void
on_fetched(const struct mt_fetched *fetched, void *userdata)
{
	struct task *task = userdata;
	struct role *role = task->role;

	role->n_fetches--;
	reply_fetched(role, task->id, fetched);
	drop_task(task);
	leave_when_drained(role);
}

/* Whoever was not asked forged nothing: what is left out of an answer below would read as bogus. */

static void
on_digests(const struct mt_digest_rrset *rrset, void *userdata)
{
	struct task *task = userdata;
	struct role *role = task->role;

	reply_digests(role, task->id, rrset);
	drop_task(task);
	leave_when_drained(role);
}

static void
on_document(const struct mt_document_reply *reply, void *userdata)
{
	struct task *task = userdata;
	struct role *role = task->role;

	role->n_documents--;
	reply_document(role, task->id, reply);
	drop_task(task);
	leave_when_drained(role);
}

static void
start_resolve(struct role *role, uint64_t id, struct mt_bytes body)
{
	static const struct mt_addresses failed = {.state = MT_ADDRESSES_FAILED,
						   .dnssec = MT_DNSSEC_UNDETERMINED};
	char host[MT_DOMAIN_SIZE];
	struct task *task = NULL;

	if (mt_wire_decode_resolve(body, host) == 0)
		task = add_task(role, id);
	if (task && mt_dns_start(role->dns, host, on_addresses, task, &task->lookup) == 0)
		return;
	if (task)
		drop_task(task);
	reply_addresses(role, id, &failed);
}

static void
start_srv(struct role *role, uint64_t id, struct mt_bytes body)
{
	static const struct mt_srv_rrset failed = {.rrset.state = MT_RRSET_FAILED,
						   .rrset.dnssec = MT_DNSSEC_UNDETERMINED};
	char name[MT_DOMAIN_SIZE];
	struct task *task = NULL;

	if (mt_wire_decode_srv(body, name) == 0)
		task = add_task(role, id);
	if (task && mt_dns_start_srv(role->dns, name, on_srv, task, &task->lookup) == 0)
		return;
	if (task)
		drop_task(task);
	reply_srv(role, id, &failed);
}

static void
start_tlsa(struct role *role, uint64_t id, struct mt_bytes body)
{
	static const struct mt_tlsa_rrset failed = {.rrset.state = MT_RRSET_FAILED,
						    .rrset.dnssec = MT_DNSSEC_UNDETERMINED,
						    .address = MT_DNSSEC_UNDETERMINED};
	char host[MT_DOMAIN_SIZE];
	uint16_t port;
	struct task *task = NULL;

	if (mt_wire_decode_tlsa(body, host, &port) == 0)
		task = add_task(role, id);
	if (task && mt_dns_start_tlsa(role->dns, host, port, on_tlsa, task, &task->lookup) == 0)
		return;
	if (task)
		drop_task(task);
	reply_tlsa(role, id, &failed);
}

static void
start_probe(struct role *role, uint64_t id, struct mt_bytes body)
{
	struct mt_probe_result failed = {.state = MT_PROBE_FAILED};
	struct mt_probe_request request;
	struct task *task = NULL;

	if (role->n_probes >= MT_PROBES_MAX)
		failed.state = MT_PROBE_BUSY;
	else if (mt_wire_decode_probe(body, &request) == 0)
		task = add_task(role, id);
	if (task &&
	    mt_probe_start(role->base, role->dns, &request, on_probed, task, &task->probe) == 0) {
		role->n_probes++;
		return;
	}
	if (task)
		drop_task(task);
	reply_probe(role, id, &failed);
}

/* Stops what a task does. */
static void
stop_task(struct task *task)
{
	if (task->probe) {
		mt_probe_cancel(task->probe);
		task->role->n_probes--;
	}
	if (task->lookup)
		mt_dns_cancel(task->lookup);
	if (task->fetch) {
		mt_fetch_cancel(task->fetch);
		task->role->n_fetches--;
	}
	if (task->document) {
		mt_document_fetch_cancel(task->document);
		task->role->n_documents--;
	}
	drop_task(task);
}

/* An id that is not here was answered meanwhile. */
static void
cancel_task(struct role *role, uint64_t id)
{
	struct task *task;

	LIST_FOREACH(task, &role->tasks, entry)
	if (task->id == id) {
		stop_task(task);
		leave_when_drained(role);
		return;
	}
}

static void
start_fetch(struct role *role, uint64_t id, struct mt_bytes body)
{
	struct mt_fetched failed = {.state = MT_FETCH_FAILED};
	struct mt_fetch_request request = {0};
	struct task *task = NULL;

	if (role->n_fetches >= MT_FETCHES_MAX)
		failed.state = MT_FETCH_BUSY;
	else if (mt_wire_decode_fetch(body, &request) == 0)
		task = add_task(role, id);
	if (task &&
	    mt_fetch_start(role->base, role->dns, &request, on_fetched, task, &task->fetch) == 0) {
		role->n_fetches++;
		return;
	}
	if (task)
		drop_task(task);
	reply_fetched(role, id, &failed);
}

static void
start_digest(struct role *role, uint64_t id, struct mt_bytes body)
{
	static const struct mt_digest_rrset failed = {.rrset.state = MT_RRSET_FAILED,
						      .rrset.dnssec = MT_DNSSEC_UNDETERMINED};
	char name[MT_DOMAIN_SIZE];
	struct task *task = NULL;

	if (mt_wire_decode_digest(body, name) == 0)
		task = add_task(role, id);
	if (task && mt_dns_start_digest(role->dns, name, on_digests, task, &task->lookup) == 0)
		return;
	if (task)
		drop_task(task);
	reply_digests(role, id, &failed);
}

static void
start_document(struct role *role, uint64_t id, struct mt_bytes body)
{
	struct mt_document_reply failed = {.state = MT_DOCUMENT_FAILED};
	struct mt_document_request request = {0};
	struct task *task = NULL;

	if (role->n_documents >= MT_DOCUMENTS_MAX)
		failed.state = MT_DOCUMENT_SILENT;
	else if (mt_wire_decode_document(body, &request) == 0)
		task = add_task(role, id);
	if (task && mt_document_fetch_start(role->base, role->dns, &request, on_document, task,
					    &task->document) == 0) {
		role->n_documents++;
		return;
	}
	if (task)
		drop_task(task);
	reply_document(role, id, &failed);
}

static void
start_cancel(struct role *role, uint64_t id, struct mt_bytes body)
{
	if (mt_wire_decode_cancel(body) == 0)
		cancel_task(role, id);
	else
		event_base_loopbreak(role->base);
}

static void
on_message(void *userdata, const struct mt_wire_header *header, struct mt_bytes body)
{
	static void (*const starts[MT_WIRE_TYPE_COUNT])(struct role * role, uint64_t id,
							struct mt_bytes body) = {
		[MT_WIRE_RESOLVE] = start_resolve,   [MT_WIRE_SRV] = start_srv,
		[MT_WIRE_TLSA] = start_tlsa,         [MT_WIRE_PROBE] = start_probe,
		[MT_WIRE_FETCH] = start_fetch,       [MT_WIRE_DIGEST] = start_digest,
		[MT_WIRE_DOCUMENT] = start_document, [MT_WIRE_CANCEL] = start_cancel,
	};
	struct role *role = userdata;

	if (starts[header->type])
		starts[header->type](role, header->id, body);
	else /* nothing a keeper sends us */
		event_base_loopbreak(role->base);
}

static void
on_end(void *userdata)
{
	struct role *role = userdata;

	role->draining = true;
	leave_when_drained(role);
}

static void
on_sent(void *userdata)
{
	leave_when_drained(userdata);
}

/* Everything that needs a file. */
static int
prepare(struct role *role, const struct mt_role_options *options)
{
	const struct mt_dns_options dns = {.forward = options->dns_forward,
					   .n_forward = options->n_dns_forward,
					   .anchor = options->dns_anchor,
					   .n_anchor = options->n_dns_anchor,
					   .negative = options->dns_negative_anchor,
					   .n_negative = options->n_dns_negative_anchor};
	const struct mt_port_ops ops = {
		.on_message = on_message, .on_end = on_end, .on_sent = on_sent, .userdata = role};
	int r;

	LIST_INIT(&role->tasks);
	role->base = event_base_new();
	if (!role->base)
		return -ENOMEM;
	r = mt_dns_new(role->base, &dns, &role->dns);
	if (r != 0)
		return r < 0 ? r : -EINVAL;
	if (!mt_dns_has_anchor(role->dns))
		fputs("mailtrust-worker: net: no DNSSEC trust anchor was found (package "
		      "dns-root-data); DANE is not used\n",
		      stderr);
	return mt_port_new(role->base, options->fd, &ops, &role->port);
}

static void
release(struct role *role)
{
	struct task *task;

	while ((task = LIST_FIRST(&role->tasks)))
		stop_task(task);
	mt_port_free(role->port);
	mt_dns_free(role->dns);
	if (role->base)
		event_base_free(role->base);
	free(role);
}

int
mt_role_net_run(const struct mt_role_options *options)
{
	const struct mt_sandbox_options sandbox = {.role = MT_SANDBOX_NET,
						   .require_user = options->require_user};
	const struct mt_wire_ready ready = {0};
	struct role *role = calloc(1, sizeof(*role));
	int r = role ? prepare(role, options) : -ENOMEM;

	if (r == 0)
		r = mt_sandbox_enter(&sandbox);
	if (r == 0)
		r = mt_wire_encode_ready(&role->scratch, &ready);
	if (r == 0)
		r = mt_port_send(role->port, role->scratch.data, role->scratch.size);
	if (r == 0)
		event_base_dispatch(role->base);
	else if (r != -EPIPE) /* the keeper left first, and says why itself */
		fprintf(stderr, "mailtrust-worker: net: cannot start: %s\n",
			r < 0 ? strerror(-r) : "no user " MT_SANDBOX_USER);
	if (role)
		release(role);
	return r == 0 ? 0 : 1;
}
