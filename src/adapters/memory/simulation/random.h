/* The random port: equal seeds produce equal numbers. */
#ifndef ALLOCD_ADAPTERS_MEMORY_SIMULATION_RANDOM_H
#define ALLOCD_ADAPTERS_MEMORY_SIMULATION_RANDOM_H

#include "bus/ports/random.h"

#include <stdint.h>

struct memory_random {
	struct random random;
	uint64_t state;
};

void memory_random_init(struct memory_random *random, uint64_t seed);

/* Returns a number from 0 to `bound` - 1 from any source of randomness. */
uint64_t random_below(struct random *random, uint64_t bound);

#endif
