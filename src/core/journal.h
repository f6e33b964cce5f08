/*
 * An undo journal: it saves the old bytes of everything that one message changes in memory, so that a
 * rejected message leaves no trace.  The core writes to it before every change.
 */
#ifndef ALLOCD_CORE_JOURNAL_H
#define ALLOCD_CORE_JOURNAL_H

#include "core/base/arena.h"

/* The saved bytes are needed for one message, and the next one uses their memory again. */
struct journal {
	struct arena *arena;
	struct journal_entry *newest;
};

void journal_init(struct journal *journal);
void journal_release(struct journal *journal);

/* Saves the `size` bytes at `place`. */
void journal_keep(struct journal *journal, void *place, size_t size);

/* Restores all saved bytes, newest first, and empties the journal. */
void journal_undo(struct journal *journal);

/* Empties the journal: the changes stay and can no longer be undone. */
void journal_forget(struct journal *journal);

#endif
