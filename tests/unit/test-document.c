/* SPDX-License-Identifier: MIT */
/* Documents of a domain: what is read of them, and what hostile ones come to. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka-all.h"

#include "daemon/worker/document.h"

#define DOMAIN "example.test"

static struct mt_document document;
static char text[4096];

static int
parse_bytes(enum mt_document_kind kind, const void *data, size_t size)
{
	return mt_document_parse(kind, (struct mt_bytes){data, size}, DOMAIN, &document);
}

static int
parse(enum mt_document_kind kind, const char *bytes)
{
	return parse_bytes(kind, bytes, strlen(bytes));
}

/* "imap implicit imap.example.test:993; …", and what was left out. */
static const char *
say(void)
{
	size_t size = 0;

	text[0] = '\0';
	for (size_t i = 0; i < document.n; i++) {
		const struct mt_offer *o = &document.offers[i];

		size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%s %s %s:%u",
					 size ? "; " : "", mt_proto_to_string(o->proto),
					 mt_transport_to_string(o->transport), o->host, o->port);
	}
	if (document.n_omitted || document.n_unusable)
		(void)snprintf(text + size, sizeof(text) - size, "%s%u omitted, %u unusable",
			       size ? "; " : "", document.n_omitted, document.n_unusable);
	return text;
}

/* -- PACC -------------------------------------------------------------------------------------- */

#define PROTOCOLS(p) "{\"protocols\": {" p "}, \"info\": {\"provider\": {\"name\": \"x\"}}}"

static void
a_pacc_document_names_hosts_with_tls_from_the_start(void **state)
{
	assert_int_equal(
		parse(MT_DOCUMENT_PACC,
		      PROTOCOLS("\"jmap\": {\"url\": \"https://jmap.example.test/\"},"
				"\"smtp\": {\"host\": \"out.example.test\"},"
				"\"pop3\": {\"host\": \"POP.example.test.\"},"
				"\"imap\": {\"host\": \"imap.example.test\", \"more\": [1]}")),
		0);
	assert_string_equal(say(),
			    "imap implicit imap.example.test:993; pop3 implicit "
			    "pop.example.test:995; submission implicit out.example.test:465");
}

static void
a_pacc_document_without_mail_servers_is_one_all_the_same(void **state)
{
	assert_int_equal(parse(MT_DOCUMENT_PACC, PROTOCOLS("")), 0);
	assert_int_equal(document.n, 0);
}

static void
what_is_no_pacc_document_is_refused_whole(void **state)
{
	static const char *const rows[] = {
		"",
		"null",
		"[]",
		"{}",
		"{\"protocols\": []}",
		"{\"protocols\": {\"imap\": {\"host\": \"a.test\"}}",
		PROTOCOLS("\"imap\": {\"host\": \"a.test\"}, \"imap\": {\"host\": \"b.test\"}"),
		PROTOCOLS("\"imap\": {\"host\": \"a\\u0000b.test\"}"),
		"\xff\xfe{\0}\0",
		"{\"protocols\": {\"imap\": {\"host\": \"\xff.test\"}}}",
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++)
		if (parse(MT_DOCUMENT_PACC, rows[i]) != MT_DOCUMENT_E_MALFORMED || document.n != 0)
			fail_msg("%s", rows[i]);
}

static void
a_pacc_server_that_cannot_be_used_is_counted(void **state)
{
	static const char *const hosts[] = {"7",
					    "\"\"",
					    "\"192.0.2.7\"",
					    "\"2001:db8::7\"",
					    "\"a b.test\"",
					    "\"b\u00fccher.test\"",
					    "\"-a.test\"",
					    "\"%EMAILDOMAIN%\"",
					    "null"};

	for (size_t i = 0; i < MT_ARRAY_SIZE(hosts); i++) {
		char bytes[256];

		(void)snprintf(bytes, sizeof(bytes),
			       "{\"protocols\": {\"imap\": {\"host\": %s}, \"pop3\": {\"host\": "
			       "\"pop.example.test\"}, \"smtp\": 7}}",
			       hosts[i]);
		assert_int_equal(parse(MT_DOCUMENT_PACC, bytes), 0);
		assert_string_equal(say(),
				    "pop3 implicit pop.example.test:995; 0 omitted, 2 unusable");
	}
}

static void
depth_is_looked_at_before_anything_recurses(void **state)
{
	char *deep = malloc(MT_DOCUMENT_BYTES_MAX);

	assert_non_null(deep);
	memset(deep, '[', MT_DOCUMENT_BYTES_MAX);
	assert_int_equal(parse_bytes(MT_DOCUMENT_PACC, deep, MT_DOCUMENT_BYTES_MAX),
			 MT_DOCUMENT_E_MALFORMED);
	free(deep);
}

