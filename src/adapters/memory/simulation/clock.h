/* The clock port on simulated time. */
#ifndef ALLOCD_ADAPTERS_MEMORY_SIMULATION_CLOCK_H
#define ALLOCD_ADAPTERS_MEMORY_SIMULATION_CLOCK_H

#include "adapters/memory/simulation/simulation.h"
#include "bus/ports/clock.h"

struct memory_clock {
	struct clock clock;
	struct simulation *simulation;
	int64_t ahead_ms; /* of simulated time: a test raises it, as when a clock jumps ahead */
};

void memory_clock_init(struct memory_clock *clock, struct simulation *simulation);

#endif
