/* Random failures around the workers. */
#ifndef ALLOCD_TESTS_CHAOS_H
#define ALLOCD_TESTS_CHAOS_H

#include "support/replicas.h"

struct chaos {
	struct random *random;
	int workers; /* the first ones of `replicas` run */
	bool calm;
	bool broker_keeps;    /* the broker keeps its fences, so that no event is published twice */
	uint64_t failures_in; /* one call in this many fails */
};

/* Prepares the stores of a new worker; and its ways to Redis and its leases, when it has started. */
void chaos_surround(struct chaos *chaos, struct world *worker);
void chaos_surround_redis(struct chaos *chaos, struct replica *replica);

/* Causes one failure of the infrastructure. */
void chaos_strike(struct chaos *chaos);

/* Ends all failures; every lost commit is now decided. */
void chaos_end(struct chaos *chaos);

#endif
