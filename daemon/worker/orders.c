/* SPDX-License-Identifier: MIT */
/* From the URLs in certificates to orders. */

#include "daemon/worker/orders.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "daemon/worker/staple.h"
#include "daemon/worker/url.h"

/* base64 without line ends, and with what a path may not hold spelt out */
#define TEXT_SIZE 512

static OCSP_REQUEST *
make_request(const X509 *cert, const X509 *issuer)
{
	OCSP_REQUEST *request = OCSP_REQUEST_new();
	OCSP_CERTID *id = OCSP_cert_to_id(NULL, cert, issuer); /* NULL: SHA-1 */

	if (request && id && OCSP_request_add0_id(request, id))
		return request;
	OCSP_CERTID_free(id);
	OCSP_REQUEST_free(request);
	return NULL;
}

/* RFC 6960 §A.1: base64, and that url-encoded. Return: whether it fits. */
static bool
spell(const uint8_t *der, size_t size, char ret[static TEXT_SIZE])
{
	char base64[TEXT_SIZE];
	size_t n = 0;

	if ((size + 2) / 3 * 4 >= sizeof(base64))
		return false;
	(void)EVP_EncodeBlock((unsigned char *)base64, der, (int)size);
	for (const char *c = base64; *c; c++) {
		const char *text = *c == '+' ? "%2B" : *c == '/' ? "%2F" : *c == '=' ? "%3D" : NULL;

		if (n + 4 > TEXT_SIZE)
			return false;
		if (text)
			memcpy(ret + n, text, 3);
		else
			ret[n] = *c;
		n += text ? 3 : 1;
	}
	ret[n] = '\0';
	return true;
}

/* The responder's path, a slash, the request. */
static bool
append(struct mt_fetch_order *order, const char *text)
{
	size_t size = strlen(order->path);
	const size_t more = strlen(text);

	if (strchr(order->path, '?')) /* nowhere to append to */
		return false;
	if (order->path[size - 1] == '/')
		size--;
	if (size + 1 + more >= sizeof(order->path))
		return false;
	order->path[size] = '/';
	memcpy(order->path + size + 1, text, more + 1);
	return true;
}

static bool
order_ocsp(X509 *cert, const X509 *issuer, struct mt_fetch_order *ret)
{
	STACK_OF(OPENSSL_STRING) *urls = X509_get1_ocsp(cert);
	OCSP_REQUEST *request = urls ? make_request(cert, issuer) : NULL;
	unsigned char *der = NULL;
	int size = request ? i2d_OCSP_REQUEST(request, &der) : -1;
	char text[TEXT_SIZE];
	bool found = false;

	if (size > 0 && spell(der, (size_t)size, text))
		for (int i = 0; i < sk_OPENSSL_STRING_num(urls) && !found; i++) {
			const char *url = sk_OPENSSL_STRING_value(urls, i);

			found = mt_url_parse(url, strlen(url), ret) == 0 && append(ret, text);
		}
	OPENSSL_free(der);
	OCSP_REQUEST_free(request);
	X509_email_free(urls);
	return found;
}

/* Not of a point that gives only some reasons, or that somebody else signs (RFC 5280 §4.2.1.13). */
static bool
order_point(const DIST_POINT *point, struct mt_fetch_order *ret)
{
	const GENERAL_NAMES *names;

	if (point->reasons || point->CRLissuer || !point->distpoint || point->distpoint->type != 0)
		return false;
	names = point->distpoint->name.fullname;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_URI &&
		    mt_url_parse((const char *)ASN1_STRING_get0_data(name->d.ia5),
				 (size_t)ASN1_STRING_length(name->d.ia5), ret) == 0)
			return true;
	}
	return false;
}

static bool
order_crl(const X509 *cert, struct mt_fetch_order *ret)
{
	CRL_DIST_POINTS *points = X509_get_ext_d2i(cert, NID_crl_distribution_points, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_DIST_POINT_num(points) && !found; i++)
		found = order_point(sk_DIST_POINT_value(points, i), ret);
	CRL_DIST_POINTS_free(points);
	return found;
}

static bool
is_answered(const struct mt_chain_request *request, const struct mt_path *path)
{
	const struct mt_staple_question question = {path->certs[0], path->certs[1],
						    request->at_usec, false};
	int64_t until_usec;

	return request->staple.size > 0 &&
	       mt_staple_read(request->staple, &question, &until_usec) != MT_REVOCATION_UNKNOWN;
}

void
mt_orders_make(const struct mt_chain_request *request, const struct mt_path *path,
	       struct mt_fetch_orders *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i + 1 < path->n && ret->n < MT_FETCH_ORDERS_MAX; i++) {
		struct mt_fetch_order *order = &ret->order[ret->n];
		X509 *cert = path->certs[i], *issuer = path->certs[i + 1];

		if (i == 0 && is_answered(request, path))
			continue;
		if (order_ocsp(cert, issuer, order) || order_crl(cert, order))
			ret->n++;
	}
}
