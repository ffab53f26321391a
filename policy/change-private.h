/* SPDX-License-Identifier: MIT */
#ifndef MT_POLICY_CHANGE_PRIVATE_H
#define MT_POLICY_CHANGE_PRIVATE_H

/* What change.c, which has the table, and change-rows.c, which compares answers, share. */

#include "policy/change.h"

/* One function for each row but S-01; the sentence of each stands in the table. */
bool mt_row_reordered(const struct mt_look *look, struct mt_named *subject);
bool mt_row_same_level(const struct mt_look *look, struct mt_named *subject);
bool mt_row_implicit(const struct mt_look *look, struct mt_named *subject);
bool mt_row_encrypted(const struct mt_look *look, struct mt_named *subject);
bool mt_row_gone(const struct mt_look *look, struct mt_named *subject);
bool mt_row_outside(const struct mt_look *look, struct mt_named *subject);
bool mt_row_weaker(const struct mt_look *look, struct mt_named *subject);
bool mt_row_not_offered(const struct mt_look *look, struct mt_named *subject);
bool mt_row_unsigned(const struct mt_look *look, struct mt_named *subject);
bool mt_row_signed(const struct mt_look *look, struct mt_named *subject);
bool mt_row_bogus(const struct mt_look *look, struct mt_named *subject);
bool mt_row_failed(const struct mt_look *look, struct mt_named *subject);
bool mt_row_absent(const struct mt_look *look, struct mt_named *subject);

/* Every answer is authenticated. */
bool mt_look_is_signed(const struct mt_look *look);
/* What may be offered to the account, unless it was declined. */
void mt_look_find_upgrades(const struct mt_look *look, struct mt_change *change);

#endif
