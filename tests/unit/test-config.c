/* SPDX-License-Identifier: MIT */
/* Options of mailtrustd: command line, file, defaults, and the table they all come from. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/cmocka-all.h"

#include "daemon/config.h"
#include "policy/service.h"
#include "tests/unit/scratch.h"

struct world {
	char directory[SCRATCH_PATH];
	char file[SCRATCH_PATH];
	struct mt_config_env env;
	struct mt_config config;
	struct mt_diag diag;
};

static int
setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	scratch_make(world->directory);
	scratch_path(world->directory, "mailtrustd.conf", world->file);
	world->env = (struct mt_config_env){
		.home = "/home/ann",
		.xdg_state_home = "/home/ann/.state",
		.xdg_config_home = world->directory,
		.xdg_runtime_dir = "/run/user/1000",
		.session_bus = "unix:path=/run/user/1000/bus",
		.system_file = world->file,
		.trusted_uid = geteuid(),
	};
	*state = world;
	return 0;
}

static int
teardown(void **state)
{
	struct world *world = *state;

	mt_config_clear(&world->config);
	scratch_remove(world->directory);
	free(world);
	return 0;
}

/* arguments: NULL-terminated, without the program's name. */
static int
load(struct world *world, const char *const *arguments)
{
	char *argv[24] = {NULL};
	int argc = 1, r;

	mt_config_clear(&world->config);
	memset(&world->diag, 0, sizeof(world->diag));
	argv[0] = strdup("mailtrustd");
	for (; arguments[argc - 1]; argc++)
		argv[argc] = strdup(arguments[argc - 1]);
	r = mt_config_load(argc, argv, &world->env, &world->config, &world->diag);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return r;
}

#define LOAD(world, ...) load(world, (const char *const[]){__VA_ARGS__})

static void
write_file(struct world *world, const char *text)
{
	scratch_write(world->directory, "mailtrustd.conf", text, strlen(text));
	assert_int_equal(chmod(world->file, 0644), 0);
}

static void
system_mode_has_the_documented_defaults(void **state)
{
	struct world *world = *state;

	assert_int_equal(LOAD(world, NULL), 0);
	assert_string_equal(world->config.state_dir, "/var/lib/mailtrust");
	assert_string_equal(world->config.socket_path, "/run/mailtrust/socket");
	assert_int_equal(world->config.bus, MT_BUS_SYSTEM);
	assert_null(world->config.trust_anchors);
	assert_false(world->config.user || world->config.probe_local || world->config.fetch_local ||
		     world->config.clock_must_be_synchronised);
}

static void
user_mode_takes_its_places_from_xdg_and_falls_back(void **state)
{
	struct world *world = *state;

	assert_int_equal(LOAD(world, "--user", NULL), 0);
	assert_string_equal(world->config.state_dir, "/home/ann/.state/mailtrust");
	assert_string_equal(world->config.socket_path, "/run/user/1000/mailtrust/socket");
	assert_int_equal(world->config.bus, MT_BUS_SESSION);

	world->env.xdg_state_home = "relative"; /* XDG: to be ignored */
	world->env.xdg_runtime_dir = world->env.session_bus = NULL;
	assert_int_equal(LOAD(world, "--user", NULL), 0);
	assert_string_equal(world->config.state_dir, "/home/ann/.local/state/mailtrust");
	assert_string_equal(world->config.socket_path, "/home/ann/.local/state/mailtrust/socket");
	assert_int_equal(world->config.bus, MT_BUS_NONE);

	world->env.home = NULL;
	assert_int_equal(LOAD(world, "--user", NULL), MT_CONFIG_E_USAGE);
	assert_int_equal(LOAD(world, "--user", "--evaluate", NULL), 0);
}

