/* SPDX-License-Identifier: MIT */
/* Lines of a mail server, however they are cut and whatever they hold. */

#include "tests/cmocka-all.h"

#include <stdlib.h>
#include <string.h>

#include "ipc/mail/line.h"

#define TEXT(s) (const uint8_t *)(s), sizeof(s) - 1

/* What came out: every line in angle brackets, a fault as "!". */
struct heard {
	char text[256];
	size_t size;
};

static void
note(struct heard *heard, const char *text, size_t size)
{
	assert_true(size < sizeof(heard->text) - heard->size);
	memcpy(heard->text + heard->size, text, size);
	heard->size += size;
	heard->text[heard->size] = '\0';
}

static void
note_line(struct heard *heard, const struct mt_lines *lines)
{
	assert_int_equal(strlen(lines->text), lines->size);
	note(heard, "<", 1);
	note(heard, lines->text, lines->size);
	note(heard, ">", 1);
}

/* Reads one segment, from a copy of exactly its size. Return: no fault. */
static bool
read_segment(struct mt_lines *lines, const uint8_t *data, size_t size, struct heard *heard)
{
	uint8_t *copy = malloc(size + 1);
	enum mt_line_state state = MT_LINE_MORE;

	assert_non_null(copy);
	memcpy(copy + 1, data, size);
	for (size_t at = 0; at < size && state != MT_LINE_FAULT;) {
		size_t n = mt_lines_take(lines, copy + 1 + at, size - at, &state);

		assert_in_range(n, 1, size - at);
		at += n;
		if (state == MT_LINE_READY)
			note_line(heard, lines);
	}
	free(copy);
	if (state == MT_LINE_FAULT)
		note(heard, "!", 1);
	return state != MT_LINE_FAULT;
}

static void
read_whole(const uint8_t *data, size_t size, struct heard *heard)
{
	struct mt_lines lines = {0};

	*heard = (struct heard){0};
	(void)read_segment(&lines, data, size, heard);
}

static const struct {
	const char *in;
	size_t size;
	const char *out;
} endings[] = {
#define ROW(in, out)                    \
	{                               \
		in, sizeof(in) - 1, out \
	}
	ROW("abc\r\n", "<abc>"),
	ROW("abc\n", "<abc>"),
	ROW("\r\n", "<>"),
	ROW("\n", "<>"),
	ROW("abc", ""),
	ROW("abc\r", ""),
	ROW("abc\r\r\n", "<abc\r>"),
	ROW("a\rb\r\n", "<a\rb>"),
	ROW("\ra\r\n", "<\ra>"),
	ROW("a\r\nb\nc\r\n", "<a><b><c>"),
	ROW("a\n\r\n\nb\r\nc", "<a><><><b>"),
	ROW("\xff\x80\x01\r\n", "<\xff\x80\x01>"),
	ROW("\0\r\n", "!"),
	ROW("a\0\r\n", "!"),
	ROW("a\r\0\n", "!"),
	ROW("a\r\nb\0c\r\n", "<a>!"),
	ROW("a\r\n\0", "<a>!"),
#undef ROW
};

static void
a_line_ends_at_lf_and_loses_one_cr_and_a_nul_is_no_line(void **state)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(endings); i++) {
		struct heard heard;

		read_whole((const uint8_t *)endings[i].in, endings[i].size, &heard);
		assert_string_equal(heard.text, endings[i].out);
	}
}

static void
cut_once(const uint8_t *data, size_t size, size_t cut, struct heard *heard)
{
	struct mt_lines lines = {0};

	*heard = (struct heard){0};
	if (read_segment(&lines, data, cut, heard))
		(void)read_segment(&lines, data + cut, size - cut, heard);
}

static void
cut_often(const uint8_t *data, size_t size, size_t piece, struct heard *heard)
{
	struct mt_lines lines = {0};
	bool ok = true;

	*heard = (struct heard){0};
	for (size_t at = 0; at < size && ok; at += piece)
		ok = read_segment(&lines, data + at, size - at < piece ? size - at : piece, heard);
}

static void
however_the_bytes_are_cut_the_same_lines_come_out(void **state)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(endings); i++)
		for (size_t cut = 1; cut <= endings[i].size; cut++) {
			const uint8_t *data = (const uint8_t *)endings[i].in;
			struct heard heard;

			cut_once(data, endings[i].size, cut, &heard);
			assert_string_equal(heard.text, endings[i].out);
			cut_often(data, endings[i].size, cut, &heard);
			assert_string_equal(heard.text, endings[i].out);
		}
}

