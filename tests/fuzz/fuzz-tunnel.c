/* SPDX-License-Identifier: MIT */
/*
 * Plays a server, a mail program and the service to the tunnel's machine. The input is a head byte
 * and a play, one letter an act; 's' and 'p' are followed by what the server or the program says,
 * up to 0xff. The server is OpenSSL's: TLS begins with the first byte, or once the upgrade was
 * asked for and answered with anything. In between the bytes are carried as far as there is room.
 *
 * However it goes: before the answer that opens the session the server hears our commands and not a
 * byte of the program; then a beginning of what the program said, or without what was answered here
 * in its place; the program hears nothing before that but a refusal, and then a greeting of words
 * from inside TLS and what the server said there; and nothing is ever held beyond its bound. A
 * login of the tunnel's own stands between our commands and the program's.
 */

#define OPENSSL_API_COMPAT 0x10100000L /* RAND_METHOD */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/connect/tunnel.h"
#include "tests/fuzz/server.h"

#define END_OF_WORDS 0xff
#define WALL_USEC INT64_C(1800000000000000)
#define STREAM_MAX (512 * 1024)
#define ACTS_MAX 256
#define FLOOD_SIZE (40 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The head; the lower two bits are the protocol. */
enum { WANTS_MECHANISM = 0x10, LOGS_IN = 0x20, TLS_1_2 = 0x40, IMPLICIT = 0x80 };
/* The program's commands are looked at: some are answered in the server's place. */
#define HAS_OPENING (WANTS_MECHANISM | LOGS_IN)

/* All that went one way. */
struct stream {
	uint8_t *data;
	size_t size;
};

struct play {
	uint8_t head;
	struct mt_tunnel *tunnel;
	struct mt_client_certs certs;
	uint8_t cert_sha256[32]; /* which the service names */
	SSL *server;
	BIO *in, *out; /* owned by server */
	bool server_in_tls, server_closed, is_reading;
	bool was_opened; /* an answer has opened the session */
	bool closed_program;
	struct stream said_plain, said_inside, said_program;
	struct stream heard_plain, heard_inside, heard_program;
	size_t n_ours; /* of heard_inside or heard_plain, when the session was opened */
};

/* Between the greeting and the relay there is, or may have been, an opening. */
static bool
has_opening(const struct play *p)
{
	static const char preauth[] = "* PREAUTH ";
	size_t n = sizeof(preauth) - 1;

	return p->head & HAS_OPENING ||
	       (p->heard_program.size >= n && memcmp(p->heard_program.data, preauth, n) == 0);
}

static void
add(struct stream *s, const void *data, size_t size)
{
	expect(size <= STREAM_MAX - s->size);
	if (!s->data)
		expect((s->data = malloc(STREAM_MAX)) != NULL);
	memcpy(s->data + s->size, data, size);
	s->size += size;
}

/* -- carrying ---------------------------------------------------------------------------------- */

static void
listen_inside(struct play *p)
{
	uint8_t buffer[4096];
	int n;

	if (!SSL_is_init_finished(p->server))
		(void)SSL_do_handshake(p->server);
	while ((n = SSL_read(p->server, buffer, sizeof(buffer))) > 0)
		add(&p->heard_inside, buffer, (size_t)n);
	ERR_clear_error();
}

static bool
carry_up(struct play *p)
{
	struct mt_bytes bytes = mt_tunnel_for_server(p->tunnel);
	size_t size = bytes.size;

	if (size == 0)
		return false;
	if (p->server_in_tls) {
		expect(BIO_write(p->in, bytes.data, (int)size) == (int)size);
		listen_inside(p);
	} else {
		add(&p->heard_plain, bytes.data, size);
	}
	mt_tunnel_sent_to_server(p->tunnel, size);
	return true;
}

