/* SPDX-License-Identifier: MIT */
/* The net worker: what it needs is opened, then it is confined, and then it serves. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "daemon/worker/net-tasks.h"
#include "daemon/worker/roles.h"
#include "daemon/worker/sandbox.h"

struct role {
	struct event_base *base;
	struct mt_port *port;
	struct mt_dns *dns;
	struct mt_net_tasks *tasks;
	bool draining;
	struct mt_wire_message scratch;
};

static void
leave_when_drained(void *userdata)
{
	struct role *role = userdata;

	if (role->draining && mt_net_tasks_count(role->tasks) == 0 &&
	    !mt_port_has_unsent(role->port))
		event_base_loopbreak(role->base);
}

static void
on_message(void *userdata, const struct mt_wire_header *header, struct mt_bytes body)
{
	struct role *role = userdata;

	mt_net_tasks_start(role->tasks, header, body);
}

static void
on_end(void *userdata)
{
	struct role *role = userdata;

	role->draining = true;
	leave_when_drained(role);
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
	const struct mt_port_ops ops = {.on_message = on_message,
					.on_end = on_end,
					.on_sent = leave_when_drained,
					.userdata = role};
	struct mt_net_tasks_options tasks = {.on_ended = leave_when_drained, .userdata = role};
	int r;

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
	r = mt_port_new(role->base, options->fd, &ops, &role->port);
	if (r != 0)
		return r;
	tasks.base = role->base;
	tasks.port = role->port;
	tasks.dns = role->dns;
	return mt_net_tasks_new(&tasks, &role->tasks);
}

static void
release(struct role *role)
{
	mt_net_tasks_free(role->tasks);
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
