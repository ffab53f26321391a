/* SPDX-License-Identifier: MIT */
/* Options of mailtrustd: the table, the command line, the defaults. */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config-private.h"
#include "policy/service.h"

#define DEFAULT_FILE "/etc/mailtrust/mailtrustd.conf"
#define DEFAULT_STATE_DIR "/var/lib/mailtrust"
#define DEFAULT_SOCKET "/run/mailtrust/socket"

/* -- the table */

/* clang-format off */
#define AT(member) offsetof(struct mt_config, member)
const struct mt_config_option mt_config_options[] = {
	{"daemon", "user", NULL, false, true, true, mt_config_parse_bool, AT(user), "no",
	 "run for one user, without root, system bus or installation"},
	{NULL, "config", "FILE", false, true, false, mt_config_parse_file, AT(config_file), DEFAULT_FILE,
	 "the configuration file"},
	{"daemon", "state-dir", "DIR", false, true, true, mt_config_parse_path, AT(state_dir), DEFAULT_STATE_DIR,
	 "where the store and the signing key are kept"},
	{"daemon", "socket", "PATH", false, true, true, mt_config_parse_path, AT(socket_path), DEFAULT_SOCKET,
	 "the direct socket"},
	{"daemon", "bus", "system|session|none|ADDRESS", false, true, true, mt_config_parse_bus, AT(bus_text), "system",
	 "the message bus to serve on"},
	{"trust", "trust-anchors", "FILE|DIR", false, true, true, mt_config_parse_path, AT(trust_anchors), "the system's",
	 "certificates to trust instead of the system's"},
	{"trust", "fetch-local", NULL, false, true, true, mt_config_parse_bool, AT(fetch_local), "no",
	 "fetch revocation answers and server settings from loopback and private addresses too"},
	{"dns", "dns-forward", "ADDR@PORT", true, true, true, mt_config_parse_forwarder, AT(dns_forward), "resolv.conf",
	 "a resolver to ask"},
	{"dns", "dns-anchor", "FILE", true, true, true, mt_config_parse_path_list, AT(dns_anchor), "the distribution's",
	 "a DNSSEC trust anchor beside the distribution's"},
	{"dns", "dns-negative-anchor", "DOMAIN", true, true, true, mt_config_parse_domain_list,
	 AT(dns_negative_anchor), "none", "a domain below which DNSSEC is not validated"},
	{"daemon", "evaluate", NULL, false, true, true, mt_config_parse_bool, AT(evaluate), "no",
	 "judge JSON Lines from standard input, then exit"},
	{"probe", "probe-local", NULL, false, true, true, mt_config_parse_bool, AT(probe_local), "no",
	 "allow probes of loopback and link-local addresses in system mode"},
	{"clock", "clock-must-be-synchronised", NULL, false, true, true, mt_config_parse_bool,
	 AT(clock_must_be_synchronised), "no",
	 "trust no date while the kernel calls the clock unsynchronised"},
	{"discovery", "discovery", "SOURCES", false, true, true, mt_config_parse_sources, AT(discovery), "admin srv",
	 "where server settings come from: admin, srv, pacc and autoconfig (both experimental), or none"},
	{"discovery", "presets-dir", "DIR", true, true, true, mt_config_parse_path_list, AT(presets_dir),
	 MT_CONFIG_PRESETS_DIR, "a directory of an administrator's presets"},
	{"discovery", "autoconfig-http", NULL, false, true, true, mt_config_parse_bool, AT(autoconfig_http), "no",
	 "with autoconfig: take what came in clear as well; a person confirms each server of it"},
	{NULL, "help", NULL, false, true, false, mt_config_parse_bool, AT(help), "no",
	 "show this text"},
};
/* clang-format on */
const size_t mt_config_n_options = MT_ARRAY_SIZE(mt_config_options);

const struct mt_config_option *
mt_config_find(const char *key, size_t size)
{
	for (size_t i = 0; i < mt_config_n_options; i++)
		if (strlen(mt_config_options[i].key) == size &&
		    memcmp(mt_config_options[i].key, key, size) == 0)
			return &mt_config_options[i];
	return NULL;
}

void *
mt_config_field(struct mt_config *config, const struct mt_config_option *option)
{
	return (char *)config + option->offset;
}

uint32_t
mt_config_bit(const struct mt_config_option *option)
{
	return UINT32_C(1) << (option - mt_config_options);
}

void
mt_config_print_help(FILE *out)
{
	(void)fputs(
		"Usage: mailtrustd [OPTION]...\n\n"
		"Answers mail programs' question whether they may authenticate on a connection.\n"
		"Each option but --config and --help is also a key of the configuration file.\n\n",
		out);
	for (size_t i = 0; i < mt_config_n_options; i++) {
		const struct mt_config_option *option = &mt_config_options[i];

		(void)fprintf(out, "  --%s%s%s%s\n      %s (default: %s)\n", option->key,
			      option->argument ? " " : "", option->argument ? option->argument : "",
			      option->repeats ? " ..." : "", option->doc, option->fallback);
	}
}