static bool
carry_down(struct play *p)
{
	size_t room = mt_tunnel_room_for_server(p->tunnel);
	uint8_t buffer[4096];
	int n;

	if (room == 0 || !p->server_in_tls || p->server_closed)
		return false;
	n = BIO_read(p->out, buffer, (int)(room < sizeof(buffer) ? room : sizeof(buffer)));
	if (n > 0)
		mt_tunnel_server_said(p->tunnel, buffer, (size_t)n, WALL_USEC);
	return n > 0;
}

static bool
tell_program(struct play *p)
{
	struct mt_bytes bytes = mt_tunnel_for_program(p->tunnel);
	size_t size = p->is_reading ? bytes.size : 0;

	if (size > 0)
		add(&p->heard_program, bytes.data, size);
	mt_tunnel_sent_to_program(p->tunnel, size);
	return size > 0;
}

static void
carry(struct play *p)
{
	bool moved;

	do {
		moved = carry_up(p);
		moved |= carry_down(p);
		moved |= tell_program(p);
	} while (moved);
}

/* -- acts -------------------------------------------------------------------------------------- */

static bool
asked_for_upgrade(const struct play *p)
{
	const struct stream *s = &p->heard_plain;

	return s->size > 4 && memcmp(s->data + s->size - 4, "LS\r\n", 4) == 0;
}

static void
server_says(struct play *p, const uint8_t *data, size_t size)
{
	size_t room = mt_tunnel_room_for_server(p->tunnel);

	if (p->server_closed || size == 0)
		return;
	if (p->server_in_tls) {
		if (SSL_is_init_finished(p->server) &&
		    SSL_write(p->server, data, (int)size) == (int)size)
			add(&p->said_inside, data, size);
		ERR_clear_error();
		return;
	}
	if (room == 0)
		return;
	size = size < room ? size : room;
	add(&p->said_plain, data, size);
	p->server_in_tls = asked_for_upgrade(p);
	mt_tunnel_server_said(p->tunnel, data, size, WALL_USEC);
}

static void
program_says(struct play *p, const uint8_t *data, size_t size)
{
	size_t room = mt_tunnel_room_for_program(p->tunnel);

	if (p->closed_program || room == 0 || size == 0)
		return;
	size = size < room ? size : room;
	add(&p->said_program, data, size);
	mt_tunnel_program_said(p->tunnel, data, size);
}

/* The answer to the last question opens the session; all we had to say was carried by then. */
static void
note_opened(struct play *p, const struct mt_answer *with)
{
	if (p->head & LOGS_IN || p->was_opened || mt_tunnel_get_stage(p->tunnel) != MT_TUNNEL_ASK ||
	    mt_tunnel_exit_of(with) != MT_EXIT_OK)
		return;
	p->was_opened = true;
	p->n_ours = mt_tunnel_is_in_tls(p->tunnel) ? p->heard_inside.size : p->heard_plain.size;
}

static void
answer(struct play *p, enum mt_decision decision, enum mt_reason reason)
{
	struct mt_answer with = {.decision = decision,
				 .reasons = {reason},
				 .n_reasons = 1,
				 .has_client_certificate = p->head & LOGS_IN};
	enum mt_tunnel_stage stage = mt_tunnel_get_stage(p->tunnel);
	struct mt_evidence ev;

	if (stage == MT_TUNNEL_DIALOGUE || stage == MT_TUNNEL_OVER)
		return;
	expect(mt_tunnel_get_evidence(p->tunnel, "192.0.2.1", 4711, WALL_USEC, &ev) == 0);
	expect(mt_evidence_contradiction(&ev) == NULL);
	mt_evidence_clear(&ev);
	(void)mt_tunnel_get_op(p->tunnel);
	memcpy(with.client_certificate, p->cert_sha256, sizeof(with.client_certificate));
	note_opened(p, &with);
	mt_tunnel_answered(p->tunnel, &with, WALL_USEC);
}