/* -- PACC's digest ----------------------------------------------------------------------------- */

#define DIGEST "MOA19C2fw1LnfpriQEArPk+FRkxoE7UVaunADBmu7G8="

static bool
is_digest(const char *record)
{
	uint8_t digest[32] = {0};
	const bool is = mt_pacc_parse_digest(
		(struct mt_bytes){(const uint8_t *)record, strlen(record)}, digest);

	if (is && (digest[0] != 0x30 || digest[31] != 0x6f))
		fail_msg("%s: %02x … %02x", record, digest[0], digest[31]);
	return is;
}

static void
a_digest_is_read_from_its_record(void **state)
{
	assert_true(is_digest("v=UAAC1; a=sha256; d=" DIGEST));
	assert_true(is_digest("v=UAAC1;a=sha256;d=" DIGEST ";"));
	assert_true(is_digest("d = " DIGEST " ; A = SHA256 ; V=uaac1; later=x"));
}

static void
what_is_no_digest_is_none(void **state)
{
	static const char *const rows[] = {
		"",
		"v=UAAC1",
		"v=UAAC1; a=sha256",
		"v=UAAC2; a=sha256; d=" DIGEST,
		"v=UAAC1; a=sha512; d=" DIGEST,
		"a=sha256; d=" DIGEST,
		"v=UAAC1; a=sha256; d=MOA19C2fw1LnfpriQEArPk+FRkxoE7UVaunADBmu7G8",
		"v=UAAC1; a=sha256; d=MOA19C2fw1LnfpriQEArPk+FRkxoE7UVaunADBmu7G9=",
		"v=UAAC1; a=sha256; d=MOA19C2fw1LnfpriQEArPk-FRkxoE7UVaunADBmu7G8=",
		"v=UAAC1; a=sha256; d=MOA19C2f w1LnfpriQEArPk+FRkxoE7UVaunADBmu7G8",
		"v=UAAC1; a=sha256; d=MOA1",
		"v=UAAC1; a=sha256; d=" DIGEST "; d=" DIGEST,
		"v=UAAC1; a=sha256; nonsense; d=" DIGEST,
		"v=spf1 -all",
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++)
		if (is_digest(rows[i]))
			fail_msg("%s", rows[i]);
}

/* -- autoconfig -------------------------------------------------------------------------------- */

#define CONFIG(s)                                                    \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig " \
	"version=\"1.1\"><emailProvider "                            \
	"id=\"x\"><domain>example.test</domain>" s "</emailProvider></clientConfig>"
#define INCOMING(type, host, port, socket)                                           \
	"<incomingServer type=\"" type "\"><hostname>" host "</hostname><port>" port \
	"</port><socketType>" socket "</socketType><username>me</username>"          \
	"<authentication>password-cleartext</authentication></incomingServer>"
#define OUTGOING                                                                                \
	"<outgoingServer type=\"smtp\">\n <hostname> out.example.test\n</hostname> <port> 587 " \
	"</port> <socketType>STARTTLS</socketType></outgoingServer>"

static void
an_autoconfig_document_names_servers_in_its_order(void **state)
{
	assert_int_equal(parse(MT_DOCUMENT_AUTOCONFIG,
			       CONFIG(INCOMING("pop3", "pop.example.test", "995", "SSL") INCOMING(
				       "imap", "imap.example.test", "993", "SSL") OUTGOING)),
			 0);
	assert_string_equal(say(),
			    "pop3 implicit pop.example.test:995; imap implicit "
			    "imap.example.test:993; submission starttls out.example.test:587");
}

/* D-DISC-03 */
static void
starttls_is_the_upgrade_and_plain_is_no_tls(void **state)
{
	assert_int_equal(parse(MT_DOCUMENT_AUTOCONFIG,
			       CONFIG(INCOMING("imap", "a.test", "143", "STARTTLS")
					      INCOMING("imap", "a.test", "143", "plain")
						      INCOMING("imap", "a.test", "993", "TLS"))),
			 0);
	assert_string_equal(say(), "imap starttls a.test:143; imap none a.test:143; 0 omitted, 1 "
				   "unusable");
}

