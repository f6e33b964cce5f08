/*
 * Port: the outbox as the publisher reads it.  See store_done.h for what every call has in common.
 */
#ifndef ALLOCD_BUS_PORTS_OUTBOX_STORE_H
#define ALLOCD_BUS_PORTS_OUTBOX_STORE_H

#include "bus/ports/broker.h"
#include "bus/ports/store_done.h"
#include "bus/unit_of_work/unit_of_work.h"
#include "core/partition.h"

/* Rows of one partition, in order of position; the frames live in the arena. */
struct outbox_range {
	int partition;
	int64_t after;    /* only positions above this one */
	size_t rows_max;  /* at most this many rows */
	size_t bytes_max; /* at most this many bytes, but always the first row */
	struct arena *arena;
	struct outbox_row *rows; /* out; gapless from `after` + 1 on */
	size_t row_count;
	int64_t head;  /* out: the partition's last committed position */
	int64_t epoch; /* out: the database's; another one may have other rows there */
};

/* How far each partition was published and committed. */
struct outbox_state {
	char system[SYSTEM_SIZE], timeline[TIMELINE_SIZE]; /* of the database: see broker.h */
	char incarnation[INCARNATION_SIZE];                /* of the database: see broker.h */
	int64_t epoch; /* of the events that are committed now: see unit_of_work.h */
	int64_t cursors[PARTITIONS], heads[PARTITIONS];
};

struct outbox_store {
	const struct outbox_store_ops *ops;
};

struct outbox_store_ops {
	/* Writes `state` at some time before `done` is called: it is not to be used meanwhile. */
	void (*read_cursors)(struct outbox_store *store, struct outbox_state *state, store_done *done,
			     void *context);

	void (*read_outbox)(struct outbox_store *store, struct outbox_range *range, store_done *done,
			    void *context);

	/* Moves cursors of the database's epoch: never backward, and never beyond what is committed. */
	void (*save_cursors)(struct outbox_store *store, const struct cursor *cursors, size_t count,
			     store_done *done, void *context);
};

#endif
