/* SPDX-License-Identifier: MIT */
/* Minutes, and the lists of domains in them. */

#include "daemon/wheel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "policy/schedule.h"

#define WHEEL_VERSION 1
#define MINUTE_USEC (60 * MT_USEC_PER_SEC)
/* Minutes of 11 days and 9 hours. */
#define SLOTS 16384
/* Domains in one record: 16 KiB at the most, two records a minute on a machine with 100 000. */
#define PART_MAX 64
/* Once around leaves these out: they are soon ahead of the hand, and appointments go there while it
 * turns. */
#define SLOTS_AHEAD 128
/* A clock that was set back by less is waited for. */
#define SMALL_STEP_MINUTES 5
/* What a domain that is handed out is due again after, should nobody say otherwise. */
#define LEASE_LOOKS 1

struct mt_wheel {
	struct mt_store *store;
	uint64_t secret;
	int64_t hand; /* minutes since 1970; 0: there was no domain yet */
};

/* A part of a slot's list. */
struct part {
	char domains[PART_MAX][MT_DOMAIN_SIZE];
	size_t n;
};

/* -- records ----------------------------------------------------------------------------------- */

static void
wheel_key(struct mt_key *key)
{
	mt_key_init(key, MT_RECORD_SLOT);
}

static int
wheel_decode(struct mt_reader *reader, void *userdata)
{
	struct mt_wheel *wheel = userdata;

	if (mt_reader_u8(reader) != WHEEL_VERSION)
		return MT_STORE_E_DAMAGED;
	wheel->secret = mt_reader_u64(reader);
	wheel->hand = mt_reader_i64(reader);
	return mt_reader_is_done(reader) ? 0 : MT_STORE_E_DAMAGED;
}

static void
wheel_put(struct mt_wheel *wheel)
{
	struct mt_writer writer = {0};
	struct mt_key key;

	wheel_key(&key);
	mt_writer_u8(&writer, WHEEL_VERSION);
	mt_writer_u64(&writer, wheel->secret);
	mt_writer_i64(&writer, wheel->hand);
	(void)!mt_store_put(wheel->store, &key, &writer);
	mt_writer_clear(&writer);
}

static void
part_key(struct mt_key *key, int64_t minute, uint32_t number)
{
	mt_key_init(key, MT_RECORD_SLOT);
	mt_key_add_u32(key, (uint32_t)(minute & (SLOTS - 1)));
	mt_key_add_u32(key, number);
}

static int
part_decode(struct mt_reader *reader, void *userdata)
{
	struct part *part = userdata;

	if (mt_reader_u8(reader) != WHEEL_VERSION)
		return MT_STORE_E_DAMAGED;
	part->n = mt_reader_enum(reader, PART_MAX + 1);
	for (size_t i = 0; i < part->n; i++)
		mt_reader_string(reader, part->domains[i], sizeof(part->domains[i]));
	return mt_reader_is_done(reader) ? 0 : MT_STORE_E_DAMAGED;
}

/* What cannot be read is empty: its domains come back when their accounts are next touched. */
static void
part_get(struct mt_wheel *wheel, int64_t minute, uint32_t number, struct part *ret)
{
	struct mt_key key;

	ret->n = 0;
	part_key(&key, minute, number);
	if (mt_store_get(wheel->store, &key, part_decode, ret) != 0)
		ret->n = 0;
}

static void
part_put(struct mt_wheel *wheel, int64_t minute, uint32_t number, const struct part *part)
{
	struct mt_writer writer = {0};
	struct mt_key key;

	part_key(&key, minute, number);
	mt_writer_u8(&writer, WHEEL_VERSION);
	mt_writer_u8(&writer, (unsigned int)part->n);
	for (size_t i = 0; i < part->n; i++)
		mt_writer_string(&writer, part->domains[i]);
	(void)!mt_store_put(wheel->store, &key, &writer);
	mt_writer_clear(&writer);
}

static void
part_remove(struct mt_wheel *wheel, int64_t minute, uint32_t number)
{
	struct mt_key key;

	part_key(&key, minute, number);
	(void)!mt_store_remove(wheel->store, &key);
}

/* Parts are numbered densely from 0. */
static uint32_t
count_parts(struct mt_wheel *wheel, int64_t minute)
{
	uint32_t n = 0;
	struct mt_key key;

	for (;; n++) {
		part_key(&key, minute, n);
		if (!mt_store_has(wheel->store, &key))
			return n;
	}
}

