/* SPDX-License-Identifier: MIT */
#ifndef MT_CLI_ACCOUNT_H
#define MT_CLI_ACCOUNT_H

/*
 * One account as the service shows it: its object, its properties, its servers. What several
 * commands need to begin; reads only.
 */

#include <jansson.h>

#include "clients/cli/calls.h"

struct mt_account_view {
	char id[MT_ACCOUNT_ID_TEXT_SIZE];
	json_t *properties;
	struct mt_endpoint_spec endpoints[MT_ENDPOINTS_MAX];
	bool saved[MT_ENDPOINTS_MAX]; /* in use; else a candidate */
	size_t n_endpoints;
};

/* The server of that service, host and port, or -1. */
int mt_account_view_find(const struct mt_account_view *view, const struct mt_endpoint_spec *spec);

/* Finds and reads an account by its id or address; explains to the user where that fails.
 * Return: MT_EXIT_OK, or the status to exit with. */
enum mt_exit mt_account_view_load(struct mt_cli *cli, const char *account,
				  struct mt_account_view *ret);
void mt_account_view_clear(struct mt_account_view *view);

/* A property that is text; "" where there is none of that name. Lives as long as the view. */
const char *mt_account_view_text(const struct mt_account_view *view, const char *property);

/* The certificates accepted by hand, with fingerprint, age, and what there is to know (R-5.4-09).
 */
void mt_pins_print(struct mt_cli *cli, const struct mt_account_view *view);

/* The client certificates that are allowed, with what their files say. */
void mt_certs_print(struct mt_cli *cli, const struct mt_account_view *view);
/* Removes the files of an account that is gone: no account has its id again. */
void mt_certs_forget(struct mt_cli *cli, const char *id);

/* The warnings that were agreed to, with what for and when. */
void mt_consents_print(struct mt_cli *cli, const struct mt_account_view *view);

/* Looks at servers newly set for an account in use, and keeps those that the service then took
 * over; one that is not good enough is taken back, so that the one before stays. before: the
 * account as it was. Prints what it found. */
enum mt_exit mt_account_adopt(struct mt_cli *cli, const struct mt_account_view *before,
			      const struct mt_endpoint_spec *fresh, size_t n);

/* Explains why an account could not be added. Where there is one in setup already, which an attempt
 * that was broken off may have left, it says how to go on with it, and how to be rid of it.
 * Return: the status. */
enum mt_exit mt_account_explain_add(struct mt_cli *cli, const char *address, int r);

/* Looks at each server and puts the account to use; prints what it found. */
enum mt_exit mt_account_commit(struct mt_cli *cli, const struct mt_account_view *view);

#endif
