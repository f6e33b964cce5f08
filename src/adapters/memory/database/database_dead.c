/* Keeps dead letters, oldest first, and operators' replays of them. */
#include "adapters/memory/database/database.h"

#include <string.h>

static const char *copied(struct database *database, const char *text)
{
	return text ? arena_strdup(database->arena, text) : NULL;
}

struct dead_letter_row *database_dead_letter(const struct database *database, int64_t key)
{
	for (size_t i = 0; i < database->dead_letter_count; i++) {
		if (database->dead_letters[i].key == key)
			return &database->dead_letters[i];
	}
	return NULL;
}

bool database_is_stale(const struct database *database, const struct replay *replay)
{
	const struct dead_letter_row *letter =
		replay ? database_dead_letter(database, replay->dead_letter) : NULL;

	return replay && (!letter || letter->attempts != replay->attempts);
}

/* ---- they are added ---- */

bool database_is_same_entry(const struct dead_letter_row *one, const struct dead_letter_row *other)
{
	return one->entry_id && other->entry_id && !strcmp(one->entry_id, other->entry_id) &&
	       one->incarnation == other->incarnation && !strcmp(one->origin, other->origin);
}

struct dead_letter_row *database_find_entry(const struct database *database,
					    const struct dead_letter_row *letter)
{
	for (size_t i = 0; i < database->dead_letter_count; i++) {
		if (database_is_same_entry(&database->dead_letters[i], letter))
			return &database->dead_letters[i];
	}
	return NULL;
}

static void fail_again(struct database *database, struct dead_letter_row *letter, enum outcome outcome,
		       const char *reason)
{
	letter->attempts++;
	letter->last_at = database_now(database);
	letter->outcome = outcome;
	letter->reason = copied(database, reason);
}

void database_add_dead_letter(struct database *database, const struct dead_letter_row *letter)
{
	struct dead_letter_row *kept = database_find_entry(database, letter);

	if (kept) {
		fail_again(database, kept, letter->outcome, letter->reason);
		return;
	}
	database->dead_letters = arena_grow(database->arena, database->dead_letters,
					    database->dead_letter_count, sizeof *database->dead_letters);
	kept = &database->dead_letters[database->dead_letter_count++];
	*kept = *letter;
	kept->key = ++database->dead_letters_ever;
	kept->reason = copied(database, letter->reason);
	kept->origin = copied(database, letter->origin);
	kept->entry_id = copied(database, letter->entry_id);
	kept->source = copied(database, letter->source);
	kept->id = copied(database, letter->id);
	kept->payload.data = arena_copy(database->arena, letter->payload.data, letter->payload.size);
	kept->first_at = kept->last_at = database_now(database);
}

/* ---- they are dropped ---- */

/* Drops the oldest failed (or other) dead letters, at most `over`; returns how many remain to be dropped. */
static size_t drop_dead_letters(struct database *database, size_t over, bool failed)
{
	size_t kept = 0;

	for (size_t i = 0; i < database->dead_letter_count; i++) {
		const struct dead_letter_row *letter = &database->dead_letters[i];

		if (over && (letter->outcome == OUTCOME_FAILED) == failed) {
			over--;
			database->dead_letters_dropped++;
		} else {
			database->dead_letters[kept++] = *letter;
		}
	}
	database->dead_letter_count = kept;
	return over;
}

void database_cap_dead_letters(struct database *database)
{
	size_t over = 0;

	if (database->dead_letter_count > database->config.dead_letters_max)
		over = database->dead_letter_count - database->config.dead_letters_max;
	over = drop_dead_letters(database, over, false);
	drop_dead_letters(database, over, true);
}

static void drop(struct database *database, const struct dead_letter_row *letter)
{
	size_t at = (size_t)(letter - database->dead_letters);

	database->dead_letter_count--;
	memmove(&database->dead_letters[at], &database->dead_letters[at + 1],
		(database->dead_letter_count - at) * sizeof *letter);
}

/* ---- they are replayed ---- */

static void keep_replay(struct database *database, const struct replay_row *replay)
{
	struct replay_row *kept;

	database->replays =
		arena_grow(database->arena, database->replays, database->replay_count, sizeof *kept);
	kept = &database->replays[database->replay_count++];
	*kept = *replay;
	kept->who = copied(database, replay->who);
	kept->edits = copied(database, replay->edits);
	kept->reason = copied(database, replay->reason);
	kept->id = copied(database, replay->id);
	kept->at = database_now(database);
}

void database_replay(struct database *database, const struct replay_row *replay)
{
	struct dead_letter_row *letter = database_dead_letter(database, replay->dead_letter);

	keep_replay(database, replay);
	if (outcome_is_done(replay->outcome))
		drop(database, letter);
	else
		fail_again(database, letter, replay->outcome, replay->reason);
}
