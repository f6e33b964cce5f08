/*
 * Entries of a stream that are in flight: submitted, and not known to be acknowledged.  They are in the order
 * of the stream, across all its incarnations.
 */
#ifndef ALLOCD_BUS_INTAKE_PENDING_ENTRIES_H
#define ALLOCD_BUS_INTAKE_PENDING_ENTRIES_H

#include "bus/base/stream_id.h"

#include <stddef.h>

struct pending_entry {
	struct pending_entry *previous, *next;
	struct pending_entry *next_to_acknowledge;
	void *owner;
	int64_t incarnation;
	struct stream_id id;
	bool is_acknowledging; /* its acknowledgement is under way */
	bool came_again;       /* a recreated group has delivered it once more */
};

struct pending_entries {
	struct pending_entry *first, *last;
	size_t count;
	size_t handled_count;
	struct pending_entry *handled, **handled_end; /* to be acknowledged, linked by next_to_acknowledge */
};

void pending_entries_init(struct pending_entries *pending);
void pending_entries_release(struct pending_entries *pending);

/* Less than, equal to or greater than 0, as for strcmp(). */
int pending_entry_compare(const struct pending_entry *entry, int64_t incarnation, struct stream_id id);

/*
 * Returns the last entry at or below that id, searched from `place` on, which is at or below it; NULL: all
 * entries are above.
 */
struct pending_entry *pending_entries_place(const struct pending_entries *pending,
					    struct pending_entry *place, int64_t incarnation,
					    struct stream_id id);

/* Adds an entry after `place`, as returned by pending_entries_place(); NULL: before all others. */
struct pending_entry *pending_entries_add(struct pending_entries *pending, struct pending_entry *place,
					  int64_t incarnation, struct stream_id id);

/* Frees the entry. */
void pending_entries_forget(struct pending_entries *pending, struct pending_entry *entry);

void pending_entries_push_handled(struct pending_entries *pending, struct pending_entry *entry);

/*
 * Removes the first `max` entries to be acknowledged and returns them as a list; NULL: there is no such
 * entry.
 */
struct pending_entry *pending_entries_take_handled(struct pending_entries *pending, size_t max);

#endif
