/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_PRESETS_H
#define MT_DAEMON_PRESETS_H

/*
 * An administrator's presets: which servers the accounts of a domain are to be set up with
 * (RFC 8314 §5, R-5-02, D-DISC-01). JSON documents in a directory, PRESETS.d/NAME.json:
 *
 *   {"domains": {"example.test": [
 *     {"service": "imap", "host": "imap.example.test", "port": 993, "transport": "implicit"},
 *     {"service": "submission", "host": "out.example.test", "port": 587, "transport":
 * "starttls"}]}}
 *
 * service is imap, pop3 or submission, transport implicit or starttls: a preset without TLS would
 * set nobody up. Servers stand best first. Read when the service starts and at SIGHUP, never for a
 * request. Whatever else a document holds is an error with its place, as a misspelt key of the
 * configuration is; so is a domain that two documents define. Such a document is named in the log
 * and as a whole not used, the others are; and since nobody knows which domains it was about, a
 * domain without a preset then has an answer that is not complete.
 *
 * In system mode directory and documents must be root's, and writable by nobody else. Does not look
 * whether a server is there, and decides nothing about certificates: that a server is preset spares
 * the question whether its name is the right one, and nothing else.
 */

#include "policy/diag.h"
#include "policy/discovery.h"

struct mt_presets;

struct mt_presets_directory {
	const char *path;
	bool must_be_trusted; /* its owner and modes, and its documents' */
	uint32_t trusted_uid;
};

/* Reads directories, in this order. What cannot be used is logged. Return: 0, -ENOMEM. */
MT_MUST_CHECK int mt_presets_new(const struct mt_presets_directory *directories, size_t n,
				 struct mt_presets **ret);
struct mt_presets *mt_presets_free(struct mt_presets *presets);
MT_DEFINE_CLEANUP(struct mt_presets *, mt_presets_free);

/* Reads them anew. Without memory for it, what was read before stays. */
void mt_presets_reload(struct mt_presets *presets);

/* The presets of a domain (A-labels, normalised), best first. Return: how many. */
size_t mt_presets_find(const struct mt_presets *presets, const char *domain,
		       struct mt_offer ret[static MT_OFFERS_MAX]);

/* How many documents or directories are there and cannot be used. */
size_t mt_presets_n_broken(const struct mt_presets *presets);

/* -- one document: presets-document.c */

/* The servers of one domain, in a list sorted by nothing. */
struct mt_preset {
	char domain[MT_DOMAIN_SIZE];
	struct mt_offer offer;
};
struct mt_preset_list {
	struct mt_preset *rows; /* owned */
	size_t n, room;
};
void mt_preset_list_clear(struct mt_preset_list *list);

/* Adds what a document says. Return: 0; MT_PRESETS_E_DOCUMENT with diag saying what and where, and
 * the list as it was; -ENOMEM. */
enum { MT_PRESETS_E_DOCUMENT = 1 };
MT_MUST_CHECK int mt_presets_parse(const char *text, size_t size, struct mt_preset_list *list,
				   struct mt_diag *diag);

#endif
