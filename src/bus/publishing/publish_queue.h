/*
 * Rows of one partition of the outbox that wait in memory for the broker, in the order of their positions.
 * Between them may be gaps: what others committed there is theirs to publish.
 */
#ifndef ALLOCD_BUS_PUBLISHING_PUBLISH_QUEUE_H
#define ALLOCD_BUS_PUBLISHING_PUBLISH_QUEUE_H

#include "bus/unit_of_work/outbox_frame.h"

struct queued_row {
	struct queued_row *next;
	struct arena *arena; /* holds the row itself */
	int64_t position;
	struct outgoing *events;
	size_t event_count;
};

/* All zero: empty. */
struct publish_queue {
	struct queued_row *first, *last;
	size_t count;
	size_t footprint; /* bytes of memory */
};

/*
 * Adds a copy of the row, unless one of that position waits.  False: it is damaged, and waits without its
 * events.
 */
bool publish_queue_add(struct publish_queue *rows, const struct outbox_row *row);

/* Takes over all that is in `more`, which is empty then; of two rows of one position one stays. */
void publish_queue_merge(struct publish_queue *rows, struct publish_queue *more);

/* Takes out the first row, and those that follow it without a gap. */
struct publish_queue publish_queue_take_run(struct publish_queue *rows);

/* Frees the rows up to that position. */
void publish_queue_drop(struct publish_queue *rows, int64_t position);
void publish_queue_release(struct publish_queue *rows);

#endif
