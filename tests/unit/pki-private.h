/* SPDX-License-Identifier: MIT */
#ifndef MT_TESTS_UNIT_PKI_PRIVATE_H
#define MT_TESTS_UNIT_PKI_PRIVATE_H

/* What the parts of the maker share. */

#include "tests/unit/pki.h"

/* The maker's own copy of what an i2d function gave, which is freed. */
struct mt_bytes pki_take_der(struct pki *pki, unsigned char *der, int size);

#endif