/* D-DISC-08: nothing of it is read, hence nothing can come of it. */
static void
a_login_that_a_document_proposes_changes_nothing(void **state)
{
	assert_int_equal(parse(MT_DOCUMENT_AUTOCONFIG,
			       CONFIG("<enable visiturl=\"https://evil.test/\"/>" INCOMING(
				       "imap", "imap.example.test", "993",
				       "SSL") "<webMail><loginPage url=\"https://evil.test/\"/>"
					      "<loginPageInfo url=\"https://evil.test/\"><username>"
					      "%EMAILADDRESS%</username><usernameField id=\"u\"/>"
					      "<loginButton id=\"b\"/></loginPageInfo></webMail>"
					      "<loginTest>yes</loginTest>")),
			 0);
	assert_string_equal(say(), "imap implicit imap.example.test:993");
}

static void
the_domain_takes_its_place_as_whole_labels_only(void **state)
{
	static const struct {
		const char *host, *expected;
	} rows[] = {
		{"%EMAILDOMAIN%", "imap implicit example.test:993"},
		{"imap.%EMAILDOMAIN%", "imap implicit imap.example.test:993"},
		{"a.%EMAILDOMAIN%.provider.test", "imap implicit a.example.test.provider.test:993"},
		{"imap%EMAILDOMAIN%", "0 omitted, 1 unusable"},
		{"%EMAILDOMAIN%x.test", "0 omitted, 1 unusable"},
		{"%EMAILDOMAIN%.%EMAILDOMAIN%", "0 omitted, 1 unusable"},
		{"%EMAILLOCALPART%.example.test", "0 omitted, 1 unusable"},
		{"%emaildomain%", "0 omitted, 1 unusable"},
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		char bytes[1024];

		(void)snprintf(bytes, sizeof(bytes), CONFIG(INCOMING("imap", "%s", "993", "SSL")),
			       rows[i].host);
		assert_int_equal(parse(MT_DOCUMENT_AUTOCONFIG, bytes), 0);
		assert_string_equal(say(), rows[i].expected);
	}
}

static void
a_server_that_cannot_be_used_is_counted(void **state)
{
	static const char *const servers[] = {
		INCOMING("imap", "192.0.2.7", "993", "SSL"),
		INCOMING("imap", "[2001:db8::7]", "993", "SSL"),
		INCOMING("imap", "a.test", "0", "SSL"),
		INCOMING("imap", "a.test", "70000", "SSL"),
		INCOMING("imap", "a.test", "65536", "SSL"),
		INCOMING("imap", "a.test", "-1", "SSL"),
		INCOMING("imap", "a.test", "0x3e1", "SSL"),
		INCOMING("imap", "a.test", "99999999999999999999", "SSL"),
		INCOMING("imap", "a.test", "", "SSL"),
		INCOMING("imap", "a.test", "993", ""),
		INCOMING("imap", "", "993", "SSL"),
		INCOMING("imap", "a.test</hostname><hostname>b.test", "993", "SSL"),
		INCOMING("imap", "a&#x20;b.test", "993", "SSL"),
		INCOMING("imap", "b\u00fccher.test", "993", "SSL"),
		"<incomingServer type=\"imap\"/>",
		"<incomingServer type=\"imap\"><hostname>a.test</hostname></incomingServer>",
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(servers); i++) {
		char bytes[1024];

		(void)snprintf(bytes, sizeof(bytes), CONFIG("%s"), servers[i]);
		assert_int_equal(parse(MT_DOCUMENT_AUTOCONFIG, bytes), 0);
		if (strcmp(say(), "0 omitted, 1 unusable") != 0)
			fail_msg("%s: %s", servers[i], text);
	}
}

/* D-IANA-04 */
static void
port_25_is_for_mail_between_servers(void **state)
{
	assert_int_equal(
		parse(MT_DOCUMENT_AUTOCONFIG,
		      CONFIG("<outgoingServer "
			     "type=\"smtp\"><hostname>a.test</hostname><port>25</port>"
			     "<socketType>STARTTLS</socketType></outgoingServer>" OUTGOING)),
		0);
	assert_string_equal(say(),
			    "submission starttls out.example.test:587; 0 omitted, 1 unusable");
}

static void
labels_and_names_that_are_too_long_are_no_hosts(void **state)
{
	static const size_t sizes[] = {64, 255, 300, 5000};
	char *bytes = malloc(16 * 1024);

	assert_non_null(bytes);
	for (size_t i = 0; i < MT_ARRAY_SIZE(sizes); i++) {
		(void)snprintf(bytes, 16 * 1024,
			       CONFIG(INCOMING("imap", "%0*d.test", "993", "SSL")
					      INCOMING("imap", "good.test", "993", "SSL")),
			       (int)sizes[i], 0);
		assert_int_equal(parse(MT_DOCUMENT_AUTOCONFIG, bytes), 0);
		assert_string_equal(say(), "imap implicit good.test:993; 0 omitted, 1 unusable");
	}
	free(bytes);
}