static void
domain_key(struct mt_key *key, const char *domain)
{
	mt_key_init(key, MT_RECORD_DUE);
	mt_key_add_string(key, domain);
}

static int
due_decode(struct mt_reader *reader, void *userdata)
{
	int64_t *due_usec = userdata;

	if (mt_reader_u8(reader) != WHEEL_VERSION)
		return MT_STORE_E_DAMAGED;
	*due_usec = mt_reader_i64(reader);
	return mt_reader_is_done(reader) ? 0 : MT_STORE_E_DAMAGED;
}

static int64_t
minute_of(int64_t usec)
{
	return usec / MINUTE_USEC;
}

/* -- domains ----------------------------------------------------------------------------------- */

int
mt_wheel_new(struct mt_store *store, struct mt_wheel **ret)
{
	MT_CLEANUP(mt_wheel_freep) struct mt_wheel *wheel = calloc(1, sizeof(*wheel));
	struct mt_key key;
	int r;

	if (!wheel)
		return -ENOMEM;
	wheel->store = store;
	wheel_key(&key);
	r = mt_store_get(store, &key, wheel_decode, wheel);
	/* One that cannot be read: other phases, once around, and nothing else is lost. */
	wheel->hand = r == MT_STORE_E_NOT_FOUND ? 0 : r ? 1 : wheel->hand;
	if (r && getrandom(&wheel->secret, sizeof(wheel->secret), 0) != sizeof(wheel->secret))
		return -EIO;
	*ret = mt_steal(&wheel);
	return 0;
}

struct mt_wheel *
mt_wheel_free(struct mt_wheel *wheel)
{
	free(wheel);
	return NULL;
}

uint64_t
mt_wheel_secret(const struct mt_wheel *wheel)
{
	return wheel->secret;
}

bool
mt_wheel_find(struct mt_wheel *wheel, const char *domain, int64_t *ret_due_usec)
{
	struct mt_key key;

	domain_key(&key, domain);
	return mt_store_get(wheel->store, &key, due_decode, ret_due_usec) == 0;
}

static void
add_to_slot(struct mt_wheel *wheel, const char *domain, int64_t minute, struct part *part)
{
	const uint32_t n = count_parts(wheel, minute);
	uint32_t number = n > 0 ? n - 1 : 0;

	part_get(wheel, minute, number, part);
	if (part->n == PART_MAX) {
		part->n = 0;
		number++;
	}
	memcpy(part->domains[part->n++], domain, strlen(domain) + 1);
	part_put(wheel, minute, number, part);
}

void
mt_wheel_put(struct mt_wheel *wheel, const char *domain, int64_t due_usec, int64_t now_usec)
{
	struct part *part = malloc(sizeof(*part));
	struct mt_writer writer = {0};
	struct mt_key key;

	/* without memory the domain is left as it is: due again when its minute is found */
	if (!part)
		return;
	/* the hand does not go back for what is overdue */
	if (due_usec < now_usec)
		due_usec = now_usec;
	domain_key(&key, domain);
	mt_writer_u8(&writer, WHEEL_VERSION);
	mt_writer_i64(&writer, due_usec);
	(void)!mt_store_put(wheel->store, &key, &writer);
	mt_writer_clear(&writer);
	add_to_slot(wheel, domain, minute_of(due_usec), part);
	if (wheel->hand == 0) {
		/* the wheel begins with its first domain */
		wheel->hand = minute_of(now_usec);
		wheel_put(wheel);
	}
	free(part);
}

void
mt_wheel_remove(struct mt_wheel *wheel, const char *domain)
{
	struct mt_key key;

	domain_key(&key, domain);
	(void)!mt_store_remove(wheel->store, &key);
}

/* -- the hand ---------------------------------------------------------------------------------- */

struct turn {
	struct mt_wheel *wheel;
	int64_t now_usec;
	size_t max;
	struct mt_wheel_due *due;
	struct part part;
	bool has_begun; /* the transaction */
	int failure;
};

static bool
begin(struct turn *turn)
{
	if (!turn->has_begun && turn->failure == 0) {
		turn->failure = mt_store_begin(turn->wheel->store);
		turn->has_begun = turn->failure == 0;
	}
	return turn->failure == 0;
}

enum fate { KEEP, DROP, HAND_OUT, MAKE_ANEW };

