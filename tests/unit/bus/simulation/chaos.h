/* Everything that may go wrong around a worker, at random. */
#ifndef ALLOCD_TESTS_CHAOS_H
#define ALLOCD_TESTS_CHAOS_H

#include "../world.h"

struct chaos {
	struct random *random;
	bool calm;
	uint64_t troubles_in; /* one call in so many meets trouble */
};

/* For the stores of a worker that was just prepared. */
void chaos_surround(struct chaos *chaos);

/* One thing that happens to the infrastructure. */
void chaos_strike(struct chaos *chaos);

/* From now on all goes well; what was lost ends one way or the other. */
void chaos_end(struct chaos *chaos);

#endif
