/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_CODEC_EVIDENCE_H
#define MT_IPC_CODEC_EVIDENCE_H

/*
 * Setters of evidence by key, shared by the two codecs (D-Bus and JSON) and by libmailtrust, so
 * that a value is accepted by all or by none.
 */

#include "ipc/codec.h"

/* Text of a key of type TEXT, HOST, PROTO, TRANSPORT or VERSION; NUL-terminated at length.
 * Return: 0, MT_CODEC_E_VALUE, MT_CODEC_E_TYPE. */
int mt_codec_set_string(struct mt_evidence *ev, const struct mt_evidence_key *key, const char *text,
			size_t length);
/* Bytes of a key of type DIGEST or BYTES. Return: 0, MT_CODEC_E_VALUE. */
int mt_codec_set_bytes(struct mt_evidence *ev, const struct mt_evidence_key *key,
		       struct mt_bytes value);
/* Notes the next certificate of the chain; *total counts bytes. Return: 0, MT_CODEC_E_VALUE. */
int mt_codec_note_certificate(struct mt_evidence *ev, size_t *total, struct mt_bytes der);
/* Copies what chain and staple were noted to borrow into one block, and computes the leaf's digest.
 * Return: 0, MT_CODEC_E_VALUE, negative errno. */
int mt_codec_keep_bytes(struct mt_evidence *ev, struct mt_diag *diag);
/* A sentence for an outcome. */
const char *mt_codec_explain(int outcome);

#endif
