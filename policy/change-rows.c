/* SPDX-License-Identifier: MIT */
/* Comparing answers: what each row of change.c looks for. */

#include "policy/change-private.h"

#include <string.h>

#include "policy/domain.h"

/* -- answers ----------------------------------------------------------------------------------- */

static bool
is_target(const struct mt_srv_record *record)
{
	return strcmp(record->target, ".") != 0 && record->port != 0;
}

static bool
is_found(const struct mt_srv_rrset *answer)
{
	return answer && answer->rrset.state == MT_RRSET_FOUND;
}

/* The label names a server. */
static bool
offers(const struct mt_srv_rrset *answer)
{
	for (size_t i = 0; is_found(answer) && i < answer->n; i++)
		if (is_target(&answer->records[i]))
			return true;
	return false;
}

/* The label says that there is no such service (D-SRV-02). */
static bool
refuses(const struct mt_srv_rrset *answer)
{
	return is_found(answer) && answer->n > 0 && !offers(answer);
}

static bool
names(const struct mt_srv_rrset *answer, const char *host, uint16_t port)
{
	for (size_t i = 0; is_found(answer) && i < answer->n; i++)
		if (answer->records[i].port == port &&
		    mt_domain_equal(answer->records[i].target, host))
			return true;
	return false;
}

/* Each server that a names, b names too. */
static bool
is_subset(const struct mt_srv_rrset *a, const struct mt_srv_rrset *b)
{
	for (size_t i = 0; is_found(a) && i < a->n; i++)
		if (!names(b, a->records[i].target, a->records[i].port))
			return false;
	return true;
}

static bool
has_same_servers(const struct mt_srv_rrset *a, const struct mt_srv_rrset *b)
{
	return is_subset(a, b) && is_subset(b, a);
}

/* Records have one order, so equal sets are equal arrays. */
static bool
has_same_records(const struct mt_srv_rrset *a, const struct mt_srv_rrset *b)
{
	if (is_found(a) != is_found(b) || (is_found(a) && a->n != b->n))
		return false;
	for (size_t i = 0; is_found(a) && i < a->n; i++)
		if (mt_srv_record_compare(&a->records[i], &b->records[i]) != 0)
			return false;
	return true;
}

/* -- the account ------------------------------------------------------------------------------- */

static const struct mt_use *
find_use(const struct mt_look *look, enum mt_proto proto)
{
	for (size_t i = 0; i < look->n_uses; i++)
		if (look->uses[i].proto == proto)
			return &look->uses[i];
	return NULL;
}

static bool
uses_server(const struct mt_look *look, const struct mt_srv_record *record)
{
	for (size_t i = 0; i < look->n_uses; i++)
		if (look->uses[i].port == record->port &&
		    mt_domain_equal(look->uses[i].host, record->target))
			return true;
	return false;
}

/* The label a server in use stands under: one without encryption has STARTTLS's port. */
static const struct mt_service *
service_of(const struct mt_use *use)
{
	return mt_service_find(use->proto, use->transport == MT_TRANSPORT_IMPLICIT
						   ? MT_TRANSPORT_IMPLICIT
						   : MT_TRANSPORT_STARTTLS);
}

static size_t
index_of(const struct mt_service *service)
{
	return (size_t)(service - mt_services);
}

/* The name may be taken over without asking a person (R-5.1-11). */
static bool
is_trusted(const struct mt_look *look, const struct mt_srv_rrset *answer,
	   const struct mt_srv_record *record)
{
	if (answer->rrset.dnssec == MT_DNSSEC_SECURE)
		return true;
	return look->srv_trust != MT_SRV_TRUST_DNSSEC &&
	       mt_domain_is_within(record->target, look->domain);
}

static void
name_server(size_t i, const struct mt_srv_rrset *answer, const struct mt_srv_record *record,
	    struct mt_named *ret)
{
	*ret = (struct mt_named){
		.service = &mt_services[i], .port = record->port, .dnssec = answer->rrset.dnssec};
	memcpy(ret->host, record->target, sizeof(ret->host));
}

/* The best server of a label that may be taken over; records come by priority. */
static bool
find_trusted(const struct mt_look *look, size_t i, struct mt_named *ret)
{
	const struct mt_srv_rrset *answer = look->fresh[i];

	for (size_t k = 0; is_found(answer) && k < answer->n; k++) {
		const struct mt_srv_record *record = &answer->records[k];

		if (!is_target(record) || !is_trusted(look, answer, record))
			continue;
		name_server(i, answer, record, ret);
		return true;
	}
	return false;
}

