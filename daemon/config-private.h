/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_CONFIG_PRIVATE_H
#define MT_DAEMON_CONFIG_PRIVATE_H

/*
 * What the table and the command line (config.c), the values (config-values.c) and the file
 * (config-file.c) share. Nobody else includes this.
 */

#include "daemon/config.h"

/* Parsers of one value into a field of struct mt_config. Return: 0, 1 where it is no value of this
 * kind, negative errno. */
int mt_config_parse_bool(void *field, const char *value);
int mt_config_parse_text(void *field, const char *value);
int mt_config_parse_path(void *field, const char *value);
int mt_config_parse_file(void *field, const char *value);
int mt_config_parse_bus(void *field, const char *value);
int mt_config_parse_path_list(void *field, const char *value);
int mt_config_parse_domain_list(void *field, const char *value);
int mt_config_parse_sources(void *field, const char *value);
int mt_config_parse_forwarder(void *field, const char *value);

/* One bit an option: said on the command line, said in the file. */
struct mt_config_seen {
	uint32_t command_line, file;
};
uint32_t mt_config_bit(const struct mt_config_option *option);

/* By its key; NULL: there is none. */
const struct mt_config_option *mt_config_find(const char *key, size_t size);
void *mt_config_field(struct mt_config *config, const struct mt_config_option *option);

/* Reads the configuration file. named: the command line asked for it, so that it must be there.
 * Return: as mt_config_load(). */
MT_MUST_CHECK int mt_config_file_load(const char *path, bool named, const struct mt_config_env *env,
				      struct mt_config *config, struct mt_config_seen *seen,
				      struct mt_diag *diag);

#endif
