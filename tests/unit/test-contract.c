/* SPDX-License-Identifier: MIT */
/* The contract: the XML and the tables agree, and the errors are one table. */

#include "tests/cmocka-all.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dbus/dbus.h>

#include "ipc/contract-hash.h"
#include "ipc/contract.h"
#include "ipc/errors.h"

static char *xml;

static int
setup(void **state)
{
	char path[1024];
	FILE *file;
	size_t size;

	(void)snprintf(path, sizeof(path), "%s/ipc/org.mailtrust1.xml", getenv("MT_SOURCE_ROOT"));
	file = fopen(path, "re");
	xml = calloc(1, 256 * 1024);
	if (!file || !xml)
		return -1;
	size = fread(xml, 1, 256 * 1024 - 1, file);
	(void)fclose(file);
	return size > 0 ? 0 : -1;
}

static int
teardown(void **state)
{
	free(xml);
	return 0;
}

/* The value of an attribute of the tag that begins here, "" where it has none. */
static const char *
attribute(const char *tag, const char *name, char ret[static 128])
{
	const char *end = strchr(tag, '>');
	char wanted[64];
	const char *at;

	(void)snprintf(wanted, sizeof(wanted), " %s=\"", name);
	at = strstr(tag, wanted);
	ret[0] = '\0';
	if (at && at < end) {
		at += strlen(wanted);
		(void)snprintf(ret, 128, "%.*s", (int)strcspn(at, "\""), at);
	}
	return ret;
}

/* Signature of a member's arguments in one direction, read from the XML by other means than the
 * generator's. */
static void
signature_of(const char *member, const char *closing, const char *direction, char ret[static 128])
{
	const char *open_end = strchr(member, '>'), *end, *arg;
	char value[128];

	ret[0] = '\0';
	if (open_end[-1] == '/')
		return;
	end = strstr(member, closing);
	for (arg = strstr(member, "<arg "); arg && arg < end; arg = strstr(arg + 1, "<arg ")) {
		attribute(arg, "direction", value);
		if (strcmp(*value ? value : "out", direction) == 0)
			strncat(ret, attribute(arg, "type", value), 127 - strlen(ret));
	}
}

static void
every_method_of_the_xml_is_in_the_table_as_written(void **state)
{
	char interface[128] = "", member[128], in[128], out[128];
	const char *at = xml;
	int n = 0;

	while ((at = strchr(at + 1, '<'))) {
		if (strncmp(at, "<interface ", 11) == 0)
			attribute(at, "name", interface);
		if (strncmp(at, "<method ", 8) != 0)
			continue;
		attribute(at, "name", member);
		signature_of(at, "</method>", "in", in);
		signature_of(at, "</method>", "out", out);
		assert_int_equal(mt_contract_find_call(interface, member), n);
		assert_string_equal(mt_calls[n].in, in);
		assert_string_equal(mt_calls[n].out, out);
		n++;
	}
	assert_int_equal(n, MT_CALL_COUNT);
}

static void
every_property_and_signal_of_the_xml_is_in_its_table(void **state)
{
	char interface[128] = "", member[128], value[128];
	int n_properties = 0, n_signals = 0;
	const char *at = xml;

	while ((at = strchr(at + 1, '<'))) {
		if (strncmp(at, "<interface ", 11) == 0)
			attribute(at, "name", interface);
		attribute(at, "name", member);
		if (strncmp(at, "<property ", 10) == 0) {
			assert_int_equal(mt_contract_find_property(interface, member),
					 n_properties);
			assert_string_equal(mt_properties[n_properties++].signature,
					    attribute(at, "type", value));
		}
		if (strncmp(at, "<signal ", 8) == 0) {
			assert_string_equal(mt_signals[n_signals].member, member);
			signature_of(at, "</signal>", "out", value);
			assert_string_equal(mt_signals[n_signals++].signature, value);
		}
	}
	assert_int_equal(n_properties, MT_PROPERTY_COUNT);
	assert_int_equal(n_signals, MT_SIGNAL_COUNT);
}

static void
every_signature_is_one_that_libdbus_accepts(void **state)
{
	for (size_t i = 0; i < MT_CALL_COUNT; i++) {
		assert_true(dbus_signature_validate(mt_calls[i].in, NULL));
		assert_true(dbus_signature_validate(mt_calls[i].out, NULL));
		assert_true(dbus_validate_member(mt_calls[i].member, NULL));
	}
	for (size_t i = 0; i < MT_PROPERTY_COUNT; i++)
		assert_true(dbus_signature_validate_single(mt_properties[i].signature, NULL));
	for (size_t i = 0; i < MT_SIGNAL_COUNT; i++)
		assert_true(dbus_signature_validate(mt_signals[i].signature, NULL));
}