/* A server of the label that is new, and that a person would have to confirm. */
static bool
find_untrusted(const struct mt_look *look, size_t i, struct mt_named *ret)
{
	const struct mt_srv_rrset *answer = look->fresh[i];

	for (size_t k = 0; is_found(answer) && k < answer->n; k++) {
		const struct mt_srv_record *record = &answer->records[k];

		if (!is_target(record) || is_trusted(look, answer, record) ||
		    names(look->before[i], record->target, record->port) ||
		    uses_server(look, record))
			continue;
		name_server(i, answer, record, ret);
		return true;
	}
	return false;
}

/* The label named the server in use, and does not any more. */
static bool
is_gone(const struct mt_look *look, const struct mt_use *use)
{
	const size_t i = index_of(service_of(use));

	return names(look->before[i], use->host, use->port) &&
	       !names(look->fresh[i], use->host, use->port);
}

/* The best that may take the place of a server: of its protocol, and encrypted as early or earlier
 * (D-TLS-13, D-SRV-07). */
static bool
find_successor(const struct mt_look *look, const struct mt_use *use, struct mt_named *ret)
{
	const struct mt_service *implicit = mt_service_find(use->proto, MT_TRANSPORT_IMPLICIT);
	const struct mt_service *own = service_of(use);

	return find_trusted(look, index_of(implicit), ret) ||
	       (own != implicit && find_trusted(look, index_of(own), ret));
}

/* Outside, unsigned, and of the protocol and level of a server in use. */
static bool
find_outsider(const struct mt_look *look, const struct mt_use *use, struct mt_named *ret)
{
	const struct mt_service *implicit = mt_service_find(use->proto, MT_TRANSPORT_IMPLICIT);
	const struct mt_service *own = service_of(use);

	return find_untrusted(look, index_of(own), ret) ||
	       (own != implicit && find_untrusted(look, index_of(implicit), ret));
}

/* The label named no server, or nobody has looked. */
static bool
appears(const struct mt_look *look, const struct mt_service *service, struct mt_named *ret)
{
	const size_t i = index_of(service);

	return !offers(look->before[i]) && find_trusted(look, i, ret);
}

/* -- the domain -------------------------------------------------------------------------------- */

static bool
has_snapshot(const struct mt_look *look)
{
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++)
		if (look->before[i])
			return true;
	return false;
}

static bool
is_everything_absent(const struct mt_look *look)
{
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++)
		if (look->fresh[i]->rrset.state != MT_RRSET_ABSENT)
			return false;
	return true;
}

/* -- rows -------------------------------------------------------------------------------------- */

bool
mt_row_bogus(const struct mt_look *look, struct mt_named *subject)
{
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++)
		if (look->fresh[i]->rrset.dnssec == MT_DNSSEC_BOGUS) {
			subject->service = &mt_services[i];
			return true;
		}
	return false;
}

/* One label without an answer is enough: whoever drops answers chooses among the rest. */
bool
mt_row_failed(const struct mt_look *look, struct mt_named *subject)
{
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++) {
		const struct mt_rrset *rrset = &look->fresh[i]->rrset;

		if ((rrset->state != MT_RRSET_FOUND && rrset->state != MT_RRSET_ABSENT) ||
		    rrset->dnssec == MT_DNSSEC_UNDETERMINED)
			return true;
	}
	return false;
}

/* The first look there is has nothing to differ from. */
bool
mt_row_reordered(const struct mt_look *look, struct mt_named *subject)
{
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++)
		if (!has_same_records(look->before[i], look->fresh[i]))
			return has_snapshot(look);
	return false;
}

bool
mt_row_same_level(const struct mt_look *look, struct mt_named *subject)
{
	for (size_t k = 0; k < look->n_uses; k++) {
		const struct mt_use *use = &look->uses[k];
		const size_t i = index_of(service_of(use));

		if (!names(look->before[i], use->host, use->port) ||
		    !names(look->fresh[i], use->host, use->port) ||
		    has_same_servers(look->before[i], look->fresh[i]))
			continue;
		subject->service = &mt_services[i];
		return true;
	}
	return false;
}

bool
mt_row_implicit(const struct mt_look *look, struct mt_named *subject)
{
	for (size_t k = 0; k < look->n_uses; k++) {
		const struct mt_use *use = &look->uses[k];

		if (use->transport == MT_TRANSPORT_STARTTLS &&
		    appears(look, mt_service_find(use->proto, MT_TRANSPORT_IMPLICIT), subject))
			return true;
	}
	return false;
}

/* The label whose appearance improves on what an account that need not be encrypted uses. */
static bool
find_encrypted(const struct mt_look *look, const struct mt_use *use, struct mt_named *ret)
{
	if (look->min_conf || use->transport == MT_TRANSPORT_IMPLICIT)
		return false;
	return appears(look, mt_service_find(use->proto, MT_TRANSPORT_IMPLICIT), ret) ||
	       (use->transport == MT_TRANSPORT_NONE &&
		appears(look, mt_service_find(use->proto, MT_TRANSPORT_STARTTLS), ret));
}

