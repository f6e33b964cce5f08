/* The system's clocks, for code that needs no other clock in its tests. */
#ifndef ALLOCD_ADAPTERS_SYSTEM_INSTANTS_H
#define ALLOCD_ADAPTERS_SYSTEM_INSTANTS_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Microseconds on a clock that is never set: for durations and deadlines. */
static inline int64_t monotonic_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

/* The same clock in milliseconds. */
static inline int64_t monotonic_ms(void)
{
	return monotonic_us() / 1000;
}

/* Microseconds since 1970. */
static inline int64_t wall_clock_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

#endif
