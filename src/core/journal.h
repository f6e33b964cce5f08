/*
 * An undo journal: it keeps the old bytes of everything that one message changes in memory, so that a message
 * that is rejected leaves everything as it was.  Core writes into it before every change.
 */
#ifndef ALLOCD_CORE_JOURNAL_H
#define ALLOCD_CORE_JOURNAL_H

#include "core/base/arena.h"

struct journal {
	struct journal_entry *newest;
};

/* Remembers the `size` bytes at `place`; memory for that comes from `arena`. */
void journal_keep(struct journal *journal, struct arena *arena, void *place, size_t size);

/* Undoes all changes, newest first, and forgets them. */
void journal_undo(struct journal *journal);

/* Keeps all changes: they cannot be undone any more. */
void journal_forget(struct journal *journal);

#endif
