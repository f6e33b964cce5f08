/*
 * What befalls a whole server, in one run of eight: more than a connection or an answer is lost.
 *
 * The seed says whether, what, and behind which step (see schedule.h): without that step nothing
 * happens.  The other runs draw the random numbers that they would draw without disasters.
 */
#ifndef ALLOCD_TESTS_SIMULATION_DISASTER_H
#define ALLOCD_TESTS_SIMULATION_DISASTER_H

#include <stddef.h>
#include <stdint.h>

enum disaster_kind {
	REDIS_LOSES_DATA,  /* its streams, groups and fences */
	CLOCKS_STEP,       /* of the database and of Redis, back and forth */
	DATABASE_RESTORED, /* from a backup, and the outbox is renewed */
	NO_DISASTER,
};

/* From that time on the database's clock is that far ahead of simulated time; negative: behind. */
struct clock_step {
	int64_t at_ms, ahead_us;
};

struct disaster {
	enum disaster_kind kind;
	int step; /* behind which it happens, or begins */
	struct clock_step *steps;
	size_t step_count;
	int backup_step; /* the backup is made behind this step, or a later one */
	const struct database *backup;
};

struct run;

/* What befalls the run of that seed, which has `steps` steps. */
struct disaster disaster_of(uint64_t seed, int steps);

/* To be called behind each step. */
void disaster_strike(struct run *run);

/* Ends what lasts.  Returns how many milliseconds later than in other runs everything may be done. */
int64_t disaster_end(struct run *run);

/* Judges what the ledger does not. */
void disaster_check(const struct run *run);

/* What happens, each in a file of its own. */
void redis_loses_data(struct run *run);

/* Steps a clock, perhaps; and sets both right. */
void clocks_step(struct run *run);
void clocks_end(struct run *run);

/* Fails the test if a message was taken for one from the future that was not, or the other way round. */
void clocks_check(const struct run *run);

void database_backed_up(struct run *run);
void database_restored(struct run *run);

/* Fails the test as soon as a cursor has passed an event that is not published, until the end. */
void cursors_begin(void);
void cursors_restored(void);
void cursors_end(void);

#endif
