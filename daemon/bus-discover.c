/* SPDX-License-Identifier: MIT */
/* org.mailtrust1.Manager.Discover: what DNS and other sources offer for an address. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/bus-srv.h"
#include "daemon/log.h"
#include "ipc/codec.h"
#include "ipc/idn.h"
#include "policy/domain.h"

struct waiting {
	struct mt_keeper *keeper;
	struct mt_request *request;
	uint32_t uid;
	char address[MT_ADDRESS_SIZE];
	char domain[MT_DOMAIN_SIZE];
	struct mt_discovery_job *run;
	const struct mt_account *account; /* of this address; while the answer is made */
};

/* -- the policy that applies ------------------------------------------------------------------- */

static bool
is_confirmed(const char *host, void *userdata)
{
	const struct waiting *w = userdata;

	for (size_t i = 0; w->account && i < w->account->n_endpoints; i++)
		if (w->account->endpoints[i].confirmed &&
		    mt_domain_equal(w->account->endpoints[i].host, host))
			return true;
	return w->account &&
	       mt_account_has_consent(w->account, MT_CONSENT_SRV_TARGET, MT_PROTO_UNKNOWN, host, 0,
				      NULL, mt_clock_wall(w->keeper->clock));
}

/* What a probe found at this very server, where the account has it. */
static enum mt_protection
find_protection(const struct mt_candidate *candidate, void *userdata)
{
	static const enum mt_protection protections[MT_ENDPOINT_PROBE_COUNT] = {
		[MT_PROBE_NONE] = MT_PROTECTION_UNKNOWN,
		[MT_PROBE_BELOW_MINIMUM] = MT_PROTECTION_BELOW,
		[MT_PROBE_CONFIDENTIAL] = MT_PROTECTION_MET,
	};
	const struct waiting *w = userdata;
	const struct mt_endpoint *endpoint = mt_account_find_endpoint(
		w->account, candidate->service->proto, candidate->host, candidate->port);

	return endpoint ? protections[endpoint->probe] : MT_PROTECTION_UNKNOWN;
}

/* R-5.1-04: its owner gave the requirement up, knowingly. */
static bool
may_reduce(const struct waiting *w, const struct mt_effective *effective)
{
	return mt_value(effective, MT_FIELD_MIN_CONF) == MT_OFF &&
	       mt_account_has_consent(w->account, MT_CONSENT_REDUCED_CONFIDENTIALITY,
				      MT_PROTO_UNKNOWN, "", 0, NULL,
				      mt_clock_wall(w->keeper->clock));
}

/* What the caller's account of this address asks for; without one, what a new account would. */
static void
apply_policy(struct waiting *w, struct mt_discovery_query *query)
{
	const struct mt_effective *effective;

	query->protocols = MT_PROTOCOLS_ALL;
	w->account = NULL;
	if (mt_accounts_find_address(w->keeper->accounts, w->uid, w->address, &w->account) != 0 ||
	    !w->account)
		return;
	effective = mt_accounts_effective(w->keeper->accounts, w->account);
	query->srv_trust = effective->m.values[MT_FIELD_SRV_TRUST];
	query->transport_min = effective->m.values[MT_FIELD_TRANSPORT_MIN];
	query->protocols = (uint8_t)effective->m.protocols;
	query->may_reduce = may_reduce(w, effective);
	query->protection = find_protection;
	query->is_confirmed = is_confirmed;
	query->userdata = w;
}

/* -- the reply --------------------------------------------------------------------------------- */

typedef void (*fill_fn)(struct mt_dict *dict, const void *rows, size_t i);

static void
fill_candidate(struct mt_dict *dict, const void *rows, size_t i)
{
	const struct mt_candidate *candidate = (const struct mt_candidate *)rows + i;

	mt_dict_add_string(dict, "label", candidate->service->label);
	mt_dict_add_string(dict, "protocol", mt_proto_to_string(candidate->service->proto));
	mt_dict_add_string(dict, "transport",
			   mt_transport_to_string(candidate->service->transport));
	mt_dict_add_string(dict, "host", candidate->host);
	mt_dict_add_u16(dict, "port", candidate->port);
	mt_dict_add_u16(dict, "priority", candidate->priority);
	mt_dict_add_u16(dict, "weight", candidate->weight);
	mt_dict_add_string(dict, "source", mt_discovery_to_string(candidate->source));
	mt_dict_add_string(dict, "dnssec", mt_dnssec_to_string(candidate->dnssec));
	mt_dict_add_string(dict, "trust", mt_trust_to_string(candidate->trust));
	mt_dict_add_bool(dict, "reduced", candidate->reduced);
}

