/*
 * What befalls a whole server, in one run of eight: more than a connection or an answer is lost.
 *
 * The seed says whether, what, and behind which step (see schedule.h): without that step nothing
 * happens.  The other runs draw the random numbers that they would draw without disasters.
 */
#ifndef ALLOCD_TESTS_SIMULATION_DISASTER_H
#define ALLOCD_TESTS_SIMULATION_DISASTER_H

#include <stdbool.h>
#include <stdint.h>

enum disaster_kind {
	REDIS_LOSES_DATA, /* its streams, groups and fences */
	NO_DISASTER,
};

struct disaster {
	enum disaster_kind kind;
	int step; /* behind which it happens */
};

struct run;

/* What befalls the run of that seed, which has `steps` steps. */
struct disaster disaster_of(uint64_t seed, int steps);

/* To be called behind each step. */
void disaster_strike(struct run *run);

/* Returns how many milliseconds later than in other runs everything may be done. */
int64_t disaster_end(const struct run *run);

/* What happens, each in a file of its own. */
void redis_loses_data(struct run *run);

#endif
