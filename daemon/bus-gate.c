/* SPDX-License-Identifier: MIT */
/* The gate: who confirmed an edit. */

#include "daemon/bus-gate.h"

#include <errno.h>
#include <stdlib.h>

static void
edit_free(struct mt_edit *edit)
{
	free(edit->minimum);
	free(edit);
}

struct mt_edit *
mt_edit_new(struct mt_keeper *keeper, struct mt_request *request,
	    int (*apply)(struct mt_edit *edit))
{
	const struct mt_account *account = mt_request_account(request);
	struct mt_edit *edit = calloc(1, sizeof(*edit));

	if (!edit)
		return NULL;
	edit->keeper = keeper;
	edit->request = request;
	edit->id = account->id;
	edit->actor.uid = mt_request_caller(request)->uid;
	edit->what = "";
	edit->apply = apply;
	return edit;
}

static void
on_cancel(struct mt_request *request, void *data)
{
	struct mt_edit *edit = data;

	edit->authorization = mt_authorization_cancel(edit->authorization);
	edit_free(edit);
}

static void
on_authority(int outcome, const char *why, void *userdata)
{
	static const int errors[] = {
		[MT_AUTHORITY_E_REFUSED] = MT_ERROR_NOT_AUTHORIZED,
		[MT_AUTHORITY_E_UNREACHABLE] = MT_ERROR_AUTHORITY_UNREACHABLE,
	};
	struct mt_edit *edit = userdata;
	int r;

	edit->authorization = NULL;
	if (outcome) {
		mt_diag_set(mt_request_diag(edit->request), SIZE_MAX, "%s", why);
		r = errors[outcome];
	} else {
		/* who may pin again is an administrator by his word (REQUIREMENTS 4.9) */
		edit->actor.admin = edit->action == MT_ACTION_PIN_AGAIN;
		r = edit->apply(edit);
	}
	mt_request_finish(edit->request, r);
	edit_free(edit);
}

/* Asks polkit and keeps the request. Return: 0 where it did, else as a handler. */
static int
ask(struct mt_edit *edit)
{
	const struct mt_account *account = mt_request_account(edit->request);
	const struct mt_authority_question question = {
		.caller = mt_request_caller(edit->request),
		.action = edit->action,
		.account = account->address,
		.what = edit->what,
		.may_interact = mt_request_may_interact(edit->request),
	};
	int r = mt_authority_ask(edit->keeper->bus, &question, on_authority, edit,
				 &edit->authorization);

	if (r > 0) {
		mt_diag_set(mt_request_diag(edit->request), SIZE_MAX,
			    "the service is on no message bus");
		return MT_ERROR_AUTHORITY_UNREACHABLE;
	}
	if (r == 0)
		mt_request_keep(edit->request, on_cancel, edit);
	return r;
}

int
mt_edit_run_take(struct mt_edit *edit, int r)
{
	const bool is_gated = edit->action != MT_ACTION_NONE && !edit->keeper->config->user &&
			      edit->actor.uid != 0;

	if (r == 0 && is_gated) {
		r = ask(edit);
		if (r == 0)
			return 0;
	} else if (r == 0) {
		r = edit->apply(edit);
		if (r == 0)
			mt_request_reply(edit->request);
	}
	edit_free(edit);
	return r;
}
