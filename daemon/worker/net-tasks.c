/* SPDX-License-Identifier: MIT */
/* Requests of the net worker. */

#include "daemon/worker/net-tasks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "daemon/worker/document-fetch.h"
#include "daemon/worker/fetch.h"
#include "daemon/worker/probe.h"

/* One request of the keeper. */
struct task {
	struct mt_net_tasks *tasks;
	LIST_ENTRY(task) entry;
	uint64_t id;
	struct mt_dns_lookup *lookup;
	struct mt_probe *probe;
	struct mt_fetch *fetch;
	struct mt_document_fetch *document;
};

struct mt_net_tasks {
	struct mt_net_tasks_options o;
	LIST_HEAD(, task) list;
	size_t n_tasks;
	size_t n_probes;
	size_t n_fetches;
	size_t n_documents;
	struct mt_wire_message scratch;
};

/* -- replies ----------------------------------------------------------------------------------- */

static void
send_scratch(struct mt_net_tasks *tasks, int encoded)
{
	if (encoded != 0 ||
	    mt_port_send(tasks->o.port, tasks->scratch.data, tasks->scratch.size) < 0)
		event_base_loopbreak(tasks->o.base);
}

static void
reply_addresses(struct mt_net_tasks *tasks, uint64_t id, const struct mt_addresses *addresses)
{
	send_scratch(tasks, mt_wire_encode_addresses(&tasks->scratch, id, addresses));
}

static void
reply_probe(struct mt_net_tasks *tasks, uint64_t id, const struct mt_probe_result *result)
{
	send_scratch(tasks, mt_wire_encode_evidence(&tasks->scratch, id, result));
}

static void
reply_srv(struct mt_net_tasks *tasks, uint64_t id, const struct mt_srv_rrset *rrset)
{
	send_scratch(tasks, mt_wire_encode_srv_rrset(&tasks->scratch, id, rrset));
}

static void
reply_tlsa(struct mt_net_tasks *tasks, uint64_t id, const struct mt_tlsa_rrset *rrset)
{
	send_scratch(tasks, mt_wire_encode_tlsa_rrset(&tasks->scratch, id, rrset));
}

static void
reply_fetched(struct mt_net_tasks *tasks, uint64_t id, const struct mt_fetched *fetched)
{
	struct mt_bytes rest = fetched->bytes;

	while (rest.size > 0) {
		const struct mt_bytes part = {
			rest.data, rest.size < MT_WIRE_PART_MAX ? rest.size : MT_WIRE_PART_MAX};

		send_scratch(tasks, mt_wire_encode_part(&tasks->scratch, id, part));
		rest.data += part.size;
		rest.size -= part.size;
	}
	send_scratch(tasks, mt_wire_encode_fetched(&tasks->scratch, id, fetched));
}

static void
reply_digests(struct mt_net_tasks *tasks, uint64_t id, const struct mt_digest_rrset *rrset)
{
	send_scratch(tasks, mt_wire_encode_digests(&tasks->scratch, id, rrset));
}

static void
reply_document(struct mt_net_tasks *tasks, uint64_t id, const struct mt_document_reply *reply)
{
	send_scratch(tasks, mt_wire_encode_read(&tasks->scratch, id, reply));
}

static struct task *
add_task(struct mt_net_tasks *tasks, uint64_t id)
{
	struct task *task;

	if (tasks->n_tasks >= MT_JOBS_MAX)
		return NULL;
	task = calloc(1, sizeof(*task));
	if (!task)
		return NULL;
	task->tasks = tasks;
	task->id = id;
	LIST_INSERT_HEAD(&tasks->list, task, entry);
	tasks->n_tasks++;
	return task;
}

static void
drop_task(struct task *task)
{
	LIST_REMOVE(task, entry);
	task->tasks->n_tasks--;
	free(task);
}

static void
on_addresses(const struct mt_addresses *addresses, void *userdata)
{
	struct task *task = userdata;
	struct mt_net_tasks *tasks = task->tasks;

	reply_addresses(tasks, task->id, addresses);
	drop_task(task);
	tasks->o.on_ended(tasks->o.userdata);
}

static void
on_srv(const struct mt_srv_rrset *rrset, void *userdata)
{
	struct task *task = userdata;
	struct mt_net_tasks *tasks = task->tasks;

	reply_srv(tasks, task->id, rrset);
	drop_task(task);
	tasks->o.on_ended(tasks->o.userdata);
}

static void
on_tlsa(const struct mt_tlsa_rrset *rrset, void *userdata)
{
	struct task *task = userdata;
	struct mt_net_tasks *tasks = task->tasks;

	reply_tlsa(tasks, task->id, rrset);
	drop_task(task);
	tasks->o.on_ended(tasks->o.userdata);
}

