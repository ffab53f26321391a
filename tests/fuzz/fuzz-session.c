/* SPDX-License-Identifier: MIT */
/*
 * Feeds a session what a server may send, before, in and inside TLS. The other end is OpenSSL's
 * server, with one byte of what it sends changed on the way; its random numbers are the same in
 * every run. What it says stands in the input: 0xff ends a turn, 0xfe the turns before TLS.
 *
 * However it ends: evidence contradicts itself nowhere, is complete where the session says it is
 * done, a refused or broken handshake carries no word of ours, and before TLS the session says
 * capability verbs, the upgrade once, and a farewell.
 */

#define OPENSSL_API_COMPAT 0x10100000L /* RAND_METHOD */

#include <stdlib.h>
#include <string.h>

#include "ipc/mail/session.h"
#include "tests/fuzz/server.h"

#define TURN 0xff
#define INSIDE 0xfe
#define WALL_USEC INT64_C(1800000000000000)
#define ROUNDS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The head of the input. */
enum { RAW = 0x08, TWO_PHASE = 0x10, REFUSE = 0x20, TLS_1_2 = 0x40, IMPLICIT = 0x80 };
struct head {
	uint8_t flags;       /* the lower three bits are the protocol */
	uint8_t piece;       /* size of the server's segments; 0: 4096 */
	uint8_t at_high, at; /* the byte of the TLS stream that is changed */
	uint8_t change;      /* 0: none */
};

struct meeting {
	const struct head *head;
	struct mt_session *session;
	SSL *server;
	BIO *in, *out; /* owned by server */
	const uint8_t *script;
	size_t script_size;
	struct mt_bytes turn; /* the rest of the one being said */
	uint8_t plain[512];   /* the client's, up to the answer to its upgrade */
	size_t plain_size;
	size_t n_from_tls; /* the server's TLS bytes so far */
	size_t n_inside;   /* the client's bytes inside TLS */
	size_t n_left;     /* of the client's record */
	uint8_t record[5]; /* its head */
	size_t record_size;
	bool spoke_plain; /* the client, where TLS must be */
	bool server_in_tls;
	bool client_in_tls; /* it took the first part of a turn for the agreement */
};

/* -- the server -------------------------------------------------------------------------------- */

/* The next turn of the script. Return: false at the end, or where the turns before TLS end. */
static bool
next_turn(struct meeting *m, struct mt_bytes *ret)
{
	size_t n = 0;

	if (m->script_size == 0 || (!m->server_in_tls && m->script[0] == INSIDE))
		return false;
	while (n < m->script_size && m->script[n] < INSIDE)
		n++;
	*ret = (struct mt_bytes){m->script, n};
	m->script += n;
	m->script_size -= n;
	if (m->script_size > 0 && m->script[0] == TURN) {
		m->script++;
		m->script_size--;
	}
	return true;
}

static void
begin_inside(struct meeting *m)
{
	const uint8_t *inside = memchr(m->script, INSIDE, m->script_size);

	m->server_in_tls = true;
	if (!inside)
		return;
	m->script_size -= (size_t)(inside + 1 - m->script);
	m->script = inside + 1;
}

static void
say_inside(struct meeting *m)
{
	struct mt_bytes turn;

	if (next_turn(m, &turn) && turn.size > 0)
		(void)SSL_write(m->server, turn.data, (int)turn.size);
}

static void
listen_inside(struct meeting *m)
{
	bool was_done = SSL_is_init_finished(m->server);
	char buffer[256];
	int n;

	if (!was_done && SSL_do_handshake(m->server) == 1 && m->head->flags & IMPLICIT)
		say_inside(m);
	while ((n = SSL_read(m->server, buffer, sizeof(buffer))) > 0) {
		m->n_inside += (size_t)n;
		say_inside(m);
	}
	ERR_clear_error();
}

