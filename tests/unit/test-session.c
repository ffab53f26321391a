/* SPDX-License-Identifier: MIT */
/* Sessions that come about: three protocols, two ways to TLS, two versions of it. */

#include "tests/cmocka-all.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls-peer.h"

#define WAYS 12

static struct peer_options
way(size_t i)
{
	return (struct peer_options){
		.proto = MT_PROTO_IMAP + i % 3,
		.transport = i / 3 % 2 ? MT_TRANSPORT_STARTTLS : MT_TRANSPORT_IMPLICIT,
		.version = i / 6 ? TLS1_2_VERSION : TLS1_3_VERSION,
	};
}

static const struct {
	const char *plain, *implicit, *upgraded; /* every byte of the client's */
	const char *capabilities;
} expected[MT_PROTO_COUNT] = {
	[MT_PROTO_IMAP] = {"a1 CAPABILITY\r\na2 STARTTLS\r\n", "a1 CAPABILITY\r\na2 LOGOUT\r\n",
			   "a3 CAPABILITY\r\na4 LOGOUT\r\n", "IMAP4rev1 AUTH=PLAIN"},
	[MT_PROTO_POP3] = {"CAPA\r\nSTLS\r\n", "CAPA\r\nQUIT\r\n", "CAPA\r\nQUIT\r\n", "SASL"},
	[MT_PROTO_SUBMISSION] = {"EHLO [127.0.0.1]\r\nSTARTTLS\r\n", "EHLO [127.0.0.1]\r\nQUIT\r\n",
				 "EHLO [127.0.0.1]\r\nQUIT\r\n", "AUTH"},
};

static void
check_said(struct meeting *m)
{
	const struct peer_options *o = &m->peer.options;
	bool implicit = o->transport == MT_TRANSPORT_IMPLICIT;

	assert_int_equal(mt_session_get_step(m->session), MT_STEP_DONE);
	assert_string_equal(mt_session_get_capabilities(m->session),
			    expected[o->proto].capabilities);
	meeting_farewell(m);
	assert_string_equal(m->peer.plain.text, implicit ? "" : expected[o->proto].plain);
	assert_string_equal(m->peer.inside.text,
			    implicit ? expected[o->proto].implicit : expected[o->proto].upgraded);
}

/* R-5.2-09, D-STLS-01, D-STLS-02: and behind the upgrade's command nothing but the ClientHello. */
static void
all_that_is_said_is_capability_verbs_the_upgrade_and_farewell(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		const struct peer_options options = way(i);
		struct meeting m;

		meeting_start(&m, &options);
		meeting_run(&m);
		check_said(&m);
		assert_int_equal(m.peer.n_hellos, 1);
		meeting_clear(&m);
	}
}

/* What the server sends is cut into pieces of every small size, and of some larger ones. */
static void
however_a_session_is_cut_it_says_and_reads_the_same(void **state)
{
	for (size_t i = 0; i < WAYS; i++)
		for (size_t piece = 1; piece < 2000; piece = piece < 8 ? piece + 1 : piece * 3) {
			const struct peer_options options = way(i);
			struct meeting m;

			meeting_start(&m, &options);
			m.piece = piece;
			meeting_run(&m);
			check_said(&m);
			meeting_clear(&m);
		}
}

static void
check_connection(const struct peer_options *o, const struct mt_evidence *ev)
{
	assert_int_equal(ev->proto, o->proto);
	assert_int_equal(ev->transport, o->transport);
	assert_string_equal(ev->host, PEER_HOST);
	assert_int_equal(ev->port, 4711);
	assert_string_equal(ev->peer, "192.0.2.1");
	assert_int_equal(ev->local_port, 40000);
	assert_true(ev->established_at_usec == PEER_WALL_USEC);
	assert_true(ev->observed_at_usec == PEER_WALL_USEC);
}

