/* SPDX-License-Identifier: MIT */
/* org.mailtrust1.Account, edits that may lower protection: the minimum, consents, pins, client
 * certificates. Each says here what it has to be confirmed by in system mode (bus-gate.h). */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/bus-gate.h"
#include "ipc/codec.h"
#include "ipc/idn.h"

/* -- the minimum ------------------------------------------------------------------------------- */

static int
apply_minimum(struct mt_edit *edit)
{
	return mt_keeper_error(mt_accounts_set_minimum(edit->keeper->accounts, edit->actor,
						       &edit->id, edit->minimum));
}

static int
read_minimum(struct mt_edit *edit, DBusMessageIter *args)
{
	int r;

	/* the fields that were named, and no others: what is confirmed a minute later must not
	 * bring back what another edit has changed meanwhile */
	edit->minimum = calloc(1, sizeof(*edit->minimum));
	if (!edit->minimum)
		return -ENOMEM;
	r = mt_codec_read_minimum(args, false, edit->minimum, mt_request_diag(edit->request));
	return r > 0 ? MT_ERROR_INVALID_ARGUMENTS : r;
}

/* R-5.2-07: what weakens is confirmed, and nobody is asked about what is refused anyway. */
static int
weigh_minimum(struct mt_edit *edit)
{
	bool weaker = false;
	int r = mt_accounts_weigh_minimum(edit->keeper->accounts, edit->actor, &edit->id,
					  edit->minimum, &weaker);

	if (r == 0 && weaker) {
		edit->action = MT_ACTION_EDIT_OWN_ACCOUNT;
		edit->what = "minimum";
	}
	return mt_keeper_error(r);
}

static int
set_minimum(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_edit *edit = mt_edit_new(userdata, request, apply_minimum);
	int r;

	if (!edit)
		return -ENOMEM;
	r = read_minimum(edit, args);
	return mt_edit_run_take(edit, r ? r : weigh_minimum(edit));
}

/* -- consents ---------------------------------------------------------------------------------- */

/* R-5.2-08: what was agreed to stands in the log, with the version of the words. */
static void
log_consent(const struct mt_edit *edit)
{
	const struct mt_account *account;

	if (mt_accounts_find(edit->keeper->accounts, edit->actor, &edit->id, &account) == 0)
		mt_audit_consent(edit->keeper->audit, account, &edit->consent);
}

static int
apply_consent(struct mt_edit *edit)
{
	int r = mt_accounts_record_consent(edit->keeper->accounts, edit->actor, &edit->id,
					   &edit->consent);

	edit->consent.uid = edit->actor.uid;
	if (r == 0)
		log_consent(edit);
	return mt_keeper_error(r);
}

static int
read_consent(struct mt_edit *edit, DBusMessageIter *args)
{
	struct mt_diag *diag = mt_request_diag(edit->request);
	enum mt_consent_kind kind;
	int r;

	if (mt_consent_kind_from_string(mt_codec_take_string(args), &kind) != 0) {
		mt_diag_set(diag, SIZE_MAX, "no such kind of consent");
		return MT_ERROR_INVALID_ARGUMENTS;
	}
	/* D-SYS-07: no program consents in its user's name. Which host is meant, a user says
	 * himself, as he says it where he types one. */
	if (kind != MT_CONSENT_SRV_TARGET)
		edit->action = MT_ACTION_EDIT_OWN_ACCOUNT;
	edit->what = mt_consent_kind_to_string(kind);
	r = mt_codec_read_consent_scope(args, kind, &edit->consent, diag);
	return r > 0 ? MT_ERROR_INVALID_ARGUMENTS : r;
}

static int
record_consent(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_edit *edit = mt_edit_new(userdata, request, apply_consent);

	return edit ? mt_edit_run_take(edit, read_consent(edit, args)) : -ENOMEM;
}

/* -- pins -------------------------------------------------------------------------------------- */

static int
apply_pin(struct mt_edit *edit)
{
	return mt_keeper_error(mt_accounts_pin(edit->keeper->accounts, edit->actor, &edit->id,
					       edit->consent.host, edit->consent.leaf_sha256));
}

static int
apply_unpin(struct mt_edit *edit)
{
	return mt_keeper_error(mt_accounts_unpin(
		edit->keeper->accounts, edit->actor, &edit->id, edit->consent.host,
		edit->every_leaf ? NULL : edit->consent.leaf_sha256));
}

static int
read_pin(struct mt_edit *edit, DBusMessageIter *args)
{
	const char *host = mt_codec_take_string(args);
	struct mt_bytes leaf = mt_codec_take_bytes(args);
	int r = mt_idn_host(host, strlen(host), edit->consent.host);

	edit->every_leaf = leaf.size == 0;
	if (r == 0 && leaf.size == sizeof(edit->consent.leaf_sha256))
		memcpy(edit->consent.leaf_sha256, leaf.data, leaf.size);
	else if (r > 0 || (r == 0 && !edit->every_leaf)) {
		mt_diag_set(mt_request_diag(edit->request), SIZE_MAX,
			    "a pin is a host name or address and 32 bytes of SHA-256");
		return MT_ERROR_INVALID_ARGUMENTS;
	}
	return r;
}

