/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_BASE_H
#define MT_POLICY_BASE_H

/*
 * The few macros everybody may use. Decides nothing.
 *
 * Return values, for the whole program: 0 is done; negative is a -errno nobody here expected and is
 * forwarded unchanged; positive is a documented outcome of that function (MT_<MODULE>_E_…), which
 * the caller handles or translates and never forwards. A bad certificate or a missing policy is a
 * result, not an error.
 */

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MT_MUST_CHECK __attribute__((warn_unused_result))
#define MT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Runs fn(&variable) when the variable leaves its scope. */
#define MT_CLEANUP(fn) __attribute__((cleanup(fn)))

/* Defines free_fn##p(), for MT_CLEANUP, from a free_fn() that accepts NULL. */
#define MT_DEFINE_CLEANUP(type, free_fn)       \
	static inline void free_fn##p(type *p) \
	{                                      \
		if (*p)                        \
			free_fn(*p);           \
	}                                      \
	_Static_assert(sizeof(type) == sizeof(void *), "a pointer type")

/* Hands the pointer out of a cleanup-guarded variable. */
#define mt_steal(pp)                               \
	__extension__({                            \
		__typeof__(*(pp)) stolen_ = *(pp); \
		*(pp) = NULL;                      \
		stolen_;                           \
	})

#define MT_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MT_BIT(n) (UINT64_C(1) << (n))

/* Wall-clock and monotonic times are int64_t/uint64_t microseconds; names end in _usec. */
#define MT_USEC_PER_SEC INT64_C(1000000)

/* Borrowed bytes. Whoever hands one out says how long it lives. */
struct mt_bytes {
	const uint8_t *data;
	size_t size;
};

#endif
