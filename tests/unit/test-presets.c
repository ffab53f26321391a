/* SPDX-License-Identifier: MIT */
/* An administrator's presets: one document, and directories of them (R-5-02). */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/cmocka-all.h"

#include "daemon/log.h"
#include "daemon/presets.h"
#include "tests/unit/scratch.h"

#define SERVER                                                                         \
	"{\"service\": \"imap\", \"host\": \"a.test\", \"port\": 993, \"transport\": " \
	"\"implicit\"}"
#define ONE(domain) "{\"domains\": {\"" domain "\": [" SERVER "]}}"

struct world {
	char directory[SCRATCH_PATH], other[SCRATCH_PATH];
	struct mt_presets *presets;
	struct mt_preset_list list;
	struct mt_diag diag;
	struct mt_offer offers[MT_OFFERS_MAX];
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	mt_log_set_target(open("/dev/null", O_WRONLY | O_CLOEXEC));
	scratch_make(w->directory);
	scratch_make(w->other);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	mt_presets_free(w->presets);
	mt_preset_list_clear(&w->list);
	scratch_remove(w->directory);
	scratch_remove(w->other);
	free(w);
	return 0;
}

static void
put(const char *directory, const char *name, const char *text)
{
	char path[SCRATCH_PATH];

	scratch_write(directory, name, text, strlen(text));
	scratch_path(directory, name, path);
	assert_int_equal(chmod(path, 0644), 0);
}

static int
parse(struct world *w, const char *text)
{
	return mt_presets_parse(text, strlen(text), &w->list, &w->diag);
}

static void
load(struct world *w, bool must_be_trusted, uint32_t trusted_uid)
{
	const struct mt_presets_directory directories[] = {
		{w->directory, must_be_trusted, trusted_uid},
		{w->other, must_be_trusted, trusted_uid},
		{"/nonexistent/presets.d", must_be_trusted, trusted_uid},
	};

	w->presets = mt_presets_free(w->presets);
	assert_int_equal(mt_presets_new(directories, MT_ARRAY_SIZE(directories), &w->presets), 0);
}

static size_t
find(struct world *w, const char *domain)
{
	return mt_presets_find(w->presets, domain, w->offers);
}

static void
a_document_names_the_servers_of_its_domains_in_order(void **state)
{
	struct world *w = *state;

	assert_int_equal(
		parse(w, "{\"domains\": {\"example.test\": [" SERVER
			 ", {\"service\": \"submission\", \"host\": \"192.0.2.7\", \"port\": 587,"
			 " \"transport\": \"starttls\"}], \"B\u00fccher.test\": [" SERVER "]}}"),
		0);
	assert_int_equal(w->list.n, 3);
	assert_string_equal(w->list.rows[0].domain, "example.test");
	assert_int_equal(w->list.rows[0].offer.proto, MT_PROTO_IMAP);
	assert_int_equal(w->list.rows[0].offer.transport, MT_TRANSPORT_IMPLICIT);
	assert_int_equal(w->list.rows[0].offer.port, 993);
	assert_int_equal(w->list.rows[0].offer.source, MT_DISCOVERY_ADMIN);
	assert_string_equal(w->list.rows[1].offer.host, "192.0.2.7");
	assert_int_equal(w->list.rows[1].offer.transport, MT_TRANSPORT_STARTTLS);
	assert_string_equal(w->list.rows[2].domain, "xn--bcher-kva.test");
}

#define IN(servers) "{\"domains\": {\"example.test\": " servers "}}"