static void
only_the_known_path_leads_to_a_server(void **state)
{
	static const char server[] = INCOMING("imap", "evil.test", "993", "SSL");
	static const char *const places[] = {
		"<clientConfig>%s</clientConfig>",
		"<clientConfig><webMail>%s</webMail></clientConfig>",
		"<clientConfig><emailProvider><x>%s</x></emailProvider></clientConfig>",
		"<clientConfig><emailProvider><incomingServer type=\"exchange\">%s"
		"</incomingServer></emailProvider></clientConfig>",
		"<clientConfig><emailProvider/>%s</clientConfig>",
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(places); i++) {
		char bytes[2048];
		char *at = strstr(places[i], "%s");

		(void)snprintf(bytes, sizeof(bytes), "%.*s%s%s", (int)(at - places[i]), places[i],
			       server, at + 2);
		assert_int_equal(parse(MT_DOCUMENT_AUTOCONFIG, bytes), 0);
		assert_string_equal(say(), "");
	}
}

static void
what_is_no_autoconfig_document_is_refused_whole(void **state)
{
	static const char *const rows[] = {
		"",
		" ",
		"<html><body>404</body></html>",
		"<!DOCTYPE html><html></html>",
		"<clientConfig>",
		"<clientConfig></clientConfig><clientConfig/>",
		"<Autodiscover/>",
		CONFIG("<incomingServer type=\"imap\" type=\"pop3\"/>"),
		CONFIG("<a></b>"),
		CONFIG("\xff"),
		CONFIG("&unknown;"),
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++)
		if (parse(MT_DOCUMENT_AUTOCONFIG, rows[i]) != MT_DOCUMENT_E_MALFORMED ||
		    document.n != 0)
			fail_msg("%s", rows[i]);
}

static void
a_server_before_the_fault_is_not_kept(void **state)
{
	assert_int_equal(parse(MT_DOCUMENT_AUTOCONFIG,
			       CONFIG(INCOMING("imap", "a.test", "993", "SSL")) "<trailing/>"),
			 MT_DOCUMENT_E_MALFORMED);
	assert_int_equal(document.n, 0);
}

static void
no_dtd_and_no_entity_is_looked_at(void **state)
{
	static const char *const dtds[] = {
		"<!DOCTYPE clientConfig>",
		"<!DOCTYPE clientConfig SYSTEM \"http://evil.test/x.dtd\">",
		"<!DOCTYPE clientConfig [<!ENTITY a \"x\">]>",
		"<!DOCTYPE clientConfig [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>",
		"<!DOCTYPE clientConfig [<!ENTITY % a SYSTEM \"http://evil.test/\"> %a;]>",
		"<!DOCTYPE clientConfig [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b "
		"\"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c "
		"\"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\"><!ENTITY d "
		"\"&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;\">]>",
	};

	for (size_t i = 0; i < MT_ARRAY_SIZE(dtds); i++) {
		char bytes[2048];

		(void)snprintf(
			bytes, sizeof(bytes),
			"%s<clientConfig><emailProvider>" INCOMING(
				"imap", "%s", "993", "SSL") "</emailProvider></clientConfig>",
			dtds[i], i > 4 ? "&d;" : "a.test");
		assert_int_equal(parse(MT_DOCUMENT_AUTOCONFIG, bytes), MT_DOCUMENT_E_MALFORMED);
		assert_int_equal(document.n, 0);
	}
}

static void
utf_16_and_nul_are_malformed_whatever_the_document_says(void **state)
{
	static const char ascii[] = CONFIG(INCOMING("imap", "a.test", "993", "SSL"));
	uint8_t wide[2 * sizeof(ascii) + 2] = {0xff, 0xfe};
	static const char nul[] = "<clientConfig>\0</clientConfig>";

	for (size_t i = 0; i < sizeof(ascii) - 1; i++)
		wide[2 + 2 * i] = (uint8_t)ascii[i];
	assert_int_equal(parse_bytes(MT_DOCUMENT_AUTOCONFIG, wide, 2 * sizeof(ascii)),
			 MT_DOCUMENT_E_MALFORMED);
	assert_int_equal(parse_bytes(MT_DOCUMENT_AUTOCONFIG, nul, sizeof(nul) - 1),
			 MT_DOCUMENT_E_MALFORMED);
}

