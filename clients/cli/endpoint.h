/* SPDX-License-Identifier: MIT */
#ifndef MT_CLI_ENDPOINT_H
#define MT_CLI_ENDPOINT_H

/*
 * One server as a person writes it: HOST[:PORT][/implicit|/starttls|/none], after the option of its
 * service. IPv6 literals stand in brackets where a port follows.
 *
 * Fills in what was not written: implicit TLS on the port of RFC 8314 §7, STARTTLS on 143, 110 and
 * 587 (D-IANA-04). Says which settings deserve a warning; whether they are accepted is the
 * command's business, whether they are safe the service's. Does not convert U-labels.
 */

#include "policy/diag.h"
#include "policy/limits.h"
#include "policy/service.h"

struct mt_endpoint_spec {
	enum mt_proto proto;
	enum mt_transport transport;
	char host[MT_DOMAIN_SIZE];
	uint16_t port;
};

enum { MT_ENDPOINT_SPEC_E_INVALID = 1 };

/*
 * Parses text for the service named by label: "imap", "pop3", "submission", an SRV label such as
 * "imaps", or the old name of submissions (D-IANA-03), which is never printed. A label with TLS in
 * its name, and no suffix, means implicit TLS on any port.
 * Return: 0, or MT_ENDPOINT_SPEC_E_INVALID with the reason in diag.
 */
MT_MUST_CHECK int mt_endpoint_spec_parse(const char *label, const char *text, struct mt_diag *diag,
					 struct mt_endpoint_spec *ret);

/* A service as a person names it, for `check ID SERVICE`. Return: the protocol, or UNKNOWN. */
enum mt_proto mt_service_from_word(const char *word);

/* "imap.example.test:993", "[2001:db8::1]:993". Returns buffer. */
const char *mt_endpoint_format(const char *host, uint16_t port, char *buffer, size_t size);
#define MT_ENDPOINT_TEXT_SIZE (MT_DOMAIN_SIZE + 10)

/* "TLS from the start", "STARTTLS", "not encrypted". Static storage. */
const char *mt_transport_for_people(enum mt_transport transport);

/* Port 25 carries mail between servers; it is no submission port (D-IANA-04, RFC 6409 §3.1). */
bool mt_endpoint_spec_is_relay_port(const struct mt_endpoint_spec *spec);

#endif
