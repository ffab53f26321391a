/* SPDX-License-Identifier: MIT */
#ifndef MT_CLI_SETUP_H
#define MT_CLI_SETUP_H

/*
 * Setting an account up from what DNS offers for its address (RFC 6186, RFC 8314 §5.1).
 *
 * First everything that needs a person, then everything that is stored: a proposal, the warnings,
 * the confirmation (setup-proposal.c); then the account, each server looked at as it is set, and
 * the account put to use (setup.c). A server without TLS is left out for the next one on offer,
 * whatever its priority; where none has TLS, only a typed consent goes on (R-5.1-03, R-5.1-06). A
 * server with TLS that is not good enough ends it, with the account in setup: its owner decides.
 *
 * It decides no more than what to ask for: which names can be trusted, what a server is worth, and
 * that nothing connects to a target nobody confirmed is the service's word (R-5.1-11, R-5.1-12).
 */

#include "clients/cli/endpoint.h"
#include "clients/cli/offers.h"
#include "ipc/contract.h"

/* A person confirms no more than that for one account. */
#define MT_SETUP_CONFIRMED_MAX 8

struct mt_setup {
	struct mt_cli *cli;
	const char *address;
	bool reduced; /* the person gave the requirement up */
	struct mt_offers offers;
	const char *confirmed[MT_SETUP_CONFIRMED_MAX]; /* hosts; of offers */
	size_t n_confirmed;
	char id[MT_ACCOUNT_ID_TEXT_SIZE]; /* "" until it is added */
	json_t *servers;                  /* those that were set, with what was found */
	bool keep;                        /* though it cannot be used yet */
};

/* `account add` without servers. reduced: the consent to it was typed. Where DNS offers nothing the
 * person is asked for servers (D-SRV-08): they are in typed, which has room for MT_ENDPOINTS_MAX,
 * *ret_n is not 0, and nothing is stored yet. Return: the status. */
enum mt_exit mt_account_set_up(struct mt_cli *cli, const char *address, bool reduced,
			       struct mt_endpoint_spec *typed, size_t *ret_n);

/* -- setup-proposal.c: nothing is stored */

/* The next server for sending, or for reading, from an index of the offers on; -1: none. */
int mt_setup_next(const struct mt_setup *setup, bool for_submission, size_t from);

/* Shows what is offered, and what would be set up; asks. Return: MT_EXIT_OK, or the status of a
 * refusal that was explained. */
enum mt_exit mt_setup_propose(struct mt_setup *setup);

/* Has a server confirmed whose name may be forged, or leads out of the domain; once for each host.
 * Return: as mt_setup_propose(). */
enum mt_exit mt_setup_confirm_target(struct mt_setup *setup, const json_t *row);

/* Asks a person for servers. Return: as mt_setup_propose(). */
enum mt_exit mt_setup_ask_for_servers(struct mt_setup *setup, struct mt_endpoint_spec *typed,
				      size_t *ret_n);

/* Explains a refusal. reason: an enum mt_reason, or -1. Return: status. */
enum mt_exit mt_setup_refuse(struct mt_setup *setup, enum mt_exit status, int reason,
			     const char *what);

/* "imap.example.test:993" of a row. */
const char *mt_setup_server(const json_t *row, char buffer[static MT_ENDPOINT_TEXT_SIZE]);

#endif
