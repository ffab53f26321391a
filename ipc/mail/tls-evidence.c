/* SPDX-License-Identifier: MIT */
/* What a handshake showed, as evidence. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/mail/tls-private.h"
#include "policy/diag.h"

#define VERDICT_LABEL "EXPORTER-mailtrust-verdict" /* D-CB-06 */
#define BINDING_LABEL "EXPORTER-Channel-Binding"   /* RFC 9266 §2 */

#define STATE(ev, key) ((ev)->present |= MT_BIT(MT_EV_##key))

/* The chain and the staple share one block, DER after DER. */
static int
add_chain(const struct mt_tls *tls, struct mt_evidence *ev)
{
	STACK_OF(X509) *certs = SSL_get_peer_cert_chain(tls->ssl);
	const unsigned char *staple = NULL;
	long staple_size = SSL_get_tlsext_status_ocsp_resp(tls->ssl, &staple);
	int n = certs ? sk_X509_num(certs) : 0;
	size_t size = 0;

	if (staple_size < 0 || staple_size > MT_STAPLE_MAX)
		staple_size = 0;
	for (int i = 0; i < n; i++)
		size += (size_t)i2d_X509(sk_X509_value(certs, i), NULL);
	STATE(ev, STAPLE_REQUESTED);
	ev->staple_requested = true;
	if (n == 0)
		return 0;
	STATE(ev, CHAIN);
	STATE(ev, LEAF_SHA256);
	if (!X509_digest(sk_X509_value(certs, 0), EVP_sha256(), ev->leaf_sha256, NULL))
		return -ENOMEM;
	ev->chain_oversized = n > MT_CHAIN_MAX || size > MT_CHAIN_BYTES_MAX;
	if (ev->chain_oversized)
		size = 0;
	ev->chain_bytes = malloc(size + (size_t)staple_size + 1);
	if (!ev->chain_bytes)
		return -ENOMEM;
	for (int i = 0; i < n && !ev->chain_oversized; i++) {
		unsigned char *at = ev->chain_bytes + ev->chain_size;
		int der = i2d_X509(sk_X509_value(certs, i), &at);

		ev->chain[ev->n_chain++] =
			(struct mt_bytes){ev->chain_bytes + ev->chain_size, (size_t)der};
		ev->chain_size += (size_t)der;
	}
	if (staple_size > 0) {
		memcpy(ev->chain_bytes + size, staple, (size_t)staple_size);
		ev->staple = (struct mt_bytes){ev->chain_bytes + size, (size_t)staple_size};
		STATE(ev, STAPLE);
	}
	return 0;
}

static void
add_alpn(const struct mt_tls *tls, struct mt_evidence *ev)
{
	const unsigned char *name = NULL;
	unsigned int size = 0;

	SSL_get0_alpn_selected(tls->ssl, &name, &size);
	if (size == 0 || size >= sizeof(ev->tls_alpn))
		(void)snprintf(ev->tls_alpn, sizeof(ev->tls_alpn), "none");
	else
		mt_escape((const char *)name, size, ev->tls_alpn, sizeof(ev->tls_alpn));
	STATE(ev, TLS_ALPN);
}

static void
add_parameters(const struct mt_tls *tls, struct mt_evidence *ev)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(tls->ssl);
	const char *group;
	int version = SSL_version(tls->ssl);

	ev->tls_version = version == TLS1_3_VERSION   ? MT_TLS_VERSION_1_3
			  : version == TLS1_2_VERSION ? MT_TLS_VERSION_1_2
						      : MT_TLS_VERSION_UNKNOWN;
	if (!cipher) /* suspended in TLS 1.2: the pending suite is the one to be used */
		cipher = SSL_get_pending_cipher(tls->ssl);
	(void)snprintf(ev->tls_cipher, sizeof(ev->tls_cipher), "%s",
		       cipher ? SSL_CIPHER_standard_name(cipher) : "");
	group = SSL_group_to_name(tls->ssl, (int)SSL_get_negotiated_group(tls->ssl));
	if (group) {
		(void)snprintf(ev->tls_group, sizeof(ev->tls_group), "%s", group);
		STATE(ev, TLS_GROUP);
	}
	ev->tls_ems = version == TLS1_3_VERSION || SSL_get_extms_support(tls->ssl) == 1 ||
		      (tls->state == MT_TLS_JUDGE && tls->has_ems);
	ev->tls_reneg_info =
		version == TLS1_3_VERSION || SSL_get_secure_renegotiation_support(tls->ssl) == 1;
	ev->tls_compression = SSL_get_current_compression(tls->ssl) != NULL;
	ev->tls_resumed = SSL_session_reused(tls->ssl) == 1;
	ev->present |= MT_BIT(MT_EV_TLS_VERSION) | MT_BIT(MT_EV_TLS_CIPHER) |
		       MT_BIT(MT_EV_TLS_EMS) | MT_BIT(MT_EV_TLS_RENEG_INFO) |
		       MT_BIT(MT_EV_TLS_COMPRESSION) | MT_BIT(MT_EV_TLS_RESUMED) |
		       MT_BIT(MT_EV_TLS_EARLY_DATA);
	if (tls->sni[0]) {
		memcpy(ev->tls_sni, tls->sni, sizeof(ev->tls_sni));
		STATE(ev, TLS_SNI);
	}
}

