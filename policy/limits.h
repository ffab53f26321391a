/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_LIMITS_H
#define MT_POLICY_LIMITS_H

#include "policy/base.h"

/* Every bound on size, count, time and depth, each with its reason. Nothing else. */

/* Certificates: no public chain has more than 5; DESIGN allows double (D-PKIX-09). */
#define MT_CHAIN_MAX 10
#define MT_CHAIN_BYTES_MAX (64 * 1024)
/* Path search: hostile graphs of look-alike intermediates must cost milliseconds. */
#define MT_PATH_STEPS_MAX 2000
#define MT_PATHS_MAX 64
#define MT_PATH_DEPTH_MAX 10
/* Names times name constraints over all paths: OpenSSL allows as many for each certificate, which
 * would be seconds; real chains need some thousands. */
#define MT_PATH_NAME_CHECKS_MAX (1 << 20)
/* A subjectAltName with more names than this is treated as malformed (largest seen: ~1000). */
#define MT_SAN_MAX 2048
/* OCSP responses are 1-3 KiB; 16 KiB leaves room for embedded responder chains. */
#define MT_STAPLE_MAX (16 * 1024)

/* DNS: RFC 1035 §2.3.4. Text form without the trailing dot, plus NUL. */
#define MT_DOMAIN_MAX 253
#define MT_DOMAIN_SIZE 256
#define MT_LABEL_MAX 63
/* An address is local part 64 + "@" + domain 255 (RFC 5321 §4.5.3.1). */
#define MT_ADDRESS_SIZE 324
/* TLSA RRset: real ones have 1-6 records; full certificates (matching type 0) are rare. */
#define MT_TLSA_MAX 32
#define MT_TLSA_DATA_MAX 4096
/* TLSA in the keeper: a machine talks to a few dozen servers; sets larger than a few dozen digests
 * are not kept. A failure is remembered for this long (RFC 9520 §3.2: at least 1 s). */
#define MT_TLSA_CACHE_MAX 1024
#define MT_TLSA_KEEP_BYTES_MAX 4096
#define MT_TLSA_FAILURE_USEC (5 * MT_USEC_PER_SEC)
/* The last addresses of a host, for when DNS is silent: as long as resolvers are advised to serve
 * stale data (RFC 8767 §5). Written again no more often than once a minute. */
#define MT_HOST_KEEP_USEC (3 * 86400 * MT_USEC_PER_SEC)
#define MT_HOST_NOTE_USEC (60 * MT_USEC_PER_SEC)
/* That a host is outside of the signed tree holds over a restart for its TTL, and no longer than
 * this: it is to bridge an outage, not a change of the trust anchor. */
#define MT_HOST_PROOF_USEC (3600 * MT_USEC_PER_SEC)
/* SRV RRset: large providers publish up to a dozen targets for one label. */
#define MT_SRV_MAX 32

/* Servers that one source other than SRV may name for a domain: the largest document of the
 * Thunderbird database has eight. */
#define MT_OFFERS_MAX 16
/* Sources beside SRV: administrator, PACC, autoconfig over HTTPS and in clear. */
#define MT_OFFERING_SOURCES 4

/* Presets that an administrator writes: some thousand servers, in files a person can read. */
#define MT_PRESET_FILES_MAX 64
#define MT_PRESET_BYTES_MAX (256 * 1024)
#define MT_PRESETS_MAX 4096

/* Short strings in evidence: cipher, group, mechanism, ALPN names. */
#define MT_TOKEN_SIZE 64
/* Channel-binding data: exporter 32, server end point at most 64 bytes. */
#define MT_CB_MAX 64
/* Text form of an IPv6 address with scope, plus NUL. */
#define MT_PEER_SIZE 64

/* Reference identifiers: D, H and SRV-ID are the most a discovery path gives (RFC 7817 §3). */
#define MT_REFIDS_MAX 4
/* A reason is listed once; there are fewer codes than this. */
#define MT_REASONS_MAX 32

/* Policy sets: what an administrator writes by hand. */
#define MT_PATTERNS_MAX 32
#define MT_DIGESTS_MAX 32
#define MT_MECHS_MAX 16

/* Accounts: per uid, and per account. */
#define MT_ACCOUNTS_PER_UID_MAX 256
#define MT_ENDPOINTS_MAX 6
#define MT_PINS_MAX 8
#define MT_CONSENTS_MAX 32
/* Client certificates: a person has one for a mailbox, and a second while it is renewed. */
#define MT_CLIENT_CERTS_MAX 8
/* A subject as one line of text; real ones have 30 to 150 characters. */
#define MT_CLIENT_CERT_SUBJECT_SIZE 256
/* A leaf, MT_CHAIN_MAX issuers and a key of RSA 4096 are 30 KiB of PEM. */
#define MT_CLIENT_CERT_BYTES_MAX (64 * 1024)

