/* The system's clocks, for adapters that need no other one in tests. */
#ifndef ALLOCD_ADAPTERS_SYSTEM_INSTANTS_H
#define ALLOCD_ADAPTERS_SYSTEM_INSTANTS_H

#include <stdint.h>
#include <time.h>

/* Milliseconds on a clock that is never set: for durations and deadlines. */
static inline int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Microseconds since 1970. */
static inline int64_t calendar_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

#endif