static void
on_probed(const struct mt_probe_result *result, void *userdata)
{
	struct task *task = userdata;
	struct mt_net_tasks *tasks = task->tasks;

	tasks->n_probes--;
	reply_probe(tasks, task->id, result);
	drop_task(task);
	tasks->o.on_ended(tasks->o.userdata);
}

static void
on_fetched(const struct mt_fetched *fetched, void *userdata)
{
	struct task *task = userdata;
	struct mt_net_tasks *tasks = task->tasks;

	tasks->n_fetches--;
	reply_fetched(tasks, task->id, fetched);
	drop_task(task);
	tasks->o.on_ended(tasks->o.userdata);
}

/* Whoever was not asked forged nothing: what is left out of an answer below would read as bogus. */

static void
on_digests(const struct mt_digest_rrset *rrset, void *userdata)
{
	struct task *task = userdata;
	struct mt_net_tasks *tasks = task->tasks;

	reply_digests(tasks, task->id, rrset);
	drop_task(task);
	tasks->o.on_ended(tasks->o.userdata);
}

static void
on_document(const struct mt_document_reply *reply, void *userdata)
{
	struct task *task = userdata;
	struct mt_net_tasks *tasks = task->tasks;

	tasks->n_documents--;
	reply_document(tasks, task->id, reply);
	drop_task(task);
	tasks->o.on_ended(tasks->o.userdata);
}

static void
start_resolve(struct mt_net_tasks *tasks, uint64_t id, struct mt_bytes body)
{
	static const struct mt_addresses failed = {.state = MT_ADDRESSES_FAILED,
						   .dnssec = MT_DNSSEC_UNDETERMINED};
	char host[MT_DOMAIN_SIZE];
	struct task *task = NULL;

	if (mt_wire_decode_resolve(body, host) == 0)
		task = add_task(tasks, id);
	if (task && mt_dns_start(tasks->o.dns, host, on_addresses, task, &task->lookup) == 0)
		return;
	if (task)
		drop_task(task);
	reply_addresses(tasks, id, &failed);
}

static void
start_srv(struct mt_net_tasks *tasks, uint64_t id, struct mt_bytes body)
{
	static const struct mt_srv_rrset failed = {.rrset.state = MT_RRSET_FAILED,
						   .rrset.dnssec = MT_DNSSEC_UNDETERMINED};
	char name[MT_DOMAIN_SIZE];
	struct task *task = NULL;

	if (mt_wire_decode_srv(body, name) == 0)
		task = add_task(tasks, id);
	if (task && mt_dns_start_srv(tasks->o.dns, name, on_srv, task, &task->lookup) == 0)
		return;
	if (task)
		drop_task(task);
	reply_srv(tasks, id, &failed);
}

static void
start_tlsa(struct mt_net_tasks *tasks, uint64_t id, struct mt_bytes body)
{
	static const struct mt_tlsa_rrset failed = {.rrset.state = MT_RRSET_FAILED,
						    .rrset.dnssec = MT_DNSSEC_UNDETERMINED,
						    .address = MT_DNSSEC_UNDETERMINED};
	char host[MT_DOMAIN_SIZE];
	uint16_t port;
	struct task *task = NULL;

	if (mt_wire_decode_tlsa(body, host, &port) == 0)
		task = add_task(tasks, id);
	if (task && mt_dns_start_tlsa(tasks->o.dns, host, port, on_tlsa, task, &task->lookup) == 0)
		return;
	if (task)
		drop_task(task);
	reply_tlsa(tasks, id, &failed);
}

static void
start_probe(struct mt_net_tasks *tasks, uint64_t id, struct mt_bytes body)
{
	struct mt_probe_result failed = {.state = MT_PROBE_FAILED};
	struct mt_probe_request request;
	struct task *task = NULL;

	if (tasks->n_probes >= MT_PROBES_MAX)
		failed.state = MT_PROBE_BUSY;
	else if (mt_wire_decode_probe(body, &request) == 0)
		task = add_task(tasks, id);
	if (task && mt_probe_start(tasks->o.base, tasks->o.dns, &request, on_probed, task,
				   &task->probe) == 0) {
		tasks->n_probes++;
		return;
	}
	if (task)
		drop_task(task);
	reply_probe(tasks, id, &failed);
}

/* Stops what a task does. */
static void
stop_task(struct task *task)
{
	if (task->probe) {
		mt_probe_cancel(task->probe);
		task->tasks->n_probes--;
	}
	if (task->lookup)
		mt_dns_cancel(task->lookup);
	if (task->fetch) {
		mt_fetch_cancel(task->fetch);
		task->tasks->n_fetches--;
	}
	if (task->document) {
		mt_document_fetch_cancel(task->document);
		task->tasks->n_documents--;
	}
	drop_task(task);
}