/* Time. */
#define MT_OLD_ANCHORS_USEC (3600 * MT_USEC_PER_SEC)     /* DESIGN §8 */
#define MT_EVIDENCE_AGE_MAX_USEC (30 * MT_USEC_PER_SEC)  /* REQUIREMENTS 0.2 */
#define MT_EVIDENCE_AHEAD_MAX_USEC (2 * MT_USEC_PER_SEC) /* two clocks, one machine */
#define MT_PASSWORD_CONSENT_USEC (600 * MT_USEC_PER_SEC) /* R-5.1-10: ten minutes */
/* A server is set up from what was looked up just now; the TTL may be shorter. */
#define MT_DISCOVERED_USEC (600 * MT_USEC_PER_SEC)
#define MT_TOMBSTONE_USEC (30 * 86400 * MT_USEC_PER_SEC) /* REQUIREMENTS 4.9: 30 days */
#define MT_SETUP_IDLE_USEC (86400 * MT_USEC_PER_SEC)     /* REQUIREMENTS 4.9: 24 h */
#define MT_VERDICT_TTL_MAX_SEC 300                       /* floor of verdict_ttl */

/* The look at a provider's configuration: an interval's bounds (R-5.1-14); when two looks are two
 * (REQUIREMENTS 4.8); how long absence lasts before it is believed, and an alarm before it is
 * repeated; how long a declined offer is not made again (R-5-15); how often a failed connection may
 * cause one (D-SRV-06); probes of what is offered (D-SYS-11). */
#define MT_WATCH_INTERVAL_MIN_SEC 3600
#define MT_WATCH_INTERVAL_MAX_SEC (7 * 86400)
#define MT_CHANGE_AGREE_USEC (600 * MT_USEC_PER_SEC)
#define MT_CHANGE_ABSENT_USEC (86400 * MT_USEC_PER_SEC)
#define MT_CHANGE_ABSENT_LOOKS 3
#define MT_CHANGE_ALERT_USEC (86400 * MT_USEC_PER_SEC)
#define MT_DECLINED_USEC (30 * 86400 * MT_USEC_PER_SEC)
#define MT_WATCH_FAILURE_USEC (3600 * MT_USEC_PER_SEC)
#define MT_WATCH_PROBE_USEC (86400 * MT_USEC_PER_SEC)
/* One a person asks for, for each account: what DNS says does not change faster than that. */
#define MT_WATCH_FORCED_USEC (60 * MT_USEC_PER_SEC)
/* What a turn of the timer may start. A hundred thousand domains a day are 12 in ten seconds; three
 * times as many let a machine that was off for a day catch up within one, and are 24 questions a
 * second at the very most. Those under way at once leave most of the net worker to verdicts. */
#define MT_WATCH_TURN_USEC (10 * MT_USEC_PER_SEC)
#define MT_WATCH_STARTS_MAX 40
#define MT_WATCH_LOOKS_MAX 4
/* Servers that wait to be probed before they are offered. */
#define MT_WATCH_PROBES_MAX 32
/* Accounts that are taken up together, in one commit. */
#define MT_WATCH_TAKE_UP_MAX 64
/* Minutes of the wheel a turn passes over, each a look-up below a microsecond: a night's sleep in
 * ten seconds, a week's in three minutes. */
#define MT_WATCH_MINUTES_MAX 512

/* Dialogue with a mail server. */
#define MT_LINE_MAX (8 * 1024)
#define MT_REPLY_LINES_MAX 512
#define MT_REPLY_BYTES_MAX (64 * 1024)
/* With dialling and the question a check stays below 30 s (D-STLS-13). */
#define MT_DIALOGUE_USEC (25 * MT_USEC_PER_SEC)
/* Commands that log in, CR LF included: RFC 2449 §4; RFC 5321 §4.5.3.1.4, which RFC 4954 §4 keeps
 * for the command itself; for IMAP what every server takes (RFC 2683 §3.2.1.5). */
#define MT_AUTH_LINE_POP3_MAX 255
#define MT_AUTH_LINE_SUBMISSION_MAX 512
#define MT_AUTH_LINE_IMAP_MAX 1000
/* An identity to act for: three times an address in UTF-8. In base64 it is far below the 12288
 * octets that a line of its own may have (RFC 4954 §4). */
#define MT_AUTHZID_MAX 1024
/* What the tunnel holds of a mail program that talks before it may: more is no mail (D-SYS-08). */
#define MT_HELD_MAX (64 * 1024)
/* What TLS has to say to a server that does not take it: twice what is ever held, and then the rest
 * is answers to questions (KeyUpdate, RFC 8446 §4.6.3) that somebody asks without listening. */
#define MT_TLS_UNSENT_MAX (2 * MT_HELD_MAX)
/* Evidence on its way from a tunnel to its asker: a chain, a staple, names. */
#define MT_QUESTION_BYTES_MAX (MT_CHAIN_BYTES_MAX + MT_STAPLE_MAX + 16 * 1024)

