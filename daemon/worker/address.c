/* SPDX-License-Identifier: MIT */
/* Special-purpose addresses. */

#include "daemon/worker/address.h"

#include <string.h>

#include "policy/domain.h"

struct prefix {
	uint8_t octets[16];
	unsigned int bits;
};

/* clang-format off */
static const struct prefix special_v4[] = { /* RFC 6890 §2.2.2 */
	{{0}, 8},
	{{10}, 8},
	{{100, 64}, 10},       /* RFC 6598 */
	{{127}, 8},
	{{169, 254}, 16},
	{{172, 16}, 12},
	{{192, 0, 0}, 24},
	{{192, 0, 2}, 24},
	{{192, 88, 99}, 24},   /* RFC 7526 */
	{{192, 168}, 16},
	{{198, 18}, 15},
	{{198, 51, 100}, 24},
	{{203, 0, 113}, 24},
	{{224}, 3},            /* multicast, reserved, broadcast */
};

static const struct prefix special_v6[] = { /* within 2000::/3, which alone is assigned (RFC 4291) */
	{{0x20, 0x01, 0x00}, 23},       /* RFC 2928; Teredo */
	{{0x20, 0x01, 0x0d, 0xb8}, 32}, /* RFC 3849 */
	{{0x20, 0x02}, 16},             /* 6to4 */
	{{0x3f, 0xff}, 20},             /* RFC 9637 */
};

static const struct prefix global_v6 = {{0x20}, 3};
static const struct prefix mapped = {{[10] = 0xff, [11] = 0xff}, 96};       /* RFC 4291 §2.5.5.2 */
static const struct prefix nat64 = {{0x00, 0x64, 0xff, 0x9b}, 96};          /* RFC 6052 §2.1 */
/* clang-format on */

static bool
is_within(const uint8_t *ip, const struct prefix *prefix)
{
	const unsigned int whole = prefix->bits / 8, rest = prefix->bits % 8;

	return memcmp(ip, prefix->octets, whole) == 0 &&
	       (rest == 0 || ((ip[whole] ^ prefix->octets[whole]) >> (8 - rest)) == 0);
}

static bool
is_special(const uint8_t *ip, const struct prefix *table, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_within(ip, &table[i]))
			return true;
	return false;
}

bool
mt_address_is_global(const char *literal)
{
	uint8_t ip[16];
	size_t size = mt_ip_literal_parse(literal, ip);

	if (size == 4)
		return !is_special(ip, special_v4, MT_ARRAY_SIZE(special_v4));
	if (size != 16)
		return false;
	if (is_within(ip, &mapped) || is_within(ip, &nat64))
		return !is_special(ip + 12, special_v4, MT_ARRAY_SIZE(special_v4));
	return is_within(ip, &global_v6) && !is_special(ip, special_v6, MT_ARRAY_SIZE(special_v6));
}
