/* What the engine and its parts count, and what they know about the services they depend on. */
#ifndef ALLOCD_BUS_ENGINE_ENGINE_STATS_H
#define ALLOCD_BUS_ENGINE_ENGINE_STATS_H

#include "bus/messages/delivery.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Counters only go up. */
struct engine_stats {
	uint64_t received;
	uint64_t outcomes[OUTCOME_FAILED + 1];
	uint64_t units;               /* committed */
	uint64_t messages;            /* in committed units, and so: messages / units = mean size of a unit */
	uint64_t conflicts;           /* units redone, because somebody else was faster */
	uint64_t failed_speculations; /* units redone because cached or assumed state was stale */
	uint64_t retries;             /* failures of the infrastructure */
	uint64_t uncertain;           /* commits whose outcome had to be asked for */
	uint64_t loads_again;         /* loads beyond the first of a unit */
	uint64_t published;           /* events the broker took */
	uint64_t publish_failures;
	uint64_t notified;
	uint64_t notify_failures;
	uint64_t notifications_dead; /* given up: they are dead letters */

	/* Now. */
	size_t queued, queued_bytes; /* waiting or in flight */
	uint64_t placed;             /* of `received`, in the order they came: all that left the intake */
	size_t parked_skus, parked_messages; /* that cannot be done though the database is well */
	size_t postponed_skus;               /* whose stream entries stay pending */
	size_t unpublished; /* committed outbox rows that the broker did not take yet, as far as known */
	bool database_up;   /* the last answer of the database, if any, was none of trouble */
	bool broker_takes;  /* no partition's last events were refused */
	bool notifier_up;   /* the last answer of the notifier, if any, reported no trouble */
	bool restored;      /* the broker published more than the database knows: see `allocd outbox renew` */
	int64_t dead_letters,
		dead_letters_dropped; /* kept, and dropped for want of room, when last counted; or -1 */
};

#endif