static void
what_is_not_understood_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{"", "line 1"},
		{"[]", "\"domains\""},
		{"{}", "\"domains\""},
		{"{\"domains\": {}, \"domain\": {}}", "\"domain\" is unknown"},
		{"{\"domains\": {},\n \"domains\": {}}", "line 2"},
		{"{\"domains\": {},\n", "line 2"},
		{IN("{}"), "\"example.test\" is to have a list"},
		{IN("[]"), "\"example.test\" is to have a list"},
		{IN("[7]"), "server 1"},
		{IN("[" SERVER ", {}]"), "domain example.test, server 2: \"service\""},
		{IN("[{\"service\": \"imaps\"}]"), "\"service\" is to be"},
		{IN("[{\"service\": \"imap\", \"host\": \"a b\"}]"), "\"host\" is to be"},
		{IN("[{\"service\": \"imap\", \"host\": \"a.test\", \"port\": 0}]"), "\"port\""},
		{IN("[{\"service\": \"imap\", \"host\": \"a.test\", \"port\": 70000}]"),
		 "\"port\""},
		{IN("[{\"service\": \"imap\", \"host\": \"a.test\", \"port\": \"993\"}]"),
		 "\"port\""},
		{IN("[{\"service\": \"imap\", \"host\": \"a.test\", \"port\": 143, "
		    "\"transport\": \"none\"}]"),
		 "\"transport\" is to be implicit or starttls"},
		{IN("[{\"speed\": 1}]"), "\"speed\" is unknown"},
		{"{\"domains\": {\"192.0.2.7\": [" SERVER "]}}", "\"192.0.2.7\" is no domain"},
		{"{\"domains\": {\"a@b.test\": [" SERVER "]}}", "is no domain"},
		{"{\"domains\": {\"a.test\": [" SERVER "], \"A.test.\": [" SERVER "]}}",
		 "\"A.test.\" is defined twice"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		memset(&w->diag, 0, sizeof(w->diag));
		if (parse(w, rows[i].text) != MT_PRESETS_E_DOCUMENT ||
		    !strstr(w->diag.message, rows[i].said))
			fail_msg("%s: %s", rows[i].text, w->diag.message);
		assert_int_equal(w->list.n, 0); /* nothing of it is kept */
	}
}

static void
one_server_more_than_fits_is_refused(void **state)
{
	struct world *w = *state;
	char text[4096] = "{\"domains\": {\"example.test\": [" SERVER;

	for (int i = 1; i < MT_OFFERS_MAX; i++)
		strcat(text, "," SERVER);
	strcat(text, "]}}");
	assert_int_equal(parse(w, text), 0);
	assert_int_equal(w->list.n, MT_OFFERS_MAX);
	mt_preset_list_clear(&w->list);
	strcpy(strstr(text, "]}}"), "," SERVER "]}}");
	assert_int_equal(parse(w, text), MT_PRESETS_E_DOCUMENT);
}

static void
documents_are_read_from_every_directory_by_their_suffix(void **state)
{
	struct world *w = *state;

	put(w->directory, "a.json", ONE("a.test"));
	put(w->other, "b.json", ONE("b.test"));
	put(w->directory, "c.json~", ONE("c.test"));
	put(w->directory, ".d.json", ONE("d.test"));
	load(w, false, 0);
	assert_int_equal(find(w, "a.test"), 1);
	assert_string_equal(w->offers[0].host, "a.test");
	assert_int_equal(find(w, "b.test"), 1);
	assert_int_equal(find(w, "c.test"), 0);
	assert_int_equal(find(w, "d.test"), 0);
	assert_int_equal(find(w, "sub.a.test"), 0);
	assert_int_equal(mt_presets_n_broken(w->presets), 0);
}

static void
a_broken_document_is_counted_and_the_others_serve(void **state)
{
	struct world *w = *state;

	put(w->directory, "a.json", ONE("a.test"));
	put(w->directory, "b.json",
	    "{\"domains\": {\"good.test\": [" SERVER "], \"bad.test\": 7}}");
	put(w->directory, "c.json", ONE("c.test"));
	put(w->directory, "d.json", ONE("a.test")); /* whose is it? */
	load(w, false, 0);
	assert_int_equal(find(w, "a.test"), 1);
	assert_int_equal(find(w, "c.test"), 1);
	assert_int_equal(find(w, "good.test"), 0); /* half a document is none */
	assert_int_equal(mt_presets_n_broken(w->presets), 2);
}

