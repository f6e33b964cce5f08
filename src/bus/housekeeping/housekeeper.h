/*
 * The housekeeper: the worker's chores besides handling messages, one call of the store at a time.  It sends
 * notifications (those just committed and those that became due again), finds shrinks and processes that
 * another worker left unfinished, deletes expired rows, and tests with an empty unit of work, while none is
 * committed, whether the database accepts units.
 */
#ifndef ALLOCD_BUS_HOUSEKEEPING_HOUSEKEEPER_H
#define ALLOCD_BUS_HOUSEKEEPING_HOUSEKEEPER_H

#include "bus/engine/engine_config.h"
#include "bus/engine/engine_stats.h"
#include "bus/housekeeping/housekeeping_ports.h"

struct housekeeper;

/* What it finds, and asks for; each is called with `context`. */
struct housekeeping_listener {
	/* The database holds an unfinished shrink of that SKU. */
	void (*shrink_found)(void *context, const char *sku);

	/* The worker of that process has died. */
	void (*process_found)(void *context, const struct due_process *process);

	/* Sets the keys of up to `max` processes that this worker runs, and returns their number. */
	size_t (*running_processes)(void *context, int64_t *keys, size_t max);

	/* Sets the names of up to `max` streams whose processes it may take over; returns how many. */
	size_t (*streams_in_place)(void *context, const char **names, size_t max);

	/* An empty unit of work was tried. */
	void (*probed)(void *context, const struct failure *failure);

	void *context;
};

/*
 * The listener is copied; the others must outlive it.  With `no_chores` it does nothing: other workers do
 * its chores.
 */
struct housekeeper *housekeeper_new(const struct housekeeping_ports *ports,
				    const struct engine_config *config, struct engine_stats *stats,
				    const struct housekeeping_listener *listener);
void housekeeper_free(struct housekeeper **housekeeper);

void housekeeper_start(struct housekeeper *housekeeper);

/* The database is in trouble: tests soon, with an empty unit, whether it still is. */
void housekeeper_probe_soon(struct housekeeper *housekeeper);

/* Dead letters were written, and perhaps others dropped: counts them soon. */
void housekeeper_count_soon(struct housekeeper *housekeeper);

/*
 * Sends notifications that were just committed; they are copied.  Those for which there is no room become due
 * again when their lease expires.
 */
void housekeeper_add_notifications(struct housekeeper *housekeeper, const struct notification *notifications,
				   size_t count);

/*
 * Begins no further notification.  `settled` is called, perhaps more than once, when the results of those
 * under way are recorded, at the latest after 2 s: a result that arrives later is not recorded, and the
 * notification is sent again when its lease has expired.
 */
void housekeeper_stop(struct housekeeper *housekeeper, void (*settled)(void *context), void *context);

/* Whether the housekeeper was not stopped, or is stopped and settled. */
bool housekeeper_is_settled(const struct housekeeper *housekeeper);

#endif
