/* SPDX-License-Identifier: MIT */
/* Protocols, transports, operations; SRV labels and ports. */

#include "policy/service.h"

#include <strings.h>

#include "policy/names.h"

static const char *const protos[] = {"unknown", "imap", "pop3", "submission"};
static const char *const transports[] = {"none", "starttls", "implicit"};
static const char *const ops[] = {"unknown",      "capability", "starttls", "test",
				  "authenticate", "access",     "submit"};
static const char *const discoveries[] = {"unknown", "manual",         "srv", "autoconfig", "pacc",
					  "admin",   "autoconfig-http"};
static const char *const levels[] = {"none", "tls", "tls+auth"};
static const char *const dnssecs[] = {"bogus", "undetermined", "insecure", "secure"};

MT_DEFINE_NAMES(proto, protos, MT_PROTO_COUNT, MT_PROTO_IMAP);
MT_DEFINE_NAMES(transport, transports, MT_TRANSPORT_COUNT, MT_TRANSPORT_NONE);
MT_DEFINE_NAMES(op, ops, MT_OP_COUNT, MT_OP_CAPABILITY);
MT_DEFINE_NAMES(discovery, discoveries, MT_DISCOVERY_COUNT, MT_DISCOVERY_MANUAL);
MT_DEFINE_NAMES(level, levels, MT_LEVEL_COUNT, MT_LEVEL_NONE);
MT_DEFINE_NAMES(dnssec, dnssecs, MT_DNSSEC_COUNT, MT_DNSSEC_BOGUS);

/* RFC 8314 §5.1 and §7 for the TLS labels, RFC 6186 §3 for the others. */
const struct mt_service mt_services[6] = {
	{"_imaps", MT_PROTO_IMAP, MT_TRANSPORT_IMPLICIT, 993},
	{"_imap", MT_PROTO_IMAP, MT_TRANSPORT_STARTTLS, 143},
	{"_pop3s", MT_PROTO_POP3, MT_TRANSPORT_IMPLICIT, 995},
	{"_pop3", MT_PROTO_POP3, MT_TRANSPORT_STARTTLS, 110},
	{"_submissions", MT_PROTO_SUBMISSION, MT_TRANSPORT_IMPLICIT, 465},
	{"_submission", MT_PROTO_SUBMISSION, MT_TRANSPORT_STARTTLS, 587},
};

const struct mt_service *
mt_service_find_label(const char *label)
{
	if (label[0] == '_')
		label++;
	/* D-IANA-03: understood, never printed */
	if (strcasecmp(label, "smtps") == 0)
		label = "submissions";
	for (size_t i = 0; i < MT_ARRAY_SIZE(mt_services); i++)
		if (strcasecmp(mt_services[i].label + 1, label) == 0)
			return &mt_services[i];
	return NULL;
}

const struct mt_service *
mt_service_find(enum mt_proto proto, enum mt_transport transport)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(mt_services); i++)
		if (mt_services[i].proto == proto && mt_services[i].transport == transport)
			return &mt_services[i];
	return NULL;
}

bool
mt_service_is_implicit_port(enum mt_proto proto, uint16_t port)
{
	const struct mt_service *service = mt_service_find(proto, MT_TRANSPORT_IMPLICIT);

	return service && service->port == port;
}

struct verb {
	const char *verb;
	enum mt_op op;
};

/* REQUIREMENTS 0.3: the closed lists. */
static const struct verb imap_verbs[] = {
	{"CAPABILITY", MT_OP_CAPABILITY},
	{"NOOP", MT_OP_CAPABILITY},
	{"LOGOUT", MT_OP_CAPABILITY},
	{"STARTTLS", MT_OP_STARTTLS},
	{"LOGIN", MT_OP_AUTHENTICATE},
	{"AUTHENTICATE", MT_OP_AUTHENTICATE},
	{NULL, MT_OP_ACCESS},
};
static const struct verb pop3_verbs[] = {
	{"CAPA", MT_OP_CAPABILITY},   {"QUIT", MT_OP_CAPABILITY},   {"STLS", MT_OP_STARTTLS},
	{"USER", MT_OP_AUTHENTICATE}, {"PASS", MT_OP_AUTHENTICATE}, {"APOP", MT_OP_AUTHENTICATE},
	{"AUTH", MT_OP_AUTHENTICATE}, {NULL, MT_OP_ACCESS},
};
static const struct verb submission_verbs[] = {
	{"EHLO", MT_OP_CAPABILITY},   {"NOOP", MT_OP_CAPABILITY},   {"QUIT", MT_OP_CAPABILITY},
	{"STARTTLS", MT_OP_STARTTLS}, {"AUTH", MT_OP_AUTHENTICATE}, {NULL, MT_OP_SUBMIT},
};
static const struct verb unknown_verbs[] = {{NULL, MT_OP_UNKNOWN}};

static const struct verb *const verbs[MT_PROTO_COUNT] = {
	[MT_PROTO_UNKNOWN] = unknown_verbs,
	[MT_PROTO_IMAP] = imap_verbs,
	[MT_PROTO_POP3] = pop3_verbs,
	[MT_PROTO_SUBMISSION] = submission_verbs,
};

enum mt_op
mt_op_of_verb(enum mt_proto proto, const char *name)
{
	const struct verb *verb = verbs[proto];

	while (verb->verb && strcasecmp(verb->verb, name) != 0)
		verb++;
	return verb->op;
}
