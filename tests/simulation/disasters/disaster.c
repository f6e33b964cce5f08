/* Decides which run has a disaster, and when. */
#include "simulation/disasters/disaster.h"

#include "simulation/run.h"
#include "simulation/schedule.h"

/* Of this many runs each disaster befalls one. */
#define RUNS_OF_EACH 24

/*
 * A clock that steps back lets wait what is due at an instant; and of the workers that find a process whose
 * event its stream has lost, only the one that reads this stream takes it over.
 */
#define LATE_MS HOUR_MS

/* Another sequence of random numbers than the steps draw. */
#define APART UINT64_C(0x6469736173746573)

struct disaster disaster_of(uint64_t seed, int steps)
{
	struct memory_random random;
	uint64_t kind;

	memory_random_init(&random, seed ^ APART);
	kind = random_below(&random.random, RUNS_OF_EACH);
	return (struct disaster){
		.kind = kind < NO_DISASTER ? (enum disaster_kind)kind : NO_DISASTER,
		.step = 1 + (int)random_below(&random.random, (uint64_t)steps),
	};
}

void disaster_strike(struct run *run)
{
	const struct disaster *disaster = &run->disaster;

	if (disaster->kind == REDIS_LOSES_DATA && schedule_step() == disaster->step)
		redis_loses_data(run);
	if (disaster->kind == CLOCKS_STEP && schedule_step() >= disaster->step)
		clocks_step(run);
}

int64_t disaster_end(struct run *run)
{
	if (run->disaster.kind == CLOCKS_STEP)
		clocks_end(run);
	return run->disaster.kind == NO_DISASTER ? 0 : LATE_MS;
}
