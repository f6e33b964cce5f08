/* An undo log of plain bytes. */
#include "core/journal.h"

#include <string.h>

struct journal_entry {
	struct journal_entry *older;
	void *place;
	size_t size;
	unsigned char bytes[];
};

/* What a message of one line changes. */
#define USUAL_SIZE 2048

void journal_init(struct journal *journal)
{
	*journal = (struct journal){.arena = arena_new(USUAL_SIZE)};
}

void journal_release(struct journal *journal)
{
	arena_free(&journal->arena);
}

void journal_keep(struct journal *journal, void *place, size_t size)
{
	struct journal_entry *entry = arena_reserve(journal->arena, sizeof *entry + size);

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
	journal_forget(journal);
}

void journal_forget(struct journal *journal)
{
	arena_clear(journal->arena);
	journal->newest = NULL;
}
