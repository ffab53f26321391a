/* SPDX-License-Identifier: MIT */
/* Extracting presented identifiers. */

#include "daemon/worker/presented.h"

#include <string.h>

#include <openssl/x509v3.h>

static struct mt_bytes
bytes_of(const ASN1_STRING *string)
{
	return (struct mt_bytes){ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string)};
}

/* RFC 4985 §2: an IA5String "_Service.Name"; another string type is none (D-ID-17). */
static int
match_other_name(const OTHERNAME *name, const struct mt_refids *refs)
{
	if (OBJ_obj2nid(name->type_id) != NID_SRVName || !name->value ||
	    name->value->type != V_ASN1_IA5STRING)
		return -1;
	return mt_refids_match_srv(refs, bytes_of(name->value->value.ia5string));
}

static int
match_name(const GENERAL_NAME *name, const struct mt_refids *refs)
{
	switch (name->type) {
	case GEN_DNS:
		return mt_refids_match_dns(refs, bytes_of(name->d.dNSName));
	case GEN_IPADD:
		return mt_refids_match_ip(refs, bytes_of(name->d.iPAddress));
	case GEN_OTHERNAME:
		return match_other_name(name->d.otherName, refs);
	default:
		return -1;
	}
}

static bool
cn_matches(const X509 *leaf, const struct mt_refids *refs)
{
	const X509_NAME *subject = X509_get_subject_name(leaf);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	if (at < 0)
		return false;
	return mt_refids_match_dns(refs, bytes_of(X509_NAME_ENTRY_get_data(
						 X509_NAME_get_entry(subject, at)))) >= 0;
}

enum mt_presented
mt_presented_match(const X509 *leaf, const struct mt_refids *refs, struct mt_refid *ret_matched)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	int n = names ? sk_GENERAL_NAME_num(names) : 0, best = -1;

	for (int i = 0; i < n; i++) {
		int found = match_name(sk_GENERAL_NAME_value(names, i), refs);

		if (found >= 0 && (best < 0 || found < best))
			best = found;
	}
	GENERAL_NAMES_free(names);
	if (best >= 0) {
		*ret_matched = refs->ids[best];
		return MT_PRESENTED_MATCH;
	}
	return cn_matches(leaf, refs) ? MT_PRESENTED_CN_ONLY : MT_PRESENTED_MISMATCH;
}
