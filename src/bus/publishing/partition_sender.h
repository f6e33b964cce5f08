/*
 * Outlets: where the rows of each partition go to the broker, one call at a time.
 *
 * What waits goes out at once, up to the next gap.  When the broker says that others come before, they are
 * given a little time; then the progress is told that rows are missing.
 */
#ifndef ALLOCD_BUS_PUBLISHING_PARTITION_SENDER_H
#define ALLOCD_BUS_PUBLISHING_PARTITION_SENDER_H

#include "bus/base/backoff.h"
#include "bus/base/progress_watch.h"
#include "bus/engine/engine.h"
#include "bus/publishing/partition_progress.h"

struct partition_sender {
	struct partition_senders *all;
	int partition;
	struct partition_progress progress;

	struct arena *call; /* what the broker has now; NULL: nothing */
	struct publication publication;
	struct publish_queue sent;
	bool outdated; /* it is of a life of the database that is over */
	bool refused;  /* the broker did not take what it was given last */

	/* Others come before. */
	struct timer *timer;
	bool waits_for_others;
	int64_t waited_ms; /* in all */
};

struct partition_senders {
	const struct engine_ports *ports;
	struct engine_stats *stats;
	char incarnation[INCARNATION_SIZE]; /* of the database */
	struct partition_sender each[PARTITIONS];

	struct backoff backoff;
	bool waits;
	struct timer *retry;

	/* The broker's trouble, as long as it refuses somebody. */
	size_t refused;
	int64_t refused_since_ms, logged_at_ms;
	struct progress_watch watch;

	void (*changed)(void *context);
	void *context;
};

/* `changed` is called, from the event loop, whenever an answer came or a wait is over. */
void partition_senders_init(struct partition_senders *senders, const struct engine_ports *ports,
			    struct engine_stats *stats, void (*changed)(void *context), void *context);
void partition_senders_release(struct partition_senders *senders);

/*
 * Only what the database says counts from now on.  A call that is under way is of the life before, and its
 * answer tells nothing.
 */
void partition_senders_begin(struct partition_senders *senders, const struct outbox_state *state);

/* Sends whatever can go; not before partition_senders_begin(). */
void partition_senders_pump(struct partition_senders *senders);

/* The bytes of all that waits or is under way. */
size_t partition_senders_footprint(const struct partition_senders *senders);

#endif
