/* SPDX-License-Identifier: MIT */
/* PACC: a document in JSON, and its digest in DNS. */

#include "daemon/worker/document.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "ipc/json.h"

/* -- the document ------------------------------------------------------------------------------ */

/* Draft -02, "text-server": a host, and TLS from the start on the port registered for it. Reading
 * mail first, IMAP before POP3 (D-SRV-04). */
static const struct {
	const char *key;
	enum mt_proto proto;
	uint16_t port;
} servers[] = {
	{"imap", MT_PROTO_IMAP, 993},
	{"pop3", MT_PROTO_POP3, 995},
	{"smtp", MT_PROTO_SUBMISSION, 465},
};

static void
read_server(const json_t *server, size_t i, struct mt_document *document)
{
	const json_t *host = json_object_get(server, "host");
	const struct mt_offer offer = {
		.proto = servers[i].proto,
		.transport = MT_TRANSPORT_IMPLICIT,
		.port = servers[i].port,
	};

	mt_document_add(document, &offer, json_is_string(host) ? json_string_value(host) : "");
}

int
mt_pacc_parse(struct mt_bytes bytes, struct mt_document *document)
{
	MT_CLEANUP(mt_json_decrefp) json_t *root = NULL;
	const json_t *protocols;
	int r = mt_json_parse((const char *)bytes.data, bytes.size, &root, NULL);

	if (r)
		return r < 0 ? r : MT_DOCUMENT_E_MALFORMED;
	protocols = json_object_get(root, "protocols");
	if (!json_is_object(protocols))
		return MT_DOCUMENT_E_MALFORMED;
	for (size_t i = 0; i < MT_ARRAY_SIZE(servers); i++) {
		const json_t *server = json_object_get(protocols, servers[i].key);

		if (server)
			read_server(server, i, document);
	}
	return 0;
}

/* -- the digest -------------------------------------------------------------------------------- */

#define DIGEST_SIZE 32
#define DIGEST_TEXT_SIZE 44 /* of base64, one "=" at its end */

/* One tag: "name=value", spaces around either. */
struct tag {
	const char *name, *value;
	size_t name_size, value_size;
};

static void
trim(const char **text, size_t *size)
{
	while (*size > 0 && **text == ' ') {
		(*text)++;
		(*size)--;
	}
	while (*size > 0 && (*text)[*size - 1] == ' ')
		(*size)--;
}

static bool
read_tag(const char *text, size_t size, struct tag *ret)
{
	const char *equals = memchr(text, '=', size);

	if (!equals)
		return false;
	*ret = (struct tag){.name = text,
			    .name_size = (size_t)(equals - text),
			    .value = equals + 1,
			    .value_size = size - (size_t)(equals - text) - 1};
	trim(&ret->name, &ret->name_size);
	trim(&ret->value, &ret->value_size);
	return true;
}

static bool
is_text(const char *text, size_t size, const char *expected)
{
	return size == strlen(expected) && strncasecmp(text, expected, size) == 0;
}

/* RFC 4648 §4, and no other form of the same bytes. */
static bool
read_base64(const char *text, size_t size, uint8_t ret[static DIGEST_SIZE])
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t decoded[DIGEST_SIZE + 1];

	if (size != DIGEST_TEXT_SIZE || text[size - 1] != '=')
		return false;
	for (size_t i = 0; i < size - 1; i++)
		if (text[i] == '\0' || !strchr(alphabet, text[i]))
			return false;
	if (EVP_DecodeBlock(decoded, (const uint8_t *)text, DIGEST_TEXT_SIZE) != DIGEST_SIZE + 1 ||
	    decoded[DIGEST_SIZE] != 0)
		return false;
	memcpy(ret, decoded, DIGEST_SIZE);
	return true;
}

/* Tags may come in any order, and unknown ones later; none of ours twice. */
bool
mt_pacc_parse_digest(struct mt_bytes text, uint8_t ret[static 32])
{
	unsigned int versions = 0, algorithms = 0, digests = 0;
	const char *next = (const char *)text.data;
	size_t left = text.size;

	while (left > 0) {
		const char *end = memchr(next, ';', left);
		const size_t size = end ? (size_t)(end - next) : left;
		struct tag tag;

		if (!read_tag(next, size, &tag))
			return false;
		if (is_text(tag.name, tag.name_size, "v"))
			versions += is_text(tag.value, tag.value_size, "UAAC1") ? 1 : 2;
		else if (is_text(tag.name, tag.name_size, "a"))
			algorithms += is_text(tag.value, tag.value_size, "sha256") ? 1 : 2;
		else if (is_text(tag.name, tag.name_size, "d"))
			digests += read_base64(tag.value, tag.value_size, ret) ? 1 : 2;
		next += size + (end ? 1 : 0);
		left -= size + (end ? 1 : 0);
	}
	return versions == 1 && algorithms == 1 && digests == 1;
}
