/*
 * Entries of a stream that are in flight: submitted, and not known to be acknowledged.  In the order of the
 * stream, through all its incarnations.
 */
#ifndef ALLOCD_BUS_INTAKE_PENDING_ENTRIES_H
#define ALLOCD_BUS_INTAKE_PENDING_ENTRIES_H

#include "bus/intake/stream_id.h"

#include <stddef.h>

struct flying_entry {
	struct flying_entry *previous, *next;
	struct flying_entry *next_to_acknowledge;
	void *owner;
	int64_t incarnation;
	struct stream_id id;
	bool is_acknowledging; /* its acknowledgement is under way */
	bool came_again;       /* meanwhile a group that was created anew delivered it once more */
};

struct in_flight {
	struct flying_entry *first, *last;
	size_t count;
	size_t handled_count;
	struct flying_entry *handled, **handled_end; /* to be acknowledged, linked by next_to_acknowledge */
};

void in_flight_init(struct in_flight *in_flight);
void in_flight_release(struct in_flight *in_flight);

/* Below, equal or above, as for strcmp(). */
int flying_entry_compare(const struct flying_entry *entry, int64_t incarnation, struct stream_id id);

/* The last entry that is not above that one, from `place` on, which is not above it; NULL: every one is. */
struct flying_entry *in_flight_place(const struct in_flight *in_flight, struct flying_entry *place,
				     int64_t incarnation, struct stream_id id);

/* One more, after `place`, as in_flight_place() said; NULL: before all others. */
struct flying_entry *in_flight_add(struct in_flight *in_flight, struct flying_entry *place,
				   int64_t incarnation, struct stream_id id);

/* Frees the entry. */
void in_flight_forget(struct in_flight *in_flight, struct flying_entry *entry);

void in_flight_push_handled(struct in_flight *in_flight, struct flying_entry *entry);

/* The first `max` of those to be acknowledged, as a list of their own; NULL: there are none. */
struct flying_entry *in_flight_take_handled(struct in_flight *in_flight, size_t max);

#endif