static int
pin(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	const struct mt_account *account = mt_request_account(request);
	struct mt_edit *edit = mt_edit_new(userdata, request, apply_pin);
	int r;

	if (!edit)
		return -ENOMEM;
	r = read_pin(edit, args);
	if (r == 0 && edit->every_leaf) {
		mt_diag_set(mt_request_diag(request), SIZE_MAX, "which certificate is not said");
		r = MT_ERROR_INVALID_ARGUMENTS;
	}
	/* 4.9: whoever removed the account and adds it again asks an administrator; the owner of a
	 * service of his own is one (DESIGN §5), and so is root. */
	if (account->state == MT_ACCOUNT_SETUP && account->added_again)
		edit->action = MT_ACTION_PIN_AGAIN;
	edit->what = "pin";
	edit->actor.admin = edit->keeper->config->user || edit->actor.uid == 0;
	return mt_edit_run_take(edit, r);
}

/* R-5.4-08: it takes a risk away, so nobody is asked. */
static int
unpin(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_edit *edit = mt_edit_new(userdata, request, apply_unpin);

	return edit ? mt_edit_run_take(edit, read_pin(edit, args)) : -ENOMEM;
}

/* -- client certificates ------------------------------------------------------------------------
 */

static int
apply_allow(struct mt_edit *edit)
{
	return mt_keeper_error(mt_accounts_allow_client_cert(
		edit->keeper->accounts, edit->actor, &edit->id, edit->thumbprint, edit->subject));
}

static int
apply_revoke(struct mt_edit *edit)
{
	return mt_keeper_error(mt_accounts_revoke_client_cert(edit->keeper->accounts, edit->actor,
							      &edit->id, edit->thumbprint));
}

static int
read_thumbprint(struct mt_edit *edit, DBusMessageIter *args)
{
	struct mt_bytes thumbprint = mt_codec_take_bytes(args);

	if (thumbprint.size == sizeof(edit->thumbprint)) {
		memcpy(edit->thumbprint, thumbprint.data, thumbprint.size);
		return 0;
	}
	mt_diag_set(mt_request_diag(edit->request), SIZE_MAX,
		    "a thumbprint is 32 bytes of SHA-256");
	return MT_ERROR_INVALID_ARGUMENTS;
}

/* R-5.5-04: that the user configures it is authorisation enough, so polkit is not asked: it is his
 * own name that it shows, and whoever has the key can show it without us. */
static int
allow_client_certificate(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_edit *edit = mt_edit_new(userdata, request, apply_allow);
	const char *subject;
	int r;

	if (!edit)
		return -ENOMEM;
	r = read_thumbprint(edit, args);
	subject = mt_codec_take_string(args);
	if (r == 0 && strlen(subject) >= sizeof(edit->subject)) {
		mt_diag_set(mt_request_diag(request), SIZE_MAX, "the subject is too long");
		r = MT_ERROR_INVALID_ARGUMENTS;
	}
	if (r == 0)
		memcpy(edit->subject, subject, strlen(subject) + 1);
	return mt_edit_run_take(edit, r);
}

/* It takes something away, so nobody is asked. */
static int
revoke_client_certificate(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct mt_edit *edit = mt_edit_new(userdata, request, apply_revoke);

	return edit ? mt_edit_run_take(edit, read_thumbprint(edit, args)) : -ENOMEM;
}

const struct mt_method mt_edit_methods[] = {
	{MT_CALL_ACCOUNT_SET_MINIMUM, MT_ACCESS_OWNER, set_minimum, MT_WHEN_READY},
	{MT_CALL_ACCOUNT_RECORD_CONSENT, MT_ACCESS_OWNER, record_consent, MT_WHEN_READY},
	{MT_CALL_ACCOUNT_PIN, MT_ACCESS_OWNER, pin, MT_WHEN_READY},
	{MT_CALL_ACCOUNT_UNPIN, MT_ACCESS_OWNER, unpin, MT_WHEN_READY},
	{MT_CALL_ACCOUNT_ALLOW_CLIENT_CERTIFICATE, MT_ACCESS_OWNER, allow_client_certificate,
	 MT_WHEN_READY},
	{MT_CALL_ACCOUNT_REVOKE_CLIENT_CERTIFICATE, MT_ACCESS_OWNER, revoke_client_certificate,
	 MT_WHEN_READY},
};
const size_t mt_edit_n_methods = MT_ARRAY_SIZE(mt_edit_methods);
