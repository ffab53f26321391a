/* SPDX-License-Identifier: MIT */
/* One question of a tunnel. */

#include "clients/connect/judge.h"

#include "clients/lib/ask.h"
#include "clients/lib/now.h"

static void
ask(struct mt_judge *judge, const struct mt_tunnel *tunnel, const struct mt_evidence *evidence)
{
	enum mt_op op = mt_tunnel_get_op(tunnel);

	mt_client_begin(judge->client, MT_CLIENT_PATIENCE_USEC);
	if (mt_tunnel_get_stage(tunnel) == MT_TUNNEL_ASK_HANDSHAKE)
		mt_ask_handshake(judge->client, judge->id, op, evidence, &judge->answer);
	else
		mt_ask(judge->client, judge->id, op, evidence, &judge->answer);
}

void
mt_judge_put(struct mt_judge *judge, const struct mt_tunnel *tunnel)
{
	struct mt_evidence evidence;

	mt_answer_clear(&judge->answer);
	if (mt_tunnel_get_evidence(tunnel, judge->peer, judge->local_port, mt_now_wall_usec(),
				   &evidence) == 0) {
		ask(judge, tunnel, &evidence);
		mt_evidence_clear(&evidence);
	} else {
		mt_answer_deny(&judge->answer, MT_REASON_EVIDENCE_INCOMPLETE, "out of memory");
	}
}