/* Only what was sent is claimed. Under TLS 1.2 the server asks behind the chain, so that while the
 * handshake is suspended nobody knows (RFC 5246 §7.3). */
static int
add_client_cert(const struct mt_tls *tls, struct mt_evidence *ev)
{
	if (tls->state != MT_TLS_JUDGE || SSL_version(tls->ssl) == TLS1_3_VERSION) {
		ev->clientcert_requested = tls->client_cert_requested;
		STATE(ev, CLIENTCERT_REQUESTED);
	}
	if (!tls->client_cert_sent)
		return 0;
	if (!X509_digest(tls->credential.leaf, EVP_sha256(), ev->clientcert_presented, NULL))
		return -ENOMEM;
	STATE(ev, CLIENTCERT_PRESENTED);
	return 0;
}

/* RFC 9266 §3: under TLS 1.2 an exporter binds only with the extended master secret (D-CB-02). */
static void
add_exporters(const struct mt_tls *tls, struct mt_evidence *ev)
{
	uint8_t value[32];

	if (!ev->tls_ems)
		return;
	if (SSL_export_keying_material(tls->ssl, ev->exporter, sizeof(ev->exporter), VERDICT_LABEL,
				       strlen(VERDICT_LABEL), NULL, 0, 1) == 1)
		STATE(ev, EXPORTER);
	if (SSL_export_keying_material(tls->ssl, value, sizeof(value), BINDING_LABEL,
				       strlen(BINDING_LABEL), NULL, 0, 1) != 1)
		return;
	(void)snprintf(ev->auth_cb_type, sizeof(ev->auth_cb_type), "tls-exporter");
	memcpy(ev->auth_cb_value, value, sizeof(value));
	ev->auth_cb_size = sizeof(value);
	ev->present |= MT_BIT(MT_EV_AUTH_CB_TYPE) | MT_BIT(MT_EV_AUTH_CB_VALUE);
}

int
mt_tls_add_evidence(const struct mt_tls *tls, struct mt_evidence *ev)
{
	/* A handshake that broke off is told by itself alone (REQUIREMENTS 0.2). */
	if (tls->state == MT_TLS_HANDSHAKING ||
	    (tls->state == MT_TLS_FAILED && !tls->established)) {
		ev->tls_failed = true;
		STATE(ev, TLS_FAILED);
		return 0;
	}
	add_parameters(tls, ev);
	add_alpn(tls, ev);
	if (add_client_cert(tls, ev))
		return -ENOMEM;
	if (tls->state != MT_TLS_JUDGE)
		add_exporters(tls, ev);
	return add_chain(tls, ev);
}

size_t
mt_tls_get_end_point(const struct mt_tls *tls, uint8_t ret[static MT_CB_MAX])
{
	X509 *leaf = tls->established ? SSL_get0_peer_certificate(tls->ssl) : NULL;
	const EVP_MD *hash;
	unsigned int size = 0;
	int nid;

	if (!leaf || !X509_get_signature_info(leaf, &nid, NULL, NULL, NULL) || nid == NID_undef)
		return 0;
	if (nid == NID_md5 || nid == NID_sha1 || nid == NID_md5_sha1)
		nid = NID_sha256;
	hash = EVP_get_digestbynid(nid);
	if (!hash || EVP_MD_get_size(hash) > MT_CB_MAX || !X509_digest(leaf, hash, ret, &size))
		return 0;
	return size;
}