static void
a_broken_document_is_named_in_the_log(void **state)
{
	struct world *w = *state;
	char path[SCRATCH_PATH];
	uint8_t *log;
	size_t size;

	put(w->directory, "typo.json", "{\"domains\": {\"a.test\": [{\"prot\": 1}]}}");
	scratch_path(w->other, "log", path);
	mt_log_set_target(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	load(w, false, 0);
	mt_log_set_target(open("/dev/null", O_WRONLY | O_CLOEXEC));
	log = scratch_read(w->other, "log", &size);
	assert_non_null(memmem(log, size, "typo.json", 9));
	assert_non_null(memmem(log, size, "server 1", 8));
	assert_non_null(memmem(log, size, "prot", 4));
	free(log);
}

static void
a_document_that_is_too_large_is_not_used(void **state)
{
	struct world *w = *state;
	char *text = malloc(MT_PRESET_BYTES_MAX + 2);

	assert_non_null(text);
	memset(text, ' ', MT_PRESET_BYTES_MAX + 1);
	memcpy(text, ONE("a.test"), strlen(ONE("a.test")));
	text[MT_PRESET_BYTES_MAX] = '\0';
	put(w->directory, "a.json", text);
	load(w, false, 0);
	assert_int_equal(find(w, "a.test"), 1);
	text[MT_PRESET_BYTES_MAX] = ' ';
	text[MT_PRESET_BYTES_MAX + 1] = '\0';
	put(w->directory, "a.json", text);
	load(w, false, 0);
	assert_int_equal(find(w, "a.test"), 0);
	assert_int_equal(mt_presets_n_broken(w->presets), 1);
	free(text);
}

/* As the configuration file: nobody but root decides for all. */
static void
what_others_could_have_written_is_not_used(void **state)
{
	struct world *w = *state;
	char path[SCRATCH_PATH];

	put(w->directory, "a.json", ONE("a.test"));
	put(w->directory, "b.json", ONE("b.test"));
	load(w, true, geteuid());
	assert_int_equal(find(w, "a.test"), 1);
	scratch_path(w->directory, "a.json", path);
	assert_int_equal(chmod(path, 0664), 0);
	load(w, true, geteuid());
	assert_int_equal(find(w, "a.test"), 0);
	assert_int_equal(find(w, "b.test"), 1);
	assert_int_equal(mt_presets_n_broken(w->presets), 1);
	load(w, true, geteuid() + 1); /* both directories are another's */
	assert_int_equal(find(w, "b.test"), 0);
	assert_int_equal(mt_presets_n_broken(w->presets), 2);
	assert_int_equal(chmod(w->directory, 0777), 0);
	load(w, true, geteuid());
	assert_int_equal(find(w, "b.test"), 0);
	load(w, false, 0);
	assert_int_equal(find(w, "b.test"), 1);
}

static void
they_are_read_anew_when_asked_and_not_before(void **state)
{
	struct world *w = *state;

	put(w->directory, "a.json", ONE("a.test"));
	load(w, false, 0);
	put(w->directory, "a.json", ONE("b.test"));
	assert_int_equal(find(w, "a.test"), 1);
	mt_presets_reload(w->presets);
	assert_int_equal(find(w, "a.test"), 0);
	assert_int_equal(find(w, "b.test"), 1);
	put(w->directory, "a.json", "{");
	mt_presets_reload(w->presets);
	assert_int_equal(find(w, "b.test"), 0);
	assert_int_equal(mt_presets_n_broken(w->presets), 1);
	put(w->directory, "a.json", ONE("b.test"));
	mt_presets_reload(w->presets);
	assert_int_equal(mt_presets_n_broken(w->presets), 0);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(a_document_names_the_servers_of_its_domains_in_order),
		CASE(what_is_not_understood_is_refused_with_its_place),
		CASE(one_server_more_than_fits_is_refused),
		CASE(documents_are_read_from_every_directory_by_their_suffix),
		CASE(a_broken_document_is_counted_and_the_others_serve),
		CASE(a_broken_document_is_named_in_the_log),
		CASE(a_document_that_is_too_large_is_not_used),
		CASE(what_others_could_have_written_is_not_used),
		CASE(they_are_read_anew_when_asked_and_not_before),
	};

	return cmocka_run_group_tests_name("presets", tests, NULL, NULL);
}
