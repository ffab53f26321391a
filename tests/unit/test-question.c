/* SPDX-License-Identifier: MIT */
/* What the asker reads of its tunnel, which may be an attacker's by then. */

#include "tests/cmocka-all.h"

#include <stdlib.h>
#include <string.h>

#include "clients/connect/question.h"

#define WALL_USEC INT64_C(1800000000000000)

static struct mt_question
make_question(void)
{
	static const uint8_t leaf[] = "a certificate", ca[] = "another", staple[] = "an answer";
	struct mt_question question = {.number = 7, .is_handshake = true, .op = MT_OP_AUTHENTICATE};
	struct mt_evidence *ev = &question.evidence;

	ev->proto = MT_PROTO_IMAP;
	ev->transport = MT_TRANSPORT_IMPLICIT;
	ev->port = 993;
	ev->observed_at_usec = WALL_USEC;
	strcpy(ev->host, "mail.example.test");
	ev->n_chain = 2;
	ev->chain[0] = (struct mt_bytes){leaf, sizeof(leaf)};
	ev->chain[1] = (struct mt_bytes){ca, sizeof(ca)};
	ev->staple = (struct mt_bytes){staple, sizeof(staple)};
	ev->present = MT_BIT(MT_EV_PROTO) | MT_BIT(MT_EV_TRANSPORT) | MT_BIT(MT_EV_PORT) |
		      MT_BIT(MT_EV_OBSERVED_AT) | MT_BIT(MT_EV_HOST) | MT_BIT(MT_EV_CHAIN) |
		      MT_BIT(MT_EV_STAPLE);
	return question;
}

/* Encoded, with what the caller frees. */
static char *
encode(const struct mt_question *question, size_t *ret_size)
{
	char *data = NULL;

	assert_int_equal(mt_question_encode(question, &data, ret_size), 0);
	return data;
}

static void
what_was_asked_is_what_is_read(void **state)
{
	struct mt_question asked = make_question(), heard;
	size_t size;
	char *data = encode(&asked, &size);

	assert_int_equal(mt_question_decode(data, size, &heard), 0);
	assert_int_equal(heard.number, asked.number);
	assert_int_equal(heard.is_handshake, asked.is_handshake);
	assert_int_equal(heard.op, asked.op);
	assert_int_equal(heard.evidence.present, asked.evidence.present);
	assert_string_equal(heard.evidence.host, asked.evidence.host);
	assert_int_equal(heard.evidence.port, 993);
	assert_int_equal(heard.evidence.n_chain, 2);
	assert_memory_equal(heard.evidence.chain[1].data, "another", 8);
	assert_memory_equal(heard.evidence.staple.data, "an answer", 10);
	mt_question_clear(&heard);
	dbus_free(data);
}

static void
the_largest_evidence_fits(void **state)
{
	struct mt_question asked = make_question(), heard;
	uint8_t *block = calloc(1, MT_CHAIN_BYTES_MAX);
	size_t size;
	char *data;

	assert_non_null(block);
	asked.evidence.n_chain = MT_CHAIN_MAX;
	for (size_t i = 0; i < MT_CHAIN_MAX; i++)
		asked.evidence.chain[i] =
			(struct mt_bytes){block, MT_CHAIN_BYTES_MAX / MT_CHAIN_MAX};
	asked.evidence.staple = (struct mt_bytes){block, MT_STAPLE_MAX};
	data = encode(&asked, &size);
	assert_int_equal(mt_question_decode(data, size, &heard), 0);
	assert_int_equal(heard.evidence.n_chain, MT_CHAIN_MAX);
	mt_question_clear(&heard);
	dbus_free(data);
	free(block);
}

static void
what_is_cut_short_or_changed_anywhere_is_nonsense_or_still_a_question(void **state)
{
	struct mt_question asked = make_question(), heard;
	size_t size;
	char *data = encode(&asked, &size);

	for (size_t n = 0; n < size; n++) {
		assert_int_equal(mt_question_decode(data, n, &heard), MT_QUESTION_E_NONSENSE);
		mt_question_clear(&heard);
	}
	for (size_t i = 0; i < size; i++) {
		data[i] = (char)(data[i] ^ 0x41);
		if (mt_question_decode(data, size, &heard) == 0) {
			assert_int_not_equal(heard.number, 0);
			assert_true(heard.evidence.n_chain <= MT_CHAIN_MAX);
		}
		mt_question_clear(&heard);
		data[i] = (char)(data[i] ^ 0x41);
	}
	dbus_free(data);
}

static void
another_message_is_nonsense(void **state)
{
	struct mt_question asked = make_question(), heard;
	MT_CLEANUP(mt_dbus_message_unrefp)
	DBusMessage *message = dbus_message_new_method_call(NULL, "/", NULL, "Ask");
	char *data = NULL;
	size_t asked_size;
	int size;

	assert_non_null(message);
	dbus_message_set_serial(message, 1);
	assert_true(dbus_message_marshal(message, &data, &size));
	assert_int_equal(mt_question_decode(data, (size_t)size, &heard), MT_QUESTION_E_NONSENSE);
	dbus_free(data);
	/* 0 is the number of what is no answer */
	asked.number = 0;
	data = encode(&asked, &asked_size);
	assert_int_equal(mt_question_decode(data, asked_size, &heard), MT_QUESTION_E_NONSENSE);
	mt_question_clear(&heard);
	dbus_free(data);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_asked_is_what_is_read),
		cmocka_unit_test(the_largest_evidence_fits),
		cmocka_unit_test(
			what_is_cut_short_or_changed_anywhere_is_nonsense_or_still_a_question),
		cmocka_unit_test(another_message_is_nonsense),
	};

	return cmocka_run_group_tests_name("question", tests, NULL, NULL);
}
