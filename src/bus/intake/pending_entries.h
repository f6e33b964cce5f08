/*
 * Entries of a stream that are in flight: submitted, and not known to be acknowledged.  In the order of the
 * stream, through all its incarnations.
 */
#ifndef ALLOCD_BUS_INTAKE_PENDING_ENTRIES_H
#define ALLOCD_BUS_INTAKE_PENDING_ENTRIES_H

#include "bus/intake/stream_id.h"

#include <stddef.h>

struct pending_entry {
	struct pending_entry *previous, *next;
	struct pending_entry *next_to_acknowledge;
	void *owner;
	int64_t incarnation;
	struct stream_id id;
	bool is_acknowledging; /* its acknowledgement is under way */
	bool came_again;       /* meanwhile a group that was created anew delivered it once more */
};

struct pending_entries {
	struct pending_entry *first, *last;
	size_t count;
	size_t handled_count;
	struct pending_entry *handled, **handled_end; /* to be acknowledged, linked by next_to_acknowledge */
};

void pending_entries_init(struct pending_entries *in_flight);
void pending_entries_release(struct pending_entries *in_flight);

/* Below, equal or above, as for strcmp(). */
int pending_entry_compare(const struct pending_entry *entry, int64_t incarnation, struct stream_id id);

/* The last entry that is not above that one, from `place` on, which is not above it; NULL: every one is. */
struct pending_entry *pending_entries_place(const struct pending_entries *in_flight,
					    struct pending_entry *place, int64_t incarnation,
					    struct stream_id id);

/* One more, after `place`, as pending_entries_place() said; NULL: before all others. */
struct pending_entry *pending_entries_add(struct pending_entries *in_flight, struct pending_entry *place,
					  int64_t incarnation, struct stream_id id);

/* Frees the entry. */
void pending_entries_forget(struct pending_entries *in_flight, struct pending_entry *entry);

void pending_entries_push_handled(struct pending_entries *in_flight, struct pending_entry *entry);

/* The first `max` of those to be acknowledged, as a list of their own; NULL: there are none. */
struct pending_entry *pending_entries_take_handled(struct pending_entries *in_flight, size_t max);

#endif