static enum fate
find_fate(const struct turn *turn, const char *domain, int64_t minute)
{
	int64_t due;

	if (!mt_wheel_find(turn->wheel, domain, &due) ||
	    ((minute_of(due) ^ minute) & (SLOTS - 1)) != 0)
		return DROP; /* outdated */
	if (!mt_schedule_is_plausible(due, turn->now_usec))
		return MAKE_ANEW;
	if (due > turn->now_usec)
		return KEEP;
	return turn->due->n < turn->max ? HAND_OUT : KEEP;
}

/* The domain goes from here to another minute. */
static void
move(struct turn *turn, const char *domain, enum fate fate)
{
	const uint64_t hash = mt_schedule_hash(turn->wheel->secret, domain);
	int64_t due = mt_schedule_retry(hash, LEASE_LOOKS, turn->now_usec);

	if (fate == MAKE_ANEW)
		due = mt_schedule_first(hash, MT_WATCH_INTERVAL_MIN_SEC, turn->now_usec);
	else
		memcpy(turn->due->domains[turn->due->n++], domain, strlen(domain) + 1);
	mt_wheel_put(turn->wheel, domain, due, turn->now_usec);
	turn->due->n_moved++;
}

/* Return: true where nothing is left in it. */
static bool
sift_part(struct turn *turn, int64_t minute, uint32_t number, bool is_last)
{
	struct mt_wheel *wheel = turn->wheel;
	struct part *part = &turn->part;
	size_t kept = 0;

	part_get(wheel, minute, number, part);
	for (size_t i = 0; i < part->n; i++) {
		enum fate fate = find_fate(turn, part->domains[i], minute);

		if (fate == KEEP) {
			if (kept++ != i)
				memcpy(part->domains[kept - 1], part->domains[i],
				       sizeof(part->domains[i]));
		} else if (!begin(turn)) {
			return false;
		} else if (fate != DROP) {
			move(turn, part->domains[i], fate);
		}
	}
	if (kept != part->n) {
		part->n = kept;
		part_put(wheel, minute, number, part);
	}
	if (kept == 0 && is_last && begin(turn))
		part_remove(wheel, minute, number);
	return kept == 0;
}

/* Return: true where the minute has no domain any more. */
static bool
sift_minute(struct turn *turn, int64_t minute)
{
	bool is_empty = true;

	for (uint32_t n = count_parts(turn->wheel, minute); n-- > 0 && turn->failure == 0;)
		is_empty &= sift_part(turn, minute, n, is_empty);
	return is_empty && turn->failure == 0;
}

/* Where the hand is to begin: a clock that jumped sends it around once. */
static void
set_hand(struct mt_wheel *wheel, int64_t now)
{
	const int64_t ahead = wheel->hand - now;

	if (ahead > SMALL_STEP_MINUTES || now - wheel->hand > SLOTS - SLOTS_AHEAD)
		wheel->hand = now - SLOTS + SLOTS_AHEAD;
}

/* A full slot may hold what is due now and what is not due for days: the hand passes over the
 * latter, it has its minute; over the former it does not. */
static void
turn_hand(struct turn *turn)
{
	const int64_t now = minute_of(turn->now_usec);
	struct mt_wheel *wheel = turn->wheel;

	set_hand(wheel, now);
	while (wheel->hand <= now && turn->due->n_minutes < MT_WATCH_MINUTES_MAX) {
		(void)sift_minute(turn, wheel->hand);
		if (wheel->hand == now || turn->due->n == turn->max || turn->failure)
			return;
		wheel->hand++;
		turn->due->n_minutes++;
	}
}

int
mt_wheel_turn(struct mt_wheel *wheel, int64_t now_usec, size_t max, struct mt_wheel_due *ret)
{
	struct turn *turn = calloc(1, sizeof(*turn)); /* too large for the stack */
	const int64_t hand = wheel->hand;
	int r;

	ret->n = 0;
	ret->n_minutes = ret->n_moved = 0;
	if (!turn)
		return -ENOMEM;
	*turn = (struct turn){.wheel = wheel, .now_usec = now_usec, .max = max, .due = ret};
	if (hand != 0)
		turn_hand(turn);
	r = turn->failure;
	if (turn->has_begun) {
		wheel_put(wheel);
		r = mt_store_commit(wheel->store);
	}
	free(turn);
	if (r == 0)
		return 0;
	wheel->hand = hand;
	ret->n = 0;
	return r;
}