/* RFC 8446 §5.1: the client's bytes are records, or plaintext. */
static void
watch(struct meeting *m, uint8_t byte)
{
	if (m->n_left > 0) {
		m->n_left--;
		return;
	}
	m->record[m->record_size++] = byte;
	if (m->record[0] < 20 || m->record[0] > 23)
		m->spoke_plain = true;
	if (m->record_size < sizeof(m->record))
		return;
	m->n_left = (size_t)m->record[3] << 8 | m->record[4];
	m->record_size = 0;
}

static bool
asked_for_upgrade(const struct meeting *m)
{
	return m->plain_size > 4 && memcmp(m->plain + m->plain_size - 4, "LS\r\n", 4) == 0;
}

static void
listen(struct meeting *m, const uint8_t *data, size_t size)
{
	if (asked_for_upgrade(m) && data[0] == 22)
		m->client_in_tls = true;
	for (size_t i = 0; i < size && (m->server_in_tls || m->client_in_tls); i++)
		watch(m, data[i]);
	if (m->client_in_tls && !m->server_in_tls)
		return;
	if (m->server_in_tls) {
		expect(BIO_write(m->in, data, (int)size) == (int)size);
		listen_inside(m);
		return;
	}
	expect(size <= sizeof(m->plain) - m->plain_size);
	memcpy(m->plain + m->plain_size, data, size);
	m->plain_size += size;
}

static size_t
speak_script(struct meeting *m, uint8_t *buffer, size_t size)
{
	size_t n;

	if (m->turn.size == 0 && !next_turn(m, &m->turn))
		return 0;
	n = m->turn.size < size ? m->turn.size : size;
	memcpy(buffer, m->turn.data, n);
	m->turn.data += n;
	m->turn.size -= n;
	return n;
}

/* What the server sends now. In RAW the script takes the place of its TLS bytes too. */
static size_t
speak(struct meeting *m, uint8_t *buffer, size_t size)
{
	size_t at = (size_t)m->head->at_high << 8 | m->head->at;
	int n;

	if (!m->server_in_tls || m->head->flags & RAW)
		return speak_script(m, buffer, size);
	n = BIO_read(m->out, buffer, (int)size);
	if (n <= 0)
		return 0;
	if (at >= m->n_from_tls && at < m->n_from_tls + (size_t)n)
		buffer[at - m->n_from_tls] ^= m->head->change;
	m->n_from_tls += (size_t)n;
	return (size_t)n;
}

/* -- what must hold ---------------------------------------------------------------------------- */

/* The client's plaintext is the beginning of one of these, and a farewell perhaps. */
static void
check_plain(const struct meeting *m)
{
	static const char *const good[] = {"a1 CAPABILITY\r\na2 STARTTLS\r\na3 LOGOUT\r\n",
					   "a1 CAPABILITY\r\na2 LOGOUT\r\n",
					   "a1 LOGOUT\r\n",
					   "a2 LOGOUT\r\n",
					   "CAPA\r\nSTLS\r\nQUIT\r\n",
					   "CAPA\r\nQUIT\r\n",
					   "QUIT\r\n",
					   "EHLO [127.0.0.1]\r\nSTARTTLS\r\nQUIT\r\n",
					   "EHLO [127.0.0.1]\r\nQUIT\r\n"};
	bool found = false;

	for (size_t i = 0; i < MT_ARRAY_SIZE(good); i++)
		found |= m->plain_size <= strlen(good[i]) &&
			 memcmp(m->plain, good[i], m->plain_size) == 0;
	expect(found);
}

