/* SPDX-License-Identifier: MIT */
/* Evidence of mail programs, key by key. */

#include "clients/lib/evidence-builder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/codec-evidence.h"

struct mailtrust_evidence {
	struct mt_evidence ev; /* chain and staple point at the blocks below; chain_bytes is NULL */
	uint8_t *certificates[MT_CHAIN_MAX];
	uint8_t *staple;
};

const struct mt_evidence *
mt_evidence_of(const struct mailtrust_evidence *evidence)
{
	return &evidence->ev;
}

struct mailtrust_evidence *
mailtrust_evidence_new(void)
{
	return calloc(1, sizeof(struct mailtrust_evidence));
}

void
mailtrust_evidence_free(struct mailtrust_evidence *evidence)
{
	if (!evidence)
		return;

	for (size_t i = 0; i < MT_CHAIN_MAX; i++)
		free(evidence->certificates[i]);
	free(evidence->staple);
	free(evidence);
}

/* The key of that name, where its type is one of the mask's. NULL: there is none. */
static const struct mt_evidence_key *
find_key(const char *name, uint32_t types)
{
	int index = mt_evidence_key_find(name);

	return index >= 0 && (types & (1u << mt_evidence_keys[index].type))
		       ? &mt_evidence_keys[index]
		       : NULL;
}

static int
mark_present(struct mailtrust_evidence *evidence, const struct mt_evidence_key *key)
{
	evidence->ev.present |= MT_BIT(key - mt_evidence_keys);
	return 0;
}

static uint8_t *
field_of(struct mailtrust_evidence *evidence, const struct mt_evidence_key *key)
{
	return (uint8_t *)&evidence->ev + key->offset;
}

int
mailtrust_evidence_set_flag(struct mailtrust_evidence *evidence, const char *name, bool value)
{
	const struct mt_evidence_key *key = find_key(name, 1u << MT_EV_TYPE_BOOL);

	if (!key)
		return -EINVAL;

	memcpy(field_of(evidence, key), &value, sizeof(value));
	return mark_present(evidence, key);
}

int
mailtrust_evidence_set_number(struct mailtrust_evidence *evidence, const char *name, int64_t value)
{
	const struct mt_evidence_key *key =
		find_key(name, 1u << MT_EV_TYPE_U16 | 1u << MT_EV_TYPE_U32 | 1u << MT_EV_TYPE_TIME);
	uint16_t u16 = (uint16_t)value;
	uint32_t u32 = (uint32_t)value;

	if (!key || value < 0 || (key->type == MT_EV_TYPE_U16 && value > UINT16_MAX) ||
	    (key->type == MT_EV_TYPE_U32 && value > UINT32_MAX))
		return -EINVAL;

	if (key->type == MT_EV_TYPE_U16)
		memcpy(field_of(evidence, key), &u16, sizeof(u16));
	else if (key->type == MT_EV_TYPE_U32)
		memcpy(field_of(evidence, key), &u32, sizeof(u32));
	else
		memcpy(field_of(evidence, key), &value, sizeof(value));

	return mark_present(evidence, key);
}

int
mailtrust_evidence_set_text(struct mailtrust_evidence *evidence, const char *name,
			    const char *value)
{
	const struct mt_evidence_key *key = find_key(
		name, 1u << MT_EV_TYPE_TEXT | 1u << MT_EV_TYPE_HOST | 1u << MT_EV_TYPE_PROTO |
			      1u << MT_EV_TYPE_TRANSPORT | 1u << MT_EV_TYPE_VERSION);

	if (!key || mt_codec_set_string(&evidence->ev, key, value, strlen(value)))
		return -EINVAL;

	return mark_present(evidence, key);
}

/* A copy on the heap, never of size 0. */
static int
copy_block(const void *data, size_t size, uint8_t **ret)
{
	uint8_t *block = malloc(size + 1);

	if (!block)
		return -ENOMEM;

	memcpy(block, data, size);
	free(*ret);
	*ret = block;
	return 0;
}

static int
set_staple(struct mailtrust_evidence *evidence, const void *data, size_t size)
{
	int r = size == 0 || size > MT_STAPLE_MAX ? -EINVAL
						  : copy_block(data, size, &evidence->staple);

	if (r == 0)
		evidence->ev.staple = (struct mt_bytes){evidence->staple, size};

	return r;
}

int
mailtrust_evidence_set_bytes(struct mailtrust_evidence *evidence, const char *name,
			     const void *data, size_t size)
{
	const struct mt_evidence_key *key = find_key(
		name, 1u << MT_EV_TYPE_DIGEST | 1u << MT_EV_TYPE_BYTES | 1u << MT_EV_TYPE_STAPLE);
	int r;

	if (!key)
		return -EINVAL;
	if (key->type == MT_EV_TYPE_STAPLE) {
		r = set_staple(evidence, data, size);
		return r ? r : mark_present(evidence, key);
	}
	if (mt_codec_set_bytes(&evidence->ev, key, (struct mt_bytes){data, size}))
		return -EINVAL;

	return mark_present(evidence, key);
}

int
mailtrust_evidence_add_certificate(struct mailtrust_evidence *evidence, const void *der,
				   size_t size)
{
	struct mt_evidence *ev = &evidence->ev;
	int r;

	if (size == 0 || ev->n_chain == MT_CHAIN_MAX || size > MT_CHAIN_BYTES_MAX - ev->chain_size)
		return -EINVAL;

	r = copy_block(der, size, &evidence->certificates[ev->n_chain]);
	if (r)
		return r;

	ev->chain[ev->n_chain] = (struct mt_bytes){evidence->certificates[ev->n_chain], size};
	ev->n_chain++;
	ev->chain_size += size;
	ev->present |= MT_BIT(MT_EV_CHAIN);
	return 0;
}
