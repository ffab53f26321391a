/* SPDX-License-Identifier: MIT */
#ifndef MT_IPC_TOKEN_H
#define MT_IPC_TOKEN_H

/*
 * The signed verdict: a compact JWS, ES256, typ "mailtrust-verdict+jwt" (DESIGN §6).
 *
 * It holds for one connection (mt_cb), one operation, one account, one policy epoch, and a few
 * minutes. It is no bearer right: whoever is shown one compares it with the connection in hand
 * (D-JOSE-13), which mt_token_verify() does for every member of struct mt_token_expect that is
 * given. Signing is on the path of every verdict and writes its JSON straight into the caller's
 * buffer; verifying is not and takes its time.
 *
 * Does not decide anything, does not fetch keys, and takes the time as an argument.
 * Spec: RFC 7515, 7519, 8725; REQUIREMENTS D-JOSE-01..13, D-CB-06.
 */

#include "ipc/key.h"
#include "policy/evidence.h"
#include "policy/identity.h"
#include "policy/verdict.h"

#define MT_VERDICT_TYP "mailtrust-verdict+jwt"
/* Payload: 32 reasons of 40 bytes, two names of 255, and 700 bytes of everything else. */
#define MT_VERDICT_PAYLOAD_MAX 3072
/* Its base64url, a header of 140 and a signature of 86 characters, dots and NUL. */
#define MT_VERDICT_TEXT_SIZE 4608
#define MT_VERDICT_LEEWAY_SEC 2 /* D-JOSE-10 */
#define MT_ISS_SIZE 96
#define MT_ACCOUNT_ID_SIZE 33 /* 128 bits in hex, and NUL */
#define MT_JTI_BYTES 16
#define MT_EXPORTER_LABEL "EXPORTER-mailtrust-verdict" /* D-CB-06, empty context, 32 bytes */

struct mt_token_claims {
	char iss[MT_ISS_SIZE];        /* "urn:mailtrust:…" */
	char sub[MT_ACCOUNT_ID_SIZE]; /* account id; "" where no account is known */
	uint32_t uid;                 /* aud is ["uid:N"] */
	int64_t iat_sec, exp_sec;     /* whole seconds since 1970 */
	uint8_t jti[MT_JTI_BYTES];    /* random, from the caller */
	uint8_t nonce[MT_NONCE_MAX];
	size_t nonce_size;         /* 0: no nonce */
	enum mt_decision decision; /* mt_decision */
	bool conf;                 /* mt_conf */
	enum mt_op op;             /* mt_op */
	enum mt_proto proto;       /* mt_svc */
	char host[MT_DOMAIN_SIZE]; /* mt_host */
	uint16_t port;             /* mt_port */
	bool has_leaf;
	uint8_t leaf_sha256[32];                /* mt_leaf, absent where there is no certificate */
	bool has_binding;                       /* mt_cb type "exporter"; else "none" */
	uint8_t binding[32];                    /* mt_token_binding() */
	struct mt_refid id;                     /* mt_id; only type and value */
	enum mt_provenance provenance;          /* mt_prov */
	uint64_t epoch;                         /* mt_epoch */
	enum mt_reason reasons[MT_REASONS_MAX]; /* mt_rsn */
	size_t n_reasons;
	enum mt_layer layer; /* mt_src */

	/* Set by verify alone: mt_rsn named a code this program does not know. The decision has
	 * then been read as deny. */
	bool unknown_reason;
};

/*
 * Signs. text gets the token and a NUL, *ret_size its length without.
 * Return: 0, -EMSGSIZE where the claims do not fit the bound, -EINVAL where an enum has no name or
 * a time is negative, -EIO where OpenSSL failed.
 */
MT_MUST_CHECK int mt_token_sign(struct mt_key *key, const struct mt_token_claims *claims,
				char text[static MT_VERDICT_TEXT_SIZE], size_t *ret_size);

/*
 * The hash of mt_cb: SHA-256 of the 32-byte exporter followed by "ADDR|PORT|LOCALPORT" (D-CB-06).
 * peer is the server's address as inet_ntop prints it.
 * Return: 0, or -EIO.
 */
MT_MUST_CHECK int mt_token_binding(const uint8_t exporter[static 32], const char *peer,
				   uint16_t port, uint16_t local_port, uint8_t ret[static 32]);

/* What the verifier demands of mt_cb. */
enum mt_token_cb_rule {
	MT_TOKEN_CB_EXPORTER = 0, /* type exporter with exactly this hash; what third parties use */
	MT_TOKEN_CB_NONE,         /* the connection has no exporter, so type must be none */
	MT_TOKEN_CB_UNCHECKED     /* only shows what a token says; grants nothing */
};

/* The connection in hand. Everything but the four first is compared only where it is given. */
struct mt_token_expect {
	int64_t now_sec;
	uint32_t uid;
	enum mt_token_cb_rule cb;
	const uint8_t *binding;     /* 32 bytes; NULL with CB_EXPORTER never matches */
	bool any_uid;               /* with CB_UNCHECKED only: show another user's token */
	const char *iss;            /* NULL: not compared */
	const char *account;        /* account id, NULL: not compared */
	enum mt_op op;              /* UNKNOWN: not compared */
	enum mt_proto proto;        /* UNKNOWN: not compared */
	const char *host;           /* NULL: not compared */
	uint16_t port;              /* 0: not compared */
	uint64_t epoch;             /* 0: not compared; else the policy epoch in force */
	const uint8_t *leaf_sha256; /* NULL: not compared */
	struct mt_bytes nonce;      /* size 0: not compared */
};

enum {
	MT_TOKEN_E_INVALID = 1, /* verdict.signature-invalid: not ours, or not well formed */
	MT_TOKEN_E_EXPIRED = 2, /* verdict.expired */
	MT_TOKEN_E_MISMATCH = 3 /* verdict.binding-mismatch: genuine, but for something else */
};

/*
 * Verifies text against the keys and the connection in hand. Only ES256 is accepted.
 * *ret is written on success; on MT_TOKEN_E_EXPIRED and _MISMATCH too, for display, with decision
 * deny and conf false. diag says what did not hold.
 * Return: 0, one of the above, or negative errno. Everything but 0 means deny.
 */
MT_MUST_CHECK int mt_token_verify(const char *text, size_t size, const struct mt_jwks *keys,
				  const struct mt_token_expect *expect, struct mt_diag *diag,
				  struct mt_token_claims *ret);

/* The reason code of an outcome above; everything else counts as invalid. */
enum mt_reason mt_token_outcome_reason(int outcome);

#endif