static void
check_evidence(const struct meeting *m, bool was_refused)
{
	enum mt_step step = mt_session_get_step(m->session);
	struct mt_evidence ev;

	expect(mt_session_get_evidence(m->session, "192.0.2.1", 4711, WALL_USEC, &ev) == 0);
	expect(mt_evidence_contradiction(&ev) == NULL);
	if (step == MT_STEP_DONE)
		expect(mt_evidence_missing(&ev, MT_OP_STARTTLS, MT_PHASE_FINAL) == 0);
	if (mt_evidence_has(&ev, MT_EV_ESTABLISHED_AT))
		expect(mt_evidence_missing(&ev, MT_OP_TEST, MT_PHASE_FINAL) == 0);
	else
		expect(!ev.starttls_caps_refreshed && !mt_evidence_has(&ev, MT_EV_EXPORTER));
	if (was_refused || ev.tls_failed || ev.transport == MT_TRANSPORT_NONE)
		expect(m->n_inside == 0);
	if (was_refused)
		expect(!mt_evidence_has(&ev, MT_EV_ESTABLISHED_AT));
	/* D-STLS-01: only a refusal that was read leads back to plaintext. */
	expect(!m->spoke_plain || (ev.starttls_refused && step == MT_STEP_DONE));
	mt_evidence_clear(&ev);
}

/* -- the meeting ------------------------------------------------------------------------------- */

static void
carry(struct meeting *m)
{
	uint8_t buffer[1024];
	size_t n;

	while ((n = mt_session_output(m->session, buffer, sizeof(buffer))) > 0)
		listen(m, buffer, n);
}

static bool
deliver(struct meeting *m)
{
	uint8_t buffer[4096];
	size_t n = speak(m, buffer, m->head->piece ? m->head->piece : sizeof(buffer));

	if (n > 0)
		(void)mt_session_feed(m->session, buffer, n, WALL_USEC);
	/* The agreement is any answer to the upgrade. */
	if (!m->server_in_tls && !m->client_in_tls && m->turn.size == 0 && asked_for_upgrade(m))
		begin_inside(m);
	return n > 0;
}

static void
meet(struct meeting *m)
{
	bool was_refused = false;

	for (unsigned i = 0; i < ROUNDS_MAX * 64; i++) {
		carry(m);
		if (mt_session_get_step(m->session) == MT_STEP_JUDGE) {
			check_evidence(m, true);
			was_refused = m->head->flags & REFUSE;
			(void)mt_session_judged(m->session, !was_refused, NULL, WALL_USEC);
		} else if (mt_session_get_step(m->session) != MT_STEP_CONTINUE || !deliver(m)) {
			break;
		}
	}
	if (mt_session_get_step(m->session) == MT_STEP_CONTINUE)
		(void)mt_session_end(m->session);
	check_evidence(m, was_refused);
	mt_session_logout(m->session);
	carry(m);
	check_plain(m);
}

static bool
begin(struct meeting *m, SSL_CTX *context)
{
	const struct mt_session_options options = {
		.proto = m->head->flags % 8 % MT_PROTO_COUNT,
		.transport =
			m->head->flags & IMPLICIT ? MT_TRANSPORT_IMPLICIT : MT_TRANSPORT_STARTTLS,
		.host = "mail.example.test",
		.port = 993,
		.two_phase = m->head->flags & TWO_PHASE,
	};

	if (options.proto == MT_PROTO_UNKNOWN)
		return false;
	m->server = SSL_new(context);
	m->in = BIO_new(BIO_s_mem());
	m->out = BIO_new(BIO_s_mem());
	expect(m->server && m->in && m->out);
	BIO_set_mem_eof_return(m->in, -1);
	SSL_set_bio(m->server, m->in, m->out);
	SSL_set_accept_state(m->server);
	if (m->head->flags & TLS_1_2)
		expect(SSL_set_max_proto_version(m->server, TLS1_2_VERSION) == 1);
	m->server_in_tls = m->head->flags & IMPLICIT;
	expect(mt_session_new(&options, &m->session) == 0);
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static SSL_CTX *context;
	struct head head;
	struct meeting m = {.head = &head};

	if (!context)
		context = make_server();
	if (size < sizeof(head))
		return 0;
	seed = 1;
	memcpy(&head, data, sizeof(head));
	m.script = data + sizeof(head);
	m.script_size = size - sizeof(head);
	if (begin(&m, context))
		meet(&m);
	mt_session_free(m.session);
	SSL_free(m.server);
	ERR_clear_error();
	return 0;
}