/* -- the command line */

static int
argument_refused(const struct mt_config_option *option, const char *value, struct mt_diag *diag)
{
	if (option->repeats)
		mt_diag_set(diag, SIZE_MAX, "--%s: \"%.64s\" is no %s, or there are more than %d",
			    option->key, value, option->argument, MT_CONFIG_LIST_MAX);
	else
		mt_diag_set(diag, SIZE_MAX, "--%s: \"%.64s\" is no %s", option->key, value,
			    option->argument ? option->argument : "yes or no");
	return MT_CONFIG_E_USAGE;
}

/* Whoever types a path stands somewhere; a file does not. Return: value, or its absolute form in
 * buffer. A value that is no path, or does not fit, is left for the parser to refuse. */
static const char *
make_absolute(const struct mt_config_option *option, const char *value,
	      char buffer[static PATH_MAX])
{
	char here[PATH_MAX];

	if ((option->parse != mt_config_parse_path && option->parse != mt_config_parse_path_list) ||
	    value[0] == '/' || value[0] == '\0' || !getcwd(here, sizeof(here)) ||
	    snprintf(buffer, PATH_MAX, "%s/%s", here, value) >= PATH_MAX)
		return value;
	return buffer;
}

/* One argument, "--key", "--key VALUE" or "--key=VALUE". *i is the last one used. */
static int
argument_parse(int argc, char *const argv[], int *i, struct mt_config *config,
	       struct mt_config_seen *seen, struct mt_diag *diag)
{
	const char *text = argv[*i];
	const struct mt_config_option *option;
	char absolute[PATH_MAX];
	const char *value;
	int r;

	if (strncmp(text, "--", 2) != 0) {
		mt_diag_set(diag, SIZE_MAX, "\"%.64s\" is no option", text);
		return MT_CONFIG_E_USAGE;
	}
	value = strchr(text, '=');
	option = mt_config_find(text + 2, value ? (size_t)(value - text - 2) : strlen(text + 2));
	if (!option || !option->on_command_line || (value && !option->argument)) {
		mt_diag_set(diag, SIZE_MAX, "there is no option \"%.64s\"", text);
		return MT_CONFIG_E_USAGE;
	}
	if (!option->argument)
		value = "yes";
	else if (value)
		value++;
	else if (*i + 1 < argc)
		value = argv[++*i];
	else
		value = "";
	if (!option->repeats && (seen->command_line & mt_config_bit(option))) {
		mt_diag_set(diag, SIZE_MAX, "--%s is given twice", option->key);
		return MT_CONFIG_E_USAGE;
	}
	seen->command_line |= mt_config_bit(option);
	value = make_absolute(option, value, absolute);
	r = option->parse(mt_config_field(config, option), value);
	return r > 0 ? argument_refused(option, value, diag) : r;
}

/* -- defaults */

/* base/tail, or fallback_base/fallback_tail where base is unset. XDG Base Directory: a relative
 * path is to be ignored. Return: 0, 1 where neither is set. */
static int
default_path(const char *base, const char *tail, const char *fallback_base,
	     const char *fallback_tail, char **ret)
{
	if (base && base[0] == '/')
		return asprintf(ret, "%s/%s", base, tail) < 0 ? -ENOMEM : 0;
	if (fallback_base && fallback_base[0] == '/')
		return asprintf(ret, "%s/%s", fallback_base, fallback_tail) < 0 ? -ENOMEM : 0;
	return 1;
}

static int
defaults_user(const struct mt_config_env *env, struct mt_config *config)
{
	int r = 0;

	if (!config->state_dir)
		r = default_path(env->xdg_state_home, "mailtrust", env->home,
				 ".local/state/mailtrust", &config->state_dir);
	if (r == 0 && !config->socket_path)
		r = default_path(env->xdg_runtime_dir, "mailtrust/socket", config->state_dir,
				 "socket", &config->socket_path);
	if (r == 0 && !config->bus_text)
		r = mt_config_parse_text(&config->bus_text, env->session_bus && env->session_bus[0]
								    ? "session"
								    : "none");
	return r;
}

static int
defaults_system(struct mt_config *config)
{
	int r = 0;

	if (!config->state_dir)
		r = mt_config_parse_text(&config->state_dir, DEFAULT_STATE_DIR);
	if (r == 0 && !config->socket_path)
		r = mt_config_parse_text(&config->socket_path, DEFAULT_SOCKET);
	if (r == 0 && !config->bus_text)
		r = mt_config_parse_text(&config->bus_text, "system");
	return r;
}

