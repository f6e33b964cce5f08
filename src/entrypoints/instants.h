/* The system's clocks, for what needs no other one in tests. */
#ifndef ALLOCD_ENTRYPOINTS_INSTANTS_H
#define ALLOCD_ENTRYPOINTS_INSTANTS_H

#include <stdint.h>
#include <time.h>

static inline int64_t instant_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* On a clock that is never set: for durations and deadlines. */
static inline int64_t monotonic_us(void)
{
	return instant_of(CLOCK_MONOTONIC);
}

static inline int64_t monotonic_ms(void)
{
	return monotonic_us() / 1000;
}

/* Microseconds since 1970. */
static inline int64_t wall_clock_us(void)
{
	return instant_of(CLOCK_REALTIME);
}

#endif
