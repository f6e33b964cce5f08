/*
 * The publisher: publishes committed events to the broker, in the order of their positions in each partition,
 * side by side with any number of other workers.
 *
 * Rows that a lane has just committed are published from memory at once.  Where rows of another worker come
 * first, the publisher waits a little for that worker, and then reads those rows from the outbox and
 * publishes them.  Rows that lag are taken over in the same way: every second the publisher reads from the
 * database how far each partition is committed and published.  Only one call to the broker is under way for
 * a partition at a time, so that no event overtakes another when a call fails.  The position up to which a
 * partition is published is saved with a lane's next flush, or alone after a short while.
 *
 * Positions belong to one incarnation of the database.  A database that was restored from a backup has
 * committed less than the broker published: then nothing is published, and engine_stats()->restored is true,
 * until the database has a new incarnation and publishing begins from its cursors.
 *
 * A standby that was promoted may have committed less, too.  It is on another timeline, and before the
 * first events are committed there, the broker is asked what it published: otherwise new rows would get
 * positions that were published already, and never be published themselves.
 */
#ifndef ALLOCD_BUS_PUBLISHING_PUBLISHER_H
#define ALLOCD_BUS_PUBLISHING_PUBLISHER_H

#include "bus/base/progress_watch.h"
#include "bus/engine/engine_stats.h"
#include "bus/publishing/publisher_ports.h"

struct publisher;

/* Ports and statistics must outlive the publisher. */
struct publisher *publisher_new(const struct publisher_ports *ports, struct engine_stats *stats);
void publisher_free(struct publisher **publisher);

/* Reads the cursors; after that, everything is published that earlier workers left. */
void publisher_start(struct publisher *publisher);

/* Retries failed calls now, because the database works again. */
void publisher_retry_now(struct publisher *publisher);

/* Whether its calls of the database, and of the broker, make progress. */
const struct progress_watch *publisher_database_watch(const struct publisher *publisher);
const struct progress_watch *publisher_events_watch(const struct publisher *publisher);

/* Publishes the unit's rows, which were just committed; they are copied. */
void publisher_add(struct publisher *publisher, const struct unit_of_work *uow);

/* Rows were committed that were not added: reads the cursors again, and publishes every unpublished row. */
void publisher_check_again(struct publisher *publisher);

/* A cursor that moved by this many rows is saved with a flush; others are saved alone, after a while. */
#define SAVE_WITH_FLUSH 100

/*
 * Writes the cursors of those partitions (bit N stands for partition N) that are to be saved with the next
 * flush to `cursors`, which has room for PARTITIONS of them, and returns their number.
 */
size_t publisher_cursors(const struct publisher *publisher, uint32_t partitions, struct cursor *cursors);
void publisher_cursors_saved(struct publisher *publisher, const struct cursor *cursors, size_t count);

/*
 * Writes the timeline on which the database has all that the broker published, and events may be committed;
 * false: the broker has yet to be asked, or has published more.  `compared` is called, in the middle of a
 * step, when this becomes true; with `needs_no_broker` also when the broker is away or refuses.
 */
bool publisher_timeline(const struct publisher *publisher, char timeline[TIMELINE_SIZE]);
void publisher_on_compared(struct publisher *publisher, void (*compared)(void *context), bool needs_no_broker,
			   void *context);

/*
 * The database failed and works again, so it may be another server: reads its timeline before events are
 * committed.
 */
void publisher_doubt_database(struct publisher *publisher);

/* Whether all rows that this worker committed or took over are published, and the cursors are saved. */
bool publisher_is_idle(const struct publisher *publisher);

/* `on_idle` is called whenever the publisher may have become idle. */
void publisher_on_idle(struct publisher *publisher, void (*on_idle)(void *context), void *context);

/* `changed` is called, in the middle of a step, whenever engine_stats()->restored has changed. */
void publisher_on_restored(struct publisher *publisher, void (*changed)(void *context), void *context);

#endif