static void
check_tls(const struct peer_options *o, const struct mt_evidence *ev)
{
	bool is_1_3 = o->version == TLS1_3_VERSION;

	assert_false(mt_evidence_has(ev, MT_EV_TLS_FAILED));
	assert_int_equal(ev->tls_version, is_1_3 ? MT_TLS_VERSION_1_3 : MT_TLS_VERSION_1_2);
	assert_true(ev->tls_ems && ev->tls_reneg_info);
	assert_false(ev->tls_compression || ev->tls_resumed || ev->tls_early_data);
	assert_string_equal(ev->tls_sni, PEER_HOST);
	assert_string_equal(ev->tls_alpn, "none");
	assert_true(ev->staple_requested);
	assert_false(mt_evidence_has(ev, MT_EV_STAPLE));
	assert_false(ev->clientcert_requested);
	assert_false(mt_evidence_has(ev, MT_EV_CLIENTCERT_PRESENTED));
}

static void
check_starttls(const struct peer_options *o, const struct mt_evidence *ev)
{
	bool upgraded = o->transport == MT_TRANSPORT_STARTTLS;

	assert_int_equal(mt_evidence_has(ev, MT_EV_STARTTLS_OFFERED), upgraded);
	assert_int_equal(ev->starttls_offered, upgraded);
	assert_int_equal(ev->starttls_caps_refreshed, upgraded);
	assert_false(ev->starttls_refused || ev->starttls_preauth || ev->starttls_bad_greeting);
	assert_int_equal(ev->starttls_buffered_bytes, 0);
	assert_int_equal(ev->pretls_other_responses, 0);
}

static void
the_evidence_states_what_was_seen_and_is_complete(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		const struct peer_options options = way(i);
		struct mt_evidence ev;
		struct meeting m;

		meeting_start(&m, &options);
		meeting_run(&m);
		meeting_evidence(&m, &ev);
		assert_int_equal(mt_evidence_missing(&ev, MT_OP_TEST, MT_PHASE_FINAL), 0);
		check_connection(&options, &ev);
		check_tls(&options, &ev);
		check_starttls(&options, &ev);
		assert_int_equal(ev.n_chain, 1);
		assert_memory_equal(ev.leaf_sha256, m.peer.leaf_sha256, 32);
		mt_evidence_clear(&ev);
		meeting_clear(&m);
	}
}

static void
check_exported(SSL *server, const char *label, const uint8_t value[static 32])
{
	uint8_t theirs[32];

	assert_int_equal(SSL_export_keying_material(server, theirs, sizeof(theirs), label,
						    strlen(label), (const unsigned char *)"", 0, 1),
			 1);
	assert_memory_equal(value, theirs, sizeof(theirs));
}

/* D-CB-01, D-CB-06 */
static void
the_exporters_are_the_same_at_both_ends(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		const struct peer_options options = way(i);
		struct mt_evidence ev;
		struct meeting m;

		meeting_start(&m, &options);
		meeting_run(&m);
		meeting_evidence(&m, &ev);
		assert_true(mt_evidence_has(&ev, MT_EV_EXPORTER));
		check_exported(m.peer.ssl, "EXPORTER-mailtrust-verdict", ev.exporter);
		assert_string_equal(ev.auth_cb_type, "tls-exporter");
		assert_int_equal(ev.auth_cb_size, 32);
		check_exported(m.peer.ssl, "EXPORTER-Channel-Binding", ev.auth_cb_value);
		mt_evidence_clear(&ev);
		meeting_clear(&m);
	}
}

/* D-CB-02, D-TLS-09 */
static void
without_the_extended_master_secret_there_is_no_binding(void **state)
{
	const struct peer_options options = {.proto = MT_PROTO_IMAP,
					     .transport = MT_TRANSPORT_IMPLICIT,
					     .version = TLS1_2_VERSION,
					     .ssl_options = SSL_OP_NO_EXTENDED_MASTER_SECRET};
	struct mt_evidence ev;
	struct meeting m;

	meeting_start(&m, &options);
	meeting_run(&m);
	assert_int_equal(mt_session_get_step(m.session), MT_STEP_DONE);
	meeting_evidence(&m, &ev);
	assert_true(mt_evidence_has(&ev, MT_EV_TLS_EMS));
	assert_false(ev.tls_ems);
	assert_false(mt_evidence_has(&ev, MT_EV_EXPORTER));
	assert_false(mt_evidence_has(&ev, MT_EV_AUTH_CB_TYPE));
	assert_false(mt_evidence_has(&ev, MT_EV_AUTH_CB_VALUE));
	mt_evidence_clear(&ev);
	meeting_clear(&m);
}

