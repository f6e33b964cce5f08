/*
 * What a publisher knows of one partition of the outbox: positions that were committed, published and
 * saved, and the queue of rows to publish.  It calls no port; the publisher reports the answers of database
 * and broker to it.
 */
#ifndef ALLOCD_BUS_PUBLISHING_PARTITION_PROGRESS_H
#define ALLOCD_BUS_PUBLISHING_PARTITION_PROGRESS_H

#include "bus/ports/outbox_store.h"
#include "bus/publishing/publish_queue.h"

#include <stdbool.h>
#include <stdint.h>

struct partition_progress {
	/* Each is the highest position of which something is true: */
	int64_t published; /* this worker or another one has published it */
	int64_t saved;     /* the database's cursor says that it was published */
	int64_t committed; /* it is known to be committed, by this worker or another one */
	int64_t owed;      /* this worker must publish it, because it committed the row or took it over */
	int64_t abandoned; /* its worker did not publish it in time: read it, unless it is queued here */
	int64_t head;      /* it was committed when the cursors were last read */

	bool is_unasked; /* the broker has not reported its position yet; until then nothing is published */

	/*
	 * The broker reports that it published up to here, beyond what the database is known to have
	 * committed; 0: it does not.  Nothing is published until the database confirms the position.
	 */
	int64_t claimed;
	int64_t expected; /* the position that the read of the cursors under way must find committed */
	bool restored;    /* it was not found: the database lost published rows, so publishing stops */

	struct publish_queue waiting;
	bool overflowed; /* not all rows that are owed had room in the queue: they are to be read */
	bool is_unread;  /* the last read brought no row to publish: the next one is after a check */
	int64_t absent;  /* the row here was not in the outbox when it was read last; 0: it was */
	int64_t damaged; /* the row here is absent, or cannot be decoded, and holds up all others; 0: none */
	bool is_missing; /* no worker publishes the rows before the first queued one: they are to be read */
};

/* Forgets everything but the cursor and the head that were just read, and empties the queue. */
void partition_progress_begin(struct partition_progress *progress, int64_t cursor, int64_t head);

/* Empties the queue: what is owed is read from the outbox, once the broker has reported its position. */
void partition_progress_compare(struct partition_progress *progress);

/*
 * Queues a row that this worker committed, unless it is known to be published.  It is left to be read later
 * when there is no room, or when a damaged row is before it.
 */
void partition_progress_add_committed(struct partition_progress *progress, const struct outbox_row *row,
				      bool has_room, const struct predecessor_maker *maker);

/*
 * Queues missing rows that were read, up to a damaged one.  An absent row counts as damaged when it is absent
 * again after a check: before, another worker may have published it, and retention may have deleted it.
 */
void partition_progress_add_read(struct partition_progress *progress, const struct outbox_range *range,
				 const struct predecessor_maker *maker);

/* Queues rows again whose call has ended, except those that are known to be published. */
void partition_progress_requeue(struct partition_progress *progress, struct publish_queue *rows);

/* The broker answered that everything up to this position is published. */
void partition_progress_answered(struct partition_progress *progress, int64_t position);

/* The cursors are about to be read. */
void partition_progress_begin_check(struct partition_progress *progress);

/*
 * The cursors were read.  `all`: this worker takes over everything that is not published yet; otherwise only
 * what was committed before the previous check and is not published yet.
 */
void partition_progress_checked(struct partition_progress *progress, int64_t cursor, int64_t head, bool all);

/* How many rows after `published` have to be read before anything can be published. */
size_t partition_progress_missing(const struct partition_progress *progress);

/* Whether the first queued rows may be published. */
bool partition_progress_is_open(const struct partition_progress *progress);

/* The database has saved the cursor. */
void partition_progress_was_saved(struct partition_progress *progress, int64_t cursor);

/* How many of the rows that are owed are not known to be published. */
size_t partition_progress_unpublished(const struct partition_progress *progress);

/*
 * Whether all rows that are owed are published, except those that a damaged row holds up, and the database
 * knows it.
 */
bool partition_progress_is_settled(const struct partition_progress *progress);

#endif
