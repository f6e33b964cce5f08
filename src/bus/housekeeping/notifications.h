/*
 * Sends notifications, from the table or from the unit of work that wrote them, to the notifier.  After
 * that a notification is deleted, due again later, or a dead letter.
 *
 * A notification in the table is leased to one worker at a time.  A notification that might outlast its
 * lease is not begun: it becomes due again, for any worker.
 */
#ifndef ALLOCD_BUS_HOUSEKEEPING_NOTIFICATIONS_H
#define ALLOCD_BUS_HOUSEKEEPING_NOTIFICATIONS_H

#include "bus/engine/engine_config.h"
#include "bus/engine/engine_stats.h"
#include "bus/housekeeping/housekeeping_ports.h"

struct notifications;

struct notifications_listener {
	void (*changed)(void *context);                /* a notification needs the store, or no longer does */
	void (*postponed)(void *context, int seconds); /* a notification is due again in that time */
	void *context;
};

/* All arguments must outlive it. */
struct notifications *notifications_new(const struct housekeeping_ports *ports,
					const struct engine_config *config, struct engine_stats *stats,
					const struct notifications_listener *listener);

/* Accepts NULL in *notifications and nulls it. */
void notifications_free(struct notifications **notifications);

/*
 * Queues notifications that were just leased; they are copied.  Those for which there is no room become due
 * again when their lease expires.
 */
void notifications_add(struct notifications *notifications, const struct notification *taken, size_t count);

/* How many are queued. */
size_t notifications_waiting(const struct notifications *notifications);

/* Begins queued notifications while the notifier has room for more. */
void notifications_advance(struct notifications *notifications);

/* Makes the next store call, if a notification needs one; `changed` is called when the call has ended. */
bool notifications_use_store(struct notifications *notifications);

/* Whether such a call is under way. */
bool notifications_are_using_store(const struct notifications *notifications);

/* Begins no further notification. */
void notifications_stop(struct notifications *notifications);

/* Whether no notification is with the notifier or waits until its result is recorded. */
bool notifications_are_settled(const struct notifications *notifications);

#endif
