/* SPDX-License-Identifier: MIT */
/*
 * Feeds SASL EXTERNAL what a server may say. The first byte chooses protocol, SASL-IR and whether
 * there is an identity to act for; in the rest 0xff ends a segment, 0xfd closes the connection.
 *
 * Whatever is said: the command goes out first, then its response at most once, then "*" at most
 * once, each a line within its bound; nobody is logged in before the response was sent, nor after
 * "*"; and where no byte came before its question, bytes one at a time lead to the same end.
 */

#include <stdlib.h>
#include <string.h>

#include "ipc/mail/sasl-external.h"

#define CLOSE 0xfd
#define SASL_IR 0x80
#define ACTS 0x40
#define LONG 0x20

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
	struct mt_external external;
	size_t piece;
	char sent[4096];
	size_t sent_size;
	unsigned n_lines;
	bool was_early; /* bytes of a segment stood behind what ended the client's turn */
};

static void
expect(bool ok)
{
	if (!ok)
		abort();
}

/* Takes what waits to be sent: nothing, or one line. */
static void
flush(struct run *run)
{
	struct mt_bytes out = mt_external_output(&run->external);
	const char *text = (const char *)out.data;

	if (out.size == 0)
		return;
	expect(out.size >= 2 && out.size <= 12288);
	expect(memchr(text, '\n', out.size) == text + out.size - 1);
	expect(text[out.size - 2] == '\r');
	expect(run->n_lines > 0 || strncmp(text, "x1 AUTHENTICATE EXTERNAL", 24) == 0 ||
	       strncmp(text, "AUTH EXTERNAL", 13) == 0);
	expect(run->n_lines > 0 || out.size <= MT_AUTH_LINE_IMAP_MAX);
	run->n_lines++;
	expect(run->n_lines <= 3);
	expect(out.size <= sizeof(run->sent) - run->sent_size);
	memcpy(run->sent + run->sent_size, text, out.size);
	run->sent_size += out.size;
	mt_external_sent(&run->external);
}

static bool
was_cancelled(const struct run *run)
{
	return run->sent_size > 5 && memcmp(run->sent + run->sent_size - 5, "\r\n*\r\n", 5) == 0;
}

/* The response stands in the command, or on a line of its own. */
static bool
has_responded(const struct run *run)
{
	const char *external = memmem(run->sent, run->sent_size, "EXTERNAL", 8);

	return external && (external[8] == ' ' || run->n_lines > 1);
}

static void
check(const struct run *run)
{
	const struct mt_external *e = &run->external;

	if (e->state == MT_EXTERNAL_LOGGED_IN)
		expect(has_responded(run) && !was_cancelled(run));
	expect(e->state == MT_EXTERNAL_READING || e->text[0]);
	expect(memchr(e->text, '\0', sizeof(e->text)) != NULL);
	for (const char *c = e->text; *c; c++)
		expect(*c >= ' ' && *c <= '~');
}

static void
feed(struct run *run, const uint8_t *data, size_t size)
{
	for (size_t at = 0; at < size;) {
		size_t n = size - at < run->piece ? size - at : run->piece;
		bool reading = run->external.state == MT_EXTERNAL_READING;
		size_t taken = mt_external_feed(&run->external, data + at, n);

		expect(taken <= n && (reading || taken == 0));
		expect(taken == n || run->external.state != MT_EXTERNAL_READING);
		at += n;
		if (at < size && run->external.out_size > 0)
			run->was_early = true;
		flush(run);
		check(run);
	}
}

static void
play(struct run *run, size_t piece, const uint8_t *data, size_t size)
{
	char longest[MT_AUTHZID_MAX + 1] = "";

	memset(run, 0, sizeof(*run));
	memset(longest, 'a', MT_AUTHZID_MAX);
	run->piece = piece;
	mt_external_init(&run->external, data[0] % 8 % MT_PROTO_COUNT, data[0] & SASL_IR,
			 data[0] & LONG   ? longest
			 : data[0] & ACTS ? "me@example.test"
					  : NULL);
	flush(run);
	for (size_t at = 1; at < size; at++) {
		size_t n = 0;

		while (at + n < size && data[at + n] < CLOSE)
			n++;
		feed(run, data + at, n);
		at += n;
		if (at < size && data[at] == CLOSE)
			mt_external_end(&run->external);
	}
	check(run);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run whole, bytes;

	if (size == 0)
		return 0;
	play(&whole, SIZE_MAX, data, size);
	play(&bytes, 1, data, size);
	if (whole.was_early || bytes.was_early)
		return 0;
	expect(whole.external.state == bytes.external.state);
	expect(whole.sent_size == bytes.sent_size);
	expect(memcmp(whole.sent, bytes.sent, whole.sent_size) == 0);
	expect(strcmp(whole.external.text, bytes.external.text) == 0);
	return 0;
}
