/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_WORKER_WIRE_H
#define MT_DAEMON_WORKER_WIRE_H

/*
 * The one codec between the keeper and its workers (DESIGN §3): messages over a SOCK_SEQPACKET
 * socketpair, one message per datagram, header {version, type, request id, body size}.
 *
 * Both ends distrust the other: the keeper because a worker may have been taken over through a
 * certificate or a DNS answer, the worker because it is cheap. So every count, length and enum is
 * checked here, nothing is a dump of a struct, and trailing bytes are malformed. What is *not*
 * checked here is meaning: the keeper asks mt_validation_is_sane() before it believes a
 * validation, and decides itself what evidence is worth.
 *
 * Integers are little-endian. Bytes and texts are length-prefixed. Encoders write into a caller's
 * message of fixed size; decoders take the body. A decoded chain request borrows from the bytes it
 * was decoded from; decoded evidence owns its chain (mt_evidence_clear()).
 */

#include "daemon/worker/chain.h"
#include "daemon/worker/document.h"
#include "policy/evidence.h"
#include "policy/rrset.h"

#define MT_WIRE_VERSION 1
#define MT_WIRE_HEADER_SIZE 16

enum mt_wire_type {
	MT_WIRE_NONE = 0,
	MT_WIRE_READY,      /* worker -> keeper, once, id 0: struct mt_wire_ready */
	MT_WIRE_CHAIN,      /* keeper -> chain: struct mt_chain_request */
	MT_WIRE_VALIDATION, /* chain -> keeper: struct mt_validation */
	MT_WIRE_RESOLVE,    /* keeper -> net: a host */
	MT_WIRE_ADDRESSES,  /* net -> keeper: struct mt_addresses */
	MT_WIRE_PROBE,      /* keeper -> net: struct mt_probe_request */
	MT_WIRE_EVIDENCE,   /* net -> keeper: struct mt_probe_result */
	MT_WIRE_SRV,        /* keeper -> net: a name */
	MT_WIRE_SRV_RRSET,  /* net -> keeper: struct mt_srv_rrset */
	MT_WIRE_TLSA,       /* keeper -> net: a host and a port */
	MT_WIRE_TLSA_RRSET, /* net -> keeper: struct mt_tlsa_rrset */
	MT_WIRE_CANCEL,     /* keeper -> any: nobody waits for this id any more; no reply */
	MT_WIRE_PART,       /* before a message of the same id that is too large for one */
	MT_WIRE_REVOCATION, /* keeper -> chain: struct mt_chain_request that wants_revocation */
	MT_WIRE_REPORT,     /* chain -> keeper: struct mt_validation and struct mt_fetch_orders */
	MT_WIRE_FETCH,      /* keeper -> net: struct mt_fetch_request */
	MT_WIRE_FETCHED,    /* net -> keeper: struct mt_fetched */
	MT_WIRE_DIGEST,     /* keeper -> net: a name */
	MT_WIRE_DIGESTS,    /* net -> keeper: struct mt_digest_rrset */
	MT_WIRE_DOCUMENT,   /* keeper -> net: struct mt_document_request */
	MT_WIRE_READ        /* net -> keeper: struct mt_document_reply */
};
#define MT_WIRE_TYPE_COUNT 22

enum {
	MT_WIRE_E_MALFORMED = 1, /* decoders: not a message of ours */
	MT_WIRE_E_TOO_LARGE = 2  /* encoders: over MT_WIRE_MESSAGE_MAX */
};

struct mt_wire_header {
	enum mt_wire_type type;
	uint64_t id;
};

/* A message being written. Large: on the heap or in a long-lived struct, never on the stack. */
struct mt_wire_message {
	size_t size;
	bool overflow;
	uint8_t data[MT_WIRE_MESSAGE_MAX];
};

/* Zero: nothing but the anchors of a request itself can be judged. */
enum mt_anchors_state { MT_ANCHORS_UNREADABLE = 0, MT_ANCHORS_EMPTY, MT_ANCHORS_LOADED };
#define MT_ANCHORS_STATE_COUNT 3

/* A worker that has loaded what it needs and entered its sandbox. */
struct mt_wire_ready {
	enum mt_anchors_state anchors; /* chain: how its trust store was found; net: zero */
	uint32_t n_anchors;            /* chain: how many the generation holds; net: 0 */
	uint8_t generation[32];        /* chain: SHA-256 over its anchors; net: zero */
};

