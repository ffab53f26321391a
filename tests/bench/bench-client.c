/* SPDX-License-Identifier: MIT */
/*
 * Asks for verdicts and measures how long they take.
 *
 *   bench-client [option...]
 *     --address A      D-Bus address to connect to; with --bus it is a message bus
 *     --name N         destination on the bus
 *     --account PATH   object that is asked; given again, they are asked in turn
 *     --host H --port N --chain PEM      the evidence: an IMAP server and what it sent
 *     --mint KEY       every request has a leaf of its own, signed with the issuer's key
 *     --count N        requests that are measured
 *     --pause USEC     idle time before each of them
 *     --depth N        requests outstanding at once; prints requests per second
 *     --save FILE      asks once and stores the reply as it was marshalled
 *     --polkit ACTION  asks polkit for an authorization instead
 *
 * Prints the median in microseconds. A reply that does not allow ends the program: an error is
 * quick.
 */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <dbus/dbus.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "ipc/codec.h"

#define TIMEOUT_MSEC 20000
#define ACCOUNTS_MAX 256
/* evidence may be 30 s old; it is renewed well before */
#define RENEW_USEC (5 * MT_USEC_PER_SEC)

struct bench {
	const char *address, *name, *host, *chain_path, *mint_key, *save, *action;
	bool is_bus;
	uint16_t port;
	long count, pause_usec;
	int depth;
	const char *accounts[ACCOUNTS_MAX];
	size_t n_accounts, next_account;

	DBusConnection *connection;
	struct mt_evidence evidence;
	X509 *leaf, *issuer;
	EVP_PKEY *issuer_key;
	DBusMessage *message;
	int64_t built_usec;
	long sent, done;
	uint8_t *der;
};

static void
fail(const char *what)
{
	fprintf(stderr, "bench-client: %s\n", what);
	exit(EXIT_FAILURE);
}

static int64_t
clock_usec(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return now.tv_sec * MT_USEC_PER_SEC + now.tv_nsec / 1000;
}

static double
now_usec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* ---------------------------------------------------------------- the evidence */

static void
load_chain(struct bench *b)
{
	BIO *file = BIO_new_file(b->chain_path, "r");
	struct mt_evidence *ev = &b->evidence;
	X509 *cert;

	while (file && ev->n_chain < MT_CHAIN_MAX &&
	       (cert = PEM_read_bio_X509(file, NULL, NULL, NULL))) {
		uint8_t *der = NULL;
		int size = i2d_X509(cert, &der);

		ev->chain[ev->n_chain++] = (struct mt_bytes){der, (size_t)size};
		if (ev->n_chain == 1)
			b->leaf = cert;
		else if (ev->n_chain == 2)
			b->issuer = cert;
		else
			X509_free(cert);
	}
	BIO_free(file);
	if (ev->n_chain < 2)
		fail("the chain has fewer than two certificates");
}

static void
load_mint_key(struct bench *b)
{
	BIO *file = BIO_new_file(b->mint_key, "r");

	b->issuer_key = file ? PEM_read_bio_PrivateKey(file, NULL, NULL, NULL) : NULL;
	BIO_free(file);
	if (!b->issuer_key)
		fail("the key to mint with cannot be read");
}

/* Puts a leaf nobody has seen in front of the chain: the same one under a new serial number. */
static void
mint(struct bench *b)
{
	static uint64_t serial;
	int size = 0;

	/* signatures repeat: a run must not meet the serial numbers of an earlier one */
	if (serial == 0)
		serial = (uint64_t)clock_usec(CLOCK_REALTIME) << 12;
	OPENSSL_free(b->der);
	b->der = NULL;
	if (!ASN1_INTEGER_set_uint64(X509_get_serialNumber(b->leaf), ++serial) ||
	    !X509_sign(b->leaf, b->issuer_key, EVP_sha256()) ||
	    (size = i2d_X509(b->leaf, &b->der)) < 1)
		fail("minting");

	b->evidence.chain[0] = (struct mt_bytes){b->der, (size_t)size};
}

static void
fill_evidence(struct bench *b)
{
	struct mt_evidence *ev = &b->evidence;
	int64_t now = clock_usec(CLOCK_REALTIME);

	ev->proto = MT_PROTO_IMAP;
	ev->transport = MT_TRANSPORT_IMPLICIT;
	ev->tls_version = MT_TLS_VERSION_1_3;
	ev->port = b->port;
	ev->local_port = 40000;
	ev->established_at_usec = now - 1000;
	ev->observed_at_usec = now;
	snprintf(ev->host, sizeof(ev->host), "%s", b->host);
	snprintf(ev->tls_cipher, sizeof(ev->tls_cipher), "TLS_AES_128_GCM_SHA256");
	snprintf(ev->tls_alpn, sizeof(ev->tls_alpn), "none");
	snprintf(ev->auth_mechanism, sizeof(ev->auth_mechanism), "PLAIN");
	snprintf(ev->peer, sizeof(ev->peer), "127.0.0.1");
	ev->present = MT_BIT(MT_EV_PROTO) | MT_BIT(MT_EV_HOST) | MT_BIT(MT_EV_PORT) |
		      MT_BIT(MT_EV_TRANSPORT) | MT_BIT(MT_EV_TLS_VERSION) |
		      MT_BIT(MT_EV_TLS_CIPHER) | MT_BIT(MT_EV_TLS_RESUMED) |
		      MT_BIT(MT_EV_TLS_EARLY_DATA) | MT_BIT(MT_EV_TLS_ALPN) | MT_BIT(MT_EV_CHAIN) |
		      MT_BIT(MT_EV_AUTH_LOGINDISABLED) | MT_BIT(MT_EV_AUTH_MECHANISM) |
		      MT_BIT(MT_EV_EXPORTER) | MT_BIT(MT_EV_PEER) | MT_BIT(MT_EV_LOCAL_PORT) |
		      MT_BIT(MT_EV_ESTABLISHED_AT) | MT_BIT(MT_EV_OBSERVED_AT);
}

