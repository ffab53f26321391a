/* SPDX-License-Identifier: MIT */
/* The owner of the other end. */

#include "clients/connect/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct question {
	struct nlmsghdr head;
	struct inet_diag_req_v2 request;
};

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Fills one end of a connection as inet_diag wants it: port, and address in network order. */
static void
fill_end(const union address *address, __be16 *port, __be32 words[static 4])
{
	if (address->any.sa_family == AF_INET) {
		*port = address->v4.sin_port;
		words[0] = address->v4.sin_addr.s_addr;
	} else {
		*port = address->v6.sin6_port;
		memcpy(words, &address->v6.sin6_addr, sizeof(address->v6.sin6_addr));
	}
}

/* Asks for the socket whose own end is our peer: seen from there, we are the destination. */
static bool
make_question(int fd, struct question *ret)
{
	union address ours = {0}, theirs = {0};
	socklen_t our_size = sizeof(ours), their_size = sizeof(theirs);

	if (getsockname(fd, &ours.any, &our_size) != 0 ||
	    getpeername(fd, &theirs.any, &their_size) != 0 ||
	    (ours.any.sa_family != AF_INET && ours.any.sa_family != AF_INET6))
		return false;
	*ret = (struct question){
		.head = {.nlmsg_len = sizeof(*ret),
			 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			 .nlmsg_flags = NLM_F_REQUEST},
		.request = {.sdiag_family = (__u8)ours.any.sa_family,
			    .sdiag_protocol = IPPROTO_TCP,
			    .idiag_states = UINT32_MAX,
			    .id = {.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
	};
	fill_end(&theirs, &ret->request.id.idiag_sport, ret->request.id.idiag_src);
	fill_end(&ours, &ret->request.id.idiag_dport, ret->request.id.idiag_dst);
	return true;
}

/* The answer is about that socket, and a process still holds it: an orphan's uid reads as 0, and a
 * listener on the same port is not the one. */
static bool
answers(const struct question *question, const struct inet_diag_msg *answer)
{
	const struct inet_diag_sockid *asked = &question->request.id, *told = &answer->id;

	return asked->idiag_sport == told->idiag_sport && asked->idiag_dport == told->idiag_dport &&
	       memcmp(asked->idiag_src, told->idiag_src, sizeof(asked->idiag_src)) == 0 &&
	       memcmp(asked->idiag_dst, told->idiag_dst, sizeof(asked->idiag_dst)) == 0 &&
	       answer->idiag_state == TCP_ESTABLISHED && answer->idiag_inode != 0;
}

static bool
tcp_peer_is(int fd, uid_t uid)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_msg message;
		char attributes[512];
	} reply;
	struct question question;
	bool is_theirs = false;
	ssize_t n = -1;
	int netlink;

	if (!make_question(fd, &question))
		return false;
	netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (netlink < 0)
		return false;
	if (send(netlink, &question, sizeof(question), 0) == (ssize_t)sizeof(question))
		n = recv(netlink, &reply, sizeof(reply), 0);
	if (n >= (ssize_t)(sizeof(reply.head) + sizeof(reply.message)) &&
	    reply.head.nlmsg_type == SOCK_DIAG_BY_FAMILY && answers(&question, &reply.message))
		is_theirs = reply.message.idiag_uid == uid;
	(void)close(netlink);
	return is_theirs;
}

bool
mt_peer_is(int fd, uid_t uid)
{
	struct ucred creds;
	socklen_t size = sizeof(creds), domain_size = sizeof(int);
	int domain = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_size) != 0)
		return false;
	if (domain != AF_UNIX)
		return tcp_peer_is(fd, uid);
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &creds, &size) == 0 && creds.uid == uid;
}