/* Zero: no answer came, e.g. the worker died. */
enum mt_addresses_state {
	MT_ADDRESSES_FAILED = 0,
	MT_ADDRESSES_TIMEOUT,
	MT_ADDRESSES_SERVFAIL, /* the resolver found no answer, or a bogus one: see dnssec */
	MT_ADDRESSES_NONE,     /* no such name, or a name without addresses */
	MT_ADDRESSES_FOUND
};
#define MT_ADDRESSES_STATE_COUNT 5

struct mt_addresses {
	enum mt_addresses_state state;
	enum mt_dnssec dnssec; /* the weaker of A and AAAA; INSECURE for literals and localhost */
	/* Where the name is: the better known of A and AAAA, and of their absence. What TLSA hangs
	 * on (mt_tlsa_rrset's address). */
	enum mt_dnssec tree;
	uint32_t ttl_sec; /* the shorter; of a negative answer too. 0: do not keep */
	size_t n;
	char address[MT_ADDRESSES_MAX][MT_PEER_SIZE]; /* as inet_ntop prints them, IPv6 first */
};

struct mt_probe_request {
	char host[MT_DOMAIN_SIZE]; /* for SNI and HELO-side facts; resolved when addresses is empty
				    */
	size_t n_addresses;        /* tried in turn */
	char address[MT_ADDRESSES_MAX][MT_PEER_SIZE];
	uint16_t port;
	enum mt_proto proto;
	enum mt_transport transport;
	uint32_t deadline_msec; /* for the whole probe; capped at MT_DIALOGUE_USEC */
};

/* Zero: no answer came, e.g. the worker died. */
enum mt_probe_state {
	MT_PROBE_FAILED = 0,
	MT_PROBE_BUSY,        /* too many at once */
	MT_PROBE_UNRESOLVED,  /* no address */
	MT_PROBE_UNREACHABLE, /* no address accepted a connection */
	MT_PROBE_TIMEOUT,
	MT_PROBE_PROTOCOL, /* not a mail server of that protocol, or it broke the dialogue */
	MT_PROBE_DONE      /* the evidence tells the rest, a failed handshake too */
};
#define MT_PROBE_STATE_COUNT 7

#define MT_PROBE_TEXT_SIZE 192

struct mt_probe_result {
	enum mt_probe_state state;
	struct mt_evidence evidence;   /* meaningful when DONE or PROTOCOL; owned */
	char text[MT_PROBE_TEXT_SIZE]; /* why not DONE: one line of printable ASCII, ours */
};

void mt_probe_result_clear(struct mt_probe_result *result);

struct mt_fetch_request {
	struct mt_fetch_order order;
	uint32_t deadline_msec; /* for everything; capped at MT_FETCH_USEC */
	bool may_be_local;      /* loopback, private and other addresses that are not global too */
};

/* Zero: no answer came, e.g. the worker died. */
enum mt_fetch_state {
	MT_FETCH_FAILED = 0,
	MT_FETCH_BUSY,        /* too many at once */
	MT_FETCH_UNRESOLVED,  /* no address */
	MT_FETCH_FORBIDDEN,   /* no address that is global */
	MT_FETCH_UNREACHABLE, /* no address accepted a connection */
	MT_FETCH_TIMEOUT,
	MT_FETCH_PROTOCOL, /* no HTTP, no 200, too large, or redirected too often or elsewhere */
	MT_FETCH_DONE
};
#define MT_FETCH_STATE_COUNT 8

struct mt_fetched {
	enum mt_fetch_state state;
	struct mt_bytes bytes; /* when DONE: at most MT_FETCH_BYTES_MAX, and not empty */
};

/* A document to be had with one GET, in clear or over TLS, and read. */
struct mt_document_request {
	enum mt_document_kind kind;
	bool is_secure;
	struct mt_fetch_order order; /* its port is that of the scheme */
	char domain[MT_DOMAIN_SIZE];
	uint32_t deadline_msec; /* for everything; capped at MT_FETCH_USEC */
	bool may_be_local;
};