static void
fill_omission(struct mt_dict *dict, const void *rows, size_t i)
{
	const struct mt_omission *omission = (const struct mt_omission *)rows + i;

	mt_dict_add_string(dict, "label", omission->service ? omission->service->label : "");
	mt_dict_add_string(dict, "source", mt_discovery_to_string(omission->source));
	if (omission->proto != MT_PROTO_UNKNOWN)
		mt_dict_add_string(dict, "protocol", mt_proto_to_string(omission->proto));
	mt_dict_add_string(dict, "why", mt_left_out_to_string(omission->why));
	if (omission->host[0] != '\0') {
		mt_dict_add_string(dict, "host", omission->host);
		mt_dict_add_u16(dict, "port", omission->port);
	}
	mt_dict_add_u32(dict, "count", omission->n);
}

static void
fill_answer(struct mt_dict *dict, const void *rows, size_t i)
{
	const struct mt_rrset *rrset = &((const struct mt_srv_rrset *)rows)[i].rrset;

	mt_dict_add_string(dict, "label", mt_services[i].label);
	mt_dict_add_string(dict, "state", mt_rrset_state_to_string(rrset->state));
	mt_dict_add_string(dict, "dnssec", mt_dnssec_to_string(rrset->dnssec));
	mt_dict_add_u32(dict, "ttl", rrset->ttl_sec);
	if (rrset->canonical[0] != '\0')
		mt_dict_add_string(dict, "canonical", rrset->canonical);
}

static int
append_rows(DBusMessageIter *iter, fill_fn fill, const void *rows, size_t n)
{
	DBusMessageIter array;
	int r = 0;

	if (!dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "a{sv}", &array))
		return -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++) {
		struct mt_dict dict;

		mt_dict_open(&dict, &array);
		fill(&dict, rows, i);
		r = mt_dict_close(&dict);
	}
	return dbus_message_iter_close_container(iter, &array) && r == 0 ? 0 : -ENOMEM;
}

static void
add_sources(struct mt_dict *dict, uint64_t asked)
{
	const char *names[MT_DISCOVERY_COUNT];
	size_t n = 0;

	for (size_t i = 0; i < mt_n_sources; i++)
		if (asked & MT_BIT(mt_sources[i].discovery))
			names[n++] = mt_discovery_to_string(mt_sources[i].discovery);
	mt_dict_add_strings(dict, "sources", names, n);
}

static int
append_reply(struct waiting *w, const struct mt_discovered *discovered,
	     const struct mt_findings *found)
{
	const bool has_srv = found->asked & MT_BIT(MT_DISCOVERY_SRV);
	struct mt_dict dict;
	DBusMessageIter iter;
	int r = mt_request_begin_reply(w->request, &iter);

	if (r == 0)
		r = append_rows(&iter, fill_candidate, discovered->candidates, discovered->n);
	if (r == 0)
		r = append_rows(&iter, fill_omission, discovered->omissions,
				discovered->n_omissions);
	if (r == 0)
		r = append_rows(&iter, fill_answer, found->answers, has_srv ? MT_SERVICE_COUNT : 0);
	if (r)
		return r;
	mt_dict_open(&dict, &iter);
	mt_dict_add_string(&dict, "domain", w->domain);
	mt_dict_add_bool(&dict, "no-tls", discovered->no_tls);
	mt_dict_add_bool(&dict, "incomplete", discovered->is_incomplete);
	add_sources(&dict, found->asked);
	if (found->asked & MT_BIT(MT_DISCOVERY_PACC))
		mt_dict_add_string(&dict, "pacc-digest", mt_dnssec_to_string(found->digest));
	return mt_dict_close(&dict);
}