static void
every_option_of_the_command_line_is_a_key_of_the_file(void **state)
{
	struct world *world = *state;

	write_file(
		world,
		"# comment\n[daemon]\nstate-dir = /s\nsocket=/k\nbus = none\n"
		"user = no\nevaluate = yes\n[trust]\ntrust-anchors = /a\nfetch-local = yes\n"
		"[dns]\ndns-forward = 192.0.2.1@53\ndns-forward = 2001:db8::1\n"
		"dns-anchor = /d\ndns-negative-anchor = Corp.Example.\n[probe]\nprobe-local = yes\n"
		"[clock]\nclock-must-be-synchronised = yes\n");
	assert_int_equal(LOAD(world, NULL), 0);
	assert_string_equal(world->config.state_dir, "/s");
	assert_string_equal(world->config.socket_path, "/k");
	assert_int_equal(world->config.bus, MT_BUS_NONE);
	assert_true(world->config.evaluate);
	assert_string_equal(world->config.trust_anchors, "/a");
	assert_int_equal(world->config.dns_forward.n, 2);
	assert_string_equal(world->config.dns_forward.items[1], "2001:db8::1");
	assert_string_equal(world->config.dns_anchor.items[0], "/d");
	assert_string_equal(world->config.dns_negative_anchor.items[0], "corp.example");
	assert_true(world->config.probe_local && world->config.fetch_local &&
		    world->config.clock_must_be_synchronised);
	for (size_t i = 0; i < mt_config_n_options; i++) {
		const struct mt_config_option *option = &mt_config_options[i];

		if (strcmp(option->key, "config") != 0 && strcmp(option->key, "help") != 0)
			assert_true(option->on_command_line && option->in_file);
	}
}

static void
the_command_line_wins_over_the_file(void **state)
{
	struct world *world = *state;

	write_file(world, "[daemon]\nstate-dir = /s\nsocket = /k\n");
	assert_int_equal(
		LOAD(world, "--state-dir", "/t", "--bus=unix:path=/x", "--probe-local", NULL), 0);
	assert_string_equal(world->config.state_dir, "/t");
	assert_string_equal(world->config.socket_path, "/k");
	assert_int_equal(world->config.bus, MT_BUS_ADDRESS);
	assert_string_equal(world->config.bus_text, "unix:path=/x");
	assert_true(world->config.probe_local);
}

static void
a_fault_in_the_file_is_named_with_file_and_line(void **state)
{
	static const struct {
		const char *text, *where;
	} cases[] = {
		{"[daemon]\nstate-dri = /s\n", ":2: unknown key \"state-dri\""},
		{"[demon]\n", ":1: unknown section \"demon\""},
		{"[daemon\n", ":1: malformed section"},
		{"[daemon]\n\n# c\nstate-dir\n", ":4: neither section nor key"},
		{"state-dir = /s\n", ":1: unknown key"},
		{"[dns]\nstate-dir = /s\n", ":2: unknown key"},
		{"[daemon]\nconfig = /s\n", ":2: unknown key"},
		{"[daemon]\nstate-dir = s\n", ":2: not a value of this key: \"s\""},
		{"[daemon]\nstate-dir = /a\nstate-dir = /b\n", ":3: key given twice"},
		{"[probe]\nprobe-local = maybe\n", ":2: not a value of this key: \"maybe\""},
		{"[dns]\ndns-forward = 1.2.3.4@99999\n", ":2: not a value of this key"},
		{"[dns]\ndns-forward = resolver.test\n", ":2: not a value of this key"},
		{"[daemon]\nbus = somewhere\n", ":2: not a value of this key"},
		{"[daemon]\nsta\x1b[31m = 1\n", ":2: unknown key \"sta\\x1b[31m\""},
	};
	struct world *world = *state;

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		write_file(world, cases[i].text);
		assert_int_equal(LOAD(world, NULL), MT_CONFIG_E_FILE);
		assert_null(world->config.state_dir);
		assert_non_null(strstr(world->diag.message, world->file));
		if (!strstr(world->diag.message, cases[i].where))
			fail_msg("\"%s\" lacks \"%s\"", world->diag.message, cases[i].where);
	}
}

