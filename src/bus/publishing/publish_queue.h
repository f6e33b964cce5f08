/*
 * Rows of one partition of the outbox that wait in memory for the broker, in the order of their positions.
 * Between them may be gaps: what others committed there is theirs to publish.
 */
#ifndef ALLOCD_BUS_PUBLISHING_PUBLISH_QUEUE_H
#define ALLOCD_BUS_PUBLISHING_PUBLISH_QUEUE_H

#include "bus/unit_of_work/outbox_frame.h"

struct waiting_row {
	struct waiting_row *next;
	struct arena *arena; /* holds the row itself */
	int64_t position;
	struct outgoing *events;
	size_t event_count;
};

/* All zero: empty. */
struct waiting_rows {
	struct waiting_row *first, *last;
	size_t count;
	size_t footprint; /* bytes of memory */
};

/*
 * Adds a copy of the row, unless one of that position waits.  False: it is damaged, and waits without its
 * events.
 */
bool waiting_rows_add(struct waiting_rows *rows, const struct outbox_row *row);

/* Takes over all that is in `more`, which is empty then; of two rows of one position one stays. */
void waiting_rows_merge(struct waiting_rows *rows, struct waiting_rows *more);

/* Takes out the first row, and those that follow it without a gap. */
struct waiting_rows waiting_rows_take_run(struct waiting_rows *rows);

/* Frees the rows up to that position. */
void waiting_rows_drop(struct waiting_rows *rows, int64_t position);
void waiting_rows_release(struct waiting_rows *rows);

#endif