static void
flood(struct play *p, void (*says)(struct play *, const uint8_t *, size_t))
{
	static uint8_t words[FLOOD_SIZE];

	memset(words, 'x', sizeof(words));
	if (p->said_inside.size + p->said_program.size < STREAM_MAX / 2)
		says(p, words, sizeof(words));
}

static void
close_server(struct play *p)
{
	p->server_closed = true;
	mt_tunnel_server_closed(p->tunnel);
}

static void
act(struct play *p, uint8_t what)
{
	switch (what) {
	case 'A':
		answer(p, MT_DECISION_ALLOW, MT_REASON_CONF_MET);
		break;
	case 'W':
		answer(p, MT_DECISION_AWC, MT_REASON_CONF_DISABLED_BY_USER);
		break;
	case 'C':
		answer(p, MT_DECISION_CONFIRM, MT_REASON_TLS_NONE);
		break;
	case 'D':
		answer(p, MT_DECISION_DENY, MT_REASON_CERT_EXPIRED);
		break;
	case 'x':
		p->closed_program = true;
		mt_tunnel_program_closed(p->tunnel);
		break;
	case 'd':
		mt_tunnel_program_deaf(p->tunnel);
		break;
	case 'c':
		close_server(p);
		break;
	case 'n':
		if (p->server_in_tls && SSL_is_init_finished(p->server))
			(void)SSL_shutdown(p->server);
		break;
	case 'q':
		mt_tunnel_close(p->tunnel);
		break;
	case 'f':
		mt_tunnel_refuse(p->tunnel, MT_EXIT_DENY, "Told to.");
		break;
	case 'r':
		p->is_reading = !p->is_reading;
		break;
	case 'P':
		flood(p, program_says);
		break;
	case 'S':
		flood(p, server_says);
		break;
	default:
		break;
	}
}

/* -- what must hold ---------------------------------------------------------------------------- */

static bool
is_beginning(const struct stream *s, size_t size, const char *const *good, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (size <= strlen(good[i]) &&
		    memcmp(s->data ? s->data : (const uint8_t *)"", good[i], size) == 0)
			return true;
	return false;
}

/* What the server hears of us is these, and a farewell perhaps. */
static void
check_our_words(const struct play *p)
{
	static const char *const plain[] = {
		"a1 CAPABILITY\r\na2 STARTTLS\r\na3 LOGOUT\r\n",
		"a1 CAPABILITY\r\na2 LOGOUT\r\n",
		"a1 LOGOUT\r\n",
		"a2 LOGOUT\r\n",
		"CAPA\r\nSTLS\r\nQUIT\r\n",
		"CAPA\r\nQUIT\r\n",
		"QUIT\r\n",
		"EHLO [127.0.0.1]\r\nSTARTTLS\r\nQUIT\r\n",
		"EHLO [127.0.0.1]\r\nQUIT\r\n",
	};
	static const char *const inside[] = {
		"a1 CAPABILITY\r\na2 LOGOUT\r\n",
		"a3 CAPABILITY\r\na4 LOGOUT\r\n",
		"a1 LOGOUT\r\n",
		"a2 LOGOUT\r\n",
		"a4 LOGOUT\r\n",
		"CAPA\r\nQUIT\r\n",
		"QUIT\r\n",
		"EHLO [127.0.0.1]\r\nQUIT\r\n",
	};
	static const char *const logins[] = {
		"a1 CAPABILITY\r\nx1 AUTHENTICATE EXTERNAL\r\na2 LOGOUT\r\n",
		"a1 CAPABILITY\r\nx1 AUTHENTICATE EXTERNAL\r\n\r\na2 LOGOUT\r\n",
		"a1 CAPABILITY\r\nx1 AUTHENTICATE EXTERNAL\r\n\r\n*\r\na2 LOGOUT\r\n",
		"a1 CAPABILITY\r\nx1 AUTHENTICATE EXTERNAL\r\n\r\na1 CAPABILITY\r\na2 LOGOUT\r\n",
		"a1 CAPABILITY\r\nx1 AUTHENTICATE EXTERNAL =\r\na2 LOGOUT\r\n",
		"a1 CAPABILITY\r\nx1 AUTHENTICATE EXTERNAL =\r\n*\r\na2 LOGOUT\r\n",
		"a1 CAPABILITY\r\nx1 AUTHENTICATE EXTERNAL =\r\na1 CAPABILITY\r\na2 LOGOUT\r\n",
		"CAPA\r\nAUTH EXTERNAL =\r\nQUIT\r\n",
		"CAPA\r\nAUTH EXTERNAL =\r\n*\r\nQUIT\r\n",
		"EHLO [127.0.0.1]\r\nAUTH EXTERNAL =\r\nQUIT\r\n",
		"EHLO [127.0.0.1]\r\nAUTH EXTERNAL =\r\n*\r\nQUIT\r\n",
	};
	bool opened_inside = p->was_opened && mt_tunnel_is_in_tls(p->tunnel);
	size_t n_inside = opened_inside ? p->n_ours : p->heard_inside.size;
	bool opened_plain = p->was_opened && !mt_tunnel_is_in_tls(p->tunnel);
	size_t n_plain = opened_plain ? p->n_ours : p->heard_plain.size;

	/* TLS follows the upgrade in the same stream where the server has not agreed to it */
	if (!p->server_in_tls || p->head & IMPLICIT || opened_plain)
		expect(is_beginning(&p->heard_plain, n_plain, plain, MT_ARRAY_SIZE(plain)));
	expect(is_beginning(&p->heard_inside, n_inside, inside, MT_ARRAY_SIZE(inside)) ||
	       (p->head & LOGS_IN &&
		is_beginning(&p->heard_inside, n_inside, logins, MT_ARRAY_SIZE(logins))));
}