static void
a_fault_on_the_command_line_is_a_usage_error(void **state)
{
	static const char *const cases[][4] = {
		{"--stat-dir", "/s"},
		{"--state-dir"},
		{"--state-dir", ""},
		{"state"},
		{"--user=yes"},
		{"-u"},
		{"--bus", "x"},
		{"--socket=/a", "--socket=/b"},
		{"--dns-forward", "1.2.3.4@"},
	};
	struct world *world = *state;

	for (size_t i = 0; i < MT_ARRAY_SIZE(cases); i++) {
		assert_int_equal(load(world, cases[i]), MT_CONFIG_E_USAGE);
		assert_true(world->diag.message[0] != '\0');
	}
}

static void
a_relative_path_on_the_command_line_begins_where_one_stands(void **state)
{
	struct world *world = *state;
	char here[4096];

	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(LOAD(world, "--state-dir", "some/state", NULL), 0);
	assert_memory_equal(world->config.state_dir, here, strlen(here));
	assert_string_equal(world->config.state_dir + strlen(here), "/some/state");
}

static void
an_absent_default_file_is_none_and_an_absent_named_one_an_error(void **state)
{
	struct world *world = *state;

	assert_int_equal(LOAD(world, NULL), 0);
	assert_null(world->config.config_file);
	assert_int_equal(LOAD(world, "--config", "/nowhere/mailtrustd.conf", NULL),
			 MT_CONFIG_E_FILE);
}

static void
in_system_mode_the_file_must_be_roots_alone(void **state)
{
	struct world *world = *state;

	write_file(world, "[daemon]\nstate-dir = /s\n");
	assert_int_equal(chmod(world->file, 0664), 0);
	assert_int_equal(LOAD(world, NULL), MT_CONFIG_E_INSECURE);
	assert_int_equal(LOAD(world, "--user", "--config", world->file, NULL), 0);
	assert_int_equal(chmod(world->file, 0644), 0);
	assert_int_equal(LOAD(world, NULL), 0);
	world->env.trusted_uid = geteuid() + 1;
	assert_int_equal(LOAD(world, NULL), MT_CONFIG_E_INSECURE);
}

static void
sources_are_switched_by_name(void **state)
{
	struct world *world = *state;

	assert_int_equal(LOAD(world, NULL), 0);
	assert_int_equal(world->config.discovery,
			 MT_BIT(MT_DISCOVERY_ADMIN) | MT_BIT(MT_DISCOVERY_SRV));
	assert_int_equal(LOAD(world, "--discovery", "srv", NULL), 0);
	assert_true(world->config.discovery & MT_BIT(MT_DISCOVERY_SRV));
	assert_false(world->config.discovery & MT_BIT(MT_DISCOVERY_ADMIN));
	write_file(world, "[discovery]\ndiscovery = srv, admin\n");
	assert_int_equal(LOAD(world, NULL), 0);
	assert_true(world->config.discovery & MT_BIT(MT_DISCOVERY_ADMIN));
	assert_int_equal(LOAD(world, "--autoconfig-http", "--discovery", "autoconfig", NULL), 0);
	assert_true(world->config.discovery & MT_BIT(MT_DISCOVERY_AUTOCONFIG_HTTP));
	assert_int_equal(LOAD(world, "--discovery", "pacc autoconfig", NULL), 0);
	assert_true(world->config.discovery & MT_BIT(MT_DISCOVERY_PACC));
	assert_false(world->config.discovery & MT_BIT(MT_DISCOVERY_AUTOCONFIG_HTTP));
	assert_int_equal(LOAD(world, "--autoconfig-http", NULL), 0); /* alone it is nothing */
	assert_false(world->config.discovery & MT_BIT(MT_DISCOVERY_AUTOCONFIG_HTTP));
	/* none is said, and no default takes its place */
	assert_int_equal(LOAD(world, "--discovery", "none", NULL), 0);
	assert_int_equal(world->config.discovery, MT_BIT(MT_DISCOVERY_UNKNOWN));
	assert_int_equal(LOAD(world, "--discovery", "", NULL), MT_CONFIG_E_USAGE);
	assert_int_equal(LOAD(world, "--discovery", "srv dns", NULL), MT_CONFIG_E_USAGE);
	assert_int_equal(LOAD(world, "--discovery", "manual", NULL), MT_CONFIG_E_USAGE);
}

