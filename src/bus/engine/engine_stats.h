/* What the engine and its parts count, and what they know about the services they depend on. */
#ifndef ALLOCD_BUS_ENGINE_ENGINE_STATS_H
#define ALLOCD_BUS_ENGINE_ENGINE_STATS_H

#include "bus/statistics/message_statistics.h"
#include "bus/statistics/unit_statistics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Counters only go up. */
struct engine_stats {
	uint64_t received;            /* by the engine; commands of processes are not counted */
	uint64_t units;               /* committed */
	uint64_t messages;            /* in committed units; messages / units is the mean size of a unit */
	uint64_t conflicts;           /* units redone after a concurrent update */
	uint64_t failed_speculations; /* units redone because cached or assumed state was stale */
	uint64_t retries;             /* failures of the infrastructure */
	uint64_t busy;                /* units whose rows another session locks, or that took too long */
	uint64_t fenced;              /* units under a lease that another worker has */
	uint64_t refused;             /* units whose data the database refused */
	uint64_t uncertain;           /* commits whose outcome had to be resolved */
	uint64_t loads_again;         /* loads beyond the first of a unit */
	uint64_t published;           /* events that the broker accepted */
	uint64_t publish_failures;
	uint64_t notified;
	uint64_t notify_failures;
	uint64_t notifications_dead; /* given up, and dead letters now */

	struct message_statistics by_message;
	struct unit_statistics by_unit;

	/* When something happened last, by the engine's clock; 0: it did not. */
	int64_t received_us, committed_us, published_us;

	/* The current state. */
	int64_t oldest_us; /* when the oldest message that is queued arrived; 0: none is */
	size_t queue_max;
	size_t queued, queued_bytes;         /* waiting or in flight */
	uint64_t placed;                     /* of `received`: passed to a lane or answered */
	size_t parked_skus, parked_messages; /* see parked.h */
	size_t postponed_skus;               /* see postponed.h */
	size_t unpublished; /* committed outbox rows that the broker has not accepted yet, as far as known */
	int64_t unpublished_since_us; /* about when the oldest of them was committed; 0 without one */
	bool database_up;             /* false after the last call of the database failed */
	bool broker_takes;            /* false after the last events of a partition were refused */
	bool notifier_up;             /* false after the last call of the notifier failed */
	size_t damaged; /* partitions that a damaged outbox row holds up; one of them, and that row: */
	int damaged_partition;
	int64_t damaged_position;
	bool damaged_is_absent;
	bool restored; /* the broker published more than the database knows: see `allocd outbox renew` */
	int64_t dead_letters,
		dead_letters_dropped; /* kept, and dropped for number or age, when last counted; or -1 */
};

#endif
