/*
 * A partition as its publisher knows it: how far it came, and the rows that wait to go out.  It asks nobody;
 * what it learns it is told.
 */
#ifndef ALLOCD_BUS_PUBLISHING_PARTITION_PROGRESS_H
#define ALLOCD_BUS_PUBLISHING_PARTITION_PROGRESS_H

#include "bus/publishing/publish_queue.h"

#include <stdbool.h>
#include <stdint.h>

struct partition_progress {
	/* Up to which position: */
	int64_t published; /* rows went out, by whomever */
	int64_t saved;     /* the database knows that they did */
	int64_t committed; /* rows are known to be committed, by whomever */
	int64_t owed;      /* this worker sees to it that they go out: it committed them, or took them over */
	int64_t abandoned; /* rows were abandoned by whoever committed them: to be read, as far as they do not wait */
	int64_t head; /* rows were committed when the database was looked at last */

	bool is_unasked; /* what the broker knows is not known yet.  Until it is, nothing is published */

	/*
	 * The broker says that rows went out up to here (0: it says nothing new), and the database has not
	 * said that it has so many.  Until it does, nothing is published.
	 */
	int64_t claimed;
	int64_t expected; /* what a check_cursors that is under way has to find committed */
	bool restored;    /* it did not: the database forgot what was published.  Nothing is published */

	struct publish_queue waiting;
	bool overflowed; /* for want of room not all that is owed waits: it has to be read back */
	bool is_absent; /* what is to be read is not there.  Until the next check_cursors, nothing is published */
	bool is_missing; /* nobody publishes the rows before the first that waits: they are to be read, too */
};

/* From now on only what the database says counts; nothing waits any more. */
void partition_progress_begin(struct partition_progress *progress, int64_t cursor, int64_t head);

/*
 * The row waits, unless it is known to have gone out.  `take`: this worker committed it; it is abandoned to be
 * read back when there is no room.  `put`: it was read.  False: it is damaged, and waits without events.
 */
bool partition_progress_add_committed(struct partition_progress *progress, const struct outbox_row *row,
				      bool has_room);
bool partition_progress_add_read(struct partition_progress *progress, const struct outbox_row *row);

/* Rows that were sent; which of them went out, the next answer says. */
void partition_progress_requeue(struct partition_progress *progress, struct publish_queue *rows);

/* What the broker answered: rows went out up to there. */
void partition_progress_answered(struct partition_progress *progress, int64_t position);

/* What was asked for was read, `count` rows of it. */
void partition_progress_rows_were_read(struct partition_progress *progress, size_t count);

/* The database is about to be looked at. */
void partition_progress_begin_check(struct partition_progress *progress);

/*
 * What the check_cursors found.  `all`: what was not published yet is owed at once; else only what has lagged since
 * the check_cursors before.
 */
void partition_progress_checked(struct partition_progress *progress, int64_t cursor, int64_t head, bool all);

/* How many rows have to be read from behind `published`, before anything can go out. */
size_t partition_progress_missing(const struct partition_progress *progress);

/* Whether what waits may go out. */
bool partition_progress_is_open(const struct partition_progress *progress);

/* The database has the cursor; one that is of a life that is over does not count. */
void partition_progress_was_saved(struct partition_progress *progress, int64_t cursor);

/* How much of what is owed did not go out yet, as far as known. */
size_t partition_progress_unpublished(const struct partition_progress *progress);

/* Whether all that is owed went out, and that is saved. */
bool partition_progress_is_settled(const struct partition_progress *progress);

#endif
