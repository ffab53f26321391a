/* SPDX-License-Identifier: MIT */
#ifndef MT_CLI_CALLS_H
#define MT_CLI_CALLS_H

/*
 * The calls the command line makes, each with its arguments in their C types, and what a failed one
 * means for a person: one sentence with reasons, and an exit status. Nothing is decided here.
 */

#include "clients/cli/command.h"
#include "clients/cli/endpoint.h"
#include "clients/lib/ask.h"
#include "policy/consent.h"

/* Explains a call that failed: what was attempted, why not, the next step. To be asked before the
 * next call. Return: the status. */
enum mt_exit mt_call_explain(struct mt_cli *cli, int outcome, const char *what);

/* Each returns the outcomes of mt_client_call(), or -EBADMSG; id is an account's. */
MT_MUST_CHECK int mt_call_add_account(struct mt_cli *cli, const char *address,
				      char ret_id[static MT_ACCOUNT_ID_TEXT_SIZE]);
MT_MUST_CHECK int mt_call_set_endpoint(struct mt_cli *cli, const char *id,
				       const struct mt_endpoint_spec *spec);
/* To a server that SRV named: label "_imaps", its target and port. */
MT_MUST_CHECK int mt_call_set_discovered(struct mt_cli *cli, const char *id, const char *label,
					 const char *host, uint16_t port);
MT_MUST_CHECK int mt_call_remove_endpoint(struct mt_cli *cli, const char *id, enum mt_proto proto);
MT_MUST_CHECK int mt_call_set_minimum(struct mt_cli *cli, const char *id, const char *field,
				      const char *value);
/* Records that the warning was consented to, for what the consent names (D-SYS-07); who and when is
 * the service's to say. */
MT_MUST_CHECK int mt_call_record_consent(struct mt_cli *cli, const char *id,
					 const struct mt_consent *consent);
/* Pin, or Unpin, where no leaf (NULL) means every one of the host. */
MT_MUST_CHECK int mt_call_pin(struct mt_cli *cli, const char *id, enum mt_call call,
			      const char *host, const uint8_t *leaf_sha256);
/* AllowClientCertificate; subject: printable ASCII, for display. */
MT_MUST_CHECK int mt_call_allow_cert(struct mt_cli *cli, const char *id,
				     const uint8_t sha256[static 32], const char *subject);
MT_MUST_CHECK int mt_call_revoke_cert(struct mt_cli *cli, const char *id,
				      const uint8_t sha256[static 32]);
/* Commit, Remove: no arguments, no results. */
MT_MUST_CHECK int mt_call_plain(struct mt_cli *cli, const char *id, enum mt_call call);
/* Levels, Status, GetAll, GetSrv, Probe: the reply is the caller's. */
MT_MUST_CHECK int mt_call_levels(struct mt_cli *cli, DBusMessage **ret_reply);
MT_MUST_CHECK int mt_call_status(struct mt_cli *cli, DBusMessage **ret_reply);
MT_MUST_CHECK int mt_call_properties(struct mt_cli *cli, const char *id, DBusMessage **ret_reply);
/* (a{sv} evidence, s decision, b conf, as reasons); *ret is filled from the last three, ret_leaf
 * (may be NULL) with the digest of the server's certificate, zero where it showed none. */
MT_MUST_CHECK int mt_call_probe(struct mt_cli *cli, const char *id, enum mt_proto proto,
				struct mt_answer *ret, uint8_t *ret_leaf);
/* (candidates, omissions, answers, detail) */
MT_MUST_CHECK int mt_call_discover(struct mt_cli *cli, const char *address,
				   DBusMessage **ret_reply);
MT_MUST_CHECK int mt_call_get_srv(struct mt_cli *cli, const char *id, DBusMessage **ret_reply);
/* (class, reasons, detail); takes as long as the looks and probes it leads to. */
MT_MUST_CHECK int mt_call_check_servers(struct mt_cli *cli, const char *id,
					DBusMessage **ret_reply);
/* AcceptOffer, DeclineOffer. */
MT_MUST_CHECK int mt_call_answer_offer(struct mt_cli *cli, const char *id, enum mt_call call,
				       const char *offer, DBusMessage **ret_reply);
/* GetRecord. */
MT_MUST_CHECK int mt_call_record(struct mt_cli *cli, const char *id, DBusMessage **ret_reply);
MT_MUST_CHECK int mt_call_subscribe(struct mt_cli *cli);
MT_MUST_CHECK int mt_call_resolve(struct mt_cli *cli, const char *id, enum mt_proto proto,
				  DBusMessage **ret_reply);

#endif