/* The system's presets and, in user mode, the user's. */
static int
defaults_presets(const struct mt_config_env *env, struct mt_config *config)
{
	char *own = NULL;
	int r;

	if (config->presets_dir.n > 0)
		return 0;
	r = mt_config_parse_path_list(&config->presets_dir, MT_CONFIG_PRESETS_DIR);
	if (r == 0 && config->user) {
		r = default_path(env->xdg_config_home, "mailtrust/presets.d", env->home,
				 ".config/mailtrust/presets.d", &own);
		if (r == 0)
			r = mt_config_parse_path_list(&config->presets_dir, own);
		free(own);
	}
	return r < 0 ? r : 0;
}

static int
defaults_discovery(const struct mt_config_env *env, struct mt_config *config)
{
	if (config->discovery == 0)
		config->discovery = MT_BIT(MT_DISCOVERY_ADMIN) | MT_BIT(MT_DISCOVERY_SRV);
	if (config->autoconfig_http && (config->discovery & MT_BIT(MT_DISCOVERY_AUTOCONFIG)))
		config->discovery |= MT_BIT(MT_DISCOVERY_AUTOCONFIG_HTTP);
	return defaults_presets(env, config);
}

static int
defaults_fill(const struct mt_config_env *env, struct mt_config *config, struct mt_diag *diag)
{
	int r = config->user ? defaults_user(env, config) : defaults_system(config);

	/* --evaluate has neither store nor socket: it needs no place for them. */
	if (r > 0 && config->evaluate)
		r = config->bus_text ? 0 : mt_config_parse_text(&config->bus_text, "none");
	if (r > 0) {
		mt_diag_set(diag, SIZE_MAX,
			    "neither XDG_STATE_HOME nor HOME is set: say --state-dir");
		return MT_CONFIG_E_USAGE;
	}
	if (r == 0)
		r = defaults_discovery(env, config);
	if (r < 0)
		return r;
	if (strcmp(config->bus_text, "none") == 0)
		config->bus = MT_BUS_NONE;
	else if (strcmp(config->bus_text, "system") == 0)
		config->bus = MT_BUS_SYSTEM;
	else if (strcmp(config->bus_text, "session") == 0)
		config->bus = MT_BUS_SESSION;
	else
		config->bus = MT_BUS_ADDRESS;
	return 0;
}

/* -- all together */

void
mt_config_env_read(struct mt_config_env *ret)
{
	*ret = (struct mt_config_env){
		.home = getenv("HOME"),
		.xdg_state_home = getenv("XDG_STATE_HOME"),
		.xdg_config_home = getenv("XDG_CONFIG_HOME"),
		.xdg_runtime_dir = getenv("XDG_RUNTIME_DIR"),
		.session_bus = getenv("DBUS_SESSION_BUS_ADDRESS"),
	};
}

static int
config_load_file(const struct mt_config_env *env, struct mt_config *config,
		 struct mt_config_seen *seen, struct mt_diag *diag)
{
	char *path = NULL;
	int r;

	if (config->config_file)
		return mt_config_file_load(config->config_file, true, env, config, seen, diag);
	if (!config->user)
		return mt_config_file_load(env->system_file ? env->system_file : DEFAULT_FILE,
					   false, env, config, seen, diag);
	r = default_path(env->xdg_config_home, "mailtrust/mailtrustd.conf", env->home,
			 ".config/mailtrust/mailtrustd.conf", &path);
	if (r == 0)
		r = mt_config_file_load(path, false, env, config, seen, diag);
	free(path);
	return r > 0 && !path ? 0 : r;
}

int
mt_config_load(int argc, char *const argv[], const struct mt_config_env *env, struct mt_config *ret,
	       struct mt_diag *diag)
{
	struct mt_config config MT_CLEANUP(mt_config_clear) = {0};
	struct mt_config_seen seen = {0};
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	for (int i = 1; i < argc && r == 0; i++)
		r = argument_parse(argc, argv, &i, &config, &seen, diag);
	if (r == 0 && !config.help)
		r = config_load_file(env, &config, &seen, diag);
	if (r == 0 && !config.help)
		r = defaults_fill(env, &config, diag);
	if (r != 0)
		return r;
	*ret = config;
	config = (struct mt_config){0};
	return 0;
}

static void
list_clear(struct mt_config_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i]);
	list->n = 0;
}

void
mt_config_clear(struct mt_config *config)
{
	free(config->config_file);
	free(config->state_dir);
	free(config->socket_path);
	free(config->bus_text);
	free(config->trust_anchors);
	list_clear(&config->dns_forward);
	list_clear(&config->dns_anchor);
	list_clear(&config->dns_negative_anchor);
	list_clear(&config->presets_dir);
	memset(config, 0, sizeof(*config));
}
