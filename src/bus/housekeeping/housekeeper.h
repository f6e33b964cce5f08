/*
 * The reminder: what has to be done besides handling messages.  It sends notifications (those just committed,
 * and those that became due again), finds shrinks that somebody left shrink_found, tidies the tables, and
 * finds out while there is nothing else to do whether the database would take a unit of work.
 */
#ifndef ALLOCD_BUS_HOUSEKEEPING_HOUSEKEEPER_H
#define ALLOCD_BUS_HOUSEKEEPING_HOUSEKEEPER_H

#include "bus/engine/engine.h"

struct housekeeper;

/* A shrink of that SKU is shrink_found in the database. */
typedef void active_shrink_found(void *context, const char *sku);

/* An empty unit of work was tried. */
typedef void unit_probed(void *context, const struct failure *failure);

/* All that is given outlives it.  With `no_chores` it does nothing: others send what it does not. */
struct housekeeper *housekeeper_new(const struct engine_ports *ports, const struct engine_config *config,
				    struct engine_stats *stats, active_shrink_found *shrink_found,
				    unit_probed *probed, void *context);
void housekeeper_free(struct housekeeper **housekeeper);

void housekeeper_start(struct housekeeper *housekeeper);

/* The database is in trouble: an empty unit shows before long whether it still is. */
void housekeeper_probe_soon(struct housekeeper *housekeeper);

/* Dead letters were written, and perhaps others dropped: they are counted before long. */
void housekeeper_count_soon(struct housekeeper *housekeeper);

/*
 * Notifications that were just committed; they are copied.  More than it can hold become due again by
 * themselves.
 */
void housekeeper_add_notifications(struct housekeeper *housekeeper, const struct notification *notifications,
				   size_t count);

/*
 * At the end: no further notification is begun.  `settled` is called, perhaps more than once, when those
 * that the notifier has are settled, and at the latest after 2 s: a result that comes later is not known, so
 * they are sent again when their lease has ended.
 */
void housekeeper_stop(struct housekeeper *housekeeper, void (*settled)(void *context), void *context);

/* Whether that was not asked for, or is so. */
bool housekeeper_is_settled(const struct housekeeper *housekeeper);

#endif