/* Zero: no answer came, e.g. the worker died. */
enum mt_document_state {
	MT_DOCUMENT_FAILED = 0,
	MT_DOCUMENT_UNREACHABLE, /* no host, no address that may be connected to, no connection */
	MT_DOCUMENT_SILENT,      /* no answer in time, or none of HTTP */
	MT_DOCUMENT_ABSENT,      /* the host says that it has none: 404 or 410 */
	MT_DOCUMENT_ASTRAY,      /* redirected to what is no https URL, or in clear */
	MT_DOCUMENT_MALFORMED,
	MT_DOCUMENT_REDIRECTED,
	MT_DOCUMENT_READ
};
#define MT_DOCUMENT_STATE_COUNT 8

struct mt_document_reply {
	enum mt_document_state state;
	/* Of the TLS session, where it was secure and there was one: whoever looks at the rest has
	 * this judged first. */
	struct mt_bytes chain[MT_CHAIN_MAX];
	size_t n_chain;
	struct mt_bytes staple;
	struct mt_fetch_order location; /* REDIRECTED: https, wherever it leads */
	struct mt_document document;    /* READ */
	uint8_t sha256[32];             /* READ: of its bytes */
};

/* Header. Decoding checks version, type and that the body is exactly the rest of the datagram. */
MT_MUST_CHECK int mt_wire_decode_header(const uint8_t *data, size_t size,
					struct mt_wire_header *ret_header,
					struct mt_bytes *ret_body);

/* The size of a finished message, from its header. */
size_t mt_wire_message_size(const uint8_t data[static MT_WIRE_HEADER_SIZE]);

/* Replaces the id of a finished message: the parent stamps what a child wrote. */
void mt_wire_stamp(uint8_t data[static MT_WIRE_HEADER_SIZE], uint64_t id);

/* Pairs. Encode: 0 or MT_WIRE_E_TOO_LARGE. Decode: 0, MT_WIRE_E_MALFORMED, or -ENOMEM; *ret is
 * written only on success. */
MT_MUST_CHECK int mt_wire_encode_ready(struct mt_wire_message *msg,
				       const struct mt_wire_ready *ready);
MT_MUST_CHECK int mt_wire_decode_ready(struct mt_bytes body, struct mt_wire_ready *ret);

MT_MUST_CHECK int mt_wire_encode_chain(struct mt_wire_message *msg, uint64_t id,
				       const struct mt_chain_request *request);
MT_MUST_CHECK int mt_wire_decode_chain(struct mt_bytes body, struct mt_chain_request *ret);

MT_MUST_CHECK int mt_wire_encode_validation(struct mt_wire_message *msg, uint64_t id,
					    const struct mt_validation *validation);
MT_MUST_CHECK int mt_wire_decode_validation(struct mt_bytes body, struct mt_validation *ret);

MT_MUST_CHECK int mt_wire_encode_resolve(struct mt_wire_message *msg, uint64_t id,
					 const char *host);
MT_MUST_CHECK int mt_wire_decode_resolve(struct mt_bytes body,
					 char ret_host[static MT_DOMAIN_SIZE]);

MT_MUST_CHECK int mt_wire_encode_addresses(struct mt_wire_message *msg, uint64_t id,
					   const struct mt_addresses *addresses);
MT_MUST_CHECK int mt_wire_decode_addresses(struct mt_bytes body, struct mt_addresses *ret);

MT_MUST_CHECK int mt_wire_encode_srv(struct mt_wire_message *msg, uint64_t id, const char *name);
MT_MUST_CHECK int mt_wire_decode_srv(struct mt_bytes body, char ret_name[static MT_DOMAIN_SIZE]);

MT_MUST_CHECK int mt_wire_encode_srv_rrset(struct mt_wire_message *msg, uint64_t id,
					   const struct mt_srv_rrset *rrset);
MT_MUST_CHECK int mt_wire_decode_srv_rrset(struct mt_bytes body, struct mt_srv_rrset *ret);

MT_MUST_CHECK int mt_wire_encode_tlsa(struct mt_wire_message *msg, uint64_t id, const char *host,
				      uint16_t port);
MT_MUST_CHECK int mt_wire_decode_tlsa(struct mt_bytes body, char ret_host[static MT_DOMAIN_SIZE],
				      uint16_t *ret_port);

MT_MUST_CHECK int mt_wire_encode_tlsa_rrset(struct mt_wire_message *msg, uint64_t id,
					    const struct mt_tlsa_rrset *rrset);
