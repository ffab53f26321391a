/* SPDX-License-Identifier: MIT */
#ifndef MT_DAEMON_BUS_WATCH_H
#define MT_DAEMON_BUS_WATCH_H

/*
 * The watcher on the bus: its signals, looks somebody asks for, what is offered and what a person
 * answers. Accepting an offer goes through the gates every edit goes through, and can only
 * strengthen: the server is probed once more, takes the place of one that is less well encrypted,
 * and nothing else changes but min_conf, which is switched on.
 */

#include "daemon/keeper.h"

/* Constructs the watcher. Return: 0, negative errno. */
MT_MUST_CHECK int mt_keeper_open_watcher(struct mt_keeper *keeper);
/* An event of accounts.h: what changed matters to the watcher, or does not. */
void mt_keeper_watch_changed(struct mt_keeper *keeper, const struct mt_account *account,
			     unsigned int what);
/* Somebody asked about an account: one the watcher does not know is taken up. */
void mt_keeper_watch_seen(struct mt_keeper *keeper, const struct mt_account *account);
/* A server of an account could not be reached (D-SRV-06). The account may be gone. */
void mt_keeper_watch_failed(struct mt_keeper *keeper, uint32_t uid, const struct mt_account_id *id,
			    enum mt_proto proto);

/* Properties. */
int mt_watch_append_offers(void *account, uint32_t uid, DBusMessageIter *variant, void *userdata);
int mt_watch_append_change(void *account, uint32_t uid, DBusMessageIter *variant, void *userdata);

#endif
