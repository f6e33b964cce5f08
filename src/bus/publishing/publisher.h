/*
 * The publisher: hands committed events to the broker, in the order of their positions in each partition, as
 * one of any number of workers.
 *
 * What a lane has just committed is published from memory, at once; where somebody else's commits come
 * before, they are given a little time, and are then read from the outbox and published, too.  So is whatever
 * lags: every second the database is asked how far each partition was committed and published.  Only one call
 * to the broker is under way for a partition at a time: whatever fails, nothing overtakes.  How far each
 * partition was published is saved with a lane's next flush, or by itself after a short while.
 *
 * All that is known is of one life of the database.  A database that was restored from a backup has committed
 * less than the broker published: then nothing is published, and engine_stats()->restored says so, until it
 * has a new incarnation, and everything begins anew from its cursors.
 */
#ifndef ALLOCD_BUS_PUBLISHING_PUBLISHER_H
#define ALLOCD_BUS_PUBLISHING_PUBLISHER_H

#include "bus/base/progress_watch.h"
#include "bus/engine/engine.h"

struct publisher;

struct publisher *publisher_new(const struct engine_ports *ports, struct engine_stats *stats);
void publisher_free(struct publisher **publisher);

/* Asks the database how far each partition is; nothing is published before, and then all that was abandoned. */
void publisher_start(struct publisher *publisher);

/* The database is well again: what waits to be tried once more is tried now. */
void publisher_retry_now(struct publisher *publisher);

/* Whether its calls of the database, and of the broker, do what they are to do. */
const struct progress_watch *publisher_database_watch(const struct publisher *publisher);
const struct progress_watch *publisher_events_watch(const struct publisher *publisher);

/* Rows that were just committed; they are copied. */
void publisher_add(struct publisher *publisher, const struct outbox_row *rows, size_t count);

/* Something was committed that was not taken: asks the database again, and publishes all that was abandoned. */
void publisher_check_again(struct publisher *publisher);

/* A cursor that moved so far is worth a place in a flush; the others are saved alone, after a while. */
#define SAVE_WITH_FLUSH 100

/*
 * The cursors to save with the flush of lane `lane` of `lanes`; `cursors` has PARTITIONS places.  Returns how
 * many.
 */
size_t publisher_cursors(const struct publisher *publisher, size_t lane, size_t lanes,
			 struct cursor *cursors);
void publisher_cursors_saved(struct publisher *publisher, const struct cursor *cursors, size_t count);

/* Whether all that this worker committed or took over is published, and that is saved. */
bool publisher_is_idle(const struct publisher *publisher);

/* Called whenever it may have become idle. */
void publisher_on_idle(struct publisher *publisher, void (*on_idle)(void *context), void *context);

#endif
