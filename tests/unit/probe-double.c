/* SPDX-License-Identifier: MIT */
/* A probe that is under way for ever. */

#include "daemon/worker/probe.h"

int
mt_probe_start(struct event_base *base, struct mt_dns *dns, const struct mt_probe_request *request,
	       mt_probe_fn callback, void *userdata, struct mt_probe **ret)
{
	*ret = NULL;
	return 0;
}

struct mt_probe *
mt_probe_cancel(struct mt_probe *probe)
{
	return NULL;
}
