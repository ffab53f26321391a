/* SPDX-License-Identifier: MIT */
/*
 * What the parts of a verdict cost where nothing is built around them, in microseconds (median):
 *
 *   sign     one ES256 signature over 500 bytes
 *   hop      a chain to another process and a short answer back, over a socket pair
 *   fork     a child of a process that holds the trust store, and its end
 *   verify   parse, verify and match one chain with OpenSSL and a store that is warm
 *   alone    all four in a row, after a pause in which the caches went cold: what a chain that
 *            nobody has seen meets, because it comes alone
 *
 *   bench-bricks ANCHORS CHAIN HOST PAUSE-USEC
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "ipc/key.h"
#include "policy/limits.h"

#define ROUNDS 301
#define ANSWER_BYTES 256

struct bricks {
	struct mt_signing_key *key;
	X509_STORE *store;
	const char *host;
	uint8_t *der[MT_CHAIN_MAX];
	int der_size[MT_CHAIN_MAX];
	int n;
	int hop_fd;
};

static void
fail(const char *what)
{
	fprintf(stderr, "bench-bricks: %s\n", what);
	exit(EXIT_FAILURE);
}

static double
now_usec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void
sign(struct bricks *b)
{
	static const char text[500];
	uint8_t signature[MT_ES256_SIZE];

	if (mt_key_sign(b->key, text, sizeof(text), signature))
		fail("signing");
}

static void
hop(struct bricks *b)
{
	uint8_t answer[ANSWER_BYTES], request[MT_WIRE_MESSAGE_MAX];
	size_t size = 0;

	for (int i = 0; i < b->n; i++) {
		memcpy(request + size, b->der[i], (size_t)b->der_size[i]);
		size += (size_t)b->der_size[i];
	}
	if (send(b->hop_fd, request, size, 0) != (ssize_t)size ||
	    recv(b->hop_fd, answer, sizeof(answer), 0) != ANSWER_BYTES)
		fail("hop");
}

static void
fork_once(struct bricks *b)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(0);
	if (child < 0 || waitpid(child, &status, 0) != child)
		fail("fork");
}

static void
verify(struct bricks *b)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *untrusted = sk_X509_new_null();
	X509 *leaf = NULL;

	for (int i = 0; i < b->n; i++) {
		const uint8_t *at = b->der[i];
		X509 *cert = d2i_X509(NULL, &at, b->der_size[i]);

		if (i == 0)
			leaf = cert;
		else
			sk_X509_push(untrusted, cert);
	}
	X509_STORE_CTX_init(ctx, b->store, leaf, untrusted);
	X509_STORE_CTX_set_default(ctx, "ssl_server");
	if (X509_verify_cert(ctx) != 1 || X509_check_host(leaf, b->host, 0, 0, NULL) != 1)
		fail(X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));

	X509_STORE_CTX_free(ctx);
	sk_X509_pop_free(untrusted, X509_free);
	X509_free(leaf);
}

/* Return: what it cost, without the pause. */
static double
measure(struct bricks *b, void (*run)(struct bricks *b), useconds_t pause_usec)
{
	double begin;

	if (pause_usec > 0)
		(void)usleep(pause_usec);
	begin = now_usec();
	run(b);
	return now_usec() - begin;
}

static void
all(struct bricks *b)
{
	sign(b);
	hop(b);
	fork_once(b);
	verify(b);
}

static void
load(struct bricks *b, const char *anchors, const char *chain)
{
	BIO *file = BIO_new_file(chain, "r");
	X509 *cert;

	b->store = X509_STORE_new();
	if (!file || X509_STORE_load_file(b->store, anchors) != 1)
		fail("anchors or chain cannot be read");

	while (b->n < MT_CHAIN_MAX && (cert = PEM_read_bio_X509(file, NULL, NULL, NULL))) {
		b->der_size[b->n] = i2d_X509(cert, &b->der[b->n]);
		b->n++;
		X509_free(cert);
	}
	BIO_free(file);
}

/* A child that answers every message, until this end closes. */
static void
start_hop(struct bricks *b)
{
	uint8_t request[MT_WIRE_MESSAGE_MAX], answer[ANSWER_BYTES] = {0};
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds))
		fail("socketpair");

	b->hop_fd = fds[0];
	if (fork() != 0) {
		close(fds[1]);
		return;
	}
	close(fds[0]);
	while (recv(fds[1], request, sizeof(request), 0) > 0)
		if (send(fds[1], answer, sizeof(answer), 0) < 0)
			break;
	_exit(0);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median of all rounds. */
static void
report(struct bricks *b, const char *name, void (*run)(struct bricks *b), useconds_t pause_usec)
{
	double usec[ROUNDS];

	for (int n = 0; n < ROUNDS; n++)
		usec[n] = measure(b, run, pause_usec);
	qsort(usec, ROUNDS, sizeof(*usec), compare);
	printf("%s %.2f\n", name, usec[ROUNDS / 2]);
}

int
main(int argc, char **argv)
{
	struct bricks b = {0};

	if (argc != 5)
		return 64;

	b.host = argv[3];
	if (mt_key_generate(&b.key))
		fail("no key");
	start_hop(&b);
	load(&b, argv[1], argv[2]);
	report(&b, "sign", sign, 0);
	report(&b, "hop", hop, 0);
	report(&b, "fork", fork_once, 0);
	report(&b, "verify", verify, 0);
	report(&b, "alone", all, (useconds_t)strtoul(argv[4], NULL, 10));
	return EXIT_SUCCESS;
}
