/* Random failures around the workers. */
#ifndef ALLOCD_TESTS_CHAOS_H
#define ALLOCD_TESTS_CHAOS_H

#include "support/bus_world.h"

/* The number of workers, which share one database and one broker. */
#define WORKERS 2

struct chaos {
	struct random *random;
	struct world *workers[WORKERS];
	bool calm;
	bool broker_keeps;    /* the broker keeps its fences, so that no event is published twice */
	uint64_t failures_in; /* one call in this many fails */
};

/* Prepares the stores of a new worker. */
void chaos_surround(struct chaos *chaos, struct world *worker);

/* Causes one failure of the infrastructure. */
void chaos_strike(struct chaos *chaos);

/* Ends all failures; every lost commit is now decided. */
void chaos_end(struct chaos *chaos);

#endif
