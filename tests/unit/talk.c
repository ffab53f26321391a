/* SPDX-License-Identifier: MIT */
/* Plays conversations to the dialogue. */

#include "tests/unit/talk.h"

#include "tests/cmocka-all.h"

#include <stdlib.h>
#include <string.h>

static void
note_sent(struct talked *t, const void *data, size_t size)
{
	assert_true(size < sizeof(t->sent) - t->sent_size);
	memcpy(t->sent + t->sent_size, data, size);
	t->sent_size += size;
	t->sent[t->sent_size] = '\0';
}

void
talk_flush(struct talked *t)
{
	struct mt_bytes out = mt_dialogue_output(&t->dialogue);

	note_sent(t, out.data, out.size);
	mt_dialogue_sent(&t->dialogue);
}

/* Feeds one segment from a copy of exactly its size: sanitizers see a byte read too far. */
static void
feed_segment(struct talked *t, const char *data, size_t size)
{
	uint8_t *copy = malloc(size);
	size_t taken;

	assert_non_null(copy);
	memcpy(copy, data, size);
	taken = mt_dialogue_feed(&t->dialogue, copy, size);
	free(copy);
	assert_in_range(taken, 0, size);
	if (t->dialogue.state == MT_DIALOGUE_READING)
		assert_int_equal(taken, size);
	t->n_untaken += size - taken;
	talk_flush(t);
}

static void
feed_turn(struct talked *t, const struct turn *turn, struct cut cut)
{
	size_t want = cut.first > 0 ? cut.first : cut.piece;

	for (size_t at = 0; at < turn->size;) {
		size_t n = turn->size - at < want ? turn->size - at : want;

		feed_segment(t, turn->text + at, n);
		at += n;
		want = cut.piece;
	}
}

static void
take_turn(struct talked *t, const struct turn *turn, struct cut cut)
{
	switch (turn->kind) {
	case TURN_NONE:
		break;
	case TURN_SAYS:
		feed_turn(t, turn, cut);
		break;
	case TURN_TLS:
		assert_int_equal(t->dialogue.state, MT_DIALOGUE_UPGRADE);
		note_sent(t, "|", 1);
		mt_dialogue_enter_tls(&t->dialogue);
		talk_flush(t);
		break;
	case TURN_CLOSES:
		mt_dialogue_end(&t->dialogue);
		break;
	}
}

void
talk_run(const struct talk *talk, struct cut cut, struct talked *t)
{
	memset(t, 0, sizeof(*t));
	mt_dialogue_init(&t->dialogue, talk->proto, talk->in_tls);
	for (size_t i = 0; i < TALK_TURNS_MAX; i++)
		take_turn(t, &talk->turns[i], cut);
	talk_flush(t);
	mt_dialogue_logout(&t->dialogue);
	talk_flush(t);
}

static bool
are_facts_equal(const struct mt_dialogue_facts *a, const struct mt_dialogue_facts *b)
{
	return a->offered == b->offered && a->refused == b->refused && a->preauth == b->preauth &&
	       a->bad_greeting == b->bad_greeting && a->preauth_in_tls == b->preauth_in_tls &&
	       a->capabilities_read == b->capabilities_read &&
	       a->logindisabled == b->logindisabled && a->offers_external == b->offers_external &&
	       a->has_sasl_ir == b->has_sasl_ir &&
	       (a->buffered_bytes > 0) == (b->buffered_bytes > 0) &&
	       a->other_responses == b->other_responses &&
	       strcmp(a->capabilities, b->capabilities) == 0;
}

static void
print_facts(const char *whose, const struct mt_dialogue_facts *f)
{
	print_error("%s: offered %d refused %d preauth %d bad_greeting %d preauth_in_tls %d "
		    "read %d logindisabled %d external %d sasl-ir %d buffered %u others %u "
		    "capabilities <%s>\n",
		    whose, f->offered, f->refused, f->preauth, f->bad_greeting, f->preauth_in_tls,
		    f->capabilities_read, f->logindisabled, f->offers_external, f->has_sasl_ir,
		    f->buffered_bytes, f->other_responses, f->capabilities);
}

void
talk_check(const struct talk *talk, struct cut cut)
{
	struct talked t;
	const struct mt_dialogue_facts *facts = &t.dialogue.facts;

	talk_run(talk, cut, &t);
	if (t.dialogue.state == talk->state && strcmp(t.sent, talk->sent) == 0 &&
	    are_facts_equal(facts, &talk->facts))
		return;
	print_error("%s, cut at %zu and into %zu\n", talk->name, cut.first, cut.piece);
	print_error("state %u, expected %u\n", t.dialogue.state, talk->state);
	print_error("sent <%s>, expected <%s>\n", t.sent, talk->sent);
	print_facts("seen", facts);
	print_facts("expected", &talk->facts);
	fail();
}

void
talk_check_every_cut(const struct talk *talk)
{
	size_t longest = 0;

	for (size_t i = 0; i < TALK_TURNS_MAX; i++)
		if (talk->turns[i].size > longest)
			longest = talk->turns[i].size;
	talk_check(talk, (struct cut){0, SIZE_MAX});
	for (size_t n = 1; n < longest; n++) {
		talk_check(talk, (struct cut){0, n});
		talk_check(talk, (struct cut){n, SIZE_MAX});
	}
}