/* All of passed stands in what the program said, in order; without an opening at its beginning. */
static bool
is_the_programs(const struct play *p, const uint8_t *passed, size_t n)
{
	const struct stream *said = &p->said_program;
	size_t at = 0;

	for (size_t i = 0; i < n; i++, at++) {
		while (has_opening(p) && at < said->size && said->data[at] != passed[i])
			at++;
		if (at >= said->size || said->data[at] != passed[i])
			return false;
	}
	return true;
}

/* What passed is the program's; an opening that ends in a refusal is followed by a farewell. */
static void
check_passed(const struct play *p)
{
	static const char *const farewells[] = {
		"", "a1 LOGOUT\r\n", "a2 LOGOUT\r\n", "a3 LOGOUT\r\n", "a4 LOGOUT\r\n", "QUIT\r\n"};
	const struct stream *heard =
		mt_tunnel_is_in_tls(p->tunnel) ? &p->heard_inside : &p->heard_plain;
	size_t n = heard->size - p->n_ours;
	const uint8_t *passed = n > 0 ? heard->data + p->n_ours : (const uint8_t *)"";
	bool is_right = false;

	for (size_t i = 0; i < MT_ARRAY_SIZE(farewells); i++) {
		size_t size = strlen(farewells[i]);

		if (size > 0 &&
		    (!has_opening(p) || mt_tunnel_get_stage(p->tunnel) != MT_TUNNEL_OVER))
			break;
		is_right |= size <= n && memcmp(passed + n - size, farewells[i], size) == 0 &&
			    is_the_programs(p, passed, n - size);
	}
	expect(is_right);
}

/* Every word between brackets was said inside TLS. */
static void
check_capabilities(const struct play *p, const char *greeting)
{
	const char *at = strstr(greeting, "[CAPABILITY "), *end;

	if (!at)
		return;
	at += strlen("[CAPABILITY ");
	end = strchr(at, ']');
	expect(end != NULL);
	while (at < end) {
		size_t n = strcspn(at, " ]");

		expect(memmem(p->said_inside.data, p->said_inside.size, at, n) != NULL);
		at += n + strspn(at + n, " ");
	}
}