/* An id that is not here was answered meanwhile. */
static void
cancel_task(struct mt_net_tasks *tasks, uint64_t id)
{
	struct task *task;

	LIST_FOREACH(task, &tasks->list, entry)
	if (task->id == id) {
		stop_task(task);
		tasks->o.on_ended(tasks->o.userdata);
		return;
	}
}

static void
start_fetch(struct mt_net_tasks *tasks, uint64_t id, struct mt_bytes body)
{
	struct mt_fetched failed = {.state = MT_FETCH_FAILED};
	struct mt_fetch_request request = {0};
	struct task *task = NULL;

	if (tasks->n_fetches >= MT_FETCHES_MAX)
		failed.state = MT_FETCH_BUSY;
	else if (mt_wire_decode_fetch(body, &request) == 0)
		task = add_task(tasks, id);
	if (task && mt_fetch_start(tasks->o.base, tasks->o.dns, &request, on_fetched, task,
				   &task->fetch) == 0) {
		tasks->n_fetches++;
		return;
	}
	if (task)
		drop_task(task);
	reply_fetched(tasks, id, &failed);
}

static void
start_digest(struct mt_net_tasks *tasks, uint64_t id, struct mt_bytes body)
{
	static const struct mt_digest_rrset failed = {.rrset.state = MT_RRSET_FAILED,
						      .rrset.dnssec = MT_DNSSEC_UNDETERMINED};
	char name[MT_DOMAIN_SIZE];
	struct task *task = NULL;

	if (mt_wire_decode_digest(body, name) == 0)
		task = add_task(tasks, id);
	if (task && mt_dns_start_digest(tasks->o.dns, name, on_digests, task, &task->lookup) == 0)
		return;
	if (task)
		drop_task(task);
	reply_digests(tasks, id, &failed);
}

static void
start_document(struct mt_net_tasks *tasks, uint64_t id, struct mt_bytes body)
{
	struct mt_document_reply failed = {.state = MT_DOCUMENT_FAILED};
	struct mt_document_request request = {0};
	struct task *task = NULL;

	if (tasks->n_documents >= MT_DOCUMENTS_MAX)
		failed.state = MT_DOCUMENT_SILENT;
	else if (mt_wire_decode_document(body, &request) == 0)
		task = add_task(tasks, id);
	if (task && mt_document_fetch_start(tasks->o.base, tasks->o.dns, &request, on_document,
					    task, &task->document) == 0) {
		tasks->n_documents++;
		return;
	}
	if (task)
		drop_task(task);
	reply_document(tasks, id, &failed);
}

static void
start_cancel(struct mt_net_tasks *tasks, uint64_t id, struct mt_bytes body)
{
	if (mt_wire_decode_cancel(body) == 0)
		cancel_task(tasks, id);
	else
		event_base_loopbreak(tasks->o.base);
}

void
mt_net_tasks_start(struct mt_net_tasks *tasks, const struct mt_wire_header *header,
		   struct mt_bytes body)
{
	static void (*const starts[MT_WIRE_TYPE_COUNT])(struct mt_net_tasks * tasks, uint64_t id,
							struct mt_bytes body) = {
		[MT_WIRE_RESOLVE] = start_resolve,   [MT_WIRE_SRV] = start_srv,
		[MT_WIRE_TLSA] = start_tlsa,         [MT_WIRE_PROBE] = start_probe,
		[MT_WIRE_FETCH] = start_fetch,       [MT_WIRE_DIGEST] = start_digest,
		[MT_WIRE_DOCUMENT] = start_document, [MT_WIRE_CANCEL] = start_cancel,
	};

	if (starts[header->type])
		starts[header->type](tasks, header->id, body);
	else /* nothing a keeper sends us */
		event_base_loopbreak(tasks->o.base);
}

size_t
mt_net_tasks_count(const struct mt_net_tasks *tasks)
{
	return tasks->n_tasks;
}

int
mt_net_tasks_new(const struct mt_net_tasks_options *options, struct mt_net_tasks **ret)
{
	struct mt_net_tasks *tasks = calloc(1, sizeof(*tasks));

	if (!tasks)
		return -ENOMEM;
	tasks->o = *options;
	LIST_INIT(&tasks->list);
	*ret = tasks;
	return 0;
}

struct mt_net_tasks *
mt_net_tasks_free(struct mt_net_tasks *tasks)
{
	struct task *task;

	if (!tasks)
		return NULL;
	while ((task = LIST_FIRST(&tasks->list)))
		stop_task(task);
	free(tasks);
	return NULL;
}