bool
mt_row_encrypted(const struct mt_look *look, struct mt_named *subject)
{
	for (size_t k = 0; k < look->n_uses; k++)
		if (find_encrypted(look, &look->uses[k], subject))
			return true;
	return false;
}

bool
mt_row_gone(const struct mt_look *look, struct mt_named *subject)
{
	struct mt_named outsider;

	for (size_t k = 0; k < look->n_uses; k++) {
		const struct mt_use *use = &look->uses[k];
		const struct mt_service *service = service_of(use);

		/* S-14 and S-09 say more about why */
		if (!is_gone(look, use) || is_everything_absent(look) ||
		    refuses(look->fresh[index_of(service)]))
			continue;
		if (find_successor(look, use, subject))
			return true;
		if (find_outsider(look, use, &outsider))
			continue; /* S-07 */
		subject->service = service;
		return true;
	}
	return false;
}

bool
mt_row_outside(const struct mt_look *look, struct mt_named *subject)
{
	if (!has_snapshot(look))
		return false;
	for (size_t k = 0; k < look->n_uses; k++)
		if (find_outsider(look, &look->uses[k], subject))
			return true;
	return false;
}

bool
mt_row_weaker(const struct mt_look *look, struct mt_named *subject)
{
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++) {
		const struct mt_service *implicit = &mt_services[i];
		const struct mt_service *upgraded =
			mt_service_find(implicit->proto, MT_TRANSPORT_STARTTLS);

		if (implicit->transport != MT_TRANSPORT_IMPLICIT ||
		    !find_use(look, implicit->proto) || !offers(look->before[i]) ||
		    offers(look->fresh[i]) || !offers(look->fresh[index_of(upgraded)]))
			continue;
		subject->service = implicit;
		return true;
	}
	return false;
}

bool
mt_row_not_offered(const struct mt_look *look, struct mt_named *subject)
{
	for (size_t k = 0; k < look->n_uses; k++) {
		const size_t i = index_of(service_of(&look->uses[k]));

		if (!offers(look->before[i]) || !refuses(look->fresh[i]))
			continue;
		subject->service = &mt_services[i];
		return true;
	}
	return false;
}

bool
mt_row_unsigned(const struct mt_look *look, struct mt_named *subject)
{
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++) {
		if (!look->before[i] || look->before[i]->rrset.dnssec != MT_DNSSEC_SECURE ||
		    look->fresh[i]->rrset.dnssec == MT_DNSSEC_SECURE)
			continue;
		subject->service = &mt_services[i];
		return true;
	}
	return false;
}

bool
mt_row_signed(const struct mt_look *look, struct mt_named *subject)
{
	bool became_signed = false;

	for (size_t i = 0; i < MT_SERVICE_COUNT; i++) {
		const struct mt_srv_rrset *before = look->before[i];

		if (!before || !has_same_records(before, look->fresh[i]))
			return false;
		became_signed |= before->rrset.dnssec != MT_DNSSEC_SECURE;
	}
	return became_signed && mt_look_is_signed(look);
}

bool
mt_row_absent(const struct mt_look *look, struct mt_named *subject)
{
	for (size_t i = 0; i < MT_SERVICE_COUNT; i++)
		if (offers(look->before[i]))
			return is_everything_absent(look);
	return false;
}

/* -- offers ------------------------------------------------------------------------------------ */

/* What one server in use may be changed for: a label that appeared, else the same server where it
 * has begun to offer STARTTLS, which no record says (R-5-14). */
static bool
find_upgrade(const struct mt_look *look, const struct mt_use *use, struct mt_named *ret)
{
	if (find_encrypted(look, use, ret))
		return true;
	if (use->transport == MT_TRANSPORT_STARTTLS &&
	    appears(look, mt_service_find(use->proto, MT_TRANSPORT_IMPLICIT), ret))
		return true;
	if (look->min_conf || use->transport != MT_TRANSPORT_NONE)
		return false;
	*ret = (struct mt_named){.service = mt_service_find(use->proto, MT_TRANSPORT_STARTTLS),
				 .port = use->port,
				 .dnssec = MT_DNSSEC_INSECURE,
				 .is_same_server = true};
	memcpy(ret->host, use->host, strlen(use->host) + 1);
	return true;
}

void
mt_look_find_upgrades(const struct mt_look *look, struct mt_change *change)
{
	for (enum mt_proto proto = MT_PROTO_IMAP; proto < MT_PROTO_COUNT; proto++) {
		const struct mt_use *use = find_use(look, proto);
		struct mt_named *named = &change->upgrades[change->n_upgrades];

		if (use && find_upgrade(look, use, named) &&
		    !look->is_declined[index_of(named->service)])
			change->n_upgrades++;
	}
}