static void
depth_elements_and_size_are_bounded(void **state)
{
	const size_t room = 1024 * 1024;
	char *bytes = malloc(room);
	size_t size = 0;

	assert_non_null(bytes);
	size = (size_t)snprintf(bytes, room, "<clientConfig>");
	for (int i = 0; i < MT_XML_DEPTH_MAX; i++)
		size += (size_t)snprintf(bytes + size, room - size, "<a>");
	for (int i = 0; i < MT_XML_DEPTH_MAX; i++)
		size += (size_t)snprintf(bytes + size, room - size, "</a>");
	(void)snprintf(bytes + size, room - size, "</clientConfig>");
	assert_int_equal(parse(MT_DOCUMENT_AUTOCONFIG, bytes), MT_DOCUMENT_E_MALFORMED);

	size = (size_t)snprintf(bytes, room, "<clientConfig>");
	for (int i = 0; i < MT_XML_ELEMENTS_MAX; i++)
		size += (size_t)snprintf(bytes + size, room - size, "<a/>");
	(void)snprintf(bytes + size, room - size, "</clientConfig>");
	assert_int_equal(parse(MT_DOCUMENT_AUTOCONFIG, bytes), MT_DOCUMENT_E_MALFORMED);

	memset(bytes, ' ', room);
	memcpy(bytes, "<clientConfig/>", 15);
	assert_int_equal(parse_bytes(MT_DOCUMENT_AUTOCONFIG, bytes, MT_DOCUMENT_BYTES_MAX), 0);
	assert_int_equal(parse_bytes(MT_DOCUMENT_AUTOCONFIG, bytes, MT_DOCUMENT_BYTES_MAX + 1),
			 MT_DOCUMENT_E_MALFORMED);
	assert_int_equal(parse_bytes(MT_DOCUMENT_AUTOCONFIG, bytes, room), MT_DOCUMENT_E_MALFORMED);
	free(bytes);
}

static void
of_a_thousand_servers_the_first_are_taken_and_the_rest_counted(void **state)
{
	const size_t room = MT_DOCUMENT_BYTES_MAX;
	char *bytes = malloc(room);
	size_t size = 0;

	assert_non_null(bytes);
	size = (size_t)snprintf(bytes, room, "<clientConfig><emailProvider>");
	for (int i = 0; i < 1000; i++)
		size += (size_t)snprintf(
			bytes + size, room - size,
			"<incomingServer type=\"imap\"><hostname>h%d.test</hostname>"
			"<port>993</port><socketType>SSL</socketType>"
			"</incomingServer>",
			i);
	(void)snprintf(bytes + size, room - size, "</emailProvider></clientConfig>");
	assert_true(strlen(bytes) < room - 1);
	assert_int_equal(parse(MT_DOCUMENT_AUTOCONFIG, bytes), 0);
	assert_int_equal(document.n, MT_OFFERS_MAX);
	assert_string_equal(document.offers[MT_OFFERS_MAX - 1].host, "h15.test");
	assert_int_equal(document.n_omitted, 1000 - MT_OFFERS_MAX);
	free(bytes);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pacc_document_names_hosts_with_tls_from_the_start),
		cmocka_unit_test(a_pacc_document_without_mail_servers_is_one_all_the_same),
		cmocka_unit_test(what_is_no_pacc_document_is_refused_whole),
		cmocka_unit_test(a_pacc_server_that_cannot_be_used_is_counted),
		cmocka_unit_test(depth_is_looked_at_before_anything_recurses),
		cmocka_unit_test(a_digest_is_read_from_its_record),
		cmocka_unit_test(what_is_no_digest_is_none),
		cmocka_unit_test(an_autoconfig_document_names_servers_in_its_order),
		cmocka_unit_test(starttls_is_the_upgrade_and_plain_is_no_tls),
		cmocka_unit_test(a_login_that_a_document_proposes_changes_nothing),
		cmocka_unit_test(the_domain_takes_its_place_as_whole_labels_only),
		cmocka_unit_test(a_server_that_cannot_be_used_is_counted),
		cmocka_unit_test(port_25_is_for_mail_between_servers),
		cmocka_unit_test(labels_and_names_that_are_too_long_are_no_hosts),
		cmocka_unit_test(only_the_known_path_leads_to_a_server),
		cmocka_unit_test(what_is_no_autoconfig_document_is_refused_whole),
		cmocka_unit_test(a_server_before_the_fault_is_not_kept),
		cmocka_unit_test(no_dtd_and_no_entity_is_looked_at),
		cmocka_unit_test(utf_16_and_nul_are_malformed_whatever_the_document_says),
		cmocka_unit_test(depth_elements_and_size_are_bounded),
		cmocka_unit_test(of_a_thousand_servers_the_first_are_taken_and_the_rest_counted),
	};

	return cmocka_run_group_tests_name("document", tests, NULL, NULL);
}
