/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_NAMES_H
#define MT_POLICY_NAMES_H

/* Enum names: one array per enum, looked up both ways. Private to policy/. */

#include <string.h>

#include "policy/base.h"

/* Defines mt_<name>_to_string() and mt_<name>_from_string() over a designated array. first is the
 * first value that has a name one may write: UNKNOWN values are printed, never read. */
#define MT_DEFINE_NAMES(name, array, count, first)                             \
	_Static_assert(MT_ARRAY_SIZE(array) == (count), "one name per value"); \
	const char *mt_##name##_to_string(enum mt_##name value)                \
	{                                                                      \
		return (array)[value];                                         \
	}                                                                      \
	int mt_##name##_from_string(const char *string, enum mt_##name *ret)   \
	{                                                                      \
		for (unsigned i = (first); i < (count); i++)                   \
			if (strcmp((array)[i], string) == 0) {                 \
				*ret = (enum mt_##name)i;                      \
				return 0;                                      \
			}                                                      \
		return 1;                                                      \
	}                                                                      \
	_Static_assert((first) < (count), "some value is writable")

#endif
