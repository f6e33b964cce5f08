/*
 * An undo journal: it saves the old bytes of everything that one message changes in memory, so that a
 * rejected message leaves no trace.  The core writes to it before every change.
 */
#ifndef ALLOCD_CORE_JOURNAL_H
#define ALLOCD_CORE_JOURNAL_H

#include "core/base/arena.h"

struct journal {
	struct journal_entry *newest;
};

/* Saves the `size` bytes at `place` in memory from `arena`. */
void journal_keep(struct journal *journal, struct arena *arena, void *place, size_t size);

/* Restores all saved bytes, newest first, and empties the journal. */
void journal_undo(struct journal *journal);

/* Empties the journal: the changes stay and can no longer be undone. */
void journal_forget(struct journal *journal);

#endif
