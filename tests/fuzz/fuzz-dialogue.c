/* SPDX-License-Identifier: MIT */
/*
 * Feeds the dialogue what a server may say. The first byte chooses protocol and layer; in the rest
 * 0xff ends a segment, 0xfe is the handshake where one is due, 0xfd closes the connection.
 *
 * Whatever is said: only the verbs of the table are ever sent, the upgrade once and then nothing
 * until TLS; and where no byte came before its question, bytes one at a time lead to the same end.
 */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/mail/dialogue.h"

#define SEGMENT 0xff
#define HANDSHAKE 0xfe
#define CLOSE 0xfd

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
	struct mt_dialogue dialogue;
	size_t piece;
	char sent[512];
	size_t sent_size;
	unsigned n_upgrades; /* of this layer */
	bool was_early;      /* bytes of a segment stood behind what ended the client's turn */
};

static void
expect(bool ok)
{
	if (!ok)
		abort();
}

/* A command without its tag and its end. */
static bool
is_verb(const char *verb, size_t size)
{
	static const char *const verbs[] = {"CAPABILITY", "STARTTLS", "LOGOUT",          "CAPA",
					    "STLS",       "QUIT",     "EHLO [127.0.0.1]"};

	for (size_t i = 0; i < MT_ARRAY_SIZE(verbs); i++)
		if (strlen(verbs[i]) == size && memcmp(verb, verbs[i], size) == 0)
			return true;
	return false;
}

/* Takes what waits to be sent: nothing, or one command. */
static void
flush(struct run *run)
{
	struct mt_bytes out = mt_dialogue_output(&run->dialogue);
	const char *text = (const char *)out.data;
	size_t tag = 0;

	if (out.size == 0)
		return;
	expect(run->n_upgrades == 0);
	if (text[0] == 'a') {
		tag = strspn(text + 1, "0123456789") + 2;
		expect(text[tag - 1] == ' ');
	}
	expect(out.size > tag + 2 && memcmp(text + out.size - 2, "\r\n", 2) == 0);
	expect(is_verb(text + tag, out.size - tag - 2));
	run->n_upgrades += text[tag] == 'S';
	expect(out.size <= sizeof(run->sent) - run->sent_size);
	memcpy(run->sent + run->sent_size, text, out.size);
	run->sent_size += out.size;
	mt_dialogue_sent(&run->dialogue);
}

static void
check_facts(const struct mt_dialogue *d)
{
	const struct mt_dialogue_facts *f = &d->facts;

	if (d->state == MT_DIALOGUE_UPGRADE)
		expect(f->offered && !f->refused && !f->preauth && !f->bad_greeting &&
		       f->buffered_bytes == 0);
	expect(!f->refused || f->offered);
	expect(f->other_responses <= 3 * MT_REPLY_LINES_MAX);
	expect(memchr(f->capabilities, '\0', sizeof(f->capabilities)) != NULL);
	for (const char *c = f->capabilities; *c; c++)
		expect(isgraph((unsigned char)*c) || *c == ' ');
}

static void
feed(struct run *run, const uint8_t *data, size_t size)
{
	for (size_t at = 0; at < size;) {
		size_t n = size - at < run->piece ? size - at : run->piece;
		bool reading = run->dialogue.state == MT_DIALOGUE_READING;
		size_t taken = mt_dialogue_feed(&run->dialogue, data + at, n);

		expect(taken <= n && (reading || taken == 0));
		expect(taken == n || run->dialogue.state != MT_DIALOGUE_READING);
		check_facts(&run->dialogue);
		at += n;
		if (at < size &&
		    (run->dialogue.out_size > 0 || run->dialogue.state == MT_DIALOGUE_UPGRADE))
			run->was_early = true;
		flush(run);
	}
}

static void
signal_run(struct run *run, uint8_t what)
{
	if (what == CLOSE) {
		mt_dialogue_end(&run->dialogue);
	} else if (what == HANDSHAKE && run->dialogue.state == MT_DIALOGUE_UPGRADE) {
		run->n_upgrades = 0;
		mt_dialogue_enter_tls(&run->dialogue);
		flush(run);
	}
}

static void
play(struct run *run, size_t piece, const uint8_t *data, size_t size)
{
	memset(run, 0, sizeof(*run));
	run->piece = piece;
	mt_dialogue_init(&run->dialogue, data[0] % MT_PROTO_COUNT, data[0] & 0x80);
	for (size_t at = 1; at < size;) {
		size_t n = 0;

		while (at + n < size && data[at + n] < CLOSE)
			n++;
		feed(run, data + at, n);
		at += n;
		if (at < size)
			signal_run(run, data[at++]);
	}
	mt_dialogue_logout(&run->dialogue);
	/* a refusal that was read lets the client say farewell */
	if (run->dialogue.facts.refused && run->dialogue.state == MT_DIALOGUE_DONE)
		run->n_upgrades = 0;
	flush(run);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run whole, bytes;

	if (size == 0)
		return 0;
	play(&whole, SIZE_MAX, data, size);
	play(&bytes, 1, data, size);
	if (bytes.was_early)
		return 0;
	expect(whole.dialogue.facts.buffered_bytes == 0);
	expect(memcmp(&whole.dialogue.facts, &bytes.dialogue.facts, sizeof(whole.dialogue.facts)) ==
	       0);
	expect(whole.dialogue.state == bytes.dialogue.state);
	expect(whole.sent_size == bytes.sent_size);
	expect(memcmp(whole.sent, bytes.sent, whole.sent_size) == 0);
	return 0;
}