static void
what_stands_behind_a_line_is_neither_taken_nor_looked_at(void **state)
{
	struct mt_lines lines = {0};
	enum mt_line_state got;

	assert_int_equal(mt_lines_take(&lines, TEXT("a2 OK\r\n\0evil\r\n"), &got), 7);
	assert_int_equal(got, MT_LINE_READY);
	assert_string_equal(lines.text, "a2 OK");
}

/* A line of n bytes before its LF, fed in pieces. */
static enum mt_line_state
read_long(size_t n, size_t piece, struct mt_lines *lines)
{
	uint8_t *data = malloc(n + 1);
	enum mt_line_state state = MT_LINE_MORE;

	assert_non_null(data);
	memset(data, 'x', n);
	data[n] = '\n';
	*lines = (struct mt_lines){0};
	for (size_t at = 0; at <= n && state == MT_LINE_MORE;) {
		size_t left = n + 1 - at;

		at += mt_lines_take(lines, data + at, left < piece ? left : piece, &state);
	}
	free(data);
	return state;
}

static void
a_line_as_long_as_the_bound_is_read_and_one_byte_more_is_a_fault(void **state)
{
	static const size_t pieces[] = {1, 2, 4096, MT_LINE_MAX, MT_LINE_MAX + 1, SIZE_MAX};

	for (size_t i = 0; i < MT_ARRAY_SIZE(pieces); i++) {
		struct mt_lines lines;

		assert_int_equal(read_long(MT_LINE_MAX, pieces[i], &lines), MT_LINE_READY);
		assert_int_equal(lines.size, MT_LINE_MAX);
		assert_int_equal(read_long(MT_LINE_MAX + 1, pieces[i], &lines), MT_LINE_FAULT);
	}
}

/* A reader that is asked again after its fault still writes nowhere but into its line. */
static void
ten_mebibytes_without_an_end_stay_within_the_bound(void **state)
{
	static const size_t pieces[] = {1, 4096, 1024 * 1024};
	const size_t total = 10 * 1024 * 1024;
	uint8_t *data = malloc(total);

	assert_non_null(data);
	memset(data, 'x', total);
	for (size_t i = 0; i < MT_ARRAY_SIZE(pieces); i++) {
		struct {
			struct mt_lines lines;
			char guard[64];
		} held = {0};
		enum mt_line_state got = MT_LINE_READY;

		for (size_t at = 0; at < total; at += pieces[i])
			assert_int_equal(mt_lines_take(&held.lines, data + at, pieces[i], &got),
					 pieces[i]);
		assert_int_equal(got, MT_LINE_FAULT);
		assert_in_range(held.lines.size, 0, MT_LINE_MAX);
		assert_memory_equal(held.guard, (char[64]){0}, sizeof(held.guard));
	}
	free(data);
}

static void
a_literal_is_announced_at_the_end_of_a_line_and_nowhere_else(void **state)
{
	static const struct {
		const char *line;
		bool expected;
	} rows[] = {
		{"* OK {5}", true},    {"{0}", true},
		{"a1 OK {12+}", true}, {"~{7}", true},
		{"{5} ", false},       {"{5}x", false},
		{"{}", false},         {"{5", false},
		{"5}", false},         {"}", false},
		{"+}", false},         {"", false},
		{"{a}", false},        {"{-1}", false},
		{"* OK (5)", false},   {"{99999999999999999999999}", true},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++)
		assert_int_equal(mt_line_has_literal(rows[i].line, strlen(rows[i].line)),
				 rows[i].expected);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_ends_at_lf_and_loses_one_cr_and_a_nul_is_no_line),
		cmocka_unit_test(however_the_bytes_are_cut_the_same_lines_come_out),
		cmocka_unit_test(what_stands_behind_a_line_is_neither_taken_nor_looked_at),
		cmocka_unit_test(a_line_as_long_as_the_bound_is_read_and_one_byte_more_is_a_fault),
		cmocka_unit_test(ten_mebibytes_without_an_end_stay_within_the_bound),
		cmocka_unit_test(a_literal_is_announced_at_the_end_of_a_line_and_nowhere_else),
	};

	return cmocka_run_group_tests_name("line", tests, NULL, NULL);
}