/* ---------------------------------------------------------------- messages */

static DBusMessage *
build_check(struct bench *b)
{
	DBusMessage *message =
		dbus_message_new_method_call(b->name, b->n_accounts > 0 ? b->accounts[0] : "/",
					     "org.mailtrust1.Account", "Check");
	DBusMessageIter iter, options;

	fill_evidence(b);
	dbus_message_iter_init_append(message, &iter);
	if (mt_codec_append_string(&iter, "authenticate") ||
	    mt_codec_append_evidence(&iter, &b->evidence) ||
	    !dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &options) ||
	    !dbus_message_iter_close_container(&iter, &options))
		fail("out of memory");

	return message;
}

/* CheckAuthorization((sa{sv}) subject, s action, a{ss} details, u flags, s cancellation). */
static DBusMessage *
build_polkit(struct bench *b)
{
	DBusMessage *message = dbus_message_new_method_call(
		"org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority",
		"org.freedesktop.PolicyKit1.Authority", "CheckAuthorization");
	const char *kind = "system-bus-name", *key = "name", *none = "";
	const char *self = dbus_bus_get_unique_name(b->connection);
	DBusMessageIter iter, subject, dict, entry, variant;
	uint32_t flags = 0;

	dbus_message_iter_init_append(message, &iter);
	dbus_message_iter_open_container(&iter, DBUS_TYPE_STRUCT, NULL, &subject);
	dbus_message_iter_append_basic(&subject, DBUS_TYPE_STRING, &kind);
	dbus_message_iter_open_container(&subject, DBUS_TYPE_ARRAY, "{sv}", &dict);
	dbus_message_iter_open_container(&dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
	dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &key);
	dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, "s", &variant);
	dbus_message_iter_append_basic(&variant, DBUS_TYPE_STRING, &self);
	dbus_message_iter_close_container(&entry, &variant);
	dbus_message_iter_close_container(&dict, &entry);
	dbus_message_iter_close_container(&subject, &dict);
	dbus_message_iter_close_container(&iter, &subject);
	dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &b->action);
	dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{ss}", &dict);
	dbus_message_iter_close_container(&iter, &dict);
	dbus_message_iter_append_basic(&iter, DBUS_TYPE_UINT32, &flags);
	dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &none);
	return message;
}

/* The next request; building it is not part of what is measured. */
static DBusMessage *
next_message(struct bench *b)
{
	int64_t now = clock_usec(CLOCK_MONOTONIC);
	DBusMessage *message;

	if (b->mint_key)
		mint(b);
	if (!b->message || b->mint_key || now - b->built_usec > RENEW_USEC) {
		if (b->message)
			dbus_message_unref(b->message);
		b->message = b->action ? build_polkit(b) : build_check(b);
		b->built_usec = now;
	}
	message = dbus_message_copy(b->message);
	if (!message ||
	    (b->n_accounts > 1 &&
	     !dbus_message_set_path(message, b->accounts[b->next_account++ % b->n_accounts])))
		fail("out of memory");
	return message;
}

/* polkit's reply begins with a boolean inside a struct, ours with the decision. */
static void
require_yes(DBusMessage *reply)
{
	DBusMessageIter iter, inner;
	dbus_bool_t yes = false;
	const char *text = "";

	dbus_message_iter_init(reply, &iter);
	if (dbus_message_iter_get_arg_type(&iter) == DBUS_TYPE_STRING)
		dbus_message_iter_get_basic(&iter, &text);
	if (dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_ERROR)
		fail(text);
	if (dbus_message_iter_get_arg_type(&iter) == DBUS_TYPE_STRUCT) {
		dbus_message_iter_recurse(&iter, &inner);
		dbus_message_iter_get_basic(&inner, &yes);
	}
	if (!yes && strcmp(text, "allow") != 0)
		fail("the answer is not yes");
}

/* ---------------------------------------------------------------- measuring */

