/* Decides which run has a disaster, and when. */
#include "simulation/disasters/disaster.h"

#include "simulation/run.h"
#include "simulation/schedule/schedule.h"

/* Of this many runs each disaster befalls one. */
#define RUNS_OF_EACH 24

/*
 * A clock that steps back lets wait what is due at an instant; and of the workers that find a process whose
 * event its stream has lost, only the one that reads this stream takes it over.
 */
#define LATE_MS HOUR_MS

/* The backup is made this many steps before the restore, at most. */
#define BACKUP_AGE 8

/* Another sequence of random numbers than the steps draw. */
#define APART UINT64_C(0x6469736173746573)

struct disaster disaster_of(uint64_t seed, int steps)
{
	struct memory_random random;
	struct disaster disaster = {0};
	uint64_t kind;

	memory_random_init(&random, seed ^ APART);
	kind = random_below(&random.random, RUNS_OF_EACH);
	disaster.kind = kind < NO_DISASTER ? (enum disaster_kind)kind : NO_DISASTER;
	disaster.step = 1 + (int)random_below(&random.random, (uint64_t)steps);
	disaster.backup_step = disaster.step - 1 - (int)random_below(&random.random, BACKUP_AGE);
	return disaster;
}

void disaster_strike(struct run *run)
{
	const struct disaster *disaster = &run->disaster;
	int step = schedule_step();

	if (disaster->kind == REDIS_LOSES_DATA && step == disaster->step)
		redis_loses_data(run);
	if (disaster->kind == CLOCKS_STEP && step >= disaster->step)
		clocks_step(run);
	if (disaster->kind == DATABASE_RESTORED && step >= disaster->backup_step && !disaster->backup)
		database_backed_up(run);
	else if (disaster->kind == DATABASE_RESTORED && step == disaster->step)
		database_restored(run);
}

int64_t disaster_end(struct run *run)
{
	if (run->disaster.kind == CLOCKS_STEP)
		clocks_end(run);
	return run->disaster.kind == NO_DISASTER ? 0 : LATE_MS;
}

void disaster_check(const struct run *run)
{
	if (run->disaster.backup)
		cursors_end();
	clocks_check(run);
}
