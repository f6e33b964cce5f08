/*
 * The events that a command raised, kept for a caller who wants to see them in the answer.
 *
 * The unit of work that raised them is dropped after its commit, so they are copied, into an arena of their
 * own: a unit that could not be flushed is handled again, and its commands raise other events then.
 */
#ifndef ALLOCD_BUS_MESSAGES_RAISED_EVENTS_H
#define ALLOCD_BUS_MESSAGES_RAISED_EVENTS_H

#include "bus/ports/broker.h"
#include "core/base/arena.h"

/* No more events of one command are kept. */
#define RAISED_EVENTS_MAX 1000

struct raised_events {
	struct arena *arena; /* of the events */
	struct outgoing *events;
	size_t count;
	int64_t first_version; /* of the first one; the others follow without gaps */
	bool has_more;         /* the command raised more, or will raise more in further steps */
};

/* In `arena`, which is freed after raised_events_free(). */
struct raised_events *raised_events_new(struct arena *arena);

/* Nulls *raised. */
void raised_events_free(struct raised_events **raised);

void raised_events_clear(struct raised_events *raised);

/* Keeps copies of the first of them; `continues`: the command will raise more. */
void raised_events_keep(struct raised_events *raised, const struct outgoing *events, size_t count,
			int64_t first_version, bool continues);

#endif
