/* SPDX-License-Identifier: MIT */
/* What a server says it can, word by word. */

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "ipc/mail/dialogue-private.h"

static void
show(struct mt_dialogue *d, const char *word, size_t size)
{
	struct mt_dialogue_facts *facts = &d->facts;

	if (size + 2 > sizeof(facts->capabilities) - d->capabilities_size) {
		facts->capabilities_cut = true;
		return;
	}
	if (d->capabilities_size)
		facts->capabilities[d->capabilities_size++] = ' ';
	for (size_t i = 0; i < size; i++) {
		bool is_plain = isgraph((unsigned char)word[i]);

		facts->capabilities[d->capabilities_size++] = is_plain ? word[i] : '?';
		facts->capabilities_cut |= !is_plain;
	}
	facts->capabilities[d->capabilities_size] = '\0';
}

static bool
is_word(const char *word, size_t size, const char *wanted)
{
	return strlen(wanted) == size && strncasecmp(word, wanted, size) == 0;
}

static void
note_capability(struct mt_dialogue *d, const char *word, size_t size)
{
	const char *upgrade = d->verbs->upgrade_capability;

	if (!d->in_tls && is_word(word, size, upgrade))
		d->facts.offered = true;
	if (is_word(word, size, "LOGINDISABLED"))
		d->facts.logindisabled = true;
	if (is_word(word, size, "AUTH=EXTERNAL"))
		d->facts.offers_external = true;
	/* RFC 9051 §6.2.2: IMAP4rev2 has built SASL-IR in */
	if (is_word(word, size, "SASL-IR") || is_word(word, size, "IMAP4REV2"))
		d->facts.has_sasl_ir = true;
	show(d, word, size);
}

void
dialogue_note_words(struct mt_dialogue *d, const char *words)
{
	while (*words) {
		size_t size = strcspn(words, " \t");

		if (size)
			note_capability(d, words, size);
		words += size;
		words += strspn(words, " \t");
	}
}

/* The mechanisms behind SASL (RFC 5034 §6) or AUTH (RFC 4954 §3; "AUTH=" before it was one). */
static void
note_mechanisms(struct mt_dialogue *d, const char *words)
{
	while (*words) {
		size_t size = strcspn(words, " \t=");

		if (is_word(words, size, "EXTERNAL"))
			d->facts.offers_external = true;
		words += size;
		words += strspn(words, " \t=");
	}
}

void
dialogue_note_line(struct mt_dialogue *d, const char *line)
{
	size_t size = strcspn(line, " \t=");

	note_capability(d, line, size);
	if (is_word(line, size, "SASL") || is_word(line, size, "AUTH"))
		note_mechanisms(d, line + size);
}

void
dialogue_forget_capabilities(struct mt_dialogue *d)
{
	d->facts.capabilities_read = false;
	d->facts.logindisabled = false;
	d->facts.offers_external = false;
	d->facts.has_sasl_ir = false;
	d->facts.capabilities[0] = '\0';
	d->facts.capabilities_cut = false;
	d->capabilities_size = 0;
}
