/* SPDX-License-Identifier: MIT */
/* Diagnoses of parsers: hostile text escaped and bounded. */

#include "tests/cmocka-all.h"

#include <string.h>

#include "policy/diag.h"

static void
everything_but_printable_ascii_is_escaped(void **state)
{
	static const struct {
		const char *in;
		size_t size;
		const char *out;
	} cases[] = {
		{"plain text", 10, "plain text"}, {"a\nb\r\t", 5, "a\\x0ab\\x0d\\x09"},
		{"\x1b[31m", 5, "\\x1b[31m"},     {"b\xc3\xbc", 3, "b\\xc3\\xbc"},
		{"a\0b", 3, "a\\x00b"},           {"back\\slash", 10, "back\\x5cslash"},
		{"\x7f\xff", 2, "\\x7f\\xff"},    {"", 0, ""},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		char out[64];

		mt_escape(cases[i].in, cases[i].size, out, sizeof(out));
		assert_string_equal(out, cases[i].out);
	}
}

/* Whatever the sizes: terminated, within the buffer, and marked where something is missing. */
static void
what_does_not_fit_is_cut_and_says_so(void **state)
{
	static const char in[] = "0123456789\n\n\n\nabc";

	for (size_t size = 1; size < 48; size++) {
		char out[64], full[64];

		memset(out, '#', sizeof(out));
		mt_escape(in, sizeof(in) - 1, full, sizeof(full));
		mt_escape(in, sizeof(in) - 1, out, size);
		assert_true(strlen(out) < size);
		for (size_t i = size; i < sizeof(out); i++)
			assert_int_equal(out[i], '#');
		if (strcmp(out, full) != 0 && size > 4)
			assert_string_equal(out + strlen(out) - 3, "...");
	}
}

static void
a_buffer_of_no_bytes_is_not_touched(void **state)
{
	char out = '#';

	mt_escape("abc", 3, &out, 0);
	assert_int_equal(out, '#');
}

static void
a_diagnosis_has_a_place_and_a_sentence(void **state)
{
	struct mt_diag diag = {0};

	mt_diag_set(&diag, 7, "unexpected '%c' (RFC %d)", 'x', 8259);
	assert_int_equal(diag.offset, 7);
	assert_string_equal(diag.message, "unexpected 'x' (RFC 8259)");
}

static void
a_long_sentence_is_cut(void **state)
{
	struct mt_diag diag;
	char text[400];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	mt_diag_set(&diag, SIZE_MAX, "%s", text);
	assert_int_equal(strlen(diag.message), sizeof(diag.message) - 1);
}

static void
nobody_needs_to_ask_for_a_diagnosis(void **state)
{
	mt_diag_set(NULL, 0, "%s", "ignored");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_but_printable_ascii_is_escaped),
		cmocka_unit_test(what_does_not_fit_is_cut_and_says_so),
		cmocka_unit_test(a_buffer_of_no_bytes_is_not_touched),
		cmocka_unit_test(a_diagnosis_has_a_place_and_a_sentence),
		cmocka_unit_test(a_long_sentence_is_cut),
		cmocka_unit_test(nobody_needs_to_ask_for_a_diagnosis),
	};

	return cmocka_run_group_tests_name("diag", tests, NULL, NULL);
}
