/* Everything that may go wrong around workers, at random. */
#ifndef ALLOCD_TESTS_CHAOS_H
#define ALLOCD_TESTS_CHAOS_H

#include "support/bus_world.h"

/* On one database, and one broker. */
#define WORKERS 2

struct chaos {
	struct random *random;
	struct world *workers[WORKERS];
	bool calm;
	bool broker_keeps;    /* its fences and its promises: no event has to go out twice */
	uint64_t troubles_in; /* one call in so many meets trouble */
};

/* For the stores of a worker that was just prepared. */
void chaos_surround(struct chaos *chaos, struct world *worker);

/* One thing that happens to the infrastructure. */
void chaos_strike(struct chaos *chaos);

/* From now on all goes well; what was lost ends one way or the other. */
void chaos_end(struct chaos *chaos);

#endif
