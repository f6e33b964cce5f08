/*
 * The clock port on libevent's timers and CLOCK_MONOTONIC.
 *
 * Timers fire up to a few milliseconds late unless the base has EVENT_BASE_FLAG_PRECISE_TIMER.
 */
#ifndef ALLOCD_ADAPTERS_SYSTEM_CLOCK_H
#define ALLOCD_ADAPTERS_SYSTEM_CLOCK_H

#include "bus/ports/clock.h"

struct event_base;

struct system_clock {
	struct clock clock;
	struct event_base *base;
};

/* The base outlives the clock's timers. */
void system_clock_init(struct system_clock *clock, struct event_base *base);

#endif
