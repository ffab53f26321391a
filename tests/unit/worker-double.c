/* SPDX-License-Identifier: MIT */
/*
 * A judge of chains that misbehaves on request: linked to the worker's real main() and roles in
 * place of the real judge, so that tests can see what a child taken over by a certificate could do.
 * The first certificate of a request is the order, as text.
 */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/worker/chain.h"
#include "daemon/worker/wire.h"
#include "tests/unit/worker-double.h"

struct mt_anchors {
	uint8_t generation;
};

int
mt_anchors_load(const char *path, struct mt_anchors **ret)
{
	struct mt_anchors *anchors;
	char byte = 0;
	int fd;

	/* The double's trust store is one byte in a file, its generation. */
	fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (path && (fd < 0 || read(fd, &byte, 1) != 1)) {
		if (fd >= 0)
			close(fd);
		return MT_ANCHORS_E_UNREADABLE;
	}
	if (fd >= 0)
		close(fd);
	anchors = calloc(1, sizeof(*anchors));
	if (!anchors)
		return -ENOMEM;
	anchors->generation = (uint8_t)byte;
	*ret = anchors;
	return 0;
}

int
mt_anchors_from_der(const struct mt_bytes *der, size_t n, struct mt_anchors **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

struct mt_anchors *
mt_anchors_free(struct mt_anchors *anchors)
{
	free(anchors);
	return NULL;
}

size_t
mt_anchors_count(const struct mt_anchors *anchors)
{
	return anchors->generation;
}

void
mt_anchors_digest(const struct mt_anchors *anchors, uint8_t ret[static 32])
{
	memset(ret, anchors->generation, 32);
}

/* Tries what a child must not be able to do; a bit for each that worked. */
static uint32_t
try_everything(void)
{
	uint32_t worked = 0;
	int fd;

	fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	worked |= fd >= 0 ? MT_DOUBLE_OPENED : 0;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	worked |= fd >= 0 ? MT_DOUBLE_SOCKET : 0;
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	worked |= fd >= 0 ? MT_DOUBLE_SOCKET : 0;
	worked |= kill(getppid(), 0) == 0 ? MT_DOUBLE_SIGNALLED : 0;
	worked |= fork() >= 0 ? MT_DOUBLE_FORKED : 0;
	worked |= mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0) != MAP_FAILED
			  ? MT_DOUBLE_EXECUTABLE
			  : 0;
	for (fd = 4; fd < 64; fd++) /* the keeper's socket, other children's pipes */
		worked |= write(fd, "x", 1) >= 0 || errno != EBADF ? MT_DOUBLE_DESCRIPTOR : 0;
	return worked;
}

static void
exec_something(void)
{
	static char *arguments[] = {NULL};

	execve("/bin/true", arguments, arguments);
}

static void
read_parent(void)
{
	char here[8];
	struct iovec local = {here, sizeof(here)};
	struct iovec remote = {here, sizeof(here)};

	(void)!process_vm_readv(getppid(), &local, 1, &remote, 1, 0);
}

/* An answer under somebody else's id, before the real one. */
static void
forge(int64_t id)
{
	static struct mt_wire_message message;
	struct mt_validation forged = {.state = MT_VALIDATION_DONE, .pkix_valid = true};

	if (mt_wire_encode_validation(&message, (uint64_t)id, &forged) == 0)
		(void)!write(3, message.data, message.size);
	_exit(0);
}

static bool
is_order(const struct mt_chain_request *request, const char *order)
{
	return request->n_chain > 0 && request->chain[0].size == strlen(order) &&
	       memcmp(request->chain[0].data, order, strlen(order)) == 0;
}

/* Return: how many answers a chain wants, and from where; 0 of any other. */
static size_t
read_fetch_order(const struct mt_chain_request *request, uint16_t *ret_port)
{
	char text[64] = "";
	unsigned int port = 0, n = 0;

	if (request->n_chain > 0 && request->chain[0].size < sizeof(text))
		memcpy(text, request->chain[0].data, request->chain[0].size);
	if (sscanf(text, MT_DOUBLE_FETCH "%u %u", &port, &n) != 2)
		return 0;
	*ret_port = (uint16_t)port;
	return n;
}

static void
believe(const struct mt_chain_request *request, struct mt_validation *ret)
{
	const uint8_t first = request->n_fetched > 0 ? request->fetched[0].data[0] : 0;

	ret->pkix_valid = true;
	ret->revocation = first == 'g'   ? MT_REVOCATION_GOOD
			  : first == 'r' ? MT_REVOCATION_REVOKED
					 : MT_REVOCATION_UNKNOWN;
	if (first == 'c')
		abort();
	for (size_t i = 0; i < request->n_fetched; i++)
		for (size_t at = 0; at < request->fetched[i].size; at++)
			ret->dane_usable += request->fetched[i].data[at];
}

void
mt_chain_judge(const struct mt_anchors *anchors, const struct mt_chain_request *request,
	       struct mt_validation *ret)
{
	*ret = (struct mt_validation){.state = MT_VALIDATION_DONE};
	ret->not_after_usec = request->at_usec; /* an echo, to tell answers apart */
	ret->leaf_sha256[0] = anchors->generation;

	if (request->wants_revocation)
		believe(request, ret);
	if (is_order(request, "crash"))
		abort();
	if (is_order(request, "hang"))
		for (volatile unsigned i = 0;; i++)
			;
	if (is_order(request, "exec"))
		exec_something();
	if (is_order(request, "read-parent"))
		read_parent();
	if (is_order(request, "forge"))
		forge(request->at_usec);
	if (is_order(request, "silent"))
		_exit(0);
	if (is_order(request, "garbage")) {
		(void)!write(3, "not a message", 13);
		_exit(0);
	}
	if (is_order(request, "everything"))
		ret->dane_usable = try_everything();
}

void
mt_chain_orders(const struct mt_anchors *anchors, const struct mt_chain_request *request,
		struct mt_fetch_orders *ret)
{
	uint16_t port = 0;

	memset(ret, 0, sizeof(*ret));
	ret->n = read_fetch_order(request, &port);
	for (size_t i = 0; i < ret->n; i++)
		ret->order[i] = (struct mt_fetch_order){"127.0.0.1", port, "/"};
}

void
mt_chain_rehearse(const struct mt_anchors *anchors)
{
}
