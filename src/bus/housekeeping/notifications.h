/*
 * Notifications on their way: from the table, or from the unit of work that wrote them, to the notifier, and
 * then out of the table, due again later, or to the dead letters.
 *
 * A notification in the table is leased to one worker at a time.  One that could outlast its lease is not
 * begun: it becomes due again, for any worker.
 */
#ifndef ALLOCD_BUS_HOUSEKEEPING_NOTIFICATIONS_H
#define ALLOCD_BUS_HOUSEKEEPING_NOTIFICATIONS_H

#include "bus/engine/engine.h"

struct notifications;

struct notifications_listener {
	void (*changed)(void *context); /* they need the store now, or do not need it any more */
	void (*postponed)(void *context, int seconds); /* one is due again then */
	void *context;
};

/* All that is given outlives it. */
struct notifications *notifications_new(const struct engine_ports *ports, const struct engine_config *config,
					struct engine_stats *stats,
					const struct notifications_listener *listener);

/* Accepts NULL in *notifications and nulls it. */
void notifications_free(struct notifications **notifications);

/*
 * Takes notifications that were leased just now; they are copied.  More than it can hold become due again by
 * themselves.
 */
void notifications_add(struct notifications *notifications, const struct notification *taken, size_t count);

/* How many wait for their turn. */
size_t notifications_waiting(const struct notifications *notifications);

/* Hands the next ones to the notifier, as far as it takes more. */
void notifications_advance(struct notifications *notifications);

/*
 * Makes the next call of the store that they need, if they need any; `changed` is called when it has ended.
 */
bool notifications_use_store(struct notifications *notifications);

/* Whether such a call is under way. */
bool notifications_are_using_store(const struct notifications *notifications);

/* No further one is begun. */
void notifications_stop(struct notifications *notifications);

/* Whether none is with the notifier, or waits for its result to be written. */
bool notifications_are_settled(const struct notifications *notifications);

#endif
