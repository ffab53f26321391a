/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_EVALUATE_H
#define MT_DAEMON_EVALUATE_H

/*
 * Evaluate mode: JSON Lines in, one JSON verdict per line out (DESIGN §10).
 *
 * The same chain worker and the same policy core as the service, without store, key, bus or
 * network. Answers keep the order of the lines. A line that is malformed gets an "error" of its own
 * and the run goes on; nothing it says is believed half. Fields that are absent are benign, which
 * is why nobody may rely on such a verdict for a connection: it carries no token.
 */

#include <stdio.h>

#include "policy/base.h"

struct event_base;

/* Reads fd to its end. control_fd (the spawner's) is taken. Return: exit status. */
int mt_evaluate(struct event_base *base, int control_fd, int fd, FILE *out);

#endif