static void
no_argument_or_key_asks_for_a_secret(void **state)
{
	static const char *const words[] = {"password",   "passwd", "passphrase", "secret",
					    "credential", "cookie", "private",    "pin_code"};
	char value[128];

	for (const char *at = strchr(xml, '<'); at; at = strchr(at + 1, '<')) {
		attribute(at, "name", value);
		for (char *c = value; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		for (size_t i = 0; i < MT_ARRAY_SIZE(words); i++)
			assert_null(strstr(value, words[i]));
	}
	for (size_t i = 0; i < MT_ARRAY_SIZE(words); i++) {
		assert_null(strstr(mt_introspect_root, words[i]));
		assert_null(strstr(mt_introspect_account, words[i]));
	}
}

static void
names_outside_of_the_contract_are_not_found(void **state)
{
	static const struct {
		const char *interface, *member;
	} rows[] = {
		{"org.mailtrust1.Account", "check"},
		{"org.mailtrust1.Account", ""},
		{"org.mailtrust1.Accoun", "tCheck"},
		{"org.mailtrust1.Account.Check", ""},
		{"", "Check"},
		{"", ""},
		{"org.mailtrust1.Manager", "Check"},
		{"org.mailtrust1", "Account.Check"},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++)
		assert_int_equal(mt_contract_find_call(rows[i].interface, rows[i].member), -1);
	assert_int_equal(mt_contract_find_interface("org.mailtrust1.account"), -1);
	assert_int_equal(mt_contract_find_property("org.mailtrust1.Account", "state"), -1);
}

static void
an_account_path_has_one_form(void **state)
{
	static const struct {
		const char *path, *id;
	} rows[] = {
		{"/org/mailtrust1/account/0123456789abcdef0123456789abcdef",
		 "0123456789abcdef0123456789abcdef"},
		{"/org/mailtrust1/account/0123456789ABCDEF0123456789abcdef", NULL},
		{"/org/mailtrust1/account/0123456789abcdef0123456789abcde", NULL},
		{"/org/mailtrust1/account/0123456789abcdef0123456789abcdef0", NULL},
		{"/org/mailtrust1/account/0123456789abcdef0123456789abcdef/x", NULL},
		{"/org/mailtrust1/account", NULL},
		{"/org/mailtrust1", NULL},
		{"/", NULL},
	};
	char path[MT_ACCOUNT_PATH_SIZE];

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		const char *id = mt_contract_account_id(rows[i].path);

		if (!rows[i].id) {
			assert_null(id);
			continue;
		}
		assert_string_equal(id, rows[i].id);
		mt_contract_format_path(id, path);
		assert_string_equal(path, rows[i].path);
	}
}

static void
every_error_has_a_code_a_name_a_sentence_and_a_status(void **state)
{
	for (int i = 1; i < MT_ERROR_COUNT; i++) {
		enum mt_error error = (enum mt_error)i;
		const char *name = mt_error_to_dbus_name(error);

		assert_int_equal(strncmp(name, "org.mailtrust1.Error.", 21), 0);
		assert_true(dbus_validate_error_name(name, NULL));
		assert_int_equal(mt_error_from_dbus_name(name), error);
		assert_true(strlen(mt_error_text(error)) > 10);
		assert_int_not_equal(mt_error_exit(error), MT_EXIT_OK);
		for (int j = 1; j < i; j++)
			assert_string_not_equal(mt_error_to_string(error),
						mt_error_to_string((enum mt_error)j));
	}
}

static void
errors_of_the_contract_are_errors_of_the_table(void **state)
{
	for (size_t i = 0; mt_contract_error_codes[i]; i++) {
		bool found = false;

		for (int j = 1; j < MT_ERROR_COUNT; j++)
			found = found || strcmp(mt_error_to_string((enum mt_error)j),
						mt_contract_error_codes[i]) == 0;
		if (!found)
			fail_msg("%s", mt_contract_error_codes[i]);
	}
}

static void
an_error_that_could_tell_of_an_account_carries_no_detail(void **state)
{
	assert_false(mt_error_takes_detail(MT_ERROR_UNKNOWN_ACCOUNT));
	assert_false(mt_error_takes_detail(MT_ERROR_ACCESS_DENIED));
	assert_false(mt_error_takes_detail(MT_ERROR_UNKNOWN_METHOD));
	assert_false(mt_error_takes_detail(MT_ERROR_INTERNAL));
	assert_true(mt_error_takes_detail(MT_ERROR_INVALID_EVIDENCE));
}

static void
no_daemon_and_a_daemon_that_hangs_exit_40(void **state)
{
	static const char *const names[] = {
		DBUS_ERROR_SERVICE_UNKNOWN,   DBUS_ERROR_NO_REPLY,
		DBUS_ERROR_DISCONNECTED,      DBUS_ERROR_NO_SERVER,
		DBUS_ERROR_TIMEOUT,           DBUS_ERROR_SPAWN_CHILD_EXITED,
		DBUS_ERROR_SPAWN_EXEC_FAILED, DBUS_ERROR_NAME_HAS_NO_OWNER,
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(names); i++)
		assert_int_equal(mt_error_exit(mt_error_from_dbus_name(names[i])), MT_EXIT_DAEMON);
	assert_int_equal(mt_error_from_dbus_name("org.example.Nothing"), MT_ERROR_INTERNAL);
	assert_int_equal(mt_error_from_dbus_name(NULL), MT_ERROR_INTERNAL);
	assert_int_equal(mt_error_from_errno(-ENOMEM), MT_ERROR_DEGRADED);
	assert_int_equal(mt_error_from_errno(-EIO), MT_ERROR_INTERNAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_method_of_the_xml_is_in_the_table_as_written),
		cmocka_unit_test(every_property_and_signal_of_the_xml_is_in_its_table),
		cmocka_unit_test(every_signature_is_one_that_libdbus_accepts),
		cmocka_unit_test(no_argument_or_key_asks_for_a_secret),
		cmocka_unit_test(names_outside_of_the_contract_are_not_found),
		cmocka_unit_test(an_account_path_has_one_form),
		cmocka_unit_test(every_error_has_a_code_a_name_a_sentence_and_a_status),
		cmocka_unit_test(errors_of_the_contract_are_errors_of_the_table),
		cmocka_unit_test(an_error_that_could_tell_of_an_account_carries_no_detail),
		cmocka_unit_test(no_daemon_and_a_daemon_that_hangs_exit_40),
	};

	return cmocka_run_group_tests_name("contract", tests, setup, teardown);
}
