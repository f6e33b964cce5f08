/*
 * Rows of one partition of the outbox, queued in memory for the broker in the order of their positions.
 * There may be gaps between them: the workers that committed those rows publish them.
 */
#ifndef ALLOCD_BUS_PUBLISHING_PUBLISH_QUEUE_H
#define ALLOCD_BUS_PUBLISHING_PUBLISH_QUEUE_H

#include "bus/publishing/predecessors.h"
#include "bus/tracing/traceparent.h"
#include "bus/unit_of_work/outbox_frame.h"

struct queued_row {
	struct queued_row *next;
	struct arena *arena; /* holds the row itself */
	int64_t position;
	struct outgoing *events;
	size_t event_count;
	struct span_context *cause; /* see outbox_frame.h */
};

/* All zero: empty. */
struct publish_queue {
	struct queued_row *first, *last;
	size_t count;
	size_t footprint; /* bytes of memory */
};

/*
 * Queues a copy of the row, with the predecessors of its events, unless its position is queued already.
 * Returns false, and queues nothing, if the frame is damaged.
 */
bool publish_queue_add(struct publish_queue *rows, const struct outbox_row *row,
		       const struct predecessor_maker *maker);

/* Moves all rows of `more` into `rows`; of two rows with the same position one is dropped. */
void publish_queue_merge(struct publish_queue *rows, struct publish_queue *more);

/* Removes and returns the first row and those that follow it without a gap. */
struct publish_queue publish_queue_take_run(struct publish_queue *rows);

/* Frees the rows up to that position. */
void publish_queue_drop(struct publish_queue *rows, int64_t position);
void publish_queue_release(struct publish_queue *rows);

#endif
