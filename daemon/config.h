/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_CONFIG_H
#define MT_DAEMON_CONFIG_H

/*
 * Options of mailtrustd: one table of {section, key, parser, offset, default, doc} drives the
 * command line, mailtrustd.conf (INI) and the help text.
 *
 * The command line wins over the file, the file over the defaults. A key nobody knows is an error
 * with file and line, not a warning: a misspelt restriction must not be silently absent. In system
 * mode the file must be root's and writable by nobody else; --user reads the user's own. Says
 * nothing about policies: those are the organisation's documents and the accounts' minimum.
 */

#include <stdio.h>

#include "policy/diag.h"

/* Everybody's presets: root's, whoever runs the service. */
#define MT_CONFIG_PRESETS_DIR "/etc/mailtrust/presets.d"

#define MT_CONFIG_LIST_MAX 8 /* forwarders, DNS anchors: resolvers use three at most */

enum mt_bus_kind { MT_BUS_NONE = 0, MT_BUS_SYSTEM, MT_BUS_SESSION, MT_BUS_ADDRESS };

struct mt_config_list {
	char *items[MT_CONFIG_LIST_MAX];
	size_t n;
};

struct mt_config {
	bool user;     /* --user: no root, no installation */
	bool evaluate; /* --evaluate */
	bool help;
	char *config_file; /* the one read, or NULL */
	char *state_dir;
	char *socket_path;
	enum mt_bus_kind bus;
	char *bus_text;      /* as configured: "system", "session", "none", or a D-Bus address */
	char *trust_anchors; /* file or directory; NULL: the system's */
	struct mt_config_list dns_forward; /* "ADDR@PORT" or "ADDR"; none: resolv.conf */
	struct mt_config_list dns_anchor;  /* files, beside the distribution's root anchor */
	struct mt_config_list dns_negative_anchor; /* domains that are not validated (RFC 7646) */
	bool probe_local; /* loopback and link-local may be probed (system mode) */
	bool fetch_local; /* revocation answers may come from addresses that are not global */
	bool clock_must_be_synchronised; /* D-PKIX-08 */
	/* MT_BIT(enum mt_discovery): sources of server settings that are on. Bit 0 names none, so
	 * that "none" is something said. */
	uint64_t discovery;
	struct mt_config_list presets_dir;
	bool autoconfig_http; /* in clear as well, each server to be confirmed (D-DISC-02) */
};

/* What the configuration takes from the environment; tests hand in their own. Borrowed. */
struct mt_config_env {
	const char *home;
	const char *xdg_state_home;
	const char *xdg_config_home;
	const char *xdg_runtime_dir;
	const char *session_bus; /* DBUS_SESSION_BUS_ADDRESS */
	const char *system_file; /* NULL: /etc/mailtrust/mailtrustd.conf */
	uint32_t trusted_uid;    /* who must own the file in system mode: 0 */
};
void mt_config_env_read(struct mt_config_env *ret);

enum {
	MT_CONFIG_E_USAGE = 1,   /* command line; exit 64 */
	MT_CONFIG_E_FILE = 2,    /* unreadable, malformed, unknown key; diag names file and line */
	MT_CONFIG_E_INSECURE = 3 /* system mode, and others could have written the file */
};

/*
 * Reads the command line, then the file, then fills the defaults.
 * Return: 0, or one of the above with diag saying why in one sentence and *ret cleared; negative
 * errno. With help set nothing but the command line has been read.
 */
MT_MUST_CHECK int mt_config_load(int argc, char *const argv[], const struct mt_config_env *env,
				 struct mt_config *ret, struct mt_diag *diag);
void mt_config_clear(struct mt_config *config);

/* The table, for the help text, the man page and the test that compares them. */
struct mt_config_option {
	const char *section;
	const char *key;      /* "state-dir": --state-dir, and state-dir = in the file */
	const char *argument; /* "DIR"; NULL: a switch, yes or no in the file */
	bool repeats;
	bool on_command_line, in_file;
	int (*parse)(void *field, const char *value); /* 0, 1 not a value of this key, -errno */
	size_t offset;                                /* into struct mt_config */
	const char *fallback;                         /* shown; system mode's */
	const char *doc;
};
extern const struct mt_config_option mt_config_options[];
extern const size_t mt_config_n_options;

void mt_config_print_help(FILE *out);

#endif
