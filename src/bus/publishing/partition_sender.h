/*
 * Partition senders: each publishes the rows of one partition to the broker, one call at a time.
 *
 * Queued rows are sent at once, up to the next gap.  When the broker lacks rows before them, the sender waits
 * a little for the workers that committed those; after that the rows count as missing, and are read.
 */
#ifndef ALLOCD_BUS_PUBLISHING_PARTITION_SENDER_H
#define ALLOCD_BUS_PUBLISHING_PARTITION_SENDER_H

#include "bus/base/backoff.h"
#include "bus/base/progress_watch.h"
#include "bus/engine/engine_stats.h"
#include "bus/publishing/partition_progress.h"
#include "bus/publishing/publisher_ports.h"

struct partition_sender {
	struct partition_senders *all;
	int partition;
	struct partition_progress progress;

	struct arena *call; /* memory of the call under way; NULL: no call is under way */
	struct publication publication;
	int64_t sent_us;
	struct publish_queue sent;
	bool outdated;          /* the call is of an earlier incarnation or timeline of the database */
	int64_t marked;         /* a position: unpublished rows up to it were committed before... */
	int64_t marked_us;      /* ...this time, of the engine's clock */
	int64_t logged_damaged; /* the damaged row that was logged; 0: none */
	bool refused;           /* the broker refused the last call */

	/* The broker lacks rows that other workers committed. */
	struct timer *timer;
	bool waits_for_others;
	int64_t waited_ms; /* the sum of the waits */
};

struct partition_senders {
	const struct publisher_ports *ports;
	struct engine_stats *stats;
	char incarnation[INCARNATION_SIZE];                /* of the database, */
	int64_t epoch;                                     /* and its number */
	char system[SYSTEM_SIZE], timeline[TIMELINE_SIZE]; /* of the database, when it was last asked */
	struct partition_sender each[PARTITIONS];

	/* A new worker waits for its first connection to the broker. */
	int64_t began_ms;
	bool has_begun;

	struct backoff backoff;
	bool waits;
	struct timer *retry;

	/* The broker's trouble, while it refuses the rows of any partition. */
	size_t refused;
	int64_t refused_since_ms, logged_at_ms;
	struct progress_watch watch;
	int64_t published; /* positions that were published, of all partitions together */

	void (*changed)(void *context);
	void *context;
};

/* `changed` is called, from the event loop, whenever an answer arrives or a wait ends. */
void partition_senders_init(struct partition_senders *senders, const struct publisher_ports *ports,
			    struct engine_stats *stats, void (*changed)(void *context), void *context);
void partition_senders_release(struct partition_senders *senders);

/*
 * Begins with the database's incarnation, cursors and heads.  The answer to a call under way belongs to the
 * earlier incarnation, and is ignored.
 */
void partition_senders_begin(struct partition_senders *senders, const struct outbox_state *state);

/*
 * The database is on another timeline, so it may lack what was committed last: asks the broker for the
 * position of each partition, and publishes nothing before its answer.  Rows that are queued or being sent
 * are forgotten, and read from the outbox again, as it may have others in their places; the answer to a call
 * under way is ignored.
 */
void partition_senders_compare(struct partition_senders *senders, const struct outbox_state *state);

/* Whether the broker has answered for each partition, and the database has all that it published. */
bool partition_senders_are_compared(const struct partition_senders *senders);

/* Sends all rows that may be sent; not before partition_senders_begin(). */
void partition_senders_pump(struct partition_senders *senders);

/*
 * Counts in the statistics the rows that are not published, and the partitions that a damaged or absent row
 * holds up; logs when such a row is found, and when that is over; notes in `watch` whether rows went out.
 */
void partition_senders_count_unpublished(struct partition_senders *senders);

/* The bytes of all rows that are queued or being sent. */
size_t partition_senders_footprint(const struct partition_senders *senders);

#endif
