/* Random failures around the workers. */
#ifndef ALLOCD_TESTS_CHAOS_H
#define ALLOCD_TESTS_CHAOS_H

#include "support/replicas.h"

struct chaos;

/* What the injectors of a worker's stores and consumers know. */
struct surrounded {
	struct chaos *chaos;
	int worker;
};

struct chaos {
	struct random *random;
	int workers; /* the first ones of `replicas` run */
	bool calm;
	bool broker_keeps;    /* the broker keeps its fences, so that no event is published twice */
	uint64_t failures_in; /* one call in this many fails */
	struct surrounded surrounded[REPLICAS];
};

/* Prepares the stores of a new worker; and its ways to Redis and its leases, when it has started. */
void chaos_surround(struct chaos *chaos, int worker);
void chaos_surround_redis(struct chaos *chaos, int worker);

/* Causes one failure of the infrastructure. */
void chaos_strike(struct chaos *chaos);

/* Ends all failures; every lost commit is now decided. */
void chaos_end(struct chaos *chaos);

#endif
