/*
 * Outlets: where the rows of each partition go to the broker, one call at a time.
 *
 * What waits goes out at once, up to the next gap.  When the broker says that others come before, they are
 * given a little time; then the line is told that rows are missing.
 */
#ifndef ALLOCD_BUS_PUBLISHING_PARTITION_SENDER_H
#define ALLOCD_BUS_PUBLISHING_PARTITION_SENDER_H

#include "bus/base/backoff.h"
#include "bus/base/progress_watch.h"
#include "bus/engine/engine.h"
#include "bus/publishing/partition_progress.h"

struct outlet {
	struct outlets *all;
	int partition;
	struct partition_line line;

	struct arena *call; /* what the broker has now; NULL: nothing */
	struct publication publication;
	struct waiting_rows sent;
	bool outdated; /* it is of a life of the database that is over */
	bool refused;  /* the broker did not take what it was given last */

	/* Others come before. */
	struct timer *timer;
	bool gives_time;
	int64_t given_ms; /* in all */
};

struct outlets {
	const struct engine_ports *ports;
	struct engine_stats *stats;
	char incarnation[INCARNATION_SIZE]; /* of the database */
	struct outlet each[PARTITIONS];

	struct backoff backoff;
	bool waits;
	struct timer *retry;

	/* The broker's trouble, as long as it refuses somebody. */
	size_t refused;
	int64_t refused_since_ms, told_at_ms;
	struct watch watch;

	void (*changed)(void *context);
	void *context;
};

/* `changed` is called, from the event loop, whenever an answer came or a wait is over. */
void outlets_init(struct outlets *outlets, const struct engine_ports *ports, struct engine_stats *stats,
		  void (*changed)(void *context), void *context);
void outlets_release(struct outlets *outlets);

/*
 * Only what the database says counts from now on.  A call that is under way is of the life before, and its
 * answer tells nothing.
 */
void outlets_begin(struct outlets *outlets, const struct outbox_state *state);

/* Sends whatever can go; not before outlets_begin(). */
void outlets_pump(struct outlets *outlets);

/* The bytes of all that waits or is under way. */
size_t outlets_footprint(const struct outlets *outlets);

#endif
