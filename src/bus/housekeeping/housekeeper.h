/*
 * The reminder: what has to be done besides handling messages.  It sends notifications (those just committed,
 * and those that became due again), finds shrinks that somebody left unfinished, tidies the tables, and
 * finds out while there is nothing else to do whether the database would take a unit of work.
 */
#ifndef ALLOCD_BUS_HOUSEKEEPING_HOUSEKEEPER_H
#define ALLOCD_BUS_HOUSEKEEPING_HOUSEKEEPER_H

#include "bus/engine/engine.h"

struct reminder;

/* A shrink of that SKU is unfinished in the database. */
typedef void unfinished_shrink(void *context, const char *sku);

/* An empty unit of work was tried. */
typedef void unit_probed(void *context, const struct failure *failure);

/* All that is given outlives it.  With `no_chores` it does nothing: others send what it does not. */
struct reminder *reminder_new(const struct engine_ports *ports, const struct engine_config *config,
			      struct engine_stats *stats, unfinished_shrink *unfinished, unit_probed *probed,
			      void *context);
void reminder_free(struct reminder **reminder);

void reminder_start(struct reminder *reminder);

/* The database is in trouble: an empty unit shows before long whether it still is. */
void reminder_probe_soon(struct reminder *reminder);

/* Dead letters were written, and perhaps others dropped: they are counted before long. */
void reminder_count_soon(struct reminder *reminder);

/*
 * Notifications that were just committed; they are copied.  More than it can hold become due again by
 * themselves.
 */
void reminder_take(struct reminder *reminder, const struct notification *notifications, size_t count);

/*
 * At the end: no further notification is begun.  `settled` is called, perhaps more than once, when those
 * that the notifier has are settled, and at the latest after 2 s: a result that comes later is not known, so
 * they are sent again when their lease has ended.
 */
void reminder_stop(struct reminder *reminder, void (*settled)(void *context), void *context);

/* Whether that was not asked for, or is so. */
bool reminder_is_settled(const struct reminder *reminder);

#endif