/* D-CB-04, RFC 5929 §4.1 */
static void
the_end_point_is_the_hash_of_the_servers_certificate_by_its_signatures_hash(void **state)
{
	static const struct {
		const char *signed_with, *hashed_with;
		size_t size;
	} rows[] = {{"SHA256", "SHA256", 32}, {"SHA384", "SHA384", 48}, {"SHA512", "SHA512", 64},
		    {"SHA1", "SHA256", 32},   {"MD5", "SHA256", 32},    {"none", NULL, 0}};

	for (size_t i = 0; i < MT_ARRAY_SIZE(rows); i++) {
		const struct peer_options options = {.proto = MT_PROTO_IMAP,
						     .transport = MT_TRANSPORT_IMPLICIT,
						     .rsa = true,
						     .digest = rows[i].signed_with};
		uint8_t ours[MT_CB_MAX], theirs[EVP_MAX_MD_SIZE];
		struct meeting m;

		meeting_start(&m, &options);
		assert_int_equal(mt_session_get_end_point(m.session, ours), 0);
		meeting_run(&m);
		assert_int_equal(mt_session_get_step(m.session), MT_STEP_DONE);
		assert_int_equal(mt_session_get_end_point(m.session, ours), rows[i].size);
		if (rows[i].size > 0) {
			assert_true(X509_digest(SSL_get_certificate(m.peer.ssl),
						EVP_get_digestbyname(rows[i].hashed_with), theirs,
						NULL));
			assert_memory_equal(ours, theirs, rows[i].size);
		}
		meeting_clear(&m);
	}
}

/* D-TLS-15: the client's close_notify goes first. */
static void
a_farewell_ends_with_close_notify(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		const struct peer_options options = way(i);
		struct meeting m;

		meeting_start(&m, &options);
		meeting_run(&m);
		assert_false(SSL_get_shutdown(m.peer.ssl) & SSL_RECEIVED_SHUTDOWN);
		meeting_farewell(&m);
		assert_true(SSL_get_shutdown(m.peer.ssl) & SSL_RECEIVED_SHUTDOWN);
		assert_false(SSL_get_shutdown(m.peer.ssl) & SSL_SENT_SHUTDOWN);
		meeting_clear(&m);
	}
}

/* R-5.5-02: noted, and nothing is shown. */
static void
a_client_certificate_that_is_asked_for_is_not_given(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct peer_options options = way(i);
		struct mt_evidence ev;
		struct meeting m;

		options.asks_client_cert = true;
		meeting_start(&m, &options);
		meeting_run(&m);
		meeting_evidence(&m, &ev);
		assert_true(ev.clientcert_requested);
		assert_false(mt_evidence_has(&ev, MT_EV_CLIENTCERT_PRESENTED));
		assert_null(SSL_get0_peer_certificate(m.peer.ssl));
		mt_evidence_clear(&ev);
		meeting_clear(&m);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_is_said_is_capability_verbs_the_upgrade_and_farewell),
		cmocka_unit_test(however_a_session_is_cut_it_says_and_reads_the_same),
		cmocka_unit_test(the_evidence_states_what_was_seen_and_is_complete),
		cmocka_unit_test(the_exporters_are_the_same_at_both_ends),
		cmocka_unit_test(without_the_extended_master_secret_there_is_no_binding),
		cmocka_unit_test(
			the_end_point_is_the_hash_of_the_servers_certificate_by_its_signatures_hash),
		cmocka_unit_test(a_farewell_ends_with_close_notify),
		cmocka_unit_test(a_client_certificate_that_is_asked_for_is_not_given),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