/* A line for each source, so that who names what can be told later. */
static void
log_discovery(const struct waiting *w, const struct mt_discovered *discovered, uint64_t asked)
{
	struct mt_log_line line;

	for (size_t s = 0; s < mt_n_sources; s++) {
		int64_t n = 0;

		if (!(asked & MT_BIT(mt_sources[s].discovery)))
			continue;
		for (size_t i = 0; i < discovered->n; i++)
			n += discovered->candidates[i].source == mt_sources[s].discovery;
		mt_log_begin(&line, MT_LOG_INFO, "discover");
		mt_log_text(&line, "MT_SOURCE", mt_discovery_to_string(mt_sources[s].discovery));
		mt_log_number(&line, "MT_UID", w->uid);
		mt_log_text(&line, "MT_DOMAIN", w->domain);
		mt_log_number(&line, "MT_CANDIDATES", n);
		mt_log_end(&line, "looked for servers");
	}
}

static void
fill_query(const struct mt_findings *found, struct mt_discovery_query *query)
{
	if (found->asked & MT_BIT(MT_DISCOVERY_SRV))
		for (size_t i = 0; i < MT_SERVICE_COUNT; i++)
			query->answers[i] = &found->answers[i];
	query->offers = found->offers;
	query->n_offers = found->n_offers;
	query->notes = found->notes;
	query->n_notes = found->n_notes;
	query->is_incomplete = found->is_incomplete;
}

static void
on_found(const struct mt_findings *found, void *userdata)
{
	struct waiting *w = userdata;
	struct mt_discovery_query query = {.domain = w->domain};
	struct mt_discovered *discovered = malloc(sizeof(*discovered)); /* large */
	int r = -ENOMEM;

	if (discovered) {
		fill_query(found, &query);
		apply_policy(w, &query);
		mt_discovery_run(&query, discovered);
		log_discovery(w, discovered, found->asked);
		r = append_reply(w, discovered, found);
		if (w->account)
			mt_keeper_keep_found(w->keeper, w->uid, w->domain, found);
	}
	free(discovered);
	mt_request_finish(w->request, r);
	free(w);
}

/* -- the call ---------------------------------------------------------------------------------- */

static void
on_cancel(struct mt_request *request, void *data)
{
	struct waiting *w = data;

	mt_discovery_job_cancel(w->run);
	free(w);
}

static int
read_address(struct mt_request *request, DBusMessageIter *args, struct waiting *w)
{
	const char *text = mt_codec_take_string(args);
	DBusMessageIter options;
	size_t local_size;
	int r = mt_idn_address(text, strlen(text), w->address);

	if (r < 0)
		return r;
	/* an address literal has no domain to ask about */
	if (r > 0 || mt_address_split(w->address, &local_size, w->domain) != 0) {
		mt_diag_set(mt_request_diag(request), SIZE_MAX,
			    "that is no mail address with a domain");
		return MT_ERROR_INVALID_ARGUMENTS;
	}
	dbus_message_iter_recurse(args, &options);
	if (dbus_message_iter_get_arg_type(&options) != DBUS_TYPE_INVALID) {
		mt_diag_set(mt_request_diag(request), SIZE_MAX, "Discover knows no options");
		return MT_ERROR_INVALID_ARGUMENTS;
	}
	return 0;
}

static int
start(struct waiting *w)
{
	static const int errors[] = {
		[MT_DISCOVERIES_E_LIMIT] = MT_ERROR_LIMIT_EXCEEDED,
		[MT_DISCOVERIES_E_INVALID] = MT_ERROR_INVALID_ARGUMENTS,
	};
	int r = mt_discoveries_start(w->keeper->discoveries, w->uid, w->domain, on_found, w,
				     &w->run);

	return r > 0 ? errors[r] : r;
}

int
mt_manager_discover(struct mt_request *request, DBusMessageIter *args, void *userdata)
{
	struct waiting *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->keeper = userdata;
	w->request = request;
	w->uid = mt_request_caller(request)->uid;
	r = read_address(request, args, w);
	if (r == 0)
		r = start(w);
	if (r) {
		free(w);
		return r;
	}
	mt_request_keep(request, on_cancel, w);
	return 0;
}
