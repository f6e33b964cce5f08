/* The clock port on simulated time. */
#ifndef ALLOCD_ADAPTERS_MEMORY_CLOCK_H
#define ALLOCD_ADAPTERS_MEMORY_CLOCK_H

#include "adapters/memory/simulation.h"
#include "bus/clock.h"

struct memory_clock {
	struct clock clock;
	struct simulation *simulation;
};

void memory_clock_init(struct memory_clock *clock, struct simulation *simulation);

#endif