static DBusMessage *
ask(struct bench *b, double *ret_usec)
{
	DBusMessage *message = next_message(b), *reply;
	const struct timespec pause = {.tv_nsec = b->pause_usec * 1000};
	DBusError error = DBUS_ERROR_INIT;
	double begin;

	if (b->pause_usec)
		(void)nanosleep(&pause, NULL);
	begin = now_usec();

	reply = dbus_connection_send_with_reply_and_block(b->connection, message, TIMEOUT_MSEC,
							  &error);
	*ret_usec = now_usec() - begin;
	dbus_message_unref(message);
	if (!reply)
		fail(error.message);

	require_yes(reply);
	return reply;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
measure_one_by_one(struct bench *b)
{
	double *usec = calloc((size_t)b->count, sizeof(*usec)), ignored;

	if (!usec)
		fail("out of memory");
	for (long i = 0; i < b->count / 10 + 1; i++)
		dbus_message_unref(ask(b, &ignored)); /* caches fill, predictors learn */
	for (long i = 0; i < b->count; i++)
		dbus_message_unref(ask(b, &usec[i]));
	qsort(usec, (size_t)b->count, sizeof(*usec), compare);
	printf("%.2f\n", usec[b->count / 2]);
	free(usec);
}

static void send_next(struct bench *b);

static void
on_reply(DBusPendingCall *pending, void *userdata)
{
	struct bench *b = userdata;
	DBusMessage *reply = dbus_pending_call_steal_reply(pending);

	require_yes(reply);
	dbus_message_unref(reply);
	b->done++;
	send_next(b);
}

static void
send_next(struct bench *b)
{
	DBusPendingCall *pending = NULL;
	DBusMessage *message;

	if (b->sent >= b->count)
		return;

	message = next_message(b);
	if (!dbus_connection_send_with_reply(b->connection, message, &pending, TIMEOUT_MSEC) ||
	    !pending || !dbus_pending_call_set_notify(pending, on_reply, b, NULL))
		fail("sending");

	dbus_pending_call_unref(pending);
	dbus_message_unref(message);
	b->sent++;
}

static void
measure_outstanding(struct bench *b)
{
	double ignored, begin;

	for (int i = 0; i < b->depth; i++)
		dbus_message_unref(ask(b, &ignored));
	begin = now_usec();
	for (int i = 0; i < b->depth; i++)
		send_next(b);
	while (b->done < b->count)
		if (!dbus_connection_read_write_dispatch(b->connection, TIMEOUT_MSEC))
			fail("the connection broke");
	printf("%.1f\n", (double)b->count / (now_usec() - begin) * 1e6);
}

static void
save_reply(struct bench *b)
{
	FILE *file = fopen(b->save, "wb");
	double ignored;
	DBusMessage *reply = ask(b, &ignored);
	char *data = NULL;
	int size = 0;

	if (!file || !dbus_message_marshal(reply, &data, &size) ||
	    fwrite(data, 1, (size_t)size, file) != (size_t)size || fclose(file) != 0)
		fail("saving the reply");
	dbus_free(data);
	dbus_message_unref(reply);
}

/* ---------------------------------------------------------------- options */

static void
open_connection(struct bench *b)
{
	DBusError error = DBUS_ERROR_INIT;

	b->connection = b->address ? dbus_connection_open_private(b->address, &error) : NULL;
	if (!b->connection || (b->is_bus && !dbus_bus_register(b->connection, &error)))
		fail(error.message ? error.message : "no --address");
}

static void
set_option(struct bench *b, int option, const char *value)
{
	switch (option) {
	case 'a':
		b->address = value;
		break;
	case 'b':
		b->is_bus = true;
		break;
	case 'n':
		b->name = value;
		break;
	case 'o':
		if (b->n_accounts < ACCOUNTS_MAX)
			b->accounts[b->n_accounts++] = value;
		break;
	case 'h':
		b->host = value;
		break;
	case 'p':
		b->port = (uint16_t)atoi(value);
		break;
	case 'c':
		b->chain_path = value;
		break;
	case 'm':
		b->mint_key = value;
		break;
	case 'N':
		b->count = atol(value);
		break;
	case 'u':
		b->pause_usec = atol(value);
		break;
	case 'd':
		b->depth = atoi(value);
		break;
	case 's':
		b->save = value;
		break;
	case 'k':
		b->action = value;
		break;
	default:
		exit(64);
	}
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{"address", 1, NULL, 'a'}, {"bus", 0, NULL, 'b'},  {"name", 1, NULL, 'n'},
		{"account", 1, NULL, 'o'}, {"host", 1, NULL, 'h'}, {"port", 1, NULL, 'p'},
		{"chain", 1, NULL, 'c'},   {"mint", 1, NULL, 'm'}, {"count", 1, NULL, 'N'},
		{"depth", 1, NULL, 'd'},   {"save", 1, NULL, 's'}, {"polkit", 1, NULL, 'k'},
		{"pause", 1, NULL, 'u'},   {NULL, 0, NULL, 0}};
	struct bench b = {.host = "localhost", .count = 1000};

	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;)
		set_option(&b, option, optarg);

	open_connection(&b);
	if (!b.action)
		load_chain(&b);
	if (b.mint_key)
		load_mint_key(&b);
	if (b.save)
		save_reply(&b);
	else if (b.depth > 1)
		measure_outstanding(&b);
	else
		measure_one_by_one(&b);

	return EXIT_SUCCESS;
}