/* Requests: what one caller may have in flight, and what one message may carry. */
#define MT_REQUESTS_PER_UID_MAX 64
#define MT_REQUESTS_PER_CONNECTION_MAX 64
#define MT_CONNECTIONS_PER_UID_MAX 64
/* Every tunnel subscribes, and a mail program opens a handful; but a subscription keeps a bus name
 * remembered, so one uid must not have them all, and there is to be a connection left to ask by. */
#define MT_SUBSCRIPTIONS_PER_UID_MAX 48
/* Calls that came before the store was checked: what four busy uids may have in flight. They are
 * answered before their callers give up after 5 s; the check of a hundred thousand accounts, with
 * its snapshot, takes a fraction of one. */
#define MT_REQUESTS_WAITING_MAX 256
#define MT_READY_PATIENCE_USEC (4 * MT_USEC_PER_SEC)
/* Those of one uid must not keep the others out. */
#define MT_CONNECTIONS_UNAUTHENTICATED_MAX 128
#define MT_UNAUTHENTICATED_PER_UID_MAX 32
#define MT_MESSAGE_BYTES_MAX (256 * 1024)
#define MT_PROBES_PER_MINUTE_MAX 10
/* Discoveries under way: each is six questions to DNS, a digest and five documents, and all take
 * less than half of MT_JOBS_MAX. */
#define MT_DISCOVERIES_PER_UID_MAX 4
#define MT_DISCOVERIES_MAX 10
#define MT_NONCE_MAX 64
#define MT_JSON_DEPTH_MAX 16
#define MT_JSON_LINE_MAX (512 * 1024)

/* Workers. */
/* With the keeper's own half second it answers before a client gives up after 5 s (D-SYS-04). */
#define MT_WORKER_JOB_USEC (4 * MT_USEC_PER_SEC)
#define MT_WORKER_GRACE_USEC (MT_USEC_PER_SEC / 2)
/* Loading a trust store costs 20 ms; a worker that is not ready after this never will be. */
#define MT_WORKER_START_USEC (20 * MT_USEC_PER_SEC)
#define MT_CHAIN_CHILDREN_MAX 16
#define MT_WIRE_MESSAGE_MAX (160 * 1024)
/* Jobs outstanding per worker: what 64 requests of four busy uids need. */
#define MT_JOBS_MAX 256
#define MT_PROBES_MAX 16
/* Addresses of one host worth trying; large providers publish up to 8 per family. */
#define MT_ADDRESSES_MAX 16
/* A lookup's own deadline: libunbound alone takes 17-23 s to give up. */
#define MT_DNS_USEC (4 * MT_USEC_PER_SEC)
/* Questions outstanding: what MT_JOBS_MAX lookups of two each need. */
#define MT_DNS_QUESTIONS_MAX 512
/* A TTL is at most a week here, as in resolvers. */
#define MT_DNS_TTL_MAX_SEC (7 * 86400)
/* Revocation answers that are fetched (D-PKIX-04). One order for each certificate below the anchor:
 * a leaf and three intermediates; no public chain has more. */
#define MT_FETCH_ORDERS_MAX 4
/* Where an answer is: an OCSP request in a URL is ~150 bytes (RFC 5019 §5), real URLs are ~60. */
#define MT_FETCH_PATH_SIZE 1024
/* A partitioned CRL of a large authority has ~100 KiB; an unpartitioned one up to many MiB, which
 * is not worth a mail user's wait. */
#define MT_FETCH_BYTES_MAX (1024 * 1024)
#define MT_FETCH_TOTAL_MAX (2 * MT_FETCH_BYTES_MAX)
/* Everything, redirects included: with two looks at the chain a client still hears in its 5 s. */
#define MT_FETCH_USEC (4 * MT_USEC_PER_SEC)
#define MT_FETCHES_MAX 32
#define MT_FETCH_REDIRECTS_MAX 2
#define MT_HTTP_HEAD_MAX (8 * 1024)
/* An answer that did not come is asked for again after this: long enough that a dead responder
 * does not delay every connection, short enough that hard comes back by itself. */
#define MT_REVOCATION_UNKNOWN_USEC (60 * MT_USEC_PER_SEC)
/* Documents with server settings. The Thunderbird database's are 1-8 KiB. */
#define MT_DOCUMENT_BYTES_MAX (128 * 1024)
#define MT_DOCUMENTS_MAX 32
#define MT_XML_DEPTH_MAX 16
#define MT_XML_ELEMENTS_MAX 4096
/* Of PACC: one record while a document is replaced by another, and room for a mistake. */
#define MT_PACC_DIGESTS_MAX 4
#define MT_TXT_MAX 512
/* What is larger than one message crosses the link in parts; two of them fit a socket's buffer. */
#define MT_WIRE_PART_MAX (64 * 1024)
/* Requests a chain worker is receiving in parts at once. */
#define MT_ASSEMBLIES_MAX 16
/* Restart of a worker that keeps dying: at once, then doubling up to this. */
#define MT_RESTART_MIN_USEC (1 * MT_USEC_PER_SEC)
#define MT_RESTART_MAX_USEC (30 * MT_USEC_PER_SEC)

#endif
