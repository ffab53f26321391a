/* SPDX-License-Identifier: MIT */
/* One chain, one process. */

#include "daemon/worker/chain-child.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/worker/sandbox.h"

/* Where a child has its socket; everything above is closed. */
#define CHILD_FD 3

/* What ends a child whose parent cannot: it dies with the parent, and computes no longer than a job
 * may last. */
static bool
bind_to_parent(void)
{
	static const struct rlimit limit = {MT_WORKER_JOB_USEC / MT_USEC_PER_SEC + 1,
					    MT_WORKER_JOB_USEC / MT_USEC_PER_SEC + 1};

	return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && setrlimit(RLIMIT_CPU, &limit) == 0;
}

/* Stands ready until the chain comes, or the parent has no use for it. */
static struct mt_bytes
await_chain(const struct mt_chain_child *child)
{
	ssize_t n;

	mt_chain_rehearse(child->anchors);
	n = read(CHILD_FD, child->scratch->data, sizeof(child->scratch->data));
	if (n <= 0)
		_exit(0);
	return (struct mt_bytes){child->scratch->data, (size_t)n};
}

static int
judge_chain(const struct mt_chain_child *child, struct mt_bytes body)
{
	struct mt_chain_request request;
	struct mt_validation validation = {0};

	if (mt_wire_decode_chain(body, &request) != 0)
		return MT_WIRE_E_MALFORMED;
	mt_chain_judge(child->anchors, &request, &validation);
	return mt_wire_encode_validation(child->scratch, 0, &validation);
}

/* Orders are for what can still be answered, and nobody is sent twice. */
static int
judge_revocation(const struct mt_chain_child *child, const struct mt_chain_task *task)
{
	struct mt_chain_request request;
	struct mt_validation validation = {0};
	struct mt_fetch_orders orders = {0};

	if (mt_wire_decode_revocation(task->body, task->parts, &request) != 0)
		return MT_WIRE_E_MALFORMED;
	mt_chain_judge(child->anchors, &request, &validation);
	if (validation.pkix_valid && validation.revocation == MT_REVOCATION_UNKNOWN &&
	    request.n_fetched == 0)
		mt_chain_orders(child->anchors, &request, &orders);
	return mt_wire_encode_report(child->scratch, 0, &validation, &orders);
}

_Noreturn void
mt_chain_child_run(const struct mt_chain_child *child, int fd, const struct mt_chain_task *task)
{
	int r;

	/* The keeper's socket, the loop and the other children's sockets go first. */
	if (dup2(fd, CHILD_FD) < 0 || close_range(CHILD_FD + 1, ~0U, 0) < 0)
		_exit(1);
	if (!bind_to_parent() || mt_sandbox_program_install(child->filter) < 0)
		_exit(1);

	if (task->type == MT_WIRE_REVOCATION)
		r = judge_revocation(child, task);
	else
		r = judge_chain(child,
				task->type == MT_WIRE_NONE ? await_chain(child) : task->body);
	if (r != 0 || write(CHILD_FD, child->scratch->data, child->scratch->size) < 0)
		_exit(1);
	/* The answer goes its way first; taking this process apart can wait for it. */
	(void)!read(CHILD_FD, child->scratch->data, 1);
	_exit(0);
}
