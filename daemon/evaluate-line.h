/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_EVALUATE_LINE_H
#define MT_DAEMON_EVALUATE_LINE_H

/*
 * One line of evaluate mode: JSON to a question, verdict to JSON. Reads and writes; judging is
 * evaluate.c's, by way of the worker and the policy core.
 */

#include <jansson.h>

#include "daemon/worker/chain.h"
#include "policy/decide.h"
#include "policy/diag.h"

/* ~150 KiB with the policy layers: on the heap. */
struct mt_line {
	json_t *id; /* of the line, or NULL */
	int64_t at_usec;
	struct mt_evidence evidence;
	struct mt_account_facts facts;
	struct mt_effective effective;
	struct mt_tlsa tlsa;
	struct mt_refids refs;
	enum mt_op op;
	enum mt_provenance provenance;
	bool clock_sane;
	uint8_t pins[MT_PINS_MAX][32];
	bool own_anchors;
	struct mt_bytes anchors[MT_REQUEST_ANCHORS_MAX];
	size_t n_anchors;
	uint8_t *bytes;          /* owned: anchors and TLSA data */
	struct mt_minimum layer; /* scratch of the reader */
};

/* Reads one line. Return: 0, 1 with diag saying what is wrong (the id is kept where there is one),
 * negative errno. */
MT_MUST_CHECK int mt_line_read(const char *text, size_t size, int64_t now_usec, struct mt_line *ret,
			       struct mt_diag *diag);
void mt_line_clear(struct mt_line *line);

/* The answers, without newline; malloc'ed, NULL: no memory. */
char *mt_line_format_verdict(const struct mt_line *line, const struct mt_verdict *verdict);
char *mt_line_format_error(const struct mt_line *line, const char *message);

#endif
