/* SPDX-License-Identifier: MIT */
/*
 * What a conversation costs in memory: a line nothing, a session less than a mebibyte whatever the
 * server sends (D-STLS-13). Our own allocations are counted by the linker's wrapping, OpenSSL's by
 * its memory functions.
 */

#include "tests/cmocka-all.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "tests/unit/tls-peer.h"

#define SESSION_MAX (1024 * 1024)

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

/* The hooks have no argument to carry state. */
static struct {
	bool counting; /* what is allocated now belongs to the client */
	size_t n_ours;
	size_t live, peak;
} memory;

void *
__wrap_malloc(size_t size)
{
	memory.n_ours += memory.counting;
	return __real_malloc(size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	memory.n_ours += memory.counting;
	return __real_calloc(n, size);
}

void *
__wrap_realloc(void *old, size_t size)
{
	memory.n_ours += memory.counting;
	return __real_realloc(old, size);
}

/* -- OpenSSL's --------------------------------------------------------------------------------- */

/* In front of every block. */
union head {
	struct {
		size_t size;
		bool is_clients;
	} of;
	max_align_t align;
};

static void *
take(size_t size, const char *file, int line)
{
	union head *head = __real_malloc(sizeof(*head) + size);

	if (!head)
		return NULL;
	head->of.size = size;
	head->of.is_clients = memory.counting;
	memory.live += memory.counting ? size : 0;
	memory.peak = memory.live > memory.peak ? memory.live : memory.peak;
	return head + 1;
}

static void
give(void *block, const char *file, int line)
{
	union head *head = block;

	if (!block)
		return;
	memory.live -= head[-1].of.is_clients ? head[-1].of.size : 0;
	free(head - 1);
}

static void *
change(void *old, size_t size, const char *file, int line)
{
	const union head *head = old;
	void *new = take(size, file, line);

	if (!new || !old)
		return new;
	memcpy(new, old, head[-1].of.size < size ? head[-1].of.size : size);
	give(old, file, line);
	return new;
}

/* -- lines ------------------------------------------------------------------------------------- */

static const struct {
	const char *greeting, *first, *line, *last;
} replies[MT_PROTO_COUNT] = {
	[MT_PROTO_IMAP] = {"* OK\r\n", "* CAPABILITY STARTTLS\r\n", "* 1 EXISTS\r\n", "a1 OK\r\n"},
	[MT_PROTO_POP3] = {"+OK\r\n", "+OK\r\n", "STLS\r\n", ".\r\n"},
	[MT_PROTO_SUBMISSION] = {"220 x\r\n", "250-x\r\n", "250-STARTTLS\r\n", "250 X\r\n"},
};

static void
feed(struct mt_dialogue *d, const char *text)
{
	assert_int_equal(mt_dialogue_feed(d, (const uint8_t *)text, strlen(text)), strlen(text));
	mt_dialogue_sent(d);
}

/* Return: lines that were read. */
static size_t
talk(enum mt_proto proto)
{
	struct mt_dialogue d;
	size_t n = 0;

	mt_dialogue_init(&d, proto, false);
	feed(&d, replies[proto].greeting);
	feed(&d, replies[proto].first);
	for (; n < MT_REPLY_LINES_MAX - 2; n++)
		feed(&d, replies[proto].line);
	feed(&d, replies[proto].last);
	assert_true(d.facts.offered);
	assert_int_equal(d.state, MT_DIALOGUE_READING);
	mt_dialogue_enter_tls(&d);
	mt_dialogue_end(&d);
	mt_dialogue_logout(&d);
	return n;
}

static void
a_line_costs_no_allocation(void **state)
{
	for (enum mt_proto proto = MT_PROTO_IMAP; proto < MT_PROTO_COUNT; proto++) {
		size_t n_lines = 0;

		memory.n_ours = 0;
		memory.counting = true;
		while (n_lines < 10000)
			n_lines += talk(proto);
		memory.counting = false;
		assert_int_equal(memory.n_ours, 0);
	}
}

/* -- sessions ---------------------------------------------------------------------------------- */

/* Begins with a session whose memory is counted from its first byte. */
static void
start(struct meeting *m, const struct peer_options *options)
{
	const struct mt_session_options session = {.proto = options->proto,
						   .transport = options->transport,
						   .host = PEER_HOST,
						   .port = 993};

	meeting_start(m, options);
	m->session = mt_session_free(m->session);
	memory.live = memory.peak = memory.n_ours = 0;
	memory.counting = true;
	assert_int_equal(mt_session_new(&session, &m->session), 0);
	memory.counting = false;
}

static size_t
receive(struct meeting *m)
{
	size_t n;

	memory.counting = true;
	n = meeting_receive(m, SIZE_MAX);
	memory.counting = false;
	return n;
}

static void
run(struct meeting *m)
{
	do
		(void)meeting_send(m);
	while (mt_session_get_step(m->session) == MT_STEP_CONTINUE && receive(m) > 0);
}

static const struct peer_options rows[] = {
	{.version = TLS1_3_VERSION},
	{.version = TLS1_2_VERSION},
	{.version = TLS1_3_VERSION, .n_certs = MT_CHAIN_MAX, .cert_padding = 10 * 1024},
	{.version = TLS1_2_VERSION, .n_certs = MT_CHAIN_MAX, .cert_padding = 10 * 1024},
	{.version = TLS1_3_VERSION, .n_certs = 16, .cert_padding = 64 * 1024},
	{.version = TLS1_2_VERSION, .n_certs = 16, .cert_padding = 64 * 1024},
	{.version = TLS1_3_VERSION, .cert_padding = 60 * 1024, .staple_size = 60 * 1024},
};

static void
a_session_costs_less_than_a_mebibyte_whatever_the_server_sends(void **state)
{
	for (size_t i = 0; i < MT_ARRAY_SIZE(rows) * 2; i++) {
		struct peer_options options = rows[i / 2];
		struct meeting m;

		options.proto = MT_PROTO_IMAP;
		options.transport = i % 2 ? MT_TRANSPORT_STARTTLS : MT_TRANSPORT_IMPLICIT;
		start(&m, &options);
		run(&m);
		assert_int_not_equal(mt_session_get_step(m.session), MT_STEP_CONTINUE);
		assert_in_range(memory.peak, 1, SESSION_MAX);
		assert_true(memory.n_ours > 0); /* the count does count */
		meeting_clear(&m);
	}
}

/* Says something that is no end of anything, again and again. */
static void
say(struct meeting *m, const char *text)
{
	size_t n;

	assert_true(SSL_write_ex(m->peer.ssl, text, strlen(text), &n));
}

static void
a_server_that_never_ends_inside_tls_costs_no_more(void **state)
{
	static const char *const greeting_only[] = {"* OK hi\r\n", NULL};
	const struct peer_options options = {.proto = MT_PROTO_IMAP,
					     .transport = MT_TRANSPORT_IMPLICIT,
					     .inside = greeting_only};
	struct meeting m;
	size_t peak;

	start(&m, &options);
	run(&m);
	peak = memory.peak;
	for (int i = 0; i < 10000; i++) {
		say(&m, "* 1 EXISTS\r\n");
		(void)receive(&m);
	}
	assert_int_equal(mt_session_get_step(m.session), MT_STEP_FAILED);
	assert_in_range(memory.peak, peak, peak + 64 * 1024);
	meeting_clear(&m);
}

/* RFC 8446 §4.6: what comes after the handshake, without end. */
static void
endless_tickets_and_key_updates_cost_no_more(void **state)
{
	static const char *const greeting_only[] = {"* OK hi\r\n", NULL};
	const struct peer_options options = {.proto = MT_PROTO_IMAP,
					     .transport = MT_TRANSPORT_IMPLICIT,
					     .version = TLS1_3_VERSION,
					     .inside = greeting_only};
	struct meeting m;
	size_t live;

	start(&m, &options);
	run(&m);
	live = memory.live;
	for (int i = 0; i < 2000; i++) {
		assert_true(i % 2 ? SSL_new_session_ticket(m.peer.ssl)
				  : SSL_key_update(m.peer.ssl, SSL_KEY_UPDATE_NOT_REQUESTED));
		assert_int_equal(SSL_do_handshake(m.peer.ssl), 1);
		(void)receive(&m);
		(void)meeting_send(&m);
	}
	assert_in_range(memory.live, 1, live + 64 * 1024);
	meeting_clear(&m);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_costs_no_allocation),
		cmocka_unit_test(a_session_costs_less_than_a_mebibyte_whatever_the_server_sends),
		cmocka_unit_test(a_server_that_never_ends_inside_tls_costs_no_more),
		cmocka_unit_test(endless_tickets_and_key_updates_cost_no_more),
	};

	if (CRYPTO_set_mem_functions(take, change, give) != 1)
		return 1;
	return cmocka_run_group_tests_name("mail-memory", tests, NULL, NULL);
}
