/* SPDX-License-Identifier: MIT */
/* Policy fields on the bus. */

#include <errno.h>
#include <string.h>

#include "ipc/codec-evidence.h"
#include "ipc/codec-internal.h"

static int
append_value(DBusMessageIter *entry, const char *value, const char *layer)
{
	DBusMessageIter pair;

	if (!layer)
		return mt_codec_append_string(entry, value);
	if (!dbus_message_iter_open_container(entry, DBUS_TYPE_STRUCT, NULL, &pair))
		return -ENOMEM;
	if (mt_codec_append_string(&pair, value) == 0 &&
	    mt_codec_append_string(&pair, layer) == 0 &&
	    dbus_message_iter_close_container(entry, &pair))
		return 0;

	dbus_message_iter_abandon_container_if_open(entry, &pair);
	return -ENOMEM;
}

static int
append_pair(DBusMessageIter *dict, const char *key, const char *value, const char *layer)
{
	DBusMessageIter entry;

	if (!dbus_message_iter_open_container(dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry))
		return -ENOMEM;
	if (mt_codec_append_string(&entry, key) == 0 && append_value(&entry, value, layer) == 0 &&
	    dbus_message_iter_close_container(dict, &entry))
		return 0;

	dbus_message_iter_abandon_container_if_open(dict, &entry);
	return -ENOMEM;
}

/* layers NULL: a{ss}, else a{s(ss)}. */
static int
append_fields(DBusMessageIter *iter, const struct mt_minimum *min, const uint8_t *layers)
{
	DBusMessageIter dict;
	char value[MT_CODEC_FIELD_SIZE];
	int r = 0;

	if (!dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, layers ? "{s(ss)}" : "{ss}",
					      &dict))
		return -ENOMEM;
	for (size_t i = 0; i < MT_FIELD_COUNT && r == 0; i++) {
		if (!(min->present & MT_BIT(i)))
			continue;
		if (mt_minimum_format_field(min, (enum mt_field)i, value, sizeof(value)) < 0)
			r = -EMSGSIZE;
		else
			r = append_pair(&dict, mt_fields[i].name, value,
					layers ? mt_layer_to_string((enum mt_layer)layers[i])
					       : NULL);
	}
	if (r == 0 && dbus_message_iter_close_container(iter, &dict))
		return 0;

	dbus_message_iter_abandon_container_if_open(iter, &dict);
	return r ? r : -ENOMEM;
}

int
mt_codec_append_minimum(DBusMessageIter *iter, const struct mt_minimum *min)
{
	return append_fields(iter, min, NULL);
}

int
mt_codec_append_effective(DBusMessageIter *iter, const struct mt_effective *eff)
{
	return append_fields(iter, &eff->m, eff->layer);
}

int
mt_codec_set_field(struct mt_minimum *min, uint32_t *seen, const char *name, const char *value,
		   bool is_org)
{
	/* outcomes of mt_minimum_set_text() */
	static const int outcomes[] = {0, MT_CODEC_E_UNKNOWN_KEY, MT_CODEC_E_VALUE,
				       MT_CODEC_E_NOT_FOR_YOU};
	int field = mt_field_find(name), r;

	if (field < 0)
		return MT_CODEC_E_UNKNOWN_KEY;
	if (*seen & MT_BIT(field))
		return MT_CODEC_E_DUPLICATE_KEY;

	*seen |= (uint32_t)MT_BIT(field);
	r = mt_minimum_set_text(min, name, value, is_org);
	return r >= 0 && (size_t)r < MT_ARRAY_SIZE(outcomes) ? outcomes[r] : MT_CODEC_E_VALUE;
}

int
mt_codec_read_minimum(DBusMessageIter *iter, bool is_org, struct mt_minimum *min,
		      struct mt_diag *diag)
{
	DBusMessageIter dict, value;
	const char *name, *text;
	uint32_t seen = 0;
	int r = 0;

	dbus_message_iter_recurse(iter, &dict);
	while (r == 0 && mt_codec_next_entry(&dict, &name, &value)) {
		r = mt_codec_read_string(&value, &text)
			    ? mt_codec_set_field(min, &seen, name, text, is_org)
			    : MT_CODEC_E_TYPE;
		if (r)
			(void)mt_codec_complain(diag, r, name, mt_codec_explain(r));
	}
	dbus_message_iter_next(iter);
	return r;
}
