/* Counts dead letters by what went wrong: their outcome, message and reason. */
#ifndef ALLOCD_ENTRYPOINTS_DEAD_LETTERS_DEAD_LETTER_GROUPS_H
#define ALLOCD_ENTRYPOINTS_DEAD_LETTERS_DEAD_LETTER_GROUPS_H

#include "bus/ports/dead_letter_archive.h"
#include "core/base/map.h"

struct dead_letter_group {
	const char *outcome, *message, *reason;
	int64_t count, handled_since; /* of the letters; and of those, see `is_handled_since` */
	int64_t first_at, last_at;    /* the first attempt at any of them, and the last one */
	int64_t first_id, last_id;
};

struct dead_letter_groups {
	struct dead_letter_group **all;
	size_t count;
	struct map by_key;
	struct arena *arena;
};

/* The groups live in `arena`. */
void dead_letter_groups_init(struct dead_letter_groups *groups, struct arena *arena);

/* Counts a letter, and copies what is needed of it.  Letters come in the order of their ids. */
void dead_letter_groups_add(struct dead_letter_groups *groups, const struct dead_letter *letter);

/* The largest group first; of equal ones, that of the older letter. */
void dead_letter_groups_sort(struct dead_letter_groups *groups);

#endif