/* The records' data is borrowed from the body. */
MT_MUST_CHECK int mt_wire_decode_tlsa_rrset(struct mt_bytes body, struct mt_tlsa_rrset *ret);

MT_MUST_CHECK int mt_wire_encode_cancel(struct mt_wire_message *msg, uint64_t id);
MT_MUST_CHECK int mt_wire_decode_cancel(struct mt_bytes body);

MT_MUST_CHECK int mt_wire_encode_probe(struct mt_wire_message *msg, uint64_t id,
				       const struct mt_probe_request *request);
MT_MUST_CHECK int mt_wire_decode_probe(struct mt_bytes body, struct mt_probe_request *ret);

MT_MUST_CHECK int mt_wire_encode_evidence(struct mt_wire_message *msg, uint64_t id,
					  const struct mt_probe_result *result);
MT_MUST_CHECK int mt_wire_decode_evidence(struct mt_bytes body, struct mt_probe_result *ret);

/*
 * Large bytes go ahead of the message they belong to, as messages of type PART with its id, each
 * of at most MT_WIRE_PART_MAX; the message itself has their sizes. parts below is what the receiver
 * has put together, and what is decoded borrows from it. A sum that does not fit is malformed.
 */
MT_MUST_CHECK int mt_wire_encode_part(struct mt_wire_message *msg, uint64_t id,
				      struct mt_bytes bytes);

/* What has been put together so far; data is the owner's, to free(). */
struct mt_wire_parts {
	uint8_t *data;
	size_t size;
};
/* Return: 0, MT_WIRE_E_TOO_LARGE where it would be more than max, or -ENOMEM. */
MT_MUST_CHECK int mt_wire_parts_add(struct mt_wire_parts *parts, struct mt_bytes part, size_t max);

/* The parts are request->fetched, one after the other. */
MT_MUST_CHECK int mt_wire_encode_revocation(struct mt_wire_message *msg, uint64_t id,
					    const struct mt_chain_request *request);
MT_MUST_CHECK int mt_wire_decode_revocation(struct mt_bytes body, struct mt_bytes parts,
					    struct mt_chain_request *ret);

MT_MUST_CHECK int mt_wire_encode_report(struct mt_wire_message *msg, uint64_t id,
					const struct mt_validation *validation,
					const struct mt_fetch_orders *orders);
MT_MUST_CHECK int mt_wire_decode_report(struct mt_bytes body, struct mt_validation *ret_validation,
					struct mt_fetch_orders *ret_orders);

MT_MUST_CHECK int mt_wire_encode_fetch(struct mt_wire_message *msg, uint64_t id,
				       const struct mt_fetch_request *request);
MT_MUST_CHECK int mt_wire_decode_fetch(struct mt_bytes body, struct mt_fetch_request *ret);

MT_MUST_CHECK int mt_wire_encode_digest(struct mt_wire_message *msg, uint64_t id, const char *name);
MT_MUST_CHECK int mt_wire_decode_digest(struct mt_bytes body, char ret_name[static MT_DOMAIN_SIZE]);

MT_MUST_CHECK int mt_wire_encode_digests(struct mt_wire_message *msg, uint64_t id,
					 const struct mt_digest_rrset *rrset);
MT_MUST_CHECK int mt_wire_decode_digests(struct mt_bytes body, struct mt_digest_rrset *ret);

MT_MUST_CHECK int mt_wire_encode_document(struct mt_wire_message *msg, uint64_t id,
					  const struct mt_document_request *request);
MT_MUST_CHECK int mt_wire_decode_document(struct mt_bytes body, struct mt_document_request *ret);

MT_MUST_CHECK int mt_wire_encode_read(struct mt_wire_message *msg, uint64_t id,
				      const struct mt_document_reply *reply);
/* Chain and staple are borrowed from the body. */
MT_MUST_CHECK int mt_wire_decode_read(struct mt_bytes body, struct mt_document_reply *ret);

/* The parts are fetched->bytes. */
MT_MUST_CHECK int mt_wire_encode_fetched(struct mt_wire_message *msg, uint64_t id,
					 const struct mt_fetched *fetched);
MT_MUST_CHECK int mt_wire_decode_fetched(struct mt_bytes body, struct mt_bytes parts,
					 struct mt_fetched *ret);

#endif