/* Our greeting or our refusal; behind a greeting, what the server said in the present layer. */
static void
check_told(const struct play *p)
{
	static const char *const refusals[] = {
		"* BYE mailtrust: ", "-ERR mailtrust: ", "421 mailtrust: "};
	const struct stream *said =
		mt_tunnel_is_in_tls(p->tunnel) ? &p->said_inside : &p->said_plain;
	const uint8_t *end = p->heard_program.size > 0
				     ? memchr(p->heard_program.data, '\n', p->heard_program.size)
				     : NULL;
	char line[1100];
	size_t size, rest;

	if (!end) {
		expect(p->heard_program.size == 0);
		return;
	}
	size = (size_t)(end - p->heard_program.data) + 1;
	rest = p->heard_program.size - size;
	expect(size < sizeof(line));
	(void)snprintf(line, sizeof(line), "%.*s", (int)size, (const char *)p->heard_program.data);
	if (!p->was_opened) {
		bool is_refusal = false;

		for (size_t i = 0; i < MT_ARRAY_SIZE(refusals); i++)
			is_refusal |= strncmp(line, refusals[i], strlen(refusals[i])) == 0;
		expect(is_refusal && rest == 0);
		return;
	}
	expect(strstr(line, "checked by mailtrust") != NULL);
	check_capabilities(p, line);
	/* with an opening, answers of ours stand in between */
	if (rest > 0 && !has_opening(p) && mt_tunnel_get_stage(p->tunnel) == MT_TUNNEL_RELAY &&
	    mt_tunnel_is_in_tls(p->tunnel))
		expect(memmem(said->data, said->size, end + 1, rest) != NULL);
}

/* The program is, or was, in a session. */
static bool
is_in_session(const struct play *p)
{
	enum mt_exit status = mt_tunnel_get_status(p->tunnel);

	switch (mt_tunnel_get_stage(p->tunnel)) {
	case MT_TUNNEL_OPENING:
	case MT_TUNNEL_RELAY:
		return true;
	case MT_TUNNEL_OVER:
		return status == MT_EXIT_OK || status == MT_EXIT_AWC || status == MT_EXIT_TEMPORARY;
	case MT_TUNNEL_DIALOGUE:
	case MT_TUNNEL_ASK_HANDSHAKE:
	case MT_TUNNEL_ASK:
	case MT_TUNNEL_LOGIN:
		break;
	}
	return false;
}

/* A login of our own opens the session once it is done, and only after it: what was heard begins
 * with it. A server that has logged in already needs none. */
static void
note_login(struct play *p)
{
	static const char *const done[] = {
		"a1 CAPABILITY\r\nx1 AUTHENTICATE EXTERNAL\r\n\r\na1 CAPABILITY\r\n",
		"a1 CAPABILITY\r\nx1 AUTHENTICATE EXTERNAL =\r\na1 CAPABILITY\r\n",
		"CAPA\r\nAUTH EXTERNAL =\r\n",
		"EHLO [127.0.0.1]\r\nAUTH EXTERNAL =\r\n",
		"a1 CAPABILITY\r\n", /* PREAUTH */
	};
	const struct stream *heard = &p->heard_inside;

	if (!(p->head & LOGS_IN) || p->was_opened || !is_in_session(p))
		return;
	for (size_t i = 0; i < MT_ARRAY_SIZE(done) && !p->was_opened; i++) {
		p->n_ours = strlen(done[i]);
		p->was_opened =
			heard->size >= p->n_ours && memcmp(heard->data, done[i], p->n_ours) == 0;
	}
	/* who has gone away before was in none */
	expect(p->was_opened || mt_tunnel_get_stage(p->tunnel) == MT_TUNNEL_OVER);
}

static void
check(struct play *p)
{
	note_login(p);
	expect(mt_tunnel_room_for_program(p->tunnel) <= MT_HELD_MAX + 1);
	expect(mt_tunnel_room_for_server(p->tunnel) <= 32 * 1024);
	check_our_words(p);
	if (p->was_opened)
		check_passed(p);
	check_told(p);
}

