/* SPDX-License-Identifier: MIT */
#ifndef MT_CLI_AGENT_H
#define MT_CLI_AGENT_H

/*
 * Somebody who can ask for a password at this terminal, while the system's service may want one
 * through polkit (D-SYS-07): pkttyagent, for this process alone, so that the question comes where
 * the consent was typed. (As a mere fallback it would not be asked where there is no login
 * session.) The password goes from the agent to polkit; neither this program nor the service sees
 * it. Without an agent nothing is weakened: the service refuses.
 */

#include "clients/cli/command.h"

/* Before a call that the service may want confirmed. Where nobody is at a terminal, or the service
 * is the user's own, there is nothing to do; the first time decides. Waits until the agent is
 * ready. */
void mt_agent_start(struct mt_cli *cli);
/* Ends it, where there is one. */
void mt_agent_stop(struct mt_cli *cli);

#endif