static void
presets_are_the_systems_and_in_user_mode_the_users_as_well(void **state)
{
	struct world *world = *state;
	char own[SCRATCH_PATH];

	assert_int_equal(LOAD(world, NULL), 0);
	assert_int_equal(world->config.presets_dir.n, 1);
	assert_string_equal(world->config.presets_dir.items[0], "/etc/mailtrust/presets.d");
	assert_int_equal(LOAD(world, "--user", NULL), 0);
	assert_int_equal(world->config.presets_dir.n, 2);
	scratch_path(world->directory, "mailtrust/presets.d", own);
	assert_string_equal(world->config.presets_dir.items[1], own);
	assert_int_equal(LOAD(world, "--user", "--presets-dir", "/srv/presets", NULL), 0);
	assert_int_equal(world->config.presets_dir.n, 1);
	assert_string_equal(world->config.presets_dir.items[0], "/srv/presets");
}

/* The help text is the list that the manual page is held against. */
static void
the_help_text_lists_exactly_the_options_of_the_table(void **state)
{
	char *text = NULL;
	size_t size = 0, n = 0;
	FILE *out = open_memstream(&text, &size);

	mt_config_print_help(out);
	(void)fclose(out);
	for (char *at = text; (at = strstr(at, "\n  --")); at += 5) {
		const struct mt_config_option *option = &mt_config_options[n++];

		assert_true(n <= mt_config_n_options);
		assert_int_equal(strncmp(at + 5, option->key, strlen(option->key)), 0);
		assert_non_null(strstr(at, option->doc));
	}
	assert_int_equal(n, mt_config_n_options);
	free(text);
}

/* DESIGN, Commands: the options an administrator was promised. */
static void
the_options_are_those_of_the_design(void **state)
{
	static const char *const promised[] = {
		"user",
		"config",
		"state-dir",
		"socket",
		"bus",
		"trust-anchors",
		"fetch-local",
		"dns-forward",
		"dns-anchor",
		"dns-negative-anchor",
		"evaluate",
		"probe-local",
		"clock-must-be-synchronised",
		"discovery",
		"presets-dir",
		"autoconfig-http",
		"help",
	};

	assert_int_equal(mt_config_n_options, MT_ARRAY_SIZE(promised));
	for (size_t i = 0; i < mt_config_n_options; i++)
		assert_string_equal(mt_config_options[i].key, promised[i]);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(system_mode_has_the_documented_defaults),
		CASE(user_mode_takes_its_places_from_xdg_and_falls_back),
		CASE(every_option_of_the_command_line_is_a_key_of_the_file),
		CASE(the_command_line_wins_over_the_file),
		CASE(a_fault_in_the_file_is_named_with_file_and_line),
		CASE(a_fault_on_the_command_line_is_a_usage_error),
		CASE(a_relative_path_on_the_command_line_begins_where_one_stands),
		CASE(an_absent_default_file_is_none_and_an_absent_named_one_an_error),
		CASE(in_system_mode_the_file_must_be_roots_alone),
		CASE(sources_are_switched_by_name),
		CASE(presets_are_the_systems_and_in_user_mode_the_users_as_well),
		CASE(the_help_text_lists_exactly_the_options_of_the_table),
		CASE(the_options_are_those_of_the_design),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