/* -- the play ---------------------------------------------------------------------------------- */

static int
accept_any(int ok, X509_STORE_CTX *store_ctx)
{
	return 1;
}

/* The account's one certificate, which the server asks for. */
static void
add_certificate(struct play *p)
{
	static struct mt_client_cert made;

	if (!made.leaf) {
		made.key = EVP_EC_gen("P-256");
		made.leaf = X509_new();
		expect(made.key && made.leaf && X509_set_pubkey(made.leaf, made.key));
		expect(ASN1_TIME_set_string(X509_getm_notBefore(made.leaf), "20260101000000Z"));
		expect(ASN1_TIME_set_string(X509_getm_notAfter(made.leaf), "20360101000000Z"));
		expect(X509_sign(made.leaf, made.key, EVP_sha256()) > 0);
		expect(mt_client_cert_digest(&made) == 0);
	}
	expect(X509_up_ref(made.leaf) && EVP_PKEY_up_ref(made.key));
	p->certs.cert[0] = made;
	p->certs.n = 1;
	memcpy(p->cert_sha256, made.sha256, sizeof(p->cert_sha256));
	SSL_set_verify(p->server, SSL_VERIFY_PEER, accept_any);
}

static bool
begin(struct play *p, SSL_CTX *context)
{
	const struct mt_tunnel_options options = {
		.session = {.proto = p->head % 4 % MT_PROTO_COUNT,
			    .transport = p->head & IMPLICIT ? MT_TRANSPORT_IMPLICIT
							    : MT_TRANSPORT_STARTTLS,
			    .host = "mail.example.test",
			    .port = 993},
		.wants_mechanism = p->head & WANTS_MECHANISM,
		.certs = &p->certs,
		.logs_in = p->head & LOGS_IN,
	};

	if (options.session.proto == MT_PROTO_UNKNOWN)
		return false;
	p->is_reading = true;
	p->server_in_tls = p->head & IMPLICIT;
	p->server = SSL_new(context);
	p->in = BIO_new(BIO_s_mem());
	p->out = BIO_new(BIO_s_mem());
	expect(p->server && p->in && p->out);
	BIO_set_mem_eof_return(p->in, -1);
	SSL_set_bio(p->server, p->in, p->out);
	SSL_set_accept_state(p->server);
	if (p->head & LOGS_IN)
		add_certificate(p);
	if (p->head & TLS_1_2)
		expect(SSL_set_max_proto_version(p->server, TLS1_2_VERSION) == 1);
	expect(mt_tunnel_new(&options, &p->tunnel) == 0);
	return true;
}

static void
perform(struct play *p, const uint8_t *data, size_t size)
{
	for (size_t at = 0, n_acts = 0; at < size && n_acts < ACTS_MAX; n_acts++) {
		uint8_t what = data[at++];
		size_t n = 0;

		if (what != 's' && what != 'p') {
			act(p, what);
		} else {
			while (at + n < size && data[at + n] != END_OF_WORDS)
				n++;
			(what == 's' ? server_says : program_says)(p, data + at, n);
			at += n + 1;
		}
		carry(p);
		check(p);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static SSL_CTX *context;
	struct play p = {0};

	if (!context)
		context = make_server();
	if (size == 0 || size > 64 * 1024)
		return 0;
	seed = 1;
	p.head = data[0];
	if (begin(&p, context)) {
		carry(&p);
		perform(&p, data + 1, size - 1);
	}
	mt_tunnel_free(p.tunnel);
	mt_client_certs_clear(&p.certs);
	SSL_free(p.server);
	ERR_clear_error();
	free(p.said_plain.data);
	free(p.said_inside.data);
	free(p.said_program.data);
	free(p.heard_plain.data);
	free(p.heard_inside.data);
	free(p.heard_program.data);
	return 0;
}
