/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_SERVICE_H
#define MT_POLICY_SERVICE_H

/*
 * Mail services: protocols, transports, operations, and the six SRV labels with their ports.
 *
 * Knows: RFC 6186 and RFC 8314 §5.1 labels, RFC 8314 §7 ports, which operation a wire command
 * belongs to (REQUIREMENTS 0.3). Does not look at connections. The zero value of each enum is the
 * one nothing is permitted on.
 */

#include "policy/base.h"

enum mt_proto { MT_PROTO_UNKNOWN = 0, MT_PROTO_IMAP, MT_PROTO_POP3, MT_PROTO_SUBMISSION };
#define MT_PROTO_COUNT 4

enum mt_transport { MT_TRANSPORT_NONE = 0, MT_TRANSPORT_STARTTLS, MT_TRANSPORT_IMPLICIT };
#define MT_TRANSPORT_COUNT 3

enum mt_op {
	MT_OP_UNKNOWN = 0,
	MT_OP_CAPABILITY,
	MT_OP_STARTTLS,
	MT_OP_TEST,
	MT_OP_AUTHENTICATE,
	MT_OP_ACCESS,
	MT_OP_SUBMIT
};
#define MT_OP_COUNT 7

/* How the host of an endpoint was found. Unknown is treated as a source that can be tampered with;
 * autoconfig and PACC are what came over HTTPS with a valid certificate. */
enum mt_discovery {
	MT_DISCOVERY_UNKNOWN = 0,
	MT_DISCOVERY_MANUAL,
	MT_DISCOVERY_SRV,
	MT_DISCOVERY_AUTOCONFIG,
	MT_DISCOVERY_PACC,
	MT_DISCOVERY_ADMIN,
	MT_DISCOVERY_AUTOCONFIG_HTTP /* in clear: anybody on the way may have written it */
};
#define MT_DISCOVERY_COUNT 7

/* The best a service of an account has reached: none < tls < tls+auth (row 47). */
enum mt_level { MT_LEVEL_NONE = 0, MT_LEVEL_TLS, MT_LEVEL_TLS_AUTH };
#define MT_LEVEL_COUNT 3

/* State of an answer under DNSSEC (RFC 4035 §4.3). Undetermined: no answer, or SERVFAIL. */
enum mt_dnssec {
	MT_DNSSEC_BOGUS = 0,
	MT_DNSSEC_UNDETERMINED,
	MT_DNSSEC_INSECURE,
	MT_DNSSEC_SECURE
};
#define MT_DNSSEC_COUNT 4

/* "imap", "starttls", "authenticate", "srv", "tls+auth", "insecure". Static storage; for the
 * UNKNOWN values "unknown". */
const char *mt_proto_to_string(enum mt_proto proto);
const char *mt_transport_to_string(enum mt_transport transport);
const char *mt_op_to_string(enum mt_op op);
const char *mt_discovery_to_string(enum mt_discovery discovery);
const char *mt_level_to_string(enum mt_level level);
const char *mt_dnssec_to_string(enum mt_dnssec dnssec);

/* Return: 0, or 1 where the string is none of the names ("unknown" is none); *ret is then
 * untouched. "smtps" and "submissions" are no protocol names (D-IANA-03): see
 * mt_service_find_label(). */
MT_MUST_CHECK int mt_proto_from_string(const char *string, enum mt_proto *ret);
MT_MUST_CHECK int mt_transport_from_string(const char *string, enum mt_transport *ret);
MT_MUST_CHECK int mt_op_from_string(const char *string, enum mt_op *ret);
MT_MUST_CHECK int mt_discovery_from_string(const char *string, enum mt_discovery *ret);
MT_MUST_CHECK int mt_level_from_string(const char *string, enum mt_level *ret);
MT_MUST_CHECK int mt_dnssec_from_string(const char *string, enum mt_dnssec *ret);

/* One SRV label (RFC 6186 §3, RFC 8314 §5.1) with its registered port (RFC 8314 §7). */
struct mt_service {
	const char *label; /* "_imaps" */
	enum mt_proto proto;
	enum mt_transport transport; /* STARTTLS or IMPLICIT: what the label promises */
	uint16_t port;
};

extern const struct mt_service mt_services[6];

/* The service of a label, or NULL. Accepts "_imaps", "imaps", and "smtps" as an alias of
 * "submissions" (D-IANA-03), ASCII case-insensitively. */
const struct mt_service *mt_service_find_label(const char *label);

/* The service for (proto, transport); NULL for UNKNOWN or NONE. */
const struct mt_service *mt_service_find(enum mt_proto proto, enum mt_transport transport);

/* True for the registered implicit-TLS port of the protocol (993, 995, 465): row 16. */
bool mt_service_is_implicit_port(enum mt_proto proto, uint16_t port);

/*
 * The operation a command verb belongs to in a protocol ("LOGIN", "STLS", "MAIL"), ASCII
 * case-insensitive. What is not listed is ACCESS, or SUBMIT for submission, so that an unknown verb
 * never rides on the capability exemption.
 */
enum mt_op mt_op_of_verb(enum mt_proto proto, const char *verb);

#endif
