/* An undo log of plain bytes. */
#include "core/journal.h"

#include <string.h>

struct journal_entry {
	struct journal_entry *older;
	void *place;
	size_t size;
	unsigned char bytes[];
};

void journal_keep(struct journal *journal, struct arena *arena, void *place, size_t size)
{
	struct journal_entry *entry = arena_reserve(arena, sizeof *entry + size);

	entry->older = journal->newest;
	entry->place = place;
	entry->size = size;
	memcpy(entry->bytes, place, size);
	journal->newest = entry;
}

void journal_undo(struct journal *journal)
{
	for (struct journal_entry *entry = journal->newest; entry; entry = entry->older)
		memcpy(entry->place, entry->bytes, entry->size);
	journal->newest = NULL;
}

void journal_forget(struct journal *journal)
{
	journal->newest = NULL;
}
